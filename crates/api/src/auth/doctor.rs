//! Why an `authmd5` or a password is wrong: every formula is computed again with ingredients left out, swapped,
//! damaged or taken from elsewhere, until one makes what was sent. For administrators only. It says which
//! ingredient is wrong, never what it is.

use md5::{Digest as _, Md5};
use strowger_model::{Account, Secret};

use super::apikey::hex;
use super::{Credentials, Salts};

/// An ingredient as it may have been used, and what would be wrong with that; nothing where it is as it should be.
type Ingredient = (String, &'static str);

/// What is known to the server, besides the request.
pub struct Known<'a> {
    /// The account that was named.
    pub account: &'a Account,
    /// What the server adds.
    pub salts: Salts<'a>,
    /// `apiv2key`: clients take it for the salt.
    pub key: &'a str,
    /// The nonce as it was issued, where one was sent that is good.
    pub nonce: Option<&'a str>,
    /// A nonce is demanded.
    pub demanded: bool,
}

/// One way to the digest that was sent.
struct Match {
    formula: &'static str,
    faults: Vec<&'static str>,
}

/// The best explanation so far.
struct Search {
    wanted: [u8; 16],
    best: Option<Match>,
}

impl Search {
    fn fewest(&self) -> usize {
        self.best.as_ref().map_or(usize::MAX, |found| found.faults.len())
    }

    /// Compares one candidate; `faults` may hold empty texts.
    fn compare(&mut self, formula: &'static str, parts: &[&str], faults: &[&'static str]) {
        let count = faults.iter().filter(|fault| !fault.is_empty()).count();
        if count < self.fewest() && md5(parts) == self.wanted {
            let faults = faults.iter().copied().filter(|fault| !fault.is_empty()).collect();
            self.best = Some(Match { formula, faults });
        }
    }
}

fn md5(parts: &[&str]) -> [u8; 16] {
    let mut hash = Md5::new();
    parts.iter().for_each(|part| hash.update(part.as_bytes()));
    hash.finalize().into()
}

/// What is to be said about the digest of a request, one sentence each.
pub fn explain_digest(sent: &Credentials<'_>, known: &Known<'_>) -> Vec<String> {
    let digest = match &sent.digest {
        None => return Vec::new(),
        Some(None) => {
            return vec![
                "authmd5 is no MD5 digest: 32 hexadecimal digits, before them authv3_ for the v3 formula"
                    .into(),
            ];
        }
        Some(Some(digest)) => digest,
    };
    let mut search = Search { wanted: digest.value, best: None };
    new_formula(sent, known, &mut search);
    third_formula(sent, known, digest.v3, &mut search);
    old_formulas(sent, known, &mut search);
    let Some(found) = search.best else {
        return vec![
            "no formula makes this authmd5 from the stored password, whatever salt is left out, added or swapped: the \
             client has another password, or a salt that it did not send"
                .into(),
        ];
    };
    let mut said = vec![format!("authmd5 is the {} formula", found.formula)];
    said.extend(found.faults.iter().map(|fault| format!("wrong: {fault}")));
    said
}

/// What is to be said about a clear password that is wrong.
pub fn explain_password(sent: &Credentials<'_>, known: &Known<'_>) -> Vec<String> {
    let Some(clear) = sent.password.as_ref().map(Secret::expose) else { return Vec::new() };
    let stored = known.account.password.expose();
    let like = |text: &str| text == stored;
    let said = if like(clear) {
        "authpwd is the account's password"
    } else if stored.is_empty() {
        "wrong: the account has no password, so that nobody can log in"
    } else if clear.to_lowercase() == stored.to_lowercase() {
        "wrong: authpwd has the password in another case"
    } else if like(clear.trim()) {
        "wrong: authpwd has spaces around the password"
    } else if like(&decoded(clear)) {
        "wrong: authpwd is percent-encoded once too often"
    } else if like(&clear.replace(' ', "+")) {
        "wrong: a + of the password was read as a space: send %2B"
    } else if like(&clear.replace('+', " ")) {
        "wrong: a space of the password was sent as +: send %20"
    } else if decoded(stored) == clear {
        "wrong: a % of the password was read as an escape: send %25"
    } else if stored.starts_with(clear) {
        "wrong: authpwd is only the beginning of the password: an & or # in it ends the parameter, send %26 or %23"
    } else if !known.account.pin.is_empty() && clear == known.account.pin.expose() {
        "wrong: authpwd is the account's PIN, which does not count here (apialtauth, req_user_mode)"
    } else if clear.eq_ignore_ascii_case(&hex(&md5(&[stored]))) {
        "wrong: authpwd is the MD5 of the password; a digest goes into authmd5"
    } else {
        "wrong: authpwd is another password"
    };
    vec![said.into()]
}

