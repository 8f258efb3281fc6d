//! A command that runs for another account than the caller's, which was identified by other means: the sender of an SMS.

use std::sync::Arc;

use strowger_model::{Account, Scope};

use super::Call;
use super::call::Asked;
use crate::auth::Level;
use crate::declare::{Args, Command, Outcome};
use crate::reply::Failure;

impl Call {
    /// Runs a command as that account, with no more than a user's rights, audited under its name.
    pub(crate) async fn run_as(
        &self,
        account: Arc<Account>,
        command: &'static Command,
        args: Args,
    ) -> Outcome {
        if !account.active {
            return Err(Failure::denied("the account is disabled"));
        }
        let call = Asked {
            command,
            args,
            console_name: String::new(),
            caller: Some(Arc::clone(&account)),
            level: Level::User,
            scope: Scope::Own(account.id),
            target: Some(account),
            target_named: false,
            unproven_user: None,
            request_id: None,
            stream: None,
            api_key: None,
            cursor: None,
            ..Asked::clone(self)
        };
        self.dispatcher.run(call.into()).await
    }
}
