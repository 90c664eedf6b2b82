use super::*;

fn keep(directory: &Path) -> Keep {
    Keep { directory: directory.to_owned(), hours: 2, bytes_max: 1 << 20 }
}

/// Records entries as the writer thread does, without the thread.
fn record(keep: &Keep, entries: Vec<Entry>) {
    let (to_writer, from_link) = sync_channel(WAITING_MAX);
    entries.into_iter().for_each(|it| to_writer.send(it).unwrap());
    drop(to_writer);
    write(keep, &from_link);
}

fn names(directory: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(directory)
        .unwrap()
        .map(|it| it.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

#[test]
fn a_recording_is_the_bytes_with_their_times_and_what_was_sent() {
    let directory = tempfile::tempdir().unwrap();
    record(
        &keep(directory.path()),
        vec![
            Entry::Connected(UnixMs(0)),
            Entry::Received(b"Asterisk".to_vec(), UnixMs(5)),
            Entry::Sent(b"Action: Ping\r\n\r\n".to_vec(), UnixMs(6)),
            Entry::Received(b" Call\r\n".to_vec(), UnixMs(7)),
        ],
    );
    let read = |extension: &str| {
        let name = format!("19700101T000000000Z.{extension}");
        fs::read_to_string(directory.path().join(name)).unwrap()
    };
    assert_eq!(read("ami"), "Asterisk Call\r\n");
    assert_eq!(read("times.jsonl"), "{\"offset\": 0, \"ms\": 5}\n{\"offset\": 8, \"ms\": 7}\n");
    assert_eq!(
        read("sent.jsonl"),
        "{\"at_offset\":8,\"ms\":6,\"text\":\"Action: Ping\\r\\n\\r\\n\"}\n"
    );
}

#[test]
fn actions_with_credentials_are_never_kept() {
    for action in [
        "Action: Login\r\nUsername: hub\r\nSecret: s3cret\r\n\r\n",
        "action: login\r\nsecret:s3cret\r\n\r\n",
        "Action: Login\r\nAuthType: MD5\r\nKey: 00ff\r\n\r\n",
        "Secret: first\r\nAction: Login\r\n\r\n",
    ] {
        assert!(carries_credentials(action.as_bytes()), "{action}");
    }
    assert!(!carries_credentials(
        b"Action: Originate\r\nChannel: SIP/1\r\nVariable: A_KEY: 1\r\n\r\n"
    ));
}

#[test]
fn each_hour_and_each_connection_begins_a_recording_and_old_ones_go() {
    let directory = tempfile::tempdir().unwrap();
    let hour = 3600 * 1000;
    let at = |ms: i64| Entry::Received(b"x".to_vec(), UnixMs(ms));
    record(
        &keep(directory.path()),
        vec![Entry::Connected(UnixMs(0)), at(1), at(hour), Entry::Connected(UnixMs(hour + 5))],
    );
    let began = |names: &[String]| -> Vec<String> {
        let bytes = names.iter().filter(|it| it.ends_with(".ami"));
        bytes.map(|it| it.trim_end_matches(".ami").to_owned()).collect()
    };
    assert_eq!(
        began(&names(directory.path())),
        ["19700101T000000000Z", "19700101T010000000Z", "19700101T010000005Z"]
    );
    record(&keep(directory.path()), vec![Entry::Connected(UnixMs(3 * hour + 2))]);
    assert_eq!(
        began(&names(directory.path())),
        ["19700101T010000005Z", "19700101T030000002Z"],
        "what is older than two hours is gone"
    );
}

#[test]
fn the_oldest_go_when_the_bytes_are_used_up() {
    let directory = tempfile::tempdir().unwrap();
    let small = Keep { bytes_max: 2_000, ..keep(directory.path()) };
    for minute in 0..4 {
        let at = UnixMs(minute * 60_000);
        record(&small, vec![Entry::Connected(at), Entry::Received(vec![b'x'; 900], at)]);
    }
    let kept = names(directory.path());
    let total: u64 =
        kept.iter().map(|it| fs::metadata(directory.path().join(it)).unwrap().len()).sum();
    assert!(total <= 2_000 + 900, "{total} bytes in {kept:?}");
    assert!(kept.iter().any(|it| it == "19700101T000300000Z.ami"), "{kept:?}");
}
