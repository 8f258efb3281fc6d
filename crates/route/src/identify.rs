//! Who is calling: each needauth kind, for callers with and without a verified digest.
//!
//! The digest itself is checked elsewhere; here only which account may use which proof. Who is unknown
//! and who must prove more get the same challenge, so that nothing tells whether an account exists.

use std::cmp::Reverse;
use std::net::{IpAddr, SocketAddr};

use strowger_model::account::Transport;
use strowger_model::{Account, AccountId, AccountKind, NeedAuth};

use crate::snapshot::Snapshot;
use crate::trace::{Stage, TraceStep, note};

/// The port of a server that names none (RFC 3261 section 19.1.2).
const SIP_PORT: u16 = 5060;

/// A request that is not yet anybody's.
#[derive(Debug, Clone, Copy)]
pub struct Arrival<'a> {
    /// Where it came from.
    pub source: SocketAddr,
    /// Over what.
    pub transport: Transport,
    /// The user part of From.
    pub from_user: &'a str,
    /// The host part of From.
    pub from_host: &'a str,
    /// The user part of the Request-URI.
    pub called_user: &'a str,
    /// The host part of the Request-URI.
    pub called_host: &'a str,
    /// The account whose digest was verified.
    pub digest: Option<AccountId>,
    /// It came to a listener that is set aside for trunks, so that a source address over UDP may be believed.
    pub bound_listener: bool,
}

/// Who it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Identity {
    /// This account.
    Accept {
        /// The account.
        account: AccountId,
        /// What it called, without its tech prefix.
        called: String,
        /// The only proof is a source address or a name over plain UDP: keep its limits low.
        weak: bool,
        /// It is a server, which may present any number.
        trunk: bool,
    },
    /// Challenge.
    NeedDigest {
        /// Who could answer; empty: nobody, and it is challenged all the same.
        candidates: Vec<AccountId>,
    },
    /// Refuse.
    Refuse {
        /// The SIP status.
        status: u16,
        /// Its reason.
        reason: &'static str,
    },
}

/// Finds out who is calling.
#[must_use]
pub fn identify(snapshot: &Snapshot, arrival: &Arrival) -> Identity {
    identify_traced(snapshot, arrival, &mut Vec::new())
}

/// As [`identify`], with a line per account that was looked at.
pub fn identify_traced(snapshot: &Snapshot, arrival: &Arrival, trace: &mut Vec<TraceStep>) -> Identity {
    if !is_our_domain(snapshot, arrival.called_host) {
        note(trace, Stage::Authentication, format!("{} is not one of our domains", arrival.called_host));
        return Identity::Refuse { status: 404, reason: "unknown domain" };
    }
    if let Some(id) = arrival.digest {
        return with_digest(snapshot, arrival, id, trace);
    }
    let named = snapshot.by_username(arrival.from_user);
    let mut known = snapshot.trunks_at(arrival.source.ip());
    known.extend(snapshot.by_tech_prefix(arrival.called_user));
    known.extend(named.map(|a| a.id));
    known.sort_unstable();
    known.dedup();
    let mut best: Option<(Match, &Account)> = None;
    let mut disabled: Option<&Account> = None;
    let mut named_may_answer = false;
    let mut challenged = Vec::new();
    for account in known.iter().filter_map(|id| snapshot.account(*id)) {
        let proof = proof(snapshot, account, arrival);
        let by = format!("{} (needauth {:?}): {}", account.username, account.need_auth, proof.text());
        note(trace, Stage::Authentication, by);
        match proof {
            Proof::Digest => {
                named_may_answer |= named.is_some_and(|named| named.id == account.id);
                challenged.push(account.id);
            }
            Proof::Fails => {}
            Proof::Matches(_) if !account.active => disabled = Some(account),
            Proof::Matches(rank) => {
                if best.is_none_or(|(other, _)| rank > other) {
                    best = Some((rank, account));
                }
            }
        }
    }
    if let Some((rank, trunk)) = &best
        && named_may_answer
        && is_phone_beside(trunk, rank, arrival)
    {
        let name = &trunk.username;
        note(trace, Stage::Authentication, format!("it only shares {name}'s address: a phone of its own"));
        best = None;
    }
    match best.map(|(_, account)| account).or(disabled.filter(|_| !named_may_answer)) {
        Some(account) => accept(account, arrival, trace),
        None => {
            note(
                trace,
                Stage::Authentication,
                format!("digest is asked for ({} candidates)", challenged.len()),
            );
            Identity::NeedDigest { candidates: challenged }
        }
    }
}

