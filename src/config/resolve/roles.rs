//! Service-linked roles.

use std::collections::BTreeMap;

use super::Resources;
use super::scope::{Scope, known, parse};
use crate::config::records::ServiceLinkedRole;
use crate::decode::{Diagnostic, Diagnostics, Part};
use crate::desired::Declared;
use crate::id::RoleSuffix;
use crate::kind::service_linked_role::{Service, Spec as Role};
use crate::kind::{Address, ConsumerSpec, Kind, Spec};
use crate::tree::Span;

/// The declared service-linked roles.
#[derive(Debug, Default)]
pub(super) struct Roles {
    pub(super) resources: Resources,
    /// The positions of the declarations by the names in lower case: IAM ignores the case of names.
    by_name: BTreeMap<String, Span>,
}

pub(super) fn resolve(
    declared: Option<&[Part<ServiceLinkedRole>]>,
    scope: &Scope<'_>,
    d: &mut Diagnostics,
) -> Roles {
    let mut roles = Roles::default();
    for declared in declared.into_iter().flatten().filter_map(|Part(role)| role.as_ref()) {
        if let Some(role) = role(declared, d)
            && let Some(first) = roles.add(&role, declared.span, scope)
        {
            let message = format!("the role `{}` is declared twice", role.name());
            d.push(
                Diagnostic::error(declared.span, message)
                    .also(first, "first here")
                    .help("keep one of the two: IAM ignores the case of names"),
            );
        }
    }
    roles
}

fn role(declared: &ServiceLinkedRole, d: &mut Diagnostics) -> Option<Role> {
    let what = "a service whose role kmsctl can create";
    let service = known(what, &declared.service, &Service::names(), d);
    let suffix = match &declared.suffix {
        Some(text) => Some(parse::<RoleSuffix>(text, d)?),
        None => None,
    };
    match Role::new(service?.parse().ok()?, suffix) {
        Ok(role) => Some(role),
        Err(bad) => {
            let span = declared.suffix.as_ref().map_or(declared.span, |text| text.span);
            d.error(span, bad.message, bad.help);
            None
        }
    }
}

impl Roles {
    /// Declares the roles that consumers need and AWS does not create with them.
    pub(super) fn needed_by(&mut self, consumers: &Resources, scope: &Scope<'_>) {
        for declared in consumers.values() {
            let service = declared.spec.as_consumer().and_then(ConsumerSpec::role);
            let role = service.and_then(|service| Role::new(service.parse().ok()?, None).ok());
            if let Some(role) = role {
                self.add(&role, declared.span, scope);
            }
        }
    }

    /// Declares a role. Returns the position of its declaration if it is declared already.
    pub(super) fn add(&mut self, role: &Role, span: Span, scope: &Scope<'_>) -> Option<Span> {
        let name = role.name().to_lowercase();
        if let Some(first) = self.by_name.get(&name) {
            return Some(*first);
        }
        self.by_name.insert(name, span);
        let address = Address::new(Kind::ServiceLinkedRole, role.to_string());
        let declared = Declared::new(Spec::ServiceLinkedRole(role.clone()), scope.home.clone());
        self.resources.insert(address, Declared { span, ..declared });
        None
    }
}
