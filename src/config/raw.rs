//! The configuration as it is written: which fields there are, and of which types.
//! Knows nothing of what they mean. The doc comments are the descriptions in the JSON Schema.

use serde_json::Value as Json;

mod cloudtrail;
mod dynamodb;
mod ebs;
mod efs;
mod es;
mod rds;

pub use cloudtrail::*;
pub use dynamodb::*;
pub use ebs::*;
pub use efs::*;
pub use es::*;
pub use rds::*;

use super::record::{choice, record};
use super::{Decode, Diagnostics, Named, Spanned};
use crate::tree::{Node, Span, Value};

/// Text with its position.
pub type Text = Spanned<String>;

/// A field that can be given as nothing: `key: null` says more than no `key`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settable<T> {
    /// Not given.
    Missing,
    /// Given as null, here.
    Null(Span),
    /// Given.
    Value(T),
}

impl<T: Decode> Decode for Settable<T> {
    fn decode(node: &Node, d: &mut Diagnostics) -> Option<Self> {
        match node.value {
            Value::Null => Some(Self::Null(node.span)),
            Value::Bool(_) | Value::Number(_) | Value::Text(_) | Value::List(_) | Value::Map(_) => {
                T::decode(node, d).map(Self::Value)
            }
        }
    }
    fn schema() -> Json {
        Option::<T>::schema()
    }
    fn missing() -> Option<Self> {
        Some(Self::Missing)
    }
}

/// A part whose errors do not hide those of its surroundings: `None` once they are reported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part<T>(pub Option<T>);

impl<T: Decode> Decode for Part<T> {
    fn decode(node: &Node, d: &mut Diagnostics) -> Option<Self> {
        Some(Self(T::decode(node, d)))
    }
    fn schema() -> Json {
        T::schema()
    }
    fn missing() -> Option<Self> {
        T::missing().map(|value| Self(Some(value)))
    }
}

record! {
    /// A stack: what kmsctl keeps as it is declared here.
    pub struct Stack {
        /// The stack's name: the ownership namespace, with one state.
        stack: Part<Option<Text>>,
        /// Refuse to run against any other account.
        account: Part<Option<Text>>,
        /// The Region; else the one of the AWS configuration.
        region: Part<Option<Text>>,
        /// Variables for `${var.NAME}`; null means that `--var` must give the value.
        vars: Part<Named<Option<Text>>>,
        /// What holds for every key that does not say otherwise.
        defaults: Part<Option<Defaults>>,
        /// Other accounts that calls may be made from.
        accounts: Part<Named<Part<Account>>>,
        /// The keys.
        keys: Part<Named<Part<Key>>>,
        /// EBS.
        ebs: Part<Option<Ebs>>,
        /// CloudTrail.
        cloudtrail: Part<Option<Cloudtrail>>,
        /// DynamoDB.
        dynamodb: Part<Option<Dynamodb>>,
        /// EC2 Auto Scaling.
        auto_scaling: Part<Option<AutoScaling>>,
        /// EFS.
        efs: Part<Option<Efs>>,
        /// Elasticsearch and OpenSearch.
        es: Part<Option<Es>>,
        /// RDS.
        rds: Part<Option<Rds>>,
        /// Roles of AWS services that policies and grants name: one that is missing is made.
        service_linked_roles: Part<Vec<Part<ServiceLinkedRole>>>,
        /// What is demanded of every key, for pipelines.
        gates: Part<Option<Gates>>,
        /// What kmsctl stops managing without touching it in AWS.
        removed: Part<Vec<Part<Removed>>>,
        /// How `kmsctl lint` judges.
        lint: Part<Option<Lint>>,
    }
}

record! {
    /// How `kmsctl lint` judges.
    pub struct Lint {
        /// Findings that do not count for a while.
        waivers: Vec<Part<Waiver>>,
    }
}

record! {
    /// A finding that does not count for a while.
    pub struct Waiver {
        /// The rule: its id or its name.
        rule: Text,
        /// For what: `kind/name`.
        address: Text,
        /// Why.
        reason: Text,
        /// The last day it holds, such as `2027-01-31`.
        until: Text,
    }
}

record! {
    /// What holds for every key that does not say otherwise.
    pub struct Defaults {
        /// Tags that every key gets.
        tags: Option<Named<Text>>,
        /// Rotation of the keys whose spec and origin can rotate.
        rotation: Option<Rotation>,
        /// How many days a deletion waits, 7 to 30.
        deletion_window_days: Option<Spanned<u32>>,
        /// Whether deletion and disabling are refused.
        protect: Option<Spanned<bool>>,
    }
}

record! {
    /// Another account that calls may be made from.
    pub struct Account {
        /// Its id, 12 digits.
        id: Text,
        /// The role to assume there: `role/NAME` or an ARN.
        role: Text,
    }
}

