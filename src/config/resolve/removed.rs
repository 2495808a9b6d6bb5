//! The resources that kmsctl stops managing.

use std::collections::BTreeSet;

use super::Resources;
use crate::config::records;
use crate::decode::{Diagnostic, Diagnostics, Part};
use crate::kind::Address;

pub(super) fn resolve(
    declared: Option<&[Part<records::Removed>]>,
    resources: &Resources,
    d: &mut Diagnostics,
) -> BTreeSet<Address> {
    let mut forget = BTreeSet::new();
    for removed in declared.into_iter().flatten().filter_map(|Part(removed)| removed.as_ref()) {
        let text = &removed.address;
        match text.value.parse::<Address>() {
            Ok(address) => {
                if let Some(declared) = resources.get(&address) {
                    let message = format!("`{address}` is both declared and removed");
                    d.push(
                        Diagnostic::error(text.span, message)
                            .also(declared.span, "declared here")
                            .help("remove one of the two"),
                    );
                }
                forget.insert(address);
            }
            Err(message) => {
                let help = "write the address as `kmsctl plan` shows it, such as `key/legacy`";
                d.error(text.span, message, help);
            }
        }
    }
    forget
}
