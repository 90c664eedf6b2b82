//! The server seen by clients on real sockets.

use std::{fs, path::PathBuf};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use super::*;
use crate::{
    clock::Clock,
    company::{Caller, Company},
    profile::{Load, LoadSettings, Mix},
    script::{self, Durations, HangsUp, Kind, Numbering, Outcome},
};

const STARTED_US: i64 = 1_795_171_753_420_000;
const SECRET: &str = "kit-secret";

fn settings() -> Settings {
    Settings {
        username: "kit".to_owned(),
        keep_ends: true,
        dialling: Dialling { lifts_ms: (20, 20), answers_ms: (20, 20), talks_ms: (20, 20) },
        ..Settings::quiet(Clock::starting_at(STARTED_US), SECRET)
    }
}

async fn start() -> Simulator {
    Simulator::start(settings()).await.unwrap()
}

/// A client that reads frame by frame.
struct Client {
    stream: TcpStream,
    bytes: Vec<u8>,
}

impl Client {
    async fn connect(simulator: &Simulator) -> Client {
        let stream = TcpStream::connect(simulator.address()).await.unwrap();
        let mut client = Client { stream, bytes: Vec::new() };
        assert_eq!(client.until("\r\n").await, "Asterisk Call Manager/11.0.0\r\n");
        client
    }

    /// Logs in with events on, and has the channels listed.
    async fn in_step(simulator: &Simulator) -> Client {
        let mut client = Client::connect(simulator).await;
        client.login().await;
        client.send("Action: CoreShowChannels\r\nActionID: list\r\n\r\n").await;
        client.until_frame("CoreShowChannelsComplete").await;
        client
    }

    async fn login(&mut self) {
        self.send("Action: Login\r\nUsername: kit\r\nSecret: kit-secret\r\n\r\n").await;
        assert!(self.frame().await.contains("Authentication accepted"));
        assert!(self.frame().await.starts_with("Event: FullyBooted\r\n"));
    }

    async fn send(&mut self, text: &str) {
        self.stream.write_all(text.as_bytes()).await.unwrap();
    }

    /// What comes up to the end of the next `end`, or what is left when the stream ends.
    async fn until(&mut self, end: &str) -> String {
        let end = end.as_bytes();
        loop {
            let found = self.bytes.windows(end.len()).position(|it| it == end);
            let length = match found {
                Some(at) => at + end.len(),
                None if self.stream.read_buf(&mut self.bytes).await.unwrap_or(0) > 0 => continue,
                None => self.bytes.len(),
            };
            let rest = self.bytes.split_off(length);
            return String::from_utf8(std::mem::replace(&mut self.bytes, rest)).unwrap();
        }
    }

    /// The next frame; empty at the end of the stream.
    async fn frame(&mut self) -> String {
        self.until("\r\n\r\n").await
    }

    /// Reads frames until one contains `text`; gives them all.
    async fn until_frame(&mut self, text: &str) -> Vec<String> {
        let mut frames = Vec::new();
        loop {
            let frame = self.frame().await;
            assert!(!frame.is_empty(), "the stream ended before {text}: {frames:#?}");
            frames.push(frame);
            if frames.last().unwrap().contains(text) {
                return frames;
            }
        }
    }

    async fn rest(&mut self) -> String {
        self.until("\0 never \0").await
    }
}

fn value<'a>(frame: &'a str, key: &str) -> Option<&'a str> {
    frame.split("\r\n").find_map(|it| it.strip_prefix(key)?.strip_prefix(": "))
}

fn plan(kind: Kind, talk_ms: u32) -> Plan {
    let company = Company::small();
    Plan {
        kind,
        far: Caller { number: "+33639980147".to_owned(), name: None },
        people: company.people[..kind.people()].to_vec(),
        answers: 0,
        dialled: company.direct_did.clone(),
        trunk: company.trunk.clone(),
        queue: Some(company.queue),
        label: None,
        durations: Durations { ring_ms: 20, talk_ms, hold_ms: 20, after_ms: 20 },
        hangs_up: HangsUp::Caller,
        start_us: 0,
        numbering: Numbering::default(),
        seed: 7,
        request: None,
    }
}

/// A conversation that lasts longer than any test.
const ENDLESS_MS: u32 = 3_600_000;

