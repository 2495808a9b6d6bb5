//! kmsctl.
pub mod tree;