fn ids(sent: &Credentials<'_>, known: &Known<'_>) -> Vec<Ingredient> {
    let id = sent.id.unwrap_or_default().to_owned();
    let mut all = vec![(id.clone(), "")];
    let mut add = |text: String, what| {
        if all.iter().all(|(known, _)| *known != text) {
            all.push((text, what));
        }
    };
    add(
        known.account.username.to_string(),
        "the digest was made with the username as it is stored, authid is spelt otherwise",
    );
    add(id.to_lowercase(), "the digest was made with authid in lower case");
    add(id.to_uppercase(), "the digest was made with authid in upper case");
    add(known.account.id.to_string(), "the digest was made with the account's number");
    add(encoded(&id), "the digest was made with a percent-encoded authid");
    add(String::new(), "authid is missing in the digest");
    all
}

fn passwords(known: &Known<'_>) -> Vec<Ingredient> {
    let stored = known.account.password.expose();
    let mut all = vec![(stored.to_owned(), "")];
    let mut add = |text: String, what| {
        if all.iter().all(|(known, _)| *known != text) {
            all.push((text, what));
        }
    };
    add(stored.to_lowercase(), "the client has the password in lower case");
    add(stored.to_uppercase(), "the client has the password in upper case");
    add(other_case_of_first(stored), "the first letter of the client's password is of another case");
    add(encoded(stored), "the digest was made with the percent-encoded password");
    add(stored.replace('+', " "), "a + of the password became a space at the client");
    add(decoded(stored), "a % of the password was read as an escape at the client");
    add(format!("{stored} "), "the client's password has a space behind it");
    add(format!("{stored}\n"), "the client's password has a line end behind it");
    add(String::new(), "the password is missing in the digest");
    add(hex(&md5(&[stored])), "the digest was made with the MD5 of the password");
    if !known.account.pin.is_empty() {
        add(known.account.pin.expose().to_owned(), "the digest was made with the PIN");
    }
    all
}

fn other_case_of_first(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars
        .next()
        .map(|c| if c.is_lowercase() { c.to_uppercase().to_string() } else { c.to_lowercase().to_string() });
    first.unwrap_or_default() + chars.as_str()
}

fn server_salts(known: &Known<'_>) -> Vec<Ingredient> {
    let mut all = vec![(known.salts.server.to_owned(), "")];
    let mut add = |text: &str, what| {
        if all.iter().all(|(known, _)| known != text) {
            all.push((text.to_owned(), what));
        }
    };
    add("", "the server's salt (apiv2md5salt) is missing in the digest");
    add(known.salts.old, "httpapimd5salt was used in place of apiv2md5salt");
    add(known.key, "the API key was used in place of apiv2md5salt");
    all
}

fn client_salts(sent: &Credentials<'_>) -> Vec<Ingredient> {
    let mut all = vec![(sent.salt1.to_owned(), "")];
    let mut add = |text: String, what| {
        if all.iter().all(|(known, _)| *known != text) {
            all.push((text, what));
        }
    };
    add(String::new(), "authsalt1 was sent and is missing in the digest");
    add(sent.salt2.to_owned(), "authsalt2 was used in place of authsalt1");
    add(
        sent.salt.unwrap_or_default().to_owned(),
        "the parameter salt was used, it must be sent as authsalt1",
    );
    add(
        encoded(sent.salt1),
        "the digest was made with a percent-encoded authsalt1: send it encoded once more, or plain characters",
    );
    add(sent.salt1.replace('+', " "), "a + of authsalt1 was a space at the client");
    all
}

