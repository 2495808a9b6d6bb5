//! The terminal: results go to stdout, messages go to stderr.

use crate::text::printable;
use std::io::{self, BufRead, IsTerminal, Write};

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

/// The output of a command. A closed pipe (`| head`) is not an error.
#[derive(Debug)]
pub struct Io {
    color: Color,
    no_color: bool,
}

impl Io {
    /// Creates the output to the process's own streams.
    #[must_use]
    pub fn new(color: Color) -> Self {
        let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self { color, no_color }
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

    /// Writes a result to stdout. The text must be safe for a terminal.
    pub fn out(&self, text: &str) {
        let mut out = io::stdout().lock();
        drop(out.write_all(text.as_bytes()));
        drop(out.flush());
    }

    /// Writes a message to stderr, and ends it with a line feed. Each line is made safe for a terminal.
    pub fn say(&self, text: &str) {
        let mut err = io::stderr().lock();
        for line in text.lines() {
            drop(writeln!(err, "{}", printable(line)));
        }
    }

    /// Writes a rendered report to stderr. The text must be safe for a terminal.
    pub fn report(&self, text: &str) {
        let mut err = io::stderr().lock();
        drop(err.write_all(text.as_bytes()));
        drop(err.flush());
    }

    /// Asks a question and returns the answer; `None` if stdin or stderr is not a terminal.
    #[must_use]
    pub fn ask(&self, question: &str) -> Option<String> {
        if !io::stdin().is_terminal() || !self.err_is_terminal() {
            return None;
        }
        let mut err = io::stderr().lock();
        drop(write!(err, "{question} "));
        drop(err.flush());
        let mut line = String::new();
        io::stdin().lock().read_line(&mut line).ok()?;
        Some(line.trim().to_owned())
    }
}
