//! The records of the configuration: the fields and their types. The doc comments are the descriptions
//! in the JSON Schema. The fields of the consumers are in `kind`.

mod auto_scaling;
mod forms;
pub(super) mod stack;

pub use auto_scaling::{AutoScaling, AutoScalingGroup, RoleIs};
pub use stack::{Consumer, Reference, Stack, StackFields};

use crate::decode::{Named, Part, Spanned, Text, choice, record};
use crate::id::{AccountId, AliasName, KeyArn, Name, Region, RoleSuffix};
use crate::tree::Node;

record! {
    /// Settings of `kmsctl lint`.
    pub struct Lint {
        /// Findings that do not count until a date. A waiver needs a reason and a last day; after that day
        /// the finding counts again, and the lapsed waiver is a finding of its own. `kmsctl lint -v`
        /// shows waived findings, and SARIF has them as suppressed. A gate cannot be waived.
        waivers: Vec<Part<Waiver>>,
    }
}

record! {
    /// An entry, such as `{rule: service-unbounded, address: key/lake, reason: the store does not exist yet, until:
    /// 2027-01-31}`.
    pub struct Waiver {
        /// The rule, by its id or its name: `KMS302` or `service-unbounded`.
        @like(forms::waivable) rule: Text,
        /// The address of the key, such as `key/lake`.
        @like(forms::address) address: Text,
        /// The reason why the finding is accepted, such as `the store does not exist yet`.
        @like(forms::reason) reason: Text,
        /// The last day of the waiver, such as `2027-01-31`.
        @like(forms::day) until: Text,
    }
}

record! {
    /// Settings of every key and resource that does not set its own.
    pub struct Defaults {
        /// Tags of every key and every resource.
        @map(forms::any_tags) @like(forms::any_tag)
        tags: Option<Named<Text>>,
        /// Rotation of every key whose spec and origin allow it.
        rotation: Option<Rotation>,
        /// Days that the deletion of a key waits, 7 to 30.
        @like(forms::deletion_days) deletion_window_days: Option<Spanned<u32>>,
        /// Whether deletion of keys and resources, and disabling of keys, are refused.
        protect: Option<Spanned<bool>>,
    }
}

record! {
    /// An entry, such as `{id: "111122223333", role: role/kmsctl}`.
    pub struct Account {
        /// The account's id, 12 digits.
        @like(AccountId::schema) id: Text,
        /// The role to assume in that account: `role/NAME` or an ARN.
        @like(forms::role) role: Text,
    }
}

