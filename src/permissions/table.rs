//! The table of the operations that kmsctl sends: the IAM actions that each needs, on which resources, and how far
//! AWS lets a policy bound them.
//!
//! A kind names its operations (`Facts::reads` and the enum of its calls); `tests/it/permissions.rs` checks that the
//! table has every operation that the code can send.

mod account;
mod databases;
mod domains;
mod kms;
mod storage;
mod trails;

use crate::kind::ConsumerKind;

/// The operations of one service.
#[derive(Clone, Copy, Debug)]
pub struct Service {
    /// The service, as the AWS CLI names it.
    pub name: &'static str,
    /// AWS's document that lists the actions, the resources and the condition keys.
    pub source: &'static str,
    /// The operations.
    pub operations: &'static [Operation],
}

/// The services.
pub const SERVICES: &[Service] = &[
    kms::KMS,
    account::IAM,
    account::STS,
    account::TAGGING,
    storage::EC2,
    storage::EFS,
    storage::S3,
    databases::RDS,
    databases::DYNAMODB,
    domains::OPENSEARCH,
    trails::CLOUDTRAIL,
];

/// What an operation does to its resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// It reads.
    Read,
    /// It creates the resource.
    Create,
    /// It changes the resource.
    Change,
    /// It deletes the resource.
    Delete,
}

/// Whether an operation or an action is needed, by the fields of the resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// Always.
    Always,
    /// If one of the fields is set.
    Set(&'static [&'static str]),
    /// If the field is the boolean.
    Is(&'static str, bool),
    /// If the key of the resource is a customer managed key.
    HasKey,
    /// If the key of the resource is declared as AWS's own.
    HasNoKey,
    /// If the rotation of the key is on or off.
    Rotates(bool),
    /// If a request may set tags of the resource.
    Tagged,
    /// If the key is a replica or not.
    IsReplica(bool),
}

/// An operation.
#[derive(Clone, Copy, Debug)]
pub struct Operation {
    /// The name in the API of the service.
    pub name: &'static str,
    /// What it does to its resource.
    pub stage: Stage,
    /// Whether a change of a resource can need it.
    pub when: When,
    /// The actions that the caller must be allowed. An operation without any cannot be denied by IAM policies of the
    /// caller's account alone.
    needs: &'static [Need],
    /// Further actions, which several operations share.
    shared: &'static [Need],
}

/// An action that a request needs.
#[derive(Clone, Copy, Debug)]
pub struct Need {
    /// The action, such as `kms:CreateKey`.
    pub action: &'static str,
    /// The resources.
    pub on: On,
    /// The conditions that bound the action.
    pub bounds: &'static [Bound],
    /// Whether the request needs it.
    pub when: When,
    /// The Sid of its statement; `None` if it follows from the kind and the stage.
    pub sid: Option<&'static str>,
    /// Why AWS checks the action besides that of the request, and AWS's document about it.
    pub dependent: Option<&'static str>,
    /// Whether kmsctl goes without it if it is denied.
    pub optional: bool,
}

/// The resources of an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum On {
    /// `*`, because the action supports no resource types, or is made before its resource exists.
    Everything,
    /// `*`, in an API without Regions.
    Global,
    /// The keys that the request is about.
    Key,
    /// The primary key of a replica.
    Primary,
    /// The alias.
    Alias,
    /// The resource itself.
    Own,
    /// Resources by their ARNs, in which `{P}`, `{R}`, `{A}` and `{id}` stand for the partition, the Region, the
    /// account and the identifier. Another name stands for the value of that field, for each of its entries, or for
    /// `*`.
    Arns(&'static [&'static str]),
}

