//! Which statements are about the one who asks.

use super::principal::{Identity, Kind, Principal};
use super::truth::{Doubt, Truth};
use crate::policy::meaning::{Name, Who};

/// How a statement is about somebody: by name, or through the account.
pub(super) struct Reach {
    /// It names the principal, or everyone.
    pub(super) direct: Truth,
    /// It names the principal's account: what IAM policies there allow.
    pub(super) account: Truth,
}

impl Reach {
    const NONE: Self = Self { direct: Truth::No, account: Truth::No };
    const DIRECT: Self = Self { direct: Truth::Yes, account: Truth::No };

    fn maybe(doubt: Doubt) -> Self {
        Self { direct: Truth::maybe(doubt), account: Truth::No }
    }
}

impl Who {
    pub(super) fn reach(&self, principal: &Principal) -> Reach {
        if self.except {
            return Reach { direct: others(self, principal), account: Truth::No };
        }
        let mut reach = Reach::NONE;
        for name in &self.names {
            let Reach { direct, account } = named(name, principal);
            reach.direct = reach.direct.or(|| direct);
            reach.account = reach.account.or(|| account);
        }
        reach
    }
}

/// Whom one name is about (IAM User Guide, `Principal`; KMS Developer Guide, "Default key policy").
fn named(name: &Name, principal: &Principal) -> Reach {
    match (name, principal) {
        (Name::Everyone, _) | (Name::AnyIdentity, Principal::Identity(_)) => Reach::DIRECT,
        (Name::AnyIdentity, Principal::Service(_)) => Reach::maybe(Doubt::ServiceAsIdentity),
        (Name::Service(named), Principal::Service(service)) => {
            Reach { direct: (named == service).into(), account: Truth::No }
        }
        (Name::Account(account), Principal::Identity(identity)) => {
            if *account != identity.account {
                Reach::NONE
            } else if identity.kind == Kind::Root {
                // "The account principal represents the account and its administrators, including the root user."
                Reach::DIRECT
            } else {
                Reach { direct: Truth::No, account: Truth::Yes }
            }
        }
        (Name::Identity(arn), Principal::Identity(identity)) => {
            Reach { direct: identity.is(arn), account: Truth::No }
        }
        (Name::UniqueId(id), Principal::Identity(identity)) => {
            // Without the id: AWS shows ids only of identities that are gone.
            Reach { direct: (identity.id.as_ref() == Some(id)).into(), account: Truth::No }
        }
        (Name::Provider(_), Principal::Identity(Identity { kind, .. })) => match kind {
            Kind::Session { .. } | Kind::Federated(_) => Reach::maybe(Doubt::Provider),
            Kind::Root | Kind::User(_) => Reach::NONE,
        },
        (
            Name::Account(_) | Name::Identity(_) | Name::UniqueId(_) | Name::Provider(_),
            Principal::Service(_),
        )
        | (Name::Service(_), Principal::Identity(_))
        | (Name::Other(_), _) => Reach::NONE,
    }
}

/// Whether the principal is one of all but those named. An identity is excepted when it and its account are named; when
/// only one of the two is, AWS "might deny" it (IAM User Guide, `NotPrincipal`).
fn others(who: &Who, principal: &Principal) -> Truth {
    let (mut itself, mut account) = (Truth::No, Truth::No);
    for name in &who.names {
        let reach = named(name, principal);
        match name {
            Name::Everyone | Name::AnyIdentity | Name::Service(_) | Name::Provider(_) => {
                // Nobody's account has to be named beside these.
                account = account.or(|| reach.direct.clone());
                itself = itself.or(|| reach.direct);
            }
            Name::Account(_) => {
                // The root user is the account.
                account = account.or(|| reach.account.or(|| reach.direct.clone()));
                itself = itself.or(|| reach.direct);
            }
            Name::Identity(_) | Name::UniqueId(_) | Name::Other(_) => {
                itself = itself.or(|| reach.direct);
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
