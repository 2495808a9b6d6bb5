//! `plan`, `drift` and `show`: what would be done, and nothing is.

use super::plan_file::PlanFile;
use super::session::{Session, random};
use crate::cli::{Format, Global, PlanArgs};
use crate::engine::identities;
use crate::engine::refresh::refresh;
use crate::failure::{Exit, Failure};
use crate::io::Io;
use crate::plan::{self, Plan};
use crate::render;
use crate::state::State;
use std::path::Path;

/// Refreshes, plans, and looks up whom the calls name.
pub(super) async fn make(session: &Session, state: &State, io: &Io) -> Result<Plan, Failure> {
    let mut plan = observe(session, state).await?;
    let desired = &session.desired;
    let accounts = desired.accounts.keys().chain([&desired.home.account]).cloned().collect();
    let looked = identities::look(&session.aws, &session.effort, &plan, &accounts).await;
    plan.admit(&looked.standings);
    if let Some(error) = looked.blind {
        io.say(&format!(
            "Whether every user and role in the policies and grants exists is not known ({error}). \
             AWS refuses a policy that names one who does not."
        ));
    }
    Ok(plan)
}

async fn observe(session: &Session, state: &State) -> Result<Plan, Failure> {
    let live = refresh(&session.aws, &session.effort, &session.desired, state).await?;
    Ok(plan::plan(&session.desired, state, &live))
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
    let replay = session.recovered(io, false, &random()?).await?;
    let mut plan = make(&session, &replay.state, io).await?;
    plan.narrow(&args.targets);
    if args.refresh_only {
        plan.steps.clear();
        plan.blocked.clear();
        plan.access.clear();
        plan.findings.clear();
    }
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
    let replay = session.recovered(io, false, &random()?).await?;
    let mut plan = observe(&session, &replay.state).await?;
    plan.steps.clear();
    plan.access.clear();
    plan.findings.clear();
    plan.blocked.clear();
    let drifted = !plan.drift.is_empty();
    match (format, drifted) {
        (Format::Text, false) => io.out("No drift. AWS is as it was last applied.\n"),
        (Format::Text | Format::Json | Format::Markdown, _) => print(&plan, format, global, io)?,
    }
    Ok(if drifted { Exit::Changes } else { Exit::Done })
}

/// `kmsctl show`.
pub(super) fn show(global: &Global, file: &Path, format: Format, io: &Io) -> Result<Exit, Failure> {
    print(&PlanFile::read(file)?.plan, format, global, io)?;
    Ok(Exit::Done)
}
