use std::sync::Arc;

use call::{
    Call, CallId, Direction, EndedBy, Event, EventKind, LinkChange, Outcome, Party, Recording,
    State, Subject, Transfer, TransferKind, UnixMs,
};
use expect_test::expect;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn party(number: &str, name: Option<&str>) -> Party {
    Party {
        number: Some(number.into()),
        raw: Some(number.trim_start_matches('+').into()),
        name: name.map(str::to_owned),
    }
}

/// A call in which nothing is missing.
fn full_call() -> Call {
    Call {
        id: CallId("01KAHZ8Q5K7T3V2N4M6P8R0S1W".into()),
        pbx: "head-office".into(),
        direction: Direction::Inbound,
        from: party("+390612345678", Some("Rossi \"Gino\"\r\nEvil: yes")),
        to: party("+390687654321", None),
        state: State::Ended,
        outcome: Some(Outcome::Answered),
        queue: Some("support & sales".into()),
        rang: vec!["201".into(), "202".into()],
        answered_by: Some("201".into()),
        parties: vec!["201".into()],
        extension: Some("203".into()),
        user: Some("anna@example.com".into()),
        transfers: vec![Transfer {
            kind: TransferKind::Attended,
            from: Some("201".into()),
            to: Some("203".into()),
            outcome: Some(Outcome::Answered),
            at: UnixMs(1_795_171_755_000),
        }],
        picked_up_from: Some("202".into()),
        forwarded_by: Some("204".into()),
        parked: true,
        started_at: UnixMs(1_795_171_753_420),
        answered_at: Some(UnixMs(1_795_171_759_620)),
        ended_at: Some(UnixMs(1_795_171_833_020)),
        ring_seconds: 6.2,
        talk_seconds: 73.4,
        hold_seconds: 0.0,
        ended_by: Some(EndedBy::Caller),
        hangup_cause: Some(16),
        dial_request: Some("01KAHZ8Q5K7T3V2N4M6P8R0S1X".into()),
        recordings: vec![Recording { id: "r1".into(), started_at: Some(UnixMs(0)) }],
        contact: Some("c1".into()),
        links: vec!["https://crm.example/1".into()],
        estimated: true,
        merged_into: Some(CallId("01KAHZ8Q5K7T3V2N4M6P8R0S1Y".into())),
    }
}

fn event_of(subject: Subject) -> Arc<Event> {
    Arc::new(Event {
        id: "01KAHZ8Q5K7T3V2N4M6P8R0S1Z".into(),
        kind: EventKind::CallEnded,
        time: UnixMs(1_795_171_833_020),
        organisation: "org".into(),
        sequence: 4,
        subject,
    })
}

fn facts_of(call: Call) -> Facts {
    Facts::new(event_of(Subject::Call(Arc::new(call))), "crm".into(), "d1", 2)
}

fn render(place: Place, source: &str, facts: &Facts) -> Result<String, TemplateError> {
    let mut out = Vec::new();
    Template::compile(place, source)?.render(facts, &mut out)?;
    Ok(String::from_utf8(out).unwrap())
}

fn rendered(place: Place, source: &str) -> String {
    render(place, source, &facts_of(full_call())).unwrap()
}

fn refused(source: &str, expected: &str) {
    assert_eq!(Template::compile(Place::Text, source).unwrap_err().to_string(), expected);
}

#[test]
fn the_template_of_the_contract_renders_to_json() {
    let body = r#"{"id": {{ call.id | json }}, "from": {{ call.from.number | json }}, "outcome": {{ call.outcome | json }}}"#;
    expect![[
        r#"{"id": "01KAHZ8Q5K7T3V2N4M6P8R0S1W", "from": "+390612345678", "outcome": "answered"}"#
    ]]
    .assert_eq(&rendered(Place::Json, body));
    expect!["http://127.0.0.1:9000/calls/01KAHZ8Q5K7T3V2N4M6P8R0S1W"]
        .assert_eq(&rendered(Place::Url, "http://127.0.0.1:9000/calls/{{ call.id }}"));
}

#[test]
fn an_unknown_name_is_refused_with_the_nearest_one_and_its_place() {
    refused(
        "{\n  \"a\": {{ call.form.number | json }}}",
        "line 2, column 11: `call.form.number` is unknown; did you mean `call.from.number`?",
    );
    refused("{{ cal.id }}", "line 1, column 4: `cal.id` is unknown; did you mean `call.id`?");
    refused(
        "ü {{ event.typ }}",
        "line 1, column 6: `event.typ` is unknown; did you mean `event.type`?",
    );
    refused(
        "{{ call['outcom'] }}",
        "line 1, column 4: `call.outcom` is unknown; did you mean `call.outcome`?",
    );
    refused(
        "{{ call.id.length }}",
        "line 1, column 4: `length` is unknown: what stands before it is a plain value without parts",
    );
    refused(
        "{{ call.whatever }}",
        "line 1, column 4: `call.whatever` is unknown; there are id, pbx, direction, from, to, state, outcome, queue, rang, answered_by, parties, extension, user, transfers, picked_up_from, forwarded_by, parked, started_at, answered_at, ended_at, ring_seconds, talk_seconds, hold_seconds, ended_by, hangup_cause, dial_request, recordings, contact, links, estimated, merged_into",
    );
    refused(
        "{{ contact.name }}",
        "line 1, column 4: `contact.name` is unknown; names begin with one of call, delivery, event, integration, link",
    );
}

