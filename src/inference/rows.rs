//! Predictions as a table.

use polars::prelude::*;

use super::logits::{arg_max, softmax};
use super::predict::{Picture, Prediction};
use crate::error::{Code, Error, Result};
use crate::study::ClassList;

/// Predictions as a table, one row a picture and network: the published columns (`file`, `pred_acc`, `pred_class`,
/// `pred_logit`, `pred_name`, `true_acc`, `true_class`, `true_logit`, `true_name`, `model`; the two `_acc` are softmax
/// values, fault C1) and `top1`, `top5`, `margin` (true logit less the best other), `entropy` (nats).
///
/// # Errors
/// [`Code::Model`] if a picture's class is not among the outputs, or their number differs from the list of classes;
/// [`Code::Numeric`] if a logit is not finite.
pub fn prediction_table(predictions: &[Prediction], pictures: &[Picture], classes: &ClassList) -> Result<DataFrame> {
    let mut rows = Vec::with_capacity(predictions.len());
    for prediction in predictions {
        let picture = &pictures[prediction.picture];
        if prediction.logits.len() != classes.len() {
            let found = format!(
                "{} has {} outputs, the list of classes {}",
                prediction.model,
                prediction.logits.len(),
                classes.len()
            );
            return Err(Error::new(Code::Model, found).hint("choose the list of classes in study.json"));
        }
        let target = classes.index_of(&picture.wnid).ok_or_else(|| {
            Error::new(Code::Model, format!("class {:?} is not among the network's outputs", picture.wnid))
                .path(&picture.path)
        })?;
        if let Some(logit) = prediction.logits.iter().find(|logit| !logit.is_finite()) {
            let found = format!("a logit of {} is {logit}, expected finite ones", prediction.model);
            return Err(Error::new(Code::Numeric, found).path(&picture.path));
        }
        rows.push(Row::new(prediction, target));
    }
    let file = |row: &Row<'_>| {
        let path = &pictures[row.prediction.picture].path;
        path.file_name().unwrap_or_default().to_string_lossy().into_owned()
    };
    let table = df!(
        "file" => rows.iter().map(file).collect::<Vec<_>>(),
        "model" => rows.iter().map(|row| row.prediction.model.clone()).collect::<Vec<_>>(),
        "pred_acc" => rows.iter().map(|row| row.probability[row.best]).collect::<Vec<_>>(),
        "pred_class" => rows.iter().map(|row| row.best as i64).collect::<Vec<_>>(),
        "pred_logit" => rows.iter().map(|row| f64::from(row.prediction.logits[row.best])).collect::<Vec<_>>(),
        "pred_name" => rows.iter().map(|row| classes.name(row.best)).collect::<Vec<_>>(),
        "true_acc" => rows.iter().map(|row| row.probability[row.target]).collect::<Vec<_>>(),
        "true_class" => rows.iter().map(|row| row.target as i64).collect::<Vec<_>>(),
        "true_logit" => rows.iter().map(|row| f64::from(row.prediction.logits[row.target])).collect::<Vec<_>>(),
        "true_name" => rows.iter().map(|row| classes.name(row.target)).collect::<Vec<_>>(),
        "top1" => rows.iter().map(|row| row.best == row.target).collect::<Vec<_>>(),
        "top5" => rows.iter().map(|row| row.rank < 5).collect::<Vec<_>>(),
        "margin" => rows.iter().map(|row| f64::from(row.margin)).collect::<Vec<_>>(),
        "entropy" => rows.iter().map(|row| row.entropy).collect::<Vec<_>>(),
    )?;
    Ok(table)
}

struct Row<'a> {
    prediction: &'a Prediction,
    probability: Vec<f64>,
    best: usize,
    target: usize,
    rank: usize,
    margin: f32,
    entropy: f64,
}

impl<'a> Row<'a> {
    fn new(prediction: &'a Prediction, target: usize) -> Self {
        let logits = &prediction.logits;
        let probability = softmax(logits);
        let best = arg_max(logits);
        let rank = logits.iter().filter(|&&logit| logit > logits[target]).count();
        let others = logits.iter().enumerate().filter(|(class, _)| *class != target).map(|(_, &logit)| logit);
        let margin = logits[target] - others.fold(f32::NEG_INFINITY, f32::max);
        let entropy = -probability.iter().filter(|p| **p > 0.0).map(|p| p * p.ln()).sum::<f64>();
        Row { prediction, probability, best, target, rank, margin, entropy }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_input_79_a_logit_that_is_no_number_is_an_error() {
        let pictures = [Picture { path: "a/x.png".into(), wnid: "n90000002".into() }];
        for wrong in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            for class in 0..10 {
                let mut logits = vec![0.0; 10];
                logits[class] = wrong;
                let predictions = [Prediction { picture: 0, model: "m".into(), logits }];
                let error = prediction_table(&predictions, &pictures, &ClassList::sample()).unwrap_err();
                assert_eq!(error.code(), Code::Numeric);
                assert!(error.to_string().contains(&format!("a/x.png: a logit of m is {wrong}")), "{error}");
            }
        }
    }

    #[test]
    fn the_table_has_both_softmaxes_and_the_margin() {
        let classes = ClassList::sample();
        let pictures = [Picture { path: "a/x.png".into(), wnid: "n90000002".into() }];
        let mut logits = vec![0.0; 10];
        (logits[0], logits[1]) = (3.0, 2.0);
        let predictions = [Prediction { picture: 0, model: "m".into(), logits }];
        let table = prediction_table(&predictions, &pictures, &classes).unwrap();
        assert_eq!(crate::table::integers(&table, "pred_class").unwrap(), [0]);
        assert_eq!(crate::table::floats(&table, "margin").unwrap(), [-1.0]);
        assert_eq!(crate::table::bools(&table, "top5").unwrap(), [true]);
    }

    #[test]
    fn bad_input_62_classes_and_outputs_of_another_number_are_refused() {
        let pictures = [Picture { path: "a/x.png".into(), wnid: "n90000002".into() }];
        for outputs in [9, 11, 1000] {
            let predictions = [Prediction { picture: 0, model: "m".into(), logits: vec![0.0; outputs] }];
            let error = prediction_table(&predictions, &pictures, &ClassList::sample()).unwrap_err();
            assert_eq!(error.code(), Code::Model);
            let found = format!("m has {outputs} outputs, the list of classes 10");
            assert!(error.to_string().contains(&found) && error.to_string().contains("study.json"), "{error}");
        }
    }

    #[test]
    fn a_class_that_the_network_lacks_is_an_error() {
        let pictures = [Picture { path: "a/x.png".into(), wnid: "n01440764".into() }];
        let predictions = [Prediction { picture: 0, model: "m".into(), logits: vec![0.0; 10] }];
        let error = prediction_table(&predictions, &pictures, &ClassList::sample()).unwrap_err();
        assert!(error.to_string().contains("n01440764"), "{error}");
    }
}
