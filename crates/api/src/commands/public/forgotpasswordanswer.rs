//! `forgotpasswordanswer`: a code for a new password came back, or the answer to the account's own question.

use strowger_model::{Scope, Secret};
use strowger_store::{CodePurpose, LetterKind};

use crate::commands::onetime;
use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::reply::{Failure, Reply};

params! {
    /// The e-mail address of the account.
    email: String,
    /// The code that was sent there, or the answer to the question of the account.
    forgotpasswordanswer: Secret,
}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "forgotpasswordanswer",
    aliases: &[],
    group: Group::Public,
    access: Access::Public,
    effect: Effect::Write,
    reach: Reach::Nothing,
    params: PARAMS,
    summary: "Takes the code of forgotpasswordquestion or the answer to the account's question, makes a new password and sends it; five tries a code.",
    spec: "server-api: API",
    example: "email=alice@mail.example&forgotpasswordanswer=ABCDE23456",
    reply: "OK: a new password was sent",
    run: RUN,
};

async fn run(call: Call, params: Params) -> Outcome {
    let (mail, answer) = (params.email.trim(), params.forgotpasswordanswer.expose());
    let subject = onetime::subject(CodePurpose::Recovery, mail);
    let hash = onetime::hash(&subject, answer);
    let account = call
        .store()
        .try_recovery(&subject, &hash, params.forgotpasswordanswer.clone(), call.now().wall)
        .await?;
    let Some(id) = account else {
        call.count_failure();
        return Err(Failure::invalid("forgotpasswordanswer is wrong or expired"));
    };
    let account = call.find_in(Scope::All, &id.to_string(), "account")?;
    let password = onetime::password()?;
    let text = format!(
        "The new password of the account {} is {}\nPlease change it with your first login.\n",
        account.username,
        password.expose()
    );
    let about = format!("recovery/{id}");
    onetime::send(call.store(), LetterKind::Mail, mail, "Your new password", text, about).await?;
    call.store().set_password(Scope::All, id, password).await?;
    Ok(Reply::ok("a new password was sent"))
}
