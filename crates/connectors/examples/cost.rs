//! What a signed delivery by a template costs: processor time of this process for each, to be
//! compared with `post` of `benches/reference` against the same `sink`.
//!
//! `cargo run --release -p connectors --example cost -- PORT [SECONDS]`

use std::{
    fs,
    hint::black_box,
    sync::Arc,
    time::{Duration, Instant},
};

use call::{Call, CallId, Direction, Event, EventKind, Outcome, Party, State, Subject, UnixMs};
use connectors::{Client, Connector, Delivery, Guard, Keep};
use rules::template::{Facts, Place, Template};
use serde_json::json;

/// About 400 bytes with eight values, each escaped for its place.
const BODY: &str = r#"{"source":"pbx","schema":"call.v1","message_id":"{{ event.id }}","event":"{{ event.type }}","contact":{"phone":"{{ call.from.number }}","display_name":"{{ call.from.name }}"},"assignment":{"extension":"{{ call.extension }}","queue":"{{ call.queue }}","channel":"voice","priority":"normal"},"timing":{"started_at":"{{ call.started_at }}","duration_seconds":{{ call.talk_seconds }}},"meta":{"integration":"crm-demo","version":3,"tags":["telephony","inbound"]}}"#;
const IN_FLIGHT: usize = 64;

#[expect(clippy::print_stdout, reason = "a program for people to run")]
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let port: u16 = arguments.next().ok_or("PORT is missing")?.parse()?;
    let time = Duration::from_secs_f64(arguments.next().map_or(Ok(4.0), |it| it.parse())?);
    let delivery = delivery();

    let template = Template::compile(Place::Json, BODY)?;
    let mut body = Vec::new();
    let (count, cpu_began) = (200_000u32, cpu()?);
    for _ in 0..count {
        let event = Arc::clone(&delivery.event);
        let facts = Facts::new(event, Arc::clone(&delivery.integration), &delivery.id, 1);
        body.clear();
        template.render(&facts, black_box(&mut body))?;
    }
    let each = (cpu()?.saturating_sub(cpu_began) / count).as_nanos();
    println!("render: {each} ns of processor time for {} bytes", body.len());

    let connector = connector(port)?;
    let (end, began, cpu_began) = (Instant::now() + time, Instant::now(), cpu()?);
    let tasks: Vec<_> = (0..IN_FLIGHT)
        .map(|_| {
            let (connector, delivery) = (Arc::clone(&connector), delivery.clone());
            tokio::spawn(async move {
                let mut count = 0u32;
                while Instant::now() < end {
                    let attempt = connector.send(&delivery, Keep::Failures).await;
                    attempt.outcome.map_err(|it| it.to_string())?;
                    count += 1;
                }
                Ok::<_, String>(count)
            })
        })
        .collect();
    let mut sent = 0;
    for task in tasks {
        sent += task.await??;
    }
    let (elapsed, used) = (began.elapsed(), cpu()?.saturating_sub(cpu_began));
    println!(
        "send: {sent} deliveries, {:.0}/s, {:.2} us of processor time each",
        f64::from(sent) / elapsed.as_secs_f64(),
        used.as_secs_f64() * 1e6 / f64::from(sent)
    );
    Ok(())
}

fn connector(port: u16) -> Result<Arc<dyn Connector>, Box<dyn std::error::Error>> {
    let kind = connectors::find("http").ok_or("there is a kind `http`")?;
    let settings = json!({
        "url": format!("http://127.0.0.1:{port}/hook"),
        "headers": "Content-Type: application/json",
        "body": BODY,
        "secret": "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX",
        "in_flight_max": IN_FLIGHT,
    });
    Ok((kind.open)(&settings, &Client::new(Guard::new(&["127.0.0.0/8"])?))?)
}

/// Processor time of this process, which is its only thread.
fn cpu() -> Result<Duration, Box<dyn std::error::Error>> {
    let text = fs::read_to_string("/proc/self/schedstat")?;
    let spent = text.split(' ').next().ok_or("schedstat is empty")?;
    Ok(Duration::from_nanos(spent.parse()?))
}

fn delivery() -> Delivery {
    let party = |number: &str, name: &str| Party {
        number: Some(number.into()),
        raw: Some(number.into()),
        name: Some(name.into()),
    };
    let call = Call {
        id: CallId("01J9Z8Q5K7T3V2N4M6P8R0S1W3".into()),
        pbx: "head-office".into(),
        direction: Direction::Inbound,
        from: party("+4915112345678", "Erika \"Eri\" Mustermann"),
        to: party("+49301234567", "Front Desk"),
        state: State::Ended,
        outcome: Some(Outcome::Answered),
        queue: Some("support".into()),
        rang: vec!["2001".into()],
        answered_by: Some("2001".into()),
        parties: vec!["2001".into()],
        extension: Some("2001".into()),
        user: None,
        transfers: Vec::new(),
        picked_up_from: None,
        forwarded_by: None,
        parked: false,
        started_at: UnixMs(1_767_323_045_678),
        answered_at: Some(UnixMs(1_767_323_049_000)),
        ended_at: Some(UnixMs(1_767_323_091_000)),
        ring_seconds: 3.3,
        talk_seconds: 42.0,
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
        id: "01J9Z8Q5K7T3V2N4M6P8R0S1W5".into(),
        event: Arc::new(Event {
            id: "01J9Z8Q5K7T3V2N4M6P8R0S1W4".into(),
            kind: EventKind::CallEnded,
            time: UnixMs(1_767_323_091_000),
            organisation: "acme".into(),
            sequence: 4,
            subject: Subject::Call(Arc::new(call)),
        }),
        integration: "crm".into(),
        attempt: 1,
        now: UnixMs(1_767_323_091_100),
    }
}