#[test]
fn unknown_names_are_found_wherever_they_hide() {
    for source in [
        "{% if false %}{{ call.nope }}{% endif %}",
        "{% if call.nope %}{% endif %}",
        "{% for t in call.nope %}{% endfor %}",
        "{% for t in call.transfers %}{{ t.nope }}{% endfor %}",
        "{% for t in call.transfers if t.nope %}{% endfor %}",
        "{{ call.transfers[0].nope }}",
        "{{ (call.transfers | first).nope }}",
        "{% set t = call.from %}{{ t.nope }}",
        "{% with t = call.from %}{{ t.nope }}{% endwith %}",
        "{{ call.id | default(call.nope) }}",
        "{{ 'a' if call.nope else 'b' }}",
        "{{ call.id ~ call.nope }}",
        "{{ [call.nope] }}",
        "{{ {'a': call.nope} }}",
        "{{ call.id in call.nope }}",
        "{{ call.nope is defined }}",
        "{% for t in call.rang %}{% endfor %}{{ t }}",
    ] {
        let error = Template::compile(Place::Text, source).unwrap_err();
        assert!(error.message.contains("is unknown"), "{source}: {error}");
        assert!(error.line == Some(1) && error.column.is_some(), "{source}: {error}");
    }
}

#[test]
fn what_could_reach_outside_or_is_no_filter_is_refused() {
    refused(
        "{% include 'x' %}",
        "line 1, column 4: `include` cannot be used here: a template stands alone",
    );
    refused(
        "{% set x %}a{% endset %}",
        "line 1, column 4: a `set` block cannot be used here: write `{% set name = value %}`",
    );
    refused(
        "{{ call.id | uper }}",
        "line 1, column 14: the filter `uper` is unknown; did you mean `upper`?",
    );
    refused(
        "{{ call.id | safe }}",
        "line 1, column 14: the filter `safe` is unknown; there are abs, capitalize, default, first, float, int, join, json, last, length, lower, replace, reverse, round, split, string, title, trim, unique, upper",
    );
    refused(
        "{{ range(10) }}",
        "line 1, column 4: `range()` is unknown; templates have no functions, only filters such as `| upper`",
    );
    refused(
        "{{ call.id is strng }}",
        "line 1, column 15: the question `strng` is unknown; did you mean `string`?",
    );
    refused("{{ call.id ", "line 1: unexpected end of input, expected end of variable block");
    refused(
        "{{ call.rang.first }}",
        "line 1, column 4: `first` cannot be asked of a list; take one of it with `[0]` or `| first`, or go through it with `for`",
    );
}

#[test]
fn every_name_of_the_catalogue_gives_what_the_json_of_the_contract_has_there() {
    let call = Subject::Call(Arc::new(full_call()));
    let link = Subject::Link(LinkChange { pbx: "p".into(), reason: Some("r".into()) });
    let mut seen = 0;
    for subject in [call, link] {
        let event = event_of(subject);
        let mut tree = serde_json::to_value(&*event).unwrap();
        let inner = tree.clone();
        tree["event"] = inner;
        tree["delivery"] = json!({"id": "d1", "attempt": 2});
        tree["integration"] = json!({"name": "crm"});
        let facts = Facts::new(event, "crm".into(), "d1", 2);
        for name in token_names() {
            let expected = tree.pointer(&format!("/{}", name.replace('.', "/")));
            let source = format!("{{{{ {name} | json }}}}");
            let Some(expected) = expected else {
                // It belongs to the other subject, and one that is not there has no parts.
                assert!(name.starts_with("call") || name.starts_with("link"), "{name}");
                continue;
            };
            let text = render(Place::Text, &source, &facts).unwrap();
            assert_eq!(&serde_json::from_str::<Value>(&text).unwrap(), expected, "{name}");
            seen += 1;
        }
    }
    assert!(token_names().len() < seen, "each name was there for one subject or the other");
}

#[test]
fn the_catalogue_misses_no_field_of_a_call() {
    let Value::Object(fields) = serde_json::to_value(full_call()).unwrap() else { panic!() };
    for name in fields.keys() {
        assert!(token_names().contains(&format!("call.{name}")), "call.{name}");
    }
}

