//! `strowger serve`: start-up in order, then waiting for signals, then an orderly end.

use std::io::Write;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use strowger_api::ServiceOrder;
use strowger_config::Config;
use strowger_gate::{Gate, Security};
use strowger_store::Store;
use strowger_switch::{BindError, Handle, Listeners, Ports, bind_tcp};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;
use tracing::{error, info, warn};

use crate::control::{Control, Performer, remove_stale};
use crate::exchange::{self, Exchange, port_failure};
use crate::failover::Failover;
use crate::failure::Failure;
use crate::logging::{self, Log};
use crate::ready::{Ready, ReadyFile};
use crate::restart;
use crate::restore::{Restore, Restored};
use crate::settings::{Texts, data_folder, open_store};
use crate::{VERSION, cli, first_start, tls};

/// How long requests that run may take to finish at the end.
const GATE_GRACE: Duration = Duration::from_secs(2);

/// How long calls and trunks may take to be told, where the end is wanted at once.
const HASTY_END: Duration = Duration::from_secs(2);

/// Orders of commands that wait.
const MOST_ORDERS: usize = 4;

/// How often the database is asked whether it failed for good.
const LOOK: Duration = Duration::from_secs(1);

/// Runs until a signal ends it.
pub(crate) fn run(options: &cli::Serve) -> Result<(), Failure> {
    let data = data_folder(&options.place)?;
    let texts = Texts::read(&options.place.source)?;
    let startup = texts.resolve_startup()?;
    let log = logging::start(&startup, &data)?;
    raise_descriptor_limit();
    let (control, socket) = Control::claim_in(&data)?;
    if let Some(path) = &options.ready_file {
        // What a server that was killed left there would tell scripts of ports that are not open yet.
        remove_stale(path).with_context(|| format!("the ready file {}", path.display()))?;
    }
    let mut server = Server {
        options,
        data,
        log,
        startup,
        texts,
        socket,
        signals: None,
        restored: None,
        pinned: Vec::new(),
    };
    let ended = server.rounds();
    let pinned = server.pinned.clone();
    drop(control);
    match ended? {
        After::Over => Ok(()),
        // Everything is closed by now, as at an end.
        After::Restart => Err(restart::again(&pinned)),
    }
}

/// What outlives a restore, which stops everything else and starts it again.
struct Server<'a> {
    options: &'a cli::Serve,
    data: PathBuf,
    log: Log,
    startup: Config,
    texts: Texts,
    socket: std::os::unix::net::UnixListener,
    /// Kept, so that a signal between two rounds is seen by the second one.
    signals: Option<Signals>,
    /// The restore before this round, to be told of when the round serves.
    restored: Option<Restored>,
    /// The ports that the system chose, for a restart of the process.
    pinned: Vec<(&'static str, u16)>,
}

/// What follows when nothing serves any more.
enum After {
    /// The end.
    Over,
    /// The same program again, in this process.
    Restart,
}

/// What a round leaves to be done.
enum Left {
    Nothing,
    Restart,
    Restore(Box<Restore>),
    Failover(Failover),
}

