//! kmsctl.
pub mod address;
pub mod cloud;
pub mod desired;
pub mod id;
pub mod kind;
pub mod policy;
pub mod tree;
