//! The terminal: stdout is the product, stderr is talk.

use crate::text::printable;
use std::io::{self, BufRead, IsTerminal, Write};

/// When to use colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Color {
    /// On a terminal, unless NO_COLOR is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Where a command writes to. A reader that goes away (`| head`) is not an error.
#[derive(Debug)]
pub struct Io {
    color: Color,
    no_color: bool,
}

impl Io {
    /// The process's own streams.
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

    /// Whether the product is coloured.
    #[must_use]
    pub fn out_color(&self) -> bool {
        self.colored(io::stdout().is_terminal())
    }

    /// Whether the talk is coloured.
    #[must_use]
    pub fn err_color(&self) -> bool {
        self.colored(io::stderr().is_terminal())
    }

    /// Whether a person watches.
    #[must_use]
    pub fn watched(&self) -> bool {
        io::stderr().is_terminal()
    }

    /// The columns of the terminal; 100 without one.
    #[must_use]
    pub fn width(&self) -> usize {
        let size = terminal_size::terminal_size();
        size.map_or(100, |(width, _)| usize::from(width.0)).clamp(40, 160)
    }

    /// Writes the product. The text is expected to be safe for a terminal.
    pub fn out(&self, text: &str) {
        let mut out = io::stdout().lock();
        drop(out.write_all(text.as_bytes()));
        drop(out.flush());
    }

    /// Says something, on a line of its own; the text is made safe for a terminal line by line.
    pub fn say(&self, text: &str) {
        let mut err = io::stderr().lock();
        for line in text.lines() {
            drop(writeln!(err, "{}", printable(line)));
        }
    }

    /// Writes text that is safe already, such as a rendered report, to the talk.
    pub fn report(&self, text: &str) {
        let mut err = io::stderr().lock();
        drop(err.write_all(text.as_bytes()));
        drop(err.flush());
    }

    /// Asks, if there is somebody to ask. `None` where nobody is.
    #[must_use]
    pub fn ask(&self, question: &str) -> Option<String> {
        if !io::stdin().is_terminal() || !self.watched() {
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
