//! Rules about conditions: unknown keys and operators, and keys that the requests of the statement do not have.

use super::Finding;
use super::rules;
use super::written::{Word, WrittenCondition, WrittenStatement};
use crate::policy::actions::{ActionSet, nearest};
use crate::policy::condition_keys::{ConditionKey, KeyLookup, look_up};
use crate::policy::limiting_conditions::SOURCE_KEYS;
use crate::policy::typed::{Operator, PrincipalName, Quantifier, operators};
use crate::tree::Value;

pub(super) fn check(statement: &WrittenStatement<'_>) -> Vec<Finding> {
    let mut out = empty(statement);
    for condition in &statement.conditions {
        out.extend(operator(condition));
        match look_up(condition.key.text) {
            KeyLookup::OtherService => {}
            KeyLookup::Unknown(near) => out.push(unknown(condition, near)),
            KeyLookup::Key(known) => {
                out.extend(misused_key(condition, known));
                out.extend(met_without_key(condition, known, statement));
                if condition.test.requires_key() {
                    out.extend(absent_for_principals(condition, statement));
                    out.extend(absent_for_actions(condition, known, statement));
                }
            }
        }
    }
    out
}

/// Reports an empty `Condition`, an operator without keys, and a key without values.
fn empty(statement: &WrittenStatement<'_>) -> Vec<Finding> {
    let mut out = Vec::new();
    let Some(Value::Map(operators)) = statement.condition_entry.map(|entry| &entry.value.value)
    else {
        return out;
    };
    let mut add = |span, what: &str| {
        out.push(Finding::new(&rules::EMPTY_CONDITION, span, format!("{what} is empty")));
    };
    if operators.is_empty()
        && let Some(condition) = statement.condition_entry
    {
        add(condition.value.span, "the `Condition`");
    }
    for operator in operators {
        if matches!(&operator.value.value, Value::Map(keys) if keys.is_empty()) {
            add(operator.value.span, &format!("`{}`", operator.key));
        }
    }
    for condition in statement.conditions.iter().filter(|condition| condition.values.is_empty()) {
        add(condition.key.span, &format!("the list of values of `{}`", condition.key.text));
    }
    out
}

/// Reports an unknown operator.
fn operator(condition: &WrittenCondition<'_>) -> Option<Finding> {
    let text = condition.operator.text;
    let finding =
        |message| Finding::new(&rules::UNKNOWN_OPERATOR, condition.operator.span, message);
    if let Operator::Unknown(name) = &condition.test.operator {
        let plain = name.strip_suffix("IfExists").unwrap_or(name);
        let plain = plain.rsplit(':').next().unwrap_or(plain);
        let finding = finding(format!("there is no condition operator `{text}`"));
        return Some(match nearest(plain, operators()) {
            Some(near) => finding.help(format!("did you mean `{near}`?")),
            None => finding,
        });
    }
    // `IfExists` works with every operator except `Null` (IAM User Guide, "IAM JSON policy elements: Condition
    // operators").
    if condition.test.operator != Operator::Null || !condition.test.if_exists {
        return None;
    }
    let finding = finding(format!("there is no condition operator `{text}`"));
    Some(finding.help("write `Null`, which tests itself whether the key is present"))
}

/// Reports an unknown condition key.
fn unknown(condition: &WrittenCondition<'_>, near: Option<&'static str>) -> Finding {
    let Word { text, span, .. } = condition.key;
    let finding =
        Finding::new(&rules::UNKNOWN_KEY, span, format!("there is no condition key `{text}`"));
    match near {
        Some(near) if near.ends_with(['/', ':']) => {
            finding.help(format!("did you mean `{near}…`?"))
        }
        Some(near) => finding.help(format!("did you mean `{near}`?")),
        None => finding,
    }
}

/// Reports missing and misleading set operators, and keys that are not for key policies.
fn misused_key(condition: &WrittenCondition<'_>, known: &ConditionKey) -> Option<Finding> {
    let Word { text, span, .. } = condition.key;
    let quantifier = condition.test.quantifier;
    let (rule, message) = if known.name == "kms:ResourceAliases" {
        (&rules::IAM_KEY, format!("`{text}` works in IAM policies only"))
    } else if known.name.starts_with("kms:CustomerMasterKey") {
        let new = known.name.replace("CustomerMaster", "");
        let message = format!("`{text}` is deprecated");
        let finding = Finding::new(&rules::OLD_KEY, span, message);
        return Some(finding.help(format!("write `{new}`")));
    } else if known.multi
        && quantifier == Quantifier::One
        && condition.test.operator != Operator::Null
    {
        (
            &rules::NO_SET_OPERATOR,
            format!("`{text}` has several values, and the operator has no set operator"),
        )
    } else if !known.multi && quantifier == Quantifier::All {
        (
            &rules::FOR_ALL,
            format!("`{}` is met by requests without `{text}`", condition.operator.text),
        )
    } else {
        return None;
    };
    Some(Finding::new(rule, span, message))
}

