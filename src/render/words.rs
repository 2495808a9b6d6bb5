//! The parts that the text and Markdown forms share: values, access changes and counts in words. All text
//! is safe for a terminal, but not escaped for Markdown.

use super::Caller;
use super::access::{Line, Wording};
use super::access_lines::{self, Sentence, Told};
use super::outputs::Output;
use crate::id::{AccountId, Name, Place};
use crate::kind::address::Address;
use crate::kind::{Change, KeyRef, Kind, Spec};
use crate::plan::{Access, Blocked, FieldChange, Plan, Step, TakenOver};
use crate::policy::access::{ChangeKind, NetChange, SameAccess};
use crate::policy::{AccessChange, Document, KeyContext, aws_default, compare, work};
use crate::text::{counted, printable, some_of};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// Names an account, such as `123456789012 (acme-prod)`.
pub(super) fn account(account: &AccountId, caller: &Caller) -> String {
    match &caller.alias {
        Some(alias) => format!("{account} ({})", printable(alias)),
        None => account.to_string(),
    }
}

/// Names an account of a plan. The caller's alias is that of the stack's own account.
pub(super) fn account_of(of: &AccountId, plan: &Plan, caller: &Caller) -> String {
    if *of == plan.home.account { account(of, caller) } else { of.to_string() }
}

/// Counts the deletions of a plan and its other steps with a risk, such as ` (2 deletions, 1 other risk)`.
pub(super) fn dangers(plan: &Plan) -> String {
    let deletions = plan.count("delete");
    let risks = plan.steps.iter().filter(|step| is_destructive(step)).count() - deletions;
    let counts = match (deletions, risks) {
        (0, 0) => return String::new(),
        (0, risks) => counted(risks, "risk"),
        (deletions, 0) => counted(deletions, "deletion"),
        (deletions, risks) => {
            format!("{}, {}", counted(deletions, "deletion"), counted(risks, "other risk"))
        }
    };
    format!(" ({counts})")
}

/// Returns the line that says which stack, account, Region and caller a plan or a drift report is of.
pub(super) fn place(stack: &Name, home: &Place, caller: &Caller) -> String {
    let mut text =
        format!("Stack {stack} in account {}, {}", account(&home.account, caller), home.region);
    if let Some(arn) = &caller.arn {
        let _ = write!(text, ", as {}", printable(arn));
    }
    text
}

/// Returns the line about the roles in other accounts, if there are any.
pub(super) fn roles(roles: &BTreeMap<AccountId, String>) -> Option<String> {
    let roles: Vec<String> = roles
        .iter()
        .map(|(account, arn)| format!("{} in account {account}", printable(arn)))
        .collect();
    (!roles.is_empty()).then(|| format!("It assumes {}.", roles.join(", ")))
}

/// Stands for the values of a field that several steps have.
pub(super) const DIFFERING: &str = "other values in each (--verbose shows them)";

/// The path of the field whose value is a policy.
pub(super) const POLICY: &str = "policy";

/// What AWS's default policy allows.
pub(super) const DEFAULT_POLICY: &str = "AWS's default (the account's IAM policies decide)";

/// Returns whether the field is the policy, or the stack's part of a policy, which is shown with the policy.
pub(super) fn is_policy_part(path: &str) -> bool {
    path == POLICY || path == "shared" || path.starts_with("shared.")
}

/// Returns whether the step creates a key with AWS's default policy, or gives a key this policy. A key that is created
/// without a policy gets it.
pub(super) fn results_in_default(step: &Step) -> bool {
    let is_new = matches!(step.change, Change::Create { .. });
    let differs = step.fields.iter().any(|field| field.path == POLICY);
    let Some(key) = step.change.to().and_then(Spec::as_key) else {
        return false;
    };
    match &key.policy {
        None => is_new,
        Some(policy) if is_new || differs => {
            let partition = step.place.region.partition();
            let default = aws_default(partition, step.place.account.as_str());
            let key = KeyContext {
                account: Some(step.place.account.to_string()),
                partition: partition.to_owned(),
                arn: None,
            };
            // A policy that is as complex as this is not the default.
            let found = work::within(work::COMPARISON >> 6, || {
                compare(Some(&default), Some(policy), &key, &[])
            });
            found.access == SameAccess::Same && found.change == NetChange::None
        }
        Some(_) => false,
    }
}

