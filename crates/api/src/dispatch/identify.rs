//! Who is asking: resolves the account, checks what was shown, and the conditions beyond it (nonce,
//! credit, registration). An unknown user costs and answers the same as a wrong password.

use std::net::IpAddr;
use std::sync::Arc;

use strowger_config::Config;
use strowger_guard::Door;
use strowger_model::{Account, AccountId, AccountKind, Amount, Scope};
use strowger_route::Snapshot;
use strowger_switch::{BindingFilter, LineStatus};

use super::overrides::Checked;
use super::{Dispatcher, Identity, fingerprint};
use crate::auth::{Caller, Level, Place, Proof, Salts, Source, Taken, digest_matches, may_log_in, same_text};
use crate::declare::{Access, Effect};
use crate::reply::{Failure, Kind};
use crate::request::Known;

/// `apialtauth`: only username and password.
const STRICT: i64 = 0;
/// `req_user_mode`: any one of user, password or PIN will do.
const MODE_LESS: u32 = 4;
/// `req_user_mode`: username and password only.
const MODE_MOST: u32 = 6;
/// `apidefneedregister`: registered, and from the same address.
const REGISTERED_HERE: u32 = 2;
/// Stands for the password of an account that does not exist.
const NO_PASSWORD: &str = "\u{1}no account has this password\u{1}";

/// Who asks.
pub struct Identified {
    pub caller: Caller,
    pub account: Option<Arc<Account>>,
    pub name: String,
    /// The single-use nonce that names the request.
    pub single_use: Option<String>,
}

/// An account by username, id, number, name or PIN, in this order.
pub fn resolve(snapshot: &Snapshot, text: &str) -> Option<Arc<Account>> {
    let text = text.trim();
    if text.is_empty() {
        return None;
    }
    let by_id = || text.parse().ok().and_then(|id| snapshot.account(AccountId(id)));
    let found = snapshot.by_username(text).or_else(by_id).or_else(|| snapshot.find(text));
    found.or_else(|| snapshot.by_name_or_pin(text)).or_else(|| snapshot.by_number(text)).cloned()
}

impl Dispatcher {
    pub(super) fn identify(
        &self,
        identity: &Identity<'_>,
        rule: &Checked,
        config: &Config,
    ) -> Result<Identified, Failure> {
        let snapshot = self.switch.snapshot();
        let known = |account: AccountId| snapshot.account(account).cloned();
        match &identity.request.known {
            Known::Console(user) => {
                let caller = Caller { level: user.level, proof: Proof::Console, key: true };
                let account = user.account.and_then(known);
                return Ok(Identified { caller, account, name: user.name.clone(), single_use: None });
            }
            Known::Sip(id) => {
                let account =
                    known(*id).filter(|account| may_log_in(account)).ok_or_else(Failure::wrong_user)?;
                return Ok(of(account, Proof::Sip, true));
            }
            Known::Nobody => {}
        }
        let key = right_key(identity, config);
        let sent = identity.credentials;
        if rule.rule.access == Access::Open {
            return Ok(nobody(key));
        }
        if let Some(token) = &sent.bearer {
            return self.by_token(identity, token);
        }
        if !sent.any_user() {
            let named = identity.named.clone().filter(|account| may_log_in(account));
            let by_name = (rule.mode(config) == MODE_LESS || rule.rule.name_alone) && sent.id.is_some();
            return match named {
                Some(account) if by_name => Ok(of(account, Proof::Name, key)),
                _ => Ok(nobody(key)),
            };
        }
        // A wrong key is answered before the password is looked at, so that the key guards it too.
        if rule.rule.key && !key {
            return Ok(nobody(false));
        }
        self.by_secret(identity, rule, config)
    }

    fn by_token(
        &self,
        identity: &Identity<'_>,
        token: &strowger_model::Secret,
    ) -> Result<Identified, Failure> {
        let now = self.switch.now();
        let snapshot = self.switch.snapshot();
        let found =
            self.memory().sessions.account(now.mono, token).and_then(|id| snapshot.account(id).cloned());
        let account =
            found.filter(|account| may_log_in(account) && self.memory().sessions.fits(token, account));
        match account {
            // The login needed the key: the token stands for it.
            Some(account) => Ok(of(account, Proof::Bearer, true)),
            None => {
                self.count_failure(identity.source, None);
                Err(Failure::wrong_user())
            }
        }
    }

