//! `newuseru`: sign-up from an untrusted place.

use strowger_model::{AccountKind, Amount, Scope, Secret};
use strowger_store::NewUser;

use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::reply::{Failure, Reply};

params! {
    /// The new account's username.
    u_username: String,
    /// Its password.
    u_password: Secret,
    /// Its holder's name.
    u_name: String = "",
    /// An e-mail address.
    u_email: String = "",
    /// A telephone number.
    u_phone: String = "",
    /// The currency of its credit.
    u_currency: String = "",
    /// A country.
    u_country: String = "",
    /// A postal address.
    u_address: String = "",
    /// What identifies the device: sign-ups are limited by it too.
    deviceid: String = "",
}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "newuseru",
    aliases: &[],
    group: Group::Public,
    access: Access::Public,
    effect: Effect::Write,
    reach: Reach::Nothing,
    params: PARAMS,
    summary: "Self-service sign-up: makes an enduser without credit; limited by address and device.",
    spec: "server-api: NewUser API examples",
    example: "u_username=alice&u_password=secret-7&u_name=Alice&deviceid=d1",
    reply: "OK: userid:<id>",
    run: RUN,
};

async fn run(call: Call, params: Params) -> Outcome {
    let mut subjects = vec![call.source.address.to_string()];
    if !params.deviceid.is_empty() {
        subjects.push(format!("device {}", params.deviceid.chars().take(100).collect::<String>()));
    }
    if !call.memory().signups.admit(call.now().mono, &subjects) {
        return Err(Failure::limit("too many sign-ups, try again in an hour"));
    }
    let mut fields = crate::commands::user_fields(&[
        ("name", &params.u_name),
        ("email", &params.u_email),
        ("phone", &params.u_phone),
        ("country", &params.u_country),
        ("address", &params.u_address),
    ]);
    fields.push(("currency".into(), crate::commands::currency(&call, &params.u_currency)?));
    let new = NewUser {
        kind: AccountKind::Enduser,
        parent: None,
        username: crate::commands::username(&params.u_username)?,
        password: params.u_password,
        credit: Amount::ZERO,
        fields,
    };
    // Nobody is the owner of a new account, so the server makes it in its own name.
    let id = call.store().create_user(Scope::All, new, call.request_key()).await?;
    Ok(Reply::ok(format!("userid:{id}")).with("userid", id.0))
}
