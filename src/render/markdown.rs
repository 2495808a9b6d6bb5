//! Renders plans and drift reports as GitHub Markdown, within the size limit of a comment.

use super::access::{Line, Wording};
use super::blocks::{Block, folded};
use super::comment::{Part, Weight, fit};
use super::fields::{Field, or_unset};
use super::{Caller, drifted, findings, words};
use crate::id::{Name, Place};
use crate::kind::{Address, Change, Kind};
use crate::plan::{Access, Blocked, Drift, Drifts, Finding, Plan, Step};
use crate::policy::AccessChange;
use crate::policy::access::Direction;
use crate::policy::lint::Severity;
use crate::text::printable;
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// Renders the plan as a comment. It begins with a hidden marker by which a workflow finds its comment.
#[must_use]
pub fn plan(plan: &Plan, caller: &Caller) -> String {
    let mut out = format!("<!-- kmsctl:plan:{} -->\n", plan.stack);
    out.push_str(&heading(&plan.stack, &plan.home, caller));
    let _ = writeln!(out, "**{}**\n", prose(&words::summary(plan)));
    if let Some(roles) = words::roles(&plan.roles) {
        let _ = writeln!(out, "{}\n", prose(&roles));
    }
    let shown = words::Shown::of(plan);
    let mut parts = Vec::new();
    parts.extend(blocked("Blocked", &plan.blocked));
    // An error, such as public access by a key that is blocked, must not be the last thing on the page.
    let (errors, others): (Vec<Finding>, Vec<Finding>) =
        plan.findings.iter().cloned().partition(|found| found.severity == Severity::Error);
    parts.extend(found("Errors", &errors));
    let changes = by_address(plan, &shown);
    parts.extend(losses(plan, &changes));
    parts.extend(access(plan, &changes));
    parts.extend(drift(drifted::CHANGED_OUTSIDE, &plan.drift, &plan.home));
    parts.extend(steps(plan, &shown));
    parts.extend(found("Findings", &others));
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
    fit(out, &parts)
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
    parts.extend(found("Findings", &drifts.findings));
    parts.extend(same_access(&drifts.same_access));
    fit(out, &parts)
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

/// Names addresses in one line. If there are too many, some are counted.
fn named<'a>(heading: &str, addresses: impl Iterator<Item = &'a Address>) -> String {
    let names: BTreeSet<String> = addresses.map(|address| code(&address.to_string())).collect();
    format!("- {}: {}\n", prose(heading), some(&names.into_iter().collect::<Vec<_>>()))
}

