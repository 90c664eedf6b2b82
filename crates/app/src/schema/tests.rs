use expect_test::{Expect, expect};
use serde::Deserialize;
use serde_json::json;

use super::*;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "only its schema is used")]
struct Example {
    #[schemars(length(min = 1, max = 5))]
    host: String,
    #[serde(default)]
    port: u16,
    #[serde(default)]
    note: Option<String>,
    #[serde(default)]
    mode: Option<Mode>,
    #[serde(default)]
    members: Vec<Member>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Mode {
    Plain,
    Md5,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "only its schema is used")]
struct Member {
    user: String,
}

#[track_caller]
fn check_example(value: Value, expected: Expect) {
    let schema = schemars::schema_for!(Example).to_value();
    let told: Vec<String> = check(&schema, &value)
        .into_iter()
        .map(|it| format!("{}: {}", it.field, it.message))
        .collect();
    expected.assert_eq(&told.join("\n"));
}

#[test]
fn what_fits_passes() {
    let value = json!({ "host": "pbx", "port": 5038, "note": null, "mode": "md5", "members": [{ "user": "a" }] });
    check_example(value, expect![""]);
}

#[test]
fn a_misspelt_field_is_answered_with_the_nearest() {
    check_example(
        json!({ "host": "pbx", "prot": 1 }),
        expect!["prot: unknown field `prot`: did you mean `port`?"],
    );
}

#[test]
fn every_wrong_field_is_told_at_once_with_its_path() {
    check_example(
        json!({ "port": 70000, "mode": "md6", "members": [{ "user": "a" }, { "usr": 1 }] }),
        expect![[r#"
            port: must be from 0 to 65535
            mode: unknown value `md6`: did you mean `md5`?
            members[1].usr: unknown field `usr`: did you mean `user`?
            members[1].user: is missing
            host: is missing"#]],
    );
}

#[test]
fn a_wrong_type_is_told_in_plain_words() {
    check_example(
        json!({ "host": 5, "note": 1, "members": {} }),
        expect![[r#"
            host: must be a text, not a number
            note: must be a text, not a number
            members: must be a list, not an object"#]],
    );
}

#[test]
fn lengths_are_kept() {
    check_example(json!({ "host": "" }), expect!["host: must not be empty"]);
    check_example(json!({ "host": "toolong" }), expect!["host: must have at most 5 characters"]);
}

#[test]
fn a_value_nested_without_end_is_refused() {
    let mut value = json!({});
    for _ in 0..100 {
        value = json!({ "members": [value] });
    }
    let schema = json!({ "properties": { "members": { "items": { "$ref": "#" } } } });
    assert_eq!(check(&schema, &value).len(), 1);
}
