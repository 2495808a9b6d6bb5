//! The properties that are fixed when a key is created (spec, usage, origin, key store), and the key that
//! is taken over.

use super::super::scope::{known, parse};
use super::KeyPhase;
use crate::config::records::Key;
use crate::decode::{Diagnostic, Text, nearest};
use crate::desired::Adopt;
use crate::id::{AliasName, KeyArn, Place, Region, is_key_id};
use crate::kind::KeyFact;
use crate::kind::key::{
    DEFAULT_ORIGIN, DEFAULT_SPEC, KEY_STORE_ID, ORIGINS, PENDING_IMPORT, SPECS, XKS_KEY_ID, rule,
};
use crate::tree::Span;

impl KeyPhase<'_, '_> {
    /// Returns the spec and usage, if both are valid.
    pub(super) fn fact(&mut self, name: &Text, raw: &Key) -> Option<KeyFact> {
        let specs: Vec<&'static str> = SPECS.iter().map(|spec| spec.name).collect();
        let spec = match &raw.spec {
            Some(text) => known("a key spec", text, &specs, self.d)?,
            None => DEFAULT_SPEC,
        };
        self.available(spec, raw);
        let allowed = rule(spec).map_or(&[][..], |rule| rule.usages);
        let list = allowed.join(", ");
        let Some(usage) = &raw.usage else {
            if spec != DEFAULT_SPEC && raw.adopt.is_none() {
                let span = raw.spec.as_ref().map_or(name.span, |spec| spec.span);
                self.d.error(
                    span,
                    format!("a key of spec {spec} needs a `usage`"),
                    format!("one of {list}"),
                );
                return None;
            }
            return Some(new_fact(raw, spec, allowed.first()?));
        };
        if raw.spec.is_none() && raw.adopt.is_some() {
            return None;
        }
        if !allowed.contains(&usage.value.as_str()) {
            let help = match nearest(&usage.value, allowed.iter().copied()) {
                Some(near) => format!("did you mean `{near}`? It allows {list}"),
                None => format!("it allows {list}"),
            };
            let message = format!("a key of spec {spec} cannot be for `{}`", usage.value);
            self.d.error(usage.span, message, help);
            return None;
        }
        Some(new_fact(raw, spec, &usage.value))
    }

    /// Returns the Region in which the primary key shall be: that of the key or of a replica.
    pub(super) fn primary_region(&mut self, raw: &Key, place: &Place) -> Option<Region> {
        let text = raw.primary_region.as_ref()?;
        let region = parse::<Region>(text, self.d)?;
        let multi = raw.multi_region.as_ref().is_some_and(|multi| multi.value);
        if !multi && raw.adopt.is_none() {
            let help = "set `multi_region: true`, or remove `primary_region`";
            self.d.error(text.span, "the key is not a multi-Region key", help);
        } else if region != place.region && raw.replicas.get(&text.value).is_none() {
            let message = format!("the key has no replica in `{region}`");
            let help = "name the Region of the key, or of one of its `replicas`";
            self.d.error(text.span, message, help);
        }
        Some(region)
    }

    /// Reports a key spec that the Region does not have: only the Regions of China have SM2, and they have no ML-KEM
    /// (KMS API Reference, CreateKey: `KeySpec`).
    fn available(&mut self, spec: &str, raw: &Key) {
        let scope = self.reads.scope;
        let own = raw.region.as_ref().and_then(|region| region.value.parse::<Region>().ok());
        let region = own.as_ref().unwrap_or(&scope.home.region);
        let Some(text) = raw.spec.as_ref().filter(|_| scope.knows_region(raw.region.as_ref()))
        else {
            return;
        };
        let is_in_china = region.partition() == "aws-cn";
        if spec == "SM2" && !is_in_china {
            let help = "choose another key spec, or a Region such as `cn-north-1`";
            self.d.error(text.span, "AWS has keys of spec SM2 in the Regions of China only", help);
        } else if spec.starts_with("ML_KEM") && is_in_china {
            let message = format!("AWS has no keys of spec {spec} in the Regions of China");
            self.d.error(text.span, message, "choose another key spec, or a Region elsewhere");
        }
    }

