//! What the policy as a whole gives to whom: administration, grants, other accounts, and whether anybody keeps it.

use std::collections::{BTreeMap, BTreeSet};

use super::rules;
use super::written::{Clause, Named, Policy, Statement, Word};
use super::{Facts, Finding};
use crate::policy::actions::{ActionSet, Capability, glob};
use crate::policy::eval::{Decision, Denial, Key, Principal, ask};
use crate::policy::lockout::PUT_KEY_POLICY;
use crate::policy::meaning::Name;
use crate::policy::{Document, lockout};
use crate::tree::Span;

pub(super) fn check(policy: &Policy<'_>, facts: &Facts<'_>) -> Vec<Finding> {
    let mut out: Vec<Finding> = locked(policy, facts).into_iter().collect();
    out.extend(caller(policy, facts));
    let administrators = administrators(policy);
    out.extend(separation(policy, &administrators));
    for statement in &policy.statements {
        out.extend(grants(statement, &administrators, facts));
        out.extend(all_actions(statement, facts));
        out.extend(abroad(statement, facts));
    }
    out
}

/// The account in an identity's name.
fn account(name: &Name) -> Option<&str> {
    match name {
        Name::Account(account) => Some(account),
        Name::Identity(arn) => arn.split(':').nth(4),
        Name::Everyone
        | Name::AnyIdentity
        | Name::UniqueId(_)
        | Name::Service(_)
        | Name::Provider(_)
        | Name::Other(_) => None,
    }
}

fn is_foreign(name: &Name, facts: &Facts<'_>) -> bool {
    match (account(name), facts.account) {
        (Some(account), Some(own)) => account != own,
        _ => false,
    }
}

/// Policies that nobody could change. Where the key's account is not known, whichever it is must be locked out.
fn locked(policy: &Policy<'_>, facts: &Facts<'_>) -> Option<Finding> {
    if facts.lockout_wanted || policy.statements.is_empty() {
        return None;
    }
    let document = Document::lenient(policy.node, facts.partition).ok()?;
    let named = policy.statements.iter().flat_map(|statement| &statement.names);
    let mentioned: BTreeSet<&str> = named.filter_map(|named| account(&named.name)).collect();
    let lockout = |account: &str| {
        let key = Key { partition: facts.partition, account, arn: facts.key_arn };
        lockout(&document, &key, None)
    };
    let why = match facts.account {
        Some(own) => lockout(own)?,
        None => {
            let each: Option<Vec<String>> =
                mentioned.iter().map(|account| lockout(account)).collect();
            match (each?.as_slice(), lockout("")) {
                (_, None) => return None,
                ([only], Some(_)) => only.clone(),
                (_, Some(_)) => "nobody who lasts is allowed `kms:PutKeyPolicy`".to_owned(),
            }
        }
    };
    let start = Span { end: policy.node.span.start, ..policy.node.span };
    Some(Finding::new(&rules::LOCKOUT, start, why))
}

/// AWS's own check (KMS API, `PutKeyPolicy`): the caller could change the policy again. Stricter: a condition does not
/// count, because it cannot be told whether the caller meets it. Without an account the key is taken to be in the
/// caller's: nobody else can change its policy.
fn caller(policy: &Policy<'_>, facts: &Facts<'_>) -> Option<Finding> {
    let caller = facts.caller?;
    let who = Principal::parse(caller, facts.partition).ok()?;
    let own = facts.account.map(str::to_owned).or_else(|| who.account().map(str::to_owned))?;
    let role = role_of(caller);
    let who = if role == caller { who } else { who.with_role(&role).ok()? };
    let key = Key { partition: facts.partition, account: &own, arn: facts.key_arn };
    let meaning = Document::lenient(policy.node, facts.partition).ok()?.meaning();
    let why = match ask(&meaning, &key, &[], who, PUT_KEY_POLICY)? {
        Decision::Allowed(_) | Decision::Delegated(_) => return None,
        Decision::Denied(Denial::Explicit(_)) => {
            "a `Deny` takes `kms:PutKeyPolicy` from the caller".to_owned()
        }
        Decision::Denied(Denial::Implicit | Denial::Abroad) | Decision::IamOnly => {
            "the caller is not allowed `kms:PutKeyPolicy`".to_owned()
        }
        Decision::Unknown(open) => {
            let doubts: BTreeSet<String> =
                open.iter().flat_map(|open| &open.doubts).map(ToString::to_string).collect();
            let doubts: Vec<String> = doubts.into_iter().collect();
            format!(
                "whether the caller is allowed `kms:PutKeyPolicy` depends on {}",
                doubts.join("; ")
            )
        }
    };
    let start = Span { end: policy.node.span.start, ..policy.node.span };
    Some(Finding::new(&rules::CALLER, start, why))
}

/// The role behind a session, as far as its ARN says: a session's has no path.
fn role_of(arn: &str) -> String {
    let fields: Vec<&str> = arn.splitn(6, ':').collect();
    if let ["arn", partition, "sts", "", account, session] = fields.as_slice()
        && let Some(role) = session.strip_prefix("assumed-role/").and_then(|s| s.split('/').next())
    {
        return format!("arn:{partition}:iam::{account}:role/{role}");
    }
    arn.to_owned()
}

