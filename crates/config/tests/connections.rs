//! How many connections an address may have open.

use strowger_config::{Layers, resolve};

#[test]
fn an_address_that_stands_for_many_has_no_limit_of_its_own() {
    let file = "maxconnections = 100\nmaxconnectionsperip = 7\ntrustediplist = \"192.0.2.1\"\nproxylist = \"192.0.2.2\"";
    let config = resolve(&Layers { file: Some(file), ..Layers::default() }).unwrap().config;
    for (address, most) in [
        ("127.0.0.1", 100),
        ("::1", 100),
        ("::ffff:127.0.0.1", 100),
        ("192.0.2.1", 100),
        ("192.0.2.2", 100),
        ("127.0.0.2", 7),
        ("192.0.2.3", 7),
        ("2001:db8::1", 7),
    ] {
        assert_eq!(config.connections_from(address.parse().unwrap()), most, "{address}");
    }
}
