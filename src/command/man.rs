//! `man`: the manual pages, made from the definition of the command line.

use super::create_folder_of;
use crate::cli::Cli;
use crate::failure::{Exit, Failure};
use crate::io::Io;
use crate::store::write_atomic;
use clap::CommandFactory as _;
use clap_mangen::Man;
use std::fmt::Write as _;
use std::io;
use std::path::Path;

/// Runs `kmsctl man`.
pub(super) fn man(folder: Option<&Path>, io: &Io) -> Result<Exit, Failure> {
    let failed =
        |error: io::Error| Failure::new(format!("a manual page cannot be written: {error}"));
    let Some(folder) = folder else {
        let (_, text) = page(Cli::command(), "kmsctl").map_err(failed)?;
        io.out(&text);
        return Ok(Exit::Done);
    };
    let pages = pages().map_err(failed)?;
    for (name, text) in &pages {
        let path = folder.join(name);
        create_folder_of(&path)?;
        write_atomic(&path, text.as_bytes())?;
    }
    io.say(&format!(
        "Wrote {} to `{}`.",
        crate::text::counted(pages.len(), "page"),
        folder.display()
    ));
    Ok(Exit::Done)
}

/// Returns the names of the files of all pages, and their texts.
fn pages() -> io::Result<Vec<(String, String)>> {
    let mut found = Vec::new();
    let mut open = vec![(Cli::command(), "kmsctl".to_owned())];
    while let Some((command, name)) = open.pop() {
        let is_top = command.get_name() == name;
        // The options of every command are described in one page, those of a group of commands in each of its pages.
        let shared: Vec<clap::Arg> =
            command.get_arguments().filter(|arg| !is_top && arg.is_global_set()).cloned().collect();
        for sub in command.get_subcommands().filter(|sub| !sub.is_hide_set()) {
            let name = format!("{name}-{}", sub.get_name());
            open.push((sub.clone().args(&shared), name));
        }
        found.push(page(command, &name)?);
    }
    Ok(found)
}

/// Returns the name of the file of a page, and its text.
fn page(command: clap::Command, name: &str) -> io::Result<(String, String)> {
    let is_top = command.get_name() == name;
    let has_subcommands = command.has_subcommands();
    let examples = command.get_after_long_help().map(ToString::to_string).unwrap_or_default();
    let command = command.display_name(name.to_owned()).bin_name(name.replace('-', " "));
    let command = command.version(env!("CARGO_PKG_VERSION")).disable_version_flag(!is_top);
    let command = command.disable_help_subcommand(true).disable_help_flag(!is_top);
    let source = concat!("kmsctl ", env!("CARGO_PKG_VERSION"));
    let man = Man::new(command).title(name.to_uppercase()).source(source).manual("kmsctl manual");
    let mut text = Vec::new();
    man.render_title(&mut text)?;
    man.render_name_section(&mut text)?;
    man.render_synopsis_section(&mut text)?;
    man.render_description_section(&mut text)?;
    man.render_options_section(&mut text)?;
    if has_subcommands {
        man.render_subcommands_section(&mut text)?;
    }
    let mut text = String::from_utf8_lossy(&text).into_owned();
    let (examples, rest) = examples.split_once("\n\n").unwrap_or((&examples, ""));
    let examples = examples.trim_start_matches("Examples:\n");
    let _ = write!(text, ".SH EXAMPLES\n.nf\n{}.fi\n", lines(&narrow(examples)));
    if let Some((heading, codes)) = rest.split_once(": ") {
        let _ = write!(text, ".SH {}\n{}", heading.to_uppercase(), lines(codes));
    }
    if !is_top {
        text.push_str(".SH SEE ALSO\nkmsctl(1) describes the options of every command.\n");
    }
    Ok((format!("{name}.1"), text))
}

/// The longest line of an example: a page is 80 columns wide, and indents it by 7.
const MOST: usize = 72;

/// Returns examples without long lines: a shell continues a line after a backslash, and a comment has several lines.
fn narrow(examples: &str) -> String {
    let mut out = String::new();
    for line in examples.lines() {
        let begin: String = line.chars().take_while(|c| *c == ' ').collect();
        let is_comment = line.trim_start().starts_with('#');
        let (end, next) =
            if is_comment { ("", format!("{begin}# ")) } else { (" \\", format!("{begin}  ")) };
        let (mut current, mut is_empty) = (begin, true);
        for word in line.split_whitespace() {
            let length = current.chars().count() + word.chars().count() + end.len();
            if !is_empty && length > MOST {
                let _ = writeln!(out, "{}{end}", current.trim_end());
                current = next.clone();
            }
            current.extend([word, " "]);
            is_empty = false;
        }
        let _ = writeln!(out, "{}", current.trim_end());
    }
    out
}

/// Returns lines of text for roff: neither a backslash nor the first character of a line has a meaning.
fn lines(text: &str) -> String {
    let lines = text.lines().map(|line| line.replace('\\', "\\e").replace('-', "\\-"));
    lines.map(|line| format!("\\&{line}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_every_page_fit_its_width_and_stay_commands() {
        for (name, text) in pages().unwrap() {
            let (_, rest) = text.split_once(".SH EXAMPLES\n.nf\n").unwrap();
            let (examples, _) = rest.split_once(".fi").unwrap();
            for line in examples
                .lines()
                .map(|line| line.replace("\\&", "").replace("\\-", "-").replace("\\e", "\\"))
            {
                assert!(line.chars().count() <= MOST, "{name}: {line}");
            }
        }
        let line = format!("  # {0} {0}\n  kmsctl {0} --a b\n", "word".repeat(10));
        let narrowed = narrow(&line);
        assert_eq!(narrowed.matches("# ").count(), 2, "{narrowed}");
        assert_eq!(narrow("  kmsctl plan\n"), "  kmsctl plan\n");
        let long = format!("  kmsctl {} --option {}", "a".repeat(30), "b".repeat(40));
        assert_eq!(narrow(&long).replace(" \\\n   ", ""), format!("{long}\n"));
    }
}
