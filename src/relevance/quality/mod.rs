//! How good a map is: does hiding what it calls relevant change the answer, does it lie on the object, does it depend on the
//! network at all?
//!
//! | metric | here | beside |
//! |---|---|---|
//! | curve and area (pixel flipping) | [`perturbation_curve`] | Samek et al. 2017 |
//! | SRG | [`relevance_gain`] | Blücher et al. 2024 |
//! | ROAD | [`accuracy_gain`] | Rong et al. 2022 |
//! | IDSDS | [`single_deletion`] | Hesse et al. 2024 |
//! | mass, rank, pointing game | [`localisation`] | Arras et al. 2022, Zhang et al. 2018 |
//! | randomised weights | [`randomised_layers`] | Adebayo et al. 2018 |
//! | stability | [`stability`] | Yeh et al. 2019 |
//!
//! Area under the ROC curve and average precision against a mask are [`crate::overlap::rank`].

mod curves;
#[cfg(test)]
mod golden;
mod inpaint;
mod localisation;
mod occluder;
mod patches;
mod sanity;
#[cfg(test)]
mod tests;

pub use curves::{
    HiddenRow, Order, PICTURES_AT_A_TIME, Removal, accuracy_gain, area_under, perturbation_curve, relevance_gain,
};
pub use localisation::{Localisation, localisation};
pub use occluder::{Cover, Occluder};
pub use patches::single_deletion;
pub(crate) use sanity::rank_correlation;
pub use sanity::{Copies, RandomisedRow, Stability, randomised_layers, stability, unlearned};
