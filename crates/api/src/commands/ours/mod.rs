//! Commands of ours: no chapter of the documents has them.

mod apikeyadd;
mod apikeydel;
mod apikeylist;
mod authexplain;
mod codesgenerate;
mod codeslist;
mod codesrevoke;
mod eventlist;
mod events;
mod examples;
mod mmq;
mod mmqpublish;
mod numberadd;
mod numberassign;
mod numberlist;
mod numberrelease;
mod priceassign;
mod priceexport;
mod priceimport;
mod pricelistadd;
mod pricelistdel;
mod pricelists;
mod requests;
mod routeadd;
mod routedel;
mod routelist;
mod routeset;
mod scannumbers;
mod webhookadd;
mod webhookdel;
mod webhooklist;
mod webhookreplay;
mod webhooks;
mod webhooktest;

use crate::declare::Command;

/// The group's commands.
pub const COMMANDS: &[&Command] = &[
    &apikeyadd::COMMAND,
    &apikeydel::COMMAND,
    &apikeylist::COMMAND,
    &authexplain::COMMAND,
    &eventlist::COMMAND,
    &events::COMMAND,
    &examples::COMMAND,
    &codesgenerate::COMMAND,
    &codeslist::COMMAND,
    &codesrevoke::COMMAND,
    &mmq::COMMAND,
    &mmqpublish::COMMAND,
    &numberadd::COMMAND,
    &numberassign::COMMAND,
    &numberlist::COMMAND,
    &numberrelease::COMMAND,
    &routeadd::COMMAND,
    &routedel::COMMAND,
    &routelist::COMMAND,
    &routeset::COMMAND,
    &priceassign::COMMAND,
    &priceexport::COMMAND,
    &priceimport::COMMAND,
    &pricelistadd::COMMAND,
    &pricelistdel::COMMAND,
    &pricelists::COMMAND,
    &requests::COMMAND,
    &scannumbers::COMMAND,
    &webhookadd::COMMAND,
    &webhookdel::COMMAND,
    &webhooklist::COMMAND,
    &webhookreplay::COMMAND,
    &webhooktest::COMMAND,
];
