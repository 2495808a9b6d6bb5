//! The configuration: its texts, their data with positions, typed records out of it, and what
//! they declare. Calls nothing: what must be asked of AWS is handed in as `Surroundings`.

mod decode;
mod diagnostic;
mod interpolate;
mod load;
#[cfg(test)]
mod load_tests;
mod merge;
pub mod raw;
mod read;
mod record;
mod resolve;
#[cfg(test)]
mod resolve_tests;
mod source;
#[cfg(test)]
mod together_tests;
mod yaml;

pub use decode::{Decode, Named, Spanned, mismatch};
pub use diagnostic::{Diagnostic, Diagnostics, Severity, nearest};
pub use interpolate::{Unknown, Variables, interpolate, interpolate_node};
pub use load::{Input, Loaded, Surroundings, load, schema};
pub use read::{MAX_FILE_BYTES, read, read_beside, read_given};
pub use source::{Source, Sources};
pub use yaml::yaml;
