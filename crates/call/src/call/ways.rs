//! How a target is reached: the contacts of an account, the address and URI of a trunk; and the legs that a step of a
//! plan is going to dial, known before the first INVITE so that the journal can name them.

use strowger_model::account::Account;
use strowger_model::{AccountId, LegId, Now, Secret};
use strowger_route::{Target, TargetKind};

use super::Call;
use super::context::Context;
use crate::hop::{Carrier, Hop};
use crate::leg::{Callee, Credentials, Kind, Presented, planned};

/// The most contacts of one account, or legs of one step, that ring at the same time.
const MAX_BRANCHES: usize = 16;

/// The port of a SIP URI that names none.
const SIP_PORT: u16 = 5060;

/// One leg of a step before it is dialled.
#[derive(Debug)]
pub struct Planned {
    /// Its id and nonce.
    pub id: (LegId, u64),
    /// The target that it is for, by its place in the step.
    pub target: usize,
    /// Whom it calls.
    pub callee: Callee,
}

impl Planned {
    /// What ends it after a crash.
    pub fn farewell(&self) -> Option<String> {
        planned(self.id, &self.callee)
    }
}

/// What is needed to reach one contact or trunk.
struct Way {
    kind: Kind,
    hop: Hop,
    uri: Box<str>,
    route: Vec<Box<str>>,
    to: String,
    credentials: Option<Credentials>,
}

impl Call {
    /// Finds out whom the step of a trial is going to dial.
    pub(super) fn plan_legs(&mut self, context: &mut Context<'_>, index: usize) {
        let Some(trial) = self.trials.get_mut(index) else { return };
        (trial.planned, trial.unwritten) = (Vec::new(), true);
        let Some(step) = trial.plan.steps.get(trial.step).cloned() else { return };
        let mut legs = Vec::new();
        for (target, to) in step.targets.iter().enumerate() {
            for way in ways(context, to, context.now).into_iter().take(MAX_BRANCHES - legs.len()) {
                let id = (context.env.mint().leg(), context.env.random());
                let caller = Presented { number: to.presented.clone(), ..self.caller.presented.clone() };
                let callee = Callee {
                    kind: way.kind,
                    hop: way.hop,
                    local: context.env.local(&way.hop),
                    uri: way.uri,
                    route: way.route,
                    to: way.to,
                    caller,
                    domain: context.env.settings().domain.clone(),
                    max_forwards: self.caller.max_forwards,
                    credentials: way.credentials,
                };
                legs.push(Planned { id, target, callee });
            }
        }
        if let Some(trial) = self.trials.get_mut(index) {
            trial.planned = legs;
        }
    }
}

/// The contacts of an account, or the address of a trunk.
fn ways(context: &mut Context<'_>, target: &Target, now: Now) -> Vec<Way> {
    match target.to {
        TargetKind::Account(account) => {
            let contacts = context.env.contacts(now, account);
            contacts.into_iter().map(|contact| phone_way(context, target, contact)).collect()
        }
        TargetKind::Trunk(trunk) => trunk_way(context, target, trunk, now).into_iter().collect(),
        TargetKind::Service(_) => Vec::new(),
    }
}

fn phone_way(context: &Context<'_>, target: &Target, contact: crate::env::Target) -> Way {
    let domain = &context.env.settings().domain;
    let local = context.env.local(&contact.hop);
    let host = if domain.is_empty() { crate::leg::host_of(&local.sip) } else { domain };
    let to = format!("sip:{}@{host}", strowger_sip::escape_user(&target.sent));
    Way { kind: Kind::Phone, hop: contact.hop, uri: contact.uri, route: contact.path, to, credentials: None }
}

fn trunk_way(context: &mut Context<'_>, target: &Target, trunk: AccountId, now: Now) -> Option<Way> {
    let hop = *context.env.trunk(now, trunk).first()?;
    let account = context.env.routes().account(trunk).cloned()?;
    let to = format!("sip:{}@{}", strowger_sip::escape_user(&target.sent), trunk_host(&account, &hop));
    let uri = format!("{to}{}", hop.carrier.uri_parameter()).into();
    Some(Way { kind: Kind::Trunk, hop, uri, route: Vec::new(), to, credentials: trunk_account(&account) })
}

/// The host of a trunk's URIs, with its port where that is not the usual one.
fn trunk_host(account: &Account, hop: &Hop) -> String {
    let Some(server) = &account.server else { return hop.address.to_string() };
    let host = match (server.domain.is_empty(), server.ip) {
        (false, _) => server.domain.to_string(),
        (true, Some(std::net::IpAddr::V6(ip))) => format!("[{ip}]"),
        (true, Some(ip)) => ip.to_string(),
        (true, None) => return hop.address.to_string(),
    };
    let usual = if hop.carrier == Carrier::Tls { SIP_PORT + 1 } else { SIP_PORT };
    if server.port == 0 || server.port == usual { host } else { format!("{host}:{}", server.port) }
}

/// Our own account at a trunk.
fn trunk_account(account: &Account) -> Option<Credentials> {
    let known = !account.username.is_empty() && !account.password.is_empty();
    known.then(|| Credentials {
        user: account.username.clone(),
        password: Secret::new(account.password.expose()),
    })
}
