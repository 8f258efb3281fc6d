//! Refusals as clients see them.

use strowger_config::Config;

use super::Dispatcher;
use crate::auth::{Credentials, Denial, Level, Source};
use crate::declare::Command;
use crate::reply::{Failure, Format, is_callback};
use crate::request::Request;

impl Dispatcher {
    /// The text of a denial. A wrong key counts as a failed attempt.
    pub(super) fn denied(&self, denial: Denial, source: &Source, sent: &Credentials<'_>) -> Failure {
        match denial {
            Denial::Key => {
                if sent.key.is_some() {
                    self.count_failure(source, None);
                }
                Failure::wrong_key()
            }
            Denial::Credentials => Failure::wrong_user(),
            Denial::Level(Level::ServerAdmin) => Failure::denied("general administrators only"),
            Denial::Level(Level::Admin) => Failure::denied("administrators only"),
            Denial::Level(Level::Support) => Failure::denied("support and administrators only"),
            Denial::Level(Level::Owner) => Failure::denied("resellers and administrators only"),
            Denial::Level(_) => Failure::denied("accounts only"),
            Denial::Address => Failure::denied("not from this address"),
            Denial::NotOverUdp => Failure::denied("not over UDP"),
            Denial::HostControl => Failure::denied("host control is not switched on in the start-up file"),
            Denial::Disabled => Failure::unavailable("switched off in tb_api"),
            Denial::SipOnly => Failure::denied("SIP users only"),
        }
    }
}

/// The older interface has address lists of its own.
pub(super) fn old_interface(
    request: &Request,
    command: &Command,
    source: &Source,
    config: &Config,
) -> Result<(), Failure> {
    if !request.old {
        return Ok(());
    }
    let refused = |list: &strowger_config::Addresses| !list.is_empty() && !list.contains(source.address);
    let messages = matches!(command.name, "sms" | "callback");
    if refused(&config.httpapiallowedip) || (messages && refused(&config.httpsmscallbackip)) {
        return Err(Failure::denied("not from this address"));
    }
    Ok(())
}

/// JSONP where it is switched off, and a callback that is no name, are refused before anything runs.
pub(super) fn jsonp(request: &Request, config: &Config) -> Result<(), Failure> {
    let switched_on = config.enablejsonp > 0;
    if request.format == Format::Jsonp && !switched_on {
        return Err(Failure::unavailable("JSONP is switched off, see enablejsonp"));
    }
    let asked = request.format == Format::Jsonp || (request.jsonp_guessed && switched_on);
    if !asked {
        return Ok(());
    }
    match request.field("callback").filter(|name| !name.is_empty()) {
        Some(name) if !is_callback(name) => {
            Err(Failure::invalid("callback must be 1 to 64 letters, digits, '_', '.' or '$'"))
        }
        _ => Ok(()),
    }
}
