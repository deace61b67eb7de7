//! Progress as whole lines, a few a stage, or as one line that is rewritten, and the stop button of the stage that runs.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::interrupt::{GOES_ON, Interrupt};
use super::print::{rewrite, say, warn};
use super::table::format_count;
use crate::error::{Code, Error, Result};

/// Lines come at most once in this time, and at least once in `SLOW`.
const QUICK: Duration = Duration::from_secs(1);
const SLOW: Duration = Duration::from_secs(10);
/// After the first minute a line a minute is enough.
const LONG: Duration = Duration::from_secs(60);

/// A line that is rewritten may come this often.
const REWRITTEN: Duration = Duration::from_millis(500);
/// Between the stages that share such a line.
const BESIDE: &str = " | ";

/// The line that is rewritten, of which a screen has one.
static LINE: Mutex<Line> = Mutex::new(Line { stages: Vec::new(), letters: 0 });
/// A number for each stage that shares it.
static STAGES: AtomicUsize = AtomicUsize::new(0);

/// Whether and under which name a stage reports how far it is.
///
/// ```
/// use lgf::notebook::Progress;
///
/// # fn main() -> lgf::Result<()> {
/// let stage = Progress::silent().start(3, "images");
/// for image in 0..3 {
///     stage.check()?; // the stop button
///     if image == 1 { stage.skip() } else { stage.tick() }
/// }
/// let summary = stage.finish();
/// assert_eq!((summary.total, summary.ok, summary.skipped), (3, 2, 1));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    name: String,
    says: Says,
}

/// What a stage says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Says {
    /// How it begins, how far it is, how it ended.
    All,
    /// How it ended, and how far it is when that takes long.
    End,
    Nothing,
}

impl Progress {
    /// Reports in lines that begin with a name.
    pub fn bar(name: impl Into<String>) -> Self {
        Progress { name: name.into(), says: Says::All }
    }

    /// Reports nothing; the stop button works all the same.
    pub fn silent() -> Self {
        Progress { name: "stage".into(), says: Says::Nothing }
    }

    /// The same, its lines beginning with another name.
    pub fn named(&self, name: &str) -> Self {
        Progress { name: name.to_string(), says: self.says }
    }

    /// The same, its lines beginning with what it is about, too: `experiments, 6 networks`.
    pub fn about(&self, what: &str) -> Self {
        Progress { name: format!("{}, {what}", self.name), says: self.says }
    }

    /// The same in one line, the last, where a stage is short: in between it says something when that takes long.
    pub(crate) fn brief(self) -> Self {
        let says = if self.says == Says::All { Says::End } else { self.says };
        Progress { says, ..self }
    }

    /// Begins a stage of `total` items, named in the plural ("images"); stop is heard until the stage ends.
    pub fn start(&self, total: usize, unit: &str) -> Stage {
        let interrupt = Interrupt::hold();
        if let Err(error) = &interrupt {
            warn(&format!("the stop button will not work: {error}"));
        }
        let now = Instant::now();
        // A kernel whose front end can rewrite a line says so.
        let rewrites =
            self.says != Says::Nothing && std::env::var_os("LGF_PROGRESS").is_some_and(|way| way == "rewrite");
        let stage = Stage {
            rewrites: rewrites.then(|| STAGES.fetch_add(1, Ordering::Relaxed)),
            progress: self.clone(),
            unit: unit.to_string(),
            total,
            ok: AtomicUsize::new(0),
            skipped: AtomicUsize::new(0),
            before: AtomicUsize::new(0),
            began: now,
            said: Mutex::new(Said { at: now, tenth: 0 }),
            finished: false,
            interrupt: interrupt.ok(),
        };
        if rewrites || self.says == Says::All {
            stage.line(|| format!("0 of {} {unit}", format_count(total)));
        }
        stage
    }
}

/// A stage that runs: threads share it by reference and count their items on it.
#[derive(Debug)]
pub struct Stage {
    progress: Progress,
    /// Its number on the line that is rewritten; none where lines are whole.
    rewrites: Option<usize>,
    unit: String,
    total: usize,
    ok: AtomicUsize,
    skipped: AtomicUsize,
    before: AtomicUsize,
    began: Instant,
    said: Mutex<Said>,
    finished: bool,
    interrupt: Option<Interrupt>,
}

