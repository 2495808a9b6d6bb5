//! The kinds of resources: the fields, calls and rules of each.
//!
//! The file of a kind contains its declared form (`Spec`), its AWS calls (`Call`), and the
//! conversion of a change to calls. There are two lists of kinds. [`kinds`] lists the resources of
//! KMS and IAM: keys, their policies, aliases, grants and service-linked roles. [`consumers`] lists
//! the resources that keys encrypt. To add a kind, add its file, its `aws.rs` and a line in one of
//! the lists; the compiler reports the remaining changes. Everything here is pure, except that the
//! `aws.rs` files use the SDK.

pub mod address;
pub mod alias;
pub(crate) mod aws;
pub mod bucket;
mod by_kind;
mod call;
mod change;
pub mod cloudtrail;
pub mod cloudtrail_event_data_store;
pub mod cloudtrail_trail;
pub mod consumer;
pub mod consumers;
pub mod declaration;
pub mod dynamodb_table;
pub mod ebs_default;
pub mod ebs_volume;
pub mod efs_file_system;
pub mod es_domain;
mod exchange;
mod facts;
pub mod grant;
pub mod key;
pub mod key_policy;
mod key_ref;
pub mod kinds;
pub mod outputs;
pub mod rds;
pub mod rds_cluster;
pub mod rds_instance;
mod resource;
pub mod s3_bucket;
pub mod service_linked_role;
mod shown;
pub mod tags;
pub mod values;

pub use address::Address;
pub use change::{Calls, Change, Retry, Violation};
pub use consumers::{ConsumerCall, ConsumerKind, ConsumerSpec};
pub(crate) use exchange::resolve;
pub use exchange::{CallBindings, ConsumerQuery, Object, Phase, Sight};
pub use key_ref::{Ids, KeyRef};
pub use kinds::{Call, Kind, Spec, calls};
pub use resource::{KeyFact, KeyFacts, Resource, Setting};
pub use shown::{Shown, shown};
