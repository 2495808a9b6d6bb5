//! The mutating calls of KMS, with AWS's rules.

use super::aliases::change_alias;
use super::{FakeAws, FakeKey, NOW, Region, fail};
use kmsctl::answer::{CloudError, Fault, Outcome};
use kmsctl::id::{KeyArn, Place};
use kmsctl::kind::CallBindings;
use kmsctl::kind::grant::{Call as GrantCall, CreateGrant, Listed, RevokeGrant, operations_for};
use kmsctl::kind::key::{
    Call as KeyCall, CreateKey, EnableKeyRotation, Metadata, NONCE_TAG, PutKeyPolicy, ReplicateKey,
    ScheduleKeyDeletion, TagResource, UntagResource, UpdateKeyDescription, can_rotate, rule,
};
use kmsctl::kind::key_policy;
use kmsctl::kind::service_linked_role::Call as RoleCall;
use kmsctl::kind::{Call, KeyRef};
use kmsctl::policy::Document;
use serde_json::{Value, json};
use std::collections::BTreeMap;

pub(super) type Answer<T = Outcome> = Result<T, CloudError>;

/// The placeholder for a key's own ARN.
const OWN_ARN: &str = "${aws.key_arn}";

/// Returns a policy in the form in which AWS returns it.
fn reserialised(value: &Value, principal: bool) -> Value {
    match value {
        Value::Array(items) => items.iter().rev().map(|v| reserialised(v, principal)).collect(),
        Value::Object(map) => {
            let entries = map.iter().rev();
            let entries =
                entries.map(|(k, v)| (k.clone(), reserialised(v, principal || k == "Principal")));
            Value::Object(entries.collect())
        }
        Value::String(text) if principal && text.len() == 12 && text.parse::<u64>().is_ok() => {
            json!(format!("arn:aws:iam::{text}:root"))
        }
        other => other.clone(),
    }
}

fn policy(name: &'static str, text: &str, bypass: bool) -> Answer<Value> {
    let value: Value = serde_json::from_str(text)
        .map_err(|_| fail(name, Fault::Malformed, "MalformedPolicyDocument"))?;
    let kept = text.contains("kms:*") || text.contains("kms:Put");
    if !bypass && !kept {
        return Err(fail(
            name,
            Fault::Invalid,
            "the new key policy will not allow you to update it",
        ));
    }
    Ok(reserialised(&value, false))
}

pub(super) fn resolve(
    name: &'static str,
    key: &KeyRef,
    bindings: &CallBindings<'_>,
) -> Answer<KeyArn> {
    bindings
        .ids
        .and_then(|ids| key.resolve(ids))
        .ok_or_else(|| fail(name, Fault::Invalid, "a dangling reference"))
}

/// Refuses a call if the key is not `Enabled`.
/// Updates what related multi-Region keys share: the primary Region, the list of the others, and the rotation.
fn relate(
    regions: &mut BTreeMap<Place, Region>,
    id: &str,
    to: Option<&kmsctl::id::Region>,
    name: &'static str,
) -> Answer<()> {
    let mut keys: Vec<&mut FakeKey> =
        regions.values_mut().filter_map(|region| region.keys.get_mut(id)).collect();
    let all: std::collections::BTreeSet<_> =
        keys.iter().map(|key| key.meta.arn.region.clone()).collect();
    let Some(current) = keys[0].meta.primary_region.clone() else {
        return Ok(());
    };
    let primary = to.unwrap_or(&current);
    if !all.contains(primary) {
        return Err(fail(name, Fault::NotFound, "no replica in that Region"));
    }
    let rotation = keys.iter().find(|key| key.meta.arn.region == current).unwrap().rotation;
    for key in &mut keys {
        key.meta.primary_region = Some(primary.clone());
        key.rotation = rotation;
        let others = all.iter().filter(|region| **region != key.meta.arn.region);
        key.meta.replicas = others.cloned().collect();
    }
    Ok(())
}

/// Returns the state of a new key. Key material is imported into each replica by itself.
fn first_state(origin: &str) -> String {
    if origin == "EXTERNAL" { "PendingImport".to_owned() } else { "Enabled".to_owned() }
}

