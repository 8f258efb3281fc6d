//! `newuseru`: sign-up from an untrusted place.

use strowger_model::{AccountId, AccountKind, Amount, Scope, Secret, Unit};
use strowger_store::{CodePurpose, LetterKind, NewUser};

use crate::commands::onetime;
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
    summary: "Self-service sign-up: makes an enduser with signupcredit, signuppacket and signuprights, disabled until newusercode where signupconfirm says so; limited by address and device.",
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
    let currency = crate::commands::currency(&call, &params.u_currency)?;
    let credit = opening_credit(&call, &currency);
    fields.push(("currency".into(), currency));
    fields.push(("rights".into(), call.config().signuprights.to_string()));
    if call.config().signuppacket != 0 {
        fields.push(("packetid".into(), call.config().signuppacket.to_string()));
    }
    let confirm = Confirm::of(&call, &params)?;
    if confirm.is_some() {
        fields.push(("enabled".into(), "0".into()));
        forget_overdue(&call, &params.u_username).await?;
    }
    let username = crate::commands::username(&params.u_username)?;
    let new = NewUser {
        kind: AccountKind::Enduser,
        parent: None,
        username: username.clone(),
        password: params.u_password,
        credit,
        fields,
    };
    // Nobody is the owner of a new account, so the server makes it in its own name.
    let id = call.store().create_user(Scope::All, new, call.request_key()).await?;
    let reply = match &confirm {
        None => Reply::ok(format!("userid:{id}")),
        Some(confirm) => {
            if let Err(failure) = confirm.send(&call, &username, id).await {
                // Nobody could ever confirm it.
                call.store().delete_user(Scope::All, id).await?;
                return Err(failure);
            }
            Reply::ok(format!("userid:{id} confirm:{}", call.config().signupconfirm))
        }
    };
    Ok(reply.with("userid", id.0))
}

/// `signupcredit` in the account's currency: who signs up chooses that, and must not get more by it.
fn opening_credit(call: &Call, currency: &str) -> Amount {
    let snapshot = call.switch().snapshot();
    let unit = currency.parse::<Unit>().ok();
    let rate = unit.and_then(|unit| snapshot.rate(snapshot.settings().currency, unit));
    rate.map_or(Amount::ZERO, |rate| rate.convert(Amount(call.config().signupcredit.0)))
}

/// Where the code of a sign-up goes.
struct Confirm {
    kind: LetterKind,
    to: String,
}

impl Confirm {
    /// As `signupconfirm` says.
    fn of(call: &Call, params: &Params) -> Result<Option<Self>, Failure> {
        let (kind, to, name) = match call.config().signupconfirm.as_str() {
            "email" => (LetterKind::Mail, &params.u_email, "u_email"),
            "sms" => (LetterKind::Sms, &params.u_phone, "u_phone"),
            _ => return Ok(None),
        };
        if to.trim().is_empty() {
            return Err(Failure::missing(name));
        }
        Ok(Some(Self { kind, to: to.trim().to_owned() }))
    }

    async fn send(&self, call: &Call, username: &str, id: AccountId) -> Result<(), Failure> {
        let code = onetime::code()?;
        let subject = onetime::subject(CodePurpose::SignUp, username);
        onetime::keep(call, CodePurpose::SignUp, &subject, Some(id), &code).await?;
        let text = format!("Your code for the account {username} is {}.", code.expose());
        onetime::send(call.store(), self.kind, &self.to, "Your code", text, format!("signup/{id}")).await
    }
}

/// A username that was never confirmed in time is free again.
async fn forget_overdue(call: &Call, username: &str) -> Result<(), Failure> {
    let subject = onetime::subject(CodePurpose::SignUp, username);
    if let Some(id) = call.store().overdue_sign_up(&subject, call.now().wall).await? {
        call.store().delete_user(Scope::All, id).await?;
    }
    Ok(())
}
