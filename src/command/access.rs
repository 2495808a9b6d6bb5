//! `access`: what each principal can do with a key, according to its policy and grants.

use super::policy::eval::{context, who, wrong};
use super::session::{Session, connect, home_region, options, timestamp};
use super::{input, plan, region};
use crate::answer::{CloudError, Fault};
use crate::cli::{AccessArgs, Global, Table};
use crate::cloud::Cloud;
use crate::config;
use crate::digest;
use crate::engine::Options;
use crate::engine::identities::{Lookup, look_up};
use crate::engine::rotate::rotations;
use crate::failure::{Exit, Failure};
use crate::id::{AccountId, BadId, IdentityArn, KeyArn, Place, Region, is_key_id};
use crate::inventory::Selector;
use crate::io::Io;
use crate::kind::address::Address;
use crate::kind::key::{Metadata, Rotations, never_rotated};
use crate::kind::{Kind, grant};
use crate::plan::IdentityStatus;
use crate::policy::access::{Holder, access_table};
use crate::policy::eval::{Context, Request, RequestedAction, Source, TargetKey};
use crate::policy::grants::Grant;
use crate::policy::typed::TypedPolicy;
use crate::policy::verdict::{Outcome, Reason, ReasonEffect, verdict, with_denials};
use crate::policy::{Document, KEY_ACTIONS, KeyContext, is_service, whole_principal};
use crate::render::Style;
use crate::render::evidence::{self, Heading, MISSING, Standing};
use crate::retry::{every_page, with_retries};
use crate::sdk::Aws;
use crate::text::Medium;
use std::collections::BTreeSet;

/// A key, and the connection to AWS.
pub(super) struct Found {
    pub(super) aws: Aws,
    pub(super) options: Options,
    pub(super) arn: KeyArn,
    /// The accounts whose IAM can be read.
    accounts: BTreeSet<AccountId>,
    /// The ARN of the identity that makes the calls.
    caller: String,
}

/// The live policy and grants of a key.
struct Held {
    arn: KeyArn,
    document: Document,
    grants: Vec<Grant>,
    heading: Heading,
}

/// Runs `kmsctl access`.
pub(super) async fn access(global: &Global, args: &AccessArgs, io: &Io) -> Result<Exit, Failure> {
    let found = find(global, &args.key, io).await?;
    let standing = async {
        match &args.principal {
            Some(principal) => standing(&found, principal).await,
            None => None,
        }
    };
    let (held, standing) = tokio::join!(read(&found), standing);
    let mut held = held?;
    let is_missing = standing.as_ref().is_some_and(Standing::is_missing);
    held.heading.standing = standing;
    let style = style(global, io);
    let (text, is_denied) = match &args.principal {
        Some(principal) => {
            let mut verdicts = held.verdicts(principal, args, io)?;
            let is_denied =
                is_missing || verdicts.iter().all(|verdict| verdict.decision == "denied");
            // A program may read nothing else. The text says what would be decided.
            if is_missing && args.format != Table::Text {
                verdicts.iter_mut().for_each(|verdict| verdict.decision = MISSING);
            }
            let heading = &held.heading;
            let text = match args.format {
                Table::Text => evidence::verdicts(heading, &verdicts, &style),
                Table::Json => evidence::verdicts_json(heading, &verdicts),
                Table::Csv => evidence::verdicts_csv(heading, &verdicts),
            };
            (text, is_denied)
        }
        None => {
            let table = held.table(args.action.as_deref())?;
            let (heading, table) = (&held.heading, table.as_deref());
            let text = match (args.format, table) {
                (Table::Text, _) => evidence::table(heading, table, &style),
                (Table::Json, _) => evidence::table_json(heading, table),
                (Table::Csv, Some(table)) => evidence::table_csv(heading, table),
                (Table::Csv, None) => {
                    let failure = Failure::new("the principals with access could not be listed");
                    return Err(failure.hint("ask about one principal with `--principal`"));
                }
            };
            (text, table.is_some_and(<[_]>::is_empty))
        }
    };
    let medium = match args.format {
        Table::Text | Table::Csv => Medium::Text,
        Table::Json => Medium::Json,
    };
    io.out_as(&text, medium);
    Ok(if args.detailed_exitcode && is_denied { Exit::Changes } else { Exit::Done })
}

