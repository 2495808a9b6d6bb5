//! Auto Scaling groups. kmsctl does not manage groups: it derives statements, grants and roles from them.
//! A service-linked role launches a group's instances, and nobody can change that role's IAM policy. In
//! the key's account, the key policy must name the role; from another account, the policy lets that
//! account in, and the account issues a grant for the role (EC2 Auto Scaling User Guide, "Required AWS KMS
//! key policy for use with encrypted volumes").

use super::super::Context;
use crate::config::raw::{self, AutoScaling, Part, RoleIs, Settable, Text};
use crate::config::{Diagnostic, Spanned};
use crate::id::{AccountId, Place, RoleSuffix};
use crate::kind::address::Address;
use crate::kind::consumer::Encryption;
use crate::kind::service_linked_role::Spec as Role;
use crate::kind::{KeyRef, Kind, Spec, grant};
use crate::policy::{Need, PrincipalSet};
use crate::tree::Span;
use std::collections::BTreeSet;

const USE: [&str; 5] =
    ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"];
const GRANT: [&str; 1] = ["kms:CreateGrant"];

/// What the grant for a role of another account allows.
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

/// A group whose key and account are known.
struct Group<'a> {
    name: &'a Text,
    raw: &'a raw::AutoScalingGroup,
    key: KeyRef,
    /// Where the key is.
    at: Place,
    /// The account of the group.
    account: AccountId,
}

