//! Deserializes values of any kind, which are written as `{"kind": content}`. A derived
//! `Deserialize` would try all kinds of consumers, and would not report the error in the content.

use super::Kind;
use serde::Deserializer;
use serde::de::{EnumAccess, VariantAccess, Visitor};
use std::fmt;
use std::marker::PhantomData;

/// A value that is written under the name of its kind.
pub(super) trait ByKind: Sized {
    /// Reads the content that is written under the name of `kind`.
    fn content<'de, A: VariantAccess<'de>>(kind: Kind, content: A) -> Result<Self, A::Error>;
}

/// Reads the name of a kind, and then its content.
pub(super) fn deserialize<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: ByKind,
    D: Deserializer<'de>,
{
    deserializer.deserialize_enum("kind", &[], Tagged(PhantomData))
}

struct Tagged<T>(PhantomData<T>);

impl<'de, T: ByKind> Visitor<'de> for Tagged<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map with the name of a kind of resource")
    }

    fn visit_enum<A: EnumAccess<'de>>(self, data: A) -> Result<T, A::Error> {
        let (kind, content) = data.variant::<Kind>()?;
        T::content(kind, content)
    }
}
