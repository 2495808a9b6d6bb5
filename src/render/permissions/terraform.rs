//! Renders permissions as resources of Terraform.

use super::{title, words};
use crate::permissions::Permissions;

/// Returns a resource `aws_iam_policy` for each policy.
#[must_use]
pub fn terraform(permissions: &Permissions, stack: &str) -> String {
    let blocks = permissions.documents.iter().map(|document| {
        let name: Vec<&str> = words(&document.name).collect();
        let identity = permissions.identities.get(&document.account).map_or("", String::as_str);
        // Terraform replaces `${` and `%{` in strings (Terraform language, "Strings and templates").
        let policy = format!("{:#}", document.json()).replace("${", "$${").replace("%{", "%%{");
        format!(
            "# {}, for {identity}\nresource \"aws_iam_policy\" \"{}\" {{\n  name        = \"{}\"\n  description = \"kmsctl: {}\"\n  policy = jsonencode({})\n}}\n",
            document.part.about(),
            name.join("_"),
            title(stack, &document.name),
            document.part.about(),
            policy.replace('\n', "\n  ")
        )
    });
    blocks.collect::<Vec<_>>().join("\n")
}
