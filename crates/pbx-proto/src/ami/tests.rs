//! Framing as real servers do it; see the module's page for where each oddity comes from.

use proptest::prelude::*;

use super::*;

/// The frames of a stream, each as `kind key=value …`, read in portions that end at `cuts`.
fn frames(bytes: &[u8], cuts: &[usize]) -> Vec<String> {
    let mut decoder = Decoder::default();
    let mut out = Vec::new();
    let mut from = 0;
    let mut ends: Vec<usize> = cuts.iter().map(|&it| it.min(bytes.len())).collect();
    ends.push(bytes.len());
    ends.sort_unstable();
    for to in ends {
        decoder.feed(&bytes[from..to]);
        from = to;
        while let Some(frame) = decoder.next_frame() {
            out.push(shown(&frame));
        }
    }
    out
}

fn shown(frame: &Frame<'_>) -> String {
    let kind = match frame.kind() {
        FrameKind::Event(name) => format!("event {}", name.escape_ascii()),
        FrameKind::Response(name) => format!("response {}", name.escape_ascii()),
        FrameKind::Banner(version) => format!("banner {}", version.escape_ascii()),
        FrameKind::Other => "other".to_owned(),
    };
    let pairs = frame
        .pairs()
        .skip(1)
        .map(|it| format!(" {}={}", it.key.escape_ascii(), it.value.escape_ascii()));
    kind + &pairs.collect::<String>()
}

/// Reads a stream at once and at every split, and compares.
#[track_caller]
fn check(bytes: &[u8], expected: &[&str]) {
    assert_eq!(frames(bytes, &[]), expected);
    for cut in 0..=bytes.len() {
        assert_eq!(frames(bytes, &[cut]), expected, "cut at {cut}");
    }
    let every: Vec<usize> = (0..bytes.len()).collect();
    assert_eq!(frames(bytes, &every), expected, "byte by byte");
}

#[test]
fn a_banner_has_no_blank_line_after_it() {
    check(
        b"Asterisk Call Manager/5.0.2\r\nResponse: Success\r\nActionID: 1\r\n\r\n",
        &["banner 5.0.2", "response Success ActionID=1"],
    );
}

#[test]
fn blank_lines_before_a_frame_are_skipped() {
    check(b"\r\n\nEvent: A\r\n\r\n\r\n\r\nEvent: B\r\n\r\n", &["event A", "event B"]);
}

#[test]
fn bare_line_feeds_end_lines_and_frames() {
    check(b"Event: A\nX: 1\r\n\nEvent: B\r\nY: 2\n\r\n", &["event A X=1", "event B Y=2"]);
}

#[test]
fn a_line_without_a_colon_is_kept_without_a_key() {
    check(b"Event: A\r\nText: one\r\ntwo\r\nX: 1\r\n\r\n", &["event A Text=one =two X=1"]);
}

#[test]
fn the_value_begins_after_the_first_colon_and_one_space() {
    check(
        b"Event: A\r\nNone:\r\nEmpty: \r\nTight:x\r\nTwo:  y\r\nTime: 10:51\r\n\r\n",
        &["event A None= Empty= Tight=x Two= y Time=10:51"],
    );
}

#[test]
fn repeated_keys_are_all_kept_in_order() {
    let bytes = b"Event: A\r\nVariable: a=1\r\nVariable: b=2\r\nvariable: c\r\n\r\n";
    let mut decoder = Decoder::default();
    decoder.feed(bytes);
    let frame = decoder.next_frame().unwrap();
    let all: Vec<_> = frame.all("VARIABLE").collect();
    assert_eq!(all, [b"a=1".as_slice(), b"b=2", b"c"]);
    assert_eq!(frame.get("Variable"), Some(b"a=1".as_slice()));
    assert_eq!(frame.last("Variable"), Some(b"c".as_slice()));
}

#[test]
fn the_first_key_decides_what_a_frame_is() {
    check(
        b"Event: OriginateResponse\r\nResponse: Failure\r\n\r\nevent: x\r\nEvent: Hangup\r\n\r\n",
        &["event OriginateResponse Response=Failure", "event x Event=Hangup"],
    );
    check(b"CallerIDName: x\r\nEvent: Hangup\r\n\r\n", &["other Event=Hangup"]);
}

