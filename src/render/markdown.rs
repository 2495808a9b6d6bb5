//! Renders plans and drift reports as GitHub Markdown, within the size limit of a comment.

use super::access::Wording;
use super::access_lines::Sentence;
use super::blocks::{Block, folded};
use super::comment::{Part, Weight, cut, fit};
use super::fields::{Field, or_unset};
use super::{Caller, drifted, findings, words};
use crate::id::{Name, Place};
use crate::kind::{Address, Change, Kind};
use crate::plan::{Blocked, Drift, Drifts, Finding, Plan, Step};
use crate::policy::AccessChange;
use crate::policy::access::{ChangeKind, Direction, Level, PrincipalAccount};
use crate::policy::lint::Severity;
use crate::text::{printable, some_of};
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// Renders the plan as a comment. It begins with a hidden marker by which a workflow finds its comment.
#[must_use]
pub fn plan(plan: &Plan, caller: &Caller) -> String {
    let mut out = format!("<!-- kmsctl:plan:{} -->\n", plan.stack);
    out.push_str(&heading(&plan.stack, &plan.home, caller));
    let _ = writeln!(out, "**{}**\n", prose(&cut(&words::summary(plan), LONGEST_LINE)));
    if let Some(roles) = words::roles(&plan.roles) {
        let _ = writeln!(out, "{}\n", prose(&cut(&roles, LONGEST_LINE)));
    }
    let shown = words::Shown::of(plan);
    let mut parts = Vec::new();
    parts.extend(blocked("Blocked", &plan.blocked));
    // An error, such as public access by a key that is blocked, must not be the last thing on the page.
    let (errors, others): (Vec<Finding>, Vec<Finding>) =
        plan.findings.iter().cloned().partition(|found| found.severity == Severity::Error);
    parts.extend(found("Errors", &errors, &plan.home));
    let changes = by_address(plan, &shown);
    parts.extend(losses(plan, &changes));
    parts.extend(access(&changes, &plan.home));
    parts.extend(drift(drifted::CHANGED_OUTSIDE, &plan.drift, &plan.home));
    parts.extend(steps(plan, &shown));
    parts.extend(found("Findings", &others, &plan.home));
    parts.extend(unchecked(&plan.unchecked).map(|text| Part::plain(text, "Not checked: left out")));
    let found = (!plan.found.is_empty()).then(|| words::found(&plan.found));
    parts.extend(found.map(|text| note(&text, "Found without a record: left out")));
    let taken = words::taken(&plan.taken);
    parts.extend(taken.map(|text| note(&text, "Taken over without a call: left out")));
    let taken_with = words::taken_with(&plan.taken_with, false);
    parts.extend(taken_with.iter().map(|text| note(text, "Taken over: left out")));
    let let_go = words::let_go(&plan.let_go, false);
    parts.extend(let_go.iter().map(|text| note(text, "Let go: left out")));
    parts.extend(same_access(&plan.same_access));
    let gates = words::gates(&plan.gates);
    parts.extend(gates.map(|text| note(&text, "Gates in force: left out")));
    fit(out, &parts, "kmsctl plan")
}

/// Renders the drift report as a comment.
#[must_use]
pub fn drifts(drifts: &Drifts, caller: &Caller) -> String {
    let mut out = format!("<!-- kmsctl:drift:{} -->\n", drifts.stack);
    out.push_str(&heading(&drifts.stack, &drifts.home, caller));
    let _ = writeln!(out, "**{}**\n", prose(&drifted::difference(drifts)));
    if let Some(text) = drifted::comparison(drifts) {
        let _ = writeln!(out, "{}\n", prose(&text));
    }
    let mut parts = Vec::new();
    parts.extend(blocked("Not compared", &drifts.unreadable));
    parts.extend(drift(drifted::heading(drifts), &drifts.drift, &drifts.home));
    parts.extend(found("Findings", &drifts.findings, &drifts.home));
    parts.extend(same_access(&drifts.same_access));
    fit(out, &parts, "kmsctl drift")
}

/// Returns the heading with the stack, the account, the Region and the caller.
fn heading(stack: &Name, home: &Place, caller: &Caller) -> String {
    let account = words::account(&home.account, caller);
    let mut out = format!("## {}\n\n", prose(&format!("{stack}: {account}, {}", home.region)));
    if let Some(arn) = &caller.arn {
        let _ = writeln!(out, "As {}\n", code(arn));
    }
    out
}

