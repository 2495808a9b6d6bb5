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
/// Of keys with the same name, each gets the Region or the beginning of its id as a suffix, so that a name does not
/// depend on the order of the keys.
pub(super) fn names(
    inventory: &Inventory,
    given: &BTreeMap<KeyArn, Name>,
) -> BTreeMap<KeyArn, Name> {
    let keys = || inventory.keys.iter().filter(|(_, held)| held.primary().is_none());
    let shared = shared_prefix(keys().filter_map(|(_, held)| first_alias(held)));
    // Names of keys that are not exported now are kept for them. Files of names that differ only in case would be one
    // on some machines.
    let mut taken: BTreeSet<String> =
        given.values().map(|name| name.as_str().to_lowercase()).collect();
    let kept = keys().filter_map(|(arn, _)| Some((arn.clone(), given.get(arn)?.clone())));
    let mut out: BTreeMap<KeyArn, Name> = kept.collect();
    let mut wanted: BTreeMap<String, Vec<(&KeyArn, String)>> = BTreeMap::new();
    for (arn, held) in keys().filter(|(arn, _)| !given.contains_key(arn)) {
        let name = derived(arn, held, &shared);
        wanted.entry(name.to_lowercase()).or_default().push((arn, name));
    }
    for alike in wanted.values() {
        let regions: BTreeSet<_> = alike.iter().map(|(arn, _)| &arn.region).collect();
        for (arn, name) in alike {
            let by_region = format!("{name}-{}", arn.region);
            let by_id = format!("{name}-{}", beginning(arn));
            let candidates = match alike.len() {
                1 => [name.clone(), by_id],
                several if several == regions.len() => [by_region, by_id],
                _ => [by_id.clone(), by_id],
            };
            // The whole id is unique, but no name that a person would give.
            let mut candidates = candidates.into_iter().chain([format!("key-{}", arn.id())]);
            let free = candidates.find(|name| !taken.contains(&name.to_lowercase()));
            if let Some(name) = free.and_then(|name| name.parse::<Name>().ok()) {
                taken.insert(name.as_str().to_lowercase());
                out.insert((*arn).clone(), name);
            }
        }
    }
    out
}

/// Returns a name, with a number if it is taken.
pub(super) fn free(name: &str, taken: &BTreeSet<String>) -> String {
    let numbers = (2_usize..).map(|number| format!("{name}-{number}"));
    let mut names = [name.to_owned()].into_iter().chain(numbers);
    names.find(|name| !taken.contains(name)).unwrap_or_else(|| name.to_owned())
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
pub(super) fn word(text: &str) -> String {
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
            // Some file systems do not distinguish names by case.
            (Ok(arn), Ok(name)) if taken.insert(name.as_str().to_lowercase()) => {
                out.insert(arn, name);
            }
            (Ok(_), Ok(name)) => {
                let message = format!("two keys have the name `{name}`, in any case");
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