/// How well an account without a digest fits; greater fits better. Two trunks on one address are told
/// apart by port, then tech prefix, then username.
type Match = (bool, bool, usize, bool, Reverse<AccountId>);

/// A phone and a trunk share an address: behind one router, or on one machine. From names an account with a digest;
/// nothing but the address speaks for the trunk, and the host in From is not the trunk's.
fn is_phone_beside(
    trunk: &Account,
    &(_, port, prefix_length, username, _): &Match,
    arrival: &Arrival,
) -> bool {
    let host = arrival.from_host.trim_matches(['[', ']']);
    let source = arrival.source.ip().to_canonical();
    let is_source = host.parse::<IpAddr>().is_ok_and(|ip| ip.to_canonical() == source);
    let signs_as_itself = is_source && !arrival.called_host.eq_ignore_ascii_case(arrival.from_host);
    let domain = trunk.server.as_ref().map_or("", |server| &*server.domain);
    let signs_as_domain = !domain.is_empty() && domain.eq_ignore_ascii_case(host);
    !(port || prefix_length > 0 || username || signs_as_itself || signs_as_domain)
}

enum Proof {
    Matches(Match),
    Digest,
    Fails,
}

impl Proof {
    const fn text(&self) -> &'static str {
        match self {
            Self::Matches(_) => "matches",
            Self::Digest => "needs a digest",
            Self::Fails => "does not match",
        }
    }
}

fn proof(snapshot: &Snapshot, account: &Account, arrival: &Arrival) -> Proof {
    let address = has_address(snapshot, account, arrival);
    let prefix = has_prefix(account, arrival.called_user);
    let username = account.username.to_lowercase() == arrival.from_user.to_lowercase();
    let port = has_port(snapshot, account, arrival);
    let fits = match account.need_auth {
        // "Anybody who names it" must name it, unless its own address speaks for it.
        NeedAuth::Open | NeedAuth::Username => username || (address && account.need_auth == NeedAuth::Open),
        NeedAuth::Ip | NeedAuth::IpRange => address,
        NeedAuth::Prefix => prefix,
        NeedAuth::PrefixIp => prefix && address,
        NeedAuth::IpPort => address && port,
        NeedAuth::IpUsername => address && username,
        NeedAuth::UserPassword => return if username { Proof::Digest } else { Proof::Fails },
        NeedAuth::IpUserPassword | NeedAuth::IpRangeUserPassword => {
            return if address { Proof::Digest } else { Proof::Fails };
        }
    };
    if !fits || !may_call(account) {
        return Proof::Fails;
    }
    let prefix_length = if prefix { account.tech_prefix.len() } else { 0 };
    Proof::Matches((address, port, prefix_length, username, Reverse(account.id)))
}

fn with_digest(
    snapshot: &Snapshot,
    arrival: &Arrival,
    id: AccountId,
    trace: &mut Vec<TraceStep>,
) -> Identity {
    let refuse = |reason| Identity::Refuse { status: 403, reason };
    let Some(account) = snapshot.account(id) else { return refuse("unknown account") };
    note(trace, Stage::Authentication, format!("{}: digest verified", account.username));
    if !may_call(account) {
        return refuse("account may not call");
    }
    let addressed = matches!(
        account.need_auth,
        NeedAuth::Ip
            | NeedAuth::PrefixIp
            | NeedAuth::IpPort
            | NeedAuth::IpUsername
            | NeedAuth::IpUserPassword
            | NeedAuth::IpRange
            | NeedAuth::IpRangeUserPassword
    );
    if addressed && !has_address(snapshot, account, arrival) {
        note(trace, Stage::Authentication, format!("{} is not an address of it", arrival.source.ip()));
        return refuse("address not allowed");
    }
    if account.need_auth == NeedAuth::IpPort && !has_port(snapshot, account, arrival) {
        return refuse("port not allowed");
    }
    let prefixed = matches!(account.need_auth, NeedAuth::Prefix | NeedAuth::PrefixIp);
    if prefixed && !has_prefix(account, arrival.called_user) {
        return refuse("tech prefix missing");
    }
    if !is_trunk(account) && !claims(snapshot, account, arrival.from_user) {
        note(trace, Stage::Authentication, format!("From claims to be {}", arrival.from_user));
        return refuse("From is not the authenticated account");
    }
    accept(account, arrival, trace)
}