/// Reports `ForAllValues` on a key with several values in an `Allow`, if nothing in the statement requires the key.
///
/// `ForAllValues` is true for a request without the key (IAM User Guide, "Set operators for multivalued context keys").
/// Some keys are in every request for the actions that have them: the operations of a grant, and the tags of
/// TagResource and UntagResource.
fn met_without_key(
    condition: &WrittenCondition<'_>,
    known: &ConditionKey,
    statement: &WrittenStatement<'_>,
) -> Option<Finding> {
    let is_always_there = matches!(known.name, "kms:GrantOperations" | "aws:TagKeys")
        && known.actions().covers(statement.known_actions);
    let test = &condition.test;
    if test.quantifier != Quantifier::All || !known.multi || !statement.allows() || is_always_there
    {
        return None;
    }
    let requires = |other: &WrittenCondition<'_>| {
        let is_context = test.key == "kms:encryptioncontextkeys"
            && other.test.key.starts_with("kms:encryptioncontext:");
        (other.test.key == test.key || is_context) && other.test.requires_key()
    };
    if statement.conditions.iter().any(requires) {
        return None;
    }
    let Word { text, span, .. } = condition.key;
    let message = format!("`{}` is met by requests without `{text}`", condition.operator.text);
    let help =
        format!("add `\"Null\": {{\"{text}\": \"false\"}}`, so that the requests must have it");
    Some(Finding::new(&rules::FOR_ALL_ABSENT, span, message).help(help))
}

/// Condition keys that requests of a service principal do not have: `kms:ViaService`, unless it publishes through
/// Amazon SNS, and `kms:CallerAccount` (KMS Developer Guide, "Condition keys for AWS KMS"), and those of an
/// organization, which services do not belong to.
const CALLER_KEYS: [&str; 5] = [
    "kms:viaservice",
    "kms:calleraccount",
    "aws:principalorgid",
    "aws:principalorgpaths",
    "aws:username",
];

/// Reports keys that the requests of the statement's principals do not have.
fn absent_for_principals(
    condition: &WrittenCondition<'_>,
    statement: &WrittenStatement<'_>,
) -> Option<Finding> {
    if statement.excepts() || statement.principals.is_empty() {
        return None;
    }
    let key = condition.test.key.as_str();
    let names = || statement.principals.iter().map(|principal| &principal.name);
    let (rule, caller) = if SOURCE_KEYS.contains(&key) && names().any(is_identity) {
        (&rules::SOURCE_OF_IDENTITY, "a user or role")
    } else if CALLER_KEYS.contains(&key)
        && !condition.is_through_topic()
        && names().any(|name| matches!(name, PrincipalName::Service(_)))
    {
        (&rules::CALLER_OF_SERVICE, "a service")
    } else if key == "aws:username" && names().all(is_role) {
        (&rules::USERNAME, "a role")
    } else {
        return None;
    };
    let Word { text, span, .. } = condition.key;
    let message = format!("`{text}` is absent when {caller} calls, so this never matches");
    Some(Finding::new(rule, span, message))
}

fn is_identity(name: &PrincipalName) -> bool {
    matches!(
        name,
        PrincipalName::Account(_) | PrincipalName::Identity(_) | PrincipalName::UniqueId(_)
    )
}

fn is_role(name: &PrincipalName) -> bool {
    let PrincipalName::Identity(arn) = name else {
        return false;
    };
    let last = arn.splitn(6, ':').last().unwrap_or_default();
    last.starts_with("role/") || last.starts_with("assumed-role/")
}

/// Returns whether all principals of the statement are services.
fn is_for_services(statement: &WrittenStatement<'_>) -> bool {
    !statement.excepts()
        && statement.principals.iter().all(|named| matches!(named.name, PrincipalName::Service(_)))
}

/// Reports keys that requests for the statement's actions do not have.
fn absent_for_actions(
    condition: &WrittenCondition<'_>,
    known: &ConditionKey,
    statement: &WrittenStatement<'_>,
) -> Vec<Finding> {
    let with_key = known.actions();
    let Some(element) = &statement.actions else {
        return Vec::new();
    };
    if with_key == ActionSet::ALL || statement.known_actions.is_empty() {
        return Vec::new();
    }
    let Word { text, span, .. } = condition.key;
    if statement.known_actions.and(with_key).is_empty() {
        let message = format!("`{text}` is in no request for these actions, so this never matches");
        return vec![Finding::new(&rules::NEVER_PRESENT, span, message)];
    }
    if known.name == "kms:GrantIsForAWSResource" {
        let other = element
            .words
            .iter()
            .find(|word| element.except || !with_key.covers(ActionSet::matching(word.text)));
        let Some(Word { text: other, span: of_other, .. }) = other else {
            return Vec::new();
        };
        // AWS's own guides have DescribeKey beside the condition, and the services work without it.
        let describe = ActionSet::of(|action| action.name == "DescribeKey");
        let is_harmless = !element.except
            && element
                .words
                .iter()
                .all(|word| with_key.or(describe).covers(ActionSet::matching(word.text)));
        if is_harmless {
            let message = format!(
                "no request for `{other}` has `{text}`, so the statement does not apply to it"
            );
            return vec![Finding::new(&rules::PARTLY_PRESENT, *of_other, message)];
        }
        let message =
            format!("`{text}` is only in requests about grants, not in those of `{other}`");
        return vec![Finding::new(&rules::GRANT_KEY, span, message)];
    }
    if element.except {
        return Vec::new();
    }
    let mut out = Vec::new();
    let describe = ActionSet::of(|action| action.name == "DescribeKey");
    for word in &element.words {
        let matched = ActionSet::matching(word.text);
        // AWS's own statements for services have DescribeKey beside the condition, and the services work without it.
        let is_documented = is_for_services(statement) && describe.covers(matched);
        if !matched.is_empty() && matched.and(with_key).is_empty() && !is_documented {
            let message = format!(
                "no request for `{}` has `{text}`, so the statement does not apply to it",
                word.text
            );
            out.push(Finding::new(&rules::PARTLY_PRESENT, word.span, message));
        }
    }
    out
}