#[test]
fn a_value_is_escaped_for_the_place_where_it_stands() {
    let source = "{{ call.from.name }}";
    expect![[r#"{"n": "Rossi \"Gino\"\r\nEvil: yes", "x": "a"}"#]]
        .assert_eq(&rendered(Place::Json, r#"{"n": "{{ call.from.name }}", "x": "a"}"#));
    expect![[r#"{"n": "Rossi \"Gino\"\r\nEvil: yes"}"#]]
        .assert_eq(&rendered(Place::Json, r#"{"n": {{ call.from.name }}}"#));
    expect!["Rossi%20%22Gino%22%0D%0AEvil%3A%20yes"].assert_eq(&rendered(Place::Url, source));
    expect!["http://h/?q=support%20%26%20sales&n=%2B390612345678"]
        .assert_eq(&rendered(Place::Url, "http://h/?q={{ call.queue }}&n={{ call.from.number }}"));
    assert_eq!(rendered(Place::Text, source), "Rossi \"Gino\"\r\nEvil: yes");
    let error = render(Place::Headers, "X-Name: {{ call.from.name }}", &facts_of(full_call()));
    expect![
        "line 1: a value with a line break or another control character cannot stand in a header"
    ]
    .assert_eq(&error.unwrap_err().to_string());
}

#[test]
fn json_quotes_and_backslashes_of_the_template_itself_are_followed() {
    let source = r#"{"a\"b\\": "x\\{{ call.queue }}\"{{ call.queue }}", "c": {{ call.queue }}}"#;
    let body = rendered(Place::Json, source);
    let read: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(
        read,
        json!({"a\"b\\": "x\\support & sales\"support & sales", "c": "support & sales"})
    );
}

#[test]
fn json_outside_of_quotes_gives_whole_values_of_any_type() {
    let source = "[{{ call.rang }}, {{ call.parked }}, {{ call.hangup_cause }}, {{ call.to.name }}, {{ call.talk_seconds }}, {{ call.transfers[0].kind }}]";
    expect![[r#"[["201","202"], true, 16, null, 73.4, "attended"]"#]]
        .assert_eq(&rendered(Place::Json, source));
}

#[test]
fn the_json_filter_is_not_escaped_again() {
    expect![[r#"{"name":"Rossi \"Gino\"\r\nEvil: yes"}"#]]
        .assert_eq(&rendered(Place::Json, r#"{"name":{{ call.from.name | json }}}"#));
    expect!["http://h/%22201%22"]
        .assert_eq(&rendered(Place::Url, "http://h/{{ call.answered_by | json }}"));
}

#[test]
fn a_fact_that_is_not_given_is_nothing_in_a_text_and_null_in_json() {
    let facts = facts_of(full_call());
    assert_eq!(render(Place::Text, "[{{ call.to.name }}]", &facts).unwrap(), "[]");
    assert_eq!(render(Place::Json, r#"["{{ call.to.name }}"]"#, &facts).unwrap(), r#"[""]"#);
    assert_eq!(render(Place::Text, "{{ call.to.name | json }}", &facts).unwrap(), "null");
    let source = "{{ call.to.name | default('unknown') }}";
    assert_eq!(render(Place::Text, source, &facts).unwrap(), "unknown");
}

#[test]
fn a_call_that_is_not_there_is_said_so() {
    let link = Subject::Link(LinkChange { pbx: "p".into(), reason: None });
    let facts = Facts::new(event_of(link), "crm".into(), "d1", 1);
    let error = render(Place::Text, "a\n{{ call.id }}", &facts).unwrap_err();
    expect!["line 2: `call.id` is not there for this event; give another value with the filter `default`, or ask `is defined` first"]
        .assert_eq(&error.to_string());
    let asked = "{% if call %}{{ call.id }}{% else %}{{ link.pbx }}{% endif %}";
    assert_eq!(render(Place::Text, asked, &facts).unwrap(), "p");
}

#[test]
fn conditions_loops_and_white_space_work_as_in_jinja() {
    let source = "{% for it in call.rang -%}\n  {{ loop.index }}={{ it }}{% if not loop.last %},{% endif %}\n{%- endfor %}\n";
    assert_eq!(rendered(Place::Text, source), "1=201,2=202\n");
    assert_eq!(rendered(Place::Text, "{# note #}a\n"), "a\n");
}

#[test]
fn a_template_that_would_run_away_is_stopped() {
    let mut call = full_call();
    call.rang = vec!["2".into(); 300];
    let facts = facts_of(call);
    let nested = "{% for a in call.rang %}{% for b in call.rang %}{% for c in call.rang %}{{ a }}{% endfor %}{% endfor %}{% endfor %}";
    let error = render(Place::Text, nested, &facts).unwrap_err();
    assert!(error.message.contains("100000 steps"), "{error}");
    let long = format!("{{% for a in call.rang %}}{}{{% endfor %}}", "x".repeat(10_000));
    let error = render(Place::Text, &long, &facts).unwrap_err();
    assert_eq!(error.message, "the template renders to more than 1048576 bytes");
    let error = Template::compile(Place::Text, &"x".repeat(SOURCE_BYTES_MAX + 1)).unwrap_err();
    assert!(error.message.contains("262144 are allowed"), "{error}");
}

#[test]
fn a_template_that_would_fill_the_memory_is_refused() {
    let doubled = format!("{{% set x = call.id %}}{}", "{% set x = x ~ x %}".repeat(30));
    let table = [
        (doubled.as_str(), "far too long a text"),
        (
            "{% set x = 'a' %}{% for t in call.rang %}{% set x = x ~ x %}{% endfor %}",
            "take a new name",
        ),
        ("{{ 'a' * 100000000 }}", "`*` is for numbers"),
        ("{{ call.rang * 100000000 }}", "`*` is for numbers"),
        ("{% set x = 'a' %}{{ x * 100000000 }}", "`*` is for numbers"),
        (
            "{% set b = 'bbbbbbbbbbbbbbbb' ~ call.id %}{{ call.id | replace('a', b) | replace('b', b) | replace('b', b) }}",
            "far too long a text",
        ),
    ];
    for (source, words) in table {
        let error = Template::compile(Place::Text, source).unwrap_err();
        assert!(error.message.contains(words), "{source}: {error}");
    }
    let fine = "{% for t in call.rang %}{% set x = t ~ '/' ~ t %}{{ x }} {% endfor %}{{ (call.talk_seconds * 1000) | int }}";
    assert_eq!(rendered(Place::Text, fine), "201/201 202/202 73400");
}

#[test]
fn a_template_that_would_nest_too_deep_is_refused_before_it_does_harm() {
    let long = |before: &str, part: &str, after: &str| {
        format!("{before}{}{after}", part.repeat((SOURCE_BYTES_MAX - 100) / part.len()))
    };
    for source in [
        long("{{ 1", "|abs", " }}"),
        long("{{ 1", "+1", " }}"),
        long("{{ call", ".a", " }}"),
        long("{{ ", "(", ""),
        long("{{ ", "not ", "1 }}"),
        long("{{ ", "[", ""),
        long("{% if 1 %}", "{% elif 1 %}", "{% endif %}"),
        long("", "{% if 1 %}", ""),
        long("", "{% for a in b %}", ""),
    ] {
        let error = Template::compile(Place::Text, &source).unwrap_err();
        assert!(error.message.contains("more than 250"), "{error}");
    }
    let fine = format!("{{% if 1 %}}{}{{% endif %}}", "{% elif 1 %}".repeat(240));
    Template::compile(Place::Text, &fine).unwrap();
    Template::compile(Place::Text, &format!("{{{{ 1{} }}}}", "|abs".repeat(120))).unwrap();
}

#[test]
fn a_body_that_is_not_json_is_told_where() {
    check_json(br#"{"a": [1, null]}"#).unwrap();
    let error = check_json(b"{\"a\": \"b\",\n \"number\": 0612}").unwrap_err();
    expect![
        "line 2, column 13: the rendered body is not JSON: invalid number, near ` \"number\": 0612}`"
    ]
    .assert_eq(&error.to_string());
}

#[test]
fn a_debug_view_does_not_show_the_text() {
    let template = Template::compile(Place::Headers, "Authorization: Bearer hush").unwrap();
    assert!(!format!("{template:?}").contains("hush"));
}

proptest! {
    #[test]
    fn whatever_a_caller_is_named_the_json_stays_json(name: String) {
        let mut call = full_call();
        call.from.name = Some(name.clone());
        let source = r#"{"a": "<{{ call.from.name }}>", "b": {{ call.from.name }}, "c": {{ call.from.name | json }}}"#;
        let text = render(Place::Json, source, &facts_of(call)).unwrap();
        let read: Value = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(read, json!({"a": format!("<{name}>"), "b": name, "c": name}));
    }

    #[test]
    fn whatever_a_caller_is_named_the_address_keeps_its_parts(name: String) {
        let mut call = full_call();
        call.from.name = Some(name);
        let text = render(Place::Url, "http://h/{{ call.from.name }}", &facts_of(call)).unwrap();
        let value = text.strip_prefix("http://h/").unwrap();
        let fine = |it: char| it.is_ascii_alphanumeric() || "%-._~".contains(it);
        prop_assert!(value.chars().all(fine));
    }

    #[test]
    fn no_text_makes_the_compiler_panic(source in r"(\{\{|\}\}|\{%|%\}| |call|\.|id|if|for|in|\||json|[a-z'(\[{#-]){0,20}") {
        let _ = Template::compile(Place::Json, &source);
    }
}
