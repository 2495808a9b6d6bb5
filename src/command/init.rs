//! `init`: writes a first configuration.

use super::session::unidentified;
use super::{lint, region, report};
use crate::answer::{CloudError, Fault};
use crate::cli::{Global, InitArgs};
use crate::cloud::{Caller, Cloud as _};
use crate::config::first::{First, Proposal, proposal};
use crate::config::{DEFAULT, load_text};
use crate::decode::Severity;
use crate::failure::{Exit, Failure};
use crate::id::{BadId, Name, Region};
use crate::io::Io;
use crate::sdk::Aws;
use crate::text::printable;
use std::fs::OpenOptions;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The longest time for which `init` waits for the answer who the caller is. The answer is not necessary.
const IDENTITY: Duration = Duration::from_secs(10);

/// The name of the key unless another one is given; also that of the stack in a folder whose name cannot be one.
const KEY: &str = "app";

/// The answer for an empty list of principals.
const NONE: &str = "none";

/// Runs `kmsctl init`.
pub(super) async fn init(global: &Global, args: &InitArgs, io: &Io) -> Result<Exit, Failure> {
    let path = target(global, args)?;
    if let Some(path) = &path {
        check_free(path)?;
    }
    let asker = Asker { io, is_terminal: io.can_ask() };
    // What the command line gives is checked before anything is asked.
    let stack = args.stack.as_deref().map(name).transpose()?;
    let key = args.key.as_deref().map(name).transpose()?;
    let given = region(global)?;
    let (administrators, users) = (checked(&args.administrators)?, checked(&args.users)?);

    let surroundings = Surroundings::find(global, given.clone(), io).await?;
    let default = folder_name().map_or_else(|| name(KEY), Ok)?;
    let stack = asker.name("Name of the stack", "--stack", stack, default)?;
    let home = asker.region(given, surroundings.region)?;
    let key = asker.name("Name of the key", "--key", key, name(KEY)?)?;
    let (proposed, reserved) =
        match surroundings.caller.as_ref().map(|caller| proposal(&caller.arn)) {
            Some(Proposal::Identity(identity)) => (vec![identity], None),
            Some(Proposal::Reserved(role)) => (Vec::new(), Some(role)),
            Some(Proposal::Nobody(why)) => {
                io.say(&format!("No administrator is proposed: {why}."));
                (Vec::new(), None)
            }
            None => (Vec::new(), None),
        };
    let question = "Who manages the key, such as role/SecurityAdmin";
    let administrators = asker.principals(question, "--administrator", administrators, proposed)?;
    let question = "Who encrypts and decrypts with the key, such as role/App";
    let users = asker.principals(question, "--user", users, Vec::new())?;
    let account = surroundings.caller.map(|caller| caller.account);
    let first = First { stack, account, region: home, key, administrators, users, reserved };

    let text = first.text();
    check(&text, path.as_deref(), io)?;
    match path {
        None => io.out(&text),
        Some(path) => {
            create(&path, &text)?;
            let place = match path.as_path() == Path::new(DEFAULT) {
                true => String::new(),
                false => format!(" -f {}", path.display()),
            };
            let region = if first.region.is_none() { "Write its Region into it. " } else { "" };
            io.say(&format!(
                "Wrote {}. {region}To see what it would do: `kmsctl{place} plan`.",
                path.display()
            ));
        }
    }
    Ok(Exit::Done)
}

/// Returns the file to write; `None` for standard output.
fn target(global: &Global, args: &InitArgs) -> Result<Option<PathBuf>, Failure> {
    let path = match (&args.out, global.files.as_slice()) {
        (Some(out), []) => out.clone(),
        (None, [file]) => file.clone(),
        (None, []) => PathBuf::from(DEFAULT),
        (Some(_), [_, ..]) | (None, [_, _, ..]) => {
            let failure = Failure::new("more than one file is named");
            return Err(failure.hint("name one with `--out FILE` or `-f FILE`").exit(Exit::Usage));
        }
    };
    Ok((path != Path::new("-")).then_some(path))
}

