//! The resources that leave the stack.

use std::collections::BTreeSet;

use super::Resources;
use crate::config::records::{self, Action};
use crate::decode::{Diagnostic, Diagnostics, Part, Text};
use crate::id::KeyArn;
use crate::kind::{Address, Kind};

/// The resources that leave the stack.
#[derive(Default)]
pub(super) struct Removed {
    /// The addresses to stop managing without changing AWS.
    pub(super) forget: BTreeSet<Address>,
    /// Those of them that lose the tags of the stack.
    pub(super) untag: BTreeSet<Address>,
    /// The duplicate keys to delete.
    pub(super) delete: BTreeSet<KeyArn>,
}

pub(super) fn resolve(
    declared: Option<&[Part<records::Removed>]>,
    resources: &Resources,
    d: &mut Diagnostics,
) -> Removed {
    let mut all = Removed::default();
    for removed in declared.into_iter().flatten().filter_map(|Part(removed)| removed.as_ref()) {
        match removed.action {
            Action::Forget => all.forget.extend(address(&removed.address, resources, d)),
            Action::Delete => all.delete.extend(arn(&removed.address, d)),
        }
        all.untag.extend(untagged(removed, d));
    }
    all
}

fn address(text: &Text, resources: &Resources, d: &mut Diagnostics) -> Option<Address> {
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
            Some(address)
        }
        Err(message) => {
            let help = "write the address as `kmsctl plan` shows it, such as `key/legacy`";
            d.error(text.span, message, help);
            None
        }
    }
}

/// Returns the address of a key that loses the tags of the stack.
fn untagged(removed: &records::Removed, d: &mut Diagnostics) -> Option<Address> {
    let untag = removed.untag.as_ref().filter(|untag| untag.value)?;
    if removed.action != Action::Forget {
        let help = "remove `untag`: a key that is deleted keeps its tags until then";
        d.error(untag.span, "only a resource that is forgotten can lose the stack's tags", help);
        return None;
    }
    let address = removed.address.value.parse::<Address>().ok()?;
    if address.kind != Kind::Key {
        let message = format!("`untag` is for keys, and `{address}` is none");
        let help = "aliases and grants have no tags; of another resource, remove the tags `kmsctl:stack` and \
                    `kmsctl:name` with its service";
        d.error(untag.span, message, help);
        return None;
    }
    Some(address)
}

fn arn(text: &Text, d: &mut Diagnostics) -> Option<KeyArn> {
    let arn = text.value.parse().ok();
    if arn.is_none() {
        let message = format!("`{}` is not the ARN of a key", text.value);
        let help = "`action: delete` deletes a duplicate key, by the ARN that `kmsctl plan` shows; to delete \
                    any other resource, apply it with `protect: false`, and then remove its declaration";
        d.error(text.span, message, help);
    }
    arn
}
