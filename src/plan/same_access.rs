//! Key policies that differ from the declared ones only in their text. Pure.

use crate::desired::Desired;
use crate::gate;
use crate::kind::{Address, Spec};
use crate::live::Live;
use crate::policy;

/// Returns the expected form of a key with the live policy in place of its own, if the two policies are written
/// differently and certainly give the same access ([`policy::same_access`]).
///
/// Returns `None` for a key with `text: exact`, and for a policy of which the stack manages only its own statements,
/// because their Sids show that they are the stack's.
pub(super) fn with_live_policy(
    address: &Address,
    expected: &Spec,
    live: &Spec,
    desired: &Desired,
    known: &Live,
) -> Option<Spec> {
    let (Spec::Key(expected), Spec::Key(live)) = (expected, live) else {
        return None;
    };
    let (Some(own), Some(theirs)) = (&expected.policy, &live.policy) else {
        return None;
    };
    let is_exact = desired.resources.get(address).is_some_and(|key| key.exact_policy);
    if own == theirs || expected.shared.is_some() || is_exact {
        return None;
    }
    let key = gate::of_arn(known.ids.get(address)?);
    policy::same_access(theirs, own, &key).then(|| {
        let mut same = expected.clone();
        same.policy.clone_from(&live.policy);
        Spec::Key(same)
    })
}
