//! The parts put together: store, switch and command dispatch, with listeners or without.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use strowger_api::{ConsoleUser, Dispatcher, Origin, Request, Transport};
use strowger_config::{Config, Resolved};
use strowger_store::Store;
use strowger_switch::{BindError, Deps, Listeners, Running};
use tokio::runtime::Runtime;
use tracing::warn;

use crate::check::without_effect;
use crate::cli::Place;
use crate::control::{Outcome, Performer};
use crate::failure::Failure;
use crate::settings::{Texts, data_folder, open_store};
use crate::{BUILD, VERSION};

/// A started switch with its dispatcher.
pub(crate) struct Exchange {
    pub(crate) running: Running,
    pub(crate) dispatcher: Arc<Dispatcher>,
}

/// The configuration with the database's values; mistakes there are told and passed over.
pub(crate) async fn resolve(texts: &Texts, store: &Store) -> Result<Config, Failure> {
    let rows = store.settings().await.context("reading the settings")?;
    let resolved = texts.resolve(&rows).map_err(Failure::Usage)?;
    Ok(accepted(resolved))
}

/// The configuration, after everything about it was said that does not keep it from being used.
fn accepted(resolved: Resolved) -> Config {
    for mistake in &resolved.warnings {
        warn!("{mistake}");
    }
    for warning in without_effect(&resolved.config) {
        warn!("{warning}");
    }
    resolved.config
}

/// Starts the switch on a store that is open and listeners that are bound. Whoever has listeners recovers: the
/// calls of the last run are settled, and their parties get a BYE.
pub(crate) async fn start(
    config: Arc<Config>,
    texts: Texts,
    store: Store,
    listeners: Listeners,
    data: &Path,
    recover: bool,
) -> Result<Exchange, Failure> {
    let server = store.server();
    let reload = move || {
        let rows = server.settings().map_err(|error| error.to_string())?;
        let resolved = texts.again().map_err(|failure| failure.to_string())?.resolve(&rows)?;
        Ok(accepted(resolved))
    };
    let deps = Deps {
        config,
        reload: Box::new(reload),
        store,
        recover,
        listeners,
        data: data.to_owned(),
        version: VERSION,
    };
    let running = strowger_switch::start(deps).await.context("starting")?;
    let dispatcher = Dispatcher::start(running.handle.clone(), BUILD).await;
    Ok(Exchange { running, dispatcher })
}

/// A port that cannot be bound.
pub(crate) fn port_failure(error: &BindError) -> Failure {
    Failure::Port(error.to_string())
}

/// An exchange without ports, for a console where no server runs. It holds the database's lock, and leaves the calls
/// of a crash to the next server: nobody could be sent a BYE from here.
pub(crate) struct Offline {
    runtime: Runtime,
    performer: Performer,
    store: Store,
}

impl Offline {
    /// Starts it.
    pub(crate) fn start(place: &Place) -> Result<Self, Failure> {
        let data = data_folder(place)?;
        let texts = Texts::read(&place.source)?.without_ports();
        let store = open_store(&texts.resolve_startup()?, &data)?;
        let runtime = Runtime::new().context("the runtime")?;
        let exchange = runtime.block_on(async {
            let config = Arc::new(resolve(&texts, &store).await?);
            let listeners = Listeners::bind(&config).map_err(|error| port_failure(&error))?;
            start(config, texts, store.clone(), listeners, &data, false).await
        })?;
        let (switch, dispatcher) = (exchange.running.handle, exchange.dispatcher);
        let performer = Performer { switch, dispatcher, restores: None };
        Ok(Self { runtime, performer, store })
    }

    /// Runs one line, unless it is about what only a running server has.
    pub(crate) fn line(&self, line: &str) -> Outcome {
        if needs_server(line) {
            let text = "ERROR: not available: the server is not running".to_owned();
            return Outcome::plain(false, text);
        }
        self.runtime.block_on(self.performer.line(line, &Arc::default()))
    }
}

/// The line names a command about calls, registrations or the state of a running server.
fn needs_server(line: &str) -> bool {
    const COMMANDS: [&str; 7] = ["p2p", "call", "disccall", "reguser", "unreg", "heartbeat", "info"];
    let here = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
    let origin = Origin::new(here, here, Transport::Console);
    let request = Request::console(origin, &ConsoleUser::local_root(), line);
    let named = |name: &str| name.eq_ignore_ascii_case(request.command());
    let all = strowger_api::commands();
    let command = all.iter().find(|c| named(c.name) || c.aliases.iter().any(|alias| named(alias)));
    command.is_some_and(|command| COMMANDS.contains(&command.name))
}

impl Drop for Offline {
    fn drop(&mut self) {
        self.runtime.block_on(async {
            self.performer.switch.shutdown().await;
            self.performer.dispatcher.events().close().await;
        });
        self.store.close();
    }
}
