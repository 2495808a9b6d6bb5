//! An alias's calls as the SDK's requests.

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
    match call {
        Call::CreateAlias { alias_name, target_key_id } => {
            const OPERATION: &str = "CreateAlias";
            let target = resolve(OPERATION, target_key_id, late)?;
            let request = aws.ready(at, OPERATION).await.create_alias();
            let request = request.alias_name(alias_name.as_str()).target_key_id(target);
            answer(OPERATION, request.send().await)?;
        }
        Call::UpdateAlias { alias_name, target_key_id } => {
            const OPERATION: &str = "UpdateAlias";
            let target = resolve(OPERATION, target_key_id, late)?;
            let request = aws.ready(at, OPERATION).await.update_alias();
            let request = request.alias_name(alias_name.as_str()).target_key_id(target);
            answer(OPERATION, request.send().await)?;
        }
        Call::DeleteAlias { alias_name } => {
            const OPERATION: &str = "DeleteAlias";
            let request = aws.ready(at, OPERATION).await.delete_alias();
            answer(OPERATION, request.alias_name(alias_name.as_str()).send().await)?;
        }
    }
    Ok(Outcome::Done)
}
