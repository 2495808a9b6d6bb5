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
            if !account.is(&identity.partition, &identity.account) {
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

/// Matches a `NotPrincipal` element. An identity is certainly exempt only if its account is listed too, and a session
/// only if its role and its account are; otherwise AWS "might deny" it. What is not listed is denied although its
/// account is listed next to other identities (IAM User Guide, "AWS JSON policy elements: NotPrincipal").
fn match_not_principal(element: &PrincipalElement, principal: &Principal) -> Truth {
    let matched = |name: &PrincipalName| match_name(name, principal).direct;
    let any = |is: fn(&PrincipalName) -> bool| {
        Truth::any(element.names.iter().filter(|name| is(name)).map(matched))
    };
    let exempt = any(|name| {
        matches!(
            name,
            PrincipalName::Everyone | PrincipalName::AnyIdentity | PrincipalName::Service(_)
        )
    });
    let identity = match principal {
        Principal::Service(_) => return exempt.not(),
        Principal::Identity(_) if exempt == Truth::Yes => return Truth::No,
        Principal::Identity(identity) => identity,
    };
    let names = || element.names.iter();
    let account = names().any(|name| {
        matches!(name, PrincipalName::Account(account)
            if account.is(&identity.partition, &identity.account))
    });
    if identity.kind == IdentityKind::Root {
        return (!account).into();
    }
    let itself = any(|name| {
        matches!(name, PrincipalName::Identity(arn) if !is_role(arn))
            || matches!(name, PrincipalName::UniqueId(_) | PrincipalName::Provider(_))
    });
    let role = any(|name| matches!(name, PrincipalName::Identity(arn) if is_role(arn)));
    // Nothing is documented about federated sessions.
    let is_user = matches!(identity.kind, IdentityKind::User(_));
    let has_others = names().any(|name| {
        matches!(name, PrincipalName::Identity(arn)
            if Identity::of_arn(arn).is_some_and(|of| of.account == identity.account))
    });
    match (itself, role, account) {
        (Truth::Yes, Truth::Yes, true) => Truth::No,
        (Truth::Yes, _, true) if is_user => Truth::No,
        (Truth::No, Truth::No, false) => Truth::Yes,
        (Truth::No, Truth::No, true) if has_others => Truth::Yes,
        (Truth::Maybe(mut doubts), Truth::Maybe(more), _) => {
            doubts.extend(more);
            Truth::Maybe(doubts)
        }
        (Truth::Maybe(doubts), ..) | (_, Truth::Maybe(doubts), _) => Truth::Maybe(doubts),
        (Truth::Yes | Truth::No, Truth::Yes | Truth::No, _) => Truth::maybe(Doubt::PartlyListed),
    }
}

fn is_role(arn: &str) -> bool {
    arn.contains(":role/")
}
