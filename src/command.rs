//! The commands, one file each: read the inputs, call the other modules, print the result.

mod access;
mod applied;
mod apply;
mod explain;
mod export;
mod impact;
mod init;
mod lint;
mod man;
mod output;
mod permissions;
mod plan;
mod plan_file;
mod policy;
mod preflight;
mod progress;
mod rotate;
mod session;
mod state;

use crate::cli::{Cli, Command, Global};
use crate::completion::VARIABLE;
use crate::config;
use crate::decode::nearest;
use crate::desired::Desired;
use crate::failure::{Exit, Failure};
use crate::id::Region;
use crate::io::Io;
use crate::kind::Kind;
use crate::kind::address::Address;
use crate::text::counted;
use clap_complete::env::Shells;
use std::collections::BTreeMap;

/// Runs a command.
///
/// # Errors
/// Returns the message to show, and the exit code.
pub async fn run(cli: &Cli, io: &Io) -> Result<Exit, Failure> {
    let global = &cli.global;
    match &cli.command {
        Command::Init(args) => init::init(global, args, io).await,
        Command::Validate => validate(global, io),
        Command::Plan(args) => plan::plan(global, args, io).await,
        Command::Apply(args) => apply::apply(global, args, io).await,
        Command::Destroy(args) => apply::destroy(global, args, io).await,
        Command::Drift { format } => plan::drift(global, *format, io).await,
        Command::Output(args) => output::output(global, args, io).await,
        Command::Show { file, digest, format } => {
            plan::show(global, (file, digest.as_deref()), *format, io)
        }
        Command::State(command) => state::state(global, command, io).await,
        Command::Access(args) => access::access(global, args, io).await,
        Command::Rotate { key, auto_approve } => {
            rotate::rotate(global, key, *auto_approve, io).await
        }
        Command::Impact(args) => impact::impact(global, args, io).await,
        Command::Export(args) => export::run(global, args, io).await,
        Command::Permissions(args) => permissions::print(global, args, io).await,
        Command::Lint(args) => lint::stack(global, args, io).await,
        Command::Policy(args) => policy::policy(global, args, io),
        Command::Explain { topic } => explain::explain(topic.as_deref(), io),
        Command::Schema => {
            let text = serde_json::to_string_pretty(&config::editor_schema())
                .map_err(|error| Failure::new(error.to_string()))?;
            io.json(&format!("{text}\n"));
            Ok(Exit::Done)
        }
        Command::Completions { shell } => {
            io.out(&completions(*shell)?);
            Ok(Exit::Done)
        }
        Command::Man { out } => man::man(out.as_deref(), io),
    }
}

/// Returns the script with which a shell asks this program for completions.
fn completions(shell: clap_complete::Shell) -> Result<String, Failure> {
    let shells = Shells::builtins();
    let completer = shells.completer(&shell.to_string()).ok_or_else(|| {
        Failure::new(format!("completions for {shell} are not supported")).exit(Exit::Usage)
    })?;
    let mut text = Vec::new();
    let name = "kmsctl";
    completer
        .write_registration(VARIABLE, name, name, name, &mut text)
        .map_err(|error| Failure::new(error.to_string()))?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// Creates the folder of a file that a command writes.
fn create_folder_of(file: &std::path::Path) -> Result<(), Failure> {
    let Some(folder) = file.parent() else {
        return Ok(());
    };
    std::fs::create_dir_all(folder)
        .map_err(|error| Failure::new(format!("{}: {error}", folder.display())))
}

/// Returns the configuration files and variables that the command line names.
fn input(global: &Global) -> Result<config::Input, Failure> {
    let mut vars = BTreeMap::new();
    for var in &global.vars {
        let Some((name, value)) = var.split_once('=') else {
            // What follows the name may be a secret, such as in `NAME:VALUE`.
            let is_of_name = |c: char| c.is_alphanumeric() || "_-".contains(c);
            let name: String = var.chars().take_while(|c| is_of_name(*c)).collect();
            let failure = Failure::new(format!("`--var {name}` has no value"));
            return Err(failure.exit(Exit::Usage).hint("write `--var NAME=VALUE`"));
        };
        vars.insert(name.to_owned(), value.to_owned());
    }
    let paths = global.files.clone();
    let (var_files, gates) = (global.var_files.clone(), global.gates.clone());
    Ok(config::Input { paths, vars, var_files, gates })
}

/// Returns the known address that is most similar to a text: with the same name, or with a similar name of the same
/// kind.
fn similar_address<'a>(
    text: &str,
    known: impl Iterator<Item = &'a Address>,
) -> Option<&'a Address> {
    let known: Vec<&Address> = known.collect();
    let (kind, name) = match text.split_once('/') {
        Some((kind, name)) => (Some(kind), name),
        None => (None, text),
    };
    let is_of_kind = |address: &&&Address| kind.is_none_or(|kind| address.kind.as_str() == kind);
    // A key has the name that its policy and its aliases often share.
    let same = || known.iter().filter(|address| address.name == name);
    if let Some(same) = same().find(|address| address.kind == Kind::Key).or_else(|| same().next()) {
        return Some(*same);
    }
    let names = known.iter().filter(is_of_kind).map(|address| address.name.as_str());
    let near = nearest(name, names)?;
    known.iter().filter(is_of_kind).find(|address| address.name == near).copied()
}