/// What a real Asterisk 22 sent in a recorded session, without what the recommended account does
/// not get and with the times and numbers left out that differ from run to run.
fn recorded(session: &str) -> (Vec<String>, String) {
    let folder =
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../pbx/src/asterisk/fixtures/22/protocol");
    let read = |ending: &str| {
        let path = folder.join(format!("{session}.{ending}"));
        fs::read_to_string(&path).unwrap_or_else(|it| panic!("{}: {it}", path.display()))
    };
    let sent = read("sent.jsonl")
        .lines()
        .map(|it| serde_json::from_str::<serde_json::Value>(it).unwrap())
        .map(|it| it["text"].as_str().unwrap().to_owned())
        .collect();
    (sent, normal(&read("ami")))
}

fn normal(text: &str) -> String {
    let frames = text.split_inclusive("\r\n\r\n").filter(|it| !it.contains("SuccessfulAuth"));
    let line = |line: &str| match line.split_once(": ") {
        Some((key @ ("Timestamp" | "Uptime" | "LastReload"), _)) => format!("{key}: …"),
        _ => line.to_owned(),
    };
    frames.flat_map(|it| it.split("\r\n")).map(line).collect::<Vec<_>>().join("\n")
}

/// Plays the client of a recorded session, and compares all that comes back.
async fn same_as_recorded(session: &str) {
    let simulator = start().await;
    let (sent, expected) = recorded(session);
    let stream = TcpStream::connect(simulator.address()).await.unwrap();
    let mut client = Client { stream, bytes: Vec::new() };
    for text in sent {
        client.send(&text).await;
    }
    client.stream.shutdown().await.unwrap();
    assert_eq!(normal(&client.rest().await), expected, "{session}");
}

#[tokio::test]
async fn sessions_are_as_recorded() {
    for session in [
        "login_plain",
        "login_unknown_user",
        "login_wrong_secret",
        "login_events_off",
        "not_logged_in",
        "framing",
    ] {
        same_as_recorded(session).await;
    }
}

#[tokio::test]
async fn md5_login_works_and_a_wrong_key_is_refused() {
    use md5::{Digest as _, Md5};
    let simulator = start().await;
    for (secret, answer) in [(SECRET, "Authentication accepted"), ("x", "Authentication failed")] {
        let mut client = Client::connect(&simulator).await;
        client.send("Action: Challenge\r\nAuthType: MD5\r\nActionID: 1\r\n\r\n").await;
        let frame = client.frame().await;
        let digest = Md5::digest(format!("{}{secret}", value(&frame, "Challenge").unwrap()));
        let key: String = digest.iter().map(|it| format!("{it:02x}")).collect();
        let login =
            format!("Action: Login\r\nAuthType: MD5\r\nUsername: kit\r\nKey: {key}\r\n\r\n");
        client.send(&login).await;
        assert!(client.frame().await.contains(answer));
    }
    assert_eq!(simulator.counts().logins, 1);
    assert_eq!(simulator.counts().refused_logins, 1);
}

#[tokio::test]
async fn errors_are_those_of_asterisk() {
    let simulator = start().await;
    let mut client = Client::in_step(&simulator).await;
    for (action, message) in [
        (
            "Action: NoSuchAction",
            "Invalid/unknown command: NoSuchAction. Use Action: ListCommands to show available \
             commands.",
        ),
        ("X: y", "Missing action in request"),
        ("Action: Originate", "Channel not specified"),
        ("Action: Originate\r\nChannel: nonsense\r\nExten: 201", "Invalid channel"),
        ("Action: Originate\r\nChannel: PJSIP/201\r\nExten: 55", "Extension does not exist."),
        ("Action: Hangup\r\nChannel: SIP/none-00000000", "No such channel"),
        ("Action: Hangup", "No channel specified"),
        ("Action: Filter\r\nOperation: Add\r\nFilter: !Event: Cdr", "Permission denied"),
        ("Action: Command\r\nCommand: core show version", "Permission denied"),
    ] {
        client.send(&format!("{action}\r\nActionID: 7\r\n\r\n")).await;
        let expected = format!("Response: Error\r\nActionID: 7\r\nMessage: {message}\r\n\r\n");
        assert_eq!(client.frame().await, expected);
    }
}

#[tokio::test]
async fn a_call_arrives_byte_for_byte_at_every_client() {
    let simulator = start().await;
    let mut clients = [Client::in_step(&simulator).await, Client::in_step(&simulator).await];
    simulator.place(plan(Kind::Answered, 20));
    simulator.stop_calls();
    simulator.finished().await;
    let ends = simulator.ends();
    assert_eq!(ends.len(), 1);
    assert!(ends[0].reported);
    let numbering = Numbering { unique: 1, channel: 0, local: 0 };
    let start_us = ends[0].expected.start_us;
    let script = script::write(&Plan { numbering, start_us, ..plan(Kind::Answered, 20) });
    drop(simulator);
    for client in &mut clients {
        assert_eq!(client.rest().await.as_bytes(), script.bytes);
    }
}

