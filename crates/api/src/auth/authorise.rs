//! The one decision whether a caller may run a command from where it is, as a pure function: the committed
//! matrix is made by calling it.

use super::{Level, Place, Source};
use crate::declare::{Access, Command, Effect, Group, Reach};

/// What a command demands: its declaration, as `tb_api` may have changed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// The declared access.
    pub access: Access,
    /// The key is demanded.
    pub key: bool,
    /// The address is demanded.
    pub address: bool,
    /// The least level; support has its own rule.
    pub level: Level,
    /// Support accounts may call it: it only reads, and belongs to diagnostics.
    pub support: bool,
    /// A username alone will do, as `tb_api` may say.
    pub name_alone: bool,
    /// It is switched on.
    pub enabled: bool,
    /// Whose objects it works on.
    pub reach: Reach,
    /// It moves credit or makes an account: `httpapiallowedip2` may do without a password.
    pub old_money: bool,
}

impl Rule {
    /// The rule that the declaration makes.
    #[must_use]
    pub fn of(command: &Command) -> Self {
        let level = match command.access {
            Access::Open | Access::Public => Level::Public,
            Access::User => Level::User,
            Access::Admin | Access::Sensitive | Access::Host => Level::Admin,
        };
        Self {
            access: command.access,
            key: command.access != Access::Open,
            address: matches!(command.access, Access::Sensitive | Access::Host),
            level,
            support: command.group == Group::Diagnostics
                && command.effect == Effect::Read
                && command.access == Access::Admin,
            name_alone: false,
            enabled: true,
            reach: command.reach,
            old_money: matches!(command.name, "addcredit" | "newuseri"),
        }
    }
}

/// How it is known who calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// It is not.
    None,
    /// A name without a password.
    Name,
    /// A password, a digest without a nonce, a PIN.
    Password,
    /// A digest over a nonce.
    Nonce,
    /// A session token.
    Bearer,
    /// The console's login, or the socket in the data directory.
    Console,
    /// SIP digest.
    Sip,
}

impl Proof {
    /// One word for people.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "nothing",
            Self::Name => "a name alone",
            Self::Password => "password",
            Self::Nonce => "nonce",
            Self::Bearer => "token",
            Self::Console => "console",
            Self::Sip => "SIP digest",
        }
    }
}

/// Who calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caller {
    /// What it may do.
    pub level: Level,
    /// How that is known.
    pub proof: Proof,
    /// The key was right, or none is set.
    pub key: bool,
}

/// The settings that the decision depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Policy {
    /// `apideftrustadmin`.
    pub trust_admin: u32,
    /// `apitrustediponly`.
    pub trusted_only: bool,
    /// `apitrustfromconsole`.
    pub trust_console: u32,
    /// `hostcontrol` of the start-up file.
    pub host_control: bool,
}

/// Why not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Denial {
    /// Wrong or absent key.
    Key,
    /// No credentials where some are needed.
    Credentials,
    /// An account that may not.
    Level(Level),
    /// The address is not on the list.
    Address,
    /// A datagram may not do this.
    NotOverUdp,
    /// The start-up file does not allow host control.
    HostControl,
    /// `tb_api` switches the command off.
    Disabled,
    /// `tb_api` demands a SIP login.
    SipOnly,
}

/// `apideftrustadmin`: nobody is an administrator, but at the console.
const TRUST_NOBODY: u32 = 0;
/// `apitrustfromconsole`: whoever may log in there is an administrator.
const CONSOLE_IS_ADMIN: u32 = 2;
/// `apideftrustadmin`: a trusted address is an administrator.
const TRUST_IS_ADMIN: u32 = 1;
/// `apideftrustadmin`: only a trusted address is one.
const TRUST_ONLY: u32 = 2;
/// `apideftrustadmin`: address and login.
const TRUST_AND_LOGIN: u32 = 4;

