//! The tables of what was judged.

use crate::table::table;

table! {
    /// What a metric says of a map (`judge_values`).
    pub struct JudgedRow {
        /// The drawn photograph: its class and its number.
        file: String,
        /// Its class.
        class: String,
        /// The network.
        model: String,
        /// The way to the map.
        method: String,
        /// The metric.
        metric: String,
        /// What it says, the more the better; empty where it says nothing.
        value: Option<f64>,
    }
}

table! {
    /// What each part of a photograph is worth to a network (`judge_effects`): how far the logit of its class falls.
    pub struct EffectRow {
        /// The drawn photograph.
        file: String,
        /// Its class.
        class: String,
        /// The network.
        model: String,
        /// The logit.
        logit: f64,
        /// Its fall when the outline alone is exchanged, on average.
        outline: f64,
        /// When the texture alone is.
        texture: f64,
        /// When the ground alone is.
        background: f64,
    }
}

table! {
    /// Where a map lies (`judge_shares`).
    pub struct ShareRow {
        /// The drawn photograph.
        file: String,
        /// Its class.
        class: String,
        /// The network.
        model: String,
        /// The way to the map.
        method: String,
        /// Share of the positive relevance on the outline; empty where nothing is positive.
        outline: Option<f64>,
        /// On the texture.
        texture: Option<f64>,
        /// On the background.
        background: Option<f64>,
        /// How far these are the shares of the effects: 1 if they are the same, 0 if they share nothing. Empty where nothing that
        /// was exchanged lowered the logit.
        agreement: Option<f64>,
    }
}

table! {
    /// How true the maps of a method are (`judge_methods`).
    pub struct MethodRow {
        /// The method.
        method: String,
        /// The mean agreement of its maps with the effects, 0 to 1.
        agreement: f64,
        /// Lower end of its 95 % interval.
        low: f64,
        /// Upper end.
        high: f64,
        /// The same less the edge detector's on the same photographs; empty where that was not judged.
        beyond_edges: Option<f64>,
        /// Lower end of its 95 % interval.
        beyond_low: Option<f64>,
        /// Upper end.
        beyond_high: Option<f64>,
    }
}

table! {
    /// Whether relevance goes where the effect is (`judge_follows`): rank correlations of the outline's share of relevance with its
    /// share of the effect, each of outline and texture together. Empty where one of the two does not vary.
    pub struct FollowsRow {
        /// The method; or, in the first row, all that ask a network, together.
        method: String,
        /// How many maps.
        maps: i64,
        /// Over photographs and networks, and methods where they are together.
        pooled: Option<f64>,
        /// Lower end of its 95 % interval.
        pooled_low: Option<f64>,
        /// Upper end.
        pooled_high: Option<f64>,
        /// Over networks alone, of their means over photographs, the mean over methods: is it seen which network goes by shape?
        between: Option<f64>,
        /// Lower end of its 95 % interval.
        between_low: Option<f64>,
        /// Upper end.
        between_high: Option<f64>,
        /// Over photographs alone, the mean over networks and methods: is it seen in which photograph the outline is worth more?
        within: Option<f64>,
        /// Lower end of its 95 % interval.
        within_low: Option<f64>,
        /// Upper end.
        within_high: Option<f64>,
    }
}

table! {
    /// How well a metric knows which methods are true (`judge_metrics`).
    pub struct MetricRow {
        /// The metric.
        metric: String,
        /// Rank correlation of its order of methods with the true one, the mean over networks, -1 to 1.
        correlation: f64,
        /// Lower end of its 95 % interval.
        low: f64,
        /// Upper end.
        high: f64,
        /// The method that it finds best, on average over networks.
        best: String,
        /// Place of the edge detector in its order of methods, 1 the best, the mean over networks; empty where that was not judged.
        edges: Option<f64>,
        /// Place of maps at random.
        random: Option<f64>,
        /// How many methods it puts in an order.
        methods: i64,
        /// Networks that it was asked of.
        networks: i64,
    }
}

table! {
    /// What rules are worth by a metric (`judge_choice`).
    pub struct ChoiceRow {
        /// The network.
        model: String,
        /// The metric.
        metric: String,
        /// The rules.
        rules: String,
        /// Its mean on the photographs that are chosen by.
        value: f64,
        /// Its mean on the others.
        held_out: f64,
        /// What it is above the usual rules there.
        gain: f64,
        /// Lower end of the gain's 95 % interval.
        low: f64,
        /// Upper end.
        high: f64,
        /// In how many of the samples drawn again of the first half these are the best, 0 to 1.
        sure: f64,
        /// Whether these are chosen.
        chosen: bool,
    }
}
