//! The parts of a text that may be secrets, which no report shows.

use std::ops::Range;

use crate::tree::{Entry, Node, Span, Value};

/// The words for secrets. A word that contains one of them is a word for a secret, too.
const WORDS: &[&str] = &[
    "passw",
    "passphrase",
    "passcode",
    "secret",
    "credential",
    "kennwort",
    "motdepasse",
    "contrasena",
];

/// The ends of words for secrets.
const ENDS: &[&str] = &["pw", "pwd", "swd", "psw", "pass", "token", "tokens", "creds"];

/// The words whose misspelt forms are words for secrets, with the largest number of wrong letters in a word that is
/// nothing else.
const MISSPELT: &[(&str, usize)] =
    &[("password", 2), ("passphrase", 2), ("secret", 1), ("credential", 2)];

/// Ordinary words that are similar to words for secrets.
const ORDINARY: &[&str] =
    &["passport", "compass", "bypass", "trespass", "surpass", "overpass", "underpass", "security"];

/// The whole words for secrets, without the `s` of the plural.
const WHOLE: &[&str] = &[
    "password",
    "passwd",
    "passwort",
    "passphrase",
    "passcode",
    "secret",
    "credential",
    "cred",
    "token",
    "pw",
    "pwd",
    "pswd",
    "psw",
    "pass",
    "kennwort",
    "pin",
];

/// The ends of the names of keys that are secrets: their words without what is between them.
const KEYS: &[&str] = &["apikey", "privatekey", "accesskey", "secretkey", "masterkey"];

/// The last words of names that only refer to a secret.
const REFERENCES: &[&str] = &["arn", "arns", "policy"];

/// The field that holds a secret.
const FIELD: &str = "master_password";

/// The largest number of characters of a user and a password in a URL.
const LONGEST_USER_INFO: usize = 512;

/// The section of variables.
const VARIABLES: &str = "vars";

/// The fields whose values have names that the user gives. A test compares them with the schema.
pub(crate) const NAMED: &[&str] = &[
    "accounts",
    "buckets",
    "clusters",
    "domains",
    "encryption_context_equals",
    "encryption_context_subset",
    "event_data_stores",
    "file_systems",
    "grants",
    "groups",
    "instances",
    "keys",
    "members",
    "replicas",
    "tables",
    "tags",
    "trails",
    "volumes",
];

/// The fields that hold parts of policy documents.
const OF_POLICIES: &[&str] = &["document", "statements", "Statement"];

/// Whose names the names in a map are.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Names {
    /// The names of fields. Misspelt ones count.
    Fields,
    /// Names that the user gives. What is named so is a secret only if it is no map.
    Given,
    /// The names of variables. Each value may be a secret.
    Variables,
    /// The names in a policy document, which are those of AWS.
    Policy,
}

impl Names {
    /// Returns whether an entry may hold a secret.
    fn have_secret(self, entry: &Entry) -> bool {
        let name = entry.key.as_str();
        match self {
            Self::Fields => may_be_secret(name),
            Self::Given => {
                let is_map = matches!(entry.value.value, Value::Map(_));
                name == FIELD || !is_map && is_secret(name)
            }
            Self::Variables => true,
            // The other characters are in condition keys, such as `kms:EncryptionContext:password`.
            Self::Policy => name.chars().all(is_of_name) && is_secret(name),
        }
    }

    /// Returns whose names those in the value of an entry are.
    fn inside(self, name: &str) -> Self {
        match self {
            Self::Policy => Self::Policy,
            Self::Fields if OF_POLICIES.contains(&name) => Self::Policy,
            Self::Fields if NAMED.contains(&name) => Self::Given,
            Self::Fields if name == VARIABLES => Self::Variables,
            Self::Fields | Self::Given | Self::Variables => Self::Fields,
        }
    }
}

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
    words.retain(|word| !word.is_empty());
    words
}

/// Returns whether one of the words of a name is a word for a secret, and the name is not that of a reference.
fn has_word(name: &str, is_word: impl Fn(&str) -> bool) -> bool {
    let words = words(name);
    let is_reference = words.last().is_some_and(|last| REFERENCES.contains(&last.as_str()));
    let joined = words.concat();
    let with_letters =
        name.contains(|c: char| c.is_ascii_digit()).then(|| self::words(&letters(name)));
    !is_reference
        && (words.iter().chain(with_letters.iter().flatten()).any(|word| is_word(word))
            || KEYS.iter().any(|key| joined.ends_with(key)))
}