    fn by_secret(
        &self,
        identity: &Identity<'_>,
        rule: &Checked,
        config: &Config,
    ) -> Result<Identified, Failure> {
        let (now, sent) = (self.switch.now(), identity.credentials);
        let address = identity.source.address;
        let nonce = match &sent.nonce {
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
        let candidate = match (&sent.id, &sent.pin) {
            (None, Some(pin)) => self.by_pin(pin.expose(), rule, config),
            _ => identity.named.clone(),
        };
        let Some(proof) = prove(identity, candidate.as_deref(), nonce.as_ref(), rule, config) else {
            let user = candidate.as_ref().map(|account| &*account.username).or(sent.id.as_deref());
            self.count_failure(identity.source, user);
            return Err(Failure::wrong_user());
        };
        let account = candidate.ok_or_else(Failure::wrong_user)?;
        self.replay_rule(identity, proof)?;
        self.switch.guard(|guard| guard.success(now, address, Some(&account.username)));
        let mut identified = of(account, proof, true);
        if identity.command.effect == Effect::Money {
            identified.single_use = nonce.map(|taken| self.spend(identity, &taken));
        }
        Ok(identified)
    }

    /// A calling card's PIN alone; other accounts' only where the configuration allows it.
    fn by_pin(&self, pin: &str, rule: &Checked, config: &Config) -> Option<Arc<Account>> {
        let snapshot = self.switch.snapshot();
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
                found.get_or_insert_with(|| Arc::clone(account));
            }
        }
        found
    }

    /// A digest that moves or spends money belongs to the address that showed it first.
    fn replay_rule(&self, identity: &Identity<'_>, proof: Proof) -> Result<(), Failure> {
        let (now, address) = (self.switch.now().mono, identity.source.address);
        let Some(Some(digest)) = &identity.credentials.digest else { return Ok(()) };
        if proof == Proof::Nonce {
            return Ok(());
        }
        let guarded = matches!(identity.command.effect, Effect::Spend | Effect::Money);
        let mut memory = self.memory();
        if guarded && memory.replays.is_foreign(now, digest, address) {
            return Err(Failure::new(
                Kind::AuthFailed,
                "this authmd5 was used from another address, use a new authsalt NORETRY",
            ));
        }
        if !identity.source.unproven {
            memory.replays.remember(now, digest, address);
        }
        Ok(())
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
        let source = identity.source;
        if matches!(identified.caller.proof, Proof::Nonce | Proof::Bearer | Proof::Console) {
            return Ok(());
        }
        // Where the address alone speaks there is no digest that could be replayed.
        let listed = rule.rule.old_money && source.allowed_money;
        let near = matches!(source.place, Place::Loopback | Place::Trusted) && !source.unproven;
        let money = config.moneyneednonce && moves_credit(identity) && !listed && !near && !source.secure;
        let account = identified.account.as_ref().filter(|_| rule.rule.level >= Level::User);
        let login = account.is_some_and(|account| {
            let now = self.switch.now().mono;
            let logged_in = |address| self.memory().sessions.is_logged_in(now, account.id, address);
            match rule.need_login(config) {
                0 => false,
                1 => !source.trusted && !logged_in(None),
                2 => true,
                _ => !logged_in(Some(source.address)),
            }
        });
        if money || login { Err(self.new_nonce(source, config)?) } else { Ok(()) }
    }

    /// Registrations of an account from an address.
    async fn contacts_at(&self, account: AccountId, address: IpAddr) -> Result<usize, Failure> {
        let filter = BindingFilter { account: Some(account), ip: Some(address), ..BindingFilter::default() };
        Ok(self.switch.bindings(Scope::Own(account), filter).await.map_err(stopping)?.len())
    }

    /// `req_user_credit` and `req_user_register`.
    pub(super) async fn check_conditions(
        &self,
        identified: &Identified,
        source: &Source,
        rule: &Checked,
        config: &Config,
    ) -> Result<(), Failure> {
        let Some(account) = &identified.account else { return Ok(()) };
        let admin = identified.caller.level >= Level::Admin;
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

fn of(account: Arc<Account>, proof: Proof, key: bool) -> Identified {
    let level = Level::of(account.kind, account.rights);
    // A name without a password is never more than a user.
    let level = if proof == Proof::Name { level.min(Level::User) } else { level };
    let name = account.username.to_string();
    Identified { caller: Caller { level, proof, key }, account: Some(account), name, single_use: None }
}

fn nobody(key: bool) -> Identified {
    let caller = Caller { level: Level::Public, proof: Proof::None, key };
    Identified { caller, account: None, name: String::new(), single_use: None }
}

fn right_key(identity: &Identity<'_>, config: &Config) -> bool {
    let sent = identity.credentials.key.as_ref().map(|key| key.expose().to_owned()).unwrap_or_default();
    config.apiv2key.is_empty() || same_text(&sent, &config.apiv2key)
}

/// Everything that was shown is compared, against a password that nobody has where the account is unknown.
fn prove(
    identity: &Identity<'_>,
    account: Option<&Account>,
    nonce: Option<&Taken>,
    rule: &Checked,
    config: &Config,
) -> Option<Proof> {
    let sent = identity.credentials;
    let usable = account.filter(|account| may_log_in(account) && !account.password.is_empty());
    let password = usable.map_or(NO_PASSWORD, |account| account.password.expose());
    let pin = account.filter(|a| pin_counts(a, rule, config) && may_log_in(a) && !a.pin.is_empty());
    let pin_text = pin.map_or(NO_PASSWORD, |account| account.pin.expose());
    let nonces: Vec<&str> = match (nonce, &sent.nonce) {
        (Some(Taken::Fresh(text) | Taken::Again(text)), Some(prefix)) => vec![text, prefix],
        _ => Vec::new(),
    };
    let salts = Salts {
        server: &config.apiv2md5salt,
        old: &config.httpapimd5salt,
        alternative: config.apialtauth != STRICT,
    };
    let by_clear = sent.password.as_ref().map(|clear| {
        let (right, by_pin) = (same_text(clear.expose(), password), same_text(clear.expose(), pin_text));
        (right && usable.is_some()) || (by_pin && pin.is_some())
    });
    let by_digest = sent.digest.as_ref().map(|digest| {
        let right = |demanded| {
            let digest = digest.as_ref();
            digest.is_some_and(|digest| digest_matches(sent, digest, password, salts, &nonces, demanded))
        };
        (right(true), right(false) && usable.is_some())
    });
    // A PIN alone found its account by being its PIN.
    let by_pin = sent.pin.as_ref().filter(|_| sent.id.is_none()).map(|_| account.is_some_and(may_log_in));
    let all_right =
        by_clear.unwrap_or(true) && by_digest.is_none_or(|(_, right)| right) && by_pin.unwrap_or(true);
    let any = by_clear.is_some() || by_digest.is_some() || by_pin.is_some();
    if !(all_right && any) {
        return None;
    }
    let over_nonce =
        by_digest.is_some_and(|(over_nonce, _)| over_nonce) || (by_clear.is_some() && nonce.is_some());
    Some(if over_nonce { Proof::Nonce } else { Proof::Password })
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
