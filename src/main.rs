//! The `kmsctl` program: parses the command line, runs the command and sets the exit code.

use clap::Parser;
use kmsctl::cli::Cli;
use kmsctl::failure::Exit;
use kmsctl::io::Io;
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            drop(error.print());
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
    let result = runtime.block_on(kmsctl::command::run(&cli, &io));
    // The process must end even if a read of the terminal is still blocked.
    runtime.shutdown_background();
    match result {
        Ok(exit) => ExitCode::from(exit as u8),
        Err(failure) => {
            io.say(&format!("error: {}", failure.message));
            if let Some(hint) = &failure.hint {
                io.say(&format!("help: {hint}"));
            }
            ExitCode::from(failure.exit as u8)
        }
    }
}