#[test]
fn command_output_goes_on_to_its_mark() {
    check(
        b"Response: Follows\r\nPrivilege: Command\r\nActionID: k2\r\none: 1\n\n  two\n--END COMMAND--\r\n\r\nEvent: A\r\n\r\n",
        &["response Follows Privilege=Command ActionID=k2 one=1 = =  two", "event A"],
    );
}

#[test]
fn the_mark_may_follow_the_output_without_a_line_end() {
    check(
        b"Response: Follows\r\nlast--END COMMAND--\r\n\r\nEvent: A\r\n\r\n",
        &["response Follows =last", "event A"],
    );
}

#[test]
fn bytes_that_are_no_text_pass() {
    check(
        b"Event: A\r\nName: \xc2\xe8\xf2\x00\xff\r\n\r\n",
        &["event A Name=\\xc2\\xe8\\xf2\\x00\\xff"],
    );
}

#[test]
fn an_overlong_line_is_cut_and_counted() {
    let mut bytes = b"Event: A\r\nX: ".to_vec();
    bytes.extend(vec![b'x'; LINE_BYTES_MAX * 2]);
    bytes.extend(b"\r\nY: 1\r\n\r\n");
    let mut decoder = Decoder::default();
    decoder.feed(&bytes);
    let frame = decoder.next_frame().unwrap();
    assert_eq!(frame.get("X").map(<[u8]>::len), Some(LINE_BYTES_MAX - 3));
    assert_eq!(frame.get("Y"), Some(b"1".as_slice()));
    assert_eq!(decoder.losses(), Losses { lines: 1, frames: 0 });
}

#[test]
fn an_endless_frame_is_skipped_and_counted_and_the_next_one_read() {
    for lead in ["Event: A\r\n", "Response: Follows\r\n", "no end of line "] {
        let mut decoder = Decoder::default();
        decoder.feed(lead.as_bytes());
        for _ in 0..40 {
            decoder.feed(&b"Variable: x=y\r\n".repeat(8 * 1024));
            assert!(decoder.next_frame().is_none());
            assert!(decoder.unread().len() <= FRAME_BYTES_MAX + 128 * 1024);
        }
        decoder.feed(b"\r\n--END COMMAND--\r\n\r\nEvent: B\r\n\r\n");
        let mut rest = Vec::new();
        while let Some(frame) = decoder.next_frame() {
            rest.push(shown(&frame));
        }
        assert_eq!(rest.last().map(String::as_str), Some("event B"), "{lead:?}");
        assert_eq!(decoder.losses().frames, 1, "{lead:?}");
    }
}

#[test]
fn a_line_without_end_takes_no_memory() {
    let mut decoder = Decoder::default();
    for _ in 0..64 {
        decoder.feed(&[b'x'; 128 * 1024]);
        assert!(decoder.next_frame().is_none());
        assert!(decoder.unread().len() <= FRAME_BYTES_MAX + 128 * 1024);
    }
    decoder.feed(b"\r\n\r\nEvent: B\r\n\r\n");
    assert_eq!(decoder.next_frame().map(|it| shown(&it)), Some("event B".to_owned()));
}

#[test]
fn lines_beyond_the_limit_are_left_out() {
    let mut bytes = b"Event: A\r\n".to_vec();
    bytes.extend(b"a: 1\r\n".repeat(LINES_MAX + 9));
    bytes.extend(b"\r\n");
    let mut decoder = Decoder::default();
    decoder.feed(&bytes);
    assert_eq!(decoder.next_frame().map(|it| it.pairs().count()), Some(LINES_MAX));
    assert_eq!(decoder.losses().lines, 10);
}

#[test]
fn a_new_connection_begins_at_nothing() {
    let mut decoder = Decoder::default();
    decoder.feed(b"Event: A\r\nX");
    assert!(decoder.next_frame().is_none());
    decoder.reset();
    decoder.feed(b"Event: B\r\n\r\n");
    assert_eq!(decoder.next_frame().map(|it| shown(&it)), Some("event B".to_owned()));
}

