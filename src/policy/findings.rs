//! Published mistakes: policies that AWS accepts and that do not do what they say.

use super::OWN_KEY;
use super::actions::{ActionSet, IAM_ONLY, KEY_ACTIONS, glob, nearest};
use crate::tree::{Entry, Node, Span, Value};

/// A likely mistake. It does not stop anything.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// The rule's name.
    pub rule: &'static str,
    /// Where.
    pub span: Span,
    /// What is wrong, as a lower-case fragment.
    pub message: String,
    /// What would be right.
    pub help: String,
}

/// Looks a policy, as written, over for published mistakes.
#[must_use]
pub fn findings(node: &Node) -> Vec<Finding> {
    let mut out = Vec::new();
    let Value::Map(entries) = &node.value else {
        return out;
    };
    version(node, entries, &mut out);
    for statement in entries
        .iter()
        .filter(|entry| entry.key == "Statement")
        .flat_map(|entry| items(&entry.value))
    {
        if let Value::Map(entries) = &statement.value {
            missing(statement, entries, &mut out);
            actions(entries, &mut out);
            resources(entries, &mut out);
            source_arn(entries, &mut out);
        }
    }
    out
}

fn finding(rule: &'static str, span: Span, message: String, help: impl Into<String>) -> Finding {
    Finding { rule, span, message, help: help.into() }
}

fn items(node: &Node) -> &[Node] {
    match &node.value {
        Value::List(items) => items,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) | Value::Map(_) => {
            std::slice::from_ref(node)
        }
    }
}

fn texts(node: &Node) -> impl Iterator<Item = (&str, Span)> {
    items(node).iter().filter_map(|item| match &item.value {
        Value::Text(text) => Some((text.as_str(), item.span)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::List(_) | Value::Map(_) => None,
    })
}

fn find<'a>(entries: &'a [Entry], key: &str) -> Option<&'a Entry> {
    entries.iter().find(|entry| entry.key == key)
}

fn version(node: &Node, entries: &[Entry], out: &mut Vec<Finding>) {
    let help = "write `2012-10-17`: under the older version `${…}` in conditions is literal text";
    match find(entries, "Version") {
        None => {
            let message = "the policy has no `Version`, so the one of 2008 applies".to_owned();
            out.push(finding("POLICY-VERSION", node.span, message, help));
        }
        Some(entry) => {
            if let Value::Text(text) = &entry.value.value
                && text == "2008-10-17"
            {
                let message = format!("the policy has the old version `{text}`");
                out.push(finding("POLICY-VERSION", entry.value.span, message, help));
            }
        }
    }
}

fn missing(statement: &Node, entries: &[Entry], out: &mut Vec<Finding>) {
    for key in ["Action", "Resource"] {
        let said = [key.to_owned(), format!("Not{key}")].iter().any(|key| {
            find(entries, key).is_some_and(
                |entry| !matches!(&entry.value.value, Value::List(items) if items.is_empty()),
            )
        });
        if !said {
            let message =
                format!("the statement has no `{key}`: AWS accepts it, and it does nothing");
            let help = if key == "Action" {
                "name the actions"
            } else {
                "write `\"Resource\": \"*\"`, this key"
            };
            out.push(finding("POLICY-MISSING", statement.span, message, help));
        }
    }
}

fn actions(entries: &[Entry], out: &mut Vec<Finding>) {
    let lists = ["Action", "NotAction"].into_iter().filter_map(|key| find(entries, key));
    for (text, span) in lists.flat_map(|entry| texts(&entry.value)) {
        out.extend(action(text, span));
    }
}

fn action(text: &str, span: Span) -> Option<Finding> {
    let lower = text.to_ascii_lowercase();
    if glob(&lower, "kms:") {
        return None;
    }
    let matches = |known: &&str| glob(&lower, &format!("kms:{}", known.to_ascii_lowercase()));
    if !ActionSet::matching(&lower).is_empty() {
        return None;
    }
    if let Some(known) = IAM_ONLY.iter().find(|known| matches(known)) {
        let message = format!("`{text}` does nothing in a key policy");
        let help = format!("`kms:{known}` is about no key: allow it in an IAM policy");
        return Some(finding("POLICY-DEAD-ACTION", span, message, help));
    }
    let message = format!("there is no action `{text}` that a key policy could be about");
    let help = match lower.strip_prefix("kms:") {
        Some("reencrypt") => {
            "write `kms:ReEncrypt*`, or `kms:ReEncryptFrom` and `kms:ReEncryptTo`".to_owned()
        }
        Some(name) => match nearest(name, KEY_ACTIONS.iter().map(|action| action.name)) {
            Some(known) => format!("did you mean `kms:{known}`?"),
            None => "see the actions of AWS KMS in the Service Authorization Reference".to_owned(),
        },
        None => "a key policy is about actions that begin with `kms:`".to_owned(),
    };
    Some(finding("POLICY-UNKNOWN-ACTION", span, message, help))
}

fn resources(entries: &[Entry], out: &mut Vec<Finding>) {
    let Some(entry) = find(entries, "Resource") else {
        return;
    };
    for (text, span) in texts(&entry.value).filter(|(text, _)| !matches!(*text, "*" | OWN_KEY)) {
        let fields: Vec<&str> = text.splitn(6, ':').collect();
        let (message, help) = match fields.as_slice() {
            ["arn", _, "kms", region, _, key] if key.starts_with("key/") && !region.is_empty() => (
                format!("the resource `{text}` names a key by its ARN"),
                "write `*`, which is this key: the ARN breaks when the policy is copied or the key replicated",
            ),
            ["arn", _, "kms", account, key]
                if key.starts_with("key/") && super::arn::is_account(account) =>
            {
                (
                    format!("the resource `{text}` has lost its Region"),
                    "a key's ARN is `arn:aws:kms:<region>:<account>:key/<id>`; in a key policy write `*`",
                )
            }
            _ => (
                format!("the resource `{text}` is never this key, so the statement does nothing"),
                "write `*`, which is this key",
            ),
        };
        out.push(finding("POLICY-RESOURCE", span, message, help));
    }
}

fn source_arn(entries: &[Entry], out: &mut Vec<Finding>) {
    let Some(Value::Map(types)) = find(entries, "Principal").map(|entry| &entry.value.value) else {
        return;
    };
    if !types.iter().any(|kind| kind.key == "AWS") {
        return;
    }
    let Some(Value::Map(operators)) = find(entries, "Condition").map(|entry| &entry.value.value)
    else {
        return;
    };
    for operator in operators {
        let Value::Map(keys) = &operator.value.value else {
            continue;
        };
        for key in keys.iter().filter(|key| key.key.eq_ignore_ascii_case("aws:SourceArn")) {
            let message =
                format!("`{}` is absent when a user or role calls, so this never matches", key.key);
            let help =
                "use it with `Service` principals; for users and roles use `aws:PrincipalArn`";
            out.push(finding("POLICY-SOURCE-ARN", key.key_span, message, help));
        }
    }
}
