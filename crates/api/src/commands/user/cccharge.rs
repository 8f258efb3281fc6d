//! `cccharge`: a card payment through the configured provider, then credit.

use strowger_config::Config;
use strowger_model::Amount;

use crate::auth::Place;
use crate::cards::{Card, charge, minor_units, provider_of};
use crate::commands::text::date;
use crate::declare::{Access, Args, CardData, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::reply::{Failure, Reply};

params! {
    /// The card's number.
    cardnum ["cardnumber"]: CardData,
    /// The year in which it expires.
    expireyear ["expyear"]: CardData,
    /// The month in which it expires.
    expmonth ["expiremonth"]: CardData,
    /// The three or four digits on the card.
    ccv2 ["cvv2", "cvc"]: CardData,
    /// How much, in the account's currency.
    ammount ["amount"]: Amount,
}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "cccharge",
    aliases: &[],
    group: Group::User,
    access: Access::User,
    effect: Effect::Money,
    reach: Reach::Account,
    params: PARAMS,
    summary: "Charges a card through the configured provider and adds the amount to the credit, once per requestid; card data are taken over TLS only and kept nowhere.",
    spec: "server-api: User commands",
    example: "cardnum=4242424242424242&expireyear=2030&expmonth=12&ccv2=123&ammount=10",
    reply: "OK: credit is 15",
    run: RUN,
};

async fn run(mut call: Call, params: Params) -> Outcome {
    // The card's texts live no longer than they are needed.
    call.args = Args::default();
    let config = call.config();
    provider_of(call.dispatcher.cards(), &config)?;
    sheltered(&call, &config)?;
    let account = call.account()?.id;
    let today = date(call.now().wall);
    let number = |range| today.get(range).and_then(|text: &str| text.parse().ok()).unwrap_or(0);
    let (year, month) = (&params.expireyear, &params.expmonth);
    let card = Card::read(&params.cardnum, (year, month), &params.ccv2, (number(0..4), number(5..7)))?;
    let amount = params.ammount;
    drop(params);
    let currency = call.store().credit(call.scope, account).await?.currency;
    let (least, most) = (Amount(config.cardmin.0), Amount(config.cardmax.0));
    if amount < least || amount > most {
        return Err(Failure::invalid(format!("ammount must be {least} to {most} {currency}")));
    }
    minor_units(amount, currency).map_err(Failure::invalid)?;
    let reply: Reply = charge(&call, account, (amount, currency), card).await?;
    Ok(reply)
}

/// Card data come over TLS, or over no network that others hear: from this machine, and from addresses that the operator
/// trusts, such as that of a proxy that ends TLS. Never in datagrams.
fn sheltered(call: &Call, config: &Config) -> Result<(), Failure> {
    if call.source.unproven {
        return Err(Failure::denied("card data are not taken over UDP or SIP"));
    }
    let own = match call.source.place {
        Place::Loopback | Place::Trusted => true,
        Place::Lan => config.trustlanip,
        Place::Foreign => false,
    };
    if call.source.secure || own {
        return Ok(());
    }
    Err(Failure::denied("card data are taken over TLS only (https, wss or lines over TLS)"))
}
