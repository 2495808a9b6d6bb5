//! `policy lint`: findings about policy files.

use super::{Key, Reading};
use crate::cli::{Global, PolicyLintArgs};
use crate::command::lint::{located, print};
use crate::config;
use crate::failure::{Exit, Failure};
use crate::io::Io;
use crate::kind::key::SPECS;
use crate::policy;
use crate::policy::lint::{Facts, lint as judge, not_json};
use crate::tree::Span;

/// Returns the ARN of the caller. A short form is of the key's account.
fn whole_caller(caller: &str, key: &Key) -> Result<String, Failure> {
    let whole = match &key.account {
        Some(account) => {
            let partition = key.partition.as_deref().unwrap_or("aws");
            policy::whole_principal(caller, partition, account.as_str())
        }
        None => caller.to_owned(),
    };
    if whole.splitn(6, ':').count() < 6 {
        let failure = Failure::new(format!("the caller `{caller}` is not an ARN"));
        let hint = "write the `Arn` that `aws sts get-caller-identity` shows";
        return Err(failure.hint(hint).exit(Exit::Usage));
    }
    Ok(whole)
}

/// Runs `kmsctl policy lint`.
pub(super) fn lint(
    global: &Global,
    key: &Key,
    args: &PolicyLintArgs,
    io: &Io,
) -> Result<Exit, Failure> {
    let caller = args.caller.as_deref().map(|caller| whole_caller(caller, key)).transpose()?;
    if let Some(usage) = &args.key_usage
        && !SPECS.iter().any(|spec| spec.usages.contains(&usage.as_str()))
    {
        let failure = Failure::new(format!("`{usage}` is not a key usage"));
        let hint = "write a key usage of AWS, such as ENCRYPT_DECRYPT";
        return Err(failure.hint(hint).exit(Exit::Usage));
    }
    let arn = key.arn.as_ref().map(ToString::to_string);
    let region = key.arn.as_ref().map(|arn| arn.region.to_string());
    let facts = Facts {
        partition: "",
        account: key.account.as_ref().map(crate::id::AccountId::as_str),
        stand_in: None,
        region: region.as_deref(),
        key_arn: arn.as_deref(),
        usage: args.key_usage.as_deref(),
        caller: caller.as_deref(),
        lockout_wanted: false,
    };
    let mut reading = Reading::default();
    let mut found = Vec::new();
    for path in &args.documents {
        let Some(number) = config::read_given(path, &mut reading.sources, &mut reading.diagnostics)
        else {
            continue;
        };
        let text = reading.sources.get(number).map_or("", |source| source.text.as_str());
        let read = policy::json(text, number);
        reading.sources.hide_in_policy(number, read.as_ref().ok());
        let findings = match read {
            Ok(node) => {
                let partition = key.partition_of([&node]);
                let facts = Facts { partition: &partition, ..facts };
                policy::work::within(policy::work::LINT, || judge(&node, &facts))
            }
            Err(problems) => not_json(problems),
        };
        found.extend(findings);
    }
    reading.close(io)?;
    let spans: Vec<Span> = found.iter().map(|finding| finding.span).collect();
    let found: Vec<_> = found.iter().map(|f| located(f, Some(&reading.sources))).collect();
    Ok(print(&found, &spans, &reading.sources, args.format, global, io))
}
