//! The fields of a bucket.

use crate::decode::{Settable, Spanned};
use crate::kind::consumer::{self, settings};
use crate::kind::declaration::{Check, Section, Syntax};
use crate::kind::values::{bucket_name, bucket_names};
use std::collections::BTreeSet;

pub(super) const SYNTAX: Syntax = Syntax {
    section: Section { name: "s3", description: "S3: the default encryption of buckets." },
    list: ("buckets", "Buckets, by names of yours."),
    resource: "The default encryption of a bucket that exists. It applies to new objects only: existing \
               objects keep their encryption and their key.",
    example: "{existing: BUCKET, key: NAME}",
    key: "The key that encrypts new objects: the name of a key of the stack, or the ARN or an alias of \
          another key; null for keys that S3 manages (SSE-S3).",
    removable_key: true,
    existing: "The name of the bucket.",
    existing_form: bucket_names,
    used_by: Some((
        "used_by",
        "Principals that read and write objects: a derived statement lets them use the key through S3.",
    )),
    creates: false,
};

settings! {
    /// The default encryption of a bucket.
    pub struct Settings {
        /// Whether S3 uses a bucket key, which saves requests to KMS. The encryption context of new objects
        /// is then the ARN of the bucket instead of that of the object.
        bucket_key: bool,
        /// Whether S3 encrypts objects twice (DSSE-KMS). A change of the key keeps it.
        @live dual_layer: bool,
        /// The encryption types that S3 rejects, such as `SSE-C`. A change of the key keeps them.
        @live blocked_encryption_types: BTreeSet<String>,
    }
}

pub(super) fn declared(fields: &Fields, check: &mut Check<'_>) -> Settings {
    if let Some(bucket) = check.existing
        && let Some((message, help)) = bucket_name(&bucket.value)
    {
        check.error(bucket.span, message, help);
    }
    if let (Settable::Null(_), Some(Spanned { value: true, span })) =
        (check.key, &fields.bucket_key)
    {
        let message = "`bucket_key` is possible only with a key of KMS";
        check.error(*span, message, "remove `bucket_key`, or name a `key`");
    }
    consumer::Settings::of(fields)
}
