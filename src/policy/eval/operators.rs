//! Condition operators: comparisons of one value of a request with one value of a policy (IAM User Guide, "IAM JSON
//! policy elements: Condition operators").
//!
//! A comparison returns `None` if the values are not of the operator's type, or if the result is not documented.

use std::cmp::Ordering;
use std::net::IpAddr;

use ipnet::IpNet;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::policy::pattern::{Glyph, matches};

/// Returns whether the text is the one written. Wildcards are literal characters here.
pub(super) fn equal(pattern: &[Glyph], value: &str) -> Option<bool> {
    Some(pattern.iter().map(|glyph| glyph.char()).eq(value.chars()))
}

/// Works like [`equal`], but ignores case.
pub(super) fn equal_in_any_case(pattern: &[Glyph], value: &str) -> Option<bool> {
    let written = pattern.iter().flat_map(|glyph| glyph.char().to_lowercase());
    Some(written.eq(value.chars().flat_map(char::to_lowercase)))
}

/// Returns whether the text matches the pattern.
pub(super) fn like(pattern: &[Glyph], value: &str) -> Option<bool> {
    Some(matches(pattern, &value.chars().collect::<Vec<_>>()))
}

/// Returns whether an ARN matches the pattern. ARNs match field by field, so a wildcard in one of the first five fields
/// does not match a colon. `None` if the pattern is not an ARN.
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

/// Compares the number of the request with that of the policy.
pub(super) fn number(policy: &str, value: &str) -> Option<Ordering> {
    Some(parse_number(value)?.compare(&parse_number(policy)?))
}

/// Compares the date of the request with that of the policy.
pub(super) fn date(policy: &str, value: &str) -> Option<Ordering> {
    Some(parse_date(value)?.cmp(&parse_date(policy)?))
}

/// Returns whether the IP address is in the network.
pub(super) fn address(policy: &str, value: &str) -> Option<bool> {
    Some(network(policy)?.contains(&value.parse::<IpAddr>().ok()?))
}

/// Returns whether the bytes are the same, given as base64.
pub(super) fn bytes(policy: &str, value: &str) -> Option<bool> {
    (is_base64(policy) && is_base64(value)).then(|| policy == value)
}

/// Parses `true` or `false`, in any case.
pub(super) fn bool(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }
}

/// Parses a CIDR block, or a single address as a block of one.
pub(in crate::policy) fn network(text: &str) -> Option<IpNet> {
    text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
}

/// Returns whether the text is an integer or a decimal number.
pub(in crate::policy) fn is_number(text: &str) -> bool {
    parse_number(text).is_some()
}

/// A decimal number. It is exact, because a float cannot hold every number that a policy can contain.
struct Decimal {
    negative: bool,
    /// The digits before the decimal point, without leading zeros.
    whole: String,
    /// The digits after the decimal point, without trailing zeros.
    fraction: String,
}

fn parse_number(text: &str) -> Option<Decimal> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if !is_digits(whole) || !is_digits(fraction) {
        return None;
    }
    let whole = whole.trim_start_matches('0').to_owned();
    let fraction = fraction.trim_end_matches('0').to_owned();
    let negative = negative && !(whole.is_empty() && fraction.is_empty());
    Some(Decimal { negative, whole, fraction })
}

impl Decimal {
    fn compare(&self, other: &Self) -> Ordering {
        match (self.negative, other.negative) {
            (false, false) => self.compare_magnitude(other),
            (true, true) => self.compare_magnitude(other).reverse(),
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
        }
    }

    fn compare_magnitude(&self, other: &Self) -> Ordering {
        self.whole
            .len()
            .cmp(&other.whole.len())
            .then_with(|| self.whole.cmp(&other.whole))
            .then_with(|| self.fraction.cmp(&other.fraction))
    }
}

/// Parses a date in the W3C profile of ISO 8601, or in seconds of Unix time. Four digits are refused: they could be a
/// year or seconds.
pub(in crate::policy) fn parse_date(text: &str) -> Option<OffsetDateTime> {
    if text.len() != 4 && text.bytes().all(|b| b.is_ascii_digit()) {
        return OffsetDateTime::from_unix_timestamp(text.parse().ok()?).ok();
    }
    let day = text.len() == 10;
    let text = if day { format!("{text}T00:00:00Z") } else { text.to_owned() };
    OffsetDateTime::parse(&text, &Rfc3339).ok()
}

/// Returns whether the text is canonical base64, in which equal bytes have equal texts.
fn is_base64(text: &str) -> bool {
    let body = text.trim_end_matches('=');
    let last = body.bytes().last();
    let padding = text.len() - body.len();
    let unused_bits_are_zero = match padding {
        0 => true,
        1 => last.is_some_and(|b| b"AEIMQUYcgkosw048".contains(&b)),
        2 => last.is_some_and(|b| b"AQgw".contains(&b)),
        _ => false,
    };
    let is_base64 = body.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/'));
    text.len().is_multiple_of(4) && is_base64 && unused_bits_are_zero
}
