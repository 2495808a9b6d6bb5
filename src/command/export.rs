//! `export`: the configuration of keys that exist.

use super::session::{connect, home_region, options};
use super::{create_folder_of, region};
use crate::answer::Denied;
use crate::cli::{ExportArgs, Global};
use crate::config::MAX_FILE_BYTES;
use crate::decode::Diagnostics;
use crate::engine::inventory::{Wanted, inventory};
use crate::export::{Export, Lifted, Request, export, names_in, names_text};
use crate::failure::{Exit, Failure};
use crate::file::{open_given, read_within, reason};
use crate::id::{BadId, KeyArn, Name, Place, Region};
use crate::impact::NEVER_LISTED;
use crate::inventory::{Inventory, LeftOut, Selector};
use crate::io::Io;
use crate::kind::ConsumerKind;
use crate::store::write_atomic;
use crate::text::{Medium, counted, plural, printable, some_of};
use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Runs `kmsctl export`.
pub(super) async fn run(global: &Global, args: &ExportArgs, io: &Io) -> Result<Exit, Failure> {
    let regions = regions(&args.regions)?;
    let first = regions.first().cloned().or(region(global)?);
    let (aws, caller) = connect(global, first.clone(), io).await?;
    let home = Place { account: caller.account, region: home_region(first, &aws)? };
    let at = |region: Region| Place { region, ..home.clone() };
    let mut places: BTreeSet<Place> = regions.into_iter().map(at).collect();
    places.insert(home.clone());
    let keys: Result<Vec<Selector>, BadId> = args.keys.iter().map(|key| key.parse()).collect();
    let wanted = Wanted { places, keys: keys.map_err(wrong)?, consumers: args.consumers };
    check_selectors(&wanted, &home)?;
    let names = given_names(args.names.as_deref())?;
    if let Some(folder) = &args.out {
        check_empty(folder)?;
        if args.names.as_ref().is_some_and(|names| names.starts_with(folder)) {
            let failure = Failure::new("the file of names is in the folder of the configuration");
            let hint = "name a file outside of it: every YAML file of the folder is configuration";
            return Err(failure.hint(hint).exit(Exit::Usage));
        }
    }
    let told = Cell::new(0);
    let options = options(global);
    let found = inventory(&aws, &options, &wanted, |count, total| {
        if io.err_is_terminal() && count / 100 > told.get() {
            told.set(count / 100);
            io.say(&format!("Keys read: {count} of {total}."));
        }
    });
    let found = found.await?;
    if !found.unmatched.is_empty() {
        let names: Vec<String> = found.unmatched.iter().map(|name| format!("`{name}`")).collect();
        let failure = Failure::new(format!("no key has the alias or id {}", names.join(", ")));
        return Err(failure.hint(
            "name an alias, a pattern such as `prod/*`, an id or an ARN, and its Region with --regions",
        ));
    }
    let stack: Name = args.stack.parse().map_err(wrong)?;
    let request = Request { stack, home, names, folder: args.out.is_some() };
    let made = export(&found, &request);
    write(&made, &request, args, io)?;
    say(&made, &found, (args, global.verbose), io);
    let is_denied =
        |why: &&LeftOut| matches!(why, LeftOut::Denied(_) | LeftOut::Failed(_) | LeftOut::Missing);
    let denied = found.left_out.values().filter(is_denied).count();
    let what = match denied {
        0 if found.unnamed.is_empty() => return Ok(Exit::Done),
        0 => "the aliases could not be listed",
        _ => "not every key could be read",
    };
    if args.partial {
        return Ok(Exit::Done);
    }
    let failure = Failure::new(what).exit(Exit::Refused);
    Err(failure.hint("allow the caller what is missing, or accept it with --partial"))
}

fn wrong(bad: BadId) -> Failure {
    Failure::new(bad.message).hint(bad.help).exit(Exit::Usage)
}

/// Parses the Regions of `--regions`.
pub(super) fn regions(given: &[String]) -> Result<Vec<Region>, Failure> {
    given.iter().map(|region| region.parse().map_err(wrong)).collect()
}

/// Checks that the keys are of the account and of the Regions that are read.
fn check_selectors(wanted: &Wanted, home: &Place) -> Result<(), Failure> {
    for selector in &wanted.keys {
        if selector.place().is_some_and(|place| !wanted.places.contains(&place)) {
            let message =
                format!("`{selector}` is not in the account {} and its Regions", home.account);
            let hint = "a run exports keys of one account: name their Regions with --regions";
            return Err(Failure::new(message).hint(hint).exit(Exit::Usage));
        }
    }
    Ok(())
}

