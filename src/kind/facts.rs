//! The facts about a kind of consumer that the rest of kmsctl uses.

use super::tags::TagRules;

/// The intervals, in seconds, at which kmsctl asks AWS whether an operation has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// The delay before the first request.
    pub first: u64,
    /// The longest delay between two requests. Each delay is 1.5 times as long as the one before.
    pub most: u64,
    /// The time after which kmsctl stops waiting.
    pub limit: u64,
}

/// The way in which AWS identifies a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Identity {
    /// The name in the configuration identifies it.
    Name,
    /// An id that AWS assigns identifies it.
    Id,
    /// The Region identifies it: each Region of an account has exactly one.
    Single,
}

/// The accounts whose keys a service accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyAccount {
    /// Only the resource's own account.
    Own,
    /// Any account, if the key's policy allows it.
    Any,
}

/// The Region that a service requires the key to be in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyRegion {
    /// The resource's own Region.
    Own,
    /// The Region of the bucket that the resource writes to, which only AWS reports.
    Bucket,
}

/// How ARNs identify the resources of a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ArnForm {
    /// The type of the resource in the Resource Groups Tagging API, such as `dynamodb:table`.
    pub resource_type: &'static str,
    /// The service in the ARN.
    pub service: &'static str,
    /// The beginning of the ARN's last part, before the id.
    pub prefix: &'static str,
    /// Whether the id is the whole ARN.
    pub is_id: bool,
}

impl ArnForm {
    /// Returns the id of a resource of the kind; `None` for the ARNs of other resources.
    #[must_use]
    pub fn id(&self, arn: &str) -> Option<String> {
        let mut parts = arn.splitn(6, ':').skip(2);
        let (service, resource) = (parts.next()?, parts.nth(2)?);
        let id = resource.strip_prefix(self.prefix)?;
        if service != self.service {
            return None;
        }
        Some(if self.is_id { arn.to_owned() } else { id.to_owned() })
    }
}

/// The operations that read the resources of a kind, by their names in the API of the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reads {
    /// Those of a refresh.
    pub refresh: &'static [Read],
    /// Those that apply repeats while it waits for a resource.
    pub watch: &'static [&'static str],
    /// Those that list all resources, and their snapshots, to find what depends on a key.
    pub list: &'static [&'static str],
}

/// An operation of a refresh.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Read {
    /// The name of the operation.
    pub operation: &'static str,
    /// The fields that only this operation reads: it is sent if one of them is declared or recorded. Without fields it
    /// is always sent.
    pub fields: &'static [&'static str],
}

impl Read {
    /// Creates an operation that every refresh sends.
    #[must_use]
    pub const fn always(operation: &'static str) -> Self {
        Self { operation, fields: &[] }
    }

    /// Creates an operation that is sent if one of the fields is declared or recorded.
    #[must_use]
    pub const fn of(operation: &'static str, fields: &'static [&'static str]) -> Self {
        Self { operation, fields }
    }
}

/// The snapshots of a kind of resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Snapshots {
    /// The name in reports for programs, such as `ebs_snapshot`.
    pub what: &'static str,
    /// AWS's name of one of them, such as `EBS snapshot`.
    pub noun: &'static str,
}

/// The facts about a kind of consumer that the rest of kmsctl uses. Every kind sets every field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts {
    /// AWS's name of a resource, such as `EBS volume`.
    pub noun: &'static str,
    /// The AWS service, as the CLI and CloudTrail name it.
    pub service: &'static str,
    /// The operations that read the resources.
    pub reads: Reads,
    /// The intervals at which kmsctl asks AWS whether an operation has ended.
    pub pace: Pace,
    /// The way in which AWS identifies a resource.
    pub identity: Identity,
    /// Whether a name or id is unique in the whole partition, and not only in an account and a Region.
    pub names_are_global: bool,
    /// The service that holds grants on the key for a resource, as the grants name it. AWS retires the
    /// grants with the service's last resource.
    pub grants_of: Option<&'static str>,
    /// The accounts whose keys the service accepts.
    pub key_account: KeyAccount,
    /// The Region that the service requires the key to be in.
    pub key_region: KeyRegion,
    /// How ARNs identify the resources; `None` if kmsctl sets no tags on them.
    pub arn: Option<ArnForm>,
    /// The resource's snapshots, which stay encrypted with the key after the resource has been deleted; `None` if it
    /// has none.
    pub copies: Option<Snapshots>,
    /// Whether the resource holds the data that its key encrypts, so that nothing but copies needs the key once the
    /// resource is deleted or has another key.
    pub holds_data: bool,
    /// The rules for tags; `None` if kmsctl sets no tags on the resources.
    pub tags: Option<TagRules>,
    /// Whether AWS reserves the name of a deleted resource for some time.
    pub keeps_deleted_names: bool,
}

impl Facts {
    /// Returns whether each Region of an account has exactly one resource of the kind.
    #[must_use]
    pub fn is_single(&self) -> bool {
        self.identity == Identity::Single
    }
}
