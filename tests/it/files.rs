//! The files of the store in a folder. What every store does is in `stores`.

use crate::build::{home, key_at};
use kmsctl::id::Name;
use kmsctl::journal::Event;
use kmsctl::kind::{Call, key};
use kmsctl::state::State;
use kmsctl::store::{Folder, Holder, Store, write_atomic};
use std::io::Write;
use std::os::unix::fs::MetadataExt;

fn name() -> Name {
    "stack".parse().unwrap()
}

fn run(serial: u64) -> Event {
    Event::Run { lineage: "one".to_owned(), serial }
}

#[tokio::test]
async fn an_event_is_appended_after_the_last_complete_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("stack.journal");
    Folder::new(folder.path(), name()).append(&run(0)).unwrap();
    let whole = std::fs::read(&path).unwrap();
    let mut file = std::fs::OpenOptions::new().append(true).open(&path).unwrap();
    file.write_all(&whole[..whole.len() / 2]).unwrap();
    // A run was killed, and the next run begins.
    let store = Folder::new(folder.path(), name());
    store.read("one").await.unwrap();
    store.append(&run(0)).unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), [whole.clone(), whole].concat());
    store.read("one").await.unwrap();
}

#[tokio::test]
async fn a_journal_that_the_state_already_contains_is_ignored() {
    let folder = tempfile::tempdir().unwrap();
    let store = Folder::new(folder.path(), name());
    let address = || key_at("a");
    let (at, call) = (home(), Call::Key(key::EnableKey {}.into()));
    store.append(&run(0)).unwrap();
    store.append(&Event::Began { address: address(), draft: None }).unwrap();
    let (number, nonce, time) = (0, None, 0);
    store
        .append(&Event::Intended {
            address: address(),
            number,
            at,
            call: Box::new(call),
            nonce,
            time,
        })
        .unwrap();
    assert!(!store.read("one").await.unwrap().is_settled());
    let journal = std::fs::read(folder.path().join("stack.journal")).unwrap();
    let mut state = State::begin(name(), "one".to_owned());
    state.serial = 1;
    store.commit(&state).await.unwrap();
    assert!(!store.has_journal());
    // A run was killed after it stored the state and before it removed the journal.
    write_atomic(&folder.path().join("stack.journal"), &journal).unwrap();
    let read = store.read("two").await.unwrap();
    assert!(read.is_settled() && read.state == state, "{read:#?}");
}

#[tokio::test]
async fn every_file_is_readable_only_by_its_owner() {
    let folder = tempfile::tempdir().unwrap();
    let store = Folder::new(folder.path().join("state"), name());
    let text = || "x".to_owned();
    let holder = Holder { id: text(), who: text(), pid: 1, command: text(), since: text() };
    store.lock(&holder, &|_, _| {}).await.unwrap();
    store.commit(&State::begin(name(), "one".to_owned())).await.unwrap();
    store.append(&run(0)).unwrap();
    let mut modes = Vec::new();
    for entry in std::fs::read_dir(folder.path().join("state")).unwrap() {
        let entry = entry.unwrap();
        modes.push((entry.file_name(), entry.metadata().unwrap().mode() & 0o777));
    }
    modes.sort();
    let expected = ["stack.journal", "stack.json", "stack.lock"];
    assert_eq!(modes, expected.map(|name| (name.into(), 0o600)));
    store.unlock().await;
    assert!(!folder.path().join("state/stack.lock").exists());
}
