//! A request: the principal, the action, the key, and the given condition keys.

use super::context::Context;
use super::principal::Principal;
use crate::policy::Problem;
use crate::policy::actions::{Action, IAM_ONLY, KEY_ACTIONS, nearest};
use crate::policy::condition_keys::actions_with;
use crate::tree::Span;

/// The key that a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TargetKey<'a> {
    /// The partition of the key.
    pub partition: &'a str,
    /// The account that owns the key.
    pub account: &'a str,
    /// The ARN of the key, if it is known.
    pub arn: Option<&'a str>,
}

/// A request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The principal.
    pub principal: Principal,
    /// The action.
    pub action: RequestedAction,
    /// The given condition keys.
    pub context: Context,
}

/// The action of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestedAction {
    /// An action that key policies can allow.
    Key(&'static Action),
    /// An action that only IAM policies can allow, by AWS's name without the prefix `kms:`.
    Iam(&'static str),
}

impl RequestedAction {
    /// Parses `kms:Decrypt` or `Decrypt`, in any case.
    ///
    /// # Errors
    /// Returns an error if KMS has no such action.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        let name = match text.split_once(':') {
            Some((service, name)) if service.eq_ignore_ascii_case("kms") => name,
            Some(_) | None => text,
        };
        if let Some(action) =
            KEY_ACTIONS.iter().find(|action| action.name.eq_ignore_ascii_case(name))
        {
            return Ok(Self::Key(action));
        }
        if let Some(action) = IAM_ONLY.iter().find(|action| action.eq_ignore_ascii_case(name)) {
            return Ok(Self::Iam(action));
        }
        let known = KEY_ACTIONS.iter().map(|action| action.name).chain(IAM_ONLY);
        let help = if name.eq_ignore_ascii_case("ReEncrypt") {
            "ReEncrypt needs `kms:ReEncryptFrom` of one key and `kms:ReEncryptTo` of the other"
                .to_owned()
        } else if name.contains(['*', '?']) {
            "a request is for one action, such as `kms:Decrypt`".to_owned()
        } else if let Some(near) = nearest(name, known) {
            format!("did you mean `kms:{near}`?")
        } else {
            "name an action of KMS, such as `kms:Decrypt`".to_owned()
        };
        let message = format!("`{text}` is not an action of KMS");
        Err(Problem::new(Span::default(), message).help(help))
    }

    /// Returns whether a request for the action can have the condition key, given in any case.
    #[must_use]
    pub fn can_have(self, key: &str) -> bool {
        self.carries(&key.to_ascii_lowercase())
    }

    /// Returns whether a request for the action can have the condition key, given in lower case.
    pub(in crate::policy) fn carries(self, key: &str) -> bool {
        let Self::Key(action) = self else { return true };
        actions_with(key).has(action)
    }

    /// Returns AWS's name without the prefix `kms:`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Key(action) => action.name,
            Self::Iam(name) => name,
        }
    }
}
