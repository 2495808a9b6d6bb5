//! Lines as data: names, actions and levels as they are given out.

use std::collections::BTreeSet;

use super::super::actions::{ActionSet, spelled_action};
use super::super::arn::{is_account, is_service, is_unique_id};
use super::action::ActionAtom;
use super::atom::{Atom, Kind, Principal, PrincipalArn};
use super::group::{Key, Line, is_rest};
use super::scene::Scene;
use super::{AccessChange, Certainty, Effect, Level, Shape};

const OTHER_SERVICE: &str = "every other AWS service";
const EVERY_SERVICE: &str = "every AWS service";

/// Some actions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Actions {
    pub(super) known: ActionSet,
    /// Patterns whose future actions are meant.
    pub(super) future: BTreeSet<String>,
}

impl Actions {
    pub(super) fn is_empty(&self) -> bool {
        self.known.is_empty() && self.future.is_empty()
    }

    pub(super) fn add(&mut self, action: &ActionAtom) {
        match action {
            ActionAtom::Known(one) => {
                self.known = self.known.or(ActionSet::of(|action| action == *one));
            }
            ActionAtom::Future { pattern, .. } => {
                self.future.insert(pattern.clone());
            }
        }
    }

    pub(super) fn without(&self, other: &Self) -> Self {
        let future = self.future.difference(&other.future).cloned().collect();
        Self { known: self.known.without(other.known), future }
    }

    pub(super) fn and(&self, other: &Self) -> Self {
        let future = self.future.intersection(&other.future).cloned().collect();
        Self { known: self.known.and(other.known), future }
    }
}

/// The change of a deleted identity is of a kind of its own.
pub(super) fn marked((mut delta, grants): Key, atom: &Atom) -> Key {
    if matches!(atom.who, Principal::UniqueId(_)) {
        delta.shape = Shape::Dangling;
    }
    delta.unlimited &= atom.who == Principal::Elsewhere;
    delta.unsourced &= atom.is_service();
    (delta, grants)
}

/// What a person knows an atom by.
pub(super) fn name(atom: &Atom) -> String {
    let account = atom.account().map_or(Home::AnyAccount, Home::Account);
    let matched = |what: String| match &atom.arn {
        PrincipalArn::Matches(patterns) if !patterns.is_empty() => {
            let texts: Vec<&str> = patterns.iter().map(super::glob::Pattern::text).collect();
            let telling = |text: &&str| [":user/", ":role/"].iter().any(|kind| text.contains(kind));
            match texts.as_slice() {
                [one] if telling(one) && home(one) == account => (*one).to_owned(),
                several => format!("{what} that matches {}", several.join(" and ")),
            }
        }
        PrincipalArn::Matches(_) | PrincipalArn::Is(_) | PrincipalArn::Unknown => what,
    };
    match &atom.who {
        Principal::Root(account) => format!("the root user of account {account}"),
        Principal::Identity(identity) => identity.arn.clone(),
        Principal::Other { account, kind } => matched(match kind {
            None => format!("every other identity of account {account}"),
            Some(Kind::User) => format!("every other user of account {account}"),
            Some(Kind::Role | Kind::Session) => format!("every other role of account {account}"),
            Some(Kind::Federated) => format!("every federated user of account {account}"),
        }),
        Principal::Elsewhere if is_rest(atom) => "*".to_owned(),
        Principal::Elsewhere => matched("every identity".to_owned()),
        Principal::Service(name) | Principal::UniqueId(name) | Principal::Provider(name) => {
            name.clone()
        }
        Principal::OtherService => OTHER_SERVICE.to_owned(),
    }
}

/// Whose an access is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Home<'a> {
    /// That of identities of this account.
    Account(&'a str),
    /// That of identities of accounts that are not told apart.
    AnyAccount,
    /// That of a service, or of an identity that was deleted.
    NoAccount,
}

