//! `output`: the ids and ARNs of what the stack has in AWS.

use super::session::{Session, location, random};
use super::{input, plan, region};
use crate::cli::{Global, OutputArgs, OutputFormat};
use crate::config;
use crate::decode::nearest;
use crate::failure::{Exit, Failure};
use crate::id::Place;
use crate::io::Io;
use crate::kind::Kind;
use crate::kind::address::Address;
use crate::live::Observed;
use crate::plan::{Blocked, draft};
use crate::render::outputs::{self, Output, Outputs};
use crate::sdk::Aws;
use crate::state::State;
use crate::store::{Location, Store as _};
use crate::text::Medium;
use std::collections::BTreeSet;

/// Runs `kmsctl output`.
pub(super) async fn output(global: &Global, args: &OutputArgs, io: &Io) -> Result<Exit, Failure> {
    let wanted = args.address.as_deref();
    let known = match recorded(global, wanted, io).await? {
        Some(known) => known,
        None => found(global, wanted, io).await?,
    };
    let stack = known.addresses.clone();
    let chosen = match wanted {
        Some(wanted) => known.only(wanted)?,
        None => known.all()?,
    };
    print(&chosen, &stack, wanted.is_some(), args.format, io)
}

/// What is known about the resources of the stack.
#[derive(Default)]
struct Known {
    /// The ids and ARNs of the resources in AWS.
    outputs: Outputs,
    /// The addresses of the configuration and of the records.
    addresses: BTreeSet<Address>,
    /// The resources that could not be read, or may belong to somebody else.
    unreadable: Vec<Blocked>,
}

impl Known {
    /// Begins with the records of a state.
    fn of(state: &State, declared: impl Iterator<Item = Address>) -> Self {
        let mut known = Self::default();
        for (address, record) in &state.records {
            known.add(address, &record.id, &record.place);
        }
        known.addresses.extend(declared);
        known.addresses.retain(has_output);
        known
    }

    fn add(&mut self, address: &Address, id: &str, place: &Place) {
        if has_output(address) {
            self.addresses.insert(address.clone());
            self.outputs.insert(address.clone(), Output::new(address, id, place));
        }
    }

    /// Returns whether nothing has to be read from AWS to answer.
    fn suffices(&self, wanted: Option<&str>) -> bool {
        match wanted {
            Some(wanted) => self.outputs.keys().any(|address| address.to_string() == wanted),
            None => self.addresses.iter().all(|address| self.outputs.contains_key(address)),
        }
    }

    /// Returns the resource at an address.
    fn only(self, wanted: &str) -> Result<Outputs, Failure> {
        let Some(address) = self.addresses.iter().find(|known| known.to_string() == wanted) else {
            let names: Vec<String> = self.addresses.iter().map(ToString::to_string).collect();
            let hint = match nearest(wanted, names.iter().map(String::as_str)) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "`kmsctl output` lists all addresses".to_owned(),
            };
            return Err(Failure::new(format!("the stack has no `{wanted}`")).hint(hint));
        };
        if let Some(blocked) = self.unreadable.iter().find(|blocked| blocked.address == *address) {
            return Err(
                Failure::new(format!("`{address}`: {}", blocked.reason)).hint(&blocked.help)
            );
        }
        match self.outputs.get(address) {
            Some(output) => Ok(Outputs::from([(address.clone(), output.clone())])),
            None => Err(Failure::new(format!("`{address}` is not in AWS yet"))
                .hint("create it with `kmsctl apply`")),
        }
    }

    /// Returns all resources. A part of them could be taken for the whole.
    fn all(self) -> Result<Outputs, Failure> {
        let unreadable: Vec<&Blocked> =
            self.unreadable.iter().filter(|blocked| has_output(&blocked.address)).collect();
        let Some(first) = unreadable.first() else {
            return Ok(self.outputs);
        };
        let names: Vec<String> =
            unreadable.iter().map(|blocked| format!("`{}`", blocked.address)).collect();
        let message = format!("{} could not be read: {}", names.join(", "), first.reason);
        Err(Failure::new(message).hint(format!("{}; or name one address", first.help)))
    }
}

/// Returns whether a resource has an id of its own. Statements in a policy have none.
fn has_output(address: &Address) -> bool {
    address.kind != Kind::KeyPolicy
}

/// Reads the records of the state; `None` if they do not suffice. AWS is not called, except S3 if the state is there.
async fn recorded(
    global: &Global,
    wanted: Option<&str>,
    io: &Io,
) -> Result<Option<Known>, Failure> {
    let location = location(global)?;
    if location == Location::Nowhere {
        return Ok(None);
    }
    let (mut loaded, diagnostics) = config::load(&input(global)?);
    super::report(io, &diagnostics, &loaded.sources)?;
    let stack =
        loaded.stack().cloned().ok_or_else(|| Failure::new("the configuration has no `stack`"))?;
    let region = region(global)?.or_else(|| loaded.region());
    let aws = Aws::connect(region.clone(), global.profile.clone()).await;
    let replay = location.store(stack, &aws).read(&random()?).await?;
    let Some(desired) = loaded.check(region).0.filter(|_| replay.is_settled()) else {
        return Ok(None);
    };
    let known = Known::of(&replay.state, desired.resources.into_keys());
    Ok(known.suffices(wanted).then_some(known))
}

/// Finds the resources that have no record as a plan does.
async fn found(global: &Global, wanted: Option<&str>, io: &Io) -> Result<Known, Failure> {
    let session = Session::open(global, io).await?;
    let state = session.read_state(io).await?.state;
    let desired = &session.desired;
    let mut known = Known::of(&state, desired.resources.keys().cloned());
    let is_known = |wanted: &str| known.addresses.iter().any(|known| known.to_string() == wanted);
    if known.suffices(wanted) || wanted.is_some_and(|wanted| !is_known(wanted)) {
        return Ok(known);
    }
    let live = plan::observe(&session, &state, io).await?;
    known.unreadable = draft(desired, &state, &live).drifts(&state).unreadable;
    known.unreadable.retain(|blocked| !known.outputs.contains_key(&blocked.address));
    let doubtful: BTreeSet<Address> =
        known.unreadable.iter().map(|blocked| blocked.address.clone()).collect();
    for (address, seen) in &live.observed {
        let is_new = desired.resources.contains_key(address)
            && !known.outputs.contains_key(address)
            && !doubtful.contains(address);
        if let Observed::Present { id, place, .. } = seen
            && is_new
        {
            known.add(address, id, place);
        }
    }
    Ok(known)
}

/// Prints the resources. A single address is printed without its name, for `$(kmsctl output ADDRESS)`.
fn print(
    chosen: &Outputs,
    stack: &BTreeSet<Address>,
    is_single: bool,
    format: OutputFormat,
    io: &Io,
) -> Result<Exit, Failure> {
    let wrong = |what: String| {
        Failure::new(what)
            .hint("name one address, or use `--format json`, which has every address as it is")
    };
    let (text, medium) = match format {
        OutputFormat::Text if is_single => {
            let values = chosen.values().map(|output| format!("{}\n", output.value()));
            (values.collect(), Medium::Text)
        }
        OutputFormat::Text => (outputs::text(chosen), Medium::Text),
        OutputFormat::Json => (outputs::json(chosen), Medium::Json),
        OutputFormat::Env => (outputs::env(chosen, stack).map_err(wrong)?, Medium::Shell),
        OutputFormat::Github => (outputs::github(chosen, stack).map_err(wrong)?, Medium::Text),
    };
    io.out_as(&text, medium);
    Ok(Exit::Done)
}
