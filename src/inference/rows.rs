//! What a network says of a picture, as a row.

use super::logits::{arg_max, softmax};
use super::predict::Picture;
use super::prediction::Prediction;
use crate::error::{Code, Error, Result};
use crate::study::ClassList;
use crate::table::ScoreRow;

/// Predictions as rows ([`ScoreRow`]), one a picture and network.
///
/// # Errors
/// [`Code::Model`] if a picture's class is not among the outputs, or their number differs from the list of classes;
/// [`Code::Numeric`] if a logit is not finite.
pub fn scores(predictions: &[Prediction], pictures: &[Picture], classes: &ClassList) -> Result<Vec<ScoreRow>> {
    predictions.iter().map(|prediction| score(prediction, &pictures[prediction.picture], classes)).collect()
}

fn score(prediction: &Prediction, picture: &Picture, classes: &ClassList) -> Result<ScoreRow> {
    let Prediction { model, logits, .. } = prediction;
    if logits.len() != classes.len() {
        let found = format!("{model} has {} outputs, the list of classes {}", logits.len(), classes.len());
        return Err(Error::new(Code::Model, found).hint("choose the list of classes in study.json"));
    }
    let target = classes.index_of(&picture.wnid).ok_or_else(|| {
        Error::new(Code::Model, format!("class {:?} is not among the network's outputs", picture.wnid))
            .path(&picture.path)
    })?;
    if let Some(logit) = logits.iter().find(|logit| !logit.is_finite()) {
        let found = format!("a logit of {model} is {logit}, expected finite ones");
        return Err(Error::new(Code::Numeric, found).path(&picture.path));
    }
    let (probability, best) = (softmax(logits), arg_max(logits));
    let rank = logits.iter().filter(|&&logit| logit > logits[target]).count();
    let others = logits.iter().enumerate().filter(|(class, _)| *class != target).map(|(_, &logit)| logit);
    Ok(ScoreRow {
        file: picture.id.clone(),
        model: model.clone(),
        pred_acc: probability[best],
        pred_class: best as i64,
        pred_logit: f64::from(logits[best]),
        pred_name: classes.name(best),
        true_acc: probability[target],
        true_class: target as i64,
        true_logit: f64::from(logits[target]),
        true_name: classes.name(target),
        top1: best == target,
        top5: rank < 5,
        margin: f64::from(logits[target] - others.fold(f32::NEG_INFINITY, f32::max)),
        entropy: -probability.iter().filter(|p| **p > 0.0).map(|p| p * p.ln()).sum::<f64>(),
    })
}
#[cfg(test)]
mod tests {
    use super::*;

    fn picture(wnid: &str) -> Picture {
        Picture { id: "x.png".into(), path: "a/x.png".into(), wnid: wnid.into(), seen: crate::pixels::Sight::BySize }
    }

    #[test]
    fn bad_input_79_a_logit_that_is_no_number_is_an_error() {
        let pictures = [picture("n90000002")];
        for wrong in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            for class in 0..10 {
                let mut logits = vec![0.0; 10];
                logits[class] = wrong;
                let predictions = [Prediction { picture: 0, model: "m".into(), logits }];
                let error = scores(&predictions, &pictures, &ClassList::sample()).unwrap_err();
                assert_eq!(error.code(), Code::Numeric);
                assert!(error.to_string().contains(&format!("a/x.png: a logit of m is {wrong}")), "{error}");
            }
        }
    }

    #[test]
    fn the_table_has_both_softmaxes_and_the_margin() {
        let classes = ClassList::sample();
        let pictures = [picture("n90000002")];
        let mut logits = vec![0.0; 10];
        (logits[0], logits[1]) = (3.0, 2.0);
        let predictions = [Prediction { picture: 0, model: "m".into(), logits }];
        let row = scores(&predictions, &pictures, &classes).unwrap().remove(0);
        assert_eq!((row.pred_class, row.true_class, row.margin, row.top1, row.top5), (0, 1, -1.0, false, true));
        assert!(row.pred_acc > row.true_acc && row.pred_acc < 1.0);
    }

    #[test]
    fn bad_input_62_classes_and_outputs_of_another_number_are_refused() {
        let pictures = [picture("n90000002")];
        for outputs in [9, 11, 1000] {
            let predictions = [Prediction { picture: 0, model: "m".into(), logits: vec![0.0; outputs] }];
            let error = scores(&predictions, &pictures, &ClassList::sample()).unwrap_err();
            assert_eq!(error.code(), Code::Model);
            let found = format!("m has {outputs} outputs, the list of classes 10");
            assert!(error.to_string().contains(&found) && error.to_string().contains("study.json"), "{error}");
        }
    }

    #[test]
    fn a_class_that_the_network_lacks_is_an_error() {
        let pictures = [picture("n01440764")];
        let predictions = [Prediction { picture: 0, model: "m".into(), logits: vec![0.0; 10] }];
        let error = scores(&predictions, &pictures, &ClassList::sample()).unwrap_err();
        assert!(error.to_string().contains("n01440764"), "{error}");
    }
}