impl Server<'_> {
    /// Serves until the end, from one restore to the next.
    fn rounds(&mut self) -> Result<After, Failure> {
        loop {
            match self.round() {
                Ok(Left::Nothing) => return Ok(After::Over),
                Ok(Left::Restart) => return Ok(After::Restart),
                Ok(Left::Failover(failover)) => failover.carry_out(&self.startup, &self.data),
                Ok(Left::Restore(restore)) => {
                    self.restored = Some(restore.carry_out(&self.startup, &self.data));
                }
                Err(failure) => {
                    if let Some(restored) = self.restored.take() {
                        restored.down(&failure);
                    }
                    return Err(failure);
                }
            }
        }
    }

    /// Serves until a signal or a restore; nothing is open afterwards but the control socket.
    fn round(&mut self) -> Result<Left, Failure> {
        let store = open_store(&self.startup, &self.data)?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .thread_name("strowger")
            .build()
            .context("the runtime")?;
        let ended = runtime.block_on(self.serve(&store));
        // Tasks that still hold the store end with the runtime, before the store closes.
        runtime.shutdown_timeout(GATE_GRACE);
        store.close();
        ended
    }

    /// Everything that needs the runtime.
    async fn serve(&mut self, store: &Store) -> Result<Left, Failure> {
        let socket = self.socket.try_clone().and_then(tokio::net::UnixListener::from_std);
        let socket = socket.context("the control socket")?;
        let mut signals = match self.signals.take() {
            None => Signals::listen()?,
            Some(signals) => signals,
        };
        if let Some(lines) = first_start::prepare(store, &self.data, self.options.admin.as_ref()).await? {
            let mut stdout = std::io::stdout();
            stdout.write_all(lines.as_bytes()).and_then(|()| stdout.flush()).context("standard output")?;
        }
        let config = Arc::new(exchange::resolve(&self.texts, store).await?);
        self.log.change(&config)?;
        let tls = tls::start(&config)?;
        let mut listeners = Listeners::bind(&config).map_err(|error| port_failure(&error))?;
        let (ports, main) = (listeners.ports(), listeners.take_main_tcp());
        let doors = Doors::bind(&config, tls.is_some())?;
        let texts = self.texts.clone();
        let exchange = exchange::start(config, texts, store.clone(), listeners, &self.data, true).await?;
        let handle = exchange.running.handle.clone();
        let (restores, mut restore) = mpsc::channel(1);
        let dispatcher = Arc::clone(&exchange.dispatcher);
        dispatcher.attach_log(self.log.control());
        let events = dispatcher.events().clone();
        let (orders, mut order) = mpsc::channel(MOST_ORDERS);
        dispatcher.listen_to_services(orders);
        dispatcher.start_maintenance();
        let performer = Performer { switch: handle.clone(), dispatcher, restores: Some(restores) };
        tokio::spawn(performer.serve(socket));

        let (gate, ready) = open(exchange, ports, main, doors, tls, &self.data)?;
        let path = self.options.ready_file.as_deref();
        let file = path.map(|path| {
            ReadyFile::write(path, &ready).with_context(|| format!("the ready file {}", path.display()))
        });
        let file = file.transpose()?;
        info!(version = VERSION, main = ready.main, sip = ready.sip, admin = ready.admin, "ready");
        if let Some(restored) = self.restored.take() {
            restored.up();
        }

        let mut wishes = Wishes { signals: &mut signals, restores: &mut restore, orders: &mut order };
        let end = wait(&handle, &gate, &mut wishes, &self.log).await;
        close(&gate, &handle, matches!(end, End::Hasty | End::Restart { hasty: true })).await;
        // The ends of the calls are events too.
        events.close().await;
        drop(file);
        self.signals = Some(signals);
        let left = match end {
            End::Restore(restore) => Left::Restore(restore),
            End::Failover(failover) => Left::Failover(failover),
            End::Broken => {
                return Err(Failure::failed("the database failed for good; the next start recovers"));
            }
            End::Drained | End::Hasty => {
                info!("ended");
                return Ok(Left::Nothing);
            }
            End::Restart { .. } => {
                self.pinned = ready.chosen(&handle.config());
                info!("restarting");
                return Ok(Left::Restart);
            }
        };
        self.texts.pin(&ready.keys());
        Ok(left)
    }
}

/// Ends calls, registrations and requests.
async fn close(gate: &Gate, handle: &Handle, hasty: bool) {
    gate.close(if hasty { Duration::ZERO } else { GATE_GRACE }).await;
    if tokio::time::timeout(if hasty { HASTY_END } else { Duration::MAX }, handle.shutdown()).await.is_err() {
        warn!("ended before every call was told; recovery settles them at the next start");
    }
}

/// The listeners beside those of the switch.
struct Doors {
    admin: Option<TcpListener>,
    tls: Option<TcpListener>,
    web: Option<TcpListener>,
    sips: Option<TcpListener>,
}