#[derive(Debug)]
struct Said {
    at: Instant,
    tenth: usize,
}

/// How a stage ended: items in = `ok` + `skipped`, unless it was left early.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    /// Items that were expected.
    pub total: usize,
    /// Items that were done.
    pub ok: usize,
    /// Items that were left out.
    pub skipped: usize,
    /// Items of both that an earlier run finished.
    pub before: usize,
    /// Time from the first to the last, in seconds.
    pub seconds: f64,
}

impl Stage {
    /// Counts one item as done.
    pub fn tick(&self) {
        self.ok.fetch_add(1, Ordering::Relaxed);
        self.report();
    }

    /// Counts some items as done at once.
    pub fn advance(&self, count: usize) {
        self.ok.fetch_add(count, Ordering::Relaxed);
        self.report();
    }

    /// Counts items that an earlier run finished.
    pub(crate) fn goes_on(&self, count: usize) {
        self.ok.fetch_add(count, Ordering::Relaxed);
        self.before.fetch_add(count, Ordering::Relaxed);
        if count > 0 {
            self.line(|| format!("goes on at {} of {}", format_count(count), format_count(self.total)));
        }
    }

    /// Counts one item as left out.
    pub fn skip(&self) {
        self.skipped.fetch_add(1, Ordering::Relaxed);
        self.report();
    }

    /// Whether stop was pressed.
    pub fn stopped(&self) -> bool {
        self.interrupt.as_ref().is_some_and(Interrupt::asked)
    }

    /// Goes on unless stop was pressed; call it before each item.
    ///
    /// # Errors
    /// [`Code::Stopped`] once it was.
    pub fn check(&self) -> Result<()> {
        if !self.stopped() {
            return Ok(());
        }
        Err(Error::new(Code::Stopped, format!("{}: {}", self.progress.name, self.stopped_at())).hint(GOES_ON))
    }

    /// Ends the stage with a line that says how many items came in, went through and were left out, and the time.
    pub fn finish(mut self) -> Summary {
        self.finished = true;
        let summary = Summary {
            total: self.total,
            ok: self.ok.load(Ordering::Relaxed),
            skipped: self.skipped.load(Ordering::Relaxed),
            before: self.before.load(Ordering::Relaxed),
            seconds: self.began.elapsed().as_secs_f64(),
        };
        self.last_line(|| last_line(&summary, &self.unit));
        summary
    }

    fn done(&self) -> usize {
        self.ok.load(Ordering::Relaxed) + self.skipped.load(Ordering::Relaxed)
    }

    fn stopped_at(&self) -> String {
        format!("stopped at {} of {} {}", format_count(self.done()), format_count(self.total), self.unit)
    }

    fn line(&self, text: impl FnOnce() -> String) {
        self.tell(text, false);
    }

    fn last_line(&self, text: impl FnOnce() -> String) {
        self.tell(text, true);
    }

    fn tell(&self, text: impl FnOnce() -> String, last: bool) {
        if self.progress.says == Says::Nothing {
            return;
        }
        let text = format!("{}: {}", self.progress.name, text());
        match self.rewrites {
            // The lock is held until the line is out: what comes out last is the newest.
            Some(stage) => Line::with(|line| rewrite(&line.with_stage(stage, text, last), last)),
            None => say(&text),
        }
    }

    fn report(&self) {
        if self.progress.says == Says::Nothing {
            return;
        }
        let done = self.done();
        // The last item is reported by `finish`, and a thread never waits for another's line.
        let Ok(mut said) = self.said.try_lock() else { return };
        let due = match self.rewrites {
            Some(_) => said.at.elapsed() >= REWRITTEN,
            None if self.progress.says == Says::End => said.at.elapsed() >= SLOW,
            None => due(done, self.total, said.tenth, said.at.elapsed(), self.began.elapsed()),
        };
        if done >= self.total || !due {
            return;
        }
        *said = Said { at: Instant::now(), tenth: done * 10 / self.total };
        let before = self.before.load(Ordering::Relaxed);
        self.line(|| line_between([before, done, self.total], &self.unit, self.began.elapsed().as_secs_f64()));
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        if !self.finished && self.stopped() {
            self.last_line(|| format!("{}; {GOES_ON}", self.stopped_at()));
        }
        if let Some(stage) = self.rewrites {
            Line::with(|line| line.stages.retain(|(other, _)| *other != stage));
        }
    }
}

