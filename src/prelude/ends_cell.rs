//! What a cell may end in: every value that has `Debug`, shown in its own way where it has one.
//!
//! evcxr ends a cell by `(last expression).evcxr_display()` and, where that does not compile, compiles the cell again
//! with `{:?}`, which takes twice the time. So this method must be there for every type, and one implementation for all
//! types cannot be told apart for some of them: which type it is, is asked when the cell runs.
#![allow(unsafe_code)] // a value is taken for the type that its own type was compared with

use std::any::TypeId;
use std::fmt::Debug;
use std::path::PathBuf;

use image::{DynamicImage, GrayImage, RgbImage, RgbaImage};
use polars::prelude::{Column, DataFrame, Series};

use crate::error::{Error, Result};
use crate::notebook::{Figure, Grid, Html, Plain, Show, Slider, display};
use crate::pixels::{Crop, HeatMap, Original, PixelMask, Resized};
use crate::plots::Draft;

/// A value that a cell can end in: all that have `Debug`, of any lifetime and size.
///
/// Tables, pictures, figures, masks, maps and tensors are shown as such, also where they come in an `Option`, or in a
/// [`Result`] whose error is ours; that error fails the cell. Every other value is shown as `Debug` writes it.
///
/// ```
/// use lgf::prelude::*;
///
/// let shares = vec![0.25, 0.5];
/// shares[1..].evcxr_display(); // prints [0.5]
/// shares.first().evcxr_display(); // prints Some(0.25)
///
/// #[derive(Debug)]
/// struct Named<'a>(&'a str, std::ops::Range<i32>);
/// Named(&String::from("levels"), 0..3).evcxr_display(); // prints Named("levels", 0..3)
///
/// lgf::Result::<&[f64]>::Ok(&shares).evcxr_display(); // prints [0.25, 0.5]
/// "texts have no quotes".evcxr_display();
/// ().evcxr_display(); // prints nothing
/// RgbImage::new(8, 8).evcxr_display(); // prints RgbImage of 8 x 8; a notebook shows the picture
/// ```
pub trait EndsCell {
    /// Sends it to the notebook as the result of the cell; on a terminal, prints it.
    fn evcxr_display(&self);
}

impl<T: Debug + ?Sized> EndsCell for T {
    fn evcxr_display(&self) {
        // Little is done here: this is compiled in the cell, once for each type.
        show(&Value::of(&self), &mut |thing| display(thing));
    }
}

/// A value whose type is not known here any more, but can be asked for.
struct Value<'a> {
    kind: TypeId,
    type_name: &'static str,
    start: *const u8,
    bytes: usize,
    debug: &'a dyn Debug,
}

impl<'a> Value<'a> {
    fn of<T: Debug + ?Sized>(value: &'a &'a T) -> Self {
        Value {
            // As `TypeId::of`, for types that borrow as well: lifetimes do not count.
            kind: typeid::of::<T>(),
            type_name: std::any::type_name::<T>(),
            start: std::ptr::from_ref::<T>(*value).cast(),
            bytes: size_of_val::<T>(*value),
            debug: value,
        }
    }

