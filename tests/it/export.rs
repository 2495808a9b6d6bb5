//! Exports: the plan with an exported configuration makes no call, whatever the account holds.

use crate::build::{home, metadata};
use crate::fake::{FakeKey, Rng};
use crate::world::Stack;
use kmsctl::config::{self, Input, Surroundings};
use kmsctl::desired::Desired;
use kmsctl::engine::inventory::Wanted;
use kmsctl::export::{Export, Lifted, Request, export, names_in, names_text};
use kmsctl::id::{KeyArn, Place};
use kmsctl::inventory::{Inventory, LeftOut, Selector};
use kmsctl::kind::grant::{Constraints, Listed};
use kmsctl::kind::key::{ORIGINS, SPECS, STACK_TAG};
use kmsctl::plan::Plan;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

pub(crate) const ACCOUNT: &str = "111122223333";

/// Texts that are hard to write in YAML or to show.
const TEXTS: [&str; 14] = [
    "",
    "orders",
    "yes",
    "1e5",
    "- a",
    "a: b # c",
    "\"quoted\" 'twice' \\",
    "two\nlines\ttab",
    "::error::x ##[error]y ##vso[z",
    "\u{1b}[31mred\u{202e}\u{e0041}",
    "${aws.account_id} ${var.x} ${aws:username}",
    "日本語の鍵",
    " leading and trailing ",
    "{a: [b, c]}",
];

pub(crate) fn elsewhere() -> Place {
    Place { region: "eu-west-1".parse().unwrap(), ..home() }
}

/// Returns the default policy.
pub(crate) fn default_policy() -> Value {
    json!({"Version": "2012-10-17", "Id": "key-default-1", "Statement": [root()]})
}

fn root() -> Value {
    json!({"Sid": "Enable IAM User Permissions", "Effect": "Allow",
        "Principal": {"AWS": format!("arn:aws:iam::{ACCOUNT}:root")}, "Action": "kms:*", "Resource": "*"})
}

/// Returns a key as AWS holds it.
pub(crate) fn fake(number: u64, at: &Place, policy: Value) -> FakeKey {
    let arn = KeyArn::at(at, &format!("{number:08x}-12ab-34cd-56ef-1234567890ab"));
    FakeKey {
        meta: metadata(arn, 1000 + number),
        policy,
        tags: BTreeMap::new(),
        rotation: None,
        grants: Vec::new(),
    }
}

/// Adds a key to the account.
pub(crate) fn add(stack: &Stack, key: FakeKey, aliases: &[String]) -> KeyArn {
    let arn = key.meta.arn.clone();
    let mut regions = stack.fake.regions.borrow_mut();
    let region = regions.entry(arn.place()).or_default();
    for alias in aliases {
        region.aliases.insert(format!("alias/{alias}"), arn.id().to_owned());
    }
    region.keys.insert(arn.id().to_owned(), key);
    arn
}

/// Returns the policies of folders of `tests`: the name, the usage, the spec and the policy.
pub(crate) fn corpus(folders: &[&str]) -> Vec<(String, String, String, Value)> {
    let mut all = Vec::new();
    for folder in folders {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(folder);
        for file in fs::read_dir(folder).unwrap() {
            let path = file.unwrap().path();
            let text = fs::read_to_string(&path).unwrap();
            let value: Value = serde_json::from_str(&text).unwrap();
            let field = |name: &str, other: &str| value[name].as_str().unwrap_or(other).to_owned();
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            let usage = field("usage", "ENCRYPT_DECRYPT");
            let spec = field("spec", "SYMMETRIC_DEFAULT");
            all.push((name, usage, spec, value["policy"].clone()));
        }
    }
    all.sort_by(|a, b| a.0.cmp(&b.0));
    all
}

pub(crate) fn request(folder: bool) -> Request {
    Request { stack: "found".parse().unwrap(), home: home(), names: BTreeMap::new(), folder }
}

