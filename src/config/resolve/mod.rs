//! From records to what is desired: names, limits of AWS, and references between the parts.
//! Knows nothing of what is live.

mod consumers;
mod gates;
mod grant;
mod identity;
mod key;
mod lint;
mod policy;
mod principal;
mod replica;
mod role;

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use super::load::Gaps;
use super::raw::{self, Part};
use super::{Diagnostic, Diagnostics, Named, Sources, Spanned, Surroundings, Variables, nearest};
use crate::desired::{Declared, Desired};
use crate::id::{AccountId, AliasName, BadId, Name, Place, Region};
use crate::kind::address::Address;
use crate::kind::key::Rotation;
use crate::kind::{KeyRef, Spec};
use crate::policy::gates::Gates;
use crate::tree::Span;

/// What holds for every key that does not say otherwise, checked.
#[derive(Debug, Default)]
struct Defaults {
    tags: BTreeMap<String, String>,
    rotation: Option<Rotation>,
    deletion_window_days: Option<u32>,
    protect: Option<bool>,
}

/// What resolving works with, and what came of it so far.
pub(super) struct Context<'a> {
    d: Diagnostics,
    sources: &'a mut Sources,
    vars: &'a Variables,
    partition: &'static str,
    gaps: Gaps,
    defaults: Defaults,
    accounts: BTreeMap<String, Option<AccountId>>,
    /// Which alias stands where, and the key that claims it.
    aliases: BTreeMap<(Region, AliasName), (Span, String)>,
    adopted: BTreeMap<String, Span>,
    /// The service-linked roles by name, which IAM compares without regard to case.
    roles: BTreeMap<String, Span>,
    places: BTreeMap<Address, Span>,
    /// The keys by the names that resources use; `None` for those with errors.
    keys: BTreeMap<String, Option<KeyRef>>,
    /// The names of the keys that are not the stack's.
    foreign: BTreeMap<KeyRef, raw::Text>,
    /// What consumers need of them.
    needs: consumers::Needs,
    out: Desired,
}

/// Resolves a whole stack.
pub(super) fn stack(mut cx: Context<'_>, declared: &raw::Stack) -> (Desired, Diagnostics) {
    if let Some(Some(defaults)) = &declared.defaults.0 {
        cx.set_defaults(defaults);
    }
    cx.gaps.text |= declared.accounts.0.is_none();
    for (name, account) in declared.accounts.0.iter().flat_map(Named::iter) {
        cx.account(name, account);
    }
    for (name, key) in declared.keys.0.iter().flat_map(Named::iter) {
        cx.name(name);
        cx.keys.insert(name.value.clone(), None);
        if let Part(Some(key)) = key {
            cx.key(name, key);
        }
    }
    for role in declared.service_linked_roles.0.iter().flatten() {
        if let Part(Some(role)) = role {
            cx.service_linked_role(role);
        }
    }
    cx.consumers(declared);
    cx.derive();
    if let Part(Some(Some(gates))) = &declared.gates {
        cx.gates(gates);
    }
    for removed in declared.removed.0.iter().flatten() {
        if let Part(Some(removed)) = removed {
            cx.removed(removed);
        }
    }
    if let Some(Some(lint)) = &declared.lint.0 {
        for waiver in &lint.waivers {
            if let Part(Some(waiver)) = waiver {
                cx.waiver(waiver);
            }
        }
    }
    (cx.out, cx.d)
}

impl<'a> Context<'a> {
    pub(super) fn new(
        stack: Name,
        surroundings: &Surroundings,
        gaps: Gaps,
        vars: &'a Variables,
        sources: &'a mut Sources,
        d: Diagnostics,
    ) -> Self {
        let home =
            Place { account: surroundings.account.clone(), region: surroundings.region.clone() };
        Self {
            d,
            sources,
            vars,
            partition: surroundings.region.partition(),
            gaps,
            defaults: Defaults::default(),
            accounts: BTreeMap::new(),
            aliases: BTreeMap::new(),
            adopted: BTreeMap::new(),
            roles: BTreeMap::new(),
            places: BTreeMap::new(),
            keys: BTreeMap::new(),
            foreign: BTreeMap::new(),
            needs: BTreeMap::new(),
            out: Desired {
                stack,
                home,
                resources: BTreeMap::new(),
                forget: BTreeSet::new(),
                accounts: BTreeMap::new(),
                existing: BTreeSet::new(),
                key_facts: BTreeMap::new(),
                gates: Gates::default(),
                base: BTreeMap::new(),
                findings: Vec::new(),
                waivers: Vec::new(),
            },
        }
    }

