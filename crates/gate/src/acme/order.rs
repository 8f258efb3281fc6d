//! One order: every domain validated, the certificate fetched.

use std::net::IpAddr;

use instant_acme::{
    Account, AuthorizationStatus, ChallengeHandle, ChallengeType, Identifier, NewOrder, Order, OrderStatus,
    RetryPolicy,
};
use rcgen::{CertificateParams, CustomExtension, KeyPair};
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

use super::challenges::{Challenges, Posted};
use super::{AcmeError, AcmeSettings, Validation};
use crate::tls::{Certificate, Tls, TlsError};

/// What an authority issued.
pub(super) struct Issued {
    /// The private key, PEM.
    pub(super) key: String,
    /// The certificate and those above it, PEM.
    pub(super) chain: String,
}

/// Places an order and waits for its end.
pub(super) async fn place(
    account: &Account,
    settings: &AcmeSettings,
    tls: &Tls,
    challenges: &Challenges,
) -> Result<Issued, AcmeError> {
    let identifiers: Vec<Identifier> = settings.domains.iter().map(|domain| identifier(domain)).collect();
    let mut order = account.new_order(&NewOrder::new(&identifiers)).await?;
    let answers = validate(&mut order, settings.validation, tls, challenges).await?;
    let retries = RetryPolicy::default();
    let status = order.poll_ready(&retries).await?;
    drop(answers);
    if status != OrderStatus::Ready {
        return Err(AcmeError::NotValidated(format!("{status:?}").to_lowercase()));
    }
    let key = order.finalize().await?;
    let chain = order.poll_certificate(&retries).await?;
    Ok(Issued { key, chain })
}

fn identifier(domain: &str) -> Identifier {
    domain.parse::<IpAddr>().map_or_else(|_| Identifier::Dns(domain.to_owned()), Identifier::Ip)
}

/// Something that an authority looks at; it is there until this is dropped.
enum Answer<'a> {
    Text { _posted: Posted },
    Certificate { tls: &'a Tls, domain: String },
}

impl Drop for Answer<'_> {
    fn drop(&mut self) {
        if let Self::Certificate { tls, domain } = self {
            tls.challenge(domain, None);
        }
    }
}

/// Answers the challenges of an order.
async fn validate<'a>(
    order: &mut Order,
    validation: Validation,
    tls: &'a Tls,
    challenges: &Challenges,
) -> Result<Vec<Answer<'a>>, AcmeError> {
    let wanted = match validation {
        Validation::Http => ChallengeType::Http01,
        Validation::Tls => ChallengeType::TlsAlpn01,
    };
    let mut answers = Vec::new();
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        let mut authorization = authorization?;
        if authorization.status == AuthorizationStatus::Valid {
            continue;
        }
        let domain = authorization.identifier().to_string();
        let challenge = authorization.challenge(wanted.clone());
        let mut challenge = challenge.ok_or_else(|| AcmeError::NotOffered(domain.clone()))?;
        answers.push(answer(&challenge, validation, &domain, tls, challenges)?);
        challenge.set_ready().await?;
    }
    Ok(answers)
}

fn answer<'a>(
    challenge: &ChallengeHandle<'_>,
    validation: Validation,
    domain: &str,
    tls: &'a Tls,
    challenges: &Challenges,
) -> Result<Answer<'a>, AcmeError> {
    let proof = challenge.key_authorization();
    match validation {
        Validation::Http => Ok(Answer::Text { _posted: challenges.post(&challenge.token, proof.as_str()) }),
        Validation::Tls => {
            let certificate = proving(domain, proof.digest().as_ref())?;
            tls.challenge(domain, Some(certificate));
            Ok(Answer::Certificate { tls, domain: domain.to_owned() })
        }
    }
}

/// The certificate that proves a domain (RFC 8737 section 3).
fn proving(domain: &str, digest: &[u8]) -> Result<Certificate, AcmeError> {
    let wrong = |error: rcgen::Error| AcmeError::Validating(error.to_string());
    let mut parameters = CertificateParams::new([domain.to_owned()]).map_err(wrong)?;
    parameters.custom_extensions = vec![CustomExtension::new_acme_identifier(digest)];
    let key = KeyPair::generate().map_err(wrong)?;
    let certificate = parameters.self_signed(&key).map_err(wrong)?;
    let key = PrivateKeyDer::try_from(key.serialize_der())
        .map_err(|error| AcmeError::Validating(error.to_owned()))?;
    Ok(Certificate::made(certificate.der().clone(), key).map_err(TlsError::from)?)
}
