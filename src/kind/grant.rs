//! Grants. KMS cannot change a grant, so a change creates a new grant and then revokes the old one.
//!
//! A grant is recognised by its name, `kmsctl:<stack>:<key>/<grant>:<hash>`. The hash is computed
//! from the parameters, so a changed grant has another name. If a request repeats the name and all
//! parameters of a grant, KMS returns that grant (KMS API Reference, CreateGrant: `Name`). Grants
//! with other names belong to AWS services or to other owners, and are never changed.

pub(crate) mod aws;
mod forms;

pub use forms::{CONTEXT, MAX_PAIRS, is_source_arn, source_arns};

use super::call::calls;
use super::{Calls, Change, KeyFacts, KeyRef, Resource, Retry, Setting, Violation, key};
use crate::digest;
use crate::id::{AccountId, Name, Place};
use crate::kind::address::Address;
use crate::policy;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// What a request must have for a grant to allow it (KMS API Reference, GrantConstraints).
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Constraints {
    /// The encryption context must consist of these pairs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encryption_context_equals: Option<BTreeMap<String, String>>,
    /// The encryption context must contain these pairs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encryption_context_subset: Option<BTreeMap<String, String>>,
    /// The request must be made on behalf of the resource with this ARN.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_arn: Option<String>,
}

impl Constraints {
    /// Returns the constraint on the encryption context in the form of the evaluation of policies.
    #[must_use]
    pub fn context(&self) -> Option<policy::grants::Constraint> {
        let equals = self.encryption_context_equals.clone().map(policy::grants::Constraint::Equals);
        let subset = || self.encryption_context_subset.clone();
        equals.or_else(|| subset().map(policy::grants::Constraint::Subset))
    }
}

/// A grant on a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spec {
    /// The key.
    pub key: KeyRef,
    /// The grantee: the ARN of an identity, or a service principal.
    pub grantee: String,
    /// The principal that may retire the grant: the ARN of an identity, or a service principal.
    pub retiring: Option<String>,
    /// The names of the operations.
    pub operations: BTreeSet<String>,
    /// What a request must have, if anything.
    pub constraints: Option<Constraints>,
    /// The account that issues the grant, if it is not the key's.
    #[serde(rename = "account")]
    pub issuer: Option<AccountId>,
    /// The grant id. Never declared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The ids of further grants of the stack for the same address, which an interrupted change
    /// left. Never declared.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub superseded: BTreeSet<String>,
}

/// A grant as `ListGrants` reports it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are those of GrantListEntry")]
pub struct Listed {
    pub grant_id: String,
    pub name: String,
    pub grantee: String,
    pub retiring: Option<String>,
    pub operations: BTreeSet<String>,
    pub constraints: Option<Constraints>,
    /// The account that issued the grant, if `ListGrants` returns it.
    pub issuer: Option<AccountId>,
}

impl Listed {
    /// Returns the name in the address of the stack's grant that the name of this grant stands for. Whoever creates a
    /// grant chooses its name.
    #[must_use]
    pub fn marked(&self, stack: &Name) -> Option<&str> {
        Some(self.name.strip_prefix(&mark(stack))?.rsplit_once(':')?.0)
    }

    /// Returns whether an AWS service holds the grant, either as a service principal or with its role in the
    /// account.
    #[must_use]
    pub fn is_of_service(&self, account: &AccountId) -> bool {
        holder(&self.grantee, account).is_some()
    }
}

/// Returns the service that holds a grant on a key of an account, such as `rds`: a service principal, or its role in
/// the account. IAM reserves the path of service-linked roles, but paths of other identities can contain the text of an
/// ARN.
#[must_use]
pub fn holder<'a>(grantee: &'a str, account: &AccountId) -> Option<&'a str> {
    if policy::is_service(grantee) {
        return grantee.split('.').next();
    }
    let fields: Vec<&str> = grantee.splitn(6, ':').collect();
    let ["arn", _, service, "", owner, resource] = fields.as_slice() else {
        return None;
    };
    if *owner != account.as_str() {
        return None;
    }
    match *service {
        "iam" => resource.strip_prefix("role/aws-service-role/")?.split(['.', '/']).next(),
        "sts" => resource.strip_prefix("assumed-role/aws:ec2-infrastructure/").map(|_| "ec2"),
        _ => None,
    }
}

