//! `policy diff`: compares the access of two policies.

use super::{Key, Reading};
use crate::cli::{Answer, Global, PolicyDiffArgs};
use crate::failure::{Exit, Failure};
use crate::io::Io;
use crate::policy::access::{SameAccess, owner};
use crate::policy::{KeyContext, compare};
use crate::render::{self, Style};

/// Runs `kmsctl policy diff`.
pub(super) fn diff(
    global: &Global,
    key: &Key,
    args: &PolicyDiffArgs,
    io: &Io,
) -> Result<Exit, Failure> {
    let mut reading = Reading::default();
    let (old, new) = (reading.tree(&args.old), reading.tree(&args.new));
    let partition = key.partition_of(old.iter().chain(&new));
    let old = old.and_then(|node| reading.of_tree(&node, &partition));
    let new = new.and_then(|node| reading.of_tree(&node, &partition));
    reading.close(io)?;
    let documents = [old.as_ref(), new.as_ref()];
    let key = KeyContext {
        account: key.account.as_ref().map(ToString::to_string).or_else(|| owner(documents)),
        partition,
        arn: key.arn.as_ref().map(ToString::to_string),
    };
    let comparison = compare(old.as_ref(), new.as_ref(), &key, &[]);
    match args.format {
        Answer::Json => io.json(&format!("{}\n", render::json::pretty(&comparison))),
        Answer::Text => {
            let (color, verbose, width) = (io.out_color(), global.verbose, io.width());
            let style = Style { color, verbose, width };
            io.out(&render::access::comparison(&comparison, key.account.as_deref(), &style));
        }
    }
    if key.account.is_none() && old != new {
        io.say(
            "note: the key's account is not known, so access that depends on it is shown as possible: \
             set `--account`",
        );
    }
    let differs = comparison.access != SameAccess::Same;
    Ok(if args.detailed_exitcode && differs { Exit::Changes } else { Exit::Done })
}
