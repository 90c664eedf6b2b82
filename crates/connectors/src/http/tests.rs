use std::time::Duration;

use expect_test::{Expect, expect};
use rules::signature::SigningKey;
use serde_json::{Value, json};
use testkit::{FarEnd, Reply};
use tokio::io::AsyncWriteExt;

use super::*;
use crate::contract::{self, HUSH, delivery, local_client, open};

#[tokio::test]
async fn the_kind_keeps_the_contract() {
    contract::check(&KIND, |url| json!({ "url": url, "secret": HUSH, "timeout_s": 1 })).await;
}

/// Sends one delivery; gives what the far end received.
async fn sent(settings: Value) -> testkit::Received {
    let far_end = FarEnd::start().await;
    let mut settings = settings;
    let path = settings["url"].as_str().unwrap().to_owned();
    settings["url"] = json!(far_end.url(&path));
    let attempt = open(&KIND, &settings).send(&delivery(), Keep::Failures).await;
    assert_eq!(attempt.outcome, Ok(()));
    far_end.received().remove(0)
}

#[tokio::test]
async fn without_a_body_the_event_goes_out_as_standard_webhook() {
    let received = sent(json!({ "url": "/hook", "secret": HUSH })).await;
    assert_eq!((received.method.as_str(), received.target.as_str()), ("POST", "/hook"));
    let event = delivery().event;
    let expected = serde_json::to_value(&*event).unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&received.body).unwrap(), expected);
    assert_eq!(expected["call"]["from"]["number"], "+390612345678");
    assert_eq!(received.header("content-type"), Some("application/json"));
    assert_eq!(received.header("webhook-id"), Some(event.id.as_str()));
    assert_eq!(received.header("webhook-timestamp"), Some("1795171833"));
    let signature = SigningKey::read(HUSH).unwrap().sign(&event.id, "1795171833", &received.body);
    assert_eq!(received.header("webhook-signature"), Some(signature.as_str()));
}

#[tokio::test]
async fn the_example_of_the_contract_arrives_as_written() {
    let received = sent(json!({
        "method": "POST",
        "url": "/calls/{{ call.id }}",
        "headers": "Content-Type: application/json",
        "body": r#"{"id": {{ call.id | json }}, "from": {{ call.from.number | json }}, "outcome": {{ call.outcome | json }}}"#,
    }))
    .await;
    assert_eq!(received.target, "/calls/01KAHZ8Q5K7T3V2N4M6P8R0S1W");
    assert_eq!(
        received.text(),
        r#"{"id": "01KAHZ8Q5K7T3V2N4M6P8R0S1W", "from": "+390612345678", "outcome": "missed"}"#
    );
    assert_eq!(received.header("webhook-signature"), None, "no secret, no signature");
}

#[tokio::test]
async fn all_parts_are_templates() {
    let received = sent(json!({
        "method": "{{ 'put' if call.outcome == 'missed' else 'post' }}",
        "url": "/search?q={{ call.from.name }}&n={{ call.from.number }}",
        "headers": "X-Outcome: {{ call.outcome }}\nX-Try: {{ delivery.attempt }}\n\nX-Who: {{ integration.name }}",
        "body": "{% for it in call.rang %}{{ it }};{% endfor %}",
    }))
    .await;
    assert_eq!(received.method, "PUT");
    assert_eq!(received.target, "/search?q=Rossi%20%22Gino%22&n=%2B390612345678");
    assert_eq!(received.header("x-outcome"), Some("missed"));
    assert_eq!(received.header("x-try"), Some("1"));
    assert_eq!(received.header("x-who"), Some("crm"));
    assert_eq!(received.header("content-type"), Some("text/plain; charset=utf-8"));
    assert_eq!(received.text(), "201;202;");
}

#[tokio::test]
async fn get_sends_no_body_unless_there_is_one() {
    let received = sent(json!({ "method": "get", "url": "/ping?id={{ event.id }}" })).await;
    assert_eq!(received.method, "GET");
    assert!(received.body.is_empty());
    assert_eq!(received.header("content-type"), None);
}

