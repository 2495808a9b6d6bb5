//! Handwritten plans for the tests.

use crate::id::Place;
use crate::kind::address::Address;
use crate::kind::{Call, Change, KeyRef, Kind, Spec, alias, grant, key};
use crate::plan::{
    Access, Base, Blocked, Drift, Drifts, FieldChange, Finding, Happened, Plan, PlannedCall, Step,
    Via, field,
};
use crate::policy::Document;
use crate::policy::lint::Severity;
use crate::render::words::changes;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

pub(super) const ARN: &str =
    "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";

pub(super) fn home() -> Place {
    Place { account: "111122223333".parse().unwrap(), region: "eu-west-1".parse().unwrap() }
}

pub(super) fn policy(extra: &[(&str, &str)]) -> Document {
    let mut statements = vec![json!({"Sid": "Root", "Effect": "Allow", "Action": "kms:*",
        "Principal": {"AWS": "arn:aws:iam::111122223333:root"}, "Resource": "*"})];
    for (sid, action) in extra {
        statements.push(json!({"Sid": sid, "Effect": "Allow", "Action": action, "Resource": "*",
            "Principal": {"AWS": "arn:aws:iam::111122223333:role/App"}}));
    }
    let text = json!({"Version": "2012-10-17", "Statement": statements}).to_string();
    Document::from_live(&text, "aws").unwrap()
}

pub(super) fn key_spec(description: &str, policy: Document, team: Option<&str>) -> key::Spec {
    let tags = team.map(|team| ("team".to_owned(), team.to_owned()));
    key::Spec {
        spec: None,
        usage: None,
        origin: None,
        multi_region: Some(true),
        primary: None,
        primary_region: None,
        custom_key_store_id: None,
        xks_key_id: None,
        description: Some(description.to_owned()),
        enabled: None,
        rotation: None,
        policy: Some(policy),
        shared: None,
        allow_lockout: None,
        tags: tags.into_iter().collect(),
        deletion_window_days: 30,
        deletion: None,
    }
}

pub(super) fn step(
    address: Address,
    change: Change<Spec>,
    id: Option<&str>,
    calls: Vec<Call>,
) -> Step {
    let planned = |call| PlannedCall { at: home(), call };
    Step {
        address,
        place: home(),
        record: None,
        fields: field::changes(change.from(), change.to()),
        change,
        id: id.map(str::to_owned),
        found: BTreeSet::new(),
        protect: false,
        calls: calls.into_iter().map(planned).collect(),
        last: Vec::new(),
        after: BTreeSet::new(),
        busy: None,
        reason: "not in AWS yet".to_owned(),
        risk: None,
    }
}

pub(super) fn empty() -> Plan {
    Plan {
        stack: "prod".parse().unwrap(),
        home: home(),
        roles: BTreeMap::new(),
        base: Base { lineage: "x".to_owned(), serial: 1 },
        steps: Vec::new(),
        blocked: Vec::new(),
        drift: Vec::new(),
        access: Vec::new(),
        findings: Vec::new(),
        same_access: BTreeSet::new(),
        found: BTreeMap::new(),
        taken: BTreeMap::new(),
        gates: BTreeMap::new(),
        untargeted: BTreeSet::new(),
        unchecked: Vec::new(),
        taken_with: BTreeMap::new(),
        let_go: BTreeMap::new(),
        scheduled: BTreeMap::new(),
        remember: BTreeMap::new(),
    }
}

