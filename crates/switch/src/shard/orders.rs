//! Wishes from outside: what the API and operators see and do.

use std::collections::BTreeMap;
use std::sync::Arc;

use strowger_call::{CallInput, CallOrder, CallRating, CallView, Done, OrderError, Wait};
use strowger_config::Config;
use strowger_location::{Binding, OutboundSettings};
use strowger_model::{AccountId, CallId, Now, Scope};
use strowger_route::Snapshot;

use super::io::{Answer, Order, ShardOutput};
use super::rules::Rules;
use super::world::reach_of;
use super::{Shard, world};
use crate::handle::types::{
    BindingFilter, CallRef, LineStatus, P2p, P2pError, P2pPlaced, Registered, TestCall, UnregMode, WaitFor,
};
use strowger_call::Env as _;

/// Orders that a call answers later, by the token that was given to it.
#[derive(Debug, Default)]
pub struct Waiting {
    next: u64,
    by_token: BTreeMap<u64, u64>,
}

impl Shard {
    pub(super) fn order(&mut self, now: Now, token: u64, order: Order) {
        let answer = match order {
            Order::P2p(p2p) => return self.place(now, token, p2p),
            Order::Test(test) => return self.test(now, token, test),
            Order::Message { from, to, text, keep } => {
                self.post_order(now, token, (from, to), text, keep);
                return;
            }
            Order::MessagesWait(accounts) => {
                self.messages_wait(now, accounts);
                Answer::Done
            }
            Order::Presence(accounts) => Answer::Presence(self.presence_words(&accounts)),
            Order::SetPresence(account, word, until) => {
                self.set_presence(now, account, &word, until);
                Answer::Done
            }
            Order::LiveCalls(scope) => Answer::Calls(self.live_calls(now, scope)),
            Order::Rating(scope, which) => Answer::Rating(self.rating(now, scope, &which)),
            Order::Audible(scope, which) => Answer::Audible(Box::new(self.audible(now, scope, &which))),
            Order::Disconnect(scope, which) => Answer::Count(self.disconnect(now, scope, &which)),
            Order::Bindings(scope, filter) => Answer::Bindings(self.bindings(now, scope, &filter)),
            Order::Unregister(scope, filter, mode) => {
                Answer::Count(self.unregister(now, scope, &filter, mode))
            }
            Order::Lines(accounts) => Answer::Lines(self.line_states(&accounts)),
            Order::Outbound => Answer::Outbound(self.world.outbound.states().collect()),
            Order::Registrations => Answer::Registrations(Box::new(self.register_statistics(now))),
            Order::Probe(scope, after, limit) => Answer::Count(self.probe(now, scope, after, limit)),
            Order::Hits(accounts) => Answer::Hits(self.hits_of(&accounts)),
            Order::Sizes => Answer::Sizes(self.sizes()),
            Order::Probed => Answer::Probed(self.probed()),
            Order::TrunksDown => Answer::TrunksDown(self.world.health.down()),
            Order::Statistics => Answer::Statistics(self.statistics()),
            Order::Route(test) => Answer::Route(Box::new(self.route(now, &test))),
            Order::Configure(config) => {
                self.configure(&config);
                Answer::Done
            }
            Order::Upstream(servers) => {
                self.register_at(now, &servers);
                Answer::Done
            }
            Order::ClearSip => Answer::Count(self.clear_sip(now)),
            Order::ResetTrunks => Answer::Count(self.reset_trunks(now)),
            Order::ForgetEndpoints => Answer::Count(self.forget_endpoints()),
            Order::Api { token, answer } => {
                self.api_answer(token, &answer);
                Answer::Done
            }
            Order::Drain(on) => {
                self.world.rules.calls.draining = on;
                Answer::Done
            }
            Order::Finish => {
                self.world.rules.calls.draining = true;
                self.internal(now, CallOrder::HangupAll);
                self.world.outbound.leave_all(now);
                Answer::Done
            }
        };
        self.outputs.push_back(ShardOutput::Reply { token, answer });
    }

    /// How many trunks are tried again at once.
    fn reset_trunks(&mut self, now: Now) -> u32 {
        let released = self.world.health.forget();
        self.world.outbound.restart(now);
        released
    }

    fn forget_endpoints(&mut self) -> u32 {
        self.world.addresses.forget_routes();
        self.world.health.forget()
    }

    fn hits_of(&self, accounts: &[AccountId]) -> Vec<u64> {
        accounts.iter().map(|account| self.hits.get(account).copied().unwrap_or(0)).collect()
    }

    fn line_states(&self, accounts: &[AccountId]) -> Vec<LineStatus> {
        accounts.iter().map(|account| self.line(*account)).collect()
    }