/// Fails if a file cannot be created because there is one, or no folder.
fn check_free(path: &Path) -> Result<(), Failure> {
    if path.is_dir() {
        let hint = format!("name a file in it, such as {}", path.join(DEFAULT).display());
        return Err(Failure::new(format!("{} is a folder", path.display())).hint(hint));
    }
    if let Some(folder) =
        path.parent().filter(|folder| !folder.as_os_str().is_empty() && !folder.is_dir())
    {
        let failure = Failure::new(format!(
            "cannot write {}: there is no folder {}",
            path.display(),
            folder.display()
        ));
        return Err(failure.hint("create the folder, or name another file with `--out FILE`"));
    }
    // A link counts even if its target does not exist.
    if path.symlink_metadata().is_ok() {
        return Err(exists(path));
    }
    Ok(())
}

fn exists(path: &Path) -> Failure {
    let failure = Failure::new(format!("{} exists already, and is never replaced", path.display()));
    failure.hint("name another file with `--out FILE`, or print the text with `--out -`")
}

/// Creates a file that does not exist. A file that cannot be written whole is removed.
fn create(path: &Path, text: &str) -> Result<(), Failure> {
    let failed = |error: std::io::Error| {
        if error.kind() == ErrorKind::AlreadyExists {
            return exists(path);
        }
        Failure::new(format!("cannot write {}: {error}", path.display()))
    };
    let mut file = OpenOptions::new().write(true).create_new(true).open(path).map_err(failed)?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(|error| {
        drop(std::fs::remove_file(path));
        failed(error)
    })
}

/// Fails with a report if the text is not a valid configuration, for example because of a principal.
fn check(text: &str, path: Option<&Path>, io: &Io) -> Result<(), Failure> {
    let name = path.map_or("<standard output>".to_owned(), |path| path.display().to_string());
    let (mut loaded, mut diagnostics) = load_text(&name, text.to_owned());
    let (desired, more) = loaded.check(None);
    diagnostics.extend(more);
    let shown = desired.as_ref().map(lint::shown).unwrap_or_default();
    diagnostics.extend(shown.diagnostics);
    let is_refused = diagnostics.has_refusals() || shown.refused || shown.failed;
    let failure = |_| {
        let failure = Failure::new("nothing was written: the configuration would have errors");
        failure.hint("correct the options or the answers that the report shows")
    };
    report(io, &diagnostics, &loaded.sources).map_err(failure)?;
    if is_refused {
        return Err(failure(Failure::new("")).exit(Exit::Refused));
    }
    Ok(())
}

/// What the session knows.
struct Surroundings {
    caller: Option<Caller>,
    region: Option<Region>,
}

impl Surroundings {
    /// Asks AWS who the caller is, and says what could not be found out. Fails only if the command line names a profile
    /// that does not work.
    async fn find(global: &Global, given: Option<Region>, io: &Io) -> Result<Self, Failure> {
        let aws = Aws::connect(given, global.profile.clone()).await;
        let region = aws.default_region();
        let why = match tokio::time::timeout(IDENTITY, aws.caller()).await {
            Ok(Ok(caller)) => {
                let place = region.as_ref().map_or(String::new(), |region| format!(", {region}"));
                io.say(&format!("Account {}{place}, as {}", caller.account, caller.arn));
                return Ok(Self { caller: Some(caller), region });
            }
            Ok(Err(error)) if global.profile.is_some() => return Err(unidentified(global, error)),
            // The SDK lists every place where it looked for credentials.
            Ok(Err(error)) if error.fault == Fault::Credentials && error.code.is_none() => {
                "there are no credentials that work".to_owned()
            }
            Ok(Err(error)) => CloudError::to_string(&error),
            Err(_) => format!("no answer came within {} s", IDENTITY.as_secs()),
        };
        io.say(&format!(
            "The account and the caller could not be found out, so the file does not name them ({why})."
        ));
        Ok(Self { caller: None, region })
    }
}

/// Asks for what the command line does not give.
struct Asker<'a> {
    io: &'a Io,
    is_terminal: bool,
}