calls! {
    /// The calls that change a grant.
    pub enum Call {
        CreateGrant {
            key_id: KeyRef,
            name: String,
            #[serde(default, skip_serializing_if = "Option::is_none")]
            grantee_principal: Option<String>,
            #[serde(default, skip_serializing_if = "Option::is_none")]
            grantee_service_principal: Option<String>,
            #[serde(default, skip_serializing_if = "Option::is_none")]
            retiring_principal: Option<String>,
            #[serde(default, skip_serializing_if = "Option::is_none")]
            retiring_service_principal: Option<String>,
            operations: BTreeSet<String>,
            #[serde(default, skip_serializing_if = "Option::is_none")]
            constraints: Option<Box<Constraints>>,
        },
        RevokeGrant {
            key_id: KeyRef,
            grant_id: String,
        },
    }
}

impl Call {
    /// Returns the ARNs of the identities that must exist for AWS to accept the call.
    #[must_use]
    pub fn principals(&self) -> Vec<String> {
        match self {
            Self::CreateGrant(call) => {
                call.retiring_principal.iter().chain(&call.grantee_principal).cloned().collect()
            }
            Self::RevokeGrant(_) => Vec::new(),
        }
    }
}

/// The operations that grants on every key can allow.
const ON_EVERY_KEY: [&str; 3] = ["CreateGrant", "RetireGrant", "DescribeKey"];

/// Returns the operations that a grant on a key of this spec and usage can allow (KMS Developer
/// Guide, "Grants in AWS KMS": grant operations); `None` for a spec or usage that is not known here.
#[must_use]
pub fn operations_for(spec: &str, usage: &str) -> Option<Vec<&'static str>> {
    let mut operations = match (key::rule(spec)?.family, usage) {
        (key::Family::Symmetric, _) => vec![
            "Encrypt",
            "Decrypt",
            "ReEncryptFrom",
            "ReEncryptTo",
            "GenerateDataKey",
            "GenerateDataKeyWithoutPlaintext",
            "GenerateDataKeyPair",
            "GenerateDataKeyPairWithoutPlaintext",
        ],
        (key::Family::Mac, _) => vec!["GenerateMac", "VerifyMac"],
        (_, key::SIGN) => vec!["Sign", "Verify", "GetPublicKey"],
        (_, key::AGREE) => vec!["DeriveSharedSecret", "GetPublicKey"],
        (_, key::ENCAPSULATE) => vec!["Encapsulate", "Decapsulate", "GetPublicKey"],
        (_, key::ENCRYPT) => {
            vec!["Encrypt", "Decrypt", "ReEncryptFrom", "ReEncryptTo", "GetPublicKey"]
        }
        (key::Family::Asymmetric, _) => return None,
    };
    operations.extend(ON_EVERY_KEY);
    Some(operations)
}

/// Returns every operation that grants can allow.
#[must_use]
pub fn operations() -> BTreeSet<&'static str> {
    let usages =
        key::SPECS.iter().flat_map(|spec| spec.usages.iter().map(move |usage| (spec, usage)));
    usages.filter_map(|(spec, usage)| operations_for(spec.name, usage)).flatten().collect()
}

/// The kind of grants.
#[derive(Debug)]
pub struct Grant;

impl Resource for Grant {
    type Spec = Spec;
    type Call = Call;
    const SERVICE: &'static str = "kms";

    fn refs(spec: &Spec) -> Vec<&KeyRef> {
        vec![&spec.key]
    }

    /// AWS chooses the id.
    fn natural(_: &Spec, _: &Place) -> Option<String> {
        None
    }

    fn complete(declared: &Spec, live: &Spec, _: &Name) -> Spec {
        Spec { id: live.id.clone(), ..declared.clone() }
    }

