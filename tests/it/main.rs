//! Integration tests: the engine with a stand-in for AWS, and the program with a local AWS.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    clippy::struct_excessive_bools,
    clippy::too_many_lines,
    reason = "the stand-in is a table of rules, and a test fails by panicking"
)]

mod accept_use;
mod architecture;
mod bucket;
mod build;
mod calls;
mod consumers;
mod crash;
mod duplicates;
mod examples;
mod export;
mod export_cases;
mod export_consumers;
mod fake;
mod faults;
mod files;
mod foreign_grants;
mod gates;
mod gates_referred;
mod help;
mod imported;
mod lag;
mod lease;
mod limits;
mod lint;
mod matrix;
mod month_later;
mod moving;
mod near;
mod newborn;
mod offline;
mod order;
mod ownership;
mod permissions;
mod permissions_cases;
mod policy_diff;
mod policy_eval;
mod preflight;
mod principals;
mod program;
mod program_access;
mod program_cloudtrail;
mod program_completion;
mod program_ebs;
mod program_efs;
mod program_es;
mod program_gates;
mod program_init;
mod program_none;
mod program_output;
mod program_permissions;
mod program_rds;
mod program_rotate;
mod program_s3;
mod program_state;
mod program_summary;
mod properties;
mod races;
mod readme;
mod record;
mod replicas;
mod rivals;
mod rotate;
mod same_access;
mod scenarios;
mod sdk_words;
mod service_linked_roles;
mod spoofed;
mod stores;
mod strangers;
mod takeover;
mod waits;
mod world;