/// Returns the sign of a change.
pub(super) fn sign<T>(change: &Change<T>) -> char {
    match change {
        Change::Create { .. } => '+',
        Change::Update { .. } => '~',
        Change::Delete { .. } => '-',
        Change::Import { .. } => '<',
        Change::Forget { .. } => '.',
    }
}

/// Returns whether a step deletes something or has a risk.
pub(super) fn is_destructive(step: &Step) -> bool {
    matches!(step.change, Change::Delete { .. }) || step.risk.is_some()
}

/// Returns the policies before and after a step, if they differ.
pub(super) fn step_policies(step: &Step) -> Option<(Option<&Document>, Option<&Document>)> {
    fn policy(spec: Option<&Spec>) -> Option<&Document> {
        spec?.policy()
    }
    let differs = step.fields.iter().any(|field| field.path == POLICY);
    differs.then(|| (policy(step.change.from()), policy(step.change.to())))
}

/// Returns the policies before and after, if the field is a policy.
pub(super) fn policies(
    field: &FieldChange,
    home: &Place,
) -> Option<(Option<Document>, Option<Document>)> {
    let read = |value: &Value| {
        let text = value.as_str()?;
        Document::from_live(text, home.region.partition()).ok()
    };
    (field.path == POLICY).then(|| (read(&field.before), read(&field.after)))
}

/// Returns the lines of the unified diff of two policies, without file names. The heading of each hunk names the
/// statements that it changes.
pub(super) fn diff(before: Option<&Document>, after: Option<&Document>) -> Vec<String> {
    let text = |document: Option<&Document>| {
        document.map(|document| format!("{}\n", document.pretty().trim_end())).unwrap_or_default()
    };
    let (before, after) = (text(before), text(after));
    let diff = similar::TextDiff::from_lines(before.as_str(), after.as_str());
    let (old, new) = (statement_lines(&before), statement_lines(&after));
    let mut out = Vec::new();
    for hunk in diff.unified_diff().context_radius(3).iter_hunks() {
        let mut names: Vec<&str> = Vec::new();
        for op in hunk.ops().iter().filter(|op| op.tag() != similar::DiffTag::Equal) {
            for (lines, range) in [(&old, op.old_range()), (&new, op.new_range())] {
                let named = lines.get(range).unwrap_or_default().iter().flatten();
                for name in named {
                    if !names.contains(&name.as_str()) {
                        names.push(name);
                    }
                }
            }
        }
        let heading = format!("{} {}", hunk.header(), names.join(", "));
        out.push(printable(heading.trim_end()).into_owned());
        let text = hunk.to_string();
        out.extend(text.lines().skip(1).map(|line| printable(line).into_owned()));
    }
    out
}

/// Returns the name of the statement that each line of an indented policy belongs to: its Sid, or its position.
fn statement_lines(pretty: &str) -> Vec<Option<String>> {
    let lines: Vec<&str> = pretty.lines().collect();
    let mut out = vec![None; lines.len()];
    let (mut start, mut count) = (None, 0);
    for (n, line) in lines.iter().enumerate() {
        if line.starts_with("    {") {
            (start, count) = (Some(n), count + 1);
        } else if line.starts_with("    }")
            && let Some(first) = start.take()
        {
            let within = lines.get(first..=n).unwrap_or_default();
            let sid = within.iter().find_map(|line| line.strip_prefix("      \"Sid\": "));
            // Braces alone are the same in every statement, so a diff may count them as those of the next one.
            let name = match sid {
                Some(sid) => sid.trim_end_matches(',').to_owned(),
                None => format!("#{count}"),
            };
            out.get_mut(first + 1..n).into_iter().flatten().for_each(|of| *of = Some(name.clone()));
        }
    }
    out
}

/// Returns the lines of an indented policy.
pub(super) fn pretty(document: &Document) -> Vec<String> {
    document.pretty().lines().map(|line| printable(line).into_owned()).collect()
}

/// Renders the effects and Sids of the statements of a policy on one line.
pub(super) fn statements(document: &Document) -> String {
    let mut names = Vec::new();
    for (effect, sid) in document.headings() {
        let effect = effect.unwrap_or_default();
        let sid = sid.map_or(String::new(), |sid| format!(" \"{sid}\""));
        names.push(printable(&format!("{effect}{sid}")).into_owned());
    }
    format!("{}: {}", counted(names.len(), "statement"), names.join(", "))
}

