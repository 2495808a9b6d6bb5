//! The rules: their ids, severities, texts and sources, and the checks of other tools that match them.

use crate::policy::actions::nearest;

/// The severity of a rule.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The policy does not have the intended effect, gives access to strangers, or makes the key
    /// unmanageable.
    Error,
    /// The policy is likely wrong.
    Warning,
    /// The policy is worth checking.
    Note,
}

impl Severity {
    /// Returns the word for it in every output, including SARIF.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }
}

/// A tool or service whose checks are matched with the rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the names are those of the tools")]
pub enum Scheme {
    AccessAnalyzer,
    CfnLint,
    Checkov,
    Config,
    ControlTower,
    Datadog,
    SecurityHub,
    Trivy,
}

impl Scheme {
    /// Returns the name of the tool or service.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::AccessAnalyzer => "IAM Access Analyzer",
            Self::CfnLint => "cfn-lint",
            Self::Checkov => "checkov",
            Self::Config => "AWS Config",
            Self::ControlTower => "Control Tower",
            Self::Datadog => "Datadog",
            Self::SecurityHub => "Security Hub",
            Self::Trivy => "trivy",
        }
    }
}

/// A rule. Rules are compared by their ids.
#[derive(Debug)]
pub struct Rule {
    /// The id. An id is never reused.
    pub id: &'static str,
    /// The name.
    pub slug: &'static str,
    /// The severity.
    pub severity: Severity,
    /// Whether AWS refuses a policy that breaks the rule. A plan blocks every call with such a policy. The finding
    /// cannot be waived if it is an error.
    pub refused: bool,
    /// The mistake, as a sentence without a full stop.
    pub title: &'static str,
    /// The correction, as a lower-case fragment.
    pub help: &'static str,
    /// The page of AWS's documentation. Empty for rules about kmsctl itself.
    pub source: &'static str,
    /// The checks of other tools that find the same mistake.
    pub crosswalk: &'static [(Scheme, &'static str)],
}

impl Rule {
    /// Returns whether the rule is about what AWS refuses in a call, although live policies may have it.
    #[must_use]
    pub fn is_obsolete(&self) -> bool {
        self.refused && self.severity != Severity::Error
    }

    /// Returns whether the rule is about what AWS has besides the configuration. No waiver applies to it: each of these
    /// rules has a way of its own to accept a finding.
    #[must_use]
    pub fn is_about_aws(&self) -> bool {
        self.id.starts_with("KMS7")
    }
}

