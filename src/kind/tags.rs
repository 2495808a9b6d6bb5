//! The rules of the services for the tags of their resources.

use crate::decode::{Diagnostic, Diagnostics, Text};
use crate::form;
use serde_json::{Value as Json, json};

/// The characters that the keys and values of tags may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TagCharacters {
    /// Letters, digits, spaces and `_ . : / = + - @` (EFS API Reference, Tag:
    /// `^([\p{L}\p{Z}\p{N}_.:/=+\-@]*)$`; AWS General Reference, "Tag naming limits and requirements").
    Common,
    /// Any character.
    Any,
}

/// The rules of a service for the tags of its resources.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TagRules {
    /// The number of tags that a resource can have.
    pub most: usize,
    /// The number of tags that kmsctl sets itself.
    pub own: usize,
    /// The characters of keys and values.
    pub characters: TagCharacters,
    /// The number of characters of a key.
    pub longest_key: usize,
    /// Whether a value may be empty.
    pub empty_values: bool,
    /// The prefix, beside `aws:`, with which neither keys nor values may begin.
    pub reserved: Option<&'static str>,
}

/// The beginnings of keys that AWS and kmsctl reserve.
const RESERVED: [&str; 2] = ["aws:", "kmsctl:"];
/// The largest number of characters of a value.
const LONGEST_VALUE: usize = 256;
/// The characters that most services accept, as a regular expression (see `is_common`).
const COMMON: &str = r"^[\p{Alphabetic}\p{N}\p{Z}_.:/=+@-]*$";

impl TagRules {
    /// The rules of most services, of whose tags kmsctl sets two: the name of the stack and the name
    /// of the resource.
    pub const COMMON: Self = Self {
        most: 50,
        own: 2,
        characters: TagCharacters::Common,
        longest_key: 128,
        empty_values: true,
        reserved: None,
    };

    /// The rules that every service has.
    pub const ANY: Self = Self { characters: TagCharacters::Any, own: 0, ..Self::COMMON };

    /// Returns the JSON Schema of a map of tags.
    #[must_use]
    pub fn map(&self) -> Json {
        let reserved = RESERVED.into_iter().chain(self.reserved);
        let names = Self::of(1, self.longest_key, reserved, self.characters);
        json!({"propertyNames": names, "maxProperties": self.most - self.own})
    }

    /// Returns the JSON Schema of a value.
    #[must_use]
    pub fn value(&self) -> Json {
        let reserved = self.reserved.into_iter().flat_map(|own| [own, "aws:"]);
        Self::of(usize::from(!self.empty_values), LONGEST_VALUE, reserved, self.characters)
    }

    fn of<'a>(
        least: usize,
        most: usize,
        reserved: impl Iterator<Item = &'a str>,
        characters: TagCharacters,
    ) -> Json {
        let mut schema = json!({"minLength": least, "maxLength": most});
        let reserved: Vec<String> = reserved.map(form::in_any_case).collect();
        if !reserved.is_empty() {
            let reserved = format!("^({})", reserved.join("|"));
            let not = json!({"not": {"type": "string", "pattern": reserved}});
            schema = form::with(schema, not);
        }
        if characters == TagCharacters::Common {
            schema = form::with(schema, json!({"pattern": COMMON}));
        }
        schema
    }

    /// Reports what the service does not accept of a tag. An error that was reported before, for another
    /// resource with the same default tag, is not repeated.
    pub fn check(&self, key: &Text, value: &Text, d: &mut Diagnostics) {
        self.prefixes(key, value, d);
        self.lengths(key, value, d);
        if self.characters == TagCharacters::Any {
            return;
        }
        for (what, text) in [("key", key), ("value", value)] {
            if let Some(odd) = text.value.chars().find(|c| !is_common(*c)) {
                let message =
                    format!("the {what} of a tag cannot contain `{}` here", odd.escape_debug());
                let help = "AWS accepts letters, digits, spaces and `_ . : / = + - @`";
                d.push_once(Diagnostic::error(text.span, message).help(help));
            }
        }
    }

    fn prefixes(&self, key: &Text, value: &Text, d: &mut Diagnostics) {
        let lower = key.value.to_lowercase();
        let reserved = RESERVED.into_iter().chain(self.reserved);
        if let Some(prefix) = reserved.into_iter().find(|prefix| lower.starts_with(prefix)) {
            let message = format!("the tag `{}` is reserved", key.value);
            let help = format!("choose a key without `{prefix}`");
            d.push_once(Diagnostic::error(key.span, message).help(help));
        }
        // A service that reserves a prefix of its own reserves both for values too.
        let lower = value.value.to_lowercase();
        let reserved = self.reserved.into_iter().flat_map(|own| [own, "aws:"]);
        if let Some(prefix) = reserved.into_iter().find(|prefix| lower.starts_with(prefix)) {
            let message = format!("the value of a tag cannot begin with `{prefix}` here");
            d.push_once(Diagnostic::error(value.span, message).help("choose another value"));
        }
    }

    fn lengths(&self, key: &Text, value: &Text, d: &mut Diagnostics) {
        let (length, most) = (key.value.chars().count(), self.longest_key);
        if !(1..=most).contains(&length) {
            let message = format!(
                "a tag's key of {} is not possible",
                crate::text::counted(length, "character")
            );
            let help = format!("AWS accepts 1 to {most}");
            d.push_once(Diagnostic::error(key.span, message).help(help));
        }
        let length = value.value.chars().count();
        if length > LONGEST_VALUE {
            let message = format!("a tag's value of {length} characters is too long");
            d.push_once(Diagnostic::error(value.span, message).help("AWS accepts at most 256"));
        }
        if length == 0 && !self.empty_values {
            let message = format!("the tag `{}` needs a value here", key.value);
            d.push_once(
                Diagnostic::error(value.span, message).help("AWS accepts 1 to 256 characters"),
            );
        }
    }
}

