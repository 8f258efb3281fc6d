//! One measured line.

use std::fmt;
use std::time::{Duration, Instant};

use crate::cpu;
use crate::latency::{Latency, Percentiles};
use crate::server::Server;

/// The result of one measurement.
#[derive(Debug, Clone)]
pub struct Line {
    /// What was measured.
    pub title: String,
    /// The unit of work, singular.
    pub unit: &'static str,
    /// Units done in the window.
    pub done: u64,
    /// Units that got no answer or a wrong one.
    pub lost: u64,
    /// Units per second of wall-clock time.
    pub rate: f64,
    /// CPU microseconds of the server per unit.
    pub cpu_us: f64,
    /// CPU of the server in percent of one core.
    pub server_percent: f64,
    /// Resident memory of the server at the end, in kilobytes.
    pub memory_kb: u64,
    /// How long units took; none where that was not measured.
    pub took_ms: Option<Percentiles>,
}

/// The aims: a title's beginning, and CPU microseconds per unit.
const AIMS: [(&str, f64); 11] = [
    ("OPTIONS, w:", 4.5),
    ("REGISTER, 401 + 200", 12.0),
    ("REGISTER, nonce held", 6.5),
    ("billed calls, 3000/s", 110.0),
    // Six tenths of what rtpengine takes at the same rate.
    ("RTP relayed, 100 calls", 5.6),
    ("RTP relayed, 500 calls", 4.8),
    ("RTP relayed, 1000 calls", 5.3),
    ("API balance over HTTP", 10.0),
    ("API balance over UDP", 7.0),
    ("SIP parse", 0.4),
    ("one account changed", 1_000.0),
];

impl Line {
    /// What the unit should cost at most, in CPU microseconds; none where nothing is aimed at.
    #[must_use]
    pub fn aim_us(&self) -> Option<f64> {
        AIMS.iter().find(|(title, _)| self.title.starts_with(title)).map(|(_, us)| *us)
    }

    /// The heading of the table whose rows the lines are.
    #[must_use]
    pub fn heading() -> String {
        format!(
            "{:<44} {:>9} {:>9} {:>7} {:>7} {:>7} {:>9} {:>8} {:>8} {:>8}",
            "what",
            "a second",
            "CPU us",
            "aim us",
            "server",
            "lost",
            "memory kB",
            "p50 ms",
            "p95 ms",
            "p99 ms"
        )
    }

    /// The same with how long units took.
    #[must_use]
    pub fn that_took(self, latency: &Latency) -> Self {
        Self { took_ms: latency.percentiles(), ..self }
    }

    /// Several windows of the same measurement as one.
    pub fn together(lines: Vec<Self>) -> Option<Self> {
        lines.into_iter().reduce(|one, other| {
            let seconds = |line: &Self| line.done as f64 / line.rate.max(f64::MIN_POSITIVE);
            let (used, elapsed) = (
                one.cpu_us * one.done as f64 + other.cpu_us * other.done as f64,
                seconds(&one) + seconds(&other),
            );
            let done = one.done + other.done;
            Self {
                lost: one.lost + other.lost,
                rate: done as f64 / elapsed,
                cpu_us: used / done.max(1) as f64,
                server_percent: used / elapsed / 1e4,
                done,
                ..other
            }
        })
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let aim = self.aim_us().map_or_else(|| "-".to_owned(), |us| us.to_string());
        write!(
            f,
            "{:<44} {:>9.0} {:>9.2} {:>7} {:>6.0}% {:>7} {:>9}",
            self.title, self.rate, self.cpu_us, aim, self.server_percent, self.lost, self.memory_kb
        )?;
        for place in 0..3 {
            match self.took_ms {
                Some(took_ms) => write!(f, " {:>8.3}", took_ms[place])?,
                None => write!(f, " {:>8}", "-")?,
            }
        }
        Ok(())
    }
}

/// What one thing costs as a multiple of another, measured turn by turn in one run.
#[derive(Debug, Clone)]
pub struct Ratio {
    /// What is compared.
    pub title: &'static str,
    /// The cost of the first in units of the second.
    pub ratio: f64,
    /// What it should be at most.
    pub aim: f64,
}

impl fmt::Display for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<44} {:>9} {:>8.2}x {:>6}x", self.title, "", self.ratio, self.aim)
    }
}

/// What a measurement brought, one row of the table.
#[derive(Debug, Clone)]
pub enum Row {
    /// A cost.
    Line(Line),
    /// Two costs compared.
    Ratio(Ratio),
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(line) => line.fmt(f),
            Self::Ratio(ratio) => ratio.fmt(f),
        }
    }
}

/// Measures from its making to `finish`.
pub struct Meter {
    /// None: the calling thread.
    pid: Option<u32>,
    started: Instant,
    used_us: f64,
}

impl Meter {
    pub fn start(server: &Server) -> Self {
        Self::of_process(server.pid())
    }

    pub fn of_process(pid: u32) -> Self {
        Self { pid: Some(pid), started: Instant::now(), used_us: cpu::used_us(pid) }
    }

    /// Of the thread that also finishes it.
    pub fn of_this_thread() -> Self {
        Self { pid: None, started: Instant::now(), used_us: cpu::thread_us() }
    }

    pub fn finish(self, title: impl Into<String>, unit: &'static str, done: u64, lost: u64) -> Line {
        let used = self.pid.map_or_else(cpu::thread_us, cpu::used_us) - self.used_us;
        let elapsed: Duration = self.started.elapsed();
        let units = done.max(1) as f64;
        Line {
            title: title.into(),
            unit,
            done,
            lost,
            rate: done as f64 / elapsed.as_secs_f64(),
            cpu_us: used / units,
            server_percent: used / elapsed.as_secs_f64() / 1e4,
            memory_kb: cpu::memory_kb(self.pid.unwrap_or_else(std::process::id)),
            took_ms: None,
        }
    }
}