record! {
    /// A KMS key.
    pub struct Key {
        /// The description that the console shows, at most 8192 characters.
        @like(forms::description) description: Option<Text>,
        /// The key's aliases; `alias/` may be left out. Aliases that the configuration never named are left alone.
        @like(AliasName::schema) aliases: Vec<Text>,
        /// Its tags, in addition to those of `defaults`.
        @map(forms::key_tags) @like(forms::key_tag_values)
        tags: Option<Spanned<Named<Text>>>,
        /// Whether the key is enabled.
        enabled: Option<Spanned<bool>>,
        /// Automatic rotation of the key material.
        rotation: Option<Rotation>,
        /// The key policy. Without it, a new key gets AWS's default policy, which leaves access to the
        /// account's IAM policies, and the policy of an existing key is left alone.
        policy: Option<Policy>,
        /// Grants on the key, by names of yours. Other grants on the key are left alone, and those that no AWS
        /// service created are reported.
        @names(Name::schema) grants: Named<Part<Grant>>,
        /// Grants that others created on the key and that you accept, with the reasons: they are not reported.
        /// Name a grant here if it shall stay. Any other grant that neither the stack nor an AWS service created is
        /// reported, because it gives access that the policy does not show.
        foreign_grants: Vec<Part<ForeignGrant>>,
        /// Whether deletion and disabling are refused; default: true.
        protect: Option<Spanned<bool>>,
        /// Days that a deletion waits, 7 to 30; default: 30.
        @like(forms::deletion_days) deletion_window_days: Option<Spanned<u32>>,
        /// Its Region, if not the stack's.
        @like(Region::schema) region: Option<Text>,
        /// The key spec, as AWS names it; default: `SYMMETRIC_DEFAULT`. Fixed at creation.
        @like(forms::specs) spec: Option<Text>,
        /// The key usage, as AWS names it, such as `ENCRYPT_DECRYPT` or `SIGN_VERIFY`; fixed at
        /// creation.
        @like(forms::usages) usage: Option<Text>,
        /// The source of the key material, as AWS names it: `AWS_KMS` (default), `EXTERNAL`,
        /// `AWS_CLOUDHSM` or `EXTERNAL_KEY_STORE`. Fixed at creation.
        @like(forms::origins) origin: Option<Text>,
        /// Whether the key can be replicated to other Regions; fixed at creation.
        multi_region: Option<Spanned<bool>>,
        /// The Region of the primary key of a multi-Region key: the key's own Region or that of a replica. Another one
        /// makes the replica there the primary key (`UpdatePrimaryRegion`). Without it, the primary key stays where
        /// it is.
        @like(Region::schema) primary_region: Option<Text>,
        /// Replicas of a multi-Region key, by their Regions. A consumer names one as `key: NAME/REGION`.
        @names(Region::schema) replicas: Named<Part<Replica>>,
        /// The id of the custom key store that holds the key; fixed at creation.
        @like(forms::key_store) custom_key_store_id: Option<Text>,
        /// The id of the key in an external key store; fixed at creation.
        @like(forms::xks_key) xks_key_id: Option<Text>,
        /// An existing key to take over instead of creating one: `alias/NAME`, a key id or an ARN. An id or an ARN
        /// proves that the key is meant, so its tags stay as they are.
        @like(forms::adopted_key) adopt: Option<Text>,
        /// Whether a key that is taken over gets the tags of the stack, `kmsctl:stack` and `kmsctl:name`; default: only
        /// if `adopt` is an alias. Without them kmsctl never deletes the key. A tag can give access (attribute-based
        /// access control).
        tag: Option<Spanned<bool>>,
        /// The ARN of a key that is not the stack's. Only its aliases, its grants and the stack's own
        /// statements in its policy are managed.
        @like(KeyArn::schema) existing: Option<Text>,
    }
}

record! {
    /// A replica of a multi-Region key: it shares the id, the material and the rotation of its primary; everything else
    /// is its own.
    pub struct Replica {
        /// The description that the console shows, at most 8192 characters.
        @like(forms::description) description: Option<Text>,
        /// The replica's aliases in its Region; `alias/` may be left out.
        @like(AliasName::schema) aliases: Vec<Text>,
        /// Its tags, in addition to those of `defaults`.
        @map(forms::key_tags) @like(forms::key_tag_values)
        tags: Option<Spanned<Named<Text>>>,
        /// Whether the replica is enabled.
        enabled: Option<Spanned<bool>>,
        /// The replica's key policy; default: AWS's default policy, not that of the primary.
        policy: Option<Policy>,
        /// Grants on the replica, by names of yours. Grants on the primary do not apply to it.
        @names(Name::schema) grants: Named<Part<Grant>>,
        /// Grants that others created on the replica and that you accept, with the reasons: they are not reported.
        /// Name a grant here if it shall stay. Any other grant that neither the stack nor an AWS service created is
        /// reported, because it gives access that the policy does not show.
        foreign_grants: Vec<Part<ForeignGrant>>,
        /// Whether deletion and disabling are refused; default: true.
        protect: Option<Spanned<bool>>,
        /// Days that a deletion waits, 7 to 30; default: 30.
        @like(forms::deletion_days) deletion_window_days: Option<Spanned<u32>>,
    }
}

record! {
    /// KMS adds new key material at each rotation; older data stays readable.
    pub struct Rotation {
        /// Whether the key rotates; default: true.
        enabled: Option<Spanned<bool>>,
        /// Days between rotations, 90 to 2560; default: 365.
        @like(forms::rotation_days) period_days: Option<Spanned<u32>>,
    }
}

