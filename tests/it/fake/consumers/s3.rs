//! S3 (S3 API Reference, PutBucketEncryption and GetBucketEncryption). S3 stores the key without
//! checking it.

use super::{Answer, FakeAws, Held, Request, Shelf};
use kmsctl::answer::{Fault, Outcome};
use kmsctl::id::Place;
use kmsctl::kind::consumer::{self, Common, Encryption, Tags};
use kmsctl::kind::s3_bucket::{Call, PutBucketEncryption, Settings};
use kmsctl::kind::{ConsumerKind, ConsumerSpec, Object, Phase};

/// Creates a bucket, as another tool does. S3 encrypts it with keys that S3 manages.
pub(crate) fn make_bucket(fake: &FakeAws, at: &Place, name: &str) {
    let common = Common { key: Some(Encryption::Aws), existing: None, tags: Tags::new() };
    let settings = Settings { bucket_key: Some(false), ..Settings::default() };
    let spec = ConsumerSpec::S3Bucket(consumer::Spec { common, settings });
    let object = Object { id: name.to_owned(), spec, phase: Phase::Ready };
    let mut shelves = fake.shelves.borrow_mut();
    let shelf = shelves.entry((ConsumerKind::S3Bucket, at.clone())).or_default();
    shelf.insert(name.to_owned(), Held { object, busy: 0, going: false });
}

pub(super) fn execute(request: &Request<'_>, shelf: &mut Shelf, call: &Call) -> Answer {
    let Call::PutBucketEncryption(PutBucketEncryption {
        bucket,
        server_side_encryption_configuration: configuration,
    }) = call;
    let [rule] = &configuration.rules;
    let by_default = &rule.apply_server_side_encryption_by_default;
    let key = by_default.kms_master_key_id.as_ref();
    let is_dual = by_default.sse_algorithm == "aws:kms:dsse";
    match (by_default.sse_algorithm.as_str(), key, rule.bucket_key_enabled) {
        ("AES256", None, None) | ("aws:kms", Some(_), _) => {}
        ("aws:kms:dsse", Some(_), None | Some(false)) => {}
        _ => return request.fail(Fault::Invalid, "the encryption does not fit the algorithm"),
    }
    let key = request.key(key)?;
    let ConsumerSpec::S3Bucket(spec) = &mut request.held(shelf, bucket)?.object.spec else {
        panic!("not a bucket");
    };
    spec.common.key = Some(key);
    spec.settings = Settings {
        bucket_key: Some(rule.bucket_key_enabled == Some(true)),
        dual_layer: if is_dual { Some(true) } else { None },
        blocked_encryption_types: rule
            .blocked_encryption_types
            .as_ref()
            .map(|blocked| blocked.encryption_type.clone()),
    };
    Ok(Outcome::Done)
}
