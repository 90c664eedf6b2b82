//! How the API behaves: errors, pages, bodies, repetitions, headers.

use axum::body::Body;
use expect_test::{Expect, expect};
use http::{Request, StatusCode, header};
use serde_json::{Value, json};

use super::house::{House, house, integration, lone_house, pbx, request};

#[track_caller]
fn check(body: &Value, expected: Expect) {
    expected.assert_eq(&serde_json::to_string_pretty(body).unwrap());
}

#[tokio::test]
async fn wrong_input_is_a_problem_with_every_field() {
    let house = house().await;
    let mut input = pbx("head-office");
    input["prot"] = json!(5039);
    input["ping_s"] = json!("often");
    let reply = house.post("/api/v1/pbxes", input).await;
    assert_eq!(reply.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(reply.headers[header::CONTENT_TYPE], "application/problem+json");
    check(
        &reply.json(),
        expect![[r#"
            {
              "type": "about:blank",
              "title": "The input is not valid",
              "status": 422,
              "code": "invalid",
              "detail": "prot: unknown field `prot`: did you mean `port`?; ping_s: must be a whole number, not a text",
              "errors": [
                {
                  "field": "prot",
                  "message": "unknown field `prot`: did you mean `port`?"
                },
                {
                  "field": "ping_s",
                  "message": "must be a whole number, not a text"
                }
              ]
            }"#]],
    );
}

#[tokio::test]
async fn bodies_that_are_no_json_are_refused_by_what_they_are() {
    let house = house().await;
    let send = async |kind: &str, body: String| {
        let request = Request::post("/api/v1/users")
            .header(header::AUTHORIZATION, format!("Bearer {}", house.admin))
            .header(header::CONTENT_TYPE, kind)
            .body(Body::from(body))
            .unwrap();
        let reply = house.send(request).await;
        (reply.status.as_u16(), reply.json()["code"].as_str().unwrap_or_default().to_owned())
    };
    let json = "application/json; charset=utf-8";
    let long = format!("{{\"name\": \"{}\"}}", "x".repeat(9 * 1024 * 1024));
    assert_eq!(send("text/plain", "{}".into()).await, (415, "wrong_content_type".into()));
    assert_eq!(send(json, "{\"name\": ".into()).await, (422, "invalid".into()));
    assert_eq!(send(json, "[1]".into()).await, (422, "invalid".into()));
    assert_eq!(send(json, long).await, (413, "body_too_large".into()));
    let fine = send("application/merge-patch+json", "{\"name\": \"a@example.com\"}".into()).await;
    assert_eq!(fine, (201, String::new()));
}

#[tokio::test]
async fn what_is_not_there_is_a_problem_too() {
    let house = house().await;
    for (method, path, status, code) in [
        ("GET", "/api/v1/cals", 404, "not_found"),
        ("GET", "/api/v2/calls", 404, "not_found"),
        ("GET", "/nowhere", 404, "not_found"),
        ("PUT", "/api/v1/calls", 405, "method_not_allowed"),
        ("GET", "/api/v1/calls/no-such-id", 404, "not_found"),
        ("GET", "/api/v1/calls?after=nonsense", 422, "invalid"),
        ("GET", "/api/v1/calls?limit=0", 422, "invalid"),
        ("GET", "/api/v1/pbxes?page=2", 422, "invalid"),
    ] {
        let reply = house.ask(method, path, &house.admin, Value::Null).await;
        let got = (reply.status.as_u16(), reply.json()["code"].as_str().unwrap_or("").to_owned());
        assert_eq!(got, (status, code.to_owned()), "{method} {path}: {}", reply.text);
    }
}

#[tokio::test]
async fn pages_of_a_list_join_without_gap_or_repetition() {
    let house = house().await;
    for number in 0..5 {
        let made = house.post("/api/v1/integrations", integration(&format!("crm {number}"))).await;
        assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
    }
    let (mut names, mut path) = (Vec::new(), "/api/v1/integrations?limit=2".to_owned());
    loop {
        let page = house.get(&path).await.json();
        let items = page["items"].as_array().unwrap();
        assert!(items.len() <= 2);
        names.extend(items.iter().map(|it| it["name"].as_str().unwrap().to_owned()));
        let Some(next) = page["next"].as_str() else { break };
        path = format!("/api/v1/integrations?limit=2&after={next}");
    }
    assert_eq!(names, ["crm 0", "crm 1", "crm 2", "crm 3", "crm 4"]);
}

#[tokio::test]
async fn a_call_is_served_as_the_contract_writes_it() {
    let mut house = house().await;
    let id = house.commit_call(&[]).await;
    let one = house.get(&format!("/api/v1/calls/{id}")).await.json();
    let list = house.get("/api/v1/calls?number=%2B390612345678&outcome=answered&limit=1").await;
    assert_eq!(list.json()["items"][0], one, "{}", list.text);
    let none = house.get("/api/v1/calls?direction=outbound").await.json();
    assert_eq!(none, json!({ "items": [], "next": null }));
    let timeline = house.get(&format!("/api/v1/calls/{id}/timeline")).await.json();
    assert_eq!(timeline["items"][0]["kind"], "event");
    assert_eq!(timeline["items"][0]["event"]["call"], one);
    assert_eq!(timeline["items"][0]["event"]["sequence"], 1);
    let shape: api::CallShape = serde_json::from_value(one.clone()).unwrap();
    assert_eq!(serde_json::to_value(shape).unwrap(), one, "the document describes what is served");
    let shape: api::TimelineShape = serde_json::from_value(timeline.clone()).unwrap();
    assert_eq!(serde_json::to_value(shape).unwrap(), timeline);
}

async fn post_keyed(house: &House, path: &str, key: &str, body: Value) -> (u16, Value, bool) {
    let mut request = request("POST", path, &house.admin, body);
    request.headers_mut().insert("idempotency-key", key.parse().unwrap());
    let reply = house.send(request).await;
    let replayed = reply.headers.contains_key("idempotent-replayed");
    (reply.status.as_u16(), reply.json(), replayed)
}

#[tokio::test]
async fn a_repeated_request_is_carried_out_once_and_answered_twice() {
    let house = house().await;
    let body = json!({ "name": "ci", "scopes": ["calls:read"] });
    let first = post_keyed(&house, "/api/v1/api-keys", "one", body.clone()).await;
    let second = post_keyed(&house, "/api/v1/api-keys", "one", body.clone()).await;
    assert_eq!((first.0, first.2), (201, false));
    assert_eq!((second.0, second.2), (201, true));
    assert_eq!(first.1, second.1, "the very same key, though it is stored only as a hash");
    let other = json!({ "name": "ci 2", "scopes": ["calls:read"] });
    let different = post_keyed(&house, "/api/v1/api-keys", "one", other).await;
    assert_eq!(different.0, 422, "{}", different.1);
    let without = post_keyed(&house, "/api/v1/api-keys", "two", body).await;
    assert_eq!(without.0, 409, "the name is taken: it was really made once");
}

#[tokio::test]
async fn a_request_that_failed_may_be_repeated_with_its_key() {
    let house = house().await;
    let group = json!({ "name": "Sales", "pbx": "head-office", "members": [] });
    let failed = post_keyed(&house, "/api/v1/groups", "one", group.clone()).await;
    assert_eq!(failed.0, 422, "there is no phone system yet: {}", failed.1);
    house.post("/api/v1/pbxes", pbx("head-office")).await;
    let made = post_keyed(&house, "/api/v1/groups", "one", group).await;
    assert_eq!((made.0, made.2), (201, false), "{}", made.1);
}

#[tokio::test]
async fn every_answer_keeps_the_browser_in_bounds() {
    let house = house().await;
    for (path, key) in
        [("/healthz", ""), ("/api/v1/me", ""), ("/api/v1/me", "admin"), ("/api/docs", "admin")]
    {
        let key = if key.is_empty() { "" } else { house.admin.as_str() };
        let headers = house.ask("GET", path, key, Value::Null).await.headers;
        assert_eq!(headers["x-content-type-options"], "nosniff", "{path}");
        assert_eq!(headers["x-frame-options"], "DENY", "{path}");
        let policy = headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(policy.contains("frame-ancestors 'none'"), "{path}: {policy}");
        assert!(!policy.contains("unsafe"), "{path}: {policy}");
        assert_eq!(headers[header::CACHE_CONTROL], "no-store", "{path}");
    }
}

#[tokio::test]
async fn health_metrics_and_documents_are_served() {
    let house = house().await;
    assert_eq!(house.ask("GET", "/readyz", "", Value::Null).await.json()["status"], "ok");
    let metrics = house.get("/metrics").await;
    assert!(metrics.text.contains("hookswitch_api_requests_total{status=\"2xx\"}"));
    let document = house.get("/openapi.json").await.json();
    assert_eq!(document["openapi"], "3.1.0");
    let page = house.get("/api/docs").await.text;
    for operation in api::OPERATIONS {
        assert!(page.contains(operation.path), "{}", operation.path);
    }
    assert!(!page.contains("<script"), "no script");
}

#[tokio::test]
async fn a_running_hub_is_configured_and_backed_up_over_the_api() {
    let mut house = house().await;
    house.furnish().await;
    let exported = house.get("/api/v1/configuration").await.json()["toml"].clone();
    let again = house.post("/api/v1/configuration/apply", json!({ "toml": exported })).await;
    assert_eq!(again.json()["changes"], json!([]), "{}", again.text);
    let doctor = house.get("/api/v1/doctor").await.json();
    assert_eq!(doctor["findings"][0]["subject"], "storage");
    // There are two organisations here, and a copy would hold both.
    assert_eq!(house.get("/api/v1/backup").await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_backup_is_the_database_and_leaves_nothing_behind() {
    let house = lone_house().await;
    let request = request("GET", "/api/v1/backup", &house.admin, Value::Null);
    let response = tower::ServiceExt::oneshot(house.router.clone(), request).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let bytes = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
    assert!(bytes.starts_with(b"SQLite format 3\0"));
    let left: Vec<String> = std::fs::read_dir(house.directory.path())
        .unwrap()
        .map(|it| it.unwrap().file_name().into_string().unwrap())
        .filter(|it| it.contains("backup"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}