    fn configure(&mut self, config: &Arc<Config>) {
        let draining = self.world.rules.calls.draining;
        self.world.rules = Rules::of(config);
        self.world.rules.calls.draining = draining;
        self.world.registrar.set_settings(self.world.rules.registrar.clone());
        self.world.presence.set_settings(self.world.rules.presence);
        self.world.addresses.forget_routes();
    }

    fn place(&mut self, now: Now, token: u64, p2p: P2p) {
        let inner = self.waiting.begin(token);
        let order = CallOrder::Place {
            initiator: p2p.account,
            first: p2p.first,
            second: p2p.second,
            shown: p2p.caller,
            wait: match p2p.wait {
                WaitFor::Placed => Wait::Placed,
                WaitFor::FirstAnswered => Wait::FirstAnswered,
                WaitFor::Connected => Wait::Connected,
            },
        };
        self.call(now, CallInput::Order { token: inner, order });
    }

    fn test(&mut self, now: Now, token: u64, TestCall { account, called, seconds }: TestCall) {
        let token = self.waiting.begin(token);
        let order = CallOrder::Test { account, called, seconds };
        self.call(now, CallInput::Order { token, order });
    }

    /// A wish of the shard itself; nobody waits for the reply.
    pub(super) fn internal(&mut self, now: Now, order: CallOrder) {
        let token = self.waiting.unheard();
        self.call(now, CallInput::Order { token, order });
    }

    pub(super) fn call_reply(&mut self, token: u64, outcome: Result<Done, OrderError>) {
        let Some(token) = self.waiting.by_token.remove(&token) else { return };
        let answer = match outcome {
            Ok(Done::Placed { call, answered }) => Answer::P2p(Ok(P2pPlaced { call, answered })),
            Ok(Done::Tested(report)) => Answer::Tested(report),
            Ok(Done::Ended(ended)) => Answer::Count(u32::try_from(ended).unwrap_or(u32::MAX)),
            Err(error) => Answer::P2p(Err(p2p_error(error))),
        };
        self.outputs.push_back(ShardOutput::Reply { token, answer });
    }

    pub(super) fn visible(&self, now: Now, scope: Scope) -> Vec<CallView> {
        let routes = self.world.routes.load();
        let mut calls = self.calls.list(now);
        calls.retain(|call| {
            let parties = [call.caller, call.called, call.payer];
            scope == Scope::All || parties.into_iter().flatten().any(|id| sees(&routes, scope, id))
        });
        calls
    }

    /// The calls with what they cost so far and how well they are heard.
    fn live_calls(&self, now: Now, scope: Scope) -> Vec<CallView> {
        let mut calls = self.visible(now, scope);
        calls.iter_mut().for_each(|view| self.calls.detail(now, &self.world, view));
        calls
    }

    fn rating(&self, now: Now, scope: Scope, which: &CallRef) -> Option<CallRating> {
        let call = self.visible(now, scope).iter().find(|call| is_meant(call, which))?.call;
        self.calls.rating(now, call, &self.world)
    }

    fn disconnect(&mut self, now: Now, scope: Scope, which: &CallRef) -> u32 {
        let chosen: Vec<CallId> =
            self.visible(now, scope).iter().filter(|call| is_meant(call, which)).map(|c| c.call).collect();
        for call in &chosen {
            self.internal(now, CallOrder::Hangup { call: *call });
        }
        u32::try_from(chosen.len()).unwrap_or(u32::MAX)
    }

    /// Ends the attempts that nobody answered yet; returns how many.
    fn clear_sip(&mut self, now: Now) -> u32 {
        let stays = |state: &str| matches!(state, "speaking" | "held" | "ending");
        let attempts: Vec<CallId> =
            self.calls.list(now).iter().filter(|call| !stays(call.state)).map(|call| call.call).collect();
        for call in &attempts {
            self.internal(now, CallOrder::Hangup { call: *call });
        }
        self.world.addresses.forget_routes();
        self.world.outbound.restart(now);
        u32::try_from(attempts.len()).unwrap_or(u32::MAX)
    }

    fn bindings(&self, now: Now, scope: Scope, filter: &BindingFilter) -> Vec<Registered> {
        let routes = self.world.routes.load();
        let limit =
            if filter.limit == 0 { BindingFilter::MOST } else { filter.limit.min(BindingFilter::MOST) };
        let one = self.only_account(&routes, filter);
        let all = one.is_none().then(|| self.world.registrar.bindings(filter.after));
        let of_one = one
            .flatten()
            .into_iter()
            .flat_map(|id| self.world.registrar.contacts(id).iter().map(move |binding| (id, binding)));
        of_one
            .chain(all.into_iter().flatten())
            .filter(|(id, binding)| sees(&routes, scope, *id) && from_address(binding, filter))
            .take(limit)
            .map(|(id, binding)| registered(now, &routes, id, binding))
            .collect()
    }

