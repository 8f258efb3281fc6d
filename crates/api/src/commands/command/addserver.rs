//! `addserver`: a SIP server that calls go to, a traffic sender that they come from, or both.

use std::net::IpAddr;

use strowger_model::{AccountId, AccountKind, Amount, Scope, Secret};
use strowger_store::{NewUser, SqlAnswer, SqlLimits};

use crate::commands::{currency, user_fields, username};
use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::reply::{Failure, Reply};

/// What is said of a server that calls cannot go to.
const NO_TLS: &str = "TLS to trunks is not available in this version: no call goes there";

/// Extra fields: fieldname0 to fieldname99.
const EXTRA_FIELDS: usize = 100;

params! {
    /// 0 both, 5 only traffic sender, 9 only SIP server.
    u_type: u32 = "0",
    /// Its name; the username where none is given.
    u_name: String = "",
    /// Its username; the name where none is given. Outbound digest and REGISTER use it.
    u_username: String = "",
    /// Its password; made up where none is given.
    u_password: Option<Secret> = "",
    /// Its domain, perhaps with a port.
    u_domain: String = "",
    /// Its address, perhaps with a port.
    u_ip: String = "",
    /// The port where domain or address have none.
    u_port: u32 = "5060",
    /// An outbound proxy.
    u_proxy: String = "",
    /// udp, tcp or tls.
    u_transport: String = "udp",
    /// tb_users.needauth.
    u_auth: u32 = "1",
    /// An e-mail address.
    u_email: String = "",
    /// A country.
    u_country: String = "",
    /// A currency.
    u_currency: String = "",
    /// The opening credit.
    u_credit ["credit"]: Amount = "0",
    /// A routing entry to join, by id or name; a new name makes one; null: none; empty: one of its own.
    u_routing: String = "",
    /// Its priority there; lower is tried first.
    u_routingpriority: u32 = "100",
}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "addserver",
    aliases: &[],
    group: Group::Command,
    access: Access::Sensitive,
    effect: Effect::Write,
    reach: Reach::Scope,
    params: PARAMS,
    summary: "Adds a SIP server or traffic sender, usable for routing at once; fieldname0…99/fieldval0…99 set more.",
    spec: "server-api: Addserver API parameters",
    example: "u_name=carrier&u_ip=192.0.2.10",
    reply: "OK: userid:<id>",
    run: RUN,
};

async fn run(call: Call, params: Params) -> Outcome {
    let name = if params.u_username.is_empty() { &params.u_name } else { &params.u_username };
    if name.is_empty() {
        return Err(Failure::missing("u_name"));
    }
    if params.u_domain.is_empty() && params.u_ip.is_empty() {
        return Err(Failure::missing("u_ip"));
    }
    let (kind, sends) = match params.u_type {
        0 => (AccountKind::SipServer, true),
        5 => (AccountKind::TrafficSender, true),
        9 => (AccountKind::SipServer, false),
        _ => return Err(Failure::invalid("u_type must be 0, 5 or 9")),
    };
    let new = NewUser {
        kind,
        parent: None,
        username: username(name)?,
        password: password(&params)?,
        credit: params.u_credit,
        fields: fields(&call, &params, sends)?,
    };
    let id = call.store().create_user(call.scope, new, call.request_key()).await?;
    let mut text = format!("userid:{id}");
    if kind == AccountKind::SipServer && params.u_transport.trim().eq_ignore_ascii_case("tls") {
        tracing::warn!(server = %name, "{NO_TLS}");
        text = format!("{text} {NO_TLS}");
    }
    let mut reply = Reply::ok(text).with("userid", id.0);
    if kind == AccountKind::SipServer && !params.u_routing.eq_ignore_ascii_case("null") {
        let rows = join_routing(&call, &params, name, id).await?;
        reply = reply.with("routes", rows);
    }
    Ok(reply)
}

fn password(params: &Params) -> Result<Secret, Failure> {
    if let Some(password) = &params.u_password {
        return Ok(password.clone());
    }
    let mut random = [0_u8; 16];
    getrandom::fill(&mut random).map_err(|_| Failure::failed("no randomness"))?;
    Ok(Secret::new(random.iter().map(|byte| format!("{byte:02x}")).collect::<String>()))
}

