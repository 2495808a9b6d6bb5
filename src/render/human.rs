//! Renders plans and drift reports as text for a terminal.

use super::access::{Line, Wording};
use super::blocks::{Block, folded};
use super::fields::Field;
use super::page::{BOLD, BOLD_RED, CYAN, DIM, GREEN, RED, YELLOW, put};
use super::{Caller, Style, drifted, findings, words};
use crate::id::{AccountId, Name, Place};
use crate::kind::{Address, Change, Spec};
use crate::plan::{Blocked, Drift, Drifts, Finding, Plan, Step};
use crate::policy::Document;
use crate::policy::lint::Severity;
use crate::text::{counted, printable, wrapped};
use std::collections::{BTreeMap, BTreeSet};

/// Renders the plan. The first line says where it would be applied, and the last line is a summary.
#[must_use]
pub fn plan(plan: &Plan, caller: &Caller, style: &Style) -> String {
    let shown = words::Shown::of(plan);
    let mut page = Page { home: &plan.home, style, out: String::new() };
    page.place(&plan.stack, caller);
    if let Some(roles) = words::roles(&plan.roles) {
        page.prose(0, 2, None, &roles);
        page.gap();
    }
    page.drift(drifted::CHANGED_OUTSIDE, &plan.drift);
    let (lossy, rest): (Vec<&Step>, Vec<&Step>) =
        plan.steps.iter().partition(|step| words::is_destructive(step));
    page.steps(&lossy, &shown);
    page.steps(&rest, &shown);
    page.elsewhere(&shown);
    page.findings(&plan.findings, style.verbose);
    page.unchecked(&plan.unchecked);
    page.found(&plan.found);
    page.taken(&plan.taken);
    let taken_with = words::taken_with(&plan.taken_with, style.verbose);
    for text in taken_with.into_iter().chain(words::let_go(&plan.let_go, style.verbose)) {
        page.prose(0, 2, None, &text);
    }
    page.same_access(&plan.same_access);
    page.blocked(&plan.blocked, "blocked");
    if let Some(gates) = words::gates(&plan.gates) {
        page.prose(0, 2, None, &gates);
    }
    page.prose(0, 2, None, &words::summary(plan));
    page.out
}

/// The number of new aliases that are written one by one.
const FEW_ALIASES: usize = 3;

/// Returns whether the step creates an alias.
fn is_new_alias(step: &Step) -> bool {
    matches!(step.change, Change::Create { to: Spec::Alias(_) })
}

/// Names a step among others: an alias with its key, and what is deleted with its id.
fn named(step: &Step) -> String {
    match (words::key_of_alias(step), words::deleted(step)) {
        (Some(key), _) => format!("{} of {key}", step.address),
        (None, Some(deleted)) if deleted.id != step.address.name => {
            format!("{} ({})", step.address, deleted.id)
        }
        (None, _) => step.address.to_string(),
    }
}

/// Renders blocked changes. The first line names the stack, its place and the caller.
#[must_use]
pub fn blocked(
    all: &[Blocked],
    (stack, home, caller): (&Name, &Place, &Caller),
    style: &Style,
) -> String {
    let mut page = Page { home, style, out: String::new() };
    page.place(stack, caller);
    page.blocked(all, "blocked");
    page.out
}

/// Returns the question before a plan is applied. It counts what may lose data, and names every place.
#[must_use]
pub fn question(plan: &Plan, caller: &Caller) -> String {
    let places: BTreeSet<&Place> = plan.steps.iter().map(|step| &step.place).collect();
    let mut regions: BTreeMap<&AccountId, Vec<&str>> = BTreeMap::new();
    for place in places {
        regions.entry(&place.account).or_default().push(place.region.as_str());
    }
    let accounts = regions.iter().map(|(account, regions)| {
        format!("account {}, {}", words::account_of(account, plan, caller), regions.join(" and "))
    });
    let place = accounts.collect::<Vec<_>>().join("; ");
    let changes = counted(plan.steps.len(), "change");
    let dangers = words::dangers(plan);
    format!("Apply {changes}{dangers} in {place}? Type `yes` to apply:")
}

