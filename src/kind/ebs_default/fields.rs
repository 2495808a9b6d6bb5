//! The fields of the encryption default.

use crate::decode::Settable;
use crate::kind::consumer::{self, settings};
use crate::kind::declaration::{Check, Syntax};
use crate::kind::ebs_volume;
use serde_json::Value as Json;

pub(super) const SYNTAX: Syntax = Syntax {
    section: ebs_volume::SECTION,
    list: (
        "default",
        "The encryption default for new volumes, in the whole account and one Region.",
    ),
    resource: "The encryption default for new volumes, in the whole account and one Region.",
    example: "{encryption: true, key: NAME}",
    key: "The default key of new volumes: the name of a key of the stack, or the ARN or an alias of another \
    key; null for the AWS managed key.",
    removable_key: true,
    existing: "",
    existing_form: Json::default,
    used_by: None,
    creates: false,
};

settings! {
    /// The encryption default for new volumes of a Region.
    pub struct Settings {
        /// Whether every new volume is encrypted.
        encryption: bool,
    }
}

pub(super) fn declared(fields: &Fields, check: &mut Check<'_>) -> Settings {
    if fields.encryption.is_none() && *check.key == Settable::Missing {
        let help = "set `encryption: true`, or the `key` that encrypts new volumes";
        check.error(check.name.span, "neither `encryption` nor `key` is given", help);
    }
    consumer::Settings::of(fields)
}
