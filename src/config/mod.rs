//! The configuration: its texts, their data with positions, typed records out of it, and what
//! they declare. Calls nothing: what must be asked of AWS is handed in as `Surroundings`.

mod decode;
mod diagnostic;
mod interpolate;
mod load;
mod merge;
pub mod raw;
mod read;
mod record;
mod resolve;
#[cfg(test)]
mod resolve_tests;
mod source;
mod yaml;

pub use decode::{Decode, Named, Nullable, Spanned, mismatch};
pub use diagnostic::{Diagnostic, Diagnostics, Severity, nearest};
pub use interpolate::{Unknown, Variables, interpolate, interpolate_node};
pub use load::{Input, Loaded, Surroundings, load, schema};
pub use read::{MAX_FILE_BYTES, read, read_beside, read_given};
pub use source::{Source, Sources};
pub use yaml::yaml;
