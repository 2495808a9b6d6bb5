//! The plan of each kind of resource, with its record, without it, and with a record from before the resource
//! was created; while it is declared, removed and renamed. Without a record a plan may give a safer answer,
//! but it neither deletes what may be somebody else's, nor leaves access or data unmentioned.

use crate::build::{ACCOUNT, home, metadata};
use crate::consumers::desired;
use crate::fake::{FakeAws, FakeKey, NOW, make_bucket};
use crate::record::{RECORDS, Record, steps};
use crate::world::Stack;
use kmsctl::id::KeyArn;
use kmsctl::kind::consumer::Encryption;
use kmsctl::kind::key::NAME_TAG;
use kmsctl::kind::{Address, ConsumerKind};
use kmsctl::plan::field::FieldChange;
use kmsctl::plan::{Finding, Plan, Step};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

mod rows;

use Answer::{Blocked, Deleted, Forgotten, Found, Unseen};
use New::{Made, Refused, Same};

/// What becomes of a resource that is no longer declared under its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    /// The plan deletes it.
    Deleted,
    /// The plan blocks its deletion. It stays.
    Blocked,
    /// It stays, and a finding names it.
    Found,
    /// It stays, and the plan says that kmsctl stops managing it.
    Forgotten,
    /// It stays, and the plan does not mention it.
    Unseen,
}

/// What becomes of the resource under its new name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum New {
    Made,
    /// The plan blocks its creation.
    Refused,
    /// It is the same resource of AWS.
    Same,
}

/// What becomes of the declaration of the resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Edit {
    Declared,
    Removed,
    Renamed,
}

