//! The other nodes of the installation: which there are, and asking one of them. Whoever has sockets hands the way to
//! reach them in. Nothing here decides who may ask.

mod ask;
mod roll;
mod session;

use std::pin::Pin;
use std::time::Duration;

use strowger_config::Config;
use thiserror::Error;

pub(crate) use ask::{Question, bare};
pub(crate) use roll::{Rolled, gateways, roll};
pub use session::NodeSession;

use crate::reply::Failure;

/// The most nodes that are listed.
const MOST_NODES: usize = 64;
/// The longest name of a node, in characters.
const LONGEST_NAME: usize = 32;
/// The name that stands for this node.
pub(crate) const HERE: &str = "local";
/// The field that a line from another node carries: such a line is never passed on, so that nothing goes round.
pub(crate) const MARK: &str = "vianode";
/// The longest answer that is taken from a node, in bytes.
pub const MOST_ANSWER: usize = 1024 * 1024;

/// How a node is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NodeSecurity {
    /// TLS where the port answers it, else in clear where the address is near.
    Either,
    /// TLS alone.
    Tls,
    /// In clear alone, where the address is near.
    Clear,
}

/// One other node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// How it is called here.
    pub name: String,
    /// A name or address, without brackets.
    pub host: String,
    /// Its main port.
    pub port: u16,
    /// How it is spoken to.
    pub security: NodeSecurity,
}

/// Why a node gave no answer.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NodeError {
    /// Its name has no address.
    #[error("{0} has no address")]
    Unknown(String),
    /// No connection.
    #[error("it cannot be reached: {0}")]
    Unreachable(String),
    /// It would have to be in clear.
    #[error(
        "it does not answer TLS, and {0} is neither this machine nor in trustediplist, so nothing is sent in clear"
    )]
    Clear(String),
    /// The certificate does not do, or there are none to check it with.
    #[error("TLS: {0}")]
    Tls(String),
    /// It took too long.
    #[error("no answer within {} s", .0.as_secs())]
    TooLong(Duration),
    /// More than [`MOST_ANSWER`].
    #[error("its answer is longer than {} bytes or broken", MOST_ANSWER)]
    TooMuch,
    /// What answers is no API.
    #[error("what answers there is no API: {0}")]
    NoApi(String),
}

/// A request on its way to a node. The body is a form and holds secrets, so that this is never printed.
pub struct NodeRequest {
    /// To whom.
    pub node: Node,
    /// An encoded form.
    pub body: String,
    /// How long all of it may take.
    pub patience: Duration,
}

/// An answer under way: its text.
pub type NodeAnswering = Pin<Box<dyn Future<Output = Result<String, NodeError>> + Send>>;

/// Asks a node.
pub type AskNode = Box<dyn Fn(NodeRequest) -> NodeAnswering + Send + Sync>;

/// A visit of a URL of the operator's under way; an error says why it was none or not answered with 2xx.
pub type Visiting = Pin<Box<dyn Future<Output = Result<(), String>> + Send>>;

/// Gets a URL that the start-up file names, at whatever address that is.
pub type Visit = Box<dyn Fn(String, Duration) -> Visiting + Send + Sync>;

/// The nodes of the configuration.
///
/// # Errors
/// `not available` where there are none, or for the first entry that is none.
pub(crate) fn listed(config: &Config) -> Result<Vec<Node>, Failure> {
    if config.nodes.is_empty() {
        return Err(Failure::unavailable("no other nodes are configured (nodes)"));
    }
    let mut nodes: Vec<Node> = Vec::new();
    for entry in config.nodes.iter().take(MOST_NODES) {
        let node = parse(entry).filter(|node| nodes.iter().all(|other| other.name != node.name));
        nodes.push(node.ok_or_else(|| {
            let entry: String = entry.chars().take(60).collect();
            Failure::unavailable(format!("nodes: {entry} is not name=host:port with a name of its own"))
        })?);
    }
    Ok(nodes)
}

/// The node of this name.
///
/// # Errors
/// `not found` with the names that there are.
pub(crate) fn named(nodes: &[Node], name: &str) -> Result<Node, Failure> {
    let found = nodes.iter().find(|node| node.name.eq_ignore_ascii_case(name.trim()));
    found.cloned().ok_or_else(|| {
        let name: String = name.trim().chars().take(LONGEST_NAME).collect();
        let known: Vec<&str> = nodes.iter().map(|node| node.name.as_str()).collect();
        Failure::not_found(format!("node {name}; there are {}", known.join(", ")))
    })
}

fn parse(entry: &str) -> Option<Node> {
    let (name, place) = entry.split_once('=')?;
    let (name, place) = (name.trim().to_ascii_lowercase(), place.trim());
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if name.is_empty() || name.len() > LONGEST_NAME || !name.chars().all(plain) || name == HERE {
        return None;
    }
    let (security, place) = match place.split_once(':') {
        Some(("tls", rest)) => (NodeSecurity::Tls, rest),
        Some(("tcp", rest)) => (NodeSecurity::Clear, rest),
        _ => (NodeSecurity::Either, place),
    };
    let (host, port) = place.rsplit_once(':')?;
    let bracketed = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let host = match bracketed {
        Some(host) => host.parse::<std::net::Ipv6Addr>().ok()?.to_string(),
        None if !host.is_empty() && host.chars().all(plain) => host.to_owned(),
        None => return None,
    };
    let port = port.parse().ok().filter(|port| *port > 0)?;
    Some(Node { name, host, port, security })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_is_a_name_and_a_place() {
        for (entry, wanted) in [
            ("b=10.0.0.2:80", Some(("b", "10.0.0.2", 80, NodeSecurity::Either))),
            (" B2 = tls:b.example.com:443", Some(("b2", "b.example.com", 443, NodeSecurity::Tls))),
            ("b=tcp:127.0.0.1:8080", Some(("b", "127.0.0.1", 8080, NodeSecurity::Clear))),
            ("b=[::1]:80", Some(("b", "::1", 80, NodeSecurity::Either))),
            ("b=tls:[2001:db8::2]:443", Some(("b", "2001:db8::2", 443, NodeSecurity::Tls))),
            ("b", None),
            ("b=10.0.0.2", None),
            ("b=10.0.0.2:0", None),
            ("b=10.0.0.2:99999", None),
            ("=10.0.0.2:80", None),
            ("a b=10.0.0.2:80", None),
            ("local=10.0.0.2:80", None),
            ("b=http://10.0.0.2:80", None),
            ("b=::1:80", None),
            ("b=[nonsense]:80", None),
        ] {
            let node = parse(entry);
            let node = node.as_ref().map(|n| (n.name.as_str(), n.host.as_str(), n.port, n.security));
            assert_eq!(node, wanted, "{entry}");
        }
    }

    #[test]
    fn a_list_without_nodes_and_a_wrong_one_say_so() {
        let text = |nodes: &str| {
            let listed = listed(&Config::with(&[("nodes", nodes)]));
            listed.map_or_else(|failure| failure.to_string(), |nodes| nodes.len().to_string())
        };
        assert_eq!(text(""), "not available: no other nodes are configured (nodes)");
        assert_eq!(text("a=127.0.0.1:1, b=127.0.0.1:2"), "2");
        assert!(text("a=127.0.0.1:1, A=127.0.0.1:2").contains("a name of its own"));
        let nodes = listed(&Config::with(&[("nodes", "a=127.0.0.1:1")])).unwrap();
        assert_eq!(named(&nodes, " A ").unwrap().port, 1);
        assert_eq!(named(&nodes, "c").unwrap_err().to_string(), "not found: node c; there are a");
    }
}