    fn error(&mut self, span: Span, message: impl Into<String>, help: impl Into<String>) {
        self.d.push(Diagnostic::error(span, message).help(help));
    }

    fn parse<T: FromStr<Err = BadId>>(&mut self, text: &raw::Text) -> Option<T> {
        match text.value.parse() {
            Ok(value) => Some(value),
            Err(bad) => {
                self.error(text.span, bad.message, bad.help);
                None
            }
        }
    }

    fn name(&mut self, name: &raw::Text) -> Option<Name> {
        self.parse(name)
    }

    /// One of a closed set of names.
    fn known(
        &mut self,
        what: &str,
        text: &raw::Text,
        names: &[&'static str],
    ) -> Option<&'static str> {
        if let Some(name) = names.iter().find(|name| **name == text.value) {
            return Some(name);
        }
        let help = match nearest(&text.value, names.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("known: {}", names.join(", ")),
        };
        self.error(text.span, format!("`{}` is not {what}", text.value), help);
        None
    }

    fn declare(&mut self, address: Address, span: Span, place: Place, protect: bool, spec: Spec) {
        self.places.insert(address.clone(), span);
        let declared = Declared { protect, span, ..Declared::new(spec, place) };
        self.out.resources.insert(address, declared);
    }

    fn set_defaults(&mut self, defaults: &raw::Defaults) {
        self.defaults = Defaults {
            tags: defaults.tags.as_ref().map(|tags| self.tags(tags)).unwrap_or_default(),
            rotation: defaults.rotation.as_ref().and_then(|rotation| self.rotation(rotation)),
            deletion_window_days: defaults
                .deletion_window_days
                .as_ref()
                .and_then(|days| self.window(days)),
            protect: defaults.protect.as_ref().map(|protect| protect.value),
        };
    }

    fn account(&mut self, name: &raw::Text, Part(account): &Part<raw::Account>) {
        self.name(name);
        let id = account.as_ref().and_then(|account| self.parse::<AccountId>(&account.id));
        self.accounts.insert(name.value.clone(), id.clone());
        let (Some(account), Some(id)) = (account, id) else {
            return;
        };
        let Some(role) = self.principal(&account.role, &id) else {
            return;
        };
        let root = format!("arn:{}:iam::{id}:role/", self.partition);
        if !role.starts_with(&root) {
            let message = format!("`{}` is not a role of account {id}", account.role.value);
            self.error(account.role.span, message, "write `role/NAME`, a role of that account");
        } else if self.out.accounts.insert(id.clone(), role).is_some() {
            let message = format!("another entry of `accounts` is account {id} already");
            self.error(account.id.span, message, "one entry an account: use the other's name");
        }
    }

    fn removed(&mut self, removed: &raw::Removed) {
        let text = &removed.address;
        let address = match text.value.parse::<Address>() {
            Ok(address) => address,
            Err(message) => {
                self.d.push(
                    Diagnostic::error(text.span, message)
                        .help("write the address as `kmsctl plan` shows it, such as `key/legacy`"),
                );
                return;
            }
        };
        if let Some(declared) = self.places.get(&address) {
            self.d.push(
                Diagnostic::error(text.span, format!("`{address}` is both declared and removed"))
                    .also(*declared, "declared here")
                    .help("take one of the two away"),
            );
        }
        self.out.forget.insert(address);
    }

    /// The Region of a key, and so of its aliases and grants.
    fn place(&mut self, region: Option<&raw::Text>) -> Option<Place> {
        let Some(text) = region else {
            return Some(self.out.home.clone());
        };
        let region: Region = self.parse(text)?;
        if region.partition() != self.partition && !self.gaps.region {
            let message =
                format!("`{region}` is not in the stack's partition `{}`", self.partition);
            self.error(text.span, message, "a stack has one account, and an account one partition");
            return None;
        }
        Some(Place { account: self.out.home.account.clone(), region })
    }

    fn in_range(&mut self, what: &str, number: &Spanned<u32>, low: u32, high: u32) -> Option<u32> {
        let value = number.value;
        if (low..=high).contains(&value) {
            return Some(value);
        }
        let message = format!("{what} of {value} days is not possible");
        self.error(number.span, message, format!("AWS accepts {low} to {high}"));
        None
    }

    fn window(&mut self, days: &Spanned<u32>) -> Option<u32> {
        self.in_range("a deletion window", days, 7, 30)
    }
}
