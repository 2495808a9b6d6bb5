//! CloudTrail.

use super::{Part, Settable, Text};
use crate::config::record::{choice, record};
use crate::config::{Named, Spanned};

record! {
    /// CloudTrail.
    pub struct Cloudtrail {
        /// Its trails, by their names.
        trails: Named<Part<Trail>>,
        /// Its event data stores, by their names.
        event_data_stores: Named<Part<EventDataStore>>,
    }
}

record! {
    /// A trail: writes what happens in the account to a bucket.
    pub struct Trail {
        /// What encrypts its log files: a key of the stack, an ARN, an alias, in the Region of the bucket; null for S3's own encryption.
        key: Settable<Text>,
        /// The bucket that it writes to; its policy must let CloudTrail do so, and is not kmsctl's.
        bucket: Option<Text>,
        /// What the names of its log files begin with; empty for nothing.
        prefix: Option<Text>,
        /// Whether it takes the events of all Regions.
        multi_region: Option<Spanned<bool>>,
        /// Whether it takes the events of all accounts of the organization; the stack's account must be the management account.
        organization: Option<Spanned<bool>>,
        /// Whether digests show that log files were changed.
        log_file_validation: Option<Spanned<bool>>,
        /// Whether it takes the events of services without a Region, such as IAM; needed where it takes those of all Regions.
        include_global_events: Option<Spanned<bool>>,
        /// Which events it takes; default of AWS: all that manage resources.
        event_selectors: Option<Spanned<Vec<EventSelector>>>,
        /// Which events it takes, said field by field, instead of `event_selectors`.
        advanced_event_selectors: Option<Spanned<Vec<AdvancedEventSelector>>>,
        /// Whether it logs; default true. A protected trail is not stopped.
        logging: Option<Spanned<bool>>,
        /// Who reads its log files: the key's policy lets them decrypt.
        log_readers: Option<Spanned<Vec<Text>>>,
        /// Its tags, beside those of `defaults`.
        tags: Option<Spanned<Named<Text>>>,
        /// The name of a trail that kmsctl did not make: only its key is managed.
        existing: Option<Text>,
        /// Whether statements of the key's policy follow from the trail; default true.
        derive_policy: Option<Spanned<bool>>,
        /// Refuse deletion and stopping; default true.
        protect: Option<Spanned<bool>>,
        /// Another Region than the stack's.
        region: Option<Text>,
    }
}

record! {
    /// Which events a trail takes.
    pub struct EventSelector {
        /// Events that read, that write, or all; default all.
        read_write_type: Option<ReadWriteType>,
        /// Whether events of the management of resources; default true.
        management_events: Option<Spanned<bool>>,
        /// Of which resources the events on data.
        data_resources: Vec<DataResource>,
        /// The services whose management events are left out.
        exclude_management_event_sources: Vec<ExcludedSource>,
    }
}

choice! {
    /// Which events.
    pub enum ReadWriteType {
        /// All.
        All = "All",
        /// Those that read.
        ReadOnly = "ReadOnly",
        /// Those that write.
        WriteOnly = "WriteOnly",
    }
}

choice! {
    /// A service whose management events can be left out.
    pub enum ExcludedSource {
        /// AWS KMS.
        Kms = "kms.amazonaws.com",
        /// The Data API of RDS.
        RdsData = "rdsdata.amazonaws.com",
    }
}

record! {
    /// Resources whose data events are taken.
    pub struct DataResource {
        /// Their type.
        r#type: DataResourceType,
        /// The beginnings of their ARNs, such as `arn:aws:s3:::bucket/`.
        @required values: Spanned<Vec<Text>>,
    }
}

choice! {
    /// A type of resources with data events; `advanced_event_selectors` have more.
    pub enum DataResourceType {
        /// Objects in S3.
        S3Object = "AWS::S3::Object",
        /// Functions of Lambda.
        LambdaFunction = "AWS::Lambda::Function",
        /// Tables of DynamoDB.
        DynamoDbTable = "AWS::DynamoDB::Table",
    }
}

record! {
    /// Which events are taken: those for which every field is as one of its values.
    pub struct AdvancedEventSelector {
        /// What people call it.
        name: Option<Text>,
        /// What must hold of each field; `eventCategory` is always among them.
        @required field_selectors: Spanned<Vec<FieldSelector>>,
    }
}

record! {
    /// What must hold of a field of an event.
    pub struct FieldSelector {
        /// The field, such as `eventCategory`, `resources.type` or `eventName`.
        field: Text,
        /// It is one of these.
        equals: Vec<Text>,
        /// It begins with one of these.
        starts_with: Vec<Text>,
        /// It ends with one of these.
        ends_with: Vec<Text>,
        /// It is none of these.
        not_equals: Vec<Text>,
        /// It begins with none of these.
        not_starts_with: Vec<Text>,
        /// It ends with none of these.
        not_ends_with: Vec<Text>,
    }
}

record! {
    /// An event data store of CloudTrail Lake: keeps events to be queried. AWS lets only accounts that had one before 2026-05-31 make one.
    pub struct EventDataStore {
        /// What encrypts it: a key of the stack, an ARN, an alias; null for a key of AWS's. It can be given later, once; it never changes.
        key: Settable<Text>,
        /// For how many days events are kept, 7 to 3653.
        retention_days: Option<Spanned<u32>>,
        /// Whether it takes the events of all Regions.
        multi_region: Option<Spanned<bool>>,
        /// Whether it takes the events of all accounts of the organization.
        organization: Option<Spanned<bool>>,
        /// Which events it takes; default of AWS: all that manage resources.
        advanced_event_selectors: Option<Spanned<Vec<AdvancedEventSelector>>>,
        /// Whether AWS refuses to delete it; default of AWS: true. kmsctl switches it off before a deletion that `protect` allows.
        termination_protection: Option<Spanned<bool>>,
        /// Who queries it and reads the results: the key's policy lets them.
        used_by: Option<Spanned<Vec<Text>>>,
        /// Narrow what CloudTrail may do with the key to stores of this account and Region (to this store, with `existing`). A second step: apply without it first, because AWS documents it for stores that are there.
        source_arn: Option<Spanned<bool>>,
        /// Its tags, beside those of `defaults`.
        tags: Option<Spanned<Named<Text>>>,
        /// The ARN of an event data store that kmsctl did not make: only its key is managed.
        existing: Option<Text>,
        /// Whether statements of the key's policy follow from the store; default true.
        derive_policy: Option<Spanned<bool>>,
        /// Refuse deletion; default true.
        protect: Option<Spanned<bool>>,
        /// Another Region than the stack's.
        region: Option<Text>,
    }
}
