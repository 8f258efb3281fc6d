//! The load generator: what one unit of work costs the server in CPU microseconds.
//!
//! The server under test is a process of its own, pinned to one core where there are two; the generator takes the
//! other. A figure is user plus system time of the server's process over the measured window, divided by the units
//! done in it. Wall-clock rates are printed beside it and mean little on a shared machine.
//!
//! Everything is sent to 127.0.0.1, for a bounded time.

mod api;
mod calls;
mod cpu;
mod idle;
mod latency;
mod options;
mod parse;
mod register;
mod report;
mod rtp;
mod server;
mod sip;
mod udp;

use std::path::PathBuf;
use std::time::Duration;

pub use report::{Line, Ratio, Row};
pub use server::StartError;
use server::{Bare, Server};

/// What to measure and how long.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The server's binary.
    pub binary: PathBuf,
    /// A bare hyper server (the example `hello` of the gate) to measure beside the API over HTTP; none: not measured.
    pub hyper: Option<PathBuf>,
    /// How long each line is measured, after a warm-up of a quarter of it.
    pub window: Duration,
    /// Names of the measurements, as in [`NAMES`]; empty: all.
    pub only: Vec<String>,
    /// Smaller loads and fewer lines: what `strowger bench` runs.
    pub short: bool,
    /// Calls per second, instead of the usual rates.
    pub rates: Vec<u32>,
}

/// The measurements by name.
pub const NAMES: [&str; 9] =
    ["parse", "udp", "options", "register", "calls", "rtp", "http", "udpapi", "idle"];

/// How often our server and bare hyper take turns: what else the machine does then falls upon both.
const TURNS: usize = 4;
/// What a request over HTTP may cost as a multiple of bare hyper.
const HYPER_AIM: f64 = 1.4;

/// Runs the plan; `each` gets every row as it is done.
///
/// # Errors
/// When the server does not start or refuses the accounts and prices that the load needs.
pub fn run(plan: &Plan, mut report: impl FnMut(&Row)) -> Result<(), StartError> {
    let mut each = |line: &Line| report(&Row::Line(line.clone()));
    let wanted = |name: &str| plan.only.is_empty() || plan.only.iter().any(|only| only == name);
    cpu::pin_generator();
    if wanted("parse") {
        each(&parse::measure(plan.window));
    }
    if wanted("udp") {
        each(&udp::floor(plan.window));
    }
    if wanted("options") {
        let server = Server::start(&plan.binary)?;
        for load in options::loads(plan.short) {
            each(&options::measure(&server, load, plan.window));
        }
    }
    if wanted("register") {
        let server = Server::start(&plan.binary)?;
        let users = if plan.short { 100 } else { 1000 };
        let mut phones = register::Phones::create(&server, users)?;
        each(&phones.measure(&server, register::Nonce::Fresh, plan.window));
        each(&phones.measure(&server, register::Nonce::Held, plan.window));
    }
    if wanted("calls") {
        let usual = if plan.short { &[300][..] } else { &[300, 1000, 3000][..] };
        for rate in if plan.rates.is_empty() { usual } else { &plan.rates } {
            let server = Server::start(&plan.binary)?;
            let mut exchange = calls::Exchange::create(&server)?;
            each(&exchange.measure(&server, *rate, plan.window));
        }
    }
    if wanted("rtp") {
        for pairs in if plan.short { &[100][..] } else { &[100, 500, 1000][..] } {
            let server = Server::start(&plan.binary)?;
            let mut exchange = calls::Exchange::create(&server)?;
            each(&rtp::measure(&server, &mut exchange, *pairs, plan.window)?);
        }
    }
    if wanted("http") {
        http(plan, &mut report)?;
    }
    let mut each = |line: &Line| report(&Row::Line(line.clone()));
    if wanted("udpapi") {
        let server = Server::start(&plan.binary)?;
        each(&api::datagrams(&server, 16, plan.window)?);
    }
    if wanted("idle") {
        for kind in idle::KINDS {
            let server = Server::start(&plan.binary)?;
            each(&idle::measure(&server, kind, if plan.short { 1_000 } else { 10_000 }, plan.window)?);
        }
    }
    Ok(())
}

/// The API over HTTP, beside bare hyper where that is built.
fn http(plan: &Plan, report: &mut impl FnMut(&Row)) -> Result<(), StartError> {
    let server = Server::start(&plan.binary)?;
    let request = api::request(&server)?;
    let Some(hyper) = plan.hyper.as_ref().filter(|path| path.exists()) else {
        report(&Row::Line(api::http(&server, &request, 16, plan.window)?));
        return Ok(());
    };
    let bare = Bare::start(hyper)?;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..TURNS {
        ours.push(api::http(&server, &request, 16, plan.window)?);
        theirs.push(api::bare_http(&bare, &request, 16, plan.window)?);
    }
    let (Some(ours), Some(theirs)) = (Line::together(ours), Line::together(theirs)) else { return Ok(()) };
    let ratio = ours.cpu_us / theirs.cpu_us;
    report(&Row::Line(ours));
    report(&Row::Line(theirs));
    report(&Row::Ratio(Ratio { title: "API balance over HTTP : bare hyper", ratio, aim: HYPER_AIM }));
    Ok(())
}
