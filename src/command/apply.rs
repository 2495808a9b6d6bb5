//! `apply` and `destroy`: make a plan, ask for confirmation, and execute the plan.

use super::applied::{Again, Applied, summarize};
use super::plan::{make, narrow, observe, print, style};
use super::plan_file::PlanFile;
use super::preflight;
use super::progress::{Signals, Terminal};
use super::session::{Session, now, random};
use crate::cli::{ApplyArgs, DestroyArgs, Format, Global};
use crate::engine::apply::{Ended, Known, announce, apply as execute};
use crate::failure::{Exit, Failure};
use crate::io::Io;
use crate::journal::Replay;
use crate::kind::Address;
use crate::plan::{Approved, Plan, Stale, rebuild, scheduled};
use crate::render::{Caller, human};
use crate::state::State;
use crate::store::{Store, StoreError};
use std::collections::{BTreeMap, BTreeSet};

/// Runs `kmsctl apply`.
pub(super) async fn apply(global: &Global, args: &ApplyArgs, io: &Io) -> Result<Exit, Failure> {
    match &args.plan {
        Some(path) => {
            let saved = PlanFile::read(path, args.digest.as_deref())?;
            let session = Session::of_plan(global, saved.desired, io).await?;
            let mode = Mode::Saved { plan: Box::new(saved.plan), targets: saved.targets };
            let run = Run { command: "apply", mode, unchecked: args.no_preflight };
            execute_run(global, session, io, run).await
        }
        None => {
            let session = Session::open(global, io).await?;
            let mode = Mode::Fresh { targets: &args.targets, approved: args.auto_approve };
            let run = Run { command: "apply", mode, unchecked: args.no_preflight };
            execute_run(global, session, io, run).await
        }
    }
}

/// Runs `kmsctl destroy`: applies an empty configuration.
pub(super) async fn destroy(global: &Global, args: &DestroyArgs, io: &Io) -> Result<Exit, Failure> {
    let session = Session::open(global, io).await?;
    let mode = Mode::Destroy { targets: &args.targets, approved: args.auto_approve };
    let run = Run { command: "destroy", mode, unchecked: args.no_preflight };
    execute_run(global, session, io, run).await
}

/// Adds the missing records of the declared resources, and removes every declaration. Returns the keys whose deletion
/// is scheduled already.
async fn undeclare(
    global: &Global,
    session: &mut Session,
    state: &mut State,
    io: &Io,
) -> Result<BTreeMap<Address, String>, Failure> {
    let mut dying = BTreeMap::new();
    let mut declared = session.desired.resources.keys();
    if declared.any(|address| !state.records.contains_key(address)) {
        let live = observe(session, state, io).await?;
        dying = scheduled(state, &session.desired, &live);
        let blocked = rebuild(state, &session.desired, &live);
        if !blocked.is_empty() {
            let (desired, caller) = (&session.desired, session.named(Format::Text).await);
            let place = (&desired.stack, &desired.home, &caller);
            io.out(&human::blocked(&blocked, place, &style(global, io)));
            let message = "nothing was destroyed: without a record, it is not certain what belongs to the stack";
            return Err(Failure::new(message).exit(Exit::Refused));
        }
    }
    session.desired.destroys = true;
    session.desired.resources.clear();
    session.desired.findings.clear();
    session.desired.existing = BTreeSet::new();
    Ok(dying)
}

/// The origin of the plan to apply.
enum Mode<'a> {
    Fresh {
        targets: &'a [String],
        approved: bool,
    },
    /// Everything that the stack manages is deleted.
    Destroy {
        targets: &'a [String],
        approved: bool,
    },
    Saved {
        plan: Box<Plan>,
        targets: Vec<String>,
    },
}

/// A run of a command.
struct Run<'a> {
    command: &'static str,
    mode: Mode<'a>,
    /// Whether the check before the first call is left out.
    unchecked: bool,
}

