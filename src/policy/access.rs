//! Access as data: who can do what with a key, and what a change of policy means for it.
//!
//! | Word | Means |
//! |---|---|
//! | atom | principals, or an action, that no statement tells apart |
//! | literal | a condition that is true or false of a request |
//! | formula | what a policy says of one principal and one action, as alternatives of literals |
//! | cell | a combination of answers to conditions that some request has |
//! | delta | where the level of one principal and one action rises or falls |
//!
//! Two policies are compared on every principal atom and every action atom, in every cell. So "same access" is a proof,
//! within what is documented; what is not is a doubt, and a change that hinges on one is only possible.

mod action;
#[cfg(test)]
mod agreement;
mod atom;
mod delta;
mod domain;
mod fact;
mod formula;
mod glob;
mod group;
mod level;
mod literal;
mod matching;
mod present;
#[cfg(test)]
mod properties;
mod scene;
mod table;
#[cfg(test)]
mod tests;
mod words;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::Document;
use super::grants::Grant;
use super::meaning::Name;

pub use level::{Certainty, Effect, Level, Shape};
pub use present::Home;
pub use table::{Holder, access_table, grant_changes};

/// The key that a policy belongs to, as far as it is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyContext {
    /// Its account.
    pub account: Option<String>,
    /// Its partition.
    pub partition: String,
    /// Its ARN.
    pub arn: Option<String>,
}

/// Access that somebody gains or loses.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AccessChange {
    /// Which way.
    pub effect: Effect,
    /// An ARN (of an account's root: what its IAM policies decide), a pattern of ARNs, a service, `*` for everyone, or
    /// words such as `every identity of account …`.
    pub principal: String,
    /// Those of them who are not concerned.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub except: Vec<String>,
    /// Actions, sorted; a pattern stands for all that it matches, now and later.
    pub actions: Vec<String>,
    /// The requests that are concerned, if not all.
    pub condition: Option<String>,
    /// What kind of change it is.
    pub kind: Shape,
    /// Whether it is known to happen.
    pub certainty: Certainty,
    /// What the actions are for, in words.
    pub capabilities: Vec<String>,
    /// What the policy said before.
    pub from: Level,
    /// What it says afterwards.
    pub to: Level,
    /// Where there was this access before; of a condition that became another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// Where there is this access afterwards; of a condition that became another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// Whether an IAM policy of the principal's account must allow it too.
    pub delegated: bool,
    /// Whether it is gained by strangers, without a condition on who they are.
    pub public: bool,
    /// Whether a service gains it for whoever makes it act: without a condition on the resource it acts for.
    pub confused_deputy: bool,
    /// The statements it comes through, by Sid; by place, such as `#2`, where there is none.
    pub statements: Vec<String>,
    /// Grants that give the same: of what is lost, still held through them, unless it is denied explicitly.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub grants: Vec<String>,
}

/// Whether AWS would hold the same document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SameDocument {
    /// It would: no call is needed.
    Same,
    /// It would not.
    Different,
}

/// Whether two documents give the same access, on the actions that are known today.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SameAccess {
    /// They do.
    Same,
    /// They do not.
    Changed,
    /// It depends on what kmsctl cannot know.
    Unknown,
}

/// Which way access changes, all in all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    /// Not at all.
    None,
    /// Only gained.
    Gain,
    /// Only lost.
    Loss,
    /// Gained by some, lost by some.
    Both,
    /// Equal on every action known today, but a wildcard can grow.
    FutureActionsOnly,
    /// It depends on what kmsctl cannot know.
    Unknown,
}

/// What one document is to another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Comparison {
    /// As documents.
    pub document: SameDocument,
    /// As access.
    pub access: SameAccess,
    /// Which way.
    pub change: Change,
    /// Who gains and who loses what.
    #[serde(rename = "access_changes")]
    pub changes: Vec<AccessChange>,
    /// Whether there may be more of them: the principals are too many to tell apart, or a document has elements that are
    /// not understood.
    #[serde(skip)]
    pub open: bool,
}

