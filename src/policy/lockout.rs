//! Whether somebody who lasts can still change the policy. Stricter than AWS, whose check is about the caller alone (KMS
//! API Reference, `PutKeyPolicy`: "must allow the principal that is making the request to make a subsequent PutKeyPolicy
//! request"), and which says nothing of what it does with conditions.

use std::collections::BTreeSet;

use super::Document;
use super::eval::{Decision, Denial, Key, Principal, ask};
use super::meaning::{Meaning, Name, Verdict};

/// What whoever has it keeps the policy with.
pub(super) const PUT_KEY_POLICY: &str = "kms:PutKeyPolicy";

/// What the evaluator says to `kms:PutKeyPolicy` for each who may be able to, whatever else the request has.
#[derive(Default)]
struct Holders {
    /// Who surely can.
    sure: BTreeSet<String>,
    /// What it depends on for the others.
    doubts: BTreeSet<String>,
    /// Whether somebody is denied explicitly.
    denied: bool,
}

/// `None` where the account's root user, or two named users or roles of it, can change the policy for good, and the
/// `caller`, as far as known, is not shut out; else why not.
///
/// Who is allowed only under a condition does not count: whether it can ever hold is not known.
#[must_use]
pub fn lockout(document: &Document, key: &Key<'_>, caller: Option<&str>) -> Option<String> {
    let meaning = document.meaning();
    let root = format!("arn:{}:iam::{}:root", key.partition, key.account);
    let mut holders = Holders::default();
    holders.ask(&meaning, key, &root);
    if holders.sure.is_empty() {
        for name in named(&meaning) {
            holders.ask(&meaning, key, &name);
        }
    }
    let lasting = holders.sure.contains(&root) || holders.sure.len() > 1;
    if !lasting {
        return Some(why(&holders, key.account, caller));
    }
    let caller = caller?;
    let shut_out = matches!(answer(&meaning, key, caller)?, Decision::Denied(_));
    shut_out.then(|| format!("`{caller}`, who would write it, could not change it again"))
}

impl Holders {
    fn ask(&mut self, meaning: &Meaning, key: &Key<'_>, who: &str) {
        match answer(meaning, key, who) {
            Some(Decision::Allowed(_)) => drop(self.sure.insert(who.to_owned())),
            Some(Decision::Unknown(open)) => {
                let doubts = open.iter().flat_map(|open| &open.doubts);
                self.doubts.extend(doubts.map(ToString::to_string));
            }
            Some(Decision::Denied(Denial::Explicit(_))) => self.denied = true,
            // What IAM would have to allow is counted with the account.
            Some(Decision::Denied(_) | Decision::Delegated(_) | Decision::IamOnly) | None => {}
        }
    }
}

/// What the policy says to a `kms:PutKeyPolicy`, whatever else the request has.
fn answer(meaning: &Meaning, key: &Key<'_>, who: &str) -> Option<Decision> {
    ask(meaning, key, &[], Principal::parse(who, key.partition).ok()?, PUT_KEY_POLICY)
}

/// The users and roles that statements allow something. Sessions end, and deleted identities do not come back.
fn named(meaning: &Meaning) -> BTreeSet<String> {
    let allowing = meaning.rules.iter().filter(|rule| rule.verdict == Verdict::Allow);
    let names = allowing.filter(|rule| !rule.who.except).flat_map(|rule| &rule.who.names);
    let lasting = names.filter_map(|name| match name {
        Name::Identity(arn) if arn.contains(":iam:") => Some(arn.clone()),
        Name::Identity(_)
        | Name::Everyone
        | Name::AnyIdentity
        | Name::Account(_)
        | Name::UniqueId(_)
        | Name::Service(_)
        | Name::Provider(_)
        | Name::Other(_) => None,
    });
    lasting.collect()
}

fn why(holders: &Holders, account: &str, caller: Option<&str>) -> String {
    if let Some(name) = holders.sure.first() {
        let who = if Some(name.as_str()) == caller { ", who would write it," } else { "" };
        return format!(
            "only `{name}`{who} could change the policy, and nobody could once it is deleted"
        );
    }
    if !holders.doubts.is_empty() {
        let doubts: Vec<&str> = holders.doubts.iter().map(String::as_str).collect();
        return format!("whether anybody could change the policy depends on {}", doubts.join("; "));
    }
    if holders.denied {
        return "a `Deny` takes `kms:PutKeyPolicy` from those who have it".to_owned();
    }
    format!("nobody in the account `{account}` is allowed `kms:PutKeyPolicy`")
}
