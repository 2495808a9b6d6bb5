//! The applier's world: the journal on disk, the clock, the signals, and what a person sees.

use super::session::{now, random};
use crate::address::Address;
use crate::engine::apply::{Progress, World, WorldError};
use crate::io::Io;
use crate::journal::{Event, Replay};
use crate::plan::Step;
use crate::store::Store;
use crate::text::printable;
use indicatif::{ProgressBar, ProgressStyle};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// The world of a run that a person, or a pipeline's log, watches.
pub(super) struct Terminal<'a> {
    store: &'a Store,
    replay: RefCell<Replay>,
    io: &'a Io,
    bar: Option<ProgressBar>,
    stop: Arc<AtomicBool>,
    /// What was last told of AWS's work, and after how many seconds of it.
    told: RefCell<BTreeMap<Address, (String, u64)>>,
}

impl<'a> Terminal<'a> {
    pub(super) fn new(store: &'a Store, replay: Replay, io: &'a Io, steps: usize) -> Self {
        let bar = (io.watched() && steps > 0).then(|| {
            let bar = ProgressBar::new(steps as u64);
            if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} {wide_msg}") {
                bar.set_style(style);
            }
            bar
        });
        let told = RefCell::default();
        Self { store, replay: RefCell::new(replay), io, bar, stop: Arc::default(), told }
    }

    /// The first Ctrl-C (or SIGTERM) stops at a safe point, the second at once; the journal makes
    /// both safe.
    pub(super) fn watch_signals(&mut self) {
        let stop = Arc::clone(&self.stop);
        drop(tokio::spawn(async move {
            interrupted().await;
            stop.store(true, Ordering::SeqCst);
            interrupted().await;
            std::process::exit(130);
        }));
    }

    pub(super) fn finish(self) -> Replay {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        self.replay.into_inner()
    }

    /// A person sees each look; a log has a line where something changes, and one a minute.
    fn poll(&self, step: &Step, doing: &str, seconds: u64) {
        let spent = humantime::format_duration(Duration::from_secs(seconds));
        let text = format!("{}: waiting for AWS: {doing}, {spent}", step.address);
        if let Some(bar) = &self.bar {
            bar.set_message(printable(&text).into_owned());
            return;
        }
        let mut told = self.told.borrow_mut();
        let said = told.get(&step.address);
        let news = said.is_none_or(|(what, when)| what != doing || seconds >= when + 60);
        if news {
            self.io.say(&text);
            told.insert(step.address.clone(), (doing.to_owned(), seconds));
        }
    }

    fn line(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| self.io.say(text)),
            None => self.io.say(text),
        }
    }
}

async fn interrupted() {
    let ctrl_c = tokio::signal::ctrl_c();
    let terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate());
    match terminate {
        Ok(mut terminate) => {
            tokio::select! {
                _ = ctrl_c => {}
                _ = terminate.recv() => {}
            }
        }
        Err(_) => drop(ctrl_c.await),
    }
}

impl World for Terminal<'_> {
    fn write(&self, event: &Event) -> Result<(), WorldError> {
        self.store.append(event)?;
        Ok(self.replay.borrow_mut().absorb(event)?)
    }

    fn nonce(&self) -> Result<String, WorldError> {
        random().map_err(|failure| failure.message.into())
    }

    fn now(&self) -> u64 {
        now()
    }

    fn stop(&self) -> bool {
        self.stop.load(Ordering::SeqCst)
    }

    fn tell(&self, progress: Progress<'_>) {
        let calls = |step: &Step| {
            let all = step.calls.iter().chain(&step.last);
            let names: Vec<String> = all.map(|planned| planned.call.request().0).collect();
            if names.is_empty() { "recorded".to_owned() } else { names.join(", ") }
        };
        match progress {
            Progress::Began { step } => {
                if let Some(bar) = &self.bar {
                    bar.set_message(printable(&step.address.to_string()).into_owned());
                }
            }
            Progress::Waiting { step, operation, why } => {
                self.line(&format!("{}: {operation}: {why}", step.address));
            }
            Progress::Polling { step, doing, seconds } => self.poll(step, doing, seconds),
            Progress::Finished { step } => {
                let action = step.change.action();
                self.line(&format!("{}: {action}: done ({})", step.address, calls(step)));
                if let Some(bar) = &self.bar {
                    bar.inc(1);
                }
            }
            Progress::Failed { step, error } => {
                self.line(&format!("{}: failed: {error}", step.address));
            }
        }
    }
}