/// Returns a line of text as a part; `line` stands for it if there is no room.
fn note(text: &str, line: &str) -> Part {
    Part::plain(format!("{}\n\n", sentence(text)), line)
}

/// Returns the note about the policies that differ only in their text.
fn same_access(keys: &BTreeSet<Address>) -> Option<Part> {
    let text = words::same_access(keys, false)?;
    Some(note(&text, "Policies that differ only in the text: left out"))
}

/// Escapes text so that no part of it is Markdown, HTML, a link or a mention.
fn prose(text: &str) -> String {
    let mut out = String::new();
    for c in printable(text).chars() {
        match c {
            // GitHub finds mentions and references after it decodes entities. A zero-width space
            // separates the sign from the name.
            '@' | '#' => {
                let _ = write!(out, "&#{};&#8203;", u32::from(c));
            }
            ' ' | '-' | '/' | ',' | ';' | '=' | '+' | '.' | '?' | '(' | ')' => out.push(c),
            c if c.is_ascii_punctuation() => {
                let _ = write!(out, "&#{};", u32::from(c));
            }
            c => out.push(c),
        }
    }
    // The extension for bare links matches a literal `www.` or `://`; the colon is already an entity.
    let mut safe = String::new();
    let mut after_w = false;
    for c in out.chars() {
        if c == '.' && after_w {
            safe.push_str("&#46;");
        } else {
            safe.push(c);
        }
        after_w = matches!(c, 'w' | 'W');
    }
    safe
}

/// Escapes a sentence like [`prose`]. What stands between two backticks becomes code.
fn sentence(text: &str) -> String {
    let pieces: Vec<&str> = text.split('`').collect();
    let last = pieces.len() - 1;
    let mut out = String::new();
    for (n, piece) in pieces.iter().enumerate() {
        match n % 2 {
            // A backtick without a second one is a character.
            1 if n == last => out.push_str(&prose(&format!("`{piece}"))),
            1 => out.push_str(&code(piece)),
            _ => out.push_str(&prose(piece)),
        }
    }
    out
}

/// Returns escaped text in a code element. Unlike backticks, the text cannot end it.
fn code(text: &str) -> String {
    format!("<code>{}</code>", prose(text))
}

/// Returns lines in a code fence that is longer than any run of backticks in them.
fn fence(language: &str, lines: &[String]) -> String {
    let mut longest = 0_usize;
    for line in lines {
        let mut run = 0_usize;
        for c in line.chars() {
            run = if c == '`' { run + 1 } else { 0 };
            longest = longest.max(run);
        }
    }
    let ticks = "`".repeat((longest + 1).max(3));
    // The lines are JSON, and these are JSON escapes. No HTML could appear even outside of the fence.
    let body = lines.join("\n").replace('<', "\\u003c").replace('>', "\\u003e");
    format!("{ticks}{language}\n{body}\n{ticks}\n\n")
}

fn wording(home: &Place) -> Wording<'_> {
    Wording { account: Some(home.account.as_str()), verbose: false }
}

/// The largest number of characters of the first lines of a comment.
const LONGEST_LINE: usize = 2_000;
/// The largest number of characters of a risk, an alarm or a message in a line.
const LONGEST_RISK: usize = 300;
/// The largest number of characters of a field that differs, in a line.
const LONGEST_FIELD: usize = 100;
/// The largest number of resources that a danger names; others are another danger.
const TOGETHER: usize = 50;

/// What is said of resources, escaped, in whole and with a limited length.
#[derive(PartialEq)]
struct Said {
    whole: String,
    brief: String,
    weight: Weight,
}

impl Said {
    /// Renders a sentence about access.
    fn access(sentence: &Sentence, home: &Place) -> Self {
        let text = |text: &str| code(&format!("{} {text}", sentence.line.sign));
        let (whole, brief) = (text(&sentence.line.text), text(&sentence.brief));
        Self { whole, brief, weight: weight(&sentence.change, home) }
    }