/// Returns the access changes from one policy to the other.
pub(super) fn changes(
    before: Option<&Document>,
    after: Option<&Document>,
    home: &Place,
) -> Vec<AccessChange> {
    let key = KeyContext {
        account: Some(home.account.to_string()),
        partition: home.region.partition().to_owned(),
        arn: None,
    };
    compare(before, after, &key, &[]).changes
}

/// Renders planned access changes of one key, each with its source if it is shown at another resource.
pub(super) fn planned_access(
    planned: &[&Access],
    shown_at: &str,
    wording: Wording<'_>,
) -> Vec<Line> {
    access_lines::lines(&told(planned, shown_at), wording)
}

/// Renders planned access changes like [`planned_access`], with what a comment needs to know about each line.
pub(super) fn planned_sentences(
    planned: &[&Access],
    shown_at: &str,
    wording: Wording<'_>,
) -> Vec<Sentence> {
    access_lines::sentences(&told(planned, shown_at), wording)
}

/// Notes the source of each access change that is shown at another resource.
fn told<'a>(planned: &[&'a Access], shown_at: &str) -> Vec<Told<'a>> {
    let told = planned.iter().map(|planned| {
        let mut note = String::new();
        let source = planned.source.to_string();
        if source != shown_at {
            let _ = write!(note, " (for {})", printable(&source));
        }
        if !planned.derived.is_empty() {
            let from: Vec<&str> = planned.derived.iter().map(String::as_str).collect();
            let _ = write!(note, " (from {})", printable(&from.join(", ")));
        }
        Told { change: &planned.change, note }
    });
    told.collect()
}

/// Renders access changes without a source.
pub(super) fn access_lines(changes: &[AccessChange], wording: Wording<'_>) -> Vec<Line> {
    access_sentences(changes, wording).into_iter().map(|sentence| sentence.line).collect()
}

/// Renders access changes without a source, with what a comment needs to know about each line.
pub(super) fn access_sentences(changes: &[AccessChange], wording: Wording<'_>) -> Vec<Sentence> {
    let told: Vec<Told<'_>> =
        changes.iter().map(|change| Told { change, note: String::new() }).collect();
    access_lines::sentences(&told, wording)
}

/// The access changes of a plan, by the step at which they are shown.
pub(super) struct Shown<'a> {
    at: BTreeMap<&'a Address, Vec<&'a Access>>,
    /// The access changes that are shown at no step.
    pub(super) elsewhere: Vec<&'a Access>,
}

impl<'a> Shown<'a> {
    /// Assigns each access change to its source step, or else to the step of its key.
    pub(super) fn of(plan: &'a Plan) -> Self {
        let steps: BTreeMap<String, &Address> =
            plan.steps.iter().map(|step| (step.address.to_string(), &step.address)).collect();
        let mut shown = Self { at: BTreeMap::new(), elsewhere: Vec::new() };
        for access in &plan.access {
            let source = steps.get(&access.source.to_string());
            match source.or_else(|| steps.get(&access.key)) {
                Some(address) => shown.at.entry(address).or_default().push(access),
                None => shown.elsewhere.push(access),
            }
        }
        shown
    }

    /// Returns the access changes that are shown at no step, by key.
    pub(super) fn elsewhere_by_key(&self) -> BTreeMap<&'a str, Vec<&'a Access>> {
        let mut out: BTreeMap<&str, Vec<&Access>> = BTreeMap::new();
        for access in &self.elsewhere {
            out.entry(&access.key).or_default().push(access);
        }
        out
    }

    /// Returns the access changes that are shown at a step.
    pub(super) fn at(&self, step: &Step) -> &[&'a Access] {
        self.at.get(&step.address).map_or(&[], Vec::as_slice)
    }
}

/// Returns whether the access changes have no effect today, so that only the text of the policy changes.
pub(super) fn is_text_only(access: &[&Access]) -> bool {
    access
        .iter()
        .all(|access| matches!(access.change.kind, ChangeKind::Future | ChangeKind::Dangling))
}

/// Returns AWS's names of the operations of a step, in order.
pub(super) fn operations(step: &Step) -> Vec<&'static str> {
    let calls = step.calls.iter().chain(&step.last);
    calls.map(|planned| planned.call.operation()).collect()
}