/// Returns a name with letters for the digits that look like them, such as in `pa55word`.
fn letters(name: &str) -> String {
    let letter = |c: char| match c {
        '0' => 'o',
        '1' => 'i',
        '3' => 'e',
        '4' => 'a',
        '5' => 's',
        '7' => 't',
        other => other,
    };
    name.chars().map(letter).collect()
}

/// Returns whether a name plainly says that it is that of a secret.
fn is_secret(name: &str) -> bool {
    has_word(name, |word| {
        WHOLE.contains(&word) || word.strip_suffix('s').is_some_and(|one| WHOLE.contains(&one))
    })
}

/// Returns whether a field with this name may hold a secret. Misspelt names count.
pub(crate) fn may_be_secret(name: &str) -> bool {
    has_word(name, |word| {
        if WHOLE.contains(&word) {
            return true;
        }
        let word = ORDINARY.iter().fold(word.to_owned(), |word, known| word.replace(known, ""));
        ENDS.iter().any(|end| word.ends_with(end))
            || WORDS.iter().any(|secret| word.contains(secret))
            || MISSPELT.iter().any(|(secret, most)| is_similar(&word, secret, *most))
    })
}

/// Returns whether a word differs from another in at most `most` letters, or ends with one that differs in one letter.
fn is_similar(word: &str, secret: &str, most: usize) -> bool {
    let letters: Vec<char> = word.chars().rev().take(secret.len() + 3).collect();
    let tail = |count: usize| letters.iter().take(count).rev().collect::<String>();
    if letters.len() < secret.len() + 3 && strsim::osa_distance(word, secret) <= most {
        return true;
    }
    (secret.len() - 1..=secret.len() + 1)
        .any(|count| count <= letters.len() && strsim::osa_distance(&tail(count), secret) <= 1)
}

/// Returns whether a character can be in the name of a field or of a variable.
fn is_of_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '-'
}

/// Returns whether a value only refers to a secret: `{env: NAME}`, `${var.NAME}`, or a variable of another tool, such
/// as `${NAME}` or `${local.name}`. What no name can be is no reference.
fn is_reference(node: &Node) -> bool {
    match &node.value {
        Value::Map(entries) => {
            let is_variable = |name: &str| {
                name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
                    && !name.starts_with(|c: char| c.is_ascii_digit())
            };
            matches!(entries.as_slice(), [entry] if entry.key == "env"
                && matches!(&entry.value.value, Value::Text(name) if is_variable(name)))
        }
        Value::Text(text) => {
            let inner = text.strip_prefix("${").and_then(|rest| rest.strip_suffix('}'));
            inner.is_some_and(is_variable)
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::List(_) => false,
    }
}

/// Returns whether the text between the braces of `${...}` is the name of a variable: of the environment, or one with
/// the name of a group before it, such as `var.x`.
fn is_variable(name: &str) -> bool {
    let is_part = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && part.chars().all(|c| c.is_ascii() && is_of_name(c))
    };
    let is_upper = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    match name.split_once('.') {
        Some((group, rest)) => {
            let parts = || rest.split('.');
            let is_own = group == "var" && rest.chars().all(|c| c.is_ascii() && is_of_name(c));
            is_own || is_part(group) && parts().all(is_part)
        }
        None => is_part(name) && name.chars().all(is_upper),
    }
}

/// Returns whether a text has a secret after its name: `password=…` or `password: …`, or one in a URL. ARNs have
/// `:secret:`.
fn holds_secret(text: &str) -> bool {
    has_user_info(text)
        || text.match_indices([':', '=']).any(|(at, _)| {
            let before = text.get(..at).unwrap_or_default().trim_end();
            let start = before.trim_end_matches(is_of_name);
            let name = before.get(start.len()..).unwrap_or_default();
            !start.ends_with([':', '/']) && may_be_secret(name)
        })
}

/// Returns whether a text has a URL with a password: `scheme://user:password@host`.
fn has_user_info(text: &str) -> bool {
    text.match_indices("://")
        .any(|(at, _)| begins_user_info(text.get(at + 3..).unwrap_or_default()))
}

