//! stub
use super::CloudError;
#[derive(Clone, Debug)]
pub struct Patience { pub attempts: u32, pub base: std::time::Duration, pub cap: std::time::Duration }
impl Patience { pub fn pause(&self, _attempt: u32) -> std::time::Duration { self.base } }
pub async fn patiently<T>(_: &Patience, mut f: impl AsyncFnMut() -> Result<T, CloudError>) -> Result<T, CloudError> { f().await }
