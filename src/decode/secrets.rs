//! The parts of a text that may be secrets, which no report shows.

use std::ops::Range;

use crate::tree::{Node, Span, Value};

/// The ends of words for secrets.
const ENDS: &[&str] = &["pw", "pwd", "pswd", "psw", "pass", "token"];

/// The words for secrets. A word that contains one of them, or is similar to one, is a word for a secret, too.
const WORDS: &[&str] = &["password", "passwd", "secret", "passphrase", "credential"];

/// The lengths in bytes of the words that are compared with `WORDS` for similarity.
const COMPARED: std::ops::RangeInclusive<usize> = 5..=16;

/// Returns the words of a name, such as `master_password`, `masterPassword` or `pw1`, in lower case.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut last = ' ';
    for c in name.chars() {
        let begins = !c.is_alphabetic() || c.is_uppercase() && last.is_lowercase();
        if begins && words.last().is_some_and(|word| !word.is_empty()) {
            words.push(String::new());
        }
        if c.is_alphabetic()
            && let Some(word) = words.last_mut()
        {
            word.extend(c.to_lowercase());
        }
        last = c;
    }
    words
}

/// Returns whether a field with this name may hold a secret. Misspelt names count.
fn names_secret(name: &str) -> bool {
    words(name).iter().any(|word| {
        let is_similar =
            |secret| COMPARED.contains(&word.len()) && strsim::jaro_winkler(word, secret) >= 0.85;
        ENDS.iter().any(|end| word.ends_with(end))
            || WORDS.iter().any(|secret| word.contains(secret) || is_similar(secret))
    })
}

/// Returns whether a character can be in the name of a field or of a variable.
fn is_of_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '-'
}

/// Returns whether a text is the name of a variable, and no secret with other characters.
fn is_variable(text: &str) -> bool {
    text.chars().all(|c| c.is_ascii() && is_of_name(c))
}

