//! `permissions`: the IAM policies that kmsctl needs for a stack or for a saved plan.

use super::plan::style;
use super::plan_file::PlanFile;
use super::session::{Session, connect, home_region, location, random};
use super::{create_folder_of, export, input, region};
use crate::cli::{Global, NEW_STACK, Need, PermissionsArgs, Policies};
use crate::config::{Surroundings, load_text};
use crate::failure::{Exit, Failure};
use crate::id::{AccountId, BadId, Name, Region};
use crate::io::Io;
use crate::permissions::{Ask, Exported, Permissions, Purpose, StateObjects, permissions};
use crate::policy::eval::Principal;
use crate::render::permissions as render;
use crate::sdk::Aws;
use crate::state::State;
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
    let of_export = !args.regions.is_empty() || args.consumers;
    if of_export && args.r#for != Need::Export {
        let failure = Failure::new("--regions and --consumers are options of `--for export`");
        return Err(failure.exit(Exit::Usage));
    }
    let is_bare = args.plan.is_none() && input(global)?.is_missing();
    let is_of_account = args.r#for == Need::Export && (is_bare || !args.regions.is_empty());
    let (found, stack) = match is_of_account {
        true => of_account(global, args, io).await?,
        false => of_stack(global, args, io).await?,
    };
    let stack = stack.as_str();
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

/// Returns what the export of an account needs, before there is a configuration. The account is that of `--principal`,
/// for which AWS is not asked, else that of the caller.
async fn of_account(
    global: &Global,
    args: &PermissionsArgs,
    io: &Io,
) -> Result<(Permissions, Name), Failure> {
    let regions = export::regions(&args.regions)?;
    let first = regions.first().cloned().or(region(global)?);
    let (account, region, arn) = match args.principal.as_deref() {
        Some(arn) => {
            let region = match first {
                Some(region) => region,
                None => home_region(None, &Aws::connect(None, global.profile.clone()).await)?,
            };
            let (arn, account) = identity(arn, &region)?;
            (account, region, arn)
        }
        None => {
            let (aws, caller) = connect(global, first.clone(), io).await.map_err(|failure| {
                failure.hint(
                    "name the role that gets the policies with --principal, or set credentials",
                )
            })?;
            let region = home_region(first, &aws)?;
            let arn = of_caller(&caller.arn, &region);
            (caller.account, region, arn)
        }
    };
    let stack: Name = NEW_STACK.parse().map_err(|bad: BadId| Failure::new(bad.message))?;
    let text = format!("stack: {stack}\n");
    let (mut loaded, _) = load_text("<export>", text);
    let (desired, _) = loaded.resolve(&Surroundings { account, region });
    let desired = desired.ok_or_else(|| Failure::new("the empty configuration has errors"))?;
    let found = permissions(&Ask {
        desired: &desired,
        state: &State::begin(stack.clone(), random()?),
        stateless: false,
        plan: None,
        purposes: &purposes(args.r#for),
        exported: &Exported { regions: regions.into_iter().collect(), consumers: args.consumers },
        objects: None,
        split: args.split,
        principal: &arn,
    });
    Ok((found, stack))
}

/// Returns what a stack or a saved plan needs.
async fn of_stack(
    global: &Global,
    args: &PermissionsArgs,
    io: &Io,
) -> Result<(Permissions, Name), Failure> {
    let saved = args.plan.as_deref().map(|path| PlanFile::read(path, None)).transpose()?;
    let (session, plan) = match saved {
        Some(saved) => (Session::of_plan(global, saved.desired, io).await?, Some(saved.plan)),
        None => (Session::open(global, io).await?, None),
    };
    let mut replay = session.store.read(&random()?).await?;
    session.rename(&mut replay.state)?;
    let location = location(global)?;
    let stateless = matches!(location, Location::Nowhere);
    let objects = match location {
        Location::S3 { bucket, prefix } => {
            let stack = session.desired.stack.as_str();
            let key =
                if prefix.is_empty() { stack.to_owned() } else { format!("{prefix}/{stack}") };
            Some(StateObjects { bucket, key })
        }
        Location::Folder(_) | Location::Nowhere => None,
    };
    let region = &session.desired.home.region;
    let principal = match args.principal.as_deref() {
        Some(arn) => identity(arn, region)?.0,
        None => of_caller(&session.caller.arn, region),
    };
    let found = permissions(&Ask {
        desired: &session.desired,
        state: &replay.state,
        stateless,
        plan: plan.as_ref(),
        purposes: &purposes(args.r#for),
        exported: &Exported { consumers: args.consumers, ..Exported::default() },
        objects: objects.as_ref(),
        split: args.split,
        principal: &principal,
    });
    Ok((found, session.desired.stack))
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

/// Returns the identity of `--principal`, and its account. Policies are attached to the role of a session.
fn identity(arn: &str, region: &Region) -> Result<(String, AccountId), Failure> {
    let wrong = |message: String, hint: &str| Failure::new(message).hint(hint).exit(Exit::Usage);
    let parsed = Principal::parse(arn, region.partition());
    let found = parsed.map_err(|problem| {
        wrong(format!("`--principal`: {}", problem.message), &problem.help.unwrap_or_default())
    })?;
    let account = found.account().and_then(|account| account.parse().ok());
    match (&found, account) {
        (Principal::Identity(identity), Some(account)) => {
            Ok((identity.role().unwrap_or_else(|| arn.to_owned()), account))
        }
        _ => {
            let message = format!("`--principal {arn}` is a service");
            Err(wrong(message, "name the user or role that runs kmsctl"))
        }
    }
}

/// Returns the identity that gets the policies if none is named.
fn of_caller(arn: &str, region: &Region) -> String {
    identity(arn, region).map_or_else(|_| arn.to_owned(), |(identity, _)| identity)
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
