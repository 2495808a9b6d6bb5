//! The answers of the query protocols, which are XML.

use super::Protocol;
use aws_smithy_runtime_api::client::orchestrator::{HttpResponse, OrchestratorError};
use aws_smithy_types::error::ErrorMetadata;
use aws_smithy_types::error::metadata::{Builder as ErrorMetadataBuilder, ProvideErrorMetadata};
use serde::de::{DeserializeOwned, Error as _, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::fmt::{self, Debug, Formatter};
use std::marker::PhantomData;

/// A list in an answer. The name of the elements in it depends on the service and the list: `item`, `member`, or a
/// name such as `Tag`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct List<T>(pub(crate) Vec<T>);

impl<T> Default for List<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_map(Elements(PhantomData))
    }
}

/// Reads the elements in an element.
struct Elements<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Elements<T> {
    type Value = List<T>;

    fn expecting(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut all = Vec::new();
        while let Some(name) = map.next_key::<String>()? {
            // quick-xml names attributes and text like this.
            if name.starts_with(['@', '$']) {
                map.next_value::<IgnoredAny>()?;
            } else {
                all.push(map.next_value()?);
            }
        }
        Ok(List(all))
    }
}

/// Reads the element that has this name in an element.
struct Inner<T>(String, PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Inner<T> {
    type Value = T;

    fn expecting(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "an element with the element `{}`", self.0)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<T, A::Error> {
        let mut found = None;
        while let Some(name) = map.next_key::<String>()? {
            if name == self.0 {
                found = Some(map.next_value()?);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        found.ok_or_else(|| A::Error::custom(format!("there is no `{}`", self.0)))
    }
}

/// An error of AWS, or a success that cannot be read, which has no code.
#[derive(Debug, Default, thiserror::Error)]
#[error("{}", self.0.message().unwrap_or("the answer cannot be read"))]
pub(crate) struct Failure(ErrorMetadata);

impl ProvideErrorMetadata for Failure {
    fn meta(&self) -> &ErrorMetadata {
        &self.0
    }
}

/// The body of an error: `<Response><Errors><Error>` of EC2, `<ErrorResponse><Error>` of the other services.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Refusal {
    #[serde(default)]
    errors: List<CodeAndMessage>,
    error: Option<CodeAndMessage>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CodeAndMessage {
    code: String,
    message: Option<String>,
}

/// Reads what an answer contains.
pub(super) fn read<T: DeserializeOwned>(
    protocol: Protocol,
    operation: &str,
    answer: &HttpResponse,
) -> Result<T, OrchestratorError<Failure>> {
    let text = accepted(operation, answer)?;
    let read = match protocol {
        Protocol::Ec2 => quick_xml::de::from_str(text),
        Protocol::Query => {
            let inner = Inner(format!("{operation}Result"), PhantomData);
            quick_xml::de::Deserializer::from_str(text).deserialize_map(inner)
        }
    };
    read.map_err(|_| unreadable())
}

/// Reads whether a call succeeded. Not every such answer contains something.
pub(super) fn done(
    operation: &str,
    answer: &HttpResponse,
) -> Result<(), OrchestratorError<Failure>> {
    #[derive(Deserialize)]
    struct Done {}
    let Done {} =
        quick_xml::de::from_str(accepted(operation, answer)?).map_err(|_| unreadable())?;
    Ok(())
}

/// Returns the text of a success. An error without an error code is left to the HTTP status.
fn accepted<'a>(
    operation: &str,
    answer: &'a HttpResponse,
) -> Result<&'a str, OrchestratorError<Failure>> {
    let text = answer.body().bytes().and_then(|bytes| str::from_utf8(bytes).ok()).unwrap_or("");
    if answer.status().is_success() {
        // The page of a proxy must not count as an empty list.
        let root = root(text).and_then(|root| root.strip_suffix("Response"));
        return if root == Some(operation) { Ok(text) } else { Err(unreadable()) };
    }
    let mut meta = ErrorMetadata::builder();
    let refusal: Option<Refusal> = quick_xml::de::from_str(text).ok();
    let first =
        refusal.and_then(|refusal| refusal.errors.0.into_iter().chain(refusal.error).next());
    if let Some(first) = first {
        meta = meta.code(first.code);
        meta = first.message.into_iter().fold(meta, ErrorMetadataBuilder::message);
    }
    Err(OrchestratorError::operation(Failure(meta.build())))
}

fn unreadable() -> OrchestratorError<Failure> {
    OrchestratorError::operation(Failure::default())
}

/// Returns the name of the outermost element.
fn root(text: &str) -> Option<&str> {
    let mut rest = text.trim_start();
    while let Some(declaration) = rest.strip_prefix("<?") {
        rest = declaration.split_once("?>")?.1.trim_start();
    }
    let name = rest.strip_prefix('<')?;
    name.split(|c: char| c == '>' || c == '/' || c.is_whitespace()).next()
}
