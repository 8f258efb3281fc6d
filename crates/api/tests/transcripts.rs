//! The transcripts, straight through the dispatcher of a real exchange, once as TCP lines and once as datagrams.

mod common;

use strowger_api::Transport;
use strowger_api::transcript::{StepKind, Transcript, Variables, check, load_all};

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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_transcript_holds_over_tcp_and_udp() {
    let only = std::env::var("STROWGER_TRANSCRIPT").ok();
    let mut wrong = Vec::new();
    let transcripts = load_all(&common::root().join("conformance/api")).unwrap();
    assert!(!transcripts.is_empty());
    for transcript in transcripts.iter().filter(|t| only.as_ref().is_none_or(|only| *only == t.name)) {
        for transport in [Transport::Tcp, Transport::Udp] {
            if let Err(why) = run(transcript, transport).await {
                wrong.push(why);
            }
        }
    }
    assert!(wrong.is_empty(), "{} transcripts do not hold:\n\n{}", wrong.len(), wrong.join("\n\n"));
}