fn enabled(name: &'static str, key: &FakeKey) -> Answer<()> {
    match key.meta.state.as_str() {
        "Enabled" => Ok(()),
        state => Err(fail(name, Fault::InvalidState, &format!("{} is {state}", key.meta.arn))),
    }
}

pub(super) fn alive(name: &'static str, key: &FakeKey) -> Answer<()> {
    if key.meta.is_dying() {
        return Err(fail(
            name,
            Fault::InvalidState,
            &format!("{} is pending deletion", key.meta.arn),
        ));
    }
    Ok(())
}

impl FakeAws {
    pub(super) fn execute(
        &self,
        at: &Place,
        call: &Call,
        bindings: &CallBindings<'_>,
        name: &'static str,
    ) -> Answer {
        if let Call::Key(KeyCall::ReplicateKey(replicate)) = call {
            return self.replicate_key(at, replicate, bindings, name);
        }
        let mut regions = self.regions.borrow_mut();
        let region = regions.entry(at.clone()).or_default();
        match call {
            Call::Key(KeyCall::CreateKey(create)) => {
                self.create_key(at, region, create, bindings, name)
            }
            Call::Key(call) => {
                let arn = bindings.key.ok_or_else(|| fail(name, Fault::Invalid, "no key"))?;
                // The calls about the primary key name it by its id, wherever it is.
                let is_shared = matches!(
                    call,
                    KeyCall::EnableKeyRotation(_)
                        | KeyCall::DisableKeyRotation(_)
                        | KeyCall::UpdatePrimaryRegion(_)
                );
                let is_state = matches!(call, KeyCall::EnableKey(_) | KeyCall::DisableKey(_));
                if arn.place() != *at && !is_shared && !is_state {
                    return Err(fail(name, Fault::NotFound, "a key of another place"));
                }
                let key = region.keys.get_mut(arn.id());
                let key = key.ok_or_else(|| fail(name, Fault::NotFound, "no such key"))?;
                let elsewhere =
                    key.meta.primary_region.as_ref().is_some_and(|at| *at != key.meta.arn.region);
                if is_shared && elsewhere {
                    return Err(fail(name, Fault::Unsupported, "not the primary key"));
                }
                change_key(key, call, name)?;
                let to = match call {
                    KeyCall::UpdatePrimaryRegion(call) => Some(&call.primary_region),
                    _ => None,
                };
                relate(&mut regions, arn.id(), to, name)?;
                Ok(Outcome::Done)
            }
            Call::Alias(call) => change_alias(at, region, call, bindings, name),
            Call::ServiceLinkedRole(call) => self.create_role(at, call, name),
            Call::Grant(call) => {
                let (GrantCall::CreateGrant(CreateGrant { key_id, .. })
                | GrantCall::RevokeGrant(RevokeGrant { key_id, .. })) = call;
                let arn = resolve(name, key_id, bindings)?;
                let home = arn.place();
                if home.region != at.region {
                    return Err(fail(name, Fault::NotFound, "a key of another Region"));
                }
                let key = regions.get_mut(&home).and_then(|r| r.keys.get_mut(arn.id()));
                let key = key.ok_or_else(|| fail(name, Fault::NotFound, "no such key"))?;
                self.change_grant(at, key, call, name)
            }
            Call::KeyPolicy(key_policy::Call::PutKeyPolicy(call)) => {
                let arn = resolve(name, &call.key_id, bindings)?;
                if arn.place() != *at {
                    return Err(fail(name, Fault::NotFound, "a key of another place"));
                }
                let key = region.keys.get_mut(arn.id());
                let key = key.ok_or_else(|| fail(name, Fault::NotFound, "no such key"))?;
                key.policy = policy(name, &call.policy.to_json(), false)?;
                Ok(Outcome::Done)
            }
            _ => fail_other(name),
        }
    }

    /// Creates a role. A name that is in use is an error.
    fn create_role(&self, at: &Place, call: &RoleCall, name: &'static str) -> Answer {
        let arn = call.role().arn(at);
        let mut faults = self.faults.borrow_mut();
        if !faults.missing.remove(&arn) {
            return Err(fail(name, Fault::Invalid, "the name has been taken in this account"));
        }
        self.unseen.borrow_mut().insert(arn.clone(), faults.unseen);
        self.roles.borrow_mut().insert(arn, NOW);
        Ok(Outcome::Done)
    }

