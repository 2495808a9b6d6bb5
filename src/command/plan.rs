//! `plan`, `drift` and `show`: what would be done, and nothing is.

use super::plan_file::PlanFile;
use super::session::Session;
use crate::address::Address;
use crate::cli::{Format, Global, PlanArgs};
use crate::config;
use crate::desired::Desired;
use crate::engine::refresh::refresh;
use crate::engine::{identities, impact};
use crate::failure::{Exit, Failure};
use crate::io::Io;
use crate::kind::Ids;
use crate::live::{Live, Seen};
use crate::plan::{self, Plan};
use crate::render;
use crate::state::State;
use std::collections::BTreeSet;
use std::path::Path;

/// Refreshes, plans, and looks up whom the calls name. With the ARNs of the stack's keys.
pub(super) async fn make(
    session: &Session,
    state: &State,
    io: &Io,
) -> Result<(Plan, Ids), Failure> {
    let (mut plan, live) = observe(session, state).await?;
    let accounts = session.desired.own_accounts();
    let looked = identities::look(&session.aws, &session.effort, &plan, &live, &accounts).await;
    plan.admit(&looked.standings);
    let endangered = plan.endangered(&live.ids);
    if !endangered.is_empty() {
        let impacts = impact::scan(&session.aws, &session.effort, &endangered).await;
        plan.spare(&impacts, &live.ids);
    }
    if let Some(error) = looked.blind {
        io.say(&format!(
            "Whether every user and role in the policies and grants exists is not known ({error}). \
             AWS refuses a policy that names one who does not."
        ));
    }
    Ok((plan, live.ids))
}

pub(super) async fn observe(session: &Session, state: &State) -> Result<(Plan, Live), Failure> {
    let mut live = refresh(&session.aws, &session.effort, &session.desired, state).await?;
    live.caller = Some(session.caller.arn.clone());
    Ok((plan::plan(&session.desired, state, &live), live))
}

/// What changed outside of kmsctl, as far as it can be seen; nothing that a plan would do about it.
async fn outside(session: &Session, state: &State) -> Result<Plan, Failure> {
    let (mut plan, live) = observe(session, state).await?;
    plan.steps.clear();
    plan.access.clear();
    // A consumer whose key does not work is news, though nothing differs.
    plan.findings.retain(|finding| finding.rule == plan::KEY_UNUSABLE);
    // What cannot be looked at, or is somebody else's by now, is not known to be as it was.
    let obstructed =
        |address: &Address| matches!(live.seen.get(address), Some(Seen::Obstructed { .. }));
    plan.blocked.retain(|blocked| {
        state.records.contains_key(&blocked.address) && obstructed(&blocked.address)
    });
    Ok(plan)
}

/// Keeps what `targets` name. One that names nothing is a mistake, not an empty plan.
pub(super) fn narrow(
    plan: &mut Plan,
    targets: &[String],
    desired: &Desired,
    state: &State,
) -> Result<(), Failure> {
    let known: BTreeSet<&Address> = desired
        .resources
        .keys()
        .chain(state.records.keys())
        .chain(plan.steps.iter().map(|step| &step.address))
        .chain(plan.blocked.iter().map(|blocked| &blocked.address))
        .collect();
    for target in targets {
        if known.iter().any(|address| address.matches(target)) {
            continue;
        }
        let names: Vec<String> = known.iter().map(ToString::to_string).collect();
        let near = config::nearest(target, names.iter().map(String::as_str));
        let failure = Failure::new(format!("`--target {target}` names nothing"));
        return Err(failure.exit(Exit::Usage).hint(match near {
            Some(near) => format!("did you mean `{near}`?"),
            None => "name an address, such as `key/storage` or `grant/storage/*`".to_owned(),
        }));
    }
    plan.narrow(targets);
    Ok(())
}

/// Prints the plan.
pub(super) fn print(plan: &Plan, format: Format, global: &Global, io: &Io) -> Result<(), Failure> {
    let text = match format {
        Format::Text => {
            let style =
                render::Style { color: io.out_color(), verbose: global.verbose, width: io.width() };
            render::human::plan(plan, &style)
        }
        Format::Json => format!("{}\n", render::json::text(plan)),
        Format::Markdown => render::markdown::plan(plan),
    };
    io.out(&text);
    Ok(())
}

/// `kmsctl plan`.
pub(super) async fn plan(global: &Global, args: &PlanArgs, io: &Io) -> Result<Exit, Failure> {
    let session = Session::open(global, io).await?;
    let replay = session.observed(io).await?;
    let mut plan = match args.refresh_only {
        true => outside(&session, &replay.state).await?,
        false => make(&session, &replay.state, io).await?.0,
    };
    narrow(&mut plan, &args.targets, &session.desired, &replay.state)?;
    if args.commands {
        io.out(&render::commands::plan(&plan));
    } else {
        print(&plan, args.format, global, io)?;
    }
    let exit = exit_of(&plan, args);
    if let Some(path) = &args.out {
        PlanFile::new(session.desired, args.targets.clone(), plan).write(path)?;
        io.say(&format!("Saved as {0}: `kmsctl apply {0}` executes exactly this.", path.display()));
    }
    Ok(exit)
}

fn exit_of(plan: &Plan, args: &PlanArgs) -> Exit {
    let changes = !plan.steps.is_empty() || (args.refresh_only && !plan.drift.is_empty());
    if !plan.blocked.is_empty() {
        Exit::Refused
    } else if args.detailed_exitcode && changes {
        Exit::Changes
    } else {
        Exit::Done
    }
}

/// `kmsctl drift`.
pub(super) async fn drift(global: &Global, format: Format, io: &Io) -> Result<Exit, Failure> {
    let session = Session::open(global, io).await?;
    let replay = session.observed(io).await?;
    let plan = outside(&session, &replay.state).await?;
    let same = plan.drift.is_empty() && plan.findings.is_empty();
    let exit = match (same, plan.blocked.is_empty()) {
        (false, _) => Exit::Changes,
        (true, false) => Exit::Refused,
        (true, true) => Exit::Done,
    };
    match (format, exit) {
        (Format::Text, Exit::Done) => io.out("No drift. AWS is as it was last applied.\n"),
        (Format::Text | Format::Json | Format::Markdown, _) => print(&plan, format, global, io)?,
    }
    Ok(exit)
}

/// `kmsctl show`.
pub(super) fn show(global: &Global, file: &Path, format: Format, io: &Io) -> Result<Exit, Failure> {
    print(&PlanFile::read(file)?.plan, format, global, io)?;
    Ok(Exit::Done)
}
