//! kmsctl.
pub mod address;
pub mod cloud;
pub mod config;
pub mod desired;
pub mod id;
pub mod journal;
pub mod kind;
pub mod live;
pub mod plan;
pub mod policy;
pub mod render;
pub mod state;
pub mod text;
pub mod tree;
