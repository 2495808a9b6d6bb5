//! Actions and resources: whether a key policy is about them.

use super::rules;
use super::written::{Statement, Word, may_be_key};
use super::{Facts, Finding};
use crate::policy::OWN_KEY;
use crate::policy::actions::{Action, ActionSet, IAM_ONLY, KEY_ACTIONS, glob, nearest};
use crate::policy::arn::is_account;

pub(super) fn check(statement: &Statement<'_>, facts: &Facts<'_>) -> Vec<Finding> {
    let mut out = Vec::new();
    let start = statement.node.span;
    match &statement.what {
        Some(what) if !what.words.is_empty() => {
            out.extend(what.words.iter().filter_map(|word| action(*word, facts)));
            if what.except && statement.allows() {
                let message = "`Allow` with `NotAction` allows every other action";
                out.push(Finding::new(&rules::ALLOW_NOT_ACTION, what.key, message));
            }
        }
        Some(_) | None => {
            let message = "the statement has no `Action`, so it does nothing";
            out.push(Finding::new(&rules::NO_ACTION, start, message));
        }
    }
    match &statement.on {
        Some(on) if on.except => {
            let message = "`NotResource` makes no sense in a key policy: there is only this key";
            out.push(Finding::new(&rules::NOT_RESOURCE, on.key, message));
        }
        Some(on) if !on.words.is_empty() => {
            out.extend(on.words.iter().filter_map(|word| resource(*word, facts)));
        }
        Some(_) | None => {
            let message = "the statement has no `Resource`, so it does nothing";
            out.push(Finding::new(&rules::NO_RESOURCE, start, message));
        }
    }
    out
}

fn action(word: Word<'_>, facts: &Facts<'_>) -> Option<Finding> {
    let text = word.text;
    let lower = text.to_ascii_lowercase();
    let found = ActionSet::matching(&lower);
    if !found.is_empty() {
        return usage(word, found, facts);
    }
    let is = |known: &&&str| glob(&lower, &format!("kms:{}", known.to_ascii_lowercase()));
    if let Some(known) = IAM_ONLY.iter().find(is) {
        let message = format!("`{text}` does nothing in a key policy");
        let help = format!("`kms:{known}` is about no key: allow it in an IAM policy");
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
        let message = format!("`{text}` matches no action that a key policy could be about");
        return Some(Finding::new(&rules::NO_MATCH, word.span, message));
    }
    let message = format!("there is no action `{text}`");
    let finding = Finding::new(&rules::UNKNOWN_ACTION, word.span, message);
    Some(match meant(name) {
        Some(help) => finding.help(help),
        None => finding,
    })
}

/// What a misspelt action may have been meant to be.
fn meant(name: &str) -> Option<String> {
    if name == "reencrypt" {
        let help = "write `kms:ReEncrypt*`, or `kms:ReEncryptFrom` and `kms:ReEncryptTo`";
        return Some(help.to_owned());
    }
    let known = nearest(name, KEY_ACTIONS.iter().map(|action| action.name))?;
    Some(format!("did you mean `kms:{known}`?"))
}

/// The actions of the other usages: a key has one, for ever (KMS Developer Guide, key usage).
fn usage(word: Word<'_>, found: ActionSet, facts: &Facts<'_>) -> Option<Finding> {
    let usage = facts.usage?;
    let impossible =
        found.iter().all(|action| usages(action).is_some_and(|all| !all.contains(&usage)));
    impossible.then(|| {
        let message = format!("`{}` is impossible with a key of the usage `{usage}`", word.text);
        Finding::new(&rules::USAGE, word.span, message)
    })
}

/// The usages that a cryptographic action is for; `None` where every key has the action, or where it is not documented.
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

/// KMS Developer Guide, key policies: `*` is this key. CloudTrail's user guide writes the ARN of the key.
fn resource(word: Word<'_>, facts: &Facts<'_>) -> Option<Finding> {
    let text = word.text;
    if matches!(text, "*" | OWN_KEY) {
        return None;
    }
    let fields: Vec<&str> = text.splitn(6, ':').collect();
    let lost = match fields.as_slice() {
        ["arn", _, "kms", account, key] => is_account(account) && key.starts_with("key/"),
        ["arn", _, "kms", "", account, key] => is_account(account) && key.starts_with("key/"),
        _ => false,
    };
    if lost {
        let message = format!("the resource `{text}` has lost its Region");
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
