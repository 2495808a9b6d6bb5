//! `policy eval`.

use super::answer::Case;
use super::{Key, Reading};
use crate::cli::{AboutArgs, PolicyEvalArgs};
use crate::failure::{Exit, Failure};
use crate::io::Io;
use crate::policy::eval::{self, Asked, Context, Fact, Principal, Request, decide};
use crate::policy::grants::{Grant, grants};
use crate::policy::{Problem, known_condition_key};
use crate::text::printable;
use std::path::Path;

/// `kmsctl policy eval`.
pub(super) fn eval(key: &Key, args: &PolicyEvalArgs, io: &Io) -> Result<Exit, Failure> {
    let Some(owner) = &key.account else {
        let failure = Failure::new("the account that the key is in is not known");
        return Err(failure.hint("give `--account ID`, or `--key-arn ARN`").exit(Exit::Usage));
    };
    let asked = (args.principal.as_str(), args.action.as_str());
    let request = request(asked, &key.partition, &args.about, io)?;
    if args.file == Path::new("-") && args.grants.as_deref() == Some(Path::new("-")) {
        return Err(usage("the document and the grants cannot both be standard input", None));
    }
    let arn = key.arn.as_ref().map(ToString::to_string);
    let mut reading = Reading::default();
    let document = reading.document(&args.file, key);
    let grants = args.grants.as_deref().map(|path| read_grants(&mut reading, path, arn.as_deref()));
    reading.close(io)?;
    let (Some(document), grants) = (document, grants.unwrap_or_default()) else {
        return Err(Failure::new("a document cannot be read"));
    };
    let meaning = document.meaning();
    let owner = owner.as_str();
    let about = eval::Key { partition: &key.partition, account: owner, arn: arn.as_deref() };
    let decision = decide(&meaning, &about, &grants, &request);
    let case =
        Case { document: &document, meaning: &meaning, grants: &grants, request: &request, owner };
    case.print(&decision, args.format, io);
    Ok(Exit::Done)
}

fn usage(message: &str, hint: Option<String>) -> Failure {
    let failure = Failure::new(message).exit(Exit::Usage);
    match hint {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

fn wrong(problem: Problem) -> Failure {
    usage(&problem.message, problem.help)
}

/// The request that the options describe.
pub(in crate::command) fn request(
    (principal, action): (&str, &str),
    partition: &str,
    args: &AboutArgs,
    io: &Io,
) -> Result<Request, Failure> {
    let principal = who(principal, partition, args)?;
    let action = Asked::parse(action).map_err(wrong)?;
    let context = context(args, Some(action), io)?;
    Ok(Request { principal, action, context })
}

/// The principal that the options describe.
pub(in crate::command) fn who(
    principal: &str,
    partition: &str,
    args: &AboutArgs,
) -> Result<Principal, Failure> {
    let mut principal = Principal::parse(principal, partition).map_err(wrong)?;
    if let Some(arn) = &args.role_arn {
        principal = principal.with_role(arn).map_err(wrong)?;
    }
    if let Some(id) = &args.principal_id {
        principal = principal.with_id(id).map_err(wrong)?;
    }
    Ok(principal)
}

/// The context that the options describe, of a request for the action; of one for any, where there is none.
pub(in crate::command) fn context(
    args: &AboutArgs,
    action: Option<Asked>,
    io: &Io,
) -> Result<Context, Failure> {
    let mut context = Context::default();
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
        context.set(name, Fact::Unknown);
    }
    Ok(context)
}

/// Refuses what is no condition key, and says so where a key will not count.
fn check_key(name: &str, action: Option<Asked>, io: &Io) -> Result<(), Failure> {
    if name.split_once(':').is_none_or(|(service, key)| service.is_empty() || key.is_empty()) {
        let hint = Some("condition keys have a prefix, such as `aws:SourceArn`".to_owned());
        return Err(usage(&format!("`{name}` is not a condition key"), hint));
    }
    if let Err(near) = known_condition_key(name) {
        let near = near.map_or(String::new(), |near| format!(": did you mean `{near}`?"));
        io.say(&format!(
            "note: `{}` is no condition key of KMS that kmsctl knows{near}",
            printable(name)
        ));
    } else if let Some(action) = action.filter(|action| !action.can_have(name)) {
        let name = printable(name);
        io.say(&format!("note: `{name}` does not count: kms:{} never has it", action.name()));
    }
    Ok(())
}

/// The grants in a file, which must be of the key, where that is known.
fn read_grants(reading: &mut Reading, path: &Path, arn: Option<&str>) -> Vec<Grant> {
    let Some(node) = reading.tree(path) else { return Vec::new() };
    let read = grants(&node).and_then(|grants| {
        let other = |grant: &&Grant| grant.key.as_deref().is_some_and(|key| Some(key) != arn);
        match grants.iter().find(other).filter(|_| arn.is_some()) {
            None => Ok(grants),
            Some(grant) => {
                let key = grant.key.as_deref().unwrap_or_default();
                let message = format!("the grant `{}` is of the key `{key}`", grant.id);
                let help = "give the grants of the key that `--key-arn` names";
                Err(vec![Problem { span: node.span, message, help: Some(help.to_owned()) }])
            }
        }
    });
    read.unwrap_or_else(|problems| {
        reading.problems(problems);
        Vec::new()
    })
}
