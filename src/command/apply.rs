//! `apply` and `destroy`: plan, ask, execute.

use super::plan::{make, narrow, print};
use super::plan_file::PlanFile;
use super::progress::Terminal;
use super::session::{Session, holder, random};
use crate::cli::{ApplyArgs, DestroyArgs, Format, Global};
use crate::engine::apply::{Ended, Known, apply as execute};
use crate::failure::{Exit, Failure};
use crate::io::Io;
use crate::journal::{Event, Replay};
use crate::kind::Ids;
use crate::plan::{Approved, Plan, Stale};
use std::collections::BTreeSet;

/// `kmsctl apply`.
pub(super) async fn apply(global: &Global, args: &ApplyArgs, io: &Io) -> Result<Exit, Failure> {
    match &args.plan {
        Some(path) => {
            let saved = PlanFile::read(path)?;
            let session = Session::of_plan(global, saved.desired).await?;
            let mode = Mode::Saved { plan: Box::new(saved.plan), targets: saved.targets };
            run(global, &session, io, "apply", mode).await
        }
        None => {
            let session = Session::open(global, io).await?;
            let mode = Mode::Fresh { targets: &args.targets, approved: args.auto_approve };
            run(global, &session, io, "apply", mode).await
        }
    }
}

/// `kmsctl destroy`: the same with nothing declared.
pub(super) async fn destroy(global: &Global, args: &DestroyArgs, io: &Io) -> Result<Exit, Failure> {
    let mut session = Session::open(global, io).await?;
    session.desired.resources.clear();
    session.desired.findings.clear();
    session.desired.existing = BTreeSet::new();
    let mode = Mode::Fresh { targets: &args.targets, approved: args.auto_approve };
    run(global, &session, io, "destroy", mode).await
}

enum Mode<'a> {
    Fresh { targets: &'a [String], approved: bool },
    Saved { plan: Box<Plan>, targets: Vec<String> },
}

async fn run(
    global: &Global,
    session: &Session,
    io: &Io,
    command: &str,
    mode: Mode<'_>,
) -> Result<Exit, Failure> {
    let lock = session.store.lock(&holder(command)?)?;
    let lineage = match &mode {
        Mode::Saved { plan, .. } => plan.base.lineage.clone(),
        Mode::Fresh { .. } => random()?,
    };
    let mut replay = session.recovered(io, true, &lineage).await?;
    if !replay.is_settled() {
        return Err(Failure::new("an earlier run could not be settled").exit(Exit::Partial));
    }
    let (mut plan, ids) = make(session, &replay.state, io).await?;
    let plan = match mode {
        Mode::Fresh { targets, approved } => {
            narrow(&mut plan, targets, &session.desired, &replay.state)?;
            print(&plan, Format::Text, global, io)?;
            consent(plan, approved, io)?
        }
        Mode::Saved { plan: saved, targets } => {
            plan.narrow(&targets);
            let plan = Approved::as_saved(&saved, plan).map_err(|stale| outdated(stale, io))?;
            print(plan.plan(), Format::Text, global, io)?;
            plan
        }
    };
    settle_state(session, &mut replay)?;
    let ended = carry_out(session, io, &plan, ids, &mut replay).await?;
    drop(lock);
    Ok(tell(io, plan.plan(), &ended))
}

fn outdated(stale: Stale, io: &Io) -> Failure {
    let what = match stale {
        Stale::State => "the state",
        Stale::Aws => "AWS",
    };
    io.say(&format!("Since the plan was made, {what} has changed."));
    Failure::new("the saved plan is stale")
        .exit(Exit::Conflict)
        .hint("make a new plan, look at it, and apply that")
}

/// Asks a person, unless the answer was given beforehand or there is nothing to do.
fn consent(plan: Plan, approved: bool, io: &Io) -> Result<Approved, Failure> {
    if approved || plan.steps.is_empty() {
        return Ok(Approved::by_consent(plan));
    }
    match io.ask("Apply these changes? Only `yes` applies them:").as_deref() {
        Some("yes") => Ok(Approved::by_consent(plan)),
        Some(_) => Err(Failure::new("not applied")),
        None => Err(Failure::new("there is no terminal to ask on")
            .exit(Exit::Usage)
            .hint("use --auto-approve, or save a plan with `kmsctl plan --out` and apply that")),
    }
}

/// What an earlier run did is in the records before this one begins a journal of its own.
fn settle_state(session: &Session, replay: &mut Replay) -> Result<(), Failure> {
    if session.store.journal_exists() {
        replay.state.serial += 1;
        session.store.commit(&replay.state)?;
        *replay = Replay::new(replay.state.clone());
    }
    Ok(())
}

async fn carry_out(
    session: &Session,
    io: &Io,
    approved: &Approved,
    ids: Ids,
    replay: &mut Replay,
) -> Result<Ended, Failure> {
    let plan = approved.plan();
    let mut world = Terminal::new(&session.store, replay.clone(), io, plan.steps.len());
    if !plan.steps.is_empty() {
        let (lineage, serial) = (replay.state.lineage.clone(), replay.state.serial);
        session.store.append(&Event::Run { lineage, serial })?;
    }
    world.watch_signals();
    let known = Known { ids, accounts: session.desired.own_accounts() };
    let ended = execute(&session.aws, &world, &session.effort, approved, known).await;
    *replay = world.finish();
    let changed = !plan.steps.is_empty() || !plan.remember.is_empty();
    if changed && replay.is_settled() {
        replay.state.remember(&plan.remember);
        replay.state.serial += 1;
        session.store.commit(&replay.state)?;
    }
    Ok(ended)
}

fn tell(io: &Io, plan: &Plan, ended: &Ended) -> Exit {
    if plan.steps.is_empty() && plan.blocked.is_empty() {
        return Exit::Done;
    }
    for (address, error) in &ended.failed {
        io.say(&format!("error: {address}: {error}"));
    }
    let done = ended.finished.len();
    let mut text = vec![format!("Applied {done} of {} changes.", plan.steps.len())];
    if !ended.left.is_empty() {
        let left: Vec<String> = ended.left.iter().map(ToString::to_string).collect();
        text.push(format!("Not begun: {}.", left.join(", ")));
    }
    if !ended.is_complete() {
        text.push("The journal has what is open: run `kmsctl apply` again.".to_owned());
    }
    if !plan.blocked.is_empty() {
        text.push(format!("Refused: {} (see above).", plan.blocked.len()));
    }
    io.say(&text.join(" "));
    match ended {
        Ended { stopped: true, .. } if !ended.is_complete() => Exit::Interrupted,
        _ if !ended.is_complete() => Exit::Partial,
        _ if !plan.blocked.is_empty() => Exit::Refused,
        _ => Exit::Done,
    }
}
