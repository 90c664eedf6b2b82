use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use tokio::{io::AsyncWriteExt, net::TcpListener};

use super::*;

/// A TLS server on the loopback that says `hello`: its port, certificate in PEM, and its pin.
async fn tls_server(name: &str) -> (u16, String, String) {
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new([name.to_owned()]).unwrap().self_signed(&key).unwrap();
    let pin = Sha256::digest(certificate.der()).iter().map(|it| format!("{it:02x}")).collect();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
        )
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            if let Ok(mut stream) = acceptor.accept(stream).await {
                // A client that has seen enough may be gone already.
                let _ = stream.write_all(b"hello").await;
                let _ = stream.shutdown().await;
            }
        }
    });
    (port, certificate.pem(), pin)
}

/// A server that speaks no TLS: it greets as a phone system does.
async fn plain_server() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.write_all(b"Asterisk Call Manager/11.0.0\r\n").await;
        }
    });
    port
}

fn endpoint(port: u16, tls: Option<Tls>) -> Endpoint {
    Endpoint { host: "127.0.0.1".to_owned(), port, tls }
}

async fn error(endpoint: Endpoint) -> String {
    connect(&endpoint).await.err().expect("the connection is refused").to_string()
}

#[tokio::test]
async fn plain_tcp_connects() {
    assert!(connect(&endpoint(plain_server().await, None)).await.is_ok());
}

#[tokio::test]
async fn a_closed_port_says_what_to_check() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let said = error(endpoint(port, None)).await;
    assert!(said.contains("nothing listens there"), "{said}");
}

#[tokio::test]
async fn an_unknown_host_says_so() {
    let endpoint = Endpoint { host: "no-such-host.invalid".to_owned(), port: 5038, tls: None };
    let said = error(endpoint).await;
    assert!(said.contains("no-such-host.invalid:5038"), "{said}");
}

#[tokio::test]
async fn its_own_authority_is_trusted_and_no_other() {
    let (port, pem, _) = tls_server("127.0.0.1").await;
    let own = Tls { ca: Some(pem), ..Tls::default() };
    assert!(connect(&endpoint(port, Some(own))).await.is_ok());
    let said = error(endpoint(port, Some(Tls::default()))).await;
    assert!(said.contains("its certificate is not trusted"), "{said}");
}

#[tokio::test]
async fn a_pin_trusts_one_certificate_whatever_its_name() {
    let (port, _, pin) = tls_server("pbx.example").await;
    let right = Tls { pin: Some(pin.clone()), ..Tls::default() };
    assert!(connect(&endpoint(port, Some(right))).await.is_ok());
    let wrong = Tls { pin: Some("00".repeat(32)), ..Tls::default() };
    let said = error(endpoint(port, Some(wrong))).await;
    assert!(said.contains("not the pinned one") && said.contains(&pin), "{said}");
    let unreadable = Tls { pin: Some("abc".to_owned()), ..Tls::default() };
    let said = error(endpoint(port, Some(unreadable))).await;
    assert!(said.contains("64 hexadecimal digits"), "{said}");
}

#[tokio::test]
async fn a_certificate_for_another_name_is_refused_unless_that_name_is_given() {
    let (port, pem, _) = tls_server("pbx.example").await;
    let by_host = Tls { ca: Some(pem.clone()), ..Tls::default() };
    let said = error(endpoint(port, Some(by_host))).await;
    assert!(said.contains("its certificate is not trusted"), "{said}");
    let by_name = Tls { ca: Some(pem), server_name: Some("pbx.example".into()), ..Tls::default() };
    assert!(connect(&endpoint(port, Some(by_name))).await.is_ok());
}

#[tokio::test]
async fn tls_towards_a_plain_port_says_so() {
    let said = error(endpoint(plain_server().await, Some(Tls::default()))).await;
    assert!(said.contains("does not speak TLS"), "{said}");
}
