//! What a shell completes that clap does not know: topics, and the addresses and keys of the configuration. Reads the
//! files of the configuration, and nothing else. Says nothing about errors: a person who presses TAB is in the middle
//! of a line.

use crate::config::{Input, Loaded, load, schema};
use crate::kind::Kind;
use crate::policy::lint::RULES;
use crate::render::explain::GUIDES;
use clap_complete::engine::CompletionCandidate;
use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::mpsc;
use std::time::Duration;

/// The variable with which a completion script calls the program. Another name than clap's `COMPLETE` cannot be in the
/// environment by accident.
pub const VARIABLE: &str = "KMSCTL_COMPLETE";

/// The longest time for which a completion reads the configuration.
const MOST: Duration = Duration::from_secs(1);

/// Returns the addresses of the resources that the configuration declares, such as `key/app`.
#[must_use]
pub fn addresses() -> Vec<CompletionCandidate> {
    candidates(|mut loaded| {
        let keys: Vec<String> = loaded.keys().iter().map(|key| format!("key/{key}")).collect();
        let declared = loaded.check(None).0;
        let resources = declared.iter().flat_map(|desired| desired.resources.keys());
        // A configuration with errors has no resources yet, but its keys have names.
        resources.map(ToString::to_string).chain(keys).collect()
    })
}

/// Returns the names of the keys that the configuration declares, and their aliases.
#[must_use]
pub fn keys() -> Vec<CompletionCandidate> {
    candidates(|mut loaded| {
        let keys = loaded.keys();
        let declared = loaded.check(None).0;
        let resources = declared.iter().flat_map(|desired| desired.resources.keys());
        let aliases = resources.filter(|address| address.kind == Kind::Alias);
        aliases.map(ToString::to_string).chain(keys).collect()
    })
}

/// Returns the topics of `kmsctl explain`: its subjects, the lint rules, and the sections and fields of the
/// configuration.
#[must_use]
pub fn topics() -> Vec<CompletionCandidate> {
    let subjects = GUIDES.iter().map(|guide| guide.name.to_owned());
    let rules = RULES.iter().flat_map(|rule| [rule.id.to_owned(), rule.slug.to_owned()]);
    let mut fields = BTreeSet::new();
    add_fields(&schema(), "", &mut fields);
    subjects.chain(rules).chain(fields).map(CompletionCandidate::new).collect()
}

/// Adds the paths of the fields in a schema, as `kmsctl explain` writes them: without the names that the user chooses.
fn add_fields(schema: &Json, path: &str, found: &mut BTreeSet<String>) {
    for (name, value) in schema.get("properties").and_then(Json::as_object).into_iter().flatten() {
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        add_fields(value, &path, found);
        found.insert(path);
    }
    for inner in ["items", "additionalProperties"].iter().filter_map(|name| schema.get(name)) {
        add_fields(inner, path, found);
    }
    for option in schema.get("anyOf").and_then(Json::as_array).into_iter().flatten() {
        add_fields(option, path, found);
    }
}

/// Returns what a function finds in the configuration that the command line names; nothing if it takes too long.
fn candidates(
    find: impl FnOnce(Loaded) -> BTreeSet<String> + Send + 'static,
) -> Vec<CompletionCandidate> {
    let input = input(std::env::args_os().skip_while(|word| word != "--").skip(1));
    let (send, receive) = mpsc::channel();
    // The process ends with the answer, whether the thread has ended or not.
    let thread = std::thread::Builder::new().spawn(move || {
        let found = find(load(&input).0);
        drop(send.send(found));
    });
    let found = thread.ok().and_then(|_| receive.recv_timeout(MOST).ok()).unwrap_or_default();
    // A shell inserts a candidate as it is. Other characters could form a command, or control the terminal.
    let is_plain =
        |name: &String| name.chars().all(|c| c.is_ascii_alphanumeric() || "/_.-:@*".contains(c));
    found.into_iter().filter(is_plain).map(CompletionCandidate::new).collect()
}

/// Returns the configuration that the words of an unfinished command line name.
fn input(words: impl Iterator<Item = OsString>) -> Input {
    let mut words = words.filter_map(|word| word.into_string().ok());
    let (mut paths, mut var_files, mut vars) = (Vec::new(), Vec::new(), BTreeMap::new());
    while let Some(word) = words.next() {
        let (option, value) = match word.split_once('=') {
            Some((option, value)) if option.starts_with("--") => {
                (option.to_owned(), Some(value.to_owned()))
            }
            Some(_) | None => match word.strip_prefix("-f") {
                Some(value) if !value.is_empty() => ("-f".to_owned(), Some(value.to_owned())),
                Some(_) | None => (word, None),
            },
        };
        if !["-f", "--file", "--var-file", "--var"].contains(&option.as_str()) {
            continue;
        }
        let Some(value) = value.or_else(|| words.next()) else { break };
        match option.as_str() {
            "--var" => {
                vars.extend(value.split_once('=').map(|(n, v)| (n.to_owned(), v.to_owned())));
            }
            "--var-file" => var_files.push(path(&value)),
            _ => paths.push(path(&value)),
        }
    }
    Input { paths, vars, var_files, gates: None }
}

/// Returns the path that the shell will make of a word: a shell passes words to a completion as they are written.
fn path(word: &str) -> PathBuf {
    let word = word.trim_matches(['\'', '"']);
    match (word.strip_prefix("~/"), std::env::home_dir()) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => PathBuf::from(word),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(line: &str) -> Input {
        input(line.split(' ').map(OsString::from))
    }

    #[test]
    fn the_files_and_variables_of_an_unfinished_line_are_found() {
        let line = "kmsctl -f a.yaml --file=b --file c -fd --var x=1 --var=y=2=3 --var-file v plan --target k -f";
        let found = of(line);
        assert_eq!(found.paths, ["a.yaml", "b", "c", "d"].map(PathBuf::from));
        assert_eq!(found.var_files, [PathBuf::from("v")]);
        let vars: Vec<_> = found.vars.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        assert_eq!(vars, [("x", "1"), ("y", "2=3")]);
        assert_eq!(of("kmsctl -f 'a.yaml' plan").paths, [PathBuf::from("a.yaml")]);
        assert_eq!(of("kmsctl plan").paths, Vec::<PathBuf>::new());
    }

    #[test]
    fn every_topic_can_be_explained() {
        let topics = topics();
        assert!(topics.len() > 300, "{}", topics.len());
        for topic in topics {
            let topic = topic.get_value().to_string_lossy().into_owned();
            assert!(crate::render::explain::explain(&topic, &schema(), 80).is_ok(), "{topic}");
        }
    }

    proptest! {
        #[test]
        fn any_words_are_read(words in prop::collection::vec("(-f|--file|--var|=|~/|[a-z'\"]|\\PC){0,6}", 0..8)) {
            input(words.into_iter().map(OsString::from));
        }
    }
}
