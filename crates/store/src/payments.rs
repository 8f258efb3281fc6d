//! Card payments: the intent before the provider is asked, and its outcome together with the credit. A payment is begun,
//! then asked, then paid or refused; every step is one transaction, and paying posts a step of the ledger that bears the
//! payment's id, so that no payment is booked twice. Nothing here speaks to a provider or sees a card.

use serde::{Deserialize, Serialize};
use strowger_billing::ledger;
use strowger_model::{AccountId, Amount, Scope, Unit, Wall};

use crate::credit::{exchange_rate, lock_balances};
use crate::db::{Fault, Row, values};
use crate::errors::{PaymentError, ReadError, Unavailable};
use crate::idempotency::{RequestKey, once};
use crate::keyring::{hex, random};
use crate::scope::{condition, covers};
use crate::store::Store;
use crate::tx::{Stop, Tx};

/// How long an open payment keeps its account from another one, in milliseconds.
const OPEN_BLOCKS_MS: i64 = 86_400_000;
/// The time in which declined cards are counted together, in milliseconds.
const DECLINED_WINDOW_MS: i64 = 86_400_000;
/// How long whoever began a payment has it alone, in milliseconds: longer than its questions can take.
const LEASE_MS: i64 = 600_000;
/// The longest kept reason, in characters.
const MAX_REASON: usize = 200;
/// Open payments that are handed out at once.
const MAX_DUE: u64 = 50;

/// How far a payment has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PaymentState {
    /// Nothing was asked of the provider that moves money.
    Begun,
    /// The provider may have charged the card.
    Asked,
    /// The card was charged and the credit is booked.
    Paid,
    /// The card was not charged and will not be.
    Refused,
}

impl PaymentState {
    /// As it stands in the database.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Begun => "begun",
            Self::Asked => "asked",
            Self::Paid => "paid",
            Self::Refused => "refused",
        }
    }

    /// It is not known yet what becomes of it.
    #[must_use]
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Begun | Self::Asked)
    }
}

/// One payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payment {
    /// `tb_payments.id`.
    pub id: i64,
    /// Whose credit it buys.
    pub account: AccountId,
    /// How much.
    pub amount: Amount,
    /// Of what.
    pub currency: Unit,
    /// How far it has come.
    pub state: PaymentState,
    /// Why it was refused; of an open one why it is not clear.
    pub reason: String,
    /// The provider that was asked.
    pub provider: String,
    /// The provider's name of it; empty before it has one.
    pub intent: String,
    /// What makes the provider's questions repeatable.
    pub key: String,
    /// When it was begun.
    pub created: Wall,
    /// When it came as far as it has.
    pub changed: Wall,
    /// How often it was tried to clear it up.
    pub attempts: u32,
}

/// What is to be paid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPayment {
    /// Whose credit it buys.
    pub account: AccountId,
    /// How much, above zero.
    pub amount: Amount,
    /// Of what: the account's currency.
    pub currency: Unit,
    /// The provider that will be asked.
    pub provider: String,
    /// Declined cards in a day beyond which no more payments are begun; 0: no limit.
    pub most_declined: u32,
}

/// What a repeated request is answered with.
#[derive(Serialize, Deserialize)]
struct BegunReply {
    payment: i64,
}

/// The columns in the order of [`payment`].
const COLUMNS: &str = "id, userid, amount, currency, state, reason, provider, intentid, requestkey, created_ms, \
     changed_ms, attempts";

impl Store {
    /// Writes down what will be asked of the provider. True: it is new, and the caller's to carry on; false: this request
    /// began it before.
    ///
    /// # Errors
    /// See [`PaymentError`]; nothing is written then.
    pub async fn begin_payment(
        &self,
        scope: Scope,
        new: NewPayment,
        request: Option<RequestKey>,
    ) -> Result<(Payment, bool), PaymentError> {
        let key = random::<16>().map_err(|error| Unavailable::Fault { what: error.to_string() })?;
        let key = hex(&key);
        self.write(move |tx| {
            tx.check_epoch()?;
            if !covers(tx, scope, new.account)? {
                return Err(Stop::Refuse(PaymentError::NotFound));
            }
            let mut fresh = false;
            let content = format!("{} {} {}", new.account, new.amount, new.currency);
            let begun = once(tx, request.as_ref(), &content, PaymentError::RequestReused, |tx| {
                fresh = true;
                begin(tx, &new, &key)
            })?;
            Ok((read(tx, begun.payment)?, fresh))
        })
        .await
    }

