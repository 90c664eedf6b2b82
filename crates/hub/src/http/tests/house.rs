//! The real router over a real database, in this process.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use api::{ApiKeyInput, Scope};
use app::{App, NothingRuns, Parts, keys, vault::Vault};
use axum::{Router, body::Body};
use call::{CallUpdate, EventKind, UnixMs};
use http::{Request, StatusCode, header};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use sha2::Digest as _;
use store::{Commit, IntegrationId, PbxId, StorageUrl, Store, StoreSettings, Turn};
use tokio::sync::mpsc::UnboundedReceiver;
use tower::ServiceExt as _;

use crate::http::{Proxies, router};

static NOW: AtomicI64 = AtomicI64::new(1_795_000_000_000);

fn tick() -> UnixMs {
    UnixMs(NOW.fetch_add(1, Ordering::SeqCst))
}

pub(super) struct House {
    pub(super) app: Arc<App>,
    pub(super) store: Store,
    pub(super) router: Router,
    /// A key that may do everything in the first organisation.
    pub(super) admin: String,
    /// The same in another organisation.
    pub(super) stranger: String,
    commits: UnboundedReceiver<Arc<Commit>>,
    pub(super) directory: tempfile::TempDir,
}

/// What came back, whole.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: StatusCode,
    pub(super) headers: http::HeaderMap,
    pub(super) text: String,
}

impl Reply {
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_default()
    }
}

/// A hub with two organisations.
pub(super) async fn house() -> House {
    let mut house = lone_house().await;
    let other = house.store.create_organisation("other").await.unwrap();
    house.stranger = format!("hsk_{}", "s".repeat(43));
    let hash = sha2::Sha256::digest(house.stranger.as_bytes());
    let hash: String = hash.iter().map(|it| format!("{it:02x}")).collect();
    house.store.create_api_key(&other.id, "s", &hash, vec!["admin".into()], None).await.unwrap();
    house
}

/// A hub with one organisation, as most are.
pub(super) async fn lone_house() -> House {
    let directory = tempfile::tempdir().unwrap();
    let url = StorageUrl::Sqlite(directory.path().join("hub.db"));
    let store = Store::open(&url, StoreSettings { clock: tick, seed: 1 }).await.unwrap();
    let app = App::start(Parts {
        store: store.clone(),
        vault: Vault::new(&[7; 32]),
        client: connectors::Client::new(connectors::Guard::default()),
        links: Arc::new(NothingRuns),
        workers: Arc::new(NothingRuns),
        clock: tick,
        public_url: "http://127.0.0.1:8080".into(),
        scratch: directory.path().to_owned(),
        version: "test",
    })
    .await
    .unwrap();
    let router = router(Arc::clone(&app), Proxies::default());
    let commits = store.writer().subscribe();
    let admin = String::new();
    let stranger = String::new();
    let mut house = House { app, store, router, admin, stranger, commits, directory };
    house.admin = house.key(&[Scope::Admin]).await;
    house
}

impl House {
    /// A new key of the first organisation.
    pub(super) async fn key(&self, scopes: &[Scope]) -> String {
        let name = format!("key {}", tick().0);
        let input = ApiKeyInput { name, scopes: scopes.to_vec() };
        keys::create(&self.app, &self.app.command_line(), input).await.unwrap().key
    }

    pub(super) async fn send(&self, request: Request<Body>) -> Reply {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let text = String::from_utf8_lossy(&body).into_owned();
        Reply { status: parts.status, headers: parts.headers, text }
    }

    /// Asks with a key, or with none.
    pub(super) async fn ask(&self, method: &str, path: &str, key: &str, body: Value) -> Reply {
        self.send(request(method, path, key, body)).await
    }

    pub(super) async fn get(&self, path: &str) -> Reply {
        self.ask("GET", path, &self.admin, Value::Null).await
    }

    pub(super) async fn post(&self, path: &str, body: Value) -> Reply {
        self.ask("POST", path, &self.admin, body).await
    }

    /// Makes one of everything, and gives its id by the first part of the path.
    pub(super) async fn furnish(&mut self) -> Vec<(&'static str, String)> {
        let mut ids = Vec::new();
        for (place, body) in [
            ("pbxes", pbx("head-office")),
            ("integrations", integration("crm")),
            ("users", json!({ "name": "anna@example.com", "password": "correct horse" })),
            ("groups", json!({ "name": "Sales", "pbx": "head-office", "members": [] })),
            ("api-keys", json!({ "name": "ci", "scopes": ["admin"] })),
        ] {
            let made = self.post(&format!("/api/v1/{place}"), body).await;
            assert_eq!(made.status, StatusCode::CREATED, "{place}: {}", made.text);
            ids.push((place, made.json()["id"].as_str().unwrap().to_owned()));
        }
        let integration = ids[1].1.clone();
        ids.push(("calls", self.commit_call(&[integration.as_str().into()]).await));
        let deliveries = self.get("/api/v1/deliveries").await.json();
        ids.push(("deliveries", deliveries["items"][0]["id"].as_str().unwrap().to_owned()));
        let organisation = self.store.default_organisation();
        let dial = json!({
            "id": "D", "status": "requested", "pbx": "head-office", "extension": "201",
            "number": "5", "reason": null, "call": null, "requested_at": "2026-11-20T10:49:13.420Z",
        });
        self.store.put_dial(&organisation, "D", dial).await.unwrap();
        ids.push(("dial", "D".into()));
        ids
    }

    /// Commits the sample call, and gives its id.
    pub(super) async fn commit_call(&mut self, wanted: &[IntegrationId]) -> String {
        let call = app::sample::call(tick());
        let id = call.id.0.clone();
        let update = CallUpdate {
            kind: EventKind::CallEnded,
            time: tick(),
            sequence: 1,
            call: Arc::new(call),
            memo: None,
        };
        let turn = Turn {
            organisation: self.store.default_organisation(),
            pbx: PbxId::from("P"),
            updates: vec![(update, wanted.to_vec())],
            links: Vec::new(),
        };
        self.store.writer().submit(turn).await.unwrap();
        let commit = self.commits.recv().await.unwrap();
        app::events::committed(&self.app, &commit.events);
        id
    }
}

pub(super) fn request(method: &str, path: &str, key: &str, body: Value) -> Request<Body> {
    let mut request = Request::builder().method(method).uri(path);
    if !key.is_empty() {
        request = request.header(header::AUTHORIZATION, format!("Bearer {key}"));
    }
    if body.is_null() {
        return request.body(Body::empty()).unwrap();
    }
    let request = request.header(header::CONTENT_TYPE, "application/json");
    request.body(Body::from(body.to_string())).unwrap()
}

pub(super) fn pbx(name: &str) -> Value {
    json!({
        "name": name, "kind": "asterisk", "host": "192.0.2.1", "username": "hookswitch",
        "secret": "s3cret",
    })
}

pub(super) fn integration(name: &str) -> Value {
    json!({
        "name": name, "kind": "http", "events": ["call.ended"], "url": "https://example.com/",
    })
}
