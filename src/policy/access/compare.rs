//! The comparison of two policies.

use std::collections::BTreeSet;

use super::change::{AccessChange, Comparison, NetChange, SameAccess, SameDocument};
use super::group::{self, Listing};
use super::key_context::KeyContext;
use super::level::{Certainty, ChangeKind, Direction, Level};
use crate::policy::Document;
use crate::policy::actions::Action;
use crate::policy::grants::Grant;
use crate::policy::typed::PrincipalName;
use crate::policy::work;

/// Compares the access that two policies give; `None` stands for no policy.
///
/// If the key's account is unknown and does not follow from the documents, the policies are
/// compared for every account that could own the key. A change that does not happen for all of them
/// is only possible.
///
/// The work is limited. If it is too much, every change is possible, and the result says so.
#[must_use]
pub fn compare(
    old: Option<&Document>,
    new: Option<&Document>,
    key: &KeyContext,
    grants: &[Grant],
) -> Comparison {
    if old == new {
        return Comparison {
            document: SameDocument::Same,
            access: SameAccess::Same,
            change: NetChange::None,
            changes: Vec::new(),
            open: false,
        };
    }
    work::within(work::COMPARISON, || of_owners([old, new], key, grants, None, Listing::Difference))
}

/// Returns the access that a policy gives to every action, or to one, as changes from no policy.
pub(super) fn given(
    document: &Document,
    key: &KeyContext,
    action: Option<&'static Action>,
) -> Comparison {
    work::within(work::COMPARISON, || {
        of_owners([None, Some(document)], key, &[], action, Listing::Holders)
    })
}

/// Compares two different policies for each possible owner of the key: every action, or one.
fn of_owners(
    [old, new]: [Option<&Document>; 2],
    key: &KeyContext,
    grants: &[Grant],
    action: Option<&'static Action>,
    listing: Listing,
) -> Comparison {
    // Unknown elements can mean anything, unless they are the same in both documents.
    let unread = |document: Option<&Document>| document.map(Document::unread).unwrap_or_default();
    let unclear = unread(old) != unread(new);
    let mut open = unclear;
    let mut combined: Option<(Vec<AccessChange>, (SameAccess, NetChange))> = None;
    for key in possible_keys([old, new], key) {
        let found = group::changes([old, new], &key, grants, action, listing);
        if work::is_spent() {
            return too_complex();
        }
        open |= found.is_none();
        let is_unknown = unclear || found.is_none();
        let mut changes = found.unwrap_or_default();
        if unclear {
            changes.iter_mut().for_each(|change| change.certainty = Certainty::Possible);
        }
        let summary = summarize(&changes, is_unknown);
        combined = Some(match combined {
            None => (changes, summary),
            Some((others, other)) => {
                (combine(&others, &changes), combine_summaries(other, summary))
            }
        });
    }
    let (changes, (access, change)) =
        combined.unwrap_or((Vec::new(), (SameAccess::Unknown, NetChange::Unknown)));
    Comparison { document: SameDocument::Different, access, change, changes, open }
}

/// Returns the result for policies that are too complex to compare.
fn too_complex() -> Comparison {
    Comparison {
        document: SameDocument::Different,
        access: SameAccess::Unknown,
        change: NetChange::Unknown,
        changes: [Direction::Gained, Direction::Lost].map(anything).into(),
        open: true,
    }
}

/// Returns the change that stands for every possible one, because the policies are too complex to compare.
fn anything(direction: Direction) -> AccessChange {
    let (from, to) = match direction {
        Direction::Gained => (Level::Denied, Level::Allowed),
        Direction::Lost => (Level::Allowed, Level::Denied),
    };
    AccessChange {
        direction,
        principal: "*".to_owned(),
        except: Vec::new(),
        actions: vec!["kms:*".to_owned()],
        condition: Some("the policies are too complex to compare".to_owned()),
        kind: ChangeKind::Changed,
        certainty: Certainty::Possible,
        capabilities: Vec::new(),
        from,
        to,
        before: None,
        after: None,
        delegated: false,
        public: direction == Direction::Gained,
        confused_deputy: false,
        statements: Vec::new(),
        grants: Vec::new(),
    }
}

/// Returns the parts of two summaries that are the same, and unknown for the others.
fn combine_summaries(
    one: (SameAccess, NetChange),
    other: (SameAccess, NetChange),
) -> (SameAccess, NetChange) {
    (
        if one.0 == other.0 { one.0 } else { SameAccess::Unknown },
        if one.1 == other.1 { one.1 } else { NetChange::Unknown },
    )
}