/// Returns whether the text after the `://` of a URL begins with a user, a password or a token. Passwords can have
/// slashes.
fn begins_user_info(text: &str) -> bool {
    let ends = |c: &char| c.is_whitespace() || matches!(c, '"' | '\'');
    text.chars().take(LONGEST_USER_INFO).take_while(|c| !ends(c)).skip(1).any(|c| c == '@')
}

/// Adds the places of values of a text that may be secrets: those of fields with such names, whether the fields exist
/// or not. References to variables and to the environment are not secrets.
pub(super) fn in_tree(text: &str, node: &Node, names: Names, found: &mut Vec<Span>) {
    match &node.value {
        Value::Map(entries) => in_map(text, entries, names, found),
        // Of what is no map of variables, nothing is known.
        _ if names == Names::Variables => found.push(node.span),
        Value::List(items) => {
            // In a list in brackets, a comma ends a secret without quotes.
            let mut cut: Option<u32> = None;
            for item in items {
                let is_plain = !matches!(item.value, Value::Map(_) | Value::List(_));
                if is_plain && cut.is_some_and(|end| is_after_comma(text, end, item.span.start)) {
                    found.push(item.span);
                    cut = Some(item.span.end);
                    continue;
                }
                let before = found.len();
                in_tree(text, item, names, found);
                cut = found.get(before..).and_then(|new| new.iter().map(|span| span.end).max());
            }
        }
        Value::Text(value) if names != Names::Policy && holds_secret(value) => {
            found.push(node.span);
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) => {}
    }
}

/// Adds the places in a map.
fn in_map(text: &str, entries: &[Entry], names: Names, found: &mut Vec<Span>) {
    // `{name: master_password, value: …}`
    let is_name = |entry: &Entry| {
        ["name", "key"].iter().any(|name| entry.key.eq_ignore_ascii_case(name))
            && matches!(&entry.value.value, Value::Text(name) if may_be_secret(name))
    };
    let is_pair = names != Names::Policy && entries.iter().any(is_name);
    // In a map in braces, a comma ends a secret without quotes. The rest of it is a name.
    let mut cut: Option<u32> = None;
    for entry in entries {
        let is_rest = !is_name_of(text, entry, names)
            && cut.is_some_and(|end| is_after_comma(text, end, entry.key_span.start));
        let is_value = is_pair && entry.key.eq_ignore_ascii_case("value");
        if is_rest {
            found.push(entry.key_span);
            cut = Some(entry.key_span.end);
        } else if is_value || names.have_secret(entry) {
            cut = in_entry(text, entry, names, found);
        } else {
            cut = None;
            in_tree(text, &entry.value, names.inside(&entry.key), found);
        }
    }
}

/// Returns whether an entry in braces is one of its own, and not the rest of a secret that a comma ended: it has a
/// value, or `null` is written, which no secret ends with. A variable may have a colon alone.
fn is_name_of(text: &str, entry: &Entry, names: Names) -> bool {
    if entry.value.value != Value::Null || !entry.value.is_left_out() {
        return true;
    }
    let part = |range: Range<u32>| text.get(range.start as usize..range.end as usize);
    let key = entry.key_span;
    let has_blank = part(key.start.saturating_sub(2)..key.start) == Some(", ");
    let has_colon = part(key.end..key.end.saturating_add(1)) == Some(":");
    names == Names::Variables && has_blank && has_colon && entry.key.chars().all(is_of_name)
}

/// Returns whether a comma stands between the end of a value and what follows.
fn is_after_comma(text: &str, end: u32, start: u32) -> bool {
    let between = text.get(end as usize..start as usize).unwrap_or_default();
    between.trim_start_matches(['\'', '"']).trim_start().starts_with(',')
}

