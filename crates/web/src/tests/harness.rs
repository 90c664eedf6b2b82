//! A hub without links and workers, and a browser's part of the conversation with its pages.

use std::{sync::Arc, time::Duration};

use api::{IntegrationInput, PbxInput};
use app::{
    Actor, App, NothingRuns, Parts, calls, events, integrations, pbxes, sessions, setup,
    vault::Vault,
};
use axum::{
    Router,
    body::{Body, to_bytes},
    http::{HeaderMap, HeaderName, Request, StatusCode, header},
};
use call::{Call, CallUpdate, EventKind, Outcome, State, UnixMs};
use connectors::{Client, Guard};
use futures_util::StreamExt as _;
use serde_json::{Value, json};
use store::{StorageUrl, Store, StoreSettings, Turn};
use tempfile::TempDir;
use tower::ServiceExt as _;

/// When the tests take place: 2026-11-18T11:08:10Z.
const NOW: UnixMs = UnixMs(1_795_000_090_000);
/// When the call of the board began.
const STARTED: UnixMs = UnixMs(1_795_000_000_000);
const PASSWORD: &str = "correct horse battery";

/// The pages of one hub, seen by one person.
pub(super) struct Pages {
    router: Router,
    app: Arc<App>,
    store: Store,
    cookie: String,
    csrf: String,
    pbx: String,
    integration: String,
    call: String,
    dir: Arc<TempDir>,
}

/// What came back.
pub(super) struct Page {
    pub(super) status: StatusCode,
    pub(super) text: String,
    headers: HeaderMap,
}

impl Page {
    pub(super) fn header(&self, name: HeaderName) -> &str {
        self.headers.get(name).and_then(|it| it.to_str().ok()).unwrap_or_default()
    }
}

impl Pages {
    /// Nobody has an account yet.
    pub(super) async fn empty() -> Pages {
        let dir = tempfile::tempdir().unwrap();
        let url = StorageUrl::Sqlite(dir.path().join("test.db"));
        let store = Store::open(&url, StoreSettings { clock: || NOW, seed: 1 }).await.unwrap();
        let mut commits = store.writer().subscribe();
        let app = App::start(Parts {
            store: store.clone(),
            vault: Vault::new(&[7; 32]),
            client: Client::new(Guard::new::<&str>(&[]).unwrap()),
            links: Arc::new(NothingRuns),
            workers: Arc::new(NothingRuns),
            clock: || NOW,
            public_url: "http://hub.example".into(),
            scratch: dir.path().into(),
            version: "test",
        })
        .await
        .unwrap();
        let publisher = Arc::clone(&app);
        tokio::spawn(async move {
            while let Some(commit) = commits.recv().await {
                events::committed(&publisher, &commit.events);
            }
        });
        Pages {
            router: crate::router(Arc::clone(&app)),
            app,
            store,
            cookie: String::new(),
            csrf: String::new(),
            pbx: String::new(),
            integration: String::new(),
            call: String::new(),
            dir: Arc::new(dir),
        }
    }

    /// An administrator is logged in; there is a PBX, an integration, a call that rings and one
    /// that has ended, and a delivery that waits.
    pub(super) async fn with_things() -> Pages {
        let mut pages = Pages::empty().await;
        let path = pages.setup_path().await;
        let token = path.trim_start_matches(setup::SETUP_PATH);
        let session = setup::finish(&pages.app, token, "anna@example.com", PASSWORD).await.unwrap();
        pages.log_in(&session);
        let actor = session.logged_in.actor;
        pages.add_configuration(&actor).await;
        pages.add_calls(&actor).await;
        pages
    }

    fn log_in(&mut self, session: &sessions::NewSession) {
        self.cookie = format!("{}={}; hs_zone=UTC", sessions::SESSION_COOKIE, session.token);
        self.csrf.clone_from(&session.logged_in.csrf);
    }

