//! `newuseri`: an account made by an administrator.

use strowger_model::{AccountKind, Amount, Secret};
use strowger_store::NewUser;

use crate::commands::{currency, user_fields, username};
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
    /// The opening credit.
    credit ["u_credit"]: Amount = "0",
    /// tb_users.type.
    u_type: u32 = "0",
}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "newuseri",
    aliases: &["newuser", "adduser"],
    group: Group::Command,
    access: Access::Sensitive,
    effect: Effect::Write,
    reach: Reach::Scope,
    params: PARAMS,
    summary: "Makes an account without sign-up limits, with opening credit.",
    spec: "server-api: NewUser API examples; http-interface: adduser",
    example: "u_username=alice&u_password=secret-7&u_name=Alice&credit=5",
    reply: "OK: userid:<id>",
    run: RUN,
};

async fn run(call: Call, params: Params) -> Outcome {
    let kind = i32::try_from(params.u_type).map(AccountKind::from_number).unwrap_or(AccountKind::Other);
    if kind == AccountKind::Other && params.u_type != 17 {
        return Err(Failure::invalid("u_type must be a number of tb_users.type: 0 to 15, or 17"));
    }
    if params.credit < Amount::ZERO {
        return Err(Failure::invalid("credit must not be below zero"));
    }
    let mut fields = user_fields(&[
        ("name", &params.u_name),
        ("email", &params.u_email),
        ("phone", &params.u_phone),
        ("country", &params.u_country),
        ("address", &params.u_address),
    ]);
    fields.push(("currency".into(), currency(&call, &params.u_currency)?));
    let new = NewUser {
        kind,
        parent: None,
        username: username(&params.u_username)?,
        password: params.u_password,
        credit: params.credit,
        fields,
    };
    let id = call.store().create_user(call.scope, new, call.request_key()).await?;
    Ok(Reply::ok(format!("userid:{id}")).with("userid", id.0))
}