/// Returns whether `c` is a letter, a digit, a separator (Unicode's categories L, N and Z) or one of the
/// signs that tags may have.
fn is_common(c: char) -> bool {
    let is_separator = c.is_whitespace() && !c.is_control();
    c.is_alphanumeric() || is_separator || "_.:/=+-@".contains(c)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::Span;
    use proptest::prelude::*;

    fn errors(rules: &TagRules, key: &str, value: &str) -> Vec<String> {
        let text = |value: &str| Text { span: Span::default(), value: value.to_owned() };
        let mut d = Diagnostics::default();
        rules.check(&text(key), &text(value), &mut d);
        d.into_iter().map(|error| error.message).collect()
    }

    proptest! {
        #[test]
        fn common_tags_have_the_pattern_of_the_efs_api(text in "[ -~äß東\u{a0}\t\n…🔑]{1,8}") {
            // `[\p{L}\p{Z}\p{N}_.:/=+\-@]`, spelled out for the characters that are generated.
            let allowed = |c: char| {
                c.is_ascii_alphanumeric() || "äß東\u{a0} _.:/=+-@".contains(c)
            };
            let lower = text.to_lowercase();
            prop_assume!(!lower.starts_with("aws:") && !lower.starts_with("kmsctl:"));
            let found = errors(&TagRules::COMMON, &text, "x");
            prop_assert_eq!(found.is_empty(), text.chars().all(allowed), "{:?}", found);
            let found = errors(&TagRules::COMMON, "x", &text);
            prop_assert_eq!(found.is_empty(), text.chars().all(allowed), "{:?}", found);
            prop_assert!(errors(&TagRules::ANY, &text, &text).is_empty());
        }
    }

    #[test]
    fn reserved_prefixes_and_lengths_are_errors() {
        let rds = TagRules { reserved: Some("rds:"), ..TagRules::COMMON };
        assert_eq!(errors(&rds, "RDS:x", "y"), ["the tag `RDS:x` is reserved"]);
        assert_eq!(errors(&rds, "x", "aws:y").len(), 1);
        assert_eq!(errors(&TagRules::COMMON, "rds:x", "aws:y"), [""; 0]);
        assert_eq!(errors(&TagRules::ANY, "AWS:x", ""), ["the tag `AWS:x` is reserved"]);
        let trails = TagRules { empty_values: false, ..TagRules::COMMON };
        assert_eq!(errors(&trails, "x", ""), ["the tag `x` needs a value here"]);
        let long = "k".repeat(128);
        assert_eq!(errors(&TagRules::COMMON, &long, &"v".repeat(256)), [""; 0]);
        assert_eq!(errors(&TagRules { longest_key: 127, ..TagRules::ANY }, &long, "").len(), 1);
        assert_eq!(errors(&TagRules::ANY, "", &"v".repeat(257)).len(), 2);
    }
}