    async fn add_configuration(&mut self, actor: &Actor) {
        let settings = |value: Value| value.as_object().cloned().unwrap();
        let input = PbxInput {
            name: Some("head-office".into()),
            kind: Some("asterisk".into()),
            enabled: None,
            flight_recorder_hours: None,
            settings: settings(
                json!({ "host": "pbx.example", "username": "hub", "secret": "s3cret" }),
            ),
        };
        self.pbx = pbxes::create(&self.app, actor, input).await.unwrap().id;
        let input = IntegrationInput {
            name: Some("status-push".into()),
            kind: Some("http".into()),
            enabled: None,
            events: Some(vec!["call.ended".into()]),
            settings: settings(
                json!({ "url": "http://crm.example/{{ call.id }}", "body": "{\"a\": {{ call.id | json }}}" }),
            ),
        };
        self.integration = integrations::create(&self.app, actor, input).await.unwrap().id;
    }

    async fn add_calls(&mut self, actor: &Actor) {
        let mut ringing = app::sample::call(NOW);
        ringing.id = call::CallId("01ARZ3NDEKTSV4RRFFQ69G5FAW".into());
        ringing.from = call::Party { name: Some("<b>Rossi".into()), ..number("+390612345678") };
        ringing.to = number("+390687654321");
        ringing.state = State::Ringing;
        ringing.outcome = None;
        ringing.queue = Some("sales".into());
        ringing.rang = vec!["201".into(), "202".into()];
        (ringing.extension, ringing.user, ringing.answered_by) = (None, None, None);
        (ringing.started_at, ringing.answered_at, ringing.ended_at) = (STARTED, None, None);
        let mut ended = ringing.clone();
        ended.id = call::CallId("01ARZ3NDEKTSV4RRFFQ69G5FAV".into());
        self.submit(actor, EventKind::CallStarted, &ringing, 1).await;
        self.submit(actor, EventKind::CallRinging, &ended, 1).await;
        ended.state = State::Ended;
        ended.outcome = Some(Outcome::Missed);
        ended.ended_at = Some(STARTED.plus_ms(20_000));
        self.submit(actor, EventKind::CallEnded, &ended, 2).await;
        self.call = ended.id.0;
    }

    async fn submit(&self, actor: &Actor, kind: EventKind, call: &Call, sequence: u32) {
        let (time, call) = (call.ended_at.unwrap_or(STARTED), Arc::new(call.clone()));
        let update = CallUpdate { kind, time, sequence, call, memo: None };
        let wanted = match kind {
            EventKind::CallEnded => vec![self.integration.as_str().into()],
            _ => Vec::new(),
        };
        let turn = Turn {
            organisation: actor.organisation().clone(),
            pbx: self.pbx.as_str().into(),
            updates: vec![(update, wanted)],
            links: Vec::new(),
        };
        self.store.writer().submit(turn).await.unwrap();
        self.settled(actor, kind).await;
    }

