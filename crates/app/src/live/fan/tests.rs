use std::{sync::atomic::AtomicUsize, task::Wake};

use call::{LinkChange, Subject, UnixMs};

use super::*;

struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

fn event(organisation: &str, number: usize, kind: EventKind) -> (Arc<Event>, Arc<str>) {
    let event = Event {
        id: format!("{number:026}"),
        kind,
        time: UnixMs(0),
        organisation: organisation.into(),
        sequence: 0,
        subject: Subject::Link(LinkChange { pbx: "p".into(), reason: None }),
    };
    let json = serde_json::to_string(&event).unwrap().into();
    (Arc::new(event), json)
}

fn publish(fan: &Fan, events: &[(Arc<Event>, Arc<str>)], people: &People) {
    fan.publish(events.iter().map(|(event, json)| (event, json)), people);
}

fn drain(subscription: &mut Subscription) -> (Vec<String>, bool) {
    let waker = Waker::from(Arc::new(Count(AtomicUsize::new(0))));
    let mut cx = Context::from_waker(&waker);
    let mut ids = Vec::new();
    loop {
        match subscription.poll_next(&mut cx) {
            Poll::Ready(Next::Event(it)) => ids.push(it.event.id.trim_start_matches('0').into()),
            Poll::Ready(Next::Cut) => return (ids, true),
            Poll::Pending => return (ids, false),
        }
    }
}

#[test]
fn nobody_hears_the_events_of_another_organisation() {
    let (fan, people) = (Fan::default(), People::default());
    let mut a = fan.subscribe("a", Filter::default());
    let mut b = fan.subscribe("b", Filter::default());
    publish(&fan, &[event("a", 1, EventKind::LinkUp), event("b", 2, EventKind::LinkUp)], &people);
    assert_eq!(drain(&mut a), (vec!["1".into()], false));
    assert_eq!(drain(&mut b), (vec!["2".into()], false));
}

#[test]
fn only_the_types_that_were_asked_for_come() {
    let (fan, people) = (Fan::default(), People::default());
    let filter = Filter { user: None, kinds: vec![EventKind::LinkDown] };
    let mut subscription = fan.subscribe("a", filter);
    let events = [event("a", 1, EventKind::LinkUp), event("a", 2, EventKind::LinkDown)];
    publish(&fan, &events, &people);
    assert_eq!(drain(&mut subscription), (vec!["2".into()], false));
}

#[test]
fn a_stalled_subscriber_is_cut_off_and_the_others_are_not() {
    let (fan, people) = (Fan::default(), People::default());
    let mut stalled = fan.subscribe("a", Filter::default());
    let mut reading = fan.subscribe("a", Filter::default());
    let mut got = Vec::new();
    for number in 1..=CUT_AFTER_EVENTS + 10 {
        publish(&fan, &[event("a", number, EventKind::LinkUp)], &people);
        got.extend(drain(&mut reading).0);
    }
    assert_eq!(got.len(), CUT_AFTER_EVENTS + 10);
    assert_eq!(drain(&mut stalled), (vec![], true));
    assert_eq!(fan.totals(), (2, 1));
}

#[test]
fn a_subscriber_that_waits_is_woken_and_one_that_left_is_forgotten() {
    let (fan, people) = (Fan::default(), People::default());
    let mut subscription = fan.subscribe("a", Filter::default());
    let count = Arc::new(Count(AtomicUsize::new(0)));
    let waker = Waker::from(Arc::clone(&count));
    assert!(subscription.poll_next(&mut Context::from_waker(&waker)).is_pending());
    publish(&fan, &[event("a", 1, EventKind::LinkUp)], &people);
    assert_eq!(count.0.load(Ordering::SeqCst), 1);
    assert_eq!(fan.followers(), 1);
    drop(subscription);
    assert_eq!(fan.followers(), 0);
}

#[test]
fn one_event_is_serialised_once_for_all() {
    let (fan, people) = (Fan::default(), People::default());
    let mut subscribers: Vec<_> = (0..2).map(|_| fan.subscribe("a", Filter::default())).collect();
    publish(&fan, &[event("a", 1, EventKind::LinkUp)], &people);
    let frames: Vec<Bytes> = subscribers
        .iter_mut()
        .map(|it| match it.poll_next(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Next::Event(it)) => it.frame(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(frames[0].as_ptr(), frames[1].as_ptr());
    let text = std::str::from_utf8(&frames[0]).unwrap();
    assert!(text.starts_with("id: 00000000000000000000000001\nevent: link.up\ndata: {"), "{text}");
    assert!(text.ends_with("}\n\n"), "{text}");
}

#[test]
fn a_closed_fan_ends_every_stream() {
    let (fan, people) = (Fan::default(), People::default());
    let mut before = fan.subscribe("a", Filter::default());
    publish(&fan, &[event("a", 1, EventKind::LinkUp)], &people);
    fan.close();
    assert_eq!(drain(&mut before), (vec!["1".into()], true), "what came before is still told");
    assert_eq!(drain(&mut fan.subscribe("a", Filter::default())), (vec![], true));
}
