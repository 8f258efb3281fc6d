//! The command line. Its forms are a contract with scripts.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use strowger_model::Secret;

/// A class-5 telephone exchange in one binary.
#[derive(Debug, Parser)]
#[command(
    name = "strowger",
    version,
    after_help = "First steps:\n  strowger serve --data ./data --set mainaport=8080\n  curl 'http://127.0.0.1:8080/mvapireq/?apientry=apitest1'\n\nExit codes: 0 done, 1 failed, 2 usage or configuration, 3 a port cannot be bound."
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the exchange.
    ///
    /// The first start makes the database, a random API key and salt and an administrator; they are printed
    /// once as `name: value` lines and written to a file in DIR that only you can read. SIGTERM lets running
    /// calls finish, a second SIGINT ends at once, SIGHUP reads the configuration again.
    Serve(Serve),
    /// Write a commented configuration file, to FILE or to standard output.
    Init {
        /// Where to write; an existing file is left alone.
        file: Option<PathBuf>,
        /// The same, under the name that `serve` has for it.
        #[arg(long, value_name = "FILE", conflicts_with = "file")]
        config: Option<PathBuf>,
    },
    /// Check a configuration: names the line and the key of every mistake.
    Check {
        /// The configuration file; the same as --config.
        #[arg(value_name = "FILE", conflicts_with = "config")]
        file: Option<PathBuf>,
        /// Taken so that the options of `serve` can be checked as they are; nothing in it is read.
        #[arg(long, value_name = "DIR")]
        data: Option<PathBuf>,
        #[command(flatten)]
        source: Source,
    },
    /// Manage accounts, of a running server too.
    User {
        #[command(flatten)]
        place: AnyPlace,
        #[command(subcommand)]
        order: User,
    },
    /// Type API commands: editing, history, completion; or run one LINE and end.
    Console {
        #[command(flatten)]
        place: Place,
        /// A command with its parameters, such as `balance targetuser=alice` or `cdr days=3`.
        #[arg(value_name = "LINE")]
        line: Vec<String>,
    },
    /// Print requests that work on this server for an account: URL, curl, JSON and WebSocket line of every command
    /// that it may use. They hold the API key and digests of the account.
    Examples {
        #[command(flatten)]
        place: Place,
        /// The account: username, id or number.
        #[arg(value_name = "USER")]
        user: String,
        /// Only this command.
        #[arg(long, default_value = "")]
        command: String,
        /// The address to write instead of this server's own, such as https://pbx.example.
        #[arg(long, default_value = "")]
        url: String,
    },
    /// Find out why credentials are refused.
    Auth {
        #[command(flatten)]
        place: AnyPlace,
        #[command(subcommand)]
        order: Auth,
    },
    /// Copy the database to FILE, verified, of a running server too.
    Backup {
        #[command(flatten)]
        place: Place,
        /// The copy; must not exist.
        file: PathBuf,
    },
    /// Replace the database by a backup; the old one is kept aside.
    ///
    /// A running server verifies the file, ends its calls, replaces the database and serves again on the same
    /// ports.
    Restore {
        #[command(flatten)]
        place: Place,
        /// What `backup` wrote.
        file: PathBuf,
    },
    /// Measure what a unit of work costs on this machine (the short form of bench/).
    Bench {
        /// How long each line is measured.
        #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..=60))]
        seconds: u64,
        /// Only these measurements.
        #[arg(value_name = "NAME")]
        only: Vec<String>,
    },
    /// Print the version.
    Version,
}

#[derive(Debug, Args)]
pub(crate) struct Serve {
    #[command(flatten)]
    pub(crate) place: Place,
    /// Create this administrator, or reset the password, at every start.
    #[arg(long, value_name = "USER:PASSWORD", env = "STROWGER_ADMIN", hide_env_values = true, value_parser = admin)]
    pub(crate) admin: Option<Admin>,
    /// Write ports and process id here (JSON) when every listener accepts; removed on exit.
    #[arg(long, value_name = "FILE")]
    pub(crate) ready_file: Option<PathBuf>,
}

