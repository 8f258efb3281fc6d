//! `unittest`: the exchange tests itself.

use crate::commands::means_nothing;
use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::reply::{Data, Failure, Kind, Reply};
use crate::service::ServiceOrder;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

params! {
    /// self, load, options, register, calls, rtp, http or udpapi.
    testtype: String = "self",
    /// Tests at a time, for self.
    threads: u32 = "2",
    /// Seconds, of each measurement.
    testtime: u32 = "1",
    /// Nothing.
    parameter: String = "",
}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "unittest",
    aliases: &[],
    group: Group::Various,
    access: Access::Admin,
    effect: Effect::Write,
    reach: Reach::Nothing,
    params: PARAMS,
    summary: "Tests this exchange on loopback while it runs (self: database, sip, media, disk, queue), or measures a second one of the same program (options, register, calls, rtp, http, udpapi, load for all); bounded in time; says rates and percentiles.",
    spec: "server-api: Various operations",
    example: "testtype=self&testtime=1",
    reply: "OK: <n> and a table",
    run: RUN,
};

/// The longest test, in seconds.
const MAX_SECONDS: u32 = 60;
/// Tests of one kind at a time.
const MAX_THREADS: u32 = 16;
/// Measurements of the load generator.
const LOADS: [&str; 6] = ["options", "register", "calls", "rtp", "http", "udpapi"];
/// Results that are kept for the percentiles.
const MAX_RESULTS: usize = 100_000;

async fn run(call: Call, params: Params) -> Outcome {
    means_nothing("parameter", &params.parameter)?;
    if !(1..=MAX_SECONDS).contains(&params.testtime) {
        return Err(Failure::invalid(format!("testtime must be 1 to {MAX_SECONDS} seconds")));
    }
    if !(1..=MAX_THREADS).contains(&params.threads) {
        return Err(Failure::invalid(format!("threads must be 1 to {MAX_THREADS}")));
    }
    let kind = params.testtype.trim().to_ascii_lowercase();
    let kind = match kind.as_str() {
        "registrations" => "register",
        "media" => "rtp",
        "api" => "http",
        kind => kind,
    };
    match kind {
        "" | "self" | "database" | "0" | "1" => Ok(itself(&call, &params).await),
        "load" => load(&call, &LOADS, params.testtime).await,
        kind => match LOADS.iter().find(|load| **load == kind) {
            Some(load_) => load(&call, &[load_], params.testtime).await,
            None => Err(Failure::invalid(format!("testtype must be self, load, {}", LOADS.join(", ")))),
        },
    }
}

/// Every check of the heartbeat again and again.
async fn itself(call: &Call, params: &Params) -> Reply {
    let length = Duration::from_secs(params.testtime.into());
    let begin = Instant::now();
    let mut tasks = JoinSet::new();
    for _ in 0..params.threads {
        let switch = call.switch().clone();
        tasks.spawn(async move {
            let mut checks = Vec::new();
            while begin.elapsed() < length && checks.len() < MAX_RESULTS / 16 {
                checks.extend(switch.heartbeat(true).await);
            }
            checks
        });
    }
    let mut results: BTreeMap<&'static str, (Vec<f64>, usize, String)> = BTreeMap::new();
    while let Some(checks) = tasks.join_next().await {
        for check in checks.into_iter().flatten() {
            let (times, failed, why) = results.entry(check.name).or_default();
            times.push(check.ms);
            *failed += usize::from(!check.ok);
            if let Some(error) = check.error {
                *why = error;
            }
        }
    }
    let seconds = begin.elapsed().as_secs_f64();
    let rows = results.into_iter().map(|(name, (mut times, failed, why))| {
        times.sort_by(f64::total_cmp);
        #[expect(clippy::cast_precision_loss, reason = "counts of tests are far below 2^52")]
        let rate = times.len() as f64 / seconds;
        let at = |percent: usize| Data::Decimal(format!("{:.3}", percentile(&times, percent)));
        vec![
            name.into(),
            i64::try_from(times.len()).unwrap_or(i64::MAX).into(),
            i64::try_from(failed).unwrap_or(i64::MAX).into(),
            Data::Decimal(format!("{rate:.1}")),
            at(50),
            at(95),
            at(99),
            why.into(),
        ]
    });
    let columns = ["test", "done", "failed", "persecond", "p50ms", "p95ms", "p99ms", "reason"];
    Reply::rows(&columns, rows.collect())
}

/// The smallest of the sorted times that so many percent do not exceed.
fn percentile(sorted: &[f64], percent: usize) -> f64 {
    let index = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
    sorted.get(index).copied().unwrap_or_default()
}

/// A second exchange of the same program, on ports and a folder of its own.
async fn load(call: &Call, only: &[&str], seconds: u32) -> Outcome {
    let calls = call.switch().info().await.calls;
    if calls > 0 {
        let why = format!("{calls} calls are running: a load test would take the processor from them");
        return Err(Failure::new(Kind::Busy, why));
    }
    let (done, measured) = oneshot::channel();
    let only = only.iter().map(|name| (*name).to_owned()).collect();
    call.dispatcher.order(ServiceOrder::Measure { only, seconds, done })?;
    let measured = measured.await.map_err(|_| Failure::unavailable("the server is ending"))?;
    Ok(Reply::lines(measured.map_err(Failure::failed)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_were_measured() {
        let times: Vec<f64> = (1..=100).map(f64::from).collect();
        for (percent, value) in [(50, 50.0), (95, 95.0), (99, 99.0), (100, 100.0)] {
            assert!((percentile(&times, percent) - value).abs() < f64::EPSILON, "{percent}");
        }
        assert!((percentile(&[7.0], 50) - 7.0).abs() < f64::EPSILON);
        assert!(percentile(&[], 50).abs() < f64::EPSILON);
    }
}
