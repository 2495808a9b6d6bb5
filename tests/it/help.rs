//! The output of `--help`, so that a review shows every change of the command line.

use clap::CommandFactory;
use std::process::Command;

/// Returns the output of `kmsctl COMMAND --help` with a width of 100 columns.
fn help(command: &[&str]) -> String {
    let mut program = Command::new(env!("CARGO_BIN_EXE_kmsctl"));
    let output = program.env("COLUMNS", "100").args(command).arg("--help").output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{command:?}: {output:?}");
    let lines: Vec<String> = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(|l| l.trim_end().to_owned())
        .collect();
    lines.join("\n")
}

fn walk(command: &clap::Command, path: &[&str], found: &mut Vec<Vec<String>>) {
    for sub in command.get_subcommands() {
        let path = [path, &[sub.get_name()]].concat();
        found.push(path.iter().map(|word| (*word).to_owned()).collect());
        walk(sub, &path, found);
    }
}

#[test]
fn the_help_of_every_command_matches_the_snapshot() {
    let top = help(&[]);
    let global = top.split_once("\n\nGlobal options:\n").expect("the global options").1;
    let global = global.split_once("\n\nExit codes:").expect("the exit codes").0;
    let mut commands = Vec::new();
    walk(&kmsctl::cli::Cli::command(), &[], &mut commands);
    assert!(commands.len() >= 14, "{commands:?}");
    let mut all = vec![format!("$ kmsctl --help\n{top}")];
    for command in commands {
        let words: Vec<&str> = command.iter().map(String::as_str).collect();
        let text = help(&words);
        // The global options are printed once, at the top.
        let (own, rest) = text.split_once("\n\nGlobal options:\n").expect("the global options");
        assert_eq!(rest, global, "{words:?}");
        all.push(format!("$ kmsctl {} --help\n{own}", words.join(" ")));
    }
    insta::assert_snapshot!("help", all.join("\n\n\n"));
}
