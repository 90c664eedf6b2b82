use super::*;

fn schema() -> Value {
    json!({
        "type": "object",
        "properties": {
            "host": { "type": "string" },
            "secret": { "anyOf": [{ "$ref": "#/$defs/Secret" }, { "type": "null" }] },
        },
        "required": ["host"],
        "additionalProperties": false,
        "$defs": { "Secret": { "type": "string", "writeOnly": true } },
    })
}

fn map(value: Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

/// Takes settings over stored ones, with `AMI` in the environment.
fn take(given: Value, old: Option<&Map<String, Value>>) -> Result<Taken, Vec<FieldProblem>> {
    let (schema, vault) = (schema(), Vault::new(&[1; 32]));
    let fields = Fields { schema: &schema, vault: &vault, place: ["org", "pbx"] };
    let resolve = |it: &Reference| (it.key() == "env:AMI").then(|| "from-env".to_owned());
    fields.take(&map(given), old, &resolve)
}

#[test]
fn a_secret_is_sealed_shown_masked_and_opened() {
    let taken = take(json!({ "host": "h", "secret": "s3cret" }), None).unwrap();
    assert!(!Value::Object(taken.stored.clone()).to_string().contains("s3cret"));
    assert_eq!(
        Value::Object(shown(&taken.stored)),
        json!({ "host": "h", "secret": { "stored": true } })
    );
    let (schema, vault) = (schema(), Vault::new(&[1; 32]));
    let fields = Fields { schema: &schema, vault: &vault, place: ["org", "pbx"] };
    assert_eq!(fields.open(&taken.stored).unwrap()["secret"], "s3cret");
    let elsewhere = Fields { place: ["other", "pbx"], ..fields };
    assert!(elsewhere.open(&taken.stored).is_err());
}

#[test]
fn what_is_shown_can_be_given_back_and_changes_nothing() {
    for secret in [json!("s3cret"), json!({ "env": "AMI" })] {
        let first = take(json!({ "host": "h", "secret": secret }), None).unwrap();
        let again = take(Value::Object(shown(&first.stored)), Some(&first.stored)).unwrap();
        assert_eq!(again.stored, first.stored);
        let same = take(json!({ "host": "h", "secret": secret }), Some(&first.stored)).unwrap();
        assert_eq!(same.stored, first.stored, "the same value is not sealed anew");
    }
}

#[test]
fn a_reference_that_cannot_be_resolved_is_told_unless_it_is_the_stored_one() {
    let problems = take(json!({ "host": "h", "secret": { "env": "NOPE" } }), None).unwrap_err();
    assert_eq!(problems, [problem("secret", "the environment variable NOPE is not set")]);
    let mut stored = take(json!({ "host": "h", "secret": { "env": "AMI" } }), None).unwrap().stored;
    stored["secret"]["from"] = json!({ "env": "NOPE" });
    let kept = take(json!({ "host": "h", "secret": { "env": "NOPE" } }), Some(&stored)).unwrap();
    assert_eq!(kept.open["secret"], "from-env");
}

#[test]
fn all_that_is_wrong_is_told_at_once() {
    let problems = take(json!({ "hots": "h", "secret": { "stored": true } }), None).unwrap_err();
    let told: Vec<&str> = problems.iter().map(|it| it.field.as_str()).collect();
    assert_eq!(told, ["secret", "hots", "host"]);
}

#[test]
fn null_puts_a_setting_back() {
    let stored = map(json!({ "host": "h", "note": "n" }));
    let merged = merged(&stored, &map(json!({ "note": null, "host": "i" })));
    assert_eq!(Value::Object(merged), json!({ "host": "i" }));
}

/// A kind that forgets to mark a secret would have it stored in clear and shown.
#[test]
fn every_setting_that_sounds_like_a_secret_is_marked_as_one() {
    let kinds = pbx::ALL.iter().map(|it| (it.name, (it.schema)().to_value()));
    let kinds = kinds.chain(connectors::ALL.iter().map(|it| (it.name, (it.schema)().to_value())));
    for (kind, schema) in kinds {
        for (name, property) in schema["properties"].as_object().unwrap() {
            let sounds = ["secret", "password", "token"].iter().any(|it| name.contains(it));
            assert!(!sounds || says_write_only(&schema, property), "{kind}.{name}");
        }
    }
}