record! {
    /// A KMS key.
    pub struct Key {
        /// Shown in the console, at most 8192 characters.
        description: Option<Text>,
        /// Its names; `alias/` may be left out.
        aliases: Vec<Text>,
        /// Its tags, beside those of `defaults`.
        tags: Option<Spanned<Named<Text>>>,
        /// Whether the key can be used.
        enabled: Option<Spanned<bool>>,
        /// Automatic rotation.
        rotation: Option<Rotation>,
        /// Who can do what with the key.
        policy: Option<Policy>,
        /// Grants on the key.
        grants: Named<Part<Grant>>,
        /// Refuse deletion and disabling; default true.
        protect: Option<Spanned<bool>>,
        /// How many days a deletion waits, 7 to 30; default 30.
        deletion_window_days: Option<Spanned<u32>>,
        /// Another Region than the stack's.
        region: Option<Text>,
        /// AWS's name of the key spec; fixed at creation.
        spec: Option<Text>,
        /// AWS's name of the usage; fixed at creation.
        usage: Option<Text>,
        /// Where the key material comes from; fixed at creation.
        origin: Option<Text>,
        /// Whether replicas can be made; fixed at creation.
        multi_region: Option<Spanned<bool>>,
        /// Replicas of a multi-Region key, by their Regions.
        replicas: Named<Part<Replica>>,
        /// The custom key store that holds the key; fixed at creation.
        custom_key_store_id: Option<Text>,
        /// The key's id in an external key store; fixed at creation.
        xks_key_id: Option<Text>,
        /// Take an existing key over instead of creating one: `alias/NAME`, a key id or an ARN.
        adopt: Option<Text>,
        /// The ARN of a key of somebody else, of which only aliases and grants are managed.
        existing: Option<Text>,
    }
}

record! {
    /// A replica of a multi-Region key: it has the id, the material and the rotation of its primary, and all else of its own.
    pub struct Replica {
        /// Shown in the console, at most 8192 characters.
        description: Option<Text>,
        /// Its names in its Region; `alias/` may be left out.
        aliases: Vec<Text>,
        /// Its tags, beside those of `defaults`.
        tags: Option<Spanned<Named<Text>>>,
        /// Whether it can be used.
        enabled: Option<Spanned<bool>>,
        /// Who can do what with it; default: AWS's own policy, and not that of its primary.
        policy: Option<Policy>,
        /// Refuse deletion and disabling; default true.
        protect: Option<Spanned<bool>>,
        /// How many days a deletion waits, 7 to 30; default 30.
        deletion_window_days: Option<Spanned<u32>>,
    }
}

record! {
    /// Automatic rotation.
    pub struct Rotation {
        /// Whether the key rotates; default true.
        enabled: Option<Spanned<bool>>,
        /// How many days lie between rotations, 90 to 2560; default 365.
        period_days: Option<Spanned<u32>>,
    }
}

record! {
    /// Who can do what with the key: by role, or a whole document.
    pub struct Policy {
        /// Principals that administer the key.
        administrators: Option<Spanned<Vec<Text>>>,
        /// Principals that use the key, also through AWS services.
        users: Option<Spanned<Vec<Text>>>,
        /// Principals that only decrypt.
        decrypt_only: Option<Spanned<Vec<Text>>>,
        /// Principals that only encrypt.
        encrypt_only: Option<Spanned<Vec<Text>>>,
        /// Whether the account's IAM policies count; default true.
        delegate_to_iam: Option<Spanned<bool>>,
        /// Further statements, as AWS writes them.
        statements: Option<Spanned<Vec<Node>>>,
        /// Whether the whole policy is kmsctl's, or only its own statements in it; default: the whole.
        ownership: Option<Spanned<Ownership>>,
        /// A whole document instead of the fields above: a path to a JSON file, or inline.
        document: Option<Node>,
        /// Why a policy that could lock everybody out is wanted.
        allow_lockout: Option<Text>,
    }
}

choice! {
    /// What of a policy is kmsctl's.
    pub enum Ownership {
        /// All of it: what is not declared goes.
        Exclusive = "exclusive",
        /// Its own statements, by their Sids: the others stay as they are.
        Shared = "shared",
    }
}

record! {
    /// A grant on a key.
    pub struct Grant {
        /// Who may use the key.
        grantee: Text,
        /// AWS's names of the operations.
        @required operations: Spanned<Vec<Text>>,
        /// Who may retire the grant.
        retiring: Option<Text>,
        /// The encryption context that a caller must present.
        constraints: Option<Constraints>,
        /// The entry of `accounts` that issues the grant; default: the stack's account.
        account: Option<Text>,
    }
}

record! {
    /// The encryption context that a caller must present.
    pub struct Constraints {
        /// Exactly these pairs.
        encryption_context_equals: Option<Spanned<Named<Text>>>,
        /// At least these pairs.
        encryption_context_subset: Option<Spanned<Named<Text>>>,
    }
}

record! {
    /// The role of an AWS service: made where it is missing, never changed and never deleted.
    pub struct ServiceLinkedRole {
        /// The service's principal, such as `autoscaling.amazonaws.com`.
        service: Text,
        /// What tells it apart from the service's other roles; only for `autoscaling.amazonaws.com`.
        suffix: Option<Text>,
    }
}

record! {
    /// What is demanded of every key, for pipelines: a plan that does not pass is refused.
    pub struct Gates {
        /// No key policy and no grant gives more than this policy: a path to a JSON file, or inline.
        reference: Option<Node>,
        /// No change gives more than this plan: a file that `kmsctl plan --out` wrote, of the branch to merge into.
        base: Option<Text>,
        /// Access that nobody may have.
        forbidden: Vec<Part<Forbidden>>,
        /// The accounts besides its own that may have access to a key; the public never may.
        accounts: Option<Vec<Text>>,
        /// How many principals may lose access to a key by one change.
        removals: Option<Spanned<u32>>,
    }
}

record! {
    /// Access that nobody may have.
    pub struct Forbidden {
        /// Principals and services; `*` for all but those whom the account's IAM policies allow.
        @required principals: Vec<Text>,
        /// Actions and patterns of actions, such as `kms:Put*`.
        @required actions: Vec<Text>,
    }
}

record! {
    /// Something that kmsctl stops managing.
    pub struct Removed {
        /// What: `kind/name`.
        address: Text,
        /// How.
        action: Action,
    }
}

choice! {
    /// How something leaves the stack.
    pub enum Action {
        /// AWS is not touched.
        Forget = "forget",
    }
}