/// A resource in AWS.
#[derive(Clone, Copy, Debug)]
enum Thing {
    /// A grant whose name contains the text.
    Grant(&'static str),
    Alias(&'static str),
    /// A statement of a key's policy that contains the text.
    Statement(&'static str),
    /// A key that is not pending deletion, by its name.
    Key(&'static str),
    /// A consumer, by its kind and name.
    Consumer(ConsumerKind, &'static str),
    /// A setting that refers to a key of the stack.
    Setting(ConsumerKind),
}

/// The answers that kmsctl gives instead of the right ones.
struct Differs {
    edits: &'static [Edit],
    /// The answers for each record in the order of [`RECORDS`]; `None` if it is the right one.
    answers: [Option<Answer>; 3],
    /// Why it differs.
    why: &'static str,
}

/// A row of the matrix: a resource, and the answers for each record in the order of [`RECORDS`].
struct Row {
    name: String,
    old: Thing,
    new: Thing,
    /// The text by which blocked changes and findings name the resource.
    mention: &'static str,
    declared: String,
    removed: String,
    renamed: Option<String>,
    if_removed: [Answer; 3],
    if_renamed: [(Answer, New); 3],
    differs: Option<Differs>,
}

const EXISTING: &str = "11111111-0000-4000-8000-000000000000";

/// Returns the key of another owner.
fn existing() -> KeyArn {
    KeyArn::at(&home(), EXISTING)
}

impl Row {
    fn removed(self, if_removed: [Answer; 3]) -> Self {
        Self { if_removed, ..self }
    }

    fn renamed(self, if_renamed: [(Answer, New); 3]) -> Self {
        Self { if_renamed, ..self }
    }

    /// Documents that kmsctl does not give the right answer with these records.
    fn differs(
        self,
        records: &[Record],
        edits: &'static [Edit],
        answer: Answer,
        why: &'static str,
    ) -> Self {
        let answers = RECORDS.map(|record| records.contains(&record).then_some(answer));
        Self { differs: Some(Differs { edits, answers, why }), ..self }
    }

    /// Returns the answer that kmsctl gives instead of the right one.
    fn known(&self, record: Record, edit: Edit) -> Option<Answer> {
        let differs = self.differs.as_ref().filter(|differs| differs.edits.contains(&edit))?;
        let at = RECORDS.iter().position(|other| *other == record)?;
        differs.answers[at]
    }
}

impl Thing {
    fn exists(self, fake: &FakeAws) -> bool {
        let regions = fake.regions.borrow();
        let mut keys = regions.values().flat_map(|region| region.keys.values());
        match self {
            Self::Grant(name) => {
                keys.any(|key| key.grants.iter().any(|grant| grant.name.contains(name)))
            }
            Self::Alias(name) => regions.values().any(|region| region.aliases.contains_key(name)),
            Self::Statement(text) => keys.any(|key| key.policy.to_string().contains(text)),
            Self::Key(name) => keys.any(|key| {
                key.tags.get(NAME_TAG).is_some_and(|tag| tag == name) && !key.meta.is_dying()
            }),
            Self::Consumer(kind, name) => {
                fake.shelves.borrow().iter().filter(|((of, _), _)| *of == kind).any(|(_, shelf)| {
                    shelf.values().any(|held| {
                        let tags = &held.object.spec.common().tags;
                        tags.get(NAME_TAG).is_some_and(|tag| tag == name) && !held.going
                    })
                })
            }
            Self::Setting(kind) => {
                fake.shelves.borrow().iter().filter(|((of, _), _)| *of == kind).any(|(_, shelf)| {
                    let key = |held: &crate::fake::Held| held.object.spec.common().key.clone();
                    shelf.values().any(|held| matches!(key(held), Some(Encryption::Key(_))))
                })
            }
        }
    }
}

/// Adds a key of another owner, and a bucket.
fn surroundings(fake: &FakeAws) {
    make_bucket(fake, &home(), "mine");
    let meta = metadata(existing(), NOW - 86_400);
    let policy = json!({"Version": "2012-10-17", "Statement": [{"Sid": "Theirs", "Effect": "Allow",
        "Principal": {"AWS": format!("arn:aws:iam::{ACCOUNT}:root")}, "Action": "kms:*", "Resource": "*"}]});
    let (tags, grants) = (BTreeMap::new(), Vec::new());
    let key = FakeKey { meta, policy, tags, rotation: None, grants };
    let mut regions = fake.regions.borrow_mut();
    regions.entry(home()).or_default().keys.insert(EXISTING.to_owned(), key);
}

/// Returns a stack to which the declaration of the row was applied.
fn stack(row: &Row, record: Record) -> Stack {
    let mut stack = Stack::new(1);
    surroundings(&stack.fake);
    stack.applied(&desired(&row.removed));
    let old = stack.state.clone();
    stack.applied(&desired(&row.declared));
    assert!(row.old.exists(&stack.fake), "{}", row.name);
    record.set(&mut stack, old);
    stack
}

/// Returns what a plan and its run did to the resource.
fn answer(row: &Row, plan: &Plan, fake: &FakeAws) -> Answer {
    let is_old = |address: &Address| address.to_string() == row.mention;
    if !row.old.exists(fake) {
        return Deleted;
    }
    if plan.blocked.iter().any(|blocked| is_old(&blocked.address)) {
        return Blocked;
    }
    let names =
        |finding: &Finding| is_old(&finding.address) || finding.message.contains(row.mention);
    if findings(plan).any(names) {
        return Found;
    }
    let forgets = |step: &Step| is_old(&step.address) && step.change.action() == "forget";
    if plan.steps.iter().any(forgets) { Forgotten } else { Unseen }
}

/// Returns the findings about AWS, not those of `lint`.
fn findings(plan: &Plan) -> impl Iterator<Item = &Finding> {
    plan.findings.iter().filter(|finding| !finding.rule.starts_with("KMS"))
}

fn new(row: &Row, plan: &Plan, fake: &FakeAws) -> New {
    let is_setting = matches!(row.new, Thing::Setting(_));
    if !row.new.exists(fake) {
        return Refused;
    }
    let calls = plan.steps.iter().any(|step| !step.calls.is_empty());
    if is_setting && !calls { Same } else { Made }
}

/// Returns the policies of the keys that are not pending deletion.
fn policies(fake: &FakeAws) -> Vec<String> {
    let regions = fake.regions.borrow();
    let keys = regions.values().flat_map(|region| region.keys.values());
    keys.filter(|key| !key.meta.is_dying()).map(|key| key.policy.to_string()).collect()
}

/// Checks one cell, and returns what is wrong with it.
fn cell(row: &Row, record: Record, edit: Edit) -> Vec<String> {
    let at = RECORDS.iter().position(|other| *other == record).unwrap();
    let (right, to) = match edit {
        Edit::Declared => return declared(row, record),
        Edit::Removed => ((row.if_removed[at], None), &row.removed),
        Edit::Renamed => {
            let (old, new) = row.if_renamed[at];
            ((old, Some(new)), row.renamed.as_ref().unwrap())
        }
    };
    let expected = (row.known(record, edit).unwrap_or(right.0), right.1);
    let mut wrong = Vec::new();
    let mut check = |what: &str, is_right: bool, detail: String| {
        if !is_right {
            wrong.push(format!("{}, {record:?}, {edit:?}: {what}: {detail}", row.name));
        }
    };
    let (mut stack, to) = (stack(row, record), desired(to));
    let (policies, keys) = (policies(&stack.fake), stack.fake.keys_total());
    let (plan, ended) = stack.run(&to);
    check("the run failed", ended.failed.is_empty(), format!("{:?}", ended.failed));
    let renamed = expected.1.map(|_| new(row, &plan, &stack.fake));
    let found = (answer(row, &plan, &stack.fake), renamed);
    let known = row.differs.as_ref().map_or("", |differs| differs.why);
    let said = format!("{:?} {:?} {:?}; {known}", steps(&plan), plan.blocked, plan.findings);
    check("the answer", found == expected, format!("{found:?} instead of {expected:?}: {said}"));
    // A consumer that stays keeps the statements that it needs.
    let stays = matches!(row.old, Thing::Consumer(..)) && found.0 != Deleted;
    let is_same = policies.iter().all(|policy| self::policies(&stack.fake).contains(policy));
    check("a policy", !stays || is_same || expected.1.is_some(), "changed".to_owned());
    let made = stack.fake.keys_total() - keys;
    let is_key = matches!(row.new, Thing::Key(_)) && expected.1 == Some(Made);
    check("keys", made == usize::from(is_key), format!("{made} were made"));
    if matches!(row.new, Thing::Key(name) if !name.contains('/')) && expected.1 == Some(Refused) {
        let help: String = plan.blocked.iter().map(|blocked| blocked.help.as_str()).collect();
        // A record can be moved only if there is one.
        let moves = (help.contains("moved: [{from: key/"), help.contains("kmsctl state mv key/"));
        check("the ways to rename", moves == (true, record == Record::Kept), help);
    }
    check(
        "refusals",
        stack.fake.refusals.borrow().is_empty(),
        format!("{:?}", stack.fake.refusals),
    );
    // The next plan says the same, unless the run has settled it.
    let again = stack.plan_only(&to);
    check("the next plan has steps", again.steps.is_empty(), format!("{:?}", steps(&again)));
    if [Blocked, Found].contains(&expected.0) {
        let next = answer(row, &again, &stack.fake);
        check("the next plan says", next == expected.0, format!("{next:?}"));
    } else {
        check("the next plan", again.blocked.is_empty(), format!("{:?}", again.blocked));
    }
    wrong
}

/// Checks the cell of a resource that is still declared: nothing changes, and nothing is said.
fn declared(row: &Row, record: Record) -> Vec<String> {
    let mut stack = stack(row, record);
    let to = desired(&row.declared);
    let before = stack.fake.contents();
    let drifts = stack.drifts(&to);
    let (plan, ended) = stack.run(&to);
    let calls = stack.fake.mutations.get();
    // An old record of a policy does not have the statements that were added later.
    let is_policy = |field: &FieldChange| ["policy", "shared.statements"].contains(&&*field.path);
    let mut drift = drifts.drift.iter().flat_map(|drift| &drift.fields);
    let drifts_right = drift.all(|field| record == Record::Old && is_policy(field));
    let is_part_of_key = matches!(row.old, Thing::Statement(_)) && row.mention == "key/k";
    let all_recorded = record == Record::Kept || (record == Record::Old && is_part_of_key);
    let quiet = findings(&plan).count() == 0 && plan.unchecked.is_empty();
    let is_same = stack.fake.contents() == before && calls == 0 && ended.is_complete();
    let counts_right = (drifts.unrecorded == 0) == all_recorded;
    if plan.is_empty() && quiet && is_same && drifts_right && counts_right {
        return Vec::new();
    }
    vec![format!(
        "{}, {record:?}, declared: {calls} calls, {:?} {:?} {:?} {drifts:?}",
        row.name,
        steps(&plan),
        plan.blocked,
        plan.findings
    )]
}

/// Checks every cell of the rows. Returns the number of the cells, and of those whose answer is documented
/// as not the right one.
fn check(rows: &[Row]) -> (usize, usize) {
    let (mut cells, mut known, mut wrong) = (0, 0, Vec::new());
    for row in rows {
        for record in RECORDS {
            for edit in [Edit::Declared, Edit::Removed, Edit::Renamed] {
                if edit == Edit::Renamed && row.renamed.is_none() {
                    continue;
                }
                wrong.extend(cell(row, record, edit));
                cells += 1;
                known += usize::from(row.known(record, edit).is_some());
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {cells} cells:\n{}", wrong.len(), wrong.join("\n"));
    (cells, known)
}

#[test]
fn access_is_planned_with_every_record() {
    assert_eq!(check(&rows::access()), (72, 3));
}

#[test]
fn keys_are_planned_with_every_record() {
    assert_eq!(check(&rows::keys()), (108, 4));
}

#[test]
fn consumers_are_planned_with_every_record() {
    let rows = rows::consumers();
    let kinds = rows.iter().filter_map(|row| match row.old {
        Thing::Consumer(kind, _) | Thing::Setting(kind) => Some(kind),
        _ => None,
    });
    assert_eq!(kinds.collect::<BTreeSet<_>>(), ConsumerKind::ALL.iter().copied().collect());
    assert_eq!(check(&rows), (168, 2));
}

/// Another run has removed the resource. An old record still names it.
#[test]
fn what_another_run_has_removed_needs_nothing() {
    let rows = rows::access().into_iter().chain(rows::keys()).chain(rows::consumers());
    for row in rows.filter(|row| row.if_removed[0] == Deleted) {
        let mut stack = stack(&row, Record::Kept);
        let old = stack.state.clone();
        let removed = desired(&row.removed);
        stack.applied(&removed);
        assert!(!row.old.exists(&stack.fake), "{}", row.name);
        stack.state = old;
        let plan = stack.applied(&removed);
        let calls = stack.fake.mutations.get();
        // differs: the policy of another owner is written again, unchanged.
        let known = usize::from(row.mention == "key_policy/k");
        let of = (&row.name, steps(&plan));
        assert_eq!((calls, findings(&plan).count()), (known, 0), "{of:?}");
        stack.settled(&removed);
    }
}
