//! How the principal element of a statement matches the principal of a request.

use super::principal::{Identity, IdentityKind, Principal};
use super::truth::{Doubt, Truth};
use crate::policy::typed::{PrincipalElement, PrincipalName};

/// The way in which a statement matches a principal: directly, or through its account.
pub(super) struct PrincipalMatch {
    /// Whether the statement names the principal, or everyone.
    pub(super) direct: Truth,
    /// Whether the statement names the principal's account, which delegates to the account's IAM policies.
    pub(super) account: Truth,
}

impl PrincipalMatch {
    const NONE: Self = Self { direct: Truth::No, account: Truth::No };
    const DIRECT: Self = Self { direct: Truth::Yes, account: Truth::No };

    fn maybe(doubt: Doubt) -> Self {
        Self { direct: Truth::maybe(doubt), account: Truth::No }
    }
}

impl PrincipalElement {
    pub(super) fn matches(&self, principal: &Principal) -> PrincipalMatch {
        if self.except {
            return PrincipalMatch {
                direct: match_not_principal(self, principal),
                account: Truth::No,
            };
        }
        let mut result = PrincipalMatch::NONE;
        for name in &self.names {
            let PrincipalMatch { direct, account } = match_name(name, principal);
            result.direct = result.direct.or(|| direct);
            result.account = result.account.or(|| account);
        }
        result
    }
}

/// Matches one name with a principal (IAM User Guide, "AWS JSON policy elements: Principal"; KMS Developer Guide,
/// "Default key policy").
fn match_name(name: &PrincipalName, principal: &Principal) -> PrincipalMatch {
    match (name, principal) {
        (PrincipalName::Everyone, _) | (PrincipalName::AnyIdentity, Principal::Identity(_)) => {
            PrincipalMatch::DIRECT
        }
        (PrincipalName::AnyIdentity, Principal::Service(_)) => {
            PrincipalMatch::maybe(Doubt::ServiceAsIdentity)
        }
        (PrincipalName::Service(named), Principal::Service(service)) => {
            PrincipalMatch { direct: (named == service).into(), account: Truth::No }
        }
        (PrincipalName::Account(account), Principal::Identity(identity)) => {
            if *account != identity.account {
                PrincipalMatch::NONE
            } else if identity.kind == IdentityKind::Root {
                // "The account principal represents the account and its administrators, including the root user."
                PrincipalMatch::DIRECT
            } else {
                PrincipalMatch { direct: Truth::No, account: Truth::Yes }
            }
        }
        (PrincipalName::Identity(arn), Principal::Identity(identity)) => {
            PrincipalMatch { direct: identity.matches(arn), account: Truth::No }
        }
        (PrincipalName::UniqueId(id), Principal::Identity(identity)) => {
            // A unique id in a policy belongs to a deleted identity, so it matches only a principal that is known to
            // have it.
            PrincipalMatch { direct: (identity.id.as_ref() == Some(id)).into(), account: Truth::No }
        }
        (PrincipalName::Provider(_), Principal::Identity(Identity { kind, .. })) => match kind {
            IdentityKind::Session { .. } | IdentityKind::Federated(_) => {
                PrincipalMatch::maybe(Doubt::Provider)
            }
            IdentityKind::Root | IdentityKind::User(_) => PrincipalMatch::NONE,
        },
        (
            PrincipalName::Account(_)
            | PrincipalName::Identity(_)
            | PrincipalName::UniqueId(_)
            | PrincipalName::Provider(_),
            Principal::Service(_),
        )
        | (PrincipalName::Service(_), Principal::Identity(_))
        | (PrincipalName::Other(_), _) => PrincipalMatch::NONE,
    }
}

/// Matches a `NotPrincipal` element. An identity is exempt if both it and its account are listed; if only one of them
/// is, AWS "might deny" it (IAM User Guide, "AWS JSON policy elements: NotPrincipal").
fn match_not_principal(element: &PrincipalElement, principal: &Principal) -> Truth {
    let (mut itself, mut account) = (Truth::No, Truth::No);
    for name in &element.names {
        let matched = match_name(name, principal);
        match name {
            PrincipalName::Everyone
            | PrincipalName::AnyIdentity
            | PrincipalName::Service(_)
            | PrincipalName::Provider(_) => {
                // These need no account next to them.
                account = account.or(|| matched.direct.clone());
                itself = itself.or(|| matched.direct);
            }
            PrincipalName::Account(_) => {
                // The account stands for its root user too.
                account = account.or(|| matched.account.or(|| matched.direct.clone()));
                itself = itself.or(|| matched.direct);
            }
            PrincipalName::Identity(_) | PrincipalName::UniqueId(_) | PrincipalName::Other(_) => {
                itself = itself.or(|| matched.direct);
            }
        }
    }
    match (itself, account) {
        (Truth::Yes, Truth::Yes) => Truth::No,
        (Truth::No, Truth::No) => Truth::Yes,
        (Truth::Yes, Truth::No) | (Truth::No, Truth::Yes) => Truth::maybe(Doubt::PartlyListed),
        (Truth::Maybe(doubts), _) | (_, Truth::Maybe(doubts)) => Truth::Maybe(doubts),
    }
}
