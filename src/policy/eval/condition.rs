//! Whether one condition of a statement holds (IAM User Guide, "Condition operators" and "Set operators").

use std::cmp::Ordering;
use std::collections::BTreeSet;

use super::compare;
use super::facts::Facts;
use super::request::Fact;
use super::truth::{Doubt, Truth};
use super::variables::expand;
use crate::policy::meaning::{Operator, Quantifier, Test};
use crate::policy::pattern::Glyph;

impl Test {
    pub(super) fn holds(&self, facts: &Facts<'_>, variables: bool) -> Truth {
        if let Operator::Unknown(word) = &self.operator {
            return Truth::maybe(Doubt::Operator(word.clone()));
        }
        if self.operator == Operator::Null && (self.if_exists || self.quantifier != Quantifier::One)
        {
            return Truth::maybe(Doubt::Operator("Null with a prefix or suffix".to_owned()));
        }
        if self.values.is_empty() {
            return Truth::maybe(Doubt::NoValues(self.key.clone()));
        }
        let known = |values: &BTreeSet<String>| self.known(values, facts, variables);
        match &*facts.get(&self.key) {
            Fact::Absent => self.absent(),
            Fact::Known(values) => known(values),
            Fact::AbsentOr(values) => match (self.absent(), known(values)) {
                (Truth::Yes, Truth::Yes) => Truth::Yes,
                (Truth::No, Truth::No) => Truth::No,
                _ => Truth::maybe(Doubt::Key(self.key.clone())),
            },
            Fact::Unknown => Truth::maybe(Doubt::Key(self.key.clone())),
        }
    }

    /// Of a request without the key.
    fn absent(&self) -> Truth {
        if self.operator == Operator::Null {
            return self.null(true);
        }
        match self.quantifier {
            _ if self.if_exists => Truth::Yes,
            Quantifier::All => Truth::Yes,
            Quantifier::Any => Truth::No,
            Quantifier::One => self.negated.into(),
        }
    }

    /// `Null` asks whether the key is absent.
    fn null(&self, absent: bool) -> Truth {
        Truth::any(self.values.iter().map(|value| match compare::bool(value) {
            Some(due) => (due == absent).into(),
            None => Truth::maybe(Doubt::Type(self.key.clone())),
        }))
    }

    /// Of a request with the key.
    fn known(&self, values: &BTreeSet<String>, facts: &Facts<'_>, variables: bool) -> Truth {
        if self.operator == Operator::Null {
            return self.null(false);
        }
        let fits = |value: &String| self.fits(value, facts, variables);
        // "The key value resolves to a null data set, such as an empty string": set operators see no value then.
        let none = values.iter().all(String::is_empty);
        match self.quantifier {
            Quantifier::All if none => Truth::Yes,
            Quantifier::Any if none => Truth::No,
            Quantifier::All => Truth::all(values.iter().map(fits)),
            Quantifier::Any => Truth::any(values.iter().map(fits)),
            Quantifier::One => match values.first() {
                Some(value) if values.len() == 1 => fits(value),
                Some(_) | None => Truth::maybe(Doubt::Several(self.key.clone())),
            },
        }
    }

    /// Of one value: it fits one of the policy's, or none of them where the operator is negated.
    fn fits(&self, value: &str, facts: &Facts<'_>, variables: bool) -> Truth {
        let fits = self.values.iter().map(|due| self.compare(due, value, facts, variables));
        let fits = Truth::any(fits);
        if self.negated { fits.not() } else { fits }
    }

    /// Variables are for texts and ARNs only (IAM User Guide, "Where you can use policy variables").
    fn compare(&self, due: &str, value: &str, facts: &Facts<'_>, variables: bool) -> Truth {
        let truth = |holds: Option<bool>| {
            holds.map_or_else(|| Truth::maybe(Doubt::Type(self.key.clone())), Truth::from)
        };
        let text = |compare: fn(&[Glyph], &str) -> Option<bool>| match expand(due, facts, variables)
        {
            Ok(Some(pattern)) => truth(compare(&pattern, value)),
            Ok(None) => Truth::No,
            Err(doubt) => Truth::maybe(doubt),
        };
        let number = |is: fn(Ordering) -> bool| truth(compare::number(due, value).map(is));
        let date = |is: fn(Ordering) -> bool| truth(compare::date(due, value).map(is));
        match self.operator {
            Operator::StringEquals => text(compare::equal),
            Operator::StringEqualsIgnoreCase => text(compare::equal_in_any_case),
            Operator::StringLike => text(compare::like),
            Operator::ArnLike => text(compare::arn),
            Operator::NumericEquals => number(Ordering::is_eq),
            Operator::NumericLessThan => number(Ordering::is_lt),
            Operator::NumericLessThanEquals => number(Ordering::is_le),
            Operator::NumericGreaterThan => number(Ordering::is_gt),
            Operator::NumericGreaterThanEquals => number(Ordering::is_ge),
            Operator::DateEquals => date(Ordering::is_eq),
            Operator::DateLessThan => date(Ordering::is_lt),
            Operator::DateLessThanEquals => date(Ordering::is_le),
            Operator::DateGreaterThan => date(Ordering::is_gt),
            Operator::DateGreaterThanEquals => date(Ordering::is_ge),
            Operator::Bool => {
                truth(compare::bool(due).zip(compare::bool(value)).map(|(a, b)| a == b))
            }
            Operator::IpAddress => truth(compare::address(due, value)),
            Operator::BinaryEquals => truth(compare::bytes(due, value)),
            // `holds` has answered these.
            Operator::Null | Operator::Unknown(_) => truth(None),
        }
    }
}
