//! Checks whether the policy of a bucket allows CloudTrail to write the log files of a trail
//! (CloudTrail User Guide, Amazon S3 bucket policy for CloudTrail). CloudTrail checks the policy
//! when the trail is created or updated, and its error does not contain the missing statements.
//! kmsctl does not change the policy.

use super::super::Violation;
use super::super::bucket::{BucketCheck, SeenBucket};
use super::super::cloudtrail::SERVICE;
use crate::id::Place;
use crate::policy::Document;
use crate::policy::bucket::{ServiceRequest, may_allow};
use serde_json::{Value, json};

/// The properties of a trail that the policy of its bucket depends on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Writer<'a> {
    /// The account and Region of the trail.
    pub place: &'a Place,
    /// The name of the trail.
    pub name: &'a str,
    /// The bucket.
    pub bucket: &'a str,
    /// The prefix of the names of its log files; empty for none.
    pub prefix: &'a str,
    /// Whether it records the events of all accounts of the organization.
    pub organization: bool,
}

/// The placeholder for the id of the organization, which CloudTrail does not report.
const ORGANIZATION: &str = "o-ORGANIZATION";

impl Writer<'_> {
    /// Checks whether CloudTrail can write to the bucket.
    pub(super) fn check(&self, bucket: SeenBucket<'_>) -> BucketCheck {
        match bucket {
            SeenBucket::Missing => BucketCheck { objection: Some(self.missing()), unknown: None },
            SeenBucket::Unreadable(why) => BucketCheck {
                objection: None,
                unknown: Some(format!(
                    "cannot check whether CloudTrail can write to the bucket `{}` ({why}): allow the \
                 caller s3:ListBucket and s3:GetBucketPolicy on the bucket, or check its policy \
                 yourself",
                    self.bucket
                )),
            },
            SeenBucket::Policy(policy) => {
                BucketCheck { objection: self.objection(policy), unknown: None }
            }
        }
    }

    fn missing(&self) -> Violation {
        let arn = super::trail_arn(self.place, self.name);
        let reason = format!("the bucket `{}` does not exist", self.bucket);
        let help = format!(
            "create it first, with a policy that allows CloudTrail to write for `{arn}` (kmsctl \
        prints the missing statements once the bucket exists); or correct the name"
        );
        Violation::new("bucket", reason, help)
    }

    /// Returns the violation that lists the statements that are missing in the bucket's policy, if
    /// any.
    #[must_use]
    pub(super) fn objection(&self, policy: Option<&Document>) -> Option<Violation> {
        let lacking = self.lacking(policy);
        if lacking.is_empty() {
            return None;
        }
        let actions: Vec<&str> =
            lacking.iter().filter_map(|statement| statement.get("Action")?.as_str()).collect();
        let bucket = self.bucket;
        let names_organization = lacking.iter().any(|s| s.to_string().contains(ORGANIZATION));
        let organization = if names_organization {
            format!(" (replace `{ORGANIZATION}` by the id of your organization)")
        } else {
            String::new()
        };
        let reason = format!(
            "the policy of the bucket `{bucket}` does not allow CloudTrail {} for this trail",
            actions.join(", ")
        );
        let help = match policy {
            Some(_) => format!(
                "add to the `Statement` of the policy of the bucket{organization}: {}",
                Value::Array(lacking)
            ),
            None => format!(
                "give the bucket this policy (`aws s3api put-bucket-policy`){organization}: {}",
                json!({ "Version": "2012-10-17", "Statement": lacking })
            ),
        };
        Some(Violation::new("bucket", reason, help))
    }

    /// Returns the statements that are missing in the bucket's policy.
    fn lacking(&self, policy: Option<&Document>) -> Vec<Value> {
        let bucket = format!("arn:{}:s3:::{}", self.place.region.partition(), self.bucket);
        let mut lacking = Vec::new();
        if !self.may(policy, "s3:GetBucketAcl", &bucket) {
            lacking.push(self.statement("AWSCloudTrailAclCheck", "s3:GetBucketAcl", &bucket));
        }
        let slash = if self.prefix.is_empty() { "" } else { "/" };
        let folder = format!("{bucket}/{}{slash}AWSLogs/", self.prefix);
        let account = format!("{folder}{}/", self.place.account);
        if !self.writes(policy, &account) {
            let objects = format!("{account}*");
            lacking.push(self.statement("AWSCloudTrailWrite", "s3:PutObject", &objects));
        }
        if self.organization && !self.writes_for_organization(policy, &folder) {
            let objects = format!("{folder}{ORGANIZATION}/*");
            let sid = "AWSCloudTrailOrganizationWrite";
            lacking.push(self.statement(sid, "s3:PutObject", &objects));
        }
        lacking
    }

    /// Returns whether the policy may allow CloudTrail an action for this trail.
    fn may(&self, policy: Option<&Document>, action: &str, resource: &str) -> bool {
        let arn = super::trail_arn(self.place, self.name);
        let context = [
            ("aws:sourcearn", arn.as_str()),
            ("aws:sourceaccount", self.place.account.as_str()),
            ("aws:principalservicename", SERVICE),
            ("aws:principalisawsservice", "true"),
            ("aws:securetransport", "true"),
            ("s3:x-amz-acl", "bucket-owner-full-control"),
        ];
        let request = ServiceRequest { service: SERVICE, action, resource, context: &context };
        policy.is_some_and(|policy| may_allow(policy, &request))
    }

    /// Returns whether CloudTrail may write a log file into a folder.
    fn writes(&self, policy: Option<&Document>, folder: &str) -> bool {
        let region = &self.place.region;
        let file = format!("{folder}CloudTrail/{region}/2026/01/01/log.json.gz");
        self.may(policy, "s3:PutObject", &file)
    }

    /// Returns whether CloudTrail may write into the folder of an organization. The id of the
    /// organization is taken from the policy.
    fn writes_for_organization(&self, policy: Option<&Document>, folder: &str) -> bool {
        let text = policy.map(Document::to_json).unwrap_or_default();
        let begins = format!("{folder}o-");
        let mut ids = vec!["anyorganization".to_owned()];
        for rest in text.split(begins.as_str()).skip(1) {
            ids.push(rest.chars().take_while(char::is_ascii_alphanumeric).collect());
        }
        ids.iter().any(|id| self.writes(policy, &format!("{begins}{id}/")))
    }

    /// Returns a statement as the CloudTrail User Guide documents it ("Amazon S3 bucket policy for
    /// CloudTrail").
    fn statement(&self, sid: &str, action: &str, resource: &str) -> Value {
        let arn = super::trail_arn(self.place, self.name);
        let mut equals = json!({ "aws:SourceArn": arn });
        if let (true, Some(map)) = (action == "s3:PutObject", equals.as_object_mut()) {
            map.insert("s3:x-amz-acl".to_owned(), "bucket-owner-full-control".into());
        }
        json!({
            "Sid": sid,
            "Effect": "Allow",
            "Principal": { "Service": SERVICE },
            "Action": action,
            "Resource": resource,
            "Condition": { "StringEquals": equals },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn objection(policy: &str, prefix: &str, organization: bool) -> Option<Violation> {
        let place = Place {
            account: "111122223333".parse().unwrap(),
            region: "eu-west-1".parse().unwrap(),
        };
        let writer = Writer { place: &place, name: "main", bucket: "logs", prefix, organization };
        let policy = (!policy.is_empty()).then(|| Document::from_live(policy, "aws").unwrap());
        writer.objection(policy.as_ref())
    }

    fn documented(source: &str, folder: &str) -> String {
        json!({"Version": "2012-10-17", "Statement": [
            {"Sid": "AWSCloudTrailAclCheck20150319", "Effect": "Allow",
             "Principal": {"Service": "cloudtrail.amazonaws.com"}, "Action": "s3:GetBucketAcl",
             "Resource": "arn:aws:s3:::logs",
             "Condition": {"StringEquals": {"aws:SourceArn": source}}},
            {"Sid": "AWSCloudTrailWrite20150319", "Effect": "Allow",
             "Principal": {"Service": ["cloudtrail.amazonaws.com", "config.amazonaws.com"]},
             "Action": "s3:PutObject", "Resource": format!("arn:aws:s3:::logs/{folder}/*"),
             "Condition": {"StringEquals": {
                "s3:x-amz-acl": "bucket-owner-full-control", "aws:SourceArn": source}}},
            {"Sid": "TlsOnly", "Effect": "Deny", "Principal": "*", "Action": "s3:*",
             "Resource": ["arn:aws:s3:::logs", "arn:aws:s3:::logs/*"],
             "Condition": {"Bool": {"aws:SecureTransport": "false"}}},
        ]})
        .to_string()
    }

    const MAIN: &str = "arn:aws:cloudtrail:eu-west-1:111122223333:trail/main";

    #[test]
    fn the_documented_policy_is_sufficient() {
        assert_eq!(objection(&documented(MAIN, "AWSLogs/111122223333"), "", false), None);
        assert_eq!(objection(&documented(MAIN, "x/AWSLogs/111122223333"), "x", false), None);
        assert_eq!(objection(&documented(MAIN, "AWSLogs"), "", true), None);
    }

    #[test]
    fn missing_statements_are_listed() {
        let other = documented(&MAIN.replace("main", "other"), "AWSLogs/111122223333");
        for policy in ["", other.as_str()] {
            let Violation { reason, help, field } = objection(policy, "", false).unwrap();
            assert_eq!(field, "bucket");
            assert!(reason.contains("s3:GetBucketAcl, s3:PutObject"), "{reason}");
            let added = help.split_once(": ").unwrap().1;
            let parsed: Value = serde_json::from_str(added).unwrap();
            // A bucket without a policy gets a whole one, as `aws s3api put-bucket-policy` takes it.
            let whole = match policy.is_empty() {
                true => added.to_owned(),
                false => json!({"Version": "2012-10-17", "Statement": parsed}).to_string(),
            };
            assert_eq!(objection(&whole, "", false), None);
        }
        let prefixed = objection(&documented(MAIN, "AWSLogs/111122223333"), "x", false).unwrap();
        assert!(!prefixed.reason.contains("GetBucketAcl"), "{prefixed:?}");
        assert!(prefixed.help.contains("arn:aws:s3:::logs/x/AWSLogs/111122223333/*"));
    }

    #[test]
    fn an_organization_writes_to_its_own_folder_too() {
        let policy = documented(MAIN, "AWSLogs/111122223333");
        let missing = objection(&policy, "", true).unwrap();
        assert!(missing.help.contains("AWSLogs/o-ORGANIZATION/*"), "{}", missing.help);
        let both = policy.replace(
            r#""arn:aws:s3:::logs/AWSLogs/111122223333/*""#,
            r#"["arn:aws:s3:::logs/AWSLogs/111122223333/*", "arn:aws:s3:::logs/AWSLogs/o-exampleorgid/*"]"#,
        );
        assert_eq!(objection(&both, "", true), None);
    }
}