pub(crate) fn read(stack: &Stack, keys: Vec<Selector>) -> Inventory {
    let places = BTreeSet::from([home(), elsewhere()]);
    stack.inventory(&Wanted { places, keys, consumers: false })
}

/// Resolves the exported files, which must be valid.
pub(crate) fn resolved(made: &Export) -> Desired {
    let folder = tempfile::tempdir().unwrap();
    let mut paths = vec![folder.path().join("kmsctl.yaml")];
    for (name, text) in &made.files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        kmsctl::store::write_atomic(&path, text.as_bytes()).unwrap();
    }
    if folder.path().join("keys").exists() {
        paths.push(folder.path().join("keys"));
    }
    let (mut loaded, diagnostics) = config::load(&Input { paths, ..Input::default() });
    let text = |d: kmsctl::decode::Diagnostics, sources: &kmsctl::decode::Sources| {
        d.without_objections().render(sources, false, None)
    };
    assert!(!diagnostics.has_errors(), "{}", text(diagnostics, &loaded.sources));
    let Place { account, region } = home();
    let (desired, diagnostics) = loaded.resolve(&Surroundings { account, region });
    let Some(mut desired) = desired else {
        panic!("{}", text(diagnostics, &loaded.sources));
    };
    desired.waive("2027-01-31");
    desired
}

#[track_caller]
pub(crate) fn assert_no_call(plan: &Plan, made: &Export) {
    let shown = || made.files.values().cloned().collect::<Vec<_>>().join("\n---\n");
    assert!(plan.steps.is_empty(), "{:#?}\n{}", plan.steps, shown());
    assert!(plan.blocked.is_empty(), "{:#?}\n{}", plan.blocked, shown());
}

/// Exports everything, plans with it, and exports again.
pub(crate) fn round_trip(stack: &mut Stack, folder: bool) -> (Inventory, Export) {
    let found = read(stack, Vec::new());
    let made = export(&found, &request(folder));
    stack.state = kmsctl::state::State::begin("found".parse().unwrap(), "found".to_owned());
    let desired = resolved(&made);
    assert_no_call(&stack.plan_only(&desired), &made);
    // What was not read for the export is not in the report either.
    let keys = stack.fake.keys_total();
    assert_eq!(found.keys.len() + found.left_out.len(), keys, "{:?}", found.left_out);
    let again = export(&read(stack, Vec::new()), &request(folder));
    assert_eq!(again.files, made.files);
    (found, made)
}

#[test]
fn the_plan_after_an_export_of_the_policies_of_accounts_makes_no_call() {
    let mut stack = Stack::new(1);
    let corpus = corpus(&["accounts"]);
    for (number, (name, usage, spec, policy)) in corpus.iter().enumerate() {
        let mut key = fake(number as u64, &home(), policy.clone());
        key.meta.usage.clone_from(usage);
        key.meta.spec.clone_from(spec);
        add(&stack, key, std::slice::from_ref(name));
    }
    let (_, made) = round_trip(&mut stack, true);
    let mut rates: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (address, lifted) in &made.lifted {
        if let Lifted::Document(why) = lifted {
            let names = ["statement", "`", "KMS"];
            assert!(names.iter().any(|name| why.contains(name)), "{address}: {why}");
        }
        let way = format!("{lifted:?}");
        let way = way.split('(').next().unwrap_or_default().to_owned();
        rates.entry(way).or_default().push(address.name.clone());
    }
    let count = |way: &str| rates.get(way).map_or(0, Vec::len);
    let lifted = count("Default") + count("Roles") + count("Statements");
    let total = corpus.len();
    assert!(lifted * 100 >= total * 80, "{lifted} of {total}: {rates:#?}");
}

