//! Puts the switch together: recovery first, then the bindings, media, shards and directory, and only then the doors.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::AsFd as _;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use strowger_config::Config;
use strowger_guard::{Guard, Limits};
use strowger_location::BindingRecord;
use strowger_media::{Engine, EngineConfig};
use strowger_model::account::IpRange;
use strowger_model::id::ShardId;
use strowger_store::{ReadError, RecoverError, Recovery, Server, Store};
use thiserror::Error;
use tokio::sync::{broadcast, mpsc};

use crate::clock::Clock;
use crate::directory::{self, Directory, Job};
use crate::driver::bindings_log::{self, OpenedLog};
use crate::driver::flows::Flows;
use crate::driver::inbox::{Inbox, Letter, Letters, inbox};
use crate::driver::perform::{Performer, is_v6};
use crate::driver::thread::{ShardThread, route_lookup, shared};
use crate::handle::types::{ApiDatagram, FlowInfo, FlowTransport};
use crate::handle::{Handle, Inner, Reload};
use crate::listeners::{Listeners, Ports, rebind_tcp};
use crate::shard::{Addresses, ApiInSip, Order, Shard, ShardSetup};

/// Batches of API datagrams that wait for the gate.
const API_BATCHES: usize = 256;
/// API requests in SIP that wait for the gate.
const API_QUEUE: usize = 4096;
/// Call events that a slow reader may be behind.
const EVENT_QUEUE: usize = 4096;
/// Notices that the keeper of the events may be behind.
const NOTICE_QUEUE: usize = 16_384;
/// Idle time before the system looks whether the peer of a SIP connection still lives.
const TCP_KEEPALIVE: Duration = Duration::from_secs(60);

/// The private networks of RFC 1918.
const LAN: [[Ipv4Addr; 2]; 3] = [
    [Ipv4Addr::new(10, 0, 0, 0), Ipv4Addr::new(10, 255, 255, 255)],
    [Ipv4Addr::new(172, 16, 0, 0), Ipv4Addr::new(172, 31, 255, 255)],
    [Ipv4Addr::new(192, 168, 0, 0), Ipv4Addr::new(192, 168, 255, 255)],
];

/// What the switch is made of.
pub struct Deps {
    /// The configuration.
    pub config: Arc<Config>,
    /// Reads it anew.
    pub reload: Reload,
    /// The store, opened.
    pub store: Store,
    /// Settle what the last run left open and send the BYEs. Without it the next start does that, and no call may
    /// be begun in this one.
    pub recover: bool,
    /// The sockets.
    pub listeners: Listeners,
    /// The data directory.
    pub data: PathBuf,
    /// The product's version.
    pub version: &'static str,
}

/// The switch runs.
pub struct Running {
    /// Its operations.
    pub handle: Handle,
    /// Its ports.
    pub ports: Ports,
    /// Datagrams of the main port for the gate, as they came together.
    pub api_datagrams: mpsc::Receiver<Vec<ApiDatagram>>,
    /// API requests that came by SIP, for the gate.
    pub api_in_sip: mpsc::Receiver<ApiInSip>,
}

