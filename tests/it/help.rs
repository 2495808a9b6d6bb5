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
    assert!(top.contains("\n\nGlobal options:\n") && top.contains("--parallelism"), "{top}");
    let mut commands = Vec::new();
    walk(&kmsctl::cli::Cli::command(), &[], &mut commands);
    assert!(commands.len() >= 14, "{commands:?}");
    let mut all = vec![format!("$ kmsctl --help\n{top}")];
    for command in commands {
        let words: Vec<&str> = command.iter().map(String::as_str).collect();
        let text = help(&words);
        // The options of every command are printed once, at the top.
        let text = text.strip_suffix("\n\nGlobal options: `kmsctl --help`");
        let text = text.unwrap_or_else(|| panic!("{words:?} does not say where the options are"));
        assert!(!text.contains("--parallelism") && !text.contains("Global options:"), "{text}");
        assert!(text.contains("\n\nExamples:\n"), "{words:?}");
        all.push(format!("$ kmsctl {} --help\n{text}", words.join(" ")));
    }
    insta::assert_snapshot!("help", all.join("\n\n\n"));
}

/// Returns the words of a line as a shell reads it, up to a pipe or a redirection.
fn shell_words(line: &str) -> Vec<String> {
    let mut words = shlex::split(line).unwrap();
    if let Some(end) = words.iter().position(|word| ["|", ">", ">>"].contains(&word.as_str())) {
        words.truncate(end);
    }
    words
}

/// Returns the examples of a command: what each does, and the words of its line.
fn examples(command: &clap::Command) -> Vec<(String, Vec<String>)> {
    let text = command.get_after_long_help().map(ToString::to_string).unwrap_or_default();
    let text = text.replace("\\\n", "");
    let block = text.strip_prefix("Examples:\n").expect("examples").split("\n\n").next().unwrap();
    let lines: Vec<&str> = block.lines().map(str::trim).collect();
    let pairs = lines.chunks(2).filter(|pair| pair.len() == 2).map(|pair| {
        let what = pair[0].strip_prefix("# ").unwrap_or_else(|| panic!("{pair:?}"));
        let line =
            pair[1].strip_prefix("source <(").map_or(pair[1], |line| line.trim_end_matches(')'));
        (what.to_owned(), shell_words(line))
    });
    pairs.collect()
}

#[test]
fn every_example_of_the_help_is_a_command() {
    let top = kmsctl::cli::Cli::command();
    let mut paths = vec![Vec::new()];
    walk(&top, &[], &mut paths);
    for path in paths {
        let mut command = &top;
        for name in &path {
            command = command.find_subcommand(name).unwrap();
        }
        let found = examples(command);
        assert!((1..=4).contains(&found.len()), "{path:?}: {found:?}");
        for (what, words) in found {
            assert!(!what.is_empty() && words[0] == "kmsctl", "{path:?}: {what}: {words:?}");
            let parsed = kmsctl::cli::Cli::command().try_get_matches_from(&words);
            assert!(parsed.is_ok(), "{words:?}: {}", parsed.unwrap_err());
            // Most examples are of the command itself; a few show what follows.
        }
        let own = examples(command).iter().any(|(_, words)| words[1..].starts_with(&path));
        assert!(own, "{path:?} has no example of itself");
        for line in help(&path.iter().map(String::as_str).collect::<Vec<_>>()).lines() {
            assert!(line.chars().count() <= 100, "{path:?}: {line}");
        }
    }
}

#[test]
fn every_command_has_a_manual_page() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("man1");
    let mut program = Command::new(env!("CARGO_BIN_EXE_kmsctl"));
    let output = program.args(["man", "--out"]).arg(&out).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let mut commands = vec![Vec::new()];
    walk(&kmsctl::cli::Cli::command(), &[], &mut commands);
    for command in &commands {
        let name = [&["kmsctl".to_owned()], command.as_slice()].concat().join("-");
        let page = std::fs::read_to_string(out.join(format!("{name}.1"))).unwrap();
        for part in [".SH NAME", ".SH SYNOPSIS", ".SH DESCRIPTION", ".SH EXAMPLES"] {
            let (_, rest) = page.split_once(part).unwrap_or_else(|| panic!("{name}: no {part}"));
            let text: String = rest.split(".SH").next().unwrap().split_whitespace().collect();
            assert!(text.len() > 5, "{name}: {part} is empty: {text}");
        }
        assert!(
            page.starts_with(".ie") || page.contains(&format!(".TH {}", name.to_uppercase())),
            "{page}"
        );
        // A page of a group of commands has the options of the group, and every page but one leaves those of all out.
        assert_eq!(page.contains("parallelism"), command.is_empty(), "{name}");
    }
    assert_eq!(std::fs::read_dir(&out).unwrap().count(), commands.len());
    let printed = Command::new(env!("CARGO_BIN_EXE_kmsctl")).arg("man").output().unwrap();
    assert_eq!(printed.stdout, std::fs::read(out.join("kmsctl.1")).unwrap());
}
