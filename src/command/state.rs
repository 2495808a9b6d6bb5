//! `state list|show|mv|forget|unlock`: inspect and repair the state. AWS is not called, except S3 if the
//! state is there, and KMS for the rotations of a key that is shown.

use super::session::{holder, host, location, options, random, waiting};
use super::{input, region, similar_address};
use crate::answer::Fault;
use crate::cli::{Global, StateCommand};
use crate::config;
use crate::engine;
use crate::failure::{Exit, Failure};
use crate::id::KeyArn;
use crate::io::Io;
use crate::journal::Replay;
use crate::kind::address::Address;
use crate::kind::key::PastRotation;
use crate::kind::{KeyRef, Kind, Spec};
use crate::render;
use crate::sdk::Aws;
use crate::state::{Record, State};
use crate::store::{AnyStore, Folder, Location, Store};
use crate::text::printable;
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::Duration;

/// The longest time for which a record waits for the rotations of its key.
const SOON: Duration = Duration::from_secs(3);

/// Runs `kmsctl state …`.
pub(super) async fn state(
    global: &Global,
    command: &StateCommand,
    io: &Io,
) -> Result<Exit, Failure> {
    let store = open(global, io).await?;
    match command {
        StateCommand::List => {
            let state = store.read(&random()?).await?.state;
            for address in state.records.keys() {
                io.out(&format!("{}\n", printable(&address.to_string())));
            }
            if state.records.is_empty() {
                io.say("There are no records: `kmsctl apply` writes them.");
            }
        }
        StateCommand::Show { address } => {
            let replay = store.read(&random()?).await?;
            let records = &replay.state.records;
            let address = parse(address).map_err(|failure| lead(failure, address, records))?;
            let record = records.get(&address).ok_or_else(|| missing(&address, records))?;
            let rotations = match record.id.parse() {
                Ok(key) if address.kind == Kind::Key => rotations(global, &key, io).await,
                Ok(_) | Err(_) => None,
            };
            let shown = Shown { record, rotations };
            io.json(&format!("{}\n", render::json::pretty_set(&shown)));
        }
        StateCommand::Mv { from, to } => {
            let (from, to) = (parse(from)?, parse(to)?);
            let moved =
                change(&store, io, "state mv", |replay| rename(&mut replay.state, &from, &to))
                    .await?;
            for (from, to) in moved {
                io.say(&format!("{from} is now {to}."));
            }
        }
        StateCommand::Forget { address } => {
            let address = parse(address)?;
            change(&store, io, "state forget", |replay| {
                let records = &mut replay.state.records;
                records.remove(&address).map(drop).ok_or_else(|| missing(&address, records))
            })
            .await?;
            io.say(&format!("{address} is no longer recorded. Nothing was changed in AWS."));
        }
        StateCommand::Unlock { id } => {
            let holder = store.break_lock(id, &host())?;
            io.say(&format!("The lock of {} (process {}) is removed.", holder.who, holder.pid));
        }
    }
    Ok(Exit::Done)
}

/// Opens the store of the configuration's stack.
async fn open(global: &Global, io: &Io) -> Result<AnyStore, Failure> {
    let (loaded, diagnostics) = config::load(&input(global)?);
    super::report(io, &diagnostics, &loaded.sources)?;
    let stack =
        loaded.stack().cloned().ok_or_else(|| Failure::new("the configuration has no `stack`"))?;
    let region = region(global)?.or_else(|| loaded.region());
    Ok(match location(global)? {
        Location::Nowhere => {
            let failure = Failure::new("there is no state: `--state none` keeps no record");
            return Err(failure.exit(Exit::Usage).hint(
                "to stop managing a resource, list it under `removed` in the configuration; to rename a \
                 key, list it under `moved`",
            ));
        }
        Location::Folder(folder) => AnyStore::Folder(Folder::new(folder, stack)),
        location @ Location::S3 { .. } => {
            location.store(stack, &Aws::connect(region, global.profile.clone()).await)
        }
    })
}

/// A record, with what AWS adds to it.
#[derive(Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    record: &'a Record,
    /// The complete rotations of a key, the oldest first.
    #[serde(skip_serializing_if = "Option::is_none")]
    rotations: Option<Vec<PastRotation>>,
}

/// Reads the rotations of a key. A record is shown without them if AWS does not answer soon, or the key cannot be
/// rotated.
async fn rotations(global: &Global, key: &KeyArn, io: &Io) -> Option<Vec<PastRotation>> {
    let read = async {
        let aws = Aws::connect(Some(key.region.clone()), global.profile.clone()).await;
        engine::rotate::rotations(&aws, &options(global), key).await
    };
    let why = match tokio::time::timeout(SOON, read).await {
        Ok(Ok(rotations)) => return Some(rotations.past),
        Ok(Err(error)) if matches!(error.fault, Fault::Unsupported | Fault::InvalidState) => {
            return None;
        }
        Ok(Err(error)) => error.to_string(),
        Err(_) => format!("AWS did not answer within {} s", SOON.as_secs()),
    };
    io.say(&format!("The rotations of the key are not shown: {why}."));
    None
}

