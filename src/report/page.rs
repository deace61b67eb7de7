//! A page of HTML that needs no other file.

use polars::prelude::DataFrame;

use crate::analysis::Analysed;
use crate::error::{Code, Error, Result};
use crate::notebook::{Figure, Show, escape, whole_table};
use crate::protocol::Protocol;

const STYLE: &str = "body{font-family:Georgia,serif;max-width:72rem;margin:2rem auto;padding:0 1rem;color:#1a1a1a;\
line-height:1.5}h1,h2,h3{font-weight:normal}h2{border-bottom:1px solid #ccc;margin-top:3rem}table{border-collapse:collapse;\
font-size:.85rem}td,th{padding:.15rem .5rem;text-align:right}img{max-width:100%;margin:1rem 0}nav li{display:inline;\
margin-right:1.2rem}.wide{overflow-x:auto}pre{background:#f6f6f6;padding:1rem;overflow-x:auto;font-size:.8rem}";

/// A page in the making.
pub(super) struct Page {
    title: String,
    sections: Vec<String>,
    body: String,
}

impl Page {
    pub fn new(title: &str) -> Self {
        Page { title: title.into(), sections: Vec::new(), body: String::new() }
    }

    /// The choices of the run.
    pub fn methods(&mut self, protocol: &Protocol) -> Result<()> {
        self.section("Methods");
        let version = env!("CARGO_PKG_VERSION");
        self.text(&format!("Protocol: {}; local-global-features {version}. Its choices:", protocol.name));
        let choices = serde_json::to_string_pretty(protocol)
            .map_err(|cause| Error::new(Code::Parameter, "the protocol cannot be written").because(cause))?;
        self.body.push_str(&format!("<details><summary>choices</summary><pre>{}</pre></details>\n", escape(&choices)));
        Ok(())
    }

    pub fn section(&mut self, title: &str) {
        let place = self.sections.len();
        self.body.push_str(&format!("<h2 id=\"s{place}\">{}</h2>\n", escape(title)));
        self.sections.push(title.into());
    }

    pub fn text(&mut self, text: &str) {
        self.body.push_str(&format!("<p>{}</p>\n", escape(text)));
    }

    /// A table of the analysis under its name, or why there is none.
    pub fn table(&mut self, name: &str, analysed: &Analysed) {
        match (analysed.table(name), analysed.gaps.iter().find(|(own, _)| own == name)) {
            (Some(found), _) => self.frame(name, found),
            (None, Some((_, why))) => self.text(&format!("{name}: not made, {why}")),
            (None, None) => self.text(&format!("{name}: this study has none")),
        }
    }

    pub fn frame(&mut self, name: &str, found: &DataFrame) {
        self.body.push_str(&format!(
            "<h3>{}</h3>\n<div class=\"wide\">{}</div>\n",
            escape(name),
            whole_table(found).html()
        ));
    }

    pub fn figure(&mut self, figure: &Figure) {
        self.body.push_str(&format!("<h3>{}</h3>\n{}\n", escape(&figure.name), figure.html()));
    }

    pub fn finish(self) -> String {
        let entry = |(place, title): (usize, &String)| format!("<li><a href=\"#s{place}\">{}</a></li>", escape(title));
        let contents: String = self.sections.iter().enumerate().map(entry).collect();
        let title = escape(&self.title);
        format!(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><title>{title}</title>\
             <style>{STYLE}</style></head>\n<body>\n<h1>{title}</h1>\n<nav><ul>{contents}</ul></nav>\n{}</body>\n</html>\n",
            self.body
        )
    }
}
