//! Asks IAM's policy simulator.

use crate::answer::CloudError;
use crate::permissions::simulation::{ContextType, Simulation};
use crate::sdk::Aws;
use crate::sdk::error::answer;
use aws_sdk_iam::types::{ContextEntry, ContextKeyTypeEnum, PolicyEvaluationDecisionType};

/// Returns the actions that the simulator finds denied. An answer that depends on values that the simulator does not have
/// is no denial. The request is not repeated.
pub(super) async fn simulate(
    aws: &Aws,
    identity: &str,
    question: &Simulation,
) -> Result<Vec<String>, CloudError> {
    const OPERATION: &str = "SimulatePrincipalPolicy";
    let client = aws.iam(&question.account).await;
    let context = question.context.iter().map(|(key, (kind, values))| {
        let kind = match kind {
            ContextType::Boolean => ContextKeyTypeEnum::Boolean,
            ContextType::Numeric => ContextKeyTypeEnum::Numeric,
            ContextType::String => ContextKeyTypeEnum::String,
            ContextType::StringList => ContextKeyTypeEnum::StringList,
        };
        let values = values.iter().cloned().collect();
        let entry = ContextEntry::builder().context_key_name(key).context_key_type(kind);
        entry.set_context_key_values(Some(values)).build()
    });
    let actions = question.actions.iter().map(|action| (*action).to_owned()).collect();
    let request = client
        .simulate_principal_policy()
        .policy_source_arn(identity)
        .set_action_names(Some(actions))
        .resource_arns(&question.resource)
        .set_context_entries(Some(context.collect()))
        .max_items(1000);
    let found = answer(OPERATION, request.send().await)?;
    let denied = found.evaluation_results().iter().filter(|result| {
        let is_allowed = *result.eval_decision() == PolicyEvaluationDecisionType::Allowed;
        !is_allowed && result.missing_context_values().is_empty()
    });
    Ok(denied.map(|result| result.eval_action_name().to_owned()).collect())
}