fn nonces(sent: &Credentials<'_>, known: &Known<'_>) -> Vec<Ingredient> {
    let Some(full) = known.nonce else {
        let mut all = vec![(String::new(), "")];
        if let Some(sent) = sent.nonce {
            all.push((sent.to_owned(), "the nonce is not good any more (see above)"));
        }
        return all;
    };
    let prefix = sent.nonce.unwrap_or_default().to_owned();
    let mut all = vec![(full.to_owned(), "")];
    if prefix != full {
        // Both the whole nonce and what was sent of it are accepted.
        all.push((prefix, ""));
    }
    let missing = if known.demanded { "the nonce is missing in the digest, and one is demanded" } else { "" };
    all.push((String::new(), missing));
    let ten = full.get(..10).unwrap_or(full).to_owned();
    if all.iter().all(|(text, _)| *text != ten) {
        all.push((ten, "the digest was made with ten characters of the nonce, and others were sent"));
    }
    all.push((format!("{full}EOF"), "the EOF behind the nonce does not belong to it"));
    all
}

fn new_formula(sent: &Credentials<'_>, known: &Known<'_>, search: &mut Search) {
    const SWAPPED: &str = "authid and password are swapped: ck5Gp, authid, password, server salt, authsalt1";
    const SALTS: &str = "the salts are swapped: the server's salt stands before authsalt1";
    const COLONS: &str = "colons between the parts: the new formula has none";
    const PREFIX: &str = "the text ck5Gp at the beginning is missing";
    const CASE: &str = "ck5Gp is spelt in another case";
    for (id, a) in &ids(sent, known) {
        for (password, b) in &passwords(known) {
            for (server, c) in &server_salts(known) {
                for (salt, d) in &client_salts(sent) {
                    for (nonce, e) in &nonces(sent, known) {
                        let (id, password, server, salt, nonce) =
                            (&**id, &**password, &**server, &**salt, &**nonce);
                        let mut with =
                            |parts: &[&str], f| search.compare("new (ck5Gp)", parts, &[a, b, c, d, e, f]);
                        with(&["ck5Gp", id, password, server, salt, nonce], "");
                        with(&["ck5Gp", password, id, server, salt, nonce], SWAPPED);
                        with(&["ck5Gp", id, password, salt, server, nonce], SALTS);
                        with(&["ck5Gp", ":", id, ":", password, ":", server, ":", salt, nonce], COLONS);
                        with(&[id, password, server, salt, nonce], PREFIX);
                        with(&["ck5gp", id, password, server, salt, nonce], CASE);
                    }
                }
            }
        }
    }
}

fn third_formula(sent: &Credentials<'_>, known: &Known<'_>, marked: bool, search: &mut Search) {
    const SALTS: &str = "authsalt2 and the server's salt are swapped in the outer digest";
    const SECOND: &str = "authsalt2 was sent and is missing in the digest";
    let mark = if marked { "" } else { "authv3_ is missing before the digest" };
    for (id, a) in &ids(sent, known) {
        for (password, b) in &passwords(known) {
            for (salt, d) in &client_salts(sent) {
                let inner = hex(&md5(&["tU29m", id, password, salt]));
                for inner in [inner.to_ascii_uppercase(), inner] {
                    for (server, c) in &server_salts(known) {
                        for (nonce, e) in &nonces(sent, known) {
                            let second = sent.salt2;
                            let mut with = |parts: &[&str], f| {
                                search.compare("v3 (tU29m)", parts, &[a, b, c, d, e, mark, f]);
                            };
                            with(&[&inner, second, server, nonce], "");
                            with(&[&inner, server, second, nonce], SALTS);
                            with(&[&inner, server, nonce], SECOND);
                        }
                    }
                }
            }
        }
    }
}

