//! `state list|show|mv|forget|unlock`: the records. AWS is not asked.

use super::input;
use super::session::{holder, random, store};
use crate::address::Address;
use crate::cli::{Global, StateCommand};
use crate::config;
use crate::failure::{Exit, Failure};
use crate::io::Io;
use crate::journal::Replay;
use crate::store::Store;
use crate::text::printable;

/// `kmsctl state …`.
pub(super) fn state(global: &Global, command: &StateCommand, io: &Io) -> Result<Exit, Failure> {
    let (loaded, diagnostics) = config::load(&input(global)?);
    super::report(io, &diagnostics, &loaded.sources)?;
    let stack =
        loaded.stack().cloned().ok_or_else(|| Failure::new("the configuration names no stack"))?;
    let store = store(global, stack)?;
    match command {
        StateCommand::List => {
            for address in store.read(&random()?)?.state.records.keys() {
                io.out(&format!("{address}\n"));
            }
        }
        StateCommand::Show { address } => {
            let address = parse(address)?;
            let replay = store.read(&random()?)?;
            let record = replay.state.records.get(&address).ok_or_else(|| missing(&address))?;
            let text = serde_json::to_string_pretty(record)
                .map_err(|error| Failure::new(error.to_string()))?;
            let lines: Vec<_> = text.lines().map(printable).collect();
            io.out(&format!("{}\n", lines.join("\n")));
        }
        StateCommand::Mv { from, to } => {
            let (from, to) = (parse(from)?, parse(to)?);
            change(&store, "state mv", |replay| rename(replay, &from, &to))?;
            io.say(&format!("{from} is now {to}."));
        }
        StateCommand::Forget { address } => {
            let address = parse(address)?;
            change(&store, "state forget", |replay| {
                replay.state.records.remove(&address).map(drop).ok_or_else(|| missing(&address))
            })?;
            io.say(&format!("{address} is forgotten. AWS was not touched."));
        }
        StateCommand::Unlock { id } => {
            let holder = store.unlock(id)?;
            io.say(&format!("The lock of {} (process {}) is broken.", holder.who, holder.pid));
        }
    }
    Ok(Exit::Done)
}

fn parse(text: &str) -> Result<Address, Failure> {
    text.parse().map_err(|error: String| Failure::new(error).exit(Exit::Usage))
}

fn missing(address: &Address) -> Failure {
    Failure::new(format!("there is no record of `{address}`")).hint("see `kmsctl state list`")
}

fn rename(replay: &mut Replay, from: &Address, to: &Address) -> Result<(), Failure> {
    if from.kind != to.kind {
        return Err(Failure::new(format!("`{from}` and `{to}` are of different kinds")));
    }
    if replay.state.records.contains_key(to) {
        return Err(Failure::new(format!("there is a record of `{to}` already")));
    }
    let record = replay.state.records.remove(from).ok_or_else(|| missing(from))?;
    replay.state.records.insert(to.clone(), record);
    Ok(())
}

fn change(
    store: &Store,
    command: &str,
    edit: impl FnOnce(&mut Replay) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let lock = store.lock(&holder(command)?)?;
    let mut replay = store.read(&random()?)?;
    if !replay.is_settled() {
        return Err(
            Failure::new("an interrupted run is not settled yet").hint("run `kmsctl apply` first")
        );
    }
    edit(&mut replay)?;
    replay.state.serial += 1;
    store.commit(&replay.state)?;
    drop(lock);
    Ok(())
}
