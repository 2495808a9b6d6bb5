//! Selectors and tags as the SDK has them.

use super::{AdvancedEventSelector, FieldSelector};
use crate::answer::CloudError;
use crate::id::Place;
use crate::kind::consumer::{self, Tags};
use crate::sdk::Aws;
use crate::sdk::clients::ClientUse;
use crate::sdk::error::{answer, unbuilt};
use aws_sdk_cloudtrail::types::{self, Tag};
use std::collections::{BTreeMap, BTreeSet};

/// The quota that all calls which change something in CloudTrail share: one request a second for an
/// account in a Region (CloudTrail User Guide, Quotas in AWS CloudTrail).
pub(crate) const CHANGES: &str = "cloudtrail changes";

/// How many resources `ListTags` takes.
const TAGGED: usize = 20;

/// The tags of the resources, twenty a request.
pub(crate) async fn tags_of(
    aws: &Aws,
    at: &Place,
    arns: &[&str],
) -> Result<BTreeMap<String, Tags>, CloudError> {
    const OPERATION: &str = "ListTags";
    let client = aws.cloudtrail(at, ClientUse::Reading).await;
    let mut found = BTreeMap::new();
    for some in arns.chunks(TAGGED) {
        let ids: Vec<String> = some.iter().map(|arn| (*arn).to_owned()).collect();
        let mut from = None;
        loop {
            let request = client.list_tags().set_resource_id_list(Some(ids.clone()));
            let page = answer(OPERATION, request.set_next_token(from).send().await)?;
            for entry in page.resource_tag_list() {
                let Some(arn) = entry.resource_id() else {
                    continue;
                };
                let tags: &mut Tags = found.entry(arn.to_owned()).or_default();
                let each = entry.tags_list().iter();
                tags.extend(
                    each.map(|tag| (tag.key.clone(), tag.value().unwrap_or_default().to_owned())),
                );
            }
            from = page.next_token;
            if from.is_none() {
                break;
            }
        }
    }
    Ok(found)
}

/// Our tags as the SDK's.
pub(crate) fn tags(
    operation: &'static str,
    tags: &[consumer::Tag],
) -> Result<Vec<Tag>, CloudError> {
    let each = tags.iter().map(|tag| Tag::builder().key(&tag.key).value(&tag.value).build());
    each.collect::<Result<_, _>>().map_err(unbuilt(operation))
}

/// The SDK's selectors as ours.
pub(crate) fn lifted(
    selectors: &[types::AdvancedEventSelector],
) -> BTreeSet<AdvancedEventSelector> {
    let values = |values: &[String]| values.iter().cloned().collect();
    let field = |field: &types::AdvancedFieldSelector| FieldSelector {
        field: field.field.clone(),
        equals: values(field.equals()),
        starts_with: values(field.starts_with()),
        ends_with: values(field.ends_with()),
        not_equals: values(field.not_equals()),
        not_starts_with: values(field.not_starts_with()),
        not_ends_with: values(field.not_ends_with()),
    };
    let each = selectors.iter().map(|selector| AdvancedEventSelector {
        name: selector.name().filter(|name| !name.is_empty()).map(str::to_owned),
        field_selectors: selector.field_selectors.iter().map(field).collect(),
    });
    each.collect()
}

/// Our selectors as the SDK's.
pub(crate) fn selectors(
    operation: &'static str,
    wanted: &[AdvancedEventSelector],
) -> Result<Vec<types::AdvancedEventSelector>, CloudError> {
    let values = |values: &BTreeSet<String>| {
        (!values.is_empty()).then(|| values.iter().cloned().collect::<Vec<_>>())
    };
    let field = |field: &FieldSelector| {
        types::AdvancedFieldSelector::builder()
            .field(&field.field)
            .set_equals(values(&field.equals))
            .set_starts_with(values(&field.starts_with))
            .set_ends_with(values(&field.ends_with))
            .set_not_equals(values(&field.not_equals))
            .set_not_starts_with(values(&field.not_starts_with))
            .set_not_ends_with(values(&field.not_ends_with))
            .build()
    };
    let each = wanted.iter().map(|selector| {
        let fields: Result<Vec<_>, _> = selector.field_selectors.iter().map(field).collect();
        types::AdvancedEventSelector::builder()
            .set_name(selector.name.clone())
            .set_field_selectors(Some(fields?))
            .build()
    });
    each.collect::<Result<_, _>>().map_err(unbuilt(operation))
}
