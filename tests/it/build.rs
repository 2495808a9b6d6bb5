//! Builds declarations without YAML.

use kmsctl::desired::{Declared, Desired};
use kmsctl::id::{KeyArn, Place};
use kmsctl::kind::address::Address;
use kmsctl::kind::key::{Metadata, NAME_TAG, Rotation, STACK_TAG};
use kmsctl::kind::{KeyFact, KeyRef, Kind, Spec, alias, grant, key};
use kmsctl::policy::{Document, Roles, build};
use std::collections::{BTreeMap, BTreeSet};

pub(crate) const ACCOUNT: &str = "111122223333";

pub(crate) fn place(region: &str) -> Place {
    Place { account: ACCOUNT.parse().unwrap(), region: region.parse().unwrap() }
}

pub(crate) fn home() -> Place {
    place("eu-central-1")
}

pub(crate) fn role(name: &str) -> String {
    format!("arn:aws:iam::{ACCOUNT}:role/{name}")
}

/// Returns a policy with users, and with the account-root statement if `root` is set.
pub(crate) fn policy(root: bool, users: &[&str]) -> Document {
    let users: Vec<String> = users.iter().map(|user| role(user)).collect();
    let roles = Roles {
        partition: "aws",
        account: ACCOUNT,
        usage: None,
        asymmetric: false,
        delegate_to_iam: root,
        administrators: &[],
        users: &users,
        decrypt_only: &[],
        encrypt_only: &[],
        statements: &[],
    };
    Document::parse(&build(&roles), "aws").expect("a policy")
}

pub(crate) fn address(kind: impl Into<Kind>, name: &str) -> Address {
    Address::new(kind, name)
}

pub(crate) fn key_at(name: &str) -> Address {
    address(Kind::Key, name)
}

pub(crate) fn empty() -> Desired {
    Desired {
        destroys: false,
        stack: "stack".parse().unwrap(),
        home: home(),
        resources: BTreeMap::new(),
        delete: std::collections::BTreeSet::new(),
        forget: BTreeSet::new(),
        untag: BTreeSet::new(),
        accepted_uses: BTreeMap::new(),
        accepted_grants: BTreeMap::new(),
        moved: BTreeMap::new(),
        accounts: BTreeMap::new(),
        existing: BTreeSet::new(),
        key_facts: BTreeMap::new(),
        outer: None,
        gate_files: BTreeMap::new(),
        new_waivers: Vec::new(),
        gates: kmsctl::policy::gates::Gates::default(),
        base: None,
        findings: Vec::new(),
        waivers: Vec::new(),
    }
}

/// Adds resources to a declaration.
pub(crate) trait Declare: Sized {
    fn add(self, address: Address, spec: Spec, place: Place) -> Self;
    fn key_in(self, name: &str, place: Place, change: impl FnOnce(&mut key::Spec)) -> Self;
    fn key(self, name: &str, change: impl FnOnce(&mut key::Spec)) -> Self {
        self.key_in(name, home(), change)
    }
    fn alias(self, name: &str, key: &str) -> Self;
    fn grant(self, key: &str, name: &str, operations: &[&str]) -> Self;
    fn without(self, address: &Address) -> Self;
    fn protect(self, key: &str) -> Self;
}

impl Declare for Desired {
    fn add(mut self, address: Address, spec: Spec, place: Place) -> Self {
        let declared = Declared::new(spec, place);
        self.resources.insert(address, declared);
        self
    }

    fn key_in(mut self, name: &str, place: Place, change: impl FnOnce(&mut key::Spec)) -> Self {
        let mut spec = key::Spec {
            spec: Some("SYMMETRIC_DEFAULT".to_owned()),
            usage: Some("ENCRYPT_DECRYPT".to_owned()),
            origin: None,
            multi_region: None,
            primary: None,
            primary_region: None,
            custom_key_store_id: None,
            xks_key_id: None,
            description: Some(format!("the key {name}")),
            enabled: Some(true),
            rotation: Some(Rotation::EveryDays(365)),
            policy: Some(policy(true, &["app"])),
            shared: None,
            allow_lockout: None,
            tags: BTreeMap::from([
                (STACK_TAG.to_owned(), "stack".to_owned()),
                (NAME_TAG.to_owned(), name.to_owned()),
                ("team".to_owned(), "core".to_owned()),
            ]),
            deletion_window_days: 30,
            deletion: None,
        };
        change(&mut spec);
        let fact = KeyFact {
            spec: spec.spec.clone().unwrap(),
            usage: spec.usage.clone().unwrap(),
            state: None,
            primary_region: None,
        };
        self.key_facts.insert(KeyRef::Managed(key_at(name)), fact);
        self.add(key_at(name), Spec::Key(spec), place)
    }

    fn alias(self, name: &str, key: &str) -> Self {
        let name = format!("alias/{name}");
        let place = self.resources.get(&key_at(key)).map_or_else(home, |d| d.place.clone());
        let target = KeyRef::Managed(key_at(key));
        let spec = alias::Spec { name: name.parse().unwrap(), target };
        self.add(address(Kind::Alias, &name), Spec::Alias(spec), place)
    }

    fn grant(self, key: &str, name: &str, operations: &[&str]) -> Self {
        let place = self.resources.get(&key_at(key)).map_or_else(home, |d| d.place.clone());
        let spec = grant::Spec {
            key: KeyRef::Managed(key_at(key)),
            grantee: role("batch"),
            retiring: None,
            operations: operations.iter().map(|op| (*op).to_owned()).collect(),
            constraints: None,
            issuer: None,
            id: None,
            superseded: BTreeSet::new(),
        };
        self.add(address(Kind::Grant, &format!("{key}/{name}")), Spec::Grant(spec), place)
    }

    fn without(mut self, address: &Address) -> Self {
        self.resources.remove(address);
        if address.kind == Kind::Key {
            self.key_facts.remove(&KeyRef::Managed(address.clone()));
        }
        self
    }

    fn protect(mut self, key: &str) -> Self {
        self.resources.get_mut(&key_at(key)).unwrap().protect = true;
        self
    }
}

/// Returns a key with rotation, a policy, an alias and a grant.
pub(crate) fn storage() -> Desired {
    empty().key("storage", |_| {}).alias("storage", "storage").grant(
        "storage",
        "batch",
        &["Decrypt"],
    )
}

/// Returns the metadata of an ordinary key.
pub(crate) fn metadata(arn: KeyArn, created: u64) -> Metadata {
    Metadata {
        arn,
        spec: "SYMMETRIC_DEFAULT".to_owned(),
        usage: "ENCRYPT_DECRYPT".to_owned(),
        origin: "AWS_KMS".to_owned(),
        state: "Enabled".to_owned(),
        created,
        description: String::new(),
        multi_region: false,
        custom_key_store_id: None,
        xks_key_id: None,
        deletion_date: None,
        aws_managed: false,
        primary_region: None,
        replicas: BTreeSet::new(),
    }
}
