//! Accounts as the switch keeps them in memory: endusers, resellers, servers, administrators.
//! Names follow `tb_users`, whose documented face they are.

use std::fmt;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::money::Unit;
use crate::secret::Secret;

/// `tb_users.id`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AccountId(pub i64);

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// `tb_users.type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum AccountKind {
    /// 0
    Enduser,
    /// 1
    Reseller,
    /// 2
    Owner,
    /// 3
    CallingCard,
    /// 4
    SubEnduser,
    /// 5
    TrafficSender,
    /// 6
    Agent,
    /// 7
    GsmGateway,
    /// 8
    Sales,
    /// 9
    SipServer,
    /// 10
    AccessNumber,
    /// 11
    IsdnGateway,
    /// 12
    MessageGateway,
    /// 13
    Ivr,
    /// 14
    Support,
    /// 15
    Admin,
    /// 17, and every number without a meaning.
    Other,
}

/// The numbers of `tb_users.type`, in order.
const KINDS: [(AccountKind, i32); 17] = [
    (AccountKind::Enduser, 0),
    (AccountKind::Reseller, 1),
    (AccountKind::Owner, 2),
    (AccountKind::CallingCard, 3),
    (AccountKind::SubEnduser, 4),
    (AccountKind::TrafficSender, 5),
    (AccountKind::Agent, 6),
    (AccountKind::GsmGateway, 7),
    (AccountKind::Sales, 8),
    (AccountKind::SipServer, 9),
    (AccountKind::AccessNumber, 10),
    (AccountKind::IsdnGateway, 11),
    (AccountKind::MessageGateway, 12),
    (AccountKind::Ivr, 13),
    (AccountKind::Support, 14),
    (AccountKind::Admin, 15),
    (AccountKind::Other, 17),
];

impl AccountKind {
    /// The kind of a `tb_users.type` number; unknown ones are [`AccountKind::Other`].
    #[must_use]
    pub fn from_number(number: i32) -> Self {
        KINDS.iter().find(|(_, n)| *n == number).map_or(Self::Other, |(kind, _)| *kind)
    }

    /// The `tb_users.type` number.
    #[must_use]
    pub fn number(self) -> i32 {
        KINDS.iter().find(|(kind, _)| *kind == self).map_or(17, |(_, n)| *n)
    }

    /// A phone may register and call with such an account.
    #[must_use]
    pub const fn is_enduser(self) -> bool {
        matches!(self, Self::Enduser | Self::SubEnduser | Self::CallingCard | Self::Agent)
    }
}

/// `tb_users.needauth`: how calls from this account are recognised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum NeedAuth {
    /// 0: anybody who names the account.
    Open,
    /// 1: the source address.
    Ip,
    /// 2: the technical prefix of the called number.
    Prefix,
    /// 3: both.
    PrefixIp,
    /// 4: digest with username and password.
    UserPassword,
    /// 5: the username alone.
    Username,
    /// 6: the source address and port.
    IpPort,
    /// 7: the source address and the username.
    IpUsername,
    /// 8: the source address, and digest.
    IpUserPassword,
    /// 9: a range of source addresses.
    IpRange,
    /// 10: a range of source addresses, and digest.
    IpRangeUserPassword,
}

/// The needauth kinds, by number.
const NEED_AUTH: [NeedAuth; 11] = [
    NeedAuth::Open,
    NeedAuth::Ip,
    NeedAuth::Prefix,
    NeedAuth::PrefixIp,
    NeedAuth::UserPassword,
    NeedAuth::Username,
    NeedAuth::IpPort,
    NeedAuth::IpUsername,
    NeedAuth::IpUserPassword,
    NeedAuth::IpRange,
    NeedAuth::IpRangeUserPassword,
];

impl NeedAuth {
    /// The kind of a `needauth` number. An unknown number is refused rather than opened.
    #[must_use]
    pub fn from_number(number: i32) -> Option<Self> {
        usize::try_from(number).ok().and_then(|n| NEED_AUTH.get(n)).copied()
    }

    /// Digest is part of it.
    #[must_use]
    pub const fn needs_digest(self) -> bool {
        matches!(self, Self::UserPassword | Self::IpUserPassword | Self::IpRangeUserPassword)
    }
}

/// A block of addresses: `10.0.0.0/8`, `192.0.2.1`, `192.0.2.1-192.0.2.9`, inclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IpRange {
    /// The lowest address.
    pub first: IpAddr,
    /// The highest address.
    pub last: IpAddr,
}

impl IpRange {
    /// The address lies in the range (same family only).
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.first, self.last, address) {
            (IpAddr::V4(a), IpAddr::V4(b), IpAddr::V4(x)) => a <= x && x <= b,
            (IpAddr::V6(a), IpAddr::V6(b), IpAddr::V6(x)) => a <= x && x <= b,
            _ => false,
        }
    }
}

/// The transport of a trunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Transport {
    /// SIP over UDP.
    #[default]
    Udp,
    /// SIP over TCP.
    Tcp,
    /// SIP over TLS.
    Tls,
}

/// Call forwarding of one account; empty means none.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Forwarding {
    /// `forwardalways`.
    pub always: Box<str>,
    /// `forwardonbusy`.
    pub on_busy: Box<str>,
    /// `forwardonnoanswer`.
    pub on_no_answer: Box<str>,
    /// `noanswertimeout` in milliseconds; none: the configuration's.
    pub no_answer_ms: Option<u32>,
}

