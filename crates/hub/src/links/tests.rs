use std::time::Duration;

use api::{ApplyInput, EventQuery};
use app::events::Following;
use call::{Call, Event, EventKind, Subject};
use simulator::{
    Clock, Simulator,
    company::{Caller, Company},
    script::{Durations, HangsUp, Kind, Numbering, Plan},
};
use tokio::time::timeout;

use crate::{
    clock,
    serve::{Hub, Site},
    settings::Settings,
};

/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);
/// A conversation that lasts longer than any test.
const ENDLESS_MS: u32 = 3_600_000;

/// A hub with two phone systems, `left` and `right`, and the stream of its events.
struct Office {
    hub: Hub,
    following: Following,
    left: Simulator,
    right: Simulator,
    _data: tempfile::TempDir,
}

impl Office {
    async fn open() -> Office {
        let data = tempfile::tempdir().unwrap();
        let mut settings = Settings::default();
        settings.server.listen = "127.0.0.1:0".parse().unwrap();
        let hub = Hub::start(&Site { settings, data_dir: data.path().to_owned() }).await.unwrap();
        let actor = hub.app.command_line();
        let following =
            app::events::follow(&hub.app, &actor, EventQuery::default(), None).await.unwrap();
        let clock = Clock::starting_at(clock::now_us());
        let start = || Simulator::start(simulator::Settings::quiet(clock, "a-secret"));
        let (left, right) = (start().await.unwrap(), start().await.unwrap());
        let office = Office { hub, following, left, right, _data: data };
        office.apply(&[office.left.declared("left"), office.right.declared("right")]).await;
        timeout(PATIENCE, office.left.listened()).await.unwrap();
        timeout(PATIENCE, office.right.listened()).await.unwrap();
        office
    }

    /// Makes the configuration exactly these entries.
    async fn apply(&self, entries: &[String]) {
        let input = ApplyInput { toml: entries.concat(), secrets: [].into(), dry_run: false };
        let actor = self.hub.app.command_line();
        app::declared::apply(&self.hub.app, &actor, input).await.unwrap();
    }

    /// The next event of this kind of this phone system; those before it are given to `passed`.
    async fn next(&mut self, pbx: &str, kind: EventKind, passed: &mut Vec<Event>) -> Event {
        let next = async {
            loop {
                let live = self.following.next().await.expect("the stream goes on");
                let event = Event::clone(&live.event);
                if event.kind == kind && pbx_of(&event) == pbx {
                    return event;
                }
                passed.push(event);
            }
        };
        let found = timeout(PATIENCE, next).await;
        found.unwrap_or_else(|_| panic!("no {kind} of {pbx}"))
    }

    async fn close(self) {
        self.hub.stop().await;
    }
}

fn pbx_of(event: &Event) -> &str {
    match &event.subject {
        Subject::Call(call) => &call.pbx,
        Subject::Link(change) => &change.pbx,
    }
}

fn call_of(event: &Event) -> &Call {
    match &event.subject {
        Subject::Call(call) => call,
        Subject::Link(_) => panic!("not an event of a call"),
    }
}

fn conversation(number: &str) -> Plan {
    let company = Company::small();
    Plan {
        kind: Kind::Answered,
        far: Caller { number: number.to_owned(), name: None },
        people: company.people[..Kind::Answered.people()].to_vec(),
        answers: 0,
        dialled: company.direct_did.clone(),
        trunk: company.trunk.clone(),
        queue: None,
        label: None,
        durations: Durations { ring_ms: 10, talk_ms: ENDLESS_MS, hold_ms: 10, after_ms: 10 },
        hangs_up: HangsUp::Caller,
        start_us: 0,
        numbering: Numbering::default(),
        seed: 7,
        request: None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn removing_a_phone_system_ends_its_calls_and_disturbs_no_other() {
    let mut office = Office::open().await;
    let mut passed = Vec::new();
    office.left.place(conversation("+33639980101"));
    let talking = office.next("left", EventKind::CallAnswered, &mut passed).await;
    office.right.place(conversation("+33639980102"));
    office.next("right", EventKind::CallAnswered, &mut passed).await;

    passed.clear();
    office.apply(&[office.left.declared("left")]).await;
    let ended = office.next("right", EventKind::CallEnded, &mut passed).await;
    assert!(call_of(&ended).estimated, "nobody saw the end: {ended:?}");

    // The other link has heard nothing of it: the same connection tells of the next call.
    office.left.place(conversation("+33639980103"));
    office.next("left", EventKind::CallStarted, &mut passed).await;
    assert!(passed.iter().all(|it| pbx_of(it) != "left"), "{passed:?}");
    let actor = office.hub.app.command_line();
    let id = &call_of(&talking).id.0;
    let still = app::calls::get(&office.hub.app, &actor, id).await.unwrap();
    assert_eq!(still.state, call::State::Talking);
    assert_eq!(office.left.clients(), 1);
    assert_eq!(office.right.clients(), 0);
    office.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_breaks_in_mid_call_comes_back_without_a_second_call() {
    let mut office = Office::open().await;
    let mut passed = Vec::new();
    office.left.place(conversation("+33639980101"));
    office.next("left", EventKind::CallAnswered, &mut passed).await;
    office.left.drop_connections();
    office.next("left", EventKind::LinkDown, &mut passed).await;
    passed.clear();
    office.next("left", EventKind::LinkUp, &mut passed).await;
    let actor = office.hub.app.command_line();
    let open = app::calls::list(&office.hub.app, &actor, api::CallQuery::default()).await.unwrap();
    assert_eq!(open.items.len(), 1, "{:?}", open.items);
    assert_eq!(open.items[0].state, call::State::Talking);
    office.close().await;
}
