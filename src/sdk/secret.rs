//! Secrets of this process that are sent to AWS. An endpoint, or a proxy in front of it, can quote a request in an error:
//! no error has their values.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{PoisonError, RwLock};

/// The values that no error may have, with the names that replace them. The environment belongs to the process, and so
/// does this list.
static SECRETS: RwLock<BTreeMap<String, Secret>> = RwLock::new(BTreeMap::new());

/// The most bytes of a message that are searched. The rest of a longer one is not shown.
pub(super) const SEARCHED: usize = 64 << 10;

/// A value that no error may have.
struct Secret {
    /// The text that replaces the value.
    name: String,
    /// The forms of each of its characters in a message.
    forms: Vec<Vec<String>>,
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
        let secret = Secret { name: name.to_owned(), forms: value.chars().map(forms).collect() };
        let mut secrets = SECRETS.write().unwrap_or_else(PoisonError::into_inner);
        secrets.insert(value.to_owned(), secret);
    }
}

/// Returns the forms in which a message can have a character: as it is, or escaped in a form or a URL, in JSON or in XML.
fn forms(c: char) -> Vec<String> {
    let mut utf8 = [0; 4];
    let bytes = c.encode_utf8(&mut utf8).bytes();
    let percent: String = bytes.map(|byte| format!("%{byte:02x}")).collect();
    let mut utf16 = [0; 2];
    let json: String =
        c.encode_utf16(&mut utf16).iter().map(|unit| format!("\\u{unit:04x}")).collect();
    let number = u32::from(c);
    let mut forms = vec![
        c.to_string(),
        percent.replace('%', "%25"),
        percent,
        json,
        format!("\\{c}"),
        format!("&#{number};"),
        format!("&#x{number:x};"),
    ];
    let more: &[&str] = match c {
        ' ' => &["+"],
        '&' => &["&amp;"],
        '<' => &["&lt;"],
        '>' => &["&gt;"],
        '"' => &["&quot;"],
        '\'' => &["&apos;"],
        _ => &[],
    };
    forms.extend(more.iter().map(ToString::to_string));
    forms
}

impl Secret {
    /// Returns the length of the value at the beginning of a text, if it is there in any form.
    fn length_in(&self, text: &[u8]) -> Option<usize> {
        let mut ends = BTreeSet::from([0]);
        for forms in &self.forms {
            let next = |at: usize| {
                let rest = text.get(at..).unwrap_or_default();
                let due = forms.iter().filter(move |form| {
                    rest.get(..form.len())
                        .is_some_and(|part| part.eq_ignore_ascii_case(form.as_bytes()))
                });
                due.map(move |form| at + form.len())
            };
            ends = ends.into_iter().flat_map(next).collect();
            if ends.is_empty() {
                return None;
            }
        }
        ends.last().copied()
    }
}

/// Returns a message with the values of secrets replaced by their names, and without signatures of requests.
pub(super) fn concealed(message: &str) -> Cow<'_, str> {
    let secrets = SECRETS.read().unwrap_or_else(PoisonError::into_inner);
    let end = message.floor_char_boundary(SEARCHED);
    let (mut out, mut at, mut copied) = (String::new(), 0, 0);
    let text = message.get(..end).unwrap_or_default();
    while at < end {
        let rest = text.as_bytes().get(at..).unwrap_or_default();
        let found = secrets
            .values()
            .find_map(|secret| Some((secret.length_in(rest)?, secret.name.as_str())));
        match found.or_else(|| Some((signature(rest)?, "Signature=…"))) {
            // A form can end within a character only if the secret does.
            Some((length, name)) if text.is_char_boundary(at + length) => {
                out.push_str(text.get(copied..at).unwrap_or_default());
                out.push_str(name);
                at += length;
                copied = at;
            }
            Some(_) | None => at += 1,
        }
    }
    if copied == 0 && end == message.len() {
        return Cow::Borrowed(message);
    }
    out.push_str(text.get(copied..).unwrap_or_default());
    Cow::Owned(out)
}

/// Returns the length of the signature of a request at the beginning of a text. Whoever reads it could repeat the request
/// for some minutes (IAM User Guide, "AWS Signature Version 4 for API requests").
fn signature(text: &[u8]) -> Option<usize> {
    const NAME: &[u8] = b"Signature=";
    const DIGITS: usize = 64;
    let digits = text.strip_prefix(NAME)?.get(..DIGITS)?;
    digits.iter().all(u8::is_ascii_hexdigit).then_some(NAME.len() + DIGITS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_replaced_in_every_form() {
        let value = "Sec&ret+9\"x/<y %25ä";
        keep(value, "$ORDERS_PASSWORD");
        for form in [
            value,
            "Sec%26ret%2B9%22x%2F%3Cy%20%2525%C3%A4",
            "Sec%26ret%2b9%22x%2f%3cy+%2525%c3%a4",
            "Sec%2526ret%252B9%2522x%252F%253Cy%2520%252525%25C3%25A4",
            "Sec&ret+9\\\"x\\/<y %25ä",
            "Sec\\u0026ret+9\\u0022x/\\u003Cy %25\\u00e4",
            "Sec&amp;ret+9&quot;x/&lt;y %25ä",
            "Sec&#38;ret+9&#x22;x/&#60;y %25&#228;",
        ] {
            let message = format!("é the body `MasterUserPassword={form}&x=1` {form}");
            let expected = "é the body `MasterUserPassword=$ORDERS_PASSWORD&x=1` $ORDERS_PASSWORD";
            assert_eq!(concealed(&message), expected);
        }
        for other in ["", "Sec&ret", "Sec&ret+9\"x/<y %25"] {
            assert_eq!(concealed(other), other);
        }
    }

    #[test]
    fn the_signature_of_a_request_is_left_out() {
        let digits = "0123456789abcdef".repeat(4);
        let quoted = format!("Authorization: x, Signature={digits}, y");
        assert_eq!(concealed(&quoted), "Authorization: x, Signature=…, y");
        assert_eq!(concealed("Signature=abc"), "Signature=abc");
    }

    #[test]
    fn a_message_of_any_size_is_searched_in_bounded_time() {
        let value = "abcdefgh-0123456789";
        keep(value, "$LONG");
        let long = format!("{}{value}", "ab".repeat(SEARCHED));
        assert_eq!(concealed(&long).len(), SEARCHED);
    }
}