/// Returns a key with properties and contents at random.
fn random_key(rng: &Rng, number: u64, policies: &[Value]) -> (FakeKey, Vec<String>) {
    let pick = |count: usize| rng.below(count as u64) as usize;
    let at = if rng.below(4) == 0 { elsewhere() } else { home() };
    let mut key = fake(number, &at, policies[pick(policies.len())].clone());
    let spec = &SPECS[if rng.below(2) == 0 { 0 } else { pick(SPECS.len()) }];
    key.meta.spec = spec.name.to_owned();
    key.meta.usage = spec.usages[pick(spec.usages.len())].to_owned();
    key.meta.description = TEXTS[pick(TEXTS.len())].to_owned();
    let origin = if spec.name == "SYMMETRIC_DEFAULT" { ORIGINS[pick(4)] } else { "AWS_KMS" };
    key.meta.origin = origin.to_owned();
    if origin.starts_with("AWS_CLOUDHSM") || origin.starts_with("EXTERNAL_KEY") {
        key.meta.custom_key_store_id = Some("cks-1234567890abcdef0".to_owned());
    }
    if origin == "EXTERNAL_KEY_STORE" {
        key.meta.xks_key_id = Some("bb8562717f809024".to_owned());
    }
    let states =
        ["Enabled", "Enabled", "Disabled", "PendingImport", "Unavailable", "PendingDeletion"];
    key.meta.state = states[pick(states.len())].to_owned();
    if key.meta.state == "PendingDeletion" {
        key.meta.deletion_date = Some("2027-01-31T00:00:00Z".to_owned());
    }
    key.meta.aws_managed = rng.below(12) == 0;
    if origin == "AWS_KMS" && spec.name == "SYMMETRIC_DEFAULT" && rng.below(2) == 0 {
        key.rotation = Some(90 + rng.below(2000) as u32);
    }
    for _ in 0..rng.below(4) {
        let (name, value) = (TEXTS[pick(TEXTS.len())], TEXTS[pick(TEXTS.len())]);
        if !name.is_empty() {
            key.tags.insert(name.to_owned(), value.to_owned());
        }
    }
    if rng.below(10) == 0 {
        key.tags.insert(STACK_TAG.to_owned(), "other".to_owned());
    }
    for number in 0..rng.below(4) {
        key.grants.push(random_grant(rng, number));
    }
    let names = ["prod/orders", "prod/billing", "prod-x", "app", "a_b", "team/one/two"];
    let aliases = (0..rng.below(3)).map(|n| format!("{}{number}-{n}", names[pick(names.len())]));
    (key, aliases.collect())
}

fn random_grant(rng: &Rng, number: u64) -> Listed {
    let grantees: [&str; 7] = [
        "arn:aws:iam::111122223333:role/app",
        "arn:aws:iam::111122223333:user/u",
        "arn:aws:iam::444455556666:role/theirs",
        "AROAABCDEFGHIJKLMNOPQ",
        "arn:aws:iam::444455556666:root",
        "dynamodb.eu-central-1.amazonaws.com",
        "arn:aws:iam::111122223333:role/aws-service-role/rds.amazonaws.com/AWSServiceRoleForRDS",
    ];
    let names = ["", "read it", "kmsctl:other:k/g:123", "plain"];
    let pairs =
        || Some(BTreeMap::from([("a".to_owned(), TEXTS[rng.below(14) as usize].to_owned())]));
    Listed {
        grant_id: format!("grant{number}{:08x}", rng.next() as u32),
        name: names[rng.below(4) as usize].to_owned(),
        grantee: grantees[rng.below(7) as usize].to_owned(),
        retiring: (rng.below(3) == 0).then(|| "arn:aws:iam::111122223333:role/retire".to_owned()),
        operations: ["Decrypt", "Encrypt"][..1 + rng.below(2) as usize]
            .iter()
            .map(|o| (*o).to_owned())
            .collect(),
        constraints: match rng.below(3) {
            0 => Some(Constraints { encryption_context_equals: pairs(), ..Constraints::default() }),
            1 => Some(Constraints { encryption_context_subset: pairs(), ..Constraints::default() }),
            _ => None,
        },
        issuer: (rng.below(5) == 0).then(|| "444455556666".parse().unwrap()),
    }
}