impl Asker<'_> {
    /// Asks until the answer is valid. An empty answer is the default. Without a terminal, says that the default is
    /// taken.
    fn ask<T>(
        &self,
        question: &str,
        flag: &str,
        (default, shown): (T, &str),
        parse: impl Fn(&str) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        if !self.is_terminal {
            let question = question.split(", such as").next().unwrap_or(question);
            self.io.say(&format!("{question}: {shown}, by default ({flag})"));
            return Ok(default);
        }
        loop {
            let Some(answer) = self.io.ask(&format!("{question} [{}]:", printable(shown))) else {
                return Ok(default);
            };
            if answer.is_empty() {
                return Ok(default);
            }
            match parse(&answer) {
                Ok(value) => return Ok(value),
                Err(failure) => {
                    let hint = failure.hint.map_or(String::new(), |hint| format!(": {hint}"));
                    self.io.say(&format!("{}{hint}", failure.message));
                }
            }
        }
    }

    fn name(
        &self,
        question: &str,
        flag: &str,
        given: Option<Name>,
        default: Name,
    ) -> Result<Name, Failure> {
        if let Some(given) = given {
            return Ok(given);
        }
        let shown = default.to_string();
        self.ask(question, flag, (default, &shown), name)
    }

    /// Returns the Region. What the environment or the profile names is asked for on a terminal only.
    fn region(
        &self,
        given: Option<Region>,
        found: Option<Region>,
    ) -> Result<Option<Region>, Failure> {
        if given.is_some() {
            return Ok(given);
        }
        let shown = found.as_ref().map_or("not known".to_owned(), Region::to_string);
        let parse = |answer: &str| answer.parse().map(Some).map_err(wrong);
        self.ask("Region", "--region", (found, &shown), parse)
    }

    fn principals(
        &self,
        question: &str,
        flag: &str,
        given: Vec<String>,
        default: Vec<String>,
    ) -> Result<Vec<String>, Failure> {
        if !given.is_empty() {
            return Ok(given);
        }
        let shown = if default.is_empty() { NONE.to_owned() } else { default.join(", ") };
        self.ask(question, flag, (default, &shown), |answer| {
            if answer.eq_ignore_ascii_case(NONE) {
                return Ok(Vec::new());
            }
            let parts: Vec<String> = answer.split_whitespace().map(str::to_owned).collect();
            let parts = parts.iter().map(|part| part.trim_end_matches(',').to_owned());
            checked(&parts.filter(|part| !part.is_empty()).collect::<Vec<_>>())
        })
    }
}

/// Returns the principals, or the reason why one cannot be written into a file. The configuration checks the rest.
fn checked(principals: &[String]) -> Result<Vec<String>, Failure> {
    for principal in principals {
        let failure = if principal.trim().is_empty() {
            Failure::new("a principal is empty")
        } else if principal.chars().any(char::is_control) {
            Failure::new(format!("the principal {principal:?} has a control character"))
        } else if principal.contains("${") {
            Failure::new(format!("the principal `{principal}` has a variable"))
        } else {
            continue;
        };
        let hint = "write `role/NAME`, `user/NAME`, `root`, a 12-digit account or a whole ARN";
        return Err(failure.hint(hint).exit(Exit::Usage));
    }
    match objection(principals) {
        Some(failure) => Err(failure),
        None => Ok(principals.to_vec()),
    }
}

/// Returns the first error of a configuration about principals, before it is written: the person can answer again.
fn objection(principals: &[String]) -> Option<Failure> {
    let stack: Name = KEY.parse().ok()?;
    let (key, administrators, users) = (stack.clone(), principals.to_vec(), Vec::new());
    let (account, region, reserved) = (None, None, None);
    let first = First { stack, account, region, key, administrators, users, reserved };
    let (mut loaded, mut diagnostics) = load_text(DEFAULT, first.text());
    diagnostics.extend(loaded.check(None).1);
    let error = diagnostics.into_iter().find(|found| found.severity == Severity::Error)?;
    let failure = Failure::new(error.message).exit(Exit::Usage);
    Some(match error.help {
        Some(help) => failure.hint(help),
        None => failure,
    })
}

fn name(text: &str) -> Result<Name, Failure> {
    text.parse().map_err(wrong)
}

fn wrong(error: BadId) -> Failure {
    Failure::new(error.message).hint(error.help).exit(Exit::Usage)
}

/// Returns the name of the current folder, if it can be the name of a stack.
fn folder_name() -> Option<Name> {
    std::env::current_dir().ok()?.file_name()?.to_str()?.parse().ok()
}
