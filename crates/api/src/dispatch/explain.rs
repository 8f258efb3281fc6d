//! What would become of a request, step by step, without doing it: nothing is counted, spent or changed. For
//! administrators only, because it says what is wrong with credentials.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use strowger_config::Config;
use strowger_guard::Verdict;
use strowger_model::{Account, Secret, Wall};

use super::handle::{Identity, fingerprint, found};
use super::identify::{self, Identified, SentKey, ground};
use super::overrides::Checked;
use super::{Dispatcher, policy, refusal};
use crate::auth::{
    Caller, Credentials, Denial, Known, Level, Place, Proof, Sessions, Source, Taken, authorise,
    explain_digest, explain_password, look, may_log_in, prove,
};
use crate::declare::{Access, Run};
use crate::request::{Http, Origin, Request, Transport};

/// One step of the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What was looked at.
    pub step: &'static str,
    /// `pass`, `FAIL`, or `-` for what only informs.
    pub verdict: &'static str,
    /// What was found.
    pub detail: String,
}

/// The way so far.
#[derive(Default)]
struct Way(Vec<Finding>);

impl Way {
    fn note(&mut self, step: &'static str, detail: impl Into<String>) {
        self.0.push(Finding { step, verdict: "-", detail: detail.into() });
    }

    fn pass(&mut self, step: &'static str, detail: impl Into<String>) {
        self.0.push(Finding { step, verdict: "pass", detail: detail.into() });
    }

    fn fail(&mut self, step: &'static str, detail: impl Into<String>) {
        self.0.push(Finding { step, verdict: "FAIL", detail: detail.into() });
    }

    fn failed(&self) -> bool {
        self.0.iter().any(|finding| finding.verdict == "FAIL")
    }
}

/// A request as it is pasted: a line, a path, or a whole URL.
pub fn pasted(text: &str, from: IpAddr, transport: Transport) -> Request {
    let text = text.trim();
    let text = text.find("://").map_or(text, |at| {
        let rest = &text[at + 3..];
        rest.find('/').map_or("/", |slash| &rest[slash..])
    });
    let peer = SocketAddr::new(from, 0);
    let origin = Origin::new(peer, SocketAddr::new(from, 0), transport);
    if text.starts_with('/') && matches!(transport, Transport::Http | Transport::Https) {
        let http = Http {
            method: "GET",
            target: text,
            content_type: None,
            accept: None,
            authorization: None,
            soap_action: None,
            body: b"",
        };
        return *Request::http(origin, &http);
    }
    Request::line(origin, text.as_bytes())
}

impl Dispatcher {
    /// Explains a request.
    pub(crate) async fn explain(self: &Arc<Self>, mut request: Request) -> Vec<Finding> {
        let config = self.switch.config();
        request.decrypt(&config.httpapiencryptkey);
        let source = look(&request.origin, &config);
        let mut way = Way::default();
        way.note("source", describe(&source, request.origin.transport));
        if let Some(broken) = &request.broken {
            way.fail("form", broken.to_string());
            return way.0;
        }
        let rules = self.rules();
        let (command, entry) = found(&request, &rules);
        let Some(command) = command else {
            let asked =
                if request.command.is_empty() { "none is named (apientry)" } else { &request.command };
            way.fail("command", format!("unknown: {asked}"));
            return way.0;
        };
        // An entry of tb_api has a rule of its own.
        let (name, base) =
            entry.as_ref().map_or((command.name, command), |entry| (entry.name.as_str(), entry.base()));
        let rule = rules.rule(name, base).relax(command, &config);
        way.pass("command", demands(name, &rule, &config));
        if let Run::Unavailable { why } = &command.run {
            way.note("command", format!("it answers not available: {why}"));
        }
        let (credentials, mut args) = Credentials::take(&request, command);
        args.named.extend(entry.as_ref().map(|entry| ("apientry", &entry.name)));
        let snapshot = self.switch.snapshot();
        let named = credentials.id.and_then(|id| identify::resolve(&snapshot, id));
        let identity = Identity {
            request: &request,
            now: self.switch.now(),
            command,
            credentials: &credentials,
            named,
            args: &args,
            source: &source,
            snapshot: &snapshot,
        };
        self.explain_door(&mut way, &identity, &rule, &config);
        if let Err(failure) = refusal::old_interface(&request, command, &source, &config) {
            way.fail(
                "ip",
                format!("the old interface's lists (httpapiallowedip, httpsmscallbackip): {failure}"),
            );
        }
        let key = self.explain_key(&mut way, &identity, &rule, &config);
        self.explain_user(&mut way, &identity);
        let identified = self.explain_credentials(&mut way, &identity, &rule, &config, key).await;
        if let Some(identified) = identified {
            self.explain_rest(&mut way, &identity, identified, &rule, &config).await;
        }
        let verdict = if way.failed() { "it would be refused" } else { "it would run" };
        way.note("verdict", verdict);
        way.0
    }

