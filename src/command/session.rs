//! The session of a command: the configuration, the credentials and the state.

use super::{input, region, report};
use crate::answer::{CloudError, Fault};
use crate::cli::{Format, Global};
use crate::cloud::{Caller, Cloud};
use crate::config;
use crate::desired::Desired;
use crate::digest;
use crate::engine::Options;
use crate::engine::recover::{Executed, Recovered, recover};
use crate::failure::{Exit, Failure};
use crate::id::{Place, Region};
use crate::io::Io;
use crate::journal::{Event, Replay};
use crate::kind::ConsumerSpec;
use crate::moved;
use crate::render;
use crate::retry::{RetryPolicy, with_retries};
use crate::sdk::Aws;
use crate::sdk::bounded::{Asked, SILENCE, Watch};
use crate::sdk::secret;
use crate::state::State;
use crate::store::{AnyStore, Holder, Location, Store};
use crate::waiver::Waiver;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// The longest time for which a plan waits for the alias of the account. A private network may not reach IAM.
const ALIAS: Duration = Duration::from_secs(3);

/// A stack, its connection to AWS, and its state files.
pub(super) struct Session {
    pub(super) aws: Aws,
    pub(super) desired: Desired,
    pub(super) store: AnyStore,
    pub(super) options: Options,
    /// The longest time for which AWS may return the form before a change.
    pub(super) settle: Duration,
    /// The identity that makes the calls.
    pub(super) caller: Caller,
    /// The waivers of the configuration. They are already applied to the findings of `desired`.
    pub(super) waivers: Vec<Waiver>,
}

impl Session {
    /// Reads the configuration, and connects to AWS.
    pub(super) async fn open(global: &Global, io: &Io) -> Result<Self, Failure> {
        let (mut loaded, mut diagnostics) = config::load(&input(global)?);
        let given = region(global)?;
        if diagnostics.has_errors() {
            // AWS is not needed to report all errors of the configuration at once.
            diagnostics.extend(loaded.check(given.clone()).1);
        }
        report(io, &diagnostics, &loaded.sources)?;
        let region = given.or_else(|| loaded.region());
        let (aws, caller) = connect(global, region.clone(), io).await?;
        let region = region.or_else(|| aws.default_region()).ok_or_else(|| {
            let failure = Failure::new("no Region is configured");
            failure.hint("set `region:` in the configuration, --region or AWS_REGION")
        })?;
        let account = caller.account.clone();
        let (desired, diagnostics) = loaded.resolve(&config::Surroundings { account, region });
        // The plan reports refusals itself, and only for policies that it changes.
        report(io, &diagnostics.without_objections(), &loaded.sources)?;
        let mut desired = desired.ok_or_else(|| Failure::new("the configuration has errors"))?;
        let waivers = desired.waive(&today());
        Self::begin(global, aws, caller, desired, waivers)
    }

    /// Connects to AWS for a saved plan, which contains the configuration.
    ///
    /// Gates of the command line are in force as if the plan were made with them.
    pub(super) async fn of_plan(
        global: &Global,
        mut desired: Desired,
        io: &Io,
    ) -> Result<Self, Failure> {
        if let Some(path) = &global.gates {
            let (mut loaded, diagnostics) =
                config::load_gates(path, &input(global)?, &desired.stack);
            report(io, &diagnostics, &loaded.sources)?;
            let Place { account, region } = desired.home.clone();
            let (given, diagnostics) = loaded.resolve(&config::Surroundings { account, region });
            report(io, &diagnostics, &loaded.sources)?;
            let given = given.ok_or_else(|| Failure::new("the gates have errors"))?;
            desired.outer = given.outer;
            desired.gate_files.extend(given.gate_files);
            // The base branch of the plan itself may be that of its author.
            desired.base = given.base.or(desired.base);
        }
        let (aws, caller) = connect(global, Some(desired.home.region.clone()), io).await?;
        if caller.account != desired.home.account {
            let (plan, ours) = (&desired.home.account, &caller.account);
            let message = format!(
                "the plan is for account {plan}, but the credentials are for account {ours}"
            );
            return Err(Failure::new(message));
        }
        Self::begin(global, aws, caller, desired, Vec::new())
    }

    fn begin(
        global: &Global,
        aws: Aws,
        caller: Caller,
        desired: Desired,
        waivers: Vec<Waiver>,
    ) -> Result<Self, Failure> {
        let aws = aws.with_accounts(caller.account.clone(), desired.accounts.clone());
        let consumers = desired.resources.values().filter_map(|one| one.spec.as_consumer());
        // Any later answer may quote them.
        consumers.filter_map(ConsumerSpec::secret).for_each(|name| drop(secret::read(name)));
        let store = location(global)?.store(desired.stack.clone(), &aws);
        Ok(Self {
            aws,
            desired,
            store,
            options: options(global),
            settle: Duration::from_secs(global.settle_time),
            caller,
            waivers,
        })
    }

