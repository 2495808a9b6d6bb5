//! Whether a grant allows a request (KMS Developer Guide, "Grants in AWS KMS").

use std::collections::BTreeMap;

use super::context::ContextValue;
use super::principal::{Identity, IdentityKind, Principal};
use super::request_context::RequestContext;
use super::truth::{Doubt, Truth};
use crate::policy::arn::is_unique_id;
use crate::policy::grants::{Constraint, Grant};

impl Grant {
    /// Returns whether the grant allows the request.
    pub(super) fn allows(&self, context: &RequestContext<'_>) -> Truth {
        let operation = context.request.action.name();
        let principal = &context.request.principal;
        // The retiring principal can retire the grant, whatever operations the grant allows.
        let is_retiring = match &self.retiring {
            Some(name) if operation == "RetireGrant" => matches(name, principal),
            Some(_) | None => Truth::No,
        };
        is_retiring.or(|| {
            if !self.operations.contains(operation) {
                return Truth::No;
            }
            matches(&self.grantee, principal)
                .and(|| self.encryption_context_matches(context))
                .and(|| self.source_matches(context))
                .and(|| self.allows_child_operations(context))
                .and(|| if self.unclear { Truth::maybe(Doubt::Unclear) } else { Truth::Yes })
        })
    }

    /// Returns whether the operation ignores the grant's constraints (KMS API Reference, GrantConstraints).
    fn ignores_constraints(context: &RequestContext<'_>) -> bool {
        matches!(context.request.action.name(), "DescribeKey" | "RetireGrant")
    }

    fn encryption_context_matches(&self, context: &RequestContext<'_>) -> Truth {
        if Self::ignores_constraints(context) {
            return Truth::Yes;
        }
        match &self.context {
            None => Truth::Yes,
            Some(Constraint::Subset(pairs)) => contains(pairs, context),
            Some(Constraint::Equals(pairs)) => {
                let more = context.encryption_context().map(|(name, fact)| match fact {
                    _ if pairs.keys().any(|key| key.eq_ignore_ascii_case(name)) => Truth::Yes,
                    ContextValue::Absent => Truth::Yes,
                    ContextValue::Known(_) => Truth::No,
                    ContextValue::AbsentOr(_) | ContextValue::OneOf(_) | ContextValue::Unknown => {
                        Truth::maybe(key_doubt(name))
                    }
                });
                contains(pairs, context).and(|| Truth::all(more))
            }
        }
    }

    /// Returns whether a service acts for the resource that the grant is limited to (KMS Developer Guide, "Grants for
    /// service principals").
    fn source_matches(&self, context: &RequestContext<'_>) -> Truth {
        let Some(expected) = &self.source else { return Truth::Yes };
        let key = "aws:sourcearn";
        let same = match &*context.get(key) {
            ContextValue::Absent => Truth::No,
            ContextValue::Known(values) if values.len() == 1 && !expected.contains(['*', '?']) => {
                values.contains(expected).into()
            }
            ContextValue::Known(_)
            | ContextValue::AbsentOr(_)
            | ContextValue::OneOf(_)
            | ContextValue::Unknown => Truth::maybe(Doubt::Key(key.to_owned())),
        };
        if same == Truth::No && Self::ignores_constraints(context) {
            return Truth::maybe(Doubt::SourceConstraint);
        }
        same
    }

    /// Returns whether the grant allows every operation of the grant that the request creates. A grant that is created
    /// with the permission of another grant cannot allow more than that one (KMS Developer Guide, "Granting CreateGrant
    /// permission").
    fn allows_child_operations(&self, context: &RequestContext<'_>) -> Truth {
        match &*context.get("kms:grantoperations") {
            ContextValue::Known(operations) => operations.is_subset(&self.operations).into(),
            ContextValue::Absent => Truth::Yes,
            ContextValue::AbsentOr(_) | ContextValue::OneOf(_) | ContextValue::Unknown => {
                Truth::maybe(Doubt::Key("kms:grantoperations".to_owned()))
            }
        }
    }
}

/// Returns whether the name in a grant stands for the principal.
fn matches(name: &str, principal: &Principal) -> Truth {
    let identity = match principal {
        Principal::Service(service) => return (name == service).into(),
        Principal::Identity(identity) => identity,
    };
    if is_unique_id(name) {
        return matches_unique_id(name, identity);
    }
    match Identity::of_arn(name) {
        Some(Identity { kind: IdentityKind::Root, account, .. })
            if account == identity.account && identity.kind != IdentityKind::Root =>
        {
            Truth::maybe(Doubt::GrantToAccount)
        }
        _ => identity.matches(name),
    }
}

/// Compares unique ids. Grants contain them in place of the ARNs of deleted identities, and for a short while of new
/// ones.
fn matches_unique_id(name: &str, identity: &Identity) -> Truth {
    let prefix = match identity.kind {
        IdentityKind::User(_) => "AIDA",
        IdentityKind::Session { .. } => "AROA",
        IdentityKind::Root | IdentityKind::Federated(_) => return Truth::No,
    };
    match &identity.id {
        Some(id) => (id == name).into(),
        None if name.starts_with(prefix) => Truth::maybe(Doubt::PrincipalId),
        None => Truth::No,
    }
}

fn key_doubt(name: &str) -> Doubt {
    Doubt::Key(format!("kms:encryptioncontext:{}", name.to_ascii_lowercase()))
}

/// Returns whether the encryption context contains the pairs. The case of the keys is a doubt: the KMS API Reference
/// (GrantConstraints) ignores it, the KMS Developer Guide ("Using grant constraints") does not.
fn contains(pairs: &BTreeMap<String, String>, context: &RequestContext<'_>) -> Truth {
    Truth::all(pairs.iter().map(|(key, expected)| {
        let given = context.encryption_context().find(|(name, _)| name.eq_ignore_ascii_case(key));
        let Some((name, fact)) = given else { return Truth::No };
        let same = match fact {
            ContextValue::Absent => Truth::No,
            ContextValue::Known(values) if values.len() == 1 => values.contains(expected).into(),
            ContextValue::Known(_)
            | ContextValue::AbsentOr(_)
            | ContextValue::OneOf(_)
            | ContextValue::Unknown => Truth::maybe(key_doubt(name)),
        };
        if same == Truth::Yes && name != key {
            return Truth::maybe(Doubt::ConstraintCase(key.clone()));
        }
        same
    }))
}