/// Returns the account that owns the key, if exactly one account is a principal of the documents: a key policy
/// delegates to IAM policies by naming its own account.
#[must_use]
pub fn owner(documents: [Option<&Document>; 2]) -> Option<String> {
    let (mut principals, _) = accounts(documents);
    let only = principals.pop_first()?;
    principals.is_empty().then_some(only)
}

/// Returns the key once for each account that could own it.
fn possible_keys(documents: [Option<&Document>; 2], key: &KeyContext) -> Vec<KeyContext> {
    if let Some(account) = key.account.clone().or_else(|| owner(documents)) {
        return vec![KeyContext { account: Some(account), ..key.clone() }];
    }
    // `None` stands for an account that the documents do not mention.
    accounts(documents)
        .1
        .into_iter()
        .map(Some)
        .chain([None])
        .map(|account| KeyContext { account, ..key.clone() })
        .collect()
}

/// Returns the accounts that are principals themselves, and all accounts in principals.
fn accounts(documents: [Option<&Document>; 2]) -> (BTreeSet<String>, BTreeSet<String>) {
    let (mut principals, mut all) = (BTreeSet::new(), BTreeSet::new());
    let statements =
        documents.into_iter().flatten().flat_map(|document| document.typed().statements);
    for name in statements.flat_map(|statement| statement.principals.names) {
        match name {
            PrincipalName::Account(account) => {
                principals.insert(account.id.clone());
                all.insert(account.id);
            }
            PrincipalName::Identity(arn) => all.extend(arn.split(':').nth(4).map(str::to_owned)),
            PrincipalName::Everyone
            | PrincipalName::AnyIdentity
            | PrincipalName::UniqueId(_)
            | PrincipalName::Service(_)
            | PrincipalName::Provider(_)
            | PrincipalName::Other(_) => {}
        }
    }
    (principals, all)
}

/// Combines the changes for two possible owners. A change that only one of them has is possible.
fn combine(one: &[AccessChange], other: &[AccessChange]) -> Vec<AccessChange> {
    let mut out: BTreeSet<AccessChange> = BTreeSet::new();
    for (from, to) in [(one, other), (other, one)] {
        for change in from {
            let certainty =
                if to.contains(change) { change.certainty } else { Certainty::Possible };
            out.insert(AccessChange { certainty, ..change.clone() });
        }
    }
    out.into_iter().collect()
}

/// Summarizes changes; `unknown` says that there may be others.
fn summarize(changes: &[AccessChange], unknown: bool) -> (SameAccess, NetChange) {
    let counted: Vec<&AccessChange> = changes
        .iter()
        .filter(|change| !matches!(change.kind, ChangeKind::Dangling | ChangeKind::Future))
        .collect();
    let has = |direction| counted.iter().any(|change| change.direction == direction);
    let certain = counted.iter().any(|change| change.certainty == Certainty::Certain);
    let net = match (has(Direction::Gained), has(Direction::Lost)) {
        _ if unknown || (!certain && !counted.is_empty()) => NetChange::Unknown,
        (true, true) => NetChange::Both,
        (true, false) => NetChange::Gain,
        (false, true) => NetChange::Loss,
        (false, false) if changes.iter().any(|c| c.kind == ChangeKind::Future) => {
            NetChange::FutureActionsOnly
        }
        (false, false) => NetChange::None,
    };
    let access = match (certain, net) {
        (true, _) => SameAccess::Changed,
        (false, NetChange::Unknown) => SameAccess::Unknown,
        (false, _) => SameAccess::Same,
    };
    (access, net)
}

/// Returns whether two policies certainly give the same access, to the actions of today and to future ones, and name
/// the same principals.
///
/// A role by its ARN and a wildcard with a condition on `aws:PrincipalArn` allow the same requests, but permissions
/// boundaries and session policies limit only the former, and only the latter lasts when the role is deleted and
/// created again (IAM User Guide, "AWS JSON policy elements: Principal").
#[must_use]
pub fn same_access(one: &Document, other: &Document, key: &KeyContext) -> bool {
    one.principals_by_effect() == other.principals_by_effect()
        && compare(Some(one), Some(other), key, &[]).is_certainly_none()
}