record! {
    /// A key policy: built from lists of principals, or a whole document. Built from lists, its statements are those of
    /// the AWS console.
    pub struct Policy {
        /// Principals that administer the key: they may change the policy, grants, tags, aliases and
        /// settings, and disable and delete the key. `kmsctl explain principals` says how to write them.
        @like(forms::principal_in_policy) administrators: Option<Spanned<Vec<Text>>>,
        /// Principals that encrypt and decrypt with the key, also through AWS services.
        @like(forms::principal_in_policy) users: Option<Spanned<Vec<Text>>>,
        /// Principals that only decrypt.
        @like(forms::principal_in_policy) decrypt_only: Option<Spanned<Vec<Text>>>,
        /// Principals that only encrypt.
        @like(forms::principal_in_policy) encrypt_only: Option<Spanned<Vec<Text>>>,
        /// Whether IAM policies of the key's account can allow access too (the statement for the account's
        /// root); default: true, with `ownership: shared` false. A new key with `ownership: shared` begins with AWS's
        /// default policy, which has this statement.
        delegate_to_iam: Option<Spanned<bool>>,
        /// Further statements, written as in a JSON policy, in YAML. A principal is an ARN or, as in `{AWS:
        /// role/NAME}`, a short form; `${aws.key_arn}` is the key's own ARN.
        @any(forms::statement)
        statements: Option<Spanned<Vec<Node>>>,
        /// Whether the whole policy is the stack's, or only its own statements in it; default: `exclusive`. The stack's
        /// statements in a `shared` policy are those by role, those under `statements`, each with a `Sid`, and those
        /// that consumers need; kmsctl puts `kmsctl STACK` before the `Sid` and leaves all others as they are.
        ownership: Option<Spanned<Ownership>>,
        /// What a live policy must have in common with this one to be left as it is; default: `access`. `shared`
        /// policies are always compared by their text.
        text: Option<Spanned<PolicyText>>,
        /// The whole policy, instead of the fields above: the path of a JSON file beside the configuration,
        /// or the policy itself, as YAML or as a block of JSON text. `${aws.key_arn}` in it is the key's own ARN.
        @any(forms::document)
        document: Option<Node>,
        /// The reason why a policy is accepted with which the key could become unmanageable;
        /// without it, a plan refuses such a policy.
        @like(forms::reason)
        allow_lockout: Option<Text>,
    }
}

choice! {
    /// The part of a policy that belongs to the stack.
    pub enum Ownership {
        /// The whole policy: statements that are not declared are removed.
        Exclusive = "exclusive",
        /// Only the stack's own statements, identified by their `Sid`: all others stay unchanged.
        Shared = "shared",
    }
}

choice! {
    /// What a live policy must have in common with the declared one to be left as it is.
    pub enum PolicyText {
        /// The access: a policy that is written differently, and certainly gives the same access, now and to actions
        /// that AWS may add, is not replaced.
        Access = "access",
        /// The text: a policy that is written differently is replaced. Order, repetition and the spelling of accounts
        /// do not count.
        Exact = "exact",
    }
}

record! {
    /// A grant on a key.
    pub struct Grant {
        /// The principal that may use the key. A service, such as `dynamodb.amazonaws.com`, also needs
        /// `retiring` and `constraints: {source_arn: ARN}`.
        @like(forms::grant_principal) grantee: Text,
        /// The operations that the grant allows, as AWS names them, such as `Decrypt`.
        @required @list(forms::not_empty) @like(forms::operations)
        operations: Spanned<Vec<Text>>,
        /// The principal that may retire the grant: an identity or a service.
        @like(forms::grant_principal) retiring: Option<Text>,
        /// What a request must have.
        constraints: Option<Constraints>,
        /// The entry of `accounts` from which the grant is created; default: the stack's account.
        account: Option<Text>,
        /// The id of an existing grant to take over instead of creating one.
        adopt: Option<Text>,
    }
}

record! {
    /// Grants of another owner that are accepted: one by its id, or all of a grantee.
    pub struct ForeignGrant {
        /// The id of the grant.
        id: Option<Text>,
        /// The grantee of the grants.
        @like(forms::principal) grantee: Option<Text>,
        /// Why the grants are accepted.
        @like(forms::reason) reason: Text,
    }
}