    /// Bans, `enabled`, and what the address must be.
    fn explain_door(&self, way: &mut Way, identity: &Identity<'_>, rule: &Checked, config: &Config) {
        let user = identity.named.map(|account| &*account.username);
        let user = user.or(identity.credentials.id);
        match self.switch.guard(|guard| guard.check(self.switch.now(), identity.source.address, user)) {
            Verdict::Pass => way.pass("limits", "no ban holds"),
            Verdict::Banned { retry_after_ms } | Verdict::Limited { retry_after_ms } => way.fail(
                "limits",
                format!(
                    "banned for {} s more: bannedlist shows it, delbanned lifts it",
                    retry_after_ms / 1_000
                ),
            ),
        }
        // Somebody who may do everything: what is refused then is refused to all.
        let anybody = Caller { level: Level::ServerAdmin, proof: Proof::Console, key: true };
        match authorise(&rule.rule, &anybody, identity.source, &policy(config)) {
            Err(Denial::Disabled) => way.fail("enabled", "tb_api switches the command off (enabled = 0)"),
            Err(Denial::NotOverUdp) => way.fail("ip", "sensitive commands do not run over UDP or SIP"),
            Err(Denial::HostControl) => way.fail("enabled", "hostcontrol is not set in the start-up file"),
            Err(Denial::Address) => way.fail(
                "ip",
                "the address is neither trusted (allowtrustedip, trustediplist, trustlanip) nor in apiv2ipauth; \
                 req_ip, apitrustediponly, apideftrustadmin or the command itself demand that",
            ),
            _ => {
                way.pass("enabled", "it is switched on");
                way.pass("ip", if rule.rule.address { "demanded, and allowed" } else { "not demanded" });
            }
        }
    }

    fn explain_key(
        &self,
        way: &mut Way,
        identity: &Identity<'_>,
        rule: &Checked,
        config: &Config,
    ) -> SentKey {
        let key = self.sent_key(identity, config);
        let sent = identity.credentials.key.as_ref().map(Secret::expose);
        if let Some(named) = &key.named {
            match named.admit(self.switch.now().wall, identity.source, identity.command, identity.called()) {
                Ok(()) => way.pass("key", format!("the named key {}", named.row.name)),
                Err(failure) => way.fail("key", failure.to_string()),
            }
        } else if !rule.rule.key {
            way.pass("key", "not demanded");
        } else if key.right {
            way.pass("key", if config.apiv2key.is_empty() { "none is set" } else { "it is apiv2key" });
        } else if identity.credentials.bearer.is_some() {
            way.pass("key", "the token stands for it");
        } else {
            way.fail("key", wrong_key(sent.unwrap_or_default(), config));
        }
        key
    }

    fn explain_user(&self, way: &mut Way, identity: &Identity<'_>) {
        let Some(id) = identity.credentials.id else {
            return way.note("user", "no authid was sent");
        };
        let Some(account) = identity.named else {
            let snapshot = self.switch.snapshot();
            let decoded = percent_encoding::percent_decode_str(id).decode_utf8_lossy().replace('+', " ");
            let damaged = decoded != *id && identify::resolve(&snapshot, &decoded).is_some();
            let hint = if damaged { ": it is percent-encoded once too often" } else { "" };
            return way.fail("user", format!("no account has this username, id, name, PIN or number{hint}"));
        };
        let by = if account.username.eq_ignore_ascii_case(id.trim()) {
            "username"
        } else if account.id.0.to_string() == id.trim() {
            "id"
        } else {
            "name, PIN or number"
        };
        let level = Level::of(account.kind, account.rights).name();
        let who = format!("account {} (id {}, {level}), found by its {by}", account.username, account.id);
        if may_log_in(account) {
            way.pass("user", who);
        } else {
            way.fail(
                "user",
                format!("{who}: it is disabled or may not log in (enabled, temporarydisabled, rights 10)"),
            );
        }
    }

