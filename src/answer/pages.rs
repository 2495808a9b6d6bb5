//! The pages of a list, and its end.

use super::{CloudError, Fault};
use std::collections::BTreeSet;

/// One page of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// The items. A page that is not the last one may be empty.
    pub items: Vec<T>,
    /// The marker of the next page; `None` if this is the last one.
    pub next: Option<String>,
}

impl<T> Page<T> {
    /// Creates the only page of a list.
    #[must_use]
    pub fn only(items: Vec<T>) -> Self {
        Self { items, next: None }
    }
}

/// The largest number of pages of one list. A page has up to 1,000 items, but it may be empty.
pub const MOST: usize = 2_000;

/// The tokens of the pages that were read. A list whose pages never end would take all memory.
#[derive(Debug, Default)]
pub struct Tokens(BTreeSet<String>);

impl Tokens {
    /// Checks the token of the next page of a list.
    ///
    /// # Errors
    /// Returns an error if the token was there before, or if there are too many pages.
    pub fn check(&mut self, operation: &'static str, token: &str) -> Result<(), CloudError> {
        let message = if self.0.len() >= MOST {
            format!("the list has more than {MOST} pages")
        } else if self.0.insert(token.to_owned()) {
            return Ok(());
        } else {
            "a page names itself or an earlier page as the next one, so the list has no end"
                .to_owned()
        };
        Err(CloudError { operation, fault: Fault::Other, code: None, message, request_id: None })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_without_an_end_is_an_error() {
        let mut tokens = Tokens::default();
        assert!(tokens.check("ListKeys", "a").is_ok() && tokens.check("ListKeys", "b").is_ok());
        let error = tokens.check("ListKeys", "a").unwrap_err().to_string();
        assert!(error.contains("has no end"), "{error}");
        let mut tokens = Tokens::default();
        let last = (0..=MOST).find(|n| tokens.check("ListKeys", &n.to_string()).is_err());
        assert_eq!(last, Some(MOST));
    }
}