impl PartialEq for Rule {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Eq for Rule {}

/// Returns the rule with an id or a slug.
///
/// # Errors
/// Returns the most similar id or slug, if there is one, if no rule has the word.
pub fn rule(word: &str) -> Result<&'static Rule, Option<&'static str>> {
    let mut rules = RULES.iter();
    match rules.find(|rule| rule.id.eq_ignore_ascii_case(word) || rule.slug == word) {
        Some(rule) => Ok(rule),
        None => Err(nearest(word, RULES.iter().flat_map(|rule| [rule.slug, rule.id]))),
    }
}

/// The address of a page in one of AWS's documents.
macro_rules! source {
    (KMS $page:literal) => {
        concat!("https://docs.aws.amazon.com/kms/latest/developerguide/", $page)
    };
    (IAM $page:literal) => {
        concat!("https://docs.aws.amazon.com/IAM/latest/UserGuide/", $page)
    };
    (API $page:literal) => {
        concat!("https://docs.aws.amazon.com/kms/latest/APIReference/", $page)
    };
    (SNS $page:literal) => {
        concat!("https://docs.aws.amazon.com/sns/latest/dg/", $page)
    };
    (NONE $page:literal) => {
        $page
    };
}

/// The severity of a rule: `Refused` is an error that AWS refuses; `Obsolete` is what AWS refuses, although live
/// policies may have it.
macro_rules! severity {
    (Refused) => {
        Severity::Error
    };
    (Obsolete) => {
        Severity::Warning
    };
    ($severity:ident) => {
        Severity::$severity
    };
}

/// Whether AWS refuses what a rule of this severity finds.
macro_rules! refused {
    (Refused) => {
        true
    };
    (Obsolete) => {
        true
    };
    ($severity:ident) => {
        false
    };
}

/// Declares the rules: `NAME: id slug severity title, help, source, [crosswalk];`
macro_rules! rules {
    ($($name:ident: $id:literal $slug:literal $severity:ident $title:literal, $help:literal,
       $book:ident $page:literal, [$($scheme:ident $other:literal),*];)*) => {
        $(
            #[doc = $title]
            pub(crate) static $name: Rule = Rule {
                id: $id,
                slug: $slug,
                severity: severity!($severity),
                refused: refused!($severity),
                title: $title,
                help: $help,
                source: source!($book $page),
                crosswalk: &[$((Scheme::$scheme, $other)),*],
            };
        )*

        /// Every rule, by id.
        pub static RULES: &[&Rule] = &[$(&$name),*];
    };
}

// The ids of other tools' checks come from the sources of checkov and cfn-lint, and from the documentation of the
// others.
rules! {
// The document.
JSON: "KMS100" "json-syntax" Refused
    "The text is not strict JSON, or has a duplicate key",
    "correct the JSON: unique keys, no comments, no trailing commas",
    IAM "reference_policies_grammar.html", [AccessAnalyzer "JSON_SYNTAX_ERROR"];
MALFORMED: "KMS101" "malformed" Refused
    "AWS refuses the document: an element is unknown, missing, duplicated or of the wrong type",
    "follow the grammar of the policy language",
    IAM "reference_policies_grammar.html", [AccessAnalyzer "INVALID_POLICY_ELEMENT", AccessAnalyzer "INVALID_EFFECT", AccessAnalyzer "INVALID_PRINCIPAL_KEY", AccessAnalyzer "INVALID_VERSION", AccessAnalyzer "MISSING_EFFECT", AccessAnalyzer "MISSING_PRINCIPAL", AccessAnalyzer "MISSING_STATEMENT", AccessAnalyzer "UNSUPPORTED_ELEMENT_COMBINATION", CfnLint "E3512"];
NO_VERSION: "KMS102" "version-missing" Warning
    "The policy has no `Version`, so version 2008-10-17 applies",
    "write `2012-10-17`: in the older version `${…}` is literal text",
    IAM "reference_policies_elements_version.html", [];
OLD_VERSION: "KMS103" "version-old" Warning
    "The policy has version 2008-10-17",
    "write `2012-10-17`: in the older version `${…}` is literal text",
    IAM "reference_policies_elements_version.html", [CfnLint "W2511"];
LITERAL_VARIABLE: "KMS104" "variable-without-version" Error
    "A policy variable in version 2008-10-17 is literal text and matches nothing",
    "write `\"Version\": \"2012-10-17\"`",
    IAM "reference_policies_variables.html", [AccessAnalyzer "VARIABLE_UNSUPPORTED_IN_VERSION"];
TOO_LARGE: "KMS105" "too-large" Refused
    "The policy is larger than the 32,768 bytes that AWS accepts",
    "merge statements, or allow identities through IAM policies instead",
    KMS "key-policy-overview.html", [];
NEARLY_FULL: "KMS106" "nearly-too-large" Warning
    "The policy fills more than nine tenths of the 32,768 bytes that AWS accepts",
    "merge statements, or allow identities through IAM policies instead",
    KMS "key-policy-overview.html", [];
CHARACTER: "KMS107" "character" Refused
    "A character is not accepted in a key policy, which is limited to Latin-1",
    "use Latin-1 characters (up to U+00FF) only",
    API "API_PutKeyPolicy.html", [];
SAME_SID: "KMS108" "sid-twice" Warning
    "Two statements have the same `Sid`, by which the console finds its statements",
    "give each statement a `Sid` of its own",
    IAM "reference_policies_elements_sid.html", [];
ODD_SID: "KMS109" "sid-odd" Note
    "A `Sid` is empty, or has spaces at its ends or control characters in it",
    "write a plain name; in a key policy it may have spaces inside",
    IAM "reference_policies_elements_sid.html", [AccessAnalyzer "EMPTY_SID_VALUE"];
REPEATED: "KMS110" "statement-repeated" Warning
    "A statement repeats another one",
    "remove one of the two",
    IAM "reference_policies_elements_statement.html", [AccessAnalyzer "REDUNDANT_STATEMENT"];
// Principals.
BAD_PRINCIPAL: "KMS201" "principal-malformed" Refused
    "A principal is not a valid account, user, role or session",
    "write an account id, `arn:aws:iam::<account>:root`, `…:user/<name>` or `…:role/<name>`, or `*`",
    IAM "reference_policies_elements_principal.html", [CfnLint "E3512"];
WILDCARD_PRINCIPAL: "KMS202" "principal-wildcard" Refused
    "A wildcard inside a principal matches no principal",
    "principals are matched whole: name the account's root ARN and add an `ArnLike` condition on `aws:PrincipalArn`",
    IAM "reference_policies_elements_principal.html", [AccessAnalyzer "UNSUPPORTED_WILDCARD_IN_PRINCIPAL"];
GROUP: "KMS203" "principal-group" Refused
    "A group cannot be a principal",
    "name its users, or a role they assume",
    IAM "reference_policies_elements_principal.html", [];
DANGLING: "KMS204" "principal-dangling" Obsolete
    "A principal is the unique id of a deleted user or role: it matches no one, and AWS does not accept it again",
    "name the ARN of an existing user or role, or remove it",
    IAM "reference_policies_elements_principal.html", [];
BAD_SERVICE: "KMS205" "service-malformed" Refused
    "A service principal does not have the form of an AWS service's name, or is of another partition",
    "write the service principal from the service's documentation, such as `cloudtrail.amazonaws.com`",
    IAM "reference_policies_elements_principal.html", [];
PRINCIPAL_TYPE: "KMS206" "principal-type" Warning
    "Principals of the types `Federated` and `CanonicalUser` make no KMS requests: they are for other policies",
    "name the role that they assume",
    IAM "reference_policies_elements_principal.html", [];
ALLOW_EXCEPT: "KMS207" "not-principal-allowed" Error
    "`Allow` with `NotPrincipal` allows everyone else, in every account",
    "name in `Principal` the principals that may use the key",
    IAM "reference_policies_elements_notprincipal.html", [AccessAnalyzer "ALLOW_WITH_NOT_PRINCIPAL"];
NOBODY: "KMS208" "principal-nobody" Refused
    "The statement names no principal, so it has no effect",
    "name a principal, or remove the statement",
    IAM "reference_policies_elements_principal.html", [AccessAnalyzer "EMPTY_ARRAY_PRINCIPAL", AccessAnalyzer "EMPTY_OBJECT_PRINCIPAL"];
RESERVED_ROLE: "KMS209" "reserved-role-path" Refused
    "A role of AWS's own is named without the path under which alone it exists",
    "write the role's whole ARN, with `aws-reserved/sso.amazonaws.com/` or `aws-service-role/` in it",
    IAM "reference_identifiers.html", [];
SESSION: "KMS210" "principal-session" Warning
    "A session is named as a principal, and its ARN stands for one session name only",
    "name the role, which includes all of its sessions",
    IAM "reference_policies_elements_principal.html", [];
NOT_EXEMPT: "KMS211" "not-principal-incomplete" Warning
    "A `Deny` with `NotPrincipal` names a user or role without its account or its sessions, so it may deny it",
    "write `\"Principal\": \"*\"` with `ArnNotEquals` on `aws:PrincipalArn` instead",
    IAM "reference_policies_elements_notprincipal.html", [];
ACCOUNT_NUMBER: "KMS212" "account-as-number" Warning
    "An account id is written as a number, which loses leading zeros",
    "write the account id in quotation marks",
    IAM "reference_policies_grammar.html", [];
// Access.
PUBLIC: "KMS301" "public" Error
    "Anyone in any account has access: no condition limits the caller",
    "name the principals; or add `kms:CallerAccount`, `aws:PrincipalOrgID` or `aws:PrincipalArn` with fixed values",
    KMS "key-policy-overview.html", [Checkov "CKV_AWS_33", Config "KMS_KEY_POLICY_NO_PUBLIC_ACCESS", SecurityHub "KMS.5", Datadog "cloudformation-aws-kms-key-with-full-permissions", Datadog "terraform-aws-kms-key-with-full-permissions"];
CONFUSED_DEPUTY: "KMS302" "service-unbounded" Warning
    "A service may use the key for the resources of any account: no condition limits them",
    "add `aws:SourceArn`, `aws:SourceAccount` or `aws:SourceOrgID`, where the service supports them",
    IAM "confused-deputy.html", [AccessAnalyzer "RECOMMENDED_CONDITION_KEY_FOR_SERVICE_PRINCIPAL"];
UNBOUNDED_GRANT: "KMS303" "create-grant-unbounded" Warning
    "A principal may create grants without a limit, which give any principal access to the key",
    "add `\"Bool\": {\"kms:GrantIsForAWSResource\": \"true\"}`, `kms:GrantOperations`, `kms:GranteePrincipal` or `kms:ViaService`",
    KMS "grants.html", [ControlTower "CT.KMS.PR.3", ControlTower "CT.KMS.PV.1"];
LOCKOUT: "KMS304" "lock-out" Error
    "No durable principal may change the policy",
    "allow `kms:*` to the account's root, or `kms:PutKeyPolicy` to two users or roles",
    KMS "key-policy-default.html", [ControlTower "CT.KMS.PV.3"];
CALLER: "KMS305" "caller-locked-out" Error
    "The caller could not change the policy again, so AWS refuses it",
    "allow the caller `kms:PutKeyPolicy` without a condition",
    KMS "key-policy-default.html", [ControlTower "CT.KMS.PV.3"];
SOLE_USER: "KMS306" "sole-administrator-uses" Warning
    "The only named administrator of the key uses it too",
    "name another administrator, so that key management is separate from key use",
    KMS "key-policy-default.html", [];
USER_ADMINISTRATOR: "KMS307" "administrator-uses" Note
    "An administrator of the key uses it too",
    "separate key management from key use",
    KMS "key-policy-default.html", [];
ALL_ACTIONS: "KMS308" "all-actions" Warning
    "A single user or role, or another account, is allowed every action, now and in the future",
    "name the actions that are needed; `kms:*` is for the key's own account",
    KMS "key-policy-overview.html", [];
ABROAD: "KMS309" "not-across-accounts" Warning
    "The action cannot be allowed to another account, so the statement has no effect on it",
    "allow it to a principal of the key's account",
    KMS "key-policy-modifying-external-accounts.html", [];
// Actions and resources.
NO_ACTION: "KMS401" "action-missing" Refused
    "The statement has no action: AWS refuses it since 2025; in an older policy it has no effect",
    "name the actions",
    API "API_PutKeyPolicy.html", [AccessAnalyzer "MISSING_ACTION"];
NO_RESOURCE: "KMS402" "resource-missing" Refused
    "The statement has no resource: AWS refuses it since 2025; in an older policy it has no effect",
    "write `\"Resource\": \"*\"`, this key",
    API "API_PutKeyPolicy.html", [AccessAnalyzer "MISSING_RESOURCE", AccessAnalyzer "EMPTY_ARRAY_RESOURCE"];
FOREIGN_RESOURCE: "KMS403" "resource-foreign" Error
    "The resource is never this key, so the statement has no effect",
    "remove the statement: what is meant for another key or resource belongs in its own policy",
    KMS "key-policy-overview.html", [AccessAnalyzer "UNSUPPORTED_RESOURCE_ARN_IN_POLICY"];
NO_REGION: "KMS404" "resource-without-region" Error
    "The ARN of a key has no Region, so it matches no key",
    "a key's ARN is `arn:aws:kms:<region>:<account>:key/<id>`; in a key policy write `*`",
    KMS "key-policy-overview.html", [AccessAnalyzer "MISSING_ARN_REGION"];
OWN_ARN: "KMS405" "resource-arn" Note
    "The resource names a key by its ARN",
    "write `*`, which is this key: the ARN breaks when the policy is copied or the key replicated",
    KMS "key-policy-overview.html", [];
NOT_RESOURCE: "KMS406" "not-resource" Warning
    "`NotResource` makes no sense in a key policy: there is only this key",
    "write `\"Resource\": \"*\"`, this key",
    IAM "reference_policies_elements_notresource.html", [];
IAM_ONLY_ACTION: "KMS407" "action-without-effect" Warning
    "The action is not a request about a key, so it has no effect in a key policy",
    "allow it in an IAM policy",
    KMS "kms-api-permissions-reference.html", [];
UNKNOWN_ACTION: "KMS408" "action-unknown" Error
    "There is no such action",
    "see the actions of AWS KMS in the Service Authorization Reference",
    KMS "kms-api-permissions-reference.html", [AccessAnalyzer "INVALID_ACTION", CfnLint "W3037"];
NO_MATCH: "KMS409" "action-matches-nothing" Error
    "A wildcard matches no action of AWS KMS",
    "see the actions of AWS KMS in the Service Authorization Reference",
    KMS "kms-api-permissions-reference.html", [AccessAnalyzer "INVALID_ACTION", CfnLint "W3037"];
OTHER_SERVICE: "KMS410" "action-other-service" Error
    "The action belongs to another service, so it has no effect in a key policy",
    "the actions of a key policy begin with `kms:`",
    KMS "kms-api-permissions-reference.html", [AccessAnalyzer "UNSUPPORTED_ACTION_IN_POLICY"];
ALLOW_NOT_ACTION: "KMS411" "not-action-allowed" Warning
    "`Allow` with `NotAction` allows every other action, now and in the future",
    "name in `Action` the actions that are needed",
    IAM "reference_policies_elements_notaction.html", [];
USAGE: "KMS412" "action-not-of-usage" Warning
    "The action is impossible with a key of this usage",
    "remove it, or name an action that the key's usage supports",
    KMS "symm-asymm-choose-key-spec.html", [];
REDUNDANT_ACTION: "KMS413" "action-redundant" Note
    "An action is redundant: another pattern of the statement includes it",
    "remove one of the two",
    IAM "reference_policies_elements_action.html", [AccessAnalyzer "REDUNDANT_ACTION"];
// Conditions.
UNKNOWN_KEY: "KMS501" "condition-key-unknown" Error
    "There is no such condition key, so the condition does not have the intended effect",
    "see the condition keys of AWS KMS and the global ones of IAM",
    KMS "conditions-kms.html", [AccessAnalyzer "INVALID_GLOBAL_CONDITION_KEY", AccessAnalyzer "INVALID_SERVICE_CONDITION_KEY", AccessAnalyzer "INVALID_CONDITION_KEY_FORMAT"];
UNKNOWN_OPERATOR: "KMS502" "operator-unknown" Refused
    "There is no such condition operator",
    "see the condition operators of IAM; their case matters",
    IAM "reference_policies_elements_condition_operators.html", [AccessAnalyzer "INVALID_CONDITION_OPERATOR", AccessAnalyzer "NULL_WITH_IF_EXISTS"];
SOURCE_OF_IDENTITY: "KMS503" "source-key-on-identity" Error
    "Only requests that a service makes for a resource have the key: a user or role never meets the condition",
    "use it with `Service` principals; for users and roles use `aws:PrincipalArn`",
    IAM "reference_policies_condition-keys.html", [];
CALLER_OF_SERVICE: "KMS504" "caller-key-on-service" Error
    "Requests of a service principal do not have the key: the service never meets the condition",
    "limit services with `aws:SourceArn` or `aws:SourceAccount`",
    KMS "conditions-kms.html", [];
GRANT_KEY: "KMS505" "grant-key-beside-other-actions" Error
    "Only CreateGrant, ListGrants and RevokeGrant have `kms:GrantIsForAWSResource`: the other actions are never allowed",
    "put CreateGrant, ListGrants and RevokeGrant into a statement of their own",
    KMS "conditions-kms.html", [];
NEVER_PRESENT: "KMS506" "condition-key-never-present" Error
    "None of the statement's actions has the condition key, so the statement has no effect",
    "use a condition key that the actions have, or remove the condition",
    KMS "conditions-kms.html", [];
PARTLY_PRESENT: "KMS507" "condition-key-partly-present" Warning
    "One of the statement's actions does not have the condition key, so the statement does not apply to it",
    "put the action into a statement without the condition",
    KMS "conditions-kms.html", [];
USERNAME: "KMS508" "username-of-role" Error
    "Sessions of roles have no `aws:username`: the condition is never met",
    "use `aws:userid` or `aws:PrincipalTag/…`",
    IAM "reference_policies_condition-keys.html", [];
IMPOSSIBLE_VALUE: "KMS509" "condition-value-impossible" Error
    "The condition key never has this value",
    "write a value that the key can have",
    KMS "conditions-kms.html", [AccessAnalyzer "INVALID_CONDITION_DATA_TYPE"];
WILDCARD_EQUALS: "KMS510" "wildcard-in-equals" Error
    "`*` and `?` are not wildcards in this operator",
    "use `StringLike`, or write the value out",
    IAM "reference_policies_elements_condition_operators.html", [AccessAnalyzer "WILDCARD_WITHOUT_LIKE_OPERATOR"];
EMPTY_CONDITION: "KMS511" "condition-empty" Warning
    "A condition is empty, and AWS's documents contradict each other about what that means",
    "write the condition, or remove it",
    IAM "reference_policies_elements_condition.html", [AccessAnalyzer "EMPTY_OBJECT_CONDITION"];
NO_SET_OPERATOR: "KMS512" "set-operator-missing" Warning
    "The condition key has several values, and no set operator says how they are compared",
    "begin the operator with `ForAnyValue:` or `ForAllValues:`",
    IAM "reference_policies_condition-single-vs-multi-valued-context-keys.html", [AccessAnalyzer "MISSING_QUALIFIER"];
FOR_ALL: "KMS513" "for-all-values-of-one" Warning
    "`ForAllValues` is met by requests without the key, and the key has one value at most",
    "drop `ForAllValues:`",
    IAM "reference_policies_condition-single-vs-multi-valued-context-keys.html", [AccessAnalyzer "FORALLVALUES_WITH_SINGLE_VALUED_KEY"];
IAM_KEY: "KMS514" "condition-key-of-iam-policies" Warning
    "The condition key works in IAM policies only",
    "remove it: a key policy is about one key",
    KMS "conditions-kms.html", [];
OLD_KEY: "KMS515" "condition-key-deprecated" Note
    "AWS has renamed the condition key",
    "write the new name",
    KMS "conditions-kms.html", [];
EVENT_SOURCE: "KMS516" "source-key-of-events" Note
    "EventBridge sends no source keys to an encrypted SNS topic, so the condition prevents the delivery of events",
    "remove the condition if the events go to an encrypted SNS topic",
    SNS "sns-key-management.html", [];
FOR_ALL_ABSENT: "KMS517" "for-all-values-without-key" Warning
    "`ForAllValues` in an `Allow` is met by requests without the key",
    "require the key with `Null`",
    IAM "reference_policies_condition-single-vs-multi-valued-context-keys.html", [];
PRIVATE_IP: "KMS518" "source-ip-private" Warning
    "`aws:SourceIp` is a public address, and the value is a private one",
    "name the public addresses; for requests through a VPC endpoint use `aws:VpcSourceIp` or `aws:SourceVpce`",
    IAM "reference_policies_condition-keys.html", [AccessAnalyzer "PRIVATE_IP_ADDRESS"];
// A key's settings: in a stack only.
ROTATION: "KMS601" "rotation-off" Warning
    "The key supports automatic rotation, and it is off",
    "write `rotation: {period_days: 365}`",
    KMS "rotate-keys.html", [Checkov "CKV_AWS_7", Trivy "AVD-AWS-0065", Config "CMK_BACKING_KEY_ROTATION_ENABLED", SecurityHub "KMS.4", ControlTower "CT.KMS.PR.1", Datadog "aws-kms-symmetric-cmks-should-have-encryption-key-rotation-enabled", Datadog "cloudformation-aws-cmk-rotation-disabled"];
RSA_2048: "KMS602" "rsa-2048" Warning
    "The key encrypts with 2048-bit RSA",
    "use `RSA_3072` or `RSA_4096`",
    KMS "symm-asymm-choose-key-spec.html", [ControlTower "CT.KMS.PR.2", ControlTower "CT.KMS.PV.2"];
MULTI_REGION: "KMS603" "multi-region" Note
    "The key can be replicated: its material can leave the Region",
    "remove `multi_region` if one Region is enough: it is fixed at creation",
    KMS "multi-region-keys-overview.html", [];
UNPROTECTED: "KMS604" "unprotected" Note
    "kmsctl may delete the key",
    "remove `protect: false` once the key is in use",
    KMS "deleting-keys.html", [];
DELETION_WINDOW: "KMS605" "deletion-window-short" Note
    "The waiting period before the key's deletion is shorter than 14 days",
    "write 14 to 30 days: a missing backup that needs the key is often noticed late",
    KMS "deleting-keys.html", [];
NO_ALIAS: "KMS606" "no-alias" Note
    "The key has no alias",
    "give it one: people and applications name keys by their aliases",
    KMS "kms-alias.html", [];
DISABLED: "KMS607" "disabled" Note
    "The key is disabled: its data cannot be decrypted",
    "remove `enabled: false`, or schedule the deletion of the key if it is no longer needed",
    KMS "enabling-keys.html", [Checkov "CKV_AWS_227"];
// What AWS has besides the configuration: in plans, drift reports and `lint --live` only.
FOREIGN_GRANT: "KMS701" "foreign-grant" Warning
    "A grant on the key was created neither by the stack nor by an AWS service",
    "take it over with `adopt: GRANT_ID` in an entry of `grants`, accept it in `foreign_grants`, or revoke it",
    KMS "grants.html", [];
DUPLICATE_KEY: "KMS702" "duplicate-key" Warning
    "Several keys carry the tags of one declaration",
    "name the right key with `adopt`, and delete the others or remove their tags",
    KMS "tagging-keys.html", [];
UNCLAIMED: "KMS703" "unclaimed-key" Warning
    "A resource carries the tags of the stack, and is neither declared nor recorded",
    "declare it, or remove its tags `kmsctl:stack` and `kmsctl:name`",
    KMS "tagging-keys.html", [];
KEY_UNUSABLE: "KMS704" "key-unusable" Error
    "A resource does not work because of its key",
    "enable the key, cancel its deletion, or allow the access that the resource needs",
    KMS "unusable-kms-keys.html", [];
PRIMARY_MOVED: "KMS705" "primary-moved" Warning
    "The primary key of a multi-Region key is in another Region than the key of the stack",
    "write `primary_region` with the Region in which the primary key shall be",
    KMS "multi-region-update.html", [];
// Gates: in a stack only.
GATE: "KMS801" "gate" Error
    "A gate of the configuration does not pass",
    "change the policy or the grant; or, if the change is intended, ask the owners of the gate to change it",
    NONE "", [];
// Waivers: in a stack only.
LAPSED: "KMS901" "waiver-lapsed" Warning
    "A waiver has expired, so its finding counts again",
    "fix the finding, or set a later `until`",
    NONE "", [];
UNUSED: "KMS902" "waiver-unused" Warning
    "A waiver applies to no finding",
    "remove it",
    NONE "", [];
// The budget.
UNCHECKED: "KMS903" "unchecked" Error
    "Policies are not checked completely, because they take too many steps (`kmsctl explain limits`)",
    "write fewer or simpler policies, or divide the stack",
    NONE "", [];}
