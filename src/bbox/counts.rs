//! The numbers of a reading, which add up: `in = ok + skipped`.

use serde::{Deserialize, Serialize};

use super::check::Checked;
use crate::error::{Code, Error, Result};
use crate::notebook::counted;
use crate::table::Reject;

/// What was read and what was not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Inner archives that were read.
    pub archives: u64,
    /// Inner archives that were skipped.
    pub archives_skipped: u64,
    /// XML files that were read.
    pub files: u64,
    /// XML files, and other members, that were skipped.
    pub files_skipped: u64,
    /// Files read that have no object at all.
    pub files_without_object: u64,
    /// Files read that have several objects.
    pub files_with_several: u64,
    /// Boxes in the table.
    pub boxes: u64,
    /// Boxes that were skipped.
    pub boxes_skipped: u64,
    /// Files that operating systems left behind (`._*`, `.DS_Store`, `__MACOSX`, `Thumbs.db`, `desktop.ini`): passed
    /// over.
    pub leftovers: u64,
}

impl Counts {
    /// The closing line of the step.
    ///
    /// ```
    /// use lgf::bbox::Counts;
    ///
    /// let counts = Counts { archives: 2, files: 9, files_skipped: 1, boxes: 11, ..Counts::default() };
    /// assert!(counts.line().starts_with("10 files in = 9 read + 1 skipped"));
    /// ```
    pub fn line(&self) -> String {
        let total = |one: u64, other: u64, noun: &str| counted((one + other) as usize, noun);
        let boxes = self.boxes + self.boxes_skipped;
        let leftovers = match self.leftovers {
            0 => String::new(),
            count => format!("; {} of an operating system passed over", counted(count as usize, "file")),
        };
        format!(
            "{} in = {} read + {} skipped; {boxes} {} in = {} kept + {} skipped; {} in = {} read + {} skipped; \
             {} without object, {} with several{leftovers}",
            total(self.files, self.files_skipped, "file"),
            self.files,
            self.files_skipped,
            if boxes == 1 { "box" } else { "boxes" },
            self.boxes,
            self.boxes_skipped,
            total(self.archives, self.archives_skipped, "archive"),
            self.archives,
            self.archives_skipped,
            counted(self.files_without_object as usize, "file"),
            self.files_with_several,
        )
    }

    pub(super) fn add(&mut self, other: &Counts) {
        self.archives += other.archives;
        self.archives_skipped += other.archives_skipped;
        self.files += other.files;
        self.files_skipped += other.files_skipped;
        self.files_without_object += other.files_without_object;
        self.files_with_several += other.files_with_several;
        self.boxes += other.boxes;
        self.boxes_skipped += other.boxes_skipped;
        self.leftovers += other.leftovers;
    }

    pub(super) fn file(&mut self, checked: &Checked) {
        self.files += 1;
        self.files_without_object += u64::from(checked.declared == 0);
        self.files_with_several += u64::from(checked.declared > 1);
        self.boxes += checked.annotation.objects.len() as u64;
        self.boxes_skipped += checked.skipped.len() as u64;
    }

    /// Fails if nothing was read, or if too much was skipped.
    pub(super) fn accept(&self, max_share: f64, first: Option<&Reject>) -> Result<()> {
        let example = first
            .map(|row| format!("; the first: {}: {}", [&*row.member, &*row.place].join(" ").trim_end(), row.message));
        let example = example.unwrap_or_default();
        if self.files == 0 {
            return Err(Error::new(Code::Xml, format!("no annotation could be read ({}){example}", self.line()))
                .hint("expected a tar.gz of <wnid>.tar.gz of XML files, or a folder of them"));
        }
        let share = |skipped: u64, read: u64| skipped as f64 / (skipped + read).max(1) as f64;
        let worst = share(self.files_skipped, self.files).max(share(self.archives_skipped, self.archives));
        if worst > max_share {
            let message = format!("{:.1} % were skipped, more than {:.1} %", 100.0 * worst, 100.0 * max_share);
            return Err(Error::new(Code::Xml, format!("{message} ({}){example}", self.line()))
                .hint("allow a larger share with max_reject_share, if they may be missing"));
        }
        Ok(())
    }
}
