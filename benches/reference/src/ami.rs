//! As much of the Asterisk Manager Interface as a stand-in for a phone system needs.

/// What ends an AMI message.
pub const END: &[u8] = b"\r\n\r\n";

/// The last event of a recorded stream.
pub const BENCH_END: &[u8] =
    b"Event: UserEvent\r\nPrivilege: user,all\r\nUserEvent: BenchEnd\r\n\r\n";

/// What a client reads first.
pub const BANNER: &[u8] = b"Asterisk Call Manager/8.0.2\r\n";

/// What a booted phone system says right after a log-in.
const BOOTED: &str =
    "Event: FullyBooted\r\nPrivilege: system,all\r\nStatus: Fully Booted\r\nUptime: 86400\r\n\r\n";

/// The value of `key` in a message, compared without regard to case.
#[must_use]
pub fn field<'a>(message: &'a str, key: &str) -> Option<&'a str> {
    message.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case(key).then(|| value.trim())
    })
}

/// The answer to one action. `channels` gives the channels that are up, each as the lines of a
/// `CoreShowChannel` event without its head; it is asked only when it is needed.
pub fn answer(message: &str, channels: impl FnOnce() -> Vec<String>) -> String {
    let action = field(message, "action").unwrap_or_default().to_ascii_lowercase();
    let id = field(message, "actionid").map(|id| format!("ActionID: {id}\r\n")).unwrap_or_default();
    let done = |event: &str, items: usize| {
        format!("Event: {event}\r\n{id}EventList: Complete\r\nListItems: {items}\r\n\r\n")
    };
    let list = |complete: &str, entry: &str, items: Vec<String>| {
        let mut out =
            format!("Response: Success\r\n{id}EventList: start\r\nMessage: follows\r\n\r\n");
        for item in &items {
            out.push_str(&format!("Event: {entry}\r\n{id}{item}\r\n"));
        }
        out + &done(complete, items.len())
    };
    let plain = |lines: &str| format!("Response: Success\r\n{id}{lines}\r\n");
    match action.as_str() {
        "challenge" => plain("Challenge: 123456789\r\n"),
        "login" => plain("Message: Authentication accepted\r\n") + BOOTED,
        "ping" => plain("Ping: Pong\r\nTimestamp: 1767323045.000001\r\n"),
        "coresettings" => plain("AMIversion: 8.0.2\r\nAsteriskVersion: 20.9.2\r\n"),
        "coreshowchannels" => list("CoreShowChannelsComplete", "CoreShowChannel", channels()),
        "status" => list("StatusComplete", "Status", channels()),
        "bridgelist" => list("BridgeListComplete", "BridgeListItem", Vec::new()),
        "queuestatus" => list("QueueStatusComplete", "QueueEntry", Vec::new()),
        "parkedcalls" => list("ParkedCallsComplete", "ParkedCall", Vec::new()),
        "command" => plain("Message: Command output follows\r\nOutput: \r\n"),
        _ => plain("Message: OK\r\n"),
    }
}
