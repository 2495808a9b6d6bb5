//! The end of a run in words: what was created, what failed and why, what was not started because of it, and what to do
//! next.

use crate::engine::apply::{Ended, StepError};
use crate::failure::Exit;
use crate::io::Io;
use crate::kind::{Address, Call, Change, Kind, key};
use crate::plan::order::held_up;
use crate::plan::{Plan, Step};
use crate::render::deletions;
use crate::state::State;
use crate::text::{counted, some_of};
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, UNIX_EPOCH};

/// The largest number of addresses that a line names.
const NAMED: usize = 20;
/// The number of seconds of a day.
const DAY: u64 = 86_400;

/// What continues a run.
#[derive(Clone, Copy, Debug)]
pub(super) enum Again {
    /// `kmsctl apply`.
    Apply,
    /// `kmsctl destroy`.
    Destroy,
    /// A new plan: the saved one no longer matches the state.
    Plan,
}

impl Again {
    fn words(self) -> &'static str {
        match self {
            Self::Apply => "run `kmsctl apply` again to continue",
            Self::Destroy => "run `kmsctl destroy` again to continue",
            Self::Plan => "make a new plan and apply it to continue: the saved one is used up",
        }
    }
}

/// A run that has ended.
pub(super) struct Applied<'a> {
    pub(super) plan: &'a Plan,
    pub(super) ended: &'a Ended,
    /// The state after the run.
    pub(super) state: &'a State,
    /// Whether something was applied, or AWS may have executed a call.
    pub(super) touched: bool,
    pub(super) again: Again,
    /// The time in seconds since 1970.
    pub(super) now: u64,
}

/// Prints the summary of a run, and returns its exit code.
pub(super) fn summarize(applied: &Applied<'_>, io: &Io) -> Exit {
    if applied.plan.steps.is_empty() && applied.plan.blocked.is_empty() {
        return Exit::Done;
    }
    for line in applied.lines() {
        io.say(&line);
    }
    applied.exit()
}

