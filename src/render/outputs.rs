//! Renders the ids and ARNs of resources for people, for programs, for shells and for workflows on GitHub.

use super::json::pretty;
use crate::digest::short;
use crate::id::Place;
use crate::kind::address::Address;
use crate::kind::outputs::{arn, short_id};
use crate::text::printable;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// The id and the ARN of a resource in AWS.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Output {
    /// The id that AWS's commands take.
    pub id: String,
    /// The ARN, if the resource has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arn: Option<String>,
}

/// The ids and ARNs of resources by their addresses.
pub type Outputs = BTreeMap<Address, Output>;

impl Output {
    /// Returns the id and the ARN of the resource at an address. `id` is that of its record.
    #[must_use]
    pub fn new(address: &Address, id: &str, place: &Place) -> Self {
        Self { id: short_id(id).to_owned(), arn: arn(address.kind, id, place) }
    }

    /// Returns the ARN, or the id of a resource without an ARN, on one line.
    #[must_use]
    pub fn value(&self) -> String {
        printable(self.arn.as_ref().unwrap_or(&self.id)).into_owned()
    }

    /// Returns the values with the ends of their names.
    fn values(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let arn = self.arn.as_deref().map(|arn| ("arn", arn));
        arn.into_iter().chain([("id", self.id.as_str())])
    }
}

/// Renders a table for people.
#[must_use]
pub fn text(outputs: &Outputs) -> String {
    let rows: Vec<(String, String)> =
        outputs.iter().map(|(address, output)| (address.to_string(), output.value())).collect();
    let width = rows.iter().map(|(address, _)| address.chars().count()).max().unwrap_or_default();
    let mut out = String::new();
    for (address, value) in rows {
        // Writing to a string cannot fail.
        let _ = writeln!(out, "{:<width$}  {value}", printable(&address));
    }
    out
}

/// Renders an object by address.
#[must_use]
pub fn json(outputs: &Outputs) -> String {
    let by_address: BTreeMap<String, &Output> =
        outputs.iter().map(|(address, output)| (address.to_string(), output)).collect();
    format!("{}\n", pretty(&by_address))
}

/// Renders assignments for a shell, such as `KEY_APP_ARN='arn:...'`. Each value is one word in single quotes. `stack`
/// has all addresses of the stack.
///
/// # Errors
/// Returns what is wrong if two values would have one name, or a value has a control character.
pub fn env(outputs: &Outputs, stack: &BTreeSet<Address>) -> Result<String, String> {
    let lines = assignments(outputs, stack, str::to_ascii_uppercase)?;
    let quoted =
        |(name, value): (String, &str)| format!("{name}='{}'\n", value.replace('\'', r"'\''"));
    Ok(lines.into_iter().map(quoted).collect())
}

/// Renders lines for `$GITHUB_OUTPUT`, such as `key_app_arn=arn:...`. `stack` has all addresses of the stack.
///
/// # Errors
/// Returns what is wrong if two values would have one name, or a value has a control character.
pub fn github(outputs: &Outputs, stack: &BTreeSet<Address>) -> Result<String, String> {
    let lines = assignments(outputs, stack, str::to_ascii_lowercase)?;
    Ok(lines.into_iter().map(|(name, value)| format!("{name}={value}\n")).collect())
}

/// Returns the values with names of letters, digits and underscores, in the order of the addresses. A value is on one
/// line, so that it cannot add a further name.
///
/// Of addresses of the stack that would have one name, each gets the beginning of the hash of its address. None keeps
/// the name: a script that used it fails instead of getting the value of another address. The name of one output is the
/// same among all outputs.
fn assignments<'a>(
    outputs: &'a Outputs,
    stack: &BTreeSet<Address>,
    case: impl Fn(&str) -> String,
) -> Result<Vec<(String, &'a str)>, String> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for address in outputs.keys().chain(stack).collect::<BTreeSet<_>>() {
        *counts.entry(case(&name(address, ""))).or_default() += 1;
    }
    let mut owners: BTreeMap<String, &Address> = BTreeMap::new();
    let mut lines = Vec::new();
    for (address, output) in outputs {
        let is_alone = counts.get(&case(&name(address, ""))) == Some(&1);
        let apart =
            if is_alone { String::new() } else { format!("{}_", short(address.to_string(), 8)) };
        for (end, value) in output.values() {
            let name = case(&name(address, &format!("{apart}{end}")));
            if let Some(other) = owners.insert(name.clone(), address) {
                return Err(format!("`{other}` and `{address}` would both be `{name}`"));
            }
            if value.chars().any(char::is_control) {
                return Err(format!("the {end} of `{address}` has a control character"));
            }
            lines.push((name, value));
        }
    }
    Ok(lines)
}

