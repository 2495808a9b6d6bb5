//! What kmsctl has instead of the commands and options of other tools, above all Terraform's.

use super::command;
use clap::builder::StyledStr;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use std::ffi::{OsStr, OsString};

/// A command of kmsctl (empty for every command), a word that it does not know, and what to write instead.
const HABITS: &[(&str, &str, &str)] = &[
    ("", "fmt", "kmsctl changes no YAML: `kmsctl validate` checks it, and an editor formats it"),
    (
        "",
        "import",
        "write `adopt: ARN` in the key (`kmsctl explain adoption`); `kmsctl export` writes it for you",
    ),
    (
        "",
        "refresh",
        "`kmsctl plan --refresh-only` shows what changed outside kmsctl; `kmsctl drift` exits with 2 then",
    ),
    ("", "diff", "`kmsctl plan` shows the changes, and `kmsctl policy diff` compares two policies"),
    ("", "deploy", "`kmsctl apply` makes the changes"),
    ("", "up", "`kmsctl apply` makes the changes"),
    ("", "create", "declare it in the configuration; `kmsctl apply` creates it"),
    (
        "",
        "delete",
        "remove it from the configuration, and run `kmsctl apply`; `kmsctl destroy` deletes all",
    ),
    ("", "down", "`kmsctl destroy` deletes all that the stack has"),
    (
        "",
        "status",
        "`kmsctl drift` shows what changed outside kmsctl, and `kmsctl plan` what apply would do",
    ),
    ("", "list", "`kmsctl state list` lists what the stack has"),
    ("", "force-unlock", "`kmsctl state unlock ID` removes a lock"),
    (
        "",
        "workspace",
        "each `stack:` of a configuration has a state of its own; `-f PATH` names the configuration",
    ),
    ("", "taint", "kmsctl never replaces a resource; `kmsctl rotate KEY` gives a key new material"),
    ("", "untaint", "kmsctl never replaces a resource"),
    ("", "test", "`kmsctl validate` and `kmsctl lint` check a configuration without AWS"),
    ("", "version", "`kmsctl --version` prints it"),
    ("", "check", "`kmsctl validate` and `kmsctl lint` check a configuration without AWS"),
    ("policy", "check", "`kmsctl policy lint FILE` checks a policy"),
    ("", "get", "`kmsctl state show ADDRESS` prints a record, and `kmsctl output` the ARNs"),
    ("", "graph", "`kmsctl impact KEY` shows what depends on a key"),
    ("", "console", "`kmsctl access KEY` says who can do what with a key"),
    ("", "login", "credentials, profiles and SSO work as in the AWS SDKs, such as `aws sso login`"),
    ("", "unlock", "`kmsctl state unlock ID` removes a lock"),
    (
        "",
        "synth",
        "kmsctl makes no templates: `kmsctl plan --commands` prints the calls that it would make",
    ),
    ("drift", "--detailed-exitcode", "`kmsctl drift` always exits with 2 if there are changes"),
    ("lint", "--fix", "kmsctl changes no YAML: each finding says what to write"),
    ("state", "rm", "`kmsctl state forget ADDRESS` removes a record without touching AWS"),
    (
        "state",
        "pull",
        "`--state` says where the state is; `kmsctl state show ADDRESS` prints a record",
    ),
    ("state", "push", "`--state` says where the state is"),
    ("apply", "--yes", "`--auto-approve` asks nothing"),
    ("apply", "-y", "`--auto-approve` asks nothing"),
    ("apply", "--force", "`--auto-approve` asks nothing"),
    ("apply", "--dry-run", "`kmsctl plan` shows what apply would do"),
    ("apply", "--destroy", "`kmsctl destroy` deletes all that the stack has"),
    ("destroy", "--yes", "`--auto-approve` asks nothing"),
    ("destroy", "-y", "`--auto-approve` asks nothing"),
    ("destroy", "--force", "`--auto-approve` asks nothing; what is protected is never deleted"),
    ("rotate", "--yes", "`--auto-approve` asks nothing"),
    ("rotate", "-y", "`--auto-approve` asks nothing"),
    ("plan", "--destroy", "`kmsctl destroy` shows the deletions, and asks before it makes them"),
    ("plan", "--output", "`--out FILE` saves the plan, and `--format json` prints it for programs"),
    ("init", "--backend-config", "`--state` says where the state is"),
    ("init", "--upgrade", "kmsctl has no providers to upgrade"),
    ("", "--json", "`--format json` prints the answer for programs"),
    ("", "--no-color", "`--color never` prints no colours"),
    ("", "--chdir", "`-f PATH` names the configuration, and `--state` says where the state is"),
    ("", "--lock", "one run at a time has the lock; `kmsctl explain state` describes it"),
    ("", "--lock-timeout", "one run at a time has the lock; `kmsctl explain state` describes it"),
    ("", "--input", "kmsctl asks only on a terminal; `--auto-approve` asks nothing"),
    ("", "--refresh", "every plan reads AWS"),
    (
        "",
        "--replace",
        "kmsctl never replaces a resource; `kmsctl rotate KEY` gives a key new material",
    ),
    ("", "--dry-run", "`kmsctl plan` shows what apply would do, and changes nothing"),
];

