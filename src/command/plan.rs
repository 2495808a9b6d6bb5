//! `plan`, `drift` and `show`: show changes without making them.

use super::plan_file::PlanFile;
use super::session::{Session, now};
use super::similar_address;
use crate::cli::{Format, Global, PlanArgs};
use crate::desired::Desired;
use crate::engine::apply::Known;
use crate::engine::look::{Clock, look};
use crate::engine::survey::survey;
use crate::failure::{Exit, Failure};
use crate::io::Io;
use crate::kind::address::Address;
use crate::live::Live;
use crate::plan::{self, Drifts, Plan};
use crate::render::{self, Caller};
use crate::state::State;
use crate::store::Store as _;
use crate::text::Medium;
use std::collections::BTreeSet;
use std::path::Path;
use std::pin::pin;
use std::time::Duration;

/// Reads AWS and makes a plan. Also returns the facts that are known before the first call.
pub(super) async fn make(
    session: &Session,
    state: &State,
    io: &Io,
) -> Result<(Plan, Known), Failure> {
    let live = observe(session, state, io).await?;
    let draft = plan::draft(&session.desired, state, &live);
    let accounts = session.desired.own_accounts();
    let (survey, error) =
        survey(&session.aws, &session.options, &draft, &live, &accounts, now()).await;
    let plan = draft.finish(&survey);
    if let Some(error) = error {
        io.say(&format!(
            "Could not check whether every user and role in the policies and grants exists \
             ({error}). KMS refuses a policy or grant that names one that does not exist."
        ));
    }
    Ok((plan, Known::of(live, accounts)))
}

/// Reads the live resources of the stack.
pub(super) async fn observe(session: &Session, state: &State, io: &Io) -> Result<Live, Failure> {
    let caller = Some(session.caller.arn.as_str());
    let interrupted = session.store.has_journal();
    let clock = Clock { now: now(), settle: session.settle, interrupted };
    let waiting = |seconds| {
        io.say(&format!(
            "AWS may not show the changes of the last minute yet: looking again for up to {seconds} s."
        ));
    };
    let Session { aws, options, desired, .. } = session;
    let mut looking = pin!(look(aws, options, desired, state, caller, clock, waiting));
    let mut total = 0;
    for seconds in READING {
        total += seconds;
        match tokio::time::timeout(Duration::from_secs(seconds), &mut looking).await {
            Ok(live) => return Ok(live?),
            Err(_) => {
                io.say(&format!("Reading the resources of the stack in AWS for {total} s."));
            }
        }
    }
    Ok(looking.await?)
}

/// The times in seconds after which a long refresh is reported again.
const READING: [u64; 6] = [10, 30, 60, 60, 60, 300];

/// Reads AWS and returns the changes outside kmsctl since the last apply.
async fn find_drift(session: &Session, state: &State, io: &Io) -> Result<Drifts, Failure> {
    let live = observe(session, state, io).await?;
    Ok(plan::draft(&session.desired, state, &live).drifts(state))
}

/// Checks that each target matches a known address. A target without a match is treated as a mistake,
/// not as an empty plan.
fn check_targets<'a>(
    targets: &[String],
    known: impl Iterator<Item = &'a Address>,
) -> Result<(), Failure> {
    let known: BTreeSet<&Address> = known.collect();
    for target in targets {
        if known.iter().any(|address| address.matches(target)) {
            continue;
        }
        let near = similar_address(target, known.iter().copied());
        let failure = Failure::new(format!("`--target {target}` matches no address"));
        return Err(failure.exit(Exit::Usage).hint(match near {
            Some(near) => format!("did you mean `{near}`?"),
            None => "name an address, such as `key/storage` or `grant/storage/*`".to_owned(),
        }));
    }
    Ok(())
}

/// Keeps the part of the plan that `targets` match.
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

/// Returns the style of the text form.
pub(super) fn style(global: &Global, io: &Io) -> render::Style {
    render::Style { color: io.out_color(), verbose: global.verbose, width: io.width() }
}

/// Prints the plan.
pub(super) fn print(plan: &Plan, caller: &Caller, format: Format, global: &Global, io: &Io) {
    let text = match format {
        Format::Text => render::human::plan(plan, caller, &style(global, io)),
        Format::Json => format!("{}\n", render::json::text(plan)),
        Format::Markdown => render::markdown::plan(plan, caller),
    };
    io.out_as(&text, medium(format));
}