/// Makes and executes a plan under the lock.
async fn execute_run(
    global: &Global,
    mut session: Session,
    io: &Io,
    run: Run<'_>,
) -> Result<Exit, Failure> {
    let mut signals = Signals::new();
    let prepared = async {
        session.lock(io, run.command).await?;
        prepare(global, &mut session, io, run).await
    };
    let prepared = tokio::select! {
        biased;
        prepared = prepared => prepared,
        () = signals.next() => {
            if io.err_is_terminal() {
                // The question, or the `^C` of the terminal, is in this line.
                io.report("\n");
            }
            Err(unsent())
        }
    };
    let result = match prepared {
        Ok(prepared) => prepared.perform(&session, io, &mut signals).await,
        Err(failure) => Err(failure),
    };
    // Whatever failed then, it failed because nothing was sent any more.
    let result = match session.store.lost() {
        Some(reason) => result.map_err(|_| StoreError::LeaseLost(reason).into()),
        None => result,
    };
    // A lease ends by itself if it cannot be released.
    let _ = signals.patiently(io, "the release of the lock", session.store.unlock()).await;
    result
}

/// The failure of a run that a signal ended before its first call.
fn unsent() -> Failure {
    Failure::new("interrupted: no call was sent").exit(Exit::Interrupted)
}

/// The failure of a run that a signal ended before the results were stored.
fn unstored() -> Failure {
    Failure::new("interrupted: the results of the calls could not be stored")
        .hint("run the same command again: it finds out what AWS executed")
        .exit(Exit::Interrupted)
}

/// A plan that is approved, and what its run begins with.
struct Prepared {
    plan: Approved,
    known: Known,
    replay: Replay,
    again: Again,
}

/// Makes a plan, shows it, and has it approved.
async fn prepare(
    global: &Global,
    session: &mut Session,
    io: &Io,
    Run { mode, unchecked, .. }: Run<'_>,
) -> Result<Prepared, Failure> {
    let lineage = match &mode {
        Mode::Saved { plan, .. } => plan.base.lineage.clone(),
        Mode::Fresh { .. } | Mode::Destroy { .. } => random()?,
    };
    let mut replay = session.recover_state(io, true, &lineage).await?;
    if !replay.is_settled() {
        let message = "the outcome of a call of an earlier run is still unknown";
        return Err(Failure::new(message).exit(Exit::Partial));
    }
    let dying = match &mode {
        Mode::Destroy { .. } => undeclare(global, session, &mut replay.state, io).await?,
        Mode::Fresh { .. } | Mode::Saved { .. } => BTreeMap::new(),
    };
    let session = &*session;
    let again = match mode {
        Mode::Fresh { .. } => Again::Apply,
        Mode::Destroy { .. } => Again::Destroy,
        Mode::Saved { .. } => Again::Plan,
    };
    let made = make(session, &replay.state, io);
    let (made, caller) = tokio::join!(made, session.named(Format::Text));
    let (mut plan, known) = made?;
    plan.scheduled = dying;
    let check = async |plan: &Plan, known: &Known| match unchecked {
        true => Ok(()),
        false => preflight::check(session, &replay.state, plan, known, (global.verbose, io)).await,
    };
    let plan = match mode {
        Mode::Fresh { targets, approved } | Mode::Destroy { targets, approved } => {
            narrow(&mut plan, targets, &session.desired, &replay.state)?;
            print(&plan, &caller, Format::Text, global, io);
            check(&plan, &known).await?;
            consent(plan, &caller, approved, io).await?
        }
        Mode::Saved { plan: saved, targets } => {
            plan.narrow(&targets);
            let plan = Approved::as_saved(&saved, plan).map_err(|stale| stale_plan(stale, io))?;
            print(plan.plan(), &caller, Format::Text, global, io);
            check(plan.plan(), &known).await?;
            plan
        }
    };
    Ok(Prepared { plan, known, replay, again })
}

