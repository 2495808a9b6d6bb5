//! Sends the call that changes the policy of a key that the stack does not manage.

use super::{Call, PutKeyPolicy};
use crate::answer::{CloudError, Outcome};
use crate::id::Place;
use crate::kind::CallBindings;
use crate::kind::resolve;
use crate::sdk::Aws;
use crate::sdk::error::done;

/// Sends the call.
pub(crate) async fn send(
    aws: &Aws,
    at: &Place,
    call: &Call,
    bindings: &CallBindings<'_>,
) -> Result<Outcome, CloudError> {
    let Call::PutKeyPolicy(PutKeyPolicy { key_id, policy_name, policy }) = call;
    let key = resolve(PutKeyPolicy::NAME, key_id, bindings)?;
    let request = aws.client(at).await.put_key_policy();
    let request = request.key_id(key).policy_name(policy_name).policy(policy.to_json());
    done(PutKeyPolicy::NAME, request.send().await)
}
