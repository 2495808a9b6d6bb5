//! kmsctl manages AWS KMS keys, aliases, key policies, grants and the resources that use the keys,
//! as declared in YAML.
//!
//! Data flows one way, and the core is pure:
//!
//! ```text
//!  YAML   ─ config ──▶ Desired ─┐
//!  state/ ─ store ───▶ State ───┼─ plan ─▶ Plan ─▶ Approved ─ engine::apply ─▶ journal ─▶ State
//!  AWS    ─ engine::refresh ──▶ Live ─┘      │                     │
//!                                         render                 cloud
//! ```
//!
//! A plan is made in stages: [`plan::draft()`] compares and lists the steps, the checks object to
//! steps, the objections block steps (in one place), [`engine::survey`] reads what the draft still
//! needs to know, and [`plan::Draft::finish`] orders the steps. Drift is a report of its own
//! ([`plan::Drifts`]), not a plan. Only a [`plan::Approved`] plan can be applied.
//!
//! A module imports only modules of its own and of lower levels, never in a circle.
//! `tests/it/architecture.rs` lists every import.
//!
//! | Level | Modules | May |
//! |---|---|---|
//! | 0 | [`form`], [`id`], [`text`], [`tree`], [`policy`], [`answer`], [`digest`] | compute |
//! | 1 | [`decode`]: decoders of typed records, and reports about texts | compute |
//! | 1 | [`retry`]: repeats failed reads | wait |
//! | 1 | [`file`]: opens and reads regular files | do I/O |
//! | 1 | [`sdk`]: the SDK's clients and errors, AWS's quotas, and the gate of the requests | call AWS |
//! | 2 | [`kind`]: the fields, calls and rules of each kind of resource; the `aws.rs` of a kind sends its calls | compute; `aws.rs`: call AWS |
//! | 3 | [`waiver`], [`desired`], [`gate`], [`impact`], [`inventory`], [`live`], [`state`], [`moved`], [`journal`] | compute |
//! | 4 | [`config`] (its `read` reads files), [`plan`], [`permissions`], [`render`] | compute |
//! | 5 | [`export`]: writes the configuration of keys that exist | compute |
//! | 5 | [`cloud`]: AWS as the engine sees it; [`store`]: files, and objects in S3 | do I/O |
//! | 6 | [`engine`]: refresh, survey, apply, settle, recover, impact and inventory, over the `Cloud` trait | be async |
//! | 7 | [`io`] (the terminal), [`completion`] (of command lines), [`cli`], [`failure`], [`command`] | do everything |
//!
//! # Terms
//!
//! | Term | Meaning |
//! |---|---|
//! | desired | what the configuration declares, resolved and valid |
//! | live | what AWS reports now, in the fields of a declaration |
//! | state, record | what kmsctl last recorded; AWS decides what exists and who owns it |
//! | refresh | reads the live form of every declared or recorded resource; never changes AWS |
//! | drift | a difference between the live form and the record |
//! | change | the difference between the live and the desired form of one resource |
//! | step, call | the change of one address; one AWS request of that change |
//! | draft | the steps before the plan is complete |
//! | objection, blocked | why a step must not be executed; a step that the plan leaves out for that reason |
//! | consumer | a resource that a key encrypts, or that needs statements in a key's policy |
//! | need, derived | the actions that a consumer requires on its key; the policy statement that allows them |
//! | impact | the resources that depend on a key, and the lists that were read to find them |
//! | lease | a lock on the state in S3 that ends by itself unless its holder renews it |
//! | announce | to store the steps of a run, and the nonces of what it creates, before its first call |
//! | settle | to find out whether AWS executed a call whose answer was lost |
//!
//! # Error messages
//!
//! A message is a lower-case fragment without a full stop, with the user's text in backticks. A
//! separate help says what to do. Text from AWS or from a file is made safe for a terminal before it
//! is printed ([`text::printable`]).

#![cfg_attr(
    test,
    expect(
        clippy::disallowed_methods,
        clippy::format_push_string,
        clippy::needless_pass_by_value,
        clippy::string_slice,
        clippy::too_many_lines,
        clippy::wildcard_enum_match_arm,
        reason = "tests write files, slice known text and are long"
    )
)]

pub mod answer;
pub mod cli;
pub mod cloud;
pub mod command;
pub mod completion;
pub mod config;
pub mod decode;
pub mod desired;
pub mod digest;
pub mod engine;
pub mod export;
pub mod failure;
pub mod file;
pub mod form;
pub mod gate;
pub mod id;
pub mod impact;
pub mod inventory;
pub mod io;
pub mod journal;
pub mod kind;
pub mod live;
pub mod moved;
pub mod permissions;
pub mod plan;
pub mod policy;
pub mod render;
pub mod retry;
pub mod sdk;
pub mod state;
pub mod store;
pub mod text;
pub mod tree;
pub mod waiver;
