//! Groups access changes for people: principals that change alike are one line, and so are the changes by a statement
//! about everyone.

use super::access::{Line, Wording, line};
use super::comment::cut;
use crate::policy::AccessChange;
use crate::policy::access::{ChangeKind, Direction, Level};
use std::borrow::Cow;
use std::collections::BTreeSet;

/// An access change, with a note at the end of its sentence.
#[derive(Clone, Debug)]
pub(crate) struct Told<'a> {
    /// The change.
    pub(crate) change: &'a AccessChange,
    /// The note; may be empty.
    pub(crate) note: String,
}

/// A line about access, with the change that it tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sentence {
    /// The line.
    pub(super) line: Line,
    /// The text of the line, with a limited length: who and what, but no long condition.
    pub(super) brief: String,
    /// The change; other principals may change alike.
    pub(super) change: AccessChange,
}

/// The largest number of principals that a line names.
const MOST_PRINCIPALS: usize = 40;
/// The largest number of characters of a principal in a sentence of limited length.
const LONGEST_PRINCIPAL: usize = 100;
/// The largest number of characters of a condition in a sentence of limited length.
const LONGEST_CONDITION: usize = 80;
/// Stands for a longer condition.
const TOO_LONG: &str = "a condition holds that is too long for a comment";
/// The largest number of actions in a sentence of limited length.
const MOST_ACTIONS: usize = 12;