    fn calls(change: Change<&Spec>, setting: &Setting<'_>) -> Result<Calls<Call>, Vec<Violation>> {
        let Setting { place, keys, .. } = *setting;
        let begins = prefix(setting.stack, setting.name);
        if let Some(to) = change.to() {
            supported(to, keys)?;
        }

        let mut calls = Calls::all_at(place, Vec::new());
        match change {
            Change::Create { to } => {
                creatable(to, keys)?;
                calls.first.push(create(place, to, &begins, None));
            }
            Change::Update { from, to } | Change::Import { from, to } => {
                if !same_access(from, to) {
                    creatable(to, keys)?;
                    calls.first.push(create(place, to, &begins, from.id.as_ref()));
                    calls.first.extend(from.id.iter().map(|id| revoke(place, from, id)));
                }
                calls.first.extend(from.superseded.iter().map(|id| revoke(place, from, id)));
            }
            Change::Delete { from } => {
                let ids = from.id.iter().chain(&from.superseded);
                calls.first.extend(ids.map(|id| revoke(place, from, id)));
            }
            Change::Forget { .. } => {}
        }
        Ok(calls)
    }

    fn retry(_: &Call) -> Retry {
        Retry::ProbeByName
    }

    fn changes_key(_: &Call) -> bool {
        true
    }
}

/// Returns whether two grants give the same access. Their grant ids may differ.
fn same_access(a: &Spec, b: &Spec) -> bool {
    let [a, b] = [a, b].map(|spec| Spec { id: None, superseded: BTreeSet::new(), ..spec.clone() });
    a == b
}

/// Refuses to create a grant on a key without key material.
fn creatable(to: &Spec, facts: &KeyFacts) -> Result<(), Vec<Violation>> {
    let waits = key::waits_for_material(&to.key, facts, "grant");
    waits.map_or(Ok(()), |violation| Err(vec![violation]))
}

fn supported(to: &Spec, facts: &KeyFacts) -> Result<(), Vec<Violation>> {
    let Some(fact) = facts.get(&to.key) else {
        return Ok(());
    };
    let Some(known) = operations_for(&fact.spec, &fact.usage) else {
        return Ok(());
    };
    let unsupported: Vec<&str> =
        to.operations.iter().map(String::as_str).filter(|op| !known.contains(op)).collect();
    if unsupported.is_empty() {
        return Ok(());
    }
    let (unsupported, known) = (unsupported.join(", "), known.join(", "));
    Err(vec![Violation::new(
        "operations",
        format!("a key of spec {} for {} does not support {unsupported}", fact.spec, fact.usage),
        format!("it supports {known}"),
    )])
}

/// Returns the call that revokes a grant. The call is sent to the Region of the key.
fn revoke(place: &Place, spec: &Spec, id: &str) -> (Place, Call) {
    let region = match &spec.key {
        KeyRef::Arn(arn) => &arn.region,
        KeyRef::Managed(_) | KeyRef::Alias(_) => &place.region,
    };
    let call = RevokeGrant { key_id: spec.key.clone(), grant_id: id.to_owned() }.into();
    (Place { account: place.account.clone(), region: region.clone() }, call)
}

/// Returns the call that creates a grant. The name depends on the parameters and on the replaced
/// grant. If a grantee was deleted and created again, the parameters are the same, and KMS would
/// return the old grant, which has no effect.
fn create(place: &Place, to: &Spec, begins: &str, instead_of: Option<&String>) -> (Place, Call) {
    let retiring = to.retiring.as_deref().unwrap_or_default();
    let mut parameters = format!("{}\0{retiring}\0", to.grantee).into_bytes();
    let rest = (&to.operations, &to.constraints, &to.issuer, instead_of);
    parameters.extend(serde_json::to_vec(&rest).unwrap_or_default());
    let hash = digest::short(parameters, 8);
    let [grantee_principal, grantee_service_principal] = by_type(Some(&to.grantee));
    let [retiring_principal, retiring_service_principal] = by_type(to.retiring.as_ref());
    let call = CreateGrant {
        key_id: to.key.clone(),
        name: format!("{begins}{hash}"),
        grantee_principal,
        grantee_service_principal,
        retiring_principal,
        retiring_service_principal,
        operations: to.operations.clone(),
        constraints: to.constraints.clone().map(Box::new),
    }
    .into();
    let issuer = to.issuer.clone().unwrap_or_else(|| place.account.clone());
    (Place { account: issuer, region: place.region.clone() }, call)
}

/// Returns a principal as an identity and as a service, of which `CreateGrant` takes one.
fn by_type(principal: Option<&String>) -> [Option<String>; 2] {
    match principal {
        Some(name) if policy::is_service(name) => [None, Some(name.clone())],
        principal => [principal.cloned(), None],
    }
}

