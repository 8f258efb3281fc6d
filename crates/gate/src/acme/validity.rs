//! From when until when a certificate is valid (RFC 5280 section 4.1.2.5), and when to renew it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use yasna::{ASN1Result, BERReader, Tag};

/// The part of its lifetime that is left when a certificate is renewed, as a divisor: a third.
const RENEWAL_PART: i64 = 3;

/// Seconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Validity {
    from: i64,
    until: i64,
}

impl Validity {
    /// How long until it is to be renewed; zero where that is now.
    pub(super) fn until_renewal(self) -> Duration {
        let renewal = self.until - (self.until - self.from) / RENEWAL_PART;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Duration::from_secs(u64::try_from(renewal).unwrap_or_default()).saturating_sub(now)
    }
}

/// Reads it from a certificate in DER.
#[expect(
    clippy::redundant_closure_for_method_calls,
    reason = "the methods are not general over the reader's lifetimes"
)]
pub(super) fn validity(certificate: &[u8]) -> Option<Validity> {
    let read = yasna::parse_der(certificate, |reader| {
        reader.read_sequence(|certificate| {
            let validity = certificate.next().read_sequence(|signed| {
                let version = |reader: BERReader<'_, '_>| {
                    reader.read_tagged(Tag::context(0), |version| version.read_i64())
                };
                signed.read_optional(version)?;
                // Serial number, algorithm, issuer.
                for _ in 0..3 {
                    signed.next().read_der()?;
                }
                let validity = signed.next().read_sequence(|validity| {
                    Ok(Validity { from: time(validity.next())?, until: time(validity.next())? })
                })?;
                while signed.read_optional(|rest| rest.read_der())?.is_some() {}
                Ok(validity)
            })?;
            // The signature's algorithm and the signature.
            certificate.next().read_der()?;
            certificate.next().read_der()?;
            Ok(validity)
        })
    });
    read.ok()
}

fn time(reader: BERReader<'_, '_>) -> ASN1Result<i64> {
    if reader.lookahead_tag()? == yasna::tags::TAG_UTCTIME {
        Ok(reader.read_utctime()?.datetime().unix_timestamp())
    } else {
        Ok(reader.read_generalized_time()?.datetime().unix_timestamp())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn certificate(from: i32, until: i32) -> Vec<u8> {
        let mut parameters = rcgen::CertificateParams::new(["a.example".to_owned()]).unwrap();
        parameters.not_before = rcgen::date_time_ymd(from, 1, 1);
        parameters.not_after = rcgen::date_time_ymd(until, 1, 1);
        let key = rcgen::KeyPair::generate().unwrap();
        parameters.self_signed(&key).unwrap().der().to_vec()
    }

    #[test]
    fn both_forms_of_a_date_are_read() {
        // From 2050 on a date is written with four digits of the year.
        let read = validity(&certificate(2020, 2060)).unwrap();
        assert_eq!(read, Validity { from: 1_577_836_800, until: 2_840_140_800 });
        assert!(!read.until_renewal().is_zero());
        assert!(validity(&certificate(2001, 2002)).unwrap().until_renewal().is_zero());
    }

    #[test]
    fn what_is_no_certificate_has_no_dates() {
        let whole = certificate(2020, 2030);
        for end in 0..whole.len() {
            assert_eq!(validity(&whole[..end]), None);
        }
    }
}
