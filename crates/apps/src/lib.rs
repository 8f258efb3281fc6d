//! Apps: owners of a single leg. Each is a machine behind [`strowger_call::App`]: it hears what happens to
//! its leg and says what is to happen. It knows neither SIP nor packets.

#![deny(missing_docs)]

mod echo;
mod music;

use strowger_call::{App, Service};

/// The app behind a service number; none where this version serves nothing there.
#[must_use]
pub fn service(service: Service) -> Option<Box<dyn App>> {
    match service {
        Service::Echo => Some(Box::new(echo::Echo)),
        Service::Music => Some(Box::new(music::Music)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exactly_the_services_that_routing_calls_served_have_an_app() {
        let all = [
            Service::Voicemail,
            Service::Music,
            Service::Joke,
            Service::DelayedEcho,
            Service::Echo,
            Service::Record,
            Service::Playback,
            Service::Redial,
        ];
        for one in all {
            assert_eq!(service(one).is_some(), one.is_served(), "{one:?}");
        }
    }
}