/// Renders access changes of one key. Principals that change alike are one line, up to [`MOST_PRINCIPALS`], and so are
/// all changes by a statement about everyone, unless `-v` shows each.
pub(crate) fn lines(told: &[Told<'_>], wording: Wording<'_>) -> Vec<Line> {
    sentences(told, wording).into_iter().map(|sentence| sentence.line).collect()
}

/// Renders access changes like [`lines`], with what a comment needs to know about each line.
pub(super) fn sentences(told: &[Told<'_>], wording: Wording<'_>) -> Vec<Sentence> {
    let mut groups: Vec<(Group, &Told<'_>)> = Vec::new();
    for one in told {
        let group = match broad(one, told).filter(|_| !wording.verbose) {
            Some(of_all) => Group::Broad(Box::new(of_all)),
            None => Group::Alike(Vec::new()),
        };
        let known = groups.iter_mut().find(|(known, first)| match (known, &group) {
            (Group::Broad(known), Group::Broad(new)) => known == new && first.note == one.note,
            (Group::Alike(names), Group::Alike(_)) => {
                names.len() + 1 < MOST_PRINCIPALS && is_alike(first, one)
            }
            (_, _) => false,
        });
        match known {
            Some((Group::Alike(names), _)) => names.push(one.change.principal.clone()),
            Some((Group::Broad(_), _)) => {}
            None => groups.push((group, one)),
        }
    }
    let mut said = BTreeSet::new();
    let all = groups.into_iter().map(|(group, first)| group.sentence(first, wording));
    // Changes for different possible owners of the key can read alike.
    all.filter(|sentence| said.insert((sentence.line.sign, sentence.line.text.clone()))).collect()
}

impl Group {
    /// Renders the group, whose first change is `first`.
    fn sentence(self, first: &Told<'_>, wording: Wording<'_>) -> Sentence {
        let (change, others, end) = match self {
            Self::Alike(names) => (first.change.clone(), names, ""),
            Self::Broad(change) if change.direction == Direction::Lost => {
                (*change, Vec::new(), "; those whom other statements name keep what these allow")
            }
            Self::Broad(change) => (*change, Vec::new(), ""),
        };
        let render = |change: &AccessChange, others: &[Cow<'_, str>]| {
            let others: Vec<&str> = others.iter().map(Cow::as_ref).collect();
            let mut line = line(change, &others, wording);
            line.text.push_str(end);
            line
        };
        let whole: Vec<Cow<'_, str>> = others.iter().map(Cow::from).collect();
        let short: Vec<Cow<'_, str>> =
            others.iter().map(|name| cut(name, LONGEST_PRINCIPAL)).collect();
        let (mut line, brief) = (render(&change, &whole), render(&brief(&change), &short).text);
        line.text.push_str(&first.note);
        Sentence { line, brief, change }
    }
}

/// Returns the change without what makes its sentence long: conditions that are long, the statements and the grants.
fn brief(change: &AccessChange) -> AccessChange {
    let condition = |text: &Option<String>| {
        let text = text.as_ref()?;
        let is_long = text.chars().count() > LONGEST_CONDITION;
        Some(if is_long { TOO_LONG.to_owned() } else { text.clone() })
    };
    let name = |text: &String| cut(text, LONGEST_PRINCIPAL).into_owned();
    let mut actions: Vec<String> = change.actions.iter().take(MOST_ACTIONS).map(name).collect();
    if let Some(rest @ 1..) = change.actions.len().checked_sub(MOST_ACTIONS) {
        actions.push(format!("{rest} more"));
    }
    AccessChange {
        principal: name(&change.principal),
        except: change.except.iter().map(name).collect(),
        actions,
        condition: condition(&change.condition),
        before: condition(&change.before),
        after: condition(&change.after),
        statements: Vec::new(),
        grants: Vec::new(),
        ..change.clone()
    }
}

/// Changes that are one line.
enum Group {
    /// The other principals that change alike.
    Alike(Vec<String>),
    /// The change of everyone by one statement.
    Broad(Box<AccessChange>),
}

/// Returns whether two changes differ in a principal that can be named beside others.
fn is_alike(a: &Told<'_>, b: &Told<'_>) -> bool {
    let is_plain = |change: &AccessChange| {
        change.principal != "*"
            && !change.principal.contains(' ')
            && change.except.is_empty()
            && !change.public
            && change.kind != ChangeKind::Dangling
    };
    let is_account = |change: &AccessChange| change.principal.ends_with(":root");
    let with_name = |change: &AccessChange| AccessChange {
        principal: a.change.principal.clone(),
        ..change.clone()
    };
    is_plain(a.change)
        && is_plain(b.change)
        && is_account(a.change) == is_account(b.change)
        && a.note == b.note
        && with_name(b.change) == *a.change
}

/// Returns the change of everyone that a change is a part of, if one statement about everyone causes it: the same
/// statement changes the access of everyone in the same direction.
fn broad(one: &Told<'_>, all: &[Told<'_>]) -> Option<AccessChange> {
    let [_] = one.change.statements.as_slice() else {
        return None;
    };
    let is_part = |other: &&Told<'_>| {
        let (a, b) = (one.change, other.change);
        a.direction == b.direction && a.statements == b.statements && other.note == one.note
    };
    let parts: Vec<&AccessChange> = all.iter().filter(is_part).map(|told| told.change).collect();
    let is_whole =
        |change: &&&AccessChange| matches!(change.kind, ChangeKind::Gains | ChangeKind::Loses);
    let everyone = parts.iter().filter(is_whole).find(|change| change.principal == "*")?;
    // Whom a `Deny` is about, and whom not, is what matters about it.
    let is_by_deny = |part: &&AccessChange| {
        part.from == Level::ExplicitlyDenied || part.to == Level::ExplicitlyDenied
    };
    // Actions that AWS may add later are never certain.
    let mut today = parts.iter().filter(|part| part.kind != ChangeKind::Future);
    let is_certain = today.all(|part| part.certainty == everyone.certainty);
    let conditions: BTreeSet<&Option<String>> =
        parts.iter().filter(is_whole).map(|part| &part.condition).collect();
    if parts.len() < 3 || !is_certain || conditions.len() > 1 || parts.iter().any(is_by_deny) {
        return None;
    }
    let mut capabilities: Vec<String> = Vec::new();
    for name in parts.iter().filter(is_whole).flat_map(|part| &part.capabilities) {
        if !capabilities.contains(name) {
            capabilities.push(name.clone());
        }
    }
    if capabilities.iter().any(|name| name == "everything") {
        capabilities = vec!["everything".to_owned()];
    }
    let of_everyone = || parts.iter().filter(is_whole).filter(|part| part.principal == "*");
    let mut except = everyone.except.clone();
    except.retain(|name| of_everyone().all(|part| part.except.contains(name)));
    Some(AccessChange {
        except,
        capabilities,
        public: parts.iter().any(|part| part.public),
        confused_deputy: parts.iter().any(|part| part.confused_deputy),
        grants: Vec::new(),
        ..(**everyone).clone()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::{Document, KeyContext, compare};

    const ROOT: &str = r#"{"Sid":"root","Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"kms:*","Resource":"*"}"#;
    const LOGS: &str = r#"{"Sid":"logs","Effect":"Allow","Principal":{"Service":"logs.us-east-1.amazonaws.com"},"Action":"kms:Decrypt","Resource":"*","Condition":{"StringEquals":{"aws:SourceAccount":"111122223333"}}}"#;

    fn names(sid: &str, names: &[&str], rest: &str) -> String {
        let arns: Vec<String> =
            names.iter().map(|name| format!("\"arn:aws:iam::111122223333:role/{name}\"")).collect();
        format!(
            r#"{{"Sid":"{sid}","Effect":"Allow","Principal":{{"AWS":[{}]}},{rest}}}"#,
            arns.join(",")
        )
    }

    const USE: &str = r#""Action":["kms:Decrypt","kms:Encrypt"],"Resource":"*""#;

    fn policy(statements: &[&str]) -> Document {
        let text = format!(r#"{{"Version":"2012-10-17","Statement":[{}]}}"#, statements.join(","));
        Document::from_live(&text, "aws").unwrap()
    }

    fn told(old: &[&str], new: &[&str], verbose: bool) -> Vec<String> {
        let key = KeyContext {
            account: Some("111122223333".to_owned()),
            partition: "aws".to_owned(),
            arn: None,
        };
        let changes = compare(Some(&policy(old)), Some(&policy(new)), &key, &[]).changes;
        let told: Vec<Told<'_>> =
            changes.iter().map(|change| Told { change, note: String::new() }).collect();
        let lines = lines(&told, Wording { account: Some("111122223333"), verbose });
        lines.into_iter().map(|line| format!("{} {}", line.sign, line.text)).collect()
    }

    #[test]
    fn principals_that_change_alike_are_one_line() {
        let (two, four) =
            (names("use", &["a", "b"], USE), names("use", &["a", "b", "c", "d"], USE));
        assert_eq!(
            told(&[ROOT, &two], &[ROOT, &four], false),
            ["+ role/c, role/d gain encrypt, decrypt; no IAM policy is needed (statement \"use\")"]
        );
        assert_eq!(
            told(&[ROOT, &four], &[ROOT, &two], false),
            [
                "- role/c, role/d lose encrypt, decrypt; IAM policies may still allow it (statement \"use\")"
            ]
        );
        // Different access is not one line.
        let other = names("see", &["d"], r#""Action":"kms:DescribeKey","Resource":"*""#);
        let found = told(&[ROOT], &[ROOT, &four, &other], false);
        assert_eq!(found.len(), 2, "{found:#?}");
    }

    #[test]
    fn a_statement_about_everyone_is_one_line() {
        let oops =
            r#"{"Sid":"oops","Effect":"Allow","Principal":"*","Action":"kms:*","Resource":"*"}"#;
        let (some, admin) = (
            names("use", &["a", "b"], USE),
            names("see", &["c"], r#""Action":"kms:Describe*","Resource":"*""#),
        );
        let with = [ROOT, LOGS, &some, &admin, oops];
        let without = &with[..4];
        let lost = told(&with, without, false);
        assert_eq!(lost.len(), 1, "{lost:#?}");
        assert!(
            lost[0].starts_with("- everyone except ")
                && lost[0].contains("loses everything (statement \"oops\")"),
            "{lost:#?}"
        );
        let gained = told(without, &with, false);
        assert_eq!(gained.len(), 1, "{gained:#?}");
        assert!(gained[0].starts_with("! PUBLIC: everyone gains everything"), "{gained:#?}");
        assert!(told(&with, without, true).len() > 5);
        // Whom a `Deny` exempts is not summarized.
        let deny = oops.replace("Allow", "Deny").replace(r#""Resource":"*""#, r#""Resource":"*","Condition":{"ArnNotEquals":{"aws:PrincipalArn":"arn:aws:iam::111122223333:role/a"}}"#);
        let denied = told(&[ROOT, &some, &admin], &[ROOT, &some, &admin, &deny], false);
        assert_eq!(
            denied,
            ["- everyone except role/a is denied everything explicitly (statement \"oops\")"]
        );
        // Of many exceptions, the line says how the others are named.
        let exempting = |count: usize, verbose: bool| {
            let arns = (0..count).map(|n| format!("\"arn:aws:iam::111122223333:role/r{n}\""));
            let list = format!("[{}]", arns.collect::<Vec<_>>().join(","));
            let deny = deny.replace("\"arn:aws:iam::111122223333:role/a\"", &list);
            told(&[ROOT], &[ROOT, &deny], verbose).join("\n")
        };
        assert!(exempting(8, false).contains("role/r6, role/r7 is denied"));
        let many = exempting(10, false);
        assert!(many.contains("role/r7 and 2 more (`-v` names them) is denied"), "{many}");
        assert!(exempting(10, true).contains("role/r8, role/r9 is denied"));
    }
}
