//! The admission of a new call: rate limits, validity, and who it comes from. What happens to it then is the calls'.

use strowger_call::{CallInput, CallOrder, Carrier, Hop, Wait};
use strowger_model::account::Transport;
use strowger_model::{AccountId, Now};
use strowger_route::{AccessCall, Arrival, Identity, access_call, identify};
use strowger_sip::{Abilities, HeaderId, Message, Method, validate};

use super::Shard;
use super::answer::{ALLOW, response_hop};
use super::sip::Caller;

/// What an INVITE may ask for.
const ABILITIES: Abilities<'static> = Abilities {
    methods: &[Method::Invite],
    allow: ALLOW,
    extensions: &["100rel", "timer", "path", "outbound", "replaces", "norefersub", "precondition"],
    bodies: &["application/sdp"],
    proxying: false,
};

impl Shard {
    pub(super) fn invite(&mut self, now: Now, from: Hop, request: Message) {
        if self.world.rules.calls.draining {
            let seconds = self.world.rules.calls.retry_after_s;
            self.respond(&request, from, 503, "", |out| {
                out.header(HeaderId::RetryAfter, seconds);
            });
            return;
        }
        let Some((identity, from_user)) = self.identity(now, from, &request, &ABILITIES) else { return };
        let Identity::Accept { account, called, trunk, .. } = identity else { return };
        if trunk && self.calls_back(now, account, &from_user, &called) {
            self.refuse(&request, from, 480, "Called back");
            return;
        }
        self.call(now, CallInput::Invite { message: request, from, caller: account, trunk, called });
    }

    /// Who sends a request, and the name that it gives; none: it was refused or challenged.
    pub(super) fn identity(
        &mut self,
        now: Now,
        from: Hop,
        request: &Message,
        abilities: &Abilities<'_>,
    ) -> Option<(Identity, String)> {
        if let Err(refusal) = validate(request, abilities) {
            let tag = self.stateless_tag(request);
            let mut buffer = std::mem::take(&mut self.buffer);
            refusal.write(&mut buffer, request, &tag, Some(from.address));
            self.transmit(response_hop(request, from), buffer.as_slice().into());
            self.buffer = buffer;
            return None;
        }
        let (Ok(caller), Ok(uri)) = (request.from(), request.uri()) else {
            self.refuse(request, from, 400, "Bad Request-URI or From");
            return None;
        };
        let (from_user, called_user) = (caller.uri.user_decoded(), uri.user_decoded());
        if !self.admitted(now, from, request, &from_user) {
            return None;
        }
        let (digest, stale) = self.digest_of(now, from, request);
        let arrival = Arrival {
            source: from.address,
            transport: transport_of(from.carrier),
            from_user: &from_user,
            from_host: caller.uri.host,
            called_user: &called_user,
            called_host: uri.host,
            digest,
            bound_listener: false,
        };
        let identity = identify(&self.world.routes.load(), &arrival);
        match identity {
            Identity::Accept { .. } => return Some((identity, from_user.into_owned())),
            Identity::NeedDigest { .. } => {
                let algorithms = self.algorithms_for(&from_user);
                self.challenge(now, request, from, false, stale, &algorithms);
            }
            Identity::Refuse { status, reason } => self.refuse(request, from, status, reason),
        }
        None
    }

    /// A known caller's call to a callback access number is declined and the caller called.
    fn calls_back(&mut self, now: Now, trunk: AccountId, presented: &str, called: &str) -> bool {
        let routes = self.world.routes.load_full();
        let Some(number) = routes.by_number(called) else { return false };
        let Some(AccessCall::CallBack { account, caller, then }) =
            access_call(&routes, Some(trunk), presented, number)
        else {
            return false;
        };
        let ringing =
            self.calls.list(now).iter().any(|call| call.payer == Some(account) && call.dialled == caller);
        if !ringing {
            tracing::info!(%account, "called back from an access number");
            let wait = Wait::Placed;
            self.internal(
                now,
                CallOrder::Place { initiator: account, first: caller, second: then, shown: None, wait },
            );
        }
        true
    }

    /// The account whose digest the request carries, in either header: phones answer 401 and 407 alike.
    pub(super) fn digest_of(&mut self, now: Now, from: Hop, request: &Message) -> (Option<AccountId>, bool) {
        let mut stale_any = false;
        for header in [HeaderId::ProxyAuthorization, HeaderId::Authorization] {
            if request.value(header).is_none() {
                continue;
            }
            match self.authenticate(now, from, request, header) {
                Caller::Known(account) => return (Some(account.id), false),
                Caller::Unknown { stale } => stale_any |= stale,
            }
        }
        (None, stale_any)
    }
}

const fn transport_of(carrier: Carrier) -> Transport {
    match carrier {
        Carrier::Udp => Transport::Udp,
        Carrier::Tcp | Carrier::Ws => Transport::Tcp,
        Carrier::Tls | Carrier::Wss => Transport::Tls,
    }
}