#[tokio::test]
async fn calls_in_progress_are_listed_as_asterisk_lists_them() {
    let simulator = start().await;
    let mut client = Client::in_step(&simulator).await;
    simulator.place(plan(Kind::Answered, ENDLESS_MS));
    client.until_frame("BridgeNumChannels: 2").await;
    client.send("Action: CoreShowChannels\r\nActionID: 2\r\n\r\n").await;
    let channels = client.until_frame("CoreShowChannelsComplete").await;
    assert_eq!(channels.len(), 4, "{channels:#?}");
    for (frame, exten) in channels[1..3].iter().zip(["0612349001", ""]) {
        assert_eq!(value(frame, "ChannelStateDesc"), Some("Up"));
        assert_eq!(value(frame, "Exten"), Some(exten));
        assert_eq!(value(frame, "BridgeId").unwrap().len(), 36);
    }
    client.send("Action: Status\r\nActionID: 3\r\n\r\n").await;
    let status = client.until_frame("StatusComplete").await;
    assert_eq!(status.len(), 4, "{status:#?}");
    client.send("Action: BridgeList\r\nActionID: 4\r\n\r\n").await;
    let bridges = client.until_frame("BridgeListComplete").await;
    assert_eq!(bridges.len(), 3, "{bridges:#?}");
    assert_eq!(value(&bridges[1], "BridgeUniqueid"), value(&channels[1], "BridgeId"));

    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../pbx/src/asterisk/fixtures/22/connect_mid_call.ami");
    let real = fs::read_to_string(path).unwrap();
    for frame in channels.iter().chain(&status).chain(&bridges) {
        let keys = |it: &str| {
            it.split("\r\n").map(|it| it.split(':').next().unwrap().to_owned()).collect::<Vec<_>>()
        };
        let same = real.split_inclusive("\r\n\r\n").any(|it| keys(it) == keys(frame));
        assert!(same, "no recorded frame has the fields of {frame}");
    }
}

#[tokio::test]
async fn a_channel_can_be_hung_up_and_its_call_ends() {
    let simulator = start().await;
    let mut client = Client::in_step(&simulator).await;
    simulator.place(plan(Kind::Answered, ENDLESS_MS));
    let frames = client.until_frame("BridgeNumChannels: 2").await;
    let channel = value(&frames[0], "Channel").unwrap().to_owned();
    client.send(&format!("Action: Hangup\r\nActionID: h\r\nChannel: {channel}\r\n\r\n")).await;
    client.until_frame("Message: Channel Hungup").await;
    simulator.stop_calls();
    simulator.finished().await;
    assert_eq!(simulator.calls_in_progress(), 0);
    let end = simulator.ends().remove(0);
    assert!(end.reported);
    assert_eq!(end.expected.outcome, Outcome::Answered);
    assert!(end.expected.talk_ms < ENDLESS_MS);
    drop(simulator);
    let rest = client.rest().await;
    assert_eq!(rest.matches("Event: Hangup\r\n").count(), 2, "{rest}");
}

#[tokio::test]
async fn an_originate_rings_the_phone_and_then_the_number() {
    let simulator = start().await;
    let mut client = Client::in_step(&simulator).await;
    client
        .send(
            "Action: Originate\r\nActionID: c1\r\nChannel: PJSIP/201\r\nContext: from-internal\r\n\
             Exten: 0612341596\r\nPriority: 1\r\nCallerID: \"Bianchi\" <0612341596>\r\n\
             Async: true\r\nChannelId: dial-1\r\n\r\n",
        )
        .await;
    let frames = client.until_frame("Event: OriginateResponse").await;
    assert!(frames.iter().any(|it| it.contains("Message: Originate successfully queued")));
    let first = frames.iter().find(|it| it.starts_with("Event: Newchannel")).unwrap();
    assert_eq!(value(first, "Uniqueid"), Some("dial-1"));
    let answer = frames.last().unwrap();
    assert_eq!(value(answer, "Response"), Some("Success"));
    assert_eq!(value(answer, "ActionID"), Some("c1"));
    let dialled = client.until_frame("DialString: 0612341596@trunk").await;
    assert_eq!(value(dialled.last().unwrap(), "Uniqueid"), Some("dial-1"));
}

