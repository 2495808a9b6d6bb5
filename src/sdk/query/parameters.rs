//! The requests of the query protocols: a form of names and values.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// The characters that are escaped: all but the unreserved ones (RFC 3986, section 2.3).
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The parameters of a request, in the order in which they are sent.
#[derive(Clone, Debug, Default)]
pub(crate) struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// Adds a parameter.
    pub(crate) fn with(
        mut self,
        name: impl Into<String>,
        value: &(impl ToString + ?Sized),
    ) -> Self {
        self.0.push((name.into(), value.to_string()));
        self
    }

    /// Adds a parameter if it has a value.
    pub(crate) fn with_some(self, name: &str, value: Option<impl ToString>) -> Self {
        match value {
            Some(value) => self.with(name, &value),
            None => self,
        }
    }

    /// Adds the members of a list, whose numbers begin with 1.
    pub(crate) fn with_each<T: ToString>(
        self,
        name: &str,
        values: impl IntoIterator<Item = T>,
    ) -> Self {
        self.with_all(name, values, |all, name, value| all.with(name, &value))
    }

    /// Adds the members of a list with `add`, which gets the name of each. The numbers begin with 1.
    pub(crate) fn with_all<T>(
        self,
        name: &str,
        values: impl IntoIterator<Item = T>,
        add: impl Fn(Self, &str, T) -> Self,
    ) -> Self {
        let numbered = (1..).zip(values);
        numbered.fold(self, |all, (n, value): (u32, T)| add(all, &format!("{name}.{n}"), value))
    }

    /// Adds a list of the Query protocol if it has a value. Its members have a name of their own, and an empty list is
    /// its name without a value (Smithy specification, "AWS query protocol").
    pub(crate) fn with_list<T: ToString>(
        self,
        name: &str,
        member: &str,
        values: Option<&[T]>,
    ) -> Self {
        match values {
            None => self,
            Some([]) => self.with(name, ""),
            Some(values) => {
                self.with_each(&format!("{name}.{member}"), values.iter().map(ToString::to_string))
            }
        }
    }

    /// Returns the body of a request.
    pub(super) fn body(&self, operation: &str, version: &str) -> String {
        let mut body = format!("Action={operation}&Version={version}");
        for (name, value) in &self.0 {
            body.push('&');
            body.extend(utf8_percent_encode(name, RESERVED));
            body.push('=');
            body.extend(utf8_percent_encode(value, RESERVED));
        }
        body
    }
}