/// Reads the names that are given. A file that does not exist yet has none.
fn given_names(path: Option<&Path>) -> Result<BTreeMap<KeyArn, Name>, Failure> {
    let Some(path) = path.filter(|path| path.exists()) else {
        return Ok(BTreeMap::new());
    };
    let fail = |what: String| Failure::new(format!("{}: {what}", path.display()));
    let text = open_given(path).and_then(|file| read_within(file, MAX_FILE_BYTES));
    let text = text.map_err(|error| fail(reason(&error)))?;
    let text = String::from_utf8(text).map_err(|_| fail("it is not UTF-8".to_owned()))?;
    let mut d = Diagnostics::default();
    let names = names_in(&text, &mut d);
    match d.first_error() {
        Some(error) => {
            Err(fail(error).hint("write lines such as `\"arn:aws:kms:…:key/…\": orders`"))
        }
        None => Ok(names),
    }
}

/// Checks that an export would replace nothing.
fn check_empty(folder: &Path) -> Result<(), Failure> {
    for name in ["kmsctl.yaml", "keys", "policies"] {
        let path = folder.join(name);
        if path.symlink_metadata().is_ok() {
            let failure = Failure::new(format!("`{}` exists already", path.display()));
            return Err(failure.hint("export into a new folder, and compare"));
        }
    }
    Ok(())
}

/// Writes the files, or prints the only one.
fn write(made: &Export, request: &Request, args: &ExportArgs, io: &Io) -> Result<(), Failure> {
    // The names are written first, because the folder must not exist already when the export is repeated.
    if let Some(path) = &args.names {
        let names = request.names.iter().chain(&made.names);
        let names = names.map(|(arn, name)| (arn.clone(), name.clone())).collect();
        write_atomic(path, names_text(&names).as_bytes())?;
    }
    match &args.out {
        Some(folder) => {
            for (name, text) in &made.files {
                let path = folder.join(name);
                create_folder_of(&path)?;
                write_atomic(&path, text.as_bytes())?;
            }
        }
        None => made.files.values().for_each(|text| io.out_as(text, Medium::Json)),
    }
    Ok(())
}

/// Says what was exported, how the policies are written, and what was left out.
fn say(made: &Export, found: &Inventory, (args, all): (&ExportArgs, bool), io: &Io) {
    let replicas = made.lifted.keys().filter(|address| address.name.contains('/')).count();
    let keys = counted(made.lifted.len() - replicas, "key");
    let with = match replicas {
        0 => String::new(),
        some => format!(" with {}", counted(some, "replica")),
    };
    io.say(&format!("Exported {keys}{with}."));
    let count =
        |wanted: &dyn Fn(&Lifted) -> bool| made.lifted.values().filter(|l| wanted(l)).count();
    let ways = [
        (count(&|l| *l == Lifted::Default), "AWS's default policy, not written"),
        (count(&|l| *l == Lifted::Roles), "roles"),
        (count(&|l| *l == Lifted::Statements), "roles and statements"),
        (count(&|l| matches!(l, Lifted::Document(_))), "a document"),
        (count(&|l| matches!(l, Lifted::Left(_))), "left alone"),
    ];
    let ways = ways.iter().filter(|(count, _)| *count > 0);
    let ways: Vec<String> = ways.map(|(count, way)| format!("{count} {way}")).collect();
    if !ways.is_empty() {
        io.say(&format!("Policies: {}.", ways.join(", ")));
    }
    for (address, lifted) in &made.lifted {
        match lifted {
            Lifted::Document(why) => {
                io.say(&format!("{address}: its policy is a document: {}.", printable(why)));
            }
            Lifted::Left(why) => {
                io.say(&format!("{address}: its policy is left alone: {}.", printable(why)));
            }
            Lifted::Default | Lifted::Roles | Lifted::Statements => {}
        }
    }
    for (name, note) in &made.notes {
        io.say(&format!("key/{name}: {}.", printable(note)));
    }
    unnamed(found, io);
    left_out(found, all).iter().for_each(|line| io.say(line));
    for (arn, why) in &made.unfit {
        io.say(&format!("Left out: {arn}: {}.", printable(why)));
    }
    for (what, why) in &found.unseen {
        let nouns = plural(ConsumerKind::noun_of(what));
        io.say(&format!("Not listed: {nouns} ({}).", printable(why)));
    }
    if args.consumers {
        io.say(&format!("Never checked: {NEVER_LISTED}."));
    }
    if let Some(folder) = &args.out {
        let folder = words(folder);
        let is_split = made.files.keys().any(|name| name.starts_with("keys/"));
        let keys = if is_split { format!(" -f {folder}/keys") } else { String::new() };
        io.say(&format!("Next: `kmsctl plan -f {folder}/kmsctl.yaml{keys}` makes no call."));
    }
}

