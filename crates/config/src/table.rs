//! The declarations. To add a key, copy a neighbour: type, default, properties, sentence.
//!
//! The macro makes from them one field of [`Config`] and one row of [`KEYS`] each. The file is one table
//! and may grow with it; it holds nothing else.

use std::net::IpAddr;

use crate::key::Applies::Restart;
use crate::key::{Group, Key};
use crate::layers::Settings;
use crate::value::{Addresses, Decimal, List, Value};

macro_rules! declare {
    ($($group:ident { $($name:ident : $type:ty = $default:literal { $($property:ident : $value:expr),* } $doc:literal)* })*) => {
        /// Every key's value, in its type. The fields bear the names of the keys.
        #[derive(Clone)]
        pub struct Config {
            $($(#[doc = $doc] pub $name: $type,)*)*
            pub(crate) settings: Settings,
        }

        /// Every key, in the order of the reference page.
        pub const KEYS: &[Key] = &[$($(Key {
            group: Group::$group,
            $($property: $value,)*
            ..Key::new(stringify!($name), <$type as Value>::KIND, $default, $doc, |text, key| {
                <$type as Value>::read(text, key).map(drop)
            })
        },)*)*];

        impl Config {
            /// The typed values of `settings`, which stand in the order of [`KEYS`] and were checked.
            pub(crate) fn build(settings: Settings) -> Self {
                let mut next = KEYS.iter().zip(settings.iter());
                Self {
                    $($($name: {
                        let (key, setting) = next.next().expect("there is one setting per key");
                        <$type as Value>::read(&setting.text, key).expect("the text was checked when it was chosen")
                    },)*)*
                    settings,
                }
            }
        }
    };
}

declare! {
Ports {
    bind: IpAddr = "0.0.0.0" { applies: Restart }
        "The address on which every port listens; `::` listens on IPv6 and IPv4."
    mainaport: u16 = "80" { aliases: &["mainport", "httpserver"], applies: Restart }
        "The one port: HTTP, WebSocket, API lines and SIP on TCP, API datagrams and SIP on UDP; 0 takes a free one."
    usemainaport: bool = "true" { aliases: &["usemainport"], applies: Restart }
        "Whether the main port is opened."
    mainaportudp: u16 = "0" { applies: Restart }
        "The main port's UDP number; 0 is the same number as TCP."
    sipport: u16 = "5060" { applies: Restart }
        "SIP on UDP and TCP; 0 takes a free one."
    usesipport: bool = "true" { applies: Restart }
        "Whether the SIP port is opened; SIP is served on the main port too."
    sslportmain: u16 = "443" { applies: Restart }
        "The main port's services over TLS; opened only where `tlscert` and `tlskey` are set."
    sslportweb: u16 = "0" { applies: Restart }
        "A second port for the same; 0 does not open it."
    localtlsport: u16 = "5061" { applies: Restart }
        "SIP over TLS; opened only where `tlscert` and `tlskey` are set."
    tlscert: String = "" { applies: Restart, startup: true }
        "File with the certificate chain (PEM)."
    tlskey: String = "" { applies: Restart, startup: true }
        "File with the private key of the certificate (PEM)."
    acmedomains: List = "" { applies: Restart }
        "Names for which a certificate is obtained and renewed by ACME, such as `pbx.example.com`; only where `tlscert` is not set."
    acmedirectory: String = "https://acme-v02.api.letsencrypt.org/directory" { applies: Restart, startup: true }
        "The ACME directory; the default is Let's Encrypt, whose terms of service an order accepts."
    acmeemail: String = "" { applies: Restart }
        "Whom the certificate authority may write to; empty names nobody."
    acmeroot: String = "" { applies: Restart, startup: true }
        "File with the authority (PEM) that signed the ACME directory's own certificate; empty is those that the system knows."
    acmevalidation: String = "http-01" { choices: &["http-01", "tls-alpn-01"], applies: Restart }
        "How the authority sees that the names are ours: `http-01` asks the main port, which it must reach as port 80; `tls-alpn-01` asks a TLS port, which it must reach as port 443."
    adminport: u16 = "8049" { applies: Restart }
        "The console over TCP, filtered by `remoteadmin`; 0 takes a free one."
    useadminport: bool = "true" { applies: Restart }
        "Whether the console port is opened."
    advertiseip: Option<IpAddr> = "" { aliases: &["publicip"] }
        "The public address written into SIP and SDP, for a machine behind 1:1 NAT; empty is the address that the request reached."
    advertiseipsip: Option<IpAddr> = "" {}
        "The public address of the SIP port, where it differs from `advertiseip`."
    advertiseipmain: Option<IpAddr> = "" {}
        "The public address of the main port, where it differs from `advertiseip`."
    advertiseipmedia: Option<IpAddr> = "" {}
        "The public address of the media ports, where it differs from `advertiseip`."
    rtpportmin: u16 = "20000" { applies: Restart }
        "The lowest media port; 0 takes any free ports."
    rtpportmax: u16 = "29999" { applies: Restart }
        "The highest media port. A call takes two pairs, so 10,000 ports carry 2,500 calls."
}
Process {
    database: String = "" { applies: Restart, startup: true, secret: true }
        "`postgres://user:password@host/name`, or a file; empty is strowger.db in the data folder."
    failoverdatabases: List = "" { applies: Restart, startup: true, secret: true }
        "Further databases that `dbfailover` can go over to, each written as `database` is; the first of them is number 2."
    keyfile: String = "" { applies: Restart, startup: true }
        "The file with the key that encrypts passwords; empty is strowger.key in the data folder. Keep a copy apart from the database's."
    compatibility: String = "safe" { choices: &["safe", "documented"], applies: Restart, startup: true }
        "`documented` restores the defaults of the original documents, which trust the local network."
    hostcontrol: bool = "false" { applies: Restart, startup: true }
        "Whether administrators may run programs, change addresses and reboot the machine by API (cmd, setip, reboot, actions 4, 6 and 7)."
    hostcommands: List = "" { applies: Restart, startup: true }
        "The only programs that `cmd` and action 7 may run, each `name=/path/program argument`; one that ends with ` *` takes further arguments from the request."
    hosttimeout: u32 = "30" { min: 1, max: 3600, unit: "s", applies: Restart, startup: true }
        "How long such a program may run before it is killed."
    hostiphelper: String = "" { applies: Restart, startup: true }
        "The program that changes the machine's addresses for `setip`; it is called with apply, confirm or revert first."
    hostipconfirm: u32 = "60" { min: 1, max: 3600, unit: "s", applies: Restart, startup: true }
        "How long a change of address waits for its confirmation before it is reverted."
    hostrestart: String = "" { applies: Restart, startup: true }
        "The program that restarts the machine, with an absolute path, for `restart` with what=server and action 6."
    nodes: List = "" { applies: Restart, startup: true }
        "The other nodes of this installation, for `client` and `upgradeall`: each `name=host:port` with the main port there. `name=tls:host:port` is reached by TLS only, `name=tcp:host:port` in clear only; in clear only on this machine and at addresses of `trustediplist`."
    nodekey: String = "" { applies: Restart, startup: true, secret: true }
        "What this node shows to the others: a named API key of an administrator there (`apikeyadd`), or `user:password`, beside which `apiv2key` is sent."
    nodeca: String = "" { applies: Restart, startup: true }
        "File with the certificates (PEM) that sign those of the other nodes; empty is the system's."
    upgradecommand: String = "" { applies: Restart, startup: true }
        "The entry of the other nodes' `hostcommands` that `upgradeall` runs on each before it restarts it, such as one that puts a new program in place; empty restarts only."
    upgradechannel: String = "" { applies: Restart, startup: true }
        "What `upgradeall` calls for each gateway: a program with an absolute path, which gets its name and address, or an http or https URL, which gets them as `gateway` and `address`."
    upgradetimeout: u32 = "600" { min: 5, max: 86_400, unit: "s", applies: Restart, startup: true }
        "How long `upgradeall` waits for one node to end its calls, restart and be healthy again, before it stops."
    adminemail: String = "" {}
        "The operator's e-mail address: reports and notices that name no other recipient go there; empty sends none."
    maintenance: bool = "true" {}
        "Whether the maintenance of each hour, day, week and month runs by itself; hourlymaint and its siblings run it by hand."
    maintinterval: u32 = "60" { min: 1, max: 3600, unit: "s" }
        "How often due maintenance is looked for."
    keepcdrdays: u32 = "0" { max: 36_500, unit: "days" }
        "Age at which call records are removed by the daily maintenance; 0 keeps them. The sums of each day stay."
    keepauditdays: u32 = "365" { max: 36_500, unit: "days" }
        "Age at which rows of the audit are removed; 0 keeps them."
    keeplinestatedays: u32 = "90" { max: 36_500, unit: "days" }
        "Age at which the noted states of lines that have been idle since are removed; 0 keeps them."
    keeplogdays: u32 = "0" { max: 36_500, unit: "days" }
        "Age at which rotated log files are removed, beside their greatest number; 0 keeps them."
    backuptarget: String = "" { applies: Restart, startup: true }
        "The folder of `backup`, `backupdb` and `tbackup` and of backups by themselves, better on another disk or server; empty is backups in the data folder."
    backupinterval: u32 = "0" { max: 8760, unit: "hours" }
        "How often a backup is made by itself; 0 makes none. `dbbackup` with ival sets it."
    backupkeep: u32 = "7" { min: 1, max: 1000 }
        "Backups made by themselves that are kept; older ones are removed."
    timezone: String = "" {}
        "The time zone of tariffs, days, reports and the dates of call records, such as Europe/Budapest; empty is the machine's. Storage stays in UTC."
    loglevel: String = "info" {}
        "error, warn, info, debug or trace, or a filter such as `info,strowger_switch=debug`."
    logformat: String = "auto" { choices: &["auto", "text", "json"], applies: Restart }
        "auto is coloured text on a terminal and plain text otherwise; json is one object a line."
    logdir: String = "" { applies: Restart, startup: true }
        "The folder of the log files; empty is logs in the data folder."
    logfilesize: u32 = "10" { min: 1, max: 1024, unit: "MB" }
        "How long a log file may become before the next one is begun."
    logfiles: u32 = "10" { min: 1, max: 1000 }
        "How many log files are kept, the current one among them."
    webroot: String = "" { applies: Restart, startup: true }
        "The folder of the static files under /mvweb; empty is mvweb in the data folder."
    filesquota: u32 = "1024" { min: 1, max: 1_048_576, unit: "MB" }
        "What putfile may keep in all."
    filestoragequota: u32 = "100" { max: 1_048_576, unit: "MB" }
        "What one account may keep by pputfile and uploads; 0 lets nobody."
    nodeid: u32 = "1" { min: 1, max: 255, applies: Restart, startup: true }
        "The number of this server among those that share a database; part of every call's id."
    shards: u32 = "1" { min: 1, max: 1, applies: Restart }
        "Call shards, each a thread of its own; one carries thousands of calls, and this version runs one."
    mediathreads: u32 = "1" { min: 1, max: 64, applies: Restart }
        "Threads that relay media."
    mediapoolpairs: u32 = "64" { min: 2, max: 4096, applies: Restart }
        "Port pairs that each shard and media thread keep ready for new calls."
    readers: u32 = "2" { min: 1, max: 64, applies: Restart }
        "Connections that read the database beside the one that writes."
    gatherwindow: u32 = "3" { max: 100, unit: "ms", applies: Restart }
        "How long a busy database waits for further writes to share a commit; an idle one commits at once."
    draintimeout: u32 = "60" { max: 86400, unit: "s" }
        "How long running calls may go on after SIGTERM."
}
Api {
    apiv2key: String = "" { aliases: &["httpapikey"], secret: true }
        "The key that API requests must carry; made at the first start; empty demands none."
    apiv2md5salt: String = "" { secret: true }
        "The server's salt in `authmd5`; made at the first start; empty is no salt."
    httpapimd5salt: String = "87159643" { aliases: &["httppimd5salt"], secret: true }
        "The salt of the old md5 formula where a request brings none."
    httpapiencryptkey: String = "" { secret: true }
        "The key of encrypted requests (`mcrfs`, and values that begin with `oenc1_`: XOR and Base64). This hides them from a glance and is not security; empty reads none."
    apiv2ipauth: Addresses = "" {}
        "Addresses from which commands that check the address may come; empty is this machine only."
    trustediplist: Addresses = "" {}
        "Addresses that count as trusted, such as your web server."
    trustlanip: bool = "false" { documented: Some("true") }
        "Whether private addresses count as trusted."
    allowtrustedip: u32 = "1" { max: 4, documented: Some("3") }
        "Where trust in addresses applies: 0 nowhere, 1 this machine and `trustediplist`, 2 and 3 private addresses too (where `trustlanip` says so), 4 the console too."
    apitrustediponly: bool = "false" {}
        "Whether the API answers only trusted addresses and those of `apiv2ipauth`."
    apideftrustadmin: u32 = "3" { max: 4, documented: Some("1") }
        "How administrators are recognised: 0 not at all except at the console, 1 by trusted address or credentials, 2 from trusted addresses only, there without credentials too, 3 by credentials only, 4 by both."
    apialtauth: i64 = "0" { min: -1, max: 1, documented: Some("-1") }
        "Alternative credentials (clear text, PIN, plain md5): 0 no, 1 yes, -1 where nothing better was sent."
    apitrustfromconsole: u32 = "0" { max: 2, documented: Some("1") }
        "Whether whoever logged in at the console counts as coming from a trusted address: 0 no, 1 yes, 2 yes, and support accounts as administrators."
    apidefneedregister: u32 = "0" { max: 2 }
        "Whether a user must be registered by SIP for user commands: 0 no, 1 yes, 2 from the same address."
    apidefneedlogin: u32 = "0" { max: 3 }
        "Whether a nonce is demanded: 0 no, 1 from addresses that are not trusted, 2 always, 3 always and bound to the address."
    remoteadmin: u32 = "1" { max: 5, documented: Some("5") }
        "From where the console port is reachable: 0 nowhere, 1 127.0.0.1 and ::1, 2 any address of this machine, 3 trusted addresses too, 4 private addresses and the networks of the interfaces too, 5 everywhere."
    apiv2auth: u32 = "2" { max: 6 }
        "What a user sends: 0 default, 2 user with password or PIN, 4 user or password or PIN, 6 user and password only."
    callingcardauth: u32 = "0" { max: 3 }
        "What a PIN is compared with: 0 the pin field, 1 username and password joined too, 2 a calling card's username too, 3 both."
    httpapiallowedip: Addresses = "" { aliases: &["httppapiallowedip"] }
        "The only addresses that the old interface answers; empty is all."
    httpapiallowedip2: Addresses = "" { aliases: &["httppapiallowedip2"] }
        "Addresses that may add credit and accounts by the old interface without a password."
    httpsmscallbackip: Addresses = "" {}
        "The only addresses that may send SMS and ask for callbacks by the old interface; empty is all."
    httpstrictresponse: bool = "false" {}
        "Whether the HTTP status carries the answer's code; otherwise it is 200."
    enablejsonp: u32 = "0" { max: 2, documented: Some("1") }
        "JSONP answers, where `format=jsonp` or a `callback` asks for one: 0 no, 1 yes; 2 is meant for forwarded services too, which this version does not have."
    jsonphosts: List = "" {}
        "Hosts whose answers jppget hands out as scripts, where `enablejsonp` is 2; never private addresses."
    hsforward: List = "" {}
        "Targets to which requests with an `hsforward` parameter are passed on; empty switches it off."
    moneyneednonce: bool = "true" { documented: Some("false") }
        "Whether commands that move credit demand a nonce or a token when they come from elsewhere and in clear."
    apinoncelifetime: u32 = "300" { min: 1, max: 86400, unit: "s" }
        "How long a nonce of `preauth` may be used."
    apitokenlifetime: u32 = "3600" { min: 1, max: 2_592_000, unit: "s" }
        "How long a token of `login` is valid."
    signupconfirm: String = "none" { choices: &["none", "email", "sms"] }
        "Whether an account that signs up by `newuseru` stays disabled until `newusercode` brings the code that was sent to it."
    signupcredit: Decimal = "0" {}
        "The credit of accounts that sign up by `newuseru`, in `defcurrency`; in another currency where there is an exchange rate."
    signuppacket: u32 = "0" {}
        "The packet (tariff) of accounts that sign up by `newuseru`, by its id; 0 is none."
    signuprights: u32 = "30" { max: 30 }
        "The rights of accounts that sign up by `newuseru`: 30 normal, 20 none, 10 no login."
    codelifetime: u32 = "1800" { min: 60, max: 86400, unit: "s" }
        "How long a code of a sign-up or a forgotten password may be used."
    corsorigins: List = "" {}
        "Web origins whose pages may use the API from a browser; `*` is any."
    proxylist: Addresses = "" {}
        "Reverse proxies whose X-Forwarded-For is believed."
    apioversip: bool = "false" {}
        "Whether API requests may come in the X-MVAPI header of MESSAGE, INFO and OPTIONS, proved by SIP digest."
    apiinspect: u32 = "200" { max: 10_000 }
        "How many of the last requests `requests` can show, without secrets; 0 keeps none."
    usemmq: bool = "true" {}
        "Whether devices of an account may exchange messages over /mmstwebsock (docs/api/mmq.md)."
    wsecho: bool = "false" {}
        "Whether the WebSocket /mvecho sends back every message as it came, to try a client or a proxy."
    mmqmaxmessage: u32 = "16384" { min: 256, max: 65_536, unit: "bytes" }
        "The longest message of that queue, as it is sent."
    mmqqueue: u32 = "256" { min: 1, max: 4096 }
        "Messages that may wait for a slow device; then the oldest are lost, which it is told."
    mmqrate: u32 = "50" { max: 1_000_000, unit: "per second" }
        "Messages that one connection may send to the queue; 0 is no limit."
    listentime: u32 = "30" { min: 1, max: 300, unit: "s" }
        "How long the address that `voicehere` answers may be opened, once."
    apimaxrequest: u32 = "1048576" { min: 4096, max: 1_048_576, unit: "bytes" }
        "The longest body of an HTTP request or WebSocket message."
    apimaxline: u32 = "65536" { min: 1024, max: 65_536, unit: "bytes" }
        "The longest API line."
}
Limits {
    maxconnections: u32 = "16384" { min: 1, max: 1_000_000 }
        "Open TCP connections, on the SIP port and on the others each; on the SIP port a new value acts at the next start."
    maxconnectionsperip: u32 = "256" { min: 1, max: 1_000_000 }
        "The same from one address. This machine itself (127.0.0.1, ::1), trusted addresses and reverse proxies have no limit of their own."
    idletimeout: u32 = "120" { min: 1, max: 86400, unit: "s" }
        "How long a TCP connection may be silent."
    headertimeout: u32 = "10" { min: 1, max: 300, unit: "s" }
        "How long the first bytes and the head of a request may take."
    banfailures: u32 = "10" { max: 1_000_000 }
        "Failed logins within `banwindow` that ban an address; 0 never bans."
    banwindow: u32 = "300" { min: 1, max: 86400, unit: "s" }
        "The time in which failed logins are counted together."
    bantime: u32 = "600" { max: 31_536_000, unit: "s" }
        "How long a ban lasts; 0 never bans."
    ratelimitip: u32 = "0" { max: 1_000_000, unit: "per second" }
        "Requests from one address; 0 is no limit."
    ratelimituser: u32 = "0" { max: 1_000_000, unit: "per second" }
        "Requests of one account; 0 is no limit."
    ratelimitglobal: u32 = "0" { max: 10_000_000, unit: "per second" }
        "Requests in all; 0 is no limit."
    callbacklimit: u32 = "20" { max: 1_000_000, unit: "per hour" }
        "Callbacks of one account; 0 is no limit."
}
Sip {
    realm: String = "strowger" {}
        "The realm of digest challenges."
    domain: List = "" {}
        "Domains that are ours, the first being written into our headers; empty accepts any."
    digestalgorithms: List = "MD5" {}
        "Digest algorithms offered: MD5, SHA-256. SHA-256 is offered first; many phones fail where it is."
    nonceexpires: u32 = "300" { min: 10, max: 86400, unit: "s", applies: Restart }
        "How long a digest nonce may be used."
    useragent: String = "Strowger" {}
        "The text of Server and User-Agent headers; empty sends none."
    registerminexpires: u32 = "60" { min: 1, max: 86400, unit: "s" }
        "The shortest registration; a shorter wish is answered 423."
    registermaxexpires: u32 = "3600" { min: 1, max: 604_800, unit: "s" }
        "The longest registration; a longer wish is shortened."
    registerdefaultexpires: u32 = "300" { min: 1, max: 604_800, unit: "s" }
        "The registration of a phone that asks for no time."
    maxcontacts: u32 = "10" { min: 1, max: 100 }
        "Phones that may be registered for one account."
    maxsubscriptions: u32 = "200" { min: 1, max: 10_000 }
        "Subscriptions to presence and busy lamps that one account may have."
    presencetime: u32 = "86400" { min: 60, max: 2_592_000, unit: "s" }
        "How long a status holds that was set by `presence_set`."
    maxmessages: u32 = "100" { min: 1, max: 10_000 }
        "Messages that may wait for one account; further ones are refused."
    messageage: u32 = "30" { min: 1, max: 3650, unit: "days" }
        "How long a message waits, and how long it is known what became of it."
    natkeepalive: u32 = "25" { max: 3600, unit: "s" }
        "The interval of keep-alives to phones behind NAT; 0 sends none."
    noanswertimeout: u32 = "30" { min: 1, max: 600, unit: "s" }
        "How long a phone rings."
    rtptimeout: u32 = "60" { max: 86400, unit: "s" }
        "A call without any media for this long is ended; 0 never."
    trunktimeout: u32 = "8" { min: 1, max: 60, unit: "s" }
        "A trunk that gives no answer at all for this long is passed over."
    maxhops: u32 = "5" { min: 1, max: 50 }
        "How often one call may be forwarded; a call that is forwarded further is refused with 482."
    maxcalls: u32 = "5000" { min: 1, max: 100_000 }
        "Calls at a time; further ones are refused with 503."
    maxcallduration: u32 = "14400" { min: 1, max: 604_800, unit: "s" }
        "How long a call may last; it is ended then."
}
Numbers {
    countrycode: String = "" {}
        "The country code put before national numbers, such as 36; empty leaves numbers as they are dialled."
    internationalprefix: String = "00" {}
        "What is dialled before a country code; it is normalised away."
    nationalprefix: String = "0" {}
        "What is dialled before a national number, where `countrycode` is set."
    anumberhandling: u32 = "0" { max: 3, without_effect: true }
        "The caller's number towards trunks: 0 the account's phone, else its username, 1 as presented by the caller, 2 always the username, 3 withheld."
    numberlocktime: u32 = "0" { max: 3650, unit: "days" }
        "How long a number that `lockphonenumber` took stays with its account unless it is taken again; 0 is for good."
    servicevoicemail: String = "5001" {}
        "The number of the voicemail. Nothing answers there in this version; an account may have the number."
    servicemusic: String = "5002" {}
        "The number that plays music; empty switches it off."
    servicerecording: String = "5003" {}
        "The number that plays a recording. Nothing answers there in this version; an account may have the number."
    servicedelayedecho: String = "5004" {}
        "The number that sends the caller's voice back after a delay. Nothing answers there in this version; an account may have the number."
    serviceecho: String = "5005" {}
        "The number that sends the caller's voice back; empty switches it off."
    servicerecord: String = "5010" {}
        "The number that records the caller. Nothing answers there in this version; an account may have the number."
    serviceplayback: String = "5011" {}
        "The number that plays the caller's recording. Nothing answers there in this version; an account may have the number."
    serviceredial: String = "5901" {}
        "The number that dials the last number again. Nothing answers there in this version; an account may have the number."
    defcallbackivr: String = "" { without_effect: true }
        "The voice menu that callbacks lead to."
}
Money {
    defcurrency: String = "USD" {}
        "The currency of accounts that name none."
    defprice: Option<Decimal> = "" { unit: "per minute" }
        "The price of numbers that no price list knows; empty refuses them."
    onnetprice: Option<Decimal> = "" { unit: "per minute" }
        "The price of calls between local accounts; empty is free."
    mincreditonroute: Decimal = "0" {}
        "The least credit, in the account's currency, with which a prepaid account may begin a paid call; 0 is any that covers the first billing step."
    lowcreditwarn: u32 = "60" { max: 3600, unit: "s" }
        "How long before a call has used up its payer's credit the event `balance.low` is told; 0 is never."
    reserveslice: u32 = "10" { min: 1, max: 600, unit: "s" }
        "How long before reserved credit runs out more is reserved, at least."
    maxslice: u32 = "60" { min: 1, max: 3600, unit: "s" }
        "The most talking time that is reserved at once."
    cardprovider: String = "" { applies: Restart, startup: true }
        "Where the card payment provider's API is, which must be compatible with Stripe's, such as `https://api.stripe.com`; `http` only on this machine. Empty takes no card payments."
    cardkey: String = "" { applies: Restart, startup: true, secret: true }
        "The secret key of the provider's API."
    cardca: String = "" { applies: Restart, startup: true }
        "File with the certificates (PEM) that sign the provider's; empty is the system's."
    cardtimeout: u32 = "15" { min: 1, max: 60, unit: "s" }
        "How long the provider may take to answer one question; a payment asks it three times."
    cardmin: Decimal = "5" {}
        "The smallest card payment, in the account's currency."
    cardmax: Decimal = "200" {}
        "The largest card payment, in the account's currency."
    cardattempts: u32 = "10" { max: 1000, unit: "per day" }
        "Cards of one account that may be refused within 24 hours before it may try no more, so that nobody tries out stolen ones; 0 is no limit."
    cardpage: String = "" {}
        "The address of your payment page, which `sendccinfo` hands out; `{userid}` and `{username}` in it are the account's."
}
Events {
    consoletelnet: bool = "true" {}
        "Whether the console over TCP offers to edit lines for telnet; scripts that stumble over its nine bytes of negotiation switch it off."
    eventwindow: u32 = "100000" { min: 4096, max: 100000000, applies: Restart }
        "How many events are kept at least, for clients that come back; about 400 bytes each on the disk."
    webhooktimeout: u32 = "10" { min: 1, max: 60, unit: "s" }
        "How long a webhook may take to answer."
    webhookgiveup: u32 = "86400" { min: 1, max: 2592000, unit: "s" }
        "How long a webhook may fail before it is switched off; until then it is tried again, after 1 s and then ever more seldom, at least hourly."
    webhookprivate: Addresses = "" { applies: Restart, startup: true }
        "Private addresses that webhooks may be posted to, such as your own servers'; all others of this machine and of private networks are refused."
    webhookca: String = "" { applies: Restart, startup: true }
        "File with the certificates (PEM) that sign those of webhooks; empty is the system's."
}
}
