//! Descriptions of the API for machines, made from the declarations: OpenAPI 3.1 and WSDL 1.1. They say what
//! there is and hold no data, so they are served without credentials.

mod document;
mod probe;
mod samples;
mod wsdl;

use std::sync::OnceLock;

pub(crate) use probe::{Probed, probe};
pub use samples::{Sample, Shape, samples};

/// A description that is served beside the commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Document {
    /// `/mvapireq/openapi.json`
    OpenApi,
    /// `/mvapireq?wsdl`
    Wsdl,
}

impl Document {
    /// The HTTP Content-Type.
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::OpenApi => "application/json",
            Self::Wsdl => "text/xml; charset=utf-8",
        }
    }
}

/// A word of letters, digits and underscores, as programs and XML name things.
fn is_name(name: &str) -> bool {
    name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        && !name.starts_with(|c: char| c.is_ascii_digit())
}

/// The OpenAPI document. Its server is the one that it was fetched from.
#[must_use]
pub fn openapi(version: &str) -> &'static str {
    static MADE: OnceLock<String> = OnceLock::new();
    MADE.get_or_init(|| document::make(version).to_string())
}

/// The WSDL of a server; `base` is its scheme and authority, such as `http://127.0.0.1:8080`.
#[must_use]
pub fn wsdl(base: &str) -> String {
    static MADE: OnceLock<String> = OnceLock::new();
    MADE.get_or_init(wsdl::make).replace(wsdl::BASE, base)
}
