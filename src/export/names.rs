//! The names of exported keys: those that a person would give.

use crate::config;
use crate::decode::{Diagnostic, Diagnostics};
use crate::id::{BadId, KeyArn, Name};
use crate::inventory::{Held, Inventory};
use crate::tree::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The longest derived name, so that a suffix still fits.
const LONGEST: usize = 48;

/// The largest number of words of a description in a name.
const WORDS: usize = 4;

/// The words of descriptions that do not tell keys apart.
const FILLERS: [&str; 12] =
    ["a", "an", "the", "for", "of", "and", "to", "in", "by", "key", "kms", "cmk"];

/// Returns the name of each key that is not a replica. A given name is kept. The others are the first alias without the
/// prefix that all aliases share, else the tag `Name`, else the first words of the description, else the id.
///
/// Of keys with the same name, each gets the Region or the beginning of its id as a suffix, so that a name does not depend
/// on the order of the keys.
pub(super) fn names(
    inventory: &Inventory,
    given: &BTreeMap<KeyArn, Name>,
) -> BTreeMap<KeyArn, Name> {
    let keys = || inventory.keys.iter().filter(|(_, held)| held.primary().is_none());
    let shared = shared_prefix(keys().filter_map(|(_, held)| first_alias(held)));
    let mut taken: BTreeSet<String> = BTreeSet::new();
    let mut out = BTreeMap::new();
    for (arn, _) in keys() {
        if let Some(name) = given.get(arn) {
            taken.insert(name.to_string());
            out.insert(arn.clone(), name.clone());
        }
    }
    let mut wanted: BTreeMap<String, Vec<&KeyArn>> = BTreeMap::new();
    for (arn, held) in keys().filter(|(arn, _)| !given.contains_key(arn)) {
        wanted.entry(derived(arn, held, &shared)).or_default().push(arn);
    }
    for (name, arns) in wanted {
        let regions: BTreeSet<_> = arns.iter().map(|arn| &arn.region).collect();
        let is_alone = arns.len() == 1 && !taken.contains(&name);
        for arn in &arns {
            let by_id = format!("{name}-{}", beginning(arn));
            let mut unique = match () {
                () if is_alone => name.clone(),
                () if arns.len() > 1 && regions.len() == arns.len() => {
                    format!("{name}-{}", arn.region)
                }
                () => by_id.clone(),
            };
            if taken.contains(&unique) {
                unique = by_id;
            }
            // Only a given name can be the same now.
            let parsed = Some(unique.as_str()).filter(|unique| !taken.contains(*unique));
            let parsed = parsed.and_then(|unique| unique.parse().ok());
            let parsed = parsed.or_else(|| format!("key-{}", arn.id()).parse().ok());
            if let Some(parsed) = parsed {
                taken.insert(unique);
                out.insert((*arn).clone(), parsed);
            }
        }
    }
    out
}

fn first_alias(held: &Held) -> Option<&str> {
    held.aliases.first().map(|alias| alias.bare().trim_start_matches("alias/"))
}

/// Returns the first characters of a key's id, which tell keys apart.
fn beginning(arn: &KeyArn) -> &str {
    let id = arn.id();
    let id = id.strip_prefix("mrk-").unwrap_or(id);
    id.get(..8).unwrap_or(id)
}

fn derived(arn: &KeyArn, held: &Held, shared: &str) -> String {
    let by_alias = first_alias(held).map(|alias| word(alias.strip_prefix(shared).unwrap_or(alias)));
    let by_tag = || held.tags.get("Name").map(|name| word(name));
    let by_words = || {
        let words = held.metadata.description.split_whitespace().map(str::to_lowercase);
        let telling = words.filter(|word| !FILLERS.contains(&word.as_str()));
        let words: Vec<String> = telling.take(WORDS).collect();
        Some(word(&words.join("-")))
    };
    let candidates = [by_alias, by_tag(), by_words()];
    let found = candidates.into_iter().flatten().find(|name| !name.is_empty());
    found.unwrap_or_else(|| format!("key-{}", beginning(arn)))
}

/// Returns the text as a name: other characters become dashes, of which no two follow each other.
fn word(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            c if c.is_ascii_alphanumeric() || c == '_' => out.push(c),
            _ if out.ends_with('-') || out.is_empty() => {}
            _ => out.push('-'),
        }
        if out.len() == LONGEST {
            break;
        }
    }
    out.trim_matches('-').to_owned()
}

/// Returns the prefix up to a separator that all names share, if there are several.
fn shared_prefix<'a>(mut names: impl Iterator<Item = &'a str>) -> String {
    let Some(first) = names.next() else {
        return String::new();
    };
    let (mut prefix, mut several) = (first, false);
    for name in names {
        several = true;
        let length = prefix.bytes().zip(name.bytes()).take_while(|(a, b)| a == b).count();
        prefix = prefix.get(..length).unwrap_or_default();
    }
    let end = prefix.rfind(['/', '-', '_']).map_or(0, |at| at + 1);
    match several {
        true => prefix.get(..end).unwrap_or_default().to_owned(),
        false => String::new(),
    }
}

/// Reads names by ARN: a YAML map. Errors go to `d`.
#[must_use]
pub fn names_in(text: &str, d: &mut Diagnostics) -> BTreeMap<KeyArn, Name> {
    let mut out = BTreeMap::new();
    let mut taken = BTreeSet::new();
    let Some(node) = config::yaml(text, 0, d) else {
        return out;
    };
    let Value::Map(entries) = &node.value else {
        if node.value != Value::Null {
            d.push(Diagnostic::error(node.span, "it is not a map of names by ARN"));
        }
        return out;
    };
    for entry in entries {
        let arn: Result<KeyArn, BadId> = entry.key.parse();
        let name: Result<Name, BadId> = match &entry.value.value {
            Value::Text(name) | Value::Number(name) => name.parse(),
            Value::Null | Value::Bool(_) | Value::List(_) | Value::Map(_) => "".parse(),
        };
        match (arn, name) {
            (Ok(arn), Ok(name)) if taken.insert(name.clone()) => drop(out.insert(arn, name)),
            (Ok(_), Ok(name)) => {
                let message = format!("two keys have the name `{name}`");
                d.push(Diagnostic::error(entry.value.span, message));
            }
            (Err(bad), _) | (_, Err(bad)) => {
                d.push(Diagnostic::error(entry.value.span, bad.message).help(bad.help));
            }
        }
    }
    out
}

/// Returns names by ARN as [`names_in`] reads them.
#[must_use]
pub fn names_text(names: &BTreeMap<KeyArn, Name>) -> String {
    let lines = names.iter().map(|(arn, name)| format!("\"{arn}\": \"{name}\"\n"));
    lines.collect()
}
