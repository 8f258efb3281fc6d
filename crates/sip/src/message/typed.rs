//! Typed views of header values, parsed when asked for.

use super::Message;
use crate::header::{
    Contacts, HeaderError, HeaderId, MediaType, NameAddr, RAck, ReasonValue, SessionExpires, Via, seconds,
};
use crate::lex::{is_space, trim};

/// Max-Forwards has eight bits (RFC 3261 20.22).
const MAX_FORWARDS_BOUND: u32 = 255;

impl Message {
    /// The top Via.
    ///
    /// # Errors
    /// It is missing or malformed.
    pub fn via(&self) -> Result<Via<'_>, HeaderError> {
        self.vias().next().unwrap_or(Err(HeaderError::new(HeaderId::Via, "missing")))
    }

    /// Every Via, top first.
    pub fn vias(&self) -> impl Iterator<Item = Result<Via<'_>, HeaderError>> {
        self.elements(HeaderId::Via).map(Via::parse)
    }

    /// From.
    ///
    /// # Errors
    /// It is missing or malformed.
    pub fn from(&self) -> Result<NameAddr<'_>, HeaderError> {
        self.single(HeaderId::From)
    }

    /// To.
    ///
    /// # Errors
    /// It is missing or malformed.
    pub fn to(&self) -> Result<NameAddr<'_>, HeaderError> {
        self.single(HeaderId::To)
    }

    /// All Contact values. One malformed value spoils all: half a registration is worse than none.
    ///
    /// # Errors
    /// A value is malformed, or a star stands beside addresses.
    pub fn contacts(&self) -> Result<Contacts<'_>, HeaderError> {
        let mut list = Vec::new();
        let mut stars = 0;
        for value in self.elements(HeaderId::Contact) {
            if value == b"*" {
                stars += 1;
            } else {
                list.push(NameAddr::parse(value, HeaderId::Contact)?);
            }
        }
        match (stars, list.is_empty()) {
            (0, _) => Ok(Contacts::List(list)),
            (1, true) => Ok(Contacts::Star),
            _ => Err(HeaderError::new(HeaderId::Contact, "a star beside other values")),
        }
    }

    /// The first Contact value; none where there is none or it is the star.
    ///
    /// # Errors
    /// It is malformed.
    pub fn contact(&self) -> Result<Option<NameAddr<'_>>, HeaderError> {
        let Some(value) = self.elements(HeaderId::Contact).next().filter(|value| *value != b"*") else {
            return Ok(None);
        };
        NameAddr::parse(value, HeaderId::Contact).map(Some)
    }

    /// Every value of a header that holds addresses: Route, Record-Route, P-Asserted-Identity, Refer-To, …
    pub fn name_addrs(&self, id: HeaderId) -> impl Iterator<Item = Result<NameAddr<'_>, HeaderError>> {
        self.elements(id).map(move |value| NameAddr::parse(value, id))
    }

    /// Expires in seconds.
    ///
    /// # Errors
    /// It is no number of 32 bits.
    pub fn expires(&self) -> Result<Option<u32>, HeaderError> {
        self.number(HeaderId::Expires)
    }

    /// Min-Expires in seconds.
    ///
    /// # Errors
    /// It is no number of 32 bits.
    pub fn min_expires(&self) -> Result<Option<u32>, HeaderError> {
        self.number(HeaderId::MinExpires)
    }

    /// Retry-After in seconds, its comment and parameters left out.
    ///
    /// # Errors
    /// It does not begin with a number of 32 bits.
    pub fn retry_after(&self) -> Result<Option<u32>, HeaderError> {
        let Some(value) = self.value(HeaderId::RetryAfter) else { return Ok(None) };
        let end = value.iter().position(|b| matches!(b, b'(' | b';')).unwrap_or(value.len());
        seconds(&value[..end]).map(Some).ok_or(HeaderError::new(HeaderId::RetryAfter, "no number"))
    }

    /// `RSeq`.
    ///
    /// # Errors
    /// It is no number of 32 bits.
    pub fn rseq(&self) -> Result<Option<u32>, HeaderError> {
        self.number(HeaderId::RSeq)
    }

    /// Max-Forwards, at most 255.
    ///
    /// # Errors
    /// It is no such number.
    pub fn max_forwards(&self) -> Result<Option<u8>, HeaderError> {
        let wrong = HeaderError::new(HeaderId::MaxForwards, "not a number up to 255");
        let Some(hops) = self.number(HeaderId::MaxForwards).map_err(|_| wrong)? else { return Ok(None) };
        if hops > MAX_FORWARDS_BOUND {
            return Err(wrong);
        }
        Ok(u8::try_from(hops).ok())
    }

    /// `RAck`.
    ///
    /// # Errors
    /// It is malformed.
    pub fn rack(&self) -> Result<Option<RAck>, HeaderError> {
        let Some(value) = self.value(HeaderId::RAck) else { return Ok(None) };
        RAck::parse(value).map(Some).ok_or(HeaderError::new(HeaderId::RAck, "malformed"))
    }

    /// Session-Expires.
    ///
    /// # Errors
    /// It is malformed.
    pub fn session_expires(&self) -> Result<Option<SessionExpires>, HeaderError> {
        let Some(value) = self.value(HeaderId::SessionExpires) else { return Ok(None) };
        SessionExpires::parse(value).map(Some).ok_or(HeaderError::new(HeaderId::SessionExpires, "malformed"))
    }

    /// A header that lists tokens (Allow, Supported, Require, …) has that one, without regard to case.
    #[must_use]
    pub fn has_token(&self, id: HeaderId, token: &str) -> bool {
        self.elements(id).any(|element| element.eq_ignore_ascii_case(token.as_bytes()))
    }

    /// Every readable Reason value.
    pub fn reasons(&self) -> impl Iterator<Item = ReasonValue<'_>> {
        self.elements(HeaderId::Reason).filter_map(ReasonValue::parse)
    }

    /// Content-Type; none where it is absent or malformed.
    #[must_use]
    pub fn content_type(&self) -> Option<MediaType<'_>> {
        MediaType::parse(self.value(HeaderId::ContentType)?)
    }

    fn single(&self, id: HeaderId) -> Result<NameAddr<'_>, HeaderError> {
        NameAddr::parse(self.value(id).ok_or(HeaderError::new(id, "missing"))?, id)
    }

    fn number(&self, id: HeaderId) -> Result<Option<u32>, HeaderError> {
        let Some(value) = self.value(id) else { return Ok(None) };
        let end = value.iter().position(|b| is_space(*b) || *b == b';').unwrap_or(value.len());
        let rest = trim(&value[end..]);
        let sound = rest.is_empty() || matches!(rest[0], b';' | b'(');
        seconds(&value[..end]).filter(|_| sound).map(Some).ok_or(HeaderError::new(id, "no number of 32 bits"))
    }
}
