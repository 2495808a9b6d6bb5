//! Checks whether a bucket policy allows a request of an AWS service.
//!
//! [`decide`](super::eval::decide) is about keys: it knows which condition keys the requests to KMS have. This check
//! covers only the elements that such bucket policies use. Unknown facts count as met, so a negative answer is certain.

use super::Document;
use super::pattern::glob;
use super::typed::{
    Effect, Operator, PrincipalElement, PrincipalName, ResourceElement, Test, TypedStatement,
};

/// A request of an AWS service.
#[derive(Clone, Copy, Debug)]
pub struct ServiceRequest<'a> {
    /// The service principal.
    pub service: &'a str,
    /// The action, such as `s3:PutObject`.
    pub action: &'a str,
    /// The ARN of the resource.
    pub resource: &'a str,
    /// The condition keys of the request in lower case, with their values.
    pub context: &'a [(&'a str, &'a str)],
}

/// Returns whether the policy may allow the request; `false` only if it certainly does not.
#[must_use]
pub fn may_allow(policy: &Document, request: &ServiceRequest<'_>) -> bool {
    let typed = policy.typed();
    let mut allowed = typed.unclear;
    for statement in &typed.statements {
        match (statement.effect, applies(statement, request)) {
            (Effect::Allow, Some(true) | None) => allowed = true,
            (Effect::Deny, Some(true)) => return false,
            (Effect::Allow, Some(false)) | (Effect::Deny, Some(false) | None) => {}
        }
    }
    allowed
}

/// Returns whether the statement applies to the request, or `None` if that is unknown.
fn applies(statement: &TypedStatement, request: &ServiceRequest<'_>) -> Option<bool> {
    let Some(resources) = &statement.resources else {
        return Some(false);
    };
    let mut parts = vec![
        matches_principal(&statement.principals, request),
        Some(statement.actions.matches(request.action)),
        matches_resource(resources, request),
    ];
    parts.extend(statement.conditions.iter().map(|test| is_met(test, request)));
    if parts.contains(&Some(false)) {
        Some(false)
    } else if statement.unclear || parts.contains(&None) {
        None
    } else {
        Some(true)
    }
}

fn matches_principal(principals: &PrincipalElement, request: &ServiceRequest<'_>) -> Option<bool> {
    if principals.except {
        return None;
    }
    any(principals.names.iter().map(|name| match name {
        PrincipalName::Everyone => Some(true),
        PrincipalName::Service(service) => Some(service == request.service),
        // AWS does not document whether `{"AWS": "*"}` includes services.
        PrincipalName::AnyIdentity => None,
        PrincipalName::Account(_)
        | PrincipalName::Identity(_)
        | PrincipalName::UniqueId(_)
        | PrincipalName::Provider(_)
        | PrincipalName::Other(_) => Some(false),
    }))
}

fn matches_resource(resources: &ResourceElement, request: &ServiceRequest<'_>) -> Option<bool> {
    let matched = any(resources
        .patterns
        .iter()
        .map(|pattern| Some(glob(without_variables(pattern)?, request.resource))));
    Some(matched? != resources.except)
}

fn is_met(test: &Test, request: &ServiceRequest<'_>) -> Option<bool> {
    let (_, value) = request.context.iter().find(|(key, _)| *key == test.key)?;
    let matched = any(test.values.iter().map(|expected| matches_value(test, expected, value)));
    Some(matched? != test.negated)
}

fn matches_value(test: &Test, expected: &str, value: &str) -> Option<bool> {
    let expected = without_variables(expected)?;
    match test.operator {
        Operator::StringEquals => Some(expected == value),
        Operator::StringEqualsIgnoreCase | Operator::Bool => {
            Some(expected.eq_ignore_ascii_case(value))
        }
        Operator::StringLike | Operator::ArnLike => Some(glob(expected, value)),
        Operator::Null => Some(expected.eq_ignore_ascii_case("false")),
        Operator::NumericEquals
        | Operator::NumericLessThan
        | Operator::NumericLessThanEquals
        | Operator::NumericGreaterThan
        | Operator::NumericGreaterThanEquals
        | Operator::DateEquals
        | Operator::DateLessThan
        | Operator::DateLessThanEquals
        | Operator::DateGreaterThan
        | Operator::DateGreaterThanEquals
        | Operator::BinaryEquals
        | Operator::IpAddress
        | Operator::Unknown(_) => None,
    }
}

/// Returns the text, or `None` if it contains a policy variable, whose value is unknown.
fn without_variables(text: &str) -> Option<&str> {
    if text.contains("${") { None } else { Some(text) }
}

/// Returns whether one of the answers is true, or `None` if that depends on an unknown one.
fn any(answers: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let mut result = Some(false);
    for answer in answers {
        match answer {
            Some(true) => return Some(true),
            Some(false) => {}
            None => result = None,
        }
    }
    result
}