    /// Renders sentences that stand out.
    fn bold<'a>(texts: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut said = Self { whole: String::new(), brief: String::new(), weight: Weight::Danger };
        for (whole, brief) in texts {
            let _ = write!(said.whole, ": **{}**", sentence(whole));
            let _ = write!(said.brief, ": **{}**", sentence(brief));
        }
        said
    }

    /// Renders risks or alarms.
    fn risks(texts: &[String]) -> Self {
        let cut: Vec<Cow<'_, str>> = texts.iter().map(|text| cut(text, LONGEST_RISK)).collect();
        Self::bold(texts.iter().map(String::as_str).zip(cut.iter().map(Cow::as_ref)))
    }

    /// Returns whether it names its resources itself, because it must stand without anything else.
    fn is_danger(&self) -> bool {
        self.weight >= Weight::Context
    }

    /// Returns the line that begins with `start`.
    fn part(&self, start: &str) -> Part {
        let whole = format!("{start}{}\n", self.whole);
        let line = format!("{start}{}\n", self.brief);
        Part { short: whole.clone(), whole, line, weight: self.weight }
    }
}

/// Adds a resource to those of which the same is said. Each danger names few enough to fit into a comment.
fn add<T: PartialEq>(alike: &mut Vec<(T, Vec<String>)>, said: T, name: String, is_danger: bool) {
    let has_room = |names: &Vec<String>| !is_danger || names.len() < TOGETHER;
    match alike.iter_mut().find(|(same, names)| *same == said && has_room(names)) {
        Some((_, names)) => names.push(name),
        None => alike.push((said, vec![name])),
    }
}

/// Renders the steps that delete something or have a risk, and public access. Steps with the same risks are one line.
/// What holds data or encrypts it comes first.
fn losses(plan: &Plan, changes: &[Changes]) -> Vec<Part> {
    let mut alike: Vec<((&str, Said), Vec<String>)> = Vec::new();
    for Changes { address, sentences } in changes {
        for public in sentences.iter().filter(|sentence| sentence.change.public) {
            let said = Said::bold([(public.line.text.as_str(), public.brief.as_str())]);
            add(&mut alike, ("", said), code(address), true);
        }
    }
    let holds_data =
        |step: &Step| step.address.kind == Kind::Key || step.address.kind.is_consumer();
    let risky = plan.steps.iter().filter(|step| words::is_destructive(step));
    let (first, last): (Vec<&Step>, Vec<&Step>) = risky.partition(|step| holds_data(step));
    for step in first.into_iter().chain(last) {
        let said = Said::risks(step.risk.as_slice());
        let name = code(&step.address.to_string());
        add(&mut alike, (step.change.action(), said), name, true);
    }
    let parts = alike.iter().map(|((action, said), names)| {
        let action = if action.is_empty() { String::new() } else { format!("{action} ") };
        said.part(&format!("- {action}{}", names.join(", ")))
    });
    headed("Deletions and risks", parts.collect())
}

/// The access changes that are shown at an address.
struct Changes {
    address: String,
    sentences: Vec<Sentence>,
}

/// Returns the access changes by the address at which they are shown.
fn by_address(plan: &Plan, shown: &words::Shown<'_>) -> Vec<Changes> {
    let at = plan.steps.iter().map(|step| (step.address.to_string(), shown.at(step).to_vec()));
    let elsewhere = shown.elsewhere_by_key().into_iter();
    let elsewhere = elsewhere.map(|(key, access)| (key.to_owned(), access));
    let all = at.chain(elsewhere).filter(|(_, access)| !access.is_empty());
    let changes = all.map(|(address, access)| {
        let sentences = words::planned_sentences(&access, &address, wording(&plan.home));
        Changes { address, sentences }
    });
    changes.collect()
}

/// Puts a heading before parts, and an empty line after them.
fn headed(heading: &str, parts: Vec<Part>) -> Vec<Part> {
    let Some(weight) = parts.iter().map(|part| part.weight.min(Weight::Context)).max() else {
        return parts;
    };
    let title = Part::fixed(&format!("### {}\n\n", prose(heading)), weight);
    let end = Part::fixed("\n", weight);
    [title].into_iter().chain(parts).chain([end]).collect()
}

/// Returns how much a reviewer must see a change of access: strangers come before identities of the own account and
/// before services that act only under a condition. A key that nobody can use is as bad as a deleted one.
pub(super) fn weight(change: &AccessChange, home: &Place) -> Weight {
    let principal = change.principal.as_str();
    let is_own = change.account() == PrincipalAccount::Account(home.account.as_str());
    let is_of_all = principal == "*"
        || principal.starts_with("every ") && !principal.contains(" that matches ")
        || is_own && principal.ends_with(":root");
    // The ids of deleted identities have neither dots nor blanks.
    let is_service =
        change.account() == PrincipalAccount::NoAccount && principal.contains(['.', ' ']);
    let is_limited =
        is_service && !change.confused_deputy && is_limited_to(change.condition.as_deref(), home);
    match (change.kind, change.direction) {
        _ if change.public => Weight::Danger,
        (ChangeKind::Future, Direction::Lost) => Weight::Detail,
        (_, Direction::Lost) if is_of_all || change.to == Level::ExplicitlyDenied => Weight::Danger,
        // Some of what moves is gained.
        (ChangeKind::Moved | ChangeKind::Changed, _) | (_, Direction::Gained) => {
            if is_own || is_limited { Weight::Notice } else { Weight::Danger }
        }
        (_, Direction::Lost) => Weight::Detail,
    }
}

