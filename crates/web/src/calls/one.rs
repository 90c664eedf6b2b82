//! The page of one call: its story to scale, its facts, its events and deliveries.

use std::sync::Arc;

use app::{
    App, AppError,
    calls::{self, TimelineItem},
};
use askama::Template;
use axum::extract::{Path, State};
use call::{Call, Event, EventKind, Subject, TransferKind, UnixMs};

use crate::{
    answer::{Answer, html},
    deliveries::DeliveryRow,
    page::{Page, Section},
    session::Viewer,
    show::{Html, Times, clock_seconds, escape},
    texts::{Texts, fill},
    timeline::{Doing, Moment, Timeline, doing_text},
    words,
};

struct SpanRow {
    who: String,
    doing: &'static str,
    from: UnixMs,
    to: UnixMs,
    length: String,
}

struct EventRow {
    sequence: u32,
    at: UnixMs,
    name: &'static str,
    detail: String,
    after: String,
}

#[derive(Template)]
#[template(path = "call.html")]
struct CallPage {
    c: Page,
    direction: (&'static str, &'static str),
    from: Html,
    to: Html,
    state: Html,
    drawing: Option<Html>,
    key: Vec<(&'static str, &'static str)>,
    spans: Vec<SpanRow>,
    facts: Vec<(&'static str, Html)>,
    events: Vec<EventRow>,
    show_deliveries: bool,
    deliveries: Vec<DeliveryRow>,
    call: Arc<Call>,
}

/// `GET /calls/{id}`.
pub(crate) async fn one_page(
    State(hub): State<Arc<App>>,
    viewer: Viewer,
    Path(id): Path<String>,
) -> Answer {
    let call = calls::get(&hub, &viewer.actor, &id).await?;
    let items = match calls::timeline(&hub, &viewer.actor, &id).await {
        Ok(found) => found.items,
        Err(AppError::NotFound(_)) => Vec::new(),
        Err(error) => return Err(error.into()),
    };
    let (mut events, mut deliveries) = (Vec::new(), Vec::new());
    for item in items {
        match item {
            TimelineItem::Event { event } => events.push(event),
            TimelineItem::Delivery { delivery } => deliveries.push(delivery),
        }
    }
    let t = viewer.context.t;
    let title = format!("{} → {}", words::number(&call.from, t), words::number(&call.to, t));
    let c = viewer.page(Section::Calls, &title).await?;
    html(&CallPage::new(c, call, &events, deliveries))
}

impl CallPage {
    fn new(c: Page, call: Arc<Call>, events: &[Event], sent: Vec<api::Delivery>) -> CallPage {
        let t = c.t;
        let moments: Vec<Moment<'_>> = events.iter().filter_map(moment).collect();
        let story = Timeline::of(&moments, c.now);
        let key = [Doing::Waiting, Doing::Queued, Doing::Ringing, Doing::Talking, Doing::Held];
        CallPage {
            direction: words::direction(call.direction, t),
            from: words::party(&call.from, t),
            to: words::party(&call.to, t),
            state: words::state(&call, t),
            drawing: story.as_ref().map(|it| it.svg(&c.times)),
            key: key.into_iter().map(|it| (it.class(), doing_text(it, t))).collect(),
            spans: story.iter().flat_map(|it| span_rows(it, t)).collect(),
            facts: facts(&call, &c),
            events: event_rows(&moments, events, call.started_at),
            show_deliveries: c.admin,
            deliveries: sent.into_iter().map(|it| DeliveryRow::new(it, t)).collect(),
            call,
            c,
        }
    }
}

fn moment(event: &Event) -> Option<Moment<'_>> {
    match &event.subject {
        Subject::Call(call) => Some(Moment { kind: event.kind, time: event.time, call }),
        _ => None,
    }
}

fn span_rows(story: &Timeline, t: &'static Texts) -> Vec<SpanRow> {
    let of = |who: &str, span: &crate::timeline::Span| SpanRow {
        who: who.to_owned(),
        doing: doing_text(span.doing, t),
        from: span.from,
        to: span.to,
        length: clock_seconds(span.to.seconds_since(span.from)),
    };
    let all = story.lanes.iter().flat_map(|lane| lane.spans.iter().map(|it| of(&lane.label, it)));
    let mut rows: Vec<SpanRow> = all.collect();
    rows.sort_by_key(|it| it.from);
    rows
}

