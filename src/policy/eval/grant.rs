//! Whether a grant allows a request (KMS Developer Guide, "Grants in AWS KMS").

use std::collections::BTreeMap;

use super::facts::Facts;
use super::principal::{Identity, Kind, Principal};
use super::request::Fact;
use super::truth::{Doubt, Truth};
use crate::policy::arn::is_unique_id;
use crate::policy::grants::{Constraint, Grant};

impl Grant {
    pub(super) fn allows(&self, facts: &Facts<'_>) -> Truth {
        let operation = facts.request.action.name();
        let principal = &facts.request.principal;
        // "The retiring principal can retire the grant", whatever its operations.
        let retires = operation == "RetireGrant" && self.retiring.is_some();
        let retiring = self.retiring.as_deref().filter(|_| retires);
        let retiring = retiring.map_or(Truth::No, |name| is(name, principal));
        retiring.or(|| {
            if !self.operations.contains(operation) {
                return Truth::No;
            }
            is(&self.grantee, principal)
                .and(|| self.context(facts))
                .and(|| self.source(facts))
                .and(|| self.child(facts))
                .and(|| if self.unclear { Truth::maybe(Doubt::Unclear) } else { Truth::Yes })
        })
    }

    /// Operations that ignore constraints (KMS API Reference, `GrantConstraints`).
    fn ignores_constraints(facts: &Facts<'_>) -> bool {
        matches!(facts.request.action.name(), "DescribeKey" | "RetireGrant")
    }

    fn context(&self, facts: &Facts<'_>) -> Truth {
        if Self::ignores_constraints(facts) {
            return Truth::Yes;
        }
        match &self.context {
            None => Truth::Yes,
            Some(Constraint::Subset(pairs)) => contains(pairs, facts),
            Some(Constraint::Equals(pairs)) => {
                let more = facts.encryption_context().map(|(name, fact)| match fact {
                    _ if pairs.keys().any(|key| key.eq_ignore_ascii_case(name)) => Truth::Yes,
                    Fact::Absent => Truth::Yes,
                    Fact::Known(_) => Truth::No,
                    Fact::AbsentOr(_) | Fact::Unknown => Truth::maybe(doubt(name)),
                });
                contains(pairs, facts).and(|| Truth::all(more))
            }
        }
    }

    /// The source that a service asks for (KMS Developer Guide, "Grants for service principals").
    fn source(&self, facts: &Facts<'_>) -> Truth {
        let Some(due) = &self.source else { return Truth::Yes };
        let key = "aws:sourcearn";
        let same = match &*facts.get(key) {
            Fact::Absent => Truth::No,
            Fact::Known(values) if values.len() == 1 && !due.contains(['*', '?']) => {
                values.contains(due).into()
            }
            Fact::Known(_) | Fact::AbsentOr(_) | Fact::Unknown => {
                Truth::maybe(Doubt::Key(key.to_owned()))
            }
        };
        if same == Truth::No && Self::ignores_constraints(facts) {
            return Truth::maybe(Doubt::SourceConstraint);
        }
        same
    }

    /// A grant that is made by right of a grant has no operations that its parent has not.
    fn child(&self, facts: &Facts<'_>) -> Truth {
        match &*facts.get("kms:grantoperations") {
            Fact::Known(operations) => operations.is_subset(&self.operations).into(),
            Fact::Absent => Truth::Yes,
            Fact::AbsentOr(_) | Fact::Unknown => {
                Truth::maybe(Doubt::Key("kms:grantoperations".to_owned()))
            }
        }
    }
}

/// Whether the principal is the one that a grant names.
fn is(name: &str, principal: &Principal) -> Truth {
    let identity = match principal {
        Principal::Service(service) => return (name == service).into(),
        Principal::Identity(identity) => identity,
    };
    if is_unique_id(name) {
        return unique(name, identity);
    }
    match Identity::of_arn(name) {
        Some(Identity { kind: Kind::Root, account, .. }) if account == identity.account => {
            Truth::maybe(Doubt::GrantToAccount)
        }
        _ => identity.is(name),
    }
}

/// Grants show unique ids of identities that are gone, and for a short while of new ones.
fn unique(name: &str, identity: &Identity) -> Truth {
    let kind = match identity.kind {
        Kind::User(_) => "AIDA",
        Kind::Session { .. } => "AROA",
        Kind::Root | Kind::Federated(_) => return Truth::No,
    };
    match &identity.id {
        Some(id) => (id == name).into(),
        None if name.starts_with(kind) => Truth::maybe(Doubt::PrincipalId),
        None => Truth::No,
    }
}

fn doubt(name: &str) -> Doubt {
    Doubt::Key(format!("kms:encryptioncontext:{}", name.to_ascii_lowercase()))
}

/// Whether the encryption context has the pairs. AWS's documents contradict each other on the case of keys.
fn contains(pairs: &BTreeMap<String, String>, facts: &Facts<'_>) -> Truth {
    Truth::all(pairs.iter().map(|(key, due)| {
        let given = facts.encryption_context().find(|(name, _)| name.eq_ignore_ascii_case(key));
        let Some((name, fact)) = given else { return Truth::No };
        let same = match fact {
            Fact::Absent => Truth::No,
            Fact::Known(values) if values.len() == 1 => values.contains(due).into(),
            Fact::Known(_) | Fact::AbsentOr(_) | Fact::Unknown => Truth::maybe(doubt(name)),
        };
        if same == Truth::Yes && name != key {
            return Truth::maybe(Doubt::ConstraintCase(key.clone()));
        }
        same
    }))
}