pub(super) fn creation(description: &str) -> Plan {
    let storage = Address::new(Kind::Key, "storage");
    let document = policy(&[]);
    let target = KeyRef::Managed(storage.clone());
    let create = key::CreateKey {
        key_spec: None,
        key_usage: None,
        origin: None,
        multi_region: Some(true),
        custom_key_store_id: None,
        xks_key_id: None,
        description: Some(description.to_owned()),
        policy: Some(document.clone()),
        bypass_policy_lockout_safety_check: true,
        tags: vec![key::Tag { tag_key: "team".to_owned(), tag_value: "it's".to_owned() }],
    };
    let rotate = key::EnableKeyRotation { rotation_period_in_days: 365 };
    let to = key_spec(description, document.clone(), Some("it's"));
    let alias_name: crate::id::AliasName = "app".parse().unwrap();
    let of_alias = alias::Spec { name: alias_name.clone(), target: target.clone() };
    let grantee = "arn:aws:iam::444455556666:role/Batch".to_owned();
    let of_grant = grant::Spec {
        key: target.clone(),
        grantee: grantee.clone(),
        retiring: None,
        operations: ["Decrypt".to_owned()].into(),
        constraints: None,
        issuer: None,
        id: None,
        superseded: BTreeSet::new(),
    };
    let create_alias = alias::CreateAlias { alias_name, target_key_id: target.clone() };
    let create_grant = grant::CreateGrant {
        key_id: target,
        name: "kmsctl:prod:storage/batch:0".to_owned(),
        grantee_principal: Some(grantee),
        grantee_service_principal: None,
        retiring_principal: None,
        retiring_service_principal: None,
        operations: ["Decrypt".to_owned()].into(),
        constraints: None,
    };
    let mut plan = empty();
    let access = changes(None, Some(&document), &home()).into_iter().map(|change| Access {
        key: "key/storage".to_owned(),
        change,
        via: Via::Policy,
        source: storage.clone(),
        derived: BTreeSet::new(),
    });
    plan.access = access.collect();
    let create = vec![Call::Key(create.into()), Call::Key(rotate.into())];
    plan.steps = vec![
        step(storage, Change::Create { to: Spec::Key(to) }, None, create),
        step(
            Address::new(Kind::Alias, "app"),
            Change::Create { to: Spec::Alias(of_alias) },
            None,
            vec![Call::Alias(create_alias.into())],
        ),
        step(
            Address::new(Kind::Grant, "storage/batch"),
            Change::Create { to: Spec::Grant(of_grant) },
            None,
            vec![Call::Grant(create_grant.into())],
        ),
    ];
    plan
}

pub(super) fn update(text: &str) -> Plan {
    let storage = Address::new(Kind::Key, "storage");
    let (before, after) = (policy(&[]), policy(&[("App", "kms:Decrypt")]));
    let access = changes(Some(&before), Some(&after), &home()).into_iter().map(|change| Access {
        key: "key/storage".to_owned(),
        change,
        via: Via::Policy,
        source: storage.clone(),
        derived: BTreeSet::new(),
    });
    let put = key::PutKeyPolicy {
        policy_name: "default".to_owned(),
        policy: after.clone(),
        bypass_policy_lockout_safety_check: false,
    };
    let untag = key::UntagResource { tag_keys: vec!["team".to_owned()] };
    let calls = vec![Call::Key(put.into()), Call::Key(untag.into())];
    let change = Change::Update {
        from: Spec::Key(key_spec(text, before, Some(text))),
        to: Spec::Key(key_spec(text, after, None)),
    };
    let mut plan = empty();
    plan.access = access.collect();
    plan.steps = vec![step(storage.clone(), change, Some(ARN), calls)];
    plan.steps[0].reason = "differs".to_owned();
    plan.steps[0].risk = Some(text.to_owned());
    let field =
        FieldChange { path: "description".to_owned(), before: json!(null), after: json!(text) };
    plan.drift = vec![Drift {
        address: storage,
        happened: Happened::Changed,
        fields: vec![field],
        ignored: None,
    }];
    plan.blocked = vec![Blocked {
        address: Address::new(Kind::Key, "old"),
        field: String::new(),
        reason: format!("the key is protected {text}"),
        help: "set `protect: false`, apply, and then remove the key from the configuration".into(),
    }];
    plan.findings = vec![Finding {
        severity: Severity::Warning,
        rule: "wide".to_owned(),
        address: Address::new(Kind::Key, "storage"),
        message: text.to_owned(),
    }];
    plan
}

/// Returns a report of these differences only.
pub(super) fn drifts(drift: Vec<Drift>) -> Drifts {
    Drifts {
        stack: "prod".parse().unwrap(),
        home: home(),
        recorded: drift.len(),
        emptied: false,
        unrecorded: 0,
        drift,
        unreadable: Vec::new(),
        same_access: BTreeSet::new(),
        findings: Vec::new(),
    }
}
