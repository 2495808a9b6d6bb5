//! Findings about what carries marks of the stack or belongs to its keys, and is not declared.

use crate::plan::Finding;
use crate::plan::draft::Draft;

/// Returns the findings about undeclared aliases.
pub(in crate::plan) fn check(draft: &Draft<'_>) -> Vec<Finding> {
    let live = draft.live;
    let aliases = live.undeclared_aliases.iter().filter_map(|((place, name), key)| {
        let declared = draft.desired.resources.get(key)?;
        // A key that is taken over may have aliases of its earlier owner.
        if declared.adopt.is_some() {
            return None;
        }
        let region = &place.region;
        Some(Finding {
            rule: "undeclared-alias".to_owned(),
            address: key.clone(),
            message: format!(
                "`{name}` refers to this key and is not declared; AWS does not show who created it, so \
                 kmsctl does not delete it: declare it, or delete it with `aws kms delete-alias \
                 --alias-name {name} --region {region}`"
            ),
        })
    });
    aliases.collect()
}