    /// The value, if it is one of `K`, or behind a reference to one.
    fn kept<K: 'static>(&self) -> Option<&'a K> {
        if self.kind == TypeId::of::<K>() {
            // SAFETY: `start` is that of a live `K`, borrowed for 'a; a `K` has no lifetimes that could differ.
            Some(unsafe { &*self.start.cast::<K>() })
        } else if self.kind == TypeId::of::<&'static K>() {
            // SAFETY: as before, of a reference to a `K`; it lives for 'a at least, as what is borrowed for 'a does.
            Some(unsafe { *self.start.cast::<&'a K>() })
        } else {
            None
        }
    }

    /// The value, if it is a slice of `K`, or behind a reference to one.
    fn listed<K: 'static>(&self) -> Option<&'a [K]> {
        if self.kind == TypeId::of::<[K]>() {
            // SAFETY: `start` is that of a live slice, borrowed for 'a, with as many items as fill its bytes.
            Some(unsafe { std::slice::from_raw_parts(self.start.cast::<K>(), self.bytes / size_of::<K>().max(1)) })
        } else if self.kind == TypeId::of::<&'static [K]>() {
            // SAFETY: as for a reference to a `K`.
            Some(unsafe { *self.start.cast::<&'a [K]>() })
        } else {
            None
        }
    }

    /// The value, if it is a text.
    fn text(&self) -> Option<&'a str> {
        if self.kind == TypeId::of::<str>() {
            // SAFETY: `start` is that of a live text, borrowed for 'a, of so many bytes.
            std::str::from_utf8(unsafe { std::slice::from_raw_parts(self.start, self.bytes) }).ok()
        } else if self.kind == TypeId::of::<&'static str>() {
            // SAFETY: as for a reference to a `K`.
            Some(unsafe { *self.start.cast::<&'a str>() })
        } else {
            None
        }
    }
}

/// Where a thing goes that is shown.
type Screen<'a> = dyn FnMut(&dyn Show) + 'a;

/// Shows a value in the way of its type.
fn show(value: &Value<'_>, screen: &mut Screen<'_>) {
    if WAYS.iter().any(|shows| shows(value, screen)) {
        return;
    }
    if let Some(text) = value.text() {
        screen(&text.to_string());
    } else if let Some(pictures) = value.listed::<RgbImage>() {
        screen(&pictures);
    } else {
        screen(&Plain::of(value.debug, value.type_name));
    }
}

/// The types that are shown in a way of their own.
const WAYS: &[fn(&Value<'_>, &mut Screen<'_>) -> bool] = &[
    shows::<String>,
    shows::<DataFrame>,
    shows::<Html>,
    shows::<Figure>,
    shows::<Draft>,
    shows::<Grid>,
    shows::<Slider>,
    shows::<RgbImage>,
    shows::<GrayImage>,
    shows::<RgbaImage>,
    shows::<DynamicImage>,
    shows::<Vec<RgbImage>>,
    shows::<PixelMask<Original>>,
    shows::<PixelMask<Resized>>,
    shows::<PixelMask<Crop>>,
    shows::<HeatMap<Original>>,
    shows::<HeatMap<Resized>>,
    shows::<HeatMap<Crop>>,
    shows::<Column>,
    shows::<Series>,
    #[cfg(feature = "torch")]
    shows::<tch::Tensor>,
    shows::<PathBuf>,
    shows::<Error>,
];

/// Shows a value if it is a `K`, some `K`, or a result of one; else it says that it is not.
fn shows<K: Show + 'static>(value: &Value<'_>, screen: &mut Screen<'_>) -> bool {
    if let Some(thing) = value.kept::<K>().or_else(|| value.kept::<Option<K>>()?.as_ref()) {
        screen(thing);
    } else if let Some(result) = value.kept::<Result<K>>() {
        screen(result);
    } else {
        return false;
    }
    true
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use polars::prelude::*;

    use super::*;
    use crate::error::Code;
    use crate::prelude::EndsCell;

    /// The types of what a notebook is sent, the plain text, and whether the cell failed.
    fn sent<T: Debug + ?Sized>(value: &T) -> (Vec<&'static str>, String, bool) {
        // A cell ends in the method; what it prints here goes to the test's own output.
        value.evcxr_display();
        let (mut kinds, mut text, mut failed) = (Vec::new(), String::new(), false);
        show(&Value::of(&value), &mut |thing| {
            let contents = thing.contents();
            kinds = contents.iter().map(|(kind, _)| *kind).collect();
            text = contents.last().map(|(_, text)| text.clone()).unwrap_or_default();
            failed = thing.failed();
        });
        (kinds, text, failed)
    }

    fn plain<T: Debug + ?Sized>(value: &T) -> String {
        let (kinds, text, failed) = sent(value);
        assert_eq!((kinds, failed), (vec!["text/plain"], false), "{text}");
        text
    }

    #[derive(Debug)]
    struct Borrows<'a> {
        #[expect(dead_code, reason = "read by Debug alone")]
        name: &'a str,
    }

