//! What every kind keeps to, whatever it speaks; a kind's tests run it in one line.

use std::sync::Arc;

use call::{
    Call, CallId, Direction, Event, EventKind, Outcome, Party, State, Subject, Transfer, UnixMs,
};
use serde_json::{Value, json};
use testkit::{FarEnd, Received, Reply};

use crate::{Attempt, Client, Connector, Delivery, Guard, Keep, Kind, SendError};

/// Stands in the settings of every kind under test, and must never be seen.
pub(crate) const HUSH: &str = "whsec_aHVzaGh1c2hodXNoaHVzaGh1c2hodXNo";

/// Runs all of it. `settings` makes settings that send to an address; they hold [`HUSH`] as a
/// secret if the kind has one, and wait one second at most.
pub(crate) async fn check(kind: &Kind, settings: impl Fn(&str) -> Value) {
    described(kind);
    unknown_settings_are_rejected(kind, &settings("http://127.0.0.1:1/"));
    twice_is_the_same(kind, &settings).await;
    each_trouble_has_its_consequence(kind, &settings).await;
    a_huge_answer_is_bounded(kind, &settings).await;
    nothing_listens(kind, &settings).await;
    private_addresses_are_refused(kind, &settings).await;
}

/// A client that may reach the loopback.
pub(crate) fn local_client() -> Client {
    Client::new(Guard::new(&["127.0.0.0/8"]).unwrap())
}

pub(crate) fn open(kind: &Kind, settings: &Value) -> Arc<dyn Connector> {
    (kind.open)(settings, &local_client()).unwrap_or_else(|error| panic!("{error}"))
}

/// A delivery of a call that has ended.
pub(crate) fn delivery() -> Delivery {
    let call = Call {
        id: CallId("01KAHZ8Q5K7T3V2N4M6P8R0S1W".into()),
        pbx: "head-office".into(),
        direction: Direction::Inbound,
        from: Party {
            number: Some("+390612345678".into()),
            raw: Some("0612345678".into()),
            name: Some("Rossi \"Gino\"".into()),
        },
        to: Party::default(),
        state: State::Ended,
        outcome: Some(Outcome::Missed),
        queue: None,
        rang: vec!["201".into(), "202".into()],
        answered_by: None,
        parties: Vec::new(),
        extension: None,
        user: None,
        transfers: Vec::<Transfer>::new(),
        picked_up_from: None,
        forwarded_by: None,
        parked: false,
        started_at: UnixMs(1_795_171_753_420),
        answered_at: None,
        ended_at: Some(UnixMs(1_795_171_759_620)),
        ring_seconds: 6.2,
        talk_seconds: 0.0,
        hold_seconds: 0.0,
        ended_by: None,
        hangup_cause: Some(16),
        dial_request: None,
        recordings: Vec::new(),
        contact: None,
        links: Vec::new(),
        estimated: false,
        merged_into: None,
    };
    Delivery {
        id: "01KAHZ8Q5K7T3V2N4M6P8R0S2D".into(),
        event: Arc::new(Event {
            id: "01KAHZ8Q5K7T3V2N4M6P8R0S1Z".into(),
            kind: EventKind::CallEnded,
            time: UnixMs(1_795_171_759_620),
            organisation: "org".into(),
            sequence: 3,
            subject: Subject::Call(Arc::new(call)),
        }),
        integration: "crm".into(),
        attempt: 1,
        now: UnixMs(1_795_171_833_020),
    }
}

/// Nothing that a person or a log may see of an attempt shows the secret.
pub(crate) fn shows_no_secret(attempt: &Attempt) {
    let said = attempt.outcome.as_ref().err().map(ToString::to_string);
    let text = format!("{attempt:?} {said:?}");
    assert!(!text.contains(HUSH) && !text.contains(&HUSH[6..]), "{text}");
}

fn described(kind: &Kind) {
    let schema = (kind.schema)();
    assert!(schema.get("description").is_some(), "the kind says what it does");
    for (name, field) in schema.get("properties").and_then(Value::as_object).unwrap() {
        assert!(field.get("description").is_some(), "{name} says what it is for");
    }
    assert_eq!(schema.get("additionalProperties"), Some(&json!(false)));
    let headings = ["What works", "Set up", "Settings", "What we write there, and when", "Limits"];
    for heading in headings.iter().chain(&["Tested with", "Sources"]) {
        assert!(kind.page.contains(&format!("\n## {heading}")), "the page has {heading}");
    }
    for name in schema.get("properties").and_then(Value::as_object).unwrap().keys() {
        assert!(kind.page.contains(&format!("`{name}`")), "the page explains {name}");
    }
}

fn unknown_settings_are_rejected(kind: &Kind, settings: &Value) {
    let known = (kind.schema)();
    let known = known.get("properties").and_then(Value::as_object).unwrap();
    for name in known.keys() {
        let mut settings = settings.clone();
        settings[format!("{name}x")] = json!("");
        let error = (kind.open)(&settings, &local_client()).err().unwrap();
        assert_eq!(error.field, format!("{name}x"));
        assert!(error.message.contains(&format!("did you mean `{name}`?")), "{error}");
    }
    assert!((kind.open)(&json!([]), &local_client()).is_err());
}

