//! What to do about an error of AWS: by its class, its code, and the words of AWS's message. Pure data.

use super::{CloudError, Fault, quota};

impl CloudError {
    /// Returns what to do about the error, as a fragment without a full stop; `None` if nothing is known beyond AWS's
    /// message, or if the message says it already.
    #[must_use]
    pub fn help(&self) -> Option<String> {
        let code = self.code.as_deref().unwrap_or_default();
        let fixed = |text: &str| Some(text.to_owned());
        match self.fault {
            Fault::Denied if code == "OptInRequired" => {
                fixed("enable the Region for the account, or subscribe the account to the service")
            }
            Fault::Denied => Some(denied(self)),
            Fault::Credentials => Some(credentials(code)),
            Fault::Unsent => fixed("check the network, the Region and AWS_ENDPOINT_URL"),
            // There was no answer of AWS.
            Fault::Ambiguous if self.code.is_none() && self.request_id.is_none() => fixed(
                "check the network, the Region and AWS_ENDPOINT_URL; a firewall or a proxy may cut the connection",
            ),
            Fault::Ambiguous => {
                fixed("AWS could not answer; run the command again in a few minutes")
            }
            Fault::Throttled => fixed(
                "AWS throttles the account's requests: run the command again, with a lower `--parallelism` if it happens again",
            ),
            // The message names the quota and how it is raised.
            Fault::LimitExceeded
                if !quota::named(self.operation, self.code.as_deref()).is_empty() =>
            {
                None
            }
            Fault::LimitExceeded => fixed(
                "see the quota in Service Quotas of this account and Region, and request more or delete what is not needed",
            ),
            Fault::InvalidState => state(code, &self.message),
            Fault::Key => fixed(
                "the key must be enabled, in the Region of the resource, and allow the caller and the service to use it \
                 (`kmsctl access KEY`)",
            ),
            Fault::NotFound => fixed(
                "it does not exist in this account and Region, or not any more: `kmsctl plan` compares with AWS again",
            ),
            Fault::AlreadyExists => fixed(
                "choose another name, or declare that you use what exists (`kmsctl explain ownership`)",
            ),
            Fault::Malformed => Some(malformed(self)),
            Fault::Unsupported => {
                fixed("AWS does not support this for the resource or in this Region")
            }
            // KMS API Reference, ConflictException: an automatic rotation is in progress or begins within 20 minutes.
            Fault::Other
                if self.operation == "RotateKeyOnDemand" && code == "ConflictException" =>
            {
                fixed(
                    "KMS rotates the key by itself right now, or will within 20 minutes: look at its rotations then",
                )
            }
            Fault::Invalid | Fault::Other => None,
        }
    }

    /// Returns the denied action that AWS's message names, such as `ec2:CreateVolume`.
    #[must_use]
    pub fn denied_action(&self) -> Option<&str> {
        let action = Denial::read(&self.message).action;
        action.filter(|action| self.fault == Fault::Denied && action.contains(':'))
    }

    /// Returns the action that is denied, and where, as far as AWS's message says so.
    #[must_use]
    pub fn denial(&self, service: &str) -> Denied {
        let denial = Denial::read(&self.message);
        let own = || format!("{service}:{}", self.operation);
        let action = denial.action.map_or_else(own, str::to_owned);
        Denied { action, place: denial.place(&self.message.to_lowercase()) }
    }
}

fn credentials(code: &str) -> String {
    match code {
        "ExpiredToken" | "ExpiredTokenException" => {
            "the session has expired: sign in again (such as `aws sso login`), and run the command again"
        }
        "RequestExpired" | "RequestTimeTooSkewed" => "correct the clock of this machine",
        "InvalidClientTokenId" | "UnrecognizedClientException" | "InvalidAccessKeyId" => {
            "the access key does not exist, is inactive or lacks its session token, or the Region is not enabled for the account"
        }
        "SignatureDoesNotMatch" | "InvalidSignatureException" | "IncompleteSignature" => {
            "check the secret access key, and the clock of this machine"
        }
        "" => {
            "set AWS_PROFILE or --profile to a profile that exists, sign in (such as `aws sso login`), or set \
             AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; a role of another account must trust the caller"
        }
        _ => "renew the credentials, and check the clock of this machine",
    }
    .to_owned()
}

