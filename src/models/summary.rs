//! What a network is made of, as tables.

use std::ops::Deref;

use polars::prelude::DataFrame;

use super::network::Network;
use crate::error::Result;
use crate::notebook::{self, Html};
use crate::table::{Row, table};

impl Network {
    /// One row a layer for a picture of `side` x `side`: name, kind, output shape, parameters, multiply-adds.
    ///
    /// # Errors
    /// [`Code::Model`](crate::error::Code::Model) if the picture is too small for the network.
    pub fn layers(&self, side: i64) -> Result<Vec<LayerSummary>> {
        let sizes = self.output_sizes(&[1, 3, side, side])?;
        let mut rows = Vec::new();
        for (index, node) in self.nodes().iter().enumerate() {
            let shape = sizes[index + 1][1..].to_vec();
            let parameters = node.layer.parameters();
            let count = |trained_only: bool| -> i64 {
                let counted = parameters.iter().filter(|parameter| parameter.is_trained() || !trained_only);
                counted.map(|parameter| parameter.count()).sum()
            };
            let multiply_adds = node.layer.multiply_adds(&shape);
            rows.push(LayerSummary {
                name: node.name.clone(),
                kind: node.layer.kind().to_string(),
                output: shape,
                parameters: count(true),
                multiply_adds,
            });
        }
        Ok(rows)
    }

    /// [`Network::layers`] as a table to look at.
    ///
    /// # Errors
    /// As [`Network::layers`].
    pub fn summary(&self, side: i64) -> Result<Html> {
        let rows = self.layers(side)?;
        let shape = |row: &LayerSummary| row.output.iter().map(|side| side.to_string()).collect::<Vec<_>>().join(" x ");
        let row = |row: &LayerSummary| LayerRow {
            layer: row.name.clone(),
            kind: row.kind.clone(),
            output: shape(row),
            parameters: row.parameters,
            multiply_adds: row.multiply_adds,
        };
        let table = LayerRow::table(rows.iter().map(row).collect())?;
        let parameters: i64 = rows.iter().map(|row| row.parameters).sum();
        let operations: i64 = rows.iter().map(|row| row.multiply_adds).sum();
        let title = format!(
            "{}: {} layers, {parameters} parameters, {:.1} million multiply-adds for {side} x {side}",
            self.name(),
            rows.len(),
            operations as f64 / 1e6
        );
        Ok(notebook::show(&[&title, &notebook::table(&table)]))
    }
}

/// One row a network: `model, layers, parameters, million multiply-adds` for a picture of `side` x `side`.
///
/// ```
/// use lgf::inference::{Device, Engine};
///
/// let network = Engine::load("slim-resnet50", "data/models/resnet50.safetensors", Device::Cpu)?;
/// assert_eq!(lgf::models::sizes(&[network], 224)?.height(), 1);
/// # Ok::<(), lgf::Error>(())
/// ```
///
/// # Errors
/// As [`Network::layers`].
pub fn sizes(networks: &[impl Deref<Target = Network>], side: i64) -> Result<DataFrame> {
    let row = |network: &Network| -> Result<SizeRow> {
        let layers = network.layers(side)?;
        let operations: i64 = layers.iter().map(|row| row.multiply_adds).sum();
        Ok(SizeRow {
            model: network.name().to_string(),
            layers: layers.len() as i64,
            parameters: layers.iter().map(|row| row.parameters).sum(),
            operations: operations as f64 / 1e6,
        })
    };
    SizeRow::table(networks.iter().map(|network| row(network)).collect::<Result<_>>()?)
}

table! {
    /// A layer of a network.
    pub struct LayerRow {
        /// Its name.
        layer: String,
        /// Its kind in one or two words.
        kind: String,
        /// Shape of its output, without the batch: `64 x 112 x 112`.
        output: String,
        /// Trained parameters.
        parameters: i64,
        /// Multiplications and additions of one picture, counted as pairs.
        multiply_adds: i64 as "multiply-adds",
    }
}

table! {
    /// A network and how large it is.
    pub struct SizeRow {
        /// The network.
        model: String,
        /// Its layers.
        layers: i64,
        /// Trained parameters.
        parameters: i64,
        /// Multiplications and additions of one picture, in millions.
        operations: f64 as "million multiply-adds",
    }
}

/// One row of [`Network::layers`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayerSummary {
    /// The layer's name.
    pub name: String,
    /// Its kind in one or two words.
    pub kind: String,
    /// Shape of its output, without the batch.
    pub output: Vec<i64>,
    /// Trained parameters.
    pub parameters: i64,
    /// Multiplications and additions of one picture, counted as pairs.
    pub multiply_adds: i64,
}
