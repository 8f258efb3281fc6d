//! As much SIP as a load generator needs: texts out, a few fields in.

use md5::{Digest, Md5};

/// MD5 of some bytes.
pub fn md5(bytes: &[u8]) -> [u8; 16] {
    Md5::digest(bytes).into()
}

/// Lower-case hexadecimal.
pub fn hex(bytes: [u8; 16]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The value of a header in a message that the server wrote (full names, one line each).
pub fn header<'a>(message: &'a str, name: &str) -> Option<&'a str> {
    message.split("\r\n").skip(1).take_while(|line| !line.is_empty()).find_map(|line| {
        let (found, value) = line.split_once(':')?;
        found.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

/// The status of a response, 0 for a request.
pub fn status(message: &str) -> u16 {
    message.strip_prefix("SIP/2.0 ").and_then(|rest| rest.get(..3)?.parse().ok()).unwrap_or(0)
}

/// A quoted or bare parameter of a challenge.
pub fn parameter<'a>(value: &'a str, name: &str) -> Option<&'a str> {
    let start = value.find(&format!("{name}="))? + name.len() + 1;
    let rest = &value[start..];
    match rest.strip_prefix('"') {
        Some(quoted) => quoted.split('"').next(),
        None => rest.split([',', ' ']).next(),
    }
}

/// The address in angle brackets of a Contact.
pub fn contact_uri(message: &str) -> Option<&str> {
    header(message, "Contact")?.split(['<', '>']).nth(1)
}

/// The audio port of the session description.
pub fn media_port(message: &str) -> Option<u16> {
    let start = message.find("m=audio ")? + 8;
    message[start..].split(' ').next()?.parse().ok()
}

/// Credentials of one account, with a nonce once the server gave one.
#[derive(Debug, Clone)]
pub struct Credentials {
    pub user: String,
    ha1_input: String,
    realm: String,
    nonce: String,
    count: u32,
}

impl Credentials {
    pub fn new(user: &str, password: &str) -> Self {
        Self {
            user: user.to_owned(),
            ha1_input: password.to_owned(),
            realm: String::new(),
            nonce: String::new(),
            count: 0,
        }
    }

    /// Takes realm and nonce from a 401 or 407.
    pub fn challenged(&mut self, message: &str) {
        let challenge = header(message, "WWW-Authenticate").or_else(|| header(message, "Proxy-Authenticate"));
        let Some(challenge) = challenge else { return };
        self.realm = parameter(challenge, "realm").unwrap_or_default().to_owned();
        self.nonce = parameter(challenge, "nonce").unwrap_or_default().to_owned();
        self.count = 0;
    }

    pub fn has_nonce(&self) -> bool {
        !self.nonce.is_empty()
    }

    pub fn forget_nonce(&mut self) {
        self.nonce.clear();
    }

    /// The value of (Proxy-)Authorization (RFC 7616, MD5, qop=auth).
    pub fn answer(&mut self, method: &str, uri: &str) -> String {
        self.count += 1;
        let Self { user, ha1_input, realm, nonce, count } = self;
        let ha1 = hex(md5(format!("{user}:{realm}:{ha1_input}").as_bytes()));
        let ha2 = hex(md5(format!("{method}:{uri}").as_bytes()));
        let response = hex(md5(format!("{ha1}:{nonce}:{count:08x}:bench:auth:{ha2}").as_bytes()));
        format!(
            "Digest username=\"{user}\", realm=\"{realm}\", nonce=\"{nonce}\", uri=\"{uri}\", algorithm=MD5, \
             qop=auth, nc={count:08x}, cnonce=\"bench\", response=\"{response}\""
        )
    }
}

/// A session description with one audio stream on `port` of the loopback.
pub fn description(port: u16) -> String {
    format!(
        "v=0\r\no=bench 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio {port} RTP/AVP 8 101\r\n\
         a=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:20\r\n"
    )
}
