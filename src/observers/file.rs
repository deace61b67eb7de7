//! Decision files in the field's form.

use std::collections::HashSet;
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::{Code, Error, Result, listed};
use crate::files::{is_leftover, write_whole};

/// The columns of a decision file, in order.
const COLUMNS: [&str; 8] = ["subj", "session", "trial", "rt", "object_response", "category", "condition", "imagename"];
/// How a trial without a response is written.
const MISSED: [&str; 4] = ["na", "nan", "none", ""];

/// A trial.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// The observer.
    pub observer: Arc<str>,
    /// The session.
    pub session: Arc<str>,
    /// The number of the trial in it, as the file has it.
    pub trial: u32,
    /// Response time in seconds; of a network, and of a missed trial, NaN.
    pub rt: f64,
    /// The category that was chosen; `None` for a missed trial, and where a network gives no answer.
    pub response: Option<Arc<str>>,
    /// What the picture shows.
    pub category: Arc<str>,
    /// The condition, as text.
    pub condition: Arc<str>,
    /// The picture's name, as the file has it.
    pub imagename: String,
}

/// Texts that come again and again, each kept once.
#[derive(Default)]
struct Words(HashSet<Arc<str>>);

impl Words {
    fn of(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.0.get(text) {
            return known.clone();
        }
        let new: Arc<str> = text.into();
        self.0.insert(new.clone());
        new
    }
}

/// The trials of a decision file, in its order. Columns may stand in any order and case, others beside them are passed over;
/// `na` in any case, `NaN` and nothing are missed trials; categories are told in lower case, conditions as they are written.
///
/// # Errors
/// [`Code::Io`]; [`Code::Table`] with the line for a missing column (listing those there are), a row of another length, a
/// number that is none, a trial without category or picture, or no trial at all.
pub fn read_decisions(path: &Path) -> Result<Vec<Decision>> {
    let file = File::open(path).map_err(|cause| Error::io("reading", path, cause))?;
    parse(BufReader::with_capacity(1 << 18, file)).map_err(|error| error.path(path))
}

pub(super) fn parse(bytes: impl std::io::Read) -> Result<Vec<Decision>> {
    let at = |line: u64, found: String| Error::new(Code::Table, found).place(format!("line {line}"));
    let broken = |cause: csv::Error| {
        let place = cause.position().map(|position| format!("line {}", position.line()));
        let error = Error::new(Code::Table, "not a decision file");
        let error = match cause.kind() {
            csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
                Error::new(Code::Table, format!("{len} fields, expected {expected_len}"))
            }
            _ => error.because(cause),
        };
        place.into_iter().fold(error, Error::place)
    };
    let mut reader = csv::Reader::from_reader(bytes);
    let header: Vec<String> = reader
        .headers()
        .map_err(broken)?
        .iter()
        .map(|name| name.trim().trim_start_matches('\u{feff}').into())
        .collect();
    let mut places = [0; COLUMNS.len()];
    for (place, wanted) in places.iter_mut().zip(COLUMNS) {
        let mut own = (0..header.len()).filter(|&column| header[column].eq_ignore_ascii_case(wanted));
        *place = own.next().ok_or_else(|| {
            at(1, format!("no column {wanted:?}; the columns are {}", header.join(", ")))
                .hint(format!("a decision file has a row a trial: {}", COLUMNS.join(",")))
        })?;
        if own.next().is_some() {
            return Err(at(1, format!("two columns {wanted:?}")));
        }
    }
    let (mut words, mut found, mut record) = (Words::default(), Vec::new(), csv::StringRecord::new());
    while reader.read_record(&mut record).map_err(broken)? {
        let line = record.position().map_or(0, csv::Position::line);
        let cell = |column: usize| record.get(places[column]).unwrap_or_default().trim();
        let missed = |text: &str| MISSED.iter().any(|own| text.eq_ignore_ascii_case(own));
        let rt = match cell(3) {
            text if missed(text) => f64::NAN,
            text => text.parse().map_err(|_| at(line, format!("rt is {text:?}, expected seconds, NaN or na")))?,
        };
        // Some tools write whole numbers as 1.0.
        let trial = cell(2).trim_end_matches(".0");
        let trial = trial.parse().map_err(|_| at(line, format!("trial is {trial:?}, expected a whole number")))?;
        for (column, name) in [(0, "subj"), (5, "category"), (7, "imagename")] {
            if cell(column).is_empty() {
                return Err(at(line, format!("no {name}")));
            }
        }
        let response = cell(4);
        found.push(Decision {
            observer: words.of(cell(0)),
            session: words.of(cell(1)),
            trial,
            rt,
            response: (!missed(response)).then(|| words.of(&response.to_lowercase())),
            category: words.of(&cell(5).to_lowercase()),
            condition: words.of(cell(6)),
            imagename: cell(7).to_string(),
        });
    }
    if found.is_empty() {
        return Err(Error::new(Code::Table, "no trial in it"));
    }
    Ok(found)
}

