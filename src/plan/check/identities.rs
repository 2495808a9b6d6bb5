//! Checks for users and roles that do not exist. KMS refuses a policy or grant that names one (KMS API
//! Reference, `PutKeyPolicy`: `MalformedPolicyDocumentException`), so the apply would fail in the
//! middle.

use crate::id::IdentityArn;
use crate::kind::address::Address;
use crate::kind::service_linked_role::Spec as Role;
use crate::kind::{Change, Spec, Violation};
use crate::plan::Step;
use crate::plan::draft::Draft;
use crate::plan::refuse::Objection;
use std::collections::{BTreeMap, BTreeSet};

/// The status of a user or role in IAM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IdentityStatus {
    /// The identity exists.
    Exists {
        /// The time of its creation, in seconds since 1970.
        created: u64,
    },
    /// An identity with the same name exists under another path.
    OtherPath {
        /// The ARN of that identity.
        arn: String,
    },
    /// There is no identity with the name.
    Missing,
}

impl IdentityStatus {
    /// Returns the reason why KMS would refuse the identity, if any.
    #[must_use]
    pub fn objection(&self, identity: &IdentityArn) -> Option<String> {
        match self {
            Self::Exists { .. } => None,
            Self::Missing => Some(format!("`{identity}` does not exist")),
            Self::OtherPath { arn } => {
                Some(format!("`{identity}` does not exist; its name belongs to `{arn}`"))
            }
        }
    }
}

/// Objects to the steps that name an identity that does not exist.
pub(in crate::plan) fn check(
    draft: &Draft<'_>,
    statuses: &BTreeMap<IdentityArn, IdentityStatus>,
) -> Vec<Objection> {
    let created = roles_to_create(&draft.plan.steps);
    let mut objections = Vec::new();
    for step in &draft.plan.steps {
        let (mut reasons, mut help) = (Vec::new(), BTreeSet::new());
        for identity in named_by(step).iter().filter(|named| !created.contains_key(*named)) {
            let status = statuses.get(identity);
            reasons.extend(status.and_then(|status| status.objection(identity)));
            help.extend(status.and_then(|status| remedy(draft, identity, status)));
        }
        if !reasons.is_empty() {
            let help = help.into_iter().collect::<Vec<_>>().join("; ");
            let violation = Violation::new("", reasons.join("; "), help);
            objections.push(Objection::new(&step.address, violation));
        }
    }
    objections
}

/// Returns what to do about an identity that does not exist.
fn remedy(
    draft: &Draft<'_>,
    identity: &IdentityArn,
    status: &IdentityStatus,
) -> Option<&'static str> {
    let is_own = *identity.account() == draft.desired.home.account;
    match status {
        IdentityStatus::Exists { .. } => None,
        IdentityStatus::Missing if is_own && Role::of(identity).is_some() => {
            Some("declare it under `service_linked_roles`, and kmsctl creates it")
        }
        IdentityStatus::Missing | IdentityStatus::OtherPath { .. } => Some(
            "create it first, or correct the name: KMS refuses policies and grants that name a user \
             or role that does not exist",
        ),
    }
}

/// Returns the roles that the steps create, with the address of each step.
pub(in crate::plan) fn roles_to_create(steps: &[Step]) -> BTreeMap<IdentityArn, Address> {
    let role = |step: &Step| match &step.change {
        Change::Create { to: Spec::ServiceLinkedRole(role) } => {
            Some((role.arn(&step.place).parse().ok()?, step.address.clone()))
        }
        Change::Create { .. }
        | Change::Update { .. }
        | Change::Import { .. }
        | Change::Delete { .. }
        | Change::Forget { .. } => None,
    };
    steps.iter().filter_map(role).collect()
}

/// Returns the users and roles that the calls of a step name.
pub(in crate::plan) fn named_by(step: &Step) -> BTreeSet<IdentityArn> {
    let calls = step.calls.iter().chain(&step.last);
    let named = calls.flat_map(|planned| planned.call.principals());
    named.filter_map(|arn| arn.parse().ok()).collect()
}
