//! Roles that only AWS creates, each under a path of AWS.

/// Returns the path under which a role with such a name exists, if the last field of its ARN has another path.
///
/// Roles of IAM Identity Center are under `aws-reserved/sso.amazonaws.com/` (IAM Identity Center User Guide,
/// "Referencing permission sets in resource policies"), service-linked roles under `aws-service-role/` (IAM User Guide,
/// "Create a service-linked role").
pub(super) fn path_of(resource: &str) -> Option<&'static str> {
    let (path, name) = resource.strip_prefix("role/").map(|rest| match rest.rsplit_once('/') {
        Some((path, name)) => (path, name),
        None => ("", rest),
    })?;
    let owner = RESERVED.iter().find(|(prefix, _)| name.starts_with(prefix))?.1;
    let is_right = path.starts_with(owner.trim_end_matches('/')) || path.contains(['*', '?']);
    (!is_right).then_some(owner)
}

/// The beginnings of the names of such roles, with their paths.
const RESERVED: [(&str, &str); 2] = [
    ("AWSReservedSSO_", "aws-reserved/sso.amazonaws.com/"),
    ("AWSServiceRoleFor", "aws-service-role/"),
];