impl Applied<'_> {
    fn lines(&self) -> Vec<String> {
        let mut lines = self.failed();
        let created = self.created();
        if !created.is_empty() {
            lines.push("Created:".to_owned());
            lines.extend(created);
        }
        let (stopped, failed): (Vec<_>, Vec<_>) =
            self.ended.failed.iter().partition(|(_, error)| error.is_stop());
        let failed: Vec<&Address> = failed.into_iter().map(|(address, _)| address).collect();
        let stopped: Vec<&Address> = stopped.into_iter().map(|(address, _)| address).collect();
        let held = held_up(&self.plan.steps, &failed);
        let (waiting, rest): (Vec<_>, Vec<_>) =
            self.ended.left.iter().partition(|address| held.contains_key(*address));
        let mut causes: BTreeMap<&Address, Vec<&Address>> = BTreeMap::new();
        for address in waiting {
            held.get(address)
                .into_iter()
                .for_each(|cause| causes.entry(cause).or_default().push(address));
        }
        for (cause, addresses) in causes {
            lines.push(format!("Not started, because {cause} failed:\n  {}", named(&addresses)));
        }
        let rest: Vec<&Address> = stopped.into_iter().chain(rest).collect();
        let scheduled = self.scheduled();
        if !scheduled.is_empty() {
            lines.push(deletions(&scheduled));
        }
        lines.push(self.last(failed.len(), &rest));
        lines
    }

    /// Returns the errors, each with what to do about it. Steps often fail for one reason: a help is given once.
    fn failed(&self) -> Vec<String> {
        let mut helps = BTreeSet::new();
        let mut lines = Vec::new();
        let open = self.ended.failed.iter();
        let open = open.filter(|(_, error)| matches!(error, StepError::StoppedOpen));
        let open: Vec<&Address> = open.map(|(address, _)| address).collect();
        if !open.is_empty() {
            let names = named(&open);
            lines.push(format!(
                "The next run finds out whether AWS has executed the call of {names}."
            ));
        }
        for (address, error) in self.ended.failed.iter().filter(|(_, error)| !error.is_stop()) {
            lines.push(format!("error: {address}: {error}"));
            if let Some(help) = error.help().filter(|help| helps.insert(help.clone())) {
                lines.push(format!("help: {help}"));
            }
        }
        lines
    }

    /// Names the keys and consumers that the run created, with the identifiers that AWS gave them.
    fn created(&self) -> Vec<String> {
        let finished: BTreeSet<&Address> = self.ended.finished.iter().collect();
        let created =
            self.plan.steps.iter().filter(|step| matches!(step.change, Change::Create { .. }));
        let lines = created.map(|step| &step.address).filter_map(|address| {
            let record = self.state.records.get(address)?;
            let has_id = address.kind == Kind::Key || address.kind.is_consumer();
            if !has_id {
                return None;
            }
            // A record that is there although the step did not finish is that of a resource that AWS created.
            let note = if finished.contains(address) { "" } else { " (not complete yet)" };
            let id =
                if record.id == address.name { String::new() } else { format!(": {}", record.id) };
            Some(format!("  {address}{id}{note}"))
        });
        lines.collect()
    }

    /// Returns the keys whose deletion the run has scheduled, with the days on which the waiting periods end. That of a
    /// multi-Region key with replicas begins later.
    fn scheduled(&self) -> BTreeMap<Address, String> {
        let finished: BTreeSet<&Address> = self.ended.finished.iter().collect();
        let steps = self.plan.steps.iter().filter(|step| finished.contains(&step.address));
        let dated = |step: &Step| {
            let days = step.calls.iter().chain(&step.last).find_map(|planned| {
                if let Call::Key(key::Call::ScheduleKeyDeletion(call)) = &planned.call {
                    return Some(call.pending_window_in_days);
                }
                None
            })?;
            let end = Duration::from_secs(self.now + u64::from(days) * DAY);
            let date = humantime::format_rfc3339_seconds(UNIX_EPOCH + end).to_string();
            Some((step.address.clone(), date))
        };
        steps.filter_map(dated).collect()
    }

    /// Returns the last line. `failed` is the number of failed steps. `rest` are the steps that did not start or were
    /// stopped although nothing before them failed.
    fn last(&self, failed: usize, rest: &[&Address]) -> String {
        let Self { plan, ended, .. } = self;
        let is_cut = ended.stopped && !ended.is_complete();
        let stop = if is_cut { "Stopped on request. " } else { "" };
        let mut text = vec![format!(
            "{stop}Applied {} of {}.",
            ended.finished.len(),
            counted(plan.steps.len(), "change")
        )];
        if failed > 0 {
            text.push(format!("Failed: {failed}."));
        }
        if !rest.is_empty() {
            text.push(format!("Not applied: {}.", named(rest)));
        }
        if self.is_rivalled() {
            text.push("Another run of this stack is at work.".to_owned());
        } else if !ended.is_complete() {
            let again = self.again.words();
            let mut letters = again.chars();
            let sentence: String =
                letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect();
            let needs_help = ended.failed.iter().any(|(_, error)| !error.is_temporary());
            text.push(if needs_help {
                format!("Correct what failed; then {again}.")
            } else {
                format!("{sentence}.")
            });
        }
        if !plan.blocked.is_empty() {
            text.push(format!("Blocked: {} (see above).", plan.blocked.len()));
        }
        text.join(" ")
    }

    fn is_rivalled(&self) -> bool {
        self.ended.failed.iter().any(|(_, error)| matches!(error, StepError::Rival { .. }))
    }

    fn exit(&self) -> Exit {
        if self.is_rivalled() {
            return Exit::Conflict;
        }
        match (self.ended.is_complete(), self.ended.stopped) {
            (false, true) => Exit::Interrupted,
            (false, false) if self.touched => Exit::Partial,
            (false, false) => Exit::Error,
            (true, _) if !self.plan.blocked.is_empty() => Exit::Refused,
            (true, _) => Exit::Done,
        }
    }
}

/// Returns addresses in one line.
fn named(addresses: &[&Address]) -> String {
    let names: Vec<String> = addresses.iter().map(ToString::to_string).collect();
    some_of(&names, NAMED)
}
