//! `permissions`: the IAM policies that kmsctl needs for a stack or for a saved plan.

use super::create_folder_of;
use super::plan::style;
use super::plan_file::PlanFile;
use super::session::{Session, location, random};
use crate::cli::{Global, Need, PermissionsArgs, Policies};
use crate::failure::{Exit, Failure};
use crate::io::Io;
use crate::permissions::{Ask, Permissions, Purpose, StateObjects, permissions};
use crate::plan::Plan;
use crate::policy::eval::Principal;
use crate::render::permissions as render;
use crate::store::{Location, Store as _, write_atomic};
use crate::text::Medium;
use std::collections::BTreeSet;
use std::path::Path;

/// Runs `kmsctl permissions`.
pub(super) async fn print(
    global: &Global,
    args: &PermissionsArgs,
    io: &Io,
) -> Result<Exit, Failure> {
    let saved = args.plan.as_deref().map(|path| PlanFile::read(path, None)).transpose()?;
    let (session, plan) = match saved {
        Some(saved) => (Session::of_plan(global, saved.desired, io).await?, Some(saved.plan)),
        None => (Session::open(global, io).await?, None),
    };
    let found = find(global, args, &session, plan.as_ref()).await?;
    let stack = session.desired.stack.as_str();
    if let Some(folder) = &args.out {
        write(folder, &found, io)?;
        return Ok(Exit::Done);
    }
    match args.format {
        Policies::Text => io.out(&render::text(&found, &style(global, io))),
        Policies::Iam => io.json(&render::iam(&found)),
        Policies::Terraform => io.out_as(&render::terraform(&found, stack), Medium::Text),
        Policies::Cloudformation => io.out_as(&render::cloudformation(&found, stack), Medium::Text),
    }
    if args.format != Policies::Text {
        for note in &found.notes {
            io.say(&format!("note: {note}"));
        }
        for statement in &found.key_statements {
            let keys: Vec<&str> = statement.keys.iter().map(String::as_str).collect();
            io.say(&format!("The policies of {} need these statements:", keys.join(", ")));
            io.say(&format!("{:#}", statement.json()));
        }
    }
    Ok(Exit::Done)
}

/// Returns the permissions that are asked for.
async fn find(
    global: &Global,
    args: &PermissionsArgs,
    session: &Session,
    plan: Option<&Plan>,
) -> Result<Permissions, Failure> {
    let replay = session.store.read(&random()?).await?;
    let objects = match location(global)? {
        Location::S3 { bucket, prefix } => {
            let stack = session.desired.stack.as_str();
            let key =
                if prefix.is_empty() { stack.to_owned() } else { format!("{prefix}/{stack}") };
            Some(StateObjects { bucket, key })
        }
        Location::Folder(_) | Location::Nowhere => None,
    };
    let principal = principal(args.principal.as_deref(), session)?;
    Ok(permissions(&Ask {
        desired: &session.desired,
        state: &replay.state,
        plan,
        purposes: &purposes(args.r#for),
        objects: objects.as_ref(),
        split: args.split,
        principal: &principal,
    }))
}

fn purposes(needed: Need) -> BTreeSet<Purpose> {
    match needed {
        Need::Plan => BTreeSet::from([Purpose::Plan]),
        Need::Drift => BTreeSet::from([Purpose::Drift]),
        Need::Apply => BTreeSet::from([Purpose::Apply]),
        Need::Export => BTreeSet::from([Purpose::Export]),
        Need::Impact => BTreeSet::from([Purpose::Impact]),
        Need::Rotate => BTreeSet::from([Purpose::Rotate]),
        Need::All => Purpose::ALL.into(),
    }
}

/// Returns the identity that gets the policies. Policies are attached to the role of a session.
fn principal(given: Option<&str>, session: &Session) -> Result<String, Failure> {
    let partition = session.desired.home.region.partition();
    let arn = given.unwrap_or(&session.caller.arn);
    match Principal::parse(arn, partition) {
        Ok(Principal::Identity(identity)) => Ok(identity.role().unwrap_or_else(|| arn.to_owned())),
        Ok(Principal::Service(_)) => {
            let failure = Failure::new(format!("`--principal {arn}` is a service"));
            Err(failure.hint("name the user or role that runs kmsctl").exit(Exit::Usage))
        }
        Err(problem) if given.is_some() => {
            let failure = Failure::new(format!("`--principal`: {}", problem.message));
            Err(failure.hint(problem.help.unwrap_or_default()).exit(Exit::Usage))
        }
        Err(_) => Ok(arn.to_owned()),
    }
}

/// Writes each policy to a file of its own.
fn write(folder: &Path, found: &Permissions, io: &Io) -> Result<(), Failure> {
    for (name, text) in render::files(found) {
        let path = folder.join(format!("{name}.json"));
        create_folder_of(&path)?;
        write_atomic(&path, text.as_bytes())?;
        io.say(&format!("Wrote {}.", path.display()));
    }
    for note in &found.notes {
        io.say(&format!("note: {note}"));
    }
    Ok(())
}