/// The switch did not start.
#[derive(Debug, Error)]
pub enum StartError {
    /// More shards than this version has.
    #[error("shards = {0}: this version runs one call shard; set shards = 1")]
    Shards(u32),
    /// A setting makes no sense.
    #[error("{key} = {value}: {why}")]
    Setting {
        /// Its name.
        key: &'static str,
        /// Its value.
        value: u32,
        /// What is wrong.
        why: &'static str,
    },
    /// The calls of the last run could not be settled.
    #[error("recovery: {0}")]
    Recover(#[from] RecoverError),
    /// The database cannot be read.
    #[error("database: {0}")]
    Read(#[from] ReadError),
    /// The media engine.
    #[error("media: {0}")]
    Media(#[from] strowger_media::StartError),
    /// A file, thread or descriptor.
    #[error("{what}: {source}")]
    Io {
        /// For what.
        what: &'static str,
        /// The system's answer.
        source: std::io::Error,
    },
    /// The system gives no random numbers.
    #[error("no random numbers")]
    Random,
}

fn io(what: &'static str) -> impl FnOnce(std::io::Error) -> StartError {
    move |source| StartError::Io { what, source }
}

/// What must be read before anything can be answered.
struct Loaded {
    recovery: Recovery,
    opened: OpenedLog,
    directory: Directory,
    keeper: directory::Keeper,
    seq: i64,
    /// What accounts said of themselves, and whom messages wait for.
    people: Vec<Order>,
}

/// Starts the switch within a tokio runtime.
///
/// # Errors
/// [`StartError`]; nothing keeps running then.
pub async fn start(mut deps: Deps) -> Result<Running, StartError> {
    let clock = Clock::new();
    let config = Arc::clone(&deps.config);
    let media_threads = check_settings(&config)?;
    let loaded = load(&deps, clock).await?;
    let (to_shard, letters) = inbox().map_err(io("shard"))?;
    let inboxes = vec![to_shard.clone()];
    let media = start_media(&config, media_threads, inboxes.clone())?;
    let flows = Flows::new(to_shard.clone(), tokio::runtime::Handle::current(), Arc::clone(&config));
    let guard = Arc::new(Mutex::new(Guard::new(guard_limits(&config))));
    let (events, notices) = (broadcast::Sender::new(EVENT_QUEUE), broadcast::Sender::new(NOTICE_QUEUE));
    let ((api, api_datagrams), (to_api, api_in_sip)) = (mpsc::channel(API_BATCHES), mpsc::channel(API_QUEUE));
    let ports = deps.listeners.ports();
    let [main_udp, sip_udp] = [deps.listeners.main_udp.take(), deps.listeners.sip_udp.take()].map(shared);
    let OpenedLog { records, log, thread: log_thread } = loaded.opened;
    let performer = Performer {
        api: to_api,
        v6: [&sip_udp, &main_udp].map(|socket| socket.as_deref().is_some_and(is_v6)),
        sockets: [sip_udp.clone(), main_udp.clone()],
        flows: flows.clone(),
        media: media.clone(),
        store: deps.store.clone(),
        events: events.clone(),
        notices: notices.clone(),
        log: log.clone(),
        inbox: to_shard.clone(),
        clock,
        waiting: std::collections::BTreeMap::new(),
        media_orders: Vec::new(),
        streams: Vec::new(),
        batches: [Vec::new(), Vec::new()],
    };
    let parts = ShardParts { config: &config, directory: &loaded.directory, guard: &guard, ports, clock };
    let epoch = loaded.recovery.epoch;
    let shard_thread = start_shard(&parts, epoch, records, performer, letters, api)?;
    take_up(&to_shard, loaded.recovery, loaded.people);
    let directory_thread = loaded.keeper.start(inboxes.clone(), notices.clone()).map_err(io("directory"))?;
    let following = follow(loaded.directory.clone(), deps.store.server(), loaded.seq).await?;
    let handle = Handle(Arc::new(Inner {
        clock,
        config: arc_swap::ArcSwap::new(Arc::clone(&config)),
        reload: deps.reload,
        store: deps.store,
        guard,
        directory: loaded.directory.clone(),
        inboxes,
        flows,
        encrypted: Arc::default(),
        media,
        events,
        notices,
        log,
        main_is_v6: main_udp.as_deref().is_some_and(is_v6),
        udp: [sip_udp, main_udp].map(arc_swap::ArcSwapOption::new),
        rebinding: tokio::sync::Mutex::default(),
        sip_tcp: Mutex::default(),
        following: Mutex::new(following),
        ports,
        bind: config.bind,
        data: deps.data,
        version: deps.version,
        epoch,
        started: clock.now(),
        draining: AtomicBool::new(false),
        threads: Mutex::new(vec![shard_thread, directory_thread, log_thread]),
        tasks: Mutex::default(),
    }));
    open_doors(&handle, loaded.directory, deps.listeners.sip_tcp.take())?;
    Ok(Running { handle, ports, api_datagrams, api_in_sip })
}

/// Gives the shard what the last run left: legs that get a BYE, statuses, messages that wait.
fn take_up(to_shard: &Inbox, recovery: Recovery, people: Vec<Order>) {
    for snapshot in recovery.calls.into_iter().flat_map(|call| call.legs) {
        to_shard.post(Letter::Adopt(snapshot));
    }
    for order in people {
        to_shard.post(Letter::Order(order, None));
    }
}

/// Follows the changes of the database. It connects first, which blocks.
async fn follow(
    directory: Directory,
    server: Server,
    seq: i64,
) -> Result<strowger_store::Following, StartError> {
    let following = tokio::task::spawn_blocking(move || {
        server.follow(seq, Box::new(move |changes| directory.tell(Job::Changes(changes))))
    });
    Ok(following.await.map_err(|error| io("follower")(std::io::Error::other(error)))??)
}

/// Starts the tasks that resolve names and accept SIP connections.
fn open_doors(
    handle: &Handle,
    directory: Directory,
    sip_tcp: Option<std::net::TcpListener>,
) -> Result<(), StartError> {
    let mut tasks = vec![
        tokio::spawn(directory::resolve_forever(directory)),
        tokio::spawn(drop_old_messages(handle.clone())),
    ];
    if let Some(listener) = sip_tcp {
        let listener = tokio::net::TcpListener::from_std(listener).map_err(io("sipport"))?;
        let (rebind, orders) = mpsc::channel(1);
        *handle.0.sip_tcp.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(rebind);
        tasks.push(tokio::spawn(accept(listener, orders, handle.clone())));
    }
    handle.0.tasks.lock().unwrap_or_else(std::sync::PoisonError::into_inner).extend(tasks);
    Ok(())
}

fn check_settings(config: &Config) -> Result<u8, StartError> {
    if config.shards != 1 {
        return Err(StartError::Shards(config.shards));
    }
    if u8::try_from(config.nodeid).is_err() {
        return Err(StartError::Setting { key: "nodeid", value: config.nodeid, why: "at most 255" });
    }
    u8::try_from(config.mediathreads).map_err(|_| StartError::Setting {
        key: "mediathreads",
        value: config.mediathreads,
        why: "at most 255",
    })
}

/// Recovers and reads, on a thread that may block.
async fn load(deps: &Deps, clock: Clock) -> Result<Loaded, StartError> {
    let (server, data, config) = (deps.store.server(), deps.data.clone(), Arc::clone(&deps.config));
    let recover = deps.recover;
    let loading = tokio::task::spawn_blocking(move || -> Result<Loaded, StartError> {
        let recovery =
            if recover { settle_last_run(&server, clock)? } else { Recovery { epoch: 0, calls: Vec::new() } };
        let (directory, keeper, seq) = directory::load(server.clone(), config, clock)?;
        let opened = bindings_log::open(&data, clock).map_err(io("bindings log"))?;
        let people = if recover { people_of_last_run(&server, clock)? } else { Vec::new() };
        Ok(Loaded { recovery, opened, directory, keeper, seq, people })
    });
    loading.await.map_err(|error| StartError::Io { what: "start", source: std::io::Error::other(error) })?
}

fn people_of_last_run(server: &Server, clock: Clock) -> Result<Vec<Order>, StartError> {
    let said = server.presence(clock.now().wall)?;
    let mut orders: Vec<Order> =
        said.into_iter().map(|row| Order::SetPresence(row.account, row.status, row.until)).collect();
    orders.push(Order::MessagesWait(server.restore_messages()?));
    Ok(orders)
}

/// Drops old messages, once an hour.
async fn drop_old_messages(handle: Handle) {
    loop {
        let age_ms = i64::from(handle.config().messageage) * 24 * 3_600 * 1_000;
        handle.store().drop_old_messages(handle.now().wall.plus_ms(-age_ms));
        tokio::time::sleep(Duration::from_secs(3_600)).await;
    }
}

fn settle_last_run(server: &Server, clock: Clock) -> Result<Recovery, StartError> {
    let recovery = server.recover(clock.now())?;
    if !recovery.calls.is_empty() {
        tracing::warn!(calls = recovery.calls.len(), "calls of the last run were settled");
    }
    server.clear_lines()?;
    Ok(recovery)
}

fn start_media(
    config: &Config,
    threads: u8,
    inboxes: Vec<Inbox>,
) -> Result<strowger_media::EngineHandle, StartError> {
    let engine = EngineConfig {
        max_pairs: most_pairs(threads),
        bind: config.bind,
        port_min: config.rtpportmin,
        port_max: config.rtpportmax,
        threads,
        shards: 1,
        pool_pairs: config.mediapoolpairs,
        seed: random()?,
        ..EngineConfig::default()
    };
    let events = move |shard: ShardId, event| {
        if let Some(inbox) = inboxes.get(usize::from(shard.0)) {
            inbox.post(Letter::Media(event));
        }
    };
    Ok(Engine::start(engine, events)?)
}

/// Descriptors that are not for voice: connections, the database, files.
const OTHER_DESCRIPTORS: u64 = 2_048;

/// The pairs of one media thread that the system's limit of descriptors allows; the port range bounds them too.
fn most_pairs(threads: u8) -> u32 {
    let usual = EngineConfig::default().max_pairs;
    let Ok(descriptors) = strowger_media::raise_descriptor_limit() else { return usual };
    let pairs = descriptors.saturating_sub(OTHER_DESCRIPTORS) / 2 / u64::from(threads.max(1));
    u32::try_from(pairs).unwrap_or(u32::MAX).clamp(64, u32::from(u16::MAX) / 2)
}

struct ShardParts<'a> {
    config: &'a Arc<Config>,
    directory: &'a Directory,
    guard: &'a Arc<Mutex<Guard>>,
    ports: Ports,
    clock: Clock,
}

fn start_shard(
    parts: &ShardParts<'_>,
    epoch: u32,
    bindings: Vec<BindingRecord>,
    performer: Performer,
    letters: Letters,
    api: mpsc::Sender<Vec<ApiDatagram>>,
) -> Result<std::thread::JoinHandle<()>, StartError> {
    let ports = [parts.ports.sip.unwrap_or(0), parts.ports.main_udp.unwrap_or(0)];
    let setup = ShardSetup {
        node: u8::try_from(parts.config.nodeid).unwrap_or(u8::MAX),
        shard: ShardId(0),
        epoch,
        seed: random()?,
        config: Arc::clone(parts.config),
        routes: Arc::clone(&parts.directory.routes),
        guard: Arc::clone(parts.guard),
        addresses: Addresses::new(ports, parts.config.bind, Box::new(route_lookup)),
        bindings,
    };
    let mut shard = Shard::new(setup, parts.clock.now());
    let media = performer.media.clone();
    shard.listen_with(Box::new(move |slot, codec| media.mos(slot, codec)));
    let thread = ShardThread::new(shard, performer, letters, api).map_err(io("shard"))?;
    std::thread::Builder::new().name("shard-0".into()).spawn(move || thread.run()).map_err(io("shard"))
}

fn random() -> Result<u64, StartError> {
    getrandom::u64().map_err(|_| StartError::Random)
}

/// The limits that the configuration sets.
pub fn guard_limits(config: &Config) -> Limits {
    Limits {
        ban_failures: config.banfailures,
        ban_window_ms: u64::from(config.banwindow) * 1000,
        ban_time_ms: u64::from(config.bantime) * 1000,
        rate_ip: config.ratelimitip,
        rate_user: config.ratelimituser,
        rate_global: config.ratelimitglobal,
        trusted: trusted(config),
        ..Limits::default()
    }
}

/// Sources that are limited, but never banned: this machine unless `allowtrustedip` is 0, the LAN where it is
/// trusted, and the list.
fn trusted(config: &Config) -> Vec<IpRange> {
    let mut ranges: Vec<IpRange> =
        config.trustediplist.iter().map(|(first, last)| IpRange { first, last }).collect();
    let mut add = |first: IpAddr, last: IpAddr| ranges.push(IpRange { first, last });
    if config.allowtrustedip != 0 {
        add(Ipv4Addr::LOCALHOST.into(), Ipv4Addr::LOCALHOST.into());
        add(Ipv6Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into());
    }
    if config.allowtrustedip != 0 && config.trustlanip {
        for [first, last] in LAN {
            add(first.into(), last.into());
        }
    }
    ranges
}

/// Takes SIP connections on `sipport`.
async fn accept(
    mut listener: tokio::net::TcpListener,
    mut rebind: mpsc::Receiver<tokio::sync::oneshot::Sender<std::io::Result<()>>>,
    handle: Handle,
) {
    loop {
        let accepted = tokio::select! {
            Some(done) = rebind.recv() => {
                let fresh = rebind_tcp(listener.as_fd()).and_then(tokio::net::TcpListener::from_std);
                // Whoever asked may have gone.
                let _ = done.send(fresh.map(|fresh| listener = fresh));
                continue;
            }
            accepted = listener.accept() => accepted,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of descriptors, most likely: wait for some to come back.
                tracing::warn!(%error, "no connection can be accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        if !handle.guard(|guard| guard.check(handle.now(), peer.ip(), None)).is_pass() {
            continue;
        }
        let _ = stream.set_nodelay(true);
        let keepalive = socket2::TcpKeepalive::new().with_time(TCP_KEEPALIVE);
        let _ = socket2::SockRef::from(&stream).set_tcp_keepalive(&keepalive);
        let Ok(local) = stream.local_addr() else { continue };
        let handle = handle.clone();
        tokio::spawn(async move {
            let flow = FlowInfo { peer, local, transport: FlowTransport::Tcp };
            handle.serve_sip_stream(stream, flow, Vec::new()).await;
        });
    }
}
