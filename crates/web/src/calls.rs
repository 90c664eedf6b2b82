//! The history of calls, and the page of one call.

use std::sync::Arc;

use api::{CallQuery, DirectionName, OutcomeName};
use app::{
    App, AppError,
    calls::{self, TimelineItem},
    pbxes,
};
use askama::Template;
use axum::{
    extract::{Path, Query, State},
    http::StatusCode,
};
use call::{Call, Event, EventKind, Subject, TransferKind, UnixMs};
use jiff::civil::DateTime;
use serde::Deserialize;

use crate::{
    answer::{Answer, Failure, html, html_with, is_mendable, lines_of, query},
    deliveries::DeliveryRow,
    hub_state::everything,
    page::{Context, Page, Section},
    session::Viewer,
    show::{Html, Times, clock_seconds, escape},
    texts::{Texts, fill},
    timeline::{Doing, Moment, Timeline, doing_text},
    words,
};

/// How many calls a page of the history shows.
const PAGE_ROWS: u32 = 50;

/// The filters of the history, as they stand in the address. Times are those of the person's
/// zone, or RFC 3339.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Filters {
    q: String,
    direction: String,
    outcome: String,
    pbx: String,
    extension: String,
    number: String,
    started_after: String,
    started_before: String,
    from: String,
    to: String,
    user: String,
    after: String,
}

impl Filters {
    fn pairs(&self) -> [(&'static str, &str); 11] {
        [
            ("q", &self.q),
            ("direction", &self.direction),
            ("outcome", &self.outcome),
            ("pbx", &self.pbx),
            ("extension", &self.extension),
            ("number", &self.number),
            ("started_after", &self.started_after),
            ("started_before", &self.started_before),
            ("from", &self.from),
            ("to", &self.to),
            ("user", &self.user),
        ]
    }

    fn any(&self) -> bool {
        self.pairs().into_iter().any(|(_, value)| !value.is_empty())
    }

    /// Filters that have no field in the form; they come with links.
    fn further(&self) -> Vec<(&'static str, &str)> {
        self.pairs().into_iter().skip(8).filter(|(_, value)| !value.is_empty()).collect()
    }

    /// The address of another page of the same list.
    fn address(&self, after: &str) -> String {
        let pairs = self.pairs().into_iter().chain([("after", after)]);
        let pairs = pairs.filter(|(_, value)| !value.is_empty());
        let pairs: Vec<_> = pairs.map(|(name, value)| format!("{name}={}", query(value))).collect();
        format!("/calls?{}", pairs.join("&"))
    }

    /// The question to the service, and what could not be understood of it.
    fn query(&self, times: &Times) -> (CallQuery, Vec<String>) {
        let mut errors = Vec::new();
        let mut time = |label: &str, text: &str| {
            let read = read_time(text, times);
            if read.is_none() && !text.trim().is_empty() {
                errors.push(format!("{label}: `{text}` {}", times.t.time_not_understood));
            }
            read
        };
        let given = |it: &str| Some(it.trim().to_owned()).filter(|it| !it.is_empty());
        let query = CallQuery {
            from: given(&self.from),
            to: given(&self.to),
            pbx: given(&self.pbx),
            user: given(&self.user),
            extension: given(&self.extension),
            number: given(&self.number),
            direction: match self.direction.as_str() {
                "inbound" => Some(DirectionName::Inbound),
                "outbound" => Some(DirectionName::Outbound),
                "internal" => Some(DirectionName::Internal),
                _ => None,
            },
            outcome: match self.outcome.as_str() {
                "answered" => Some(OutcomeName::Answered),
                "missed" => Some(OutcomeName::Missed),
                "busy" => Some(OutcomeName::Busy),
                "failed" => Some(OutcomeName::Failed),
                "voicemail" => Some(OutcomeName::Voicemail),
                _ => None,
            },
            started_after: time(times.t.started_after, &self.started_after),
            started_before: time(times.t.started_before, &self.started_before),
            q: given(&self.q),
            limit: Some(PAGE_ROWS),
            after: given(&self.after),
        };
        (query, errors)
    }
}

/// RFC 3339 with its zone, or a date with or without a time in the person's own.
fn read_time(text: &str, times: &Times) -> Option<UnixMs> {
    let text = text.trim();
    if let Ok(at) = text.parse::<jiff::Timestamp>() {
        return Some(UnixMs(at.as_millisecond()));
    }
    let local = text.parse::<DateTime>().ok().or_else(|| {
        text.parse::<jiff::civil::Date>()
            .ok()
            .map(|it| it.to_datetime(jiff::civil::Time::midnight()))
    })?;
    let zoned = local.to_zoned(times.zone.clone()).ok()?;
    Some(UnixMs(zoned.timestamp().as_millisecond()))
}

struct CallRow {
    direction: (&'static str, &'static str),
    outcome: Html,
    from: Html,
    to: Html,
    person: String,
    rang: String,
    talked: String,
    queue: String,
    call: Arc<Call>,
}

impl CallRow {
    fn new(call: Arc<Call>, c: &Context) -> CallRow {
        let seconds = |it: f64| if it > 0.0 { clock_seconds(it) } else { String::new() };
        CallRow {
            direction: words::direction(call.direction, c.t),
            outcome: words::state(&call, c.t),
            from: words::party(&call.from, c.t),
            to: words::party(&call.to, c.t),
            person: call.user.clone().or_else(|| call.extension.clone()).unwrap_or_default(),
            rang: seconds(call.ring_seconds),
            talked: seconds(call.talk_seconds),
            queue: call.queue.clone().unwrap_or_default(),
            call,
        }
    }
}

#[derive(Template)]
#[template(path = "calls.html")]
struct ListPage {
    c: Page,
    f: Filters,
    /// As the inputs take them.
    after_field: String,
    before_field: String,
    rows: Vec<CallRow>,
    next: Option<String>,
    directions: Vec<(&'static str, &'static str)>,
    outcomes: Vec<(&'static str, &'static str)>,
    pbxes: Vec<String>,
    errors: Vec<String>,
}

/// `GET /calls`.
pub(crate) async fn list_page(
    State(hub): State<Arc<App>>,
    viewer: Viewer,
    Query(f): Query<Filters>,
) -> Answer {
    let c = &viewer.context;
    let (question, mut errors) = f.query(&c.times);
    let (mut rows, mut next) = (Vec::new(), None);
    if errors.is_empty() {
        match calls::list(&hub, &viewer.actor, question).await {
            Ok(found) => {
                rows = found.items.into_iter().map(|it| CallRow::new(it, c)).collect();
                next = found.next;
            }
            Err(error) if is_mendable(&error) => errors = lines_of(&error),
            Err(error) => return Err(error.into()),
        }
    }
    let mut page = viewer.page(Section::Calls, c.t.nav_calls).await?;
    page.q.clone_from(&f.q);
    let status = if errors.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let (directions, outcomes) = (words::directions(c.t), words::outcomes(c.t));
    let pbxes = pbx_names(&hub, &viewer).await?;
    let field = |text: &str| read_time(text, &c.times).map(|it| c.field(it)).unwrap_or_default();
    let (after_field, before_field) = (field(&f.started_after), field(&f.started_before));
    html_with(
        status,
        &ListPage {
            c: page,
            f,
            after_field,
            before_field,
            rows,
            next,
            directions,
            outcomes,
            pbxes,
            errors,
        },
    )
}

/// Names of the phone systems, for those who may see them.
pub(crate) async fn pbx_names(hub: &App, viewer: &Viewer) -> Result<Vec<String>, Failure> {
    if !viewer.context.admin {
        return Ok(Vec::new());
    }
    let found = pbxes::list(hub, &viewer.actor, everything()).await?;
    Ok(found.items.into_iter().map(|it| it.name).collect())
}

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

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::*;
    use crate::texts::EN;

