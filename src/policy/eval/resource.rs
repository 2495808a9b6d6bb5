//! Whether a statement is about the key (KMS Developer Guide: in a key policy, `*` is "this key").

use super::compare::arn;
use super::facts::Facts;
use super::truth::{Doubt, Truth};
use super::variables::expand;
use crate::policy::meaning::On;
use crate::policy::pattern::{Glyph, matches};

impl On {
    pub(super) fn covers(&self, facts: &Facts<'_>, variables: bool) -> Truth {
        let named = Truth::any(self.patterns.iter().map(|text| covers(text, facts, variables)));
        if self.except { named.not() } else { named }
    }
}

fn covers(text: &str, facts: &Facts<'_>, variables: bool) -> Truth {
    let pattern = match expand(text, facts, variables) {
        // The key's own ARN, written as the placeholder, is the key before it is known.
        _ if text == crate::policy::OWN_KEY => return Truth::Yes,
        Ok(Some(pattern)) => pattern,
        Ok(None) => return Truth::No,
        Err(doubt) => return Truth::maybe(doubt),
    };
    if !pattern.is_empty() && pattern.iter().all(|glyph| *glyph == Glyph::Star) {
        return Truth::Yes;
    }
    let Some(key) = facts.key.arn else { return possible(&pattern, facts) };
    if arn(&pattern, key) == Some(true) {
        return Truth::Yes;
    }
    // Wildcards stand for text within a field (IAM User Guide, `Resource`); what they do beyond it is not documented.
    if matches(&pattern, &key.chars().collect::<Vec<_>>()) {
        return Truth::maybe(Doubt::ResourceWildcard);
    }
    Truth::No
}

/// Whether some key of the account could be meant: partition, service and account are known, Region and id are not.
fn possible(pattern: &[Glyph], facts: &Facts<'_>) -> Truth {
    let fields: Vec<&[Glyph]> = pattern.splitn(6, |glyph| *glyph == Glyph::Char(':')).collect();
    let like = |pattern: &[Glyph], text: &str| matches(pattern, &text.chars().collect::<Vec<_>>());
    let could = match fields.as_slice() {
        [prefix, partition, service, _, account, resource] => {
            like(prefix, "arn")
                && like(partition, facts.key.partition)
                && like(service, "kms")
                && like(account, facts.key.account)
                && begins(resource, "key/")
        }
        _ => begins(pattern, &format!("arn:{}:kms:", facts.key.partition)),
    };
    if could { Truth::maybe(Doubt::KeyArn) } else { Truth::No }
}

/// Whether some text that begins so could match.
fn begins(pattern: &[Glyph], start: &str) -> bool {
    for (glyph, c) in pattern.iter().zip(start.chars()) {
        match glyph {
            Glyph::Star => return true,
            Glyph::Char(due) if *due != c => return false,
            Glyph::Char(_) | Glyph::One => {}
        }
    }
    pattern.len() > start.len()
}
