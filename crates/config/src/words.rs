//! What the texts of some keys must look like, beyond their types. Nothing here knows another key.

/// What `digestalgorithms` may name.
const DIGESTS: [&str; 2] = ["MD5", "SHA-256"];

/// The levels of a log filter.
const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

pub(crate) fn is_digest(text: &str) -> bool {
    DIGESTS.iter().any(|name| name.eq_ignore_ascii_case(text))
}

pub(crate) fn is_database(text: &str) -> bool {
    let text = text.trim();
    let schemes = ["sqlite:", "postgres://", "postgresql://"];
    text.is_empty() || text.eq_ignore_ascii_case("sqlite") || schemes.iter().any(|s| text.starts_with(s))
}

/// Card data leave this machine over TLS only.
pub(crate) fn is_provider(text: &str) -> bool {
    let host = |rest: &str| {
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default().to_owned();
        let plain = !authority.is_empty() && !authority.contains(['@', ' ']) && !rest.contains(['?', '#']);
        plain.then_some(authority)
    };
    if let Some(rest) = text.strip_prefix("https://") {
        return host(rest).is_some();
    }
    let Some(authority) = text.strip_prefix("http://").and_then(host) else { return text.is_empty() };
    let name = authority.rsplit_once(':').filter(|(_, port)| port.bytes().all(|b| b.is_ascii_digit()));
    let name = name.map_or(authority.as_str(), |(name, _)| name);
    matches!(name, "127.0.0.1" | "[::1]" | "localhost")
}

pub(crate) fn is_currency(text: &str) -> bool {
    let text = text.trim();
    text.len() == 3 && text.bytes().all(|letter| letter.is_ascii_alphabetic())
}

/// A word without a target or a span is a level: what is neither would silence the log.
pub(crate) fn is_filter(text: &str) -> bool {
    let mut words = text.split(',').map(str::trim).filter(|word| !word.is_empty());
    words.all(|word| {
        word.contains(['=', '[', ':', '_']) || LEVELS.iter().any(|l| l.eq_ignore_ascii_case(word))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn card_data_leave_this_machine_over_tls_only() {
        for (text, right) in [
            ("", true),
            ("https://api.stripe.com", true),
            ("https://pay.example.com:8443/stripe", true),
            ("http://127.0.0.1:4242", true),
            ("http://[::1]:4242/", true),
            ("http://localhost", true),
            ("http://api.stripe.com", false),
            ("http://127.0.0.1.example.com", false),
            ("http://localhost@example.com", false),
            ("http://127.0.0.1:4242@example.com/", false),
            ("https://", false),
            ("https://user:pw@example.com", false),
            ("https://example.com/?a=b", false),
            ("api.stripe.com", false),
            ("ftp://127.0.0.1", false),
        ] {
            assert_eq!(is_provider(text), right, "{text}");
        }
    }
}
