//! Reads lists page by page. The number of the pages is limited, and the size of all of them together.

use crate::answer::CloudError;
use crate::answer::pages::{Page, Tokens};
use std::cell::Cell;

/// The size of what was received.
#[derive(Clone, Copy, Debug, Default)]
pub struct Size {
    /// The number of bytes.
    pub bytes: usize,
    /// The number of elements, members and items in JSON or XML, or more.
    pub parts: usize,
}

impl Size {
    /// Returns the size of a text.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        let begins = |byte: &&u8| matches!(byte, b'<' | b'{' | b'[' | b',');
        Self { bytes: bytes.len(), parts: bytes.iter().filter(begins).count() }
    }

    /// Returns the sum of two sizes.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self { bytes: self.bytes + other.bytes, parts: self.parts + other.parts }
    }
}

tokio::task_local! {
    /// The size of the pages of the list that the task reads.
    static PAGES: Cell<Size>;
}

/// Reads all pages of a list. `page` reads the page that a token names, or the first one.
///
/// # Errors
/// Returns the error of a page, or that the list has no end.
pub async fn all_pages<T>(
    operation: &'static str,
    mut page: impl AsyncFnMut(Option<&str>) -> Result<Page<T>, CloudError>,
) -> Result<Vec<T>, CloudError> {
    let read = async {
        let (mut items, mut from) = (Vec::new(), None::<String>);
        let mut tokens = Tokens::default();
        loop {
            let read = page(from.as_deref()).await?;
            items.extend(read.items);
            from = read.next;
            match &from {
                Some(token) => tokens.check(operation, token)?,
                None => return Ok(items),
            }
        }
    };
    PAGES.scope(Cell::default(), read).await
}

/// Adds the size of an answer to that of the list that the task reads, and returns the sum; `None` if the task reads no
/// list.
#[must_use]
pub fn received(size: Size) -> Option<Size> {
    let sum = PAGES.try_with(|pages| {
        pages.set(pages.get().and(size));
        pages.get()
    });
    sum.ok()
}
