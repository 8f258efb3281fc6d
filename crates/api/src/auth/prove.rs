//! Whether what a request shows is right for an account. Everything that was shown is compared, against a password
//! that nobody has where the account is unknown: an unknown user costs as much as a wrong password.

use strowger_model::Account;

use super::{Credentials, Proof, Salts, Taken, digest_proof, may_log_in, same_text};

/// Stands for the password of an account that does not exist. It is as long as passwords are, so that it takes no more
/// blocks of a digest than they do.
const NO_PASSWORD: &str = "\u{1}no password";

/// What the server holds against the credentials.
#[derive(Clone, Copy)]
pub struct Ground<'a> {
    /// The account that was named, if there is one.
    pub account: Option<&'a Account>,
    /// Its PIN may stand for its password.
    pub pin_counts: bool,
    /// The nonce that was sent, as it stands.
    pub nonce: Option<&'a Taken>,
    /// What the server adds to the formulas.
    pub salts: Salts<'a>,
}

/// How the account is proved; none where anything that was shown is wrong.
pub fn prove(sent: &Credentials<'_>, ground: &Ground<'_>) -> Option<Proof> {
    let account = ground.account;
    let usable = account.filter(|account| may_log_in(account) && !account.password.is_empty());
    let password = usable.map_or(NO_PASSWORD, |account| account.password.expose());
    let pin = account.filter(|a| ground.pin_counts && may_log_in(a) && !a.pin.is_empty());
    let pin_text = pin.map_or(NO_PASSWORD, |account| account.pin.expose());
    let nonces: Vec<&str> = match (ground.nonce, sent.nonce) {
        (Some(Taken::Fresh(text) | Taken::Again(text)), Some(prefix)) => vec![text, prefix],
        _ => Vec::new(),
    };
    let by_clear = sent.password.as_ref().map(|clear| {
        let (right, by_pin) = (same_text(clear.expose(), password), same_text(clear.expose(), pin_text));
        (right && usable.is_some()) || (by_pin && pin.is_some())
    });
    let by_digest = sent.digest.as_ref().map(|digest| {
        let digest = digest.as_ref();
        digest
            .and_then(|digest| digest_proof(sent, digest, password, ground.salts, &nonces))
            .filter(|_| usable.is_some())
    });
    // A PIN alone found its account by being its PIN.
    let by_pin = sent.pin.as_ref().filter(|_| sent.id.is_none()).map(|_| account.is_some_and(may_log_in));
    let all_right =
        by_clear.unwrap_or(true) && by_digest.is_none_or(|right| right.is_some()) && by_pin.unwrap_or(true);
    let any = by_clear.is_some() || by_digest.is_some() || by_pin.is_some();
    if !(all_right && any) {
        return None;
    }
    let over_nonce = by_digest.flatten().unwrap_or(false) || (by_clear.is_some() && ground.nonce.is_some());
    Some(if over_nonce { Proof::Nonce } else { Proof::Password })
}

#[cfg(test)]
mod tests {
    use strowger_model::{AccountId, AccountKind, Secret};

    use super::super::Digest;
    use super::super::formula::work;
    use super::*;

    fn account(password: &str, active: bool) -> Account {
        let mut account = Account::new(AccountId(5), AccountKind::Enduser, "alice");
        account.password = Secret::new(password);
        account.active = active;
        account
    }

    /// Every kind of credential that names an account.
    fn shown() -> Vec<Credentials<'static>> {
        let digest = |v3| Some(Some(Digest { value: [7; 16], v3 }));
        let named = Credentials { id: Some("alice"), ..Credentials::default() };
        vec![
            Credentials { password: Some(Secret::new("wrong")), ..named.clone() },
            Credentials { digest: digest(false), salt1: "s", ..named.clone() },
            Credentials { digest: digest(true), salt1: "s", salt2: "t", ..named.clone() },
            Credentials { digest: digest(false), nonce: Some("abcdefghij"), ..named.clone() },
            Credentials { digest: digest(false), password: Some(Secret::new("wrong")), ..named.clone() },
            Credentials { digest: Some(None), ..named },
        ]
    }

    #[test]
    fn an_unknown_user_costs_exactly_the_work_of_a_wrong_password() {
        let (known, disabled, empty) = (account("secret", true), account("secret", false), account("", true));
        let taken = Taken::Fresh("abcdefghijklmnop".into());
        for alternative in [false, true] {
            for pin_counts in [false, true] {
                for sent in shown() {
                    let salts = Salts { server: "S", old: "87159643", alternative };
                    let nonce = sent.nonce.is_some().then_some(&taken);
                    let cost = |account| {
                        let ground = Ground { account, pin_counts, nonce, salts };
                        work::measure(|| assert_eq!(prove(&sent, &ground), None))
                    };
                    let of_known = cost(Some(&known));
                    assert_eq!(cost(None), of_known, "unknown: {sent:?}");
                    assert_eq!(cost(Some(&disabled)), of_known, "disabled: {sent:?}");
                    assert_eq!(cost(Some(&empty)), of_known, "without a password: {sent:?}");
                    assert!(sent.digest == Some(None) || of_known > 0, "{sent:?}");
                }
            }
        }
    }

    #[test]
    fn a_right_password_of_a_disabled_account_proves_nothing() {
        let sent = Credentials {
            id: Some("alice"),
            password: Some(Secret::new("secret")),
            ..Credentials::default()
        };
        let of = |account: Account| {
            let ground =
                Ground { account: Some(&account), pin_counts: false, nonce: None, salts: Salts::default() };
            prove(&sent, &ground)
        };
        assert_eq!(of(account("secret", true)), Some(Proof::Password));
        assert_eq!(of(account("secret", false)), None);
        assert_eq!(of(account("", true)), None);
    }
}
