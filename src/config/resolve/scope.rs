//! The context of all phases, and the checks of single values.

use std::str::FromStr;

use std::ops::RangeInclusive;

use crate::config::surroundings::Gaps;
use crate::decode::{Diagnostics, Spanned, Text, nearest};
use crate::id::{BadId, Name, Place, Region};

/// The stack that a configuration declares.
#[derive(Clone, Copy)]
pub(super) struct Scope<'a> {
    pub(super) stack: &'a Name,
    /// The default account and Region of the resources.
    pub(super) home: &'a Place,
    /// The partition of the stack's account.
    pub(super) partition: &'static str,
    pub(super) gaps: Gaps,
}

impl Scope<'_> {
    /// Returns the place of a resource with this `region` field.
    pub(super) fn place(&self, region: Option<&Text>, d: &mut Diagnostics) -> Option<Place> {
        let Some(text) = region else {
            return Some(self.home.clone());
        };
        let region: Region = parse(text, d)?;
        if region.partition() != self.partition && !self.gaps.region {
            let message =
                format!("`{region}` is not in the stack's partition `{}`", self.partition);
            d.error(text.span, message, "all resources of a stack are in one partition");
            return None;
        }
        Some(Place { account: self.home.account.clone(), region })
    }

    /// Returns whether the Region of a resource with this `region` field is known.
    pub(super) fn knows_region(&self, region: Option<&Text>) -> bool {
        region.is_some() || !self.gaps.region
    }
}

/// Parses a text, or reports why it cannot be parsed.
pub(super) fn parse<T: FromStr<Err = BadId>>(text: &Text, d: &mut Diagnostics) -> Option<T> {
    match text.value.parse() {
        Ok(value) => Some(value),
        Err(bad) => {
            d.error(text.span, bad.message, bad.help);
            None
        }
    }
}

/// Returns the known name that a text is, or reports that it is not `what`.
pub(super) fn known(
    what: &str,
    text: &Text,
    names: &[&'static str],
    d: &mut Diagnostics,
) -> Option<&'static str> {
    if let Some(name) = names.iter().find(|name| **name == text.value) {
        return Some(name);
    }
    let help = match nearest(&text.value, names.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("known: {}", names.join(", ")),
    };
    d.error(text.span, format!("`{}` is not {what}", text.value), help);
    None
}

/// Returns a number of days, or reports that AWS does not accept it.
pub(super) fn days_within(
    what: &str,
    number: &Spanned<u32>,
    range: RangeInclusive<u32>,
    d: &mut Diagnostics,
) -> Option<u32> {
    let value = number.value;
    if range.contains(&value) {
        return Some(value);
    }
    let message = format!("{what} of {} is not possible", crate::text::counted(value, "day"));
    d.error(number.span, message, format!("AWS accepts {} to {}", range.start(), range.end()));
    None
}
