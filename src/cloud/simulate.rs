//! Asks IAM's policy simulator.

use crate::answer::CloudError;
use crate::permissions::simulation::{ContextType, Simulation};
use crate::sdk::Aws;
use crate::sdk::error::answer;
use crate::sdk::query::{List, Parameters};
use serde::Deserialize;

/// The answer to `SimulatePrincipalPolicy` (IAM API Reference).
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Simulated {
    evaluation_results: List<Evaluation>,
}

/// The result for one action.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Evaluation {
    eval_action_name: String,
    eval_decision: String,
    #[serde(default)]
    missing_context_values: List<String>,
}

/// Returns the actions that the simulator finds denied. An answer that depends on values that the simulator does not
/// have is no denial. The request is not repeated.
pub(super) async fn simulate(
    aws: &Aws,
    identity: &str,
    question: &Simulation,
) -> Result<Vec<String>, CloudError> {
    const OPERATION: &str = "SimulatePrincipalPolicy";
    let request = Parameters::default()
        .with("PolicySourceArn", identity)
        .with_each("ActionNames.member", &question.actions)
        .with_each("ResourceArns.member", [&question.resource])
        .with_all("ContextEntries.member", &question.context, |all, name, (key, (kind, values))| {
            let kind = match kind {
                ContextType::Boolean => "boolean",
                ContextType::Numeric => "numeric",
                ContextType::String => "string",
                ContextType::StringList => "stringList",
            };
            all.with(format!("{name}.ContextKeyName"), key)
                .with_each(&format!("{name}.ContextKeyValues.member"), values)
                .with(format!("{name}.ContextKeyType"), kind)
        })
        .with("MaxItems", &1000);
    let client = aws.iam(&question.account).await;
    let found: Simulated = answer(OPERATION, client.ask(OPERATION, &request).await)?;
    let denied = found.evaluation_results.0.into_iter().filter(|result| {
        result.eval_decision != "allowed" && result.missing_context_values.0.is_empty()
    });
    Ok(denied.map(|result| result.eval_action_name).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::Fault;
    use crate::sdk::replay::{Replay, replay};

    async fn asked(replay: &Replay) -> Result<Vec<String>, CloudError> {
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        let question = Simulation {
            account: "111122223333".parse().unwrap(),
            resource: "*".to_owned(),
            context: [
                ("aws:RequestTag/a".to_owned(), (ContextType::String, texts(&["b c", "d"]))),
                (
                    "kms:BypassPolicyLockoutSafetyCheck".to_owned(),
                    (ContextType::Boolean, texts(&["true"])),
                ),
            ]
            .into(),
            actions: ["kms:CreateKey", "kms:TagResource"].into(),
        };
        simulate(&replay.aws, "arn:aws:iam::111122223333:user/u", &question).await
    }

    fn answered(results: &str) -> String {
        format!(
            "<SimulatePrincipalPolicyResponse><SimulatePrincipalPolicyResult><IsTruncated>false</IsTruncated>{results}\
             </SimulatePrincipalPolicyResult></SimulatePrincipalPolicyResponse>"
        )
    }

    #[tokio::test]
    async fn an_action_is_denied_unless_it_is_allowed_or_depends_on_unknown_values() {
        let result = |action: &str, decision: &str, missing: &str| {
            format!(
                "<member><MatchedStatements><member><SourcePolicyId>p</SourcePolicyId></member></MatchedStatements>\
                 <MissingContextValues>{missing}</MissingContextValues><EvalActionName>{action}</EvalActionName>\
                 <EvalDecision>{decision}</EvalDecision></member>"
            )
        };
        let results = [
            result("kms:CreateKey", "implicitDeny", ""),
            result("kms:TagResource", "explicitDeny", ""),
            result("kms:EnableKey", "allowed", ""),
            result("kms:DisableKey", "implicitDeny", "<member>aws:x</member>"),
        ];
        let text =
            answered(&format!("<EvaluationResults>{}</EvaluationResults>", results.concat()));
        let replay = replay(&[(200, &text)]);
        assert_eq!(asked(&replay).await.unwrap(), ["kms:CreateKey", "kms:TagResource"]);
        let expected = "Action=SimulatePrincipalPolicy&Version=2010-05-08\
             &PolicySourceArn=arn%3Aaws%3Aiam%3A%3A111122223333%3Auser%2Fu\
             &ActionNames.member.1=kms%3ACreateKey&ActionNames.member.2=kms%3ATagResource&ResourceArns.member.1=%2A\
             &ContextEntries.member.1.ContextKeyName=aws%3ARequestTag%2Fa\
             &ContextEntries.member.1.ContextKeyValues.member.1=b%20c\
             &ContextEntries.member.1.ContextKeyValues.member.2=d\
             &ContextEntries.member.1.ContextKeyType=string\
             &ContextEntries.member.2.ContextKeyName=kms%3ABypassPolicyLockoutSafetyCheck\
             &ContextEntries.member.2.ContextKeyValues.member.1=true\
             &ContextEntries.member.2.ContextKeyType=boolean&MaxItems=1000";
        assert_eq!(replay.bodies(), [expected]);
    }

    /// An answer without results does not say that everything is allowed.
    #[tokio::test]
    async fn an_answer_without_results_is_an_error() {
        let error = asked(&replay(&[(200, &answered(""))])).await.unwrap_err();
        assert_eq!(error.fault, Fault::Ambiguous);
        let none = answered("<EvaluationResults/>");
        assert_eq!(asked(&replay(&[(200, &none)])).await.unwrap(), [""; 0]);
    }
}