    #[test]
    fn every_value_with_debug_is_shown() {
        let owned = [1.5, 2.5].to_vec();
        assert_eq!(plain(&7), "7");
        assert_eq!(plain(&owned), "[1.5, 2.5]");
        assert_eq!(plain(&owned[1..]), "[2.5]");
        assert_eq!(plain(&owned.first()), "Some(1.5)");
        assert_eq!(plain(&[1, 2]), "[1, 2]");
        assert_eq!(plain(&(1, "a")), "(1, \"a\")");
        assert_eq!(plain(&HashMap::from([("a", 1)])), "{\"a\": 1}");
        assert_eq!(plain(&(1..3)), "1..3");
        assert_eq!(plain(&true), "true");
        assert_eq!(plain(&'x'), "'x'");
        let name = String::from("borrowed");
        assert_eq!(plain(&Borrows { name: &name }), "Borrows { name: \"borrowed\" }");
        assert_eq!(plain(&None::<DataFrame>), "None");
        assert_eq!(plain(&"7".parse::<i32>()), "7");
        assert_eq!(sent(&()), (vec![], String::new(), false));
    }

    #[test]
    #[expect(clippy::needless_borrow, reason = "a cell may end in a reference")]
    fn the_method_is_found_without_a_choice() {
        let (number, texts) = (2.5f64, vec![String::from("a"), String::from("b")]);
        number.evcxr_display();
        (1 + 1).evcxr_display();
        (&number).evcxr_display();
        Some(&number).evcxr_display();
        texts[0..1].evcxr_display();
        texts[0].as_str().evcxr_display();
        "literal".evcxr_display();
        Borrows { name: &texts[0] }.evcxr_display();
        ().evcxr_display();
        let html = Html::new("<b>x</b>", "x");
        html.evcxr_display();
        (&html).evcxr_display();
        Result::<Html>::Ok(html).evcxr_display();
        Result::<u8>::Err(Error::new(Code::Io, "gone")).evcxr_display();
    }

    #[test]
    fn texts_and_tables_and_pictures_have_their_own_way() {
        let frame = df!("a" => [1, 2]).unwrap();
        let column = frame.column("a").unwrap();
        for (kinds, text, failed) in
            [sent(&frame), sent(&Some(frame.clone())), sent(column), sent(&column.as_materialized_series())]
        {
            assert_eq!((kinds, failed), (vec!["text/html", "text/plain"], false));
            assert!(text.ends_with("2 of 2 rows, 1 column"), "{text}");
        }
        let name = String::from("a text");
        for (kinds, text, _) in
            [sent(&name), sent(name.as_str()), sent(&name.as_str()), sent(&Result::<String>::Ok(name.clone()))]
        {
            assert_eq!((kinds.len(), text.as_str()), (2, "a text"));
        }
        let image = RgbImage::new(4, 4);
        let mask = PixelMask::<Crop>::empty(4, 4);
        let heat = HeatMap::<Original>::from_values(2, 2, vec![0.0; 4]).unwrap();
        for (kinds, ..) in [sent(&image), sent(&&image), sent(&Some(image.clone())), sent(&mask), sent(&heat)] {
            assert_eq!(kinds, ["image/png", "text/plain"]);
        }
        let images = vec![image; 3];
        for (kinds, text, _) in [sent(&images), sent(&images[..]), sent(&images.as_slice())] {
            assert_eq!((kinds[0], text.as_str()), ("text/html", "3 of 3 pictures; the first is 4 x 4"));
        }
    }

    #[test]
    fn our_error_in_a_result_fails_the_cell() {
        let error = || Error::new(Code::Io, "gone").path("a.csv");
        let results = [
            sent(&Result::<DataFrame>::Err(error())),
            sent(&Result::<u32>::Err(error())),
            sent(&Result::<Borrows<'_>>::Err(error())),
            sent(&Result::<()>::Err(error())),
        ];
        for (kinds, text, failed) in results {
            assert_eq!((kinds[0], text.as_str(), failed), ("text/html", "error (io): a.csv: gone", true));
        }
        assert!(!sent(&error()).2, "an error that is a value of its own fails nothing");
        assert_eq!(sent(&Result::<()>::Ok(())).0.len(), 0);
        assert!(!sent(&"x".parse::<u8>()).2);
    }
}
