//! The short forms of principals.

use super::scope::Scope;
use crate::decode::{Diagnostics, Text};
use crate::id::AccountId;
use crate::policy::{check_principal, is_service, whole_principal};
use crate::tree::{Node, Value};

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
        let arn = whole_principal(value, partition, account.as_str());
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

    /// Replaces the short forms of principals in a statement by their ARNs.
    pub(super) fn name_wholly(&self, statement: &mut Node) {
        for element in ["Principal", "NotPrincipal"] {
            let principals = member(statement, element).and_then(|node| member(node, "AWS"));
            let names = match principals.map(|node| &mut node.value) {
                Some(Value::List(items)) => items.iter_mut().map(|item| &mut item.value).collect(),
                Some(value) => vec![value],
                None => Vec::new(),
            };
            for name in names {
                if let Value::Text(text) = name {
                    *text = whole_principal(text, self.partition, self.home.account.as_str());
                }
            }
        }
    }

    /// Returns principals of the stack's account as ARNs. Those with errors are left out.
    pub(super) fn principals(&self, texts: &[Text], d: &mut Diagnostics) -> Vec<String> {
        texts.iter().filter_map(|text| self.principal(text, &self.home.account, d)).collect()
    }
}

fn member<'n>(node: &'n mut Node, key: &str) -> Option<&'n mut Node> {
    let Value::Map(entries) = &mut node.value else {
        return None;
    };
    entries.iter_mut().find(|entry| entry.key == key).map(|entry| &mut entry.value)
}

const FORMS: &str = "write `role/NAME`, `user/NAME`, `root`, a 12-digit account or a whole ARN \
                     (`arn:aws:iam::ACCOUNT:role/NAME`)";
