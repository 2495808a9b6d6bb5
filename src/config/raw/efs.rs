//! EFS.

use super::{Part, Settable, Text};
use crate::config::record::{choice, record};
use crate::config::{Named, Spanned};

record! {
    /// EFS.
    pub struct Efs {
        /// File systems, by names of yours.
        file_systems: Named<Part<FileSystem>>,
    }
}

record! {
    /// An EFS file system.
    pub struct FileSystem {
        /// The key that encrypts the file system: the name of a key of the stack, or the ARN or an alias of
        /// another key. Fixed at creation: for another key, create a new file system and replicate.
        key: Settable<Text>,
        /// The performance mode; fixed at creation.
        performance_mode: Option<Spanned<PerformanceMode>>,
        /// The throughput mode; default of AWS: `bursting`.
        throughput_mode: Option<Spanned<ThroughputMode>>,
        /// Throughput in MiB/s; with `throughput_mode: provisioned` only.
        provisioned_throughput: Option<Spanned<u32>>,
        /// The Availability Zone of a One Zone file system, such as `eu-central-1a`; fixed at creation.
        availability_zone: Option<Text>,
        /// Whether AWS Backup creates automatic backups.
        backup: Option<Spanned<bool>>,
        /// When files move to cheaper storage. A rule that is not given is removed; `{}` removes all.
        lifecycle: Option<Lifecycle>,
        /// All mount targets, at most one in each Availability Zone.
        mount_targets: Option<Spanned<Vec<MountTarget>>>,
        /// Its tags, in addition to those of `defaults`.
        tags: Option<Spanned<Named<Text>>>,
        /// The id of a file system that kmsctl did not create: its key is checked, and statements are
        /// derived.
        existing: Option<Text>,
        /// Principals that create and mount the file system: a derived statement lets them use the key
        /// through EFS.
        used_by: Option<Spanned<Vec<Text>>>,
        /// Whether the statements that the file system needs are added to the key's policy; default: true.
        derive_policy: Option<Spanned<bool>>,
        /// Whether deletion is refused; default: true.
        protect: Option<Spanned<bool>>,
        /// Its Region, if not the stack's.
        region: Option<Text>,
    }
}

choice! {
    /// The performance mode of a file system.
    pub enum PerformanceMode {
        /// For nearly every use.
        GeneralPurpose = "generalPurpose",
        /// Higher latency, for thousands of clients.
        MaxIo = "maxIO",
    }
}

choice! {
    /// The throughput mode of a file system.
    pub enum ThroughputMode {
        /// Throughput grows with the size, with bursts.
        Bursting = "bursting",
        /// Throughput follows the load.
        Elastic = "elastic",
        /// Throughput is fixed at `provisioned_throughput`.
        Provisioned = "provisioned",
    }
}

record! {
    /// When files move to cheaper storage, and back.
    pub struct Lifecycle {
        /// When an unused file moves to Infrequent Access.
        transition_to_ia: Option<Spanned<Unused>>,
        /// When an unused file moves to Archive: later than to Infrequent Access, and with elastic
        /// throughput only.
        transition_to_archive: Option<Spanned<Unused>>,
        /// When a file moves back to the primary storage.
        transition_to_primary: Option<Spanned<Used>>,
    }
}

choice! {
    /// How long a file has not been used, in AWS's words.
    pub enum Unused {
        /// A day.
        Day1 = "AFTER_1_DAY",
        /// A week.
        Days7 = "AFTER_7_DAYS",
        /// Two weeks.
        Days14 = "AFTER_14_DAYS",
        /// A month.
        Days30 = "AFTER_30_DAYS",
        /// Two months.
        Days60 = "AFTER_60_DAYS",
        /// Three months.
        Days90 = "AFTER_90_DAYS",
        /// Six months.
        Days180 = "AFTER_180_DAYS",
        /// Nine months.
        Days270 = "AFTER_270_DAYS",
        /// A year.
        Days365 = "AFTER_365_DAYS",
    }
}

choice! {
    /// How often a file was used, in AWS's words.
    pub enum Used {
        /// Once.
        Once = "AFTER_1_ACCESS",
    }
}

record! {
    /// A mount target, through which instances of an Availability Zone reach a file system.
    pub struct MountTarget {
        /// The id of the subnet.
        subnet: Text,
        /// The ids of one to five security groups; default of AWS: the VPC's default group.
        security_groups: Option<Spanned<Vec<Text>>>,
    }
}