/// The trials of all decision files (`.csv`) of a folder, files in order of their names.
///
/// # Errors
/// As [`read_decisions`]; [`Code::Missing`] if there is none.
pub fn read_folder(folder: &Path) -> Result<Vec<(PathBuf, Vec<Decision>)>> {
    let unreadable = |cause| Error::io("listing", folder, cause);
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let csv = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("csv"));
        if csv && !is_leftover(&name) && !name.starts_with('.') {
            files.push(path);
        }
    }
    if files.is_empty() {
        return Err(Error::new(Code::Missing, "no decision file (.csv) in it").path(folder));
    }
    files.sort();
    files.into_iter().map(|path| Ok((path.clone(), read_decisions(&path)?))).collect()
}

/// The name of a network's decision file: `<set>_<network-with-dashes>_session-1.csv`.
///
/// ```
/// assert_eq!(lgf::observers::decision_file_name("edge", "vgg_16"), "edge_vgg-16_session-1.csv");
/// ```
pub fn decision_file_name(set: &str, observer: &str) -> String {
    format!("{set}_{}_session-1.csv", observer.replace('_', "-"))
}

/// Writes trials as a decision file, whole, as model-vs-human reads it: a response time that is none is `NaN`, a missed trial
/// `na`.
///
/// # Errors
/// [`Code::Io`] if it cannot be written.
pub fn write_decisions(path: &Path, decisions: &[Decision]) -> Result<()> {
    write_whole(path, |file| write_to(std::io::BufWriter::new(file), decisions))
}

pub(super) fn write_to(out: impl std::io::Write, decisions: &[Decision]) -> std::io::Result<()> {
    let mut writer = csv::WriterBuilder::new().from_writer(out);
    writer.write_record(COLUMNS)?;
    for one in decisions {
        let (trial, rt) = (one.trial.to_string(), if one.rt.is_nan() { "NaN".into() } else { one.rt.to_string() });
        let response = one.response.as_deref().unwrap_or(MISSED[0]);
        let [observer, session, category, condition] =
            [&one.observer, &one.session, &one.category, &one.condition].map(|text| &**text);
        writer.write_record([observer, session, &trial, &rt, response, category, condition, &one.imagename])?;
    }
    writer.flush()
}

