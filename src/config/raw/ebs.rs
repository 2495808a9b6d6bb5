//! EBS, and the Auto Scaling groups whose volumes a key encrypts.

use super::{Part, Settable, Text};
use crate::config::record::{choice, record};
use crate::config::{Named, Spanned};

record! {
    /// EBS.
    pub struct Ebs {
        /// What holds for the new volumes of a Region, in the whole account.
        default: Option<Part<EbsDefault>>,
        /// Its volumes.
        volumes: Named<Part<Volume>>,
    }
}

record! {
    /// What holds for the new volumes of a Region, in the whole account.
    pub struct EbsDefault {
        /// Whether every new volume is encrypted.
        encryption: Option<Spanned<bool>>,
        /// What encrypts new volumes that name no key: a key of the stack, an ARN, an alias; null for the key that AWS manages.
        key: Settable<Text>,
        /// Another Region than the stack's.
        region: Option<Text>,
    }
}

record! {
    /// A volume of EBS.
    pub struct Volume {
        /// What encrypts it, for life: a key of the stack, an ARN, an alias.
        key: Settable<Text>,
        /// The zone that it is in, such as `eu-central-1a`; fixed at creation.
        availability_zone: Option<Text>,
        /// Its size; it can grow. Default: the size of the snapshot.
        size_gib: Option<Spanned<u32>>,
        /// AWS's name of the type; default: AWS's, gp2.
        r#type: Option<Spanned<VolumeType>>,
        /// I/O operations a second; of gp3, io1 and io2.
        iops: Option<Spanned<u32>>,
        /// Throughput in MiB/s; of gp3.
        throughput: Option<Spanned<u32>>,
        /// The snapshot to make it from; fixed at creation.
        snapshot_id: Option<Text>,
        /// Whether several instances can attach it at once; of io1 and io2.
        multi_attach: Option<Spanned<bool>>,
        /// Its tags, beside those of `defaults`.
        tags: Option<Spanned<Named<Text>>>,
        /// The id of a volume that kmsctl did not make: only its key is looked at.
        existing: Option<Text>,
        /// Who makes and attaches it: the key's policy lets them.
        used_by: Option<Spanned<Vec<Text>>>,
        /// Whether statements of the key's policy follow from the volume; default true.
        derive_policy: Option<Spanned<bool>>,
        /// Refuse deletion; default true.
        protect: Option<Spanned<bool>>,
        /// Another Region than the stack's.
        region: Option<Text>,
    }
}

choice! {
    /// The type of a volume.
    pub enum VolumeType {
        /// General purpose SSD.
        Gp2 = "gp2",
        /// General purpose SSD, with I/O operations and throughput of its own.
        Gp3 = "gp3",
        /// Provisioned IOPS SSD.
        Io1 = "io1",
        /// Provisioned IOPS SSD, durable.
        Io2 = "io2",
        /// Throughput optimised HDD.
        St1 = "st1",
        /// Cold HDD.
        Sc1 = "sc1",
        /// Magnetic, of the previous generation.
        Standard = "standard",
    }
}

record! {
    /// EC2 Auto Scaling.
    pub struct AutoScaling {
        /// Groups whose volumes a key encrypts: statements, grants and roles follow from them; the groups themselves are not managed.
        groups: Named<Part<AutoScalingGroup>>,
    }
}

record! {
    /// A group whose volumes a key encrypts.
    pub struct AutoScalingGroup {
        /// The key, by its name in `keys`.
        key: Text,
        /// The entry of `accounts` that the group is in; default: the stack's account.
        account: Option<Text>,
        /// What tells the group's service-linked role apart: `AWSServiceRoleForAutoScaling_SUFFIX`.
        suffix: Option<Text>,
        /// Whether it launches Spot Instances by a launch configuration, so that their role needs the key, too; default false.
        spot: Option<Spanned<bool>>,
        /// Whether its role is made where it is missing, or taken to be there; default: made, in the stack's account.
        service_linked_role: Option<Spanned<RoleIs>>,
    }
}

choice! {
    /// What becomes of a service-linked role that is missing.
    pub enum RoleIs {
        /// It is made.
        Create = "create",
        /// It is taken to be there.
        Assume = "assume",
    }
}