    /// Returns the caller as a format shows it, with the alias of the account if it can be read soon.
    pub(super) async fn named(&self, format: Format) -> render::Caller {
        let alias = match format {
            Format::Text | Format::Markdown => {
                let read = self.aws.account_alias(&self.caller.account);
                tokio::time::timeout(ALIAS, read).await.ok().flatten()
            }
            Format::Json => None,
        };
        render::Caller { arn: Some(self.caller.arn.clone()), alias }
    }

    /// Reads the state for a command that changes nothing. Fails if another run holds the lock.
    pub(super) async fn read_state(&self, io: &Io) -> Result<Replay, Failure> {
        self.store.check_unlocked(&waiting(io)).await?;
        self.recover_state(io, false, &random()?).await
    }

    /// Takes the lock of the state, and passes each later request to AWS only while the lock is held.
    pub(super) async fn lock(&self, io: &Io, command: &str) -> Result<(), Failure> {
        self.store.lock(&holder(command)?, &waiting(io)).await?;
        if let Some(permit) = self.store.permit() {
            self.aws.guard(permit);
        }
        Ok(())
    }

    /// Renames the records of the keys that have a new name.
    pub(super) fn rename(&self, state: &mut State) -> Result<(), Failure> {
        moved::apply(state, &self.desired).map_err(|conflict| {
            Failure::new(conflict.to_string())
                .hint("correct `moved`, or declare both keys")
                .exit(Exit::Refused)
        })
    }

    /// Reads the state, and settles the open calls of an interrupted run. If `keep` is set, the results are
    /// appended to the journal; the caller must hold the lock. A new state gets the lineage `lineage`.
    pub(super) async fn recover_state(
        &self,
        io: &Io,
        keep: bool,
        lineage: &str,
    ) -> Result<Replay, Failure> {
        let mut replay = self.store.read(lineage).await?;
        self.rename(&mut replay.state)?;
        let write = |event: &Event| -> Result<(), Failure> {
            if keep { self.store.append(event).map_err(Failure::from) } else { Ok(()) }
        };
        let found = recover(&self.aws, &self.options, &mut replay, now(), write).await?;
        for Recovered { address, operation, executed } in &found {
            let word = match executed {
                Executed::Yes => "was executed",
                Executed::No => "was not executed",
                Executed::Unknown => "may have been executed, and is sent again if it is needed",
            };
            io.say(&format!("An earlier run was interrupted: {address}: {operation} {word}."));
        }
        Ok(replay)
    }
}

/// Returns the Region of a command without a configuration: the first that is given, else the configured one.
pub(super) fn home_region(first: Option<Region>, aws: &Aws) -> Result<Region, Failure> {
    first.or_else(|| aws.default_region()).ok_or_else(|| {
        let failure = Failure::new("no Region is configured");
        failure.hint("set --region or AWS_REGION")
    })
}

/// Connects to AWS, and returns the caller. Resolving the configuration needs the caller's account, so
/// `with_accounts` adds the other accounts of the stack later.
pub(super) async fn connect(
    global: &Global,
    region: Option<Region>,
    io: &Io,
) -> Result<(Aws, Caller), Failure> {
    let aws = Aws::connect(region, global.profile.clone()).await;
    aws.watch(Arc::new(Waiting::new(io.beside())));
    let caller = with_retries(&RetryPolicy::default(), async || aws.caller().await).await;
    Ok((aws, caller.map_err(|error| unidentified(global, error))?))
}

#[expect(
    clippy::disallowed_methods,
    reason = "only an error names the profile that the SDK has used"
)]
fn profile_of_environment() -> Option<String> {
    std::env::var("AWS_PROFILE").ok().filter(|profile| !profile.is_empty())
}