fn parse(text: &str) -> Result<Address, Failure> {
    text.parse().map_err(|error: String| {
        let key = format!("key/{text}");
        Failure::new(error).exit(Exit::Usage).hint(match key.parse::<Address>() {
            Ok(_) if !text.contains('/') => {
                format!("`{key}` is the address of a key; `kmsctl state list` lists the records")
            }
            Ok(_) | Err(_) => "`kmsctl state list` lists the records".to_owned(),
        })
    })
}

fn missing(address: &Address, records: &BTreeMap<Address, Record>) -> Failure {
    let failure = Failure::new(format!("there is no record of `{address}`"));
    lead(failure, &address.to_string(), records)
}

/// Names the record that is probably meant.
fn lead(failure: Failure, text: &str, records: &BTreeMap<Address, Record>) -> Failure {
    match similar_address(text, records.keys()) {
        Some(near) => {
            failure.hint(format!("did you mean `{near}`? `kmsctl state list` lists the records"))
        }
        None => failure.hint("`kmsctl state list` lists the records"),
    }
}

/// Changes the address of a key, and of the grants that are named after it. AWS is not changed: the next
/// plan changes the key's name tag, and finds the grants by their recorded ids.
fn rename(
    state: &mut State,
    from: &Address,
    to: &Address,
) -> Result<Vec<(Address, Address)>, Failure> {
    movable(from, to)?;
    if !state.records.contains_key(from) {
        return Err(missing(from, &state.records));
    }
    let grants = |address: &Address| format!("{}/", address.name);
    let (old, new) = (grants(from), grants(to));
    let is_grant = |address: &Address, prefix: &str| {
        address.kind == Kind::Grant && address.name.starts_with(prefix)
    };
    if let Some(there) = state.records.keys().find(|a| *a == to || is_grant(a, &new)) {
        return Err(Failure::new(format!("there is already a record of `{there}`")));
    }
    let mut moved = Vec::new();
    for (address, mut record) in std::mem::take(&mut state.records) {
        // Grants on a key that the stack does not manage are named after that key, which has no record.
        let renamed = if address == *from {
            to.clone()
        } else if is_grant(&address, &old) {
            let name = address.name.strip_prefix(&old).unwrap_or_default();
            Address::new(Kind::Grant, format!("{new}{name}"))
        } else {
            address.clone()
        };
        repoint(&mut record.spec, from, to);
        if renamed != address {
            moved.push((address, renamed.clone()));
        }
        state.records.insert(renamed, record);
    }
    Ok(moved)
}

/// Checks that the address can be changed. Only the name of a key is kmsctl's own; other resources have theirs in AWS.
fn movable(from: &Address, to: &Address) -> Result<(), Failure> {
    if from.kind != to.kind {
        return Err(Failure::new(format!("`{from}` and `{to}` are of different kinds")));
    }
    if from.kind == Kind::Key && from != to {
        return Ok(());
    }
    if from == to {
        return Err(Failure::new(format!("`{from}` already has that address")));
    }
    let hint = if from.kind.is_consumer() {
        "declare it under the new name with `existing:` and AWS's name or id, and list the old address \
         under `removed`"
    } else if from.kind == Kind::Grant {
        "change the name in the configuration: the next plan creates the new grant and revokes the old \
         one; `state mv` of a key also moves its grants"
    } else {
        "change the name in the configuration: the next plan creates the new resource and deletes the \
         old one"
    };
    Err(Failure::new(format!("`{from}` cannot be renamed: `state mv` renames only keys"))
        .hint(hint))
}

/// Replaces the references to a key.
fn repoint(spec: &mut Spec, from: &Address, to: &Address) {
    let Some(key) = spec.key_mut() else {
        return;
    };
    if *key == KeyRef::Managed(from.clone()) {
        *key = KeyRef::Managed(to.clone());
    }
}

/// Changes the state under the lock, and stores it.
async fn change<T>(
    store: &impl Store,
    io: &Io,
    command: &str,
    edit: impl FnOnce(&mut Replay) -> Result<T, Failure>,
) -> Result<T, Failure> {
    store.lock(&holder(command)?, &waiting(io)).await?;
    let result = change_locked(store, edit).await;
    store.unlock().await;
    result
}

