//! What the tensors of these networks are called elsewhere: tables of rules, and what applies them. Only what computes the same as
//! the network here has one (`tests/reference/names.py`).

/// Rules by which the names in a file become those of a network here.
#[derive(Debug)]
pub struct Naming {
    /// Whose names they are.
    pub whose: &'static str,
    /// What is to be known of networks with such names.
    pub note: Option<&'static str>,
    /// A tensor that the networks have, and others have not.
    mark: &'static str,
    /// Of the places that a name may begin with, and of their parts, the first that fits counts.
    places: &'static [Place],
    /// Beginnings of names that no result hangs on.
    left_out: &'static [&'static str],
    /// Names of networks that are others, and which.
    others: &'static [(&'static str, &'static str)],
}

/// A beginning of names, what it becomes, and the parts that go on from there, each with what it becomes. `{}` is a number; `{0}`
/// and `{1}` are the first and the second of them, `{0*2+1}` and `{1-1}` what is counted otherwise.
type Place = (&'static str, &'static str, &'static [Part]);
type Part = (&'static str, &'static str);

/// Whatever goes on as it is.
const AS_IT_IS: &[Part] = &[("", "")];

const VIT_OLD: &[Part] = &[("mlp.linear_1.", "mlp.0."), ("mlp.linear_2.", "mlp.3.")];
const VIT: &[Part] = &[
    ("norm1.", "ln_1."),
    ("attn.qkv.", "self_attention.in_proj_"),
    ("attn.proj.", "self_attention.out_proj."),
    ("norm2.", "ln_2."),
    ("mlp.fc1.", "mlp.0."),
    ("mlp.fc2.", "mlp.3."),
];
const CONVNEXT: &[Part] = &[
    ("gamma", "layer_scale"),
    ("conv_dw.", "block.0."),
    ("norm.", "block.2."),
    ("mlp.fc1.", "block.3."),
    ("mlp.fc2.", "block.5."),
];
const CONVNEXT_OF_ITS_AUTHORS: &[Part] = &[
    ("gamma", "layer_scale"),
    ("dwconv.", "block.0."),
    ("norm.", "block.2."),
    ("pwconv1.", "block.3."),
    ("pwconv2.", "block.5."),
];
const SWIN: &[Part] = &[("mlp.fc1.", "mlp.0."), ("mlp.fc2.", "mlp.3."), ("", "")];
const DENSE: &[Part] = &[("norm.1.", "norm1."), ("norm.2.", "norm2."), ("conv.1.", "conv1."), ("conv.2.", "conv2.")];
const REGNET: &[Part] = &[
    ("conv1.conv.", "f.a.0."),
    ("conv1.bn.", "f.a.1."),
    ("conv2.conv.", "f.b.0."),
    ("conv2.bn.", "f.b.1."),
    ("se.", "f.se."),
    ("conv3.conv.", "f.c.0."),
    ("conv3.bn.", "f.c.1."),
    ("downsample.conv.", "proj.0."),
    ("downsample.bn.", "proj.1."),
];
// Inverted residuals, and those of a first stage, which do not widen.
const EFFICIENTNET_FIRST: &[Part] = &[
    ("conv_dw.", "0.0."),
    ("bn1.", "0.1."),
    ("se.conv_reduce.", "1.fc1."),
    ("se.conv_expand.", "1.fc2."),
    ("conv_pw.", "2.0."),
    ("bn2.", "2.1."),
];
const EFFICIENTNET: &[Part] = &[
    ("conv_pw.", "0.0."),
    ("bn1.", "0.1."),
    ("conv_dw.", "1.0."),
    ("bn2.", "1.1."),
    ("se.conv_reduce.", "2.fc1."),
    ("se.conv_expand.", "2.fc2."),
    ("conv_pwl.", "3.0."),
    ("bn3.", "3.1."),
];
const MOBILENET_FIRST: &[Part] = &[("conv_dw.", "0.0."), ("bn1.", "0.1."), ("conv_pw.", "1."), ("bn2.", "2.")];
const MOBILENET: &[Part] = &[
    ("conv_pw.", "0.0."),
    ("bn1.", "0.1."),
    ("conv_dw.", "1.0."),
    ("bn2.", "1.1."),
    ("conv_pwl.", "2."),
    ("bn3.", "3."),
];
const LITE_ENDS: Place = (
    "",
    "",
    &[
        ("conv_stem.", "_conv_stem."),
        ("bn1.", "_bn0."),
        ("conv_head.", "_conv_head."),
        ("bn2.", "_bn1."),
        ("classifier.", "_fc."),
    ],
);
const LITE_FIRST: Place = (
    "blocks.0.{}.",
    "_blocks.{0}.",
    &[("conv_dw.", "_depthwise_conv."), ("bn1.", "_bn1."), ("conv_pw.", "_project_conv."), ("bn2.", "_bn2.")],
);
const LITE: &[Part] = &[
    ("conv_pw.", "_expand_conv."),
    ("bn1.", "_bn0."),
    ("conv_dw.", "_depthwise_conv."),
    ("bn2.", "_bn1."),
    ("conv_pwl.", "_project_conv."),
    ("bn3.", "_bn2."),
];

/// The same with nothing but its places, which others are made of.
const fn naming(whose: &'static str, mark: &'static str, places: &'static [Place]) -> Naming {
    Naming { whose, note: None, mark, places, left_out: &[], others: &[] }
}

const TIMM: &str = "timm";
const OLDER: &str = "an older torchvision";
const AUTHORS: &str = "its authors' program";
const SWIN_MARK: &str = "features.1.0.attn.qkv.weight";
const SWIN_MASKS: &[&str] = &["layers.{}.blocks.{}.attn_mask"];
const LITE_MARK: &str = "_conv_stem.weight";
const LITE_NOTE: &str =
    "right for its tf_efficientnet_lite…: its efficientnet_lite… have the same names and pad otherwise";

/// All that are known; which of them a file has is decided by how many of a network's names they give.
pub static NAMINGS: [Naming; 14] = [
    Naming {
        note: Some(
            "its vit_… see pictures normalised by 0.5, as architectures of those names do, its deit_… the usual ones",
        ),
        others: &[
            ("dist_token", "it is a distilled DeiT, which has a token and a head more, and is no network here"),
            ("pre_logits.", "it has a layer before its classes that no network here has"),
            ("fc_norm.", "it takes the mean of its tokens, which no network here does"),
        ],
        ..naming(
            TIMM,
            "encoder.pos_embedding",
            &[
                ("blocks.{}.", "encoder.layers.encoder_layer_{0}.", VIT),
                (
                    "",
                    "",
                    &[
                        ("cls_token", "class_token"),
                        ("pos_embed", "encoder.pos_embedding"),
                        ("patch_embed.proj.", "conv_proj."),
                        ("norm.", "encoder.ln."),
                        ("head.", "heads.head."),
                    ],
                ),
            ],
        )
    },
    naming(
        OLDER,
        "encoder.pos_embedding",
        &[("encoder.layers.encoder_layer_{}.", "encoder.layers.encoder_layer_{0}.", VIT_OLD)],
    ),
    naming(
        TIMM,
        "features.1.0.layer_scale",
        &[
            ("stages.{}.downsample.", "features.{0*2}.", AS_IT_IS),
            ("stages.{}.blocks.{}.", "features.{0*2+1}.{1}.", CONVNEXT),
            ("stem.", "features.0.", AS_IT_IS),
            ("head.", "classifier.", &[("norm.", "0."), ("fc.", "2.")]),
        ],
    ),
    naming(
        AUTHORS,
        "features.1.0.layer_scale",
        &[
            ("downsample_layers.{}.", "features.{0*2}.", AS_IT_IS),
            ("stages.{}.{}.", "features.{0*2+1}.{1}.", CONVNEXT_OF_ITS_AUTHORS),
            ("", "classifier.", &[("norm.", "0."), ("head.", "2.")]),
        ],
    ),
    Naming {
        left_out: SWIN_MASKS,
        ..naming(
            TIMM,
            SWIN_MARK,
            &[
                ("patch_embed.", "features.0.", &[("proj.", "0."), ("norm.", "2.")]),
                ("layers.{}.downsample.", "features.{0*2}.", AS_IT_IS),
                ("layers.{}.blocks.{}.", "features.{0*2+1}.{1}.", SWIN),
                ("head.fc.", "head.", AS_IT_IS),
            ],
        )
    },
    // Merging is the end of a stage there, not the beginning of the next.
    Naming {
        left_out: SWIN_MASKS,
        ..naming(
            AUTHORS,
            SWIN_MARK,
            &[
                ("patch_embed.", "features.0.", &[("proj.", "0."), ("norm.", "2.")]),
                ("layers.{}.downsample.", "features.{0*2+2}.", AS_IT_IS),
                ("layers.{}.blocks.{}.", "features.{0*2+1}.{1}.", SWIN),
            ],
        )
    },
    Naming {
        note: Some("right for its efficientnet_b…: its tf_efficientnet_b… have the same names and pad otherwise"),
        ..naming(
            TIMM,
            "features.1.0.block.1.fc1.weight",
            &[
                ("blocks.0.{}.", "features.1.{0}.block.", EFFICIENTNET_FIRST),
                ("blocks.{}.{}.", "features.{0+1}.{1}.block.", EFFICIENTNET),
                (
                    "",
                    "",
                    &[
                        ("conv_stem.", "features.0.0."),
                        ("bn1.", "features.0.1."),
                        ("conv_head.", "features.8.0."),
                        ("bn2.", "features.8.1."),
                        ("classifier.", "classifier.1."),
                    ],
                ),
            ],
        )
    },
    naming(
        TIMM,
        "features.18.0.weight",
        &[
            ("blocks.0.{}.", "features.{0+1}.conv.", MOBILENET_FIRST),
            ("blocks.1.{}.", "features.{0+2}.conv.", MOBILENET),
            ("blocks.2.{}.", "features.{0+4}.conv.", MOBILENET),
            ("blocks.3.{}.", "features.{0+7}.conv.", MOBILENET),
            ("blocks.4.{}.", "features.{0+11}.conv.", MOBILENET),
            ("blocks.5.{}.", "features.{0+14}.conv.", MOBILENET),
            ("blocks.6.{}.", "features.{0+17}.conv.", MOBILENET),
            (
                "",
                "",
                &[
                    ("conv_stem.", "features.0.0."),
                    ("bn1.", "features.0.1."),
                    ("conv_head.", "features.18.0."),
                    ("bn2.", "features.18.1."),
                    ("classifier.", "classifier.1."),
                ],
            ),
        ],
    ),
    // The blocks are counted through: the first Lite, and the two that are deeper.
    Naming {
        note: Some(LITE_NOTE),
        ..naming(
            TIMM,
            LITE_MARK,
            &[
                LITE_ENDS,
                LITE_FIRST,
                ("blocks.1.{}.", "_blocks.{0+1}.", LITE),
                ("blocks.2.{}.", "_blocks.{0+3}.", LITE),
                ("blocks.3.{}.", "_blocks.{0+5}.", LITE),
                ("blocks.4.{}.", "_blocks.{0+8}.", LITE),
                ("blocks.5.{}.", "_blocks.{0+11}.", LITE),
                ("blocks.6.{}.", "_blocks.{0+15}.", LITE),
            ],
        )
    },
    Naming {
        note: Some(LITE_NOTE),
        ..naming(
            TIMM,
            LITE_MARK,
            &[
                LITE_ENDS,
                LITE_FIRST,
                ("blocks.1.{}.", "_blocks.{0+1}.", LITE),
                ("blocks.2.{}.", "_blocks.{0+4}.", LITE),
                ("blocks.3.{}.", "_blocks.{0+7}.", LITE),
                ("blocks.4.{}.", "_blocks.{0+11}.", LITE),
                ("blocks.5.{}.", "_blocks.{0+15}.", LITE),
                ("blocks.6.{}.", "_blocks.{0+20}.", LITE),
            ],
        )
    },
    naming(
        TIMM,
        "trunk_output.block1.block1-0.proj.0.weight",
        &[
            ("s{}.b{}.", "trunk_output.block{0}.block{0}-{1-1}.", REGNET),
            ("stem.", "stem.", &[("conv.", "0."), ("bn.", "1.")]),
            ("head.fc.", "fc.", AS_IT_IS),
        ],
    ),
    naming(
        OLDER,
        "features.norm0.weight",
        &[("features.denseblock{}.denselayer{}.", "features.denseblock{0}.denselayer{1}.", DENSE)],
    ),
    // Fully connected layers as convolutions there.
    naming(
        TIMM,
        "classifier.6.weight",
        &[("pre_logits.", "classifier.", &[("fc1.", "0."), ("fc2.", "3.")]), ("head.fc.", "classifier.6.", AS_IT_IS)],
    ),
    Naming { left_out: &["aux1.", "aux2."], ..naming("torchvision", "inception3a.branch1.conv.weight", &[]) },
];

impl Naming {
    /// Whether it is for the network that has such a tensor, or has not.
    pub fn is_for(&self, has: impl Fn(&str) -> bool) -> bool {
        has(self.mark)
    }

    /// What a name becomes; `None` where no rule is for it.
    pub fn own(&self, name: &str) -> Option<String> {
        self.places.iter().find_map(|(from, to, parts)| {
            let (numbers, rest) = parted(from, name)?;
            let (part, own) = parts.iter().find(|(part, _)| rest.starts_with(part))?;
            Some(format!("{}{own}{}", counted(to, &numbers)?, &rest[part.len()..]))
        })
    }

    /// Whether a name is of a tensor that no result hangs on.
    pub fn leaves_out(&self, name: &str) -> bool {
        self.left_out.iter().any(|beginning| parted(beginning, name).is_some())
    }

    /// Which network it is instead that has one of these names, which none here has.
    pub fn another(&self, names: &[String]) -> Option<&'static str> {
        let is = |(beginning, _): &&(&str, &str)| names.iter().any(|name| name.starts_with(beginning));
        self.others.iter().find(is).map(|(_, what)| *what)
    }
}

