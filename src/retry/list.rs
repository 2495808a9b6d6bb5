//! Reads lists page by page. The number of the pages is limited, and the size of all of them together.

use crate::answer::CloudError;
use crate::answer::pages::{Page, Tokens};
use crate::text::Size;
use std::cell::Cell;

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