/// What the step from `old` to `new` (`None`: no policy) means for access. Where the key's account is not known and no
/// document tells it, every account may be the one: what does not hold for all is only possible.
#[must_use]
pub fn compare(
    old: Option<&Document>,
    new: Option<&Document>,
    key: &KeyContext,
    grants: &[Grant],
) -> Comparison {
    if old == new {
        let (document, access) = (SameDocument::Same, SameAccess::Same);
        let (change, changes) = (Change::None, Vec::new());
        return Comparison { document, access, change, changes, open: false };
    }
    // Elements of the document that are not understood are the same, or anything.
    let extra = |document: Option<&Document>| document.map(|d| d.canonical().extra.clone());
    let unclear = extra(old).unwrap_or_default() != extra(new).unwrap_or_default();
    let mut open = unclear;
    let mut all: Option<(Vec<AccessChange>, (SameAccess, Change))> = None;
    for key in owners([old, new], key) {
        let here = group::changes([old, new], &key, grants);
        let verdict = verdict(here.as_deref().unwrap_or_default(), unclear || here.is_none());
        open |= here.is_none();
        let here = here.unwrap_or_default();
        all = Some(match all {
            None => (here, verdict),
            Some((before, other)) => (agreed(&before, &here), either(other, verdict)),
        });
    }
    let (changes, (access, change)) =
        all.unwrap_or_else(|| (Vec::new(), (SameAccess::Unknown, Change::Unknown)));
    Comparison { document: SameDocument::Different, access, change, changes, open }
}

/// What is so whoever owns the key.
fn either(one: (SameAccess, Change), other: (SameAccess, Change)) -> (SameAccess, Change) {
    (
        if one.0 == other.0 { one.0 } else { SameAccess::Unknown },
        if one.1 == other.1 { one.1 } else { Change::Unknown },
    )
}

/// The account that owns the key, if the documents tell: the only one whose IAM policies they trust.
#[must_use]
pub fn owner(documents: [Option<&Document>; 2]) -> Option<String> {
    let (mut roots, _) = accounts(documents);
    let only = roots.pop_first()?;
    roots.is_empty().then_some(only)
}

/// The keys that it may be: one for each account that may be its owner.
fn owners(documents: [Option<&Document>; 2], key: &KeyContext) -> Vec<KeyContext> {
    if let Some(account) = key.account.clone().or_else(|| owner(documents)) {
        return vec![KeyContext { account: Some(account), ..key.clone() }];
    }
    let of = |account: Option<String>| KeyContext { account, ..key.clone() };
    // And one that is named nowhere.
    accounts(documents).1.into_iter().map(Some).chain([None]).map(of).collect()
}

/// The accounts that are named as principals, and all accounts that are named.
fn accounts(documents: [Option<&Document>; 2]) -> (BTreeSet<String>, BTreeSet<String>) {
    let (mut roots, mut all) = (BTreeSet::new(), BTreeSet::new());
    let meanings = documents.into_iter().flatten().map(Document::meaning);
    for name in meanings.flat_map(|meaning| meaning.rules).flat_map(|rule| rule.who.names) {
        match name {
            Name::Account(account) => {
                roots.insert(account.clone());
                all.insert(account);
            }
            Name::Identity(arn) => all.extend(arn.split(':').nth(4).map(str::to_owned)),
            Name::Everyone
            | Name::AnyIdentity
            | Name::UniqueId(_)
            | Name::Service(_)
            | Name::Provider(_)
            | Name::Other(_) => {}
        }
    }
    (roots, all)
}

/// What holds for one owner and for another; the rest is possible.
fn agreed(before: &[AccessChange], here: &[AccessChange]) -> Vec<AccessChange> {
    let mut out: BTreeSet<AccessChange> = BTreeSet::new();
    for (from, to) in [(before, here), (here, before)] {
        for change in from {
            let certainty =
                if to.contains(change) { change.certainty } else { Certainty::Possible };
            out.insert(AccessChange { certainty, ..change.clone() });
        }
    }
    out.into_iter().collect()
}

fn verdict(changes: &[AccessChange], unknown: bool) -> (SameAccess, Change) {
    let counts = |change: &&AccessChange| !matches!(change.kind, Shape::Dangling | Shape::Future);
    let counted: Vec<&AccessChange> = changes.iter().filter(counts).collect();
    let has = |effect| counted.iter().any(|change| change.effect == effect);
    let certain = counted.iter().any(|change| change.certainty == Certainty::Certain);
    let change = match (has(Effect::Gained), has(Effect::Lost)) {
        _ if unknown || (!certain && !counted.is_empty()) => Change::Unknown,
        (true, true) => Change::Both,
        (true, false) => Change::Gain,
        (false, true) => Change::Loss,
        (false, false) if changes.iter().any(|c| c.kind == Shape::Future) => {
            Change::FutureActionsOnly
        }
        (false, false) => Change::None,
    };
    let access = match (certain, change) {
        (true, _) => SameAccess::Changed,
        (false, Change::Unknown) => SameAccess::Unknown,
        (false, _) => SameAccess::Same,
    };
    (access, change)
}
