//! EBS, and the Auto Scaling groups whose volumes a key encrypts.

use super::{Part, Settable, Text};
use crate::config::record::{choice, record};
use crate::config::{Named, Spanned};

record! {
    /// EBS.
    pub struct Ebs {
        /// The encryption default for new volumes, in the whole account and one Region.
        default: Option<Part<EbsDefault>>,
        /// Volumes, by names of yours.
        volumes: Named<Part<Volume>>,
    }
}

record! {
    /// The encryption default for new volumes, in the whole account and one Region.
    pub struct EbsDefault {
        /// Whether every new volume is encrypted.
        encryption: Option<Spanned<bool>>,
        /// The key that encrypts new volumes that name none: the name of a key of the stack, or the ARN or
        /// an alias of another key; null for the key that AWS manages.
        key: Settable<Text>,
        /// Its Region, if not the stack's.
        region: Option<Text>,
    }
}

record! {
    /// An EBS volume.
    pub struct Volume {
        /// The key that encrypts the volume: the name of a key of the stack, or the ARN or an alias of
        /// another key. Fixed at creation: for another key, copy a snapshot with it and create a new
        /// volume.
        key: Settable<Text>,
        /// The Availability Zone, such as `eu-central-1a`; required unless `existing` is given. Fixed at
        /// creation.
        availability_zone: Option<Text>,
        /// The size in GiB; it can grow. Default: the size of the snapshot.
        size_gib: Option<Spanned<u32>>,
        /// The volume type; default of AWS: gp2.
        r#type: Option<Spanned<VolumeType>>,
        /// I/O operations per second; for gp3, io1 and io2.
        iops: Option<Spanned<u32>>,
        /// Throughput in MiB/s; for gp3.
        throughput: Option<Spanned<u32>>,
        /// The snapshot to create the volume from; fixed at creation.
        snapshot_id: Option<Text>,
        /// Whether several instances can attach it at the same time; for io1 and io2.
        multi_attach: Option<Spanned<bool>>,
        /// Its tags, in addition to those of `defaults`.
        tags: Option<Spanned<Named<Text>>>,
        /// The id of a volume that kmsctl did not create: its key is checked, and statements are derived.
        existing: Option<Text>,
        /// Principals that create and attach the volume: derived statements let them use the key through
        /// EC2, and create grants for AWS resources.
        used_by: Option<Spanned<Vec<Text>>>,
        /// Whether the statements that the volume needs are added to the key's policy; default: true.
        derive_policy: Option<Spanned<bool>>,
        /// Whether deletion is refused; default: true.
        protect: Option<Spanned<bool>>,
        /// Its Region, if not the stack's.
        region: Option<Text>,
    }
}

choice! {
    /// The type of a volume.
    pub enum VolumeType {
        /// General Purpose SSD.
        Gp2 = "gp2",
        /// General Purpose SSD; IOPS and throughput are set apart from the size.
        Gp3 = "gp3",
        /// Provisioned IOPS SSD.
        Io1 = "io1",
        /// Provisioned IOPS SSD, more durable.
        Io2 = "io2",
        /// Throughput Optimized HDD.
        St1 = "st1",
        /// Cold HDD.
        Sc1 = "sc1",
        /// Magnetic, the previous generation.
        Standard = "standard",
    }
}

record! {
    /// EC2 Auto Scaling.
    pub struct AutoScaling {
        /// Groups whose volumes a key encrypts, by names of yours. kmsctl manages the statements, grants
        /// and service-linked roles that they need, not the groups.
        groups: Named<Part<AutoScalingGroup>>,
    }
}

record! {
    /// An Auto Scaling group whose volumes a key encrypts. Its service-linked role launches the instances: the key's
    /// policy must name the role, or, from another account, a grant must.
    pub struct AutoScalingGroup {
        /// The key, by its name in `keys` (`NAME/REGION` for a replica).
        key: Text,
        /// The entry of `accounts` that the group is in; default: the stack's account. The key's policy
        /// then lets that account in, and a grant for its service-linked role is created from there.
        account: Option<Text>,
        /// The custom suffix of the group's service-linked role: `AWSServiceRoleForAutoScaling_SUFFIX`.
        suffix: Option<Text>,
        /// Whether the group launches Spot Instances from a launch configuration, so that the role of EC2
        /// Spot needs the key as well; default: false.
        spot: Option<Spanned<bool>>,
        /// Whether a missing service-linked role is created; default: `create`. Roles of other accounts are
        /// never created.
        service_linked_role: Option<Spanned<RoleIs>>,
    }
}

choice! {
    /// What kmsctl does about a service-linked role.
    pub enum RoleIs {
        /// It is created.
        Create = "create",
        /// It is assumed to exist.
        Assume = "assume",
    }
}