impl Doors {
    /// Binds the console's port, and the TLS ports where there is a certificate.
    fn bind(config: &Config, certificate: bool) -> Result<Self, Failure> {
        let bind = |key, port| {
            let bound = bind_tcp(SocketAddr::new(config.bind, port));
            bound.map(Some).map_err(|error| port_failure(&BindError { key, ..error }))
        };
        let admin = if config.useadminport { bind("adminport", config.adminport)? } else { None };
        if !certificate {
            info!(
                sslportmain = config.sslportmain,
                localtlsport = config.localtlsport,
                "TLS ports are not opened: neither tlscert and tlskey nor acmedomains are set"
            );
            return Ok(Self { admin, tls: None, web: None, sips: None });
        }
        let web = if config.sslportweb == 0 { None } else { bind("sslportweb", config.sslportweb)? };
        let tls = bind("sslportmain", config.sslportmain)?;
        Ok(Self { admin, tls, web, sips: bind("localtlsport", config.localtlsport)? })
    }
}

/// Opens every door and says where they are.
fn open(
    exchange: Exchange,
    ports: Ports,
    main: Option<TcpListener>,
    doors: Doors,
    tls: Option<strowger_gate::Tls>,
    data: &Path,
) -> Result<(Gate, Ready), Failure> {
    let Exchange { running, dispatcher } = exchange;
    let gate = Gate::new(dispatcher, running.handle.clone(), VERSION, tls);
    if let Some(settings) = tls::acme(&running.handle.config(), data) {
        gate.keep_certificate(settings);
    }
    let ready = ready(&ports, &running.handle.config(), &doors, data);
    let listeners = [
        (main, Security::Any),
        (doors.tls, Security::Tls),
        (doors.web, Security::Tls),
        (doors.sips, Security::Tls),
    ];
    for (listener, security) in listeners {
        if let Some(listener) = listener {
            gate.open(listener, security).context("opening a port")?;
        }
    }
    if let Some(listener) = doors.admin {
        gate.open_console(listener).context("opening the console's port")?;
    }
    gate.dispatcher().clear_up_payments();
    gate.post_to_webhooks();
    gate.answer_datagrams(running.api_datagrams, ports.main_udp.unwrap_or_default());
    gate.answer_in_sip(running.api_in_sip);
    Ok((gate, ready))
}

fn ready(ports: &Ports, config: &Config, doors: &Doors, data: &Path) -> Ready {
    let port = |listener: &Option<TcpListener>| {
        listener.as_ref().and_then(|listener| listener.local_addr().ok()).map(|address| address.port())
    };
    Ready {
        pid: std::process::id(),
        main: ports.main,
        udp: ports.main_udp,
        sip: ports.sip,
        admin: port(&doors.admin),
        tls: port(&doors.tls),
        sips: port(&doors.sips),
        version: VERSION,
        data: data.to_owned(),
        url: ports.main.map(|port| format!("http://{}", SocketAddr::new(reachable(config.bind), port))),
    }
}

/// The address at which a client on this machine reaches a listener.
fn reachable(bind: IpAddr) -> IpAddr {
    match bind {
        IpAddr::V4(address) if address.is_unspecified() => IpAddr::V4(std::net::Ipv4Addr::LOCALHOST),
        IpAddr::V6(address) if address.is_unspecified() => IpAddr::V6(std::net::Ipv6Addr::LOCALHOST),
        address => address,
    }
}

/// The signals that mean something.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    fn listen() -> Result<Self, Failure> {
        let listen = |kind| signal(kind).context("signals");
        Ok(Self {
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
            hangup: listen(SignalKind::hangup())?,
        })
    }
}

/// Why serving ends.
enum End {
    /// A signal; the calls are over, or had their time.
    Drained,
    /// At once.
    Hasty,
    /// The database failed for good; the calls are over, or had their time.
    Broken,
    /// A restart of this process.
    Restart {
        /// Without waiting for calls.
        hasty: bool,
    },
    /// A restore: nothing that runs now belongs to the database that comes.
    Restore(Box<Restore>),
    /// Another database takes over.
    Failover(Failover),
}