/// Returns what to do about the state of a resource. AWS names the state of a key only in the message (KMS API
/// Reference, "KMSInvalidStateException"; KMS Developer Guide, "Key states of AWS KMS keys").
fn state(code: &str, message: &str) -> Option<String> {
    let message = message.to_lowercase();
    if code != "KMSInvalidStateException" && code != "DisabledException" {
        return Some(
            "wait until AWS has finished what it does with the resource, and run apply again"
                .to_owned(),
        );
    }
    let known = [
        (
            "pending deletion",
            "the key is scheduled for deletion: declare it, and apply cancels the deletion",
        ),
        (
            "pending import",
            "the key has no key material: import it (`aws kms import-key-material`)",
        ),
        ("disabled", "the key is disabled: set `enabled: true` for it, and apply"),
        (
            "unavailable",
            "the key store of the key is not available: connect it (`aws kms connect-custom-key-store`)",
        ),
        ("creating", "the replica is being created: run apply again in a minute"),
        ("updating", "the primary Region of the key is being changed: run apply again in a minute"),
    ];
    let found = known.iter().find(|(words, _)| message.contains(words));
    let other = "the state of the key does not allow this: `kmsctl drift` shows the state";
    Some(found.map_or(other, |(_, help)| help).to_owned())
}

fn malformed(error: &CloudError) -> String {
    // KMS API Reference, PutKeyPolicy: `BypassPolicyLockoutSafetyCheck`.
    if error.message.contains("will not allow you to update the key policy") {
        return "with this policy the caller could not change it again: name the caller among `administrators`, keep \
                `delegate_to_iam: true`, or set `allow_lockout: <reason>` in the policy"
            .to_owned();
    }
    let what = if error.operation == "CreateGrant" { "grant" } else { "policy" };
    format!(
        "usually a principal of the {what} does not exist, has a path that is missing, or is of another partition; \
         `kmsctl lint` checks the rest"
    )
}

/// The kinds of policies, as AWS names them in the reason of a denial (IAM User Guide, "Troubleshoot access denied
/// error messages"), and who can change them.
const POLICIES: &[(&str, &str)] = &[
    ("service control policy", "who manages the AWS organization can change it"),
    ("resource control policy", "who manages the AWS organization can change it"),
    ("vpc endpoint policy", "change the policy of the VPC endpoint, or use another network"),
    ("permissions boundary", "change the permissions boundary of the identity"),
    ("session policy", "sign in without the session policy, or with one that allows it"),
];

/// An action that is denied.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Denied {
    /// The action, such as `kms:GetKeyPolicy`.
    pub action: String,
    /// Where it is missing or denied, such as "missing in the key policy"; `None` if AWS does not say so.
    pub place: Option<String>,
}

/// A denial, as AWS's message describes it.
struct Denial<'m> {
    /// The action, such as `kms:CreateKey`.
    action: Option<&'m str>,
    /// The ARN of the resource.
    resource: Option<&'m str>,
    /// The identity, such as "the role `Deploy`".
    who: String,
}

impl<'m> Denial<'m> {
    fn read(message: &'m str) -> Self {
        let who = word(message, "User: ").map_or("the caller".to_owned(), identity);
        Self { action: word(message, "perform: "), resource: word(message, "on resource: "), who }
    }

    /// Returns what is denied, such as "`kms:TagResource` on `arn:…`".
    fn what(&self, operation: &str) -> String {
        let action = self.action.unwrap_or(operation);
        self.resource
            .map_or(format!("`{action}`"), |resource| format!("`{action}` on `{resource}`"))
    }

    /// Returns in whose policy the action is missing or denied. `message` is AWS's, in lower case.
    fn place(&self, message: &str) -> Option<String> {
        let is_explicit = message.contains("explicit deny");
        let how = if is_explicit { "denied in" } else { "missing in" };
        let of_resource = if self.is_about_key() { "key policy" } else { "policy of the resource" };
        let ends = |kind: &str| {
            message.contains(&format!("explicit deny in an {kind} policy"))
                || message.contains(&format!("explicit deny in a {kind} policy"))
                || message.contains(&format!("because no {kind} policy allows"))
        };
        if let Some((policy, _)) = other_policy(message) {
            Some(format!("{how} a {policy}"))
        } else if ends("identity-based") {
            Some(format!("{how} the IAM policies of {}", self.who))
        } else if ends("resource-based") {
            Some(format!("{how} the {of_resource}"))
        } else {
            None
        }
    }

    fn is_about_key(&self) -> bool {
        self.action.is_some_and(|action| action.starts_with("kms:"))
            && self.resource.is_some_and(|resource| resource.contains(":key/"))
    }
}

/// Returns the word after some text, without the punctuation at its end.
fn word<'m>(message: &'m str, before: &str) -> Option<&'m str> {
    let (_, rest) = message.split_once(before)?;
    let word = rest.split_whitespace().next()?.trim_end_matches(['.', ',', ';', ')']);
    (!word.is_empty()).then_some(word)
}

/// Returns the identity behind an ARN in words. A policy names the role of a session.
fn identity(arn: &str) -> String {
    let resource = arn.splitn(6, ':').nth(5).unwrap_or(arn);
    match resource.split('/').collect::<Vec<_>>().as_slice() {
        ["assumed-role", role, ..] => format!("the role `{role}`"),
        ["user", .., name] => format!("the user `{name}`"),
        _ => format!("`{arn}`"),
    }
}

