//! Service-linked roles.

use super::Context;
use crate::config::Diagnostic;
use crate::config::raw::ServiceLinkedRole;
use crate::id::RoleSuffix;
use crate::kind::address::Address;
use crate::kind::service_linked_role::{Service, Spec as Role};
use crate::kind::{Kind, Spec};

impl Context<'_> {
    pub(super) fn service_linked_role(&mut self, raw: &ServiceLinkedRole) {
        let known = "a service whose role kmsctl can make";
        let service = self.known(known, &raw.service, &Service::names());
        let suffix = raw.suffix.as_ref().map(|text| self.parse::<RoleSuffix>(text));
        let Some(service) = service.and_then(|name| name.parse::<Service>().ok()) else {
            return;
        };
        let suffix = match suffix {
            Some(None) => return,
            Some(Some(suffix)) => Some(suffix),
            None => None,
        };
        let role = match Role::new(service, suffix) {
            Ok(role) => role,
            Err(bad) => {
                let span = raw.suffix.as_ref().map_or(raw.span, |text| text.span);
                self.error(span, bad.message, bad.help);
                return;
            }
        };
        if let Some(first) = self.roles.insert(role.name().to_lowercase(), raw.span) {
            let message = format!("the role `{}` is declared twice", role.name());
            self.d.push(
                Diagnostic::error(raw.span, message)
                    .also(first, "first here")
                    .help("keep one of the two: IAM does not tell names apart by their case"),
            );
            return;
        }
        let address = Address::new(Kind::ServiceLinkedRole, role.to_string());
        let home = self.out.home.clone();
        self.declare(address, raw.span, home, false, Spec::ServiceLinkedRole(role));
    }
}
