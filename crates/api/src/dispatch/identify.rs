//! Who is asking: resolves the account, checks what was shown, and the conditions beyond it (nonce,
//! credit, registration). An unknown user costs and answers the same as a wrong password.

use std::net::IpAddr;
use std::sync::Arc;

use strowger_config::Config;
use strowger_guard::Door;
use strowger_model::{Account, AccountId, AccountKind, Amount, NeedAuth, Scope};
use strowger_route::Snapshot;
use strowger_switch::{BindingFilter, LineStatus};

use super::Dispatcher;
use super::handle::{Identity, fingerprint};
use super::overrides::{Checked, MODE_LESS};
use crate::auth::{
    ApiKey, Caller, Digest, Ground, Level, Place, Proof, Salts, Sessions, Source, Taken, may_log_in, prove,
    same_text,
};
use crate::declare::{Access, Effect, trimmed};
use crate::reply::{Failure, Kind};
use crate::request::Known;

/// `apialtauth`: only username and password.
const STRICT: i64 = 0;
/// `req_user_mode`: username and password only.
const MODE_MOST: u32 = 6;
/// `apidefneedlogin`: the login must have come from the same address.
const LOGIN_FROM_HERE: u32 = 3;
/// `apialtauth`: alternatives only where nothing better was sent.
const GUESS: i64 = -1;
/// `apidefneedregister`: registered, and from the same address.
const REGISTERED_HERE: u32 = 2;

/// Who asks.
pub struct Identified {
    pub caller: Caller,
    pub account: Option<Arc<Account>>,
    /// As whom somebody logged in at the console.
    pub console_name: String,
    /// The single-use nonce that names the request.
    pub single_use: Option<String>,
    /// The named key that the request or its session showed.
    pub key: Option<Arc<ApiKey>>,
}

impl Identified {
    /// Who asks, for texts and records; nothing where nobody does.
    pub fn name(&self) -> &str {
        name_of(&self.console_name, self.account.as_ref())
    }
}

/// The name of somebody who logged in at the console, else that of the account.
pub fn name_of<'a>(console: &'a str, account: Option<&'a Arc<Account>>) -> &'a str {
    match account {
        Some(account) if console.is_empty() => &account.username,
        _ => console,
    }
}

/// The key of a request.
#[derive(Debug, Clone, Default)]
pub struct SentKey {
    /// It is right, or none is demanded.
    pub right: bool,
    /// It is a named one.
    pub named: Option<Arc<ApiKey>>,
}

/// An account by username, id, number, name or PIN, in this order.
pub fn resolve<'a>(snapshot: &'a Snapshot, text: &str) -> Option<&'a Arc<Account>> {
    let text = trimmed(text);
    if text.is_empty() {
        return None;
    }
    let by_id = || text.parse().ok().and_then(|id| snapshot.account(AccountId(id)));
    let found = snapshot.by_username(text).or_else(by_id).or_else(|| snapshot.find(text));
    found.or_else(|| snapshot.by_name_or_pin(text)).or_else(|| snapshot.by_number(text))
}

impl Dispatcher {
    pub(super) fn identify(
        self: &Arc<Self>,
        identity: &Identity<'_>,
        rule: &Checked,
        config: &Config,
    ) -> Result<Identified, Failure> {
        let known = |account: AccountId| identity.snapshot.account(account).cloned();
        match &identity.request.known {
            Known::Console(user) => {
                let caller = Caller { level: user.level, proof: Proof::Console, key: true };
                let account = user.account.and_then(known);
                return Ok(Identified { account, console_name: user.name.clone(), ..of_nobody(caller) });
            }
            Known::Sip(id) => {
                let account =
                    known(*id).filter(|account| may_log_in(account)).ok_or_else(Failure::wrong_user)?;
                return Ok(of(account, Proof::Sip, true));
            }
            Known::Nobody => {}
        }
        let sent = identity.credentials;
        if rule.rule.access == Access::Open {
            let key = rule.rule.key && self.sent_key(identity, config).right;
            return Ok(nobody(key));
        }
        let key = self.sent_key(identity, config);
        if let Some(named) = &key.named {
            let now = identity.now.wall;
            named.admit(now, identity.source, identity.command, identity.called())?;
            if named.touch(now) {
                self.switch.store().api_keys_used(vec![(named.row.id, now)]);
            }
        }
        if let Some(token) = &sent.bearer {
            return self.by_token(identity, token, key);
        }
        if !sent.any_user() {
            return self.without_secret(identity, rule, config, key);
        }
        // A wrong key is answered before the password is looked at, so that the key guards it too.
        if rule.rule.key && !key.right {
            return Ok(nobody(false));
        }
        let identified = self.by_secret(identity, rule, config)?;
        let account = identified.account.as_ref().map(|account| account.id);
        match key.named {
            Some(named) if named.account().is_some_and(|own| Some(own) != account) => {
                Err(Failure::denied(format!("key {} is for another account", named.row.name)))
            }
            named => Ok(Identified { key: named, ..identified }),
        }
    }

