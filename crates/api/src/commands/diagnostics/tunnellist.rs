//! `tunnellist`: the open encrypted connections.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use strowger_model::{AccountId, Scope};
use strowger_switch::{BindingFilter, EncryptedKind, EncryptedSession};

use crate::commands::text::date;
use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::reply::{Data, Failure, Reply};

/// Connections of one answer at most.
const MOST: u32 = 500;
/// Addresses of one answer whose phones are looked up: what cannot be told by then is left empty.
const MOST_ADDRESSES: usize = 100;

params! {
    /// Rows of one answer, at most 500.
    max: u32 = "100",
}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "tunnellist",
    aliases: &[],
    group: Group::Diagnostics,
    access: Access::Admin,
    effect: Effect::Read,
    reach: Reach::Nothing,
    params: PARAMS,
    summary: "Open encrypted connections: peer, what they carry, since when, version of TLS, cipher suite, SNI, ALPN, the account where one was proved on it, bytes. This is TLS: there is no tunnel protocol of its own.",
    spec: "server-api: Diagnostics",
    example: "max=100",
    reply: "OK: <n> and a table",
    run: RUN,
};

const COLUMNS: [&str; 12] = [
    "id",
    "peer",
    "port",
    "transport",
    "since",
    "version",
    "cipher",
    "sni",
    "alpn",
    "account",
    "bytesin",
    "bytesout",
];

async fn run(call: Call, params: Params) -> Outcome {
    if params.max == 0 || params.max > MOST {
        return Err(Failure::invalid(format!("max must be 1 to {MOST}")));
    }
    let most = usize::try_from(params.max).unwrap_or(1);
    let after = call.cursor.and_then(|cursor| u64::try_from(cursor).ok()).unwrap_or(0);
    // One more than is shown tells whether there is a next page.
    let mut sessions = call.switch().encrypted().sessions(after, most + 1);
    let more = sessions.len() > most;
    sessions.truncate(most);
    let phones = phones(&call, &sessions).await?;
    let next = sessions.last().filter(|_| more).and_then(|last| i64::try_from(last.id).ok());
    let snapshot = call.switch().snapshot();
    let rows = sessions.iter().map(|session| {
        let account = session.account.or_else(|| phones.get(&session.handshake.peer).copied());
        let account = account.and_then(|id| snapshot.account(id));
        row(session, account.map_or("", |account| &account.username))
    });
    Ok(Reply::rows(&COLUMNS, rows.collect()).with_cursor(next))
}

fn row(session: &EncryptedSession, account: &str) -> Vec<Data> {
    let EncryptedSession { id, handshake, received, sent, .. } = session;
    vec![
        (*id).into(),
        handshake.peer.to_string().into(),
        i64::from(handshake.port).into(),
        handshake.kind.name().into(),
        date(handshake.since).into(),
        handshake.version.into(),
        handshake.cipher.into(),
        handshake.sni.as_str().into(),
        handshake.alpn.as_str().into(),
        account.into(),
        (*received).into(),
        (*sent).into(),
    ]
}

/// Whose phones are at the other end of SIP connections: they prove themselves to the registrar, not to the door.
async fn phones(
    call: &Call,
    sessions: &[EncryptedSession],
) -> Result<BTreeMap<SocketAddr, AccountId>, Failure> {
    let carries_sip = |kind| matches!(kind, EncryptedKind::Sip | EncryptedKind::SipSocket);
    let mut addresses: Vec<IpAddr> = sessions
        .iter()
        .filter(|session| session.account.is_none() && carries_sip(session.handshake.kind))
        .map(|session| session.handshake.peer.ip())
        .collect();
    addresses.sort_unstable();
    addresses.dedup();
    let mut phones = BTreeMap::new();
    for address in addresses.into_iter().take(MOST_ADDRESSES) {
        let filter = BindingFilter { ip: Some(address), ..BindingFilter::default() };
        for phone in call.switch().bindings(Scope::All, filter).await? {
            if matches!(phone.transport, "tls" | "wss") {
                phones.insert(phone.source, phone.account);
            }
        }
    }
    Ok(phones)
}
