//! EC2 Auto Scaling groups, from which statements, grants and roles are derived.

use crate::decode::{Named, Part, Spanned, Text, choice, record};
use crate::id::{Name, RoleSuffix};

record! {
    /// EC2 Auto Scaling.
    pub struct AutoScaling {
        /// Groups whose volumes a key encrypts, by names of yours. kmsctl manages the statements, grants
        /// and service-linked roles that they need, not the groups.
        @names(Name::schema) groups: Named<Part<AutoScalingGroup>>,
    }
}

record! {
    /// The service-linked role of the group launches the instances: the key's
    /// policy must name the role, or, from another account, a grant must.
    pub struct AutoScalingGroup {
        /// The key, by its name in `keys` (`NAME/REGION` for a replica).
        key: Text,
        /// The entry of `accounts` that the group is in; default: the stack's account. The key's policy
        /// then lets that account in, and a grant for its service-linked role is created from there.
        account: Option<Text>,
        /// The custom suffix of the group's service-linked role: `AWSServiceRoleForAutoScaling_SUFFIX`.
        @like(RoleSuffix::schema) suffix: Option<Text>,
        /// Whether the group launches Spot Instances from a launch configuration, so that the role of EC2
        /// Spot needs the key as well; default: false.
        spot: Option<Spanned<bool>>,
        /// Whether a missing service-linked role is created; default: `create`. Roles of other accounts are
        /// never created.
        service_linked_role: Option<Spanned<RoleIs>>,
    }
}

choice! {
    /// The handling of a missing service-linked role.
    pub enum RoleIs {
        /// It is created.
        Create = "create",
        /// It is assumed to exist.
        Assume = "assume",
    }
}
