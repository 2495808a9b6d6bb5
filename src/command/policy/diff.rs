//! `policy diff`.

use super::Key;
use crate::cli::PolicyDiffArgs;
use crate::failure::{Exit, Failure};
use crate::io::Io;

/// `kmsctl policy diff`.
pub(super) fn diff(_key: &Key, _args: &PolicyDiffArgs, _io: &Io) -> Result<Exit, Failure> {
    Err(Failure::new("not written yet"))
}
