//! Users and roles that do not exist. KMS refuses a policy or a grant that names one (KMS API
//! Reference, `PutKeyPolicy`: `MalformedPolicyDocumentException`), so the run would fail half-way.

use crate::address::Address;
use crate::id::IdentityArn;
use crate::kind::service_linked_role::Spec as Role;
use crate::kind::{Change, Spec, Violation};
use crate::plan::Step;
use crate::plan::draft::Draft;
use crate::plan::refuse::Objection;
use std::collections::{BTreeMap, BTreeSet};

/// What IAM says about a user or a role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is there.
    Exists {
        /// When it was made, in seconds since 1970.
        created: u64,
    },
    /// One of the same name is there, under another path.
    Elsewhere {
        /// Its ARN.
        arn: String,
    },
    /// It is not there.
    Missing,
}

impl Standing {
    /// What is wrong, if anything.
    #[must_use]
    pub fn objection(&self, identity: &IdentityArn) -> Option<String> {
        match self {
            Self::Exists { .. } => None,
            Self::Missing => Some(format!("`{identity}` does not exist")),
            Self::Elsewhere { arn } => {
                Some(format!("`{identity}` does not exist; its name belongs to `{arn}`"))
            }
        }
    }
}

/// Objects to the steps that name an identity that does not exist.
pub(in crate::plan) fn check(
    draft: &Draft<'_>,
    standings: &BTreeMap<IdentityArn, Standing>,
) -> Vec<Objection> {
    let made = made(&draft.plan.steps);
    let mut objections = Vec::new();
    for step in &draft.plan.steps {
        let (mut reasons, mut help) = (Vec::new(), BTreeSet::new());
        for identity in named(step).iter().filter(|named| !made.contains_key(*named)) {
            let standing = standings.get(identity);
            reasons.extend(standing.and_then(|standing| standing.objection(identity)));
            help.extend(standing.and_then(|standing| remedy(draft, identity, standing)));
        }
        if !reasons.is_empty() {
            let help = help.into_iter().collect::<Vec<_>>().join("; ");
            let violation = Violation::new("", reasons.join("; "), help);
            objections.push(Objection::new(&step.address, violation));
        }
    }
    objections
}

/// What to do about an identity that does not exist.
fn remedy(draft: &Draft<'_>, identity: &IdentityArn, standing: &Standing) -> Option<&'static str> {
    let is_own = *identity.account() == draft.desired.home.account;
    match standing {
        Standing::Exists { .. } => None,
        Standing::Missing if is_own && Role::of(identity).is_some() => {
            Some("declare it under `service_linked_roles` and kmsctl creates it")
        }
        Standing::Missing | Standing::Elsewhere { .. } => Some(
            "create it first, or correct the name: AWS takes no policy and no grant that names \
             somebody who does not exist",
        ),
    }
}

/// The roles that steps make, with the address of the step.
pub(in crate::plan) fn made(steps: &[Step]) -> BTreeMap<IdentityArn, Address> {
    let each = steps.iter().filter_map(|step| match &step.change {
        Change::Create { to: Spec::ServiceLinkedRole(role) } => {
            Some((role.arn(&step.place).parse().ok()?, step.address.clone()))
        }
        Change::Create { .. }
        | Change::Update { .. }
        | Change::Import { .. }
        | Change::Delete { .. }
        | Change::Forget { .. } => None,
    });
    each.collect()
}

/// The users and roles that the calls of a step name.
pub(in crate::plan) fn named(step: &Step) -> BTreeSet<IdentityArn> {
    let calls = step.calls.iter().chain(&step.last);
    let named = calls.flat_map(|planned| planned.call.principals());
    named.filter_map(|arn| arn.parse().ok()).collect()
}
