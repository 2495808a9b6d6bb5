//! `rotate`: rotates the key material of a key now.

use super::access::{Found, find};
use crate::cli::Global;
use crate::engine::rotate::{Outlook, Rotated, outlook, rotate as execute};
use crate::failure::{Exit, Failure};
use crate::io::Io;
use crate::kind::Violation;
use crate::kind::key::ON_DEMAND_ROTATIONS;
use crate::text::wrapped;
use std::fmt::Write as _;
use std::time::Duration;

/// What a rotation does, and what it does not do (KMS Developer Guide, "Rotate AWS KMS keys").
const EFFECT: [&str; 2] = [
    "KMS adds a new key material, which encrypts from then on. It keeps all older ones, which decrypt what they \
     encrypted. The key's id, ARN, aliases, policy and grants stay, and nothing that uses the key has to change.",
    "A rotation does not re-encrypt anything, and takes access from nobody: whoever could decrypt data still can. It \
     does not help against a principal that misuses the key, or against a data key that has leaked. It cannot be \
     undone. The first and the second rotation of a key each raise its monthly price.",
];

/// Runs `kmsctl rotate`.
pub(super) async fn rotate(
    global: &Global,
    name: &str,
    approved: bool,
    io: &Io,
) -> Result<Exit, Failure> {
    let Found { aws, options, arn, .. } = find(global, name, io).await?;
    let before = outlook(&aws, &options, &arn).await?;
    if let Some(Violation { reason, help, .. }) = &before.obstacle {
        let message = format!("`{}` cannot be rotated on demand: {reason}", before.key);
        return Err(Failure::new(message).hint(help.as_str()).exit(Exit::Refused));
    }
    io.out(&shown(&before, before.key != arn, io.width()));
    consent(approved, io)?;
    let patience = Duration::from_secs(global.settle_time).max(LOOK);
    match execute(&aws, &options, &before, patience).await? {
        Rotated::Begun => {
            let left = before.rotations.left().saturating_sub(1);
            io.say(&format!(
                "KMS rotates {}, and completes it by itself; {left} of {ON_DEMAND_ROTATIONS} rotations on demand are left.",
                before.key
            ));
            Ok(Exit::Done)
        }
        Rotated::Unknown => {
            let message = "the answer was lost, and KMS shows no rotation: it may have begun one all the same";
            let hint = format!(
                "do not rotate again at once: in some minutes, `kmsctl access {}` shows whether the key was rotated",
                before.key
            );
            Err(Failure::new(message).hint(hint).exit(Exit::Partial))
        }
    }
}

/// The shortest time for which a rotation is looked for whose answer was lost.
const LOOK: Duration = Duration::from_secs(10);

/// Returns what is known about the key, and what the rotation would do.
fn shown(before: &Outlook, is_primary: bool, width: usize) -> String {
    let note = if is_primary { " (the primary key: its replicas follow)" } else { "" };
    let rotated = before.rotations.words();
    let head = [format!("Key      {}{note}", before.key), format!("Rotated  {rotated}")];
    let mut out = String::new();
    let mut put = |text: &str, hang: usize| {
        for (at, line) in wrapped(text, 0, hang, width) {
            let _ = writeln!(out, "{}{line}", " ".repeat(at));
        }
    };
    head.iter().for_each(|line| put(line, 9));
    for paragraph in EFFECT {
        put("", 0);
        put(paragraph, 0);
    }
    out
}

/// Asks a person for confirmation, unless `--auto-approve` is set.
fn consent(approved: bool, io: &Io) -> Result<(), Failure> {
    if approved {
        return Ok(());
    }
    match io.ask("\nRotate the key now? Type `yes` to rotate it:").as_deref() {
        Some("yes") => Ok(()),
        Some(_) => Err(Failure::new("not rotated: the answer was not `yes`")),
        None => Err(Failure::new("the rotation must be confirmed, and there is no terminal")
            .exit(Exit::Usage)
            .hint("use --auto-approve")),
    }
}
