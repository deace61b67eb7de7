//! Categories over a network's classes: what an observer can answer.

use crate::error::{Code, Error, Result, listed};
use crate::study::{ClassList, short_name};

/// Categories that an observer chooses among, each with the outputs of a network that are of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Categories {
    /// Their names, in order: where answers tie, the first in this order is the field's.
    pub names: Vec<String>,
    /// The outputs of each, at least one.
    pub classes: Vec<Vec<usize>>,
}

impl Categories {
    /// The sixteen categories of Geirhos et al. over 207 of ImageNet's 1,000 classes (model-vs-human's list).
    ///
    /// ```
    /// use lgf::study::Categories;
    ///
    /// let sixteen = Categories::sixteen();
    /// assert_eq!(sixteen.names.len(), 16);
    /// assert_eq!(sixteen.classes.iter().map(Vec::len).sum::<usize>(), 207);
    /// assert_eq!(sixteen.classes[sixteen.place("airplane").unwrap()], [404]);
    /// ```
    pub fn sixteen() -> Self {
        Categories::parse(include_str!("../../data/sixteen_categories.csv"), &ClassList::imagenet())
            .expect("the list in the project is whole")
    }

    /// Each class of a list as a category of its own, by its name in lower case and letters alone (`golfball`).
    pub fn each(classes: &ClassList) -> Self {
        let names = classes.names.iter().map(|name| short_name(name)).collect();
        Categories { names, classes: (0..classes.len()).map(|class| vec![class]).collect() }
    }

    /// Categories from CSV text whose header has `category` and `wnid`: a row a class, as `data/sixteen_categories.csv`.
    /// Categories stand in the order in which they first come, in lower case; other columns are passed over.
    ///
    /// # Errors
    /// [`Code::Table`] with the line for a header without those, a class that is none of `classes`, one that is there twice,
    /// or fewer than two categories.
    pub fn parse(text: &str, classes: &ClassList) -> Result<Self> {
        let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(text.as_bytes());
        let wrong = |line: u64, found: String| Error::new(Code::Table, found).place(format!("line {line}"));
        let broken = |cause: csv::Error| Error::new(Code::Table, "not a table of categories").because(cause);
        let header: Vec<String> = reader.headers().map_err(broken)?.iter().map(|name| name.trim().into()).collect();
        let place_of = |wanted: &str| {
            header.iter().position(|name| name.eq_ignore_ascii_case(wanted)).ok_or_else(|| {
                wrong(1, format!("no column {wanted:?}; the columns are {}", header.join(", ")))
                    .hint("a table of categories has a row a class: category,wnid")
            })
        };
        let (category, wnid) = (place_of("category")?, place_of("wnid")?);
        let mut found = Categories { names: Vec::new(), classes: Vec::new() };
        for record in reader.into_records() {
            let record = record.map_err(broken)?;
            let line = record.position().map_or(0, csv::Position::line);
            let cell = |place: usize| record.get(place).unwrap_or_default().trim();
            let (name, wnid) = (cell(category), cell(wnid));
            // As decision files are read.
            let name = &name.to_lowercase();
            if name.is_empty() {
                return Err(wrong(line, "no category".into()));
            }
            let class = classes
                .index_of(wnid)
                .ok_or_else(|| wrong(line, format!("{wnid:?} is none of the networks' {} classes", classes.len())))?;
            if found.classes.iter().flatten().any(|other| *other == class) {
                return Err(wrong(line, format!("{wnid} is there twice; a class is of one category at most")));
            }
            match found.names.iter().position(|other| other == name) {
                Some(place) => found.classes[place].push(class),
                None => {
                    found.names.push(name.to_string());
                    found.classes.push(vec![class]);
                }
            }
        }
        if found.names.len() < 2 {
            let count = found.names.len();
            return Err(Error::new(Code::Table, format!("{count} categories, expected at least two to choose among")));
        }
        Ok(found)
    }

    /// The place of the category of a name, or of one that differs from it in case and other signs than letters alone.
    pub fn place(&self, name: &str) -> Option<usize> {
        let exact = self.names.iter().position(|other| other == name);
        exact.or_else(|| {
            let short = short_name(name);
            self.names.iter().position(|other| !short.is_empty() && short_name(other) == short)
        })
    }

    /// Their names for a message.
    pub fn in_words(&self) -> String {
        listed(&self.names, 20)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sixteen_have_as_many_classes_as_published() {
        let sixteen = Categories::sixteen();
        let counts: Vec<(&str, usize)> =
            sixteen.names.iter().map(String::as_str).zip(sixteen.classes.iter().map(Vec::len)).collect();
        let published = [
            ("airplane", 1),
            ("bear", 4),
            ("bicycle", 2),
            ("bird", 49),
            ("boat", 5),
            ("bottle", 7),
            ("car", 3),
            ("cat", 6),
            ("chair", 4),
            ("clock", 3),
            ("dog", 109),
            ("elephant", 2),
            ("keyboard", 2),
            ("knife", 1),
            ("oven", 1),
            ("truck", 8),
        ];
        assert_eq!(counts, published);
        // The numbers and names in the file are those of the list of classes.
        let classes = ClassList::imagenet();
        for line in include_str!("../../data/sixteen_categories.csv").lines().skip(1) {
            let fields: Vec<&str> = line.splitn(4, ',').collect();
            assert_eq!(classes.index_of(fields[1]), fields[2].parse().ok(), "{line}");
        }
    }

    #[test]
    fn a_table_of_ones_own_is_read_and_what_is_wrong_is_named_with_its_line() {
        let classes = ClassList::sample();
        let own = "Category,WNID\nFish,n90000001\ntool,n90000004\ntool,n90000008\n";
        let found = Categories::parse(own, &classes).unwrap();
        assert_eq!((found.names, found.classes), (vec!["fish".into(), "tool".into()], vec![vec![0], vec![3, 7]]));
        for (text, place, why) in [
            ("category\nfish\n", "line 1", "no column \"wnid\""),
            ("category,wnid\nfish,n1\n", "line 2", "\"n1\" is none of the networks' 10 classes"),
            ("category,wnid\nfish,n90000001\ntool,n90000001\n", "line 3", "there twice"),
            ("category,wnid\n,n90000001\n", "line 2", "no category"),
        ] {
            let error = Categories::parse(text, &classes).unwrap_err();
            assert_eq!(error.at(), Some(place));
            assert!(error.to_string().contains(why), "{error}");
        }
        assert!(Categories::parse("category,wnid\nfish,n90000001\n", &classes).is_err(), "nothing to choose");
        assert_eq!(Categories::each(&classes).place("Golf ball"), Some(8));
        assert_eq!(Categories::each(&classes).place("7"), None);
    }
}