/// Prints the drift report.
fn print_drifts(drifts: &Drifts, caller: &Caller, format: Format, global: &Global, io: &Io) {
    let text = match format {
        Format::Text => render::human::drifts(drifts, caller, &style(global, io)),
        Format::Json => format!("{}\n", render::json::drifts(drifts)),
        Format::Markdown => render::markdown::drifts(drifts, caller),
    };
    io.out_as(&text, medium(format));
}

/// Returns the medium of a format.
fn medium(format: Format) -> Medium {
    match format {
        Format::Text | Format::Markdown => Medium::Text,
        Format::Json => Medium::Json,
    }
}

/// Runs `kmsctl plan`.
pub(super) async fn plan(global: &Global, args: &PlanArgs, io: &Io) -> Result<Exit, Failure> {
    let session = Session::open(global, io).await?;
    let replay = session.read_state(io).await?;
    if args.refresh_only {
        return refresh_only(&session, &replay.state, global, args, io).await;
    }
    let made = make(&session, &replay.state, io);
    // A saved plan may be shown in any format.
    let format = if args.out.is_some() { Format::Text } else { args.format };
    let (made, caller) = tokio::join!(made, session.named(format));
    let (mut plan, _) = made?;
    narrow(&mut plan, &args.targets, &session.desired, &replay.state)?;
    if args.commands {
        io.out_as(&render::commands::plan(&plan), Medium::Shell);
    } else {
        print(&plan, &caller, args.format, global, io);
    }
    let exit = if !plan.blocked.is_empty() {
        Exit::Refused
    } else if args.detailed_exitcode && (!plan.steps.is_empty() || ignores(&plan)) {
        Exit::Changes
    } else {
        Exit::Done
    };
    if let Some(path) = &args.out {
        let saved = PlanFile::new(session.desired, args.targets.clone(), caller, plan);
        let digest = saved.write(path)?;
        io.say(&format!(
            "Saved to {0}: `kmsctl apply {0} --digest {digest}` applies exactly this plan.",
            path.display()
        ));
    }
    Ok(exit)
}

/// Returns whether AWS differs from the last apply in a way that the plan does not change.
fn ignores(plan: &Plan) -> bool {
    plan.drift.iter().any(|drift| drift.ignored.is_some())
}

/// Runs `kmsctl plan --refresh-only`.
async fn refresh_only(
    session: &Session,
    state: &State,
    global: &Global,
    args: &PlanArgs,
    io: &Io,
) -> Result<Exit, Failure> {
    let found = find_drift(session, state, io);
    let (found, caller) = tokio::join!(found, session.named(args.format));
    let mut drifts = found?;
    check_targets(&args.targets, session.desired.resources.keys().chain(state.records.keys()))?;
    drifts.narrow(&args.targets);
    print_drifts(&drifts, &caller, args.format, global, io);
    Ok(if !drifts.unreadable.is_empty() {
        Exit::Refused
    } else if args.detailed_exitcode && !drifts.drift.is_empty() {
        Exit::Changes
    } else {
        Exit::Done
    })
}

/// Runs `kmsctl drift`.
pub(super) async fn drift(global: &Global, format: Format, io: &Io) -> Result<Exit, Failure> {
    let session = Session::open(global, io).await?;
    let replay = session.read_state(io).await?;
    let found = find_drift(&session, &replay.state, io);
    let (found, caller) = tokio::join!(found, session.named(format));
    let drifts = found?;
    let is_same = drifts.drift.is_empty() && drifts.findings.is_empty();
    let exit = match (is_same, drifts.unreadable.is_empty()) {
        (false, _) => Exit::Changes,
        (true, false) => Exit::Refused,
        (true, true) => Exit::Done,
    };
    print_drifts(&drifts, &caller, format, global, io);
    Ok(exit)
}

/// Runs `kmsctl show`.
pub(super) fn show(
    global: &Global,
    (file, digest): (&Path, Option<&str>),
    format: Format,
    io: &Io,
) -> Result<Exit, Failure> {
    let PlanFile { plan, caller, .. } = PlanFile::read(file, digest)?;
    print(&plan, &caller, format, global, io);
    if digest.is_none() {
        io.say(
            "This is what the file says: `kmsctl apply` makes the plan again and refuses a file that differs, and --digest \
             proves that nobody has changed it.",
        );
    }
    Ok(Exit::Done)
}
