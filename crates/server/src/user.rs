//! `strowger user`: accounts from the shell, through a running server or on the database itself.

use std::io::stdin;
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use strowger_model::{AccountId, AccountKind, Amount, Scope, Secret};
use strowger_store::{NewUser, Store, UserFilter};

use crate::cli::{Place, User};
use crate::control::{self, Order};
use crate::failure::Failure;
use crate::first_start::random_text;
use crate::settings::{Texts, data_folder, open_store};

/// The most accounts that `list` shows.
const MOST_LISTED: usize = 100_000;

/// Accounts fetched at a time.
const PAGE: usize = 1000;

/// What is to be done. It travels over the control socket, which only its owner can open.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum UserOrder {
    Add { name: String, password: String, kind: i32, credit: String, fields: Vec<(String, String)> },
    List { kind: Option<i32> },
    SetPassword { name: String, password: String },
    Credit { name: String, amount: String },
    Del { name: String },
}

/// Runs the subcommand.
pub(crate) fn run(place: &Place, order: User) -> Result<(), Failure> {
    let (order, made) = order_of(order)?;
    let data = data_folder(place)?;
    let text = match control::connect(&data)? {
        Some(mut server) => server.ask(&Order::User(order))?,
        None => offline(place, &data, &order)?,
    };
    crate::print::line(text);
    if let Some(password) = made {
        crate::print::line(format_args!("password: {}", password.expose()));
    }
    Ok(())
}

fn offline(place: &Place, data: &Path, order: &UserOrder) -> Result<String, Failure> {
    let config = Texts::read(&place.source)?.resolve_startup()?;
    let store = open_store(&config, data)?;
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().context("the runtime")?;
    let done = runtime.block_on(perform(&store, order));
    store.close();
    Ok(done?)
}

/// The order, and the password that was made for it.
fn order_of(user: User) -> Result<(UserOrder, Option<Secret>), Failure> {
    Ok(match user {
        User::Add { name, password, kind, credit, field } => {
            let (password, made) = password_of(password)?;
            (UserOrder::Add { name, password, kind: kind_of(&kind)?, credit, fields: field }, made)
        }
        User::List { kind } => (UserOrder::List { kind: kind.as_deref().map(kind_of).transpose()? }, None),
        User::SetPassword { name, password } => {
            let (password, made) = password_of(password)?;
            (UserOrder::SetPassword { name, password }, made)
        }
        User::Credit { name, amount } => (UserOrder::Credit { name, amount }, None),
        User::Del { name } => (UserOrder::Del { name }, None),
    })
}

/// The password given, read from standard input, or made.
fn password_of(given: Option<String>) -> Result<(String, Option<Secret>), Failure> {
    match given {
        None => {
            let made = random_text()?;
            Ok((made.clone(), Some(Secret::new(made))))
        }
        Some(dash) if dash == "-" => {
            let mut line = String::new();
            stdin().read_line(&mut line).context("the password from standard input")?;
            let password = line.trim_end_matches(['\r', '\n']).to_owned();
            if password.is_empty() {
                return Err(Failure::Usage("the password from standard input is empty".to_owned()));
            }
            Ok((password, None))
        }
        Some(password) => Ok((password, None)),
    }
}

/// The number of a type by its name or number.
fn kind_of(text: &str) -> Result<i32, Failure> {
    let names = [
        ("enduser", AccountKind::Enduser),
        ("reseller", AccountKind::Reseller),
        ("owner", AccountKind::Owner),
        ("agent", AccountKind::Agent),
        ("sales", AccountKind::Sales),
        ("support", AccountKind::Support),
        ("admin", AccountKind::Admin),
    ];
    if let Some((_, kind)) = names.iter().find(|(name, _)| name.eq_ignore_ascii_case(text)) {
        return Ok(kind.number());
    }
    match text.parse() {
        Ok(number @ 0..=17) => Ok(number),
        _ => {
            let names: Vec<_> = names.iter().map(|(name, _)| *name).collect();
            Err(Failure::Usage(format!("type {text}: use {} or a number of tb_users.type", names.join(", "))))
        }
    }
}

/// Does it, and answers what to print.
pub(crate) async fn perform(store: &Store, order: &UserOrder) -> Result<String> {
    match order {
        UserOrder::Add { name, password, kind, credit, fields } => {
            let new = NewUser {
                kind: AccountKind::from_number(*kind),
                parent: None,
                username: name.clone(),
                password: Secret::new(password.as_str()),
                credit: amount(credit)?,
                fields: with_rights(*kind, fields),
            };
            let id = store.create_user(Scope::All, new, None).await.with_context(|| name.clone())?;
            Ok(format!("userid: {id}"))
        }
        UserOrder::List { kind } => list(store, *kind).await,
        UserOrder::SetPassword { name, password } => {
            let id = find(store, name).await?;
            store.set_password(Scope::All, id, Secret::new(password.as_str())).await?;
            Ok(format!("userid: {id}"))
        }
        UserOrder::Credit { name, amount: text } => {
            let id = find(store, name).await?;
            let credit =
                store.add_credit(Scope::All, id, amount(text)?, None, "strowger user credit", None).await?;
            Ok(format!("credit: {} {}", credit.settled, credit.currency))
        }
        UserOrder::Del { name } => {
            let id = find(store, name).await?;
            store.delete_user(Scope::All, id).await?;
            Ok(format!("userid: {id}"))
        }
    }
}

/// An administrator made here is a general one, unless the fields say otherwise.
fn with_rights(kind: i32, fields: &[(String, String)]) -> Vec<(String, String)> {
    let mut fields = fields.to_vec();
    let given = fields.iter().any(|(name, _)| name.eq_ignore_ascii_case("rights"));
    if AccountKind::from_number(kind) == AccountKind::Admin && !given {
        fields.push(("rights".to_owned(), "60".to_owned()));
    }
    fields
}

fn amount(text: &str) -> Result<Amount> {
    text.parse().with_context(|| format!("{text} is no amount"))
}

async fn find(store: &Store, name: &str) -> Result<AccountId> {
    match store.find_user(Scope::All, name).await? {
        Some(id) => Ok(id),
        None => bail!("no account is called {name}"),
    }
}

/// Tab-separated rows below a header line.
async fn list(store: &Store, kind: Option<i32>) -> Result<String> {
    let mut lines = Vec::new();
    let mut cursor = None;
    loop {
        let filter = UserFilter {
            kind: kind.map(AccountKind::from_number),
            max: PAGE,
            extended: false,
            order: String::new(),
        };
        let page = store.list_users(Scope::All, filter, cursor).await?;
        if lines.is_empty() {
            lines.push(page.table.columns.join("\t"));
        }
        for row in &page.table.rows {
            let cells: Vec<_> = row.iter().map(ToString::to_string).collect();
            lines.push(cells.join("\t"));
        }
        cursor = page.cursor;
        if cursor.is_none() || lines.len() > MOST_LISTED {
            return Ok(lines.join("\n"));
        }
    }
}