/// Users and roles that may change the policy, unconditionally or not.
fn administrators<'a>(policy: &Policy<'a>) -> BTreeMap<&'a str, Word<'a>> {
    let put = ActionSet::of(|action| action.capability == Capability::ChangePolicy);
    let mut out = BTreeMap::new();
    for statement in policy.statements.iter().filter(|statement| statement.actions.covers(put)) {
        for named in statement.allowed().filter(|named| matches!(named.name, Name::Identity(_))) {
            out.entry(named.word.text).or_insert(named.word);
        }
    }
    out
}

/// Administrators who use the key (NIST SP 800-57 part 2: separate who manages keys from who uses them).
fn separation(policy: &Policy<'_>, administrators: &BTreeMap<&str, Word<'_>>) -> Vec<Finding> {
    let use_it = ActionSet::of(|action| {
        matches!(action.capability, Capability::Decrypt | Capability::Sign | Capability::Mac)
    });
    let uses = |word: &Word<'_>| {
        policy.statements.iter().any(|statement| {
            !statement.actions.and(use_it).is_empty()
                && statement.allowed().any(|named| named.word.text == word.text)
        })
    };
    let sole = administrators.len() == 1;
    let finding = |word: &Word<'_>| {
        if sole {
            let message =
                format!("the only named administrator, `{}`, uses the key too", word.text);
            return Finding::new(&rules::SOLE_USER, word.span, message);
        }
        let message = format!("the administrator `{}` uses the key too", word.text);
        Finding::new(&rules::USER_ADMINISTRATOR, word.span, message)
    };
    administrators.values().filter(|word| uses(word)).map(finding).collect()
}

/// `kms:CreateGrant` without a bound. The key's own account is what IAM policies make of it, and who may change the policy
/// may do all (policy-semantics B3), so for them a bound bounds nothing.
fn grants(
    statement: &Statement<'_>,
    administrators: &BTreeMap<&str, Word<'_>>,
    facts: &Facts<'_>,
) -> Vec<Finding> {
    let create = ActionSet::of(|action| action.name == "CreateGrant");
    let bound = |clause: &Clause<'_>| {
        clause.test.needs_key()
            && matches!(
                clause.test.key.as_str(),
                "kms:grantisforawsresource"
                    | "kms:granteeprincipal"
                    | "kms:granteeserviceprincipal"
                    | "kms:retiringprincipal"
                    | "kms:retiringserviceprincipal"
                    | "kms:grantconstraintsourcearn"
                    | "kms:viaservice"
            )
            || clause.test.key == "kms:grantoperations" && !clause.test.negated
    };
    if !statement.actions.covers(create) || statement.clauses.iter().any(bound) {
        return Vec::new();
    }
    let unbounded = |named: &&Named<'_>| match &named.name {
        Name::Account(_) => is_foreign(&named.name, facts),
        Name::Identity(_) => !administrators.contains_key(named.word.text),
        Name::Everyone | Name::AnyIdentity => true,
        Name::UniqueId(_) | Name::Service(_) | Name::Provider(_) | Name::Other(_) => false,
    };
    let finding = |named: &Named<'_>| {
        let message = format!("`{}` may create grants for anyone and anything", named.word.text);
        Finding::new(&rules::UNBOUNDED_GRANT, named.word.span, message)
    };
    statement.allowed().filter(unbounded).map(finding).collect()
}

fn all_actions(statement: &Statement<'_>, facts: &Facts<'_>) -> Vec<Finding> {
    let every = |word: &Word<'_>| glob(&word.text.to_ascii_lowercase(), "kms:");
    let Some(word) = statement
        .what
        .as_ref()
        .filter(|what| !what.except)
        .and_then(|what| what.words.iter().find(|word| every(word)))
    else {
        return Vec::new();
    };
    let single = |named: &&Named<'_>| {
        matches!(named.name, Name::Identity(_)) || is_foreign(&named.name, facts)
    };
    let finding = |named: &Named<'_>| {
        let message = format!("`{}` is allowed `{}`", named.word.text, word.text);
        Finding::new(&rules::ALL_ACTIONS, named.word.span, message)
    };
    statement.allowed().filter(single).map(finding).collect()
}

/// Actions that do not cross accounts (KMS Developer Guide, "Allowing users in other accounts to use a KMS key").
fn abroad(statement: &Statement<'_>, facts: &Facts<'_>) -> Vec<Finding> {
    let Some(named) = statement.allowed().find(|named| is_foreign(&named.name, facts)) else {
        return Vec::new();
    };
    if statement.names.iter().any(|named| !is_foreign(&named.name, facts)) {
        return Vec::new();
    }
    let at_home = |word: &&Word<'_>| {
        let matched = ActionSet::matching(word.text);
        !matched.is_empty() && matched.iter().all(|action| !action.crosses_accounts())
    };
    let finding = |word: &Word<'_>| {
        let message = format!(
            "`{}` cannot be allowed to `{}`, of another account",
            word.text, named.word.text
        );
        Finding::new(&rules::ABROAD, word.span, message)
    };
    let words = statement.what.as_ref().filter(|what| !what.except).into_iter();
    words.flat_map(|what| what.words.iter().filter(at_home).map(finding)).collect()
}
