use super::*;

fn read(text: &str, environment: &[(&str, &str)]) -> Result<Settings, String> {
    let pairs = environment.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    Settings::read("hookswitch.toml", text, pairs).map_err(|it| it.to_string())
}

#[track_caller]
fn refused(text: &str, environment: &[(&str, &str)], message: &str) {
    assert_eq!(read(text, environment).unwrap_err(), message);
}

#[test]
fn nothing_said_is_the_defaults() {
    let settings = read("", &[]).unwrap();
    assert_eq!(settings, Settings::default());
    assert_eq!(settings.server.listen.to_string(), "127.0.0.1:8080");
    assert!(settings.delivery.allow_networks.is_empty());
}

#[test]
fn the_environment_stands_over_the_file() {
    let settings = read(
        "[server]\nlisten = \"127.0.0.1:1\"\npublic_url = \"https://a.example\"\n",
        &[
            ("HOOKSWITCH_SERVER_LISTEN", "127.0.0.1:2"),
            ("HOOKSWITCH_DELIVERY_ALLOW_NETWORKS", "10.0.0.0/8, 127.0.0.0/8"),
            ("HOOKSWITCH_KEY", "hsk_not_a_setting"),
            ("PATH", "/bin"),
        ],
    )
    .unwrap();
    assert_eq!(settings.server.listen.port(), 2);
    assert_eq!(settings.server.public_url.as_deref(), Some("https://a.example"));
    assert_eq!(settings.delivery.allow_networks, ["10.0.0.0/8", "127.0.0.0/8"]);
}

#[test]
fn a_misspelt_key_is_refused_with_the_nearest_one() {
    refused(
        "[server]\nlisten = \"127.0.0.1:1\"\n\n[storage]\nurll = \"x\"\n",
        &[],
        "hookswitch.toml, line 5: unknown key `storage.urll`; did you mean `storage.url`?",
    );
    refused(
        "[servr]\nlisten = \"127.0.0.1:1\"\n",
        &[],
        "hookswitch.toml, line 1: unknown key `servr`; did you mean `server`?",
    );
    refused(
        "[server]\nlisten = \"127.0.0.1:1\"\n[storge]\nurl = \"x\"\n",
        &[],
        "hookswitch.toml, line 3: unknown key `storge`; did you mean `storage`?",
    );
    refused(
        "",
        &[("HOOKSWITCH_SERVER_LISTN", "127.0.0.1:1")],
        "HOOKSWITCH_SERVER_LISTN: unknown key `HOOKSWITCH_SERVER_LISTN`; did you mean \
         `HOOKSWITCH_SERVER_LISTEN`?",
    );
}

#[test]
fn a_wrong_value_is_refused_with_its_place() {
    refused(
        "[log]\nformat = \"xml\"\n",
        &[],
        "hookswitch.toml, line 2: unknown variant `xml`, expected `text` or `json`",
    );
    let message = read("", &[("HOOKSWITCH_SERVER_LISTEN", "nowhere")]).unwrap_err();
    assert!(message.starts_with("HOOKSWITCH_SERVER_LISTEN: "), "{message}");
}

#[test]
fn every_key_can_come_from_the_environment() {
    for (section, field, shape) in unknown::KEYS {
        let variable = format!("HOOKSWITCH_{}_{}", section.to_uppercase(), field.to_uppercase());
        let value = match (*field, shape) {
            ("listen", _) => "127.0.0.1:9",
            ("format", _) => "json",
            (_, unknown::Shape::Number) => "25",
            _ => "x",
        };
        let settings = read("", &[(variable.as_str(), value)]).unwrap();
        assert_ne!(settings, Settings::default(), "{variable} has no effect");
    }
}

#[test]
fn keys_that_nothing_acts_on_yet_are_named() {
    let settings = read("[mail]\nhost = \"mail.example.com\"\n", &[]).unwrap();
    assert_eq!(settings.without_effect(), ["mail.*"]);
    assert!(Settings::default().without_effect().is_empty());
}
