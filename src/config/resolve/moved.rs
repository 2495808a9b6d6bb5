//! The keys that have a new name.

use std::collections::BTreeMap;

use super::Resources;
use crate::config::records;
use crate::decode::{Diagnostics, Part, Text};
use crate::kind::{Address, KeyRef, Kind};

pub(super) fn resolve(
    declared: Option<&[Part<records::Moved>]>,
    resources: &Resources,
    keys: &BTreeMap<String, Option<KeyRef>>,
    d: &mut Diagnostics,
) -> BTreeMap<Address, Address> {
    // A key with errors is declared, although it is no resource.
    let is_declared = |address: &Address| {
        resources.contains_key(address) || keys.contains_key(address.name.as_str())
    };
    let mut moved = BTreeMap::new();
    for entry in declared.into_iter().flatten().filter_map(|Part(entry)| entry.as_ref()) {
        let (from, to) = (key(&entry.from, d), key(&entry.to, d));
        let (Some(from), Some(to)) = (from, to) else {
            continue;
        };
        if is_declared(&from) {
            let message = format!("`{from}` is both declared and moved");
            d.error(entry.from.span, message, "remove one of the two");
        } else if !is_declared(&to) {
            let message = format!("`{to}` is not declared");
            d.error(entry.to.span, message, "write the new name of the key, as under `keys`");
        } else if moved.values().any(|other| *other == to) || moved.contains_key(&from) {
            let message = format!("`{from}` or `{to}` is moved twice");
            d.error(entry.span, message, "a key has one old and one new name");
        } else {
            moved.insert(from, to);
        }
    }
    moved
}

/// Reads the address of a key.
fn key(text: &Text, d: &mut Diagnostics) -> Option<Address> {
    let help =
        "write the address of a key, such as `key/old`; its replicas and grants move with it";
    match text.value.parse::<Address>() {
        Ok(address) if address.kind == Kind::Key && !address.name.contains('/') => Some(address),
        Ok(address) => {
            d.error(text.span, format!("`{address}` cannot be moved: only keys can"), help);
            None
        }
        Err(message) => {
            d.error(text.span, message, help);
            None
        }
    }
}
