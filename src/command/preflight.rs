//! Reports before the first call of an apply which calls would be denied.

use super::session::Session;
use crate::engine::apply::Known;
use crate::engine::preflight::{Preflight, preflight};
use crate::failure::{Exit, Failure};
use crate::io::Io;
use crate::permissions::preflight::Denied;
use crate::plan::Plan;
use crate::state::State;

/// Reports what is known to be missing, all of it at once. Fails if the policy of a key certainly denies a call.
pub(super) async fn check(
    session: &Session,
    state: &State,
    plan: &Plan,
    known: &Known,
    (verbose, io): (bool, &Io),
) -> Result<(), Failure> {
    let Session { aws, options, desired, caller, .. } = session;
    let Preflight { denied, simulated, unknown, unasked } =
        preflight(aws, options, plan, known, (desired, state), &caller.arn).await;
    for one in &simulated {
        io.say(&format!(
            "warning: the IAM policies of {} do not seem to allow {} on {}.",
            one.identity, one.action, one.resource
        ));
    }
    if let (unasked @ 1.., all) = unasked {
        io.say(&format!(
            "warning: IAM's simulator was not asked about {unasked} of {all} planned actions on resources, because there are \
             too many of them."
        ));
    }
    if let Some(why) = unknown.filter(|_| verbose) {
        io.say(&format!("IAM's policies were not checked before the first call: {why}."));
    }
    if denied.is_empty() {
        return Ok(());
    }
    for one in &denied {
        io.say(&sentence(one));
    }
    let message = "the policies of keys deny calls of this plan; nothing was sent";
    let hint = "let an administrator of the keys add what is missing (`kmsctl permissions` prints the statement), or \
                skip this check with --no-preflight";
    Err(Failure::new(message).hint(hint).exit(Exit::Refused))
}

fn sentence(denied: &Denied) -> String {
    let Denied { key, identity, statement, action, addresses } = denied;
    let addresses: Vec<String> = addresses.iter().map(ToString::to_string).collect();
    let why = match statement {
        Some(statement) => format!("its statement `{statement}` denies it"),
        None => "no statement allows it, or leaves it to IAM policies".to_owned(),
    };
    format!(
        "error: {}: the policy of {key} does not let {identity} do {action}: {why}.",
        addresses.join(", ")
    )
}