/// Whether the caller may run the command, and as what.
///
/// # Errors
/// Why it may not.
pub fn authorise(rule: &Rule, caller: &Caller, source: &Source, policy: &Policy) -> Result<Level, Denial> {
    if !rule.enabled {
        return Err(Denial::Disabled);
    }
    let console_trusted = source.console && policy.trust_console > 0;
    let trusted = source.trusted || console_trusted;
    if policy.trusted_only && !trusted && !source.listed {
        return Err(Denial::Address);
    }
    if rule.access >= Access::Sensitive && source.unproven {
        return Err(Denial::NotOverUdp);
    }
    if rule.key && !caller.key {
        return Err(Denial::Key);
    }
    if rule.access == Access::Host && !policy.host_control {
        return Err(Denial::HostControl);
    }
    let level = level_of(rule, caller, source, policy, trusted);
    if level < Level::User && rule.level > Level::Public && !(rule.name_alone && caller.proof == Proof::Name)
    {
        return Err(Denial::Credentials);
    }
    let enough =
        if level == Level::Support && rule.level > Level::Owner { rule.support } else { level >= rule.level };
    if !enough {
        return Err(Denial::Level(rule.level));
    }
    let admin_by_address =
        rule.level >= Level::Admin && matches!(policy.trust_admin, TRUST_ONLY | TRUST_AND_LOGIN);
    let address = trusted || source.listed || (rule.old_money && source.allowed_money);
    if (rule.address || admin_by_address) && !address {
        return Err(Denial::Address);
    }
    Ok(level)
}

/// The level of the caller: what it proved, or what its address is worth.
fn level_of(rule: &Rule, caller: &Caller, source: &Source, policy: &Policy, trusted: bool) -> Level {
    let shown = if caller.proof == Proof::Name && !rule.name_alone { Level::Public } else { caller.level };
    if caller.proof == Proof::Console {
        return if policy.trust_console == CONSOLE_IS_ADMIN { shown.max(Level::Admin) } else { shown };
    }
    let shown = if policy.trust_admin == TRUST_NOBODY { shown.min(Level::Owner) } else { shown };
    if source.borrowed {
        return shown;
    }
    // The list may add credit with an enduser's own credentials or with none.
    let by_list = rule.old_money && source.allowed_money;
    let by_trust =
        trusted && shown == Level::Public && matches!(policy.trust_admin, TRUST_IS_ADMIN | TRUST_ONLY);
    if by_trust || by_list { shown.max(Level::Admin) } else { shown }
}

/// Whether an account of this level may act for another account.
#[must_use]
pub const fn may_act_for(level: Level, own: bool, below: bool) -> bool {
    match level {
        Level::Admin | Level::ServerAdmin => true,
        Level::Owner => own || below,
        Level::User | Level::Support => own,
        Level::Public => false,
    }
}

