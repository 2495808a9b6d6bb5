//! Whether a statement applies to the key.

use super::request_context::RequestContext;
use super::truth::{Doubt, Truth};
use crate::policy::key_match::{self, KeyArn};
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
    let pattern = match context.expand(text, variables) {
        // The placeholder for the key's own ARN matches even before the ARN is known.
        _ if text == crate::policy::OWN_KEY => return Truth::Yes,
        Ok(Some(pattern)) => pattern,
        Ok(None) => return Truth::No,
        Err(doubt) => return Truth::maybe(doubt),
    };
    let key = context.key;
    let arn = KeyArn { partition: key.partition, account: Some(key.account), arn: key.arn };
    match key_match::matches_key(&pattern, &arn) {
        Some(matches) => matches.into(),
        None if key.arn.is_some() => Truth::maybe(Doubt::ResourceWildcard),
        None => Truth::maybe(Doubt::KeyArn),
    }
}
