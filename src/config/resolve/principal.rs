//! Who: the short forms of principals. Knows nothing of what they may do.

use super::Context;
use crate::config::raw::Text;
use crate::id::AccountId;
use crate::policy::{check_principal, is_service};

impl Context<'_> {
    /// A principal as an ARN; short forms are of `account`.
    pub(super) fn principal(&mut self, text: &Text, account: &AccountId) -> Option<String> {
        let partition = self.partition;
        let of = |account: &str, rest: &str| format!("arn:{partition}:iam::{account}:{rest}");
        let value = text.value.as_str();
        let short = ["role/", "user/", "group/"].iter().any(|kind| value.starts_with(kind));
        let arn = if short || value == "root" {
            of(account.as_str(), value)
        } else if let Ok(account) = value.parse::<AccountId>() {
            of(account.as_str(), "root")
        } else {
            value.to_owned()
        };
        if value.contains(['*', '?']) {
            let help = "name each one, or write a statement with a condition on `aws:PrincipalArn`";
            self.error(text.span, format!("`{value}` has a wildcard"), help);
            return None;
        }
        if is_service(value) {
            let help = "a service is named in a statement of the key policy, under `statements`";
            self.error(text.span, format!("`{value}` is a service"), help);
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
        self.error(text.span, message, help);
        None
    }

    /// A list of them. Errors leave gaps.
    pub(super) fn principals(&mut self, texts: &[Text]) -> Vec<String> {
        let account = self.out.home.account.clone();
        texts.iter().filter_map(|text| self.principal(text, &account)).collect()
    }
}

const FORMS: &str = "write `role/NAME`, `user/NAME`, `root`, a 12-digit account or a whole ARN \
                     (`arn:aws:iam::ACCOUNT:role/NAME`)";
