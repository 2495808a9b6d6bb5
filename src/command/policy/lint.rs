//! `policy lint`.

use super::Key;
use crate::cli::PolicyLintArgs;
use crate::failure::{Exit, Failure};
use crate::io::Io;

/// `kmsctl policy lint`.
pub(super) fn lint(_key: &Key, _args: &PolicyLintArgs, _io: &Io) -> Result<Exit, Failure> {
    Err(Failure::new("not written yet"))
}
