//! What most commands begin with: configuration, credentials, state.

use super::{input, region, report};
use crate::cli::Global;
use crate::cloud::aws::Aws;
use crate::cloud::retry::Patience;
use crate::cloud::{Caller, Cloud};
use crate::config;
use crate::desired::Desired;
use crate::engine::Effort;
use crate::engine::recover::{Recovered, recover};
use crate::failure::{Exit, Failure};
use crate::id::{Name, Region};
use crate::io::Io;
use crate::journal::{Event, Replay};
use crate::store::{Holder, Store};
use crate::waiver::Waiver;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

/// A stack, the AWS that it is in, and where its state is kept.
pub(super) struct Session {
    pub(super) aws: Aws,
    pub(super) desired: Desired,
    pub(super) store: Store,
    pub(super) effort: Effort,
    /// Who makes the calls.
    pub(super) caller: Caller,
    /// The waivers; the findings of `desired` are those that count.
    pub(super) waivers: Vec<Waiver>,
}

impl Session {
    /// Reads the configuration and meets AWS.
    pub(super) async fn open(global: &Global, io: &Io) -> Result<Self, Failure> {
        let (mut loaded, mut diagnostics) = config::load(&input(global)?);
        let given = region(global)?;
        if diagnostics.has_errors() {
            // There is no use in asking AWS, and no reason to tell only a part of what is wrong.
            diagnostics.extend(loaded.check(given.clone()).1);
        }
        report(io, &diagnostics, &loaded.sources)?;
        let region = given.or_else(|| loaded.region());
        let (aws, caller) = connect(global, region.clone()).await?;
        let region = region.or_else(|| aws.default_region()).ok_or_else(|| {
            let failure = Failure::new("no Region is configured");
            failure.hint("say `region:` in the configuration, or --region, or AWS_REGION")
        })?;
        let account = caller.account.clone();
        let (desired, diagnostics) =
            loaded.resolve(&config::Surroundings { account: account.clone(), region });
        // What the plan refuses, it says itself; what AWS has already, it does not refuse.
        report(io, &diagnostics.without_refusals(), &loaded.sources)?;
        let mut desired = desired.ok_or_else(|| Failure::new("the configuration has errors"))?;
        let waivers = desired.waive(&today());
        let aws = aws.with_accounts(account, desired.accounts.clone());
        let store = store(global, desired.stack.clone())?;
        Ok(Self { aws, desired, store, effort: effort(global), caller, waivers })
    }

    /// The same for a saved plan, which needs no configuration.
    pub(super) async fn of_plan(global: &Global, desired: Desired) -> Result<Self, Failure> {
        let (aws, caller) = connect(global, Some(desired.home.region.clone())).await?;
        if caller.account != desired.home.account {
            let (plan, ours) = (&desired.home.account, &caller.account);
            let message =
                format!("the plan is for account {plan}, the credentials are of account {ours}");
            return Err(Failure::new(message));
        }
        let aws = aws.with_accounts(caller.account.clone(), desired.accounts.clone());
        let store = store(global, desired.stack.clone())?;
        let waivers = Vec::new();
        Ok(Self { aws, desired, store, effort: effort(global), caller, waivers })
    }

    /// The state for a run that only reads, and only while nobody changes what it reads.
    pub(super) async fn observed(&self, io: &Io) -> Result<Replay, Failure> {
        self.store.idle()?;
        self.recovered(io, false, &random()?).await
    }

    /// The state, after everything that an interrupted run left open has been settled. Where
    /// `keep`, what was found out is written down (the caller holds the lock). A state that is not
    /// there yet begins with `lineage`.
    pub(super) async fn recovered(
        &self,
        io: &Io,
        keep: bool,
        lineage: &str,
    ) -> Result<Replay, Failure> {
        let mut replay = self.store.read(lineage)?;
        let write = |event: &Event| -> Result<(), Failure> {
            if keep { self.store.append(event).map_err(Failure::from) } else { Ok(()) }
        };
        let found = recover(&self.aws, &self.effort, &mut replay, now(), write).await?;
        for Recovered { address, operation, executed } in &found {
            let word = if *executed { "had been executed" } else { "had not been executed" };
            io.say(&format!("An earlier run was interrupted: {address}: {operation} {word}."));
        }
        Ok(replay)
    }
}

/// The other accounts of a stack are known once its configuration is resolved, for which the
/// caller's account is needed: `with_accounts` adds them.
pub(super) async fn connect(
    global: &Global,
    region: Option<Region>,
) -> Result<(Aws, Caller), Failure> {
    let aws = Aws::connect(region, global.profile.clone()).await;
    let patience = patience();
    let caller = crate::cloud::retry::patiently(&patience, async || aws.caller().await).await?;
    Ok((aws, caller))
}

fn patience() -> Patience {
    Patience::default()
}

pub(super) fn effort(global: &Global) -> Effort {
    Effort { parallelism: global.parallelism.max(1), patience: patience() }
}

/// The folder of the state.
pub(super) fn store(global: &Global, stack: Name) -> Result<Store, Failure> {
    if global.state.contains("://") {
        let message = format!("`{}` is not a folder", global.state);
        let hint = "the state is kept in a folder: `--state path/to/folder`";
        return Err(Failure::new(message).hint(hint).exit(Exit::Usage));
    }
    Ok(Store::new(PathBuf::from(&global.state), stack))
}

/// Seconds since 1970.
#[expect(clippy::disallowed_methods, reason = "the commands are the edge")]
pub(super) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// The day in UTC, such as `2027-01-31`.
#[expect(clippy::disallowed_methods, reason = "the commands are the edge")]
pub(super) fn today() -> String {
    humantime::format_rfc3339_seconds(SystemTime::now()).to_string().chars().take(10).collect()
}

/// 128 random bits as text.
pub(super) fn random() -> Result<String, Failure> {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes)
        .map_err(|error| Failure::new(format!("no random numbers: {error}")))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Who holds the lock from now on.
#[expect(clippy::disallowed_methods, reason = "the commands are the edge")]
pub(super) fn holder(command: &str) -> Result<Holder, Failure> {
    let var = |name: &str| std::env::var(name).unwrap_or_else(|_| "unknown".to_owned());
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname")
        .map_or_else(|_| var("HOSTNAME"), |name| name.trim().to_owned());
    Ok(Holder {
        id: random()?.chars().take(8).collect(),
        who: format!("{}@{host}", var("USER")),
        pid: std::process::id(),
        command: command.to_owned(),
        since: humantime::format_rfc3339_seconds(SystemTime::now()).to_string(),
    })
}
