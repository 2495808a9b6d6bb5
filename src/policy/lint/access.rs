//! Rules about the access that the policy as a whole gives: administration, grants, other accounts, and lockout.

use std::collections::{BTreeMap, BTreeSet};

use super::rules;
use super::written::{Word, WrittenCondition, WrittenPolicy, WrittenStatement, account_of};
use super::{Facts, Finding};
use crate::policy::actions::{ActionSet, Capability, glob};
use crate::policy::eval::{Decision, Denial, Principal, TargetKey};
use crate::policy::lockout::may_change_policy;
use crate::policy::typed::PrincipalName;
use crate::policy::{Document, Lockout, lockout};
use crate::tree::Span;

/// Checks the access. `given` has the facts without the owner that the policy tells: an account that the policy does
/// not mention could own the key, too.
pub(super) fn check(
    policy: &WrittenPolicy<'_>,
    given: &Facts<'_>,
    facts: &Facts<'_>,
) -> Vec<Finding> {
    let mut out: Vec<Finding> = locks_account_out(policy, given).into_iter().collect();
    out.extend(locks_caller_out(policy, given));
    let administrators = administrators(policy);
    out.extend(administrators_using_key(policy, &administrators));
    for statement in &policy.statements {
        out.extend(unlimited_grants(statement, &administrators, facts));
        out.extend(all_actions(statement, facts));
        out.extend(cross_account_actions(statement, facts));
    }
    out
}

/// Returns whether a principal is certainly of another account than the key.
fn is_foreign(name: &PrincipalName, facts: &Facts<'_>) -> bool {
    match (account_of(name), facts.account) {
        (Some(account), Some(own)) => account != own,
        _ => false,
    }
}

/// Reports a policy that no durable principal could change. If the key's account is unknown, the policy must lock out
/// every account that could own the key.
fn locks_account_out(policy: &WrittenPolicy<'_>, facts: &Facts<'_>) -> Option<Finding> {
    if facts.lockout_wanted || policy.statements.is_empty() {
        return None;
    }
    let document = Document::lenient(policy.node, facts.partition).ok()?;
    let lockout_of = |account: &str| {
        let key = TargetKey { partition: facts.partition, account, arn: facts.key_arn };
        lockout(&document, &key, None)
    };
    let found = match facts.account {
        Some(own) => lockout_of(own)?,
        None => {
            let mentioned: BTreeSet<&str> = policy
                .statements
                .iter()
                .flat_map(|statement| &statement.principals)
                .filter_map(|principal| account_of(&principal.name))
                .collect();
            let mut found = Vec::new();
            for account in mentioned {
                found.push(lockout_of(account)?);
            }
            // The owner can also be an account that the policy does not mention.
            let of_any = lockout_of("")?;
            match found.as_slice() {
                [only] => only.clone(),
                _ => Lockout {
                    reason: "no durable principal is allowed `kms:PutKeyPolicy`".to_owned(),
                    ..of_any
                },
            }
        }
    };
    Some(Finding::new(&rules::LOCKOUT, start_of(policy), found.reason).help(found.help))
}

/// Reports a policy that the caller could not change again, which AWS refuses (KMS API Reference, PutKeyPolicy). The
/// check is stricter than AWS's: access under a condition does not count, because it is unknown whether the caller
/// meets it. If the key's account is unknown, it is assumed to be the caller's: a principal of another account cannot
/// change the policy.
fn locks_caller_out(policy: &WrittenPolicy<'_>, facts: &Facts<'_>) -> Option<Finding> {
    let caller = facts.caller?;
    let mut principal = Principal::parse(caller, facts.partition).ok()?;
    let own =
        facts.account.map(str::to_owned).or_else(|| principal.account().map(str::to_owned))?;
    let role = role_of(caller);
    if role != caller {
        principal = principal.with_role(&role).ok()?;
    }
    let key = TargetKey { partition: facts.partition, account: &own, arn: facts.key_arn };
    let typed = Document::lenient(policy.node, facts.partition).ok()?.typed();
    let reason = match may_change_policy(&typed, &key, principal)? {
        Decision::Allowed(_) | Decision::Delegated(_) => return None,
        Decision::Denied(Denial::Explicit(_)) => {
            "a `Deny` denies `kms:PutKeyPolicy` to the caller".to_owned()
        }
        Decision::Denied(Denial::Implicit | Denial::OtherAccount) | Decision::IamOnly => {
            "the caller is not allowed `kms:PutKeyPolicy`".to_owned()
        }
        Decision::Unknown(undecided) => {
            let doubts: BTreeSet<String> =
                undecided.iter().flat_map(|one| &one.doubts).map(ToString::to_string).collect();
            let doubts: Vec<String> = doubts.into_iter().collect();
            format!(
                "whether the caller is allowed `kms:PutKeyPolicy` depends on {}",
                doubts.join("; ")
            )
        }
    };
    Some(Finding::new(&rules::CALLER, start_of(policy), reason))
}

/// Returns the position at the start of the policy.
fn start_of(policy: &WrittenPolicy<'_>) -> Span {
    Span { end: policy.node.span.start, ..policy.node.span }
}

/// Returns the ARN of a session's role without a path, which the session's ARN does not contain, or any other ARN
/// unchanged.
fn role_of(arn: &str) -> String {
    let fields: Vec<&str> = arn.splitn(6, ':').collect();
    if let ["arn", partition, "sts", "", account, session] = fields.as_slice()
        && let Some(role) = session.strip_prefix("assumed-role/").and_then(|s| s.split('/').next())
    {
        return format!("arn:{partition}:iam::{account}:role/{role}");
    }
    arn.to_owned()
}