    /// Returns the origin of the key material, and checks the key store.
    pub(super) fn origin(&mut self, name: &Text, raw: &Key) -> &'static str {
        let origin = match &raw.origin {
            Some(text) => known("an origin", text, &ORIGINS, self.d),
            None => Some(DEFAULT_ORIGIN),
        };
        let Some(origin) = origin else {
            return DEFAULT_ORIGIN;
        };
        let at = raw.origin.as_ref().map_or(name.span, |origin| origin.span);
        if origin == "EXTERNAL" {
            let help = if raw.grants.0.is_empty() && raw.replicas.0.is_empty() {
                "the key cannot be used until you import it"
            } else {
                "until you import it, the key cannot be used, and AWS refuses its grants and replicas: a \
                 plan leaves them out"
            };
            self.d.push(Diagnostic::warning(at, "kmsctl does not import key material").help(help));
        }
        self.store(raw, origin, at);
        let external = origin == "EXTERNAL_KEY_STORE";
        match &raw.xks_key_id {
            Some(id) if !external => {
                let message = format!("a key of origin {origin} has no `xks_key_id`");
                self.d.error(id.span, message, "remove it, or set `origin: EXTERNAL_KEY_STORE`");
            }
            None if external && raw.adopt.is_none() => {
                let message = "a key of origin EXTERNAL_KEY_STORE needs an `xks_key_id`";
                self.d.error(at, message, "name the key in the external key store");
            }
            Some(id) => self.xks_key_id(id),
            None => {}
        }
        origin
    }

    /// Checks the id of a key in an external key store.
    fn xks_key_id(&mut self, id: &Text) {
        let text = id.value.as_str();
        if !XKS_KEY_ID.accepts(text) {
            let message = format!("`{text}` is not the id of a key in an external key store");
            self.d.error(
                id.span,
                message,
                "AWS accepts 1 to 128 letters, digits, `-`, `_` and `.`",
            );
        }
    }

    /// Checks the custom key store.
    fn store(&mut self, raw: &Key, origin: &str, at: Span) {
        let stored = ["AWS_CLOUDHSM", "EXTERNAL_KEY_STORE"].contains(&origin);
        match &raw.custom_key_store_id {
            Some(store) if !stored => {
                let message = format!("a key of origin {origin} is not in a custom key store");
                self.d.error(
                    store.span,
                    message,
                    "remove it, or set `origin: AWS_CLOUDHSM` or `EXTERNAL_KEY_STORE`",
                );
            }
            None if stored && raw.adopt.is_none() => {
                let message = format!("a key of origin {origin} needs a `custom_key_store_id`");
                self.d.error(at, message, "name the store, such as `cks-1234567890abcdef0`");
            }
            Some(store) if !KEY_STORE_ID.accepts(&store.value) => {
                let length = store.value.chars().count();
                let message = format!("the id of a key store cannot have {length} characters");
                self.d.error(store.span, message, "AWS accepts 1 to 64");
            }
            Some(_) | None => {}
        }
        if stored {
            if let Some(spec) = raw.spec.as_ref().filter(|spec| spec.value != DEFAULT_SPEC) {
                let help = format!("custom key stores support keys of spec {DEFAULT_SPEC} only");
                self.d.error(spec.span, "a key of this spec cannot be in a custom key store", help);
            }
            if let Some(multi) = raw.multi_region.as_ref().filter(|multi| multi.value) {
                let help = "remove `multi_region` or `custom_key_store_id`";
                self.d.error(multi.span, "a key in a custom key store cannot have replicas", help);
            }
        }
    }

    /// Returns the key that is taken over.
    pub(super) fn adopt(&mut self, text: &Text, place: &Place) -> Option<Adopt> {
        let value = text.value.as_str();
        let adopt = if value.starts_with("alias/") {
            Adopt::Alias(parse::<AliasName>(text, self.d)?)
        } else if value.starts_with("arn:") {
            let arn: KeyArn = parse(text, self.d)?;
            let elsewhere = (arn.account != place.account && !self.reads.scope.gaps.account)
                || (arn.region != place.region && !self.reads.scope.gaps.region);
            if elsewhere {
                let message =
                    format!("the key is in {}, but it is declared in {place}", arn.place());
                let help = "set the key's `region`; for a key of another account, use `existing`";
                self.d.error(text.span, message, help);
                return None;
            }
            Adopt::Key(arn)
        } else if is_key_id(value) {
            Adopt::Key(KeyArn::at(place, value))
        } else {
            let help = "write `alias/NAME`, the id of a key, or its ARN";
            self.d.error(text.span, format!("`{value}` is not a key"), help);
            return None;
        };
        self.once(&adopt, text, place);
        Some(adopt)
    }

    /// Reports the second declaration of a key or grant of AWS.
    pub(super) fn once(&mut self, named: &Adopt, text: &Text, place: &Place) {
        if let Some(first) = self.named.insert(format!("{named:?} {place}"), text.span) {
            self.d.push(
                Diagnostic::error(text.span, format!("`{}` is declared twice", text.value))
                    .also(first, "first here")
                    .help("declare each key and each grant of AWS once"),
            );
        }
    }
}

/// Returns the facts about the key when it is new.
fn new_fact(raw: &Key, spec: &str, usage: &str) -> KeyFact {
    let (spec, usage) = (spec.to_owned(), usage.to_owned());
    KeyFact { spec, usage, state: first_state(raw), primary_region: None }
}

/// Returns the state in which KMS creates the key, if it is not enabled at once: a key without key material
/// waits for it (KMS Developer Guide, "Key states of AWS KMS keys").
fn first_state(raw: &Key) -> Option<String> {
    let origin = raw.origin.as_ref()?;
    (origin.value == "EXTERNAL").then(|| PENDING_IMPORT.to_owned())
}
