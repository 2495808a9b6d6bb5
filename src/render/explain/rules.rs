//! The reasons for the lint rules, and further AWS documents about them.

use crate::policy::lint::Rule;

/// The reason for a rule.
#[derive(Clone, Copy, Debug)]
pub struct Reason {
    /// The id of the rule.
    pub id: &'static str,
    /// The harm that the rule prevents, in sentences.
    pub why: &'static str,
    /// Further documents, besides the rule's source.
    pub more: &'static [&'static str],
}

/// Returns the reason for a rule.
#[must_use]
pub fn reason(rule: &Rule) -> Option<&'static Reason> {
    REASONS.iter().find(|reason| reason.id == rule.id)
}

/// Returns the documents about a rule, its source first.
#[must_use]
pub fn sources(rule: &Rule) -> Vec<String> {
    let own = (!rule.source.is_empty()).then_some(rule.source);
    let more = reason(rule).map_or(&[][..], |reason| reason.more);
    own.into_iter().chain(more.iter().copied()).map(str::to_owned).collect()
}

macro_rules! kms {
    ($page:literal) => {
        concat!("https://docs.aws.amazon.com/kms/latest/developerguide/", $page)
    };
}
macro_rules! iam {
    ($page:literal) => {
        concat!("https://docs.aws.amazon.com/IAM/latest/UserGuide/", $page)
    };
}
macro_rules! api {
    ($page:literal) => {
        concat!("https://docs.aws.amazon.com/kms/latest/APIReference/", $page)
    };
}
macro_rules! reasons {
    ($($id:literal $why:literal [$($more:expr),*];)*) => {
        &[$(Reason { id: $id, why: $why, more: &[$($more),*] }),*]
    };
}