/// The line that is rewritten: what each stage that runs said last, in the order in which they began.
#[derive(Debug)]
struct Line {
    stages: Vec<(usize, String)>,
    letters: usize,
}

impl Line {
    fn with(work: impl FnOnce(&mut Line)) {
        work(&mut LINE.lock().unwrap_or_else(|poisoned| poisoned.into_inner()));
    }

    /// The line once a stage has said something; the last that a stage says stays, alone, and the others go on below.
    fn with_stage(&mut self, stage: usize, text: String, last: bool) -> String {
        match self.stages.iter().position(|(other, _)| *other == stage) {
            Some(place) if last => drop(self.stages.remove(place)),
            Some(place) => self.stages[place].1 = text.clone(),
            None if last => {}
            None => self.stages.push((stage, text.clone())),
        }
        let texts: Vec<&str> = self.stages.iter().map(|(_, text)| text.as_str()).collect();
        let line = if last { text } else { texts.join(BESIDE) };
        // Spaces over what a longer line left.
        let before = std::mem::replace(&mut self.letters, if last { 0 } else { line.chars().count() });
        format!("{line:before$}")
    }
}

/// Whether a line is due: at every tenth, but not within a second of the last one, and when nothing was said for long.
fn due(done: usize, total: usize, tenth: usize, silent: Duration, running: Duration) -> bool {
    let patience = if running < LONG { SLOW } else { LONG };
    (silent >= QUICK && done * 10 / total.max(1) > tenth) || silent >= patience
}

/// Of `total` items `done` are done, `before` of them by an earlier run.
fn line_between([before, done, total]: [usize; 3], unit: &str, seconds: f64) -> String {
    let rate = done.saturating_sub(before) as f64 / seconds.max(1e-9);
    let left = (total.saturating_sub(done)) as f64 / rate.max(1e-9);
    format!(
        "{} of {} ({} %), {} {unit}/s, {} left",
        format_count(done),
        format_count(total),
        done * 100 / total.max(1),
        short(rate),
        time(left)
    )
}

fn last_line(summary: &Summary, unit: &str) -> String {
    let done = summary.ok + summary.skipped;
    let new = done.saturating_sub(summary.before);
    let mut text =
        format!("{} of {} {unit} in {}", format_count(done), format_count(summary.total), time(summary.seconds));
    if new > 0 {
        text.push_str(&format!(" ({} {unit}/s)", short(new as f64 / summary.seconds.max(1e-9))));
    }
    if summary.skipped > 0 {
        text.push_str(&format!(": {} done, {} left out", format_count(summary.ok), format_count(summary.skipped)));
    }
    text
}

/// Two digits are enough for a rate.
fn short(rate: f64) -> String {
    if rate < 10.0 { format!("{rate:.1}") } else { format_count(rate.min(1e12) as usize) }
}