    /// The provider named the payment and is about to be asked for the money. It was begun and nothing more, and it is
    /// asked when this returns it so; in another state somebody else ended it.
    ///
    /// # Errors
    /// The database takes no writes: the provider must not be asked.
    pub async fn payment_asked(&self, id: i64, intent: &str) -> Result<Payment, PaymentError> {
        let intent = intent.to_owned();
        self.write(move |tx| {
            tx.check_epoch()?;
            tx.execute(
                "UPDATE tb_payments SET state = 'asked', intentid = ?2, changed_ms = ?3, due_ms = ?4 \
                 WHERE id = ?1 AND state = 'begun'",
                &values![id, &intent, tx.now_ms, tx.now_ms + LEASE_MS],
            )?;
            read(tx, id)
        })
        .await
    }

    /// The provider has the money: books the credit, once whoever says it how often. What is returned is paid.
    ///
    /// # Errors
    /// The database takes no writes; the payment stays open.
    pub async fn payment_paid(&self, id: i64) -> Result<Payment, PaymentError> {
        self.write(move |tx| {
            tx.check_epoch()?;
            // Also one that was taken for refused: the provider's word is the truth of the money.
            let moved = tx.execute(
                "UPDATE tb_payments SET state = 'paid', reason = '', changed_ms = ?2 WHERE id = ?1 AND state <> 'paid'",
                &values![id, tx.now_ms],
            )?;
            let payment = read(tx, id)?;
            if moved > 0 {
                book(tx, &payment)?;
            }
            Ok(payment)
        })
        .await
    }

    /// The card was not charged and will not be; `declined`: because of the card, which counts as an attempt. A payment
    /// that is paid stays so.
    ///
    /// # Errors
    /// The database takes no writes.
    pub async fn payment_refused(
        &self,
        id: i64,
        reason: &str,
        declined: bool,
    ) -> Result<Payment, PaymentError> {
        let reason: String = reason.chars().take(MAX_REASON).collect();
        self.write(move |tx| {
            tx.check_epoch()?;
            tx.execute(
                "UPDATE tb_payments SET state = 'refused', reason = ?2, declined = ?3, changed_ms = ?4 \
                 WHERE id = ?1 AND state IN ('begun', 'asked')",
                &values![id, &reason, u32::from(declined), tx.now_ms],
            )?;
            read(tx, id)
        })
        .await
    }

    /// It is not clear what became of an open payment: it is due again after `wait_ms`.
    ///
    /// # Errors
    /// The database takes no writes.
    pub async fn payment_unclear(
        &self,
        id: i64,
        reason: &str,
        wait_ms: i64,
    ) -> Result<Payment, PaymentError> {
        let reason: String = reason.chars().take(MAX_REASON).collect();
        self.write(move |tx| {
            tx.check_epoch()?;
            tx.execute(
                "UPDATE tb_payments SET reason = ?2, due_ms = ?3, attempts = attempts + 1 \
                 WHERE id = ?1 AND state IN ('begun', 'asked')",
                &values![id, &reason, tx.now_ms + wait_ms],
            )?;
            read(tx, id)
        })
        .await
    }

    /// Makes every open payment due that a process of this node began before that moment: whoever had them is gone.
    /// Returns how many there are.
    ///
    /// # Errors
    /// The database takes no writes.
    pub async fn payments_left(&self, before: Wall) -> Result<u64, PaymentError> {
        self.write(move |tx| {
            tx.check_epoch()?;
            let left = tx.execute(
                "UPDATE tb_payments SET due_ms = 0 WHERE state IN ('begun', 'asked') AND node = ?1 AND created_ms < ?2",
                &values![u32::from(tx.node), before.0],
            )?;
            Ok(left)
        })
        .await
    }

    /// Open payments whose time to be cleared up has come, of whichever node.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn payments_due(&self, now: Wall) -> Result<Vec<Payment>, ReadError> {
        self.read(Box::new(move |conn| {
            let sql = format!(
                "SELECT {COLUMNS} FROM tb_payments WHERE state IN ('begun', 'asked') AND due_ms <= ?1 \
                 ORDER BY due_ms, id LIMIT ?2"
            );
            let rows = conn?.query(&sql, &values![now.0, MAX_DUE])?;
            Ok(rows.iter().map(payment).collect::<Result<_, Fault>>()?)
        }))
        .await
    }

    /// The last payments of an account, the youngest first.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn payments_of(
        &self,
        scope: Scope,
        account: AccountId,
        most: u32,
    ) -> Result<Vec<Payment>, ReadError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM tb_payments WHERE userid = ?1 AND {} ORDER BY id DESC LIMIT ?2",
            condition(scope, "userid")
        );
        self.read(Box::new(move |conn| {
            let rows = conn?.query(&sql, &values![account, most])?;
            Ok(rows.iter().map(payment).collect::<Result<_, Fault>>()?)
        }))
        .await
    }
}

