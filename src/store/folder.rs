//! The store in a folder: the state, the journal and the lock of a stack are files. The journal is
//! written call by call, and the operating system releases the lock when the process ends.

use super::{Holder, Store, StoreError, Waiting};
use crate::file::{check_replaceable, open_own, read_record};
use crate::id::Name;
use crate::journal::{Event, Replay, Stored};
use crate::sdk::gate::Permit;
use crate::state::State;
use std::cell::RefCell;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Seek, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// The state, journal and lock files of one stack.
#[derive(Debug)]
pub struct Folder {
    folder: PathBuf,
    stack: Name,
    journal: RefCell<Journal>,
    lock: RefCell<Option<Lock>>,
}

/// The journal of this run.
#[derive(Debug)]
enum Journal {
    /// No event has been written yet.
    Closed,
    /// The file is open; the number is the length of its complete lines in bytes.
    Open(File, u64),
    /// An event could not be written, so no later event may be written.
    Broken,
}

/// The lock on a stack. It is released when dropped, or when the process ends.
#[derive(Debug)]
struct Lock {
    path: PathBuf,
    file: File,
}

impl Drop for Lock {
    fn drop(&mut self) {
        // After `state unlock` the file may be the lock of another run.
        if same_file(&self.file, &self.path) {
            drop(std::fs::remove_file(&self.path));
        }
    }
}

fn same_file(file: &File, path: &Path) -> bool {
    match (file.metadata(), std::fs::symlink_metadata(path)) {
        (Ok(open), Ok(there)) => (open.dev(), open.ino()) == (there.dev(), there.ino()),
        _ => false,
    }
}

impl Folder {
    /// Creates the store of `stack` in `folder`. No file is read or written.
    #[must_use]
    pub fn new(folder: impl Into<PathBuf>, stack: Name) -> Self {
        let (journal, lock) = (RefCell::new(Journal::Closed), RefCell::default());
        Self { folder: folder.into(), stack, journal, lock }
    }

    fn path(&self, extension: &str) -> PathBuf {
        self.folder.join(format!("{}.{extension}", self.stack))
    }

    /// Takes the lock file. The operating system releases the lock when the process ends.
    fn take(&self, holder: &Holder) -> Result<Lock, StoreError> {
        std::fs::create_dir_all(&self.folder).map_err(|e| io_error(&self.folder, e))?;
        let path = self.path("lock");
        let mut waits = 0;
        loop {
            let mut options = OpenOptions::new();
            options.read(true).write(true).create(true).truncate(false).mode(0o600);
            let mut file = open_own(&path, &mut options).map_err(|e| io_error(&path, e))?;
            match file.try_lock() {
                // `state unlock` removed the file after it was opened: the path names another file now.
                Ok(()) if !same_file(&file, &path) => {}
                Ok(()) => {
                    let text = serde_json::to_vec(holder).unwrap_or_default();
                    let written = file
                        .set_len(0)
                        .and_then(|()| file.rewind())
                        .and_then(|()| file.write_all(&text))
                        .and_then(|()| file.sync_data());
                    written.map_err(|e| io_error(&path, e))?;
                    return Ok(Lock { path, file });
                }
                // A run that only reads holds the lock for a moment.
                Err(TryLockError::WouldBlock) if waits < 10 => {
                    waits += 1;
                    std::thread::sleep(Duration::from_millis(20));
                }
                Err(TryLockError::WouldBlock) => {
                    return Err(StoreError::Locked(Box::new(self.holder(&path)?)));
                }
                Err(TryLockError::Error(error)) => return Err(io_error(&path, error)),
            }
        }
    }

    fn holder(&self, path: &Path) -> Result<Holder, StoreError> {
        let text = read(path)?.unwrap_or_default();
        Ok(serde_json::from_slice(&text).unwrap_or_else(|_| Holder {
            id: "unknown".to_owned(),
            who: "another run".to_owned(),
            pid: 0,
            command: "kmsctl".to_owned(),
            since: "an unknown time".to_owned(),
        }))
    }

    /// Opens the journal, and cuts off an incomplete last line.
    fn open_journal(&self, path: &Path) -> Result<(File, u64), StoreError> {
        let whole = read(path)?
            .map_or(0, |text| text.iter().rposition(|b| *b == b'\n').map_or(0, |end| end + 1));
        let mut options = OpenOptions::new();
        options.read(true).append(true).create(true).mode(0o600);
        let file = open_own(path, &mut options).map_err(|e| io_error(path, e))?;
        file.set_len(whole as u64).map_err(|e| io_error(path, e))?;
        sync_folder(&self.folder)?;
        Ok((file, whole as u64))
    }
}

impl Store for Folder {
    async fn read(&self, lineage: &str) -> Result<Replay, StoreError> {
        let path = self.path("json");
        let mut replay = match read(&path)? {
            Some(text) => {
                let at = path.clone();
                let stored = Stored::read(&text, &self.stack)
                    .map_err(|source| StoreError::State { path: at, source })?;
                stored.replay().map_err(|source| StoreError::Journal { path, source })?
            }
            None => Replay::new(State::begin(self.stack.clone(), lineage.to_owned())),
        };
        let path = self.path("journal");
        if let Some(text) = read(&path)? {
            replay.read(&text).map_err(|source| StoreError::Journal { path, source })?;
        }
        Ok(replay)
    }

    async fn lock(&self, holder: &Holder, _: Waiting<'_>) -> Result<(), StoreError> {
        let lock = self.take(holder)?;
        self.lock.replace(Some(lock));
        Ok(())
    }

