//! `reguser`: who is registered from where.

use strowger_switch::BindingFilter;

use crate::commands::text::date;
use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::reply::Reply;

/// Bindings of one answer.
const PAGE: usize = 1_000;

params! {
    /// Empty for the normal list, all for the detailed one, or one user.
    usr ["username"]: String = "",
}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "reguser",
    aliases: &[],
    group: Group::Diagnostics,
    access: Access::Admin,
    effect: Effect::Read,
    reach: Reach::Scope,
    params: PARAMS,
    summary: "Registered users and devices: contact, received address, transport, user agent, expiry.",
    spec: "server-api: List registered users",
    example: "usr=all",
    reply: "OK: <n> and a table",
    run: RUN,
};

async fn run(call: Call, params: Params) -> Outcome {
    let user = params.usr.trim();
    // The documents' own example asks for the list with usr=x.
    let everybody = user.is_empty() || user.eq_ignore_ascii_case("all") || user.eq_ignore_ascii_case("x");
    let detailed = !user.is_empty();
    let account =
        if everybody && call.find(user, "usr").is_err() { None } else { Some(call.find(user, "usr")?.id) };
    let after = call.cursor.map(strowger_model::AccountId);
    let filter = BindingFilter { account, after, limit: PAGE, ..BindingFilter::default() };
    let bindings = call.switch().bindings(call.scope, filter).await?;
    let next = bindings.last().filter(|_| bindings.len() >= PAGE).map(|binding| binding.account.0);
    let rows = bindings
        .into_iter()
        .map(|binding| {
            let mut row = vec![
                binding.account.0.into(),
                binding.username.into(),
                binding.contact.into(),
                binding.source.to_string().into(),
                binding.transport.into(),
                date(binding.expires).into(),
            ];
            if detailed {
                row.extend([
                    binding.user_agent.into(),
                    date(binding.registered).into(),
                    binding.instance.into(),
                ]);
            }
            row
        })
        .collect();
    let mut columns = vec!["id", "username", "contact", "received", "transport", "expires"];
    if detailed {
        columns.extend(["useragent", "registered", "instance"]);
    }
    Ok(Reply::rows(&columns, rows).with_cursor(next))
}
