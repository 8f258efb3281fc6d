//! The bindings log: frames that each carry a checksum, so that a tail torn by a crash is recognised
//! and ignored. The driver appends them to a file and hands the file's bytes back at the next start.
//!
//! Frame: length of the payload (u32), CRC-32 of the payload (u32), payload; all numbers little-endian.

use std::net::{IpAddr, SocketAddr};

use strowger_model::{AccountId, Wall};

use crate::binding::{Binding, TEXTS, Text};
use crate::reach::{Carrier, Reach};

/// Bytes before a payload.
const HEADER_BYTES: usize = 8;
/// Longest payload in bytes; more is no frame of ours.
const MAX_PAYLOAD_BYTES: usize = 16_384;
const PUT: u8 = 1;
const REMOVE: u8 = 2;
const REMOVE_ALL: u8 = 3;

/// One change of the bindings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BindingRecord {
    /// A contact was registered or refreshed; it replaces the same contact.
    Put {
        /// Whose.
        account: AccountId,
        /// The contact.
        binding: Binding,
    },
    /// A contact is gone.
    Remove {
        /// Whose.
        account: AccountId,
        /// Its URI.
        uri: Box<str>,
    },
    /// All contacts of the account are gone.
    RemoveAll {
        /// Whose.
        account: AccountId,
    },
}

/// Appends the record's frame to `out`.
pub fn encode(record: &BindingRecord, out: &mut Vec<u8>) {
    match record {
        BindingRecord::Put { account, binding } => encode_put(*account, binding, out),
        BindingRecord::Remove { account, uri } => encode_remove(*account, uri, out),
        BindingRecord::RemoveAll { account } => frame(out, |out| {
            out.push(REMOVE_ALL);
            out.extend_from_slice(&account.0.to_le_bytes());
        }),
    }
}

pub(crate) fn encode_put(account: AccountId, binding: &Binding, out: &mut Vec<u8>) {
    frame(out, |out| put(out, account, binding));
}

pub(crate) fn encode_remove(account: AccountId, uri: &str, out: &mut Vec<u8>) {
    frame(out, |out| {
        out.push(REMOVE);
        out.extend_from_slice(&account.0.to_le_bytes());
        text(out, uri);
    });
}

/// The records at the start of `bytes` and the length of what they occupy. What follows was torn by a
/// crash or is damaged; the log is to be cut there.
#[must_use]
pub fn decode_log(bytes: &[u8]) -> (Vec<BindingRecord>, usize) {
    let mut records = Vec::new();
    let mut at = 0;
    while let Some((payload, next)) = next_frame(bytes, at) {
        let Some(record) = decode(payload) else { break };
        records.push(record);
        at = next;
    }
    (records, at)
}

fn next_frame(bytes: &[u8], at: usize) -> Option<(&[u8], usize)> {
    let header = bytes.get(at..at.checked_add(HEADER_BYTES)?)?;
    let length = usize::try_from(u32::from_le_bytes(header[..4].try_into().ok()?)).ok()?;
    let sum = u32::from_le_bytes(header[4..].try_into().ok()?);
    if length > MAX_PAYLOAD_BYTES {
        return None;
    }
    let start = at + HEADER_BYTES;
    let payload = bytes.get(start..start.checked_add(length)?)?;
    (crc32(payload) == sum).then_some((payload, start + length))
}

fn frame(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    let at = out.len();
    out.extend_from_slice(&[0; HEADER_BYTES]);
    write(out);
    let length = u32::try_from(out.len() - at - HEADER_BYTES).unwrap_or(u32::MAX);
    let sum = crc32(&out[at + HEADER_BYTES..]);
    out[at..at + 4].copy_from_slice(&length.to_le_bytes());
    out[at + 4..at + HEADER_BYTES].copy_from_slice(&sum.to_le_bytes());
}

fn put(out: &mut Vec<u8>, account: AccountId, binding: &Binding) {
    out.push(PUT);
    out.extend_from_slice(&account.0.to_le_bytes());
    out.extend_from_slice(&binding.registered.0.to_le_bytes());
    out.extend_from_slice(&binding.stored_until.0.to_le_bytes());
    out.extend_from_slice(&binding.lifetime_s.to_le_bytes());
    out.extend_from_slice(&binding.cseq.to_le_bytes());
    out.extend_from_slice(&binding.reg_id.map_or(u64::MAX, u64::from).to_le_bytes());
    out.extend_from_slice(&binding.q.to_le_bytes());
    out.push(binding.reach.carrier as u8);
    out.push(binding.reach.listener);
    out.extend_from_slice(&binding.reach.source.port().to_le_bytes());
    match binding.reach.source.ip() {
        IpAddr::V4(v4) => out.extend_from_slice(&v4.to_ipv6_mapped().octets()),
        IpAddr::V6(v6) => out.extend_from_slice(&v6.octets()),
    }
    for which in
        [Text::Uri, Text::Params, Text::Instance, Text::CallId, Text::UserAgent, Text::Push, Text::Path]
    {
        text(out, binding.get(which));
    }
}

