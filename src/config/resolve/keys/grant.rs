//! Grants on a key: their operations, constraints and issuers.

use std::collections::{BTreeMap, BTreeSet};

use super::super::scope::{known, parse};
use super::KeyPhase;
use crate::config::records::{Constraints, ForeignGrant, Grant, Key};
use crate::decode::{Diagnostic, Named, Part, Spanned, Text};
use crate::desired::{AcceptedGrants, Adopt, Declared};
use crate::id::{Name, Place};
use crate::kind::Address;
use crate::kind::grant::{self, Constraint, operations_for};
use crate::kind::key::{self, SPECS};
use crate::kind::{KeyFact, KeyRef, Kind, Spec};

/// The key of a grant.
pub(super) struct On<'a> {
    pub(super) name: &'a str,
    pub(super) key: &'a KeyRef,
    pub(super) place: &'a Place,
    pub(super) fact: Option<&'a KeyFact>,
}

impl KeyPhase<'_, '_> {
    /// Declares the grants of a key.
    pub(super) fn grants(&mut self, raw: &Key, on: &On<'_>) {
        for (name, Part(grant)) in &raw.grants {
            if let Some(grant) = grant {
                self.grant(on, name, grant);
            }
        }
    }

    fn grant(&mut self, on: &On<'_>, name: &Text, raw: &Grant) {
        let scope = self.reads.scope;
        let named = parse::<Name>(name, self.d);
        let own = scope.home.account.clone();
        let grantee = scope.principal(&raw.grantee, &own, self.d);
        let retiring = raw.retiring.as_ref().map(|text| scope.principal(text, &own, self.d));
        let operations = self.operations(&raw.operations, on.fact);
        let constraints = raw.constraints.as_ref().map(|c| self.constraints(c, on.fact));
        let issuer = match &raw.account {
            Some(account) => self.reads.accounts.id(account, scope, self.d),
            None => Some(own),
        };
        let (Some(named), Some(grantee), Some(operations), Some(issuer)) =
            (named, grantee, operations, issuer)
        else {
            return;
        };
        let spec = grant::Spec {
            key: on.key.clone(),
            grantee,
            retiring: retiring.flatten(),
            operations,
            constraints: constraints.flatten(),
            issuer: Some(issuer).filter(|issuer| *issuer != on.place.account),
            id: None,
            superseded: BTreeSet::new(),
        };
        let address = Address::new(Kind::Grant, format!("{}/{named}", on.name));
        let adopt = raw.adopt.as_ref().map(|id| Adopt::Grant(id.value.clone()));
        let declared = Declared::new(Spec::Grant(spec), on.place.clone());
        let declared = Declared { span: name.span, adopt, ..declared };
        self.out.resources.insert(address, declared);
    }

    /// Declares the accepted grants of other owners on a key.
    pub(super) fn foreign_grants(&mut self, raw: &Key, address: &Address, place: &Place) {
        let entries = raw.foreign_grants.iter().filter_map(|Part(entry)| entry.as_ref());
        let accepted: Vec<AcceptedGrants> =
            entries.filter_map(|entry| self.foreign_grant(entry, place)).collect();
        if !accepted.is_empty() {
            self.out.accepted_grants.insert(address.clone(), accepted);
        }
    }

    fn foreign_grant(&mut self, raw: &ForeignGrant, place: &Place) -> Option<AcceptedGrants> {
        if raw.id.is_none() && raw.grantee.is_none() {
            let help = "write `id` or `grantee`, as `kmsctl plan` shows them";
            self.d.error(raw.span, "the grants are not named", help);
            return None;
        }
        if raw.reason.value.trim().is_empty() {
            let help = "write the reason why the grants are accepted";
            self.d.error(raw.reason.span, "`reason` is empty", help);
        }
        let grantee = match &raw.grantee {
            Some(text) => Some(self.reads.scope.principal(text, &place.account, self.d)?),
            None => None,
        };
        let id = raw.id.as_ref().map(|id| id.value.clone());
        Some(AcceptedGrants { id, grantee, reason: raw.reason.value.clone() })
    }

    fn operations(
        &mut self,
        raw: &Spanned<Vec<Text>>,
        fact: Option<&KeyFact>,
    ) -> Option<BTreeSet<String>> {
        if raw.value.is_empty() {
            let help = "name at least one operation, or remove the grant";
            self.d.error(raw.span, "`operations` is empty", help);
            return None;
        }
        let all: BTreeSet<&'static str> = SPECS
            .iter()
            .flat_map(|spec| spec.usages.iter().map(|usage| (spec.name, *usage)))
            .flat_map(|(spec, usage)| operations_for(spec, usage))
            .collect();
        let all: Vec<&'static str> = all.into_iter().collect();
        let supported = fact.map(|fact| operations_for(&fact.spec, &fact.usage));
        let mut out = BTreeSet::new();
        for text in &raw.value {
            let Some(operation) = known("an operation of grants", text, &all, self.d) else {
                continue;
            };
            if let (Some(fact), Some(supported)) = (fact, &supported)
                && !supported.contains(&operation)
            {
                let KeyFact { spec, usage, .. } = fact;
                let message =
                    format!("a key of spec {spec} for {usage} does not support {operation}");
                self.d.error(text.span, message, format!("it supports {}", supported.join(", ")));
            }
            out.insert(operation.to_owned());
        }
        Some(out)
    }

    fn constraints(&mut self, raw: &Constraints, fact: Option<&KeyFact>) -> Option<Constraint> {
        if fact.is_some_and(|fact| fact.spec != key::DEFAULT_SPEC) {
            let help = "only symmetric encryption keys take an encryption context";
            self.d.error(raw.span, "this key cannot have constraints on its grants", help);
        }
        let equals = raw.encryption_context_equals.as_ref();
        match (equals, raw.encryption_context_subset.as_ref()) {
            (Some(equals), Some(subset)) => {
                self.d.push(
                    Diagnostic::error(subset.span, "a grant has one constraint")
                        .also(equals.span, "the other is here")
                        .help("declare two grants, or keep one of the two"),
                );
                None
            }
            (Some(pairs), None) => Some(Constraint::EncryptionContextEquals(self.pairs(pairs))),
            (None, Some(pairs)) => Some(Constraint::EncryptionContextSubset(self.pairs(pairs))),
            (None, None) => {
                let help = "write `encryption_context_equals` or `encryption_context_subset`";
                self.d.error(raw.span, "`constraints` has no constraint", help);
                None
            }
        }
    }

    fn pairs(&mut self, pairs: &Spanned<Named<Text>>) -> BTreeMap<String, String> {
        let count = pairs.value.iter().count();
        if count == 0 || count > 8 {
            let message = format!("a constraint of {count} pairs is not possible");
            self.d.error(pairs.span, message, "AWS accepts 1 to 8");
        }
        for (key, value) in &pairs.value {
            for text in [key, value] {
                let length = text.value.chars().count();
                if length > 384 {
                    let message = format!("{length} characters are too many in a constraint");
                    self.d.error(text.span, message, "AWS accepts at most 384");
                }
            }
        }
        pairs.value.iter().map(|(key, value)| (key.value.clone(), value.value.clone())).collect()
    }
}
