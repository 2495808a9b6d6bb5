//! The rotations of keys on demand, and the key materials that rotations left.

use super::read::next;
use crate::answer::CloudError;
use crate::answer::pages::Page;
use crate::id::KeyArn;
use crate::kind::key::aws::rfc_3339;
use crate::kind::key::{Material, PastRotation};
use crate::sdk::Aws;
use crate::sdk::error::{answer, part};
use aws_sdk_kms::types::{IncludeKeyMaterial, KeyMaterialState, RotationType, RotationsListEntry};

/// Reads the start of the rotation on demand that is in progress.
pub(super) async fn started(aws: &Aws, key: &KeyArn) -> Result<Option<String>, CloudError> {
    const OPERATION: &str = "GetKeyRotationStatus";
    let client = aws.ready(&key.place(), OPERATION).await;
    let request = client.get_key_rotation_status().key_id(key.to_string());
    let status = answer(OPERATION, request.send().await)?;
    Ok(status.on_demand_rotation_start_date().map(rfc_3339))
}

/// Reads a page of the key materials.
pub(super) async fn materials(
    aws: &Aws,
    key: &KeyArn,
    from: Option<&str>,
) -> Result<Page<Material>, CloudError> {
    const OPERATION: &str = "ListKeyRotations";
    let client = aws.ready(&key.place(), OPERATION).await;
    let request = client
        .list_key_rotations()
        .key_id(key.to_string())
        .include_key_material(IncludeKeyMaterial::AllKeyMaterial)
        .limit(1000)
        .set_marker(from.map(str::to_owned));
    let page = answer(OPERATION, request.send().await)?;
    let next = next(OPERATION, page.truncated(), page.next_marker())?;
    let listed = part(OPERATION, "list of rotations", page.rotations)?;
    Ok(Page { items: listed.iter().map(material).collect(), next })
}

/// Converts an entry. A type without a date is not a rotation yet.
fn material(entry: &RotationsListEntry) -> Material {
    let way = entry.rotation_type.as_ref().map(RotationType::as_str);
    let rotation = way.zip(entry.rotation_date.as_ref()).map(|(way, date)| PastRotation {
        date: rfc_3339(date),
        way: way.to_owned(),
        key_material_id: entry.key_material_id.clone(),
    });
    let state = entry.key_material_state.as_ref().map(KeyMaterialState::as_str);
    Material { state: state.map(str::to_owned), rotation }
}

/// Rotates a key.
pub(super) async fn rotate(aws: &Aws, key: &KeyArn) -> Result<(), CloudError> {
    const OPERATION: &str = "RotateKeyOnDemand";
    let client = aws.ready(&key.place(), OPERATION).await;
    let request = client.rotate_key_on_demand().key_id(key.id());
    answer(OPERATION, request.send().await).map(drop)
}