impl Prepared {
    /// Executes the plan, and reports the result.
    async fn perform(
        self,
        session: &Session,
        io: &Io,
        signals: &mut Signals,
    ) -> Result<Exit, Failure> {
        let Self { plan, known, mut replay, again } = self;
        let stored = commit_journal(session, &mut replay);
        signals.patiently(io, "the state", stored).await.ok_or_else(unsent)??;
        let (ended, touched) =
            execute_plan(session, (io, signals), &plan, known, &mut replay).await?;
        let (plan, state) = (plan.plan(), &replay.state);
        Ok(summarize(&Applied { plan, ended: &ended, state, touched, again, now: now() }, io))
    }
}

/// Reports what has changed since the plan was saved.
fn stale_plan(stale: Stale, io: &Io) -> Failure {
    let what = match stale {
        Stale::State => "Another run has changed the state since the plan was saved.".to_owned(),
        Stale::Aws(differing) if differing.is_empty() => {
            "The order of the changes is not that of the saved plan any more.".to_owned()
        }
        Stale::Aws(differing) => {
            let all: Vec<String> = differing.iter().map(ToString::to_string).collect();
            format!(
                "AWS has changed since the plan was saved. A new plan differs at: {}.",
                all.join(", ")
            )
        }
        Stale::Shown(what) => format!("A new plan has the same changes, but shows other {what}."),
    };
    io.say(&what);
    Failure::new("the saved plan is stale")
        .exit(Exit::Conflict)
        .hint("make a new plan, review it, and apply it")
}

/// Asks a person for confirmation, unless `--auto-approve` is set or there is nothing to do.
async fn consent(
    plan: Plan,
    caller: &Caller,
    approved: bool,
    io: &Io,
) -> Result<Approved, Failure> {
    if approved || plan.steps.is_empty() {
        return Ok(Approved::by_consent(plan));
    }
    match io.confirm(&human::question(&plan, caller)).await.as_deref() {
        Some("yes") => Ok(Approved::by_consent(plan)),
        Some(_) => Err(Failure::new("not applied: the answer was not `yes`")),
        None => Err(Failure::new("the changes must be confirmed, and there is no terminal")
            .exit(Exit::Usage)
            .hint("use --auto-approve, or save a plan with `kmsctl plan --out` and apply it")),
    }
}

/// Stores the results of an interrupted run in the state before this run begins its own journal.
async fn commit_journal(session: &Session, replay: &mut Replay) -> Result<(), Failure> {
    if session.store.has_journal() {
        replay.state.serial += 1;
        session.store.commit(&replay.state).await?;
        *replay = Replay::new(replay.state.clone());
    }
    Ok(())
}

/// Executes the plan, and stores the state if the outcome of every call is known. Also returns whether something was
/// applied, or AWS may have executed a call.
async fn execute_plan(
    session: &Session,
    (io, signals): (&Io, &mut Signals),
    approved: &Approved,
    known: Known,
    replay: &mut Replay,
) -> Result<(Ended, bool), Failure> {
    let plan = approved.plan();
    let announced = announce(plan, now(), random)?;
    if !plan.steps.is_empty() {
        let begun = session.store.begin(&replay.state, &announced);
        signals
            .patiently(io, "the announcement of the calls", begun)
            .await
            .ok_or_else(unsent)??;
    }
    let host = Terminal::new(&session.store, replay.clone(), &announced, io, plan.steps.len());
    let ended = tokio::select! {
        biased;
        ended = execute(&session.aws, &host, &session.options, approved, known) => ended,
        never = host.obey(signals) => match never {},
    };
    let executed = host.has_executed();
    *replay = host.finish();
    let touched = executed || !replay.is_settled() || !ended.finished.is_empty();
    if plan.steps.is_empty() && plan.remember.is_empty() {
        return Ok((ended, touched));
    }
    if !replay.is_settled() {
        signals
            .patiently(io, "the state", session.store.suspend())
            .await
            .ok_or_else(unstored)??;
        return Ok((ended, touched));
    }
    replay.state.remember(&plan.remember);
    replay.state.serial += 1;
    if !plan.steps.is_empty() {
        replay.state.changed = now();
    }
    let stored = session.store.commit(&replay.state);
    signals.patiently(io, "the state", stored).await.ok_or_else(unstored)??;
    Ok((ended, touched))
}
