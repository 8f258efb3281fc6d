//! `jppget`: another answer as a script.

use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::reply::{Failure, Reply};
use crate::request::{Http, Origin, Request, Transport, is_api_path};

/// `enablejsonp`: answers of this server.
const OWN: u32 = 1;
/// `enablejsonp`: other servers' too.
const REMOTE: u32 = 2;
/// The longest name of a function, in bytes.
const MAX_CALLBACK: usize = 64;
/// What browsers run.
const SCRIPT: &str = "text/javascript; charset=utf-8";
/// The name of a server that is not this one (RFC 2606): the request counts as made by somebody else's page.
const NOBODY: &str = "forward.invalid";

params! {
    /// An API path of this server, or with enablejsonp 2 the URL of a host of jsonphosts.
    url: String,
    /// The function that the script calls.
    callback: String,
}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "jppget",
    aliases: &[],
    group: Group::Public,
    access: Access::Public,
    effect: Effect::Read,
    reach: Reach::Nothing,
    params: PARAMS,
    summary: "JSONP forward: calls the given function with {contents: …}, the answer of an API path of this server, or of a listed host.",
    spec: "server-api: Request/response format",
    example: "url=/mvapireq/?apientry=apitest1&callback=show",
    reply: "/**/show({…})",
    run: RUN,
};

async fn run(call: Call, params: Params) -> Outcome {
    let config = call.config();
    let callback = params.callback.trim();
    let name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '$');
    if callback.is_empty() || callback.len() > MAX_CALLBACK || !callback.chars().all(name) {
        return Err(Failure::invalid("callback must be 1 to 64 letters, digits, '_', '.' or '$'"));
    }
    let url = params.url.trim();
    let bytes = if url.starts_with('/') {
        if config.enablejsonp < OWN {
            return Err(Failure::unavailable("JSONP is switched off, see enablejsonp"));
        }
        own(&call, url).await?
    } else {
        if config.enablejsonp < REMOTE {
            return Err(Failure::unavailable("only this server's own paths are forwarded, see enablejsonp"));
        }
        let fetch = call.dispatcher.fetch();
        let fetch = fetch.ok_or_else(|| Failure::unavailable("this process reaches no other server"))?;
        let hosts = config.jsonphosts.iter().map(ToString::to_string).collect();
        fetch(url.to_owned(), hosts).await.map_err(|why| Failure::failed(format!("url: {why}")))?
    };
    let contents = serde_json::Value::from(String::from_utf8_lossy(&bytes).into_owned());
    let object = serde_json::json!({ "contents": contents }).to_string();
    // Line separators of Unicode end a statement in older browsers.
    let object = object.replace('\u{2028}', "\\u2028").replace('\u{2029}', "\\u2029").replace('<', "\\u003c");
    // The comment keeps the first bytes from being the caller's choice.
    Ok(Reply::bare(format!("/**/{callback}({object})")).with_content_type(SCRIPT))
}

/// An API request of this server, as whoever asks would make it, but without the trust in its address: any web page
/// can have a browser fetch a script.
async fn own(call: &Call, url: &str) -> Result<Vec<u8>, Failure> {
    if !is_api_path(url.split('?').next().unwrap_or_default()) {
        return Err(Failure::invalid(
            "url must be an API path such as /mvapireq/?apientry=…, or a whole URL",
        ));
    }
    let mut origin = Origin::new(call.peer, call.peer, Transport::Http);
    origin.host = Some(NOBODY.to_owned());
    let http = Http {
        method: "GET",
        target: url,
        content_type: None,
        accept: None,
        authorization: None,
        soap_action: None,
        body: b"",
    };
    let request = Request::http(origin, &http);
    if request.command() == COMMAND.name {
        return Err(Failure::invalid("url must not be another forward"));
    }
    Ok(call.dispatcher.answer(request).await.body)
}