    fn create_key(
        &self,
        at: &Place,
        region: &mut Region,
        call: &CreateKey,
        bindings: &CallBindings<'_>,
        name: &'static str,
    ) -> Answer {
        let CreateKey {
            key_spec,
            key_usage,
            origin,
            multi_region,
            custom_key_store_id,
            xks_key_id,
            description,
            policy: document,
            bypass_policy_lockout_safety_check: bypass,
            tags,
        } = call;
        let spec = key_spec.clone().unwrap_or_else(|| "SYMMETRIC_DEFAULT".to_owned());
        let rule = rule(&spec).ok_or_else(|| fail(name, Fault::Invalid, "no such spec"))?;
        let usage = match key_usage {
            Some(usage) => usage.clone(),
            None if spec == "SYMMETRIC_DEFAULT" => "ENCRYPT_DECRYPT".to_owned(),
            None => return Err(fail(name, Fault::Invalid, "the usage is required")),
        };
        if !rule.usages.contains(&usage.as_str()) {
            return Err(fail(name, Fault::Invalid, "the usage does not fit the spec"));
        }
        let nonce = bindings.nonce.ok_or_else(|| fail(name, Fault::Invalid, "no nonce"))?;
        let mut all = BTreeMap::from([(NONCE_TAG.to_owned(), nonce.to_owned())]);
        for tag in tags {
            if all.insert(tag.tag_key.clone(), tag.tag_value.clone()).is_some() {
                return Err(fail(name, Fault::Invalid, "a tag twice"));
            }
        }
        if all.len() > 50 {
            return Err(fail(name, Fault::LimitExceeded, "more than 50 tags"));
        }
        let policy = match document.as_ref().map(Document::to_json) {
            Some(text) if text.contains(OWN_ARN) => {
                return Err(fail(name, Fault::Invalid, "MalformedPolicyDocument"));
            }
            Some(text) => policy(name, &text, *bypass)?,
            None => {
                let default = kmsctl::policy::aws_default("aws", at.account.as_str());
                serde_json::from_str(&default.to_json()).unwrap()
            }
        };
        let n = self.number();
        let id =
            format!("{:08x}-0000-4000-8000-{n:012x}", n.wrapping_mul(0x9e37_79b9) & 0xffff_ffff);
        let arn = KeyArn::at(at, &id);
        let origin = origin.clone().unwrap_or_else(|| "AWS_KMS".to_owned());
        let meta = Metadata {
            arn: arn.clone(),
            spec,
            usage,
            state: first_state(&origin),
            origin,
            created: self.creation_time(n),
            description: description.clone().unwrap_or_default(),
            multi_region: multi_region.unwrap_or(false),
            custom_key_store_id: custom_key_store_id.clone(),
            xks_key_id: xks_key_id.clone(),
            deletion_date: None,
            aws_managed: false,
            primary_region: multi_region.unwrap_or(false).then(|| at.region.clone()),
            replicas: std::collections::BTreeSet::new(),
        };
        let key = FakeKey { meta, policy, tags: all, rotation: None, grants: Vec::new() };
        self.unseen.borrow_mut().insert(id.clone(), self.faults.borrow().unseen);
        region.keys.insert(id, key);
        Ok(Outcome::Key(arn))
    }

