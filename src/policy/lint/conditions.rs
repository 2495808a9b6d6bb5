//! Conditions: keys and operators that do not exist, and keys that the statement's requests do not have.

use super::super::keys::{Key, Known, key};
use super::Finding;
use super::rules;
use super::written::{Clause, Statement, Word};
use crate::policy::actions::{ActionSet, nearest};
use crate::policy::limit::SOURCE;
use crate::policy::meaning::{Name, Operator, Quantifier, operators};
use crate::tree::Value;

pub(super) fn check(statement: &Statement<'_>) -> Vec<Finding> {
    let mut out = empty(statement);
    for clause in &statement.clauses {
        out.extend(operator(clause));
        match key(clause.key.text) {
            Known::Foreign => {}
            Known::Unknown(near) => out.push(unknown(clause, near)),
            Known::Key(known) => {
                out.extend(form(clause, known));
                if clause.test.needs_key() {
                    out.extend(who(clause, statement));
                    out.extend(present(clause, known, statement));
                }
            }
        }
    }
    out
}

/// `{}`, an operator without keys, a key without values.
fn empty(statement: &Statement<'_>) -> Vec<Finding> {
    let mut out = Vec::new();
    let Some(Value::Map(operators)) = statement.condition.map(|entry| &entry.value.value) else {
        return out;
    };
    let mut add = |span, what: &str| {
        out.push(Finding::new(&rules::EMPTY_CONDITION, span, format!("{what} is empty")));
    };
    if operators.is_empty()
        && let Some(condition) = statement.condition
    {
        add(condition.value.span, "the `Condition`");
    }
    for operator in operators {
        if matches!(&operator.value.value, Value::Map(keys) if keys.is_empty()) {
            add(operator.value.span, &format!("`{}`", operator.key));
        }
    }
    for clause in statement.clauses.iter().filter(|clause| clause.values.is_empty()) {
        add(clause.key.span, &format!("the list of values of `{}`", clause.key.text));
    }
    out
}

fn operator(clause: &Clause<'_>) -> Option<Finding> {
    let text = clause.operator.text;
    let finding = |message| Finding::new(&rules::UNKNOWN_OPERATOR, clause.operator.span, message);
    if let Operator::Unknown(name) = &clause.test.operator {
        let plain = name.strip_suffix("IfExists").unwrap_or(name);
        let plain = plain.rsplit(':').next().unwrap_or(plain);
        let finding = finding(format!("there is no condition operator `{text}`"));
        return Some(match nearest(plain, operators()) {
            Some(near) => finding.help(format!("did you mean `{near}`?")),
            None => finding,
        });
    }
    // IAM User Guide, condition operators: `IfExists` goes with all but `Null`.
    (clause.test.operator == Operator::Null && clause.test.if_exists).then(|| {
        finding(format!("there is no condition operator `{text}`"))
            .help("write `Null`: it says itself whether the key is there")
    })
}

