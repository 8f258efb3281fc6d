//! `dbrestore`: a backup in the database's place.

use crate::backups;
use crate::commands::means_nothing;
use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::folder::{Folder, on_disk};
use crate::reply::Reply;
use crate::service::ServiceOrder;
use strowger_model::Scope;

params! {
    /// Nothing.
    reserved: String = "",
    /// The backup's name below the backups folder.
    path: String,
}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "dbrestore",
    aliases: &[],
    group: Group::Reset,
    access: Access::Sensitive,
    effect: Effect::Write,
    reach: Reach::Nothing,
    params: PARAMS,
    summary: "Verifies a backup of the backups folder by restoring it into a scratch database, then ends calls, puts it in the database's place and starts again; the old database stays beside it.",
    spec: "server-api: Reset",
    example: "path=before-upgrade.backup",
    reply: "OK: verified: 4 accounts, 0 CDRs; restoring, the server starts again",
    run: RUN,
};

async fn run(call: Call, params: Params) -> Outcome {
    means_nothing("reserved", &params.reserved)?;
    let (root, name) = (backups::own_folder(call.switch()), params.path.trim().to_owned());
    let path = on_disk(move || {
        let folder = Folder::open(&root)?;
        folder.file(&name)?;
        folder.path_of(&name)
    })
    .await?;
    let report = call.store().try_backup(Scope::All, &path).await.map_err(backups::failed)?;
    call.dispatcher.order(ServiceOrder::Restore(path))?;
    let text = format!(
        "verified: {} accounts, {} CDRs; restoring, the server starts again",
        report.accounts, report.cdrs
    );
    Ok(Reply::ok(text).with("accounts", report.accounts).with("cdrs", report.cdrs))
}
