//! Server-sent events over the router.

use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use futures_util::StreamExt as _;
use http::{StatusCode, header};
use serde_json::Value;
use tower::ServiceExt as _;

use super::{
    super::stream::EventBody,
    house::{House, house, request},
};

/// One stream that a test reads.
struct Stream {
    body: BodyDataStream,
    text: String,
}

/// One event as a client sees it.
#[derive(Debug, PartialEq)]
struct Told {
    id: String,
    kind: String,
    data: Value,
}

impl Stream {
    async fn open(house: &House, path: &str, last: Option<&str>) -> Stream {
        let mut request = request("GET", path, &house.admin, Value::Null);
        if let Some(last) = last {
            request.headers_mut().insert("last-event-id", last.parse().unwrap());
        }
        let response = house.router.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        let kind = response.headers()[header::CONTENT_TYPE].to_str().unwrap();
        assert!(kind.starts_with("text/event-stream"), "{kind}");
        Stream { body: response.into_body().into_data_stream(), text: String::new() }
    }

    /// The next block of lines, without the empty line after it.
    async fn block(&mut self) -> Option<String> {
        loop {
            if let Some(end) = self.text.find("\n\n") {
                let block = self.text[..end].to_owned();
                self.text.drain(..end + 2);
                return Some(block);
            }
            let chunk = self.body.next().await?.unwrap();
            self.text.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }

    /// The id that the stream begins after.
    async fn position(&mut self) -> String {
        let block = self.block().await.unwrap();
        let id = block.lines().find_map(|it| it.strip_prefix("id: "));
        id.expect("a stream begins with its position").to_owned()
    }

    async fn event(&mut self) -> Told {
        let block = self.block().await.expect("the stream goes on");
        let field = |name: &str| {
            let found = block.lines().find_map(|it| it.strip_prefix(name));
            found.unwrap_or_else(|| panic!("no `{name}` in {block}")).to_owned()
        };
        let data = serde_json::from_str(&field("data: ")).unwrap();
        Told { id: field("id: "), kind: field("event: "), data }
    }
}

#[tokio::test]
async fn a_client_that_reconnects_misses_nothing_and_hears_nothing_twice() {
    let mut house = house().await;
    let mut stream = Stream::open(&house, "/api/v1/events", None).await;
    let mut last = stream.position().await;
    let (mut made, mut told) = (Vec::new(), Vec::new());
    for round in 0..4 {
        for _ in 0..3 {
            made.push(house.commit_call(&[]).await);
        }
        // It reads some of it, then the connection is lost, and more happens meanwhile.
        for _ in 0..=round % 3 {
            let event = stream.event().await;
            last.clone_from(&event.id);
            told.push(event);
        }
        drop(stream);
        made.push(house.commit_call(&[]).await);
        stream = Stream::open(&house, "/api/v1/events", Some(&last)).await;
        assert_eq!(stream.position().await, last);
    }
    while told.len() < made.len() {
        told.push(stream.event().await);
    }
    let calls: Vec<&str> = told.iter().map(|it| it.data["call"]["id"].as_str().unwrap()).collect();
    assert_eq!(calls, made);
    assert!(told.is_sorted_by(|a, b| a.id < b.id), "ids rise");
    let first = &told[0];
    assert_eq!((first.kind.as_str(), &first.data["id"]), ("call.ended", &Value::from(&*first.id)));
    let shape: api::EventShape = serde_json::from_value(first.data.clone()).unwrap();
    assert_eq!(serde_json::to_value(shape).unwrap(), first.data);
}

#[tokio::test]
async fn the_end_of_the_hub_ends_its_streams() {
    let mut house = house().await;
    let mut stream = Stream::open(&house, "/api/v1/events?type=call.ended", None).await;
    stream.position().await;
    house.commit_call(&[]).await;
    house.app.live().fan.close();
    stream.event().await;
    assert_eq!(stream.block().await, None);
}

#[tokio::test]
async fn a_quiet_stream_beats_so_that_proxies_keep_it() {
    let house = house().await;
    let (app, actor) = (&house.app, house.app.command_line());
    let following = app::events::follow(app, &actor, api::EventQuery::default(), None).await;
    let body = EventBody::new(following.unwrap(), Duration::from_millis(1));
    let mut stream = Stream { body: Body::new(body).into_data_stream(), text: String::new() };
    stream.position().await;
    assert_eq!(stream.block().await.unwrap(), ":");
    assert_eq!(stream.block().await.unwrap(), ":");
}

#[tokio::test]
async fn a_stream_with_wrong_questions_is_refused_before_it_begins() {
    let house = house().await;
    let reply = house.get("/api/v1/events?type=call.startd").await;
    assert_eq!(reply.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(reply.text.contains("did you mean `call.started`?"), "{}", reply.text);
}