fn unknown(clause: &Clause<'_>, near: Option<&'static str>) -> Finding {
    let Word { text, span } = clause.key;
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

/// Set operators, and keys that are not for key policies.
fn form(clause: &Clause<'_>, known: &Key) -> Option<Finding> {
    let Word { text, span } = clause.key;
    let quantifier = clause.test.quantifier;
    let (rule, message) = if known.name == "kms:ResourceAliases" {
        (&rules::IAM_KEY, format!("`{text}` works in IAM policies only"))
    } else if known.name.starts_with("kms:CustomerMasterKey") {
        let new = known.name.replace("CustomerMaster", "");
        let message = format!("`{text}` is deprecated");
        let finding = Finding::new(&rules::OLD_KEY, span, message);
        return Some(finding.help(format!("write `{new}`")));
    } else if known.multi && quantifier == Quantifier::One && clause.test.operator != Operator::Null
    {
        (
            &rules::NO_SET_OPERATOR,
            format!("`{text}` has several values, and the operator says nothing about that"),
        )
    } else if !known.multi && quantifier == Quantifier::All {
        (&rules::FOR_ALL, format!("`{}` is met by requests without `{text}`", clause.operator.text))
    } else {
        return None;
    };
    Some(Finding::new(rule, span, message))
}

/// What a service's own requests do not have (KMS Developer Guide, `kms:ViaService` and `kms:CallerAccount`: not in
/// requests that a service principal makes; a service is in no organization).
const CALLER: [&str; 5] = [
    "kms:viaservice",
    "kms:calleraccount",
    "aws:principalorgid",
    "aws:principalorgpaths",
    "aws:username",
];

/// Keys that none of the statement's principals has.
fn who(clause: &Clause<'_>, statement: &Statement<'_>) -> Option<Finding> {
    if statement.excepts() || statement.names.is_empty() {
        return None;
    }
    let lower = clause.test.key.as_str();
    let Word { text, span } = clause.key;
    let all = |test: fn(&Name) -> bool| statement.names.iter().all(|named| test(&named.name));
    let some = |test: fn(&Name) -> bool| statement.names.iter().any(|named| test(&named.name));
    let identity =
        |name: &Name| matches!(name, Name::Account(_) | Name::Identity(_) | Name::UniqueId(_));
    let service = |name: &Name| matches!(name, Name::Service(_));
    if SOURCE.contains(&lower) && some(identity) {
        let message =
            format!("`{text}` is absent when a user or role calls, so this never matches");
        return Some(Finding::new(&rules::SOURCE_OF_IDENTITY, span, message));
    }
    if CALLER.contains(&lower) && some(service) {
        let message = format!("`{text}` is absent when a service calls, so this never matches");
        return Some(Finding::new(&rules::CALLER_OF_SERVICE, span, message));
    }
    if lower == "aws:username" && all(is_role) {
        let message = format!("`{text}` is absent when a role calls, so this never matches");
        return Some(Finding::new(&rules::USERNAME, span, message));
    }
    None
}

fn is_role(name: &Name) -> bool {
    let Name::Identity(arn) = name else {
        return false;
    };
    let last = arn.splitn(6, ':').last().unwrap_or_default();
    last.starts_with("role/") || last.starts_with("assumed-role/")
}

/// Keys that the statement's actions do not have.
fn present(clause: &Clause<'_>, known: &Key, statement: &Statement<'_>) -> Vec<Finding> {
    let able = known.actions();
    let actions = statement.actions;
    let Some(what) = statement.what.as_ref().filter(|_| able != ActionSet::ALL) else {
        return Vec::new();
    };
    let Word { text, span } = clause.key;
    if actions.is_empty() {
        return Vec::new();
    }
    if actions.and(able).is_empty() {
        let message = format!("`{text}` is in no request for these actions, so this never matches");
        return vec![Finding::new(&rules::NEVER_PRESENT, span, message)];
    }
    let without = |word: &&Word<'_>| {
        let matched = ActionSet::matching(word.text);
        !matched.is_empty() && matched.and(able).is_empty()
    };
    if known.name == "kms:GrantIsForAWSResource" {
        let others = match what.words.iter().find(|word| what.except || !matches_only(word, able)) {
            Some(word) => word.text,
            None => return Vec::new(),
        };
        let message =
            format!("`{text}` is only in requests about grants, not in those of `{others}`");
        return vec![Finding::new(&rules::GRANT_KEY, span, message)];
    }
    if what.except {
        return Vec::new();
    }
    let finding = |word: &Word<'_>| {
        let message = format!(
            "no request for `{}` has `{text}`, so the statement is not about it",
            word.text
        );
        Finding::new(&rules::PARTLY_PRESENT, word.span, message)
    };
    what.words.iter().filter(without).map(finding).collect()
}

fn matches_only(word: &Word<'_>, able: ActionSet) -> bool {
    able.covers(ActionSet::matching(word.text))
}
