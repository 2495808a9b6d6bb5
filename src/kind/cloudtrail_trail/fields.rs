//! The fields of a trail.

use super::{DataResource, EventSelector};
use crate::decode::{Decode, Diagnostics, Spanned, Text, choice, record};
use crate::form;
use crate::kind::cloudtrail::AdvancedEventSelector;
use crate::kind::cloudtrail::fields::{AdvancedEventSelectors, SECTION};
use crate::kind::consumer::{self, settings};
use crate::kind::declaration::{Check, Syntax};
use crate::kind::values::{BucketName, IP_ADDRESS, checked};
use crate::tree::Node;
use serde_json::{Value as Json, json};
use std::collections::BTreeSet;
use std::ops::RangeInclusive;

pub(super) const SYNTAX: Syntax = Syntax {
    section: SECTION,
    list: ("trails", "Trails, by their names in AWS."),
    resource: "A CloudTrail trail, which records the events of the account in a bucket. The bucket must \
               exist; its policy is not managed. A protected trail is neither deleted nor stopped.",
    example: "{bucket: BUCKET, key: NAME}",
    key: "The key that encrypts the log files: the name of a key of the stack, or the ARN or an alias of \
          another key; null for S3's own encryption. It must be in the Region of the bucket.",
    removable_key: true,
    existing: "The name of a trail that kmsctl did not create: only its key is managed.",
    existing_form: names,
    used_by: Some((
        "log_readers",
        "Principals that read the log files: a derived statement lets them decrypt.",
    )),
    creates: true,
};

settings! {
    /// The settings of a trail.
    pub struct Settings {
        /// The bucket for the log files; required unless `existing` is given. kmsctl does not
        /// manage its policy, which must let CloudTrail write; a plan lists the statements that are
        /// missing (it reads with `s3:ListBucket` and `s3:GetBucketPolicy`).
        bucket: String as BucketName,
        /// The prefix of the names of the log files; empty for none.
        prefix: String as Prefix,
        /// Whether it records the events of all Regions.
        multi_region: bool,
        /// Whether it records the events of all accounts of the organization; the stack's account must be
        /// the management account.
        organization: bool,
        /// Whether CloudTrail writes digest files, which show whether log files were changed.
        log_file_validation: bool,
        /// Whether it records the events of global services, such as IAM; required if it records all
        /// Regions.
        include_global_events: bool,
        /// The events that it records; default of AWS: all management events.
        event_selectors: BTreeSet<EventSelector> as EventSelectors,
        /// The events that it records, chosen field by field, instead of `event_selectors`.
        advanced_event_selectors: BTreeSet<AdvancedEventSelector> as AdvancedEventSelectors,
        /// Whether it logs; default: true. A protected trail is not stopped.
        logging: bool,
    }
}

checked! {
    /// The prefix of the names of the log files.
    pub struct Prefix = prefix, prefixes();
}

record! {
    /// Events that a trail records.
    pub struct EventSelectorFields {
        /// Read events, write events or all; default: `All`.
        read_write_type: Option<ReadWriteType>,
        /// Whether management events are recorded; default: true.
        management_events: Option<bool>,
        /// The resources whose data events are recorded.
        data_resources: Vec<DataResourceFields>,
        /// Services whose management events are not recorded.
        exclude_management_event_sources: Vec<ExcludedSource>,
    }
}

choice! {
    /// Read events, write events or all.
    pub enum ReadWriteType {
        /// All events.
        All = "All",
        /// Read events.
        ReadOnly = "ReadOnly",
        /// Write events.
        WriteOnly = "WriteOnly",
    }
}

choice! {
    /// A service whose management events can be excluded.
    pub enum ExcludedSource {
        /// AWS KMS.
        Kms = "kms.amazonaws.com",
        /// The RDS Data API.
        RdsData = "rdsdata.amazonaws.com",
    }
}

record! {
    /// Resources whose data events are recorded.
    pub struct DataResourceFields {
        /// The type of the resources.
        r#type: DataResourceType,
        /// Prefixes of their ARNs, such as `arn:aws:s3:::bucket/`.
        @required @like(arns) values: Vec<Text>,
    }
}

choice! {
    /// A type of resource with data events; `advanced_event_selectors` know more types.
    pub enum DataResourceType {
        /// S3 objects.
        S3Object = "AWS::S3::Object",
        /// Lambda functions.
        LambdaFunction = "AWS::Lambda::Function",
        /// DynamoDB tables.
        DynamoDbTable = "AWS::DynamoDB::Table",
    }
}

/// Returns the JSON Schema of the beginnings of ARNs (see [`DataResourceFields::check`]).
fn arns() -> Json {
    json!({"type": "string", "pattern": "^arn:aws[a-z-]*:(s3|lambda|dynamodb)(:[\\s\\S]*)?$"})
}

impl From<EventSelectorFields> for EventSelector {
    fn from(fields: EventSelectorFields) -> Self {
        Self {
            read_write_type: fields.read_write_type.unwrap_or(ReadWriteType::All).into(),
            include_management_events: fields.management_events.unwrap_or(true),
            data_resources: fields.data_resources.into_iter().map(DataResource::from).collect(),
            exclude_management_event_sources: fields
                .exclude_management_event_sources
                .into_iter()
                .map(String::from)
                .collect(),
        }
    }
}

impl DataResourceFields {
    /// Checks that the values are ARNs, or beginnings of ARNs, of the service of the type (CloudTrail API Reference,
    /// DataResource: `Values`).
    fn check(&self, d: &mut Diagnostics) {
        let service = match self.r#type {
            DataResourceType::S3Object => "s3",
            DataResourceType::LambdaFunction => "lambda",
            DataResourceType::DynamoDbTable => "dynamodb",
        };
        for value in &self.values {
            let mut parts = value.value.split(':');
            if parts.next() != Some("arn") || parts.nth(1) != Some(service) {
                let kind = self.r#type.as_str();
                let message = format!("`{}` is not the beginning of an ARN of {kind}", value.value);
                let help = format!("write an ARN, or `arn:aws:{service}` for all of the account");
                d.error(value.span, message, help);
            }
        }
    }
}