/// Returns whether a value only refers to a secret: `{env: NAME}` or `${var.NAME}`.
fn is_reference(node: &Node) -> bool {
    match &node.value {
        Value::Map(entries) => {
            matches!(entries.as_slice(), [entry] if entry.key == "env"
                && matches!(&entry.value.value, Value::Text(name) if is_variable(name)))
        }
        Value::Text(text) => {
            let name = text.strip_prefix("${var.").and_then(|rest| rest.strip_suffix('}'));
            name.is_some_and(is_variable)
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::List(_) => false,
    }
}

/// Adds the places of values that may be secrets: those of fields with such names, whether the fields exist or not.
/// References to variables and to the environment are not secrets.
pub(super) fn in_tree(node: &Node, found: &mut Vec<Span>) {
    match &node.value {
        Value::Map(entries) => {
            for entry in entries {
                if !names_secret(&entry.key) {
                    in_tree(&entry.value, found);
                    continue;
                }
                // Without a blank after the colon, the secret is a part of the name.
                if !entry.key.chars().all(is_of_name) {
                    found.push(entry.key_span);
                }
                if !is_reference(&entry.value) {
                    all_of(&entry.value, found);
                }
            }
        }
        Value::List(items) => items.iter().for_each(|item| in_tree(item, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) => {}
    }
}

/// Adds the places of all values, and of the keys: a secret in braces without quotes is a key.
fn all_of(node: &Node, found: &mut Vec<Span>) {
    match &node.value {
        Value::Map(entries) => entries.iter().for_each(|entry| {
            found.push(entry.key_span);
            all_of(&entry.value, found);
        }),
        Value::List(items) => items.iter().for_each(|item| all_of(item, found)),
        Value::Text(_) | Value::Number(_) => found.push(node.span),
        Value::Null | Value::Bool(_) => {}
    }
}

/// Returns the ranges that may be secrets of a text whose tree is not known, because it has a syntax error. They hold more
/// than the secrets: what follows a word for a secret, up to the next field beside it.
pub(super) fn in_text(text: &str) -> Vec<Range<usize>> {
    let (mut found, mut at, mut depth) = (Vec::new(), 0, 0_usize);
    while let Some(c) = text.get(at..).and_then(|rest| rest.chars().next()) {
        if !is_of_name(c) {
            depth = match c {
                '{' | '[' => depth + 1,
                '}' | ']' => depth.saturating_sub(1),
                _ => depth,
            };
            at += c.len_utf8();
            continue;
        }
        let rest = text.get(at..).unwrap_or_default();
        let end = at + rest.find(|c| !is_of_name(c)).unwrap_or(rest.len());
        let word = text.get(at..end).unwrap_or_default();
        if !names_secret(word) {
            at = end;
            continue;
        }
        // Within braces, lines and indentation mean nothing.
        let to = if depth > 0 { text.len() } else { end_of_value(text, at, end) };
        found.push(end..to);
        at = to;
    }
    found
}

/// Returns where the value of a field ends whose name begins and ends at these bytes: at the next line that begins with a
/// field and is not indented more.
fn end_of_value(text: &str, name: usize, name_end: usize) -> usize {
    let line = text.get(..name).and_then(|before| before.rfind('\n')).map_or(0, |at| at + 1);
    let column = name - line;
    let (mut to, mut has_value) = (name_end, false);
    for (number, line) in text.get(name_end..).unwrap_or_default().split_inclusive('\n').enumerate()
    {
        let indent = line.len() - line.trim_start_matches(' ').len();
        if number > 0 && has_value && indent <= column && begins_field(line) {
            break;
        }
        has_value |= line.chars().any(char::is_alphanumeric);
        to += line.len();
    }
    to
}

/// Returns whether a line begins with the name of a field and a colon.
fn begins_field(line: &str) -> bool {
    let line = line.trim_start_matches([' ', '-']);
    let Some((name, rest)) = line.split_once(':') else {
        return false;
    };
    let name = name.trim_matches(['"', '\'']);
    !name.is_empty()
        && name.chars().all(|c| is_of_name(c) || "./".contains(c))
        && rest.chars().next().is_none_or(char::is_whitespace)
}

/// Returns the range of a line's comment that may have a secret: what follows a word for one, or all of it beside a
/// secret.
pub(super) fn in_comment(line: &str, is_beside_secret: bool) -> Option<Range<usize>> {
    let begins = line.trim_start().starts_with('#');
    let at = if begins { line.find('#')? + 1 } else { line.find(" #")? + 2 };
    if is_beside_secret {
        return Some(at..line.len());
    }
    let comment = line.get(at..)?;
    in_text(comment).first().map(|range| at + range.start..line.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the text with `*` for what is hidden.
    fn shown(text: &str) -> String {
        let mut bytes = text.as_bytes().to_vec();
        for range in in_text(text) {
            bytes[range].iter_mut().filter(|byte| **byte != b'\n').for_each(|byte| *byte = b'*');
        }
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn what_follows_a_word_for_a_secret_is_hidden_without_a_tree() {
        for form in [
            "{master_pasword: SECRET, foo: @a}",
            "{pw: SECRET, foo: @a}",
            "{master_password : SECRET, foo: @a}",
            "{'master_password' : SECRET, foo: @a}",
            "{? master_password : SECRET, foo: @a}",
            "{master_password: {value: SECRET}, foo: @a}",
            "{master_password: [a, SECRET], foo: @a}",
            "{master_password: 'a,SECRET', foo: @a}",
            "{\"master_password\": \"x, SECRET\", foo: @a}",
            "{master_password: $SECRET, foo: @a}",
            "{\n  master_password:\nSECRET: x, foo: @a}",
            "master_password: {SECRET",
            "master_password: }SECRET",
            "master_password: a, SECRET",
            "master_password: \"a\",SECRET",
            "master_password:\n        @SECRET",
            "master_password:\n        'SECRET",
            "master_password:\n      SECRET: x",
            "master_password:\n      - SECRET",
            "master_password: a\n        SECRET: x",
            "master_password: \"a\n        SECRET",
            "master_password: >-\n        a\n       SECRET",
            "- master_password: SECRET",
            "? master_password\n      : SECRET",
            "master_password = SECRET",
            "master_password=SECRET: 1",
            "# master_password: SECRET",
        ] {
            let text = format!("rds:\n  instances:\n    orders:\n      {form}\n      port: no\n");
            let shown = shown(&text);
            assert!(!shown.contains("SECRET"), "{form}: {shown}");
            assert!(shown.starts_with("rds:\n  instances:\n    orders:\n"), "{form}: {shown}");
        }
    }

    #[test]
    fn what_follows_the_value_of_a_secret_is_shown() {
        let text =
            "a:\n  master_password: x\n  # c\n  engine: @\nb: 1\nl:\n- pw: {env: A}\n  c: 2\n";
        assert_eq!(
            shown(text),
            "a:\n  master_password***\n*****\n  engine: @\nb: 1\nl:\n- pw**********\n  c: 2\n"
        );
        assert_eq!(shown("compasses: 1\nat: 12:30\n"), "compasses: 1\nat: 12:30\n");
    }

    #[test]
    fn comments_with_a_secret_are_hidden() {
        assert_eq!(in_comment("a: 1 # the password is x", false), Some(19..24));
        assert_eq!(in_comment("# pw: x", false), Some(4..7));
        assert_eq!(in_comment("a: 1 # b", false), None);
        assert_eq!(in_comment("a: x # b", true), Some(6..8));
        assert_eq!(in_comment("password: x#b", false), None);
    }
}
