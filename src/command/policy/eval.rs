//! `policy eval`: decides whether a policy and grants allow a request.

use super::answer::Case;
use super::{Key, Reading};
use crate::cli::{AboutArgs, PolicyEvalArgs};
use crate::failure::{Exit, Failure};
use crate::io::Io;
use crate::policy::eval::{
    self, Context, ContextValue, Principal, Request, RequestedAction, decide,
};
use crate::policy::grants::{Grant, grants};
use crate::policy::{Problem, known_condition_key, whole_principal};
use crate::text::printable;
use std::path::Path;

/// Runs `kmsctl policy eval`.
pub(super) fn eval(key: &Key, args: &PolicyEvalArgs, io: &Io) -> Result<Exit, Failure> {
    let Some(owner) = &key.account else {
        let failure = Failure::new("the account of the key is not known");
        return Err(failure.hint("set `--account ID` or `--key-arn ARN`").exit(Exit::Usage));
    };
    let asked = (args.principal.as_str(), args.action.as_str());
    // Without an option, the principal tells the partition: it is always that of the key.
    let partition = key.partition.clone().unwrap_or_else(|| partition_of(&args.principal));
    let place = (partition.as_str(), owner.as_str());
    let request = request(asked, place, &args.about, Context::default(), io)?;
    if args.file == Path::new("-") && args.grants.as_deref() == Some(Path::new("-")) {
        return Err(usage("the document and the grants cannot both be standard input", None));
    }
    let arn = key.arn.as_ref().map(ToString::to_string);
    let mut reading = Reading::default();
    let document = reading.document(&args.file, &partition);
    let grants = args.grants.as_deref().map(|path| read_grants(&mut reading, path, arn.as_deref()));
    reading.close(io)?;
    let (Some(document), grants) = (document, grants.unwrap_or_default()) else {
        return Err(Failure::new("a document cannot be read"));
    };
    let typed = document.typed();
    let owner = owner.as_str();
    let about = eval::TargetKey { partition: &partition, account: owner, arn: arn.as_deref() };
    let decision = decide(&typed, &about, &grants, &request);
    let case = Case {
        document: &document,
        typed: &typed,
        key: &about,
        grants: &grants,
        request: &request,
        owner,
    };
    case.print(&decision, args.format, io);
    Ok(Exit::Done)
}

/// Returns the partition of an ARN, or `aws` for any other text.
fn partition_of(principal: &str) -> String {
    let fields: Vec<&str> = principal.splitn(3, ':').collect();
    match fields.as_slice() {
        ["arn", partition, _] => (*partition).to_owned(),
        _ => "aws".to_owned(),
    }
}

fn usage(message: &str, hint: Option<String>) -> Failure {
    let failure = Failure::new(message).exit(Exit::Usage);
    match hint {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

/// Returns the failure for a wrong option.
pub(in crate::command) fn wrong(problem: Problem) -> Failure {
    usage(&problem.message, problem.help)
}

/// Returns the request that the options describe.
pub(in crate::command) fn request(
    (principal, action): (&str, &str),
    place: (&str, &str),
    args: &AboutArgs,
    base: Context,
    io: &Io,
) -> Result<Request, Failure> {
    let principal = who(principal, place, args)?;
    let action = RequestedAction::parse(action).map_err(wrong)?;
    let context = context(args, Some(action), base, io)?;
    Ok(Request { principal, action, context })
}

/// Returns the principal that the options describe. A short form is of the partition and account.
pub(in crate::command) fn who(
    principal: &str,
    (partition, account): (&str, &str),
    args: &AboutArgs,
) -> Result<Principal, Failure> {
    let principal = whole_principal(principal, partition, account);
    let mut principal = Principal::parse(&principal, partition).map_err(|problem| {
        let is_name = principal.chars().all(|c| c.is_ascii_alphanumeric() || "+=,.@_-".contains(c));
        // Without the account of the key, only an ARN says which principal it is.
        match is_name && !account.is_empty() && !principal.bytes().all(|c| c.is_ascii_digit()) {
            true => {
                let help = problem.help.clone().unwrap_or_default();
                wrong(problem)
                    .hint(format!("write `role/{principal}` or `user/{principal}`; or {help}"))
            }
            false => wrong(problem),
        }
    })?;
    if let Some(role) = &args.role_arn {
        let arn = whole_principal(role, partition, account);
        principal = principal.with_role(&arn).map_err(wrong)?;
    }
    if let Some(id) = &args.principal_id {
        principal = principal.with_id(id).map_err(wrong)?;
    }
    Ok(principal)
}

/// Returns the request context that the options describe, on top of `base`. With an action, condition keys
/// that its requests never have are noted.
pub(in crate::command) fn context(
    args: &AboutArgs,
    action: Option<RequestedAction>,
    base: Context,
    io: &Io,
) -> Result<Context, Failure> {
    let mut context = base;
    for given in &args.context {
        let Some((name, value)) = given.split_once('=') else {
            let hint = Some(
                "write `--context KEY=VALUE`, such as `kms:ViaService=s3.eu-west-1.amazonaws.com`"
                    .to_owned(),
            );
            return Err(usage(&format!("`{given}` has no value"), hint));
        };
        check_key(name, action, io)?;
        context.add(name, value);
    }
    for name in &args.unknown_context {
        check_key(name, action, io)?;
        if context.has(name) {
            return Err(usage(&format!("`{name}` is both given and unknown"), None));
        }
        context.set(name, ContextValue::Unknown);
    }
    Ok(context)
}

/// Refuses a name that is not a condition key, and notes a condition key that has no effect.
fn check_key(name: &str, action: Option<RequestedAction>, io: &Io) -> Result<(), Failure> {
    if name.split_once(':').is_none_or(|(service, key)| service.is_empty() || key.is_empty()) {
        let hint = Some("condition keys have a prefix, such as `aws:SourceArn`".to_owned());
        return Err(usage(&format!("`{name}` is not a condition key"), hint));
    }
    if let Err(near) = known_condition_key(name) {
        let near = near.map_or(String::new(), |near| format!(": did you mean `{near}`?"));
        io.say(&format!(
            "note: kmsctl does not know `{}` as a condition key of KMS{near}",
            printable(name)
        ));
    } else if let Some(action) = action.filter(|action| !action.can_have(name)) {
        let name = printable(name);
        io.say(&format!(
            "note: `{name}` has no effect: requests for kms:{} never have it",
            action.name()
        ));
    }
    Ok(())
}

/// Reads the grants in a file. If the ARN of the key is given, every grant must belong to that key.
fn read_grants(reading: &mut Reading, path: &Path, arn: Option<&str>) -> Vec<Grant> {
    let Some(node) = reading.tree(path) else { return Vec::new() };
    let read = grants(&node).and_then(|grants| {
        let on_other_key = grants.iter().find(|grant| match (arn, grant.key.as_deref()) {
            (Some(arn), Some(key)) => key != arn,
            _ => false,
        });
        let Some(grant) = on_other_key else {
            return Ok(grants);
        };
        let key = grant.key.as_deref().unwrap_or_default();
        let message = format!("the grant `{}` belongs to the key `{key}`", grant.id);
        let help = Some("pass the grants of the key that `--key-arn` names".to_owned());
        Err(vec![Problem { span: node.span, message, help }])
    });
    read.unwrap_or_else(|problems| {
        reading.problems(problems);
        Vec::new()
    })
}