fn fields(call: &Call, params: &Params, sends: bool) -> Result<Vec<(String, String)>, Failure> {
    let (ip, ip_port) = split_port(&params.u_ip);
    let (domain, domain_port) = split_port(&params.u_domain);
    if !ip.is_empty() && ip.parse::<IpAddr>().is_err() {
        return Err(Failure::invalid("u_ip must be an IP address, with or without a port"));
    }
    let transport = params.u_transport.trim().to_ascii_lowercase();
    if !matches!(transport.as_str(), "udp" | "tcp" | "tls") {
        return Err(Failure::invalid("u_transport must be udp, tcp or tls"));
    }
    let port = ip_port.or(domain_port).unwrap_or(params.u_port);
    if !(1..=65_535).contains(&port) {
        return Err(Failure::invalid("u_port must be a port from 1 to 65535"));
    }
    let name = if params.u_name.is_empty() { &params.u_username } else { &params.u_name };
    let mut fields = user_fields(&[
        ("name", name),
        ("ip", ip),
        ("authip", ip),
        ("domainname", domain),
        ("port", &port.to_string()),
        ("proxy", &params.u_proxy),
        ("transport", &transport),
        ("needauth", &params.u_auth.to_string()),
        ("email", &params.u_email),
        ("country", &params.u_country),
        ("currency", &currency(call, &params.u_currency)?),
    ]);
    if sends && params.u_type == 0 {
        fields.push(("sendstraffic".into(), "1".into()));
    }
    for index in 0..EXTRA_FIELDS {
        let named = |what: &str| call.args.named(&format!("{what}{index}"));
        let value = named("fieldval").or_else(|| named("fieldvalue"));
        if let (Some(name), Some(value)) = (named("fieldname"), value) {
            let name = name.trim().to_ascii_lowercase();
            if matches!(name.as_str(), "type" | "rights" | "credit") {
                return Err(Failure::denied(format!("{name} cannot be set this way")));
            }
            fields.retain(|(known, _)| *known != name);
            fields.push((name, value.to_owned()));
        }
    }
    Ok(fields)
}

/// `host:port`, `[v6]:port`, or a host alone.
fn split_port(text: &str) -> (&str, Option<u32>) {
    let text = text.trim();
    if let Some((host, rest)) = text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        return (host, rest.strip_prefix(':').and_then(|port| port.parse().ok()));
    }
    match text.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') && port.parse::<u32>().is_ok() => (host, port.parse().ok()),
        _ => (text, None),
    }
}

/// Joins the rows of a routing entry, or makes one for every number.
async fn join_routing(call: &Call, params: &Params, name: &str, id: AccountId) -> Result<i64, Failure> {
    let wanted = if params.u_routing.is_empty() { name } else { params.u_routing.trim() };
    let by_id = wanted.parse::<i64>().map(|row| format!("id = {row}"));
    let filter = by_id.unwrap_or_else(|_| format!("name = {}", quoted(wanted)));
    let query = format!("select name, prefix, caller from tb_routing where {filter}");
    let limits = SqlLimits { rows: EXTRA_FIELDS, allow_writes: true };
    let rows = match call.store().sql(Scope::All, &query, limits).await? {
        SqlAnswer::Rows(table, _) => table.rows,
        SqlAnswer::Changed(_) => Vec::new(),
    };
    let mut joined: Vec<(String, String, String)> = rows
        .iter()
        .filter_map(|row| Some((row.first()?.to_string(), row.get(1)?.to_string(), row.get(2)?.to_string())))
        .collect();
    joined.sort();
    joined.dedup();
    if joined.is_empty() {
        joined.push((wanted.to_owned(), String::new(), String::new()));
    }
    for (name, prefix, caller) in &joined {
        let insert = format!(
            "insert into tb_routing (name, prefix, caller, serverid, priority, weight, timetype, enabled) \
             values ({}, {}, {}, {id}, {}, 1, 0, 1)",
            quoted(name),
            quoted(prefix),
            quoted(caller),
            params.u_routingpriority
        );
        call.store().sql(Scope::All, &insert, SqlLimits { rows: 1, allow_writes: true }).await?;
    }
    Ok(i64::try_from(joined.len()).unwrap_or(i64::MAX))
}

/// A string literal of T-SQL.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_may_stand_behind_the_host() {
        for (text, wanted) in [
            ("192.0.2.1", ("192.0.2.1", None)),
            ("192.0.2.1:5080", ("192.0.2.1", Some(5080))),
            ("sip.example:5070", ("sip.example", Some(5070))),
            ("2001:db8::1", ("2001:db8::1", None)),
            ("[2001:db8::1]:5080", ("2001:db8::1", Some(5080))),
        ] {
            assert_eq!(split_port(text), wanted);
        }
        assert_eq!(quoted("O'Hara"), "'O''Hara'");
    }
}