fn denied(error: &CloudError) -> String {
    let denial = Denial::read(&error.message);
    let (who, what) = (&denial.who, denial.what(error.operation));
    let message = error.message.to_lowercase();
    let mut help = if let Some((policy, change)) = other_policy(&message) {
        let denies = if message.contains("explicit deny") { "denies" } else { "does not allow" };
        format!("a {policy} {denies} {what}: {change}")
    } else if message.contains("explicit deny in an identity-based policy") {
        format!("an IAM policy of {who} denies {what}: remove the `Deny`, or its cause")
    } else if message.contains("explicit deny in a resource-based policy") {
        let policy =
            if denial.is_about_key() { "the key policy" } else { "the policy of the resource" };
        format!("{policy} denies {what} to {who}: remove the `Deny`, or its cause")
    } else if message.contains("no resource-based policy allows") {
        if denial.is_about_key() {
            format!(
                "the key policy, or a grant, must allow {what} to {who}; if the policy leaves it to the account's IAM \
                 policies, one of them must"
            )
        } else {
            format!("the policy of the resource must allow {what} to {who}")
        }
    } else if denial.is_about_key() {
        format!("allow {what} in an IAM policy of {who}, or in the key policy")
    } else {
        format!("allow {what} in an IAM policy of {who}")
    };
    if message.contains("encoded authorization failure message") {
        help.push_str("; `aws sts decode-authorization-message` shows the details");
    }
    help
}