/// Returns names in one line. If there are too many, some are counted.
fn some(names: &[String]) -> String {
    match names.len().checked_sub(NAMED) {
        Some(rest @ 1..) => {
            format!("{} and {rest} more", names.get(..NAMED).unwrap_or(names).join(", "))
        }
        Some(0) | None => names.join(", "),
    }
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

/// Renders a heading, which is always shown.
fn title(text: &str, weight: Weight) -> Part {
    Part::fixed(&format!("### {}\n\n", prose(text)), weight)
}

/// The action of steps, which is empty for access, and their risks.
type Said = (&'static str, Vec<String>);

/// Renders the steps that delete something or have a risk, and public access. Steps with the same risks are one line. What
/// holds data or encrypts it comes first.
fn losses(plan: &Plan, changes: &[Changes<'_>]) -> Vec<Part> {
    // What is said of the addresses, and the addresses.
    let mut alike: Vec<(Said, Vec<String>)> = Vec::new();
    let mut add = |said: Said, name: String| match alike.iter_mut().find(|(same, _)| *same == said)
    {
        Some((_, names)) => names.push(name),
        None => alike.push((said, vec![name])),
    };
    for Changes { address, lines, .. } in changes {
        let public = lines.iter().filter(|line| line.sign == '!').map(|line| line.text.clone());
        let public: Vec<String> = public.collect();
        if !public.is_empty() {
            add(("", public), code(address));
        }
    }
    let holds_data =
        |step: &Step| step.address.kind == Kind::Key || step.address.kind.is_consumer();
    let risky = plan.steps.iter().filter(|step| words::is_destructive(step));
    let (first, last): (Vec<&Step>, Vec<&Step>) = risky.partition(|step| holds_data(step));
    for step in first.into_iter().chain(last) {
        let name = code(&step.address.to_string());
        add((step.change.action(), step.risk.iter().cloned().collect()), name);
    }
    let parts = alike.into_iter().map(|((action, texts), names)| {
        let texts: Vec<String> =
            texts.iter().map(|text| format!(": **{}**", sentence(text))).collect();
        let (texts, some) = (texts.concat(), some(&names));
        let action = if action.is_empty() { String::new() } else { format!("{action} ") };
        Part {
            whole: format!("- {action}{}{texts}\n", names.join(", ")),
            // The list of the changes names all of them as well.
            short: format!("- {action}{some}{texts}\n"),
            line: format!("- {action}{some}\n"),
            weight: Weight::Danger,
        }
    });
    headed("Deletions and risks", parts.collect())
}

/// The access changes that are shown at an address, with their sentences.
struct Changes<'a> {
    address: String,
    access: Vec<&'a Access>,
    lines: Vec<Line>,
}

/// Returns the access changes by the address at which they are shown.
fn by_address<'a>(plan: &Plan, shown: &'a words::Shown<'_>) -> Vec<Changes<'a>> {
    let at = plan.steps.iter().map(|step| (step.address.to_string(), shown.at(step).to_vec()));
    let elsewhere = shown.elsewhere_by_key().into_iter();
    let elsewhere = elsewhere.map(|(key, access)| (key.to_owned(), access));
    let all = at.chain(elsewhere).filter(|(_, access)| !access.is_empty());
    let changes = all.map(|(address, access)| {
        let lines = words::planned_access(&access, &address, wording(&plan.home));
        Changes { address, access, lines }
    });
    changes.collect()
}

/// Puts a heading before parts, and an empty line after them.
fn headed(heading: &str, parts: Vec<Part>) -> Vec<Part> {
    let Some(weight) = parts.iter().map(|part| part.weight).max() else {
        return parts;
    };
    let end = Part::fixed("\n", weight);
    [title(heading, weight)].into_iter().chain(parts).chain([end]).collect()
}

/// The number of keys with the same access changes that are named if the comment would be too long.
const NAMED: usize = 12;

/// Returns how much a reviewer must see a change of access: strangers come before identities of the own account.
fn weight(change: &AccessChange, home: &Place) -> Weight {
    let account = change.principal.split(':').nth(4).filter(|account| !account.is_empty());
    let is_own = account.is_some_and(|account| account == home.account.as_str());
    match change.direction {
        Direction::Gained if change.public || !is_own => Weight::Danger,
        Direction::Gained => Weight::Notice,
        Direction::Lost => Weight::Detail,
    }
}

/// Renders the access that principals gain and lose, by the resource for which it changes.
fn access(plan: &Plan, changes: &[Changes<'_>]) -> Vec<Part> {
    // The same changes of several keys are written once.
    let mut alike: Vec<(String, Vec<String>, Weight)> = Vec::new();
    for Changes { address, access, lines } in changes {
        let mut text = String::new();
        for line in lines {
            let _ = writeln!(text, "  - {}", code(&format!("{} {}", line.sign, line.text)));
        }
        let weight = access.iter().map(|one| weight(&one.change, &plan.home)).max();
        let weight = weight.unwrap_or(Weight::Detail);
        match alike.iter_mut().find(|(same, _, _)| *same == text) {
            Some((_, addresses, most)) => {
                addresses.push(address.clone());
                *most = weight.max(*most);
            }
            None => alike.push((text, vec![address.clone()], weight)),
        }
    }
    let parts = alike.into_iter().map(|(lines, addresses, weight)| {
        let names: Vec<String> = addresses.iter().map(|address| code(address)).collect();
        // The sentences matter more than the names, which the list of the changes has as well.
        let (all, some) = (names.join(", "), some(&names));
        Part {
            whole: format!("- {all}\n{lines}"),
            short: format!("- {some}\n{lines}"),
            line: format!("- {some}: left out\n"),
            weight,
        }
    });
    let parts = parts.collect();
    headed("Access", parts)
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
    let (all, head, title) = (names.join(", "), &block.head, some(&names));
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
        line: format!("- {} {action}\n", some(&names)),
        weight: Weight::Detail,
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

fn blocked(heading: &str, all: &[Blocked]) -> Option<Part> {
    let mut out = format!("### {heading}\n\n");
    for (addresses, blocked) in words::blocked(all) {
        let names: Vec<String> =
            addresses.iter().map(|address| code(&address.to_string())).collect();
        let _ = write!(out, "- {}", names.join(", "));
        if !blocked.field.is_empty() {
            let _ = write!(out, " {}", code(&blocked.field));
        }
        let _ = writeln!(out, ": {}", sentence(&blocked.reason));
        if !blocked.help.is_empty() {
            let _ = writeln!(out, "  Help: {}", sentence(&blocked.help));
        }
    }
    out.push('\n');
    let line = named(heading, all.iter().map(|blocked| &blocked.address));
    let weight = Weight::Notice;
    (!all.is_empty()).then(|| Part { whole: out, short: line.clone(), line, weight })
}

fn drift(heading: &str, all: &[Drift], home: &Place) -> Option<Part> {
    let mut out = format!("### {heading}\n\n");
    for drift in all {
        let _ = write!(out, "- {}", code(&drift.address.to_string()));
        for alarm in drifted::alarms(drift) {
            let _ = write!(out, ": **{}**", sentence(&alarm));
        }
        out.push('\n');
        for (before, after) in drifted::changed_policies(drift, home) {
            let _ = writeln!(out, "  - {}", code(words::POLICY));
            let changes = words::changes(before.as_ref(), after.as_ref(), home);
            for line in words::access_lines(&changes, wording(home)) {
                let _ = writeln!(out, "    - {}", code(&format!("{} {}", line.sign, line.text)));
            }
        }
        for text in drifted::fields(drift, false) {
            let _ = writeln!(out, "  - {}", code(&text));
        }
        if let Some(ignored) = &drift.ignored {
            let _ = writeln!(out, "  - {}", sentence(ignored));
        }
    }
    out.push('\n');
    let line = named(heading, all.iter().map(|drift| &drift.address));
    let weight = Weight::Notice;
    (!all.is_empty()).then(|| Part { whole: out, short: line.clone(), line, weight })
}

fn unchecked(all: &[String]) -> Option<String> {
    let mut out = "### Not checked\n\n".to_owned();
    for text in all {
        let _ = writeln!(out, "- {}", sentence(text));
    }
    out.push('\n');
    (!all.is_empty()).then_some(out)
}

fn found(heading: &str, all: &[Finding]) -> Option<Part> {
    let render = |verbose| {
        let mut out = format!("### {heading}\n\n");
        for group in findings::of_plan(all) {
            let _ = writeln!(out, "- {} {}", code(&group.head()), sentence(&group.text(verbose)));
        }
        out.push('\n');
        out
    };
    let line = named(heading, all.iter().map(|finding| &finding.address));
    let part = || Part { whole: render(true), short: render(false), line, weight: Weight::Notice };
    (!all.is_empty()).then(part)
}