impl Source {
    /// A source for the matrix and for tests: nothing is listed, trust as the safe defaults give it.
    #[must_use]
    pub const fn plain(place: Place, unproven: bool) -> Self {
        Self {
            address: std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST),
            place,
            trusted: matches!(place, Place::Loopback | Place::Trusted) && !unproven,
            listed: false,
            allowed_money: false,
            borrowed: false,
            unproven,
            secure: false,
            console: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SENSITIVE: Rule = Rule {
        access: Access::Sensitive,
        key: true,
        address: true,
        level: Level::Admin,
        support: false,
        name_alone: false,
        enabled: true,
        reach: Reach::Scope,
        old_money: true,
    };
    const NOBODY: Caller = Caller { level: Level::Public, proof: Proof::None, key: true };
    const ADMIN: Caller = Caller { level: Level::Admin, proof: Proof::Password, key: true };

    fn policy(trust_admin: u32) -> Policy {
        Policy { trust_admin, ..Policy::default() }
    }

    #[test]
    fn a_trusted_address_replaces_credentials_only_where_the_configuration_says_so() {
        let loopback = Source::plain(Place::Loopback, false);
        let foreign = Source::plain(Place::Foreign, false);
        for (mode, caller, source, wanted) in [
            (0, NOBODY, loopback, Err(Denial::Credentials)),
            (0, ADMIN, loopback, Err(Denial::Level(Level::Admin))),
            (1, NOBODY, loopback, Ok(Level::Admin)),
            (2, NOBODY, loopback, Ok(Level::Admin)),
            (3, NOBODY, loopback, Err(Denial::Credentials)),
            (4, NOBODY, loopback, Err(Denial::Credentials)),
            (1, NOBODY, Source { borrowed: true, ..loopback }, Err(Denial::Credentials)),
            (3, ADMIN, Source { borrowed: true, ..loopback }, Ok(Level::Admin)),
            (3, ADMIN, loopback, Ok(Level::Admin)),
            (3, ADMIN, foreign, Err(Denial::Address)),
            (3, ADMIN, Source { listed: true, ..foreign }, Ok(Level::Admin)),
            (3, NOBODY, Source { allowed_money: true, ..foreign }, Ok(Level::Admin)),
            (3, ADMIN, Source::plain(Place::Loopback, true), Err(Denial::NotOverUdp)),
            (3, Caller { key: false, ..ADMIN }, loopback, Err(Denial::Key)),
        ] {
            assert_eq!(
                authorise(&SENSITIVE, &caller, &source, &policy(mode)),
                wanted,
                "{mode} {caller:?} {source:?}"
            );
        }
    }

    #[test]
    fn with_trust_only_an_admin_from_elsewhere_is_refused_everywhere() {
        let rule = Rule { access: Access::Admin, address: false, old_money: false, ..SENSITIVE };
        let foreign = Source::plain(Place::Foreign, false);
        assert_eq!(authorise(&rule, &ADMIN, &foreign, &policy(3)), Ok(Level::Admin));
        assert_eq!(authorise(&rule, &ADMIN, &foreign, &policy(2)), Err(Denial::Address));
        assert_eq!(authorise(&rule, &ADMIN, &foreign, &policy(4)), Err(Denial::Address));
    }

    #[test]
    fn the_console_makes_administrators_of_support_accounts_only_where_that_is_set() {
        let support = Caller { level: Level::Support, proof: Proof::Console, key: true };
        let console = Source { console: true, ..Source::plain(Place::Loopback, false) };
        for (trust_console, wanted) in [
            (0, Err(Denial::Level(Level::Admin))),
            (1, Err(Denial::Level(Level::Admin))),
            (2, Ok(Level::Admin)),
        ] {
            let policy = Policy { trust_console, ..policy(0) };
            assert_eq!(authorise(&SENSITIVE, &support, &console, &policy), wanted, "{trust_console}");
            let admin = Caller { level: Level::Admin, ..support };
            assert_eq!(authorise(&SENSITIVE, &admin, &console, &policy), Ok(Level::Admin));
        }
    }

    #[test]
    fn support_reads_diagnostics_and_nothing_else_of_administrators() {
        let support = Caller { level: Level::Support, proof: Proof::Password, key: true };
        let place = Source::plain(Place::Loopback, false);
        let rule = Rule { access: Access::Admin, address: false, old_money: false, ..SENSITIVE };
        assert_eq!(authorise(&rule, &support, &place, &policy(3)), Err(Denial::Level(Level::Admin)));
        assert_eq!(
            authorise(&Rule { support: true, ..rule }, &support, &place, &policy(3)),
            Ok(Level::Support)
        );
        let user = Rule { access: Access::User, level: Level::User, ..rule };
        assert_eq!(authorise(&user, &support, &place, &policy(3)), Ok(Level::Support));
    }

    #[test]
    fn a_name_alone_counts_only_where_tb_api_says_so() {
        let rule = Rule {
            access: Access::User,
            level: Level::Public,
            address: false,
            old_money: false,
            ..SENSITIVE
        };
        let named = Caller { level: Level::User, proof: Proof::Name, key: true };
        let place = Source::plain(Place::Foreign, false);
        assert_eq!(authorise(&rule, &named, &place, &policy(3)), Ok(Level::Public));
        assert_eq!(
            authorise(&Rule { name_alone: true, ..rule }, &named, &place, &policy(3)),
            Ok(Level::User)
        );
    }
}