#[test]
fn names_are_read_in_the_code_page_of_the_site() {
    for (charset, bytes, text) in [
        (Charset::Windows1251, "Иван".as_bytes(), "Иван"),
        (Charset::Windows1251, b"\xc8\xe2\xe0\xed", "Иван"),
        (Charset::Koi8R, b"\xe9\xd7\xc1\xce", "Иван"),
        (Charset::Latin1, b"J\xf6rg", "Jörg"),
        (Charset::Utf8, b"J\xf6rg", "J\u{fffd}rg"),
        // A fixed field has cut the last character in two.
        (Charset::Windows1251, b"\xd0\x98\xd0\xb2\xd0", "Ив"),
    ] {
        assert_eq!(charset.decode(bytes), text);
    }
}

#[test]
fn an_action_is_written_line_by_line() {
    let action = Action::new("Originate", "a-1").unwrap();
    let action = action.with("Variable", "A=1").unwrap().with("Variable", "B=2").unwrap();
    assert_eq!(
        action.into_bytes(),
        b"Action: Originate\r\nActionID: a-1\r\nVariable: A=1\r\nVariable: B=2\r\n\r\n"
    );
}

#[test]
fn an_action_refuses_what_would_break_its_line() {
    let action = || Action::new("Ping", "1").unwrap();
    for value in ["a\r\nAction: Originate", "a\nb", "a\rb", "a\0b"] {
        assert!(matches!(action().with("Exten", value), Err(ActionError::LineBreak { .. })));
        assert!(matches!(action().with(value, "x"), Err(ActionError::LineBreak { .. })));
        assert!(Action::new("Ping", value).is_err());
    }
    assert!(matches!(action().with("a:b", "x"), Err(ActionError::LineBreak { .. })));
    assert!(matches!(action().with("X", &"y".repeat(1021)), Err(ActionError::TooLong { .. })));
    let full = (0..126).try_fold(action(), |it, _| it.with("X", "y")).unwrap();
    assert_eq!(full.with("X", "y"), Err(ActionError::TooMany));
}

/// Text in which frames, oddities and rubbish follow each other.
fn streams() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just(b"Event: A\r\n".to_vec()),
        Just(b"Response: Success\r\n".to_vec()),
        Just(b"Response: Follows\r\n".to_vec()),
        Just(b"--END COMMAND--\r\n".to_vec()),
        Just(b"Asterisk Call Manager/1.1\r\n".to_vec()),
        Just(b"\r\n".to_vec()),
        Just(b"\n".to_vec()),
        Just(b"Key: value\r\n".to_vec()),
        Just(b"no colon\n".to_vec()),
        prop::collection::vec(any::<u8>(), 0..12),
    ];
    prop::collection::vec(piece, 0..30).prop_map(|it| it.concat())
}

/// What the fuzzer and the field have found once.
#[test]
fn the_corpus_is_read_the_same_at_every_split() {
    let corpus = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/corpus/ami_frames");
    let mut count = 0;
    for entry in std::fs::read_dir(corpus).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        let whole = frames(&bytes, &[]);
        let every: Vec<usize> = (0..bytes.len()).collect();
        assert_eq!(frames(&bytes, &every), whole);
        for cut in every.iter().step_by(1 + bytes.len() / 64) {
            assert_eq!(frames(&bytes, &[*cut]), whole);
        }
        count += 1;
    }
    assert!(count >= 6, "only {count} files in {corpus}");
}

proptest! {
    #[test]
    fn no_split_changes_what_is_read(
        bytes in streams(),
        cuts in prop::collection::vec(0usize..400, 0..20),
    ) {
        prop_assert_eq!(frames(&bytes, &[]), frames(&bytes, &cuts));
    }

    #[test]
    fn every_byte_is_read_once(bytes in streams()) {
        let mut decoder = Decoder::default();
        decoder.feed(&bytes);
        let mut read = 0;
        while let Some(frame) = decoder.next_frame() {
            read += frame.bytes().len();
        }
        prop_assert!(read + decoder.unread().len() <= bytes.len());
    }
}