/// Returns the name of a value. Whatever is neither a letter nor a digit becomes an underscore.
fn name(address: &Address, end: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
    format!("{address}_{end}").chars().map(plain).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn place() -> Place {
        Place { account: "111122223333".parse().unwrap(), region: "eu-west-1".parse().unwrap() }
    }

    fn outputs(all: &[(&str, &str)]) -> Outputs {
        all.iter()
            .map(|(address, id)| {
                let address: Address = address.parse().unwrap();
                let output = Output::new(&address, id, &place());
                (address, output)
            })
            .collect()
    }

    const KEY: &str = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";

    #[test]
    fn every_format_has_the_id_and_the_arn() {
        let all = outputs(&[
            ("key/app", KEY),
            ("alias/app/x", "alias/app/x"),
            ("grant/app/batch", "0c23"),
            ("ebs_volume/data", "vol-1"),
        ]);
        insta::assert_snapshot!(format!(
            "{}\n{}\n{}\n{}",
            text(&all),
            json(&all),
            env(&all, &BTreeSet::new()).unwrap(),
            github(&all, &BTreeSet::new()).unwrap()
        ));
    }

    #[test]
    fn two_addresses_never_share_a_name() {
        let names = |text: String| -> Vec<String> {
            text.lines().map(|line| line.split_once('=').unwrap().0.to_owned()).collect()
        };
        for (one, two) in [("key/a-b", "key/a_b"), ("key/a", "key/A"), ("alias/a/b", "alias/a-b")] {
            let all = outputs(&[(one, KEY), (two, KEY), ("key/other", KEY)]);
            for render in [env, github] {
                let found = names(render(&all, &BTreeSet::new()).unwrap());
                assert_eq!(
                    found.iter().collect::<std::collections::BTreeSet<_>>().len(),
                    6,
                    "{found:?}"
                );
                // The names depend on the address alone, and none is that of a resource without a namesake.
                let more = outputs(&[(one, KEY), (two, KEY), ("key/another", KEY)]);
                let again = names(render(&more, &BTreeSet::new()).unwrap());
                assert_eq!(
                    found.iter().filter(|name| again.contains(name)).count(),
                    4,
                    "{again:?}"
                );
                for plain in names(render(&outputs(&[(one, KEY)]), &BTreeSet::new()).unwrap()) {
                    assert!(!found.contains(&plain), "{plain}");
                }
            }
            assert!(json(&all).contains(one) && json(&all).contains(two));
        }
        let all = outputs(&[("key/a-b", KEY), ("key/a_b", KEY), ("key/c", KEY)]);
        insta::assert_snapshot!(names(env(&all, &BTreeSet::new()).unwrap()).join(" "), @"KEY_A_B_83A305D8_ARN KEY_A_B_83A305D8_ID KEY_A_B_0A45A6F9_ARN KEY_A_B_0A45A6F9_ID KEY_C_ARN KEY_C_ID");
        assert!(
            env(
                &outputs(&[("key/a", KEY), ("key/a_arn", KEY), ("key/a/eu-west-2", KEY)]),
                &BTreeSet::new()
            )
            .is_ok()
        );
    }

    #[test]
    fn one_output_has_the_name_that_it_has_among_all() {
        let all = outputs(&[("alias/a/b-c", "alias/a/b-c"), ("alias/a-b/c", "alias/a-b/c")]);
        let stack: BTreeSet<Address> = all.keys().cloned().collect();
        for render in [env, github] {
            let whole = render(&all, &stack).unwrap();
            let one = |(address, output): (&Address, &Output)| {
                render(&Outputs::from([(address.clone(), output.clone())]), &stack).unwrap()
            };
            assert_eq!(all.iter().map(one).collect::<String>(), whole);
        }
    }

    /// Returns the variables that a shell would have after it read assignments of single-quoted words.
    fn read_by_a_shell(text: &str) -> Vec<(String, String)> {
        let words = shlex::split(text).unwrap();
        words
            .into_iter()
            .map(|word| word.split_once('=').map(|(n, v)| (n.to_owned(), v.to_owned())).unwrap())
            .collect()
    }

    proptest! {
        #[test]
        fn a_value_never_leaves_its_quotes_or_its_line(id in "(['\"$`\\\\ ;&|\n\r=<>a-z#:]|\\PC){0,12}") {
            let address: Address = "ebs_volume/data".parse().unwrap();
            let output = Output { id: id.clone(), arn: None };
            let all = Outputs::from([(address, output)]);
            let has_control = id.chars().any(char::is_control);
            prop_assert_eq!(env(&all, &BTreeSet::new()).is_err(), has_control);
            prop_assert_eq!(github(&all, &BTreeSet::new()).is_err(), has_control);
            if !has_control {
                let shell = read_by_a_shell(&env(&all, &BTreeSet::new()).unwrap());
                prop_assert_eq!(shell, vec![("EBS_VOLUME_DATA_ID".to_owned(), id.clone())]);
                let lines = github(&all, &BTreeSet::new()).unwrap();
                prop_assert_eq!(lines, format!("ebs_volume_data_id={id}\n"));
            }
            prop_assert_eq!(text(&all).lines().count(), 1);
        }
    }
}
