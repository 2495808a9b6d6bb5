//! Secrets of this process that are sent to AWS. An endpoint, or a proxy in front of it, can quote a request in an
//! error: no error has their values, however they are escaped.

mod unescape;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::{PoisonError, RwLock};
use unescape::Escaped;

/// The values that no error may have, with the names that replace them. The environment belongs to the process, and so
/// does this list.
static SECRETS: RwLock<BTreeMap<String, Secret>> = RwLock::new(BTreeMap::new());

/// The most bytes of a message that are searched. The rest of a longer one is left out.
const SEARCHED: usize = 64 << 10;

/// The most times that a text is unescaped. A proxy can put the answer of AWS, which quotes a request, into one of its
/// own.
const LEVELS: usize = 4;

/// The number of bytes of a part of a value that is a secret, too: a message can be cut off, or show a part.
const PART: usize = 8;

/// The most characters of Base64 beside a value that have bits of it.
const BESIDE: usize = 4;

/// A value that no error may have.
struct Secret {
    /// The text that replaces the value.
    name: String,
    /// The value, and other forms of it that are no escaped texts.
    forms: Vec<Form>,
}

/// A form of a value.
struct Form {
    text: String,
    is_base64: bool,
    /// The parts of the text.
    parts: BTreeSet<Box<[u8]>>,
}

impl Form {
    fn new(text: String, is_base64: bool) -> Self {
        let size = PART.min(text.len()).max(1);
        let parts = text.as_bytes().windows(size).map(Box::from).collect();
        Self { text, is_base64, parts }
    }

    /// Returns the ranges of a text that are parts of this one.
    fn find(&self, text: &str) -> Vec<Range<usize>> {
        let size = PART.min(self.text.len()).max(1);
        let mut found: Vec<Range<usize>> = Vec::new();
        for (at, part) in text.as_bytes().windows(size).enumerate() {
            if !self.parts.contains(part) {
                continue;
            }
            match found.last_mut().filter(|last| at <= last.end) {
                Some(last) => last.end = at + size,
                None => found.push(at..at + size),
            }
        }
        found.into_iter().map(|range| self.whole(text, &range)).collect()
    }

    /// Returns the range of whole characters, and with the characters of Base64 that have a part of the same bytes.
    fn whole(&self, text: &str, range: &Range<usize>) -> Range<usize> {
        let is_base64 = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/-_".contains(byte);
        let most = if self.is_base64 { BESIDE } else { 0 };
        let (before, after) = text.as_bytes().split_at(range.start);
        let after = after.get(range.len()..).unwrap_or_default();
        let before = before.iter().rev().take(most).take_while(|byte| is_base64(byte)).count();
        let after = after.iter().take(most).take_while(|byte| is_base64(byte)).count();
        text.floor_char_boundary(range.start - before)..text.ceil_char_boundary(range.end + after)
    }
}

/// Reads a secret from the environment. Returns `None` if the variable is not set, or empty.
#[expect(clippy::disallowed_methods, reason = "a plan, a state and a journal must not have it")]
pub(crate) fn read(variable: &str) -> Option<String> {
    let value = std::env::var(variable).ok().filter(|value| !value.is_empty())?;
    keep(&value, &format!("${variable}"));
    Some(value)
}

/// Replaces a value by a name in all errors from now on.
pub(super) fn keep(value: &str, name: &str) {
    let known = SECRETS.read().unwrap_or_else(PoisonError::into_inner).contains_key(value);
    if !known && !value.is_empty() {
        let secret = Secret { name: name.to_owned(), forms: forms(value) };
        let mut secrets = SECRETS.write().unwrap_or_else(PoisonError::into_inner);
        secrets.insert(value.to_owned(), secret);
    }
}

