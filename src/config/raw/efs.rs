//! EFS.

use super::{Part, Settable, Text};
use crate::config::record::{choice, record};
use crate::config::{Named, Spanned};

record! {
    /// EFS.
    pub struct Efs {
        /// Its file systems, by names of yours.
        file_systems: Named<Part<FileSystem>>,
    }
}

record! {
    /// A file system of EFS.
    pub struct FileSystem {
        /// What encrypts it: a key of the stack, an ARN, an alias; fixed at creation.
        key: Settable<Text>,
        /// AWS's name of the performance mode; fixed at creation.
        performance_mode: Option<Spanned<PerformanceMode>>,
        /// How fast it is; AWS's default: as fast as it is large, with bursts.
        throughput_mode: Option<Spanned<ThroughputMode>>,
        /// MiB a second, where the throughput is provisioned.
        provisioned_throughput: Option<Spanned<u32>>,
        /// The only zone that its data is in, such as `eu-central-1a` (One Zone); fixed at creation.
        availability_zone: Option<Text>,
        /// Whether AWS Backup makes automatic backups.
        backup: Option<Spanned<bool>>,
        /// When files move to cheaper storage: what is not said is not done; `{}` for never.
        lifecycle: Option<Lifecycle>,
        /// Where instances reach it: all mount targets, at most one a zone.
        mount_targets: Option<Spanned<Vec<MountTarget>>>,
        /// Its tags, beside those of `defaults`.
        tags: Option<Spanned<Named<Text>>>,
        /// The id of a file system that kmsctl did not make: only its key is watched.
        existing: Option<Text>,
        /// Who makes and mounts it: the key's policy lets them.
        used_by: Option<Spanned<Vec<Text>>>,
        /// Whether statements of the key's policy follow from the file system; default true.
        derive_policy: Option<Spanned<bool>>,
        /// Refuse deletion; default true.
        protect: Option<Spanned<bool>>,
        /// Another Region than the stack's.
        region: Option<Text>,
    }
}

choice! {
    /// AWS's names of the performance modes.
    pub enum PerformanceMode {
        /// For nearly everything.
        GeneralPurpose = "generalPurpose",
        /// Slower answers, for thousands of clients.
        MaxIo = "maxIO",
    }
}

choice! {
    /// How fast a file system is.
    pub enum ThroughputMode {
        /// As fast as it is large, with bursts.
        Bursting = "bursting",
        /// As fast as it needs to be.
        Elastic = "elastic",
        /// As fast as is paid for.
        Provisioned = "provisioned",
    }
}

record! {
    /// When files move to cheaper storage, and back.
    pub struct Lifecycle {
        /// After how long without use a file moves to Infrequent Access.
        transition_to_ia: Option<Spanned<Unused>>,
        /// After how long without use a file moves to Archive.
        transition_to_archive: Option<Spanned<Unused>>,
        /// When it comes back.
        transition_to_primary: Option<Spanned<Used>>,
    }
}

choice! {
    /// How long a file was not used, in AWS's words.
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
    /// Where instances of one zone reach a file system.
    pub struct MountTarget {
        /// The subnet's id.
        subnet: Text,
        /// The ids of up to five security groups; AWS's default: the VPC's.
        security_groups: Option<Spanned<Vec<Text>>>,
    }
}
