//! One value of a request against one value of a policy (IAM User Guide, "Condition operators").
//! `None`: the two cannot be compared, or what comes out is not documented.

use std::cmp::Ordering;
use std::net::IpAddr;

use ipnet::IpNet;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::policy::pattern::{Glyph, matches};

/// Whether the text is the one written, whose signs mean themselves.
pub(super) fn equal(pattern: &[Glyph], value: &str) -> Option<bool> {
    Some(pattern.iter().map(|glyph| glyph.char()).eq(value.chars()))
}

/// The same, whatever the case.
pub(super) fn equal_in_any_case(pattern: &[Glyph], value: &str) -> Option<bool> {
    let written = pattern.iter().flat_map(|glyph| glyph.char().to_lowercase());
    Some(written.eq(value.chars().flat_map(char::to_lowercase)))
}

/// Whether the text matches.
pub(super) fn like(pattern: &[Glyph], value: &str) -> Option<bool> {
    Some(matches(pattern, &value.chars().collect::<Vec<_>>()))
}

/// ARNs match field by field, so that no wildcard of the first five crosses a colon. `None` where the pattern is no ARN.
pub(super) fn arn(pattern: &[Glyph], value: &str) -> Option<bool> {
    let patterns: Vec<&[Glyph]> = pattern.splitn(6, |glyph| *glyph == Glyph::Char(':')).collect();
    if patterns.len() != 6 {
        return None;
    }
    let fields: Vec<&str> = value.splitn(6, ':').collect();
    let like =
        |(pattern, field): (&&[Glyph], &&str)| matches(pattern, &field.chars().collect::<Vec<_>>());
    Some(fields.len() == 6 && patterns.iter().zip(&fields).all(like))
}

/// How the request's number is to the policy's.
pub(super) fn number(policy: &str, value: &str) -> Option<Ordering> {
    Some(numbers(value)?.compare(&numbers(policy)?))
}

/// How the request's date is to the policy's.
pub(super) fn date(policy: &str, value: &str) -> Option<Ordering> {
    Some(dates(value)?.cmp(&dates(policy)?))
}

/// Whether the address is in the network.
pub(super) fn address(policy: &str, value: &str) -> Option<bool> {
    Some(network(policy)?.contains(&value.parse::<IpAddr>().ok()?))
}

/// Whether the bytes are the same.
pub(super) fn bytes(policy: &str, value: &str) -> Option<bool> {
    (is_base64(policy) && is_base64(value)).then(|| policy == value)
}

/// `true` or `false`, in any case.
pub(super) fn bool(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }
}

pub(in crate::policy) fn network(text: &str) -> Option<IpNet> {
    text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
}

/// Whether the text is an integer or a decimal number.
pub(in crate::policy) fn is_number(text: &str) -> bool {
    numbers(text).is_some()
}

/// A decimal number, exactly: AWS's numbers go beyond what a float holds.
struct Decimal {
    negative: bool,
    /// Without leading zeros.
    whole: String,
    /// Without trailing zeros.
    fraction: String,
}

fn numbers(text: &str) -> Option<Decimal> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if !number(whole) || !number(fraction) {
        return None;
    }
    let whole = whole.trim_start_matches('0').to_owned();
    let fraction = fraction.trim_end_matches('0').to_owned();
    let negative = negative && !(whole.is_empty() && fraction.is_empty());
    Some(Decimal { negative, whole, fraction })
}

impl Decimal {
    fn compare(&self, other: &Self) -> Ordering {
        let size = || {
            let whole = self.whole.len().cmp(&other.whole.len()).then(self.whole.cmp(&other.whole));
            whole.then(self.fraction.cmp(&other.fraction))
        };
        match (self.negative, other.negative) {
            (false, false) => size(),
            (true, true) => size().reverse(),
            (negative, _) => negative.cmp(&!negative).reverse(),
        }
    }
}

/// A date of the W3C's profile of ISO 8601, or seconds of Unix time. Four digits could be either a year or seconds.
pub(in crate::policy) fn dates(text: &str) -> Option<OffsetDateTime> {
    if text.len() != 4 && text.bytes().all(|b| b.is_ascii_digit()) {
        return OffsetDateTime::from_unix_timestamp(text.parse().ok()?).ok();
    }
    let day = text.len() == 10;
    let text = if day { format!("{text}T00:00:00Z") } else { text.to_owned() };
    OffsetDateTime::parse(&text, &Rfc3339).ok()
}

/// Canonical base64: then equal bytes have equal texts.
fn is_base64(text: &str) -> bool {
    let body = text.trim_end_matches('=');
    let letter = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/');
    let last = body.bytes().last();
    let padding = text.len() - body.len();
    let clear = match padding {
        0 => true,
        1 => last.is_some_and(|b| b"AEIMQUYcgkosw048".contains(&b)),
        2 => last.is_some_and(|b| b"AQgw".contains(&b)),
        _ => false,
    };
    text.len().is_multiple_of(4) && body.bytes().all(letter) && clear
}
