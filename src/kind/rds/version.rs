//! Engine versions: which live version satisfies a declared one, and which change is a downgrade.

use super::engine::Family;
use crate::decode::{Diagnostic, Spanned};
use crate::kind::Violation;
use crate::kind::declaration::Check;

/// Returns whether a live version satisfies the declared one. Every `8.0.x` satisfies `8.0`, and `5.7.44` is
/// satisfied by the versions of Extended Support, such as `5.7.44-rds.20240408` (RDS User Guide, "Amazon RDS
/// Extended Support versions").
fn is_version(declared: &str, live: &str) -> bool {
    let rest = live.strip_prefix(declared);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '-']))
}

/// Returns the live version if it satisfies the declared one, and otherwise the declared version. A newer minor
/// version satisfies the declared one if AWS upgrades minor versions by itself.
pub(crate) fn met(
    engine: Option<&str>,
    declared: Option<&String>,
    live: Option<&String>,
    upgrades: bool,
) -> Option<String> {
    let (Some(wanted), Some(now)) = (declared, live) else {
        return declared.cloned();
    };
    let is_upgraded = upgrades
        && numbers(now) > numbers(wanted)
        && major(engine, now).is_some_and(|major| Some(major) == self::major(engine, wanted));
    if is_version(wanted, now) || is_upgraded { live.cloned() } else { declared.cloned() }
}

/// Refuses a downgrade of the engine.
pub(crate) fn downgraded(from: Option<&String>, to: Option<&String>) -> Option<Violation> {
    let (from, to) = (from?, to?);
    if numbers(to) >= numbers(from) || is_version(to, from) {
        return None;
    }
    Some(Violation::new(
        "engine_version",
        format!("the current version is `{from}`, and RDS does not support a downgrade to `{to}`"),
        "set the current version, or the beginning of it (such as `8.0`)",
    ))
}

/// Warns about a whole version of a database whose minor versions AWS upgrades by itself. `switch` is the setting
/// that turns the upgrades off, if there is one.
pub(crate) fn moving(
    engine: &str,
    version: Option<&Spanned<String>>,
    switch: Option<&str>,
    check: &mut Check<'_>,
) {
    let Some(version) = version else {
        return;
    };
    let numbers = numbers(&version.value);
    let Some(parts) = major_parts(engine, &numbers).filter(|parts| numbers.len() > *parts) else {
        return;
    };
    let major: Vec<&str> = version.value.split('.').take(parts).collect();
    let major = major.join(".");
    let message = format!("the database will not stay at version `{}`", version.value);
    let other = switch.map(|switch| format!(", or set `{switch}: false`")).unwrap_or_default();
    let help = format!(
        "AWS upgrades minor versions by itself, and newer ones are accepted: write `{major}`{other}"
    );
    check.d.push(Diagnostic::warning(version.span, message).help(help));
}

/// Returns the numbers of a version, by which versions are compared: 8, 0, 3, 5 and 2 of
/// `8.0.mysql_aurora.3.05.2`.
fn numbers(version: &str) -> Vec<u64> {
    let digits = version.split(|c: char| !c.is_ascii_digit()).filter(|digits| !digits.is_empty());
    digits.map(|digits| digits.parse().unwrap_or(u64::MAX)).collect()
}

/// Returns the numbers of the major version.
fn major(engine: Option<&str>, version: &str) -> Option<Vec<u64>> {
    let mut numbers = numbers(version);
    let parts = major_parts(engine?, &numbers)?;
    if numbers.len() < parts {
        return None;
    }
    numbers.truncate(parts);
    Some(numbers)
}

/// Returns how many numbers of a version are its major version (RDS API Reference, DBEngineVersion:
/// `MajorEngineVersion`); `None` for an engine that is not known.
fn major_parts(engine: &str, numbers: &[u64]) -> Option<usize> {
    Some(match Family::of(engine)? {
        Family::Oracle => 1,
        // Before version 10, PostgreSQL had major versions such as 9.6.
        Family::Postgres if numbers.first().is_some_and(|first| *first >= 10) => 1,
        Family::Postgres
        | Family::Db2
        | Family::DocumentDb
        | Family::MariaDb
        | Family::MySql
        | Family::Neptune
        | Family::SqlServer => 2,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_beginning_of_a_version_is_satisfied_by_all_its_versions() {
        assert!(is_version("8.0", "8.0.39") && is_version("16", "16.4") && is_version("16", "16"));
        assert!(is_version("5.7.44", "5.7.44-rds.20240408") && is_version("16.4", "16.4-R2"));
        assert!(!is_version("8.0", "8.00.1") && !is_version("1", "16.4"));
        let older = |from: &str, to: &str| {
            downgraded(Some(&from.to_owned()), Some(&to.to_owned())).is_some()
        };
        assert!(older("8.0.39", "8.0.35") && older("16.4", "9.6") && older("10.11", "10.6"));
        assert!(!older("8.0.35", "8.4") && !older("8.0.mysql_aurora.3.05.2", "8.0"));
        assert!(older("8.0.mysql_aurora.3.08.0", "8.0.mysql_aurora.3.05.2"));
        assert!(older("19.0.0.0.ru-2024-07.rur-2024-07.r1", "19.0.0.0.ru-2024-01.rur-2024-01.r1"));
    }

    #[test]
    fn a_newer_minor_version_satisfies_a_database_that_aws_upgrades() {
        let met = |engine: &str, wanted: &str, now: &str, upgrades| {
            let met = super::met(Some(engine), Some(&wanted.into()), Some(&now.into()), upgrades);
            met.unwrap() == now
        };
        for (engine, wanted, now) in [
            ("postgres", "16.3", "16.6"),
            ("postgres", "9.6.1", "9.6.24"),
            ("mysql", "8.0.35", "8.0.39"),
            ("mysql", "5.7.44-rds.20240408", "5.7.44-rds.20240808"),
            ("mariadb", "10.11.4", "10.11.10"),
            ("aurora-mysql", "8.0.mysql_aurora.3.05.2", "8.0.mysql_aurora.3.08.0"),
            (
                "oracle-ee",
                "19.0.0.0.ru-2024-01.rur-2024-01.r1",
                "19.0.0.0.ru-2024-07.rur-2024-07.r1",
            ),
            ("sqlserver-se", "15.00.4043.16.v1", "15.00.4365.2.v1"),
            ("docdb", "5.0.0", "5.0.2"),
            ("neptune", "1.3.2.1", "1.3.4.0"),
        ] {
            assert!(met(engine, wanted, now, true), "{engine} {wanted} {now}");
            assert!(!met(engine, wanted, now, false), "{engine} {wanted} {now}");
            // A newer version is declared.
            assert!(!met(engine, now, wanted, true), "{engine} {wanted} {now}");
        }
        for (engine, wanted, now) in [
            ("postgres", "15.6", "16.3"),
            ("mysql", "8.0.35", "8.4.3"),
            ("mysql", "8.4", "8.0.39"),
            ("new-engine", "1.0.0", "1.0.1"),
        ] {
            assert!(!met(engine, wanted, now, true), "{engine} {wanted} {now}");
        }
        // Extended Support needs no automatic upgrades.
        assert!(met("mysql", "5.7.44", "5.7.44-rds.20240408", false));
    }
}
