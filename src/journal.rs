//! The write-ahead record of an apply, and how it becomes state. Pure: `store` keeps the lines.
//!
//! An intent is on disk before its call goes out, its outcome before the next call of the same
//! resource. After a crash the events are folded again; a call that has an intent and no outcome
//! is settled by looking at AWS, never by guessing.

use crate::address::Address;
use crate::cloud::{Fault, Outcome};
use crate::id::Place;
use crate::kind::{Call, Spec};
use crate::state::{Record, State};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What the record will say once the step is finished.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Draft {
    /// AWS's identifier, where it is known before.
    pub id: Option<String>,
    /// Where the resource is.
    pub place: Place,
    /// Its form.
    pub spec: Spec,
    /// Whether deleting it is refused.
    pub protect: bool,
    /// What the step brings about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intent: Option<Box<Spec>>,
}

/// One line of the journal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "event")]
pub enum Event {
    /// A run begins, on this state.
    Run {
        /// The state's lineage.
        lineage: String,
        /// The state's serial.
        serial: u64,
    },
    /// A step begins; `draft` is `None` where the resource goes away.
    Began {
        /// Whose step.
        address: Address,
        /// What the record will say.
        draft: Option<Box<Draft>>,
    },
    /// A call is about to go out.
    Intended {
        /// Whose step.
        address: Address,
        /// The call's number in the step.
        number: usize,
        /// Where it goes.
        at: Place,
        /// The call.
        call: Box<Call>,
        /// The nonce of a call that makes something.
        nonce: Option<String>,
        /// Seconds since 1970.
        time: u64,
    },
    /// The call was executed.
    Done {
        /// Whose step.
        address: Address,
        /// The call's number in the step.
        number: usize,
        /// What it brought about.
        outcome: Outcome,
    },
    /// The call was not executed.
    Failed {
        /// Whose step.
        address: Address,
        /// The call's number in the step.
        number: usize,
        /// Why.
        fault: Fault,
    },
    /// Every call of the step is done.
    Finished {
        /// Whose step.
        address: Address,
    },
}

/// A call whose outcome is not known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InFlight {
    /// The call's number in the step.
    pub number: usize,
    /// Where it went.
    pub at: Place,
    /// The call.
    pub call: Call,
    /// The nonce of a `CreateKey`.
    pub nonce: Option<String>,
    /// Seconds since 1970.
    pub time: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Open {
    draft: Option<Draft>,
    in_flight: Option<InFlight>,
    /// Whether AWS has executed a call of the step: only then is anything in AWS the stack's.
    executed: bool,
}

/// Why a journal cannot be believed.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum JournalError {
    /// A line that is no event, before the last.
    #[error("line {0} of the journal is damaged")]
    Damaged(usize),
    /// Events in an order that no run writes.
    #[error("the journal says {what} of `{address}`, which cannot follow what it said before")]
    Illegal {
        /// The event.
        what: &'static str,
        /// Whose.
        address: Address,
    },
    /// The journal belongs to another history of the stack.
    #[error("the journal belongs to another state (lineage {journal}, the state has {state})")]
    Foreign {
        /// The journal's lineage.
        journal: String,
        /// The state's.
        state: String,
    },
}

/// The state with the events of a run folded in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replay {
    /// The state so far.
    pub state: State,
    open: BTreeMap<Address, Open>,
}

impl Replay {
    /// Begins with the state as it was stored.
    #[must_use]
    pub fn new(state: State) -> Self {
        Self { state, open: BTreeMap::new() }
    }

    /// Folds the lines of a journal in. A last line without its end was cut off while it was
    /// written, before its call went out, and counts as not there.
    ///
    /// # Errors
    /// If the journal is damaged elsewhere, in an order that no run writes, or foreign.
    pub fn read(&mut self, journal: &[u8]) -> Result<(), JournalError> {
        let whole = journal.iter().rposition(|b| *b == b'\n').map_or(0, |end| end + 1);
        let lines = journal.get(..whole).unwrap_or_default().split(|b| *b == b'\n');
        for (index, line) in lines.enumerate().filter(|(_, line)| !line.is_empty()) {
            let event =
                serde_json::from_slice(line).map_err(|_| JournalError::Damaged(index + 1))?;
            // The state was written, and the run died before it took its journal away.
            if matches!(event, Event::Run { serial, .. } if serial < self.state.serial) {
                return Ok(());
            }
            self.absorb(&event)?;
        }
        Ok(())
    }

    fn is_new(&self) -> bool {
        self.state.serial == 0 && self.state.records.is_empty() && self.open.is_empty()
    }

