//! Checks that no message counts a noun whose plural is fixed: `1 calls`.

use super::sources;

/// The nouns that messages count.
const NOUNS: [&str; 32] = [
    "accounts",
    "addresses",
    "aliases",
    "calls",
    "changes",
    "characters",
    "days",
    "digits",
    "drifts",
    "errors",
    "fields",
    "files",
    "findings",
    "grants",
    "hours",
    "keys",
    "lines",
    "minutes",
    "nodes",
    "pages",
    "pairs",
    "parts",
    "policies",
    "principals",
    "records",
    "resources",
    "seconds",
    "statements",
    "steps",
    "subnets",
    "warnings",
    "zones",
];

/// The texts whose numbers are never 1: each is a limit, or is more than one.
const NEVER_ONE: [&str; 16] = [
    "{count} resources is too large",
    "{MAX_RESOURCES} keys",
    "more than {MAX_ALIASES} aliases",
    "{MOST} pages",
    "{length} characters is too long",
    "{length} characters are too many",
    "cannot have {length} characters",
    "` has {length} characters",
    "{} aliases may be too many",
    // A deletion waits for 7 days at least, and key material is rotated after 90 at least.
    "a deletion waits only {} days",
    "in {days} days",
    "every {days} days",
    // One is another case.
    "has one zone, but {subnets} subnets",
    "{count} subnets are not possible",
    "{} keys",
    // A verb.
    "when {caller} calls",
];

/// Returns the words that follow a number in a line, such as `{n} calls`.
fn counts(line: &str) -> Vec<String> {
    // A number is in braces, and its noun follows after a space.
    let numbers = line.split('{').skip(1).filter_map(|rest| rest.split_once("} "));
    let mut found = Vec::new();
    for (number, rest) in numbers {
        let word: String = rest.chars().take_while(char::is_ascii_lowercase).collect();
        if NOUNS.contains(&word.as_str()) {
            found.push(format!("{{{number}}} {word}"));
        }
    }
    found
}

#[test]
fn a_number_and_its_noun_agree() {
    assert_eq!(counts("format!(\"{n} calls in {x} y\")"), ["{n} calls"]);
    let mut wrong = Vec::new();
    for source in sources() {
        for (n, line) in source.code() {
            let is_exempt = NEVER_ONE.iter().any(|exempt| line.contains(exempt));
            for count in counts(line).into_iter().filter(|_| !is_exempt) {
                wrong.push(format!("src/{}:{n}: {count}", source.path));
            }
        }
    }
    assert!(wrong.is_empty(), "use `text::counted`: {wrong:#?}");
    for exempt in NEVER_ONE {
        let is_used = sources().iter().any(|source| source.text.contains(exempt));
        assert!(is_used, "`{exempt}` is nowhere");
    }
}