#[tokio::test]
async fn an_originate_for_an_unknown_phone_fails_without_a_channel() {
    let simulator = start().await;
    let mut client = Client::in_step(&simulator).await;
    client
        .send(
            "Action: Originate\r\nActionID: c1\r\nChannel: PJSIP/999\r\nExten: 0612341596\r\n\
             Async: true\r\nChannelId: dial-1\r\n\r\n",
        )
        .await;
    let frames = [client.frame().await, client.frame().await];
    let event = frames.iter().find(|it| it.starts_with("Event: OriginateResponse")).unwrap();
    assert_eq!(value(event, "Response"), Some("Failure"));
    assert_eq!(value(event, "Uniqueid"), Some("dial-1"));
    assert_eq!(simulator.calls_in_progress(), 0);
}

#[tokio::test]
async fn ends_count_as_reported_only_for_clients_that_could_follow() {
    let simulator = start().await;
    simulator.place(plan(Kind::Missed, 0));
    // Logged in, but without a list of the channels: it cannot know what a hangup belongs to.
    let mut client = Client::connect(&simulator).await;
    client.login().await;
    client.until_frame("Disposition: NO ANSWER").await;
    let mut client = Client::in_step(&simulator).await;
    simulator.place(plan(Kind::Busy, 0));
    client.until_frame("Event: Hangup").await;
    simulator.drop_connections();
    client.rest().await;
    simulator.stop_calls();
    simulator.finished().await;
    let reported: Vec<(Kind, bool)> =
        simulator.ends().iter().map(|it| (it.expected.kind, it.reported)).collect();
    assert_eq!(reported[0], (Kind::Missed, false));
    assert_eq!(reported[1].0, Kind::Busy);
}

#[tokio::test]
async fn half_open_connections_hear_nothing_and_new_ones_work() {
    let simulator = start().await;
    let mut old = Client::in_step(&simulator).await;
    simulator.half_open();
    old.send("Action: Ping\r\n\r\n").await;
    let mut new = Client::in_step(&simulator).await;
    simulator.place(plan(Kind::Busy, 0));
    new.until_frame("Event: Hangup").await;
    drop(simulator);
    assert_eq!(old.rest().await, "");
}

#[tokio::test]
async fn while_paused_actions_are_answered_and_calls_stand_still() {
    let simulator = start().await;
    let mut client = Client::in_step(&simulator).await;
    simulator.pause();
    simulator.place(plan(Kind::Busy, 0));
    client.send("Action: Ping\r\n\r\n").await;
    assert!(client.frame().await.contains("Ping: Pong"));
    simulator.resume();
    assert!(client.frame().await.starts_with("Event: Newchannel"));
}

#[tokio::test]
async fn a_restart_forgets_calls_and_clients() {
    let simulator = start().await;
    let mut client = Client::in_step(&simulator).await;
    simulator.place(plan(Kind::Answered, ENDLESS_MS));
    client.until_frame("Event: BridgeCreate").await;
    simulator.restart();
    assert!(!client.rest().await.contains("Event: Hangup"));
    assert_eq!(simulator.calls_in_progress(), 0);
    let mut client = Client::connect(&simulator).await;
    client.login().await;
}

#[tokio::test]
async fn at_full_pace_everything_is_sent_to_its_end() {
    let load = LoadSettings { calls: Some(300), mix: Mix::default(), ..LoadSettings::default() };
    let simulator = Simulator::start(Settings {
        pace: Pace::Full,
        profile: Box::new(Load::new(load, Company::of_size(200), STARTED_US)),
        ..settings()
    })
    .await
    .unwrap();
    let mut client = Client::in_step(&simulator).await;
    let read = tokio::spawn(async move { client.rest().await });
    simulator.finished().await;
    let ends = simulator.ends();
    assert_eq!(ends.len(), 300);
    assert!(ends.iter().all(|it| it.reported));
    drop(simulator);
    let text = read.await.unwrap();
    for end in &ends {
        let label = end.expected.from_name.as_ref().unwrap();
        assert!(text.contains(&format!("CallerIDName: {label}\r\n")), "{label}");
    }
    let begun = text.matches("Event: Newchannel\r\n").count();
    assert_eq!(text.matches("Event: Hangup\r\n").count(), begun);
}

#[tokio::test]
async fn it_listens_nowhere_but_on_this_machine() {
    let listen = SocketAddr::from(([0, 0, 0, 0], 0));
    let refused = Simulator::start(Settings { listen, ..settings() }).await;
    assert!(refused.err().unwrap().to_string().contains("not a loopback address"));
}