/// How to reach a SIP server (types 5 and 9).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Server {
    /// `ip`: where calls are sent, and one of the addresses calls are accepted from.
    pub ip: Option<IpAddr>,
    /// `domainname`, resolved in the background where `ip` is empty.
    pub domain: Box<str>,
    /// `port`, 5060 unless set.
    pub port: u16,
    /// `proxy`: `host[:port]` of an outbound proxy, empty for none.
    pub proxy: Box<str>,
    /// `transport`.
    pub transport: Transport,
    /// The server wants an outbound REGISTER from us (`needregister`).
    pub register: bool,
    /// Calls are accepted from its addresses too (types 5, and 9 made by `u_type=0`).
    pub sends_traffic: bool,
}

/// One row of `tb_users` as the switch needs it. Credit is not here: the ledger has it.
#[derive(Debug, Clone, PartialEq)]
pub struct Account {
    /// `id`.
    pub id: AccountId,
    /// `type`.
    pub kind: AccountKind,
    /// `parentid`: the reseller above; none for top-level accounts.
    pub parent: Option<AccountId>,
    /// `billinguserid`: who pays in this account's place.
    pub billing_account: Option<AccountId>,
    /// `username`, unique without regard to case.
    pub username: Box<str>,
    /// `password` in clear.
    pub password: Secret,
    /// `name`.
    pub name: Box<str>,
    /// `displayname`.
    pub display_name: Box<str>,
    /// `phone`: the number shown as caller on outside calls.
    pub phone: Box<str>,
    /// `callbacknumber`: the account's own phone.
    pub callback_number: Box<str>,
    /// `country`, for number normalisation.
    pub country: Box<str>,
    /// `pin`.
    pub pin: Secret,
    /// `rights`.
    pub rights: i32,
    /// `enabled` and not `temporarydisabled`.
    pub active: bool,
    /// `currency`.
    pub currency: Unit,
    /// `postpaid`.
    pub postpaid: bool,
    /// `packetid`.
    pub packet: Option<i64>,
    /// `freeminutesleft` was above zero when the account was read; the ledger knows what is left.
    pub free_minutes: bool,
    /// `billsourceid`: the account's price list (a server's: what it costs us).
    pub price_list: Option<i64>,
    /// `usergroup`.
    pub group: Option<i64>,
    /// `needauth`.
    pub need_auth: NeedAuth,
    /// `authip` and `tb_users_authip`.
    pub auth_ip: Box<[IpRange]>,
    /// `techprefix`, stripped from called numbers.
    pub tech_prefix: Box<str>,
    /// `enabledprefixes`; empty: all.
    pub enabled_prefixes: Box<[Box<str>]>,
    /// `blockprefixes`.
    pub block_prefixes: Box<[Box<str>]>,
    /// `maxlines`; none: no limit.
    pub max_lines: Option<u32>,
    /// Forwarding.
    pub forwarding: Forwarding,
    /// `iscallback`: an access number that calls its known callers back.
    pub is_callback: bool,
    /// `digestalgorithms` in order of preference; empty: the configuration's.
    pub digest_algorithms: Box<str>,
    /// Only for SIP servers and traffic senders.
    pub server: Option<Box<Server>>,
}

impl Account {
    /// An active account that stands alone: no parent, no price list, no filters; it calls with digest, pays in dollars, and
    /// has an empty password, so that nobody can log in before one is set.
    #[must_use]
    pub fn new(id: AccountId, kind: AccountKind, username: &str) -> Self {
        Self {
            id,
            kind,
            parent: None,
            billing_account: None,
            username: username.into(),
            password: Secret::default(),
            name: "".into(),
            display_name: "".into(),
            phone: "".into(),
            callback_number: "".into(),
            country: "".into(),
            pin: Secret::default(),
            rights: 30,
            active: true,
            currency: Unit::USD,
            postpaid: false,
            packet: None,
            free_minutes: false,
            price_list: None,
            group: None,
            need_auth: NeedAuth::UserPassword,
            auth_ip: Box::default(),
            tech_prefix: "".into(),
            enabled_prefixes: Box::default(),
            block_prefixes: Box::default(),
            max_lines: None,
            forwarding: Forwarding::default(),
            is_callback: false,
            digest_algorithms: "".into(),
            server: None,
        }
    }

    /// The account may know of the other one, write to it and watch it: both are in the same user group, or it is an
    /// administrator.
    #[must_use]
    pub fn sees(&self, other: &Self) -> bool {
        self.group == other.group || self.kind == AccountKind::Admin
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_do_not_see_each_other() {
        let account = |kind, group| Account { group, ..Account::new(AccountId(1), kind, "a") };
        let (plain, grouped) =
            (account(AccountKind::Enduser, Some(0)), account(AccountKind::Enduser, Some(7)));
        assert!(plain.sees(&plain) && grouped.sees(&grouped));
        assert!(!plain.sees(&grouped) && !grouped.sees(&plain));
        assert!(account(AccountKind::Admin, Some(0)).sees(&grouped));
    }

    #[test]
    fn kinds_and_numbers_agree() {
        for number in 0..=17 {
            if number != 16 {
                assert_eq!(AccountKind::from_number(number).number(), number);
            }
        }
        assert_eq!(AccountKind::from_number(99), AccountKind::Other);
    }

    #[test]
    fn unknown_needauth_is_refused() {
        assert_eq!(NeedAuth::from_number(4), Some(NeedAuth::UserPassword));
        assert_eq!(NeedAuth::from_number(11), None);
        assert_eq!(NeedAuth::from_number(-1), None);
    }
}