#[test]
fn the_plan_after_an_export_of_any_account_makes_no_call() {
    let policies: Vec<Value> = corpus(&["accounts", "guides"])
        .into_iter()
        .map(|(_, _, _, policy)| policy)
        .chain([default_policy()])
        .collect();
    for seed in 0..60 {
        let rng = Rng::new(seed);
        let mut stack = Stack::new(seed);
        for number in 0..1 + rng.below(12) {
            let (key, aliases) = random_key(&rng, number, &policies);
            add(&stack, key, &aliases);
        }
        round_trip(&mut stack, seed % 2 == 0);
    }
}

#[test]
fn multi_region_keys_are_exported_with_their_replicas() {
    let mut stack = Stack::new(1);
    let id = "mrk-1234abcd12ab34cd56ef1234567890ab";
    let related = |at: &Place, other: &Place| {
        let mut key = fake(1, at, default_policy());
        key.meta.arn = KeyArn::at(at, id);
        key.meta.multi_region = true;
        key.meta.primary_region = Some(home().region);
        key.meta.replicas = [other.region.clone()].into();
        key
    };
    add(&stack, related(&home(), &elsewhere()), &["shared".to_owned()]);
    let mut replica = related(&elsewhere(), &home());
    replica.meta.description = "the other one".to_owned();
    replica.policy["Statement"].as_array_mut().unwrap().push(json!({"Sid": "s", "Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::111122223333:role/app"}, "Action": "kms:Decrypt", "Resource": "*"}));
    add(&stack, replica, &["shared".to_owned()]);
    let (found, made) = round_trip(&mut stack, false);
    assert_eq!((found.keys.len(), made.names.len()), (2, 1));
    let text = &made.files["kmsctl.yaml"];
    assert!(text.contains("eu-west-1:\n") && text.contains("the other one"), "{text}");
    // A replica alone is no key of its own.
    let places = BTreeSet::from([elsewhere()]);
    let found = stack.inventory(&Wanted { places, ..Wanted::default() });
    let left: Vec<&LeftOut> = found.left_out.values().collect();
    assert_eq!(left, [&LeftOut::ReplicaOf(KeyArn::at(&home(), id))]);
}

#[test]
fn an_export_takes_at_most_five_requests_for_a_key_and_one_for_a_hundred_aliases() {
    let stack = Stack::new(1);
    for number in 0..250 {
        add(&stack, fake(number, &home(), default_policy()), &[format!("a{number:04}")]);
    }
    let before = stack.fake.log.borrow().len();
    let places = BTreeSet::from([home()]);
    let found = stack.inventory(&Wanted { places, ..Wanted::default() });
    assert_eq!(found.keys.len(), 250);
    // The pages of the stand-in's lists are shorter than AWS's.
    let log = stack.fake.log.borrow();
    let of_keys = log
        .iter()
        .skip(before)
        .filter(|(name, _)| !["ListKeys", "ListAliases"].contains(&name.as_str()));
    assert_eq!(of_keys.count(), 5 * 250);
    drop(log);
    // Keys that are named are not listed.
    let before = stack.fake.count("ListKeys");
    let some = read(&stack, vec!["a001*".parse().unwrap()]);
    assert_eq!(some.keys.len(), 10);
    assert!(some.unmatched.is_empty());
    let none = read(&stack, vec!["nosuch".parse().unwrap()]);
    assert_eq!(none.unmatched, ["alias/nosuch"]);
    // The ARN of an alias names its place.
    let arn = |region| format!("arn:aws:kms:{region}:111122223333:alias/a0011").parse().unwrap();
    assert_eq!(read(&stack, vec![arn("eu-central-1")]).keys.len(), 1);
    assert_eq!(read(&stack, vec![arn("eu-west-1")]).unmatched.len(), 1);
    assert_eq!(stack.fake.count("ListKeys"), before);
}

