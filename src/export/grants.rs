//! The grants of an exported key.

use super::names::{free, word};
use super::policy::principal;
use super::yaml::Yaml;
use crate::id::AccountId;
use crate::inventory::Held;
use crate::kind::grant::{Constraints, Listed, MARK};
use crate::policy::is_unique_id;
use std::collections::{BTreeMap, BTreeSet};

/// The grants of a key, sorted by what is done with them.
#[derive(Clone, Debug, Default)]
pub(super) struct Sorted<'a> {
    /// The grants that are taken over, with their names.
    pub(super) taken: Vec<(String, &'a Listed)>,
    /// The number of grants of AWS services.
    pub(super) of_services: usize,
    /// Why other grants are left out.
    pub(super) notes: Vec<String>,
}

/// Sorts the grants of a key.
pub(super) fn sorted(held: &Held) -> Sorted<'_> {
    let account = &held.metadata.arn.account;
    let mut out = Sorted::default();
    let mut all: Vec<&Listed> = held.grants.iter().collect();
    all.sort_by(|a, b| a.grant_id.cmp(&b.grant_id));
    for grant in all {
        if grant.is_of_service(account) {
            out.of_services += 1;
        } else if is_unique_id(&grant.grantee) {
            out.notes.push(format!(
                "the grant {} is held by {}, which is the id of a deleted user or role: revoke it",
                grant.grant_id, grant.grantee
            ));
        } else if grant.name.starts_with(MARK) {
            let (id, name) = (&grant.grant_id, &grant.name);
            out.notes.push(format!("the grant {id} belongs to a stack (`{name}`)"));
        } else if grant.issuer.as_ref().is_some_and(|issuer| issuer != account) {
            out.notes.push(format!("the grant {} was issued by another account", grant.grant_id));
        } else {
            out.taken.push((named(grant), grant));
        }
    }
    tell_apart(&mut out.taken);
    out
}

/// Adds the beginning of the id to the names that several grants have, and to those that are of the grantee. A number
/// would change with each new grant, and so would the name of a grantee that gets a second grant.
fn tell_apart(taken: &mut [(String, &Listed)]) {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for (name, _) in &*taken {
        *counts.entry(name.clone()).or_default() += 1;
    }
    let mut names = BTreeSet::new();
    for (name, grant) in taken {
        if word(&grant.name).is_empty() || counts.get(name).is_some_and(|count| *count > 1) {
            *name = format!("{name}-{}", grant.grant_id.get(..8).unwrap_or(&grant.grant_id));
        }
        *name = free(name, &names);
        names.insert(name.clone());
    }
}

/// Returns a name for a grant: its own, else the name of its grantee.
fn named(grant: &Listed) -> String {
    let last = grant.grantee.rsplit(['/', ':']).next().unwrap_or_default();
    let names = [word(&grant.name), word(last)];
    names.into_iter().find(|name| !name.is_empty()).unwrap_or_else(|| "grant".to_owned())
}

/// Returns the declaration of a grant.
pub(super) fn yaml(grant: &Listed, account: &AccountId) -> Yaml {
    let mut fields = vec![
        ("grantee".to_owned(), Yaml::text(principal(&grant.grantee, account))),
        ("operations".to_owned(), Yaml::texts(grant.operations.iter().cloned())),
    ];
    if let Some(retiring) = &grant.retiring {
        fields.push(("retiring".to_owned(), Yaml::text(principal(retiring, account))));
    }
    if let Some(constraints) = &grant.constraints {
        fields.push(("constraints".to_owned(), limits(constraints)));
    }
    fields.push(("adopt".to_owned(), Yaml::text(&grant.grant_id)));
    Yaml::Map(fields)
}

fn limits(constraints: &Constraints) -> Yaml {
    let Constraints { encryption_context_equals, encryption_context_subset, source_arn } =
        constraints;
    let contexts = [
        ("encryption_context_equals", encryption_context_equals),
        ("encryption_context_subset", encryption_context_subset),
    ];
    let mut fields = Vec::new();
    for (name, pairs) in contexts {
        fields.extend(pairs.iter().map(|pairs| (name.to_owned(), Yaml::pairs(pairs))));
    }
    fields.extend(source_arn.iter().map(|arn| ("source_arn".to_owned(), Yaml::text(arn))));
    Yaml::Map(fields)
}