/// Returns whether a condition in words limits a service to resources of the own account: it names the account and no
/// other one, and every part of it must be met.
fn is_limited_to(condition: Option<&str>, home: &Place) -> bool {
    let Some(condition) = condition else {
        return false;
    };
    let account = home.account.as_str();
    // The account itself, or that of an ARN: no wildcard before it stands for other colons.
    let is_own = |value: &str| {
        let fields: Vec<&str> = value.splitn(6, ':').collect();
        let is_exact = |field: &&str| *field == "*" || !field.contains(['*', '?']);
        value == account
            || fields.len() == 6
                && fields.get(4) == Some(&account)
                && fields.iter().take(4).all(is_exact)
    };
    let is_limit = |part: &str| {
        let values = part.split_once(" = ").or_else(|| part.split_once(" like "));
        ["aws:SourceAccount ", "aws:SourceArn "].iter().any(|key| part.starts_with(key))
            && values.is_some_and(|(_, values)| values.split(" | ").all(is_own))
    };
    // A value can have the words between tests and between values. No test may be about other sources.
    let words = [" or ", "not ", "!=", "if present"];
    let is_open = words.iter().any(|word| condition.contains(word))
        || condition.contains(" and ") && condition.contains(" | ");
    let mut parts = condition.split(" and ");
    let is_harmless = |part: &str| is_limit(part) || part.starts_with("kms:");
    parts.clone().all(is_harmless)
        && parts.any(is_limit)
        && !is_open
        && !names_stranger(condition, home)
}

/// Returns whether a text names another account than the own one: 12 digits.
fn names_stranger(text: &str, home: &Place) -> bool {
    let numbers = text.split(|c: char| !c.is_ascii_digit());
    numbers.filter(|number| number.len() == 12).any(|number| number != home.account.as_str())
}

/// Renders the access that principals gain and lose, by the resource for which it changes.
fn access(changes: &[Changes], home: &Place) -> Vec<Part> {
    // The same changes of several keys are written once.
    let mut alike: Vec<(Vec<Said>, Vec<String>)> = Vec::new();
    for Changes { address, sentences } in changes {
        let said: Vec<Said> = sentences
            .iter()
            .map(|sentence| {
                let said = Said::access(sentence, home);
                // It stands among the risks as well.
                if sentence.change.public { Said { weight: Weight::Context, ..said } } else { said }
            })
            .collect();
        let is_danger = said.iter().any(Said::is_danger);
        add(&mut alike, said, code(address), is_danger);
    }
    let mut parts = Vec::new();
    for (all, names) in alike {
        // The sentences matter more than the names, which the list of the changes has as well.
        let some = format!("- {}\n", some_of(&names, words::NAMED));
        let names = names.join(", ");
        let (dangers, rest): (Vec<Said>, Vec<Said>) = all.into_iter().partition(Said::is_danger);
        parts.extend(dangers.iter().map(|said| said.part(&format!("- {names}: "))));
        let head = Part {
            whole: format!("- {names}\n"),
            short: some.clone(),
            line: some,
            weight: Weight::Notice,
        };
        parts.extend(below(head, "  ", &rest));
    }
    headed("Access", parts)
}

/// Renders sentences below a head, if there are any.
fn below(head: Part, indent: &str, said: &[Said]) -> Vec<Part> {
    let Some(weight) = said.iter().map(|said| said.weight).max() else {
        return Vec::new();
    };
    let sentences = said.iter().map(|said| said.part(&format!("{indent}- ")));
    [Part { weight, ..head }].into_iter().chain(sentences).collect()
}

/// Renders the steps, folded. Those that are alike are one part.
fn steps(plan: &Plan, shown: &words::Shown<'_>) -> Vec<Part> {
    let blocks = plan.steps.iter().map(|step| block(plan, shown, step)).collect();
    folded(blocks, false).iter().map(part).collect()
}