/// Returns the error of a command line with a tip, if it has a word of another tool, or its cause is one of the
/// variables of the environment.
#[must_use]
pub fn explained(
    mut error: clap::Error,
    words: &[OsString],
    environment: impl Fn(&OsStr) -> Option<OsString>,
) -> clap::Error {
    if error.get(ContextKind::Usage).is_some() {
        error.insert(ContextKind::Usage, ContextValue::StyledStr(usage(words)));
    }
    if let Some(tip) = of_environment(&error, words, environment) {
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip.into()]));
    }
    let known = [ErrorKind::UnknownArgument, ErrorKind::InvalidSubcommand];
    if !known.contains(&error.kind()) {
        return error;
    }
    let wrong = [ContextKind::InvalidArg, ContextKind::InvalidSubcommand];
    let wrong = wrong.iter().find_map(|kind| match error.get(*kind) {
        Some(ContextValue::String(word)) => Some(word.clone()),
        Some(_) | None => None,
    });
    let words: Vec<&str> = words.iter().filter_map(|word| word.to_str()).collect();
    if let Some(tip) = wrong.and_then(|wrong| tip(&wrong, &words)) {
        for other in [
            ContextKind::SuggestedSubcommand,
            ContextKind::SuggestedArg,
            ContextKind::SuggestedCommand,
        ] {
            error.remove(other);
        }
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip.into()]));
    }
    error
}

/// Returns a tip that names the environment variable, if the wrong value of an option comes from one. The error names
/// only the option, which is not on the command line.
fn of_environment(
    error: &clap::Error,
    words: &[OsString],
    environment: impl Fn(&OsStr) -> Option<OsString>,
) -> Option<String> {
    let Some(ContextValue::String(wrong)) = error.get(ContextKind::InvalidArg) else {
        return None;
    };
    let long = wrong.split(' ').next()?.strip_prefix("--")?;
    let is_written = |word: &OsString| {
        let name = word.to_str().and_then(|word| word.strip_prefix("--")?.split('=').next());
        name == Some(long)
    };
    if words.iter().any(is_written) {
        return None;
    }
    let top = command();
    let name = top.get_arguments().find(|arg| arg.get_long() == Some(long))?.get_env()?.to_owned();
    let (name, is_empty) = (name.to_str()?, environment(&name)?.is_empty());
    Some(match is_empty {
        true => format!("{name} is set, but has no value: give it one, or unset it"),
        false => format!("the value is that of the environment variable {name}"),
    })
}

/// Returns the usage of the command of a line. The parser's own one has the options whose values come from the
/// environment, as if they were necessary.
fn usage(words: &[OsString]) -> StyledStr {
    let mut top = command();
    top.build();
    let mut current = &top;
    for word in words.iter().skip(1).filter_map(|word| word.to_str()) {
        current = current.find_subcommand(word).unwrap_or(current);
    }
    current.clone().render_usage()
}

/// Returns what to write instead of a word.
fn tip(wrong: &str, words: &[&str]) -> Option<String> {
    let top = command();
    let (mut current, mut path) = (&top, "");
    for word in words.iter().skip(1) {
        if let Some(sub) = current.find_subcommand(word) {
            (current, path) = (sub, sub.get_name());
        }
    }
    // clap reads `-out` as the options `-o`, `-u` and `-t`.
    let letter = wrong.strip_prefix('-').filter(|letter| letter.len() == 1);
    let has_letter = |word: &&str| {
        let name = word.strip_prefix('-').filter(|name| name.len() > 1 && !name.starts_with('-'));
        letter.is_some_and(|letter| name.is_some_and(|name| name.contains(letter)))
    };
    let whole = words.iter().copied().find(has_letter);
    let name = whole.unwrap_or(wrong).split('=').next().unwrap_or_default();
    let long = if whole.is_some() { format!("-{name}") } else { name.to_owned() };
    let is_option = |arg: &clap::Arg| arg.get_long().is_some_and(|own| long == format!("--{own}"));
    if whole.is_some() && current.get_arguments().any(is_option) {
        return Some(format!("options have two dashes: `{long}`"));
    }
    let habit = |at: &str| HABITS.iter().find(|(of, word, _)| *of == at && *word == long);
    if let Some((_, _, tip)) = habit(path).or_else(|| habit("")) {
        return Some((*tip).to_owned());
    }
    let is_yaml = long.ends_with(".yaml") || long.ends_with(".yml");
    match path {
        _ if is_yaml => Some(format!("`-f {long}` names the configuration")),
        _ if long.starts_with('-') => None,
        "plan" | "destroy" if is_address(&long) => Some(format!("`--target {long}` names a resource")),
        "plan" => Some(
            "`kmsctl show FILE` shows a saved plan, and `kmsctl apply FILE` applies it; `--target key/NAME` names a \
             key"
                .to_owned(),
        ),
        "destroy" => Some("`--target key/NAME` names a key".to_owned()),
        "man" => Some("`kmsctl man --out FOLDER` writes the page of each command".to_owned()),
        _ => None,
    }
}