static REASONS: &[Reason] = reasons! {
    "KMS100" "AWS refuses text that is not JSON. Of a key that appears twice, many JSON parsers keep only the last value: a \
        condition that a reviewer reads may not be the one that applies."
        [];
    "KMS101" "PutKeyPolicy and CreateKey fail with MalformedPolicyDocumentException. It is better to find the mistake before \
        an apply."
        [api!("API_PutKeyPolicy.html")];
    "KMS102" "AWS's default is the version `2008-10-17`, in which policy variables such as `${aws:username}` are literal \
        text: a condition that uses one never matches the intended values."
        [kms!("key-policy-overview.html")];
    "KMS103" "In the version `2008-10-17`, policy variables such as `${aws:username}` are literal text, and features that \
        AWS added later are not available."
        [];
    "KMS104" "Without the version `2012-10-17`, AWS compares the request with the characters `${...}` themselves. An Allow \
        with such a condition has no effect, and a Deny with one may have none."
        [iam!("reference_policies_elements_version.html")];
    "KMS105" "AWS refuses a larger policy with LimitExceededException. White space counts too."
        [kms!("resource-limits.html")];
    "KMS106" "The next statement may not fit, and statements that kmsctl derives for consumers need space as well."
        [kms!("resource-limits.html")];
    "KMS107" "AWS refuses the policy: a key policy may hold printable ASCII characters, the Latin-1 supplement, tab, line \
        feed and carriage return only."
        [];
    "KMS108" "AWS accepts it. But the AWS console and other tools find a statement by its `Sid`: they may edit or remove the \
        wrong one."
        [kms!("key-policy-default.html")];
    "KMS109" "Tools find a statement by its `Sid`, character by character. A `Sid` that is empty, or that differs from another \
        one only in invisible characters, is easily mistaken."
        [];
    "KMS110" "The repetition takes space. If access is later removed from one of the two statements, the other one still \
        allows it."
        [];
    "KMS201" "AWS refuses a policy with a principal that it cannot resolve, with MalformedPolicyDocumentException, and does \
        not say which one."
        [api!("API_PutKeyPolicy.html")];
    "KMS202" "AWS compares principals as a whole; only `*` alone stands for everyone. The statement looks as if it allowed \
        several roles and allows none."
        [];
    "KMS203" "Requests are made by users and roles, never by groups. AWS refuses the policy."
        [];
    "KMS204" "AWS replaces the ARN of a deleted user or role by its unique id. A new user or role of the same name does not \
        get the access back, and the next PutKeyPolicy with that id fails."
        [kms!("key-policy-overview.html")];
    "KMS205" "The statement never matches the service, so its resources cannot use the key. The error appears only when they \
        try."
        [kms!("key-policy-services.html")];
    "KMS206" "`Federated` is for trust policies of roles and `CanonicalUser` for bucket policies. Callers of AWS KMS are IAM \
        identities and services, so the statement has no effect."
        [kms!("key-policy-overview.html")];
    "KMS207" "The statement allows every principal that it does not name, including the identities of all other accounts."
        [];
    "KMS208" "The statement matches no request. The access that it was meant to allow is missing."
        [];
    "KMS209" "AWS creates the role under its own path, and a role's ARN includes its path. AWS refuses a principal that does not \
        exist, and a condition with such an ARN is never met."
        [];
    "KMS210" "Whoever assumes the role chooses the name of the session. The next session has another name, and loses the \
        access."
        [];
    "KMS211" "AWS compares the account, the role and the session of a request with the list one by one. What is not listed \
        may be denied, although the role is."
        [];
    "KMS212" "A tool that reads the number and writes it again drops the zeros at its beginning, and the account is another \
        one or none."
        [];
    "KMS301" "Any AWS identity can use the key as soon as its own account lets it. Encrypted data can be read, or the key \
        changed, by strangers."
        [kms!("key-policy-default.html")];
    "KMS302" "A service acts for all its customers. Without a condition on the source, another customer can make the service \
        use your key for their resource (the confused deputy problem)."
        [kms!("key-policy-services.html")];
    "KMS303" "A grant allows its grantee to use the key without any change of the policy. A principal that may create grants \
        without a limit can give decryption to anyone, also in other accounts."
        [kms!("conditions-kms.html")];
    "KMS304" "If the named administrators are deleted, no one can change the policy, and the key becomes \
        unmanageable: only AWS Support can help. AWS checks only that the current caller could change it again."
        [api!("API_PutKeyPolicy.html")];
    "KMS305" "AWS refuses a policy after which the caller could not call PutKeyPolicy: \"The new key policy will not allow \
        you to update the key policy in the future\"."
        [api!("API_PutKeyPolicy.html")];
    "KMS306" "One identity both manages access to the data and reads the data, so no one else can stop misuse. Different \
        administrators and users provide separation of duties."
        [];
    "KMS307" "An administrator of the key can always give itself use of the key. If it also uses the key every day, misuse is \
        harder to notice."
        [];
    "KMS308" "The grantee can change the policy and schedule the deletion of the key, and gets each action that AWS adds to \
        AWS KMS later."
        [kms!("kms-api-permissions-reference.html")];
    "KMS309" "AWS KMS accepts the action only from identities of the key's own account, whatever the policy allows. The \
        statement has no effect."
        [kms!("kms-api-permissions-reference.html")];
    "KMS401" "AWS once accepted such statements and ignored them. A reader of the policy assumes access that does not exist."
        [kms!("key-policy-overview.html")];
    "KMS402" "AWS once accepted such statements and ignored them. A reader of the policy assumes access that does not exist."
        [kms!("key-policy-overview.html")];
    "KMS403" "A key policy is about its own key only. A bucket, another key or another service as the resource never \
        matches, so the statement neither allows nor denies anything."
        [];
    "KMS404" "`arn:aws:kms:111122223333:key/...` has one field too few: it matches no key, so the statement does nothing."
        [];
    "KMS405" "The ARN of a key is known only after its creation and differs in each Region: the same policy on a replica or \
        on a copy of the key matches nothing."
        [kms!("multi-region-keys-overview.html")];
    "KMS406" "A key policy applies only to its own key. `NotResource` with this key therefore matches nothing, and \
        `NotResource` with anything else matches this key. Both are easily misread."
        [kms!("key-policy-overview.html")];
    "KMS407" "Actions such as `kms:CreateKey`, `kms:ListKeys` and `kms:ListAliases` work on no particular key, so only IAM \
        policies can allow them."
        [];
    "KMS408" "AWS accepts the name and never matches it. An Allow with a misspelled action has no effect, and a Deny with one \
        protects nothing."
        [];
    "KMS409" "AWS accepts the pattern and never matches it. An Allow with a misspelled action has no effect, and a Deny with \
        one protects nothing."
        [];
    "KMS410" "A key policy applies only to requests to AWS KMS, so the action is never matched."
        [];
    "KMS411" "Every action that is not named is allowed, among them changes of the policy, deletion, and actions that AWS \
        adds later."
        [];
    "KMS412" "A signing key cannot encrypt, and an encryption key cannot sign. Every request for the action fails."
        [];
    "KMS413" "It changes nothing. When somebody narrows the policy later, the action that seems to be gone is still allowed."
        [];
    "KMS501" "A positive condition on a key that requests never have is never met, so an Allow has no effect. A negated one \
        is always met, so it restricts nothing."
        [iam!("reference_policies_condition-keys.html")];
    "KMS502" "AWS refuses the policy, or the condition does not do what it seems to do."
        [];
    "KMS503" "`aws:SourceArn` and `aws:SourceAccount` are set when a service calls AWS KMS for one of its resources. In a \
        statement for users and roles the condition is never met, so the Allow gives nothing."
        [kms!("key-policy-services.html")];
    "KMS504" "`kms:ViaService` and `kms:CallerAccount` describe a request that a service forwards for a user or role. A \
        service principal that calls on its own never has them, so the Allow gives nothing."
        [kms!("key-policy-services.html")];
    "KMS505" "The condition key is absent in all other requests, so the condition is never met for them: a statement that \
        should allow encryption and grants allows only grants."
        [];
    "KMS506" "A positive condition on a key that no request has is never met, so an Allow gives nothing."
        [];
    "KMS507" "For an action without the condition key the condition is never met, so that action is not allowed, although \
        the statement names it."
        [];
    "KMS508" "`aws:username` exists for IAM users only. AWS's own example of this condition names a role; it would never \
        match."
        [];
    "KMS509" "The comparison can never be true, so an Allow gives nothing and a Deny protects nothing."
        [iam!("reference_policies_elements_condition_operators.html")];
    "KMS510" "`StringEquals` compares characters. A value such as `role/*` matches only a name that ends in an asterisk."
        [];
    "KMS511" "One page says that an empty condition is always met, another one that it is never met. Nobody should depend on \
        it."
        [];
    "KMS512" "Without `ForAnyValue` or `ForAllValues`, AWS's documents do not define how several values of a request are \
        compared."
        [kms!("conditions-kms.html")];
    "KMS513" "`ForAllValues` is true when the request does not have the key at all, so an Allow with it is wider than it \
        looks."
        [];
    "KMS514" "AWS KMS does not set the condition key when it reads a key policy, so the condition is never met."
        [];
    "KMS515" "AWS keeps the old name working for now, and documents only the new one."
        [];
    "KMS516" "The requests of EventBridge to an encrypted topic have neither `aws:SourceAccount` nor `aws:SourceArn`, so the \
        condition is never met and the events are lost. For an encrypted queue or event bus it can be right."
        [];
    "KMS517" "A request without the key has no value that could be wrong. An encryption context that may have only certain \
        keys may also be missing altogether."
        [];
    "KMS518" "AWS sees the public address of a request. A request through a VPC endpoint has no `aws:SourceIp` at all. A private \
        address is therefore never matched."
        [];
    "KMS601" "Rotation limits how much data one version of the key material protects. AWS KMS keeps the old material, so \
        rotation needs no encryption again, and neither the key's id nor its ARN changes."
        [];
    "KMS602" "2,048 bits are the least that is still accepted; policies of many organizations ask for 3,072 or more. The key \
        spec cannot be changed later."
        [];
    "KMS603" "A replica has the same key material and its own policy: a principal that may replicate the key can use it elsewhere \
        under other rules."
        [];
    "KMS604" "A plan may schedule the deletion of the key when it leaves the configuration. What it encrypts is lost once the \
        waiting period ends."
        [kms!("unusable-kms-keys.html")];
    "KMS605" "Some uses are rare: a restore or a monthly job. The waiting period is the time in which their failure can \
        still stop the deletion."
        [];
    "KMS606" "A key id has no meaning for people. An application that uses the alias can be moved to another key."
        [];
    "KMS607" "Volumes, databases and tables that use the key fail, some of them only hours later, when they are started or \
        attached again."
        [kms!("unusable-kms-keys.html")];
    "KMS701" "A grant gives access that no policy shows, and only its grantee, its retiring principal or a \
        principal that may revoke grants ends it."
        [];
    "KMS702" "Two runs without a common record may create one key twice, and whoever may tag keys can give one the tags of the \
        stack. Data may be encrypted with either key."
        [];
    "KMS703" "The resource left the configuration while there was no record of it, or somebody else gave it the tags. kmsctl \
        does not change what may belong to somebody else."
        [];
    "KMS704" "A key that is disabled, scheduled for deletion or without the access that the resource needs makes the resource \
        fail, some only when they are started or attached again."
        [];
    "KMS705" "After a failover, rotation can be changed and replicas created only through the new primary key. kmsctl sends \
        these requests there, and moves the primary key only if `primary_region` says where it shall be."
        [];
    "KMS801" "A gate is a limit that changes may exceed only if the owners of the gate change it. A plan that does not pass \
        is blocked. See `kmsctl explain gates`."
        [iam!("access-analyzer-custom-policy-checks.html")];
    "KMS901" "A waiver expires so that the finding is reviewed again. See `kmsctl explain lint.waivers`."
        [iam!("access-analyzer-policy-validation.html")];
    "KMS902" "An unused waiver would hide the finding if the mistake were made again. See `kmsctl explain lint.waivers`."
        [iam!("access-analyzer-policy-validation.html")];
    "KMS903" "kmsctl counts the steps of the rules, so that no configuration takes all time. A policy that is not checked \
        completely may have any mistake. See `kmsctl explain limits`."
        [kms!("key-policy-overview.html")];
};

#[cfg(test)]
pub(super) fn ids() -> Vec<&'static str> {
    REASONS.iter().map(|reason| reason.id).collect()
}
