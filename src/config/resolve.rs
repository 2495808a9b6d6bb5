//! Resolves the records of a configuration to the declaration of a stack, independently of the live
//! resources.
//!
//! | Phase | Reads | Result |
//! |---|---|---|
//! | `defaults` | the defaults | the settings of every key and resource that does not set its own |
//! | `accounts` | the other accounts | their ids and roles |
//! | `keys` | the keys; defaults and accounts | keys, aliases, grants and policies; the names that others use |
//! | `roles` | the service-linked roles | the roles |
//! | `consumers` | the consumers; keys and defaults | the consumers, and the access to the keys that they need |
//! | `auto_scaling` | the groups; keys, accounts and roles | statements, grants and roles of the groups |
//! | `derive` | the needs of all consumers; keys | the statements in the policies |
//! | `gates`, `removed`, `moved`, `waivers` | their sections | the rest |

mod accept_use;
mod accounts;
mod auto_scaling;
mod consumers;
mod defaults;
mod derive;
mod documents;
mod gates;
mod keys;
mod moved;
mod principal;
mod removed;
mod roles;
mod scope;
mod waivers;

use std::collections::{BTreeMap, BTreeSet};

use super::Variables;
use super::records::{Reference, Stack};
use super::surroundings::Gaps;
use crate::decode::{Diagnostics, Sources};
use crate::desired::{self, Declared, Desired};
use crate::id::{AccountId, Name, Place};
use crate::kind::Address;
use crate::policy::gates::Gates;
use crate::tree::Span;
use documents::Documents;
use scope::Scope;

/// The context in which a configuration is resolved.
pub(super) struct Given<'a> {
    /// The stack's name.
    pub(super) stack: Name,
    /// The default account and Region of the resources.
    pub(super) home: Place,
    /// The values that are not known.
    pub(super) gaps: Gaps,
    /// The variables of policy documents.
    pub(super) vars: &'a Variables,
    /// The gates and waivers of another configuration.
    pub(super) outer: Option<Outer>,
    /// The texts, to which policy documents are added.
    pub(super) sources: &'a mut Sources,
}

/// The gates and waivers of another configuration.
pub(super) struct Outer {
    pub(super) declared: Stack,
    /// The position of its gates.
    pub(super) span: Span,
    /// The resources that it declares with `protect: false`.
    pub(super) unprotected: BTreeMap<Address, Option<String>>,
    /// Its other accounts.
    pub(super) accounts: BTreeSet<AccountId>,
}

impl Outer {
    /// Returns what the configuration demands, with its resolved gates.
    fn demands(self, gates: Gates) -> desired::Outer {
        let Self { unprotected, accounts, .. } = self;
        desired::Outer { gates, unprotected, accounts }
    }
}

/// The declared resources by address.
type Resources = BTreeMap<Address, Declared>;

/// Resolves a whole stack. Errors go to `d`.
pub(super) fn stack(declared: &Stack, given: Given<'_>, d: &mut Diagnostics) -> Desired {
    let Given { stack, home, gaps, vars, outer, sources } = given;
    let Stack { fields, consumers, references } = declared;
    let gaps = Gaps { text: gaps.text || has_unread_names(fields, d), ..gaps };
    let scope = Scope { stack: &stack, home: &home, partition: home.region.partition(), gaps };
    let mut documents = Documents { sources, vars };

    let defaults = defaults::resolve(fields.defaults.0.as_ref(), d);
    let accounts = accounts::resolve(fields.accounts.0.as_ref(), &scope, d);
    let reads = keys::Reads { scope: &scope, defaults: &defaults, accounts: &accounts };
    let keys = keys::resolve(fields.keys.0.as_ref(), &reads, &mut documents, d);
    let mut roles = roles::resolve(fields.service_linked_roles.0.as_deref(), &scope, d);
    let mut consumers = consumers::resolve(
        consumers,
        &consumers::Reads { scope: &scope, defaults: &defaults, keys: &keys },
        &mut documents,
        d,
    );
    roles.needed_by(&consumers.resources, &scope);
    let groups = auto_scaling::resolve(
        fields.auto_scaling.0.as_ref(),
        &auto_scaling::Reads { scope: &scope, accounts: &accounts, keys: &keys },
        &mut roles,
        d,
    );
    consumers.needs.extend(groups.needs);
    check(references, &keys, &accounts, &scope, d);
    let gates = gates::all(fields, outer.as_ref(), &scope, &mut documents, d);
    let (waivers, new_waivers) = waivers::all(fields, outer.as_ref(), d);

    let all = [keys.resources, roles.resources, consumers.resources, groups.grants];
    let own = derive::Own { scope: &scope, accounts: &accounts, foreign: &keys.foreign };
    let resources = with_derived(all, consumers.needs, &own, d);
    let removed = removed::resolve(fields.removed.0.as_deref(), &resources, d);
    let moved = moved::resolve(fields.moved.0.as_deref(), &resources, &keys.names, d);
    Desired {
        destroys: false,
        stack,
        home,
        resources,
        forget: removed.forget,
        untag: removed.untag,
        delete: removed.delete,
        accepted_uses: accept_use::resolve(fields.accept_use.0.as_deref(), d),
        accepted_grants: keys.accepted_grants,
        moved,
        accounts: accounts.roles,
        existing: keys.existing.into_iter().chain(consumers.existing).collect(),
        key_facts: keys.facts,
        gates: gates.own,
        outer: outer.map(|outer| outer.demands(gates.outer)),
        gate_files: gates.files,
        base: gates.base,
        findings: keys.findings,
        new_waivers,
        waivers,
    }
}

/// Checks what entries with errors refer to. What the others refer to is checked already, and reported once.
fn check(
    references: &[Reference],
    keys: &keys::Keys,
    accounts: &accounts::Accounts,
    scope: &Scope<'_>,
    d: &mut Diagnostics,
) {
    for reference in references {
        match reference {
            Reference::Key(key) => keys.check_name(key, false, scope.gaps, d),
            Reference::Account(account) => drop(accounts.id(account, scope, d)),
        }
    }
}

/// Returns whether names could not be read, so that a reference to an unknown name may mean one of them.
fn has_unread_names(fields: &super::records::StackFields, d: &Diagnostics) -> bool {
    fields.accounts.0.is_none() || fields.keys.0.is_none() || d.is_unreadable("replicas")
}

/// Returns all resources, with the statements that the consumers need.
fn with_derived(
    all: [Resources; 4],
    needs: Vec<consumers::Needs>,
    own: &derive::Own<'_>,
    d: &mut Diagnostics,
) -> Resources {
    let mut resources = all.into_iter().flatten().collect();
    derive::resolve(needs, own, &mut resources, d);
    resources
}
