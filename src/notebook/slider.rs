//! A slider over frames that were drawn beforehand: the kernel has no channel for widgets that ask back.

use maud::{PreEscaped, html};

use super::grid::Picture;
use super::picture::img;
use super::show::{Show, display};

/// What is said where scripts are left out of the page, as JupyterLab does until a notebook is trusted.
const STILL: &str = "This slider needs a trusted notebook: File > Trust Notebook. Until then, all its frames:";

/// Makes every slider of the page move that does not yet, so that it runs wherever a front end puts it: only the chosen
/// frame is shown; the arrow keys choose as well, also where the slider's frames have the focus.
const MOVES: &str = "document.querySelectorAll('.lgf-slider:not([data-moves])').forEach(function (box) {
  box.setAttribute('data-moves', '');
  var frames = box.querySelectorAll('figure'), range = box.querySelector('input');
  function choose(place) {
    range.value = place;
    frames.forEach(function (frame, own) { frame.style.display = own === +range.value ? 'block' : 'none'; });
  }
  box.querySelector('.lgf-slider-still').style.display = 'none';
  box.querySelector('.lgf-slider-moves').style.display = '';
  box.querySelectorAll('img').forEach(function (image) { image.width = +box.dataset.width; });
  range.addEventListener('input', function () { choose(+range.value); });
  box.addEventListener('keydown', function (event) {
    var step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (step) { choose(+range.value + step); event.preventDefault(); event.stopPropagation(); }
  });
  choose(0);
});";

/// Frames of which a slider shows one, chosen by mouse or arrow keys; where scripts are not trusted, all of them are small.
///
/// ```
/// use image::RgbImage;
/// use lgf::notebook::{Picture, Show, Slider};
///
/// let frames = (1..=5).map(|passes| Picture::new(RgbImage::new(8, 8), format!("{passes} passes")));
/// let slider = Slider::new("smoothing", frames);
/// assert_eq!(slider.html().matches("<figure").count(), 5);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Slider {
    /// What the slider moves through.
    pub label: String,
    /// The frames in order, each with its caption.
    pub frames: Vec<Picture>,
    /// How wide a frame is shown, in CSS pixels.
    pub width: u32,
}

impl Slider {
    /// A slider over frames with captions.
    pub fn new(label: impl Into<String>, frames: impl IntoIterator<Item = Picture>) -> Self {
        Slider { label: label.into(), frames: frames.into_iter().collect(), width: 224 }
    }

    /// Shows each frame this many CSS pixels wide (224 unless told).
    pub fn width(mut self, width: u32) -> Self {
        self.width = width.max(1);
        self
    }

    /// Sends it to the notebook.
    pub fn evcxr_display(&self) {
        display(self);
    }
}

impl Show for Slider {
    fn html(&self) -> String {
        let last = self.frames.len().saturating_sub(1);
        // Enlarged pixels stay squares, as in a grid.
        let enlarged = self.frames.first().is_some_and(|frame| frame.image.width() < self.width);
        let style = if enlarged { "image-rendering:pixelated" } else { "" };
        html! {
            div class="lgf-slider" style=(style) role="group" aria-label=(self.label) tabindex="0"
                data-width=(self.width) data-lm-suppress-shortcuts="true" {
                p class="lgf-slider-still" { em { (STILL) } }
                label class="lgf-slider-moves" style="display:none" {
                    (self.label) " "
                    // Without the attribute JupyterLab takes the arrow keys for its own, and moves between headings.
                    input type="range" min="0" max=(last) value="0" step="1" tabindex="0" aria-label=(self.label)
                        data-lm-suppress-shortcuts="true" style="vertical-align:middle";
                }
                @for frame in &self.frames {
                    figure style="display:inline-block;vertical-align:top;margin:0.5em 0.5em 0.5em 0" {
                        (img(&frame.image, self.width.div_ceil(2), &frame.caption))
                        figcaption { (frame.caption) }
                    }
                }
            }
            script { (PreEscaped(MOVES)) }
        }
        .into_string()
    }

    fn text(&self) -> String {
        let captions: Vec<&str> = self.frames.iter().map(|frame| frame.caption.as_str()).collect();
        format!("[slider {}: {}]", self.label, captions.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::RgbImage;

    #[test]
    fn without_a_script_every_frame_is_visible_and_why_is_said() {
        let slider = Slider::new("l<", (0..3).map(|n| Picture::new(RgbImage::new(2, 2), format!("f{n}"))));
        let html = slider.html();
        let (still, script) = html.split_once("<script>").unwrap();
        assert_eq!(still.matches("display:none").count(), 1, "the range alone");
        assert_eq!(still.matches("<figure style=\"display:inline-block").count(), 3);
        assert!(still.contains("File &gt; Trust Notebook") && still.contains("width=\"112\""), "{still}");
        assert!(script.contains("ArrowLeft") && !script.contains("&gt;"), "{script}");
        assert!(html.contains("max=\"2\"") && html.contains("l&lt;"));
        assert!(html.contains("data-lm-suppress-shortcuts"));
        assert_eq!(slider.text(), "[slider l<: f0, f1, f2]");
    }
}