fn event_rows(moments: &[Moment<'_>], events: &[Event], start: UnixMs) -> Vec<EventRow> {
    let detail = |at: usize, moment: &Moment<'_>| match moment.kind {
        EventKind::CallRinging => {
            let known = at.checked_sub(1).map_or(0, |it| moments[it].call.rang.len());
            moment.call.rang.get(known..).unwrap_or_default().join(", ")
        }
        EventKind::CallQueued => moment.call.queue.clone().unwrap_or_default(),
        EventKind::CallAnswered => moment.call.answered_by.clone().unwrap_or_default(),
        EventKind::CallTransferred => {
            let to = moment.call.transfers.last().and_then(|it| it.to.clone());
            to.map(|it| format!("→ {it}")).unwrap_or_default()
        }
        _ => String::new(),
    };
    let sequences = events.iter().filter(|it| moment(it).is_some()).map(|it| it.sequence);
    moments
        .iter()
        .zip(sequences)
        .enumerate()
        .map(|(at, (moment, sequence))| EventRow {
            sequence,
            at: moment.time,
            name: moment.kind.name(),
            detail: detail(at, moment),
            after: format!("{:.3} s", moment.time.seconds_since(start)),
        })
        .collect()
}

fn facts(call: &Call, c: &Page) -> Vec<(&'static str, Html)> {
    let t = c.t;
    let plain = |text: &str| Html::rendered(escape(text));
    let seconds = |it: f64| Html::rendered(format!("{} ({it:.1} s)", clock_seconds(it)));
    let mut facts = vec![(t.direction, plain(words::direction(call.direction, t).0))];
    let mut add = |name, value: Option<Html>| facts.extend(value.map(|it| (name, it)));
    let list = |all: &[String]| (!all.is_empty()).then(|| plain(&all.join(", ")));
    let text = |it: &Option<String>| it.as_deref().map(plain);
    add(t.caller, Some(end(&call.from, t)));
    add(t.called, Some(end(&call.to, t)));
    add(t.queue, text(&call.queue));
    add(t.fact_rang, list(&call.rang));
    add(t.fact_answered_by, text(&call.answered_by));
    add(t.fact_parties, list(&call.parties));
    add(t.extension, text(&call.extension));
    add(t.fact_user, text(&call.user));
    add(t.fact_transfers, transfers(call, &c.times));
    add(t.fact_picked_up, text(&call.picked_up_from));
    add(t.fact_forwarded, text(&call.forwarded_by));
    add(t.fact_parked, call.parked.then(|| plain(t.yes)));
    add(
        t.fact_started,
        Some(Html::rendered(format!("{} {}", c.date(call.started_at), c.fine(call.started_at)))),
    );
    add(t.fact_answered, call.answered_at.map(|it| c.fine(it)));
    add(t.fact_ended, call.ended_at.map(|it| c.fine(it)));
    add(t.fact_rang_for, Some(seconds(call.ring_seconds)));
    add(t.fact_talked_for, call.answered_at.map(|_| seconds(call.talk_seconds)));
    add(t.fact_held_for, (call.hold_seconds > 0.0).then(|| seconds(call.hold_seconds)));
    add(t.fact_ended_by, call.ended_by.map(|it| plain(words::ended_by(it, t))));
    add(t.fact_cause, call.hangup_cause.map(|it| plain(&it.to_string())));
    add(t.fact_dial, text(&call.dial_request));
    add(t.pbx, Some(plain(&call.pbx)));
    add(
        t.fact_id,
        Some(Html::rendered(format!("<span class=\"mono\">{}</span>", escape(&call.id.0)))),
    );
    facts
}

/// Number, name, and what the phone system wrote when that differs.
fn end(party: &call::Party, t: &'static Texts) -> Html {
    let shown = words::party(party, t);
    match &party.raw {
        Some(raw) if party.number.as_ref() != Some(raw) && !raw.is_empty() => Html::rendered(
            format!("{shown} <span class=\"hs-quiet\">{}: {}</span>", t.fact_raw, escape(raw)),
        ),
        _ => shown,
    }
}

fn transfers(call: &Call, times: &Times) -> Option<Html> {
    let t = times.t;
    let one = |it: &call::Transfer| {
        let pattern = match it.kind {
            TransferKind::Blind => t.transfer_blind,
            TransferKind::Attended => t.transfer_attended,
        };
        let end = |it: &Option<String>| it.clone().unwrap_or_else(|| t.unknown_number.to_owned());
        let text = fill(pattern, &[("from", &end(&it.from)), ("to", &end(&it.to))]);
        let outcome = it.outcome.map(|it| words::outcome(it, t)).unwrap_or_default();
        format!("{} {} {outcome}", escape(&text), times.fine(it.at))
    };
    let all: Vec<String> = call.transfers.iter().map(one).collect();
    (!all.is_empty()).then(|| Html::rendered(all.join("<br>")))
}
