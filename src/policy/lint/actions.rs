//! Rules about actions.

use super::rules;
use super::written::{Word, WrittenStatement};
use super::{Facts, Finding};
use crate::policy::actions::{Action, ActionSet, IAM_ONLY, KEY_ACTIONS, glob, nearest};

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
    out.extend(redundant(statement));
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
        "Encapsulate" | "Decapsulate" => &["ENCAPSULATE_DECAPSULATE"],
        _ => return None,
    })
}

/// Reports an action that another pattern of the same statement matches too.
fn redundant(statement: &WrittenStatement<'_>) -> Vec<Finding> {
    let Some(element) = &statement.actions else {
        return Vec::new();
    };
    let lower: Vec<String> =
        element.words.iter().map(|word| word.text.to_ascii_lowercase()).collect();
    let mut out = Vec::new();
    for (n, (word, own)) in element.words.iter().zip(&lower).enumerate() {
        let mut others = element.words.iter().zip(&lower).enumerate();
        // Of two equal patterns, the second is redundant.
        let by =
            others.find(|(m, (_, other))| *m != n && glob(other, own) && (own != *other || *m < n));
        if let Some((_, (by, _))) = by {
            let message = format!("`{}` is redundant: `{}` includes it", word.text, by.text);
            out.push(Finding::new(&rules::REDUNDANT_ACTION, word.span, message));
        }
    }
    out
}
