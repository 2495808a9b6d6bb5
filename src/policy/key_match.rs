//! Whether a pattern of a `Resource` element matches the key that the policy belongs to. In a key policy, `*` means
//! "this KMS key"; any other pattern must match the key's ARN (KMS Developer Guide, "Creating a key policy").

use super::pattern::Glyph;
use super::value_pattern::{Pattern, all_match};

/// The known facts about the ARN of a key.
#[derive(Clone, Copy)]
pub(super) struct KeyArn<'a> {
    /// The partition.
    pub(super) partition: &'a str,
    /// The account that owns the key, if it is known.
    pub(super) account: Option<&'a str>,
    /// The ARN, if it is known.
    pub(super) arn: Option<&'a str>,
}

/// Returns whether a pattern matches the key, or `None` if that is unknown.
///
/// A `*` at the end of a field of the pattern matches beyond the colon. AWS does not document whether another wildcard
/// does (IAM User Guide, "IAM JSON policy elements: Resource").
pub(super) fn matches_key(pattern: &[Glyph], key: &KeyArn<'_>) -> Option<bool> {
    if !pattern.is_empty() && pattern.iter().all(|glyph| *glyph == Glyph::Star) {
        return Some(true);
    }
    let (narrow, wide) = (Pattern::Resource(pattern.to_vec()), Pattern::Like(pattern.to_vec()));
    if let Some(arn) = key.arn {
        return match (narrow.matches(arn), wide.matches(arn)) {
            (true, _) => Some(true),
            (false, true) => None,
            (false, false) => Some(false),
        };
    }
    // Every key of the account, in any Region.
    let account = key.account.unwrap_or("?*");
    let every_key = format!("arn:{}:kms:?*:{account}:key/?*", key.partition);
    let every_key = [Pattern::Fields(super::pattern::glyphs(&every_key))];
    match all_match(&[narrow], &every_key) {
        Some(true) => Some(true),
        _ if all_match(&[wide], &every_key) == Some(false) => Some(false),
        Some(false) | None => None,
    }
}
