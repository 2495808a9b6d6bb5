//! The parts of EC2's answers that matter to volumes (EC2 API Reference).

use crate::sdk::query::List;
use serde::Deserialize;

/// A page of `DescribeVolumes`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Volumes {
    #[serde(default)]
    pub(super) volume_set: List<Volume>,
    pub(super) next_token: Option<String>,
}

/// A volume.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Volume {
    pub(super) volume_id: Option<String>,
    pub(super) size: Option<u32>,
    pub(super) snapshot_id: Option<String>,
    pub(super) availability_zone: Option<String>,
    #[serde(rename = "status")]
    pub(super) state: Option<String>,
    pub(super) volume_type: Option<String>,
    pub(super) iops: Option<u32>,
    pub(super) throughput: Option<u32>,
    pub(super) kms_key_id: Option<String>,
    pub(super) multi_attach_enabled: Option<bool>,
    #[serde(default)]
    pub(super) tag_set: List<Tag>,
}

/// A tag.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Tag {
    pub(super) key: Option<String>,
    pub(super) value: Option<String>,
}

/// A page of `DescribeVolumesModifications`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Modifications {
    #[serde(default)]
    pub(super) volume_modification_set: List<VolumeModification>,
    pub(super) next_token: Option<String>,
}

/// A modification of a volume.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct VolumeModification {
    pub(super) volume_id: Option<String>,
    pub(super) modification_state: Option<ModificationState>,
    pub(super) status_message: Option<String>,
    pub(super) target_size: Option<u32>,
    pub(super) target_iops: Option<u32>,
    pub(super) target_volume_type: Option<String>,
    pub(super) target_throughput: Option<u32>,
    pub(super) target_multi_attach_enabled: Option<bool>,
    /// The time in UTC, such as `2026-11-22T11:00:00.000Z`. All have this form, so later ones are greater.
    pub(super) start_time: Option<String>,
}

/// The state of a modification.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum ModificationState {
    /// The volume does not have the new settings yet.
    Modifying,
    /// The volume keeps its old settings.
    Failed,
    /// The volume has the new settings.
    #[serde(other)]
    Effective,
}

/// A page of `DescribeSnapshots`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Snapshots {
    #[serde(default)]
    pub(super) snapshot_set: List<Snapshot>,
    pub(super) next_token: Option<String>,
}

/// A snapshot.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Snapshot {
    pub(super) snapshot_id: Option<String>,
    pub(super) kms_key_id: Option<String>,
}

/// The answer to `CreateVolume`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Created {
    pub(super) volume_id: Option<String>,
}
