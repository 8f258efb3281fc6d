//! Who may open which call's sound: one-time tokens, and the seats of those who listen. No clock and no randomness.

use std::collections::BTreeMap;

use strowger_model::{AccountId, CallId, Mono};
use subtle::ConstantTimeEq as _;

/// Listeners of one call, those that were let in and have not come yet included.
pub const MAX_OF_CALL: usize = 4;
/// Listeners of all calls.
pub const MAX_ALL: usize = 64;

/// What opens the sound of a call, in bytes.
pub type Token = [u8; 16];

/// Whom a token lets in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ticket {
    /// The call.
    pub call: CallId,
    /// Who asked; none: a trusted address without credentials.
    pub who: Option<AccountId>,
    /// Its name, for the audit.
    pub name: String,
}

/// No more may listen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Full {
    /// To this call.
    Call,
    /// At all.
    All,
}

struct Open {
    token: Token,
    until: Mono,
    ticket: Ticket,
}

/// Tickets that are out, and seats that are taken.
#[derive(Default)]
pub struct Tickets {
    open: Vec<Open>,
    seated: BTreeMap<CallId, usize>,
}

impl Tickets {
    /// Lets a ticket out.
    ///
    /// # Errors
    /// [`Full`].
    pub fn issue(&mut self, now: Mono, token: Token, until: Mono, ticket: Ticket) -> Result<(), Full> {
        self.open.retain(|open| open.until > now);
        let of_call = self.open.iter().filter(|open| open.ticket.call == ticket.call).count();
        if of_call + self.seated.get(&ticket.call).copied().unwrap_or(0) >= MAX_OF_CALL {
            return Err(Full::Call);
        }
        if self.open.len() + self.seated.values().sum::<usize>() >= MAX_ALL {
            return Err(Full::All);
        }
        self.open.push(Open { token, until, ticket });
        Ok(())
    }

    /// Takes a ticket in and gives a seat, once and in time. The seat is given back by [`Tickets::leave`].
    pub fn redeem(&mut self, now: Mono, token: &Token) -> Option<Ticket> {
        let at = self.open.iter().position(|open| open.token.ct_eq(token).into())?;
        let open = self.open.swap_remove(at);
        if open.until <= now {
            return None;
        }
        *self.seated.entry(open.ticket.call).or_default() += 1;
        Some(open.ticket)
    }

    /// A seat is free again.
    pub fn leave(&mut self, call: CallId) {
        if let Some(count) = self.seated.get_mut(&call) {
            *count -= 1;
            if *count == 0 {
                self.seated.remove(&call);
            }
        }
    }

    /// The call is over: its tickets are worth nothing any more.
    pub fn forget(&mut self, call: CallId) {
        self.open.retain(|open| open.ticket.call != call);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(number: usize) -> CallId {
        format!("0.0.1.{number:x}").parse().unwrap()
    }

    fn ticket(number: usize) -> Ticket {
        Ticket { call: call(number), who: Some(AccountId(1)), name: "admin".into() }
    }

    fn issue(tickets: &mut Tickets, now: u64, token: u8, number: usize) -> Result<(), Full> {
        tickets.issue(Mono::from_ms(now), [token; 16], Mono::from_ms(now + 30), ticket(number))
    }

    #[test]
    fn a_ticket_is_good_once_and_for_a_while() {
        let mut tickets = Tickets::default();
        issue(&mut tickets, 0, 1, 7).unwrap();
        issue(&mut tickets, 0, 2, 7).unwrap();
        assert_eq!(tickets.redeem(Mono::from_ms(1), &[9; 16]), None, "never let out");
        assert_eq!(tickets.redeem(Mono::from_ms(1), &[1; 16]), Some(ticket(7)));
        assert_eq!(tickets.redeem(Mono::from_ms(1), &[1; 16]), None, "used");
        assert_eq!(tickets.redeem(Mono::from_ms(30), &[2; 16]), None, "too late");
        issue(&mut tickets, 40, 3, 7).unwrap();
        tickets.forget(call(7));
        assert_eq!(tickets.redeem(Mono::from_ms(41), &[3; 16]), None, "the call is over");
    }

    #[test]
    fn listeners_and_those_who_may_come_are_bounded_per_call_and_in_all() {
        let mut tickets = Tickets::default();
        for token in 0..4 {
            issue(&mut tickets, 0, token, 1).unwrap();
        }
        assert_eq!(issue(&mut tickets, 1, 9, 1), Err(Full::Call));
        tickets.redeem(Mono::from_ms(1), &[0; 16]).unwrap();
        assert_eq!(issue(&mut tickets, 1, 9, 1), Err(Full::Call), "who listens counts");
        // The others did not come.
        for token in 4..7 {
            issue(&mut tickets, 30, token, 1).unwrap();
        }
        assert_eq!(issue(&mut tickets, 30, 9, 1), Err(Full::Call));
        tickets.leave(call(1));
        tickets.leave(call(2));
        issue(&mut tickets, 30, 7, 1).unwrap();
        for number in 1..=15 {
            for token in 0..4 {
                issue(&mut tickets, 31, token, number + 1).unwrap();
            }
        }
        assert_eq!(issue(&mut tickets, 31, 9, 99), Err(Full::All));
        issue(&mut tickets, 61, 9, 99).unwrap();
    }
}
