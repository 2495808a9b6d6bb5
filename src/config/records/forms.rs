//! The JSON Schemas of texts and numbers that are checked after decoding, by the tables that the checks use.

use serde_json::{Value as Json, json};

use crate::form;
use crate::id::{AliasName, KEY_ID, KeyArn, Name};
use crate::kind::tags::TagRules;
use crate::kind::{Address, grant, key, service_linked_role};
use crate::policy::KEY_ACTIONS;
use crate::policy::lint::{RULES, can_be_waived};
use crate::policy::principal_forms as principals;

/// A day of the years since 1970, as a regular expression.
const DAY: &str = "((19[7-9][0-9]|[2-9][0-9]{3})-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])\
    |(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|1[0-9]|2[0-8]))\
    |(19(7[26]|8[048]|9[26])|[2-9][0-9](0[48]|[2468][048]|[13579][26])|([2468][048]|[3579][26])00)-02-29)";

pub(super) fn deletion_days() -> Json {
    range(&key::DELETION_DAYS)
}

pub(super) fn rotation_days() -> Json {
    range(&key::ROTATION_DAYS)
}

fn range(days: &std::ops::RangeInclusive<u32>) -> Json {
    json!({"minimum": days.start(), "maximum": days.end()})
}

pub(super) fn description() -> Json {
    key::DESCRIPTION.schema()
}

pub(super) fn specs() -> Json {
    form::words(key::SPECS.iter().map(|spec| spec.name))
}

pub(super) fn usages() -> Json {
    form::words(key::SPECS.iter().flat_map(|spec| spec.usages.iter().copied()))
}

pub(super) fn origins() -> Json {
    form::words(key::ORIGINS)
}

pub(super) fn key_store() -> Json {
    key::KEY_STORE_ID.schema()
}

pub(super) fn xks_key() -> Json {
    key::XKS_KEY_ID.schema()
}

/// The names that a key can be taken over by: `alias/NAME`, a key id or an ARN.
pub(super) fn adopted_key() -> Json {
    form::text(&format!("({}|{KEY_ID}|{})", AliasName::whole_pattern(), KeyArn::pattern()))
}

pub(super) fn key_tags() -> Json {
    key::TAGS.map()
}

pub(super) fn key_tag_values() -> Json {
    key::TAGS.value()
}

pub(super) fn any_tags() -> Json {
    TagRules::ANY.map()
}

pub(super) fn any_tag() -> Json {
    TagRules::ANY.value()
}

pub(super) fn principal_in_policy() -> Json {
    principals::schema(&principals::in_policy())
}

pub(super) fn principal() -> Json {
    principals::schema(&principals::principal())
}

/// A principal of a grant: an identity or a service.
pub(super) fn grant_principal() -> Json {
    principals::schema(&principals::of_grant())
}

/// A principal that a gate names: an identity, a service, or everyone.
pub(super) fn forbidden_principal() -> Json {
    principals::schema(&format!("({}|{}|[*])", principals::principal(), principals::service()))
}

pub(super) fn role() -> Json {
    form::text(&principals::role())
}

pub(super) fn operations() -> Json {
    form::words(grant::operations())
}

pub(super) fn not_empty() -> Json {
    json!({"minItems": 1})
}

/// The pairs of a constraint on the encryption context.
pub(super) fn pairs() -> Json {
    json!({
        "minProperties": 1,
        "maxProperties": grant::MAX_PAIRS,
        "propertyNames": grant::CONTEXT.schema(),
    })
}

pub(super) fn context() -> Json {
    grant::CONTEXT.schema()
}

pub(super) fn source_arn() -> Json {
    grant::source_arns()
}

pub(super) fn reason() -> Json {
    json!({"pattern": "\\S"})
}

pub(super) fn day() -> Json {
    form::text(DAY)
}

pub(super) fn waivable() -> Json {
    let rules: Vec<_> = RULES.iter().filter(|rule| can_be_waived(rule)).collect();
    let ids = rules.iter().map(|rule| form::in_any_case(rule.id)).collect::<Vec<_>>();
    json!({"anyOf": [
        form::words(rules.iter().flat_map(|rule| [rule.id, rule.slug])),
        form::text(&format!("({})", ids.join("|"))),
    ]})
}

pub(super) fn key_address() -> Json {
    form::text(&Address::key_pattern())
}

pub(super) fn moved_key() -> Json {
    let name = Name::FORM.pattern();
    form::text(&format!("key/{name}([.]{name})?"))
}

pub(super) fn address() -> Json {
    form::text(&Address::pattern())
}

/// An address, or the ARN of a duplicate key.
pub(super) fn removed() -> Json {
    form::text(&format!("({}|{})", Address::pattern(), KeyArn::pattern()))
}

/// Actions of key policies in any case, and patterns.
pub(super) fn actions() -> Json {
    let actions: Vec<String> = KEY_ACTIONS
        .iter()
        .map(|action| form::in_any_case(&format!("kms:{}", action.name)))
        .collect();
    json!({
        "type": "string",
        "anyOf": [{"pattern": format!("^({})$", actions.join("|"))}, {"pattern": "[*?]"}],
    })
}

/// A policy: the path of a JSON file, JSON text, or the document itself.
pub(super) fn document() -> Json {
    json!({"type": ["string", "object"]})
}

/// A statement of a policy.
pub(super) fn statement() -> Json {
    json!({"type": "object"})
}

pub(super) fn services() -> Json {
    form::words(service_linked_role::Service::names())
}