/// From where the end, or something else, is asked for.
struct Wishes<'a> {
    signals: &'a mut Signals,
    restores: &'a mut mpsc::Receiver<Restore>,
    orders: &'a mut mpsc::Receiver<ServiceOrder>,
}

/// Serves until a signal, a restore or the database's end; lets running calls finish, except for a restore.
async fn wait(handle: &Handle, gate: &Gate, wishes: &mut Wishes<'_>, log: &Log) -> End {
    let Wishes { signals, restores, orders } = wishes;
    let mut look = tokio::time::interval(LOOK);
    let mut broken = false;
    while !broken {
        tokio::select! {
            _ = signals.terminate.recv() => break,
            _ = signals.interrupt.recv() => break,
            _ = signals.hangup.recv() => reload(handle, log).await,
            Some(restore) = restores.recv() => return begin_restore(handle, restore),
            Some(order) = orders.recv() => match order {
                ServiceOrder::Restore(file) => return begin_restore(handle, Restore::unheard(file)),
                ServiceOrder::Failover { number, restore, lagging } => {
                    info!(number, "a failover: new calls are refused, running ones are ended");
                    handle.drain();
                    let epoch = handle.store().epoch();
                    return End::Failover(Failover { number, restore, lagging, epoch });
                }
                ServiceOrder::Restart { force: true } => return End::Restart { hasty: true },
                ServiceOrder::Restart { force: false } => {
                    return match drain(handle, signals).await {
                        End::Hasty => End::Hasty,
                        _ => End::Restart { hasty: false },
                    };
                }
                ServiceOrder::ReopenDoors(done) => {
                    // Whoever asked may have gone.
                    let _ = done.send(gate.reopen().await.map_err(|error| error.to_string()));
                }
                ServiceOrder::Measure { only, seconds, done } => {
                    tokio::task::spawn_blocking(move || {
                        // Whoever asked may have gone.
                        let _ = done.send(crate::bench::in_a_process_of_its_own(&only, seconds));
                    });
                }
                ServiceOrder::Configured => follow_level(log, &handle.config()),
            },
            _ = look.tick() => broken = handle.store().is_broken(),
        }
    }
    if broken {
        error!("a flush of the database failed: running calls end on what is held, then the server ends");
    }
    match drain(handle, signals).await {
        End::Drained if broken => End::Broken,
        end => end,
    }
}

fn begin_restore(handle: &Handle, mut restore: Restore) -> End {
    info!("a restore: new calls are refused, running ones are ended");
    restore.say("verified; ending calls");
    handle.drain();
    End::Restore(Box::new(restore))
}

fn follow_level(log: &Log, config: &Config) {
    if let Err(error) = log.change(config) {
        error!(%error, "the log level was not changed");
    }
}

/// Lets running calls finish.
async fn drain(handle: &Handle, signals: &mut Signals) -> End {
    let limit = Duration::from_secs(handle.config().draintimeout.into());
    info!(seconds = limit.as_secs(), "draining: new calls are refused, running ones may finish");
    handle.drain();
    tokio::select! {
        () = handle.drained() => End::Drained,
        () = tokio::time::sleep(limit) => {
            warn!("calls were still running at the end of draintimeout");
            End::Drained
        }
        _ = signals.interrupt.recv() => End::Hasty,
    }
}

/// Reads the configuration again. A mistake changes nothing.
async fn reload(handle: &Handle, log: &Log) {
    let old = handle.config();
    if let Err(error) = handle.reload().await {
        error!(%error, "the configuration was not read again");
        return;
    }
    let new = handle.config();
    follow_level(log, &new);
    for key in old.changes(&new) {
        let restart = key.applies == strowger_config::Applies::Restart;
        info!(key = key.name, restart, "changed");
    }
    info!("the configuration was read again");
}

/// Two sockets a call and more: the usual soft limit of descriptors is far too low, the hard one is what is meant.
fn raise_descriptor_limit() {
    let limit = getrlimit(Resource::Nofile);
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum })
    {
        warn!(%error, "the limit of open descriptors stays as it is");
    }
}
