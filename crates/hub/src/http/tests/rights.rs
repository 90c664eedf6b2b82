//! Every operation × nobody, the wrong scope, another organisation.

use std::collections::BTreeSet;

use api::{Access, OPERATIONS, Operation, Scope};
use http::{Request, StatusCode, header};
use serde_json::{Value, json};

use super::{
    super::HANDLERS,
    house::{House, house, request},
};

/// The path of an operation with something put in for its parameters.
fn path(operation: &Operation, id: &str) -> String {
    operation.path.replace("{id}", id)
}

/// A body that passes the first check, so that what is tested is who asks.
fn body(operation: &Operation) -> Value {
    if operation.body.is_some() { json!({}) } else { Value::Null }
}

async fn status(house: &House, operation: &Operation, id: &str, key: &str) -> StatusCode {
    let path = path(operation, id);
    let request = request(operation.method.name(), &path, key, body(operation));
    // Only the head: a stream has no end.
    let response = tower::ServiceExt::oneshot(house.router.clone(), request).await.unwrap();
    response.status()
}

#[test]
fn the_table_and_the_handlers_are_the_same() {
    let table: BTreeSet<&str> = OPERATIONS.iter().map(|it| it.id).collect();
    let handlers: BTreeSet<&str> = HANDLERS.iter().map(|it| it.0).collect();
    assert_eq!(table, handlers);
    assert_eq!(table.len(), OPERATIONS.len(), "an id occurs twice");
    assert_eq!(handlers.len(), HANDLERS.len(), "a handler occurs twice");
}

#[tokio::test]
async fn nothing_but_health_is_open() {
    let house = house().await;
    let unknown = format!("hsk_{}", "0".repeat(43));
    for operation in OPERATIONS {
        let open = matches!(operation.id, "healthz" | "readyz");
        assert_eq!(operation.access == Access::Open, open, "{}", operation.id);
        for key in ["", "nonsense", unknown.as_str()] {
            let got = status(&house, operation, "X", key).await;
            let expected = if open { StatusCode::OK } else { StatusCode::UNAUTHORIZED };
            assert_eq!(got, expected, "{} with `{key}`", operation.id);
        }
    }
}

#[tokio::test]
async fn every_operation_needs_its_scope_and_no_other() {
    let house = house().await;
    for operation in OPERATIONS {
        let Access::Scope(needed) = operation.access else { continue };
        let others = Scope::ALL.iter().copied().filter(|it| ![needed, Scope::Admin].contains(it));
        let wrong = house.key(&others.collect::<Vec<_>>()).await;
        let got = status(&house, operation, "X", &wrong).await;
        assert_eq!(got, StatusCode::FORBIDDEN, "{} without {needed}", operation.id);
        if operation.id == "backup" {
            continue; // Refused here for another reason, see below.
        }
        let right = house.key(&[needed]).await;
        let got = status(&house, operation, "X", &right).await;
        let refused = [StatusCode::FORBIDDEN, StatusCode::UNAUTHORIZED];
        assert!(!refused.contains(&got), "{} with {needed}: {got}", operation.id);
    }
}

#[tokio::test]
async fn another_organisation_finds_nothing_by_id() {
    let mut house = house().await;
    let ids = house.furnish().await;
    let mut asked = 0;
    for operation in OPERATIONS.iter().filter(|it| it.path.contains("{id}")) {
        let place = operation.path.trim_start_matches("/api/v1/").split('/').next().unwrap();
        let (_, id) = ids.iter().find(|it| it.0 == place).expect("one of everything");
        let got = status(&house, operation, id, &house.stranger).await;
        assert_eq!(got, StatusCode::NOT_FOUND, "{}", operation.id);
        asked += 1;
    }
    assert!(asked > 15, "{asked}");
    // And all of it is still there for whom it belongs to.
    for (place, id) in ids.iter().filter(|it| it.0 != "api-keys") {
        let found = house.get(&format!("/api/v1/{place}/{id}")).await;
        assert_eq!(found.status, StatusCode::OK, "{place}: {}", found.text);
    }
}

#[tokio::test]
async fn another_organisation_lists_nothing_of_ours() {
    let mut house = house().await;
    let ids = house.furnish().await;
    let lists = OPERATIONS.iter().filter(|it| {
        it.method == api::Method::Get && !it.path.contains("{id}") && it.id != "followEvents"
    });
    for operation in lists.filter(|it| it.id != "backup") {
        let reply = house.ask("GET", operation.path, &house.stranger, Value::Null).await;
        assert_eq!(reply.status, StatusCode::OK, "{}: {}", operation.id, reply.text);
        let told: Vec<&str> = ids
            .iter()
            .map(|(_, id)| id.as_str())
            .chain(["head-office-secret", "anna@example.com"])
            .filter(|it| {
                it.len() > 1 && operation.path.starts_with("/api/v1") && reply.text.contains(it)
            })
            .collect();
        assert!(told.is_empty(), "{} tells {told:?}", operation.id);
    }
    let backup = house.ask("GET", "/api/v1/backup", &house.stranger, Value::Null).await;
    assert_eq!(backup.status, StatusCode::FORBIDDEN, "a copy would hold every organisation");
}

#[tokio::test]
async fn a_session_needs_its_token_for_every_change() {
    let mut house = house().await;
    house.furnish().await;
    let session = app::sessions::log_in(&house.app, "anna@example.com", "correct horse", None);
    let session = session.await.unwrap();
    let cookie = format!("theme=dark; {}={}", app::sessions::SESSION_COOKIE, session.token);
    let ask = |method: &str, path: &str, csrf: Option<&str>, body: Value| {
        let mut request = request(method, path, "", body);
        request.headers_mut().insert(header::COOKIE, cookie.parse().unwrap());
        if let Some(csrf) = csrf {
            request.headers_mut().insert("x-csrf-token", csrf.parse().unwrap());
        }
        request
    };
    let me = house.send(ask("GET", "/api/v1/me", None, Value::Null)).await;
    assert_eq!(me.json()["name"], "anna@example.com");
    let change = json!({ "full_name": "Anna" });
    for wrong in [None, Some(""), Some("0000")] {
        let refused = house.send(ask("PATCH", "/api/v1/me", wrong, change.clone())).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN);
    }
    let csrf = session.logged_in.csrf.as_str();
    let changed = house.send(ask("PATCH", "/api/v1/me", Some(csrf), change)).await;
    assert_eq!((changed.status, &changed.json()["full_name"]), (StatusCode::OK, &json!("Anna")));
    // An agent is no administrator, whatever the token.
    let users = house.send(ask("GET", "/api/v1/users", Some(csrf), Value::Null)).await;
    assert_eq!(users.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn basic_authentication_is_told_what_to_send_instead() {
    let house = house().await;
    let request = Request::get("/api/v1/me").header(header::AUTHORIZATION, "Basic YTpi");
    let reply = house.send(request.body(axum::body::Body::empty()).unwrap()).await;
    assert_eq!(reply.status, StatusCode::UNAUTHORIZED);
    assert_eq!(reply.headers[header::WWW_AUTHENTICATE], "Bearer realm=\"hookswitch\"");
    assert_eq!(reply.json()["code"], "unauthenticated");
    assert_eq!(reply.json()["detail"], "write `Authorization: Bearer hsk_…`");
}
