//! Messages between people, and how they are.

use strowger_model::event::{MessageNotice, Notice};
use strowger_model::{AccountId, Wall};

use super::types::{InstantText, MessageRefusal, MessageState, Stopped};
use super::{Handle, ask};
use crate::shard::{Answer, Order};

impl Handle {
    /// Sends a message to every phone of an account; its number and what became of it. With `keep` it waits for a phone where
    /// there is none. Who may write to whom was decided before.
    ///
    /// # Errors
    /// [`MessageRefusal`].
    pub async fn send_message(
        &self,
        from: Option<AccountId>,
        to: AccountId,
        text: InstantText,
        keep: bool,
    ) -> Result<(i64, MessageState), MessageRefusal> {
        let inbox = self.0.inboxes.first().ok_or(MessageRefusal::Stopped)?;
        match ask(inbox, Order::Message { from, to, text, keep }).await {
            Ok(Answer::Message(outcome)) => outcome,
            _ => Err(MessageRefusal::Stopped),
        }
    }

    /// A message was handed over to its reader by other means than a phone.
    pub fn message_handed_over(&self, reader: AccountId, id: i64, from: &str) {
        let to_text = self.account(reader).map(|account| account.username.to_string()).unwrap_or_default();
        self.notify(Notice::Message(MessageNotice {
            id: id.to_string(),
            kind: "im",
            from: None,
            to: Some(reader),
            from_text: from.to_owned(),
            to_text,
            state: "delivered",
        }));
    }

    /// How accounts are, in a word each: what they or their phones say, else what their lines do.
    ///
    /// # Errors
    /// [`Stopped`].
    pub async fn presence(&self, accounts: Vec<AccountId>) -> Result<Vec<Box<str>>, Stopped> {
        let inbox = self.0.inboxes.first().ok_or(Stopped)?;
        match ask(inbox, Order::Presence(accounts)).await? {
            Answer::Presence(words) => Ok(words),
            _ => Err(Stopped),
        }
    }

    /// An account says how it is, until then; an empty text takes it back. Kept by the store, not here.
    ///
    /// # Errors
    /// [`Stopped`].
    pub async fn set_presence(&self, account: AccountId, word: String, until: Wall) -> Result<(), Stopped> {
        for inbox in &self.0.inboxes {
            ask(inbox, Order::SetPresence(account, word.clone(), until)).await?;
        }
        Ok(())
    }
}
