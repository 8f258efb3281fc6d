//! Every value of every setting of authentication, and of the columns of `tb_api`, against a real exchange: who is
//! answered, and who is not.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic")]

mod common;

use common::{Exchange, origin, text};
use strowger_api::{ConsoleUser, Request, Transport};

const HERE: &str = "127.0.0.1";
const LAN: &str = "10.1.2.3";
const TRUSTED: &str = "192.0.2.10";
const LISTED: &str = "203.0.113.9";
const FAR: &str = "198.51.100.7";

/// A sensitive command, one of administrators, one of users; each with its administrator's or user's credentials.
const SENSITIVE: &str = "?authkey=K&authid=admin&authpwd=admin-7&apientry=db&sql=select 1";
const VERSION: &str = "?authkey=K&authid=admin&authpwd=admin-7&apientry=version";
const NOBODYS: &str = "?authkey=K&apientry=version";
const BALANCE: &str = "?authkey=K&authid=alice&authpwd=pa&apientry=balance";

const OK: &str = "";
const ADDRESS: &str = "ERROR: access denied: not from this address";
const WRONG: &str = "ERROR: auth failed: wrong user or password DISPLAY";
const NONCE: &str = "ERROR: new nonce is:";
const ADMINS: &str = "ERROR: access denied: administrators only";

async fn exchange(settings: &[(&str, &str)]) -> Exchange {
    let exchange = Exchange::new(settings).await;
    for user in [
        "apientry=newuseri&u_username=alice&u_password=pa&credit=10",
        "apientry=newuseri&u_username=bob&u_password=pb",
        "apientry=newuseri&u_username=rita&u_password=pr&u_type=1",
        "apientry=newuseri&u_username=sam&u_password=ps&u_type=14",
    ] {
        let made = exchange.console(user).await;
        assert!(made.starts_with("OK"), "{user}: {made}");
    }
    exchange
}

trait Local {
    async fn console(&self, query: &str) -> String;
}

impl Local for Exchange {
    /// What the socket in the data folder may do, whatever is configured.
    async fn console(&self, query: &str) -> String {
        let request = Request::console(
            origin(HERE, Transport::Console),
            &ConsoleUser::local_root(),
            &format!("/mvapireq/?{query}"),
        );
        text(&self.api.answer(request).await)
    }
}