async fn twice_is_the_same(kind: &Kind, settings: &impl Fn(&str) -> Value) {
    let far_end = FarEnd::start().await;
    let connector = open(kind, &settings(&far_end.url("/hook")));
    let mut delivery = delivery();
    for attempt in 1..=2 {
        delivery.attempt = attempt;
        delivery.now = delivery.now.plus_ms(1000);
        let attempt = connector.send(&delivery, Keep::Failures).await;
        assert_eq!(attempt.outcome, Ok(()));
        assert!(attempt.request.is_none() && attempt.answer.is_none());
        shows_no_secret(&attempt);
    }
    let ids: Vec<Received> = far_end.received();
    let ids: Vec<_> = ids.iter().map(|it| it.header("webhook-id")).collect();
    assert_eq!(ids, [Some(delivery.event.id.as_str()); 2], "the receiver can know the second");
}

async fn each_trouble_has_its_consequence(kind: &Kind, settings: &impl Fn(&str) -> Value) {
    let wait = |seconds: u64| Some(std::time::Duration::from_secs(seconds));
    let with = |status, line: &str| Reply::Whole(status, vec![line.to_owned()], Vec::new());
    type Judge = fn(&SendError) -> bool;
    let table: &[(Reply, Judge, &str)] = &[
        (with(429, "Retry-After: 7"), |it| matches!(it, SendError::Throttled { .. }), "slow down"),
        (with(503, "Retry-After: 7"), |it| matches!(it, SendError::Throttled { .. }), "slow down"),
        (Reply::Status(500), |it| matches!(it, SendError::Unavailable { .. }), "HTTP 500"),
        (Reply::Status(503), |it| matches!(it, SendError::Unavailable { .. }), "HTTP 503"),
        (Reply::Status(401), |it| matches!(it, SendError::Unauthorized { .. }), "credentials"),
        (Reply::Status(404), |it| matches!(it, SendError::Refused { .. }), "HTTP 404"),
        (with(302, "Location: /x"), |it| matches!(it, SendError::Refused { .. }), "redirect"),
        (Reply::Never, |it| matches!(it, SendError::Unavailable { .. }), "no answer within 1 s"),
        (Reply::Close, |it| matches!(it, SendError::Unavailable { .. }), "closed the connection"),
        (
            Reply::Raw(b"220 mail.example ESMTP\r\n\r\n".to_vec()),
            |it| matches!(it, SendError::Unavailable { .. }),
            "is not HTTP",
        ),
        (
            Reply::Raw(b"HTTP/1.1 200 \r\ncontent-le".to_vec()),
            |it| matches!(it, SendError::Unavailable { .. }),
            "closed the connection",
        ),
    ];
    for (reply, judge, words) in table {
        let far_end = FarEnd::with_script([reply.clone()]).await;
        let connector = open(kind, &settings(&far_end.url("/hook")));
        let attempt = connector.send(&delivery(), Keep::Failures).await;
        shows_no_secret(&attempt);
        let error = attempt.outcome.unwrap_err();
        assert!(judge(&error), "{reply:?}: {error:?}");
        let text = error.to_string();
        let host = far_end.address().to_string();
        assert!(text.contains(words) && text.contains(&host), "{reply:?}: {text}");
        if let SendError::Throttled { wait: asked, .. } = error {
            assert_eq!(asked, wait(7));
        }
        let request = attempt.request.expect("what failed is kept");
        assert_eq!(request.url, far_end.url("/hook"));
        assert_eq!(attempt.status.is_some(), attempt.answer.is_some());
        assert_eq!(far_end.received().len(), 1, "{reply:?}: tried once, and no redirect followed");
    }
}

async fn a_huge_answer_is_bounded(kind: &Kind, settings: &impl Fn(&str) -> Value) {
    let huge = Reply::Whole(200, Vec::new(), vec![b'x'; 10 * 1024 * 1024]);
    let far_end = FarEnd::with_script([huge]).await;
    let connector = open(kind, &settings(&far_end.url("/hook")));
    let attempt = connector.send(&delivery(), Keep::Everything).await;
    assert_eq!(attempt.outcome, Ok(()), "it has the event");
    let answer = attempt.answer.unwrap();
    assert!(answer.cut);
    assert_eq!(answer.body.len(), crate::ANSWER_KEPT_BYTES_MAX);
}

async fn nothing_listens(kind: &Kind, settings: &impl Fn(&str) -> Value) {
    let port = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
    let connector = open(kind, &settings(&format!("http://127.0.0.1:{port}/hook")));
    let attempt = connector.send(&delivery(), Keep::Failures).await;
    shows_no_secret(&attempt);
    let text = attempt.outcome.unwrap_err().to_string();
    assert_eq!(
        text,
        format!(
            "127.0.0.1:{port} is not available: nothing listens on port {port} there (connection refused)"
        )
    );
}

async fn private_addresses_are_refused(kind: &Kind, settings: &impl Fn(&str) -> Value) {
    let far_end = FarEnd::start().await;
    let port = far_end.address().port();
    for host in ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0"] {
        let settings = settings(&format!("http://{host}:{port}/hook"));
        let connector = (kind.open)(&settings, &Client::new(Guard::default())).ok().unwrap();
        let attempt = connector.send(&delivery(), Keep::Failures).await;
        let error = attempt.outcome.unwrap_err();
        assert!(matches!(error, SendError::Refused { .. }), "{host}: {error:?}");
        assert!(error.to_string().contains("delivery.allow_networks"), "{host}: {error}");
    }
    assert!(far_end.received().is_empty());
}
