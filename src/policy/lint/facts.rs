//! The known facts about the key of a policy.

/// The known facts about the key that a policy belongs to. Rules that need an unknown fact do not apply.
#[derive(Clone, Copy, Debug, Default)]
pub struct Facts<'a> {
    /// The partition of the key, or an empty text if it is unknown.
    pub partition: &'a str,
    /// The account that owns the key, if it is known.
    pub account: Option<&'a str>,
    /// The ARN of the key, if it is known.
    pub key_arn: Option<&'a str>,
    /// AWS's name for the usage of the key, if it is known.
    pub usage: Option<&'a str>,
    /// The ARN of the principal that will store the policy, if it is known.
    pub caller: Option<&'a str>,
    /// Whether the author accepts a policy that no principal can change.
    pub lockout_wanted: bool,
}