    /// What the credentials are worth; none where that is nothing.
    async fn explain_credentials(
        self: &Arc<Self>,
        way: &mut Way,
        identity: &Identity<'_>,
        rule: &Checked,
        config: &Arc<Config>,
        key: SentKey,
    ) -> Option<Identified> {
        let sent = identity.credentials;
        if rule.rule.access == Access::Open {
            way.pass("credentials", "not demanded");
            return Some(identify::nobody(key.right));
        }
        if let Some(token) = &sent.bearer {
            return self.explain_token(way, token, key);
        }
        if !sent.any_user() {
            way.note("credentials", "neither a password, authmd5, PIN nor token was sent");
            return match self.without_secret(identity, rule, config, key) {
                Ok(identified) => Some(identified),
                Err(failure) => {
                    way.fail("credentials", failure.to_string());
                    None
                }
            };
        }
        let nonce = self.explain_nonce(way, identity);
        let candidate = identify::candidate(identity, rule, config).cloned();
        self.explain_digest(way, identity, candidate.clone(), nonce.clone(), rule, config).await;
        let proof = prove(sent, &ground(identity, candidate.as_deref(), nonce.as_ref(), rule, config));
        let (Some(proof), Some(account)) = (proof, candidate) else {
            way.fail("credentials", "they do not prove the account");
            return None;
        };
        way.pass("credentials", format!("{} proves the account", proof.name()));
        if let Some(Some(digest)) = &sent.digest
            && proof != Proof::Nonce
            && self.is_replay(identity, digest)
        {
            way.fail("credentials", "another address showed this authmd5 first: use a new authsalt");
        }
        Some(Identified { key: key.named, ..identify::of(account, proof, key.right) })
    }

    fn explain_token(&self, way: &mut Way, token: &Secret, key: SentKey) -> Option<Identified> {
        let now = self.switch.now().wall;
        let session = self.memory().sessions.find(Wall(i64::MIN), token).cloned();
        let Some(session) = session else {
            way.fail("credentials", "the token is unknown: never issued, forgotten, or of another server");
            return None;
        };
        if session.expires <= now {
            way.fail("credentials", "the token has expired (apitokenlifetime): log in again");
            return None;
        }
        let account = self.switch.snapshot().account(session.account).cloned();
        match account.filter(|account| may_log_in(account) && Sessions::fits(&session, token, account)) {
            Some(account) => {
                way.pass("credentials", format!("the token of {}", account.username));
                Some(Identified { key: key.named, ..identify::of(account, Proof::Bearer, true) })
            }
            None => {
                way.fail(
                    "credentials",
                    "the token's account is gone, disabled, or has another password since",
                );
                None
            }
        }
    }

    fn explain_nonce(&self, way: &mut Way, identity: &Identity<'_>) -> Option<Taken> {
        let sent = identity.credentials.nonce?;
        let request = fingerprint(identity.command, identity.args);
        let (now, address) = (self.switch.now().mono, identity.source.address);
        match self.memory().nonces.explain(now, address, sent, request) {
            Ok(taken) => {
                way.pass("nonce", "it is good");
                Some(taken)
            }
            Err(why) => {
                way.fail("nonce", why);
                None
            }
        }
    }

    /// Recomputes what was sent, on a thread of its own: it takes milliseconds.
    async fn explain_digest(
        &self,
        way: &mut Way,
        identity: &Identity<'_>,
        account: Option<Arc<Account>>,
        nonce: Option<Taken>,
        rule: &Checked,
        config: &Arc<Config>,
    ) {
        let Some(account) = account else { return };
        let demanded = rule.need_login(config) >= 2 || nonce.is_some();
        let alternative = ground(identity, Some(&*account), None, rule, config).salts.alternative;
        let (request, command, config) = (identity.request.clone(), identity.command, Arc::clone(config));
        let search = move || {
            let (sent, _) = Credentials::take(&request, command);
            let full = nonce.as_ref().map(|(Taken::Fresh(text) | Taken::Again(text))| text.as_str());
            let salts =
                crate::auth::Salts { server: &config.apiv2md5salt, old: &config.httpapimd5salt, alternative };
            let known = Known { account: &account, salts, key: &config.apiv2key, nonce: full, demanded };
            [explain_digest(&sent, &known), explain_password(&sent, &known)].concat()
        };
        let said = tokio::task::spawn_blocking(search).await.unwrap_or_default();
        for sentence in said {
            match sentence.strip_prefix("wrong: ") {
                Some(wrong) => way.note("ingredients", format!("wrong: {wrong}")),
                None => way.note("ingredients", sentence),
            }
        }
    }