fn old_formulas(sent: &Credentials<'_>, known: &Known<'_>, search: &mut Search) {
    let demanded = if known.demanded { "a nonce is demanded, which this formula does not have" } else { "" };
    let normal =
        if known.salts.alternative { "" } else { "apialtauth does not allow this formula: use the new one" };
    let mut salts = vec![(sent.salt.unwrap_or(known.salts.old).to_owned(), "")];
    salts.push((known.salts.old.to_owned(), "httpapimd5salt was used, though a salt was sent"));
    salts.push((known.salts.server.to_owned(), "apiv2md5salt was used in place of httpapimd5salt"));
    salts.push((String::new(), "the salt is missing in the digest"));
    let web_salt = sent.salt.unwrap_or_default().to_owned();
    for (id, a) in &ids(sent, known) {
        for (password, b) in &passwords(known) {
            for (salt, c) in &salts {
                for prefix in ["rd58s", "rD58s"] {
                    search.compare(
                        "old (rD58s)",
                        &[prefix, ":", id, ":", password, ":", salt],
                        &[a, b, c, demanded],
                    );
                    let colons = "the old formula has colons between its parts";
                    search.compare(
                        "old (rD58s)",
                        &[prefix, id, password, salt],
                        &[a, b, c, demanded, colons],
                    );
                }
                search.compare("web (C8y5)", &["C8y5:", id, ":", password, ":", salt], &[a, b, c, demanded]);
            }
            let faults = [*a, *b, demanded, normal];
            search.compare("web (C8y5)", &["C8y5:", id, ":", password, ":", &web_salt], &[a, b, demanded]);
            search.compare("normal", &[id, ":", password, ":", &web_salt], &faults);
            search.compare("normal", &[id, password, &web_salt], &faults);
            search.compare("simple", &[id, ":", password], &faults);
            search.compare("simple", &[id, password], &faults);
        }
    }
}