/// Returns AWS's identifier of what a step deletes, unless the address is its name.
pub(super) fn deleted(step: &Step) -> Option<Output> {
    if !matches!(step.change, Change::Delete { .. }) || step.address.kind == Kind::Alias {
        return None;
    }
    let id = step.id.as_deref().filter(|id| !id.is_empty())?;
    Some(Output::new(&step.address, id, &step.place))
}

/// Returns AWS's identifier of what a step deletes with the name of the field, unless it is one of the fields already.
pub(super) fn identifier(step: &Step) -> Option<(&'static str, String)> {
    let deleted = deleted(step).filter(|_| step.fields.iter().all(|field| field.path != "id"))?;
    Some((if deleted.arn.is_some() { "arn" } else { "id" }, deleted.value()))
}

/// Returns the key of an alias that a step creates or deletes.
pub(super) fn key_of_alias(step: &Step) -> Option<&KeyRef> {
    match &step.change {
        Change::Create { to: Spec::Alias(alias) } | Change::Delete { from: Spec::Alias(alias) } => {
            Some(&alias.target)
        }
        Change::Create { .. }
        | Change::Update { .. }
        | Change::Import { .. }
        | Change::Delete { .. }
        | Change::Forget { .. } => None,
    }
}

/// Returns blocked changes, those with the same reason together.
pub(super) fn blocked(all: &[Blocked]) -> Vec<(Vec<&Address>, &Blocked)> {
    let mut at: BTreeMap<(&str, &str, &str), usize> = BTreeMap::new();
    let mut out: Vec<(Vec<&Address>, &Blocked)> = Vec::new();
    for blocked in all {
        let why = (blocked.field.as_str(), blocked.reason.as_str(), blocked.help.as_str());
        let index = *at.entry(why).or_insert(out.len());
        match out.get_mut(index) {
            Some((addresses, _)) => addresses.push(&blocked.address),
            None => out.push((vec![&blocked.address], blocked)),
        }
    }
    out
}

/// Renders the number of resources that have drifted.
pub(super) fn differing(count: usize, from: &str) -> String {
    let verb = if count == 1 { "differs" } else { "differ" };
    format!("{} {verb} from {from}", counted(count, "resource"))
}

/// Renders the last line of a plan.
pub(super) fn summary(plan: &Plan) -> String {
    if plan.is_empty() && !plan.scheduled.is_empty() {
        return format!("Nothing is left to delete. {}", deletions(&plan.scheduled));
    }
    if plan.is_empty() {
        let text = match plan.drift.len() {
            0 if !plan.untargeted.is_empty() => "No changes of the targets.".to_owned(),
            0 => "No changes. AWS matches the configuration.".to_owned(),
            n => format!("{}.", differing(n, "the last apply")),
        };
        return text + &untargeted(plan);
    }
    let count = |action| plan.count(action);
    let mut text = format!(
        "Plan: {} to create, {} to update, {} to delete",
        count("create"),
        count("update"),
        count("delete")
    );
    for (action, word) in [("import", "import"), ("forget", "forget")] {
        if count(action) > 0 {
            let _ = write!(text, ", {} to {word}", count(action));
        }
    }
    if !plan.blocked.is_empty() {
        let _ = write!(text, "; {} blocked", plan.blocked.len());
    }
    let calls: usize = plan.steps.iter().map(|step| step.calls.len() + step.last.len()).sum();
    let _ = write!(text, "; {}.", counted(calls, "call"));
    text + &untargeted(plan)
}

/// Returns the day of a date of AWS, such as `2027-01-31`.
pub(super) fn day(date: &str) -> String {
    printable(date.split_once('T').map_or(date, |(day, _)| day)).into_owned()
}

/// Returns the sentence about keys whose deletion is scheduled, by the days on which they are deleted.
#[must_use]
pub fn deletions(keys: &BTreeMap<Address, String>) -> String {
    let mut by_day: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (key, date) in keys {
        by_day.entry(day(date)).or_default().push(printable(&key.to_string()).into_owned());
    }
    let days = by_day
        .into_iter()
        .map(|(day, keys)| format!("{} on {day} at the earliest", some_of(&keys, NAMED)));
    format!(
        "Keys that KMS deletes: {}. Until then `kmsctl apply` cancels the deletion of a key that the configuration \
         declares.",
        days.collect::<Vec<_>>().join("; ")
    )
}

