//! `lint`: what is questionable about the policies and the keys of a stack, as declared or as AWS holds them.

use super::session::{Session, today};
use super::{input, region, report};
use crate::cli::{Global, LintArgs, Report};
use crate::config::{self, Diagnostic, Diagnostics, Sources};
use crate::desired::Desired;
use crate::engine::refresh::refresh;
use crate::failure::{Exit, Failure};
use crate::gate::{self, breaches};
use crate::io::Io;
use crate::kind::Spec;
use crate::live::Observed;
use crate::policy;
use crate::policy::lint::{Facts, Severity, beside, lint};
use crate::render;
use crate::render::lint::{Found, count};
use crate::tree::Span;
use crate::waiver::{Judged, judge};
use std::path::PathBuf;

/// `kmsctl lint`.
pub(super) async fn stack(global: &Global, args: &LintArgs, io: &Io) -> Result<Exit, Failure> {
    if args.live {
        let judged = live(global, io).await?;
        let found: Vec<Found> = judged.iter().map(|judged| found(judged, None)).collect();
        return Ok(print(&found, &[], &Sources::new(), args.format, global, io));
    }
    let (loaded, mut desired) = declared(global, io)?;
    for (address, breaches) in breaches(&desired, &gate::declared(&desired)) {
        let span = desired.resources.get(&address).map_or(Span::default(), |key| key.span);
        let found = breaches.into_iter().map(|breach| {
            let message = format!("the gate `{}` is not passed: {}", breach.gate, breach.message);
            (address.clone(), policy::Finding::new(&beside::GATE, span, message))
        });
        desired.findings.extend(found);
    }
    let judged = desired.judged(&today());
    let at = |judged: &Judged| found(judged, Some(&loaded.sources));
    let found: Vec<Found> = judged.iter().map(at).collect();
    let spans: Vec<Span> = judged.iter().map(|judged| judged.finding.span).collect();
    Ok(print(&found, &spans, &loaded.sources, args.format, global, io))
}

/// The configuration, without asking AWS: documentation values stand in for what AWS's configuration would say.
pub(super) fn resolve(
    global: &Global,
) -> Result<(config::Loaded, Option<Desired>, Diagnostics), Failure> {
    let (mut loaded, mut diagnostics) = config::load(&input(global)?);
    let (desired, more) = loaded.check(region(global)?);
    diagnostics.extend(more);
    Ok((loaded, desired, diagnostics))
}

fn declared(global: &Global, io: &Io) -> Result<(config::Loaded, Desired), Failure> {
    let (loaded, desired, diagnostics) = resolve(global)?;
    // A lock-out is a finding here.
    report(io, &diagnostics.without_refusals(), &loaded.sources)?;
    let desired = desired.ok_or_else(|| Failure::new("the configuration has errors"))?;
    Ok((loaded, desired))
}

/// What `validate` says of the findings: those that count, but for notes.
pub(super) fn warnings(desired: &Desired) -> Vec<Diagnostic> {
    let judged = desired.judged(&today()).into_iter();
    let counts = judged.filter(|judged| {
        let rule = judged.finding.rule;
        // A lock-out is a refusal already.
        judged.waived.is_none() && rule.severity != Severity::Note && *rule != beside::LOCKOUT
    });
    let warning = |judged: Judged| {
        let text = format!("{}: {}", judged.address, judged.finding.message);
        let mut warning = Diagnostic::warning(judged.finding.span, text).help(judged.finding.help);
        warning.rule = Some(judged.finding.rule);
        warning
    };
    counts.map(warning).collect()
}

/// The policies of the stack's keys as AWS holds them.
async fn live(global: &Global, io: &Io) -> Result<Vec<Judged>, Failure> {
    let mut session = Session::open(global, io).await?;
    let account = session.desired.home.account.clone();
    let partition = session.desired.home.region.partition();
    // What is not declared is not compared, and so not read: every key declares a policy here.
    for declared in session.desired.resources.values_mut() {
        if let Spec::Key(key) = &mut declared.spec {
            key.policy.get_or_insert_with(|| policy::aws_default(partition, account.as_str()));
        }
    }
    let replay = session.observed(io).await?;
    let live =
        refresh(&session.aws, &session.effort, &session.desired, &replay.state, None).await?;
    let mut findings = Vec::new();
    for (address, seen) in &live.observed {
        let Observed::Present { id, spec, .. } = seen else {
            continue;
        };
        let Spec::Key(key) = spec.as_ref() else {
            continue;
        };
        let facts = Facts {
            partition,
            account: Some(account.as_str()),
            key_arn: id.starts_with("arn:").then_some(id.as_str()),
            usage: key.usage.as_deref(),
            lockout_wanted: key.allow_lockout.is_some(),
            ..Facts::default()
        };
        let document = key.policy.as_ref().map(|policy| lint(policy.tree(), &facts));
        findings.extend(document.into_iter().flatten().map(|f| (address.clone(), f)));
    }
    // A waiver of what is declared, or of a key's settings, is not unused because AWS's policies are fine.
    let mut judged = judge(&findings, &session.waivers, &today());
    judged.retain(|judged| *judged.finding.rule != beside::UNUSED);
    Ok(judged)
}

fn found(judged: &Judged, sources: Option<&Sources>) -> Found {
    let mut found = told(&judged.finding, sources);
    found.address = Some(judged.address.to_string());
    found.waived.clone_from(&judged.waived);
    found
}

/// A finding with its place in words.
pub(super) fn told(finding: &policy::Finding, sources: Option<&Sources>) -> Found {
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

/// Writes findings; `spans` are those of the same findings, as far as they have any.
pub(super) fn print(
    found: &[Found],
    spans: &[Span],
    sources: &Sources,
    format: Report,
    global: &Global,
    io: &Io,
) -> Exit {
    match format {
        Report::Json => io.out(&render::lint::json(found)),
        Report::Sarif => io.out(&render::sarif::sarif(found, &here())),
        Report::Text => {
            let mut diagnostics = Diagnostics::default();
            for (n, found) in found.iter().enumerate() {
                if found.waived.is_none() || global.verbose {
                    diagnostics.push(diagnostic(found, spans.get(n).copied()));
                }
            }
            match diagnostics.is_empty() {
                true => io.out("No findings.\n"),
                false => io.out(&diagnostics.render(sources, io.out_color(), io.width())),
            }
        }
    }
    match count(found, Severity::Error) {
        0 => Exit::Done,
        _ => Exit::Refused,
    }
}

fn diagnostic(found: &Found, span: Option<Span>) -> Diagnostic {
    let owner = found.address.as_ref().map(|address| format!("{address}: ")).unwrap_or_default();
    let message = match &found.waived {
        Some(reason) => format!("{owner}waived ({reason}): {}", found.message),
        None => format!("{owner}{}", found.message),
    };
    let mut out = Diagnostic::error(span, message).help(found.help.clone());
    out.rule = Some(found.rule);
    out.severity = match (&found.waived, found.rule.severity) {
        (Some(_), _) | (None, Severity::Note) => config::Severity::Note,
        (None, Severity::Error) => config::Severity::Error,
        (None, Severity::Warning) => config::Severity::Warning,
    };
    out
}

fn here() -> PathBuf {
    std::env::current_dir().unwrap_or_default()
}
