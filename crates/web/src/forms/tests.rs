use serde_json::json;

use super::*;

/// As `schemars` writes the settings of a link.
fn schema() -> Value {
    json!({
        "type": "object",
        "required": ["host", "secret"],
        "properties": {
            "host": { "type": "string", "description": "Name or address of the `PBX`." },
            "port": { "type": "integer", "minimum": 1, "maximum": 65535, "default": 5038 },
            "secret": { "type": "string", "writeOnly": true },
            "country": { "type": ["string", "null"], "default": null },
            "verify": { "type": "boolean", "default": true },
            "login": { "$ref": "#/$defs/Login", "default": "md5" },
            "trunks": { "type": "array", "items": { "type": "string" } },
            "tls": { "anyOf": [{ "$ref": "#/$defs/Tls" }, { "type": "null" }] },
            "body": { "type": "string", "x-multiline": true }
        },
        "$defs": {
            "Login": { "oneOf": [{ "const": "plain" }, { "const": "md5" }] },
            "Tls": {
                "type": "object",
                "properties": { "server_name": { "type": "string" }, "pin": { "type": "string" } }
            }
        }
    })
}

fn stored(value: Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap_or_default()
}

fn form(pairs: &[(&str, &str)]) -> Sent {
    pairs.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect()
}

#[test]
fn a_form_follows_from_the_schema() {
    let fields = fields(&schema(), &Map::new());
    let shown: Vec<String> = fields
        .iter()
        .map(|it| format!("{} | {} | {:?} | {}", it.name, it.label, it.input, it.required))
        .collect();
    expect_test::expect![[r#"
        host | Host | Text | true
        port | Port | Number { min: "1", max: "65535", whole: true } | false
        secret | Secret | Secret | true
        country | Country | Text | false
        verify | Verify | Switch | false
        login | Login | Choice(["plain", "md5"]) | false
        trunks | Trunks | Lines | false
        tls | TLS | Group | false
        tls.server_name | TLS server name | Text | false
        tls.pin | TLS pin | Text | false
        body | Body | Long | false"#]]
    .assert_eq(&shown.join("\n"));
    assert_eq!(fields[0].help, "Name or address of the PBX.");
    assert_eq!(fields[1].default, "5038");
    assert_eq!(fields[4].value, "true", "a switch shows its default");
}

#[test]
fn what_is_typed_becomes_settings() {
    let mut fields = fields(&schema(), &Map::new());
    let sent = form(&[
        ("host", " pbx.example "),
        ("port", "5039"),
        ("secret", " s p a c e "),
        ("country", ""),
        ("login", "plain"),
        ("trunks", "sip-1\r\n\r\n sip-2 "),
        ("tls", "true"),
        ("tls.server_name", "pbx.example"),
        ("tls.pin", ""),
        ("body", "{\r\n}"),
    ]);
    let settings = read(&mut fields, &sent, false);
    assert_eq!(
        Value::Object(settings),
        json!({
            "host": "pbx.example", "port": 5039, "secret": " s p a c e ", "verify": false,
            "login": "plain", "trunks": ["sip-1", "sip-2"], "tls": { "server_name": "pbx.example" },
            "body": "{\n}"
        })
    );
}

#[test]
fn a_group_that_is_switched_off_is_not_there() {
    let old = stored(json!({ "host": "a", "tls": { "pin": "12" } }));
    let mut shown = fields(&schema(), &old);
    assert_eq!(shown[7].value, "true");
    let sent = form(&[("host", "a"), ("tls.pin", "12")]);
    assert_eq!(read(&mut shown, &sent, true)["tls"], Value::Null);
    let sent = form(&[("host", "a"), ("tls", "true"), ("tls.pin", "")]);
    assert_eq!(read(&mut shown, &sent, true)["tls"], json!({}));
}

#[test]
fn a_field_that_was_emptied_goes_back_to_its_default() {
    let old = stored(json!({ "host": "a", "port": 5039, "country": "IT" }));
    let mut fields = fields(&schema(), &old);
    let settings = read(&mut fields, &form(&[("host", "a"), ("port", ""), ("country", "")]), true);
    assert_eq!(settings["port"], Value::Null);
    assert_eq!(settings["country"], Value::Null);
}

#[test]
fn a_secret_stays_unless_another_is_typed_and_is_never_shown() {
    for kept in [json!({ "stored": true }), json!({ "env": "AMI_SECRET" })] {
        let old = stored(json!({ "host": "a", "secret": kept }));
        let mut shown = fields(&schema(), &old);
        assert_eq!(shown[2].value, "");
        let settings = read(&mut shown, &form(&[("host", "a"), ("secret", "")]), true);
        assert_eq!(settings["secret"], kept);
        let settings = read(&mut shown, &form(&[("host", "a"), ("secret", "new")]), true);
        assert_eq!(settings["secret"], "new");
        assert_eq!(shown[2].value, "", "not even after it was typed");
    }
}

#[test]
fn what_cannot_be_read_is_told_beside_its_field() {
    let mut fields = fields(&schema(), &Map::new());
    read(&mut fields, &form(&[("host", "a"), ("port", "many")]), false);
    assert_eq!(fields[1].error.as_deref(), Some("`many` is not a whole number"));
    assert_eq!(fields[1].value, "many", "what was typed is kept");
}

#[test]
fn problems_find_their_fields() {
    let mut fields = fields(&schema(), &Map::new());
    let problem = |field: &str, message: &str| FieldProblem {
        field: field.to_owned(),
        message: message.to_owned(),
    };
    let problems = [
        problem("host", "is missing"),
        problem("trunks[1]", "must be text"),
        problem("tls.pin", "must be 64 digits"),
        problem("hostname", "is not known"),
    ];
    let rest = place(&mut fields, &problems);
    assert_eq!(rest, [problem("hostname", "is not known")]);
    let told: Vec<_> =
        fields.iter().filter_map(|it| Some((&*it.name, it.error.as_deref()?))).collect();
    assert_eq!(
        told,
        [("host", "is missing"), ("trunks", "must be text"), ("tls.pin", "must be 64 digits")]
    );
}

#[test]
fn a_schema_that_refers_to_itself_ends() {
    let circle = json!({
        "properties": { "a": { "$ref": "#/$defs/A" } },
        "$defs": { "A": { "$ref": "#/$defs/A" } }
    });
    assert_eq!(fields(&circle, &Map::new()).len(), 1);
}
