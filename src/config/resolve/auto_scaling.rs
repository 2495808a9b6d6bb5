//! Auto Scaling groups. kmsctl does not manage groups: it derives statements, grants and roles from them.
//! A service-linked role launches a group's instances, and the IAM policy of that role cannot be changed.
//! In the key's account, the key policy must name the role; from another account, the policy lets that
//! account in, and the account issues a grant for the role (EC2 Auto Scaling User Guide, "Required AWS
//! KMS key policy for use with encrypted volumes").

use std::collections::BTreeSet;

use super::Resources;
use super::accounts::Accounts;
use super::consumers::{KeyNames, Needs};
use super::keys::Keys;
use super::roles::Roles;
use super::scope::{Scope, parse};
use crate::config::records::{AutoScaling, AutoScalingGroup, RoleIs};
use crate::decode::{Diagnostic, Diagnostics, Part, Spanned, Text};
use crate::desired::Declared;
use crate::id::{AccountId, Name, Place, RoleSuffix};
use crate::kind::service_linked_role::Spec as Role;
use crate::kind::{Address, KeyRef, Kind, Spec, grant};
use crate::policy::{Need, PrincipalSet};

const USE: [&str; 5] =
    ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"];
const GRANT: [&str; 1] = ["kms:CreateGrant"];

/// The operations that the grant for a role of another account allows.
const OPERATIONS: [&str; 8] = [
    "Encrypt",
    "Decrypt",
    "ReEncryptFrom",
    "ReEncryptTo",
    "GenerateDataKey",
    "GenerateDataKeyWithoutPlaintext",
    "DescribeKey",
    "CreateGrant",
];

/// The results of earlier phases that this phase reads.
pub(super) struct Reads<'a> {
    pub(super) scope: &'a Scope<'a>,
    pub(super) accounts: &'a Accounts,
    pub(super) keys: &'a Keys,
}

/// The grants and statements that the groups need.
#[derive(Debug, Default)]
pub(super) struct Groups {
    /// The grants for roles of other accounts.
    pub(super) grants: Resources,
    /// The statements in the key policies.
    pub(super) needs: Vec<Needs>,
}

/// Returns the grants and statements that the groups need. Adds the roles that are created to
/// `roles`.
pub(super) fn resolve(
    declared: Option<&Option<AutoScaling>>,
    reads: &Reads<'_>,
    roles: &mut Roles,
    d: &mut Diagnostics,
) -> Groups {
    let mut out = Groups::default();
    let declared = declared.and_then(Option::as_ref);
    for (name, Part(group)) in declared.iter().flat_map(|section| &section.groups) {
        if let Some(raw) = group
            && let Some((group, launchers)) = group_of(name, raw, reads, d)
        {
            create_roles(&group, &launchers, reads.scope, roles, d);
            if group.account == group.at.account {
                out.needs.extend(allow_roles(&group, &launchers, d));
            } else {
                out.needs.extend(allow_account(&group, reads.scope));
                add_grants(&group, &launchers, reads, &mut out.grants, d);
            }
        }
    }
    out
}

/// A group without errors.
struct Group<'a> {
    name: &'a Text,
    raw: &'a AutoScalingGroup,
    key: KeyRef,
    /// The place of the key.
    at: Place,
    /// The account of the group.
    account: AccountId,
}

impl Group<'_> {
    /// The source that plans show beside the statements.
    fn source(&self) -> String {
        format!("auto_scaling/{}", self.name.value)
    }
}

/// Returns a group and the roles that launch its instances.
fn group_of<'a>(
    name: &'a Text,
    raw: &'a AutoScalingGroup,
    reads: &Reads<'_>,
    d: &mut Diagnostics,
) -> Option<(Group<'a>, Vec<Role>)> {
    let named = parse::<Name>(name, d);
    let key = key_of(&raw.key, reads, d);
    let account = match &raw.account {
        Some(account) => reads.accounts.id(account, reads.scope, d),
        None => Some(reads.scope.home.account.clone()),
    };
    let suffix = match &raw.suffix {
        Some(text) => Some(parse::<RoleSuffix>(text, d)?),
        None => None,
    };
    named?;
    let ((key, at), account) = (key?, account?);
    let launchers = launchers(raw, suffix, d)?;
    Some((Group { name, raw, key, at, account }, launchers))
}

/// Returns the key of a group, whose policy or grants must be the stack's, and the place of the key.
fn key_of(text: &Text, reads: &Reads<'_>, d: &mut Diagnostics) -> Option<(KeyRef, Place)> {
    let (scope, keys) = (reads.scope, reads.keys);
    let mut existing = BTreeSet::new();
    let mut names =
        KeyNames { scope, keys, place: scope.home, existing: &mut existing, is_removable: false };
    let key = names.named(text, d)?;
    names.check(text, &key, true, d);
    let place = match &key {
        KeyRef::Managed(address) => {
            return Some((key.clone(), keys.resources.get(address)?.place.clone()));
        }
        KeyRef::Arn(arn) if keys.names.contains_key(&text.value) => arn.place(),
        KeyRef::Arn(_) | KeyRef::Alias(_) => {
            let message = format!("statements cannot be derived for `{}`", text.value);
            let help = "its policy is not the stack's: name one of `keys`; declare a key of another \
                        account there with `existing:`, and it gets a grant";
            d.error(text.span, message, help);
            return None;
        }
    };
    if place.region != scope.home.region && !scope.gaps.region {
        let region = &scope.home.region;
        let message =
            format!("`{}` is in {}, but the stack is in {region}", text.value, place.region);
        let help = "a key encrypts only in its own Region: name a key or a replica in that Region";
        d.error(text.span, message, help);
    }
    Some((key, place))
}