/// Prints the diagnostics, and fails if one of them is an error.
fn report(
    io: &Io,
    diagnostics: &crate::decode::Diagnostics,
    sources: &crate::decode::Sources,
) -> Result<(), Failure> {
    if !diagnostics.is_empty() {
        io.report(&diagnostics.render(sources, io.err_color(), io.err_width()));
    }
    if diagnostics.has_errors() {
        // A report of one error says all.
        let message = if diagnostics.len() > 1 { "the configuration has errors" } else { "" };
        return Err(Failure::new(message));
    }
    Ok(())
}

/// Runs `kmsctl validate`: makes every check that needs no data from AWS. A configuration that a plan would
/// block for such a check is refused.
fn validate(global: &Global, io: &Io) -> Result<Exit, Failure> {
    let (loaded, desired, mut diagnostics) = lint::resolve(global)?;
    let is_valid = !diagnostics.has_errors();
    let shown = desired.as_ref().map(lint::shown).unwrap_or_default();
    diagnostics.extend(shown.diagnostics);
    if !is_valid {
        return report(io, &diagnostics, &loaded.sources).map(|()| Exit::Done);
    }
    if !diagnostics.is_empty() {
        io.report(&diagnostics.render(&loaded.sources, io.err_color(), io.err_width()));
    }
    if diagnostics.has_refusals() || shown.refused {
        let message = "a plan of this configuration would be blocked";
        return Err(Failure::new(message).exit(Exit::Refused));
    }
    if shown.failed {
        let failure = Failure::new("errors were found in the policies or the settings of keys");
        let hint = "correct them, or accept each with a waiver (`kmsctl explain lint.waivers`)";
        return Err(failure.hint(hint).exit(Exit::Refused));
    }
    if let Some(desired) = &desired {
        io.out(&format!("The configuration is valid: {}.\n", declared(desired)));
    }
    // The process ends now. Freeing the many small values of a large configuration would take a tenth of
    // its time.
    std::mem::forget((loaded, desired));
    Ok(Exit::Done)
}

/// Counts the declared resources. Service-linked roles are counted apart: other resources declare some of them too, and
/// AWS often has them already.
fn declared(desired: &Desired) -> String {
    let is_role = |address: &&Address| address.kind == Kind::ServiceLinkedRole;
    let roles = desired.resources.keys().filter(is_role).count();
    let resources = counted(desired.resources.len() - roles, "resource");
    match roles {
        0 => resources,
        roles => format!("{resources} and {}", counted(roles, "service-linked role")),
    }
}

/// Returns the Region that the command line names.
fn region(global: &Global) -> Result<Option<Region>, Failure> {
    let bad =
        |error: crate::id::BadId| Failure::new(error.message).hint(error.help).exit(Exit::Usage);
    global.region.as_ref().map(|region| region.parse().map_err(bad)).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_leads_to_one_with_its_name_or_of_its_kind() {
        let known = ["alias/shop", "key/shop", "key/sign", "grant/shop/reader"];
        let known: Vec<Address> = known.iter().map(|text| text.parse().unwrap()).collect();
        for (text, near) in [
            ("shop", Some("key/shop")),
            ("keys/shop", Some("key/shop")),
            ("key/sing", Some("key/sign")),
            ("sign", Some("key/sign")),
            ("sihn", Some("key/sign")),
            ("key/none", None),
            ("alias/sign", Some("key/sign")),
            ("grant/shop/raeder", Some("grant/shop/reader")),
        ] {
            let found = similar_address(text, known.iter()).map(ToString::to_string);
            assert_eq!(found.as_deref(), near, "{text}");
        }
    }
}