/// Where the data and the configuration are.
#[derive(Debug, Clone, Args)]
pub(crate) struct Place {
    /// The data folder; created if need be.
    #[arg(long, value_name = "DIR")]
    pub(crate) data: PathBuf,
    #[command(flatten)]
    pub(crate) source: Source,
}

/// The same for a subcommand of a subcommand: the options may stand before or after it.
#[derive(Debug, Clone, Args)]
pub(crate) struct AnyPlace {
    /// The data folder; created if need be. Needed.
    #[arg(long, value_name = "DIR", global = true)]
    data: Option<PathBuf>,
    /// The configuration file (TOML); `strowger init` writes one.
    #[arg(long, value_name = "FILE", global = true)]
    config: Option<PathBuf>,
    /// Override a configuration key for this run; may be repeated.
    #[arg(long, value_name = "key=value", value_parser = pair, global = true)]
    set: Vec<(String, String)>,
}

impl AnyPlace {
    /// The place, where one was given.
    pub(crate) fn place(self) -> Option<Place> {
        let source = Source { config: self.config, set: self.set };
        self.data.map(|data| Place { data, source })
    }
}

/// Where configuration values come from.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Source {
    /// The configuration file (TOML); `strowger init` writes one.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Override a configuration key for this run; may be repeated.
    #[arg(long, value_name = "key=value", value_parser = pair)]
    pub(crate) set: Vec<(String, String)>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Auth {
    /// Say what would become of a request, rule by rule, and which ingredient of its authmd5 or password is wrong.
    /// Nothing is done, counted or spent.
    Explain {
        /// The request as it is sent: a line, a path with its query, or a whole URL.
        request: String,
        /// The address that it comes from.
        #[arg(long, default_value = "127.0.0.1")]
        from: std::net::IpAddr,
        /// What carries it: http, https, tcp, tls, udp, ws or wss.
        #[arg(long, default_value = "http")]
        transport: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum User {
    /// Add an account.
    Add {
        /// The username.
        name: String,
        /// The password; without it one is made and printed, `-` reads it from standard input.
        #[arg(long)]
        password: Option<String>,
        /// enduser, reseller, owner, support, admin, or a number of tb_users.type.
        #[arg(long = "type", default_value = "enduser")]
        kind: String,
        /// Credit to begin with.
        #[arg(long, default_value = "0")]
        credit: String,
        /// Another field of tb_users; may be repeated.
        #[arg(long, value_name = "field=value", value_parser = pair)]
        field: Vec<(String, String)>,
    },
    /// List accounts.
    List {
        /// Only this type.
        #[arg(long = "type")]
        kind: Option<String>,
    },
    /// Set an account's password.
    SetPassword {
        /// The username.
        name: String,
        /// The new password; without it one is made and printed, `-` reads it from standard input.
        password: Option<String>,
    },
    /// Add credit; a negative amount takes it.
    Credit {
        /// The username.
        name: String,
        /// How much, in the account's currency.
        #[arg(allow_negative_numbers = true)]
        amount: String,
    },
    /// Remove an account. Its records stay.
    Del {
        /// The username.
        name: String,
    },
}

/// `USER:PASSWORD`.
#[derive(Debug, Clone)]
pub(crate) struct Admin {
    pub(crate) user: String,
    pub(crate) password: Secret,
}

fn admin(text: &str) -> Result<Admin, String> {
    match text.split_once(':') {
        Some((user, password)) if !user.is_empty() && !password.is_empty() => {
            Ok(Admin { user: user.to_owned(), password: Secret::new(password) })
        }
        _ => Err("USER:PASSWORD is needed".to_owned()),
    }
}

fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.trim().is_empty() => Ok((key.trim().to_owned(), value.to_owned())),
        _ => Err("key=value is needed".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_declarations_are_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn values_may_contain_the_separator() {
        assert_eq!(pair("a=b=c"), Ok(("a".to_owned(), "b=c".to_owned())));
        assert_eq!(pair("apiv2key="), Ok(("apiv2key".to_owned(), String::new())));
        assert!(pair("=x").is_err() && pair("x").is_err());
        assert_eq!(admin("root:a:b").map(|a| a.password.expose().to_owned()), Ok("a:b".to_owned()));
        assert!(admin("root").is_err() && admin(":x").is_err() && admin("x:").is_err());
    }
}