    /// Whether the key that was sent is right, and which one it is.
    pub(super) fn sent_key(&self, identity: &Identity<'_>, config: &Config) -> SentKey {
        let free = config.apiv2key.is_empty();
        let Some(sent) = &identity.credentials.key else { return SentKey { right: free, named: None } };
        if !free && same_text(sent.expose(), &config.apiv2key) {
            return SentKey { right: true, named: None };
        }
        let named = self.keys().find(sent.expose()).cloned();
        SentKey { right: free || named.is_some(), named }
    }

    /// Only a key, a name, or nothing.
    pub(super) fn without_secret(
        &self,
        identity: &Identity<'_>,
        rule: &Checked,
        config: &Config,
        key: SentKey,
    ) -> Result<Identified, Failure> {
        if let Some(named) = key.named {
            let Some(id) = named.account() else {
                return Ok(Identified { key: Some(named), ..self.by_name(identity, rule, config, true) });
            };
            // The key is as good as a token of its account.
            let account = identity.snapshot.account(id).cloned().filter(|account| may_log_in(account));
            let account = account.ok_or_else(|| {
                Failure::new(
                    Kind::AuthFailed,
                    format!("the account of key {} is gone NORETRY", named.row.name),
                )
            })?;
            if identity.credentials.id.is_some() && identity.named.is_none_or(|named| named.id != id) {
                return Err(Failure::denied(format!("key {} is for another account", named.row.name)));
            }
            return Ok(Identified { key: Some(named), ..of(account, Proof::Bearer, true) });
        }
        Ok(self.by_name(identity, rule, config, key.right))
    }

    /// An account that was named without any proof.
    fn by_name(&self, identity: &Identity<'_>, rule: &Checked, config: &Config, key: bool) -> Identified {
        let named = identity.named.filter(|account| may_log_in(account)).cloned();
        match named {
            Some(account) if known_without_secret(&account, identity.source, rule, config) => {
                let mut identified = of(account, Proof::Password, key);
                identified.caller.level = identified.caller.level.min(Level::User);
                identified
            }
            Some(account) if rule.rule.name_alone => of(account, Proof::Name, key),
            _ => nobody(key),
        }
    }

    fn by_token(
        &self,
        identity: &Identity<'_>,
        token: &strowger_model::Secret,
        key: SentKey,
    ) -> Result<Identified, Failure> {
        let now = identity.now.wall;
        let session = self.memory().sessions.find(now, token).cloned();
        let account =
            session.as_ref().and_then(|session| identity.snapshot.account(session.account).cloned());
        let fits = |account: &Arc<Account>| {
            may_log_in(account)
                && session.as_ref().is_some_and(|session| Sessions::fits(session, token, account))
        };
        let (Some(session), Some(account)) = (&session, account.filter(fits)) else {
            self.count_failure(identity.source, None);
            return Err(Failure::wrong_user());
        };
        // A session may do no more than the key that opened it, and ends with it.
        let opened_with = match session.key {
            None => key.named,
            Some(id) => {
                let named = self.keys().by_id(id).cloned().ok_or_else(Failure::wrong_user)?;
                named.admit(now, identity.source, identity.command, identity.called())?;
                Some(named)
            }
        };
        // The login needed the key: the token stands for it.
        Ok(Identified { key: opened_with, ..of(account, Proof::Bearer, true) })
    }

