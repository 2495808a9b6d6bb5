//! kmsctl.
pub mod policy;
pub mod tree;