/// Whose an access is, by the [`name`] that it goes by, or by that of a line about many.
pub(super) fn home(name: &str) -> Home<'_> {
    let of = |account| if is_account(account) { Home::Account(account) } else { Home::AnyAccount };
    let fields: Vec<&str> = name.splitn(6, ':').collect();
    if let ["arn", partition, service, region, account, _] = fields.as_slice() {
        // A wildcard of `StringLike` reaches over colons.
        let wild = [partition, service, region].iter().any(|field| field.contains(['*', '?']));
        return if wild { Home::AnyAccount } else { of(account) };
    }
    let (who, _) = name.split_once(" that matches ").unwrap_or((name, ""));
    if let Some((_, account)) = who.rsplit_once(" of account ") {
        return of(account);
    }
    let services = [OTHER_SERVICE, EVERY_SERVICE].contains(&name);
    match services || is_service(name) || is_unique_id(name) {
        true => Home::NoAccount,
        false => Home::AnyAccount,
    }
}

/// A line as data; what is only about actions to come is of a kind of its own.
pub(super) fn present(
    scene: &Scene<'_>,
    principal: &str,
    ((delta, grants), held, except): Line<'_>,
) -> Vec<AccessChange> {
    let statements: BTreeSet<String> =
        held.statements.iter().map(|compiled| scene.label(compiled)).collect();
    let statements: Vec<String> = statements.into_iter().collect();
    let within = |pattern: &String| held.actions.known.covers(ActionSet::matching(pattern));
    let (now, later): (Vec<&String>, Vec<&String>) = held
        .actions
        .future
        .iter()
        .partition(|pattern| !held.actions.known.is_empty() && within(pattern));
    let mut out = Vec::new();
    let gained = delta.effect == Effect::Gained;
    let change = |kind: Shape, actions: Vec<String>, known: ActionSet| AccessChange {
        effect: delta.effect,
        principal: principal.to_owned(),
        except: except.iter().cloned().collect(),
        actions,
        condition: delta.condition.clone(),
        kind,
        certainty: if kind == Shape::Future { Certainty::Possible } else { delta.certainty },
        capabilities: super::table::capabilities(known),
        from: delta.from,
        to: delta.to,
        before: delta.before.clone(),
        after: delta.after.clone(),
        delegated: delta.from.max(delta.to) == Level::Delegated,
        public: gained && principal == "*" && delta.unlimited && delta.to >= Level::Delegated,
        confused_deputy: gained
            && delta.unsourced
            && delta.certainty == Certainty::Certain
            && delta.to == Level::Allowed
            && kind != Shape::Dangling,
        statements: statements.clone(),
        grants: grants.iter().cloned().collect(),
    };
    if !held.actions.known.is_empty() {
        let known = held.actions.known;
        out.push(change(delta.shape, spelled(known, &now), known));
    }
    if !later.is_empty() {
        let kind = if delta.shape == Shape::Dangling { delta.shape } else { Shape::Future };
        let actions = later.iter().map(|pattern| spelled_action(pattern)).collect();
        out.push(change(kind, actions, ActionSet::NONE));
    }
    out
}

/// Actions with patterns for those that they stand for.
fn spelled(known: ActionSet, patterns: &[&String]) -> Vec<String> {
    let mut rest = known;
    let mut out: BTreeSet<String> = BTreeSet::new();
    for pattern in patterns {
        let of = ActionSet::matching(pattern);
        let wider = patterns.iter().any(|other| {
            other != pattern && {
                let other = ActionSet::matching(other);
                other.covers(of) && other != of
            }
        });
        if !wider && !of.is_empty() {
            out.insert(spelled_action(pattern));
        }
        rest = rest.without(of);
    }
    out.extend(rest.iter().map(|action| format!("kms:{}", action.name)));
    out.into_iter().collect()
}

/// Where no service is named, all services are meant.
pub(super) fn rename(scene: &Scene<'_>, out: &mut [AccessChange]) {
    if !scene.atoms.iter().any(|atom| matches!(atom.who, Principal::Service(_))) {
        let names = out.iter_mut().flat_map(|c| c.except.iter_mut().chain([&mut c.principal]));
        for name in names.filter(|name| *name == OTHER_SERVICE) {
            EVERY_SERVICE.clone_into(name);
        }
    }
}
