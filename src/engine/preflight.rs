//! Finds out before the first call which calls will be denied.

use super::Options;
use super::apply::Known;
use crate::cloud::Cloud;
use crate::desired::Desired;
use crate::id::{AccountId, IdentityArn, KeyArn};
use crate::permissions::preflight::{Denied, Facts, denied, unread};
use crate::permissions::simulation::{Refused, Simulation, simulations};
use crate::permissions::{Ask, Exported, Purpose};
use crate::plan::Plan;
use crate::policy::Document;
use crate::policy::eval::Principal;
use crate::retry::with_retries;
use crate::state::State;
use futures_util::stream::StreamExt;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// The largest number of requests to the simulator.
const SIMULATIONS: usize = 32;
/// The longest time for which answers are waited for. A private network may not reach IAM.
const PATIENCE: Duration = Duration::from_secs(10);

/// What is known before the first call.
#[derive(Debug, Default)]
pub struct Preflight {
    /// The actions that the policies of keys certainly deny.
    pub denied: Vec<Denied>,
    /// The actions that the simulator finds denied.
    pub simulated: BTreeSet<Doubtful>,
    /// Why the simulator was not asked, or could not answer, if so.
    pub unknown: Option<String>,
    /// The number of actions on resources about which the simulator was not asked, because they are too many, and of
    /// all of them.
    pub unasked: (usize, usize),
}

/// An action that the identity's own policies seem to deny.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Doubtful {
    /// The ARN of the identity.
    pub identity: String,
    /// The action.
    pub action: String,
    /// The resource.
    pub resource: String,
}

/// Checks the calls of a plan. Nothing is changed.
pub async fn preflight<C: Cloud>(
    cloud: &C,
    options: &Options,
    plan: &Plan,
    known: &Known,
    (desired, state): (&Desired, &State),
    caller: &str,
) -> Preflight {
    let mut facts = Facts {
        ids: &known.ids,
        policies: &known.policies,
        more: &BTreeMap::new(),
        granted: &known.granted,
        home: &desired.home.account,
        caller,
        roles: &desired.accounts,
    };
    let more = unread_policies(cloud, options, plan, &facts).await;
    facts.more = &more;
    let mut found = Preflight { denied: denied(plan, &facts), ..Preflight::default() };
    let purposes = BTreeSet::from([Purpose::Apply]);
    let ask = Ask {
        desired,
        state,
        stateless: false,
        plan: Some(plan),
        purposes: &purposes,
        exported: &Exported::default(),
        objects: None,
        split: false,
        principal: caller,
    };
    if plan.steps.is_empty() {
        return found;
    }
    let questions = simulations(&ask, &facts);
    let (asked, unasked) = questions.split_at(questions.len().min(SIMULATIONS));
    let results = |all: &[Simulation]| all.iter().map(Simulation::results).sum::<usize>();
    match tokio::time::timeout(PATIENCE, simulate(cloud, options, asked, &facts)).await {
        Ok(Ok(simulated)) => {
            found.simulated = simulated;
            found.unasked = (results(unasked), results(&questions));
        }
        Ok(Err(why)) => found.unknown = Some(why),
        Err(_) => found.unknown = Some("IAM did not answer in time".to_owned()),
    }
    let is_certain = |doubtful: &Doubtful| {
        let mut denied = found.denied.iter();
        denied.any(|one| one.action == doubtful.action && one.key.to_string() == doubtful.resource)
    };
    found.simulated.retain(|doubtful| !is_certain(doubtful));
    found
}

/// Reads the policies that the refresh did not read, of the keys that the calls are about, as far as they can be read
/// in time.
async fn unread_policies<C: Cloud>(
    cloud: &C,
    options: &Options,
    plan: &Plan,
    facts: &Facts<'_>,
) -> BTreeMap<KeyArn, Document> {
    let mut read = BTreeMap::new();
    let unread = unread(plan, facts);
    let asks = unread.iter().map(|key| async move {
        (key, with_retries(&options.retry, async || cloud.policy(key).await).await)
    });
    let reads = options.concurrently(asks).for_each(|(key, answer)| {
        let parse = |text: String| Document::from_live(&text, key.region.partition()).ok();
        read.extend(answer.ok().and_then(parse).map(|policy| (key.clone(), policy)));
        std::future::ready(())
    });
    // What is not known in time denies nothing.
    let _ = tokio::time::timeout(PATIENCE, reads).await;
    read
}

/// Asks the simulator. Returns why it cannot be asked, or does not answer.
async fn simulate<C: Cloud>(
    cloud: &C,
    options: &Options,
    questions: &[Simulation],
    facts: &Facts<'_>,
) -> Result<BTreeSet<Doubtful>, String> {
    let accounts: BTreeSet<&AccountId> = questions.iter().map(|one| &one.account).collect();
    let mut identities: BTreeMap<&AccountId, String> = BTreeMap::new();
    for account in accounts {
        identities.insert(account, source(cloud, facts.identity(account)).await?);
    }
    let asks = questions.iter().filter_map(|question| {
        let identity = identities.get(&question.account)?;
        Some(async move { (cloud.simulate(identity, question).await, identity) })
    });
    let mut doubtful = BTreeSet::new();
    let mut answers = options.concurrently(asks);
    while let Some((answer, identity)) = answers.next().await {
        for Refused { action, resource } in answer.map_err(|error| error.to_string())? {
            doubtful.insert(Doubtful { identity: identity.clone(), action, resource });
        }
    }
    Ok(doubtful)
}

/// Returns the ARN of the user or role whose policies the simulator evaluates. The ARN of a session does not contain
/// the path of its role.
async fn source<C: Cloud>(cloud: &C, arn: &str) -> Result<String, String> {
    let partition = arn.split(':').nth(1).unwrap_or_default();
    let other = || format!("IAM does not simulate `{arn}`");
    let Ok(Principal::Identity(identity)) = Principal::parse(arn, partition) else {
        return Err(other());
    };
    let named = identity.role().unwrap_or_else(|| arn.to_owned());
    let named: IdentityArn = named.parse().map_err(|_| other())?;
    if named.as_str() == arn {
        return Ok(arn.to_owned());
    }
    match cloud.identity(&named).await {
        Ok(Some(found)) => Ok(found.arn),
        Ok(None) => Err(other()),
        Err(error) => Err(error.to_string()),
    }
}