/// Asks from an address over TCP; an empty expectation is any success.
async fn check(exchange: &Exchange, what: &str, cases: &[(&str, &str, &str)]) {
    for (peer, line, wanted) in cases {
        let got = exchange.line_from(peer, Transport::Tcp, line).await;
        let fits = if wanted.is_empty() { !got.starts_with("ERROR") } else { got.starts_with(wanted) };
        assert!(fits, "{what}: {peer} {line}\n wanted {wanted:?}\n got    {got}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn addresses() {
    for (settings, here, trusted, lan, listed, far) in [
        (&[] as &[(&str, &str)], OK, OK, ADDRESS, OK, ADDRESS),
        (&[("allowtrustedip", "0")], ADDRESS, ADDRESS, ADDRESS, OK, ADDRESS),
        (&[("allowtrustedip", "1"), ("trustlanip", "true")], OK, OK, ADDRESS, OK, ADDRESS),
        (&[("allowtrustedip", "2"), ("trustlanip", "true")], OK, OK, OK, OK, ADDRESS),
        (&[("allowtrustedip", "3"), ("trustlanip", "true")], OK, OK, OK, OK, ADDRESS),
        (&[("allowtrustedip", "4"), ("trustlanip", "true")], OK, OK, OK, OK, ADDRESS),
        (&[("allowtrustedip", "3"), ("trustlanip", "false")], OK, OK, ADDRESS, OK, ADDRESS),
    ] {
        let mut all = vec![("trustediplist", TRUSTED), ("apiv2ipauth", "203.0.113.0/24")];
        all.extend_from_slice(settings);
        let exchange = Exchange::new(&all).await;
        let cases = [(HERE, here), (TRUSTED, trusted), (LAN, lan), (LISTED, listed), (FAR, far)]
            .map(|(peer, wanted)| (peer, SENSITIVE, wanted));
        check(&exchange, &format!("{settings:?}"), &cases).await;
        // By UDP no address counts.
        for peer in [HERE, TRUSTED, LAN, LISTED, FAR] {
            let got = exchange.line_from(peer, Transport::Udp, SENSITIVE).await;
            assert_eq!(got, "ERROR: access denied: not over UDP", "{peer}");
        }
        exchange.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn apitrustediponly() {
    for (value, far) in [("false", OK), ("true", ADDRESS)] {
        let exchange = exchange(&[("apitrustediponly", value), ("apiv2ipauth", LISTED)]).await;
        check(
            &exchange,
            value,
            &[(HERE, BALANCE, OK), (LISTED, BALANCE, OK), (FAR, BALANCE, far), (FAR, "apitest1", far)],
        )
        .await;
        exchange.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn apideftrustadmin() {
    for (value, near_admin, near_nobody, far_admin, far_nobody) in [
        ("0", ADMINS, WRONG, ADMINS, WRONG),
        ("1", OK, OK, OK, WRONG),
        ("2", OK, OK, ADDRESS, WRONG),
        ("3", OK, WRONG, OK, WRONG),
        ("4", OK, WRONG, ADDRESS, WRONG),
    ] {
        let exchange = exchange(&[("apideftrustadmin", value)]).await;
        check(
            &exchange,
            value,
            &[
                (HERE, VERSION, near_admin),
                (HERE, NOBODYS, near_nobody),
                (FAR, VERSION, far_admin),
                (FAR, NOBODYS, far_nobody),
                // Wrong credentials fail from everywhere.
                (HERE, "?authkey=K&authid=admin&authpwd=no&apientry=version", WRONG),
                (HERE, BALANCE, OK),
            ],
        )
        .await;
        assert!(exchange.console("apientry=version").await.starts_with("OK"), "{value}");
        exchange.stop().await;
    }
}

fn authmd5(parts: &str) -> String {
    use md5::{Digest, Md5};
    Md5::digest(parts.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn apialtauth_and_needauth() {
    let plain = format!("?authkey=K&authid=alice&authmd5={}&apientry=balance", authmd5("alicepa"));
    let salted =
        format!("?authkey=K&authid=alice&authmd5={}&authsalt2=x&apientry=balance", authmd5("alicepa"));
    const PIN: &str = "?authkey=K&authid=alice&authpwd=4711&apientry=balance";
    const NAME: &str = "?authkey=K&authid=bob&apientry=balance";
    const ADMINS_NAME: &str = "?authkey=K&authid=admin&apientry=version";
    for (value, plain_md5, with_better, pin, name) in
        [("0", WRONG, WRONG, WRONG, WRONG), ("1", OK, OK, OK, OK), ("-1", OK, WRONG, OK, OK)]
    {
        let exchange = exchange(&[("apialtauth", value)]).await;
        exchange.console("apientry=db&sql=update tb_users set pin='4711' where username='alice'").await;
        exchange.console("apientry=db&sql=update tb_users set needauth=5 where username='bob'").await;
        exchange.console("apientry=db&sql=update tb_users set needauth=5 where username='admin'").await;
        check(
            &exchange,
            value,
            &[
                (FAR, &plain, plain_md5),
                (FAR, &salted, with_better),
                (FAR, PIN, pin),
                (FAR, NAME, name),
                (FAR, ADMINS_NAME, WRONG),
                (FAR, BALANCE, OK),
            ],
        )
        .await;
        let sql = format!("update tb_users set needauth=1, authip='{LISTED}' where username='bob'");
        exchange.console(&format!("apientry=db&sql={sql}")).await;
        check(&exchange, value, &[(LISTED, NAME, name), (FAR, NAME, WRONG)]).await;
        let by_udp = exchange.line_from(LISTED, Transport::Udp, NAME).await;
        assert!(by_udp.starts_with("ERROR: auth failed"), "{value}: {by_udp}");
        exchange.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn apiv2auth() {
    const NAME: &str = "?authkey=K&authid=alice&apientry=balance";
    const NAME_WRITES: &str = "?authkey=K&authid=alice&apientry=changepwd&newpassword=x&oldpassword=pa";
    const PIN: &str = "?authkey=K&pin=4711&apientry=balance";
    const CARD: &str = "?authkey=K&pin=4712&apientry=balance";
    for (value, name, pin, card) in
        [("0", WRONG, WRONG, OK), ("2", WRONG, WRONG, OK), ("4", OK, OK, OK), ("6", WRONG, WRONG, WRONG)]
    {
        let exchange = exchange(&[("apiv2auth", value)]).await;
        exchange.console("apientry=db&sql=update tb_users set pin='4711' where username='alice'").await;
        exchange.console("apientry=db&sql=update tb_users set pin='4712', type=3 where username='bob'").await;
        check(
            &exchange,
            value,
            &[
                (FAR, BALANCE, OK),
                (FAR, NAME, name),
                (FAR, NAME_WRITES, WRONG),
                (FAR, PIN, pin),
                (FAR, CARD, card),
                // A name is never an administrator.
                (FAR, "?authkey=K&authid=admin&apientry=version", if value == "4" { ADMINS } else { WRONG }),
            ],
        )
        .await;
        exchange.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn apidefneedlogin() {
    const LOGIN: &str = "?authkey=K&authid=alice&authpwd=pa&apientry=login";
    for (value, near, far, far_after_login, elsewhere_after_login, token_elsewhere) in [
        ("0", OK, OK, OK, OK, OK),
        ("1", OK, NONCE, OK, OK, OK),
        ("2", NONCE, NONCE, NONCE, NONCE, OK),
        ("3", NONCE, NONCE, OK, NONCE, NONCE),
    ] {
        let exchange = exchange(&[("apidefneedlogin", value)]).await;
        check(&exchange, value, &[(HERE, BALANCE, near), (FAR, BALANCE, far)]).await;
        // The nonce of the refusal, or of preauth, is what is asked for.
        let preauth = exchange.line_from(FAR, Transport::Tcp, "?authkey=K&apientry=preauth").await;
        let nonce = preauth.strip_prefix("OK: new nonce is:").unwrap().strip_suffix("EOF").unwrap();
        check(&exchange, value, &[(FAR, &format!("{BALANCE}&nonce={}", &nonce[..10]), OK)]).await;
        let answer = exchange.line_from(FAR, Transport::Tcp, &format!("{LOGIN}&nonce={nonce}")).await;
        let token = answer.rsplit_once("token:").unwrap_or_else(|| panic!("{value}: {answer}")).1.to_owned();
        let by_token = format!("?token={token}&apientry=balance");
        check(
            &exchange,
            value,
            &[
                (FAR, BALANCE, far_after_login),
                (LISTED, BALANCE, elsewhere_after_login),
                (FAR, &by_token, OK),
                (LISTED, &by_token, token_elsewhere),
            ],
        )
        .await;
        exchange.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn remoteadmin() {
    // An address of this machine that is no loopback one, where it has any.
    let own = strowger_switch::interfaces().unwrap().into_iter().map(|one| one.address);
    let is_plain = |address: &std::net::IpAddr| address.is_ipv4() && !address.is_loopback();
    let own = own.into_iter().find(is_plain).map_or("127.0.0.3".to_owned(), |address| address.to_string());
    for (value, reachable) in [
        ("0", [false, false, false, false, false, false]),
        ("1", [true, false, false, false, false, false]),
        ("2", [true, true, true, false, false, false]),
        ("3", [true, true, true, true, false, false]),
        ("4", [true, true, true, true, true, false]),
        ("5", [true, true, true, true, true, true]),
    ] {
        let exchange = Exchange::new(&[("remoteadmin", value), ("trustediplist", TRUSTED)]).await;
        let got = [HERE, "127.0.0.2", &own, TRUSTED, LAN, FAR]
            .map(|peer| exchange.api.console_reachable(format!("{peer}:5000").parse().unwrap()));
        assert_eq!(got, reachable, "remoteadmin={value}");
        exchange.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn apitrustfromconsole() {
    let sensitive = "db select 1";
    for (settings, admin, support) in [
        (&[("apitrustfromconsole", "0")] as &[(&str, &str)], ADDRESS, ADMINS),
        (&[("apitrustfromconsole", "1")], OK, ADMINS),
        (&[("apitrustfromconsole", "2")], OK, OK),
        (&[("allowtrustedip", "4")], OK, ADMINS),
    ] {
        let mut all = vec![("remoteadmin", "5")];
        all.extend_from_slice(settings);
        let exchange = exchange(&all).await;
        for (name, password, wanted) in [("admin", "admin-7", admin), ("sam", "ps", support)] {
            let far = format!("{FAR}:5000").parse().unwrap();
            let user = exchange.api.console_login(far, name, password).await.unwrap();
            let request = Request::console(origin(FAR, Transport::Console), &user, sensitive);
            let got = text(&exchange.api.answer(request).await);
            let fits = if wanted.is_empty() { got.starts_with("OK") } else { got.starts_with(wanted) };
            assert!(fits, "{settings:?} {name}: {got}");
        }
        exchange.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_of_tb_api() {
    const KEYLESS: &str = "?authid=alice&authpwd=pa&apientry=balance";
    const NAME: &str = "?authkey=K&authid=alice&apientry=balance";
    const RITA: &str = "?authkey=K&authid=rita&authpwd=pr&apientry=balance";
    const SAM: &str = "?authkey=K&authid=sam&authpwd=ps&apientry=balance";
    const ROOT: &str = "?authkey=K&authid=admin&authpwd=admin-7&apientry=balance&targetuser=alice";
    let exchange = exchange(&[("apiv2ipauth", LISTED)]).await;
    let resellers = "ERROR: access denied: resellers and administrators only";
    for (columns, values, cases) in [
        ("req_key", "0", &[(FAR, KEYLESS, OK)] as &[(&str, &str, &str)]),
        ("req_key", "1", &[(FAR, KEYLESS, "ERROR: auth failed: wrong key NORETRY"), (FAR, BALANCE, OK)]),
        ("req_ip", "1", &[(FAR, BALANCE, ADDRESS), (LISTED, BALANCE, OK), (HERE, BALANCE, OK)]),
        ("req_ip", "0", &[(FAR, BALANCE, OK)]),
        ("req_user", "0", &[(FAR, BALANCE, OK), (FAR, NAME, WRONG)]),
        ("req_user", "2", &[(FAR, BALANCE, OK), (FAR, NAME, "ERROR: missing parameter: targetuser")]),
        (
            "req_user",
            "4",
            &[(FAR, BALANCE, "ERROR: access denied: general administrators only"), (FAR, ROOT, OK)],
        ),
        ("req_user", "6", &[(FAR, BALANCE, ADMINS), (FAR, SAM, ADMINS), (FAR, ROOT, OK)]),
        ("req_user", "8", &[(FAR, BALANCE, resellers), (FAR, RITA, OK), (FAR, ROOT, OK)]),
        (
            "req_user",
            "10",
            &[
                (FAR, RITA, "ERROR: access denied: support and administrators only"),
                (FAR, SAM, OK),
                (FAR, ROOT, OK),
            ],
        ),
        ("req_user", "11", &[(FAR, BALANCE, "ERROR: access denied: registered users only")]),
        ("req_user", "12", &[(FAR, BALANCE, OK), (FAR, NAME, WRONG)]),
        ("req_user", "14", &[(FAR, NAME, OK), (FAR, BALANCE, OK)]),
        ("req_user_mode", "2", &[(FAR, BALANCE, OK), (FAR, NAME, WRONG)]),
        ("req_user_mode", "4", &[(FAR, BALANCE, OK), (FAR, NAME, OK)]),
        ("req_user_mode", "6", &[(FAR, BALANCE, OK), (FAR, NAME, WRONG)]),
        ("req_user_credit", "0", &[(FAR, RITA, OK)]),
        ("req_user_credit", "1", &[(FAR, RITA, OK)]),
        ("req_user_credit", "2", &[(FAR, RITA, OK)]),
        (
            "req_user_credit",
            "10.5",
            &[(FAR, BALANCE, "ERROR: no credit: at least 10.5 is needed"), (FAR, ROOT, OK)],
        ),
        ("req_user_register", "0", &[(FAR, BALANCE, OK)]),
        ("req_user_register", "1", &[(FAR, BALANCE, "ERROR: access denied: registered users only")]),
        ("req_user_login", "0", &[(FAR, BALANCE, OK)]),
        ("req_user_login", "1", &[(FAR, BALANCE, NONCE), (HERE, BALANCE, OK)]),
        ("req_user_login", "2", &[(HERE, BALANCE, NONCE)]),
        ("enabled", "0", &[(FAR, ROOT, "ERROR: not available: switched off in tb_api")]),
        ("enabled", "1", &[(FAR, BALANCE, OK)]),
    ] {
        exchange.console("apientry=db&sql=delete from tb_api").await;
        let made = exchange
            .console(&format!(
                "apientry=db&sql=insert into tb_api (fname, {columns}) values ('balance', {values})"
            ))
            .await;
        assert_eq!(made, "OK: 1", "{columns}={values}");
        exchange.console("apientry=apireload").await;
        check(&exchange, &format!("{columns}={values}"), cases).await;
    }
    exchange.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_named_key_may_be_for_a_command_that_tb_api_makes() {
    let exchange = exchange(&[]).await;
    let row = "insert into tb_api (fname, customsql, req_user) values ('mine', 'select 1 as one', 12)";
    exchange.console(&format!("apientry=db&sql={row}")).await;
    exchange.console("apientry=apireload").await;
    let made = exchange.console("apientry=apikeyadd&name=web&scopes=mine").await;
    let key = made.strip_prefix("OK: name:web key:").unwrap_or_else(|| panic!("{made}")).to_owned();
    let with = |command: &str| format!("?authkey={key}&authid=alice&authpwd=pa&apientry={command}");
    check(
        &exchange,
        "mine",
        &[
            (FAR, &with("mine"), "OK: 2"),
            (FAR, &with("MINE"), "OK: 2"),
            (FAR, &with("balance"), "ERROR: access denied: key web is not for balance"),
        ],
    )
    .await;
    exchange.console("apientry=apikeyadd&name=users&scopes=access:user").await;
    let explained = exchange
        .console(&format!("apientry=authexplain&request=%3Fapientry%3Dmine%26authkey%3D{key}%26authid%3Dalice%26authpwd%3Dpa"))
        .await;
    assert!(
        explained.contains("key\tpass\tthe named key web") && explained.contains("it would run"),
        "{explained}"
    );
    exchange.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_key_and_the_server_salt() {
    for (key, salt, line_key, wanted) in [
        ("", "", "", OK),
        ("", "S", "&authkey=any", OK),
        ("K", "", "", "ERROR: auth failed: wrong key NORETRY"),
        ("K", "S", "&authkey=k", "ERROR: auth failed: wrong key NORETRY"),
        ("K", "S", "&authkey=K", OK),
    ] {
        let exchange = exchange(&[("apiv2key", key), ("apiv2md5salt", salt)]).await;
        let digest = authmd5(&format!("ck5Gpalicepa{salt}s1")).to_ascii_uppercase();
        let line = format!("?apientry=balance{line_key}&authid=alice&authsalt1=s1&authmd5={digest}");
        check(&exchange, &format!("key {key:?} salt {salt:?}"), &[(FAR, &line, wanted)]).await;
        exchange.stop().await;
    }
}

/// Names no account: whoever is let in is told so before the command does anything.
const NO_TARGET: &str = "&targetuser=no-such-account";
const TARGET: &str = "ERROR: not found: targetuser no-such-account";

/// Every cell of the committed matrix on a real exchange, level × command × source × transport: those that refuse do, and
/// those that let in do, commands that write too.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_matrix_is_what_happens() {
    let exchange = exchange(&[("trustediplist", TRUSTED)]).await;
    exchange.console("apientry=newuseri&u_username=olga&u_password=po&u_type=2").await;
    exchange.console("apientry=newuseri&u_username=adam&u_password=pad&u_type=15").await;
    let matrix = strowger_api::matrix();
    let (mut cells, mut let_in, mut all) = (0, 0, 0);
    for row in matrix.lines().skip(1) {
        let columns: Vec<&str> = row.split('\t').collect();
        let (name, account) = (columns[0], columns[2]);
        let command = strowger_api::find(name).unwrap();
        let credentials = match account {
            "nobody" => "",
            "enduser" => "&authid=alice&authpwd=pa",
            "reseller" => "&authid=rita&authpwd=pr",
            "owner" => "&authid=olga&authpwd=po",
            "support" => "&authid=sam&authpwd=ps",
            "admin" => "&authid=adam&authpwd=pad",
            _ => "&authid=admin&authpwd=admin-7",
        };
        let line = format!("?authkey=K{credentials}&apientry={name}");
        for (cell, (peer, transport)) in columns[3..].iter().zip([
            (HERE, Transport::Tcp),
            (TRUSTED, Transport::Tcp),
            (LAN, Transport::Tcp),
            (FAR, Transport::Tcp),
            (HERE, Transport::Udp),
            (TRUSTED, Transport::Udp),
            (LAN, Transport::Udp),
            (FAR, Transport::Udp),
        ]) {
            let refused = *cell == "-";
            all += 1;
            let reads = command.is_available() && command.effect == strowger_api::Effect::Read;
            if !refused {
                // What is let in comes as far as the account that it is for; money from afar as far as the nonce.
                let got = exchange.line_from(peer, transport, &format!("{line}{NO_TARGET}")).await;
                let afar = matches!(peer, LAN | FAR) || transport == Transport::Udp;
                let nonce = afar && command.effect == strowger_api::Effect::Money && got.starts_with(NONCE);
                assert!(got == TARGET || nonce, "{name} {account} {peer} {transport:?}: {got}");
                let_in += 1;
            }
            // Without parameters some commands do something: those are asked only where they must be refused.
            if !refused && !reads {
                continue;
            }
            let got = exchange.line_from(peer, transport, &line).await;
            let denied = ["ERROR: access denied", "ERROR: auth failed", NONCE]
                .iter()
                .any(|start| got.starts_with(start));
            assert_eq!(denied, refused, "{name} {account} {peer} {transport:?}: {got}");
            cells += 1;
        }
    }
    let refusing = matrix.lines().skip(1).flat_map(|row| row.split('\t').skip(3)).filter(|cell| *cell == "-");
    assert_eq!(refusing.count() + let_in, all, "no cell is left out");
    assert!(cells > 3_000, "{cells} cells were run");
    exchange.stop().await;
}
