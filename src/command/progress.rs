//! The [`Host`] of an apply: the journal on disk, the clock, the signals and the progress display.

use super::session::{now, random};
use crate::engine::apply::{Host, HostError, PATIENCE, Progress};
use crate::failure::Exit;
use crate::io::Io;
use crate::journal::{Event, Replay};
use crate::kind::address::Address;
use crate::plan::Step;
use crate::store::{AnyStore, Store};
use indicatif::{ProgressBar, ProgressStyle};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::pin::pin;
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// The host of an apply whose progress is shown on stderr.
pub(super) struct Terminal<'a> {
    store: &'a AnyStore,
    replay: RefCell<Replay>,
    /// The announced nonces.
    nonces: BTreeMap<(Address, usize), String>,
    io: &'a Io,
    stop: Cell<bool>,
    /// The operation that was last reported of each step, and its duration in seconds at that time.
    reported: RefCell<BTreeMap<Address, (String, u64)>>,
    /// Whether AWS has executed a call of the run.
    executed: Cell<bool>,
}

impl<'a> Terminal<'a> {
    pub(super) fn new(
        store: &'a AnyStore,
        replay: Replay,
        announced: &[Event],
        io: &'a Io,
        steps: usize,
    ) -> Self {
        if io.err_is_terminal() && steps > 0 {
            let bar = ProgressBar::new(steps as u64);
            if let Ok(style) = ProgressStyle::with_template("{bar:20} {pos}/{len} {wide_msg}") {
                bar.set_style(style);
            }
            io.show_bar(bar);
        }
        let (stop, reported) = (Cell::default(), RefCell::default());
        let nonces = announced.iter().filter_map(nonce).collect();
        let (replay, executed) = (RefCell::new(replay), Cell::new(false));
        Self { store, replay, nonces, io, stop, reported, executed }
    }

    /// Handles signals. The first one stops the run at a safe point, and the second one ends the process. Because of
    /// the journal, neither loses the outcome of a call.
    pub(super) async fn obey(&self, signals: &mut Signals) -> Infallible {
        signals.next().await;
        self.stop.set(true);
        self.io.say(&self.stopping());
        signals.next().await;
        self.io.hide_bar();
        std::process::exit(Exit::Interrupted as i32);
    }

    /// Returns what a stopping run still waits for.
    fn stopping(&self) -> String {
        let sent = self.replay.borrow().in_flight();
        let sent =
            sent.iter().map(|(address, sent)| format!("{address} ({})", sent.call.operation()));
        let calls: Vec<String> = sent.collect();
        let most = PATIENCE.as_secs();
        match calls.is_empty() {
            true => "Stopping: no further call is sent.".to_owned(),
            false => format!(
                "Stopping: no further call is sent. Waiting up to {most} s for the answer to {}; a second signal ends the \
                 run at once.",
                calls.join(", ")
            ),
        }
    }

    /// Returns whether AWS has executed a call of the run.
    pub(super) fn has_executed(&self) -> bool {
        self.executed.get()
    }

    /// Ends the progress display, and returns the state after the run.
    pub(super) fn finish(self) -> Replay {
        self.io.hide_bar();
        self.replay.into_inner()
    }

    /// Reports that AWS executes an operation. On a terminal every report is shown. Otherwise a line is
    /// written if the operation changes, and once a minute.
    fn poll(&self, step: &Step, doing: &str, seconds: u64) {
        // A narrow terminal shows only the beginning beside the bar.
        let text = format!("{} ({}): {doing}", step.address, spent(step, seconds));
        if self.io.beside_bar(&text) {
            return;
        }
        let mut reported = self.reported.borrow_mut();
        let last = reported.get(&step.address);
        if last.is_none_or(|(what, when)| what != doing || seconds >= when + 60) {
            self.io.say(&text);
            reported.insert(step.address.clone(), (doing.to_owned(), seconds));
        }
    }
}

/// Returns the time for which a step has waited for AWS, and the longest time for which it waits.
fn spent(step: &Step, seconds: u64) -> String {
    let time = |seconds| humantime::format_duration(Duration::from_secs(seconds));
    match step.address.kind.consumer() {
        Some(kind) => format!("{} of at most {}", time(seconds), time(kind.facts().pace.limit)),
        None => format!("{} so far", time(seconds)),
    }
}

