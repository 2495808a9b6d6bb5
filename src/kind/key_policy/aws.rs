//! The call on a policy as the SDK's request.

use super::Call;
use crate::cloud::aws::error::answer;
use crate::cloud::aws::{Aws, resolve};
use crate::cloud::{CloudError, Late, Outcome};
use crate::id::Place;

/// Sends the call.
pub(crate) async fn send(
    aws: &Aws,
    at: &Place,
    call: &Call,
    late: &Late<'_>,
) -> Result<Outcome, CloudError> {
    const OPERATION: &str = "PutKeyPolicy";
    let Call::PutKeyPolicy { key_id, policy_name, policy } = call;
    let key = resolve(OPERATION, key_id, late)?;
    let request = aws.ready(at, OPERATION).await.put_key_policy();
    let request = request.key_id(key).policy_name(policy_name).policy(policy);
    answer(OPERATION, request.send().await)?;
    Ok(Outcome::Done)
}