/// Adds the places in an entry with a secret. Returns where its value ends, unless it is a reference.
fn in_entry(text: &str, entry: &Entry, names: Names, found: &mut Vec<Span>) -> Option<u32> {
    let (key, value) = (entry.key_span, &entry.value);
    // Without a blank after the colon, the secret is a part of the name. In quotes it is the name of a variable.
    let is_quoted = text.get(key.start as usize..).is_some_and(|at| at.starts_with(['"', '\'']));
    let is_whole = is_quoted && names == Names::Variables && value.value != Value::Null;
    if !entry.key.chars().all(|c| is_of_name(c) || is_whole && " ./".contains(c)) {
        found.push(key);
    }
    let rest = text.get(key.end as usize..).unwrap_or_default();
    let colon = rest.find(':').map_or(0, |at| at + 1);
    let after = key.end.saturating_add(u32::try_from(colon).unwrap_or(u32::MAX));
    let is_here = value.value != Value::Null && value.span.start >= after;
    // An anchor or a tag before the value may be the secret, or an alias that stands for one.
    let end = if is_here {
        value.span.start
    } else {
        let line = rest.get(colon..).unwrap_or_default();
        let size = line.find(['\n', '\r', ',', '}', ']']).unwrap_or(line.len());
        after.saturating_add(u32::try_from(size).unwrap_or(u32::MAX))
    };
    let gap = text.get(after as usize..end as usize).unwrap_or_default();
    if !["", "~", "null"].contains(&gap.trim()) {
        found.push(Span { start: after, end, ..key });
    }
    if is_reference(value) || value.value == Value::Null && !value.is_left_out() {
        return None;
    }
    all_of(text, value, found);
    Some(if is_here { value.span.end } else { end })
}

/// Adds the places of all values, and of the keys: a secret in braces without quotes is a key. Returns where the value
/// ends, with its closing bracket.
fn all_of(text: &str, node: &Node, found: &mut Vec<Span>) -> u32 {
    let span = node.span;
    let (inner, closing) = match &node.value {
        Value::Map(entries) => {
            let ends = entries.iter().map(|entry| {
                found.push(entry.key_span);
                all_of(text, &entry.value, found).max(entry.key_span.end)
            });
            (ends.max(), '}')
        }
        Value::List(items) => (items.iter().map(|item| all_of(text, item, found)).max(), ']'),
        Value::Text(_) | Value::Number(_) => {
            found.push(span);
            return span.end;
        }
        Value::Null | Value::Bool(_) => return span.end,
    };
    let mut end = inner.unwrap_or(span.end).max(span.end);
    let opening = text.get(span.start as usize..).and_then(|at| at.chars().next());
    let rest = text.get(end as usize..).unwrap_or_default();
    let close = rest.find(|c: char| !c.is_whitespace() && c != ',');
    if opening.is_some_and(|c| "{[".contains(c))
        && let Some(close) =
            close.filter(|at| rest.get(*at..).is_some_and(|at| at.starts_with(closing)))
    {
        end = end.saturating_add(u32::try_from(close + 1).unwrap_or(u32::MAX));
    }
    found.push(Span { end, ..span });
    end
}

/// Returns the ranges that may be secrets of a text whose tree is not known, because it has a syntax error. They hold
/// more than the secrets: what is beside a word for a secret, up to the next field.
pub(super) fn in_text(text: &str) -> Vec<Range<usize>> {
    let (mut found, mut at, mut open, mut quote) = (Vec::new(), 0, Vec::new(), None);
    while let Some(c) = text.get(at..).and_then(|rest| rest.chars().next()) {
        let rest = text.get(at..).unwrap_or_default();
        let mut end = at + c.len_utf8();
        let mut is_found = false;
        if is_of_name(c) {
            end = at + rest.find(|c| !is_of_name(c)).unwrap_or(rest.len());
            let name = text.get(at..end).unwrap_or_default();
            let is_section =
                name == VARIABLES && !text.get(end..).is_some_and(|rest| rest.starts_with('.'));
            is_found = is_section || may_be_secret(name);
        } else if let Some(rest) = rest.strip_prefix("://")
            && begins_user_info(rest)
        {
            is_found = true;
        } else if c == '\\' && quote == Some('"') {
            // A name with escapes may be any.
            is_found = ends_name(rest);
            end += rest.chars().nth(1).filter(|c| *c != '\n').map_or(0, char::len_utf8);
        } else if c == '\n' || quote == Some(c) {
            quote = None;
        } else if quote.is_none() {
            match c {
                '"' | '\'' => quote = Some(c),
                '{' | '[' => open.push(at),
                '}' | ']' => drop(open.pop()),
                _ => {}
            }
        }
        if is_found {
            let range = around(text, at..end, open.last().copied());
            end = range.end.max(end);
            found.push(range);
            quote = None;
        }
        at = end;
    }
    found
}

