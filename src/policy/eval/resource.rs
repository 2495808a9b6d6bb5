//! Whether a statement applies to the key. In a key policy, `*` means "this KMS key" (KMS Developer Guide, "Creating a
//! key policy").

use super::operators::arn;
use super::request_context::RequestContext;
use super::truth::{Doubt, Truth};
use super::variables::expand;
use crate::policy::pattern::{Glyph, matches};
use crate::policy::typed::ResourceElement;

impl ResourceElement {
    /// Returns whether the element matches the key.
    pub(super) fn matches(&self, context: &RequestContext<'_>, variables: bool) -> Truth {
        let any =
            Truth::any(self.patterns.iter().map(|text| matches_key(text, context, variables)));
        if self.except { any.not() } else { any }
    }
}

fn matches_key(text: &str, context: &RequestContext<'_>, variables: bool) -> Truth {
    let pattern = match expand(text, context, variables) {
        // The placeholder for the key's own ARN matches even before the ARN is known.
        _ if text == crate::policy::OWN_KEY => return Truth::Yes,
        Ok(Some(pattern)) => pattern,
        Ok(None) => return Truth::No,
        Err(doubt) => return Truth::maybe(doubt),
    };
    if !pattern.is_empty() && pattern.iter().all(|glyph| *glyph == Glyph::Star) {
        return Truth::Yes;
    }
    let Some(key) = context.key.arn else { return may_match(&pattern, context) };
    if arn(&pattern, key) == Some(true) {
        return Truth::Yes;
    }
    // A wildcard matches text within one field of an ARN; AWS does not document whether it matches across fields (IAM
    // User Guide, "IAM JSON policy elements: Resource").
    if matches(&pattern, &key.chars().collect::<Vec<_>>()) {
        return Truth::maybe(Doubt::ResourceWildcard);
    }
    Truth::No
}

/// Returns whether the pattern could match the key of which only the partition and the account are known.
fn may_match(pattern: &[Glyph], context: &RequestContext<'_>) -> Truth {
    let fields: Vec<&[Glyph]> = pattern.splitn(6, |glyph| *glyph == Glyph::Char(':')).collect();
    let like = |pattern: &[Glyph], text: &str| matches(pattern, &text.chars().collect::<Vec<_>>());
    let could = match fields.as_slice() {
        [prefix, partition, service, _, account, resource] => {
            like(prefix, "arn")
                && like(partition, context.key.partition)
                && like(service, "kms")
                && like(account, context.key.account)
                && can_begin_with(resource, "key/")
        }
        _ => can_begin_with(pattern, &format!("arn:{}:kms:", context.key.partition)),
    };
    if could { Truth::maybe(Doubt::KeyArn) } else { Truth::No }
}

/// Returns whether the pattern could match a text that begins with `start` and continues.
fn can_begin_with(pattern: &[Glyph], start: &str) -> bool {
    for (glyph, c) in pattern.iter().zip(start.chars()) {
        match glyph {
            Glyph::Star => return true,
            Glyph::Char(expected) if *expected != c => return false,
            Glyph::Char(_) | Glyph::One => {}
        }
    }
    pattern.len() > start.len()
}
