//! `setip`: the machine's address, changed by the operator's helper and reverted unless it is confirmed.

use std::net::IpAddr;
use std::time::Duration;

use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::host::{self, Address};
use crate::reply::{Failure, Kind, Reply};

params! {
    /// The network interface, as the system names it.
    cardname: String,
    /// Its new address.
    ip: String,
    /// The network mask, such as 255.255.255.0, or the length of the prefix.
    mask: String,
    /// The gateway, in the same network; empty sets none.
    gateway: Option<IpAddr> = "",
    /// The gateway's metric, 0 to 9999.
    gwmetric: u32 = "0",
}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "setip",
    aliases: &[],
    group: Group::Command,
    access: Access::Host,
    effect: Effect::Write,
    reach: Reach::Nothing,
    params: PARAMS,
    summary: "Changes the machine's address through the operator's helper; the same request again confirms it, else it is reverted after hostipconfirm seconds.",
    spec: "server-api: API",
    example: "cardname=lo&ip=192.0.2.10&mask=255.255.255.0&gateway=192.0.2.1",
    reply: "OK: applied, repeat the request within 60 s to confirm",
    run: RUN,
};

/// The highest metric that is accepted.
const MAX_METRIC: u32 = 9_999;

async fn run(call: Call, params: Params) -> Outcome {
    let config = call.config();
    host::capable(&config)?;
    if config.hostiphelper.is_empty() {
        return Err(Failure::unavailable("hostiphelper is not set in the start-up file"));
    }
    let wanted = validated(&params)?;
    let pending = call.memory().address.clone();
    match pending {
        Some(pending) if pending.wanted == wanted => confirm(&call, wanted).await,
        Some(pending) => {
            let text = format!("the change of {} waits for its confirmation", pending.wanted[0]);
            Err(Failure::new(Kind::Busy, text))
        }
        None => apply(&call, wanted).await,
    }
}

/// What the helper gets: interface, address, prefix length, gateway or `-`, metric.
fn validated(params: &Params) -> Result<Vec<String>, Failure> {
    let card = params.cardname.trim();
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-@:".contains(c);
    let there = !card.starts_with(['.', '-']) && card.chars().all(plain);
    if !there || !std::path::Path::new("/sys/class/net").join(card).exists() {
        return Err(Failure::invalid("cardname must be a network interface of this machine"));
    }
    let ip: Option<IpAddr> = params.ip.trim().parse().ok();
    let ip = ip.filter(|ip| !ip.is_unspecified() && !ip.is_multicast());
    let ip = ip.ok_or_else(|| Failure::invalid("ip must be the address of a machine"))?;
    let bits = if ip.is_ipv4() { 32 } else { 128 };
    let prefix = prefix(&params.mask).filter(|prefix| (1..=bits).contains(prefix));
    let prefix = prefix.ok_or_else(|| {
        Failure::invalid(format!("mask must be a network mask or a prefix length from 1 to {bits}"))
    })?;
    if let Some(gateway) = params.gateway
        && (gateway == ip || network(gateway, prefix) != network(ip, prefix))
    {
        return Err(Failure::invalid("gateway must be another address of the same network"));
    }
    if params.gwmetric > MAX_METRIC {
        return Err(Failure::invalid(format!("gwmetric must be 0 to {MAX_METRIC}")));
    }
    let gateway = params.gateway.map_or_else(|| "-".to_owned(), |gateway| gateway.to_string());
    Ok(vec![card.to_owned(), params.ip.to_string(), prefix.to_string(), gateway, params.gwmetric.to_string()])
}

/// The length of a prefix that is written as a number or as a mask without holes.
fn prefix(mask: &str) -> Option<u32> {
    let mask = mask.trim();
    if let Ok(length) = mask.parse() {
        return Some(length);
    }
    let bits = u32::from(mask.parse::<std::net::Ipv4Addr>().ok()?);
    (bits.leading_ones() + bits.trailing_zeros() == 32).then(|| bits.leading_ones())
}

/// The network that an address lies in; addresses of different families lie in different ones.
fn network(address: IpAddr, prefix: u32) -> (bool, u128) {
    match address {
        IpAddr::V4(address) => (true, u32::from(address).checked_shr(32 - prefix).unwrap_or(0).into()),
        IpAddr::V6(address) => (false, u128::from(address).checked_shr(128 - prefix).unwrap_or(0)),
    }
}

async fn helper(call: &Call, verb: &str, wanted: &[String]) -> Result<(), Failure> {
    let arguments = [&[verb.to_owned()], wanted].concat();
    let program = call.config().hostiphelper.clone();
    let ran = host::run_helper(call.switch(), &call.on_behalf(), &program, &arguments).await?;
    if ran.succeeded() {
        return Ok(());
    }
    let last = ran.output.lines().last().map(|line| format!(": {line}")).unwrap_or_default();
    Err(Failure::failed(format!("{verb}: {}{last}", ran.ending())))
}

async fn apply(call: &Call, wanted: Vec<String>) -> Outcome {
    let (confirmed, confirmation) = tokio::sync::oneshot::channel();
    {
        let mut memory = call.memory();
        if memory.address.is_some() {
            return Err(Failure::new(Kind::Busy, "another change of address is under way"));
        }
        memory.address = Some(Address::new(wanted.clone(), confirmed));
    }
    if let Err(failure) = helper(call, "apply", &wanted).await {
        call.memory().address = None;
        return Err(failure);
    }
    let seconds = call.config().hostipconfirm;
    tokio::spawn(host::revert_unless(
        std::sync::Arc::clone(&call.dispatcher),
        call.on_behalf(),
        wanted,
        confirmation,
        Duration::from_secs(seconds.into()),
    ));
    Ok(Reply::ok(format!("applied, repeat the request within {seconds} s to confirm"))
        .with("state", "applied")
        .with("seconds", seconds))
}

async fn confirm(call: &Call, wanted: Vec<String>) -> Outcome {
    let pending = call.memory().address.take();
    let pending = pending.ok_or_else(|| Failure::not_found("a change that waits: it was reverted"))?;
    if !pending.confirm() {
        return Err(Failure::failed("the change was reverted meanwhile"));
    }
    helper(call, "confirm", &wanted).await?;
    Ok(Reply::ok("confirmed").with("state", "confirmed"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_and_networks() {
        for (mask, length) in [
            ("255.255.255.0", Some(24)),
            ("24", Some(24)),
            ("255.0.255.0", None),
            ("x", None),
            ("0.0.0.0", Some(0)),
        ] {
            assert_eq!(prefix(mask), length, "{mask}");
        }
        let net = |text: &str, prefix| network(text.parse().unwrap(), prefix);
        assert_eq!(net("192.0.2.10", 24), net("192.0.2.1", 24));
        assert_ne!(net("192.0.2.10", 24), net("192.0.3.1", 24));
        assert_ne!(net("::1", 128), net("::2", 128));
        assert_ne!(net("192.0.2.1", 24), net("::1", 24));
    }
}
