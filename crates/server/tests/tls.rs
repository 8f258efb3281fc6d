//! TLS with a certificate from files: HTTP, lines and SIP behind it.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

mod common;

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use common::{PATIENCE, Server, run, stderr};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tls").join(name)
}

/// Sends a text over TLS and reads until `until` has come.
fn converse(port: u16, sent: &str, until: &str) -> String {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(file("cert.pem")).unwrap()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let stream = tokio::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.unwrap();
        let name = ServerName::try_from("127.0.0.1").unwrap();
        let mut stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap();
        stream.write_all(sent.as_bytes()).await.unwrap();
        let mut text = String::new();
        while !text.contains(until) {
            let mut buffer = [0; 4096];
            let count = tokio::time::timeout(PATIENCE, stream.read(&mut buffer)).await.unwrap().unwrap();
            assert!(count > 0, "closed after: {text}");
            text += &String::from_utf8_lossy(&buffer[..count]);
        }
        text
    })
}

#[test]
fn every_service_is_behind_tls_too() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("strowger.toml");
    let text = format!(
        "tlscert = \"{}\"\ntlskey = \"{}\"\nsslportmain = 0\nlocaltlsport = 0\n",
        file("cert.pem").display(),
        file("key.pem").display()
    );
    std::fs::write(&config, text).unwrap();
    let server = Server::start(&folder.path().join("data"), &[], &["--config", config.to_str().unwrap()]);
    let http = "GET /mvapireq/?apientry=apitest1 HTTP/1.1\r\nHost: x\r\n\r\n";
    assert!(converse(server.port("tls"), http, "OK").starts_with("HTTP/1.1 200"));
    assert!(converse(server.port("tls"), "?apientry=apitest1\r\n", "\r\n").starts_with("OK"));
    let options = "OPTIONS sip:127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/TLS 127.0.0.1:9;branch=z9hG4bKt1\r\nMax-Forwards: 70\r\n\
                   From: <sip:a@127.0.0.1>;tag=1\r\nTo: <sip:127.0.0.1>\r\nCall-ID: tls\r\nCSeq: 1 OPTIONS\r\n\
                   Content-Length: 0\r\n\r\n";
    assert!(converse(server.port("sips"), options, "\r\n\r\n").starts_with("SIP/2.0 200"));
}

#[test]
fn a_certificate_that_cannot_be_used_is_a_mistake() {
    let folder = tempfile::tempdir().unwrap();
    let (config, empty) = (folder.path().join("strowger.toml"), folder.path().join("empty.pem"));
    std::fs::write(&empty, "").unwrap();
    for (certificate, key) in
        [(&empty, &file("key.pem")), (&file("cert.pem"), &empty), (&folder.path().into(), &empty)]
    {
        let text = format!("tlscert = \"{}\"\ntlskey = \"{}\"\n", certificate.display(), key.display());
        std::fs::write(&config, text).unwrap();
        let checked = run(&["check", "--config", config.to_str().unwrap()]);
        assert_eq!(checked.status.code(), Some(2), "{}", stderr(&checked));
    }
}