impl Context<'_> {
    pub(in super::super) fn auto_scaling(&mut self, raw: &AutoScaling) {
        for (name, group) in &raw.groups {
            if let Part(Some(group)) = group {
                self.group(name, group);
            }
        }
    }

    fn group(&mut self, name: &Text, raw: &raw::AutoScalingGroup) {
        let named = self.name(name);
        let key = self.group_key(&raw.key);
        let account = match &raw.account {
            Some(account) => self.issuer(account),
            None => Some(self.out.home.account.clone()),
        };
        let suffix = raw.suffix.as_ref().map(|text| self.parse::<RoleSuffix>(text));
        let (Some(_), Some((key, at)), Some(account)) = (named, key, account) else {
            return;
        };
        let suffix = match suffix {
            Some(None) => return,
            Some(Some(suffix)) => Some(suffix),
            None => None,
        };
        let Some(roles) = self.group_roles(raw, suffix) else {
            return;
        };
        let group = Group { name, raw, key, at, account };
        self.make_roles(&group, &roles);
        if group.account == group.at.account {
            self.let_roles(&group, &roles);
        } else {
            self.let_account(&group);
            self.grants_for(&group, &roles);
        }
    }

    /// The key of a group: one whose policy or grants are the stack's.
    fn group_key(&mut self, text: &Text) -> Option<(KeyRef, Place)> {
        let home = self.out.home.clone();
        let key = Settable::Value(text.clone());
        // The group's volumes are what it encrypts.
        let given = super::ebs::bare(Kind::EbsVolume, text, &key);
        let Some(Encryption::Key(key)) = self.encryption(&given, &home) else {
            return None;
        };
        let place = match &key {
            KeyRef::Managed(address) => {
                return Some((key.clone(), self.out.resources.get(address)?.place.clone()));
            }
            KeyRef::Arn(arn) if self.keys.contains_key(&text.value) => arn.place(),
            KeyRef::Arn(_) | KeyRef::Alias(_) => {
                let message = format!("statements cannot be derived for `{}`", text.value);
                let help = "its policy is not the stack's: name one of `keys`; a key of another \
                            account is declared there with `existing:`, and gets a grant";
                self.error(text.span, message, help);
                return None;
            }
        };
        if place.region != home.region && !self.gaps.region {
            let region = &home.region;
            let message = format!("`{}` is in {}, the stack in {region}", text.value, place.region);
            let help = "a key encrypts only in its own Region: name one there, or a replica";
            self.error(text.span, message, help);
        }
        Some((key, place))
    }

    /// The roles that launch a group's instances.
    fn group_roles(
        &mut self,
        raw: &raw::AutoScalingGroup,
        suffix: Option<RoleSuffix>,
    ) -> Option<Vec<Role>> {
        let mut wanted = vec![("autoscaling.amazonaws.com", suffix)];
        if raw.spot.as_ref().is_some_and(|spot| spot.value) {
            wanted.push(("spot.amazonaws.com", None));
        }
        let mut roles = Vec::new();
        for (service, suffix) in wanted {
            match service.parse().and_then(|service| Role::new(service, suffix)) {
                Ok(role) => roles.push(role),
                Err(bad) => {
                    let span = raw.suffix.as_ref().map_or(raw.span, |text| text.span);
                    self.error(span, bad.message, bad.help);
                    return None;
                }
            }
        }
        Some(roles)
    }

    /// The roles that are made where they are missing: of the stack's account, whose IAM is asked.
    fn make_roles(&mut self, group: &Group<'_>, roles: &[Role]) {
        let wish = group.raw.service_linked_role.as_ref();
        let own = group.account == self.out.home.account;
        if let Some(Spanned { value: RoleIs::Create, span }) = wish
            && !own
        {
            let help = "say `assume`: the account's first group makes it, or a stack of its own";
            let message =
                format!("the role is of account {}, where kmsctl makes none", group.account);
            self.error(*span, message, help);
        }
        if !own || wish.is_some_and(|wish| wish.value == RoleIs::Assume) {
            return;
        }
        for role in roles {
            if self.roles.contains_key(&role.name().to_lowercase()) {
                continue;
            }
            self.roles.insert(role.name().to_lowercase(), group.raw.span);
            let address = Address::new(Kind::ServiceLinkedRole, role.to_string());
            let home = self.out.home.clone();
            let spec = Spec::ServiceLinkedRole(role.clone());
            self.declare(address, group.raw.span, home, false, spec);
        }
    }

    /// In the key's account: the roles themselves.
    fn let_roles(&mut self, group: &Group<'_>, roles: &[Role]) {
        let Some(key) = group.key.managed().cloned() else {
            let message = format!("statements cannot be derived for `{}`", group.key);
            let help = "its policy is not the stack's: derive them in the stack that has the key";
            self.error(group.raw.key.span, message, help);
            return;
        };
        let arns: BTreeSet<String> = roles.iter().map(|role| role.arn(&group.at)).collect();
        let who = || PrincipalSet::ServiceRoles(arns.clone());
        let granting = Need::new("AllowAutoScalingGrants", who(), &GRANT);
        let needs = [
            Need::new("AllowAutoScalingUse", who(), &USE),
            granting.when("Bool", "kms:GrantIsForAWSResource", "true"),
        ];
        self.derive_for(&source(group), key, &needs);
    }

    /// From another account: that account, and the grant that it makes by kmsctl's hand. That is no
    /// service's, so the second statement has no `kms:GrantIsForAWSResource`.
    fn let_account(&mut self, group: &Group<'_>) {
        let Some(key) = group.key.managed().cloned() else {
            return;
        };
        let root = format!("arn:{}:iam::{}:root", self.partition, group.account);
        let who = || PrincipalSet::Identities(BTreeSet::from([root.clone()]));
        let needs = [
            Need::new("AllowAutoScalingAccountUse", who(), &USE),
            Need::new("AllowAutoScalingAccountGrants", who(), &GRANT),
        ];
        self.derive_for(&source(group), key, &needs);
    }

    fn grants_for(&mut self, group: &Group<'_>, roles: &[Role]) {
        // An alias of a key of the stack stands for it, too.
        let on = group.key.managed().map_or(&group.raw.key.value, |address| &address.name);
        let there = Place { account: group.account.clone(), region: group.at.region.clone() };
        for (n, role) in roles.iter().enumerate() {
            let end = if n == 0 { "" } else { "-spot" };
            let name = Text { value: format!("{}{end}", group.name.value), span: group.name.span };
            let Some(name) = self.name(&name) else {
                continue;
            };
            let address = Address::new(Kind::Grant, format!("{on}/{name}"));
            if let Some(first) = self.places.get(&address).copied() {
                self.twice(group.name.span, first, &address);
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
            let span = group.name.span;
            self.declare(address, span, group.at.clone(), false, Spec::Grant(spec));
        }
    }

    fn twice(&mut self, span: Span, first: Span, address: &Address) {
        let error = Diagnostic::error(span, format!("`{address}` is declared twice"));
        self.d.push(
            error
                .also(first, "first here")
                .help("the group's grant has the group's name: give one of the two another name"),
        );
    }
}

fn source(group: &Group<'_>) -> String {
    format!("auto_scaling/{}", group.name.value)
}