/// Returns the users and roles that may change the policy, with or without a condition.
fn administrators<'a>(policy: &WrittenPolicy<'a>) -> BTreeMap<&'a str, Word<'a>> {
    let change_policy = ActionSet::of(|action| action.capability == Capability::ChangePolicy);
    let mut out = BTreeMap::new();
    for statement in &policy.statements {
        if !statement.known_actions.covers(change_policy) {
            continue;
        }
        for principal in statement.allowed() {
            if matches!(principal.name, PrincipalName::Identity(_)) {
                out.entry(principal.word.text).or_insert(principal.word);
            }
        }
    }
    out
}

/// Reports administrators that use the key. NIST SP 800-57 part 2 recommends to separate key management from key use.
fn administrators_using_key(
    policy: &WrittenPolicy<'_>,
    administrators: &BTreeMap<&str, Word<'_>>,
) -> Vec<Finding> {
    let use_actions = ActionSet::of(|action| {
        matches!(action.capability, Capability::Decrypt | Capability::Sign | Capability::Mac)
    });
    let users: BTreeSet<&str> = policy
        .statements
        .iter()
        .filter(|statement| !statement.known_actions.and(use_actions).is_empty())
        .flat_map(WrittenStatement::allowed)
        .map(|principal| principal.word.text)
        .collect();
    let mut out = Vec::new();
    for word in administrators.values().filter(|word| users.contains(word.text)) {
        let (rule, message) = if administrators.len() == 1 {
            (
                &rules::SOLE_USER,
                format!("the only named administrator, `{}`, uses the key too", word.text),
            )
        } else {
            (
                &rules::USER_ADMINISTRATOR,
                format!("the administrator `{}` uses the key too", word.text),
            )
        };
        out.push(Finding::new(rule, word.span, message));
    }
    out
}

/// Reports `kms:CreateGrant` without a limiting condition.
///
/// The key's own account is exempt: its IAM policies decide. Principals that may change the key policy are exempt too:
/// they can give themselves every permission, so a condition here would not limit them (KMS Developer Guide, "Key
/// policies").
fn unlimited_grants(
    statement: &WrittenStatement<'_>,
    administrators: &BTreeMap<&str, Word<'_>>,
    facts: &Facts<'_>,
) -> Vec<Finding> {
    let create = ActionSet::of(|action| action.name == "CreateGrant");
    if !statement.known_actions.covers(create) || statement.conditions.iter().any(limits_grants) {
        return Vec::new();
    }
    let mut out = Vec::new();
    for principal in statement.allowed() {
        let is_reported = match &principal.name {
            PrincipalName::Account(_) => is_foreign(&principal.name, facts),
            PrincipalName::Identity(_) => !administrators.contains_key(principal.word.text),
            PrincipalName::Everyone | PrincipalName::AnyIdentity => true,
            PrincipalName::UniqueId(_)
            | PrincipalName::Service(_)
            | PrincipalName::Provider(_)
            | PrincipalName::Other(_) => false,
        };
        if is_reported {
            let text = principal.word.text;
            let message = format!("`{text}` may create grants to any principal for any operation");
            out.push(Finding::new(&rules::UNBOUNDED_GRANT, principal.word.span, message));
        }
    }
    out
}

/// Returns whether a condition limits the grants that a principal may create.
fn limits_grants(condition: &WrittenCondition<'_>) -> bool {
    match condition.test.key.as_str() {
        "kms:grantoperations" => !condition.test.negated,
        "kms:grantisforawsresource"
        | "kms:granteeprincipal"
        | "kms:granteeserviceprincipal"
        | "kms:retiringprincipal"
        | "kms:retiringserviceprincipal"
        | "kms:grantconstraintsourcearn"
        | "kms:viaservice" => condition.test.requires_key(),
        _ => false,
    }
}

/// Reports principals other than the key's own account that are allowed every action.
fn all_actions(statement: &WrittenStatement<'_>, facts: &Facts<'_>) -> Vec<Finding> {
    let Some(element) = statement.actions.as_ref().filter(|element| !element.except) else {
        return Vec::new();
    };
    let mut words = element.words.iter();
    let Some(pattern) = words.find(|word| glob(&word.text.to_ascii_lowercase(), "kms:")) else {
        return Vec::new();
    };
    let mut out = Vec::new();
    for principal in statement.allowed() {
        if matches!(principal.name, PrincipalName::Identity(_))
            || is_foreign(&principal.name, facts)
        {
            let message = format!("`{}` is allowed `{}`", principal.word.text, pattern.text);
            out.push(Finding::new(&rules::ALL_ACTIONS, principal.word.span, message));
        }
    }
    out
}

/// Reports actions that are allowed to other accounts but do not support cross-account use (KMS Developer Guide,
/// "Allowing users in other accounts to use a KMS key").
fn cross_account_actions(statement: &WrittenStatement<'_>, facts: &Facts<'_>) -> Vec<Finding> {
    let foreign = statement.allowed().iter().find(|principal| is_foreign(&principal.name, facts));
    let actions = statement.actions.as_ref().filter(|element| !element.except);
    let (Some(principal), Some(actions)) = (foreign, actions) else {
        return Vec::new();
    };
    if statement.principals.iter().any(|principal| !is_foreign(&principal.name, facts)) {
        return Vec::new();
    }
    let mut out = Vec::new();
    for word in &actions.words {
        let matched = ActionSet::matching(word.text);
        if !matched.is_empty() && matched.iter().all(|action| !action.crosses_accounts()) {
            let message = format!(
                "`{}` cannot be allowed to `{}`, which is of another account",
                word.text, principal.word.text
            );
            out.push(Finding::new(&rules::ABROAD, word.span, message));
        }
    }
    out
}
