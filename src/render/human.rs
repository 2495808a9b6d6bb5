//! Renders plans and drift reports as text for a terminal.

use super::access::{Line, Wording};
use super::fields::Field;
use super::page::{BOLD, BOLD_RED, CYAN, DIM, GREEN, RED, YELLOW, put, wrapped};
use super::{Caller, Style, findings, words};
use crate::id::{Name, Place};
use crate::kind::{Address, Change, KeyRef, Spec};
use crate::plan::{Blocked, Drift, Drifts, Finding, Plan, Step};
use crate::policy::Document;
use crate::policy::lint::Severity;
use crate::text::printable;
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
    page.drift(words::CHANGED_OUTSIDE, &plan.drift);
    let (lossy, rest): (Vec<&Step>, Vec<&Step>) =
        plan.steps.iter().partition(|step| words::is_destructive(step));
    page.steps(&lossy, &shown);
    page.steps(&rest, &shown);
    page.elsewhere(&shown);
    page.findings(&plan.findings);
    page.unchecked(&plan.unchecked);
    page.found(&plan.found);
    page.taken(&plan.taken);
    for text in words::taken_with(&plan.taken_with, style.verbose) {
        page.prose(0, 2, None, &text);
    }
    page.same_access(&plan.same_access);
    for blocked in &plan.blocked {
        page.blocked(blocked, "blocked");
    }
    if let Some(gates) = words::gates(&plan.gates) {
        page.prose(0, 2, None, &gates);
    }
    page.line(0, None, &words::summary(plan));
    page.out
}

/// The number of new aliases that are written one by one.
const FEW_ALIASES: usize = 3;

/// Returns the key of an alias that is created.
fn new_alias(step: &Step) -> Option<&KeyRef> {
    match &step.change {
        Change::Create { to: Spec::Alias(alias) } => Some(&alias.target),
        Change::Create { .. }
        | Change::Update { .. }
        | Change::Import { .. }
        | Change::Delete { .. }
        | Change::Forget { .. } => None,
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
    for blocked in all {
        page.blocked(blocked, "blocked");
    }
    page.out
}

/// Returns the question before a plan is applied.
#[must_use]
pub fn question(plan: &Plan, caller: &Caller) -> String {
    let account = words::account(&plan.home.account, caller);
    format!("Apply these changes in account {account}? Only `yes` applies them:")
}

/// Renders the drift report. The first line says what was compared, and the last line is a summary.
#[must_use]
pub fn drifts(drifts: &Drifts, caller: &Caller, style: &Style) -> String {
    let mut page = Page { home: &drifts.home, style, out: String::new() };
    page.place(&drifts.stack, caller);
    if let Some(text) = words::comparison(drifts) {
        page.prose(0, 0, None, &text);
    }
    page.drift(words::heading(drifts), &drifts.drift);
    page.findings(&drifts.findings);
    page.same_access(&drifts.same_access);
    for unreadable in &drifts.unreadable {
        page.blocked(unreadable, "not compared");
    }
    page.line(0, None, &words::difference(drifts));
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
            let policies = drift.fields.iter().filter_map(|f| words::policies(f, self.home));
            for (before, after) in policies {
                let changes = words::changes(before.as_ref(), after.as_ref(), self.home);
                for line in words::access_lines(&changes, self.wording()) {
                    self.access(&line);
                }
                if changes.is_empty() {
                    self.line(4, None, "policy: the text differs, access is the same");
                }
                self.diff(before.as_ref(), after.as_ref());
            }
            let others = drift.fields.iter().filter(|field| field.path != words::POLICY);
            self.fields(&Field::all(others), None);
            if let Some(ignored) = &drift.ignored {
                self.prose(4, 2, Some(YELLOW), ignored);
            }
        }
        self.gap();
    }

    fn fields(&mut self, fields: &[Field], change: Option<&Change<Spec>>) {
        for text in fields.iter().filter_map(|field| field.line(change)) {
            self.line(4, None, &text);
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
        let mut alike: BTreeMap<(String, String), (usize, Vec<&Step>)> = BTreeMap::new();
        // Many new aliases are one step with the key of each.
        let aliases = steps.iter().filter(|step| new_alias(step).is_some()).count();
        let is_short =
            |step: &Step| aliases > FEW_ALIASES && !self.style.verbose && new_alias(step).is_some();
        for (at, step) in steps.iter().enumerate() {
            let mut page = Page { home: self.home, style: self.style, out: String::new() };
            match is_short(step) {
                true => page.line(4, Some(DIM), "calls: CreateAlias\n"),
                false => page.body(step, shown),
            }
            let same = alike.entry((self.action(step), page.out)).or_insert((at, Vec::new()));
            same.1.push(step);
        }
        let mut alike: Vec<_> = alike.into_iter().collect();
        alike.sort_by_key(|(_, (first, _))| *first);
        for ((head, body), (_, all)) in alike {
            let Some(first) = all.first() else { continue };
            let color = color(&first.change);
            let sign = words::sign(&first.change);
            let named = |step: &&Step| match new_alias(step).filter(|_| aliases > FEW_ALIASES) {
                Some(key) if !self.style.verbose => format!("{} of {key}", step.address),
                Some(_) | None => step.address.to_string(),
            };
            let names: Vec<String> = all.iter().map(named).collect();
            let names = printable(&names.join(", ")).into_owned();
            match all.as_slice() {
                [_] => self.line(0, Some(color), &format!("{sign} {names}  {head}")),
                [..] => self.prose(0, 2, Some(color), &format!("{sign} {names}: {head}")),
            }
            self.out.push_str(&body);
        }
    }

    fn body(&mut self, step: &Step, shown: &words::Shown<'_>) {
        let differing = step.fields.iter().filter(|field| !words::is_policy_part(&field.path));
        let mut fields = Field::all(differing);
        if matches!(step.change, Change::Create { .. }) && !self.style.verbose {
            fields.retain(|field| !field.is_own_tag());
        }
        self.fields(&fields, Some(&step.change));
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
        if let Some(text) = words::deletion(step) {
            self.line(4, Some(RED), &text);
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

    fn findings(&mut self, findings: &[Finding]) {
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
            let text = format!("{} {}", group.head(), group.text(self.style.verbose));
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

    fn blocked(&mut self, blocked: &Blocked, word: &str) {
        let header = format!("! {}  {word}", printable(&blocked.address.to_string()));
        self.line(0, Some(BOLD_RED), &header);
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