/// Renders the drift report. The first line says what was compared, and the last line is a summary.
#[must_use]
pub fn drifts(drifts: &Drifts, caller: &Caller, style: &Style) -> String {
    let mut page = Page { home: &drifts.home, style, out: String::new() };
    page.place(&drifts.stack, caller);
    if let Some(text) = drifted::comparison(drifts) {
        page.prose(0, 0, None, &text);
    }
    page.drift(drifted::heading(drifts), &drifts.drift);
    page.findings(&drifts.findings, true);
    page.same_access(&drifts.same_access);
    page.blocked(&drifts.unreadable, "not compared");
    page.line(0, None, &drifted::difference(drifts));
    page.out
}

/// Returns the colour of a change.
fn color(change: &Change<Spec>) -> &'static str {
    match change {
        Change::Create { .. } => GREEN,
        Change::Update { .. } => YELLOW,
        Change::Delete { .. } => RED,
        Change::Import { .. } => CYAN,
        Change::Forget { .. } => DIM,
    }
}

struct Page<'a> {
    /// The account and Region that are not repeated at each step.
    home: &'a Place,
    style: &'a Style,
    out: String,
}

impl<'a> Page<'a> {
    fn line(&mut self, indent: usize, color: Option<&str>, text: &str) {
        put(&mut self.out, indent, self.style.paint(color), text);
    }

    /// Writes wrapped text. The lines after the first are indented by `hang` more columns.
    fn prose(&mut self, indent: usize, hang: usize, color: Option<&str>, text: &str) {
        for (at, line) in wrapped(text, indent, hang, self.style.width) {
            self.line(at, color, &line);
        }
    }

    /// Writes the account, the Region and the caller.
    fn place(&mut self, stack: &Name, caller: &Caller) {
        self.prose(0, 2, Some(BOLD), &words::place(stack, self.home, caller));
        self.gap();
    }

    fn gap(&mut self) {
        self.out.push('\n');
    }

    fn drift(&mut self, heading: &str, drift: &[Drift]) {
        if drift.is_empty() {
            return;
        }
        self.line(0, Some(YELLOW), &format!("{heading}:"));
        for drift in drift {
            self.line(2, None, &printable(&drift.address.to_string()));
            for alarm in drifted::alarms(drift) {
                self.prose(4, 2, Some(BOLD_RED), &format!("! {alarm}"));
            }
            for (before, after) in drifted::changed_policies(drift, self.home) {
                let changes = words::changes(before.as_ref(), after.as_ref(), self.home);
                for line in words::access_lines(&changes, self.wording()) {
                    self.access(&line);
                }
                if changes.is_empty() {
                    self.line(4, None, "policy: the text differs, access is the same");
                }
                self.diff(before.as_ref(), after.as_ref());
            }
            for text in drifted::fields(drift, self.style.verbose) {
                self.prose(4, 2, None, &text);
            }
            if let Some(ignored) = &drift.ignored {
                self.prose(4, 2, Some(YELLOW), ignored);
            }
        }
        self.gap();
    }

    fn fields(&mut self, fields: &[Field], change: &Change<Spec>) {
        for text in fields.iter().filter_map(|field| field.line(Some(change))) {
            self.prose(4, 2, None, &text);
        }
    }

