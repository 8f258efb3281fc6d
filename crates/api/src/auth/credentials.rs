//! Takes the credentials out of a request; what is left are the command's arguments.

use strowger_model::Secret;

use super::apikey::API_KEY_MARK;
use crate::declare::{Args, Command};
use crate::request::{Known, Request};

/// A sent `authmd5`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Digest {
    /// The sixteen bytes.
    pub value: [u8; 16],
    /// It had the prefix `authv3_`.
    pub v3: bool,
}

impl Digest {
    /// Hex in any case, with or without the prefix.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let bare = text.get(..7).filter(|start| start.eq_ignore_ascii_case("authv3_")).map(|_| &text[7..]);
        let hex: &[u8; 32] = bare.unwrap_or(text).as_bytes().try_into().ok()?;
        let mut value = [0; 16];
        for (byte, pair) in value.iter_mut().zip(hex.chunks_exact(2)) {
            *byte = digit(pair[0])? << 4 | digit(pair[1])?;
        }
        Some(Self { value, v3: bare.is_some() })
    }
}

const fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

/// What a request shows.
#[derive(Debug, Clone, Default)]
pub struct Credentials<'a> {
    /// The API key.
    pub key: Option<Secret>,
    /// Username, id, name, PIN or number, as sent: the formulas use the text.
    pub id: Option<&'a str>,
    /// The clear password or PIN.
    pub password: Option<Secret>,
    /// `authmd5`, and whether something was sent that is no digest at all.
    pub digest: Option<Option<Digest>>,
    /// `authsalt1`.
    pub salt1: &'a str,
    /// `authsalt2`.
    pub salt2: &'a str,
    /// `salt` of the old and web formulas; `authsalt` counts as one.
    pub salt: Option<&'a str>,
    /// The nonce as sent.
    pub nonce: Option<&'a str>,
    /// A session token.
    pub bearer: Option<Secret>,
    /// A PIN without a user.
    pub pin: Option<Secret>,
}

/// The spellings of the user, most explicit first.
const ID: [&str; 4] = ["authid", "usr", "userid", "username"];
/// The spellings of the clear password.
const PASSWORD: [&str; 3] = ["authpwd", "pwd", "password"];

/// What is taken out of every request, whatever its command declares.
const GENERAL: [&str; 10] = [
    "authkey",
    "authid",
    "authpwd",
    "authmd5",
    "md5auth",
    "authsalt",
    "authsalt1",
    "authsalt2",
    "nonce",
    "apientry",
];

impl<'a> Credentials<'a> {
    /// Splits a request. A name that the command declares belongs to the command when a credential is given
    /// under another spelling too (`reguser&usr=X&authid=ADMIN`), or by a token, a login at the console or SIP
    /// digest; else it is the credential.
    pub fn take(request: &'a Request, command: &Command) -> (Self, Args) {
        let mut found = Self { bearer: request.bearer.clone(), ..Self::default() };
        let mut args = Args::default();
        let mut positional = request.positional.as_slice();
        if request.positional_credentials {
            let (front, rest) = positional.split_at(positional.len().min(3));
            positional = rest;
            let mut front = front.iter().map(|text| Some(text.trim()).filter(|text| !text.is_empty()));
            found.key = front.next().flatten().map(Secret::new);
            found.id = front.next().flatten();
            found.password = front.next().flatten().map(Secret::new);
        }
        args.positional = positional.to_vec();
        let text = |name: &str| request.field(name).filter(|value| !value.is_empty());
        found.key = text("authkey").or_else(|| text("key")).map(Secret::new).or(found.key);
        found.digest = ["authmd5", "md5auth", "md5"].iter().find_map(|name| text(name)).map(Digest::parse);
        found.bearer =
            found.bearer.or_else(|| text("token").filter(|_| !command.declares("token")).map(Secret::new));
        // Whoever is known by a token, a key of an account or a login needs no name, and whoever proves the name by a
        // digest needs no password: a declared name is the command's then.
        let named_key = found.key.as_ref().is_some_and(|key| key.expose().starts_with(API_KEY_MARK));
        let known = found.bearer.is_some() || named_key || !matches!(request.known, Known::Nobody);
        let clear = PASSWORD.iter().any(|name| request.field(name).is_some() && !command.declares(name));
        let nameless = known && !clear && found.digest.is_none();
        let id = pick(request, command, &ID, nameless);
        let password = pick(request, command, &PASSWORD, known || found.digest.is_some());
        // `pin` names a recharge code wherever the command declares one.
        let pin = if command.declares("pin") { None } else { pick(request, command, &["pin"], false) };
        let value = |name: Option<&str>| name.and_then(text);
        found.id = value(id).or(found.id);
        found.password = value(password).map(Secret::new).or(found.password);
        found.pin = value(pin).map(Secret::new);
        found.salt1 = text("authsalt1").or_else(|| text("authsalt")).unwrap_or_default();
        found.salt2 = text("authsalt2").unwrap_or_default();
        found.salt = text("salt").or_else(|| Some(found.salt1).filter(|salt| !salt.is_empty()));
        found.nonce = text("nonce");
        let spent = [id, password, pin];
        args.named = request
            .fields
            .iter()
            .filter(|(name, _)| !spent.contains(&Some(name.as_str())) && !GENERAL.contains(&name.as_str()))
            .cloned()
            .collect();
        (found, args)
    }

    /// Something was shown that must be right.
    pub fn any_user(&self) -> bool {
        self.password.is_some() || self.digest.is_some() || self.bearer.is_some() || self.pin.is_some()
    }
}

/// The spelling that is the credential: one that the command does not declare if there is one, else the first that was
/// sent, unless the credential is `given` otherwise.
fn pick(
    request: &Request,
    command: &Command,
    spellings: &[&'static str],
    given: bool,
) -> Option<&'static str> {
    let sent = |name: &&&'static str| request.field(name).is_some();
    let free = spellings.iter().filter(sent).find(|name| !command.declares(name));
    free.or_else(|| spellings.iter().find(sent).filter(|_| !given)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::{ConsoleUser, Origin, Transport};

    #[test]
    fn a_declared_name_is_the_commands_where_something_else_proves_the_request() {
        let here = "127.0.0.1:1".parse().unwrap();
        let origin = || Origin::new(here, here, Transport::Tcp);
        let line = |text: &str| Request::line(origin(), text.as_bytes());
        let query = "?apientry=transfercredit&username=bob&credit=1";
        let console =
            Request::console(origin(), &ConsoleUser::local_root(), "transfercredit username=bob credit=1");
        for (request, id, username) in [
            (line(query), Some("bob"), None),
            (line(&format!("{query}&authid=alice")), Some("alice"), Some("bob")),
            (line(&format!("{query}&token=t")), None, Some("bob")),
            (line(&format!("{query}&token=t&usr=alice")), Some("alice"), Some("bob")),
            (Request { bearer: Some(Secret::new("t")), ..line(query) }, None, Some("bob")),
            (console, None, Some("bob")),
        ] {
            let command = crate::dispatch::find("transfercredit").unwrap();
            let (found, args) = Credentials::take(&request, command);
            let named =
                args.named.iter().find(|(name, _)| name == "username").map(|(_, value)| value.as_str());
            assert_eq!((found.id, named), (id, username), "{:?}", request.fields);
        }
    }
}
