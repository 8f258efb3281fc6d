//! What the webhook commands share: whose webhooks they work on.

use strowger_model::{AccountId, Scope};
use strowger_store::Webhook;

use crate::auth::Level;
use crate::dispatch::Call;
use crate::reply::Failure;

/// The account whose webhooks are meant: `targetuser`, else the caller's own. None: the operator's, where nobody logged
/// in.
pub fn owner(call: &Call) -> Option<AccountId> {
    call.target.as_ref().map(|account| account.id)
}

/// The webhooks that may be touched: with `targetuser` those of that account; administrators reach all of them.
pub fn scope(call: &Call) -> Scope {
    match (owner(call), call.level, call.target_named) {
        (Some(id), _, true) => Scope::Own(id),
        (_, Level::Admin | Level::ServerAdmin, _) => Scope::All,
        (Some(id), ..) => Scope::Own(id),
        (None, ..) => call.scope,
    }
}

/// A webhook in scope.
pub async fn webhook(call: &Call, id: i64) -> Result<Webhook, Failure> {
    let all = call.store().webhooks(scope(call)).await?;
    all.into_iter()
        .find(|webhook| webhook.id == id)
        .ok_or_else(|| Failure::not_found(format!("webhookid {id}")))
}
