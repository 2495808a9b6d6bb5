//! The search for the resources that carry the tag of a stack.

use crate::answer::CloudError;
use crate::id::Place;
use crate::kind::ConsumerKind;
use crate::kind::key::STACK_TAG;
use crate::sdk::Aws;
use crate::sdk::error::part;
use aws_sdk_resourcegroupstagging::types::TagFilter;
use std::collections::BTreeSet;

/// The resource type of KMS keys.
const KEY: &str = "kms:key";

/// Reads the ARNs of the keys and consumers in the account and Region.
pub(super) async fn tagged(aws: &Aws, at: &Place, stack: &str) -> Result<Vec<String>, CloudError> {
    const OPERATION: &str = "GetResources";
    let client = aws.tagging(at).await;
    let types: BTreeSet<&str> = ConsumerKind::ALL
        .iter()
        .filter_map(|kind| kind.facts().arn.map(|form| form.resource_type))
        .chain([KEY])
        .collect();
    let request = client
        .get_resources()
        .tag_filters(TagFilter::builder().key(STACK_TAG).values(stack).build())
        .set_resource_type_filters(Some(types.into_iter().map(str::to_owned).collect()))
        .resources_per_page(100);
    let read = |from| request.clone().set_pagination_token(from).send();
    let mut arns = Vec::new();
    for page in client.pages(OPERATION, read, |page| page.pagination_token.clone()).await? {
        let found = part(OPERATION, "list of resources", page.resource_tag_mapping_list)?;
        arns.extend(found.into_iter().filter_map(|resource| resource.resource_arn));
    }
    Ok(arns)
}
