//! The short forms of principals.

use super::scope::Scope;
use crate::decode::{Diagnostics, Text};
use crate::id::AccountId;
use crate::policy::{check_principal, is_service};

impl Scope<'_> {
    /// Returns a principal as an ARN. Short forms are of `account`.
    pub(super) fn principal(
        &self,
        text: &Text,
        account: &AccountId,
        d: &mut Diagnostics,
    ) -> Option<String> {
        let partition = self.partition;
        let value = text.value.as_str();
        let is_short = ["role/", "user/", "group/"].iter().any(|kind| value.starts_with(kind));
        let arn = if is_short || value == "root" {
            format!("arn:{partition}:iam::{account}:{value}")
        } else if let Ok(account) = value.parse::<AccountId>() {
            format!("arn:{partition}:iam::{account}:root")
        } else {
            value.to_owned()
        };
        if value.contains(['*', '?']) {
            let help = "name each one, or write a statement with a condition on `aws:PrincipalArn`";
            d.error(text.span, format!("`{value}` has a wildcard"), help);
            return None;
        }
        if is_service(value) {
            let help = "a service is named in a statement of the key policy, under `statements`";
            d.error(text.span, format!("`{value}` is a service"), help);
            return None;
        }
        let Some(problem) = check_principal(&arn, partition, text.span) else {
            return Some(arn);
        };
        // The messages name an ARN that the user did not write.
        let message = problem.message.replace(&arn, value);
        let help = if problem.message.contains("is not a principal") {
            FORMS.to_owned()
        } else {
            problem.help.unwrap_or_else(|| FORMS.to_owned())
        };
        d.error(text.span, message, help);
        None
    }

    /// Returns principals of the stack's account as ARNs. Those with errors are left out.
    pub(super) fn principals(&self, texts: &[Text], d: &mut Diagnostics) -> Vec<String> {
        texts.iter().filter_map(|text| self.principal(text, &self.home.account, d)).collect()
    }
}

const FORMS: &str = "write `role/NAME`, `user/NAME`, `root`, a 12-digit account or a whole ARN \
                     (`arn:aws:iam::ACCOUNT:role/NAME`)";