/// A condition that bounds an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// The request sets the stack's tag and no other tags than the declared ones.
    NewTags,
    /// The request sets no other stack's tag, and no other tags than the declared ones.
    Tags,
    /// The request does not remove the tags that mark the stack's resources.
    KeepsMarks,
    /// A request that sets tags sets the stack's tag.
    NewTagsIfAny,
    /// The spec, usage, origin and Regions of a new key.
    KeyForm,
    /// The key is a multi-Region key.
    MultiRegion,
    /// KMS checks that the policy does not lock the caller out, unless the configuration allows that.
    LockoutCheck,
    /// The Region of the replica.
    ReplicaRegion,
    /// The new Region of the primary key.
    PrimaryRegion,
    /// The key has the name that it has in the stack. Its ARN would not do: a plan creates a key anew that was deleted
    /// outside of kmsctl.
    NamedKey,
    /// The key is the recorded one. A key without a record has the name that it has in the stack.
    RecordedKey,
    /// The waiting period of the deletion.
    DeletionWindow,
    /// The rotation period.
    RotationPeriod,
    /// The grantee, the operations and the retiring principal of the grant.
    Grant,
    /// A service, by its name in `kms:ViaService`, makes the request for the caller.
    Via(&'static str),
    /// The grant is for a resource of an AWS service.
    ForAwsResource,
    /// The request is part of the creation of the resource, by the condition key and the operation.
    CreateAction(&'static str, &'static str),
    /// The service of the service-linked role is that of the resource.
    OwnServiceName,
    /// The service of the service-linked role.
    ServiceName(&'static str),
}

impl Operation {
    const fn new(name: &'static str, stage: Stage, needs: &'static [Need]) -> Self {
        Self { name, stage, when: When::Always, needs, shared: &[] }
    }

    /// Returns the actions that the caller must be allowed.
    pub fn needs(&self) -> impl Iterator<Item = &'static Need> + use<> {
        self.needs.iter().chain(self.shared)
    }

    const fn shared(self, shared: &'static [Need]) -> Self {
        Self { shared, ..self }
    }

    const fn read(name: &'static str, needs: &'static [Need]) -> Self {
        Self::new(name, Stage::Read, needs)
    }

    const fn create(name: &'static str, needs: &'static [Need]) -> Self {
        Self::new(name, Stage::Create, needs)
    }

    const fn change(name: &'static str, needs: &'static [Need]) -> Self {
        Self::new(name, Stage::Change, needs)
    }

    const fn delete(name: &'static str, needs: &'static [Need]) -> Self {
        Self::new(name, Stage::Delete, needs)
    }

    const fn when(self, when: When) -> Self {
        Self { when, ..self }
    }
}

impl Need {
    const fn new(action: &'static str, on: On) -> Self {
        Self {
            action,
            on,
            bounds: &[],
            when: When::Always,
            sid: None,
            dependent: None,
            optional: false,
        }
    }

    const fn bounds(self, bounds: &'static [Bound]) -> Self {
        Self { bounds, ..self }
    }

    const fn when(self, when: When) -> Self {
        Self { when, ..self }
    }

    const fn sid(self, sid: &'static str) -> Self {
        Self { sid: Some(sid), ..self }
    }

    /// An action that AWS checks besides that of the request. No request for it leaves the program.
    const fn dependent(self, source: &'static str) -> Self {
        Self { dependent: Some(source), ..self }
    }

    const fn optional(self) -> Self {
        Self { optional: true, ..self }
    }
}

/// Returns an operation and its service.
#[must_use]
pub fn find(service: &str, name: &str) -> Option<(&'static Service, &'static Operation)> {
    let service = SERVICES.iter().find(|known| known.name == service)?;
    let operation = service.operations.iter().find(|operation| operation.name == name)?;
    Some((service, operation))
}

/// Returns the actions that a refresh needs to read the resources of a kind, such as `dynamodb:DescribeTable`,
/// separated by commas.
#[must_use]
pub fn reads(kind: ConsumerKind) -> String {
    let facts = kind.facts();
    let found = facts.reads.refresh.iter().filter_map(|read| find(facts.service, read.operation));
    let needs = found.flat_map(|(_, operation)| operation.needs());
    let actions: Vec<&str> = needs.map(|need| need.action).collect();
    actions.join(", ")
}

/// The actions by which an identity could raise its own rights: they decide who may use keys, or make roles.
pub const RAISING: &[&str] = &[
    "iam:CreateServiceLinkedRole",
    "iam:PassRole",
    "kms:CreateGrant",
    "kms:PutKeyPolicy",
    // The replica has the same key material, and the policy of the request.
    "kms:ReplicateKey",
    "kms:ScheduleKeyDeletion",
    "kms:TagResource",
    "kms:UntagResource",
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn no_operation_is_listed_twice_and_every_action_has_a_service() {
        let mut seen = BTreeSet::new();
        for service in SERVICES {
            for operation in service.operations {
                assert!(seen.insert((service.name, operation.name)), "{}", operation.name);
                for need in operation.needs() {
                    assert!(need.action.contains(':') && !need.action.contains('*'), "{need:?}");
                }
            }
        }
    }

    #[test]
    fn every_operation_has_a_need_of_its_own() {
        for service in SERVICES {
            for operation in service.operations {
                let own = operation.needs().any(|need| need.dependent.is_none());
                assert!(own || operation.name == "GetCallerIdentity", "{}", operation.name);
            }
        }
    }
}
