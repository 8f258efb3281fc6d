//! The certificate that the configuration names.

use std::path::Path;

use strowger_config::Config;
use strowger_gate::Tls;

use crate::failure::Failure;

/// Loads `tlscert` and `tlskey`; none where they are not set.
pub(crate) fn load(config: &Config) -> Result<Option<Tls>, Failure> {
    if config.tlscert.is_empty() {
        return Ok(None);
    }
    let loaded = Tls::load(Path::new(&config.tlscert), Path::new(&config.tlskey));
    loaded.map(Some).map_err(|error| Failure::Usage(format!("tlscert: {error}")))
}
