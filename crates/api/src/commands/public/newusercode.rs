//! `newusercode`: the code that a sign-up was sent.

use strowger_model::{Scope, Secret};
use strowger_store::CodePurpose;

use crate::auth::same_text;
use crate::commands::onetime;
use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::reply::{Failure, Reply};

params! {
    /// The code, as it was sent by e-mail or SMS.
    u_code: Secret,
    /// The username that signed up.
    u_username: String,
    /// Its password, compared where it is given.
    u_password: Option<Secret> = "",
    /// What identifies the device: tries are limited by it too.
    deviceid: String = "",
}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "newusercode",
    aliases: &[],
    group: Group::Public,
    access: Access::Public,
    effect: Effect::Write,
    reach: Reach::Nothing,
    params: PARAMS,
    summary: "Confirms a sign-up with the code that was sent by e-mail or SMS; five tries a code.",
    spec: "server-api: NewUser API examples",
    example: "u_code=ABCDE23456&u_username=alice&u_password=secret-7",
    reply: "OK: confirmed userid:<id>",
    run: RUN,
};

async fn run(call: Call, params: Params) -> Outcome {
    let subject = onetime::subject(CodePurpose::SignUp, &params.u_username);
    if !params.deviceid.is_empty() {
        onetime::admit(&call, "confirm", &params.deviceid.chars().take(100).collect::<String>())?;
    }
    let hash = onetime::hash(&subject, params.u_code.expose());
    let known = call.switch().snapshot().by_username(params.u_username.trim()).cloned();
    let right = params.u_password.as_ref().is_none_or(|password| {
        let known = known.as_ref().map_or("\u{1}", |account| account.password.expose());
        same_text(password.expose(), known)
    });
    // A wrong password spends a try as a wrong code does.
    let hash = if right { hash } else { String::new() };
    let account = call.store().try_code(CodePurpose::SignUp, &subject, &hash, call.now().wall).await?;
    let Some(id) = account else {
        call.count_failure();
        return Err(Failure::invalid("u_code is wrong or expired"));
    };
    call.store().set_fields(Scope::All, id, vec![("enabled".into(), "1".into())]).await?;
    Ok(Reply::ok(format!("confirmed userid:{id}")).with("userid", id.0))
}
