//! Sends the calls of aliases.

use super::{Call, CreateAlias, DeleteAlias, UpdateAlias};
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
    match call {
        Call::CreateAlias(CreateAlias { alias_name, target_key_id }) => {
            let target = resolve(CreateAlias::NAME, target_key_id, bindings)?;
            let request = aws.client(at).await.create_alias();
            let request = request.alias_name(alias_name.as_str()).target_key_id(target);
            done(CreateAlias::NAME, request.send().await)
        }
        Call::UpdateAlias(UpdateAlias { alias_name, target_key_id }) => {
            let target = resolve(UpdateAlias::NAME, target_key_id, bindings)?;
            let request = aws.client(at).await.update_alias();
            let request = request.alias_name(alias_name.as_str()).target_key_id(target);
            done(UpdateAlias::NAME, request.send().await)
        }
        Call::DeleteAlias(DeleteAlias { alias_name }) => {
            let request = aws.client(at).await.delete_alias();
            done(DeleteAlias::NAME, request.alias_name(alias_name.as_str()).send().await)
        }
    }
}
