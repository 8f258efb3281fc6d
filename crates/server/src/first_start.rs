//! What the first start makes: an API key, a salt, an administrator. And `--admin`, at every start.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::{Context, Result};
use strowger_model::{AccountKind, Amount, Scope, Secret};
use strowger_store::{NewUser, Store, UserError};

use crate::cli::Admin;

/// The file in the data folder that keeps what was printed once.
pub(crate) const FILE: &str = "first-start.txt";

/// The name of the administrator that nobody named.
const ADMIN: &str = "admin";

/// `tb_users.rights` of a general administrator.
const GENERAL_ADMIN: &str = "60";

/// Makes what is missing. Answers the `name: value` lines of a first start.
///
/// The API key is stored last: a start that was cut short begins again.
pub(crate) async fn prepare(store: &Store, data: &Path, admin: Option<&Admin>) -> Result<Option<String>> {
    if store.setting("apiv2key").await.context("reading the settings")?.is_some() {
        if let Some(admin) = admin {
            reset_admin(store, admin).await?;
        }
        return Ok(None);
    }
    let (key, salt) = (random_text()?, random_text()?);
    let mut lines = String::new();
    let made = match admin {
        Some(admin) => admin.clone(),
        None => Admin { user: ADMIN.to_owned(), password: Secret::new(random_text()?) },
    };
    lines.push_str(&format!("admin: {}\n", made.user));
    if admin.is_none() {
        lines.push_str(&format!("password: {}\n", made.password.expose()));
    }
    lines.push_str(&format!("apiv2key: {key}\napiv2md5salt: {salt}\n"));
    write_private(&data.join(FILE), &lines).with_context(|| format!("{FILE} in the data folder"))?;
    reset_admin(store, &made).await?;
    for (name, value) in [("apiv2md5salt", &salt), ("apiv2key", &key)] {
        store.set_setting(Scope::All, name, Some(value)).await.with_context(|| format!("storing {name}"))?;
    }
    Ok(Some(lines))
}

/// Creates the administrator, or gives an existing account its password and rights.
async fn reset_admin(store: &Store, admin: &Admin) -> Result<()> {
    let rights =
        || vec![("rights".to_owned(), GENERAL_ADMIN.to_owned()), ("enabled".to_owned(), "1".to_owned())];
    let new = NewUser {
        kind: AccountKind::Admin,
        parent: None,
        username: admin.user.clone(),
        password: admin.password.clone(),
        credit: Amount::ZERO,
        fields: rights(),
    };
    match store.create_user(Scope::All, new, None).await {
        Ok(_) => return Ok(()),
        Err(UserError::Taken) => {}
        Err(error) => return Err(error).context("making the administrator"),
    }
    let found = store.find_user(Scope::All, &admin.user).await.context("finding the administrator")?;
    let id = found.context("the administrator's name is taken by an account that is not found")?;
    store
        .set_password(Scope::All, id, admin.password.clone())
        .await
        .context("the administrator's password")?;
    let mut fields = rights();
    fields.push(("type".to_owned(), AccountKind::Admin.number().to_string()));
    fields.push(("temporarydisabled".to_owned(), "0".to_owned()));
    store.set_fields(Scope::All, id, fields).await.context("the administrator's rights")
}

/// 24 random characters that survive being typed, copied and put into a URL: 124 bits.
pub(crate) fn random_text() -> Result<String> {
    /// Without characters that look alike; 36 do not divide 256, so bytes above the last multiple are dropped.
    const ALPHABET: &[u8] = b"abcdefghijkmnpqrstuvwxyz0123456789XY";
    const LENGTH: usize = 24;
    let mut text = String::with_capacity(LENGTH);
    let mut bytes = [0_u8; 64];
    while text.len() < LENGTH {
        getrandom::fill(&mut bytes).map_err(|error| anyhow::anyhow!("the system's randomness: {error}"))?;
        let fair = 256 / ALPHABET.len() * ALPHABET.len();
        let letters = bytes.iter().map(|b| usize::from(*b)).filter(|b| *b < fair);
        text.extend(letters.map(|b| char::from(ALPHABET[b % ALPHABET.len()])).take(LENGTH - text.len()));
    }
    Ok(text)
}

/// Writes a file that only its owner can read, durably.
fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_texts_differ_and_need_no_escaping() {
        let (a, b) = (random_text().unwrap(), random_text().unwrap());
        assert_ne!(a, b);
        assert!(a.len() == 24 && a.bytes().all(|b| b.is_ascii_alphanumeric()));
    }
}
