//! A whole exchange in this process, on an empty folder and ephemeral ports, for the tests of the API.

#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "each test program uses a part of it, and helpers of tests may panic"
)]

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use strowger_api::{Answer, Dispatcher, Http, Origin, Request, Transport};
use strowger_config::Config;
use strowger_model::{AccountKind, Amount, Now, Scope, Secret};
use strowger_store::{Database, Keyring, NewUser, Options, Store};
use strowger_switch::{Deps, Handle, Listeners, start};

/// The administrator of every test.
pub const ADMIN: &str = "authkey=K&authid=admin&authpwd=admin-7";

pub struct Exchange {
    pub api: Arc<Dispatcher>,
    pub switch: Handle,
    pub store: Store,
    _data: tempfile::TempDir,
}

/// The folder of the repository.
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

impl Exchange {
    pub async fn new(settings: &[(&str, &str)]) -> Self {
        let data = tempfile::tempdir().unwrap();
        let keyring = Keyring::open_or_create(&data.path().join("strowger.key")).unwrap();
        let options = Options {
            database: Database::Sqlite(data.path().join("strowger.db")),
            node: 1,
            keyring,
            readers: 1,
            emergency: data.path().join("emergency"),
            gather: std::time::Duration::from_millis(3),
            faults: Arc::default(),
        };
        let store = Store::open(options).unwrap();
        let admin = NewUser {
            kind: AccountKind::Admin,
            parent: None,
            username: "admin".into(),
            password: Secret::new("admin-7"),
            credit: Amount::ZERO,
            fields: vec![("rights".into(), "60".into()), ("currency".into(), "USD".into())],
        };
        store.create_user(Scope::All, admin, None).await.unwrap();
        let mut all = vec![
            ("bind", "127.0.0.1"),
            ("mainaport", "0"),
            ("sipport", "0"),
            ("rtpportmin", "0"),
            ("mediapoolpairs", "2"),
            ("useadminport", "false"),
            ("apiv2key", "K"),
            ("banfailures", "0"),
        ];
        all.extend_from_slice(settings);
        let config = Config::with(&all);
        let listeners = Listeners::bind(&config).unwrap();
        let deps = Deps {
            reload: {
                let config = config.clone();
                Box::new(move || Ok(config.clone()))
            },
            config: Arc::new(config),
            store: store.clone(),
            recover: true,
            listeners,
            data: data.path().to_owned(),
            version: "0.0.0",
        };
        let running = start(deps).await.unwrap();
        let switch = running.handle;
        let build = strowger_api::Build { version: "0.0.0", commit: "0123456789ab", features: &["tests"] };
        let api = Dispatcher::start(switch.clone(), build).await;
        Self { api, switch, store, _data: data }
    }

    /// One raw line from an address.
    pub async fn line_from(&self, peer: &str, transport: Transport, line: &str) -> String {
        text(&self.api.answer(Request::line(origin(peer, transport), line.as_bytes())).await)
    }

    /// One raw line from this machine over TCP.
    pub async fn line(&self, line: &str) -> String {
        self.line_from("127.0.0.1", Transport::Tcp, line).await
    }

    /// An HTTP GET from this machine.
    pub async fn get(&self, target: &str) -> Answer {
        let http = Http {
            method: "GET",
            target,
            content_type: None,
            accept: None,
            authorization: None,
            soap_action: None,
            body: b"",
        };
        self.api.answer(Request::http(origin("127.0.0.1", Transport::Http), &http)).await
    }

    /// A request of the administrator, which must succeed.
    pub async fn admin(&self, request: &str) -> String {
        let answer = self.line(&format!("?{ADMIN}&{request}")).await;
        assert!(!answer.starts_with("ERROR"), "{request}: {answer}");
        answer
    }

    pub fn now(&self) -> Now {
        self.switch.now()
    }

    pub async fn stop(self) {
        self.switch.shutdown().await;
        let store = self.store;
        tokio::task::spawn_blocking(move || store.close()).await.unwrap();
    }
}

pub fn origin(peer: &str, transport: Transport) -> Origin {
    let local: SocketAddr = "127.0.0.1:80".parse().unwrap();
    Origin::new(SocketAddr::new(peer.parse().unwrap(), 40_000), local, transport)
}

pub fn text(answer: &Answer) -> String {
    String::from_utf8(answer.body.clone()).unwrap()
}

/// Compares with a committed file; `STROWGER_BLESS=1` rewrites it.
pub fn check_file(path: &str, made: &str) {
    let path = root().join(path);
    if std::env::var_os("STROWGER_BLESS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, made).unwrap();
        return;
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    if kept != made {
        let line = kept
            .lines()
            .zip(made.lines())
            .position(|(a, b)| a != b)
            .unwrap_or(kept.lines().count().min(made.lines().count()));
        panic!(
            "{} is not what the declarations make, first at line {}:\n- {}\n+ {}\nSTROWGER_BLESS=1 rewrites it; say in the changelog what changed",
            path.display(),
            line + 1,
            kept.lines().nth(line).unwrap_or("(end)"),
            made.lines().nth(line).unwrap_or("(end)"),
        );
    }
}
