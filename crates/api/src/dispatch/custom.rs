//! Commands that rows of `tb_api` make: a statement whose values are bound, run for whoever the row admits. Read and
//! prepared when the table is loaded; nothing of a request ever becomes text of a statement.

use std::sync::Arc;

use strowger_store::{SqlAnswer, SqlTemplate, Store};

use super::values::Input;
use super::{Call, find};
use crate::actions::Job;
use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, Run};
use crate::reply::{Failure, Reply};

/// Rows of one answer, as documented.
const MAX_ROWS: usize = 100;

const fn command(effect: Effect) -> Command {
    Command {
        name: "custom",
        aliases: &[],
        group: Group::Various,
        access: Access::User,
        effect,
        reach: Reach::Account,
        params: &[],
        summary: "A command that a row of tb_api makes.",
        spec: "server-api: Custom",
        example: "",
        reply: "a table, or OK",
        run: Run::Here { check: |_| Ok(()), run: |call| Box::pin(run(call)) },
    }
}

/// What a row that reads is to the dispatcher.
static READ: Command = command(Effect::Read);
/// What any other row is.
static WRITE: Command = command(Effect::Write);

/// The work of a row.
#[derive(Debug)]
pub struct Entry {
    /// Its name, in lower case.
    pub name: String,
    /// None: the row only has an action.
    work: Option<Work>,
}

#[derive(Debug)]
struct Work {
    template: SqlTemplate,
    /// The answer waits for the end of a write: the statement began with `*`.
    wait: bool,
}

impl Entry {
    /// Reads the statement of a row.
    ///
    /// # Errors
    /// What is wrong, with its reason.
    pub async fn compile(store: &Store, name: &str, sql: &str) -> Result<Self, String> {
        let name = name.to_owned();
        let sql = sql.trim();
        if sql.is_empty() {
            return Ok(Self { name, work: None });
        }
        let (wait, sql) = sql.strip_prefix('*').map_or((false, sql), |rest| (true, rest));
        let template = store.sql_template(sql, false).await.map_err(|wrong| format!("customsql: {wrong}"))?;
        Ok(Self { name, work: Some(Work { template, wait }) })
    }

    /// What the dispatcher runs.
    pub fn command(&self) -> &'static Command {
        match &self.work {
            Some(work) if work.template.is_read() => &READ,
            _ => &WRITE,
        }
    }

    /// The declaration whose access rules the row begins with: that of the command that it replaces.
    pub fn base(&self) -> &'static Command {
        find(&self.name).unwrap_or_else(|| self.command())
    }
}

async fn run(call: Call) -> Outcome {
    let entry = call.entry.clone().ok_or_else(|| Failure::failed("the row of tb_api is gone"))?;
    let Some(work) = &entry.work else { return Ok(Reply::ok("accepted")) };
    let store = call.store();
    let values = Input::of(&call).bind(store, work.template.slots()).await?;
    if !work.wait && !work.template.is_read() {
        call.dispatcher.actions().submit(Job::sql(
            &call,
            &entry.name,
            Arc::new(work.template.clone()),
            values,
        ))?;
        return Ok(Reply::ok("accepted"));
    }
    Ok(match store.sql_bound(&work.template, values, MAX_ROWS).await? {
        SqlAnswer::Rows(table, cut) => {
            let reply = Reply::table(table);
            if cut { reply.with_summary(vec![("cut".into(), true.into())]) } else { reply }
        }
        SqlAnswer::Changed(rows) => Reply::ok(rows.to_string()).with("changed", rows),
    })
}