async fn change_locked<T>(
    store: &impl Store,
    edit: impl FnOnce(&mut Replay) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let mut replay = store.read(&random()?).await?;
    if !replay.is_settled() {
        let failure = Failure::new("the outcome of a call of an interrupted run is unknown");
        return Err(failure.hint("run `kmsctl apply` first"));
    }
    let out = edit(&mut replay)?;
    replay.state.serial += 1;
    store.commit(&replay.state).await?;
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::Color;
    use serde_json::{Value, json};

    const KEY: &str = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";

    fn record(id: &str, spec: Value) -> Value {
        let place = json!({"account": "111122223333", "region": "eu-west-1"});
        json!({"id": id, "place": place, "spec": spec, "protect": true})
    }

    fn key() -> Value {
        record(KEY, json!({"key": {"tags": {}, "deletion_window_days": 30}}))
    }

    fn grant(on: &str) -> Value {
        let spec = json!({
            "key": on, "operations": ["Decrypt"],
            "grantee": "arn:aws:iam::111122223333:role/x",
        });
        record("grant-id", json!({"grant": spec}))
    }

    fn alias(target: &str) -> Value {
        record("alias/x", json!({"alias": {"name": "alias/x", "target": target}}))
    }

    fn store(folder: &tempfile::TempDir, records: &Value) -> Folder {
        let state =
            json!({"version": 2, "lineage": "l", "serial": 7, "stack": "s", "records": records});
        std::fs::write(folder.path().join("s.json"), state.to_string()).unwrap();
        Folder::new(folder.path(), "s".parse().unwrap())
    }

    fn mv(store: &Folder, from: &str, to: &str) -> Result<Vec<(Address, Address)>, Failure> {
        let (from, to) = (from.parse().unwrap(), to.parse().unwrap());
        let io = Io::new(Color::Never);
        let edit = |replay: &mut Replay| rename(&mut replay.state, &from, &to);
        block_on(change(store, &io, "state mv", edit))
    }

    fn block_on<T>(future: impl Future<Output = T>) -> T {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        builder.enable_time().build().unwrap().block_on(future)
    }

    #[test]
    fn moving_a_key_moves_its_grants_and_the_references_to_it() {
        let folder = tempfile::tempdir().unwrap();
        let records = json!({
            "key/a": key(), "key/ab": key(), "alias/x": alias("key/a"), "alias/y": alias("key/ab"),
            "grant/a/g": grant("key/a"), "grant/ab/g": grant("key/ab"), "grant/c/g": grant(KEY),
        });
        let store = store(&folder, &records);
        let moved = mv(&store, "key/a", "key/b").unwrap();
        assert_eq!(moved.len(), 2);
        let state = block_on(store.read("l")).unwrap().state;
        assert_eq!(state.serial, 8);
        let told: Vec<String> = state
            .records
            .iter()
            .map(|(address, record)| {
                let refs: Vec<String> =
                    record.spec.refs().into_iter().map(ToString::to_string).collect();
                format!("{address} {}", refs.join(" "))
            })
            .collect();
        insta::assert_snapshot!(told.join("\n"), @r##"
    key/ab 
    key/b 
    alias/x key/b
    alias/y key/ab
    grant/ab/g key/ab
    grant/b/g key/b
    grant/c/g arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab
    "##);
    }

    #[test]
    fn only_keys_are_moved_and_no_record_is_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let records = json!({
            "key/a": key(), "key/b": key(), "alias/x": alias("key/a"), "grant/a/g": grant("key/a"),
            "grant/c/g": grant("key/b"),
        });
        let store = store(&folder, &records);
        let file = || std::fs::read_to_string(folder.path().join("s.json")).unwrap();
        let before = file();
        let pairs = [
            ("key/a", "key/b"),
            ("key/a", "key/c"),
            ("key/a", "key/a"),
            ("key/z", "key/y"),
            ("key/a", "alias/z"),
            ("alias/x", "alias/z"),
            ("grant/a/g", "grant/a/h"),
        ];
        let told: Vec<String> = pairs
            .into_iter()
            .map(|(from, to)| {
                let failure = mv(&store, from, to).unwrap_err();
                format!("{}; {}", failure.message, failure.hint.unwrap_or_default())
            })
            .collect();
        assert_eq!(file(), before);
        insta::assert_snapshot!(told.join("\n"), @r##"
    there is already a record of `key/b`; 
    there is already a record of `grant/c/g`; 
    `key/a` already has that address; 
    there is no record of `key/z`; `kmsctl state list` lists the records
    `key/a` and `alias/z` are of different kinds; 
    `alias/x` cannot be renamed: `state mv` renames only keys; change the name in the configuration: the next plan creates the new resource and deletes the old one
    `grant/a/g` cannot be renamed: `state mv` renames only keys; change the name in the configuration: the next plan creates the new grant and revokes the old one; `state mv` of a key also moves its grants
    "##);
    }
}
