use std::collections::BTreeSet;

use serde_json::Value;

use super::*;

/// The Call object of the contract, times and ids filled in.
const CALL: &str = r#"{
  "id": "01KAGZ0000000000000000000A", "pbx": "head-office", "direction": "inbound",
  "from": {"number": "+390612345678", "raw": "0612345678", "name": "Rossi"},
  "to":   {"number": "+390687654321", "raw": "0687654321", "name": null},
  "state": "ended", "outcome": "answered",
  "queue": null, "rang": ["201", "202"], "answered_by": "201", "parties": ["201", "203"],
  "extension": "203", "user": "anna@example.com",
  "transfers": [{"kind": "attended", "from": "201", "to": "203", "outcome": "answered",
                 "at": "2026-11-20T10:49:43.420Z"}],
  "picked_up_from": null, "forwarded_by": null, "parked": false,
  "started_at": "2026-11-20T10:49:13.420Z", "answered_at": "2026-11-20T10:49:19.620Z",
  "ended_at": "2026-11-20T10:50:33.020Z",
  "ring_seconds": 6.2, "talk_seconds": 73.4, "hold_seconds": 0.0,
  "ended_by": "caller", "hangup_cause": 16, "dial_request": null,
  "recordings": [], "contact": null, "links": []
}"#;

#[test]
fn the_call_is_that_of_the_contract_field_for_field() {
    let contract: Value = serde_json::from_str(CALL).unwrap();
    let call: call::Call = serde_json::from_str(CALL).unwrap();
    assert_eq!(serde_json::to_value(&call).unwrap(), contract);
    let shape: CallShape = serde_json::from_str(CALL).unwrap();
    assert_eq!(serde_json::to_value(&shape).unwrap(), contract);
}

#[test]
fn the_shape_of_a_call_knows_every_field_that_a_call_can_have() {
    let mut call: call::Call = serde_json::from_str(CALL).unwrap();
    call.estimated = true;
    call.merged_into = Some(call.id.clone());
    call.recordings = vec![call::Recording { id: "r".into(), started_at: None }];
    let written = serde_json::to_value(&call).unwrap();
    let shape: CallShape = serde_json::from_value(written.clone()).unwrap();
    assert_eq!(serde_json::to_value(&shape).unwrap(), written);
}

#[test]
fn every_reference_in_the_document_leads_somewhere() {
    let document = document("1");
    let mut references = BTreeSet::new();
    collect(&document, &mut references);
    assert!(references.len() > 30);
    for reference in references {
        let pointer = reference.strip_prefix('#').expect("references stay inside");
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
}

fn collect(value: &Value, references: &mut BTreeSet<String>) {
    match value {
        Value::Object(map) => {
            references.extend(map.get("$ref").and_then(Value::as_str).map(str::to_owned));
            map.values().for_each(|it| collect(it, references));
        }
        Value::Array(items) => items.iter().for_each(|it| collect(it, references)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn the_table_keeps_its_own_rules() {
    for it in OPERATIONS {
        assert!(!it.summary.is_empty() && !it.tag.is_empty(), "{}", it.id);
        let outside = ["/healthz", "/readyz", "/metrics", "/openapi.json", "/api/docs"];
        assert!(it.path.starts_with(BASE) || outside.contains(&it.path), "{}", it.path);
        // What creates or dials honours the key; what only reads or tries out need not.
        let creates = it.method == Method::Post && !it.path.ends_with("/test");
        assert_eq!(it.idempotent_by_key, creates && it.id != "applyConfiguration", "{}", it.id);
        let changes = it.method != Method::Get;
        assert!(!changes || it.access != Access::Open, "{}", it.id);
    }
}

#[test]
fn every_path_of_the_contract_that_this_version_owes_is_there() {
    let paths: BTreeSet<&str> = OPERATIONS.iter().map(|it| it.path).collect();
    for path in [
        "calls",
        "calls/{id}",
        "calls/{id}/timeline",
        "events",
        "dial",
        "dial/{id}",
        "pbxes",
        "groups",
        "users",
        "api-keys",
        "settings",
        "audit",
        "integrations",
        "integrations/{id}/test",
        "deliveries",
        "deliveries/{id}/replay",
    ] {
        assert!(paths.contains(format!("{BASE}/{path}").as_str()), "{path}");
    }
}

#[test]
fn codes_and_scopes_are_found_by_their_names() {
    for scope in Scope::ALL {
        assert_eq!(scope.name().parse(), Ok(*scope));
    }
    assert!("calls:wirte".parse::<Scope>().is_err());
    for code in Code::ALL {
        let problem = Problem::new(*code, "x");
        assert_eq!(serde_json::to_value(&problem).unwrap()["code"], code.name());
        assert_eq!(problem.status, code.status());
    }
}
