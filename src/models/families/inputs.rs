//! What networks are called elsewhere, and what their pictures are like, where that is not the usual.

use crate::models::normalisation::Normalisation;
use crate::pixels::View;

/// Names of torchvision and timm, and those here: networks that compute the same. Timm's mobilenetv3_… do not (they add another
/// number to the variance), nor do its efficientnet_lite… (which pad as torch does, those here as TensorFlow does) and its
/// regnety_080 (which has other widths).
const OTHER_NAMES: [(&str, &str); 24] = [
    ("vgg11_bn", "vgg11-bn"),
    ("vgg13_bn", "vgg13-bn"),
    ("vgg16_bn", "vgg16-bn"),
    ("vgg19_bn", "vgg19-bn"),
    ("resnext50_32x4d", "resnext50"),
    ("resnext101_32x8d", "resnext101"),
    ("legacy_seresnet50", "se-resnet50"),
    ("legacy_seresnet101", "se-resnet101"),
    ("legacy_seresnet152", "se-resnet152"),
    ("legacy_seresnext50_32x4d", "se-resnext50"),
    ("legacy_seresnext101_32x4d", "se-resnext101"),
    ("mobilenetv2_100", "mobilenet_v2"),
    ("tf_efficientnet_lite0", "efficientnet-lite0"),
    ("tf_efficientnet_lite1", "efficientnet-lite1"),
    ("tf_efficientnet_lite2", "efficientnet-lite2"),
    ("regnety_004", "regnet_y_400mf"),
    ("regnety_080_tv", "regnet_y_8gf"),
    ("vit_base_patch16_224", "vit_b_16"),
    ("vit_base_patch32_224", "vit_b_32"),
    ("vit_large_patch16_224", "vit_l_16"),
    ("deit_base_patch16_224", "vit_b_16"),
    ("vit_tiny_patch16_224", "deit_tiny_patch16_224"),
    ("vit_small_patch16_224", "deit_small_patch16_224"),
    ("swin_tiny_patch4_window7_224", "swin_t"),
];

/// The name here of a network that is called otherwise elsewhere; any other name as it is.
pub fn own_name(name: &str) -> &str {
    OTHER_NAMES.iter().find(|(other, _)| *other == name).map_or(name, |(_, own)| own)
}

/// What a network sees of a photograph, and how its values are normalised: as torchvision 0.26 prepares them for the first weights
/// that it has of it, EfficientNet-Lite as its package does; ViTs of timm's names are normalised as there.
pub fn usual(name: &str) -> (View, Normalisation) {
    let own = own_name(name);
    let view = match own {
        "efficientnet_b0" => View::new(256, 224).cubic(),
        "efficientnet_b1" => View::new(256, 240).cubic(),
        "efficientnet_b2" => View::new(288, 288).cubic(),
        "efficientnet_b3" => View::new(320, 300).cubic(),
        "convnext_tiny" => View::new(236, 224),
        "convnext_small" => View::new(230, 224),
        "convnext_base" => View::new(232, 224),
        "swin_t" => View::new(232, 224).cubic(),
        "efficientnet-lite1" => View::new(240, 240),
        "efficientnet-lite2" => View::new(260, 260),
        _ => View::IMAGENET,
    };
    let normalisation = match own {
        _ if name.starts_with("vit_") && name.contains("_patch") => Normalisation::halves(),
        "googlenet" => Normalisation::halves(),
        "efficientnet-lite0" | "efficientnet-lite1" | "efficientnet-lite2" => Normalisation::lite(),
        _ => Normalisation::imagenet(),
    };
    (view, normalisation)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::{architecture, architectures};

    #[test]
    fn other_names_are_of_networks_there_are_and_hide_none() {
        let names = architectures();
        for (other, own) in OTHER_NAMES {
            assert!(!names.contains(&other.to_string()) && names.contains(&own.to_string()), "{other} {own}");
            let (other, own) = (architecture(other).unwrap(), architecture(own).unwrap());
            assert_eq!((other.nodes(), other.view()), (own.nodes(), own.view()));
        }
        let halves = |name: &str| architecture(name).unwrap().normalisation() == Normalisation::halves();
        assert!(halves("vit_base_patch32_224") && halves("vit_tiny_patch16_224"));
        assert!(!halves("vit_b_16") && !halves("deit_base_patch16_224") && !halves("deit_tiny_patch16_224"));
    }
}