fn accept(account: &Account, arrival: &Arrival, trace: &mut Vec<TraceStep>) -> Identity {
    if !account.active {
        note(trace, Stage::Authentication, format!("{} is disabled", account.username));
        return Identity::Refuse { status: 403, reason: "account disabled" };
    }
    let stripped = arrival.called_user.strip_prefix(&*account.tech_prefix).filter(|rest| !rest.is_empty());
    let called = match stripped {
        Some(rest) if !account.tech_prefix.is_empty() => {
            note(trace, Stage::Normalisation, format!("tech prefix {} removed", account.tech_prefix));
            rest
        }
        _ => arrival.called_user,
    };
    let weak = arrival.digest.is_none() && arrival.transport == Transport::Udp && !arrival.bound_listener;
    note(trace, Stage::Authentication, format!("caller is {}", account.username));
    Identity::Accept { account: account.id, called: called.to_owned(), weak, trunk: is_trunk(account) }
}

/// The From user of an account's own call: its username, number or id, or nothing at all (RFC 3323).
fn claims(snapshot: &Snapshot, account: &Account, from_user: &str) -> bool {
    let anonymous = from_user.is_empty() || from_user.eq_ignore_ascii_case("anonymous");
    anonymous
        || account.username.to_lowercase() == from_user.to_lowercase()
        || *account.phone == *from_user
        || account.id.to_string() == from_user
        || snapshot.by_number(from_user).is_some_and(|a| a.id == account.id)
}

fn has_address(snapshot: &Snapshot, account: &Account, arrival: &Arrival) -> bool {
    let source = arrival.source.ip().to_canonical();
    let resolved = snapshot.trunk_addresses(account.id);
    account.auth_ip.iter().any(|r| r.contains(source))
        || account.server.as_ref().and_then(|s| s.ip).is_some_and(|ip| ip.to_canonical() == source)
        || resolved.iter().any(|a| a.ip().to_canonical() == source)
}

fn has_port(snapshot: &Snapshot, account: &Account, arrival: &Arrival) -> bool {
    let port = arrival.source.port();
    let resolved = snapshot.trunk_addresses(account.id);
    let own = account.server.as_ref().map(|s| if s.port == 0 { SIP_PORT } else { s.port });
    own == Some(port) || resolved.iter().any(|a| a.port() == port)
}

fn has_prefix(account: &Account, called: &str) -> bool {
    !account.tech_prefix.is_empty() && called.len() > account.tech_prefix.len() && {
        called.starts_with(&*account.tech_prefix)
    }
}

const fn is_trunk(account: &Account) -> bool {
    matches!(account.kind, AccountKind::TrafficSender | AccountKind::SipServer)
}

/// A server that only takes calls may not make any.
fn may_call(account: &Account) -> bool {
    let sends = account.server.as_ref().is_some_and(|s| s.sends_traffic);
    account.kind != AccountKind::SipServer || sends
}

fn is_our_domain(snapshot: &Snapshot, host: &str) -> bool {
    let settings = snapshot.settings();
    let literal = host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok();
    settings.domains.is_empty()
        || literal
        || host.is_empty()
        || host.eq_ignore_ascii_case(&settings.realm)
        || settings.domains.iter().any(|d| d.eq_ignore_ascii_case(host))
}
