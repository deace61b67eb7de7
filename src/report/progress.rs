//! How far all shards are, as one page.

use maud::{Markup, PreEscaped, html};

use super::page::Page;
use crate::files::Worked;
use crate::notebook::format_count;
use crate::stage::StepPlan;

const STYLE: &str = "meter{width:100%;height:1.1em}td.n{text-align:right;white-space:nowrap}";

/// A page that needs no other file: a bar a step, and what each process did. `title` is the study's name; where `seconds` are
/// given, a browser loads it again after as many.
///
/// ```
/// use lgf::report::progress_page;
/// use lgf::stage::StepPlan;
///
/// let plan = StepPlan { step: "edges".into(), parts: Vec::new(), waits: Some("waits for boxes".into()) };
/// let page = progress_page("imagenette", &[plan], Some(5));
/// assert!(page.contains("waits for boxes") && page.contains("http-equiv=\"refresh\""));
/// ```
pub fn progress_page(title: &str, plans: &[StepPlan], seconds: Option<u32>) -> String {
    let mut page = Page::default();
    page.section("Steps", steps(plans));
    for plan in plans.iter().filter(|plan| !plan.finished() && plan.begun()) {
        page.section(&format!("Shards of {}", plan.step), shards(plan));
    }
    let (done, items) = plans.iter().fold((0, 0), |sum, plan| (sum.0 + plan.done(), sum.1 + plan.items()));
    let answer = html! {
        @if let Some(seconds) = seconds { meta http-equiv="refresh" content=(seconds); }
        style { (PreEscaped(STYLE)) }
        p.answer { (format_count(done as usize)) " of " (format_count(items as usize)) " items of the steps that can be counted now are done." }
    };
    page.finish(
        &format!("How far it is: {title}"),
        "Items are what a step counts: photographs, or pictures of each network.",
        &answer,
    )
}

fn steps(plans: &[StepPlan]) -> Markup {
    html! {
        table {
            tr { th { "step" } th { "done" } th { "of" } th { "" } th { "how far" } th { "left in a shard, at most" } th { "time for that" } }
            @for plan in plans {
                tr {
                    td { (plan.step) }
                    td.n { @if plan.waits.is_none() { (format_count(plan.done() as usize)) } }
                    td.n { @if plan.waits.is_none() { (format_count(plan.items() as usize)) } }
                    td style="min-width:12em" { @if plan.waits.is_none() { (bar(plan.done(), plan.items())) } }
                    td { (plan.state()) }
                    td.n { @if let Some(most) = plan.to_do().iter().max() { (format_count(*most as usize)) } }
                    td.n { @if let (Some(most), false) = (most(plan), plan.finished()) { (time(most)) } }
                }
            }
        }
    }
}

fn most(plan: &StepPlan) -> Option<f64> {
    plan.seconds()?.into_iter().reduce(f64::max)
}

fn bar(done: u64, items: u64) -> Markup {
    html! { meter min="0" max=(items.max(1)) value=(done) { (done) " of " (items) } }
}

/// Whole units, as a person says them.
fn time(seconds: f64) -> String {
    match seconds.round() as u64 {
        whole @ 0..=119 => format!("{whole} s"),
        whole @ 120..=7199 => format!("{} min", whole / 60),
        whole => format!("{} h {} min", whole / 3600, whole % 3600 / 60),
    }
}

/// What each shard has done and has left, and who worked on it.
fn shards(plan: &StepPlan) -> Markup {
    let to_do = plan.to_do();
    let of = |shard: usize| plan.parts.iter().filter_map(|part| part.of_shard.get(shard)).sum::<u64>();
    html! {
        table {
            tr { th { "shard" } th { "done" } th { "of" } th { "" } th { "processes" } }
            @for (shard, left) in to_do.iter().enumerate() {
                tr {
                    td { (shard) "/" (to_do.len()) }
                    td.n { (of(shard) - left) }
                    td.n { (of(shard)) }
                    td style="min-width:12em" { (bar(of(shard) - left, of(shard))) }
                    td { (processes(plan, shard, to_do.len()).join(", ")) }
                }
            }
        }
    }
}

/// The processes that worked on a shard; those that were none of so many are told with the first.
fn processes(plan: &StepPlan, shard: usize, count: usize) -> Vec<String> {
    let own = |worked: &&Worked| match worked.shard {
        Some(own) if own.count() as usize == count => own.index() as usize == shard,
        _ => shard == 0,
    };
    let mut names: Vec<String> = Vec::new();
    for worked in plan.parts.iter().flat_map(|part| &part.workers).filter(own) {
        let other = worked.shard.filter(|own| own.count() as usize != count);
        let as_shard = other.map_or_else(String::new, |other| format!(" as {other}"));
        let name = format!("{} on {}{as_shard}", worked.process, worked.machine);
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::{Planned, Shard};

    #[test]
    fn a_page_has_each_shard_with_what_it_did_and_who_worked_on_it() {
        let worked = |shard: &str, machine: &str, process| Worked {
            shard: Some(shard.parse::<Shard>().unwrap()),
            machine: machine.into(),
            process,
            items: 3,
        };
        let part = Planned {
            items: 20,
            done: 6,
            finished: false,
            of_shard: vec![11, 9],
            to_do: vec![8, 6],
            workers: vec![worked("0/2", "node<1>", 7), worked("1/2", "node2", 8), worked("2/3", "node3", 9)],
            ..Planned::finished("edges", "photographs", 20)
        };
        let page = progress_page("s", &[StepPlan { step: "edges".into(), parts: vec![part], waits: None }], None);
        for text in ["6 of 20 items", "0/2", "1/2", "7 on node&lt;1&gt;, 9 on node3 as 2/3", "8 on node2", "begun"] {
            assert!(page.contains(text), "{text}");
        }
        assert!(!page.contains("refresh"));
    }

    #[test]
    fn times_are_said_as_a_person_says_them() {
        assert_eq!([3.4, 119.0, 125.0, 7300.0].map(time), ["3 s", "119 s", "2 min", "2 h 1 min"]);
    }
}
