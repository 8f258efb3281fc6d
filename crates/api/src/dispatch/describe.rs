//! The descriptions of the API for machines: served to whom the API answers at all, without credentials.

use strowger_config::Config;

use super::{Dispatcher, allow_origin, refuse, wanted};
use crate::auth::look;
use crate::openapi::{Document, openapi, wsdl};
use crate::reply::{Answer, Failure, encode};
use crate::request::{Request, Transport};

/// The longest Host that is written into an address, in characters.
const MAX_HOST: usize = 255;

impl Dispatcher {
    /// Answers with a description.
    pub(super) fn describe(&self, document: Document, request: &Request, config: &Config) -> Answer {
        let source = look(&request.origin, config);
        let admitted =
            refuse(self.switch.guard(|guard| guard.admit(self.switch.now(), source.address, None)));
        let open = !config.apitrustediponly || source.trusted || source.listed;
        let admitted =
            admitted.and_then(|()| if open { Ok(()) } else { Err(Failure::denied("not from this address")) });
        let mut answer = match admitted {
            Err(refused) => encode(Err(refused), &wanted(request, config)),
            Ok(()) => Answer {
                content_type: document.content_type(),
                headers: vec![
                    ("X-Content-Type-Options", "nosniff".into()),
                    ("Cache-Control", "no-cache".into()),
                ],
                body: match document {
                    Document::OpenApi => openapi(self.build.version).as_bytes().to_vec(),
                    Document::Wsdl => wsdl(&base(request)).into_bytes(),
                },
                ..Answer::empty(200)
            },
        };
        allow_origin(&mut answer, request.origin.web_origin.as_deref(), config);
        answer
    }
}

/// Scheme and authority of the server as the client called it.
fn base(request: &Request) -> String {
    let scheme = if request.origin.transport == Transport::Https { "https" } else { "http" };
    let plain = |host: &&str| {
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | ':' | '-' | '[' | ']');
        (1..=MAX_HOST).contains(&host.len()) && host.chars().all(allowed)
    };
    match request.origin.host.as_deref().filter(plain) {
        Some(host) => format!("{scheme}://{host}"),
        None => format!("{scheme}://{}", request.origin.local),
    }
}
