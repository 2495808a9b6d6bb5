//! The limits of grants in the KMS API.

use crate::form::{Form, text};
use crate::id::AccountId;
use serde_json::{Value as Json, json};
use std::ops::RangeInclusive;

/// The largest number of pairs of an encryption context in a constraint.
pub const MAX_PAIRS: usize = 8;
/// The form of the keys and values of an encryption context in a constraint.
pub const CONTEXT: Form = Form::any(0, 384);
/// The number of characters of the ARN of a source.
const SOURCE: RangeInclusive<usize> = 20..=512;

/// Returns whether a text is the ARN of a source (KMS API Reference, GrantConstraints: `SourceArn`, 20 to 512
/// characters, `^arn:aws[a-z0-9-]*:[a-z0-9-]+:[a-z0-9-]*:[0-9]{12}:.+$`).
#[must_use]
pub fn is_source_arn(text: &str) -> bool {
    let is_word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    let ["arn", partition, service, region, account, resource] = parts.as_slice() else {
        return false;
    };
    SOURCE.contains(&text.chars().count())
        && partition.strip_prefix("aws").is_some_and(|rest| rest.chars().all(is_word))
        && !service.is_empty()
        && [service, region].into_iter().all(|part| part.chars().all(is_word))
        && account.parse::<AccountId>().is_ok()
        && !resource.is_empty()
}

/// Returns the JSON Schema of the ARNs of sources.
#[must_use]
pub fn source_arns() -> Json {
    let account = AccountId::FORM.pattern();
    let mut schema = text(&format!("arn:aws[a-z0-9-]*:[a-z0-9-]+:[a-z0-9-]*:{account}:[\\s\\S]+"));
    if let Some(schema) = schema.as_object_mut() {
        schema.insert("minLength".to_owned(), json!(SOURCE.start()));
        schema.insert("maxLength".to_owned(), json!(SOURCE.end()));
    }
    schema
}