    /// The one account that the filter names; `Some(None)`: it names one that does not exist.
    fn only_account(&self, routes: &Snapshot, filter: &BindingFilter) -> Option<Option<AccountId>> {
        match (filter.account, &filter.username) {
            (Some(id), _) => Some(Some(id)),
            (None, Some(name)) => Some(routes.by_username(name).map(|a| a.id)),
            (None, None) => None,
        }
    }

    fn unregister(&mut self, now: Now, scope: Scope, filter: &BindingFilter, mode: UnregMode) -> u32 {
        let routes = self.world.routes.load_full();
        let accounts: Vec<AccountId> = match self.only_account(&routes, filter) {
            Some(one) => one.into_iter().collect(),
            None => {
                let mut ids: Vec<AccountId> =
                    self.world.registrar.bindings(filter.after).map(|(id, _)| id).collect();
                ids.dedup();
                ids
            }
        };
        let close = mode == UnregMode::Remove;
        let mut gone = 0;
        for account in accounts.into_iter().filter(|id| sees(&routes, scope, *id)) {
            if routes.account(account).is_none_or(|account| !account.active) {
                self.world.presence.forget(now, account);
            }
            gone += self.world.registrar.unregister(account, close, |binding| from_address(binding, filter));
        }
        u32::try_from(gone).unwrap_or(u32::MAX)
    }

    /// Registers us at these servers, and takes back what is not among them.
    fn register_at(&mut self, now: Now, servers: &[AccountId]) {
        let routes = self.world.routes.load_full();
        let mut wanted = Vec::new();
        for account in servers.iter().filter_map(|id| routes.account(*id)) {
            let Some(server) = &account.server else { continue };
            let hop = self.world.trunk(now, account.id).first().copied();
            let local = hop.map_or_else(Box::default, |hop| self.world.local(&hop).sip);
            let host: Box<str> = match server.ip {
                _ if !server.domain.is_empty() => server.domain.clone(),
                Some(ip) => std::net::SocketAddr::new(ip, server.port).to_string().into(),
                None => continue,
            };
            wanted.push(OutboundSettings {
                server: account.id,
                domain: host,
                username: account.username.clone(),
                password: account.password.clone(),
                address: hop.map(|hop| hop.address),
                carrier: hop.map_or(strowger_location::Carrier::Udp, |hop| reach_of(hop).carrier),
                local,
                expires_s: self.world.rules.outbound_expires_s,
                user_agent: self.world.rules.user_agent.clone(),
            });
        }
        self.world.outbound.set(now, wanted);
    }
}

impl Waiting {
    fn begin(&mut self, token: u64) -> u64 {
        let inner = self.unheard();
        self.by_token.insert(inner, token);
        inner
    }

    const fn unheard(&mut self) -> u64 {
        self.next += 1;
        self.next
    }
}

fn p2p_error(error: OrderError) -> P2pError {
    match error {
        OrderError::Draining => P2pError::Draining,
        OrderError::NoSuchAccount => P2pError::NoAccount,
        OrderError::Refused { status, reason } => P2pError::Refused { status, reason },
        OrderError::Failed { call, status, reason } => P2pError::Failed { call, status, reason },
        other => P2pError::Refused { status: 503, reason: other.to_string() },
    }
}

/// The call is among those that are meant.
pub(super) fn is_meant(call: &CallView, which: &CallRef) -> bool {
    match which {
        CallRef::Call(id) => call.call == *id,
        CallRef::SipCallId(text) => call.sip_call_id == *text,
        CallRef::Account(id) => [call.caller, call.called, call.payer].contains(&Some(*id)),
        CallRef::All => true,
    }
}

/// The account is within the scope.
pub(super) fn sees(routes: &Snapshot, scope: Scope, account: AccountId) -> bool {
    match scope {
        Scope::All => true,
        Scope::Own(own) => own == account,
        Scope::Children(own) => own == account || routes.is_below(account, own),
    }
}

fn from_address(binding: &Binding, filter: &BindingFilter) -> bool {
    let reach = binding.reach();
    let source = reach.source.ip().to_canonical();
    let web = matches!(reach.carrier.name(), "ws" | "wss");
    filter.ip.is_none_or(|ip| ip.to_canonical() == source) && (web || !filter.websocket)
}

fn registered(now: Now, routes: &Snapshot, account: AccountId, binding: &Binding) -> Registered {
    let reach = world::hop_of(binding.reach());
    Registered {
        account,
        username: routes.account(account).map_or_else(String::new, |a| a.username.to_string()),
        contact: binding.uri().to_owned(),
        source: reach.address,
        transport: binding.reach().carrier.name(),
        user_agent: binding.user_agent().to_owned(),
        registered: binding.registered(),
        expires: binding.expires_at(now),
        q: binding.q(),
        instance: binding.instance().to_owned(),
        push: binding.push().to_owned(),
    }
}