    fn by_secret(
        self: &Arc<Self>,
        identity: &Identity<'_>,
        rule: &Checked,
        config: &Config,
    ) -> Result<Identified, Failure> {
        let (now, sent) = (identity.now, identity.credentials);
        let address = identity.source.address;
        let nonce = match sent.nonce {
            Some(nonce) => {
                let request = fingerprint(identity.command, identity.args);
                let taken = self.memory().nonces.look(now.mono, address, nonce, request);
                if taken.is_none() {
                    return Err(self.new_nonce(identity.source, config)?);
                }
                taken
            }
            None => None,
        };
        let candidate = candidate(identity, rule, config);
        let ground = ground(identity, candidate.map(|account| &**account), nonce.as_ref(), rule, config);
        let Some(proof) = prove(sent, &ground) else {
            let user = candidate.map(|account| &*account.username).or(sent.id);
            self.count_failure(identity.source, user);
            return Err(Failure::wrong_user());
        };
        let account = Arc::clone(candidate.ok_or_else(Failure::wrong_user)?);
        self.replay_rule(identity, proof)?;
        self.switch.guard(|guard| guard.success(now, address, Some(&account.username)));
        let mut identified = of(account, proof, true);
        if identity.command.effect == Effect::Money {
            identified.single_use = nonce.map(|taken| self.spend(identity, &taken));
        }
        Ok(identified)
    }

    /// A digest that moves or spends money belongs to the address that showed it first.
    fn replay_rule(self: &Arc<Self>, identity: &Identity<'_>, proof: Proof) -> Result<(), Failure> {
        let Some(Some(digest)) = &identity.credentials.digest else { return Ok(()) };
        if proof == Proof::Nonce {
            return Ok(());
        }
        if self.is_replay(identity, digest) {
            return Err(Failure::new(
                Kind::AuthFailed,
                "this authmd5 was used from another address, use a new authsalt NORETRY",
            ));
        }
        if !identity.source.unproven {
            self.keep_digest(identity.now.wall, digest, identity.source);
        }
        Ok(())
    }

    /// The command spends, and another address showed the digest before.
    pub(super) fn is_replay(&self, identity: &Identity<'_>, digest: &Digest) -> bool {
        let guarded = matches!(identity.command.effect, Effect::Spend | Effect::Money);
        let (now, address) = (identity.now.wall, identity.source.address);
        guarded && self.memory().replays.is_foreign(now, digest, address)
    }

    fn spend(&self, identity: &Identity<'_>, taken: &Taken) -> String {
        let (Taken::Fresh(text) | Taken::Again(text)) = taken;
        self.memory().nonces.spend(text, fingerprint(identity.command, identity.args));
        format!("nonce:{text}")
    }

    pub(crate) fn count_failure(&self, source: &Source, user: Option<&str>) {
        let now = self.switch.now();
        self.switch.guard(|guard| guard.failure(now, source.address, user, Door::Api));
    }

    /// A wrong code of somebody whose credentials were right.
    pub(crate) fn count_guess(&self, source: &Source, user: Option<&str>) {
        let now = self.switch.now();
        self.switch.guard(|guard| guard.guess(now, source.address, user, Door::Api));
    }

    /// A nonce for this address.
    pub(crate) fn issue_nonce(&self, source: &Source, config: &Config) -> Result<String, Failure> {
        let mut random = [0; 16];
        getrandom::fill(&mut random).map_err(|_| Failure::failed("no randomness"))?;
        let lifetime_ms = u64::from(config.apinoncelifetime) * 1_000;
        Ok(self.memory().nonces.issue(self.switch.now().mono, source.address, lifetime_ms, random))
    }

    fn new_nonce(&self, source: &Source, config: &Config) -> Result<Failure, Failure> {
        Ok(Failure::new(Kind::NewNonce, self.issue_nonce(source, config)?))
    }