#[tokio::test]
async fn a_preview_is_what_then_goes_out() {
    let far_end = FarEnd::start().await;
    let connector = open(
        &KIND,
        &json!({
            "url": far_end.url("/calls/{{ call.id }}"),
            "headers": "Content-Type: application/json",
            "body": r#"{"n": "{{ call.from.name }}"}"#,
            "secret": HUSH,
        }),
    );
    let preview = connector.preview(&delivery()).unwrap();
    let fired = connector.send(&delivery(), Keep::Everything).await;
    assert_eq!(fired.request.as_ref(), Some(&preview));
    let received = far_end.received().remove(0);
    assert_eq!(received.body, preview.body);
    assert_eq!(far_end.url(&received.target), preview.url);
    let mut sent = received.headers.clone();
    let mut shown = preview.headers.clone();
    sent.sort();
    shown.sort();
    assert_eq!(sent, shown);
    let answer = fired.answer.unwrap();
    assert_eq!((answer.status, answer.cut, fired.status), (200, false, Some(200)));
}

#[tokio::test]
async fn credentials_in_headers_are_not_shown() {
    let far_end = FarEnd::with_script([Reply::Status(500)]).await;
    let headers = "Authorization: Bearer hush1\nX-Api-Key: hush2\nCookie: a=hush3\nX-Plain: shown";
    let connector =
        open(&KIND, &json!({ "url": far_end.url("/"), "headers": headers, "secret": HUSH }));
    let attempt = connector.send(&delivery(), Keep::Failures).await;
    contract::shows_no_secret(&attempt);
    let text = format!("{attempt:?} {:?}", connector.preview(&delivery()));
    assert!(!text.contains("hush") && text.contains("shown"), "{text}");
    assert_eq!(far_end.received()[0].header("authorization"), Some("Bearer hush1"));
}

#[tokio::test]
async fn a_late_answer_within_the_time_is_fine_and_beyond_it_is_said_so() {
    let late = |ms| Reply::After(Duration::from_millis(ms), Box::new(Reply::Status(200)));
    let far_end = FarEnd::with_script([late(200), late(5_000)]).await;
    let connector = open(&KIND, &json!({ "url": far_end.url("/"), "timeout_s": 1 }));
    assert_eq!(connector.send(&delivery(), Keep::Failures).await.outcome, Ok(()));
    let attempt = connector.send(&delivery(), Keep::Failures).await;
    let host = far_end.address();
    assert_eq!(
        attempt.outcome.unwrap_err().to_string(),
        format!(
            "{host} is not available: no answer within 1 s; if it needs longer, raise `timeout_s` (up to 60)"
        )
    );
    assert!(attempt.duration < Duration::from_secs(4));
}

#[tokio::test]
async fn a_yes_counts_even_if_the_rest_of_the_answer_never_comes() {
    let far_end = FarEnd::with_script([Reply::Raw(
        b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf".to_vec(),
    )])
    .await;
    let connector = open(&KIND, &json!({ "url": far_end.url("/") }));
    let attempt = connector.send(&delivery(), Keep::Everything).await;
    assert_eq!(attempt.outcome, Ok(()));
    let answer = attempt.answer.unwrap();
    assert!(answer.cut && &answer.body[..] == b"half");
}

#[tokio::test]
async fn tls_towards_a_port_without_it_is_told() {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("https://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        socket.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
        std::future::pending::<()>().await;
    });
    let attempt = open(&KIND, &json!({ "url": url })).send(&delivery(), Keep::Failures).await;
    let text = attempt.outcome.unwrap_err().to_string();
    assert!(text.contains("does not speak TLS on this port"), "{text}");
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_is_told() {
    let key = rcgen::KeyPair::generate().unwrap();
    let names = ["127.0.0.1".to_owned()];
    let certificate = rcgen::CertificateParams::new(names).unwrap().self_signed(&key).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            rustls::pki_types::PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
        )
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("https://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (socket, _) = listener.accept().await.unwrap();
        // The client hangs up in the middle, which is what is tested.
        let _ = acceptor.accept(socket).await;
    });
    let attempt = open(&KIND, &json!({ "url": url })).send(&delivery(), Keep::Failures).await;
    let error = attempt.outcome.unwrap_err();
    assert!(matches!(error, SendError::Unavailable { .. }), "{error:?}");
    let text = error.to_string();
    assert!(text.contains("its TLS certificate is not signed by a public authority"), "{text}");
}