/// Returns the call and the nonce of an announced creation.
fn nonce(event: &Event) -> Option<((Address, usize), String)> {
    match event {
        Event::Intended { address, number, nonce: Some(nonce), .. } => {
            Some(((address.clone(), *number), nonce.clone()))
        }
        Event::Intended { nonce: None, .. }
        | Event::Run { .. }
        | Event::Planned { .. }
        | Event::Began { .. }
        | Event::Done { .. }
        | Event::Failed { .. }
        | Event::Finished { .. } => None,
    }
}

/// Returns the operations of a finished step in words.
fn operations(step: &Step) -> String {
    let calls = step.calls.iter().chain(&step.last);
    let names: Vec<&str> = calls.map(|planned| planned.call.operation()).collect();
    if names.is_empty() { "recorded".to_owned() } else { names.join(", ") }
}

/// The signals that ask a run to stop: Ctrl-C, SIGTERM, and SIGHUP, which a terminal sends that is closed. None is lost
/// while nobody waits for the next one.
pub(super) struct Signals {
    streams: [Option<Signal>; 3],
    /// Whether one has come.
    came: bool,
}

impl Signals {
    pub(super) fn new() -> Self {
        let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
        Self { streams: kinds.map(|kind| signal(kind).ok()), came: false }
    }

    /// Waits for a signal.
    pub(super) async fn next(&mut self) {
        async fn received(signal: &mut Option<Signal>) {
            match signal {
                Some(signal) => drop(signal.recv().await),
                None => std::future::pending().await,
            }
        }
        let [interrupt, terminate, hangup] = &mut self.streams;
        tokio::select! {
            () = received(interrupt) => {}
            () = received(terminate) => {}
            () = received(hangup) => {}
        }
        self.came = true;
    }

    /// Waits for a write of the store. After a signal it has some seconds to end, and the next signal ends the process.
    /// Returns `None` if it did not end.
    pub(super) async fn patiently<T>(
        &mut self,
        io: &Io,
        what: &str,
        write: impl Future<Output = T>,
    ) -> Option<T> {
        let mut write = pin!(write);
        if !self.came {
            tokio::select! {
                biased;
                done = &mut write => return Some(done),
                () = self.next() => {}
            }
            let most = PATIENCE.as_secs();
            io.say(&format!(
                "Stopping: waiting up to {most} s for {what}; a second signal ends the run at once."
            ));
        }
        tokio::select! {
            biased;
            done = &mut write => Some(done),
            () = tokio::time::sleep(PATIENCE) => None,
            () = self.next() => std::process::exit(Exit::Interrupted as i32),
        }
    }
}

impl Host for Terminal<'_> {
    fn write(&self, event: &Event) -> Result<(), HostError> {
        if matches!(event, Event::Done { .. }) {
            self.executed.set(true);
        }
        self.store.append(event)?;
        Ok(self.replay.borrow_mut().absorb(event)?)
    }

    fn nonce(&self, address: &Address, number: usize) -> Result<String, HostError> {
        match self.nonces.get(&(address.clone(), number)) {
            Some(nonce) => Ok(nonce.clone()),
            None => random().map_err(|failure| failure.message.into()),
        }
    }

    fn now(&self) -> u64 {
        now()
    }

    fn stop(&self) -> bool {
        self.stop.get() || self.store.lost().is_some()
    }

    fn report(&self, progress: Progress<'_>) {
        match progress {
            Progress::Began { step } => {
                self.io.beside_bar(&step.address.to_string());
            }
            Progress::Waiting { step, operation, why } => {
                self.io.say(&format!("{}: {operation}: {why}", step.address));
            }
            Progress::Polling { step, doing, seconds } => self.poll(step, doing, seconds),
            Progress::Finished { step } => {
                let action = step.change.action();
                self.io.say(&format!("{}: {action}: done ({})", step.address, operations(step)));
                if let Some(bar) = self.io.bar() {
                    bar.inc(1);
                }
            }
            // The summary at the end has the error.
            Progress::Failed { step, error } if !error.is_stop() => {
                let action = step.change.action();
                self.io.say(&format!("{}: {action}: failed (see the end)", step.address));
            }
            Progress::Failed { .. } => {}
        }
    }
}
