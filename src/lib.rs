//! kmsctl.
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
pub mod id;
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