/// Returns the forms of a value: as it is, as the field of a form, in Base64 after any number of bytes, and in
/// hexadecimal digits.
fn forms(value: &str) -> Vec<Form> {
    let hex: String = value.bytes().map(|byte| format!("{byte:02x}")).collect();
    let mut plain = vec![value.to_owned(), value.replace(' ', "+"), hex.to_ascii_uppercase(), hex];
    plain.dedup();
    // Base64 writes groups of three bytes, so that a value has three forms but for its ends.
    let encoded = (0..3).filter_map(|skipped| value.as_bytes().get(skipped..)).map(|rest| {
        let size = rest.len() / 3 * 3;
        aws_smithy_types::base64::encode(rest.get(..size).unwrap_or_default())
    });
    let encoded = encoded.filter(|text| text.len() >= PART);
    let encoded = encoded.flat_map(|text| [text.replace('+', "-").replace('/', "_"), text]);
    let plain = plain.into_iter().map(|text| Form::new(text, false));
    plain.chain(encoded.map(|text| Form::new(text, true))).collect()
}

impl Secret {
    /// Adds the ranges of a text that are the value, or a part of it.
    fn find<'a>(&'a self, text: &str, found: &mut Vec<(Range<usize>, &'a str)>) {
        let forms = self.forms.iter().flat_map(|form| form.find(text));
        found.extend(forms.map(|range| (range, self.name.as_str())));
    }
}

/// Returns a message with the values of secrets replaced by their names, and without signatures of requests.
pub(super) fn concealed(message: &str) -> Cow<'_, str> {
    let secrets = SECRETS.read().unwrap_or_else(PoisonError::into_inner);
    let text = message.get(..message.floor_char_boundary(SEARCHED)).unwrap_or_default();
    let mut found = Vec::new();
    let mut level = Escaped::new(text);
    for _ in 0..=LEVELS {
        let mut here = Vec::new();
        secrets.values().for_each(|secret| secret.find(level.text(), &mut here));
        found.extend(here.into_iter().map(|(range, name)| (level.origin(range), name)));
        match level.unescaped() {
            Some(next) => level = next,
            None => break,
        }
    }
    found.extend(signatures(text).map(|range| (range, "Signature=…")));
    if found.is_empty() && text.len() == message.len() {
        return Cow::Borrowed(message);
    }
    // The longest of those that begin at the same place comes first.
    found.sort_by_key(|(range, _)| (range.start, usize::MAX - range.end));
    let (mut out, mut at) = (String::new(), 0);
    for (range, name) in found {
        if range.start >= at {
            out.push_str(text.get(at..range.start).unwrap_or_default());
            out.push_str(name);
        }
        at = at.max(range.end);
    }
    out.push_str(text.get(at..).unwrap_or_default());
    Cow::Owned(out)
}

