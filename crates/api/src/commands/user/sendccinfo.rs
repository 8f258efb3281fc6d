//! `sendccinfo`: where an account pays, and what became of its last card payments.

use strowger_store::Payment;

use crate::cards::{page_of, provider_of};
use crate::commands::text::date;
use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::reply::{Data, Failure, Kind, Reply};

/// Payments that are told of.
const MOST: u32 = 5;
/// Cards are not saved: each payment brings its own.
const NO_CARD: &str = "none";

params! {}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "sendccinfo",
    aliases: &[],
    group: Group::User,
    access: Access::User,
    effect: Effect::Read,
    reach: Reach::Account,
    params: PARAMS,
    summary: "The account's payment page (cardpage) and the state of its last card payments; never card data, and no card is saved.",
    spec: "server-api: User commands",
    example: "",
    reply: "OK: <n> and name=value lines",
    run: RUN,
};

async fn run(call: Call, _: Params) -> Outcome {
    let (config, account) = (call.config(), call.account()?);
    if config.cardpage.is_empty()
        && let Err(why) = provider_of(call.dispatcher.cards(), &config)
    {
        let why = format!("{}, and no payment page (cardpage)", why.text);
        return Err(Failure::new(Kind::NotAvailable, why));
    }
    let page = page_of(&config.cardpage, account);
    let payments = call.store().payments_of(call.scope, account.id, MOST).await?;
    let mut lines = Vec::new();
    if !page.is_empty() {
        lines.push(format!("page={page}"));
    }
    lines.push(format!("savedcard={NO_CARD}"));
    lines.extend(payments.iter().map(line));
    let rows = payments.iter().map(row).collect::<Vec<_>>();
    Ok(Reply::lines(lines).with("page", page).with("savedcard", NO_CARD).with("payments", rows))
}

fn line(payment: &Payment) -> String {
    let Payment { id, amount, currency, .. } = payment;
    let mut line = format!("payment={id} {} {amount} {currency} {}", date(payment.changed), stands(payment));
    if !payment.reason.is_empty() && !payment.state.is_open() {
        line.push_str(&format!(": {}", payment.reason));
    }
    line
}

fn row(payment: &Payment) -> Data {
    // Why it is not clear yet is the operator's matter.
    let reason = if payment.state.is_open() { String::new() } else { payment.reason.clone() };
    let pairs: [(&str, Data); 6] = [
        ("id", payment.id.into()),
        ("datum", date(payment.changed).into()),
        ("amount", payment.amount.into()),
        ("currency", payment.currency.into()),
        ("state", stands(payment).into()),
        ("reason", reason.into()),
    ];
    Data::Map(pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

/// One word for its holder.
fn stands(payment: &Payment) -> &'static str {
    if payment.state.is_open() { "open" } else { payment.state.name() }
}