/// The numbers at the `{}` of a beginning, and what follows it in a name.
fn parted<'n>(beginning: &str, name: &'n str) -> Option<(Vec<u32>, &'n str)> {
    let mut pieces = beginning.split("{}");
    let mut rest = name.strip_prefix(pieces.next()?)?;
    let mut numbers = Vec::new();
    for piece in pieces {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        // At most four digits: no network has more layers.
        numbers.push(rest[..digits].parse().ok().filter(|number| *number < 10_000)?);
        rest = rest[digits..].strip_prefix(piece)?;
    }
    Some((numbers, rest))
}

/// A beginning whose `{0*2+1}` are counted from numbers; `None` for what would be below 0.
fn counted(beginning: &str, numbers: &[u32]) -> Option<String> {
    let mut pieces = beginning.split('{');
    let mut text = pieces.next()?.to_string();
    for piece in pieces {
        let (count, rest) = piece.split_once('}')?;
        let (number, shift) = match count.find(['+', '-']) {
            Some(at) => (&count[..at], count[at..].parse::<i32>().ok()?),
            None => (count, 0),
        };
        let (place, factor) = number.split_once('*').unwrap_or((number, "1"));
        let number = numbers.get(place.parse::<usize>().ok()?)? * factor.parse::<u32>().ok()?;
        text.push_str(&format!("{}{rest}", number.checked_add_signed(shift)?));
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_taken_and_counted_on() {
        assert_eq!(parted("s{}.b{}.", "s3.b12.se.fc1.bias"), Some((vec![3, 12], "se.fc1.bias")));
        for other in ["s3.b.x", "s.b1.x", "s3.b1", "t3.b1.x", "s3.b99999999999.x", "s-3.b1.x", "s3.b10000.x"] {
            assert_eq!(parted("s{}.b{}.", other), None, "{other}");
        }
        assert_eq!(counted("f.{0*2+1}.{1-1}.{0}-{1*3}.", &[3, 1]).unwrap(), "f.7.0.3-3.");
        assert_eq!(counted("f.{0-1}", &[0]), None);
    }

    #[test]
    fn rules_are_of_networks_there_are_and_can_all_be_counted() {
        for naming in &NAMINGS {
            assert!(super::super::architectures().iter().any(|name| {
                let nodes = super::super::layers(name).unwrap();
                let names: Vec<String> =
                    nodes.iter().flat_map(|node| node.layer.parameters()).map(|parameter| parameter.name).collect();
                naming.is_for(|mark| names.iter().any(|name| name == mark))
            }));
            for (from, to, parts) in naming.places {
                let numbers = vec![1; from.matches("{}").count()];
                assert!(counted(to, &numbers).is_some() && !parts.is_empty(), "{from} {to}");
            }
        }
    }
}
