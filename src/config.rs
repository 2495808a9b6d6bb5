//! The configuration: reads its files, decodes them, and resolves what they declare. Calls no service:
//! [`Surroundings`] provide what only AWS knows.
//!
//! | Module | Provides |
//! |---|---|
//! | `read` | the texts of the files |
//! | `yaml`, `merge`, `interpolate` | one tree of data with positions, without variables |
//! | [`records`] | the fields of that tree as typed records |
//! | `resolve` | the declaration of the stack ([`crate::desired::Desired`]), in phases |
//! | `outer` | the gates and waivers of another configuration |
//! | `load` | the order of these steps |
//! | [`first`] | the text of a first configuration |
//! | `schema` | the JSON Schema of the fields |

pub mod first;
mod interpolate;
#[cfg(test)]
mod limits_tests;
mod load;
#[cfg(test)]
mod load_tests;
mod merge;
#[cfg(test)]
mod near_tests;
mod outer;
mod read;
#[cfg(test)]
mod record_tests;
pub mod records;
mod resolve;
#[cfg(test)]
mod resolve_tests;
mod schema;
#[cfg(test)]
mod schema_tests;
mod surroundings;
#[cfg(test)]
mod together_tests;
mod yaml;
mod yaml_errors;

/// The configuration that is read if the command line names none.
pub const DEFAULT: &str = "kmsctl.yaml";

pub use interpolate::{
    BadVariable, MAX_REPLACED, Variables, escaped, interpolate, interpolate_node,
};
pub use load::{Input, Loaded, MAX_RESOURCES, load, load_gates, load_text};
pub use read::{MAX_ALL_BYTES, MAX_FILE_BYTES, read, read_beside, read_given};
pub use schema::{editor_schema, schema};
pub use surroundings::{Examples, Surroundings};
pub use yaml::{MAX_ALIASES, MAX_ANCHORS, MAX_DEPTH, MAX_NODES, MAX_REPLAYED, yaml};
