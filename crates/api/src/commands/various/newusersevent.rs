//! `newusersevent`: new accounts, announced.

use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::reply::{Failure, Reply};
use crate::service::failed;
use strowger_model::AccountId;
use strowger_model::event::Notice;

params! {
    /// Ids of the accounts, separated by commas; empty: what memory does not have yet.
    userid: String = "",
}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "newusersevent",
    aliases: &[],
    group: Group::Various,
    access: Access::Admin,
    effect: Effect::Write,
    reach: Reach::Scope,
    params: PARAMS,
    summary: "Announces accounts that outside SQL made: they are in force in memory when this answers, and watchers are told; without userid all that are new.",
    spec: "server-api: Various operations",
    example: "userid=5",
    reply: "OK: 1 accounts announced",
    run: RUN,
};

async fn run(call: Call, params: Params) -> Outcome {
    announce(&call, &params.userid).await
}

/// Accounts that are announced by one request.
const MAX_ANNOUNCED: usize = 1_000;

/// Takes accounts that outside SQL made into memory, and tells whoever watches. The accounts are checked against
/// the database, so that nothing is announced that is not there.
pub(super) async fn announce(call: &Call, ids: &str) -> Outcome {
    let ids: Vec<&str> = ids.split(',').map(str::trim).filter(|id| !id.is_empty()).collect();
    if ids.len() > MAX_ANNOUNCED {
        return Err(Failure::invalid(format!("userid must name at most {MAX_ANNOUNCED} accounts")));
    }
    let wrong = || Failure::invalid("userid must be whole numbers separated by commas");
    let ids: Vec<i64> =
        ids.iter().map(|id| id.parse().map_err(|_| wrong())).collect::<Result<_, Failure>>()?;
    let count = if ids.is_empty() {
        let changes = call.switch().reread(&["tb_users"]).await.map_err(failed)?;
        changes.iter().map(|change| change.added).sum()
    } else {
        call.switch().refresh().await;
        for id in &ids {
            call.find_id(*id, "userid")?;
        }
        for id in &ids {
            call.switch().notify(Notice::AccountAdded(AccountId(*id)));
        }
        ids.len()
    };
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    Ok(Reply::ok(format!("{count} accounts announced")).with("announced", count))
}