fn text(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(&u16::try_from(text.len()).unwrap_or(0).to_le_bytes());
    if u16::try_from(text.len()).is_ok() {
        out.extend_from_slice(text.as_bytes());
    }
}

fn decode(payload: &[u8]) -> Option<BindingRecord> {
    let mut from = Reader(payload);
    let kind = from.take::<1>()?[0];
    let account = AccountId(i64::from_le_bytes(from.take()?));
    let record = match kind {
        PUT => BindingRecord::Put { account, binding: decode_binding(&mut from)? },
        REMOVE => BindingRecord::Remove { account, uri: from.text()?.into() },
        REMOVE_ALL => BindingRecord::RemoveAll { account },
        _ => return None,
    };
    from.0.is_empty().then_some(record)
}

fn decode_binding(from: &mut Reader<'_>) -> Option<Binding> {
    let registered = Wall(i64::from_le_bytes(from.take()?));
    let stored_until = Wall(i64::from_le_bytes(from.take()?));
    let lifetime_s = u32::from_le_bytes(from.take()?);
    let cseq = u32::from_le_bytes(from.take()?);
    let reg_id = u32::try_from(u64::from_le_bytes(from.take()?)).ok();
    let q = u16::from_le_bytes(from.take()?);
    let carrier = Carrier::from_number(from.take::<1>()?[0])?;
    let listener = from.take::<1>()?[0];
    let port = u16::from_le_bytes(from.take()?);
    let ip = IpAddr::from(from.take::<16>()?).to_canonical();
    let reach = Reach { carrier, source: SocketAddr::new(ip, port), listener, flow: None };
    let mut texts = [""; TEXTS];
    for slot in &mut texts {
        *slot = from.text()?;
    }
    let mut binding = Binding::pack(texts, reach)?;
    binding.registered = registered;
    binding.stored_until = stored_until;
    binding.lifetime_s = lifetime_s;
    binding.cseq = cseq;
    binding.reg_id = reg_id;
    binding.q = q;
    Some(binding)
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*head)
    }

    fn text(&mut self) -> Option<&'a str> {
        let length = usize::from(u16::from_le_bytes(self.take()?));
        let (head, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        std::str::from_utf8(head).ok()
    }
}

/// CRC-32 (ISO 3309, as in Ethernet), a table of 16 entries, half a byte at a time.
fn crc32(bytes: &[u8]) -> u32 {
    const TABLE: [u32; 16] = half_byte_table();
    let mut sum = u32::MAX;
    for byte in bytes {
        sum ^= u32::from(*byte);
        sum = TABLE[(sum & 15) as usize] ^ (sum >> 4);
        sum = TABLE[(sum & 15) as usize] ^ (sum >> 4);
    }
    !sum
}

const fn half_byte_table() -> [u32; 16] {
    let mut table = [0_u32; 16];
    let mut i = 0;
    while i < 16 {
        #[expect(clippy::cast_possible_truncation, reason = "below 16")]
        let mut value = i as u32;
        let mut bit = 0;
        while bit < 4 {
            value = if value & 1 == 1 { 0xedb8_8320 ^ (value >> 1) } else { value >> 1 };
            bit += 1;
        }
        table[i] = value;
        i += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records() -> Vec<BindingRecord> {
        let reach = Reach {
            carrier: Carrier::Udp,
            source: "192.0.2.7:5070".parse().unwrap(),
            listener: 1,
            flow: None,
        };
        let texts = ["sip:a@10.0.0.1", ";x=1", "<urn:uuid:1>", "call", "phone/1", "w:p:t", "<sip:p;lr>"];
        let mut binding = Binding::pack(texts, reach).unwrap();
        binding.registered = Wall(1000);
        binding.stored_until = Wall(301_000);
        binding.lifetime_s = 300;
        binding.cseq = 4;
        binding.reg_id = Some(2);
        binding.q = 500;
        vec![
            BindingRecord::Put { account: AccountId(5), binding },
            BindingRecord::Remove { account: AccountId(6), uri: "sip:b@10.0.0.2".into() },
            BindingRecord::RemoveAll { account: AccountId(-1) },
        ]
    }

    #[test]
    fn the_checksum_is_the_common_one() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
    }

    #[test]
    fn records_survive_and_a_torn_or_damaged_tail_is_cut() {
        let records = records();
        let (mut log, mut ends) = (Vec::new(), vec![0]);
        for record in &records {
            encode(record, &mut log);
            ends.push(log.len());
        }
        assert_eq!(decode_log(&log), (records.clone(), log.len()));
        for cut in 0..log.len() {
            let whole = ends.iter().filter(|end| **end <= cut).count() - 1;
            assert_eq!(decode_log(&log[..cut]), (records[..whole].to_vec(), ends[whole]), "cut at {cut}");
            let mut damaged = log.clone();
            damaged[cut] ^= 0x40;
            assert!(decode_log(&damaged).0.len() < 3, "a flipped bit at {cut} is noticed");
        }
    }
}