/// Renders a step without its address.
fn block<'a>(plan: &Plan, shown: &words::Shown<'_>, step: &'a Step) -> Block<'a> {
    let mut head = step.change.action().to_owned();
    if step.place.region != plan.home.region {
        let _ = write!(head, " in {}", prose(step.place.region.as_str()));
    }
    if step.place.account != plan.home.account {
        let _ = write!(head, " in account {}", step.place.account);
    }
    if !step.reason.is_empty() {
        let _ = write!(head, " ({})", prose(&step.reason));
    }
    let mut rest = String::new();
    if words::results_in_default(step) {
        let _ = writeln!(rest, "Policy: {}\n", prose(words::DEFAULT_POLICY));
    }
    if let Some((before, after)) = words::step_policies(step) {
        let is_same = words::is_text_only(shown.at(step)) && before.is_some() && after.is_some();
        if is_same {
            rest.push_str("Policy: the text changes, access does not change.\n\n");
        }
        let lines = words::diff(before, after);
        if !lines.is_empty() {
            rest.push_str(&fence("diff", &lines));
        }
    }
    let operations = words::operations(step);
    if !operations.is_empty() {
        let _ = writeln!(rest, "Calls: {}\n", code(&operations.join(", ")));
    }
    Block { steps: vec![step], head, fields: fields(step), differing: Vec::new(), rest }
}

/// Returns the fields of the table of a step.
fn fields(step: &Step) -> Vec<Field> {
    let is_new = matches!(step.change, Change::Create { .. });
    let mut fields =
        Field::all(step.fields.iter().filter(|field| !words::is_policy_part(&field.path)));
    fields.retain(|field| field.before != field.after && !(is_new && field.is_own_tag()));
    fields
}

/// Renders a block, with its fields, the difference of its policy and its calls. Its summary names some of the steps.
fn part(block: &Block<'_>) -> Part {
    let names: Vec<String> =
        block.steps.iter().map(|step| code(&step.address.to_string())).collect();
    let (all, head, title) = (names.join(", "), &block.head, some_of(&names, words::NAMED));
    let listed: Vec<String> = block.steps.iter().map(|step| identified(step)).collect();
    let mut fields = block.fields.clone();
    let list = match block.steps.as_slice() {
        [one] => {
            let field = |(path, id): (&str, String)| Field {
                path: path.to_owned(),
                before: Some(id),
                after: None,
            };
            fields.extend(words::identifier(one).map(field));
            String::new()
        }
        _ if listed == names && title == all => String::new(),
        _ => format!("{}\n\n", listed.join(", ")),
    };
    // The sign stands apart, so that no line ends between the sign and an address.
    let sign = block.steps.first().map_or(' ', |step| words::sign(&step.change));
    let sign = code(&sign.to_string());
    let mut out =
        format!("<details><summary>{sign} {title} {head}</summary>\n\n{list}{}", table(&fields));
    if !block.differing.is_empty() {
        let paths: Vec<String> = block.differing.iter().map(|path| code(path)).collect();
        let _ = writeln!(out, "{}: {}\n", paths.join(", "), prose(words::DIFFERING));
    }
    out.push_str(&block.rest);
    out.push_str("</details>\n\n");
    let action = block.steps.first().map_or("", |step| step.change.action());
    Part {
        whole: out,
        short: format!("- {all} {action}\n"),
        line: format!("- {} {action}\n", some_of(&names, words::NAMED)),
        weight: Weight::Harmless,
    }
}

/// Names a step with the key of an alias, or with AWS's id of what is deleted.
fn identified(step: &Step) -> String {
    let name = code(&step.address.to_string());
    match (words::key_of_alias(step), words::deleted(step)) {
        (Some(key), _) => format!("{name} of {}", code(&key.to_string())),
        (None, Some(deleted)) if deleted.id != step.address.name => {
            format!("{name} {}", code(&deleted.id))
        }
        (None, _) => name,
    }
}

fn table(fields: &[Field]) -> String {
    let mut rows = String::new();
    for field in fields {
        let (before, after) = (or_unset(&field.before), or_unset(&field.after));
        let _ = writeln!(rows, "| {} | {} | {} |", code(&field.path), code(before), code(after));
    }
    if rows.is_empty() {
        return rows;
    }
    format!("| Field | Before | After |\n| --- | --- | --- |\n{rows}\n")
}