    /// Whether nothing is open: the journal has been folded in wholly.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.in_flight().is_empty()
    }

    /// The calls whose outcome is not known.
    #[must_use]
    pub fn in_flight(&self) -> Vec<(Address, InFlight)> {
        let open = self.open.iter();
        open.filter_map(|(a, o)| Some((a.clone(), o.in_flight.clone()?))).collect()
    }

    /// Folds one event in: the one place where events become state.
    ///
    /// # Errors
    /// If the event cannot follow what was folded in before.
    pub fn absorb(&mut self, event: &Event) -> Result<(), JournalError> {
        match event {
            // The first run ever was interrupted before there was a state.
            Event::Run { lineage, .. } if self.is_new() => {
                self.state.lineage.clone_from(lineage);
                Ok(())
            }
            Event::Run { lineage, .. } if *lineage != self.state.lineage => {
                let (journal, state) = (lineage.clone(), self.state.lineage.clone());
                Err(JournalError::Foreign { journal, state })
            }
            Event::Run { .. } => Ok(()),
            Event::Began { address, draft } => {
                let draft = draft.as_deref().cloned();
                let open = Open { draft, in_flight: None, executed: false };
                match self.open.insert(address.clone(), open) {
                    Some(before) if before.in_flight.is_some() => illegal("began", address),
                    Some(_) | None => Ok(()),
                }
            }
            Event::Intended { address, number, at, call, nonce, time } => {
                let (number, time) = (*number, *time);
                let (at, call, nonce) = (at.clone(), (**call).clone(), nonce.clone());
                match self.open.get_mut(address) {
                    Some(open) if open.in_flight.is_none() => {
                        open.in_flight = Some(InFlight { number, at, call, nonce, time });
                        Ok(())
                    }
                    Some(_) | None => illegal("intended", address),
                }
            }
            Event::Done { address, number, outcome } => self.done(address, *number, outcome),
            Event::Failed { address, number, .. } => {
                self.land(address, *number, "failed")?;
                self.touch(address);
                Ok(())
            }
            Event::Finished { address } => self.finish(address),
        }
    }

    fn land(
        &mut self,
        address: &Address,
        number: usize,
        what: &'static str,
    ) -> Result<(), JournalError> {
        match self.open.get_mut(address) {
            Some(open) if open.in_flight.as_ref().is_some_and(|f| f.number == number) => {
                open.in_flight = None;
                Ok(())
            }
            Some(_) | None => illegal(what, address),
        }
    }

    fn done(
        &mut self,
        address: &Address,
        number: usize,
        outcome: &Outcome,
    ) -> Result<(), JournalError> {
        self.land(address, number, "done")?;
        let id = match outcome {
            Outcome::Key(arn) => Some(arn.to_string()),
            Outcome::Grant(id) | Outcome::Made(id) => Some(id.clone()),
            Outcome::Done => None,
        };
        if let Some(open) = self.open.get_mut(address) {
            open.executed = true;
            if let (Some(id), Some(draft)) = (id, &mut open.draft) {
                draft.id = Some(id);
            }
        }
        if matches!(outcome, Outcome::Key(_)) {
            self.state.records.remove(address);
        }
        self.touch(address);
        Ok(())
    }

    /// What AWS has is no longer what the record says. A record that was there stays, since what it
    /// names may still have to go: a grant is made anew before the old one is revoked. A new record
    /// is made only once AWS has executed a call of the step: what AWS refused to create may be
    /// somebody else's by the next run.
    fn touch(&mut self, address: &Address) {
        let open = self.open.get(address);
        let draft = open.and_then(|open| open.draft.as_ref());
        let intent = draft.and_then(|draft| draft.intent.clone());
        let executed = open.is_some_and(|open| open.executed);
        if let Some(record) = self.state.records.get_mut(address) {
            record.partial = true;
            record.intent = intent;
        } else if let Some(Draft { id: Some(id), place, spec, protect, .. }) =
            draft.filter(|_| executed).cloned()
        {
            let record = Record { id, place, spec, protect, partial: true, intent };
            self.state.records.insert(address.clone(), record);
        }
    }

    fn finish(&mut self, address: &Address) -> Result<(), JournalError> {
        let Some(open) = self.open.remove(address).filter(|open| open.in_flight.is_none()) else {
            return illegal("finished", address);
        };
        match open.draft {
            None => {
                self.state.records.remove(address);
            }
            Some(Draft { id: Some(id), place, spec, protect, .. }) => {
                let record = Record { id, place, spec, protect, partial: false, intent: None };
                self.state.records.insert(address.clone(), record);
            }
            Some(Draft { id: None, .. }) => return illegal("finished", address),
        }
        Ok(())
    }
}

fn illegal<T>(what: &'static str, address: &Address) -> Result<T, JournalError> {
    Err(JournalError::Illegal { what, address: address.clone() })
}