#[tokio::test]
async fn a_host_that_does_not_exist_is_told() {
    let settings = json!({ "url": "https://no-such-host.invalid/hook" });
    let attempt = open(&KIND, &settings).send(&delivery(), Keep::Failures).await;
    let text = attempt.outcome.unwrap_err().to_string();
    assert!(text.starts_with("no-such-host.invalid is not available: its name cannot"), "{text}");
}

#[tokio::test]
async fn a_body_that_is_not_the_json_it_claims_to_be_is_not_sent() {
    let far_end = FarEnd::start().await;
    let connector = open(
        &KIND,
        &json!({
            "url": far_end.url("/"),
            "headers": "Content-Type: application/vnd.crm+json; charset=utf-8",
            "body": "{\n\"number\": {{ call.from.number | json }}1}",
        }),
    );
    let attempt = connector.send(&delivery(), Keep::Failures).await;
    let expected = "body: line 2, column 26: the rendered body is not JSON: expected `,` or `}`, near `r\": \"+390612345678\"1}`";
    assert_eq!(attempt.outcome.unwrap_err().to_string(), expected);
    assert_eq!(connector.preview(&delivery()).unwrap_err().to_string(), expected);
    assert!(far_end.received().is_empty());
}

#[test]
fn a_line_break_in_a_value_does_not_make_a_header() {
    let connector =
        open(&KIND, &json!({ "url": "http://h/", "headers": "X-Name: {{ call.from.name }}" }));
    let mut delivery = delivery();
    let mut event = (*delivery.event).clone();
    let call::Subject::Call(call) = &mut event.subject else { panic!() };
    Arc::make_mut(call).from.name = Some("a\r\nX-Evil: yes".into());
    delivery.event = Arc::new(event);
    let error = connector.preview(&delivery).unwrap_err();
    assert!(
        matches!(&error, SendError::Invalid(it) if it.starts_with("headers: line 1")),
        "{error}"
    );
}

fn rejected(settings: Value, expected: &Expect) {
    let error = (KIND.open)(&settings, &local_client()).err().unwrap();
    expected.assert_eq(&error.to_string());
}

#[test]
fn settings_that_cannot_work_are_told_by_field() {
    let url = "http://crm.example/";
    rejected(json!({}), &expect!["url: is missing"]);
    rejected(json!({ "url": 5 }), &expect!["url: invalid type: integer `5`, expected a string"]);
    rejected(json!({ "url": "crm.example" }), &expect!["url: must begin with http:// or https://"]);
    rejected(
        json!({ "url": "htp://{{ call.id }}" }),
        &expect!["url: must begin with http:// or https://"],
    );
    rejected(json!({ "url": "http:///x" }), &expect!["url: is no address: invalid format"]);
    rejected(
        json!({ "url": "http://a:b@h/" }),
        &expect![
            "url: has a user name before the host; send it as a header, `Authorization: Basic …`"
        ],
    );
    rejected(
        json!({ "url": url, "timeout_s": 90 }),
        &expect!["timeout_s: is 90, and must be from 1 to 60"],
    );
    rejected(
        json!({ "url": url, "method": "PO ST" }),
        &expect!["method: `PO ST` is no method; there are GET, POST, PUT, PATCH and DELETE"],
    );
    rejected(
        json!({ "url": url, "headers": "Accept: */*\nX" }),
        &expect!["headers: line 2: `Name: value` is expected"],
    );
    rejected(
        json!({ "url": url, "headers": "Content-Length: 5" }),
        &expect!["headers: line 1: `Content-Length` is set by the hub; leave it out"],
    );
    rejected(
        json!({ "url": url, "secret": "hunter2" }),
        &expect![
            "secret: a signing secret begins with `whsec_` and goes on in Base64; `echo whsec_$(openssl rand -base64 32)` makes one"
        ],
    );
    rejected(
        json!({ "url": url, "body": "{\"n\": {{ call.form.number }}}" }),
        &expect![
            "body: line 1, column 10: `call.form.number` is unknown; did you mean `call.from.number`?"
        ],
    );
    rejected(
        json!({ "url": url, "urll": "" }),
        &expect!["urll: is no setting of this kind; did you mean `url`?"],
    );
}