    /// Returns the wording, in which identities of the stack's account are named without their account.
    fn wording(&self) -> Wording<'a> {
        Wording { account: Some(self.home.account.as_str()), verbose: self.style.verbose }
    }

    fn access(&mut self, line: &Line) {
        self.prose(4, 2, Some(line.color()), &format!("{} {}", line.sign, line.text));
    }

    fn diff(&mut self, before: Option<&Document>, after: Option<&Document>) {
        for line in words::diff(before, after) {
            let color = match line.chars().next() {
                Some('+') => Some(GREEN),
                Some('-') => Some(RED),
                Some('@') => Some(CYAN),
                Some(_) | None => None,
            };
            self.line(6, color, &line);
        }
    }

    /// Writes steps. Those that are alike are written once, with all their addresses.
    fn steps(&mut self, steps: &[&Step], shown: &words::Shown<'_>) {
        // Many new aliases are one step with the key of each.
        let aliases = steps.iter().filter(|step| is_new_alias(step)).count();
        let is_short = aliases > FEW_ALIASES && !self.style.verbose;
        let blocks =
            steps.iter().map(|step| self.block(step, shown, is_short && is_new_alias(step)));
        for block in folded(blocks.collect(), self.style.verbose) {
            let Some(first) = block.steps.first() else { continue };
            let (color, sign) = (color(&first.change), words::sign(&first.change));
            let is_short = is_short && is_new_alias(first);
            let head = &block.head;
            let title = match block.steps.as_slice() {
                [one] if !is_short => {
                    format!("{sign} {}  {head}", printable(&one.address.to_string()))
                }
                all => {
                    let names: Vec<String> = all.iter().map(|step| named(step)).collect();
                    let names = printable(&names.join(", ")).into_owned();
                    format!("{sign} {names}: {}", head.replace("  ", " "))
                }
            };
            self.prose(0, 2, Some(color), &title);
            if let ([one], true) = (block.steps.as_slice(), !is_short)
                && let Some((name, id)) = words::identifier(one)
            {
                self.prose(4, 2, None, &format!("{name}: {id}"));
            }
            self.fields(&block.fields, &first.change);
            if !block.differing.is_empty() {
                let paths = block.differing.join(", ");
                self.prose(4, 2, None, &format!("{paths}: {}", words::DIFFERING));
            }
            self.out.push_str(&block.rest);
        }
    }

    /// Renders a step. `is_short` leaves out all but the calls.
    fn block<'s>(&self, step: &'s Step, shown: &words::Shown<'_>, is_short: bool) -> Block<'s> {
        let mut page = Page { home: self.home, style: self.style, out: String::new() };
        let differing = step.fields.iter().filter(|field| !words::is_policy_part(&field.path));
        let mut fields = Field::all(differing.filter(|_| !is_short));
        if matches!(step.change, Change::Create { .. }) && !self.style.verbose {
            fields.retain(|field| !field.is_own_tag());
        }
        page.rest(step, shown);
        let (head, rest) = (self.action(step), page.out);
        Block { steps: vec![step], head, fields, differing: Vec::new(), rest }
    }

    /// Writes what follows the fields of a step: access, the policy, the calls and the risk.
    fn rest(&mut self, step: &Step, shown: &words::Shown<'_>) {
        let address = step.address.to_string();
        let access = shown.at(step);
        for line in words::planned_access(access, &address, self.wording()) {
            self.access(&line);
        }
        let policies = words::step_policies(step);
        if words::results_in_default(step) {
            self.default_policy(policies);
        } else if let Some((before, after)) = policies {
            self.policy(step, before, after, words::is_text_only(access));
        }
        let operations = words::operations(step);
        if !operations.is_empty() {
            self.prose(4, 2, Some(DIM), &format!("calls: {}", operations.join(", ")));
        }
        if let Some(risk) = &step.risk {
            self.prose(4, 2, Some(BOLD_RED), &format!("! {risk}"));
        }
        self.gap();
    }

    /// Returns the action of a step, its place if it is another one, and its reason.
    fn action(&self, step: &Step) -> String {
        let mut text = step.change.action().to_owned();
        if step.place.region != self.home.region {
            text.push_str("  in ");
            text.push_str(step.place.region.as_str());
        }
        if step.place.account != self.home.account {
            text.push_str("  in account ");
            text.push_str(step.place.account.as_str());
        }
        if !step.reason.is_empty() {
            text.push_str("  (");
            text.push_str(&printable(&step.reason));
            text.push(')');
        }
        text
    }

    /// Writes that a key gets AWS's default policy.
    fn default_policy(&mut self, policies: Option<(Option<&Document>, Option<&Document>)>) {
        self.prose(4, 2, None, &format!("policy: {}", words::DEFAULT_POLICY));
        match policies {
            Some((None, Some(after))) if self.style.verbose => {
                for line in words::pretty(after) {
                    self.line(6, None, &line);
                }
            }
            Some((Some(before), after)) => self.diff(Some(before), after),
            Some((None, _)) | None => {}
        }
    }

    fn policy(
        &mut self,
        step: &Step,
        before: Option<&Document>,
        after: Option<&Document>,
        same_access: bool,
    ) {
        match (&step.change, before, after) {
            (Change::Create { .. }, _, Some(after)) if self.style.verbose => {
                self.line(4, None, "policy:");
                for line in words::pretty(after) {
                    self.line(6, None, &line);
                }
            }
            (Change::Create { .. }, _, Some(after)) => {
                self.prose(4, 2, None, &format!("policy: {}", words::statements(after)));
            }
            (Change::Update { .. } | Change::Import { .. }, _, _) => {
                let text = if same_access {
                    "policy: the text changes, access does not change"
                } else {
                    "policy:"
                };
                self.line(4, None, text);
                self.diff(before, after);
            }
            (Change::Delete { .. } | Change::Forget { .. }, Some(before), _)
                if self.style.verbose =>
            {
                self.line(4, None, "policy:");
                for line in words::pretty(before) {
                    self.line(6, None, &line);
                }
            }
            (Change::Create { .. } | Change::Delete { .. } | Change::Forget { .. }, _, _) => {}
        }
    }

    fn elsewhere(&mut self, shown: &words::Shown<'_>) {
        if shown.elsewhere.is_empty() {
            return;
        }
        self.line(0, None, "Access:");
        for (key, access) in shown.elsewhere_by_key() {
            self.line(2, None, &printable(key));
            for line in words::planned_access(&access, key, self.wording()) {
                self.access(&line);
            }
        }
        self.gap();
    }

    /// Writes findings, those that are alike once. `all` names every resource.
    fn findings(&mut self, findings: &[Finding], all: bool) {
        if findings.is_empty() {
            return;
        }
        self.line(0, None, "Findings:");
        for group in findings::of_plan(findings) {
            let color = match group.severity {
                Severity::Error => RED,
                Severity::Warning => YELLOW,
                Severity::Note => DIM,
            };
            let text = format!("{} {}", group.head(), group.text(all));
            self.prose(2, 2, Some(color), &text);
        }
        self.gap();
    }

    fn unchecked(&mut self, unchecked: &[String]) {
        if unchecked.is_empty() {
            return;
        }
        self.line(0, None, "Not checked:");
        for text in unchecked {
            self.prose(2, 2, Some(YELLOW), text);
        }
        self.gap();
    }

    fn found(&mut self, found: &BTreeMap<Address, String>) {
        if found.is_empty() {
            return;
        }
        if self.style.verbose {
            self.line(0, None, "Found without a record:");
            for (address, id) in found {
                self.prose(2, 2, None, &format!("{address}: {id}"));
            }
        } else {
            self.prose(0, 2, None, &words::found(found));
        }
        self.gap();
    }

    fn taken(&mut self, taken: &BTreeMap<Address, String>) {
        if self.style.verbose && !taken.is_empty() {
            self.line(0, None, "Taken over as it is, without a call:");
            for (address, id) in taken {
                self.prose(2, 2, None, &format!("{address}: {id}"));
            }
            self.gap();
        } else if let Some(text) = words::taken(taken) {
            self.prose(0, 2, None, &text);
            self.gap();
        }
    }

    fn same_access(&mut self, keys: &BTreeSet<Address>) {
        if let Some(text) = words::same_access(keys, self.style.verbose) {
            self.prose(0, 2, None, &text);
            self.gap();
        }
    }

    /// Writes blocked changes. Those with the same reason are written once.
    fn blocked(&mut self, all: &[Blocked], word: &str) {
        for (addresses, blocked) in words::blocked(all) {
            let names: Vec<String> = addresses.iter().map(ToString::to_string).collect();
            let header = format!("! {}  {word}", printable(&names.join(", ")));
            self.prose(0, 2, Some(BOLD_RED), &header);
            let reason = match blocked.field.as_str() {
                "" => blocked.reason.clone(),
                field => format!("{field}: {}", blocked.reason),
            };
            self.prose(4, 2, None, &reason);
            if !blocked.help.is_empty() {
                self.prose(4, 2, None, &format!("help: {}", blocked.help));
            }
            self.gap();
        }
    }
}