/// Returns the roles that launch a group's instances.
fn launchers(
    raw: &AutoScalingGroup,
    suffix: Option<RoleSuffix>,
    d: &mut Diagnostics,
) -> Option<Vec<Role>> {
    let mut services = vec![("autoscaling.amazonaws.com", suffix)];
    if raw.spot.as_ref().is_some_and(|spot| spot.value) {
        services.push(("spot.amazonaws.com", None));
    }
    let mut roles = Vec::new();
    for (service, suffix) in services {
        match service.parse().and_then(|service| Role::new(service, suffix)) {
            Ok(role) => roles.push(role),
            Err(bad) => {
                let span = raw.suffix.as_ref().map_or(raw.span, |text| text.span);
                d.error(span, bad.message, bad.help);
                return None;
            }
        }
    }
    Some(roles)
}

/// Declares the roles that are created if they are missing. Only the IAM of the stack's account is asked.
fn create_roles(
    group: &Group<'_>,
    launchers: &[Role],
    scope: &Scope<'_>,
    roles: &mut Roles,
    d: &mut Diagnostics,
) {
    let is_own = group.account == scope.home.account;
    match &group.raw.service_linked_role {
        Some(Spanned { value: RoleIs::Create, span }) if !is_own => {
            let help = "set `assume`: EC2 Auto Scaling creates the role with the first group of the \
                        account, or another stack declares it";
            let message = format!(
                "kmsctl does not create roles in account {}, which is not the stack's",
                group.account
            );
            d.error(*span, message, help);
        }
        Some(Spanned { value: RoleIs::Assume, .. }) => {}
        Some(Spanned { value: RoleIs::Create, .. }) | None => {
            if is_own {
                for role in launchers {
                    roles.add(role, group.raw.span, scope);
                }
            }
        }
    }
}

/// Allows the roles themselves to use a key of their own account.
fn allow_roles(group: &Group<'_>, launchers: &[Role], d: &mut Diagnostics) -> Option<Needs> {
    if group.key.managed().is_none() {
        let message = format!("statements cannot be derived for `{}`", group.key);
        let help = "its policy is not the stack's: derive them in the stack that has the key";
        d.error(group.raw.key.span, message, help);
        return None;
    }
    let arns: BTreeSet<String> = launchers.iter().map(|role| role.arn(&group.at)).collect();
    let roles = PrincipalSet::ServiceRoles(arns);
    let needs = vec![
        Need::new("AllowAutoScalingUse", roles.clone(), &USE),
        Need::new("AllowAutoScalingGrants", roles, &GRANT).when(
            "Bool",
            "kms:GrantIsForAWSResource",
            "true",
        ),
    ];
    Some(Needs { source: group.source(), key: group.key.clone(), needs })
}

/// Allows another account to use the key, and to create the grant for its role. The grant is created by
/// kmsctl, not by a service, so the second statement has no `kms:GrantIsForAWSResource`.
fn allow_account(group: &Group<'_>, scope: &Scope<'_>) -> Option<Needs> {
    group.key.managed()?;
    let root = format!("arn:{}:iam::{}:root", scope.partition, group.account);
    let account = PrincipalSet::Identities(BTreeSet::from([root]));
    let needs = vec![
        Need::new("AllowAutoScalingAccountUse", account.clone(), &USE),
        Need::new("AllowAutoScalingAccountGrants", account, &GRANT),
    ];
    Some(Needs { source: group.source(), key: group.key.clone(), needs })
}

fn add_grants(
    group: &Group<'_>,
    launchers: &[Role],
    reads: &Reads<'_>,
    grants: &mut Resources,
    d: &mut Diagnostics,
) {
    // The group can name a key of the stack by its alias.
    let on = group.key.managed().map_or(&group.raw.key.value, |address| &address.name);
    let there = Place { account: group.account.clone(), region: group.at.region.clone() };
    for (n, role) in launchers.iter().enumerate() {
        let suffix = if n == 0 { "" } else { "-spot" };
        let value = format!("{}{suffix}", group.name.value);
        let Some(name) = parse::<Name>(&Text { value, span: group.name.span }, d) else {
            continue;
        };
        let address = Address::new(Kind::Grant, format!("{on}/{name}"));
        let first = reads.keys.resources.get(&address).or_else(|| grants.get(&address));
        if let Some(first) = first {
            d.push(
                Diagnostic::error(group.name.span, format!("`{address}` is declared twice"))
                    .also(first.span, "first here")
                    .help("the group's grant has the group's name: rename one of the two"),
            );
            continue;
        }
        let spec = grant::Spec {
            key: group.key.clone(),
            grantee: role.arn(&there),
            retiring: None,
            operations: OPERATIONS.iter().map(|name| (*name).to_owned()).collect(),
            constraints: None,
            issuer: Some(group.account.clone()),
            id: None,
            superseded: BTreeSet::new(),
        };
        let declared = Declared::new(Spec::Grant(spec), group.at.clone());
        grants.insert(address, Declared { span: group.name.span, ..declared });
    }
}