fn blocked(heading: &str, all: &[Blocked]) -> Vec<Part> {
    let parts = words::blocked(all).into_iter().map(|(addresses, blocked)| {
        let names: Vec<String> =
            addresses.iter().map(|address| code(&address.to_string())).collect();
        let field = match blocked.field.as_str() {
            "" => String::new(),
            field => format!(" {}", code(field)),
        };
        let reason = |names: &str, most| {
            format!("- {names}{field}: {}\n", sentence(&cut(&blocked.reason, most)))
        };
        let mut whole = reason(&names.join(", "), usize::MAX);
        if !blocked.help.is_empty() {
            let _ = writeln!(whole, "  Help: {}", sentence(&blocked.help));
        }
        let line = reason(&some_of(&names, words::NAMED), LONGEST_RISK);
        Part { short: whole.clone(), whole, line, weight: Weight::Notice }
    });
    headed(heading, parts.collect())
}

/// Renders the differences between AWS and the records. What is dangerous stands in lines of its own.
fn drift(heading: &str, all: &[Drift], home: &Place) -> Vec<Part> {
    headed(heading, all.iter().flat_map(|drift| differences(drift, home)).collect())
}

/// Renders the differences of one resource: dangers first, each with the address.
fn differences(drift: &Drift, home: &Place) -> Vec<Part> {
    let name = code(&drift.address.to_string());
    let (mut dangers, mut rest) = (Vec::new(), Vec::new());
    for (before, after) in drifted::changed_policies(drift, home) {
        let changes = words::changes(before.as_ref(), after.as_ref(), home);
        let sentences = words::access_sentences(&changes, wording(home));
        let all = sentences.iter().map(|sentence| Said::access(sentence, home));
        let (dangerous, others): (Vec<Said>, Vec<Said>) = all.partition(Said::is_danger);
        let policy = Part::fixed(&format!("  - {}\n", code(words::POLICY)), Weight::Notice);
        if dangerous.is_empty() && others.is_empty() {
            rest.push(policy);
        } else {
            rest.extend(below(policy, "    ", &others));
        }
        dangers.extend(dangerous.iter().map(|said| said.part(&format!("- {name}: "))));
    }
    let texts = drifted::fields(drift, false);
    let fields = |most| -> String {
        texts.iter().map(|text| format!("  - {}\n", code(&cut(text, most)))).collect()
    };
    if !texts.is_empty() {
        let (whole, line) = (fields(usize::MAX), fields(LONGEST_FIELD));
        rest.push(Part { short: whole.clone(), whole, line, weight: Weight::Detail });
    }
    let ignored = drift.ignored.iter().map(|text| format!("  - {}\n", sentence(text)));
    rest.extend(ignored.map(|text| Part::fixed(&text, Weight::Notice)));
    let alarms = drifted::alarms(drift);
    if !alarms.is_empty() {
        dangers.push(Said::risks(&alarms).part(&format!("- {name}")));
    } else if dangers.is_empty() || !rest.is_empty() {
        dangers.push(Part::fixed(&format!("- {name}\n"), Weight::Notice));
    }
    dangers.into_iter().chain(rest).collect()
}

fn unchecked(all: &[String]) -> Option<String> {
    let mut out = "### Not checked\n\n".to_owned();
    for text in all {
        let _ = writeln!(out, "- {}", sentence(text));
    }
    out.push('\n');
    (!all.is_empty()).then_some(out)
}

fn found(heading: &str, all: &[Finding], home: &Place) -> Vec<Part> {
    let mut parts = Vec::new();
    for group in findings::of_plan(all) {
        let head = code(&group.head());
        let line =
            |group: &findings::Group<'_>, all| format!("- {head} {}\n", sentence(&group.text(all)));
        if group.severity == Severity::Error || names_stranger(&group.message, home) {
            for some in group.parts(TOGETHER) {
                let whole = line(&some, true);
                let message = cut(&some.message, LONGEST_RISK).into_owned();
                let line = line(&findings::Group { message, ..some }, true);
                let weight = Weight::Danger;
                parts.push(Part { short: whole.clone(), whole, line, weight });
            }
        } else {
            let names: Vec<String> = group.addresses.iter().map(|name| code(name)).collect();
            parts.push(Part {
                whole: line(&group, true),
                short: line(&group, false),
                line: format!("- {head} {}\n", some_of(&names, words::NAMED)),
                weight: Weight::Notice,
            });
        }
    }
    headed(heading, parts)
}
