//! kmsctl keeps AWS KMS keys, aliases, key policies, grants and the resources that consume the keys
//! as they are declared in YAML.
//!
//! Data flows one way, and the core is pure:
//!
//! ```text
//!  YAML   ─ config ──▶ Desired ─┐
//!  state/ ─ store ───▶ State ───┼─ plan ─▶ Plan ─ engine::apply ─▶ journal ─▶ State
//!  AWS    ─ engine::refresh ──▶ Live ─┘      │          │
//!                                         render      cloud
//! ```
//!
//! | Level | Modules | May |
//! |---|---|---|
//! | 0 | [`id`], [`address`], [`tree`], [`text`], [`policy`] | compute |
//! | 1 | [`kind`]: what each kind of resource knows; a kind's `aws` half belongs to level 4 | compute |
//! | 2 | [`waiver`], [`gate`], [`desired`], [`live`], [`impact`], [`state`], [`journal`] | compute |
//! | 3 | [`plan`], [`render`]; [`config`] (its `read` reads files) | compute |
//! | 4 | [`cloud`] (AWS), [`store`] (files) | call the outside |
//! | 5 | [`engine`]: refresh, settle, recover, apply, impact, over `cloud`'s trait | be async |
//! | 6 | [`command`], [`cli`], [`failure`], [`io`] | know everything |
//!
//! # Words
//!
//! | Word | Means |
//! |---|---|
//! | desired | what the configuration declares, resolved and valid |
//! | live | what AWS reports now, lifted into the words of a declaration |
//! | state, record | what kmsctl last recorded; a memory, not the truth |
//! | refresh | read live for every address of interest; never changes AWS |
//! | drift | live differs from the record |
//! | change | what must happen so that live becomes desired |
//! | step, call | the change of one address; one AWS request of it |
//! | blocked | the plan refuses a change, and says what to do |
//! | consumer | a resource that a key encrypts, or that needs statements in a key's policy |
//! | need, derived | what a consumer must be allowed on its key; the statement that follows |
//! | impact | what depends on a key, and what was looked at to know it |
//! | settle | find out whether a call whose answer was lost has been executed |
//!
//! # How errors read
//!
//! A lower-case fragment without a full stop, the user's text in backticks, and what would be right
//! in a help of its own. What AWS or a file says never reaches a terminal raw ([`text::printable`]).

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

pub mod address;
pub mod cli;
pub mod cloud;
pub mod command;
pub mod config;
pub mod desired;
pub mod engine;
pub mod failure;
pub mod gate;
pub mod id;
pub mod impact;
pub mod io;
pub mod journal;
pub mod kind;
pub mod live;
pub mod plan;
pub mod policy;
pub mod render;
pub mod state;
pub mod store;
pub mod text;
pub mod tree;
pub mod waiver;