/// What a plan would refuse or change is not exported.
#[test]
fn a_key_of_any_stack_and_a_policy_with_a_placeholder_are_left_alone() {
    let stack = Stack::new(1);
    let mut marked = fake(1, &home(), default_policy());
    marked.tags.insert(STACK_TAG.to_owned(), "not a name!".to_owned());
    let marked = add(&stack, marked, &[]);
    let mut policy = default_policy();
    let mut literal = root();
    literal["Sid"] = "Literal".into();
    literal["Condition"] = json!({"StringEquals": {"kms:EncryptionContext:key": "${aws.key_arn}"}});
    policy["Statement"].as_array_mut().unwrap().push(literal);
    let placeholder = add(&stack, fake(2, &home(), policy), &["placeholder".to_owned()]);
    let found = read(&stack, Vec::new());
    assert_eq!(found.left_out[&marked], LeftOut::OfStack("not a name!".to_owned()));
    let made = export(&found, &request(false));
    let why = |name: &str| match &made.lifted[&crate::build::key_at(name)] {
        Lifted::Left(why) => why.clone(),
        _ => String::new(),
    };
    assert!(found.keys.contains_key(&placeholder));
    assert!(why("placeholder").contains("${aws.key_arn}"), "{:?}", made.lifted);
}

#[test]
fn names_are_those_that_a_person_would_give() {
    let stack = Stack::new(1);
    let key = |number: u64, description: &str| {
        let mut key = fake(number, &home(), default_policy());
        key.meta.description = description.to_owned();
        key
    };
    let arns = [
        add(&stack, key(1, "x"), &["prod/orders".to_owned(), "prod/zz".to_owned()]),
        add(&stack, key(2, "x"), &["prod/team/billing".to_owned()]),
        add(&stack, key(3, "The key for the payroll of Europe"), &[]),
        add(&stack, key(4, ""), &["prod/null".to_owned()]),
        add(&stack, key(5, "payroll Europe"), &[]),
    ];
    let mut tagged = key(6, "x");
    tagged.tags.insert("Name".to_owned(), "Search index".to_owned());
    add(&stack, tagged, &[]);
    let found = read(&stack, Vec::new());
    let made = export(&found, &request(false));
    let names: Vec<&str> = made.names.values().map(kmsctl::id::Name::as_str).collect();
    let expected = [
        "orders",
        "team-billing",
        "payroll-europe-00000003",
        "null",
        "payroll-europe-00000005",
        "Search-index",
    ];
    assert_eq!(names, expected);
    assert!(resolved(&made).resources.contains_key(&crate::build::key_at("null")));
    // Given names are kept, and the others make way.
    let mut d = kmsctl::decode::Diagnostics::default();
    let given =
        names_in(&format!("\"{}\": orders\n\"{}\": team-billing\n", arns[3], arns[0]), &mut d);
    assert_eq!(d.first_error(), None);
    let again = export(&found, &Request { names: given, ..request(false) });
    let names: Vec<&str> = again.names.values().map(kmsctl::id::Name::as_str).collect();
    assert_eq!(
        names[..4],
        ["team-billing", "team-billing-00000002", "payroll-europe-00000003", "orders"]
    );
    assert_eq!(names_in(&names_text(&again.names), &mut d), again.names);
    assert!(names_in("\"x\": y\n", &mut d).is_empty() && d.first_error().is_some());
}

#[test]
fn names_of_other_keys_are_kept_and_none_differ_only_in_case() {
    let stack = Stack::new(1);
    let arns: Vec<KeyArn> = ["App", "app", "free"]
        .iter()
        .enumerate()
        .map(|(number, alias)| {
            add(&stack, fake(number as u64, &home(), default_policy()), &[(*alias).to_owned()])
        })
        .collect();
    let elsewhere = KeyArn::at(&home(), "0000ffff-12ab-34cd-56ef-1234567890ab");
    let names = BTreeMap::from([(elsewhere, "free".parse().unwrap())]);
    let made = export(&read(&stack, Vec::new()), &Request { names, ..request(false) });
    let names: Vec<&str> = arns.iter().map(|arn| made.names[arn].as_str()).collect();
    assert_eq!(names, ["App-00000000", "app-00000001", "free-00000002"]);
}

