//! What a network is made of, as tables.

use std::ops::Deref;

use polars::prelude::*;

use super::network::Network;
use crate::error::Result;
use crate::notebook::{self, Html};

impl Network {
    /// One row a layer for a picture of `side` x `side`: name, kind, output shape, parameters, multiply-adds.
    ///
    /// # Errors
    /// [`Code::Model`] if the picture is too small for the network.
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
        let table = df!(
            "layer" => rows.iter().map(|row| row.name.clone()).collect::<Vec<_>>(),
            "kind" => rows.iter().map(|row| row.kind.clone()).collect::<Vec<_>>(),
            "output" => rows.iter().map(shape).collect::<Vec<_>>(),
            "parameters" => rows.iter().map(|row| row.parameters).collect::<Vec<_>>(),
            "multiply-adds" => rows.iter().map(|row| row.multiply_adds).collect::<Vec<_>>(),
        )?;
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
/// # Errors
/// As [`Network::layers`].
pub fn sizes(networks: &[impl Deref<Target = Network>], side: i64) -> Result<DataFrame> {
    let layers: Result<Vec<Vec<LayerSummary>>> = networks.iter().map(|network| network.layers(side)).collect();
    let layers = layers?;
    let sum = |of: fn(&LayerSummary) -> i64| layers.iter().map(|rows| rows.iter().map(of).sum()).collect::<Vec<i64>>();
    let operations = sum(|row| row.multiply_adds).into_iter().map(|count| count as f64 / 1e6).collect::<Vec<_>>();
    Ok(df!(
        "model" => networks.iter().map(|network| network.name().to_string()).collect::<Vec<_>>(),
        "layers" => layers.iter().map(|rows| rows.len() as i64).collect::<Vec<_>>(),
        "parameters" => sum(|row| row.parameters),
        "million multiply-adds" => operations,
    )?)
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
