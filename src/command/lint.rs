//! `lint`: findings about the policies and keys of a stack, declared or live.

use super::session::{Session, now, today};
use super::{input, region, report};
use crate::cli::{Global, LintArgs, Report};
use crate::config;
use crate::decode::{Diagnostic, Diagnostics, Sources};
use crate::desired::Desired;
use crate::engine::refresh::refresh;
use crate::failure::{Exit, Failure};
use crate::gate::{self, breaches};
use crate::io::Io;
use crate::kind::{Address, Kind, Spec};
use crate::live::{Live, Observed};
use crate::plan::draft;
use crate::policy;
use crate::policy::lint::{Facts, Severity, lint, other_rules, rule};
use crate::policy::work;
use crate::render;
use crate::render::findings::{Item, groups};
use crate::render::lint::{Found, count};
use crate::state::State;
use crate::tree::Span;
use crate::waiver::{Judged, judge};
use std::path::PathBuf;

/// Runs `kmsctl lint`.
pub(super) async fn stack(global: &Global, args: &LintArgs, io: &Io) -> Result<Exit, Failure> {
    if args.rules {
        match args.format {
            Report::Text => io.out(&render::lint::rules(io.width())),
            Report::Json => io.json(&render::lint::rules_json()),
            // A log without results: the rules are a part of every log.
            Report::Sarif => io.json(&render::sarif::sarif(&[], &here())),
        }
        return Ok(Exit::Done);
    }
    if args.live {
        let (judged, unread) = live(global, io).await?;
        let found: Vec<Found> = judged.iter().map(|judged| found(judged, None)).collect();
        let exit = print(&found, &[], &Sources::new(), args.format, global, io);
        if unread.is_empty() {
            return Ok(exit);
        }
        for text in unread {
            io.say(&format!("Not checked: {text}"));
        }
        return Err(Failure::new("not every policy could be read").exit(Exit::Refused));
    }
    let (loaded, mut desired) = declared(global, io)?;
    for (address, breaches) in breaches(&desired, &gate::declared(&desired)) {
        let span = desired.resources.get(&address).map_or(Span::default(), |key| key.span);
        let found = breaches.into_iter().map(|breach| {
            let message =
                format!("it does not pass the gate `{}`: {}", breach.gate, breach.message);
            (address.clone(), policy::Finding::new(&other_rules::GATE, span, message))
        });
        desired.findings.extend(found);
    }
    without_examples(&mut desired, &loaded);
    let judged = desired.judged(&today());
    let found: Vec<Found> =
        judged.iter().map(|judged| found(judged, Some(&loaded.sources))).collect();
    let spans: Vec<Span> = judged.iter().map(|judged| judged.finding.span).collect();
    Ok(print(&found, &spans, &loaded.sources, args.format, global, io))
}

/// Resolves the configuration without AWS. Examples replace the account and Region if the configuration does not name
/// them.
pub(super) fn resolve(
    global: &Global,
) -> Result<(config::Loaded, Option<Desired>, Diagnostics), Failure> {
    let (mut loaded, mut diagnostics) = config::load(&input(global)?);
    let (desired, more) = loaded.check(region(global)?);
    diagnostics.extend(more);
    let mut desired = desired;
    if let Some(desired) = &mut desired {
        without_examples(desired, &loaded);
    }
    Ok((loaded, desired, diagnostics))
}

/// Removes the example account and Region from the texts of the findings.
fn without_examples(desired: &mut Desired, loaded: &config::Loaded) {
    for (_, finding) in &mut desired.findings {
        finding.message = loaded.examples().removed(&finding.message);
        finding.help = loaded.examples().removed(&finding.help);
    }
}

/// Resolves the configuration, and fails if it has errors.
fn declared(global: &Global, io: &Io) -> Result<(config::Loaded, Desired), Failure> {
    let (loaded, desired, diagnostics) = resolve(global)?;
    // `lint` reports a lockout as a finding.
    report(io, &diagnostics.without_objections(), &loaded.sources)?;
    let desired = desired.ok_or_else(|| Failure::new("the configuration has errors"))?;
    Ok((loaded, desired))
}