/// Returns a path as a shell reads it.
fn words(path: &Path) -> String {
    let text = path.display().to_string();
    let is_plain = |c: char| c.is_alphanumeric() || "_-./".contains(c);
    if text.chars().all(is_plain) { text } else { format!("'{}'", text.replace('\'', "'\\''")) }
}

/// Returns denied actions, those of the same policies together.
fn denied<'a>(actions: impl IntoIterator<Item = &'a Denied>) -> String {
    let mut by_place: BTreeMap<&Option<String>, Vec<&str>> = BTreeMap::new();
    for Denied { action, place } in actions {
        by_place.entry(place).or_default().push(action);
    }
    let parts = by_place.iter().map(|(place, actions)| {
        let place = place.as_ref().map_or_else(String::new, |place| format!(" ({place})"));
        format!("{}{place}", actions.join(", "))
    });
    parts.collect::<Vec<_>>().join("; ")
}

/// Says in which Regions the aliases are not known.
fn unnamed(found: &Inventory, io: &Io) {
    for (place, action) in &found.unnamed {
        let why = denied([action]);
        io.say(&format!(
            "The aliases in {} could not be listed, because this is denied: {}. The export has no aliases of its keys, and \
             names the keys by their tags, descriptions or ids.",
            place.region,
            printable(&why)
        ));
    }
}

/// The largest number of keys that a line names.
const NAMED: usize = 4;

/// Returns the lines about the keys that are left out, by the reasons. AWS managed keys are only counted. `all` names
/// all the others.
fn left_out(found: &Inventory, all: bool) -> Vec<String> {
    let mut lines = Vec::new();
    let of_aws = found.left_out.values().filter(|why| **why == LeftOut::AwsManaged).count();
    if of_aws > 0 {
        lines.push(format!("Left out: {of_aws} AWS managed, which cannot be changed."));
    }
    let mut by_reason: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (arn, why) in &found.left_out {
        let why = match why {
            LeftOut::AwsManaged => continue,
            // Keys that were deleted together have dates that differ by seconds.
            LeftOut::PendingDeletion(date) => {
                format!("deletion scheduled for {}", date.split('T').next().unwrap_or(date))
            }
            LeftOut::ReplicaOf(primary) => format!(
                "replica of {primary}: export both with --regions {},{}",
                primary.region, arn.region
            ),
            LeftOut::OfStack(stack) => format!("of the stack `{stack}`"),
            LeftOut::Denied(actions) => format!("denied: {}", denied(actions)),
            LeftOut::Missing => "no such key".to_owned(),
            LeftOut::Failed(error) => format!("could not be read: {error}"),
        };
        by_reason.entry(why).or_default().push(arn.to_string());
    }
    for (why, arns) in by_reason {
        let names = some_of(&arns, if all { arns.len() } else { NAMED });
        let more = if all || arns.len() <= NAMED { "" } else { " (--verbose names them)" };
        lines.push(format!("Left out: {names}{more}: {}.", printable(&why)));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_keys_of_another_stack_are_one_line() {
        let key = |n: usize| -> KeyArn {
            let id = format!("1234abcd-12ab-34cd-56ef-1234567890a{n}");
            format!("arn:aws:kms:eu-west-1:111122223333:key/{id}").parse().unwrap()
        };
        let stack = || LeftOut::OfStack("long".parse().unwrap());
        let mut found = Inventory::default();
        found.left_out.extend((0..6).map(|n| (key(n), stack())));
        for (n, time) in [(6, "17:59:50"), (7, "17:59:51")] {
            let date = format!("2026-12-28T{time}Z");
            found.left_out.insert(key(n), LeftOut::PendingDeletion(date));
        }
        let lines = left_out(&found, false);
        assert_eq!(lines.len(), 2, "{lines:#?}");
        let both = format!("{}, {}", key(6), key(7));
        let scheduled = format!("Left out: {both}: deletion scheduled for 2026-12-28.");
        assert_eq!(lines[0], scheduled);
        assert!(lines[1].ends_with("0a3 and 2 more (--verbose names them): of the stack `long`."));
        let all = &left_out(&found, true)[1];
        assert!((0..6).all(|n| all.contains(&key(n).to_string())), "{all}");
    }
}