    /// Creates a replica. It has the id of its primary, and its own policy, tags and description.
    fn replicate_key(
        &self,
        at: &Place,
        call: &ReplicateKey,
        bindings: &CallBindings<'_>,
        name: &'static str,
    ) -> Answer {
        let ReplicateKey { key_id, replica_region, description, policy: document, tags, .. } = call;
        let primary = resolve(name, key_id, bindings)?;
        let there = Place { account: at.account.clone(), region: replica_region.clone() };
        let mut regions = self.regions.borrow_mut();
        let found = regions.get(at).and_then(|region| region.keys.get(primary.id())).cloned();
        let found = found.ok_or_else(|| fail(name, Fault::NotFound, "no such key"))?;
        if !found.meta.multi_region {
            return Err(fail(name, Fault::Unsupported, "not a multi-Region key"));
        }
        if found.meta.primary_region.as_ref() != Some(&at.region) {
            return Err(fail(name, Fault::Unsupported, "not the primary key"));
        }
        enabled(name, &found)?;
        let region = regions.entry(there.clone()).or_default();
        if region.keys.contains_key(primary.id()) {
            return Err(fail(name, Fault::AlreadyExists, "there is one in that Region"));
        }
        let nonce = bindings.nonce.ok_or_else(|| fail(name, Fault::Invalid, "no nonce"))?;
        let mut all = BTreeMap::from([(NONCE_TAG.to_owned(), nonce.to_owned())]);
        all.extend(tags.iter().map(|tag| (tag.tag_key.clone(), tag.tag_value.clone())));
        let policy = match document {
            Some(document) => policy(name, &document.to_json(), false)?,
            None => {
                let default = kmsctl::policy::aws_default("aws", at.account.as_str());
                serde_json::from_str(&default.to_json()).unwrap()
            }
        };
        let arn = KeyArn::at(&there, primary.id());
        let description = description.clone().unwrap_or_default();
        let replicas = std::collections::BTreeSet::new();
        let state = first_state(&found.meta.origin);
        let meta = Metadata { arn: arn.clone(), description, replicas, state, ..found.meta };
        let key = FakeKey { meta, policy, tags: all, rotation: None, grants: Vec::new() };
        region.keys.insert(arn.id().to_owned(), key);
        relate(&mut regions, primary.id(), None, name)?;
        Ok(Outcome::Key(arn))
    }

    /// Makes the key of another Region the primary key, outside of kmsctl.
    pub(crate) fn fail_over(&self, name: &str, to: &str) {
        let id = self.key(name).meta.arn.id().to_owned();
        relate(&mut self.regions.borrow_mut(), &id, Some(&to.parse().unwrap()), "").unwrap();
    }

    fn change_grant(
        &self,
        at: &Place,
        key: &mut FakeKey,
        call: &GrantCall,
        name: &'static str,
    ) -> Answer {
        match call {
            GrantCall::CreateGrant(CreateGrant {
                name: grant,
                grantee_principal,
                grantee_service_principal,
                retiring_principal,
                retiring_service_principal,
                operations,
                constraints,
                ..
            }) => {
                enabled(name, key)?;
                let grantee = match (grantee_principal, grantee_service_principal) {
                    (Some(one), None) => one,
                    (None, Some(service)) => {
                        let source = constraints.as_ref().and_then(|c| c.source_arn.as_ref());
                        let retires =
                            retiring_principal.is_some() || retiring_service_principal.is_some();
                        if source.is_none() || !retires {
                            return Err(fail(name, Fault::Invalid, "a service needs both"));
                        }
                        service
                    }
                    _ => return Err(fail(name, Fault::Invalid, "not exactly one grantee")),
                };
                let known = operations_for(&key.meta.spec, &key.meta.usage).unwrap();
                if operations.is_empty()
                    || !operations.iter().all(|op| known.contains(&op.as_str()))
                {
                    return Err(fail(
                        name,
                        Fault::Invalid,
                        "operations that the key does not have",
                    ));
                }
                let mut listed = Listed {
                    grant_id: String::new(),
                    name: grant.clone(),
                    grantee: grantee.clone(),
                    retiring: retiring_principal.clone().or(retiring_service_principal.clone()),
                    operations: operations.clone(),
                    constraints: constraints.as_deref().cloned(),
                    issuer: Some(at.account.clone()),
                };
                let same = key.grants.iter().find(|g| {
                    listed.grant_id.clone_from(&g.grant_id);
                    !g.name.is_empty() && **g == listed
                });
                if let Some(same) = same {
                    return Ok(Outcome::Grant(same.grant_id.clone()));
                }
                listed.grant_id = format!("{:064x}", self.number());
                let id = listed.grant_id.clone();
                key.grants.push(listed);
                Ok(Outcome::Grant(id))
            }
            GrantCall::RevokeGrant(RevokeGrant { grant_id, .. }) => {
                let before = key.grants.len();
                key.grants.retain(|g| g.grant_id != *grant_id);
                if key.grants.len() == before {
                    return Err(fail(name, Fault::NotFound, "no such grant"));
                }
                Ok(Outcome::Done)
            }
        }
    }
}