/// Returns whether a word has the form of an address, such as `key/app`.
fn is_address(word: &str) -> bool {
    let is_kind = |kind: &str| kind.chars().all(|c| c.is_ascii_lowercase() || c == '_');
    word.split_once('/')
        .is_some_and(|(kind, name)| !kind.is_empty() && is_kind(kind) && !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(line: &str) -> String {
        let words: Vec<OsString> = line.split(' ').map(OsString::from).collect();
        let error = command().try_get_matches_from(&words).expect_err(line);
        explained(error, &words, |_| None).to_string()
    }

    #[test]
    fn each_habit_is_an_error_that_says_what_to_write() {
        for (of, word, tip) in HABITS {
            let of = match (*of, word.starts_with('-')) {
                ("rotate", _) => "rotate app",
                ("", true) => "plan",
                (of, _) => of,
            };
            let line = format!("kmsctl {of} {word}").replace("  ", " ");
            let told = told(&line);
            assert!(told.contains(&format!("tip: {tip}")), "{line}: {told}");
            assert_eq!(told.matches("tip: ").count(), 1, "{line}: {told}");
        }
    }

    /// Every command in a tip exists, and every option is one of some command.
    #[test]
    fn each_tip_can_be_written() {
        for (_, _, tip) in HABITS {
            for span in tip.split('`').skip(1).step_by(2) {
                let line = if span.starts_with("--") {
                    format!("kmsctl apply {span}")
                } else {
                    span.to_owned()
                };
                if !line.starts_with("kmsctl ") {
                    continue;
                }
                let line = match span {
                    "--state" => "kmsctl plan --state none".to_owned(),
                    "--out FILE" | "--format json" => format!("kmsctl plan {span}"),
                    "kmsctl policy diff" => format!("{span} a b"),
                    _ => line,
                };
                if let Err(error) = command().try_get_matches_from(line.split(' ')) {
                    assert_eq!(error.kind(), ErrorKind::DisplayVersion, "{line}: {error}");
                }
            }
        }
    }

    #[test]
    fn options_with_one_dash_and_files_are_explained() {
        for (line, tip) in [
            ("kmsctl apply -auto-approve", "options have two dashes: `--auto-approve`"),
            ("kmsctl plan -out plan.json", "options have two dashes: `--out`"),
            ("kmsctl plan -target=key/app", "options have two dashes: `--target`"),
            ("kmsctl plan -var x=1", "options have two dashes: `--var`"),
            ("kmsctl plan -destroy", "`kmsctl destroy` shows the deletions"),
            ("kmsctl plan --refresh=false", "every plan reads AWS"),
            ("kmsctl -f a.yaml plan plan.json", "`kmsctl show FILE` shows a saved plan"),
            ("kmsctl plan key/app", "`--target key/app` names a resource"),
            ("kmsctl plan app", "`--target key/NAME` names a key"),
            ("kmsctl destroy key/app", "`--target key/app` names a resource"),
            ("kmsctl destroy alias/a*", "`--target alias/a*` names a resource"),
            ("kmsctl destroy app", "`--target key/NAME` names a key"),
            ("kmsctl man plan", "`kmsctl man --out FOLDER`"),
            ("kmsctl plan b.yaml", "`-f b.yaml` names the configuration"),
            ("kmsctl validate b.yaml", "`-f b.yaml` names the configuration"),
        ] {
            assert!(told(line).contains(tip), "{line}: {}", told(line));
        }
        assert!(!told("kmsctl plan --nonsense").contains("two dashes"));
        assert!(told("kmsctl plna").contains("'plan'"), "{}", told("kmsctl plna"));
    }
}
