//! `forgotpasswordquestion`: sends a code for a new password, and the account's question. Whether an account has the address shows neither in the
//! answer nor in its time: what is done for it is done afterwards.

use std::sync::Arc;

use strowger_model::Scope;
use strowger_store::{CodePurpose, LetterKind};
use tokio::sync::Semaphore;

use crate::auth::Level;
use crate::commands::onetime;
use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::reply::{Failure, Kind, Reply};

/// Wishes that are looked after at a time.
static WISHES: Semaphore = Semaphore::const_new(16);

params! {
    /// The e-mail address of the account.
    email: String,
}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "forgotpasswordquestion",
    aliases: &[],
    group: Group::Public,
    access: Access::Public,
    effect: Effect::Write,
    reach: Reach::Nothing,
    params: PARAMS,
    summary: "Sends a one-time code for a new password, and the account's question if it has one, to the address, if an account has it; the answer is the same.",
    spec: "server-api: API",
    example: "email=alice@mail.example",
    reply: "OK: a code was sent if an account has this address",
    run: RUN,
};

async fn run(call: Call, params: Params) -> Outcome {
    if !strowger_store::is_mail_address(params.email.trim()) {
        return Err(Failure::invalid("email must be an e-mail address"));
    }
    let subject = onetime::subject(CodePurpose::Recovery, &params.email);
    onetime::admit(&call, "recovery", &subject)?;
    let permit = WISHES.try_acquire();
    let permit = permit.map_err(|_| Failure::new(Kind::Busy, "too many requests, try again"))?;
    let call = Arc::new(call);
    tokio::spawn(async move {
        if let Err(failure) = look_after(&call, &subject, params.email.trim()).await {
            tracing::warn!(%failure, "a code for a new password was not sent");
        }
        drop(permit);
    });
    Ok(Reply::ok("a code was sent if an account has this address"))
}

async fn look_after(call: &Call, subject: &str, mail: &str) -> Result<(), Failure> {
    let found = call.store().account_by_mail(mail).await?;
    let snapshot = call.switch().snapshot();
    // Whoever reads an administrator's mail must not become one.
    let account = found.and_then(|id| snapshot.account(id).cloned());
    let account = account.filter(|account| Level::of(account.kind, account.rights) < Level::Support);
    let code = onetime::code()?;
    let id = account.as_ref().map(|account| account.id);
    onetime::keep(call, CodePurpose::Recovery, subject, id, &code).await?;
    let Some(account) = account else { return Ok(()) };
    let fields = call.store().user_fields(Scope::All, account.id, &["forgotpasswordquestion"]).await?;
    let question = fields.into_iter().next().map(|(_, question)| question).unwrap_or_default();
    let question = match question.trim() {
        "" => String::new(),
        question => format!("Or answer your question: {question}\n"),
    };
    let text = format!(
        "Your code for a new password of the account {} is {}.\n{question}If you did not ask for it, nothing changes.\n",
        account.username,
        code.expose()
    );
    let about = format!("recovery/{}", account.id);
    onetime::send(call.store(), LetterKind::Mail, mail, "Your code", text, about).await
}