/// Returns the style of the text form.
pub(super) fn style(global: &Global, io: &Io) -> Style {
    Style { color: io.out_color(), verbose: global.verbose, width: io.width() }
}

/// Finds a key by its name in the stack, alias, id or ARN. Also returns the connection to AWS.
pub(super) async fn find(global: &Global, name: &str, io: &Io) -> Result<Found, Failure> {
    if !name.starts_with("arn:") && !name.starts_with("alias/") && !is_key_id(name) {
        return in_stack(global, name, io).await;
    }
    let wrong = |bad: BadId| Failure::new(bad.message).hint(bad.help).exit(Exit::Usage);
    let wanted: Selector = name.parse().map_err(wrong)?;
    let given = region(global)?.or_else(|| of_stack(global));
    let region = wanted.place().map(|place| place.region).or(given);
    let (aws, caller) = connect(global, region.clone(), io).await?;
    let options = options(global);
    let region = home_region(region, &aws)?;
    let home = Place { account: caller.account, region };
    let place = wanted.place().unwrap_or_else(|| home.clone());
    let arn = match &wanted {
        Selector::Key(arn) => arn.clone(),
        Selector::Id(id) => KeyArn::at(&place, id),
        Selector::Alias(..) if place.account != home.account => {
            let failure = Failure::new(format!("`{wanted}` is an alias of another account"));
            return Err(failure.hint("aliases are listed by their own account: name the key's ARN"));
        }
        Selector::Alias(_, alias) => {
            let read = every_page(&options.retry, async |from| aws.aliases(&place, from).await);
            let named = read.await?.into_iter().find(|entry| entry.name == *alias);
            let key = named.and_then(|entry| entry.target);
            let missing =
                || Failure::new(format!("there is no alias `{alias}` of a key in {place}"));
            KeyArn::at(&place, &key.ok_or_else(missing)?)
        }
    };
    let accounts = BTreeSet::from([home.account]);
    Ok(Found { aws, options, arn, accounts, caller: caller.arn })
}

/// Returns the Region of the stack whose configuration is given or in this folder. Errors in it do not matter here.
fn of_stack(global: &Global) -> Option<Region> {
    let input = input(global).ok().filter(|input| !input.is_missing())?;
    config::load(&input).0.region()
}

/// Finds a key of the stack by its record, or else as a plan finds it.
async fn in_stack(global: &Global, name: &str, io: &Io) -> Result<Found, Failure> {
    let session = Session::open(global, io).await?;
    let replay = session.read_state(io).await?;
    let bare = name.strip_prefix("key/").unwrap_or(name);
    let address = Address::new(Kind::Key, bare.to_owned());
    let recorded =
        replay.state.records.get(&address).and_then(|record| record.id.parse::<KeyArn>().ok());
    let arn = match recorded {
        Some(arn) => Some(arn),
        None if session.desired.resources.contains_key(&address) => {
            plan::observe(&session, &replay.state, io).await?.ids.remove(&address)
        }
        None => None,
    };
    let arn = arn.ok_or_else(|| {
        Failure::new(format!("the stack has no key `{bare}` in AWS"))
            .hint("name an applied key of the stack, an alias (`alias/…`), a key id or a key ARN")
    })?;
    let accounts = session.desired.own_accounts();
    let Session { aws, options, caller, .. } = session;
    Ok(Found { aws, options, arn, accounts, caller: caller.arn })
}

/// Reads the policy and the grants of a key.
async fn read(found: &Found) -> Result<Held, Failure> {
    let Found { aws, options, arn, caller, .. } = found;
    let retry = &options.retry;
    let (described, text, listed, rotations) = tokio::join!(
        with_retries(retry, async || aws.describe(arn).await),
        with_retries(retry, async || aws.policy(arn).await),
        every_page(retry, async |from| aws.grants(arn, from).await),
        rotations(aws, options, arn),
    );
    let (text, listed) = (text?, listed?);
    let document = Document::from_live(&text, arn.region.partition()).map_err(|problems| {
        let why = problems.into_iter().next().map(|problem| problem.message).unwrap_or_default();
        let what = format!("the policy of `{arn}` cannot be parsed: {why}");
        Failure::new(what)
    })?;
    let rotations = match &described {
        Ok(key) if never_rotated(key).is_some() => None,
        Ok(_) | Err(_) => Some(rotations),
    };
    let grants: Vec<Grant> = listed.into_iter().map(|listed| grant_of(listed, arn)).collect();
    let heading = Heading {
        key: arn.to_string(),
        account: arn.account.to_string(),
        region: arn.region.to_string(),
        state: described.as_ref().ok().map(|key| key.state.clone()),
        unusable: unusable(&described),
        time: timestamp(),
        caller: caller.clone(),
        policy_sha256: digest::sha256(&text),
        grants: grants.len(),
        rotated: rotations
            .as_ref()
            .and_then(|rotations| rotated(described.as_ref().ok(), rotations.as_ref())),
        rotations: rotations.and_then(Result::ok).map(|rotations| rotations.past),
        action: None,
        principal: None,
        standing: None,
    };
    let arn = arn.clone();
    Ok(Held { arn, document, grants, heading })
}