    /// Demands a nonce or a session where `moneyneednonce`, `apidefneedlogin` or `tb_api` do.
    pub(super) fn check_nonce(
        &self,
        identity: &Identity<'_>,
        identified: &Identified,
        rule: &Checked,
        config: &Config,
    ) -> Result<(), Failure> {
        match self.nonce_demand(identity, identified, rule, config) {
            Some(_) => Err(self.new_nonce(identity.source, config)?),
            None => Ok(()),
        }
    }

    /// Which setting demands a nonce or a session that the request did not show.
    pub(super) fn nonce_demand(
        &self,
        identity: &Identity<'_>,
        identified: &Identified,
        rule: &Checked,
        config: &Config,
    ) -> Option<&'static str> {
        let source = identity.source;
        let (now, need_login) = (identity.now.wall, rule.need_login(config));
        let account = identified.account.as_ref().filter(|_| rule.rule.level >= Level::User);
        let logged_in =
            |account: &Account, address| self.memory().sessions.is_logged_in(now, account.id, address);
        match identified.caller.proof {
            Proof::Nonce | Proof::Console | Proof::Sip => return None,
            Proof::Bearer => {
                let moved = need_login >= LOGIN_FROM_HERE
                    && identified.key.is_none()
                    && account.is_some_and(|account| !logged_in(account, Some(source.address)));
                return moved.then_some("apidefneedlogin or req_user_login 3: log in from this address");
            }
            Proof::None | Proof::Name | Proof::Password => {}
        }
        // Where the address alone speaks there is no digest that could be replayed.
        let listed = rule.rule.old_money && source.allowed_money;
        let near = matches!(source.place, Place::Loopback | Place::Trusted) && !source.unproven;
        if config.moneyneednonce && moves_credit(identity) && !listed && !near && !source.secure {
            return Some("moneyneednonce");
        }
        let demanded = account.is_some_and(|account| match need_login {
            0 => false,
            1 => !source.trusted && !logged_in(account, None),
            2 => true,
            _ => !logged_in(account, Some(source.address)),
        });
        demanded.then_some("apidefneedlogin or req_user_login")
    }

    /// Registrations of an account from an address.
    async fn contacts_at(&self, account: AccountId, address: IpAddr) -> Result<usize, Failure> {
        let filter = BindingFilter { account: Some(account), ip: Some(address), ..BindingFilter::default() };
        Ok(self.switch.bindings(Scope::Own(account), filter).await.map_err(stopping)?.len())
    }

    /// `req_user_credit` and `req_user_register` of whoever asks.
    pub(super) async fn check_conditions(
        &self,
        account: &Account,
        own_level: Level,
        source: &Source,
        rule: &Checked,
        config: &Config,
    ) -> Result<(), Failure> {
        let admin = own_level >= Level::Admin;
        if let Some(least) = rule.least_credit(config).filter(|_| !admin) {
            let credit = self.switch.store().credit(Scope::Own(account.id), account.id).await;
            let credit = credit.map_err(|wrong| Failure::failed(wrong.to_string()))?;
            if !credit.postpaid && credit.settled - credit.held < least {
                return Err(Failure::new(Kind::NoCredit, format!("at least {least} is needed")));
            }
        }
        let register = rule.need_register(config);
        if register > 0 && !admin && rule.rule.level == Level::User {
            let state = self.switch.line_state(account.id).await.map_err(stopping)?;
            if state.number() < LineStatus::Online.number() {
                return Err(Failure::denied("registered users only"));
            }
            if register >= REGISTERED_HERE && self.contacts_at(account.id, source.address).await? == 0 {
                return Err(Failure::denied("only from the address that is registered"));
            }
        }
        Ok(())
    }
}

fn stopping<E>(_: E) -> Failure {
    Failure::failed("shutting down")
}

pub(super) fn of(account: Arc<Account>, proof: Proof, key: bool) -> Identified {
    let level = Level::of(account.kind, account.rights);
    // A name without a password is never more than a user.
    let level = if proof == Proof::Name { level.min(Level::User) } else { level };
    Identified { account: Some(account), ..of_nobody(Caller { level, proof, key }) }
}