/// Returns the failure for an error of the request that finds out who the caller is.
pub(super) fn unidentified(global: &Global, error: CloudError) -> Failure {
    let (name, profile) = match &global.profile {
        Some(profile) => ("--profile", Some(profile.clone())),
        // A service that answered has seen credentials.
        None if error.code.is_none() => ("AWS_PROFILE", profile_of_environment()),
        None => ("", None),
    };
    match profile {
        Some(profile) if error.fault == Fault::Credentials => {
            let hint = format!(
                "`{name}` names a profile of the AWS configuration files (`aws configure list-profiles`)"
            );
            // The SDK says the same about a profile that does not exist and one without credentials.
            let is_unknown = ["was not enabled", "was not defined"];
            if is_unknown.iter().any(|text| error.message.contains(text)) {
                let message =
                    format!("there is no profile `{profile}`, or it names no credentials");
                return Failure::new(message).hint(hint);
            }
            Failure::new(format!("profile `{profile}`: {error}")).hint(hint)
        }
        Some(_) | None => Failure::from(error),
    }
}

/// Reports on stderr which answer of AWS the run waits for.
#[derive(Debug)]
struct Waiting {
    io: Io,
    last: Mutex<Option<Instant>>,
}

impl Waiting {
    fn new(io: Io) -> Self {
        Self { io, last: Mutex::default() }
    }

    /// Says something, unless something was said a moment ago. Requests side by side often wait for the same reason, so
    /// that one of them says it for all.
    #[expect(clippy::disallowed_methods, reason = "the commands are the edge")]
    fn say(&self, text: &str) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.is_some_and(|last| last.elapsed() < SILENCE / 2) {
            return;
        }
        *last = Some(Instant::now());
        // The bar says what the steps wait for, and each repeated call has a line of its own.
        if !self.io.beside_bar(text) {
            self.io.say(text);
        }
    }
}

impl Watch for Waiting {
    fn waiting(&self, Asked { operation, host }: &Asked, time: Duration) {
        self.say(&format!("Waiting for {host}: {operation} for {} s.", time.as_secs()));
    }

    fn throttled(&self, operation: &str, time: Duration) {
        let seconds = time.as_secs();
        self.say(&format!(
            "AWS has throttled {operation} for {seconds} s; the requests are repeated."
        ));
    }
}

/// Returns the options of the engine.
pub(super) fn options(global: &Global) -> Options {
    Options {
        parallelism: global.parallelism,
        retry: RetryPolicy::default(),
        patience: Duration::from_secs(global.patience),
    }
}

/// Returns the place of the state that the command line or the environment names.
pub(super) fn location(global: &Global) -> Result<Location, Failure> {
    global.state.parse().map_err(|message: String| {
        let hint = "name a folder, a bucket and a prefix (`--state s3://bucket/prefix`), or `none`";
        Failure::new(message).hint(hint).exit(Exit::Usage)
    })
}

/// Returns the report that the run waits for the end of another run's lease.
pub(super) fn waiting(io: &Io) -> impl Fn(&Holder, u64) {
    move |holder, seconds| {
        io.say(&format!(
            "The state is locked by {} (`{}`). Waiting for up to {seconds} s to see whether that run \
             is still alive.",
            holder.who, holder.command
        ));
    }
}

/// Returns the time in seconds since 1970.
#[expect(clippy::disallowed_methods, reason = "the commands are the edge")]
pub(super) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// Returns the time in UTC, such as `2027-01-31T12:00:00Z`.
#[expect(clippy::disallowed_methods, reason = "the commands are the edge")]
pub(super) fn timestamp() -> String {
    humantime::format_rfc3339_seconds(SystemTime::now()).to_string()
}

/// Returns the day in UTC, such as `2027-01-31`.
#[expect(clippy::disallowed_methods, reason = "the commands are the edge")]
pub(super) fn today() -> String {
    humantime::format_rfc3339_seconds(SystemTime::now()).to_string().chars().take(10).collect()
}

/// Returns 128 random bits as 32 hexadecimal digits.
pub(super) fn random() -> Result<String, Failure> {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes)
        .map_err(|error| Failure::new(format!("no source of random numbers: {error}")))?;
    Ok(digest::hex(&bytes))
}

#[expect(clippy::disallowed_methods, reason = "the commands are the edge")]
fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| "unknown".to_owned())
}

/// Returns the name of this host.
pub(super) fn host() -> String {
    std::fs::read_to_string("/proc/sys/kernel/hostname")
        .map_or_else(|_| variable("HOSTNAME"), |name| name.trim().to_owned())
}

/// Returns the holder of a lock that this process takes now.
#[expect(clippy::disallowed_methods, reason = "the commands are the edge")]
pub(super) fn holder(command: &str) -> Result<Holder, Failure> {
    Ok(Holder {
        id: random()?.chars().take(8).collect(),
        who: format!("{}@{}", variable("USER"), host()),
        pid: std::process::id(),
        command: command.to_owned(),
        since: humantime::format_rfc3339_seconds(SystemTime::now()).to_string(),
    })
}
