//! Asks IAM's policy simulator.

use crate::answer::CloudError;
use crate::answer::pages::Page;
use crate::permissions::simulation::{ContextType, Refused, Simulation};
use crate::retry::list::all_pages;
use crate::sdk::Aws;
use crate::sdk::error::answer;
use crate::sdk::query::{List, Parameters};
use serde::Deserialize;

/// The answer to `SimulatePrincipalPolicy` (IAM API Reference).
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Simulated {
    evaluation_results: List<Evaluation>,
    marker: Option<String>,
}

/// The result for one action. "If you include a list of resources, then any missing context values are instead included
/// under the `ResourceSpecificResults` section" (IAM API Reference, `EvaluationResult`).
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Evaluation {
    eval_action_name: String,
    eval_resource_name: Option<String>,
    eval_decision: String,
    #[serde(default)]
    missing_context_values: List<String>,
    #[serde(default)]
    resource_specific_results: List<OfResource>,
}

/// The result for one action and resource.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct OfResource {
    eval_resource_name: String,
    eval_resource_decision: String,
    #[serde(default)]
    missing_context_values: List<String>,
}

/// Returns the actions and resources that the simulator finds denied. An answer that depends on values that the
/// simulator does not have is no denial. A failed request is not repeated.
pub(super) async fn simulate(
    aws: &Aws,
    identity: &str,
    question: &Simulation,
) -> Result<Vec<Refused>, CloudError> {
    const OPERATION: &str = "SimulatePrincipalPolicy";
    let client = aws.iam(&question.account).await;
    all_pages(OPERATION, async |from| {
        let request = parameters(identity, question).with_some("Marker", from);
        let found: Simulated = answer(OPERATION, client.ask(OPERATION, &request).await)?;
        let results = found.evaluation_results.0.into_iter();
        let refused = results.flat_map(|result| of_action(result, &question.resources));
        Ok(Page { items: refused.collect(), next: found.marker })
    })
    .await
}

fn parameters(identity: &str, question: &Simulation) -> Parameters {
    Parameters::default()
        .with("PolicySourceArn", identity)
        .with_each("ActionNames.member", &question.actions)
        .with_each("ResourceArns.member", &question.resources)
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
        .with("MaxItems", &1000)
}

/// Returns what one result denies: on each resource if it says so, or else on its own. A result that names no resource
/// is about all of them.
fn of_action(result: Evaluation, asked: &[String]) -> Vec<Refused> {
    let is_denied =
        |decision: &str, missing: &List<String>| decision != "allowed" && missing.0.is_empty();
    let specific = result.resource_specific_results.0;
    let resources: Vec<String> = if !specific.is_empty() {
        let denied = specific
            .into_iter()
            .filter(|one| is_denied(&one.eval_resource_decision, &one.missing_context_values));
        denied.map(|one| one.eval_resource_name).collect()
    } else if !is_denied(&result.eval_decision, &result.missing_context_values) {
        Vec::new()
    } else {
        result.eval_resource_name.map_or_else(|| asked.to_vec(), |resource| vec![resource])
    };
    let action = result.eval_action_name;
    resources.into_iter().map(|resource| Refused { action: action.clone(), resource }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::Fault;
    use crate::sdk::replay::{Replay, replay};

    const KEYS: [&str; 2] =
        ["arn:aws:kms:eu-west-1:111122223333:key/a", "arn:aws:kms:eu-west-1:111122223333:key/b"];

    /// Asks about actions on resources. Returns what is denied, as `ACTION RESOURCE`.
    async fn asked(replay: &Replay, resources: &[&str]) -> Result<Vec<String>, CloudError> {
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        let question = Simulation {
            account: "111122223333".parse().unwrap(),
            resources: resources.iter().map(|one| (*one).to_owned()).collect(),
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
        let found = simulate(&replay.aws, "arn:aws:iam::111122223333:user/u", &question).await?;
        Ok(found.into_iter().map(|one| format!("{} {}", one.action, one.resource)).collect())
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
        assert_eq!(asked(&replay, &["*"]).await.unwrap(), ["kms:CreateKey *", "kms:TagResource *"]);
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

    /// The results of several resources are below that of the action, with the values that are missing for each.
    #[tokio::test]
    async fn each_resource_has_a_result_of_its_own() {
        let of = |key: &str, decision: &str, missing: &str| {
            format!(
                "<member><EvalResourceName>{key}</EvalResourceName><EvalResourceDecision>{decision}</EvalResourceDecision>\
                 <MissingContextValues>{missing}</MissingContextValues></member>"
            )
        };
        let action = |name: &str, results: &[String]| {
            format!(
                "<member><EvalActionName>{name}</EvalActionName><EvalResourceName>{}</EvalResourceName>\
                 <EvalDecision>implicitDeny</EvalDecision><ResourceSpecificResults>{}</ResourceSpecificResults></member>",
                KEYS[0],
                results.concat()
            )
        };
        let page = |name: &str, results: &[String], marker: &str| {
            let results = action(name, results);
            answered(&format!("<EvaluationResults>{results}</EvaluationResults>{marker}"))
        };
        let first = [of(KEYS[0], "allowed", ""), of(KEYS[1], "implicitDeny", "")];
        let second = [
            of(KEYS[0], "explicitDeny", ""),
            of(KEYS[1], "implicitDeny", "<member>aws:x</member>"),
        ];
        let replay = replay(&[
            (200, &page("kms:CreateKey", &first, "<Marker>m</Marker>")),
            (200, &page("kms:TagResource", &second, "")),
        ]);
        let expected =
            [format!("kms:CreateKey {}", KEYS[1]), format!("kms:TagResource {}", KEYS[0])];
        assert_eq!(asked(&replay, &KEYS).await.unwrap(), expected);
        let bodies = replay.bodies();
        assert!(bodies[0].contains("key%2Fa&ResourceArns.member.2=arn"), "{}", bodies[0]);
        assert!(bodies[1].ends_with("&MaxItems=1000&Marker=m"), "{}", bodies[1]);
    }

    /// An answer without results does not say that everything is allowed.
    #[tokio::test]
    async fn an_answer_without_results_is_an_error() {
        let error = asked(&replay(&[(200, &answered(""))]), &["*"]).await.unwrap_err();
        assert_eq!(error.fault, Fault::Ambiguous);
        let none = answered("<EvaluationResults/>");
        assert_eq!(asked(&replay(&[(200, &none)]), &["*"]).await.unwrap(), [""; 0]);
    }
}