/// Converts a grant to the form that the evaluation and comparison of policies use.
#[must_use]
pub fn in_policy_words(address: &Address, spec: &Spec) -> policy::grants::Grant {
    policy::grants::Grant {
        id: address.to_string(),
        grantee: spec.grantee.clone(),
        retiring: spec.retiring.clone(),
        operations: spec.operations.clone(),
        context: spec.constraints.as_ref().and_then(Constraints::context),
        source: spec.constraints.as_ref().and_then(|constraints| constraints.source_arn.clone()),
        ..policy::grants::Grant::default()
    }
}

/// Converts a grant of another owner to the form that the evaluation and comparison of policies use.
#[must_use]
pub fn listed_in_policy_words(grant: &Listed) -> policy::grants::Grant {
    policy::grants::Grant {
        id: grant.grant_id.clone(),
        grantee: grant.grantee.clone(),
        retiring: grant.retiring.clone(),
        operations: grant.operations.clone(),
        context: grant.constraints.as_ref().and_then(Constraints::context),
        source: grant.constraints.as_ref().and_then(|constraints| constraints.source_arn.clone()),
        ..policy::grants::Grant::default()
    }
}

/// Returns the prefix of the names of a stack's grants. It identifies the stack that a grant
/// belongs to.
#[must_use]
pub fn mark(stack: &Name) -> String {
    format!("{MARK}{stack}:")
}

/// The prefix of the names of the grants of every stack.
pub const MARK: &str = "kmsctl:";

/// Returns the prefix of the name of a grant, which a hash follows. `name` is the name in its
/// address.
fn prefix(stack: &Name, name: &str) -> String {
    format!("{}{name}:", mark(stack))
}

/// The grant to find.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// The stack.
    pub stack: &'a Name,
    /// The name in the grant's address.
    pub name: &'a str,
    /// The earlier name in the grant's address, if its key was moved.
    pub earlier: Option<&'a str>,
    /// The account and Region of its calls, unless it has an issuer.
    pub place: &'a Place,
    /// The declaration or, without one, the record.
    pub spec: &'a Spec,
    /// The recorded id. It finds the grant if the key was renamed. It is used only if the name of
    /// the grant has the prefix of the stack, and not that of another declared or recorded grant.
    pub recorded: Option<&'a str>,
    /// The names in the addresses of the stack's grants on the key.
    pub names: &'a BTreeSet<&'a str>,
    /// The id of a grant of another owner that is taken over.
    pub adopted: Option<&'a str>,
    /// The ids of all grants on the key that addresses take over.
    pub taken: &'a BTreeSet<&'a str>,
    /// Whether the grant is declared. Only then a grant of another owner can stand for it.
    pub is_declared: bool,
}

/// Returns the stack's grants on a key by the names in their addresses, which the names of the grants
/// contain. Every grant of a name but the oldest id is superseded.
#[must_use]
pub fn marked(
    stack: &Name,
    key: &KeyRef,
    place: &Place,
    listed: &[Listed],
) -> BTreeMap<String, (String, Spec)> {
    let mut ours: Vec<&Listed> = listed.iter().collect();
    ours.sort_by(|a, b| a.grant_id.cmp(&b.grant_id));
    let mut marked: BTreeMap<String, (String, Spec)> = BTreeMap::new();
    for grant in ours {
        let Some(name) = grant.marked(stack) else {
            continue;
        };
        if let Some((_, first)) = marked.get_mut(name) {
            first.superseded.insert(grant.grant_id.clone());
        } else {
            let spec = Spec {
                key: key.clone(),
                grantee: grant.grantee.clone(),
                retiring: grant.retiring.clone(),
                operations: grant.operations.clone(),
                constraints: grant.constraints.clone(),
                issuer: grant.issuer.clone().filter(|issuer| *issuer != place.account),
                id: Some(grant.grant_id.clone()),
                superseded: BTreeSet::new(),
            };
            marked.insert(name.to_owned(), (grant.grant_id.clone(), spec));
        }
    }
    marked
}

