//! Authentication against a real exchange: addresses, nonces, replay, sessions, bans, UDP, browsers.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic")]

mod common;

use common::{ADMIN, Exchange, origin, text};
use strowger_api::{ConsoleUser, Http, Request, Transport};

const USERS: [&str; 2] = [
    "apientry=newuseri&u_username=alice&u_password=pa&credit=10",
    "apientry=newuseri&u_username=bob&u_password=pb",
];
const FOREIGN: &str = "198.51.100.7";
const ELSEWHERE: &str = "198.51.100.8";

async fn exchange(settings: &[(&str, &str)]) -> Exchange {
    let exchange = Exchange::new(settings).await;
    for user in USERS {
        exchange.admin(user).await;
    }
    exchange
}

/// What the document's new formula makes of these parts.
fn authmd5(parts: &str) -> String {
    use md5::{Digest, Md5};
    Md5::digest(parts.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

async fn check(exchange: &Exchange, cases: &[(&str, Transport, &str, &str)]) {
    for (peer, transport, line, wanted) in cases {
        let got = exchange.line_from(peer, *transport, line).await;
        assert!(got.starts_with(wanted), "{peer} {transport:?} {line}\n wanted {wanted}\n got    {got}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sensitive_commands_need_the_address_and_the_administrator() {
    let exchange = exchange(&[("apiv2ipauth", "203.0.113.0/24")]).await;
    let line = format!("?{ADMIN}&apientry=db&sql=select top 1 username from tb_users");
    check(
        &exchange,
        &[
            ("127.0.0.1", Transport::Http, &line, "OK: 2"),
            ("127.0.0.2", Transport::Http, &line, "ERROR: access denied: not from this address"),
            (FOREIGN, Transport::Tcp, &line, "ERROR: access denied: not from this address"),
            ("203.0.113.9", Transport::Tcp, &line, "OK: 2"),
            ("127.0.0.1", Transport::Udp, &line, "ERROR: access denied: not over UDP"),
            (FOREIGN, Transport::Tcp, &format!("?{ADMIN}&apientry=version"), "OK: strowger"),
        ],
    )
    .await;
    exchange.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trusted_address_is_an_administrator_only_where_that_is_set() {
    let exchange = exchange(&[("apideftrustadmin", "1"), ("httpapiallowedip2", FOREIGN)]).await;
    let wrong = "?authkey=K&authid=admin&authpwd=no&apientry=version";
    check(
        &exchange,
        &[
            ("127.0.0.1", Transport::Http, "?authkey=K&apientry=version", "OK: strowger"),
            ("127.0.0.1", Transport::Http, wrong, "ERROR: auth failed: wrong user or password DISPLAY"),
            ("127.0.0.1", Transport::Udp, "?authkey=K&apientry=version", "ERROR: auth failed"),
            ("127.0.0.2", Transport::Http, "?authkey=K&apientry=version", "ERROR: auth failed"),
            (
                "127.0.0.1",
                Transport::Http,
                "?authkey=K&apientry=addcredit&usr=alice&credit=1",
                "OK: credit is 11",
            ),
        ],
    )
    .await;
    exchange.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_old_money_list_does_without_a_password() {
    let exchange = exchange(&[("httpapiallowedip2", FOREIGN), ("moneyneednonce", "false")]).await;
    check(
        &exchange,
        &[
            (FOREIGN, Transport::Http, "/xmapi/addcredit?key=K&usr=alice&credit=2&now", "OK"),
            (
                FOREIGN,
                Transport::Http,
                "?authkey=K&apientry=balance&authid=alice&authpwd=pa",
                "Your credit is $12",
            ),
            (
                ELSEWHERE,
                Transport::Http,
                "/xmapi/addcredit?key=K&usr=alice&credit=2&now",
                "ERROR:auth failed",
            ),
            (FOREIGN, Transport::Http, "?authkey=K&apientry=version", "ERROR: auth failed"),
            (FOREIGN, Transport::Http, "/xmapi/adduser?key=K&u_username=carol&u_password=pc&now", "OK"),
        ],
    )
    .await;
    exchange.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn money_from_elsewhere_needs_a_nonce_that_serves_once() {
    let exchange = exchange(&[("apiv2md5salt", "")]).await;
    let give = "apientry=transfercredit&username=bob&credit=1";
    let plain = format!("?authkey=K&authid=alice&authpwd=pa&{give}");
    let answer = exchange.line_from(FOREIGN, Transport::Tcp, &plain).await;
    let nonce = answer.strip_prefix("ERROR: new nonce is:").unwrap().strip_suffix("EOF").unwrap().to_owned();
    assert_eq!(nonce.len(), 16);
    let digest = authmd5(&format!("ck5Gpalicepas1{nonce}"));
    let line = format!("?authkey=K&authid=alice&authmd5={digest}&authsalt=s1&nonce={}&{give}", &nonce[..10]);
    let other = line.replace("credit=1", "credit=2");
    check(
        &exchange,
        &[
            (ELSEWHERE, Transport::Tcp, &line, "ERROR: new nonce is:"),
            (FOREIGN, Transport::Tcp, &line, "OK: credit is 9"),
            // The same request again has its effect once; another one needs another nonce.
            (FOREIGN, Transport::Tcp, &line, "OK: credit is 9"),
            (FOREIGN, Transport::Tcp, &other, "ERROR: new nonce is:"),
            (FOREIGN, Transport::Tls, &plain, "OK: credit is 8"),
            ("127.0.0.1", Transport::Tcp, &plain, "OK: credit is 7"),
        ],
    )
    .await;
    exchange.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_digest_that_spends_belongs_to_the_address_that_showed_it_first() {
    let exchange = exchange(&[("apiv2md5salt", "SRV")]).await;
    let digest = authmd5("ck5GpalicepaSRVs1");
    let with = |command: &str| format!("?authkey=K&authid=alice&authmd5={digest}&authsalt=s1&{command}");
    let (read, spend) = (with("apientry=status"), with("apientry=charge&pin=1"));
    check(
        &exchange,
        &[
            (FOREIGN, Transport::Tcp, &read, "OK: 1"),
            (ELSEWHERE, Transport::Tcp, &read, "OK: 1"),
            (FOREIGN, Transport::Tcp, &spend, "ERROR: invalid parameter: pin"),
            (
                ELSEWHERE,
                Transport::Tcp,
                &spend,
                "ERROR: auth failed: this authmd5 was used from another address",
            ),
        ],
    )
    .await;
    exchange.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failures_ban_an_address_and_an_administrator_lifts_the_ban() {
    let exchange = exchange(&[("banfailures", "3")]).await;
    let wrong = "?authkey=K&authid=alice&authpwd=no&apientry=status";
    for _ in 0..3 {
        assert!(exchange.line_from(FOREIGN, Transport::Tcp, wrong).await.starts_with("ERROR: auth failed"));
    }
    let right = "?authkey=K&authid=bob&authpwd=pb&apientry=status";
    assert!(exchange.line_from(FOREIGN, Transport::Tcp, right).await.starts_with("ERROR: limit: banned"));
    let listed = exchange.admin("apientry=bannedlist").await;
    assert!(listed.contains(FOREIGN), "{listed}");
    exchange.admin(&format!("apientry=delbanned&ip={FOREIGN}")).await;
    assert_eq!(exchange.line_from(FOREIGN, Transport::Tcp, right).await, "OK: 1");
    exchange.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn datagrams_are_answered_within_their_limits() {
    let exchange = exchange(&[]).await;
    for n in 0..60 {
        exchange.admin(&format!("apientry=newuseri&u_username=user{n:03}&u_password=p")).await;
    }
    let long = format!("apitest1&x={}&{}", "y".repeat(10), "z".repeat(10));
    let answer = exchange.line_from(FOREIGN, Transport::Udp, &long).await;
    assert!(answer.starts_with("OK: api is working"));
    let unknown = format!("?authkey=K&apientry={}", "q".repeat(60));
    assert!(exchange.line_from(FOREIGN, Transport::Udp, &unknown).await.len() <= 3 * unknown.len());
    let list = exchange
        .line_from(FOREIGN, Transport::Udp, &format!("?{ADMIN}&apientry=listusers&u_extended=1"))
        .await;
    assert!(
        list.len() <= 1_490 && list.starts_with("OK: ") && list.contains(" cursor:"),
        "{} {list}",
        list.len()
    );
    let cursor = list.lines().next().unwrap().rsplit(':').next().unwrap().to_owned();
    let next = exchange
        .line_from(FOREIGN, Transport::Udp, &format!("?{ADMIN}&apientry=listusers&cursor={cursor}"))
        .await;
    let first_row = next.lines().nth(2).unwrap();
    assert!(!list.contains(first_row), "{first_row}");
    exchange.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_that_points_a_name_here_is_not_trusted() {
    let exchange = exchange(&[("apideftrustadmin", "1"), ("corsorigins", "https://shop.example")]).await;
    for (host, web_origin, wanted) in [
        (Some("127.0.0.1:8080"), None, "OK: strowger"),
        (Some("evil.example"), None, "ERROR: auth failed"),
        (Some("127.0.0.1:8080"), Some("http://evil.example"), "ERROR: auth failed"),
    ] {
        let http = Http {
            method: "GET",
            target: "/mvapireq/?apientry=version&authkey=K",
            content_type: None,
            accept: None,
            authorization: None,
            soap_action: None,
            body: b"",
        };
        let mut from = origin("127.0.0.1", Transport::Http);
        from.host = host.map(Into::into);
        from.web_origin = web_origin.map(Into::into);
        let got = text(&exchange.api.answer(Request::http(from, &http)).await);
        assert!(got.starts_with(wanted), "{host:?} {web_origin:?}: {got}");
    }
    let mut from = origin("127.0.0.1", Transport::Http);
    from.web_origin = Some("https://shop.example".into());
    let preflight = Http {
        method: "OPTIONS",
        target: "/mvapireq/",
        content_type: None,
        accept: None,
        authorization: None,
        soap_action: None,
        body: b"",
    };
    let answer = exchange.api.answer(Request::http(from, &preflight)).await;
    assert_eq!(answer.status, 204);
    assert!(answer.headers.contains(&("Access-Control-Allow-Origin", "https://shop.example".into())));
    exchange.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strict_responses_carry_the_result_in_the_http_status() {
    let exchange = exchange(&[("httpstrictresponse", "true")]).await;
    let alice = "authkey=K&authid=alice&authpwd=pa";
    for (query, status) in [
        ("apientry=apitest1".to_owned(), 200),
        ("apientry=status&authkey=K&authid=alice&authpwd=no".to_owned(), 403),
        ("apientry=nosuch&authkey=K".to_owned(), 406),
        (format!("apientry=getfield&filterfieldvalue=nobody&{ADMIN}"), 404),
        (format!("apientry=charge&pin=1&{alice}"), 420),
        (format!("apientry=p2p&{alice}"), 421),
        (format!("apientry=verifyuser&{alice}"), 499),
    ] {
        assert_eq!(exchange.get(&format!("/mvapireq/?{query}")).await.status, status, "{query}");
    }
    exchange.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn resellers_act_for_accounts_below_them_only() {
    let exchange = exchange(&[]).await;
    exchange.admin("apientry=newuseri&u_username=rita&u_password=pr&u_type=1").await;
    let rita = exchange.admin("apientry=getfield&filterfieldvalue=rita").await;
    let rita = rita.strip_prefix("OK: ").unwrap().to_owned();
    let bob = exchange.admin("apientry=getfield&filterfieldvalue=bob").await;
    let bob = bob.strip_prefix("OK: ").unwrap().to_owned();
    exchange.admin(&format!("apientry=setfield&fieldname=parentid&fieldvalue={rita}&rowid={bob}")).await;
    let as_rita =
        |query: &str| format!("?authkey=K&authid=rita&authpwd=pr&apientry=balance&targetuser={query}");
    check(
        &exchange,
        &[
            (FOREIGN, Transport::Tcp, &as_rita("bob"), "Your credit is $0"),
            (FOREIGN, Transport::Tcp, &as_rita("rita"), "Your credit is $0"),
            (FOREIGN, Transport::Tcp, &as_rita("alice"), "ERROR: not found: targetuser alice"),
            (FOREIGN, Transport::Tcp, &as_rita("nobody"), "ERROR: not found: targetuser nobody"),
        ],
    )
    .await;
    exchange.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_administrator_does_not_change_a_general_one() {
    let exchange = exchange(&[]).await;
    exchange.admin("apientry=newuseri&u_username=adam&u_password=pad&u_type=15").await;
    let id = exchange.admin("apientry=getfield&filterfieldvalue=admin").await;
    let id = id.strip_prefix("OK: ").unwrap().to_owned();
    let as_adam = |query: &str| format!("?authkey=K&authid=adam&authpwd=pad&{query}");
    let denied = "ERROR: access denied: general administrators only";
    check(
        &exchange,
        &[
            (
                "127.0.0.1",
                Transport::Tcp,
                &as_adam("apientry=changepwd&targetuser=admin&newpassword=x"),
                denied,
            ),
            ("127.0.0.1", Transport::Tcp, &as_adam("apientry=deluser&u_username=admin"), denied),
            (
                "127.0.0.1",
                Transport::Tcp,
                &as_adam(&format!("apientry=setfield&fieldname=password&fieldvalue=x&rowid={id}")),
                denied,
            ),
            (
                "127.0.0.1",
                Transport::Tcp,
                &as_adam("apientry=setfield&fieldname=rights&fieldvalue=60&targetuser=adam"),
                denied,
            ),
            (
                "127.0.0.1",
                Transport::Tcp,
                &as_adam("apientry=changepwd&targetuser=alice&newpassword=x"),
                "OK: password",
            ),
        ],
    )
    .await;
    exchange.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_console_lets_administrators_in_and_runs_positional_lines() {
    let exchange = exchange(&[]).await;
    let here = "127.0.0.1:5000".parse().unwrap();
    let user = exchange.api.console_login(here, "admin", "admin-7").await.unwrap();
    assert_eq!(user.name(), "admin");
    for (who, secret) in [("admin", "no"), ("alice", "pa"), ("nobody", "x")] {
        let refused = exchange.api.console_login(here, who, secret).await.unwrap_err();
        assert_eq!(text(&refused), "ERROR: auth failed: wrong user or password DISPLAY");
    }
    let far = exchange.api.console_login("198.51.100.7:5000".parse().unwrap(), "admin", "admin-7").await;
    assert_eq!(text(&far.unwrap_err()), "ERROR: access denied: not from this address");
    for (user, line, wanted) in [
        (&user, "db select top 1 username from tb_users", "OK: 2\nusername\nadmin"),
        (&ConsoleUser::local_root(), "db,select top 1 username from tb_users", "OK: 2\nusername\nadmin"),
        (&user, "unreg,alice,,1", "OK: 0 unregistered"),
        (&user, "balance targetuser=alice", "Your credit is $10"),
        (&user, "balance alice", "Your credit is $10"),
        (&user, "balance,alice", "Your credit is $10"),
        (&user, "unreg username=alice", "OK: 0 unregistered"),
        (&user, "setfastregpwd username=bob password=pb2", "OK: password changed"),
    ] {
        let request = Request::console(origin("127.0.0.1", Transport::Console), user, line);
        assert_eq!(text(&exchange.api.answer(request).await), wanted, "{line}");
    }
    exchange.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_declared_name_is_the_commands_where_the_caller_is_known_otherwise() {
    let exchange = exchange(&[]).await;
    let login = exchange
        .line_from("127.0.0.1", Transport::Http, "?apientry=login&authkey=K&authid=alice&authpwd=pa")
        .await;
    let token = login.split("token:").nth(1).unwrap().to_owned();
    let made = exchange.admin("apientry=apikeyadd&name=crm&scopes=all&account=alice").await;
    let key = made.split("key:").nth(1).unwrap().to_owned();
    let digest = authmd5("ck5Gpadminadmin-7");
    check(
        &exchange,
        &[
            (
                "127.0.0.1",
                Transport::Http,
                &format!("?apientry=transfercredit&authkey=K&token={token}&username=bob&credit=1"),
                "OK: credit is 9",
            ),
            (
                "127.0.0.1",
                Transport::Http,
                &format!("?apientry=transfercredit&authkey={key}&username=bob&credit=1"),
                "OK: credit is 8",
            ),
            (
                "127.0.0.1",
                Transport::Http,
                &format!("?apientry=setfastregpwd&authkey=K&authid=admin&authmd5={digest}&username=bob&password=new"),
                "OK: password changed",
            ),
            (
                "127.0.0.1",
                Transport::Http,
                "?apientry=balance&authkey=K&username=bob&password=new",
                "Your credit is $2",
            ),
        ],
    )
    .await;
    exchange.stop().await;
}

/// Registers an account by SIP from this machine.
async fn register(exchange: &Exchange, user: &str, password: &str) {
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(std::time::Duration::from_secs(10))).unwrap();
    let (own, port) = (socket.local_addr().unwrap(), exchange.switch.info().await.ports.sip.unwrap());
    let ask = |sequence: u32, authorization: &str| {
        let request = format!(
            "REGISTER sip:strowger SIP/2.0\r\nVia: SIP/2.0/UDP {own};branch=z9hG4bKa{sequence};rport\r\n\
             Max-Forwards: 70\r\nFrom: <sip:{user}@strowger>;tag=a\r\nTo: <sip:{user}@strowger>\r\n\
             Call-ID: reg-{own}\r\nCSeq: {sequence} REGISTER\r\nContact: <sip:{user}@{own}>\r\n\
             Expires: 300\r\n{authorization}Content-Length: 0\r\n\r\n"
        );
        socket.send_to(request.as_bytes(), ("127.0.0.1", port)).unwrap();
        let mut buffer = [0; 4096];
        let length = socket.recv(&mut buffer).unwrap();
        String::from_utf8_lossy(&buffer[..length]).into_owned()
    };
    let challenge = ask(1, "");
    let nonce = challenge.split("nonce=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let (ha1, ha2) = (authmd5(&format!("{user}:strowger:{password}")), authmd5("REGISTER:sip:strowger"));
    let response = authmd5(&format!("{ha1}:{nonce}:00000001:c:auth:{ha2}"));
    let answer = ask(
        2,
        &format!(
            "Authorization: Digest username=\"{user}\", realm=\"strowger\", nonce=\"{nonce}\", \
             uri=\"sip:strowger\", response=\"{response}\", algorithm=MD5, qop=auth, nc=00000001, cnonce=\"c\"\r\n"
        ),
    );
    assert!(answer.starts_with("SIP/2.0 200"), "{answer}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn users_must_be_registered_and_there_where_that_is_set() {
    const ALICE: &str = "?authkey=K&authid=alice&authpwd=pa&apientry=status";
    for (mode, elsewhere) in
        [("1", "OK"), ("2", "ERROR: access denied: only from the address that is registered")]
    {
        let exchange = exchange(&[("apidefneedregister", mode)]).await;
        let refused = "ERROR: access denied: registered users only";
        check(&exchange, &[("127.0.0.1", Transport::Tcp, ALICE, refused)]).await;
        register(&exchange, "alice", "pa").await;
        let here = exchange.line(ALICE).await;
        assert!(!here.starts_with("ERROR"), "{mode}: {here}");
        let there = exchange.line_from(FOREIGN, Transport::Tcp, ALICE).await;
        assert_eq!(there.starts_with("ERROR"), elsewhere != "OK", "{mode}: {there}");
        assert!(elsewhere == "OK" || there.starts_with(elsewhere), "{mode}: {there}");
        exchange.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pin_is_compared_with_what_the_configuration_names() {
    const REFUSED: &str = "ERROR: auth failed";
    const WELCOME: &str = "Your credit is";
    for (mode, joined, named) in [("0", REFUSED, REFUSED), ("1", WELCOME, REFUSED), ("2", REFUSED, WELCOME)] {
        let exchange = exchange(&[("callingcardauth", mode)]).await;
        exchange.admin("apientry=newuseri&u_username=778899&u_password=pw").await;
        let card = "update tb_users set type=3, pin='4711' where username='778899'";
        exchange.admin(&format!("apientry=db&sql={card}")).await;
        let by = |pin: &str| format!("?authkey=K&pin={pin}&apientry=balance");
        check(
            &exchange,
            &[
                ("127.0.0.1", Transport::Tcp, &by("4711"), WELCOME),
                ("127.0.0.1", Transport::Tcp, &by("778899pw"), joined),
                ("127.0.0.1", Transport::Tcp, &by("778899"), named),
                ("127.0.0.1", Transport::Tcp, &by("alice"), REFUSED),
            ],
        )
        .await;
        exchange.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_code_is_redeemed_once_however_many_try() {
    let exchange = exchange(&[]).await;
    exchange.admin("apientry=db&sql=insert into tb_prepaidcodes (code, value, currency, used) values ('777', 5, 'USD', 0)").await;
    let lines = (0..20).map(|_| exchange.line("?authkey=K&authid=alice&authpwd=pa&apientry=charge&pin=777"));
    let answers = join_all(lines).await;
    assert_eq!(answers.iter().filter(|answer| answer.starts_with("OK")).count(), 1, "{answers:?}");
    assert_eq!(
        exchange.line("?authkey=K&authid=alice&authpwd=pa&apientry=balance").await,
        "Your credit is $15"
    );
    exchange.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_has_expired_or_lost_its_account_says_so_and_a_reload_names_it() {
    let exchange = exchange(&[]).await;
    let row = |name: &str, digest: &str, expires, account| strowger_store::ApiKeyRow {
        id: 0,
        name: name.into(),
        digest: digest.into(),
        scopes: "balance".into(),
        account,
        addresses: String::new(),
        expires,
        enabled: true,
        created: strowger_model::Wall(0),
        last_used: None,
    };
    let all = strowger_model::Scope::All;
    let digest_of = |text: &str| {
        use sha2::{Digest, Sha256};
        Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect::<String>()
    };
    exchange
        .store
        .api_key_add(all, row("old", &digest_of("old"), Some(strowger_model::Wall(1)), None))
        .await
        .unwrap();
    let nobody = Some(strowger_model::AccountId(9_999));
    exchange.store.api_key_add(all, row("orphan", &digest_of("orphan"), None, nobody)).await.unwrap();
    let with = |key: &str| format!("?authkey={key}&authid=alice&authpwd=pa&apientry=balance");
    check(
        &exchange,
        &[
            ("127.0.0.1", Transport::Tcp, &with("old"), "ERROR: auth failed: wrong key NORETRY"),
            (
                "127.0.0.1",
                Transport::Tcp,
                &format!("?{ADMIN}&apientry=reloadapikeys"),
                "OK: 2 keys loaded, added: old orphan, removed: none, changed: none",
            ),
            ("127.0.0.1", Transport::Tcp, &with("old"), "ERROR: auth failed: key old has expired NORETRY"),
            (
                "127.0.0.1",
                Transport::Tcp,
                "?authkey=orphan&apientry=balance",
                "ERROR: auth failed: the account of key orphan is gone NORETRY",
            ),
        ],
    )
    .await;
    exchange.store.api_key_enable(all, "orphan", false).await.unwrap();
    exchange.store.api_key_del(all, "old").await.unwrap();
    let said = exchange.admin("apientry=reloadapikeys").await;
    assert_eq!(said, "OK: 1 keys loaded, added: none, removed: old, changed: orphan");
    exchange.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn limits_hold_per_address_account_and_for_all_and_say_when_to_come_back() {
    const GUESS: &str = "/mvapireq/?authkey=K&authid=alice&authpwd=no&apientry=status";
    const ALICE: &str = "/mvapireq/?authkey=K&authid=alice&authpwd=pa&apientry=status";
    const BOB: &str = "/mvapireq/?authkey=K&authid=bob&authpwd=pb&apientry=status";
    for (key, second, elsewhere) in
        [("ratelimitip", BOB, true), ("ratelimituser", ALICE, false), ("ratelimitglobal", BOB, false)]
    {
        // Wide at first, so that the accounts can be made.
        let exchange = exchange(&[("ratelimituser", "1000000")]).await;
        let limits = |guard: &mut strowger_guard::Guard, [rate_ip, rate_user, rate_global]: [u32; 3]| {
            guard.set_limits(strowger_guard::Limits {
                rate_ip,
                rate_user,
                rate_global,
                ..guard.limits().clone()
            });
        };
        let only = |name: &str| u32::from(name == key);
        let wanted = [only("ratelimitip"), only("ratelimituser"), only("ratelimitglobal")];
        exchange.switch.guard(|guard| limits(guard, wanted));
        if key == "ratelimituser" {
            // Who only names the account uses up none of its requests.
            for _ in 0..5 {
                assert!(text(&exchange.get(GUESS).await).starts_with("ERROR: auth failed"));
            }
        }
        assert_eq!(text(&exchange.get(ALICE).await), "OK: 1", "{key}");
        let answer = exchange.get(second).await;
        assert_eq!(text(&answer), "ERROR: limit: too many requests, try again in 1 s", "{key}");
        assert!(answer.headers.contains(&("Retry-After", "1".into())), "{key}: {:?}", answer.headers);
        let there = exchange.line_from(ELSEWHERE, Transport::Tcp, &second["/mvapireq/".len()..]).await;
        assert_eq!(there == "OK: 1", elsewhere, "{key}: {there}");
        exchange.stop().await;
    }
}

/// Polls all of them to the end, at the same time.
async fn join_all(futures: impl Iterator<Item = impl Future<Output = String>>) -> Vec<String> {
    let mut waiting: Vec<_> = futures.map(Box::pin).collect();
    let mut done = Vec::new();
    std::future::poll_fn(move |context| {
        waiting.retain_mut(|future| match future.as_mut().poll(context) {
            std::task::Poll::Ready(answer) => {
                done.push(answer);
                false
            }
            std::task::Poll::Pending => true,
        });
        if waiting.is_empty() {
            std::task::Poll::Ready(std::mem::take(&mut done))
        } else {
            std::task::Poll::Pending
        }
    })
    .await
}
