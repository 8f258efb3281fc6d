//! Takes the credentials out of a request; what is left are the command's arguments.

use strowger_model::Secret;

use super::apikey::API_KEY_MARK;
use crate::declare::{Args, Command, Fields, trimmed};
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
        let text = trimmed(text);
        let bare = text.get(..7).filter(|start| start.eq_ignore_ascii_case("authv3_")).map(|_| &text[7..]);
        Some(Self { value: unhex(bare.unwrap_or(text))?, v3: bare.is_some() })
    }
}

/// What each byte is as a hex digit; [`NO_DIGIT`] where it is none.
const DIGITS: [u8; 256] = {
    let (mut digits, mut value) = ([NO_DIGIT; 256], 0);
    while value < 16 {
        digits[b"0123456789abcdef"[value] as usize] = value as u8;
        digits[b"0123456789ABCDEF"[value] as usize] = value as u8;
        value += 1;
    }
    digits
};
const NO_DIGIT: u8 = 0xff;

/// Sixteen bytes of 32 hexadecimal digits in any case.
pub fn unhex(text: &str) -> Option<[u8; 16]> {
    let hex: &[u8; 32] = text.as_bytes().try_into().ok()?;
    let (mut value, mut seen) = ([0; 16], 0);
    for (byte, pair) in value.iter_mut().zip(hex.chunks_exact(2)) {
        let (high, low) = (DIGITS[usize::from(pair[0])], DIGITS[usize::from(pair[1])]);
        seen |= high | low;
        *byte = high << 4 | low;
    }
    (seen < 16).then_some(value)
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

/// Declares the names under which credentials come.
macro_rules! names {
    ($($name:ident = $text:literal),* $(,)?) => {
        /// A name under which a credential comes.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        enum Name { $($name),* }

        impl Name {
            const ALL: [Self; [$($text),*].len()] = [$(Self::$name),*];
            const COUNT: usize = Self::ALL.len();

            fn of(text: &str) -> Option<Self> {
                match text { $($text => Some(Self::$name),)* _ => None }
            }

            const fn text(self) -> &'static str {
                match self { $(Self::$name => $text),* }
            }
        }
    };
}
names! {
    AuthKey = "authkey", Key = "key", AuthMd5 = "authmd5", Md5Auth = "md5auth", Md5 = "md5", Token = "token",
    AuthId = "authid", Usr = "usr", UserId = "userid", Username = "username",
    AuthPwd = "authpwd", Pwd = "pwd", Password = "password", Pin = "pin",
    AuthSalt = "authsalt", AuthSalt1 = "authsalt1", AuthSalt2 = "authsalt2", Salt = "salt", Nonce = "nonce",
}

/// The spellings of the user, most explicit first.
const ID: [Name; 4] = [Name::AuthId, Name::Usr, Name::UserId, Name::Username];
/// The spellings of the clear password.
const PASSWORD: [Name; 3] = [Name::AuthPwd, Name::Pwd, Name::Password];

impl Name {
    /// It is taken out of every request, whatever its command declares.
    const fn is_general(self) -> bool {
        matches!(
            self,
            Self::AuthKey
                | Self::AuthId
                | Self::AuthPwd
                | Self::AuthMd5
                | Self::Md5Auth
                | Self::AuthSalt
                | Self::AuthSalt1
                | Self::AuthSalt2
                | Self::Nonce
        )
    }
}

/// The first value that a request has under each of the names.
struct Sent<'a> {
    values: [Option<&'a str>; Name::COUNT],
    /// It has fields under other names too.
    others: bool,
}

impl<'a> Sent<'a> {
    fn of(fields: &'a Fields) -> Self {
        let mut sent = Self { values: [None; Name::COUNT], others: false };
        for (text, value) in fields.iter() {
            match Name::of(text) {
                Some(name) => {
                    sent.values[name as usize].get_or_insert(value);
                }
                None => sent.others |= text != "apientry",
            }
        }
        sent
    }

    const fn is(&self, name: Name) -> bool {
        self.values[name as usize].is_some()
    }

