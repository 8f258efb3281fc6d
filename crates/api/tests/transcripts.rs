//! The transcripts, straight through the dispatcher of a real exchange, once as TCP lines and once as datagrams.

mod common;

use std::sync::Arc;
use std::time::Duration;

use strowger_api::Transport;
use strowger_api::transcript::{StepKind, Transcript, Variables, check, load_all};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

async fn run(transcript: &Transcript, transport: Transport) -> Result<(), String> {
    let settings: Vec<(&str, &str)> =
        transcript.settings.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    let exchange = common::Exchange::new(&settings).await;
    let mut variables = Variables::new(&[("admin", common::ADMIN), ("key", "authkey=K")]);
    let mut result = Ok(());
    for step in &transcript.steps {
        let over = if step.kind == StepKind::Setup { Transport::Tcp } else { transport };
        let line = variables.expand(&step.request);
        let answer = exchange.line_from("127.0.0.1", over, &line).await;
        result = check(step, over == Transport::Udp, &answer, &mut variables)
            .map_err(|wrong| format!("{} over {transport:?}, {wrong}", transcript.name));
        if result.is_err() {
            break;
        }
    }
    exchange.stop().await;
    result
}

/// The gate sends webhooks, and there is none here: the binary's own test runs this one.
const NEEDS_THE_GATE: &str = "webhooktest";
/// Exchanges at a time: most of one's life is waiting for the disk.
const AT_ONCE: usize = 6;
/// How long one file may take; what hangs is named.
const LIMIT: Duration = Duration::from_secs(120);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_transcript_holds_over_tcp_and_udp() {
    let only = std::env::var("STROWGER_TRANSCRIPT").ok();
    let transcripts = load_all(&common::root().join("conformance/api")).unwrap();
    assert!(!transcripts.is_empty());
    let (room, mut running) = (Arc::new(Semaphore::new(AT_ONCE)), JoinSet::new());
    let wanted =
        |t: &Transcript| only.as_ref().is_none_or(|only| *only == t.name) && t.name != NEEDS_THE_GATE;
    for transcript in transcripts.into_iter().filter(wanted) {
        let transcript = Arc::new(transcript);
        for transport in [Transport::Tcp, Transport::Udp] {
            let (room, transcript) = (Arc::clone(&room), Arc::clone(&transcript));
            running.spawn(async move {
                let _place = room.acquire().await.unwrap();
                let name = &transcript.name;
                let ended = tokio::time::timeout(LIMIT, run(&transcript, transport)).await;
                ended.unwrap_or_else(|_| Err(format!("{name} over {transport:?} does not end")))
            });
        }
    }
    let wrong: Vec<String> = running.join_all().await.into_iter().filter_map(Result::err).collect();
    assert!(wrong.is_empty(), "{} transcripts do not hold:\n\n{}", wrong.len(), wrong.join("\n\n"));
}
