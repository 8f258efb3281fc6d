//! Database rows as changes of the routing snapshot.

use std::net::SocketAddr;

use strowger_billing::{BillingTime, ExchangeRate, PriceEntry, PriceList, TimeType, time_of_day};
use strowger_model::account::Server;
use strowger_model::{AccountId, Unit};
use strowger_route::{Change, Ported, RoutingRule};
use strowger_store::{
    BlacklistRow, CurrencyRow, NumberRow, PacketRow, PortedRow, PriceEntryRow, PriceListRow, PriceTimeRow,
    RouteRow,
};

/// The port of a trunk that names none.
const SIP_PORT: u16 = 5060;
/// `tb_blacklist.type` of called numbers.
const BLACKLIST_CALLED: i32 = 0;

pub fn list(row: &PriceListRow, default: Unit) -> PriceList {
    PriceList {
        id: row.id,
        name: row.name.as_str().into(),
        reseller: row.reseller,
        currency: row.currency.unwrap_or(default),
        is_default: row.is_default,
    }
}

pub fn entry(row: &PriceEntryRow) -> PriceEntry {
    PriceEntry {
        id: row.id,
        list: row.list,
        prefix: row.prefix.as_str().into(),
        direction: row.direction.as_str().into(),
        price: row.price,
        connect_fee: row.connect_fee,
        step_s: row.billing_step,
        minimum: row.min_amount,
        free_amount: row.free_amount,
        free_after_s: row.free_after,
        currency: row.currency,
        valid_from: row.valid_from,
        valid_to: row.valid_to,
    }
}

/// None: the row's type means nothing to us.
pub fn time(row: &PriceTimeRow) -> Option<BillingTime> {
    Some(BillingTime {
        id: row.id,
        entry: row.entry,
        kind: TimeType::from_number(row.time_type)?,
        from_s: time_of_day(&row.from).unwrap_or(0),
        to_s: time_of_day(&row.to).unwrap_or(0),
        is_diff: row.is_diff,
        price: row.price,
    })
}

pub fn packet(row: &PacketRow) -> Change {
    Change::Packet { id: row.id, price_list: row.list }
}

/// A time type that means nothing to us switches the rule off rather than opening it at all times.
pub fn rule(row: &RouteRow) -> RoutingRule {
    let time = TimeType::from_number(row.time_type);
    RoutingRule {
        id: row.id,
        name: row.name.as_str().into(),
        prefix: row.prefix.as_str().into(),
        caller: row.caller.as_str().into(),
        server: row.server,
        priority: row.priority,
        weight: u32::try_from(row.weight).unwrap_or(0),
        time: time.unwrap_or(TimeType::Off),
        enabled: row.enabled && time.is_some(),
    }
}

pub fn number(row: &NumberRow) -> Change {
    Change::Number { number: row.number.as_str().into(), account: row.owner }
}

/// Blocked for everybody; entries of single accounts and of callers are not routing's.
pub fn blacklisted(row: &BlacklistRow) -> Option<Box<str>> {
    (row.user.is_none() && row.kind == BLACKLIST_CALLED).then(|| row.number.as_str().into())
}

pub fn ported(row: &PortedRow) -> Change {
    let [routing_number, operator] =
        [&row.routing_number, &row.operator].map(|text| text.trim().to_owned().into_boxed_str());
    let routing_number = routing_number.trim_start_matches('+').into();
    Change::Ported { number: row.number.as_str().into(), to: Ported { routing_number, operator } }
}

/// What each currency is worth in the default one.
pub fn rates(rows: &[CurrencyRow], default: Unit) -> Vec<Change> {
    let base = rows.iter().find(|row| row.code == default).map_or(1_000_000, |row| row.rate_micros);
    let rate = |row: &CurrencyRow| {
        let in_default = ExchangeRate::new(row.rate_micros, base)?;
        Some(Change::Rate { unit: row.code, in_default })
    };
    rows.iter().filter_map(rate).collect()
}

/// The name of a trunk that must be resolved, as `host:port`; none where its address is given.
pub fn name_of(server: &Server) -> Option<String> {
    let port = if server.port == 0 { SIP_PORT } else { server.port };
    if !server.proxy.is_empty() {
        return Some(with_port(&server.proxy, SIP_PORT));
    }
    let wanted = server.ip.is_none() && !server.domain.is_empty();
    wanted.then(|| with_port(&server.domain, port))
}

fn with_port(host: &str, port: u16) -> String {
    if host.parse::<SocketAddr>().is_ok() {
        return host.to_owned();
    }
    if let Ok(ip) = host.trim_matches(['[', ']']).parse() {
        return SocketAddr::new(ip, port).to_string();
    }
    let has_port = host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    if has_port { host.to_owned() } else { format!("{host}:{port}") }
}

/// The accounts that an outbound registration concerns.
pub fn wants_registration(account: &strowger_model::Account) -> Option<AccountId> {
    let wanted = account.active && account.server.as_ref().is_some_and(|server| server.register);
    wanted.then_some(account.id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_trunks_carry_their_port() {
        for (ip, domain, proxy, port, expected) in [
            (None, "sip.example.org", "", 5080, Some("sip.example.org:5080")),
            (None, "sip.example.org", "", 0, Some("sip.example.org:5060")),
            (None, "sip.example.org:5070", "", 5060, Some("sip.example.org:5070")),
            (None, "sip.example.org", "edge.example.org:5090", 5060, Some("edge.example.org:5090")),
            (Some("192.0.2.1"), "sip.example.org", "", 5060, None),
            (Some("192.0.2.1"), "", "192.0.2.2", 5060, Some("192.0.2.2:5060")),
            (None, "2001:db8::1", "", 5060, Some("[2001:db8::1]:5060")),
            (None, "", "", 5060, None),
        ] {
            let server = Server {
                ip: ip.map(|ip| ip.parse().unwrap()),
                domain: domain.into(),
                proxy: proxy.into(),
                port,
                ..Server::default()
            };
            assert_eq!(name_of(&server).as_deref(), expected, "{domain} {proxy}");
        }
    }

    #[test]
    fn rates_are_in_the_default_currency() {
        let row =
            |code: &str, rate_micros| CurrencyRow { code: code.parse().unwrap(), rate_micros, digits: 2 };
        let rows = [row("USD", 1_000_000), row("EUR", 1_100_000), row("XXX", 0)];
        let rates = rates(&rows, "EUR".parse().unwrap());
        assert_eq!(rates.len(), 2, "a rate of zero is no rate");
        let dollar = ExchangeRate::new(10, 11).unwrap();
        assert!(matches!(&rates[0], Change::Rate { in_default, .. } if *in_default == dollar));
    }
}
