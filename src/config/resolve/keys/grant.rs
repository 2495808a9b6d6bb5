//! Grants on a key: their operations, constraints and issuers.

use std::collections::{BTreeMap, BTreeSet};

use super::super::scope::{known, parse};
use super::KeyPhase;
use crate::config::records::{Constraints, ForeignGrant, Grant};
use crate::decode::{Diagnostic, Named, Part, Spanned, Text};
use crate::desired::{AcceptedGrants, Adopt, Declared};
use crate::form::Form;
use crate::id::{AccountId, Name, Place};
use crate::kind::Address;
use crate::kind::grant::{self, operations_for};
use crate::kind::key;
use crate::kind::{KeyFact, KeyRef, Kind, Spec};
use crate::policy::is_service;
use crate::policy::principal_forms::{GRANT_CHARACTERS, LONGEST_OF_GRANT};

/// The key of a grant.
pub(super) struct On<'a> {
    pub(super) name: &'a str,
    pub(super) key: &'a KeyRef,
    pub(super) place: &'a Place,
    pub(super) fact: Option<&'a KeyFact>,
}

impl KeyPhase<'_, '_> {
    /// Declares the grants of a key.
    pub(super) fn grants(&mut self, grants: &Named<Part<Grant>>, on: &On<'_>) {
        for (name, Part(grant)) in grants {
            if let Some(grant) = grant {
                self.grant(on, name, grant);
            }
        }
    }