/// The findings that `validate` shows.
#[derive(Default)]
pub(super) struct Shown {
    /// The findings, without notes and those that are waived. Those of one rule are one diagnostic.
    pub(super) diagnostics: Vec<Diagnostic>,
    /// Whether AWS refuses one of the policies.
    pub(super) refused: bool,
    /// Whether an error is among the findings.
    pub(super) failed: bool,
}

/// Returns the findings that `validate` shows.
pub(super) fn shown(desired: &Desired) -> Shown {
    let mut judged = desired.judged(&today());
    judged.retain(|judged| {
        let rule = judged.finding.rule;
        // A lockout is already reported as a refusal.
        judged.waived.is_none() && rule.severity != Severity::Note && *rule != other_rules::LOCKOUT
    });
    let items: Vec<Item<'_>> = judged
        .iter()
        .map(|judged| Item {
            rule: judged.finding.rule.id,
            severity: judged.finding.rule.severity,
            address: judged.address.to_string(),
            message: &judged.finding.message,
            help: &judged.finding.help,
        })
        .collect();
    let diagnostics = groups(&items).into_iter().filter_map(|group| {
        let Judged { finding, .. } = judged.get(group.first)?;
        let mut out = Diagnostic::error(finding.span, group.text(false)).help(&*group.help);
        out.severity = severity(finding.rule);
        out.rule = Some(finding.rule);
        Some(out)
    });
    let errors = || {
        let rules = judged.iter().map(|judged| judged.finding.rule);
        rules.filter(|rule| rule.severity == Severity::Error)
    };
    Shown {
        diagnostics: diagnostics.collect(),
        refused: errors().any(|rule| rule.refused),
        failed: errors().next().is_some(),
    }
}

/// Returns the severity of a rule as that of a diagnostic.
fn severity(rule: &policy::lint::Rule) -> crate::decode::Severity {
    match rule.severity {
        Severity::Error => crate::decode::Severity::Error,
        Severity::Warning => crate::decode::Severity::Warning,
        Severity::Note => crate::decode::Severity::Note,
    }
}

/// Returns the findings about the live policies of the stack's keys, and the keys that could not be read, with the
/// reasons.
async fn live(global: &Global, io: &Io) -> Result<(Vec<Judged>, Vec<String>), Failure> {
    let mut session = Session::open(global, io).await?;
    let account = session.desired.home.account.clone();
    let partition = session.desired.home.region.partition();
    let as_declared = session.desired.clone();
    // Only declared settings are read, so every key gets a declared policy here.
    for declared in session.desired.resources.values_mut() {
        if let Spec::Key(key) = &mut declared.spec {
            key.policy.get_or_insert_with(|| policy::aws_default(partition, account.as_str()));
        }
    }
    let replay = session.read_state(io).await?;
    let live =
        refresh(&session.aws, &session.options, &session.desired, &replay.state, None, now())
            .await?;
    let mut findings = Vec::new();
    let mut unread = Vec::new();
    for (address, seen) in &live.observed {
        let (id, spec) = match seen {
            Observed::Present { id, spec, .. } => (id, spec),
            Observed::Unusable { reason, .. } if address.kind == Kind::Key => {
                unread.push(format!("{address}: {reason}"));
                continue;
            }
            Observed::Unusable { .. } | Observed::Absent => continue,
        };
        let Spec::Key(key) = spec.as_ref() else {
            continue;
        };
        let facts = Facts {
            partition,
            account: Some(account.as_str()),
            region: id.split(':').nth(3),
            key_arn: id.starts_with("arn:").then_some(id.as_str()),
            usage: key.usage.as_deref(),
            lockout_wanted: key.allow_lockout.is_some(),
            ..Facts::default()
        };
        let judged = |policy: &policy::Document| {
            work::within(work::COMPARISON, || lint(policy.tree(), &facts))
        };
        let document = key.policy.as_ref().map(judged);
        findings.extend(document.into_iter().flatten().map(|f| (address.clone(), f)));
    }
    findings.extend(besides(&as_declared, &replay.state, &live));
    // Only the live policies were checked: a waiver of another finding is not unused.
    let mut judged = judge(&findings, &session.waivers, &today());
    judged.retain(|judged| *judged.finding.rule != other_rules::UNUSED);
    Ok((judged, unread))
}

