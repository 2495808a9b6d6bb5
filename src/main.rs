//! The `kmsctl` program: parses the command line, runs the command and sets the exit code.

use clap::FromArgMatches;
use clap::builder::StyledStr;
use clap_complete::env::CompleteEnv;
use kmsctl::cli::{Cli, command, explained};
use kmsctl::completion::VARIABLE;
use kmsctl::failure::{Exit, Failure};
use kmsctl::io::{Color, Io};
use kmsctl::text::printable;
use std::ffi::OsString;
use std::process::ExitCode;

fn main() -> ExitCode {
    // A shell asks for a completion. Whatever goes wrong, there is none: a message would destroy the line.
    if std::env::var_os(VARIABLE).is_some() {
        let folder = std::env::current_dir().ok();
        let completion = CompleteEnv::with_factory(command).var(VARIABLE);
        if completion.try_complete(std::env::args_os(), folder.as_deref()).unwrap_or(true) {
            return ExitCode::SUCCESS;
        }
    }
    let words: Vec<OsString> = std::env::args_os().collect();
    let parsed = command().try_get_matches_from(&words);
    let parsed = parsed.and_then(|matches| Cli::from_arg_matches(&matches));
    let cli = match parsed.map_err(|error| explained(error, &words, |name| std::env::var_os(name)))
    {
        Ok(cli) => cli,
        Err(error) => {
            let text = error.render();
            let io = Io::new(Color::Auto);
            if error.use_stderr() {
                io.report(&styled(&text, io.err_color()));
            } else {
                io.out(&styled(&text, io.out_color()));
            }
            // clap exits with 2 on a usage error; here 2 means that a plan has changes.
            return ExitCode::from(if error.use_stderr() { Exit::Usage as u8 } else { 0 });
        }
    };
    let io = Io::new(cli.global.color);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            io.say(&format!("error: {error}"));
            return ExitCode::from(Exit::Error as u8);
        }
    };
    let result = runtime.block_on(kmsctl::command::run(&cli, &io)).and_then(|exit| {
        let failure = |error: &_| Failure::new(format!("the output could not be written: {error}"));
        io.failure().map_or(Ok(exit), |error: &std::io::Error| Err(failure(error)))
    });
    // The process must end even if a read of the terminal is still blocked.
    runtime.shutdown_background();
    match result {
        Ok(exit) => ExitCode::from(exit as u8),
        Err(failure) => {
            if !failure.message.is_empty() {
                io.say(&format!("error: {}", failure.message));
            }
            if let Some(hint) = &failure.hint {
                io.say(&format!("help: {hint}"));
            }
            ExitCode::from(failure.exit as u8)
        }
    }
}

/// Returns a text of the command line parser, with or without colours.
fn styled(text: &StyledStr, color: bool) -> String {
    let text = if color { text.ansi().to_string() } else { text.to_string() };
    // It quotes the command line. clap removes escape sequences from what it quotes.
    let lines = text.split('\n').map(|line| match color {
        true => line.split('\u{1b}').map(printable).collect::<Vec<_>>().join("\u{1b}"),
        false => printable(line).into_owned(),
    });
    lines.collect::<Vec<_>>().join("\n")
}
