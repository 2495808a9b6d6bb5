//! `plan`, `drift` and `show`: what would be done, and nothing is.

use super::plan_file::PlanFile;
use super::session::Session;
use crate::address::Address;
use crate::cli::{Format, Global, PlanArgs};
use crate::config;
use crate::desired::Desired;
use crate::engine::refresh::refresh;
use crate::engine::survey::survey;
use crate::failure::{Exit, Failure};
use crate::io::Io;
use crate::kind::Ids;
use crate::live::Live;
use crate::plan::{self, Drifts, Plan};
use crate::render;
use crate::state::State;
use std::collections::BTreeSet;
use std::path::Path;

/// Reads AWS and plans. With the ARNs of the stack's keys.
pub(super) async fn make(
    session: &Session,
    state: &State,
    io: &Io,
) -> Result<(Plan, Ids), Failure> {
    let live = observe(session, state).await?;
    let draft = plan::draft(&session.desired, state, &live);
    let accounts = session.desired.own_accounts();
    let (survey, blind) = survey(&session.aws, &session.effort, &draft, &live, &accounts).await;
    let plan = draft.finish(&survey);
    if let Some(error) = blind {
        io.say(&format!(
            "Whether every user and role in the policies and grants exists is not known ({error}). \
             AWS refuses a policy that names one who does not."
        ));
    }
    Ok((plan, live.ids))
}

pub(super) async fn observe(session: &Session, state: &State) -> Result<Live, Failure> {
    let caller = Some(session.caller.arn.as_str());
    Ok(refresh(&session.aws, &session.effort, &session.desired, state, caller).await?)
}

/// The changes outside of kmsctl since the last apply.
async fn outside(session: &Session, state: &State) -> Result<Drifts, Failure> {
    let live = observe(session, state).await?;
    Ok(plan::draft(&session.desired, state, &live).drifts(state))
}

/// Checks that each target names something: one that names nothing is a mistake, not an empty plan.
fn check_targets<'a>(
    targets: &[String],
    known: impl Iterator<Item = &'a Address>,
) -> Result<(), Failure> {
    let known: BTreeSet<&Address> = known.collect();
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
    Ok(())
}

/// Keeps what `targets` name.
pub(super) fn narrow(
    plan: &mut Plan,
    targets: &[String],
    desired: &Desired,
    state: &State,
) -> Result<(), Failure> {
    let steps = plan.steps.iter().map(|step| &step.address);
    let blocked = plan.blocked.iter().map(|blocked| &blocked.address);
    let known = desired.resources.keys().chain(state.records.keys()).chain(steps).chain(blocked);
    check_targets(targets, known)?;
    plan.narrow(targets);
    Ok(())
}

fn style(global: &Global, io: &Io) -> render::Style {
    render::Style { color: io.out_color(), verbose: global.verbose, width: io.width() }
}

/// Prints the plan.
pub(super) fn print(plan: &Plan, format: Format, global: &Global, io: &Io) -> Result<(), Failure> {
    let text = match format {
        Format::Text => render::human::plan(plan, &style(global, io)),
        Format::Json => format!("{}\n", render::json::text(plan)),
        Format::Markdown => render::markdown::plan(plan),
    };
    io.out(&text);
    Ok(())
}

fn print_drifts(drifts: &Drifts, format: Format, global: &Global, io: &Io) {
    let text = match format {
        Format::Text => render::human::drifts(drifts, &style(global, io)),
        Format::Json => format!("{}\n", render::json::drifts(drifts)),
        Format::Markdown => render::markdown::drifts(drifts),
    };
    io.out(&text);
}

/// `kmsctl plan`.
pub(super) async fn plan(global: &Global, args: &PlanArgs, io: &Io) -> Result<Exit, Failure> {
    let session = Session::open(global, io).await?;
    let replay = session.observed(io).await?;
    if args.refresh_only {
        return refresh_only(&session, &replay.state, global, args, io).await;
    }
    let (mut plan, _) = make(&session, &replay.state, io).await?;
    narrow(&mut plan, &args.targets, &session.desired, &replay.state)?;
    if args.commands {
        io.out(&render::commands::plan(&plan));
    } else {
        print(&plan, args.format, global, io)?;
    }
    let exit = if !plan.blocked.is_empty() {
        Exit::Refused
    } else if args.detailed_exitcode && !plan.steps.is_empty() {
        Exit::Changes
    } else {
        Exit::Done
    };
    if let Some(path) = &args.out {
        PlanFile::new(session.desired, args.targets.clone(), plan).write(path)?;
        io.say(&format!("Saved as {0}: `kmsctl apply {0}` executes exactly this.", path.display()));
    }
    Ok(exit)
}

/// `kmsctl plan --refresh-only`.
async fn refresh_only(
    session: &Session,
    state: &State,
    global: &Global,
    args: &PlanArgs,
    io: &Io,
) -> Result<Exit, Failure> {
    let mut drifts = outside(session, state).await?;
    check_targets(&args.targets, session.desired.resources.keys().chain(state.records.keys()))?;
    drifts.narrow(&args.targets);
    print_drifts(&drifts, args.format, global, io);
    Ok(if !drifts.unreadable.is_empty() {
        Exit::Refused
    } else if args.detailed_exitcode && !drifts.drift.is_empty() {
        Exit::Changes
    } else {
        Exit::Done
    })
}

/// `kmsctl drift`.
pub(super) async fn drift(global: &Global, format: Format, io: &Io) -> Result<Exit, Failure> {
    let session = Session::open(global, io).await?;
    let replay = session.observed(io).await?;
    let drifts = outside(&session, &replay.state).await?;
    let is_same = drifts.drift.is_empty() && drifts.findings.is_empty();
    let exit = match (is_same, drifts.unreadable.is_empty()) {
        (false, _) => Exit::Changes,
        (true, false) => Exit::Refused,
        (true, true) => Exit::Done,
    };
    match (format, exit) {
        (Format::Text, Exit::Done) => io.out("No drift. AWS is as it was last applied.\n"),
        (Format::Text | Format::Json | Format::Markdown, _) => {
            print_drifts(&drifts, format, global, io);
        }
    }
    Ok(exit)
}

/// `kmsctl show`.
pub(super) fn show(global: &Global, file: &Path, format: Format, io: &Io) -> Result<Exit, Failure> {
    print(&PlanFile::read(file)?.plan, format, global, io)?;
    Ok(Exit::Done)
}