pub(super) fn nobody(key: bool) -> Identified {
    of_nobody(Caller { level: Level::Public, proof: Proof::None, key })
}

const fn of_nobody(caller: Caller) -> Identified {
    Identified { caller, account: None, console_name: String::new(), single_use: None, key: None }
}

/// The account that the credentials are about.
pub(super) fn candidate<'a>(
    identity: &Identity<'a>,
    rule: &Checked,
    config: &Config,
) -> Option<&'a Arc<Account>> {
    match (identity.credentials.id, &identity.credentials.pin) {
        (None, Some(pin)) => by_pin(identity.snapshot, pin.expose(), rule, config),
        _ => identity.named,
    }
}

/// A calling card's PIN alone; other accounts' only where the configuration allows it.
fn by_pin<'a>(
    snapshot: &'a Snapshot,
    pin: &str,
    rule: &Checked,
    config: &Config,
) -> Option<&'a Arc<Account>> {
    let joined = matches!(config.callingcardauth, 1 | 3);
    let named = matches!(config.callingcardauth, 2 | 3);
    let mut found = None;
    // Every account is compared, so that the time does not tell how far the search went.
    for account in snapshot.accounts().filter(|account| pin_counts(account, rule, config)) {
        let is_pin = !account.pin.is_empty() && account.pin.expose() == pin;
        let is_joined = joined && pin == format!("{}{}", account.username, account.password.expose());
        // The username of a calling card is as secret as its PIN; other accounts' usernames are not.
        let is_card = named && account.kind == AccountKind::CallingCard && pin == &*account.username;
        if is_pin || is_joined || is_card {
            found.get_or_insert(account);
        }
    }
    found
}

/// What the server holds against the credentials.
pub(super) fn ground<'a>(
    identity: &Identity<'_>,
    account: Option<&'a Account>,
    nonce: Option<&'a Taken>,
    rule: &Checked,
    config: &'a Config,
) -> Ground<'a> {
    let sent = identity.credentials;
    let better =
        sent.nonce.is_some() || !sent.salt2.is_empty() || matches!(&sent.digest, Some(Some(d)) if d.v3);
    let salts = Salts {
        server: &config.apiv2md5salt,
        old: &config.httpapimd5salt,
        alternative: config.apialtauth != STRICT && !(config.apialtauth == GUESS && better),
    };
    let pin_counts = account.is_some_and(|account| pin_counts(account, rule, config));
    Ground { account, pin_counts, nonce, salts }
}

/// `tb_users.needauth` says that the account needs no secret here: it is open, or this is its address. It never
/// counts for staff, over UDP, or where only a username and password do.
fn known_without_secret(account: &Account, source: &Source, rule: &Checked, config: &Config) -> bool {
    let lenient = config.apialtauth != STRICT && rule.mode(config) != MODE_MOST;
    let here = || !source.unproven && account.auth_ip.iter().any(|range| range.contains(source.address));
    let open = match account.need_auth {
        NeedAuth::Open | NeedAuth::Username => !source.unproven,
        NeedAuth::Ip | NeedAuth::IpPort | NeedAuth::IpUsername | NeedAuth::IpRange => here(),
        _ => false,
    };
    lenient && open && Level::of(account.kind, account.rights) <= Level::Owner
}

/// The account's PIN may stand for its password.
fn pin_counts(account: &Account, rule: &Checked, config: &Config) -> bool {
    let mode = rule.mode(config);
    let card = account.kind == AccountKind::CallingCard && mode != MODE_MOST;
    card || mode == MODE_LESS || (config.apialtauth != STRICT && mode != MODE_MOST)
}

/// Commands that move credit; a new account does where it starts with some.
fn moves_credit(identity: &Identity<'_>) -> bool {
    let opening =
        || identity.args.named("credit").is_some_and(|c| c.parse() != Ok(Amount::ZERO) && !c.is_empty());
    identity.command.effect == Effect::Money || (identity.command.name == "newuseri" && opening())
}