/// Nothing if every category and response of trials is one of some names.
///
/// # Errors
/// [`Code::Table`] with how many are not, the first of them, and the names there are.
pub(super) fn check_names_of(decisions: &[Decision], names: &[String]) -> Result<()> {
    let known: HashSet<&str> = names.iter().map(String::as_str).collect();
    for what in ["category", "response"] {
        let of = |one: &'_ Decision| match what {
            "category" => Some(one.category.clone()),
            _ => one.response.clone(),
        };
        let mut others = decisions.iter().filter(|one| of(one).is_some_and(|name| !known.contains(&*name)));
        let Some(first) = others.next() else { continue };
        let name = of(first).unwrap_or_default();
        let found = format!(
            "{} of {} trials have a {what} that is none of {}, the first {name:?} in trial {} of {}",
            1 + others.count(),
            decisions.len(),
            listed(names, 20),
            first.trial,
            first.observer
        );
        return Err(Error::new(Code::Table, found).hint("a study with other categories names a table of them"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "subj,session,trial,rt,object_response,category,condition,imagename\n";

    fn read(text: &str) -> Result<Vec<Decision>> {
        parse(text.as_bytes())
    }

    #[test]
    fn quirks_of_published_files_are_read() {
        let plain =
            read(&format!("{HEAD}subject-01,1,3,0.9,Dog,bear,c05,0003_c_s01_c05_bear_00_n02132136_1.JPEG\n")).unwrap();
        let odd = "Imagename,Subj,SESSION,extra,trial,RT,object_response,Category,condition\r\n\
                   0003_c_s01_c05_bear_00_n02132136_1.JPEG,subject-01,1,x,3.0,0.9,dog,Bear,c05\r\n";
        assert_eq!(plain, read(odd).unwrap());
        let missed = "a,1,1,na,na,bear,0.0,1.png\na,1,2,NaN,NA,bear,0.0,2.png\na,1,3,,,bear,inf,3.png\n";
        let missed = read(&format!("{HEAD}{missed}")).unwrap();
        assert!(missed.iter().all(|one| one.response.is_none() && one.rt.is_nan()));
        assert_eq!((&*missed[0].condition, &*missed[2].condition), ("0.0", "inf"), "as text");
        assert!(Arc::ptr_eq(&missed[0].category, &missed[1].category), "kept once");
    }

    #[test]
    fn bad_input_83_what_is_no_decision_file_is_named_with_its_line() {
        let row = "a,1,1,NaN,dog,bear,0,1.png\n";
        for (text, line, why) in [
            (HEAD.replace("category,", ""), Some("line 1"), "no column \"category\"; the columns are subj, session"),
            (format!("{}{row}", HEAD.replace("condition", "rt")), Some("line 1"), "two columns \"rt\""),
            (format!("{HEAD}{row}a,1,2,NaN,dog\n"), Some("line 3"), "5 fields, expected 8"),
            (format!("{HEAD}{row}{}", row.replace("1,1,", "1,x,")), Some("line 3"), "trial is \"x\""),
            (format!("{HEAD}{}", row.replace("NaN", "fast")), Some("line 2"), "rt is \"fast\""),
            (format!("{HEAD}{}", row.replace("bear", "")), Some("line 2"), "no category"),
            (HEAD.to_string(), None, "no trial"),
            (String::new(), Some("line 1"), "no column \"subj\""),
        ] {
            let error = read(&text).unwrap_err();
            assert_eq!(error.at(), line, "{error}");
            assert!(error.to_string().contains(why), "{error}");
        }
        assert!(parse(&b"subj\xff,\xfe\n"[..]).is_err(), "no text");
    }

    #[test]
    fn bad_input_83_a_response_outside_the_categories_is_counted_and_shown() {
        let rows =
            read(&format!("{HEAD}a,1,1,1,dog,bear,0,1.png\na,1,2,1,wolf,bear,0,2.png\na,1,3,1,fox,bear,0,3.png\n"));
        let names = ["bear".to_string(), "dog".to_string()];
        let error = check_names_of(&rows.unwrap(), &names).unwrap_err().to_string();
        assert!(
            error.contains("2 of 3 trials have a response that is none of bear, dog, the first \"wolf\""),
            "{error}"
        );
    }

    #[test]
    fn what_is_written_is_read_back() {
        let rows = read(&format!("{HEAD}net,1,1,NaN,dog,bear,0,1.png\nnet,1,2,0.25,na,bear,0,\"a,b.png\"\n")).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(decision_file_name("edge", "my_net"));
        write_decisions(&path, &rows).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text, format!("{HEAD}net,1,1,NaN,dog,bear,0,1.png\nnet,1,2,0.25,na,bear,0,\"a,b.png\"\n"));
        let all = read_folder(folder.path()).unwrap();
        assert_eq!(format!("{:?}", all[0].1), format!("{rows:?}"));
        assert!(all[0].0.ends_with("edge_my-net_session-1.csv"));
    }
}
