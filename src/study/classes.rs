//! The classes of a network's outputs, in order.

use serde::{Deserialize, Serialize};

use crate::error::{Code, Error, Result};

/// The outputs of a network in order: WordNet id and name of each.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClassList {
    /// One id an output, such as `n01440764`.
    pub wnids: Vec<String>,
    /// One name an output, such as `tench`.
    pub names: Vec<String>,
}

impl ClassList {
    /// The 1,000 classes of ImageNet-1k (ILSVRC 2012), in the order of torchvision's networks.
    pub fn imagenet() -> Self {
        ClassList::parse(include_str!("../../data/imagenet_classes.csv")).expect("the list in the project is whole")
    }

    /// The ten drawn classes of the sample: Imagenette's names, ids of their own.
    pub fn sample() -> Self {
        ClassList::parse(include_str!("../../data/sample_classes.csv")).expect("the list in the project is whole")
    }

    /// A list from CSV text with the header `index,wnid,name`.
    ///
    /// # Errors
    /// [`Code::Table`] with the line if the header, an index or a row is not as it should be.
    pub fn parse(text: &str) -> Result<Self> {
        let mut lines = text.lines();
        if lines.next() != Some("index,wnid,name") {
            return Err(Error::new(Code::Table, "the header is not index,wnid,name").place("line 1"));
        }
        let mut list = ClassList { wnids: Vec::new(), names: Vec::new() };
        for (row, line) in lines.enumerate() {
            let wrong = |what: &str| Error::new(Code::Table, what).place(format!("line {}", row + 2));
            let mut fields = line.splitn(3, ',');
            let index = fields.next().and_then(|field| field.parse().ok());
            if index != Some(row) {
                return Err(wrong("the index is not the row's own number from 0"));
            }
            let wnid = fields.next().ok_or_else(|| wrong("no wnid"))?;
            let name = fields.next().ok_or_else(|| wrong("no name"))?;
            list.wnids.push(wnid.to_string());
            list.names.push(name.trim_matches('"').to_string());
        }
        Ok(list)
    }

    /// Number of outputs.
    pub fn len(&self) -> usize {
        self.wnids.len()
    }

    /// Whether there is no class.
    pub fn is_empty(&self) -> bool {
        self.wnids.is_empty()
    }

    /// The output that stands for a WordNet id.
    pub fn index_of(&self, wnid: &str) -> Option<usize> {
        self.wnids.iter().position(|other| other == wnid)
    }

    /// The WordNet id that a folder's name stands for: the id itself, or the class of that name, letters alone compared
    /// (`golf_ball`, `Golf ball`), if there is but one.
    ///
    /// ```
    /// let classes = lgf::study::ClassList::imagenet();
    /// assert_eq!(classes.wnid_of("Garbage_Truck"), Some("n03417042"));
    /// assert_eq!(classes.wnid_of("crane"), None, "there are two: the bird and the machine");
    /// ```
    pub fn wnid_of(&self, folder: &str) -> Option<&str> {
        if let Some(index) = self.index_of(folder) {
            return Some(&self.wnids[index]);
        }
        let name = short_name(folder);
        let mut own = (0..self.len()).filter(|&index| !name.is_empty() && short_name(&self.names[index]) == name);
        own.next().filter(|_| own.next().is_none()).map(|index| self.wnids[index].as_str())
    }

    /// The name of the class of a WordNet id, or the id itself where it has none.
    pub(crate) fn name_of(&self, wnid: &str) -> String {
        self.index_of(wnid).map_or_else(|| wnid.to_string(), |index| self.name(index))
    }

    /// The name of an output, or its number where there is none.
    pub fn name(&self, index: usize) -> String {
        self.names.get(index).cloned().unwrap_or_else(|| format!("class {index}"))
    }
}

/// A class name as it stands in the file name of a cue-conflict picture: lower case, letters only.
pub(crate) fn short_name(name: &str) -> String {
    name.chars().filter(|letter| letter.is_ascii_alphabetic()).map(|letter| letter.to_ascii_lowercase()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lists_of_the_project_are_whole() {
        let imagenet = ClassList::imagenet();
        assert_eq!(imagenet.len(), 1000);
        assert_eq!(imagenet.index_of("n01440764"), Some(0));
        assert_eq!(imagenet.name(999), "toilet tissue");
        assert_eq!(ClassList::sample().len(), 10);
        assert!(ClassList::sample().wnids.iter().all(|wnid| imagenet.index_of(wnid).is_none()));
    }

    #[test]
    fn a_gap_in_the_indices_is_named() {
        let error = ClassList::parse("index,wnid,name\n0,n1,a\n2,n2,b\n").unwrap_err();
        assert_eq!(error.at(), Some("line 3"));
    }
}
