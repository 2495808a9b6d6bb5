//! What is known of each condition key of a request: what was given, and what follows from who asks for what.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::super::keys::actions_with;
use super::Principal;
use super::request::{Asked, Fact, Key, Request};

/// A request and the key that it is about.
#[derive(Clone, Copy)]
pub(super) struct Facts<'a> {
    pub(super) request: &'a Request,
    pub(super) key: &'a Key<'a>,
}

const CONTEXT_KEY: &str = "kms:encryptioncontext:";

impl<'a> Facts<'a> {
    /// What is known of a condition key, by its name in lower case.
    pub(super) fn get(&self, key: &str) -> Cow<'a, Fact> {
        let (key, twin) = twins(key);
        if !can_occur(key, self.request.action) {
            return Cow::Owned(Fact::Absent);
        }
        let context = &self.request.context;
        match context.get(key).or_else(|| context.get(twin)) {
            Some(given) => Cow::Borrowed(given),
            None => Cow::Owned(self.derived(key)),
        }
    }

    /// What follows for a key that was not given. Keys that AWS puts into every request are not known; any other key is
    /// absent.
    fn derived(&self, key: &str) -> Fact {
        if let Some(fact) = self.request.principal.fact(key) {
            return fact;
        }
        match key {
            // IAM User Guide, global condition keys: "always included".
            "aws:currenttime" | "aws:epochtime" | "aws:useragent" => Fact::Unknown,
            "aws:resourceaccount" => Fact::value(self.key.account),
            "aws:requestedregion" => self.region().map_or(Fact::Unknown, Fact::value),
            // KMS answers over TLS only (KMS Developer Guide, "Infrastructure security").
            "aws:securetransport" => Fact::bool(true),
            "aws:viaawsservice" => match *self.get("kms:viaservice") {
                Fact::Absent => Fact::bool(false),
                Fact::Known(_) => Fact::bool(true),
                Fact::AbsentOr(_) | Fact::Unknown => Fact::Unknown,
            },
            "kms:grantisforawsresource" => self.for_resource(),
            "kms:encryptioncontextkeys" => self.context_keys(),
            // Every key has these (KMS Developer Guide, condition keys).
            "kms:keyspec" | "kms:keyusage" | "kms:keyorigin" => Fact::Unknown,
            "kms:multiregion" => self.multi_region().map_or(Fact::Unknown, Fact::bool),
            "kms:multiregionkeytype" => match self.multi_region() {
                Some(false) => Fact::Absent,
                Some(true) | None => Fact::Unknown,
            },
            _ => self.request.context.rest(),
        }
    }

    fn region(&self) -> Option<&'a str> {
        self.key.arn?.split(':').nth(3)
    }

    /// The ids of multi-Region keys begin with `mrk-` (KMS Developer Guide, "Multi-Region keys").
    fn multi_region(&self) -> Option<bool> {
        self.key.arn?.rsplit_once("key/").map(|(_, id)| id.starts_with("mrk-"))
    }

    /// True only where a service asks on somebody's behalf. Whether a direct request has it as `false` or not at all is not
    /// documented.
    fn for_resource(&self) -> Fact {
        match (&*self.get("kms:viaservice"), &self.request.principal) {
            (Fact::Absent, Principal::Identity(_)) => {
                Fact::AbsentOr(BTreeSet::from(["false".to_owned()]))
            }
            (Fact::Absent | Fact::Known(_) | Fact::AbsentOr(_) | Fact::Unknown, _) => Fact::Unknown,
        }
    }

    /// The keys of the encryption context, in the case that they were given in.
    fn context_keys(&self) -> Fact {
        let mut names = BTreeSet::new();
        for (name, fact) in self.encryption_context() {
            match fact {
                Fact::Absent => {}
                Fact::Known(_) => {
                    names.insert(name.to_owned());
                }
                Fact::AbsentOr(_) | Fact::Unknown => return Fact::Unknown,
            }
        }
        if names.is_empty() { self.request.context.rest() } else { Fact::Known(names) }
    }

    /// The encryption context that was given: the keys as written, and what is known of them.
    pub(super) fn encryption_context(&self) -> impl Iterator<Item = (&'a str, &'a Fact)> {
        self.request.context.under(CONTEXT_KEY).map(|(rest, given)| {
            let start = given.name.len() - rest.len();
            (given.name.get(start..).unwrap_or(rest), &given.fact)
        })
    }
}

/// A key and its older name (KMS Developer Guide: the two are the same).
fn twins(key: &str) -> (&str, &str) {
    match key {
        "kms:keyspec" | "kms:customermasterkeyspec" => ("kms:keyspec", "kms:customermasterkeyspec"),
        "kms:keyusage" | "kms:customermasterkeyusage" => {
            ("kms:keyusage", "kms:customermasterkeyusage")
        }
        key => (key, key),
    }
}

/// Whether a request for the action can have the key. Which keys `Encapsulate` and `Decapsulate` have is not published.
pub(in crate::policy) fn can_occur(key: &str, asked: Asked) -> bool {
    let Asked::Key(action) = asked else { return true };
    // Its own keys are not in the table: AWS makes the request.
    if matches!(key, "kms:viaservice" | "kms:calleraccount") {
        return action.name != "SynchronizeMultiRegionKey";
    }
    actions_with(key).has(action)
}