/// Returns whether a quoted text ends soon, and a colon follows.
fn ends_name(rest: &str) -> bool {
    let mut rest = rest.chars().take(256).skip_while(|c| *c != '"').skip(1);
    rest.find(|c| !c.is_whitespace()) == Some(':')
}

/// Returns the range to hide around the name of a secret, in the innermost bracket that opens at `open`.
fn around(text: &str, name: Range<usize>, open: Option<usize>) -> Range<usize> {
    // Within brackets, lines and indentation mean nothing.
    if let Some(open) = open {
        return open + 1..text.len();
    }
    let start = text.get(..name.start).and_then(|all| all.rfind('\n')).map_or(0, |at| at + 1);
    let line = text.get(start..).and_then(|rest| rest.lines().next()).unwrap_or_default();
    if let Some(comment) = comment(line).filter(|at| start + at <= name.start) {
        return start + comment..start + line.len();
    }
    let before = text.get(start..name.start).unwrap_or_default();
    let column = before.len() - before.trim_start_matches([' ', '-', '?']).len();
    let rest = text.get(name.end..).unwrap_or_default();
    let is_field = rest.trim_start_matches(['"', '\'', ' ']).starts_with([':', '=']);
    let value = before.find(": ").map_or(0, |at| at + 1);
    let is_value = before.get(value..).is_some_and(|value| value.contains(char::is_alphanumeric));
    // What is before the name may be the secret, too, or the name itself.
    let from = if is_value || value == 0 && !is_field { start + value } else { name.end };
    let is_quoted = rest.starts_with(['"', '\'']) && before.ends_with(rest.get(..1).unwrap_or(" "));
    from..end_of_value(text, column, name.end + usize::from(is_quoted))
}

/// Returns where the value of a field ends whose name is at a column and ends at this byte: at the next line that
/// begins with a field and is not indented more. A list may be as deep as its field.
fn end_of_value(text: &str, column: usize, name_end: usize) -> usize {
    let (mut to, mut has_value) = (name_end, false);
    for (number, line) in text.get(name_end..).unwrap_or_default().split_inclusive('\n').enumerate()
    {
        let indent = line.len() - line.trim_start_matches(' ').len();
        let is_item = line.trim_start().starts_with('-');
        let is_outside = indent < column || indent == column && !is_item;
        if number > 0 && has_value && is_outside && begins_field(line) {
            break;
        }
        if !is_balanced(line) {
            return text.len();
        }
        has_value |= line.chars().any(char::is_alphanumeric);
        to += line.len();
    }
    to
}

/// Returns whether every quote and every bracket of a line ends in it.
fn is_balanced(line: &str) -> bool {
    let count = |of: char| line.matches(of).count();
    let is_even = |of: char| count(of).is_multiple_of(2);
    is_even('"') && is_even('\'') && count('{') == count('}') && count('[') == count(']')
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

/// Returns the range that may be secrets of a policy document with a syntax error: what follows a field that is plainly
/// one for a secret. No field of a policy is.
pub(super) fn in_policy(text: &str) -> Option<Range<usize>> {
    let parts = text.match_indices('"').map(|(at, _)| at);
    parts.clone().zip(parts.skip(1)).find_map(|(start, end)| {
        let name = text.get(start + 1..end)?;
        let rest = text.get(end + 1..)?;
        let is_name = rest.trim_start().starts_with(':');
        // No name of a policy needs an escape.
        let is_plain = name.chars().all(is_of_name) && is_secret(name) || name.contains('\\');
        (is_name && is_plain).then_some(end + 1..text.len())
    })
}

/// Returns where the text of a line's comment begins.
fn comment(line: &str) -> Option<usize> {
    let is_sign = |at: usize| {
        line.get(..at)
            .is_some_and(|before| before.chars().next_back().is_none_or(char::is_whitespace))
    };
    line.match_indices('#').map(|(at, _)| at).find(|at| is_sign(*at)).map(|at| at + 1)
}

/// Returns the range of a line's comment that may have a secret: that beside a secret, or with a word for one.
pub(super) fn in_comment(line: &str, is_beside_secret: bool) -> Option<Range<usize>> {
    let at = comment(line)?;
    let mut words = line.get(at..)?.split(|c| !is_of_name(c));
    (is_beside_secret || words.any(may_be_secret)).then_some(at..line.len())
}

#[cfg(test)]
#[path = "secrets_tests.rs"]
mod tests;
