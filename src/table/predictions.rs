//! The tables of steps 4 and 5: pictures, and what networks say of them.

use super::row::table;

table! {
    /// A changed picture (`datasets`, the manifest of step 4).
    pub struct ManifestRow {
        /// The picture, a file under the root.
        file: String,
        /// Identity of the photograph that it was made of.
        original: String,
        /// Its class.
        wnid: String,
        /// What was done to it: `scrambled`, `patched`, …
        kind: String,
        /// How much: side of blocks or patches in pixels, number of passes; 0 for the untouched picture.
        level: i64,
        /// Number of the order or the patch; -1 where there is but one.
        variant: i64,
        /// Order of the blocks, or their shifts; else empty.
        order: String,
        /// Mean distance that blocks moved, in pixels.
        displacement: f64,
        /// First row of a single patch, in pixels; else -1.
        row: i64,
        /// First column of it; else -1.
        col: i64,
        /// Rows of it; else -1.
        height: i64,
        /// Columns of it; else -1.
        width: i64,
        /// Pixels between patches; else -1.
        gap: i64,
        /// What fills patches; else empty.
        fill: String,
        /// What smoothed it; else empty.
        smoother: String,
        /// The seed of orders and noise.
        seed: i64,
        /// The protocol's name.
        protocol: String,
        /// SHA-256 of the file; empty where none was written.
        sha256: String,
    }
}

table! {
    /// What a network says of a picture, in the study's columns (the two `_acc` are softmax values, fault C1) and four more.
    #[derive(Default)]
    pub struct ScoreRow {
        /// Identity of the picture.
        file: String,
        /// The network.
        model: String,
        /// Softmax of the class it finds most likely, 0 to 1.
        pred_acc: f64,
        /// That class: number of the output.
        pred_class: i64,
        /// Its logit.
        pred_logit: f64,
        /// Its name.
        pred_name: String,
        /// Softmax of the true class, 0 to 1.
        true_acc: f64,
        /// The true class: number of the output.
        true_class: i64,
        /// Its logit.
        true_logit: f64,
        /// Its name.
        true_name: String,
        /// Whether the most likely class is the true one.
        top1: bool,
        /// Whether the true class is among the five most likely.
        top5: bool,
        /// True logit less the best other.
        margin: f64,
        /// Entropy of the softmax, in nats.
        entropy: f64,
    }
}

table! {
    /// What a network says of a changed picture (`predictions`): [`ScoreRow`] and what the picture is.
    #[derive(Default)]
    pub struct PredictionRow {
        /// The picture, a file under the root.
        file: String,
        /// The network.
        model: String,
        /// Softmax of the class it finds most likely, 0 to 1.
        pred_acc: f64,
        /// That class: number of the output.
        pred_class: i64,
        /// Its logit.
        pred_logit: f64,
        /// Its name.
        pred_name: String,
        /// Softmax of the true class, 0 to 1.
        true_acc: f64,
        /// The true class: number of the output.
        true_class: i64,
        /// Its logit.
        true_logit: f64,
        /// Its name.
        true_name: String,
        /// Whether the most likely class is the true one.
        top1: bool,
        /// Whether the true class is among the five most likely.
        top5: bool,
        /// True logit less the best other.
        margin: f64,
        /// Entropy of the softmax, in nats.
        entropy: f64,
        /// Identity of the photograph that it was made of.
        orig_file: String,
        /// Its class.
        wnid: String,
        /// What was done to it.
        kind: String,
        /// What fills patches; else empty.
        fill: String,
        /// How much was done; 0 for the untouched picture.
        level: i64,
        /// Number of the order or the patch; -1 where there is but one.
        variant: i64,
        /// Pixels between patches; else -1.
        gap: i64,
    }
}

impl PredictionRow {
    /// What a network says, and of which picture.
    pub fn of(said: ScoreRow, picture: &ManifestRow) -> Self {
        PredictionRow {
            file: picture.file.clone(),
            model: said.model,
            pred_acc: said.pred_acc,
            pred_class: said.pred_class,
            pred_logit: said.pred_logit,
            pred_name: said.pred_name,
            true_acc: said.true_acc,
            true_class: said.true_class,
            true_logit: said.true_logit,
            true_name: said.true_name,
            top1: said.top1,
            top5: said.top5,
            margin: said.margin,
            entropy: said.entropy,
            orig_file: picture.original.clone(),
            wnid: picture.wnid.clone(),
            kind: picture.kind.clone(),
            fill: picture.fill.clone(),
            level: picture.level,
            variant: picture.variant,
            gap: picture.gap,
        }
    }
}

table! {
    /// A class that a network finds likely for a photograph.
    pub struct TopRow {
        /// Identity of the photograph.
        file: String,
        /// The network.
        model: String,
        /// The class, by its name.
        class: String,
        /// Its softmax, 0 to 1.
        softmax: f64,
        /// Whether it is the photograph's own.
        is_true: bool as "true",
    }
}

#[cfg(test)]
mod tests {
    use super::super::comes_back;
    use super::*;

    #[test]
    fn rows_come_back_from_their_tables() {
        comes_back::<ManifestRow>();
        comes_back::<ScoreRow>();
        comes_back::<PredictionRow>();
        comes_back::<TopRow>();
    }
}
