//! Fetching what another server has, for commands: whoever has sockets hands the way to do it in.

use std::pin::Pin;

/// A fetch under way: the body, or why there is none.
pub type Fetching = Pin<Box<dyn Future<Output = Result<Vec<u8>, String>> + Send>>;

/// Fetches a URL of a host that `hosts` lists. It never reaches a private address, follows no redirect elsewhere, and is
/// bounded in size and time.
pub type Fetch = Box<dyn Fn(String, Vec<String>) -> Fetching + Send + Sync>;