/// Returns the sentence about the changes that `--target` leaves out, if there are any.
fn untargeted(plan: &Plan) -> String {
    let all: Vec<String> = plan.untargeted.iter().map(ToString::to_string).collect();
    match all.len() {
        0 => String::new(),
        count if count > NAMED => format!(" `--target` leaves out {}.", counted(count, "change")),
        count => format!(
            " `--target` leaves out {}: {}.",
            counted(count, "change"),
            printable(&all.join(", "))
        ),
    }
}

/// Returns the line about the gates in force, if there are any.
pub(super) fn gates(gates: &BTreeMap<String, Vec<String>>) -> Option<String> {
    if gates.is_empty() {
        return None;
    }
    let files: Vec<String> =
        gates.iter().map(|(file, names)| format!("{} ({file})", names.join(", "))).collect();
    Some(printable(&format!("Gates in force: {}.", files.join("; "))).into_owned())
}

/// The largest number of addresses that a line names.
pub(super) const NAMED: usize = 12;

/// Returns the line about what is taken over without a call, if there is anything.
pub(super) fn taken(taken: &BTreeMap<Address, String>) -> Option<String> {
    let addresses: Vec<String> = taken.keys().map(ToString::to_string).collect();
    match addresses.len() {
        0 => None,
        count if count > NAMED => Some(format!(
            "Taken over as it is, without a call: {} (--verbose lists them).",
            counted(count, "resource")
        )),
        _ => Some(format!("Taken over as it is, without a call: {}.", addresses.join(", "))),
    }
}

/// Returns the line about the declared resources that were found without a record.
pub(super) fn found(found: &BTreeMap<Address, String>) -> String {
    if found.len() > NAMED {
        return format!(
            "Found without a record: {} keys and consumers (--verbose lists them).",
            found.len()
        );
    }
    let addresses: Vec<String> = found.keys().map(ToString::to_string).collect();
    format!("Found without a record: {}.", addresses.join(", "))
}

/// Returns the lines about the aliases and tags that existed before the stack declared them.
pub(super) fn taken_with(all: &BTreeMap<Address, TakenOver>, verbose: bool) -> Vec<String> {
    if all.len() > NAMED && !verbose {
        let aliases: usize = all.values().map(|taken| taken.aliases.len()).sum();
        let tags: usize = all.values().map(|taken| taken.tags.len()).sum();
        return vec![format!(
            "Taken over with {} keys: {} and {} (--verbose lists them).",
            all.len(),
            counted(aliases, "alias"),
            counted(tags, "tag")
        )];
    }
    let lines = all.iter().map(|(key, taken)| {
        let tags = (!taken.tags.is_empty()).then(|| the_tags(&taken.tags));
        let names: Vec<String> = taken.aliases.iter().cloned().chain(tags).collect();
        printable(&format!("Taken over with {key}: {}.", names.join(", "))).into_owned()
    });
    lines.collect()
}

fn the_tags(tags: &BTreeSet<String>) -> String {
    let names: Vec<&str> = tags.iter().map(String::as_str).collect();
    format!("the {} {}", if names.len() == 1 { "tag" } else { "tags" }, names.join(", "))
}

/// Returns the lines about the tags that leave the configuration and stay in AWS, because they existed before.
pub(super) fn let_go(all: &BTreeMap<Address, BTreeSet<String>>, verbose: bool) -> Vec<String> {
    if all.len() > NAMED && !verbose {
        return vec![format!("Let go with {} keys: tags (--verbose lists them).", all.len())];
    }
    let lines = all
        .iter()
        .map(|(key, tags)| format!("Let go with {key}, kept in AWS: {}.", the_tags(tags)));
    lines.map(|line| printable(&line).into_owned()).collect()
}

/// Returns the line about the policies that differ from the configuration only in their text, if there are any.
pub(super) fn same_access(keys: &BTreeSet<Address>, verbose: bool) -> Option<String> {
    let addresses: Vec<String> = keys.iter().map(ToString::to_string).collect();
    let subject = match addresses.as_slice() {
        [] => return None,
        [key] => format!("The policy of {key} differs"),
        all if all.len() > NAMED && !verbose => {
            format!("The policies of {} keys (--verbose lists them) differ", all.len())
        }
        all => format!("The policies of {} differ", all.join(", ")),
    };
    Some(format!(
        "{subject} from the configuration only in the text. The access is the same, so no call is made \
         (`policy.text: exact` replaces the text)."
    ))
}