    fn grant(&mut self, on: &On<'_>, name: &Text, raw: &Grant) {
        let scope = self.reads.scope;
        let named = parse::<Name>(name, self.d);
        let own = scope.home.account.clone();
        let grantee = self.grant_principal(&raw.grantee, &own);
        let retiring = raw.retiring.as_ref().map(|text| self.grant_principal(text, &own));
        self.service(raw);
        let operations = self.operations(&raw.operations, on.fact);
        let constraints = raw.constraints.as_ref().map(|c| self.constraints(c, on));
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
            constraints,
            issuer: Some(issuer).filter(|issuer| *issuer != on.place.account),
            id: None,
            superseded: BTreeSet::new(),
        };
        let address = Address::new(Kind::Grant, format!("{}/{named}", on.name));
        let adopt = raw.adopt.as_ref().map(|id| {
            let adopt = Adopt::Grant(id.value.clone());
            self.once(&adopt, id, on.place);
            adopt
        });
        let declared = Declared::new(Spec::Grant(spec), on.place.clone());
        let declared = Declared { span: name.span, adopt, ..declared };
        self.out.resources.insert(address, declared);
    }

    /// Checks what the grant of a service needs (KMS API Reference, CreateGrant: `GranteeServicePrincipal`).
    fn service(&mut self, raw: &Grant) {
        if !is_service(&raw.grantee.value) {
            return;
        }
        let source = raw.constraints.as_ref().and_then(|given| given.source_arn.as_ref());
        if source.is_none() {
            let message = format!("a grant for `{}` needs a `source_arn`", raw.grantee.value);
            let help =
                "set `constraints: {source_arn: ARN}`, the resource that the service acts for";
            self.d.error(raw.grantee.span, message, help);
        }
        if raw.retiring.is_none() {
            let message = format!("a grant for `{}` needs `retiring`", raw.grantee.value);
            let help = "name the principal that may retire the grant: an identity or a service";
            self.d.error(raw.grantee.span, message, help);
        }
    }

    /// Returns the principal of a grant, which KMS restricts more than IAM does (KMS API Reference,
    /// CreateGrant: `GranteePrincipal` and `RetiringPrincipal`).
    fn grant_principal(&mut self, text: &Text, account: &AccountId) -> Option<String> {
        if is_service(&text.value) {
            return Some(text.value.clone());
        }
        let arn = self.reads.scope.principal(text, account, self.d)?;
        if !Form::of(GRANT_CHARACTERS, 1, LONGEST_OF_GRANT).accepts(&arn) {
            let message = format!("`{}` cannot be a principal of a grant", text.value);
            let help = "KMS accepts ARNs of at most 256 letters, digits and `_+=,.@:/-`";
            self.d.error(text.span, message, help);
            return None;
        }
        Some(arn)
    }

    /// Declares the accepted grants of other owners on a key.
    pub(super) fn foreign_grants(
        &mut self,
        grants: &[Part<ForeignGrant>],
        address: &Address,
        place: &Place,
    ) {
        let entries = grants.iter().filter_map(|Part(entry)| entry.as_ref());
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
        let all: Vec<&'static str> = grant::operations().into_iter().collect();
        let supported = fact.and_then(|fact| operations_for(&fact.spec, &fact.usage));
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

    fn constraints(&mut self, raw: &Constraints, on: &On<'_>) -> grant::Constraints {
        let equals = raw.encryption_context_equals.as_ref();
        let subset = raw.encryption_context_subset.as_ref();
        let has_context = equals.is_some() || subset.is_some();
        if has_context && on.fact.is_some_and(|fact| fact.spec != key::DEFAULT_SPEC) {
            let help = "only symmetric encryption keys take an encryption context";
            let message = "this key cannot have encryption contexts in its grants";
            self.d.error(raw.span, message, help);
        }
        if let (Some(equals), Some(subset)) = (equals, subset) {
            self.d.push(
                Diagnostic::error(subset.span, "a grant has one constraint on the context")
                    .also(equals.span, "the other is here")
                    .help("declare two grants, or keep one of the two"),
            );
        }
        if !has_context && raw.source_arn.is_none() {
            let help =
                "write `encryption_context_equals`, `encryption_context_subset` or `source_arn`";
            self.d.error(raw.span, "`constraints` has no constraint", help);
        }
        if let Some(source) = &raw.source_arn {
            self.source_arn(source, on.place);
        }
        grant::Constraints {
            encryption_context_equals: equals.map(|pairs| self.pairs(pairs)),
            encryption_context_subset: subset.map(|pairs| self.pairs(pairs)),
            source_arn: raw.source_arn.as_ref().map(|source| source.value.clone()),
        }
    }

    /// Checks the ARN of a source. A resource is in the partition of the key. KMS compares the ARN with that of one
    /// resource, and accepts a wildcard, but does not document what it means.
    fn source_arn(&mut self, source: &Text, place: &Place) {
        let text = source.value.as_str();
        if !grant::is_source_arn(text) {
            let message = format!("`{text}` is not the ARN of a source");
            let help = "write an ARN with the account, such as \
                        `arn:aws:dynamodb:eu-west-1:111122223333:table/orders`";
            self.d.error(source.span, message, help);
            return;
        }
        let (own, given) = (place.region.partition(), text.split(':').nth(1).unwrap_or_default());
        if own != given && !self.reads.scope.gaps.region {
            let message =
                format!("the source is in the partition `{given}`, but the key is in `{own}`");
            let help = "services use a key only for resources of its partition: correct the ARN";
            self.d.error(source.span, message, help);
        } else if text.contains(['*', '?']) {
            let message = "KMS does not document wildcards in the ARN of a source";
            let help = "write the ARN of one resource: the grant may apply to none otherwise";
            self.d.push(Diagnostic::warning(source.span, message).help(help));
        }
    }

    fn pairs(&mut self, pairs: &Spanned<Named<Text>>) -> BTreeMap<String, String> {
        let count = pairs.value.iter().count();
        if count == 0 || count > grant::MAX_PAIRS {
            let message =
                format!("a constraint of {} is not possible", crate::text::counted(count, "pair"));
            self.d.error(pairs.span, message, "AWS accepts 1 to 8");
        }
        for (key, value) in &pairs.value {
            for text in [key, value] {
                if !grant::CONTEXT.accepts(&text.value) {
                    let length = text.value.chars().count();
                    let message = format!("{length} characters are too many in a constraint");
                    self.d.error(text.span, message, "AWS accepts at most 384");
                }
            }
        }
        pairs.value.iter().map(|(key, value)| (key.value.clone(), value.value.clone())).collect()
    }
}