/// Returns the places of the signatures of requests. Whoever reads one could repeat the request for some minutes (IAM
/// User Guide, "AWS Signature Version 4 for API requests").
fn signatures(text: &str) -> impl Iterator<Item = Range<usize>> {
    const DIGITS: usize = 64;
    text.match_indices("Signature=").filter_map(move |(at, name)| {
        let begin = at + name.len();
        let digits = text.as_bytes().get(begin..begin + DIGITS)?;
        digits.iter().all(u8::is_ascii_hexdigit).then_some(at..begin + DIGITS)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALUE: &str = "Sec&ret+9\"x/<y %25ä";

    fn quoting(form: &str) -> String {
        format!("é the body `MasterUserPassword={form}&x=1` {form}")
    }

    #[test]
    fn a_secret_is_replaced_in_every_form() {
        keep(VALUE, "$ORDERS_PASSWORD");
        for form in [
            VALUE,
            "Sec%26ret%2B9%22x%2F%3Cy%20%2525%C3%A4",
            "Sec%26ret%2b9%22x%2f%3cy+%2525%c3%a4",
            "Sec%2526ret%252B9%2522x%252F%253Cy%2520%252525%25C3%25A4",
            "Sec%u0026ret+9%u0022x/<y %25ä",
            "Sec&ret+9\\\"x\\/<y %25ä",
            "Sec\\u0026ret+9\\u0022x/\\u003Cy %25\\u00e4",
            "Sec\\x26ret+9\\u{22}x/<y %25ä",
            "Sec&ret+9\\\\\\\"x/<y %25ä",
            "Sec&amp;ret+9&quot;x/&lt;y %25ä",
            "Sec&amp;amp;ret+9&amp;quot;x/&amp;lt;y %25ä",
            "Sec&amp;ret+9\\&quot;x/&lt;y %25ä",
            "Sec&#38;ret+9&#x22;x/&#60;y %25&#228;",
            "Sec&#038;ret+9&#x0022;x/&#060;y %25&#0228;",
            "Sec&ampret+9&quotx/&lty %25ä",
            "Sec&#38ret+9&#x22x/&#60y %25ä",
            "U2VjJnJldCs5IngvPHkgJTI1w6Q=",
            "5365632672657",
        ] {
            let told = concealed(&quoting(form)).into_owned();
            assert!(told.contains("MasterUserPassword=$ORDERS_PASSWORD"), "{form}: {told}");
            assert!(!told.contains("ret+9") && !told.contains("ret%"), "{form}: {told}");
        }
        assert_eq!(
            concealed(&quoting(VALUE)),
            "é the body `MasterUserPassword=$ORDERS_PASSWORD&x=1` $ORDERS_PASSWORD"
        );
        for other in ["", "Sec&ret", "a plain message, 100 % & <b> \\\" of AWS"] {
            assert_eq!(concealed(other), other);
        }
    }

    #[test]
    fn every_part_of_a_secret_is_replaced() {
        let value = "Orders-9Zz/Qk7%41!pass";
        keep(value, "$ORDERS");
        for from in 0..value.len() - PART {
            for to in from + PART..=value.len() {
                let told = concealed(&format!("({})", &value[from..to])).into_owned();
                assert_eq!(told, "($ORDERS)", "{from} to {to}");
            }
        }
        for before in ["", "r", "ro", "root:", "root::"] {
            let encoded = aws_smithy_types::base64::encode(format!("{before}{value}:x"));
            let told = concealed(&format!("Basic {encoded} of a request")).into_owned();
            let shown: Vec<&str> = told.split(' ').collect();
            assert!(told.contains("$ORDERS") && shown[1].len() <= "$ORDERS".len() + 8, "{told}");
        }
        assert_eq!(concealed("Orders-9 or !pass"), "$ORDERS or !pass");
    }

    #[test]
    fn the_beginning_of_a_secret_and_the_longer_one_are_replaced() {
        keep("Prefix-1234", "$SHORT");
        keep("Prefix-1234-SECRETTAIL", "$LONGER");
        assert_eq!(concealed("sent Prefix-1234-SECRETTAIL, Prefix-1234."), "sent $LONGER, $SHORT.");
        assert_eq!(concealed("sent Prefix-1234-SECR..."), "sent $LONGER...");
    }

    #[test]
    fn the_signature_of_a_request_is_left_out() {
        let digits = "0123456789abcdef".repeat(4);
        let quoted = format!("Authorization: x, Signature={digits}, y");
        assert_eq!(concealed(&quoted), "Authorization: x, Signature=…, y");
        assert_eq!(concealed("Signature=abc"), "Signature=abc");
    }

    /// The end of what is searched can cut a secret off.
    #[test]
    fn a_message_of_any_size_shows_no_secret() {
        let value = "abcdefgh-0123456789".repeat(20);
        keep(&value, "$TOKEN");
        for pad in (0..value.len()).step_by(11) {
            let told = concealed(&format!("{}{}", "x".repeat(pad), value.repeat(300))).into_owned();
            assert!(told.len() < SEARCHED && !told.contains("0123456789"), "{pad}: {told}");
        }
        assert_eq!(concealed(&"ab".repeat(SEARCHED)).len(), SEARCHED);
    }
}
