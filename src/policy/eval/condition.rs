//! Whether a request meets a condition (IAM User Guide, "IAM JSON policy elements: Condition operators" and "Set
//! operators for multivalued context keys").

use std::cmp::Ordering;
use std::collections::BTreeSet;

use super::context::ContextValue;
use super::operators;
use super::request_context::RequestContext;
use super::truth::{Doubt, Truth};
use crate::policy::pattern::Glyph;
use crate::policy::typed::{Operator, Quantifier, Test};
use crate::policy::value_pattern::{Pattern, all_match};

impl Test {
    /// Returns whether the request meets the condition.
    pub(super) fn is_met(&self, context: &RequestContext<'_>, variables: bool) -> Truth {
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
        if self.is_always_met() {
            return Truth::Yes;
        }
        match &*context.get(&self.key) {
            ContextValue::Absent => self.if_absent(),
            ContextValue::Known(values) => self.if_present(values, context, variables),
            ContextValue::AbsentOr(values) => {
                match (self.if_absent(), self.if_present(values, context, variables)) {
                    (Truth::Yes, Truth::Yes) => Truth::Yes,
                    (Truth::No, Truth::No) => Truth::No,
                    _ => Truth::maybe(Doubt::Key(self.key.clone())),
                }
            }
            ContextValue::OneOf(language) => {
                self.if_one_of(language.patterns(), context, variables)
            }
            ContextValue::Unknown => Truth::maybe(Doubt::Key(self.key.clone())),
        }
    }

    /// Returns whether a request meets the condition whose key has a value that matches one of the patterns.
    fn if_one_of(
        &self,
        language: &[Pattern],
        context: &RequestContext<'_>,
        variables: bool,
    ) -> Truth {
        if self.operator == Operator::Null {
            return self.null(false);
        }
        let unknown = || Truth::maybe(Doubt::Key(self.key.clone()));
        // Policy variables work in strings and ARNs only.
        let texts = [Operator::StringEquals, Operator::StringLike, Operator::ArnLike];
        if !texts.contains(&self.operator) {
            return unknown();
        }
        let mut patterns = Vec::new();
        for value in &self.values {
            let pattern = match context.expand(value, variables) {
                Ok(Some(pattern)) => pattern,
                Ok(None) => continue,
                Err(doubt) => return Truth::maybe(doubt),
            };
            let is_arn = pattern.iter().filter(|glyph| **glyph == Glyph::Char(':')).count() >= 5;
            patterns.push(if self.operator == Operator::StringEquals {
                Pattern::Exact(pattern.into_iter().map(Glyph::char).collect())
            } else if self.operator == Operator::StringLike {
                Pattern::Like(pattern)
            } else if self.operator == Operator::ArnLike && is_arn {
                Pattern::Arn(pattern)
            } else {
                return unknown();
            });
        }
        match all_match(&patterns, language) {
            Some(is_match) => (is_match != self.negated).into(),
            None => unknown(),
        }
    }

    /// Returns whether a request without the key meets the condition.
    fn if_absent(&self) -> Truth {
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

    /// Evaluates `Null`, which compares whether the key is absent.
    fn null(&self, absent: bool) -> Truth {
        Truth::any(self.values.iter().map(|value| match operators::bool(value) {
            Some(expected) => (expected == absent).into(),
            None => Truth::maybe(Doubt::Type(self.key.clone())),
        }))
    }

    /// Returns whether a request with these values of the key meets the condition.
    fn if_present(
        &self,
        values: &BTreeSet<String>,
        context: &RequestContext<'_>,
        variables: bool,
    ) -> Truth {
        if self.operator == Operator::Null {
            return self.null(false);
        }
        let matches = |value: &String| self.value_matches(value, context, variables);
        // An empty string is a null data set, in which set operators see no value (IAM User Guide, "Set operators for
        // multivalued context keys").
        let none = values.iter().all(String::is_empty);
        match self.quantifier {
            Quantifier::All if none => Truth::Yes,
            Quantifier::Any if none => Truth::No,
            Quantifier::All => Truth::all(values.iter().map(matches)),
            Quantifier::Any => Truth::any(values.iter().map(matches)),
            Quantifier::One => match values.first() {
                Some(value) if values.len() == 1 => matches(value),
                Some(_) | None => Truth::maybe(Doubt::Several(self.key.clone())),
            },
        }
    }

    /// Compares one value of the request: it must match a value of the policy, or none of them if the operator is
    /// negated.
    fn value_matches(&self, value: &str, context: &RequestContext<'_>, variables: bool) -> Truth {
        let any = Truth::any(
            self.values.iter().map(|expected| self.compare(expected, value, context, variables)),
        );
        if self.negated { any.not() } else { any }
    }

    /// Compares a value of the request with a value of the policy. Policy variables work in strings and ARNs only (IAM
    /// User Guide, "Where you can use policy variables").
    fn compare(
        &self,
        expected: &str,
        value: &str,
        context: &RequestContext<'_>,
        variables: bool,
    ) -> Truth {
        let truth = |holds: Option<bool>| {
            holds.map_or_else(|| Truth::maybe(Doubt::Type(self.key.clone())), Truth::from)
        };
        let text = |compare: fn(&[Glyph], &str) -> Option<bool>| match context
            .expand(expected, variables)
        {
            Ok(Some(pattern)) => truth(compare(&pattern, value)),
            Ok(None) => Truth::No,
            Err(doubt) => Truth::maybe(doubt),
        };
        let number = |is: fn(Ordering) -> bool| truth(operators::number(expected, value).map(is));
        let date = |is: fn(Ordering) -> bool| truth(operators::date(expected, value).map(is));
        match self.operator {
            Operator::StringEquals => text(operators::equal),
            Operator::StringEqualsIgnoreCase => text(operators::equal_in_any_case),
            Operator::StringLike => text(operators::like),
            Operator::ArnLike => text(operators::arn),
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
                // A value that is no boolean is neither `true` nor `false`.
                truth(operators::bool(expected).map(|due| operators::bool(value) == Some(due)))
            }
            Operator::IpAddress => truth(operators::address(expected, value)),
            Operator::BinaryEquals => truth(operators::bytes(expected, value)),
            // `is_met` handles these.
            Operator::Null | Operator::Unknown(_) => truth(None),
        }
    }
}