/// A text as a careful client writes it into a query.
fn encoded(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

fn decoded(text: &str) -> String {
    percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use strowger_model::{AccountId, AccountKind};

    use super::super::Digest;
    use super::*;

    const PASSWORD: &str = "Pass+word%41";
    const SALTS: Salts<'_> = Salts { server: "SRV", old: "87159643", alternative: false };
    const NONCE: &str = "abcdefghijklmnop";

    fn account() -> Account {
        let mut account = Account::new(AccountId(42), AccountKind::Enduser, "Alice");
        account.password = Secret::new(PASSWORD);
        account.pin = Secret::new("4711");
        account
    }

    fn of<'a>(text: &str, nonce: Option<&'a str>) -> Credentials<'a> {
        Credentials {
            id: Some("alice"),
            digest: Some(Digest::parse(text)),
            salt1: "s1",
            salt2: "s2",
            salt: Some("s1"),
            nonce,
            ..Credentials::default()
        }
    }

    fn said(sent: &Credentials<'_>, nonce: Option<&str>, demanded: bool) -> String {
        let account = account();
        let known = Known { account: &account, salts: SALTS, key: "KEY", nonce, demanded };
        explain_digest(sent, &known).join("; ")
    }

    fn made(parts: &str) -> String {
        hex(&md5(&[parts]))
    }

    #[test]
    fn the_wrong_ingredient_is_named() {
        let v3 = |outer: &str| made(&format!("{}{outer}", made("tU29malicePass+word%41s1")));
        for (digest, nonce, demanded, wanted) in [
            (made("ck5GpalicePass+word%41SRVs1"), None, false, "authmd5 is the new (ck5Gp) formula"),
            (made("ck5GpalicePass+word%41s1"), None, false, "server's salt (apiv2md5salt) is missing"),
            (made("ck5GpalicePass+word%41SRV"), None, false, "authsalt1 was sent and is missing"),
            (made("ck5GpalicePass+word%41KEYs1"), None, false, "API key was used in place"),
            (made("ck5GpalicePass+word%4187159643s1"), None, false, "httpapimd5salt was used in place"),
            (made("ck5GpPass+word%41aliceSRVs1"), None, false, "authid and password are swapped"),
            (made("ck5GpalicePass+word%41s1SRV"), None, false, "the salts are swapped"),
            (made("ck5Gp:alice:Pass+word%41:SRV:s1"), None, false, "colons between the parts"),
            (made("alicePass+word%41SRVs1"), None, false, "ck5Gp at the beginning is missing"),
            (made("ck5GpAlicePass+word%41SRVs1"), None, false, "username as it is stored"),
            (made("ck5Gp42Pass+word%41SRVs1"), None, false, "account's number"),
            (made("ck5Gpalicepass+word%41SRVs1"), None, false, "password in lower case"),
            (made("ck5GpalicePASS+WORD%41SRVs1"), None, false, "password in upper case"),
            (made("ck5Gpalicepass+word%41SRVs1"), None, false, "lower case"),
            (made("ck5GpalicePass word%41SRVs1"), None, false, "a + of the password became a space"),
            (made("ck5GpalicePass+wordASRVs1"), None, false, "a % of the password was read as an escape"),
            (made("ck5GpalicePass%2Bword%2541SRVs1"), None, false, "percent-encoded password"),
            (made("ck5Gpalice4711SRVs1"), None, false, "made with the PIN"),
            (made(&format!("ck5GpalicePass+word%41SRVs1{NONCE}")), Some(NONCE), true, "new (ck5Gp) formula"),
            (made("ck5GpalicePass+word%41SRVs1"), Some(NONCE), true, "nonce is missing in the digest"),
            (
                made(&format!("ck5GpalicePass+word%41SRVs1{NONCE}EOF")),
                Some(NONCE),
                true,
                "EOF behind the nonce",
            ),
            (format!("authv3_{}", v3("s2SRV")), None, false, "authmd5 is the v3 (tU29m) formula"),
            (v3("s2SRV"), None, false, "authv3_ is missing"),
            (format!("authv3_{}", v3("SRVs2")), None, false, "authsalt2 and the server's salt are swapped"),
            (format!("authv3_{}", v3("SRV")), None, false, "authsalt2 was sent and is missing"),
            (format!("authv3_{}", v3("s2")), None, false, "server's salt (apiv2md5salt) is missing"),
            (
                made("rD58s:alice:Pass+word%41:87159643"),
                None,
                false,
                "httpapimd5salt was used, though a salt",
            ),
            (made("rd58salicePass+word%41s1"), None, false, "the old formula has colons"),
            (made("alice:Pass+word%41"), None, false, "apialtauth does not allow"),
            (made("something else"), None, false, "no formula makes this authmd5"),
            ("zz".into(), None, false, "authmd5 is no MD5 digest"),
        ] {
            let got = said(&of(&digest, nonce), nonce, demanded);
            assert!(got.contains(wanted), "wanted {wanted}\n got {got}");
            assert!(!got.contains("word"[..4].trim_end_matches('d')) || !got.contains(PASSWORD), "{got}");
            assert!(!got.contains("SRV") && !got.contains("4711") && !got.contains(PASSWORD), "{got}");
        }
    }

    #[test]
    fn a_right_digest_has_no_fault() {
        assert_eq!(
            said(&of(&made("ck5GpalicePass+word%41SRVs1"), None), None, false),
            "authmd5 is the new (ck5Gp) formula"
        );
    }

    #[test]
    fn two_faults_are_both_named() {
        let got = said(&of(&made("ck5Gpalicepass+word%41s1"), None), None, false);
        assert!(got.contains("apiv2md5salt) is missing") && got.contains("lower case"), "{got}");
    }

    #[test]
    fn a_clear_password_is_compared_with_what_it_may_have_become() {
        let account = account();
        let known = Known { account: &account, salts: SALTS, key: "KEY", nonce: None, demanded: false };
        for (clear, wanted) in [
            (PASSWORD, "is the account's password"),
            ("pASS+WORD%41", "another case"),
            (" Pass+word%41 ", "spaces around"),
            ("Pass%2Bword%2541", "once too often"),
            ("Pass word%41", "read as a space"),
            ("Pass+wordA", "read as an escape"),
            ("Pass", "only the beginning"),
            ("4711", "PIN"),
            ("other", "another password"),
        ] {
            let sent = Credentials { password: Some(Secret::new(clear)), ..Credentials::default() };
            let got = explain_password(&sent, &known).join("; ");
            assert!(got.contains(wanted) && !got.contains(PASSWORD), "{clear}: {got}");
        }
    }
}