#[test]
fn what_a_policy_has_of_others_is_said() {
    let mut stack = Stack::new(1);
    let statement = |sid: &str, who: &str| json!({"Sid": sid, "Effect": "Allow", "Principal": {"AWS": who}, "Action": "kms:Decrypt", "Resource": "*"});
    let mut policy = default_policy();
    let of = |statement: Value| {
        let mut policy = policy.clone();
        policy["Statement"].as_array_mut().unwrap().push(statement);
        policy
    };
    let sid = format!("{}mine", kmsctl::kind::key::Shared::prefix(&"other".parse().unwrap()));
    let shared = of(statement(&sid, "arn:aws:iam::111122223333:role/app"));
    let dead = of(statement("x", "AROAABCDEFGHIJKLMNOPQ"));
    add(&stack, fake(1, &home(), shared), &["shared".to_owned()]);
    add(&stack, fake(2, &home(), dead), &["dead".to_owned()]);
    policy["Statement"][0]["Sid"] = json!("kmsctl is a good name");
    add(&stack, fake(3, &home(), policy), &["plain".to_owned()]);
    let (_, made) = round_trip(&mut stack, false);
    let lifted = |name: &str| &made.lifted[&crate::build::key_at(name)];
    let Lifted::Left(why) = lifted("shared") else { panic!("{:?}", made.lifted) };
    assert!(why.contains("a stack has statements of its own"), "{why}");
    assert_eq!(lifted("plain"), &Lifted::Default);
    let told = made
        .notes
        .iter()
        .any(|(name, note)| name.as_str() == "dead" && note.contains("AROAABCDEFGHIJKLMNOPQ"));
    assert!(told, "{:?}", made.notes);
}

#[test]
fn a_key_is_selected_with_its_replicas_and_one_that_cannot_be_read_ends_nothing() {
    let stack = Stack::new(1);
    let id = "mrk-1234abcd12ab34cd56ef1234567890ab";
    let related = |at: &Place, other: &Place| {
        let mut key = fake(1, at, default_policy());
        key.meta.arn = KeyArn::at(at, id);
        key.meta.multi_region = true;
        key.meta.primary_region = Some(home().region);
        key.meta.replicas = [other.region.clone()].into();
        key
    };
    add(&stack, related(&home(), &elsewhere()), &["shared".to_owned()]);
    add(&stack, related(&elsewhere(), &home()), &[]);
    let hidden = add(&stack, fake(2, &home(), default_policy()), &["hidden".to_owned()]);
    for selected in [home(), elsewhere()] {
        let found = read(&stack, vec![Selector::Key(KeyArn::at(&selected, id))]);
        assert_eq!(found.keys.len(), 2, "{:?}", found.left_out);
    }
    // A key with an id is in one of the places.
    let abroad = add(&stack, fake(3, &elsewhere(), default_policy()), &[]);
    let found = read(&stack, vec![abroad.id().parse().unwrap()]);
    assert!(
        found.keys.contains_key(&abroad) && found.left_out.is_empty() && found.unmatched.is_empty()
    );
    let missing = read(&stack, vec!["1234abcd-12ab-34cd-56ef-999999999999".parse().unwrap()]);
    assert_eq!(missing.unmatched.len(), 1);
    let lost: KeyArn = abroad
        .to_string()
        .replace(abroad.id(), "1234abcd-12ab-34cd-56ef-999999999999")
        .parse()
        .unwrap();
    let found = read(&stack, vec![Selector::Key(lost.clone())]);
    assert_eq!(found.left_out[&lost], LeftOut::Missing);
    let denied = ("GetKeyPolicy".to_owned(), hidden.id().to_owned());
    stack.fake.faults.borrow_mut().denied.insert(denied);
    let found = read(&stack, Vec::new());
    assert!(matches!(found.left_out[&hidden], LeftOut::Denied(_)), "{:?}", found.left_out);
    assert_eq!(found.keys.len(), 3);
}