/// Returns whether KMS accepts a call about a key in this state.
pub(super) fn accepts(key: &FakeKey, call: &Call, name: &'static str) -> Answer<()> {
    match call {
        Call::Key(KeyCall::CreateKey(_)) => Ok(()),
        Call::Key(KeyCall::ReplicateKey(_)) | Call::Grant(GrantCall::CreateGrant(_)) => {
            enabled(name, key)
        }
        Call::Key(call) => change_key(&mut key.clone(), call, name).map(|_| ()),
        Call::Alias(_) => alive(name, key),
        _ => Ok(()),
    }
}

fn change_key(key: &mut FakeKey, call: &KeyCall, name: &'static str) -> Answer {
    match call {
        KeyCall::CreateKey(_) | KeyCall::ReplicateKey(_) => {
            return Err(fail(name, Fault::Other, "not here"));
        }
        KeyCall::CancelKeyDeletion(_) => {
            if !key.meta.is_dying() {
                return Err(fail(name, Fault::InvalidState, "is not pending deletion"));
            }
            key.meta.state = "Disabled".to_owned();
            key.meta.deletion_date = None;
        }
        KeyCall::EnableKey(_) => {
            alive(name, key)?;
            key.meta.state = "Enabled".to_owned();
        }
        KeyCall::DisableKey(_) => {
            alive(name, key)?;
            key.meta.state = "Disabled".to_owned();
        }
        KeyCall::UpdateKeyDescription(UpdateKeyDescription { description }) => {
            alive(name, key)?;
            key.meta.description.clone_from(description);
        }
        KeyCall::PutKeyPolicy(PutKeyPolicy {
            policy_name,
            policy: document,
            bypass_policy_lockout_safety_check,
        }) => {
            if policy_name != "default" {
                return Err(fail(name, Fault::NotFound, "no such policy"));
            }
            // The ARN replaces the placeholder when the call is sent.
            let text = document.to_json().replace(OWN_ARN, &key.meta.arn.to_string());
            key.policy = policy(name, &text, *bypass_policy_lockout_safety_check)?;
        }
        KeyCall::TagResource(TagResource { tags }) => {
            alive(name, key)?;
            let mut all = key.tags.clone();
            all.extend(tags.iter().map(|t| (t.tag_key.clone(), t.tag_value.clone())));
            if all.len() > 50 {
                return Err(fail(name, Fault::LimitExceeded, "more than 50 tags"));
            }
            key.tags = all;
        }
        KeyCall::UntagResource(UntagResource { tag_keys }) => {
            alive(name, key)?;
            key.tags.retain(|k, _| !tag_keys.contains(k));
        }
        KeyCall::EnableKeyRotation(EnableKeyRotation { rotation_period_in_days: days }) => {
            rotates(key, name)?;
            if !(90..=2560).contains(days) {
                return Err(fail(name, Fault::Invalid, "90 to 2560 days"));
            }
            key.rotation = Some(*days);
        }
        KeyCall::DisableKeyRotation(_) => {
            rotates(key, name)?;
            key.rotation = None;
        }
        // `relate` moves the primary key.
        KeyCall::UpdatePrimaryRegion(_) => {}
        KeyCall::ScheduleKeyDeletion(ScheduleKeyDeletion { pending_window_in_days: days }) => {
            alive(name, key)?;
            if !(7..=30).contains(days) {
                return Err(fail(name, Fault::Invalid, "7 to 30 days"));
            }
            key.meta.state = "PendingDeletion".to_owned();
            key.meta.deletion_date = Some(format!("in {days} days"));
        }
    }
    Ok(Outcome::Done)
}

fn rotates(key: &FakeKey, name: &'static str) -> Answer<()> {
    if !can_rotate(&key.meta.spec, &key.meta.origin) {
        return Err(fail(name, Fault::Unsupported, "this key does not rotate"));
    }
    enabled(name, key)
}

fn fail_other(name: &'static str) -> Answer {
    Err(fail(name, Fault::Invalid, "no call of KMS or IAM"))
}
