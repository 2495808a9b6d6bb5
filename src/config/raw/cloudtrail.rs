//! CloudTrail.

use super::{Part, Settable, Text};
use crate::config::record::{choice, record};
use crate::config::{Named, Spanned};

record! {
    /// CloudTrail.
    pub struct Cloudtrail {
        /// Trails, by their names in AWS.
        trails: Named<Part<Trail>>,
        /// Event data stores, by their names in AWS.
        event_data_stores: Named<Part<EventDataStore>>,
    }
}

record! {
    /// A CloudTrail trail, which records the events of the account in a bucket. The bucket must exist; its policy is not
    /// managed. A protected trail is neither deleted nor stopped.
    pub struct Trail {
        /// The key that encrypts the log files: the name of a key of the stack, or the ARN or an alias of
        /// another key; null for S3's own encryption. It must be in the Region of the bucket.
        key: Settable<Text>,
        /// The bucket for the log files; required unless `existing` is given. kmsctl does not manage its
        /// policy, which must let CloudTrail write; a plan says what the policy lacks (it reads with
        /// `s3:ListBucket` and `s3:GetBucketPolicy`).
        bucket: Option<Text>,
        /// The prefix of the names of the log files; empty for none.
        prefix: Option<Text>,
        /// Whether it records the events of all Regions.
        multi_region: Option<Spanned<bool>>,
        /// Whether it records the events of all accounts of the organization; the stack's account must be
        /// the management account.
        organization: Option<Spanned<bool>>,
        /// Whether CloudTrail writes digest files, which show whether log files were changed.
        log_file_validation: Option<Spanned<bool>>,
        /// Whether it records the events of global services, such as IAM; required if it records all
        /// Regions.
        include_global_events: Option<Spanned<bool>>,
        /// The events that it records; default of AWS: all management events.
        event_selectors: Option<Spanned<Vec<EventSelector>>>,
        /// The events that it records, chosen field by field, instead of `event_selectors`.
        advanced_event_selectors: Option<Spanned<Vec<AdvancedEventSelector>>>,
        /// Whether it logs; default: true. A protected trail is not stopped.
        logging: Option<Spanned<bool>>,
        /// Principals that read the log files: a derived statement lets them decrypt.
        log_readers: Option<Spanned<Vec<Text>>>,
        /// Its tags, in addition to those of `defaults`.
        tags: Option<Spanned<Named<Text>>>,
        /// The name of a trail that kmsctl did not create: only its key is managed.
        existing: Option<Text>,
        /// Whether the statements that the trail needs are added to the key's policy; default: true.
        derive_policy: Option<Spanned<bool>>,
        /// Whether deletion and stopping are refused; default: true.
        protect: Option<Spanned<bool>>,
        /// Its Region, if not the stack's.
        region: Option<Text>,
    }
}

record! {
    /// Events that a trail records.
    pub struct EventSelector {
        /// Read events, write events or all; default: `All`.
        read_write_type: Option<ReadWriteType>,
        /// Whether management events are recorded; default: true.
        management_events: Option<Spanned<bool>>,
        /// The resources whose data events are recorded.
        data_resources: Vec<DataResource>,
        /// Services whose management events are not recorded.
        exclude_management_event_sources: Vec<ExcludedSource>,
    }
}

choice! {
    /// Read events, write events or all.
    pub enum ReadWriteType {
        /// All events.
        All = "All",
        /// Read events.
        ReadOnly = "ReadOnly",
        /// Write events.
        WriteOnly = "WriteOnly",
    }
}

choice! {
    /// A service whose management events can be excluded.
    pub enum ExcludedSource {
        /// AWS KMS.
        Kms = "kms.amazonaws.com",
        /// The RDS Data API.
        RdsData = "rdsdata.amazonaws.com",
    }
}

record! {
    /// Resources whose data events are recorded.
    pub struct DataResource {
        /// The type of the resources.
        r#type: DataResourceType,
        /// Prefixes of their ARNs, such as `arn:aws:s3:::bucket/`.
        @required values: Spanned<Vec<Text>>,
    }
}

choice! {
    /// A type of resource with data events; `advanced_event_selectors` know more types.
    pub enum DataResourceType {
        /// S3 objects.
        S3Object = "AWS::S3::Object",
        /// Lambda functions.
        LambdaFunction = "AWS::Lambda::Function",
        /// DynamoDB tables.
        DynamoDbTable = "AWS::DynamoDB::Table",
    }
}

record! {
    /// Events that are recorded: those that meet all conditions on their fields.
    pub struct AdvancedEventSelector {
        /// A name for people.
        name: Option<Text>,
        /// Conditions on fields of an event, all of which it must meet; one on `eventCategory` is required.
        @required field_selectors: Spanned<Vec<FieldSelector>>,
    }
}

record! {
    /// A condition on a field of an event.
    pub struct FieldSelector {
        /// The field, such as `eventCategory`, `resources.type` or `eventName`.
        field: Text,
        /// The field equals one of these.
        equals: Vec<Text>,
        /// The field begins with one of these.
        starts_with: Vec<Text>,
        /// The field ends with one of these.
        ends_with: Vec<Text>,
        /// The field equals none of these.
        not_equals: Vec<Text>,
        /// The field begins with none of these.
        not_starts_with: Vec<Text>,
        /// The field ends with none of these.
        not_ends_with: Vec<Text>,
    }
}

record! {
    /// An event data store of CloudTrail Lake, which keeps events for queries. Only accounts that had one before
    /// 2026-05-31 can create one.
    pub struct EventDataStore {
        /// The key that encrypts it: the name of a key of the stack, or the ARN or an alias of another key;
        /// null for a key of AWS's. A key can be added later, once, and never changes.
        key: Settable<Text>,
        /// Days that events are kept, 7 to 3653.
        retention_days: Option<Spanned<u32>>,
        /// Whether it records the events of all Regions.
        multi_region: Option<Spanned<bool>>,
        /// Whether it records the events of all accounts of the organization.
        organization: Option<Spanned<bool>>,
        /// The events that it records; default of AWS: all management events.
        advanced_event_selectors: Option<Spanned<Vec<AdvancedEventSelector>>>,
        /// Whether AWS refuses to delete it; default of AWS: true. kmsctl turns it off before a deletion
        /// that `protect` allows.
        termination_protection: Option<Spanned<bool>>,
        /// Principals that query it and read the results: a derived statement lets them use the key.
        used_by: Option<Spanned<Vec<Text>>>,
        /// Whether CloudTrail may use the key for event data stores of this account and Region only (for
        /// this store, with `existing`). It is a second step: apply without it first, because AWS documents
        /// the condition for stores that exist.
        source_arn: Option<Spanned<bool>>,
        /// Its tags, in addition to those of `defaults`.
        tags: Option<Spanned<Named<Text>>>,
        /// The ARN of an event data store that kmsctl did not create: only its key is managed.
        existing: Option<Text>,
        /// Whether the statements that the store needs are added to the key's policy; default: true.
        derive_policy: Option<Spanned<bool>>,
        /// Whether deletion is refused; default: true.
        protect: Option<Spanned<bool>>,
        /// Its Region, if not the stack's.
        region: Option<Text>,
    }
}