/// Returns the findings about what AWS has besides the configuration, such as grants of other owners.
fn besides(desired: &Desired, state: &State, live: &Live) -> Vec<(Address, policy::Finding)> {
    let draft = draft(desired, state, live);
    let gates = draft.breaches().into_iter().map(|found| (&other_rules::GATE, found));
    let found = gates.collect::<Vec<_>>().into_iter();
    let others = draft.drifts(state).findings.into_iter();
    let others = others.filter_map(|found| Some((rule(&found.rule).ok()?, found)));
    let findings = found.chain(others).map(|(rule, found)| {
        (found.address, policy::Finding::new(rule, Span::default(), found.message))
    });
    findings.collect()
}

/// Returns a finding of the stack in the form that is printed.
fn found(judged: &Judged, sources: Option<&Sources>) -> Found {
    let mut found = located(&judged.finding, sources);
    found.address = Some(judged.address.to_string());
    found.waived.clone_from(&judged.waived);
    found
}

/// Returns a finding with its file, line and column.
pub(super) fn located(finding: &policy::Finding, sources: Option<&Sources>) -> Found {
    let region = sources.and_then(|sources| {
        let source = sources.get(finding.span.source)?;
        let (line, column) = sources.position(finding.span);
        let last = Span { start: finding.span.end.max(finding.span.start), ..finding.span };
        let (end_line, end_column) = sources.position(last);
        let file = source.name.clone();
        Some(render::lint::Region { file, line, column, end_line, end_column })
    });
    Found {
        rule: finding.rule,
        message: finding.message.clone(),
        help: finding.help.clone(),
        address: None,
        region,
        waived: None,
    }
}

/// Prints the findings, and returns the exit code. `spans` has the positions of the same findings, or is
/// empty.
pub(super) fn print(
    found: &[Found],
    spans: &[Span],
    sources: &Sources,
    format: Report,
    global: &Global,
    io: &Io,
) -> Exit {
    match format {
        Report::Json => io.json(&render::lint::json(found)),
        Report::Sarif => io.json(&render::sarif::sarif(found, &here())),
        Report::Text => {
            let mut diagnostics = Diagnostics::default();
            for (n, found) in found.iter().enumerate() {
                if found.waived.is_none() || global.verbose {
                    diagnostics.push(diagnostic(found, spans.get(n).copied()));
                }
            }
            if diagnostics.is_empty() {
                io.out("No findings.\n");
            } else {
                io.out(&diagnostics.render(sources, io.out_color(), io.out_width()));
            }
        }
    }
    if count(found, Severity::Error) == 0 { Exit::Done } else { Exit::Refused }
}

fn diagnostic(found: &Found, span: Option<Span>) -> Diagnostic {
    let owner = found.address.as_ref().map(|address| format!("{address}: ")).unwrap_or_default();
    let message = match &found.waived {
        Some(reason) => format!("{owner}waived ({reason}): {}", found.message),
        None => format!("{owner}{}", found.message),
    };
    let mut out = Diagnostic::error(span, message).help(found.help.clone());
    out.rule = Some(found.rule);
    out.severity = match &found.waived {
        Some(_) => crate::decode::Severity::Note,
        None => severity(found.rule),
    };
    out
}

/// Returns the current directory.
fn here() -> PathBuf {
    std::env::current_dir().unwrap_or_default()
}
