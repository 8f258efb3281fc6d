//! `pricelistadd`: a new price list.

use strowger_model::{AccountKind, Unit};
use strowger_store::NewPriceList;

use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::reply::{Failure, Reply};

/// Characters of a name.
const MAX_NAME: usize = 64;

params! {
    /// Its name.
    name: String,
    /// The currency of its prices; the default currency where none is given.
    currency: Option<Unit> = "",
    /// A reseller for whose customers it is.
    reseller: String = "",
    /// It holds for whoever has no other.
    default: bool = "no",
}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "pricelistadd",
    aliases: &[],
    group: Group::Ours,
    access: Access::Admin,
    effect: Effect::Write,
    reach: Reach::Nothing,
    params: PARAMS,
    summary: "Makes a price list; priceimport fills it and priceassign ties accounts and packets to it.",
    spec: "Strowger",
    example: "name=Retail&currency=EUR&default=yes",
    reply: "OK: id:<id>",
    run: RUN,
};

async fn run(call: Call, params: Params) -> Outcome {
    let name = params.name.trim();
    let number = name.bytes().all(|b| b.is_ascii_digit());
    if name.chars().count() > MAX_NAME || name.chars().any(char::is_control) || number {
        return Err(Failure::invalid(format!(
            "name must be at most {MAX_NAME} characters and not only digits"
        )));
    }
    let reseller = match params.reseller.trim() {
        "" => None,
        text => {
            let account = call.find(text, "reseller")?;
            if !matches!(account.kind, AccountKind::Reseller | AccountKind::Owner) {
                return Err(Failure::invalid("reseller must be a reseller or an owner"));
            }
            Some(account.id)
        }
    };
    let new = NewPriceList {
        name: name.to_owned(),
        currency: params.currency,
        reseller,
        is_default: params.default,
    };
    let id = call.store().price_list_add(call.scope, new).await.map_err(|wrong| match wrong {
        strowger_store::UserError::Taken => Failure::invalid(format!("name {name} is taken")),
        other => other.into(),
    })?;
    Ok(Reply::ok(format!("id:{id}")).with("id", id).with("name", name))
}
