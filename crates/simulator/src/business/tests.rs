//! The business system seen by a client on a real socket.

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use super::*;

async fn start() -> Business {
    let settings = Settings {
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        secret: Some("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned()),
        keep: 2,
        clock: Clock::starting_at(1_614_265_330_000_000),
    };
    Business::start(settings).await.unwrap()
}

/// Sends one request and gives the whole answer.
async fn ask(business: &Business, head: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(business.address()).await.unwrap();
    let length = body.len();
    let request =
        format!("{head}\r\nHost: x\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

const SIGNED: &str = "POST /calls HTTP/1.1\r\nwebhook-id: msg_p5jXN8AQM9LWM0D4loKWxJek\r\n\
                      webhook-timestamp: 1614265330\r\n\
                      webhook-signature: v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

#[tokio::test]
async fn deliveries_are_checked_kept_and_listed() {
    let business = start().await;
    let answer = ask(&business, SIGNED, r#"{"test": 2432232314}"#).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    ask(&business, SIGNED, "{}").await;
    ask(&business, "PUT /other?a=b HTTP/1.1", "").await;
    let received = business.received();
    assert_eq!(business.count(), 3);
    assert_eq!(received.len(), 2, "only the last ones are kept");
    assert_eq!(received[0].signature, Signature::Wrong);
    assert_eq!(received[1].signature, Signature::Missing);
    assert_eq!(received[1].path, "/other?a=b");
    let list = ask(&business, "GET /received HTTP/1.1", "").await;
    assert!(list.contains(r#""count":3"#) && list.contains(r#""signature":"missing""#), "{list}");
}

#[tokio::test]
async fn it_misbehaves_as_it_is_told() {
    let business = start().await;
    business.behave(Behaviour { status: 503, delay_ms: 0 });
    assert!(ask(&business, "POST / HTTP/1.1", "{}").await.starts_with("HTTP/1.1 503"));
    let form = "POST /behaviour HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded";
    let answer = ask(&business, form, "status=201&delay_ms=1").await;
    assert!(answer.starts_with("HTTP/1.1 303"), "{answer}");
    assert!(ask(&business, "POST / HTTP/1.1", "{}").await.starts_with("HTTP/1.1 201"));
    assert!(ask(&business, form, "status=99").await.starts_with("HTTP/1.1 422"));
    let elsewhere = format!("{form}\r\nSec-Fetch-Site: cross-site");
    assert!(ask(&business, &elsewhere, "status=500").await.starts_with("HTTP/1.1 403"));
    assert!(ask(&business, "POST / HTTP/1.1", "{}").await.starts_with("HTTP/1.1 201"));
}

#[tokio::test]
async fn the_page_shows_what_came_and_escapes_it() {
    let business = start().await;
    let body = r#"{"type":"call.ended","call":{"from":{"number":"+390612341596",
        "name":"<script>x</script>"},"outcome":"answered"}}"#;
    ask(&business, "POST /calls HTTP/1.1", body).await;
    let frame = ask(&business, "GET / HTTP/1.1", "").await;
    assert!(frame.contains("src=\"/list\"") && frame.contains("action=\"/behaviour\""), "{frame}");
    let page = ask(&business, "GET /list HTTP/1.1", "").await;
    assert!(page.contains("call.ended") && page.contains("+390612341596"), "{page}");
    assert!(page.contains("&lt;script&gt;") && !page.contains("<script>"), "{page}");
}
