//! `access`: what each principal can do with a key, according to its policy and grants.

use super::policy::answer::Case;
use super::policy::eval::{context, request, who};
use super::session::{Session, connect, options};
use super::{plan, region};
use crate::cli::{AccessArgs, Answer, Global};
use crate::cloud::Cloud;
use crate::cloud::retry::{every_page, with_retries};
use crate::engine::Options;
use crate::failure::{Exit, Failure};
use crate::id::{AliasName, BadId, KeyArn, Place, is_key_id};
use crate::io::Io;
use crate::kind::address::Address;
use crate::kind::{Kind, grant};
use crate::policy::access::access_table;
use crate::policy::eval::{self, Decision, Request, RequestedAction, decide};
use crate::policy::grants::Grant;
use crate::policy::typed::TypedPolicy;
use crate::policy::{Document, KEY_ACTIONS, KeyContext, is_service};
use crate::render::{self, Style};
use crate::sdk::Aws;
use std::collections::BTreeMap;

/// The live policy and grants of a key.
struct Held {
    arn: KeyArn,
    document: Document,
    grants: Vec<Grant>,
}

/// Runs `kmsctl access`.
pub(super) async fn access(global: &Global, args: &AccessArgs, io: &Io) -> Result<Exit, Failure> {
    let (aws, options, arn) = find(global, &args.key, io).await?;
    let held = read(&aws, &options, arn).await?;
    match (&args.principal, &args.action) {
        (Some(principal), Some(action)) => {
            let asked = (principal.as_str(), action.as_str());
            let request = request(asked, held.arn.region.partition(), &args.about, io)?;
            answer(&held, &request, args.format, io);
        }
        (Some(principal), None) => {
            let able = held.able(principal, args, io)?;
            match args.format {
                Answer::Json => io.out(&format!("{}\n", render::json::pretty(&able))),
                Answer::Text => {
                    io.out(&render::holders::able(principal, &able, &style(global, io)));
                }
            }
        }
        (None, _) => {
            let table = access_table(&held.document, &held.grants, &held.context());
            match args.format {
                Answer::Json => io.out(&format!("{}\n", render::json::pretty(&table))),
                Answer::Text => {
                    let account = held.arn.account.as_str();
                    io.out(&render::holders::table(table.as_deref(), account, &style(global, io)));
                }
            }
        }
    }
    Ok(Exit::Done)
}

/// Returns the style of the text form.
pub(super) fn style(global: &Global, io: &Io) -> Style {
    Style { color: io.out_color(), verbose: global.verbose, width: io.width() }
}

/// Finds a key by its name in the stack, alias, id or ARN. Also returns the connection to AWS.
pub(super) async fn find(
    global: &Global,
    name: &str,
    io: &Io,
) -> Result<(Aws, Options, KeyArn), Failure> {
    if !name.starts_with("arn:") && !name.starts_with("alias/") && !is_key_id(name) {
        return in_stack(global, name, io).await;
    }
    let arn: Option<KeyArn> = if name.starts_with("arn:") {
        Some(name.parse().map_err(|bad: BadId| Failure::new(bad.message).hint(bad.help))?)
    } else {
        None
    };
    let given = region(global)?;
    let region = arn.as_ref().map(|arn| arn.region.clone()).or(given);
    let (aws, caller) = connect(global, region.clone()).await?;
    let options = options(global);
    if let Some(arn) = arn {
        return Ok((aws, options, arn));
    }
    let region = region.or_else(|| aws.default_region()).ok_or_else(|| {
        Failure::new("no Region is configured").hint("set --region or AWS_REGION")
    })?;
    let place = Place { account: caller.account, region };
    if is_key_id(name) {
        let arn = KeyArn::at(&place, name);
        return Ok((aws, options, arn));
    }
    let alias: AliasName =
        name.parse().map_err(|bad: crate::id::BadId| Failure::new(bad.message).hint(bad.help))?;
    let entries = every_page(&options.retry, async |from| aws.aliases(&place, from).await).await?;
    let target = entries.into_iter().find(|entry| entry.name == alias.as_str());
    let target = target
        .and_then(|entry| entry.target)
        .ok_or_else(|| Failure::new(format!("there is no alias `{alias}` of a key in {place}")))?;
    let arn = KeyArn::at(&place, &target);
    Ok((aws, options, arn))
}

/// Finds a key of the stack by its record, or else as a plan finds it.
async fn in_stack(global: &Global, name: &str, io: &Io) -> Result<(Aws, Options, KeyArn), Failure> {
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
    Ok((session.aws, session.options, arn))
}

/// Reads the policy and the grants of a key.
async fn read(aws: &Aws, options: &Options, arn: KeyArn) -> Result<Held, Failure> {
    let retry = &options.retry;
    let (text, listed) = tokio::join!(
        with_retries(retry, async || aws.policy(&arn).await),
        every_page(retry, async |from| aws.grants(&arn, from).await),
    );
    let (text, listed) = (text?, listed?);
    let document = Document::from_live(&text, arn.region.partition()).map_err(|problems| {
        let why = problems.into_iter().next().map(|problem| problem.message).unwrap_or_default();
        let what = format!("the policy of `{arn}` cannot be parsed: {why}");
        Failure::new(what)
    })?;
    let grants = listed.into_iter().map(|listed| grant_of(listed, &arn)).collect();
    Ok(Held { arn, document, grants })
}

/// Converts a grant from `ListGrants`.
fn grant_of(listed: grant::Listed, key: &KeyArn) -> Grant {
    // A service may use its grant for one resource only, which `ListGrants` does not fully show.
    let unclear = is_service(&listed.grantee);
    Grant {
        id: listed.grant_id,
        name: Some(listed.name).filter(|name| !name.is_empty()),
        key: Some(key.to_string()),
        grantee: listed.grantee,
        retiring: listed.retiring,
        operations: listed.operations,
        context: listed.constraints.map(Into::into),
        source: None,
        unclear,
    }
}

/// Prints the decision about one request.
fn answer(held: &Held, request: &Request, format: Answer, io: &Io) {
    let typed = held.document.typed();
    let decision = held.decide(&typed, request);
    let case = Case {
        document: &held.document,
        typed: &typed,
        grants: &held.grants,
        request,
        owner: held.arn.account.as_str(),
    };
    case.print(&decision, format, io);
}

impl Held {
    fn context(&self) -> KeyContext {
        KeyContext {
            account: Some(self.arn.account.to_string()),
            partition: self.arn.region.partition().to_owned(),
            arn: Some(self.arn.to_string()),
        }
    }

    fn decide(&self, typed: &TypedPolicy, request: &Request) -> Decision {
        let arn = self.arn.to_string();
        let key = eval::TargetKey {
            partition: self.arn.region.partition(),
            account: self.arn.account.as_str(),
            arn: Some(&arn),
        };
        decide(typed, &key, &self.grants, request)
    }

    /// Returns the actions of the principal, by decision.
    fn able(
        &self,
        principal: &str,
        args: &AccessArgs,
        io: &Io,
    ) -> Result<BTreeMap<&'static str, Vec<&'static str>>, Failure> {
        let principal = who(principal, self.arn.region.partition(), &args.about)?;
        let context = context(&args.about, None, io)?;
        let typed = self.document.typed();
        let mut able: BTreeMap<&'static str, Vec<&'static str>> = BTreeMap::new();
        for action in &KEY_ACTIONS {
            let (principal, context) = (principal.clone(), context.clone());
            let request = Request { principal, action: RequestedAction::Key(action), context };
            able.entry(self.decide(&typed, &request).word()).or_default().push(action.name);
        }
        Ok(able)
    }
}
