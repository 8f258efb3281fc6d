//! Requests that nobody would send on purpose: every one has an answer, none a panic, and datagrams are never
//! answered with more than they may be.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic")]

mod common;

use common::{Exchange, origin};
use strowger_api::{Http, Request, Transport};

/// Requests and bodies that are cut, joined and broken.
const SEEDS: [&str; 21] = [
    "?authkey=K&authid=admin&authpwd=admin-7&apientry=listusers&u_maxcount=5&format=json",
    "/mvapireq/?param1=balance&param2=K&param3=admin&param4=admin-7&param99999999999=x",
    "/xmapi/?key=K&usr=admin&pwd=admin-7&anum=1&bnun=2&now",
    "db,K,admin,admin-7,select top 1 * from tb_users where a = 'b,c'",
    "balance&authkey=K&authid=1&authmd5=authv3_00000000000000000000000000000000&nonce=abcdefghijklmnop",
    "cdr,K,admin,admin-7,,,100,today,all,all",
    "?apientry=help&authkey=K&format=xml&command=%zz%e9%00%ff\u{b6}m1=x",
    "{\"apientry\":\"rating\",\"params\":[1,null,{\"a\":[]},true],\"authkey\":\"K\"}",
    "{\"apientry\":\"status\",\"params\":{\"params\":{\"params\":{\"authid\":5}}}}",
    "<s:Envelope xmlns:s=\"x\"><s:Body><balance><authkey>K</authkey><a>&amp;&#x41;</a></balance></s:Body></s:Envelope>",
    "<?xml version=\"1.0\"?><!DOCTYPE a><a><![CDATA[x]]><b/></a>",
    "apientry=setfield\nfieldname=credit\nfieldvalue=1e9\n",
    "rating bnum=+36 anum=\u{202e}\u{0} requestid=1",
    "?callback=alert(1)&format=jsonp&apientry=apitest1&requestid=",
    "?apientry=addcredit&credit=-9223372036854775808.999999&authkey=K&authid=admin&authpwd=admin-7&targetuser=admin",
    "--X\r\nContent-Disposition: form-data; name=\"apientry\"\r\n\r\nstatus\r\n--X--\r\n",
    "<rdf:RDF xmlns:rdf='x' xmlns:m='y'><rdf:Description m:apientry='rating' m:authkey='K'><m:bnum>1</m:bnum></rdf:Description></rdf:RDF>",
    "<rating authkey='K' a='&lt;&#65;'><params><param>1</param><param name='bnum' value='&amp;'/></params></rating>",
    "rating\nauthkey=K\n; c\n[s]\nbnum = 1\n",
    "rating,K,admin,admin-7,99",
    "{\"apientry\":\"cdr\",\"auth\":{\"authkey\":\"K\"},\"params\":{\"maxcount\":1e99,\"days\":{\"a\":[1]}},\"format\":\"jsonp\",\"callback\":\"f\"}",
];

/// A small generator with a fixed seed (xorshift64*).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        usize::try_from(self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33).unwrap() % limit.max(1)
    }

    fn mutated(&mut self) -> Vec<u8> {
        let mut bytes = SEEDS[self.below(SEEDS.len())].as_bytes().to_vec();
        for _ in 0..self.below(4) {
            let at = self.below(bytes.len());
            match self.below(4) {
                0 => bytes[at] = u8::try_from(self.below(256)).unwrap(),
                1 => bytes.truncate(at.max(1)),
                2 => bytes.insert(at, b"&=,%<>{}\"\n"[self.below(10)]),
                _ => {
                    let other = SEEDS[self.below(SEEDS.len())].as_bytes();
                    bytes.extend_from_slice(&other[..self.below(other.len())]);
                }
            }
        }
        bytes
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn broken_requests_are_answered_and_never_panic() {
    let exchange = Exchange::new(&[("moneyneednonce", "false")]).await;
    let mut random = Random(0x5eed);
    for _ in 0..1_500 {
        let bytes = random.mutated();
        let transport = [Transport::Tcp, Transport::Udp, Transport::WebSocket][random.below(3)];
        let target = format!("/mvapireq/?{}", String::from_utf8_lossy(&bytes));
        let request = if random.below(2) == 0 {
            Request::line(origin("198.51.100.7", transport), &bytes)
        } else {
            let types = ["application/json", "text/xml", "multipart/form-data; boundary=X", "", "text/plain"];
            let http = Http {
                method: "POST",
                target: if random.below(2) == 0 { "/mvapireq/" } else { &target },
                content_type: Some(types[random.below(types.len())]),
                accept: None,
                authorization: None,
                soap_action: None,
                body: &bytes,
            };
            *Request::http(origin("127.0.0.1", Transport::Http), &http)
        };
        let answer = exchange.api.answer(request).await;
        let text = String::from_utf8(answer.body).unwrap();
        assert!(
            !text.is_empty() && !text.contains("internal error"),
            "{}: {text}",
            String::from_utf8_lossy(&bytes)
        );
    }
    exchange.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_datagram_without_proof_is_no_amplifier() {
    let exchange = Exchange::new(&[]).await;
    let mut random = Random(0xfeed);
    for _ in 0..500 {
        // Without the right password nothing in these requests proves anything.
        let bytes = String::from_utf8_lossy(&random.mutated()).replace("admin-7", "wrong");
        let request = Request::line(origin("198.51.100.7", Transport::Udp), bytes.as_bytes());
        let answer = exchange.api.answer(request).await;
        assert!(answer.body.len() <= (3 * bytes.len()).max(128), "{bytes}");
    }
    exchange.stop().await;
}