/// Finds the stack's grant among all grants of its key, and converts it to the form of a
/// declaration.
///
/// The grant that equals the wanted form is chosen. Every other one with its prefix, or with the
/// recorded or the adopted id, is superseded. If the stack has none, a grant of another owner that gives the same
/// access is returned, because a second one would not change anything. Returns `None` if there is no such grant.
#[must_use]
pub fn lift(wanted: Wanted<'_>, listed: &[Listed]) -> Option<(String, Spec)> {
    let Wanted {
        stack, name, earlier, place, recorded, names, adopted, taken, is_declared, ..
    } = wanted;
    let wanted = wanted.spec;
    let earlier = earlier.map(|name| prefix(stack, name));
    let (own, mark) = (prefix(stack, name), mark(stack));
    let mut ours: Vec<&Listed> = Vec::new();
    for grant in listed {
        let is_of_another = || {
            let named = grant.name.strip_prefix(&mark).and_then(|rest| rest.rsplit_once(':'));
            named.is_some_and(|(named, _)| named != name && names.contains(named))
        };
        let is_recorded =
            recorded == Some(&grant.grant_id) && grant.name.starts_with(&mark) && !is_of_another();
        let is_earlier = earlier.as_ref().is_some_and(|earlier| grant.name.starts_with(earlier));
        let is_adopted = adopted == Some(&grant.grant_id);
        if grant.name.starts_with(&own) || is_earlier || is_recorded || is_adopted {
            ours.push(grant);
        }
    }
    ours.sort_by(|a, b| a.grant_id.cmp(&b.grant_id));
    if ours.is_empty() && is_declared {
        // The grants of other stacks go with those stacks.
        let is_free = |grant: &&Listed| {
            !grant.name.starts_with(MARK) && !taken.contains(grant.grant_id.as_str())
        };
        let theirs = listed.iter().filter(is_free);
        ours.extend(theirs.filter(|grant| same_access(&lift_one(grant, wanted, place), wanted)));
        ours.sort_by(|a, b| a.grant_id.cmp(&b.grant_id));
        ours.truncate(1);
    }
    if ours.is_empty() {
        return None;
    }
    let current =
        ours.iter().position(|grant| same_access(&lift_one(grant, wanted, place), wanted));
    let current = ours.remove(current.unwrap_or_default());
    let mut spec = lift_one(current, wanted, place);
    spec.id = Some(current.grant_id.clone());
    spec.superseded = ours.iter().map(|grant| grant.grant_id.clone()).collect();
    Some((current.grant_id.clone(), spec))
}

/// Converts a grant to the form of a declaration, without its id.
fn lift_one(grant: &Listed, wanted: &Spec, place: &Place) -> Spec {
    Spec {
        grantee: grant.grantee.clone(),
        retiring: grant.retiring.clone(),
        operations: grant.operations.clone(),
        constraints: grant.constraints.clone(),
        issuer: match &grant.issuer {
            Some(issuer) if *issuer == place.account => None,
            Some(issuer) => Some(issuer.clone()),
            None => wanted.issuer.clone(),
        },
        superseded: BTreeSet::new(),
        ..wanted.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The paths of IAM can contain the text of an ARN.
    #[test]
    fn only_services_and_their_roles_in_the_account_are_services() {
        let account: AccountId = "123456789012".parse().unwrap();
        let of = |grantee: &str| holder(grantee, &account).map(str::to_owned);
        let linked = "arn:aws:iam::123456789012:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling";
        assert_eq!(of(linked).as_deref(), Some("autoscaling"));
        assert_eq!(of("rds.eu-west-1.amazonaws.com").as_deref(), Some("rds"));
        let instance = "arn:aws-cn:sts::123456789012:assumed-role/aws:ec2-infrastructure/i-1";
        assert_eq!(of(instance).as_deref(), Some("ec2"));
        for stranger in [
            "arn:aws:iam::666666666666:user/:123456789012:role/aws-service-role/Evil",
            "arn:aws:iam::666666666666:role/x:123456789012:assumed-role/aws:ec2-infrastructure/y",
            "arn:aws:iam::666666666666:role/aws-service-role/rds.amazonaws.com/AWSServiceRoleForRDS",
            "arn:aws:iam::123456789012:role/x/aws-service-role/rds.amazonaws.com/R",
            "arn:aws:sts::123456789012:assumed-role/x/aws:ec2-infrastructure",
            "arn:aws:iam::123456789012:user/rds.amazonaws.com",
        ] {
            assert_eq!(of(stranger), None, "{stranger}");
        }
    }
}
