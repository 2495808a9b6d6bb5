//! Rules about actions and resources.

use super::rules;
use super::written::{Word, WrittenStatement, may_be_key};
use super::{Facts, Finding};
use crate::policy::OWN_KEY;
use crate::policy::actions::{Action, ActionSet, IAM_ONLY, KEY_ACTIONS, glob, nearest};
use crate::policy::arn::is_account;

pub(super) fn check(statement: &WrittenStatement<'_>, facts: &Facts<'_>) -> Vec<Finding> {
    let mut out = Vec::new();
    let start = statement.node.span;
    match &statement.actions {
        Some(element) if !element.words.is_empty() => {
            out.extend(element.words.iter().filter_map(|word| action(*word, facts)));
            if element.except && statement.allows() {
                let message = "`Allow` with `NotAction` allows every other action";
                out.push(Finding::new(&rules::ALLOW_NOT_ACTION, element.key, message));
            }
        }
        Some(_) | None => {
            let message = "the statement has no `Action`, so it has no effect";
            out.push(Finding::new(&rules::NO_ACTION, start, message));
        }
    }
    match &statement.resources {
        Some(element) if element.except => {
            let message = "`NotResource` makes no sense in a key policy: there is only this key";
            out.push(Finding::new(&rules::NOT_RESOURCE, element.key, message));
        }
        Some(element) if !element.words.is_empty() => {
            out.extend(element.words.iter().filter_map(|word| resource(*word, facts)));
        }
        Some(_) | None => {
            let message = "the statement has no `Resource`, so it has no effect";
            out.push(Finding::new(&rules::NO_RESOURCE, start, message));
        }
    }
    out
}

/// Reports an action that a key policy cannot allow or deny.
fn action(word: Word<'_>, facts: &Facts<'_>) -> Option<Finding> {
    let text = word.text;
    let lower = text.to_ascii_lowercase();
    let found = ActionSet::matching(&lower);
    if !found.is_empty() {
        return usage(word, found, facts);
    }
    let is = |known: &&&str| glob(&lower, &format!("kms:{}", known.to_ascii_lowercase()));
    if let Some(known) = IAM_ONLY.iter().find(is) {
        let message = format!("`{text}` has no effect in a key policy");
        let help = format!("`kms:{known}` is not a request about a key: allow it in an IAM policy");
        return Some(Finding::new(&rules::IAM_ONLY_ACTION, word.span, message).help(help));
    }
    let wild = lower.contains(['*', '?']);
    let name = match lower.split_once(':') {
        Some(("kms", name)) => name,
        Some((service, _)) if !service.contains(['*', '?']) => {
            let message = format!("`{text}` is an action of another service, `{service}`");
            return Some(Finding::new(&rules::OTHER_SERVICE, word.span, message));
        }
        Some(_) => "",
        None => lower.as_str(),
    };
    if wild {
        let message = format!("`{text}` matches no action that a key policy can allow or deny");
        return Some(Finding::new(&rules::NO_MATCH, word.span, message));
    }
    let message = format!("there is no action `{text}`");
    let finding = Finding::new(&rules::UNKNOWN_ACTION, word.span, message);
    Some(match suggestion(name) {
        Some(help) => finding.help(help),
        None => finding,
    })
}

/// Returns a suggestion for a misspelled action.
fn suggestion(name: &str) -> Option<String> {
    if name == "reencrypt" {
        let help = "write `kms:ReEncrypt*`, or `kms:ReEncryptFrom` and `kms:ReEncryptTo`";
        return Some(help.to_owned());
    }
    let known = nearest(name, KEY_ACTIONS.iter().map(|action| action.name))?;
    Some(format!("did you mean `kms:{known}`?"))
}

/// Reports actions of another key usage than the key's, which cannot be changed (KMS API Reference, CreateKey).
fn usage(word: Word<'_>, found: ActionSet, facts: &Facts<'_>) -> Option<Finding> {
    let usage = facts.usage?;
    let impossible =
        found.iter().all(|action| usages(action).is_some_and(|all| !all.contains(&usage)));
    if !impossible {
        return None;
    }
    let message = format!("`{}` is impossible with a key of the usage `{usage}`", word.text);
    Some(Finding::new(&rules::USAGE, word.span, message))
}

/// Returns the key usages that an action supports, or `None` if it supports all of them, or if that is not documented.
fn usages(action: &Action) -> Option<&'static [&'static str]> {
    Some(match action.name {
        "Encrypt"
        | "Decrypt"
        | "ReEncryptFrom"
        | "ReEncryptTo"
        | "GenerateDataKey"
        | "GenerateDataKeyPair"
        | "GenerateDataKeyPairWithoutPlaintext"
        | "GenerateDataKeyWithoutPlaintext" => &["ENCRYPT_DECRYPT"],
        "Sign" | "Verify" => &["SIGN_VERIFY"],
        "GenerateMac" | "VerifyMac" => &["GENERATE_VERIFY_MAC"],
        "DeriveSharedSecret" => &["KEY_AGREEMENT"],
        _ => return None,
    })
}

/// Reports a resource other than `*`, which means "this KMS key" (KMS Developer Guide, "Creating a key policy"). An ARN
/// is only a warning: policies in the CloudTrail User Guide contain the key's ARN.
fn resource(word: Word<'_>, facts: &Facts<'_>) -> Option<Finding> {
    let text = word.text;
    if matches!(text, "*" | OWN_KEY) {
        return None;
    }
    let fields: Vec<&str> = text.splitn(6, ':').collect();
    let lacks_region = match fields.as_slice() {
        ["arn", _, "kms", account, key] => is_account(account) && key.starts_with("key/"),
        ["arn", _, "kms", "", account, key] => is_account(account) && key.starts_with("key/"),
        _ => false,
    };
    if lacks_region {
        let message = format!("the resource `{text}` has no Region");
        return Some(Finding::new(&rules::NO_REGION, word.span, message));
    }
    let other = facts.key_arn.is_some_and(|arn| !glob(text, arn));
    if other || !may_be_key(text) {
        let message = format!("the resource `{text}` is never this key");
        return Some(Finding::new(&rules::FOREIGN_RESOURCE, word.span, message));
    }
    let message = format!("the resource `{text}` names a key by its ARN");
    Some(Finding::new(&rules::OWN_ARN, word.span, message))
}
