//! The keys that are disabled or deleted although they may be in use.

use std::collections::BTreeMap;

use crate::config::records;
use crate::decode::{Diagnostics, Part};
use crate::kind::{Address, Kind};

/// Returns the reasons by key. A key need not be declared: its deletion follows from its absence.
pub(super) fn resolve(
    declared: Option<&[Part<records::AcceptUse>]>,
    d: &mut Diagnostics,
) -> BTreeMap<Address, String> {
    let mut accepted = BTreeMap::new();
    for entry in declared.into_iter().flatten().filter_map(|Part(entry)| entry.as_ref()) {
        let (address, reason) = (&entry.address, &entry.reason);
        let help = "write the address of a key, such as `key/app`";
        match address.value.parse::<Address>() {
            Ok(key) if key.kind != Kind::Key => {
                d.error(address.span, format!("`{key}` is not a key"), help);
            }
            Ok(_) if reason.value.trim().is_empty() => {
                let help = "write why the key is disabled or deleted all the same";
                d.error(reason.span, "`reason` is empty", help);
            }
            Ok(key) => {
                if accepted.insert(key, reason.value.clone()).is_some() {
                    let message = format!("`{}` is listed twice", address.value);
                    d.error(address.span, message, "remove one of the two");
                }
            }
            Err(message) => d.error(address.span, message, help),
        }
    }
    accepted
}