    /// Level, nonce, login, registration, credit, target.
    async fn explain_rest(
        self: &Arc<Self>,
        way: &mut Way,
        identity: &Identity<'_>,
        identified: Identified,
        rule: &Checked,
        config: &Arc<Config>,
    ) {
        let caller = identified.caller;
        let level = match authorise(&rule.rule, &caller, identity.source, &policy(config)) {
            Ok(level) => {
                way.pass("level", format!("{} by {}", level.name(), caller.proof.name()));
                level
            }
            Err(denial) => {
                way.fail("level", refused(denial, rule));
                return;
            }
        };
        match self.nonce_demand(identity, &identified, rule, config) {
            None => way.pass("login", "no nonce or login is missing"),
            Some(setting) => {
                way.fail("login", format!("{setting} demands a nonce of preauth, a token, or a login"));
            }
        }
        let conditions = match &identified.account {
            Some(account) => {
                let own_level = identified.caller.level;
                self.check_conditions(account, own_level, identity.source, rule, config).await
            }
            None => Ok(()),
        };
        match conditions {
            Ok(()) => way.pass("credit, register", "fulfilled or not demanded"),
            Err(failure) => way.fail("credit, register", failure.to_string()),
        }
        match self.call(identity, identified, level, rule.rule.support) {
            Ok(call) => {
                let target = call.target.as_ref().map_or("nobody", |account| &*account.username);
                way.pass("target", target);
                if let Run::Here { check, .. } = &identity.command.run {
                    match check(identity.args) {
                        Ok(()) => way.pass("parameters", "they can be read"),
                        Err(failure) => way.fail("parameters", failure.to_string()),
                    }
                }
            }
            Err(failure) => way.fail("target", failure.to_string()),
        }
    }
}

fn describe(source: &Source, transport: Transport) -> String {
    let place = match source.place {
        Place::Loopback => "this machine",
        Place::Trusted => "in trustediplist",
        Place::Lan => "a private address",
        Place::Foreign => "an ordinary address",
    };
    let trust = if source.trusted { "trusted" } else { "not trusted" };
    let unproven = if source.unproven { ", its address proves nothing" } else { "" };
    format!("{} over {}: {place}, {trust}{unproven}", source.address, transport.name())
}

fn demands(name: &str, rule: &Checked, config: &Config) -> String {
    let yes = |flag| if flag { "yes" } else { "no" };
    format!(
        "{name}: access {}, key {}, address {}, level {}, mode {}, login {}, register {}",
        rule.rule.access.name(),
        yes(rule.rule.key),
        yes(rule.rule.address),
        rule.rule.level.name(),
        rule.mode(config),
        rule.need_login(config),
        rule.need_register(config),
    )
}

fn wrong_key(sent: &str, config: &Config) -> &'static str {
    let key = &*config.apiv2key;
    let decoded = percent_encoding::percent_decode_str(sent).decode_utf8_lossy();
    if sent.is_empty() {
        "no authkey was sent, and apiv2key is set"
    } else if sent.trim() == key {
        "authkey has spaces around the key"
    } else if sent.eq_ignore_ascii_case(key) {
        "authkey is spelt in another case"
    } else if decoded == key {
        "authkey is percent-encoded once too often"
    } else if sent == &*config.apiv2md5salt {
        "authkey is the server's salt (apiv2md5salt), not the key"
    } else if key.starts_with(sent) {
        "authkey is only the beginning of the key"
    } else {
        "authkey is neither apiv2key nor a named key"
    }
}

fn refused(denial: Denial, rule: &Checked) -> String {
    match denial {
        Denial::Key => "the key is wrong or missing (see above)".into(),
        Denial::Credentials => format!("credentials of level {} are demanded", rule.rule.level.name()),
        Denial::Level(level) => format!("the account is no {}", level.name()),
        Denial::Address => "administrators only from trusted addresses (apideftrustadmin), or req_ip".into(),
        Denial::NotOverUdp => "not over UDP".into(),
        Denial::HostControl => "hostcontrol is not set in the start-up file".into(),
        Denial::Disabled => "switched off in tb_api".into(),
        Denial::SipOnly => "SIP users only".into(),
    }
}
