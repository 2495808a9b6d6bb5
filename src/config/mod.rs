//! The configuration: its texts, their data with positions, and typed records out of it.
//! Knows nothing of AWS or of what the declared resources mean.

mod decode;
mod diagnostic;
mod interpolate;
mod read;
mod record;
mod source;
mod yaml;

pub use decode::{Decode, Named, Nullable, Spanned, mismatch};
pub use diagnostic::{Diagnostic, Diagnostics, Severity, nearest};
pub use interpolate::{Unknown, Variables, interpolate, interpolate_node};
pub use read::{MAX_FILE_BYTES, read, read_beside};
pub use source::{Source, Sources};
pub use yaml::yaml;