fn begin(tx: &mut Tx<'_>, new: &NewPayment, key: &str) -> Result<BegunReply, Stop<PaymentError>> {
    if new.amount <= Amount::ZERO {
        return Err(Stop::Refuse(PaymentError::NotPositive));
    }
    // Two nodes that begin one for the same account do so one after the other.
    lock_balances(tx, new.account)?;
    let open = tx.first(
        "SELECT id FROM tb_payments WHERE userid = ?1 AND state IN ('begun', 'asked') AND created_ms > ?2 ORDER BY id",
        &values![new.account, tx.now_ms - OPEN_BLOCKS_MS],
    )?;
    if let Some(row) = open {
        return Err(Stop::Refuse(PaymentError::Open { id: row.int(0) }));
    }
    let declined = tx.first(
        "SELECT count(*) FROM tb_payments WHERE userid = ?1 AND declined = 1 AND created_ms > ?2",
        &values![new.account, tx.now_ms - DECLINED_WINDOW_MS],
    )?;
    let declined = declined.map_or(0, |row| row.int(0));
    if new.most_declined > 0 && declined >= i64::from(new.most_declined) {
        return Err(Stop::Refuse(PaymentError::TooMany));
    }
    let row = tx.returning(
        "INSERT INTO tb_payments (userid, amount, currency, state, provider, requestkey, node, created_ms, changed_ms, \
         due_ms) VALUES (?1, ?2, ?3, 'begun', ?4, ?5, ?6, ?7, ?7, ?8) RETURNING id",
        &values![
            new.account,
            new.amount,
            new.currency,
            &new.provider,
            key,
            u32::from(tx.node),
            tx.now_ms,
            tx.now_ms + LEASE_MS
        ],
    )?;
    Ok(BegunReply { payment: row.map_or(0, |row| row.int(0)) })
}

/// The credit of a payment. Whatever happened to the account meanwhile, what was paid is booked: without a rate into the
/// account's currency, in that which was paid.
fn book(tx: &mut Tx<'_>, payment: &Payment) -> Result<(), Stop<PaymentError>> {
    lock_balances(tx, payment.account)?;
    let row = tx.first("SELECT currency FROM account WHERE id = ?1", &values![payment.account])?;
    let currency = row.and_then(|row| row.text(0).parse().ok()).unwrap_or(payment.currency);
    let mut lines = ledger::top_up(payment.account, payment.currency, payment.amount).to_vec();
    if currency != payment.currency {
        match exchange_rate(tx, payment.currency, currency)? {
            Some(rate) => {
                let converted =
                    ledger::convert(payment.account, payment.currency, payment.amount, currency, rate);
                lines.extend(converted);
                ledger::merge(&mut lines);
            }
            None => tracing::error!(
                payment = payment.id,
                "ALARM: a card payment is booked in {}, which is not its account's currency any more",
                payment.currency
            ),
        }
    }
    // The payment's row is the step: the ledger takes no second one of that name.
    let step = format!("payment/{}", payment.id);
    tx.post(&step, "payment", &format!("card payment {}", payment.intent), &lines)?;
    Ok(())
}

fn read(tx: &mut Tx<'_>, id: i64) -> Result<Payment, Stop<PaymentError>> {
    let row = tx.first(&format!("SELECT {COLUMNS} FROM tb_payments WHERE id = ?1"), &values![id])?;
    let row = row.ok_or(Stop::Refuse(PaymentError::NotFound))?;
    Ok(payment(&row)?)
}

fn payment(row: &Row) -> Result<Payment, Fault> {
    let states = [PaymentState::Begun, PaymentState::Asked, PaymentState::Paid, PaymentState::Refused];
    let unknown = |what: &str| Fault::Statement(format!("payment {}: {what}", row.int(0)));
    let name = row.text(4);
    Ok(Payment {
        id: row.int(0),
        account: AccountId(row.int(1)),
        amount: row.micros(2),
        currency: row.text(3).parse().map_err(|_| unknown("its currency"))?,
        state: states.into_iter().find(|s| s.name() == name).ok_or_else(|| unknown("its state"))?,
        reason: row.text(5),
        provider: row.text(6),
        intent: row.text(7),
        key: row.text(8),
        created: Wall(row.int(9)),
        changed: Wall(row.int(10)),
        attempts: u32::try_from(row.int(11)).unwrap_or(u32::MAX),
    })
}
