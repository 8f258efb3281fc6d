//! The names of trunks, resolved in the background. What was resolved once stays in force while it cannot be
//! resolved again.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::lookup_host;

use super::{Directory, Job};

/// How often names are resolved again.
const AGAIN: Duration = Duration::from_secs(60);
/// How long one name may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// Addresses of one trunk that are kept.
const MAX_ADDRESSES: usize = 16;

/// Resolves until the directory ends.
pub async fn resolve_forever(directory: Directory) {
    let mut names = directory.names.clone();
    loop {
        let wanted = names.borrow_and_update().clone();
        for (trunk, name) in wanted {
            if let Some(addresses) = resolve(&name).await {
                let current = directory.routes.load().trunk_addresses(trunk).to_vec();
                if current != addresses {
                    directory.tell(Job::Resolved(trunk, addresses));
                }
            }
        }
        let changed = tokio::time::timeout(AGAIN, names.changed()).await;
        if matches!(changed, Ok(Err(_))) {
            return;
        }
    }
}

async fn resolve(name: &str) -> Option<Vec<SocketAddr>> {
    match tokio::time::timeout(PATIENCE, lookup_host(name)).await {
        Ok(Ok(found)) => {
            let mut addresses: Vec<SocketAddr> = Vec::new();
            for address in found.take(MAX_ADDRESSES) {
                if !addresses.contains(&address) {
                    addresses.push(address);
                }
            }
            // Resolvers rotate what they answer; the order of a trunk's addresses shall not change with every look.
            addresses.sort();
            (!addresses.is_empty()).then_some(addresses)
        }
        Ok(Err(error)) => {
            tracing::warn!(name, %error, "a trunk's name cannot be resolved; known addresses stay in force");
            None
        }
        Err(_) => {
            tracing::warn!(name, "a trunk's name is not resolved in time; known addresses stay in force");
            None
        }
    }
}
