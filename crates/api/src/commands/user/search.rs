//! `search`: the directory of users.

use std::sync::Arc;

use strowger_model::{Account, AccountKind, Scope};
use strowger_route::Snapshot;

use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::reply::{Data, Failure, Reply};

/// The shortest text that is looked for: a shorter one would list everybody.
const MIN_TEXT: usize = 2;
/// Users of one answer at most.
const MAX_COUNT: u32 = 200;

params! {
    /// Part of a username, name or number.
    txt ["search"]: String,
    /// How many at most.
    maxcount: u32 = "20",
}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "search",
    aliases: &[],
    group: Group::User,
    access: Access::User,
    effect: Effect::Read,
    reach: Reach::Account,
    params: PARAMS,
    summary: "Finds users by part of a username, name or number: for users those of the same reseller and group.",
    spec: "server-api: User commands",
    example: "txt=ali&maxcount=5",
    reply: "OK: <n> and a table of username, name, phone",
    run: RUN,
};

async fn run(call: Call, params: Params) -> Outcome {
    let text = params.txt.trim().to_lowercase();
    if text.chars().count() < MIN_TEXT {
        return Err(Failure::invalid(format!("txt must be at least {MIN_TEXT} characters")));
    }
    let most = usize::try_from(params.maxcount.clamp(1, MAX_COUNT)).unwrap_or_default();
    let (asker, snapshot, scope) = (call.account()?.clone(), call.switch().snapshot(), call.scope);
    // A large directory takes a while to read through.
    let found = tokio::task::spawn_blocking(move || matches(&snapshot, &asker, scope, &text, most)).await;
    let rows = found.map_err(|_| Failure::failed("the search ended early"))?;
    Ok(Reply::rows(&["username", "name", "phone"], rows))
}

fn matches(snapshot: &Snapshot, asker: &Account, scope: Scope, text: &str, most: usize) -> Vec<Vec<Data>> {
    let visible = |account: &&Arc<Account>| match scope {
        Scope::All => true,
        Scope::Children(own) => account.id == own || snapshot.is_below(account.id, own),
        Scope::Own(_) => shows_itself_to(account, asker),
    };
    let says = |field: &str| field.to_lowercase().contains(text);
    let fits = |account: &&Arc<Account>| {
        says(&account.username) || says(shown_name(account)) || says(&account.phone)
    };
    let row = |account: &Arc<Account>| -> Vec<Data> {
        vec![(&*account.username).into(), shown_name(account).into(), (&*account.phone).into()]
    };
    snapshot.accounts().filter(visible).filter(fits).take(most).map(row).collect()
}

/// People see people of the same reseller; who is in a group is seen by that group alone, and sees nobody else.
fn shows_itself_to(account: &Account, asker: &Account) -> bool {
    let person = matches!(
        account.kind,
        AccountKind::Enduser | AccountKind::SubEnduser | AccountKind::Agent | AccountKind::Sales
    );
    account.active && person && account.parent == asker.parent && account.group == asker.group
}

fn shown_name(account: &Account) -> &str {
    if account.display_name.is_empty() { &account.name } else { &account.display_name }
}