    /// The value, unless it is empty.
    fn text(&self, name: Name) -> Option<&'a str> {
        self.values[name as usize].filter(|value| !value.is_empty())
    }

    /// The spelling that is the credential: one that the command does not declare if there is one, else the first that was
    /// sent, unless the credential is `given` otherwise.
    fn pick(&self, command: &Command, spellings: &[Name], given: bool) -> Option<Name> {
        let mut sent = spellings.iter().filter(|name| self.is(**name)).copied();
        let free = sent.clone().find(|name| !command.declares(name.text()));
        free.or_else(|| sent.next().filter(|_| !given))
    }
}

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
        let sent = Sent::of(&request.fields);
        found.key = sent.text(Name::AuthKey).or_else(|| sent.text(Name::Key)).map(Secret::new).or(found.key);
        let digest = [Name::AuthMd5, Name::Md5Auth, Name::Md5].into_iter().find_map(|name| sent.text(name));
        found.digest = digest.map(Digest::parse);
        let token = || sent.text(Name::Token).filter(|_| !command.declares("token"));
        found.bearer = found.bearer.or_else(|| token().map(Secret::new));
        // Whoever is known by a token, a key of an account or a login needs no name, and whoever proves the name by a
        // digest needs no password: a declared name is the command's then.
        let named_key = found.key.as_ref().is_some_and(|key| key.expose().starts_with(API_KEY_MARK));
        let known = found.bearer.is_some() || named_key || !matches!(request.known, Known::Nobody);
        let clear = PASSWORD.iter().any(|name| sent.is(*name) && !command.declares(name.text()));
        let nameless = known && !clear && found.digest.is_none();
        let id = sent.pick(command, &ID, nameless);
        let password = sent.pick(command, &PASSWORD, known || found.digest.is_some());
        // `pin` names a recharge code wherever the command declares one.
        let pin = if command.declares("pin") { None } else { sent.pick(command, &[Name::Pin], false) };
        let value = |name: Option<Name>| name.and_then(|name| sent.text(name));
        found.id = value(id).or(found.id);
        found.password = value(password).map(Secret::new).or(found.password);
        found.pin = value(pin).map(Secret::new);
        found.salt1 = sent.text(Name::AuthSalt1).or_else(|| sent.text(Name::AuthSalt)).unwrap_or_default();
        found.salt2 = sent.text(Name::AuthSalt2).unwrap_or_default();
        found.salt = sent.text(Name::Salt).or_else(|| Some(found.salt1).filter(|salt| !salt.is_empty()));
        found.nonce = sent.text(Name::Nonce);
        let spent = [id, password, pin];
        let is_spent = |name: Name| name.is_general() || spent.contains(&Some(name));
        let left = |(name, _): &(&str, &str)| *name != "apientry" && !Name::of(name).is_some_and(is_spent);
        // Of a request that only shows who sends it nothing is left.
        if sent.others || Name::ALL.iter().any(|name| sent.is(*name) && !is_spent(*name)) {
            args.named = request.fields.iter().filter(left).collect();
        }
        (found, args)
    }

    /// Something was shown that must be right.
    pub fn any_user(&self) -> bool {
        self.password.is_some() || self.digest.is_some() || self.bearer.is_some() || self.pin.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::{ConsoleUser, Origin, Transport};

    #[test]
    fn sixteen_bytes_are_written_and_read() {
        let bytes: [u8; 16] = std::array::from_fn(|at| (at * 17) as u8);
        for text in ["00112233445566778899aabbccddeeff", "00112233445566778899AABBCCDDeeff"] {
            assert_eq!(unhex(text), Some(bytes), "{text}");
        }
        for wrong in ["", "00", "00112233445566778899aabbccddeefg", "+0112233445566778899aabbccddeeff", "é"]
        {
            assert_eq!(unhex(wrong), None, "{wrong}");
        }
        assert_eq!(
            Digest::parse(" AuthV3_00112233445566778899aabbccddeeff\n").map(|d| (d.value, d.v3)),
            Some((bytes, true))
        );
    }

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
            assert_eq!((found.id, args.named("username")), (id, username), "{:?}", request.fields);
        }
    }
}
