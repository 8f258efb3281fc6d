//! Lines of the console: the caller is known, so positional fields are the command's own.

use strowger_model::AccountId;

use super::{Known, Origin, Request, Transport};
use crate::auth::Level;
use crate::declare::{Fields, Reach};

/// Somebody who logged in at the console.
#[derive(Debug, Clone)]
pub struct ConsoleUser {
    pub(crate) account: Option<AccountId>,
    pub(crate) level: Level,
    pub(crate) name: String,
}

impl ConsoleUser {
    /// Whoever may open the 0600 socket in the data directory may do everything.
    #[must_use]
    pub fn local_root() -> Self {
        Self { account: None, level: Level::ServerAdmin, name: "local".into() }
    }

    /// The name for prompts and records.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl Request {
    /// A line of the console: `balance targetuser=alice`, `cdr days=3`, `rebill,31`, `db select …`, `help`.
    #[must_use]
    pub fn console(origin: Origin, user: &ConsoleUser, line: &str) -> Self {
        let origin = Origin { transport: Transport::Console, ..origin };
        let mut request = Self::new(origin, line.len());
        request.known = Known::Console(user.clone());
        let line = line.trim().trim_start_matches('/');
        if line.get(..5).is_some_and(|start| start.eq_ignore_ascii_case("mvapi")) {
            let query = line.split_once('?').map_or("", |(_, query)| query);
            request.read_query(query, false);
        } else {
            request.read_command(line);
        }
        request.finish();
        request
    }

    /// The request of a console line that another request brought: from the same peer with the same credentials. What
    /// the line itself names as a credential does not count.
    pub(crate) fn with_line(&self, line: &str) -> Self {
        let mut inner = Self {
            fields: Fields::default(),
            positional: Vec::new(),
            positional_credentials: false,
            ..self.clone()
        };
        inner.read_command(line.trim().trim_start_matches('/'));
        let of_line = std::mem::take(&mut inner.fields);
        inner.push(self.credentials().iter());
        inner.push(self.field(crate::nodes::MARK).map(|node| (crate::nodes::MARK, node)));
        inner.push(of_line.iter().filter(|(name, _)| !is_credential(name) && *name != "apientry"));
        inner.take_numbered();
        inner
    }

    /// The credentials under the names that no command takes for its own.
    fn credentials(&self) -> Fields {
        let plain = |name: &str| match name {
            "usr" | "userid" | "username" if self.field("authid").is_none() => Some("authid"),
            "pwd" | "password" if self.field("authpwd").is_none() => Some("authpwd"),
            _ => None,
        };
        let fields = self.fields.iter().filter_map(|(name, value)| match plain(name) {
            Some(name) => Some((name, value)),
            None => is_credential(name).then_some((name, value)),
        });
        let front = if self.positional_credentials { self.positional.as_slice() } else { &[] };
        let front =
            ["authkey", "authid", "authpwd"].into_iter().zip(front).map(|(name, value)| (name, value.trim()));
        // Of a repeated name the first counts.
        fields.chain(front.filter(|(_, value)| !value.is_empty())).collect()
    }

    fn read_command(&mut self, line: &str) {
        let at = line.find([',', ' ', '&', '?']).unwrap_or(line.len());
        self.command = line[..at].to_ascii_lowercase();
        let rest = line.get(at + 1..).unwrap_or_default().trim();
        let single = crate::dispatch::find(&self.command).is_some_and(|c| c.params.len() == 1);
        match line.as_bytes().get(at) {
            Some(b'&' | b'?') => self.read_query(rest, false),
            Some(b',') if self.command != "client" => self.read_positional(rest.split(',').collect(), ','),
            Some(_) if single && !is_named(rest) => self.positional = vec![rest.to_owned()],
            // The rest is a line of its own, with names of its own.
            Some(_) if self.command == "client" && !is_named(rest) => {
                let words = rest.splitn(2, [',', ' ']);
                self.positional = words.map(|word| word.trim().to_owned()).collect();
            }
            Some(_) => self.read_positional(rest.split(' ').filter(|word| !word.is_empty()).collect(), ' '),
            None => {}
        }
        self.take_account();
    }

    /// `balance alice`: a command without parameters of its own, about an account, is about the one that follows it.
    fn take_account(&mut self) {
        let about = crate::dispatch::find(&self.command)
            .is_some_and(|c| c.params.is_empty() && c.reach == Reach::Account);
        if about && self.positional.len() == 1 && self.field("targetuser").is_none() {
            let account = self.positional.remove(0);
            self.push([("targetuser", account)]);
        }
    }
}

/// The text begins with `name=`.
fn is_named(text: &str) -> bool {
    text.split_once('=').is_some_and(|(name, _)| {
        !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
    })
}

/// The field says who asks.
fn is_credential(name: &str) -> bool {
    matches!(
        name,
        "authkey"
            | "key"
            | "authid"
            | "authpwd"
            | "authmd5"
            | "md5auth"
            | "md5"
            | "authsalt"
            | "authsalt1"
            | "authsalt2"
            | "salt"
            | "nonce"
            | "token"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Request {
        let here = "127.0.0.1:1".parse().unwrap();
        Request::console(Origin::new(here, here, Transport::Console), &ConsoleUser::local_root(), line)
    }

    #[test]
    fn positional_fields_are_the_commands_own() {
        for (line, positional) in [
            ("unreg alice", vec!["alice"]),
            ("unreg,alice,,1", vec!["alice", "", "1"]),
            ("db select a, b from t where c = 'd=e'", vec!["select a, b from t where c = 'd=e'"]),
            ("db,select a, b from t", vec!["select a, b from t"]),
            ("help", vec![]),
            ("client b", vec!["b"]),
            ("client b balance targetuser=alice x=1", vec!["b", "balance targetuser=alice x=1"]),
            ("client,b,cdr,days=3", vec!["b", "cdr,days=3"]),
        ] {
            let request = read(line);
            assert_eq!(request.positional, positional, "{line}");
            assert!(!request.positional_credentials);
        }
        for line in ["balance alice", "BALANCE,alice", "status  alice"] {
            let request = read(line);
            assert_eq!((request.field("targetuser"), request.positional.len()), (Some("alice"), 0), "{line}");
        }
        assert_eq!(read("version alice").field("targetuser"), None);
        let here = "127.0.0.1:1".parse().unwrap();
        for outer in [
            "/xmapi/oop?key=K&usr=admin&pwd=p&txt=x",
            "?apientry=oop&authkey=K&authid=admin&authpwd=p",
            "oop,K,admin,p,x",
        ] {
            let request = Request::line(Origin::new(here, here, Transport::Tcp), outer.as_bytes());
            let inner = request.with_line("reguser usr=alice");
            let (credentials, args) =
                crate::auth::Credentials::take(&inner, crate::dispatch::find("reguser").unwrap());
            assert_eq!(credentials.id, Some("admin"), "{outer}");
            assert_eq!(
                credentials.password.as_ref().map(|p| p.expose().to_owned()).as_deref(),
                Some("p"),
                "{outer}"
            );
            assert!(credentials.key.is_some(), "{outer}");
            let named = |name: &str| args.named(name).is_some();
            assert!(named("usr") && !named("pwd") && !named("authpwd") && !named("txt"), "{:?}", args.named);
        }
        assert_eq!(read("cdr days=3 maxcount=5").field("maxcount"), Some("5"));
        assert_eq!(read("balance&targetuser=alice").field("targetuser"), Some("alice"));
    }
}