record! {
    /// What a request must have for a grant to allow it.
    pub struct Constraints {
        /// The encryption context is exactly these pairs.
        @like(forms::context) @map(forms::pairs)
        encryption_context_equals: Option<Spanned<Named<Text>>>,
        /// The encryption context has at least these pairs; not with `encryption_context_equals`.
        @like(forms::context) @map(forms::pairs)
        encryption_context_subset: Option<Spanned<Named<Text>>>,
        /// The ARN of the resource that a service acts for.
        @like(forms::source_arn) source_arn: Option<Text>,
    }
}

record! {
    /// The service-linked role of an AWS service: created if it is missing, never changed and never deleted.
    pub struct ServiceLinkedRole {
        /// The service principal, such as `autoscaling.amazonaws.com`.
        @like(forms::services) service: Text,
        /// The custom suffix of the role's name; only for `autoscaling.amazonaws.com`.
        @like(RoleSuffix::schema) suffix: Option<Text>,
    }
}

record! {
    /// A gate passes only if that is certain: `plan` blocks a change that does not pass, `lint` reports it, and a
    /// waiver has no effect. A gate checks the whole policy that a plan writes, including derived statements and those
    /// of other owners. Access that the policy leaves to IAM policies of the key's own account is not checked.
    pub struct Gates {
        /// No key policy and no grant may give more access than this policy: the path of a JSON file, or
        /// the policy itself.
        @any(forms::document)
        reference: Option<Node>,
        /// No policy may give more access than the same key's policy in this saved plan (written by
        /// `kmsctl plan --out FILE`), usually of the branch to merge into. A key that exists and is not in it may not
        /// give more access than it gives now. Grants are not compared.
        base: Option<Text>,
        /// Access that must not exist.
        forbidden: Vec<Part<Forbidden>>,
        /// The other accounts that may have access to a key. Public access never passes.
        @like(AccountId::schema) accounts: Option<Vec<Text>>,
        /// The number of principals that may lose access to a key by one change: of its policy, by revoked grants, or
        /// because the key is disabled or deleted.
        removals: Option<Spanned<u32>>,
    }
}

record! {
    /// Access that must not exist.
    pub struct Forbidden {
        /// Principals and services; `*` stands for everyone except principals that only IAM policies of the
        /// key's account allow, and an account for its users and roles too.
        @required @like(forms::forbidden_principal)
        principals: Vec<Text>,
        /// Actions and patterns of actions, such as `kms:Decrypt` and `kms:Put*`.
        @required
        @like(forms::actions)
        actions: Vec<Text>,
    }
}

record! {
    /// An entry, such as `{from: key/old, to: key/new}`.
    pub struct Moved {
        /// The old address, such as `key/old`.
        @like(forms::moved_key) from: Text,
        /// The new address, such as `key/new`.
        @like(forms::moved_key) to: Text,
    }
}

record! {
    /// An entry, such as `{address: key/old, action: forget}`.
    pub struct Removed {
        /// The address of the resource, such as `key/old`; for `delete` the ARN of a key.
        @like(forms::removed) address: Text,
        /// The action.
        action: Action,
        /// Whether the stack's tags are taken off a key that is forgotten, so that another stack can take it over;
        /// default: false.
        untag: Option<Spanned<bool>>,
    }
}

record! {
    /// An entry, such as `{address: key/app, reason: the key is compromised}`.
    pub struct AcceptUse {
        /// The address of the key, such as `key/app`.
        @like(forms::key_address) address: Text,
        /// The reason, which the plan shows, such as `the key is compromised`.
        @like(forms::reason) reason: Text,
    }
}

choice! {
    /// The way in which a resource leaves the stack.
    pub enum Action {
        /// The record is removed; AWS is not touched, unless `untag` is true.
        Forget = "forget",
        /// The deletion of the key is scheduled. The key must carry the tags of a key for which the stack uses
        /// another key, and must not have been used.
        Delete = "delete",
    }
}
