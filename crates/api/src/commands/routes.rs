//! What a route may look like, before it is kept.

use strowger_model::{AccountId, AccountKind};
use strowger_store::RouteRow;

use crate::dispatch::Call;
use crate::reply::Failure;

/// Characters of a prefix, a caller and a name.
const MAX_TEXT: usize = 64;

/// A server by its name or id.
pub fn server(call: &Call, text: &str) -> Result<AccountId, Failure> {
    let server = call.find(text, "server")?;
    if server.kind != AccountKind::SipServer {
        return Err(Failure::invalid(format!("server must be a SIP server, {} is none", server.username)));
    }
    Ok(server.id)
}

/// A whole number within its range.
pub fn number(name: &str, value: i64, least: i32, most: i32) -> Result<i32, Failure> {
    let fits = i32::try_from(value).ok().filter(|n| (least..=most).contains(n));
    fits.ok_or_else(|| Failure::invalid(format!("{name} must be {least} to {most}")))
}

/// The texts of a route, tidied.
pub fn checked(mut route: RouteRow) -> Result<RouteRow, Failure> {
    route.prefix = route.prefix.trim().trim_start_matches('+').to_owned();
    route.caller = route.caller.trim().to_owned();
    route.name = route.name.trim().to_owned();
    let dialled = |b: u8| b.is_ascii_digit() || b == b'*' || b == b'#';
    if !route.prefix.bytes().all(dialled) {
        return Err(Failure::invalid("prefix must be digits"));
    }
    let texts = [("prefix", &route.prefix), ("caller", &route.caller), ("name", &route.name)];
    for (name, text) in texts {
        if text.chars().count() > MAX_TEXT || text.chars().any(char::is_control) {
            return Err(Failure::invalid(format!(
                "{name} must be at most {MAX_TEXT} characters on one line"
            )));
        }
    }
    Ok(route)
}
