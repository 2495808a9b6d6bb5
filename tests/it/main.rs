//! The engine against a strict stand-in for AWS: scenarios, crashes, faults, properties.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    clippy::struct_excessive_bools,
    clippy::too_many_lines,
    reason = "the stand-in is a table of rules, and a test fails by panicking"
)]

mod build;
mod crash;
mod fake;
mod faults;
mod lint;
mod order;
mod program;
mod properties;
mod scenarios;
mod world;
