//! Converts event selectors and tags between kmsctl's types and the SDK's.

use super::{AdvancedEventSelector, FieldSelector};
use crate::answer::CloudError;
use crate::id::Place;
use crate::kind::consumer::{self, Tags};
use crate::sdk::Aws;
use crate::sdk::error::{part, unbuilt};
use aws_sdk_cloudtrail::error::BuildError;
use aws_sdk_cloudtrail::types::{self, Tag};
use std::collections::{BTreeMap, BTreeSet};

/// The largest number of resources in a `ListTags` request.
const TAGGED: usize = 20;

/// Reads the tags of resources, twenty per request.
pub(crate) async fn tags_of(
    aws: &Aws,
    at: &Place,
    arns: &[&str],
) -> Result<BTreeMap<String, Tags>, CloudError> {
    const OPERATION: &str = "ListTags";
    let client = aws.cloudtrail(at).await;
    let mut found = BTreeMap::new();
    for some in arns.chunks(TAGGED) {
        let ids: Vec<String> = some.iter().map(|arn| (*arn).to_owned()).collect();
        let request = client.list_tags().set_resource_id_list(Some(ids));
        let read = |from| request.clone().set_next_token(from).send();
        for page in client.pages(OPERATION, read, |page| page.next_token.clone()).await? {
            for entry in part(OPERATION, "list of tags", page.resource_tag_list.as_deref())? {
                let Some(arn) = entry.resource_id() else {
                    continue;
                };
                let tags: &mut Tags = found.entry(arn.to_owned()).or_default();
                for tag in entry.tags_list() {
                    tags.insert(tag.key.clone(), tag.value().unwrap_or_default().to_owned());
                }
            }
        }
    }
    Ok(found)
}

/// Converts tags to the SDK's type.
pub(crate) fn tags(
    operation: &'static str,
    tags: &[consumer::Tag],
) -> Result<Vec<Tag>, CloudError> {
    let built = tags.iter().map(|tag| Tag::builder().key(&tag.key).value(&tag.value).build());
    built.collect::<Result<_, _>>().map_err(unbuilt(operation))
}

/// Converts event selectors from the SDK's type.
pub(crate) fn lifted(
    selectors: &[types::AdvancedEventSelector],
) -> BTreeSet<AdvancedEventSelector> {
    let lifted = selectors.iter().map(|selector| AdvancedEventSelector {
        name: selector.name().filter(|name| !name.is_empty()).map(str::to_owned),
        field_selectors: selector.field_selectors.iter().map(lifted_field).collect(),
    });
    lifted.collect()
}

fn lifted_field(selector: &types::AdvancedFieldSelector) -> FieldSelector {
    let set = |values: &[String]| values.iter().cloned().collect();
    FieldSelector {
        field: selector.field.clone(),
        equals: set(selector.equals()),
        starts_with: set(selector.starts_with()),
        ends_with: set(selector.ends_with()),
        not_equals: set(selector.not_equals()),
        not_starts_with: set(selector.not_starts_with()),
        not_ends_with: set(selector.not_ends_with()),
    }
}

/// Converts event selectors to the SDK's type.
pub(crate) fn selectors(
    operation: &'static str,
    wanted: &[AdvancedEventSelector],
) -> Result<Vec<types::AdvancedEventSelector>, CloudError> {
    let built = wanted.iter().map(|selector| {
        let fields: Result<_, _> = selector.field_selectors.iter().map(field_selector).collect();
        types::AdvancedEventSelector::builder()
            .set_name(selector.name.clone())
            .set_field_selectors(Some(fields?))
            .build()
    });
    built.collect::<Result<_, _>>().map_err(unbuilt(operation))
}

fn field_selector(wanted: &FieldSelector) -> Result<types::AdvancedFieldSelector, BuildError> {
    types::AdvancedFieldSelector::builder()
        .field(&wanted.field)
        .set_equals(non_empty(&wanted.equals))
        .set_starts_with(non_empty(&wanted.starts_with))
        .set_ends_with(non_empty(&wanted.ends_with))
        .set_not_equals(non_empty(&wanted.not_equals))
        .set_not_starts_with(non_empty(&wanted.not_starts_with))
        .set_not_ends_with(non_empty(&wanted.not_ends_with))
        .build()
}

fn non_empty(values: &BTreeSet<String>) -> Option<Vec<String>> {
    if values.is_empty() {
        return None;
    }
    Some(values.iter().cloned().collect())
}