    /// Waits until the event has been committed.
    async fn settled(&self, actor: &Actor, kind: EventKind) {
        for _ in 0..500 {
            let found = calls::list(&self.app, actor, api::CallQuery::default()).await.unwrap();
            let done = found.items.iter().any(|it| match kind {
                EventKind::CallEnded => it.state == State::Ended,
                EventKind::CallRinging => found.items.len() == 2,
                _ => true,
            });
            if done {
                return;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        panic!("{kind} was never committed");
    }

    /// Puts a file where the flight recorder keeps those of the PBX.
    pub(super) fn record(&self, name: &str, content: &str) {
        let directory = self.dir.path().join(app::recordings::DIRECTORY).join(&self.pbx);
        std::fs::create_dir_all(&directory).unwrap();
        std::fs::write(directory.join(name), content).unwrap();
    }

    pub(super) fn pbx(&self) -> String {
        self.pbx.clone()
    }

    pub(super) fn integration(&self) -> String {
        self.integration.clone()
    }

    pub(super) fn call(&self) -> String {
        self.call.clone()
    }

    /// The id of the only delivery.
    pub(super) async fn delivery(&self) -> String {
        let page = self.get("/deliveries").await;
        let (_, rest) = page.text.split_once("data-href=\"/deliveries/").unwrap();
        rest.split('"').next().unwrap().to_owned()
    }

    /// A new set-up link, without the host.
    pub(super) async fn setup_path(&self) -> String {
        let link = setup::link(&self.app).await.unwrap().unwrap();
        link.trim_start_matches("http://hub.example").to_owned()
    }

    /// The same pages, seen by nobody in particular.
    pub(super) fn without_session(&self) -> Pages {
        self.seen_with(String::new(), String::new())
    }

    fn seen_with(&self, cookie: String, csrf: String) -> Pages {
        Pages {
            router: self.router.clone(),
            app: Arc::clone(&self.app),
            store: self.store.clone(),
            cookie,
            csrf,
            pbx: self.pbx.clone(),
            integration: self.integration.clone(),
            call: self.call.clone(),
            dir: Arc::clone(&self.dir),
        }
    }

    /// The same pages, seen by an agent.
    pub(super) async fn agent(&self) -> Pages {
        let form =
            format!("name=bruno%40example.com&role=agent&password={}", PASSWORD.replace(' ', "+"));
        let made = self.post("/users", &form).await;
        assert!(made.status.is_success(), "{}", made.text);
        let session =
            sessions::log_in(&self.app, "bruno@example.com", PASSWORD, None).await.unwrap();
        let mut agent = self.without_session();
        agent.log_in(&session);
        agent
    }

    pub(super) async fn get(&self, path: &str) -> Page {
        self.ask(Request::get(path).body(Body::empty()).unwrap()).await
    }

    /// Sends a form with the session's token.
    pub(super) async fn post(&self, path: &str, form: &str) -> Page {
        self.post_raw(path, &format!("csrf={}&{form}", self.csrf)).await
    }

    /// Sends a form as it is.
    pub(super) async fn post_raw(&self, path: &str, form: &str) -> Page {
        let request = Request::post(path)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Body::from(form.to_owned()));
        self.ask(request.unwrap()).await
    }

    /// Sends a form as a page of another site would have a browser do.
    pub(super) async fn cross_site(&self, path: &str, form: &str) -> Page {
        let request = Request::post(path)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header("sec-fetch-site", "cross-site")
            .body(Body::from(form.to_owned()));
        self.ask(request.unwrap()).await
    }

    /// The first frame of a stream.
    pub(super) async fn first_frame(&self, path: &str) -> String {
        let request = Request::get(path).header(header::COOKIE, &self.cookie).body(Body::empty());
        let response = self.router.clone().oneshot(request.unwrap()).await.unwrap();
        assert_eq!(response.headers()[header::CONTENT_TYPE], "text/event-stream");
        let mut frames = response.into_body().into_data_stream();
        let first = std::future::poll_fn(|cx| frames.poll_next_unpin(cx)).await;
        String::from_utf8(first.unwrap().unwrap().to_vec()).unwrap()
    }

    async fn ask(&self, mut request: Request<Body>) -> Page {
        if !self.cookie.is_empty() {
            request.headers_mut().insert(header::COOKIE, self.cookie.parse().unwrap());
        }
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(body, 4 * 1024 * 1024).await.unwrap();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        Page { status: parts.status, text, headers: parts.headers }
    }
}

fn number(number: &str) -> call::Party {
    call::Party { number: Some(number.into()), raw: None, name: None }
}

/// The part of a page from the element that holds `start` to the first `end` after it.
#[track_caller]
pub(super) fn fragment(text: &str, start: &str, end: &str) -> String {
    let from = text.find(start).unwrap_or_else(|| panic!("no {start} in {text}"));
    let length = text[from..].find(end).unwrap();
    text[from..from + length + end.len()].to_owned()
}

/// A fragment with what differs between runs and builds taken out.
pub(super) fn without_ids(html: &str) -> String {
    let sprite = crate::assets::ICONS_SVG.address;
    let html = html.replace(sprite, "/assets/icons.svg");
    html.replace("01ARZ3NDEKTSV4RRFFQ69G5FAW", "ID").replace("01ARZ3NDEKTSV4RRFFQ69G5FAV", "ID")
}
