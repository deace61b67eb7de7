//! A figure before it is drawn.

use std::fmt;
use std::sync::Arc;

use super::look::Look;
use crate::error::Result;
use crate::notebook::{Figure, Grid, Show, display};

/// A figure that is not drawn yet: its words, size and range can still be given. A cell that ends in one shows it.
///
/// ```
/// use lgf::plots::{Bar, Plot};
///
/// let figure = [Bar::new("resnet50", 0.22), Bar::new("vgg16", 0.1)].plot().title("Shape bias").x("share").draw("bias")?;
/// assert!(figure.svg().contains(">Shape bias</text>"));
/// # Ok::<(), lgf::Error>(())
/// ```
#[derive(Clone)]
pub struct Draft {
    look: Look,
    marks: Arc<Marks>,
}

/// What is drawn under some words in some size.
type Marks = dyn Fn(&Look) -> Result<Figure> + Send + Sync;

impl Draft {
    /// Of a size, (width, height) in CSS pixels, and what is drawn in it.
    pub(super) fn new(size: (u32, u32), marks: impl Fn(&Look) -> Result<Figure> + Send + Sync + 'static) -> Self {
        Draft { look: Look { size, ..Look::default() }, marks: Arc::new(marks) }
    }

    /// What stands above the figure.
    pub fn title(mut self, words: impl Into<String>) -> Self {
        self.look.title = words.into();
        self
    }

    /// What stands below the horizontal axis.
    pub fn x(mut self, words: impl Into<String>) -> Self {
        self.look.x_label = words.into();
        self
    }

    /// What stands beside the vertical axis.
    pub fn y(mut self, words: impl Into<String>) -> Self {
        self.look.y_label = words.into();
        self
    }

    /// How large it is, in CSS pixels; grids of pictures and the likeliest classes are as high as they need.
    pub fn size(mut self, width: u32, height: u32) -> Self {
        self.look.size = (width, height);
        self
    }

    /// From where to where the axis of the values goes; what lies outside is left out.
    pub fn range(mut self, from: f64, to: f64) -> Self {
        self.look.range = Some((from, to));
        self
    }

    /// The finished figure under the stem of its file names.
    ///
    /// # Errors
    /// [`Code::Parameter`](crate::error::Code::Parameter) if there is nothing to draw, or if the size is too small for the
    /// text or over 4,000 either way.
    pub fn draw(&self, name: impl Into<String>) -> Result<Figure> {
        (self.marks)(&Look { name: name.into(), ..self.look.clone() })
    }

    /// Sends it to the notebook.
    pub fn evcxr_display(&self) {
        display(&self.shown());
    }

    fn shown(&self) -> Result<Figure> {
        self.draw("figure")
    }
}

impl Show for Draft {
    fn html(&self) -> String {
        self.shown().html()
    }

    fn text(&self) -> String {
        self.shown().text()
    }

    fn contents(&self) -> Vec<(&'static str, String)> {
        self.shown().contents()
    }

    fn failed(&self) -> bool {
        self.shown().failed()
    }
}

impl fmt::Debug for Draft {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Draft").field("look", &self.look).finish_non_exhaustive()
    }
}

/// Data that have one kind of figure.
pub trait Plot {
    /// The figure of it.
    fn plot(&self) -> Draft;
}

/// What a figure can be drawn of: a draft, a grid, or what came of making one.
pub trait Drawable {
    /// The draft of it.
    ///
    /// # Errors
    /// What came instead of one.
    fn draft(self) -> Result<Draft>;
}

impl Drawable for Draft {
    fn draft(self) -> Result<Draft> {
        Ok(self)
    }
}

impl Drawable for &Draft {
    fn draft(self) -> Result<Draft> {
        Ok(self.clone())
    }
}

impl Drawable for Grid {
    fn draft(self) -> Result<Draft> {
        Ok(self.plot())
    }
}

impl Drawable for &Grid {
    fn draft(self) -> Result<Draft> {
        Ok(self.plot())
    }
}

impl<D: Drawable> Drawable for Result<D> {
    fn draft(self) -> Result<Draft> {
        self?.draft()
    }
}

#[cfg(test)]
mod tests {
    use crate::notebook::Show;
    use crate::plots::{Curve, Plot};

    #[test]
    fn words_are_drawn_and_what_cannot_be_drawn_is_said() {
        let curve = Curve::new("a", &[0, 1], &[0.1, 0.2]).unwrap();
        let draft = [curve].plot().title("over").x("across").y("up").size(500, 300);
        let figure = draft.draw("name").unwrap();
        assert_eq!((figure.name.as_str(), figure.size), ("name", (500, 300)));
        for words in ["over", "across", "up"] {
            assert!(figure.svg().contains(&format!(">{words}</text>")), "{words}");
        }
        assert!(draft.html().starts_with("<img"));
        let empty: [Curve; 0] = [];
        assert!(empty.plot().html().contains("nothing to draw"));
    }
}