/// Returns why a key cannot be used, if it cannot, or why that is not known. A key whose primary Region is being
/// updated can be used (KMS Developer Guide, "Key states of AWS KMS keys").
fn unusable(key: &Result<Metadata, CloudError>) -> Option<String> {
    let key = match key {
        Ok(key) => key,
        Err(error) => return Some(format!("not known ({error})")),
    };
    match (&key.deletion_date, key.state.as_str()) {
        (_, "Enabled" | "Updating") => None,
        (Some(date), _) => Some(format!("pending deletion on {date}: nobody can use the key")),
        (None, state) => Some(format!("{state}: nobody can use the key")),
    }
}

/// Returns whether IAM has the principal that was asked about; `None` if the principal is no user and no role.
async fn standing(found: &Found, principal: &str) -> Option<Standing> {
    let (partition, account) = (found.arn.region.partition(), found.arn.account.as_str());
    let whole = whole_principal(principal, partition, account);
    // A session names its role without the path.
    let (named, is_session) = match role_of_session(&whole) {
        Some(role) => (role, true),
        None => (whole, false),
    };
    let identity: IdentityArn = named.parse().ok()?;
    if !found.accounts.contains(identity.account()) {
        let why = format!("IAM of account {} cannot be read", identity.account());
        return Some(Standing::unknown(&identity, &why));
    }
    let Lookup { statuses, error } =
        look_up(&found.aws, &found.options, std::iter::once(identity.clone())).await;
    Some(match (statuses.get(&identity), error) {
        (Some(IdentityStatus::OtherPath { .. }), _) if is_session => Standing::exists(),
        (Some(status), _) => match status.objection(&identity) {
            Some(reason) => Standing::missing(&reason),
            None => Standing::exists(),
        },
        (None, Some(error)) => Standing::unknown(&identity, &error.to_string()),
        (None, None) => return None,
    })
}

/// Returns the ARN of the role of a session, without the role's path.
fn role_of_session(arn: &str) -> Option<String> {
    let fields: Vec<&str> = arn.splitn(6, ':').collect();
    let ["arn", partition, "sts", "", account, session] = fields.as_slice() else {
        return None;
    };
    let role = session.strip_prefix("assumed-role/")?.split('/').next()?;
    Some(format!("arn:{partition}:iam::{account}:role/{role}"))
}

/// Returns the rotations in words, or why they are not known; `None` if KMS says that the key has none.
fn rotated(key: Option<&Metadata>, rotations: Result<&Rotations, &CloudError>) -> Option<String> {
    match rotations {
        Ok(rotations) if key.is_some_and(|key| key.aws_managed) => Some(rotations.history()),
        Ok(rotations) => Some(rotations.words()),
        Err(error) if matches!(error.fault, Fault::Unsupported | Fault::InvalidState) => None,
        Err(error) => Some(format!("not known ({error})")),
    }
}

/// Converts a grant from `ListGrants`.
fn grant_of(listed: grant::Listed, key: &KeyArn) -> Grant {
    let constraints = listed.constraints.unwrap_or_default();
    // A service may use its grant for one resource only, which `ListGrants` does not always show.
    let unclear = is_service(&listed.grantee) && constraints.source_arn.is_none();
    Grant {
        id: listed.grant_id,
        name: Some(listed.name).filter(|name| !name.is_empty()),
        key: Some(key.to_string()),
        grantee: listed.grantee,
        retiring: listed.retiring,
        operations: listed.operations,
        context: constraints.context(),
        source: constraints.source_arn,
        unclear,
    }
}

