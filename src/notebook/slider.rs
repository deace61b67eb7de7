//! A slider over frames that were drawn beforehand: the kernel has no channel for widgets that ask back.

use maud::html;

use super::grid::Picture;
use super::picture::img;
use super::show::{Show, display};

/// Frames of which a slider shows one; where scripts are not trusted, the first frame is what one sees.
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
        // The handler finds its frames from where it stands, so that the same slider can be on a page twice.
        let script = "var f=this.closest('.lgf-slider').querySelectorAll('figure');\
                      for(var i=0;i<f.length;i++){f[i].style.display=(i==this.value)?'block':'none'}";
        let last = self.frames.len().saturating_sub(1);
        let shown = |place: usize| if place == 0 { "block" } else { "none" };
        html! {
            div class="lgf-slider" {
                label { (self.label) " " input type="range" min="0" max=(last) value="0" step="1" oninput=(script); }
                @for (place, frame) in self.frames.iter().enumerate() {
                    figure style={ "margin:0.5em 0;display:" (shown(place)) } {
                        (img(&frame.image, self.width, &frame.caption))
                        figcaption { (frame.caption) }
                    }
                }
            }
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
    fn only_the_first_frame_is_visible_without_a_script() {
        let slider = Slider::new("l<", (0..3).map(|n| Picture::new(RgbImage::new(2, 2), format!("f{n}"))));
        let html = slider.html();
        assert_eq!(html.matches("display:block").count(), 1);
        assert_eq!(html.matches(";display:none").count(), 2);
        assert!(html.contains("max=\"2\"") && html.contains("l&lt;"));
        assert_eq!(slider.text(), "[slider l<: f0, f1, f2]");
    }
}