    fn times() -> Times {
        Times { now: UnixMs(0), zone: TimeZone::get("Europe/Rome").unwrap(), t: &EN }
    }

    #[test]
    fn times_are_those_of_the_person_unless_they_say_otherwise() {
        let read = |text: &str| read_time(text, &times()).map(|it| it.to_string());
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(read("2026-11-20T14:30"), some("2026-11-20T13:30:00.000Z"));
        assert_eq!(read("2026-11-20"), some("2026-11-19T23:00:00.000Z"));
        assert_eq!(read("2026-11-20T14:30:00Z"), some("2026-11-20T14:30:00.000Z"));
        assert_eq!(read("yesterday"), None);
    }

    #[test]
    fn every_filter_stands_in_the_address() {
        let f = Filters {
            q: "0612 & co".into(),
            user: "anna@example.com".into(),
            ..Filters::default()
        };
        assert_eq!(
            f.address("CURSOR"),
            "/calls?q=0612%20%26%20co&user=anna%40example.com&after=CURSOR"
        );
        assert_eq!(f.further(), [("user", "anna@example.com")]);
    }

    #[test]
    fn a_time_that_is_none_is_told_and_not_ignored() {
        let f = Filters { started_after: "tomorrow".into(), ..Filters::default() };
        let (_, errors) = f.query(&times());
        assert_eq!(
            errors,
            ["Started after: `tomorrow` cannot be read as a time; write it as 2026-11-20T14:30"]
        );
    }
}