impl Held {
    fn context(&self) -> KeyContext {
        KeyContext {
            account: Some(self.arn.account.to_string()),
            partition: self.arn.region.partition().to_owned(),
            arn: Some(self.arn.to_string()),
        }
    }

    /// Returns the key of requests. `arn` is the text of its ARN.
    fn target<'a>(&'a self, arn: &'a str) -> TargetKey<'a> {
        let (partition, account) = (self.arn.region.partition(), self.arn.account.as_str());
        TargetKey { partition, account, arn: Some(arn) }
    }

    /// Returns the holders of access, or of one action; `None` if they are not known.
    fn table(&mut self, action: Option<&str>) -> Result<Option<Vec<Holder>>, Failure> {
        let action = action.map(parsed).transpose()?;
        self.heading.action = action.map(|action| format!("kms:{}", action.name()));
        let only = match action {
            // No key policy and no grant can allow it.
            Some(RequestedAction::Iam(_)) => return Ok(Some(Vec::new())),
            Some(RequestedAction::Key(action)) => Some(action),
            None => None,
        };
        let arn = self.arn.to_string();
        let key = self.target(&arn);
        let table = access_table(&self.document, &self.grants, &self.context(), only);
        Ok(table.map(|table| with_denials(table, &self.document.typed(), &key, &self.grants)))
    }

    /// Returns the verdicts about a principal: about one action, or about all.
    fn verdicts(
        &mut self,
        principal: &str,
        args: &AccessArgs,
        io: &Io,
    ) -> Result<Vec<evidence::Verdict>, Failure> {
        let place = (self.arn.region.partition(), self.arn.account.as_str());
        self.heading.principal = Some(whole_principal(principal, place.0, place.1));
        let actions: Vec<RequestedAction> = match &args.action {
            Some(action) => vec![parsed(action)?],
            None => KEY_ACTIONS.iter().map(RequestedAction::Key).collect(),
        };
        let principal = who(principal, place, &args.about)?;
        let about = if let [only] = actions.as_slice() { Some(*only) } else { None };
        // What is not given may have any value.
        let context = context(&args.about, about, Context::open(), io)?;
        let typed = self.document.typed();
        let verdicts = actions.into_iter().map(|action| {
            let (principal, context) = (principal.clone(), context.clone());
            self.verdict(&typed, &Request { principal, action, context })
        });
        Ok(verdicts.collect())
    }

    fn verdict(&self, typed: &TypedPolicy, request: &Request) -> evidence::Verdict {
        let arn = self.arn.to_string();
        let key = self.target(&arn);
        let found = verdict(typed, &key, &self.grants, request);
        let because = match found.outcome {
            Outcome::OtherAccount => {
                Some("only for principals of the key's own account".to_owned())
            }
            Outcome::IamOnly => Some("IAM policies alone decide".to_owned()),
            Outcome::Denied if found.reasons.is_empty() => Some("nothing allows it".to_owned()),
            Outcome::Denied
            | Outcome::Allowed
            | Outcome::Conditional
            | Outcome::Delegated
            | Outcome::Unknown => None,
        };
        evidence::Verdict {
            action: format!("kms:{}", request.action.name()),
            decision: found.outcome.word(),
            because,
            reasons: found.reasons.into_iter().map(|reason| self.told(typed, reason)).collect(),
        }
    }

    fn told(&self, typed: &TypedPolicy, reason: Reason) -> evidence::Reason {
        let (statement, grant) = match reason.source {
            Source::Statement(index) => {
                let statement = typed.statements.get(index);
                (statement.map(|statement| self.document.label(statement)), None)
            }
            Source::Grant(index) => (None, self.grants.get(index).map(|g| g.label().to_owned())),
            Source::Document => (None, None),
        };
        let effect = match reason.effect {
            ReasonEffect::Denies => "denied",
            ReasonEffect::Allows => "allowed",
            ReasonEffect::Delegates => "delegated",
            ReasonEffect::Unclear => "unknown",
        };
        let Reason { when, depends_on, .. } = reason;
        evidence::Reason { effect, when, depends_on, statement, grant }
    }
}

fn parsed(action: &str) -> Result<RequestedAction, Failure> {
    RequestedAction::parse(action).map_err(wrong)
}
