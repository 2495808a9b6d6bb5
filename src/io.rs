//! The terminal: results go to stdout, messages go to stderr.

use crate::text::{Medium, inert, printable, wrapped};
use indicatif::ProgressBar;
use std::io::{self, BufRead, IsTerminal, Write};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// When to use colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Color {
    /// On a terminal, unless NO_COLOR is set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// The number of columns by which the second line of a wrapped message is indented.
const HANG: usize = 2;

/// The output of a command. Every text that leaves the program passes through it, so that no command of a CI system
/// does. A closed pipe (`| head`) is not an error.
#[derive(Debug)]
pub struct Io {
    color: Color,
    no_color: bool,
    /// The first error of writing a result.
    failed: OnceLock<io::Error>,
    /// The progress bar on stderr. Every message is written above it.
    bar: Arc<Mutex<Option<ProgressBar>>>,
}

impl Io {
    /// Creates the output to the process's own streams.
    #[must_use]
    pub fn new(color: Color) -> Self {
        let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self { color, no_color, failed: OnceLock::new(), bar: Arc::default() }
    }

    /// Returns an output to the same terminal.
    #[must_use]
    pub fn beside(&self) -> Self {
        let Self { color, no_color, ref bar, .. } = *self;
        Self { color, no_color, failed: OnceLock::new(), bar: Arc::clone(bar) }
    }

    /// Shows a progress bar on stderr until [`Io::hide_bar`].
    pub fn show_bar(&self, bar: ProgressBar) {
        *self.bar.lock().unwrap_or_else(PoisonError::into_inner) = Some(bar);
    }

    /// Takes the progress bar off the terminal.
    pub fn hide_bar(&self) {
        let bar = self.bar.lock().unwrap_or_else(PoisonError::into_inner).take();
        bar.iter().for_each(ProgressBar::finish_and_clear);
    }

    /// Shows a text beside the progress bar. Returns whether there is one.
    pub fn beside_bar(&self, text: &str) -> bool {
        let Some(bar) = self.bar() else {
            return false;
        };
        bar.set_message(printable(text).into_owned());
        true
    }

    /// Returns the progress bar that stderr shows.
    #[must_use]
    pub fn bar(&self) -> Option<ProgressBar> {
        self.bar.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Writes to stderr, above the progress bar.
    fn above_bar(&self, write: impl FnOnce()) {
        match self.bar() {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
    }

    fn colored(&self, terminal: bool) -> bool {
        match self.color {
            Color::Auto => terminal && !self.no_color,
            Color::Always => true,
            Color::Never => false,
        }
    }

    /// Returns whether stdout is coloured.
    #[must_use]
    pub fn out_color(&self) -> bool {
        self.colored(io::stdout().is_terminal())
    }

    /// Returns whether stderr is coloured.
    #[must_use]
    pub fn err_color(&self) -> bool {
        self.colored(io::stderr().is_terminal())
    }

    /// Returns whether stderr is a terminal.
    #[must_use]
    pub fn err_is_terminal(&self) -> bool {
        io::stderr().is_terminal()
    }

    /// Returns the width of the terminal in columns, from 40 to 160; 100 without a terminal.
    #[must_use]
    pub fn width(&self) -> usize {
        let size = terminal_size::terminal_size();
        size.map_or(100, |(width, _)| usize::from(width.0)).clamp(40, 160)
    }

    /// Returns the width of stdout if it is a terminal.
    #[must_use]
    pub fn out_width(&self) -> Option<usize> {
        io::stdout().is_terminal().then(|| self.width())
    }

    /// Returns the width of stderr if it is a terminal.
    #[must_use]
    pub fn err_width(&self) -> Option<usize> {
        self.err_is_terminal().then(|| self.width())
    }

    /// Writes a result to stdout. The text must be safe for a terminal.
    pub fn out(&self, text: &str) {
        self.out_as(text, Medium::Text);
    }

    /// Writes a result in JSON to stdout.
    pub fn json(&self, text: &str) {
        self.out_as(text, Medium::Json);
    }

    /// Writes a result of a medium to stdout.
    pub fn out_as(&self, text: &str, medium: Medium) {
        let mut out = io::stdout().lock();
        let written = out.write_all(inert(text, medium).as_bytes()).and_then(|()| out.flush());
        if let Err(error) = written
            && error.kind() != io::ErrorKind::BrokenPipe
        {
            // Only the first error is kept.
            drop(self.failed.set(error));
        }
    }

    /// Returns the first error of writing a result to stdout, except for a closed pipe.
    #[must_use]
    pub fn failure(&self) -> Option<&io::Error> {
        self.failed.get()
    }

    /// Writes a message to stderr, and ends it with a line feed. Each line is made safe for a terminal, and wrapped if
    /// stderr is one: a log keeps each message on its line.
    pub fn say(&self, text: &str) {
        let width = self.err_width();
        self.above_bar(|| {
            let mut err = io::stderr().lock();
            for line in text.lines() {
                let line = printable(line);
                let indent = line.chars().take_while(|c| *c == ' ').count();
                let parts = match width {
                    Some(width) => wrapped(&line, indent, HANG, width),
                    None => vec![(0, line.into_owned())],
                };
                for (at, part) in parts {
                    drop(writeln!(err, "{}{}", " ".repeat(at), inert(&part, Medium::Text)));
                }
            }
        });
    }

    /// Writes a rendered report to stderr. The text must be safe for a terminal.
    pub fn report(&self, text: &str) {
        self.above_bar(|| {
            let mut err = io::stderr().lock();
            drop(err.write_all(inert(text, Medium::Text).as_bytes()));
            drop(err.flush());
        });
    }

    /// Returns whether a person can be asked: stdin and stderr are terminals.
    #[must_use]
    pub fn can_ask(&self) -> bool {
        io::stdin().is_terminal() && self.err_is_terminal()
    }

    /// Asks a question and returns the answer; `None` if nobody can be asked.
    #[must_use]
    pub fn ask(&self, question: &str) -> Option<String> {
        self.prompt(question)?;
        answer()
    }

    /// Like [`Io::ask`], but other futures of the task run meanwhile, such as one that waits for a signal.
    pub async fn confirm(&self, question: &str) -> Option<String> {
        self.prompt(question)?;
        tokio::task::spawn_blocking(answer).await.ok().flatten()
    }

    /// Writes a question; `None` if nobody can be asked.
    fn prompt(&self, question: &str) -> Option<()> {
        if !self.can_ask() {
            return None;
        }
        let mut err = io::stderr().lock();
        let lines = wrapped(question, 0, HANG, self.width());
        let lines: Vec<String> =
            lines.iter().map(|(at, line)| format!("{}{line}", " ".repeat(*at))).collect();
        drop(write!(err, "{} ", inert(&lines.join("\n"), Medium::Text)));
        drop(err.flush());
        Some(())
    }
}

/// Reads a line from stdin.
fn answer() -> Option<String> {
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line).ok()?;
    Some(line.trim().to_owned())
}
