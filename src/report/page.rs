//! A page of HTML that needs no other file.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::notebook::{Figure, Show};

const STYLE: &str = include_str!("page.css");
/// Paper cannot be clicked on.
const OPEN: &str = "addEventListener('beforeprint',function(){document.querySelectorAll('details').forEach(function(d){d.open=true})})";

/// A page in the making: sections under a title, of which the first stands before the contents.
#[derive(Default)]
pub(super) struct Page {
    sections: Vec<(String, Markup)>,
}

impl Page {
    /// Adds a section.
    pub fn section(&mut self, title: &str, body: Markup) {
        self.sections.push((title.into(), body));
    }

    /// The whole document.
    pub fn finish(self, title: &str, under: &str, answer: &Markup) -> String {
        html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    title { (title) }
                    style { (PreEscaped(STYLE)) }
                    script { (PreEscaped(OPEN)) }
                }
                body {
                    h1 { (title) }
                    p.note { (under) }
                    (answer)
                    nav { @for (place, (title, _)) in self.sections.iter().enumerate() { a href={ "#s" (place) } { (title) } " " } }
                    @for (place, (title, body)) in self.sections.iter().enumerate() {
                        h2 id={ "s" (place) } { (title) }
                        (body)
                    }
                }
            }
        }
        .into_string()
    }
}

/// A figure on its own ground.
pub(super) fn figure(figure: &Figure) -> Markup {
    html! { figure { (PreEscaped(figure.html())) } }
}

/// What is there for who asks for it.
pub(super) fn folded(summary: &str, body: &Markup) -> Markup {
    html! { details { summary { (summary) } (body) } }
}
