//! Rules about resources: a key policy is about its own key only.

use super::rules;
use super::written::{Word, WrittenStatement};
use super::{Facts, Finding};
use crate::policy::OWN_KEY;
use crate::policy::arn::is_account;
use crate::policy::pattern::glob;

pub(super) fn check(statement: &WrittenStatement<'_>, facts: &Facts<'_>) -> Vec<Finding> {
    match &statement.resources {
        Some(element) if element.except => {
            let message = "`NotResource` makes no sense in a key policy: there is only this key";
            vec![Finding::new(&rules::NOT_RESOURCE, element.key, message)]
        }
        Some(element) if !element.words.is_empty() => {
            element.words.iter().filter_map(|word| resource(*word, facts)).collect()
        }
        Some(_) | None => {
            let message = "the statement has no `Resource`, which AWS refuses (in an older policy it has no effect)";
            vec![Finding::new(&rules::NO_RESOURCE, statement.node.span, message)]
        }
    }
}

/// Reports a resource other than `*`, which means "this KMS key" (KMS Developer Guide, "Creating a key policy"). The
/// ARN of this key is only a note: policies in the CloudTrail User Guide contain it.
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
    if let Some(why) = never_this_key(text, facts) {
        let message = format!("the resource `{text}` is never this key: {why}");
        return Some(Finding::new(&rules::FOREIGN_RESOURCE, word.span, message));
    }
    let message = format!("the resource `{text}` names a key by its ARN");
    Some(Finding::new(&rules::OWN_ARN, word.span, message))
}

/// Returns why a resource is certainly not the key of the policy, or `None` if it may be the key.
pub(super) fn never_this_key(text: &str, facts: &Facts<'_>) -> Option<String> {
    if matches!(text, "*" | OWN_KEY) {
        return None;
    }
    let fields: Vec<&str> = text.splitn(6, ':').collect();
    let ["arn", partition, service, region, account, key] = fields.as_slice() else {
        // A wildcard can match across the colons of an ARN.
        let is_open = text.starts_with("arn:") && text.contains(['*', '$']);
        return (!is_open).then(|| "it is not the ARN of a key".to_owned());
    };
    let is_open = |field: &str| field.contains(['*', '?', '$']);
    if *service != "kms" && !is_open(service) {
        return Some(format!("it is of another service, `{service}`"));
    }
    if !key.starts_with("key/") && !is_open(key) {
        return Some("it is not the ARN of a key".to_owned());
    }
    if region.is_empty() || !(is_account(account) || is_open(account)) {
        return Some("its ARN is not complete".to_owned());
    }
    let differs = |field: &str, own: &str| !own.is_empty() && !is_open(field) && field != own;
    if facts.account.is_some_and(|own| differs(account, own)) {
        return Some(format!("it is a key of another account, `{account}`"));
    }
    if differs(partition, facts.partition) {
        return Some(format!("it is in another partition, `{partition}`"));
    }
    if facts.region.is_some_and(|own| differs(region, own)) {
        return Some(format!("it is in another Region, `{region}`"));
    }
    let is_other = facts.key_arn.is_some_and(|arn| !glob(text, arn));
    is_other.then(|| "it is another key".to_owned())
}