    async fn unlock(&self) {
        self.lock.take();
    }

    async fn check_unlocked(&self, _: Waiting<'_>) -> Result<(), StoreError> {
        let path = self.path("lock");
        let file = match open_own(&path, OpenOptions::new().read(true)) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(io_error(&path, error)),
        };
        match file.try_lock_shared() {
            Ok(()) => Ok(()),
            Err(TryLockError::WouldBlock) => Err(StoreError::Locked(Box::new(self.holder(&path)?))),
            Err(TryLockError::Error(error)) => Err(io_error(&path, error)),
        }
    }

    fn break_lock(&self, id: &str, host: &str) -> Result<Holder, StoreError> {
        let path = self.path("lock");
        let no_such = || StoreError::NoSuchLock(id.to_owned());
        let text = read(&path)?.ok_or_else(no_such)?;
        let holder: Holder = serde_json::from_slice(&text).map_err(|_| no_such())?;
        if holder.id != id {
            return Err(no_such());
        }
        // The operating system releases the lock of a process of this host when it ends. Whether a process of another
        // host is alive is not known.
        let failed = |error: io::Error| {
            let is_gone = error.kind() == io::ErrorKind::NotFound;
            if is_gone { no_such() } else { io_error(&path, error) }
        };
        if holder.host() == host {
            let file = open_own(&path, OpenOptions::new().read(true)).map_err(failed)?;
            match file.try_lock_shared() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Err(StoreError::InUse(Box::new(holder))),
                Err(TryLockError::Error(error)) => return Err(io_error(&path, error)),
            }
        }
        std::fs::remove_file(&path).map_err(failed)?;
        Ok(holder)
    }

    fn permit(&self) -> Option<Arc<dyn Permit>> {
        None
    }

    fn lost(&self) -> Option<String> {
        None
    }

    fn has_journal(&self) -> bool {
        self.path("journal").exists()
    }

    /// The journal holds each call before it is sent, so nothing has to be announced.
    async fn begin(&self, state: &State, _: &[Event]) -> Result<(), StoreError> {
        let (lineage, serial) = (state.lineage.clone(), state.serial);
        self.append(&Event::Run { lineage, serial })
    }

    fn append(&self, event: &Event) -> Result<(), StoreError> {
        let path = self.path("journal");
        let mut journal = self.journal.borrow_mut();
        if matches!(*journal, Journal::Closed) {
            let (file, good) = self.open_journal(&path)?;
            *journal = Journal::Open(file, good);
        }
        let Journal::Open(file, good) = &mut *journal else {
            let error = io::Error::other("an earlier event could not be written");
            return Err(io_error(&path, error));
        };
        let mut line = serde_json::to_vec(event).map_err(|e| io_error(&path, e.into()))?;
        line.push(b'\n');
        match file.write_all(&line).and_then(|()| file.sync_data()) {
            Ok(()) => {
                *good += line.len() as u64;
                Ok(())
            }
            Err(error) => {
                // An incomplete line in the middle would make the journal unreadable.
                drop(file.set_len(*good));
                *journal = Journal::Broken;
                Err(io_error(&path, error))
            }
        }
    }

    async fn suspend(&self) -> Result<(), StoreError> {
        Ok(())
    }

    /// A crash between the two files leaves a journal whose serial is below the state's, which
    /// [`Replay::read`] ignores.
    async fn commit(&self, state: &State) -> Result<(), StoreError> {
        std::fs::create_dir_all(&self.folder).map_err(|e| io_error(&self.folder, e))?;
        let path = self.path("json");
        let text = state.write().map_err(|e| io_error(&path, io::Error::other(e)))?;
        write_atomic(&path, &text)?;
        self.journal.replace(Journal::Closed);
        let path = self.path("journal");
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(io_error(&path, error)),
            Ok(()) | Err(_) => Ok(()),
        }
    }
}

fn io_error(path: &Path, source: io::Error) -> StoreError {
    StoreError::Io { path: path.to_owned(), source }
}

fn read(path: &Path) -> Result<Option<Vec<u8>>, StoreError> {
    match open_own(path, OpenOptions::new().read(true)) {
        Ok(file) => read_record(file).map(Some).map_err(|error| io_error(path, error)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(io_error(path, error)),
    }
}

/// Replaces a file atomically, with mode 0600. Once this returns, the new text survives a crash; a
/// crash before that leaves the old text.
///
/// # Errors
/// Returns the error of the file system, or that the path is a link or no regular file.
pub fn write_atomic(path: &Path, text: &[u8]) -> Result<(), StoreError> {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    check_replaceable(path).map_err(|e| io_error(path, e))?;
    // The error of the system names the temporary file, which nobody knows.
    let failed = |error: io::Error| {
        let kind = error.kind();
        let is_missing = kind == io::ErrorKind::NotFound;
        if is_missing { io::Error::new(kind, "there is no such folder") } else { kind.into() }
    };
    let file = tempfile::NamedTempFile::new_in(folder);
    let mut file = file.map_err(|e| io_error(folder, failed(e)))?;
    file.write_all(text).and_then(|()| file.as_file().sync_all()).map_err(|e| io_error(path, e))?;
    file.persist(path).map_err(|e| io_error(path, e.error))?;
    sync_folder(folder)
}

fn sync_folder(folder: &Path) -> Result<(), StoreError> {
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(|e| io_error(folder, e))
}
