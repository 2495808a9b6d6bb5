//! `policy eval`.

use super::Key;
use crate::cli::PolicyEvalArgs;
use crate::failure::{Exit, Failure};
use crate::io::Io;

/// `kmsctl policy eval`.
pub(super) fn eval(_key: &Key, _args: &PolicyEvalArgs, _io: &Io) -> Result<Exit, Failure> {
    Err(Failure::new("not written yet"))
}