impl From<DataResourceFields> for DataResource {
    fn from(fields: DataResourceFields) -> Self {
        let values = fields.values.into_iter().map(|text| text.value).collect();
        Self { r#type: fields.r#type.into(), values }
    }
}

/// The event selectors of a trail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventSelectors(Vec<EventSelectorFields>);

impl From<EventSelectors> for BTreeSet<EventSelector> {
    fn from(selectors: EventSelectors) -> Self {
        selectors.0.into_iter().map(EventSelector::from).collect()
    }
}

/// The numbers of event selectors that a trail can have (CloudTrail API Reference, PutEventSelectors).
const SELECTORS: RangeInclusive<usize> = 1..=5;

impl Decode for EventSelectors {
    fn decode(node: &Node, d: &mut Diagnostics) -> Option<Self> {
        let selectors = Vec::<EventSelectorFields>::decode(node, d)?;
        if !SELECTORS.contains(&selectors.len()) {
            let help =
                "CloudTrail accepts 1 to 5; remove the field to leave the selectors unchanged";
            let message = format!("{} event selectors are not possible", selectors.len());
            d.error(node.span, message, help);
        }
        let resources: usize = selectors
            .iter()
            .flat_map(|selector| &selector.data_resources)
            .map(|resource| resource.values.len())
            .sum();
        if resources > 250 {
            let help = "CloudTrail accepts 250 in all selectors of a trail together";
            let message = format!("{resources} data resources are too many");
            d.error(node.span, message, help);
        }
        for resource in selectors.iter().flat_map(|selector| &selector.data_resources) {
            resource.check(d);
        }
        Some(Self(selectors))
    }
    fn schema() -> Json {
        form::with(
            Vec::<EventSelectorFields>::schema(),
            json!({"minItems": SELECTORS.start(), "maxItems": SELECTORS.end()}),
        )
    }
}

/// Returns the JSON Schema of prefixes (see [`prefix`]).
fn prefixes() -> Json {
    json!({
        "type": ["string", "number", "boolean"],
        "maxLength": MAX_PREFIX,
        "not": {"type": "string", "pattern": "^/|/$"},
    })
}

/// The largest number of characters of a prefix.
const MAX_PREFIX: usize = 200;

fn prefix(text: &str) -> Option<(String, String)> {
    if text.chars().count() > MAX_PREFIX {
        let help = "CloudTrail accepts at most 200 characters";
        return Some(("the prefix is too long".to_owned(), help.to_owned()));
    }
    if text.starts_with('/') || text.ends_with('/') {
        let help = "CloudTrail adds the `/` between the prefix and `AWSLogs`";
        return Some((format!("the prefix `{text}` starts or ends with a `/`"), help.to_owned()));
    }
    None
}

pub(super) fn declared(fields: &Fields, check: &mut Check<'_>) -> Settings {
    name(check);
    let help = "set `bucket: NAME`, or `existing:` for a trail that exists";
    check.required("bucket", &fields.bucket, help);
    if let Some(Spanned { value: false, span }) = fields.include_global_events
        && let Some(Spanned { value: true, .. }) = fields.multi_region
    {
        let help = "set `include_global_events: true`, or remove `multi_region`";
        let message = "a trail for all Regions must record the events of global services";
        check.error(span, message, help);
    }
    if let (Some(_), Some(advanced)) = (&fields.event_selectors, &fields.advanced_event_selectors) {
        let message = "`advanced_event_selectors` and `event_selectors` exclude each other";
        check.error(advanced.span, message, "keep one of the two");
    }
    let mut settings: Settings = consumer::Settings::of(fields);
    if check.existing.is_none() {
        settings.logging.get_or_insert(true);
    }
    settings
}

/// Returns the JSON Schema of the names of trails (see [`name`]).
fn names() -> Json {
    json!({
        "type": ["string", "number", "boolean"],
        "minimum": 0,
        "minLength": 3,
        "maxLength": 128,
        "pattern": "^[A-Za-z0-9]([._-]?[A-Za-z0-9])*$",
        // Numbers of fewer than 3 digits are too short.
        "not": {"anyOf": [
            {"type": "string", "pattern": IP_ADDRESS},
            {"type": "integer", "maximum": 99},
        ]},
    })
}

/// Checks the trail's name (CloudTrail API Reference, CreateTrail).
fn name(check: &mut Check<'_>) {
    let name = check.name_in_aws().clone();
    let text = name.value.as_str();
    let is_sign = |c: char| matches!(c, '.' | '_' | '-');
    let is_known = text.chars().all(|c| c.is_ascii_alphanumeric() || is_sign(c));
    let ends_with_sign = text.starts_with(is_sign) || text.ends_with(is_sign);
    let chars: Vec<char> = text.chars().collect();
    let has_two_signs = chars.windows(2).any(|pair| pair.iter().all(|c| is_sign(*c)));
    let is_address = text.parse::<std::net::Ipv4Addr>().is_ok();
    let is_long_enough = (3..=128).contains(&chars.len());
    if !is_known || ends_with_sign || has_two_signs || is_address || !is_long_enough {
        let help = "CloudTrail accepts 3 to 128 letters, digits, `.`, `_` and `-`, beginning and ending \
                    with a letter or a digit, and no two signs side by side";
        check.error(name.span, format!("`{text}` is not the name of a trail"), help);
    }
}