/// Returns the kind of policy outside of the account's usual ones that a denial is about, and who can change it.
fn other_policy(message: &str) -> Option<(&'static str, &'static str)> {
    let (_, reason) =
        message.rsplit_once(" explicit deny in ").or_else(|| message.rsplit_once("because no "))?;
    let found = POLICIES.iter().find(|(policy, _)| {
        let reason = reason.strip_prefix("a ").or(reason.strip_prefix("an ")).unwrap_or(reason);
        reason.starts_with(policy)
    });
    found.copied().map(|(policy, change)| {
        (if policy == "vpc endpoint policy" { "VPC endpoint policy" } else { policy }, change)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const KEY: &str = "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab";
    const USER: &str =
        "User: arn:aws:sts::123456789012:assumed-role/Deploy/ci is not authorized to perform: ";

    fn error(operation: &'static str, fault: Fault, code: &str, message: &str) -> CloudError {
        let code = (!code.is_empty()).then(|| code.to_owned());
        CloudError { operation, fault, code, message: message.to_owned(), request_id: None }
    }

    /// The reasons of denials are those of the IAM User Guide, "Troubleshoot access denied error messages".
    #[test]
    fn a_denial_names_the_policy_that_is_missing_or_denies() {
        let on_key = format!("{USER}kms:TagResource on resource: {KEY} ");
        for (reason, parts) in [
            (
                "because no identity-based policy allows the kms:TagResource action",
                [
                    "allow `kms:TagResource` on `arn:",
                    "IAM policy of the role `Deploy`, or in the key policy",
                ],
            ),
            (
                "because no resource-based policy allows the kms:TagResource action",
                [
                    "the key policy, or a grant, must allow `kms:TagResource`",
                    "to the role `Deploy`",
                ],
            ),
            (
                "with an explicit deny in an identity-based policy",
                ["an IAM policy of the role `Deploy` denies", "remove the `Deny`"],
            ),
            (
                "with an explicit deny in a resource-based policy",
                ["the key policy denies `kms:TagResource`", "to the role `Deploy`"],
            ),
            (
                "with an explicit deny in a service control policy: arn:aws:organizations::1:policy/o-1/p-1",
                ["a service control policy denies", "organization"],
            ),
            (
                "because no service control policy allows the kms:TagResource action",
                ["a service control policy does not allow", "organization"],
            ),
            (
                "with an explicit deny in a resource control policy",
                ["a resource control policy denies", "organization"],
            ),
            (
                "because no permissions boundary allows the kms:TagResource action",
                ["a permissions boundary does not allow", "change"],
            ),
            (
                "because no session policy allows the kms:TagResource action",
                ["a session policy does not allow", "sign in"],
            ),
            (
                "because no VPC endpoint policy allows the kms:TagResource action",
                ["a VPC endpoint policy does not allow", "network"],
            ),
        ] {
            let denied = error(
                "TagResource",
                Fault::Denied,
                "AccessDeniedException",
                &format!("{on_key}{reason}"),
            );
            let help = denied.help().unwrap();
            assert!(parts.iter().all(|part| help.contains(part)), "{reason}: {help}");
            let denial = denied.denial("kms");
            assert_eq!(denial.action, "kms:TagResource");
            let how = if reason.contains("explicit deny") { "denied in" } else { "missing in" };
            let policies = match reason {
                _ if reason.contains("identity-based") => "the IAM policies of the role `Deploy`",
                _ if reason.contains("resource-based") => "the key policy",
                _ => parts.first().unwrap().split(" denies").next().unwrap(),
            };
            let policies = policies.split(" does not").next().unwrap();
            assert_eq!(denial.place.unwrap(), format!("{how} {policies}"));
        }
        let plain = error("GetBucketPolicy", Fault::Denied, "AccessDenied", "Access Denied");
        assert_eq!(plain.help().unwrap(), "allow `GetBucketPolicy` in an IAM policy of the caller");
        let action = "s3:GetBucketPolicy".to_owned();
        assert_eq!(plain.denial("s3"), Denied { action, place: None });
        let message = format!(
            "You are not authorized to perform this operation. {USER}ec2:CreateVolume on resource: \
             arn:aws:ec2:eu-west-1:123456789012:volume/* because no identity-based policy allows the ec2:CreateVolume \
             action. Encoded authorization failure message: 4GIOHlTkIaWHQD0Q0m6"
        );
        let help =
            error("CreateVolume", Fault::Denied, "UnauthorizedOperation", &message).help().unwrap();
        assert!(help.starts_with("allow `ec2:CreateVolume` on `arn:aws:ec2:"), "{help}");
        assert!(help.contains("decode-authorization-message"), "{help}");
    }

    #[test]
    fn the_usual_errors_have_a_help_of_their_own() {
        for (fault, code, message, part) in [
            (Fault::Credentials, "ExpiredTokenException", "expired", "sign in again"),
            (Fault::Credentials, "RequestTimeTooSkewed", "", "clock"),
            (Fault::Credentials, "UnrecognizedClientException", "", "Region is not enabled"),
            (
                Fault::InvalidState,
                "KMSInvalidStateException",
                "arn:x is pending deletion.",
                "cancels the deletion",
            ),
            (Fault::InvalidState, "KMSInvalidStateException", "arn:x is pending import.", "import"),
            (Fault::InvalidState, "DisabledException", "arn:x is disabled.", "`enabled: true`"),
            (Fault::InvalidState, "IncorrectState", "", "wait"),
            (Fault::NotFound, "NotFoundException", "", "does not exist"),
            (
                Fault::Malformed,
                "MalformedPolicyDocumentException",
                "Policy contains a statement with one or more invalid principals.",
                "a principal of the policy does not exist",
            ),
            (
                Fault::Malformed,
                "MalformedPolicyDocumentException",
                "The new key policy will not allow you to update the key policy in the future.",
                "`administrators`",
            ),
            (Fault::Throttled, "ThrottlingException", "Rate exceeded", "`--parallelism`"),
            (Fault::LimitExceeded, "ServiceQuotaExceededException", "", "Service Quotas"),
            (Fault::Unsent, "", "dispatch failure", "AWS_ENDPOINT_URL"),
            (Fault::Ambiguous, "", "no answer came within 30 s", "AWS_ENDPOINT_URL"),
            (Fault::Ambiguous, "KMSInternalException", "", "run the command again"),
            (Fault::Key, "KMSKeyNotAccessibleFault", "", "`kmsctl access KEY`"),
            (Fault::AlreadyExists, "AlreadyExistsException", "", "ownership"),
            (Fault::Denied, "OptInRequired", "", "enable the Region"),
        ] {
            let help = error("PutKeyPolicy", fault, code, message).help().unwrap();
            assert!(help.contains(part), "{code} {message}: {help}");
        }
        // The message itself names the quota.
        let limit = error("CreateKey", Fault::LimitExceeded, "LimitExceededException", "");
        assert!(limit.help().is_none() && limit.to_string().contains("Service Quotas"), "{limit}");
    }

    proptest! {
        /// The words of a message are AWS's, or anybody's.
        #[test]
        fn any_message_of_a_denial_has_a_help_on_one_line(
            parts in prop::collection::vec(
                prop_oneof![
                    "\\PC{0,12}",
                    Just("User: ".to_owned()), Just("perform: ".to_owned()), Just("on resource: ".to_owned()),
                    Just("because no ".to_owned()), Just(" explicit deny in a ".to_owned()), Just("session policy".to_owned()),
                    Just("arn:aws:sts::1:assumed-role".to_owned()), Just("/".to_owned()), Just(KEY.to_owned()),
                ],
                0..12,
            )
        ) {
            let message = parts.concat();
            let help = error("CreateKey", Fault::Denied, "AccessDenied", &message).help().unwrap();
            prop_assert!(!help.is_empty() && help.lines().count() == 1, "{help:?}");
        }
    }
}