fn time(seconds: f64) -> String {
    let whole = seconds.round() as u64;
    match whole {
        0..=9 => format!("{seconds:.1} s"),
        10..=119 => format!("{whole} s"),
        120..=7199 => format!("{} min {} s", whole / 60, whole % 60),
        _ => format!("{} h {} min", whole / 3600, whole % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_say_count_share_rate_and_time() {
        assert_eq!(line_between([0, 12, 30], "images", 1.48), "12 of 30 (40 %), 8.1 images/s, 2.2 s left");
        assert_eq!(line_between([500, 512, 530], "images", 1.48), "512 of 530 (96 %), 8.1 images/s, 2.2 s left");
        assert_eq!(line_between([0, 1000, 9000], "boxes", 1.0), "1,000 of 9,000 (11 %), 1,000 boxes/s, 8.0 s left");
        let summary = Summary { total: 30, ok: 28, skipped: 2, before: 0, seconds: 3.7 };
        assert_eq!(last_line(&summary, "images"), "30 of 30 images in 3.7 s (8.1 images/s): 28 done, 2 left out");
        let none = Summary { total: 0, ok: 0, skipped: 0, before: 0, seconds: 0.0 };
        assert_eq!(last_line(&none, "images"), "0 of 0 images in 0.0 s");
        assert_eq!(time(4416.0), "73 min 36 s");
        assert_eq!(time(7260.0), "2 h 1 min");
    }

    #[test]
    fn a_line_is_due_at_each_tenth_or_after_a_while() {
        let second = Duration::from_secs;
        assert!(due(10, 100, 0, second(1), second(5)));
        assert!(!due(10, 100, 0, Duration::from_millis(500), second(5)));
        assert!(!due(19, 100, 1, second(9), second(50)));
        assert!(due(19, 100, 1, second(10), second(50)));
        assert!(!due(19, 100, 1, second(30), second(500)));
        assert!(due(19, 100, 1, second(60), second(500)));
        assert!(!due(0, 0, 0, second(1), second(1)));
    }

    #[test]
    fn stages_share_the_line_that_is_rewritten() {
        let mut line = Line { stages: Vec::new(), letters: 0 };
        let mut says = |stage, text: &str, last| line.with_stage(stage, text.to_string(), last);
        assert_eq!(says(1, "runs: 0 of 2", false), "runs: 0 of 2");
        assert_eq!(says(2, "edges: 0 of 9", false), "runs: 0 of 2 | edges: 0 of 9");
        assert_eq!(says(2, "edges: 5 of 9", false), "runs: 0 of 2 | edges: 5 of 9");
        assert_eq!(says(2, "edges: 9 of 9 in 1 s", true), format!("{:28}", "edges: 9 of 9 in 1 s"));
        assert_eq!(says(1, "runs: 1 of 2", false), "runs: 1 of 2");
        assert_eq!(says(1, "runs: 2", true), "runs: 2     ");
        assert_eq!(says(3, "boxes: 1", false), "boxes: 1");
    }

    /// In a process of its own: the environment concerns all tests of a process.
    #[test]
    fn where_the_kernel_can_rewrite_a_stage_has_one_line() {
        let name = "where_the_kernel_can_rewrite_a_stage_has_one_line";
        if std::env::var_os("LGF_TEST_CHILD").is_none() {
            let path = format!("{}::{name}", module_path!().split_once("::").unwrap().1);
            let child = std::process::Command::new(std::env::current_exe().unwrap())
                .args([&path, "--exact", "--nocapture", "--test-threads=1"])
                .envs([("LGF_TEST_CHILD", "1"), ("LGF_PROGRESS", "rewrite")])
                .output()
                .unwrap();
            let out = String::from_utf8_lossy(&child.stdout);
            // Before the first stands what the test's own harness says.
            let lines: Vec<&str> = out.split('\n').filter_map(|line| line.find('\r').map(|at| &line[at..])).collect();
            assert_eq!(lines.len(), 4, "{out}");
            assert_eq!(lines[..2], ["\rruns: 0 of 2 runs", "\rruns: 0 of 2 runs | edges: 0 of 1 images"]);
            assert!(lines[2].starts_with("\redges: 1 of 1 images in") && lines[2].ends_with('\r'), "{out}");
            assert!(lines[3].starts_with("\rruns: 1 of 2 runs in") && lines[3].ends_with('\r'), "{out}");
            return;
        }
        let outer = Progress::bar("runs").start(2, "runs");
        let inner = Progress::bar("edges").start(1, "images");
        inner.tick();
        inner.finish();
        outer.tick();
        outer.finish();
    }

    #[test]
    fn threads_count_on_one_stage() {
        let stage = Progress::silent().start(800, "images");
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for item in 0..200 {
                        if item % 2 == 0 { stage.tick() } else { stage.skip() }
                    }
                });
            }
        });
        let summary = stage.finish();
        assert_eq!((summary.ok, summary.skipped, summary.total), (400, 400, 800));
    }
}
