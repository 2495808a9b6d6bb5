//! What a policy cannot bound, and what else its reader should know.

use super::documents::{ATTACHED, Document, LIMIT};
use super::requests::Request;
use super::statements::Permit;
use super::{Ask, Purpose};
use crate::id::AccountId;
use crate::kind::key::NAME_TAG;
use crate::text::counted;
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// Returns the notes, as sentences.
pub(super) fn notes(
    ask: &Ask<'_>,
    requests: &[Request],
    permits: &[Permit],
    documents: &[Document],
) -> Vec<String> {
    let mut notes = risks(ask, permits);
    notes.extend(unbounded(permits));
    notes.extend(left_out(ask, requests));
    notes.extend(parts(documents));
    notes
}

/// Names what the conditions cannot prevent.
fn risks(ask: &Ask<'_>, permits: &[Permit]) -> Vec<String> {
    let has = |sid: &str| permits.iter().any(|permit| permit.sid == sid);
    let mut notes = Vec::new();
    if has("TagNewKeys") {
        notes.push(format!(
            "A risk remains: a new key has no tags yet, so kms:TagResource at its creation can be bounded by the tags of \
             the request only, not by those of the key. An identity with TagNewKeys can set the tag kmsctl:stack={} on any \
             key whose policy leaves the decision to IAM, and then do to it what the statements on keys with this tag \
             allow. Prevent that with a service control policy, or give the statement only to reviewed runs (--split).",
            ask.desired.stack
        ));
    }
    let name = format!("aws:ResourceTag/{NAME_TAG}");
    let by_name = permits.iter().any(|permit| {
        (permit.action == "kms:ScheduleKeyDeletion" || permit.action.contains(":Delete"))
            && permit.conditions.iter().any(|(_, key, _)| key == name)
    });
    if by_name {
        notes.push(
            "A resource that is not recorded can be deleted by its tag kmsctl:name, which an identity that may tag the stack's \
             resources can set on each of them: make the policy again after the resource is created, and it names the resource."
                .to_owned(),
        );
    }
    if has("CreateReplicas") {
        notes.push(
            "KMS does not document which condition keys it has for kms:CreateKey when a key is replicated, so CreateReplicas \
             allows new multi-Region keys without tags."
                .to_owned(),
        );
    }
    let tagged = permits.iter().any(|permit| {
        permit.conditions.iter().any(|(_, key, _)| key.starts_with("aws:ResourceTag/"))
    });
    if tagged {
        notes.push(
            "AWS can take up to five minutes until a new tag or alias of a key decides about requests (KMS Developer Guide, \
             \"ABAC for AWS KMS\")."
                .to_owned(),
        );
    }
    notes
}

/// Names the actions that the policies do not have, and why.
fn left_out(ask: &Ask<'_>, requests: &[Request]) -> Vec<String> {
    let sends = |names: &[&str]| requests.iter().any(|one| names.contains(&one.operation.name));
    let mut notes = vec!["iam:PassRole is not needed: kmsctl gives no role to a service."];
    if ask.wants(&[Purpose::Plan, Purpose::Drift, Purpose::Apply]) {
        notes.push(
            "Left out, because kmsctl works without them: iam:ListAccountAliases (the name of the account in plans) and \
             iam:SimulatePrincipalPolicy (more warnings before an apply).",
        );
    }
    if sends(&["HeadBucket"]) {
        notes.push(
            "s3:ListBucket on the bucket of a trail is left out: S3 names the Region without it.",
        );
    }
    if sends(&["DeleteDBInstance", "DeleteDBCluster"]) {
        notes.push(
            "AWS does not document whether a final snapshot needs rds:CreateDBSnapshot or rds:CreateDBClusterSnapshot; they are \
             left out.",
        );
    }
    if ask.objects.is_some() {
        notes.push(
            "If the bucket of the state encrypts with a KMS key, the identity also needs kms:Decrypt and kms:GenerateDataKey on \
             that key, which kmsctl does not know.",
        );
    }
    if ask.wants(&[Purpose::Export]) {
        if !ask.exported.consumers && !ask.wants(&[Purpose::Impact]) {
            notes.push(
                "`kmsctl export --consumers` needs more: repeat this command with --consumers.",
            );
        }
        notes.push(
            "A key whose policy leaves the decision neither to IAM policies nor to the identity needs a statement in that \
             policy. Which keys these are is not known before the export, which names them and the missing actions.",
        );
    }
    if ask.plan.is_none()
        && ask.stateless
        && ask.wants(&[Purpose::Plan, Purpose::Drift, Purpose::Apply])
    {
        notes.push(
            "Without records (`--state none`), it is not known what the configuration no longer declares. A plan finds such resources by \
             their tags and names. Of the rights for them, only kms:RevokeGrant on the declared keys is included.",
        );
    }
    if ask.plan.is_none() && ask.wants(&[Purpose::Apply]) {
        notes.push(
            "Actions that delete are allowed only for resources that are not protected: make the policy again after `protect: \
             false`.",
        );
    }
    notes.into_iter().map(str::to_owned).collect()
}

/// Names the actions that no policy can bound to resources.
fn unbounded(permits: &[Permit]) -> Option<String> {
    let open = permits.iter().filter(|permit| {
        let only_region = permit.conditions.iter().all(|(_, key, _)| key == "aws:RequestedRegion");
        permit.resource == "*" && only_region
    });
    let actions: BTreeSet<&str> = open.map(|permit| permit.action).collect();
    if actions.is_empty() {
        return None;
    }
    let actions: Vec<&str> = actions.into_iter().collect();
    Some(format!(
        "AWS has no resources to bound these actions to, at most the Region: {}.",
        actions.join(", ")
    ))
}

/// Says that the permissions are in several documents, and whether one role can have them.
fn parts(documents: &[Document]) -> Option<String> {
    let is_divided = documents
        .iter()
        .any(|document| documents.iter().any(|other| other.name == format!("{}-2", document.name)));
    if !is_divided {
        return None;
    }
    let of = |account: &AccountId| documents.iter().filter(|one| one.account == *account).count();
    let most = documents.iter().map(|one| of(&one.account)).max().unwrap_or_default();
    let limit = counted(LIMIT, "character");
    let mut text = format!(
        "The permissions are in several documents, because a managed policy has at most {limit}. Attach all of them: a role can \
         have {ATTACHED} managed policies unless its quota is raised (IAM User Guide, \"IAM and AWS STS quotas\")."
    );
    if documents.iter().any(|document| document.is_merged) {
        text.push_str(
            " To save room, statements about the same resources are one, what may get tags may get all declared tags, and \
             every key of the stack may get its grants.",
        );
    }
    if most > ATTACHED {
        let _ = write!(
            text,
            " These are {most} for one role. Keys that are taken over are named one by one, and by one tag after `tag: true`; \
             otherwise divide the stack."
        );
    }
    Some(text)
}
