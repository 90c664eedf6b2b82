//! A synthetic AMI stream: whole calls in the event shapes of Asterisk 16 and later, many of them
//! interleaved. Deterministic: the same arguments give the same bytes.
//!
//! Each call comes in from a trunk, rings one extension and is answered three times out of four:
//! `call.started`, `call.ringing`, `call.answered` and `call.ended`.

use std::{
    fmt::Write as _,
    io::{self, Write},
};

use crate::ami::BENCH_END;

/// What a stream holds.
#[derive(Debug, Default, Clone, Copy)]
pub struct Counts {
    /// Calls.
    pub calls: u64,
    /// Calls that were answered.
    pub answered: u64,
    /// AMI events, the end mark included.
    pub events: u64,
    /// Bytes.
    pub bytes: u64,
}

/// Which part of each call is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// From the first channel to the last hang-up.
    Whole,
    /// Up to the conversation: the calls stay in progress.
    UntilAnswered,
}

/// Writes `calls` calls, `in_flight` at a time, and the end mark.
///
/// # Errors
///
/// When `out` fails.
pub fn write(out: &mut impl Write, calls: u64, in_flight: usize, part: Part) -> io::Result<Counts> {
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    let mut live: Vec<std::vec::IntoIter<String>> = Vec::new();
    let mut counts = Counts::default();
    loop {
        while live.len() < in_flight && counts.calls < calls {
            let (events, answered) = call(&mut random, counts.calls, part);
            live.push(events.into_iter());
            counts.calls += 1;
            counts.answered += u64::from(answered);
        }
        if live.is_empty() {
            break;
        }
        let index = random.below(live.len() as u64) as usize;
        match live[index].next() {
            Some(event) => {
                out.write_all(event.as_bytes())?;
                counts.events += 1;
                counts.bytes += event.len() as u64;
            }
            None => drop(live.swap_remove(index)),
        }
    }
    out.write_all(BENCH_END)?;
    counts.events += 1;
    counts.bytes += BENCH_END.len() as u64;
    Ok(counts)
}

/// Xorshift: quick, good enough, and the same everywhere.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
}

/// One channel, as the channel block of an event shows it.
#[derive(Clone)]
struct Channel {
    name: String,
    number: String,
    display: String,
    connected_number: String,
    connected_name: String,
    context: &'static str,
    exten: String,
    unique: String,
    linked: String,
    state: u8,
}

impl Channel {
    /// The channel block, each key with `prefix`, and three repeated `ChanVariable` lines, as sites
    /// that name `channelvars` in `manager.conf` have them.
    fn block(&self, out: &mut String, prefix: &str, priority: u32) {
        let state_name = match self.state {
            0 => "Down",
            4 => "Ring",
            5 => "Ringing",
            _ => "Up",
        };
        let lines: [(&str, &str); 13] = [
            ("Channel", &self.name),
            ("ChannelState", &self.state.to_string()),
            ("ChannelStateDesc", state_name),
            ("CallerIDNum", &self.number),
            ("CallerIDName", &self.display),
            ("ConnectedLineNum", &self.connected_number),
            ("ConnectedLineName", &self.connected_name),
            ("Language", "en"),
            ("AccountCode", ""),
            ("Context", self.context),
            ("Exten", &self.exten),
            ("Priority", &priority.to_string()),
            ("Uniqueid", &self.unique),
        ];
        for (key, value) in lines {
            _ = write!(out, "{prefix}{key}: {value}\r\n");
        }
        _ = write!(
            out,
            "{prefix}Linkedid: {}\r\n\
             {prefix}ChanVariable: CALLED_QUEUE=support\r\n\
             {prefix}ChanVariable: FROM_DID={}\r\n\
             {prefix}ChanVariable: X_TRACE_ID=5a1d7c8e2f1b4a4e9d0b6c0a1f2e3d4c\r\n",
            self.linked, self.exten
        );
    }
}

/// Collects the events of one call.
struct Events(Vec<String>);

impl Events {
    /// An event of the class `class`, whose lines `fill` writes.
    fn add(&mut self, name: &str, class: &str, fill: impl FnOnce(&mut String)) {
        let mut event = String::with_capacity(1024);
        _ = write!(
            event,
            "Event: {name}\r\nPrivilege: {class},all\r\nTimestamp: 1767323045.123456\r\n\
             SystemName: pbx-berlin-1\r\n"
        );
        fill(&mut event);
        event.push_str("\r\n");
        self.0.push(event);
    }

    fn of_channel(&mut self, name: &str, channel: &Channel, priority: u32, more: &str) {
        self.add(name, "call", |out| {
            channel.block(out, "", priority);
            out.push_str(more);
        });
    }

    fn variable(&mut self, channel: &Channel, priority: u32, name: &str, value: &str) {
        self.add("VarSet", "dialplan", |out| {
            channel.block(out, "", priority);
            _ = write!(out, "Variable: {name}\r\nValue: {value}\r\n");
        });
    }

    fn of_dial(&mut self, name: &str, caller: &Channel, called: &Channel, more: &str) {
        self.add(name, "call", |out| {
            caller.block(out, "", 3);
            called.block(out, "Dest", 1);
            out.push_str(more);
        });
    }

    fn of_bridge(&mut self, name: &str, id: &str, channels: u32, who: Option<(&Channel, u32)>) {
        let technology = if channels < 2 { "simple_bridge" } else { "native_rtp" };
        self.add(name, "call", |out| {
            _ = write!(
                out,
                "BridgeUniqueid: {id}\r\nBridgeType: basic\r\nBridgeTechnology: {technology}\r\n\
                 BridgeCreator: <unknown>\r\nBridgeName: <unknown>\r\n\
                 BridgeNumChannels: {channels}\r\nBridgeVideoSourceMode: none\r\n"
            );
            if let Some((channel, priority)) = who {
                channel.block(out, "", priority);
            }
        });
    }
}

const NAMES: [&str; 8] = [
    "Erika Mustermann",
    "Max Power",
    "J\u{f6}rg M\u{fc}ller",
    "<unknown>",
    "ACME Support",
    "O'Neil, Pat",
    "Zo\u{eb} Du Pont",
    "Front Desk",
];

/// Both channels of call number `sequence`: who calls, and who is called.
fn channels(random: &mut Random, sequence: u64) -> (Channel, Channel) {
    let second = 1_767_323_045 + sequence / 20;
    let linked = format!("{second}.{}", sequence * 2);
    let from = format!("+4915{:08}", random.below(100_000_000));
    let extension = (2000 + random.below(800)).to_string();
    let name = NAMES[random.below(8) as usize].to_owned();
    let caller = Channel {
        name: format!("PJSIP/trunk-berlin-{:08x}", sequence * 2),
        number: from.clone(),
        display: name.clone(),
        connected_number: "<unknown>".into(),
        connected_name: "<unknown>".into(),
        context: "from-trunk",
        exten: extension.clone(),
        unique: linked.clone(),
        linked: linked.clone(),
        state: 4,
    };
    let called = Channel {
        name: format!("PJSIP/{extension}-{:08x}", sequence * 2 + 1),
        number: extension.clone(),
        display: "Front Desk".into(),
        connected_number: from,
        connected_name: name,
        context: "from-internal",
        exten: extension,
        unique: format!("{second}.{}", sequence * 2 + 1),
        linked,
        state: 0,
    };
    (caller, called)
}

/// All events of call number `sequence`, in order, and whether it is answered.
fn call(random: &mut Random, sequence: u64, part: Part) -> (Vec<String>, bool) {
    let (mut caller, mut called) = channels(random, sequence);
    let answered = random.below(4) != 0 || part == Part::UntilAnswered;
    let bridge = format!("{:08x}-4a4e-4d0b-9c0a-{:012x}", sequence, random.next() >> 16);
    let mut events = Events(Vec::with_capacity(26));

    events.of_channel("Newchannel", &caller, 1, "");
    let exten = caller.exten.clone();
    for (name, value) in [
        ("__FROM_DID", exten.as_str()),
        ("CALLED_QUEUE", "support"),
        ("__RINGTIMER", "30"),
        ("SIPURI", "sip:trunk@192.0.2.10:5060;transport=udp"),
    ] {
        events.variable(&caller, 2, name, value);
    }
    for (priority, application, data) in [
        (1, "NoOp", "incoming call"),
        (2, "Set", "CALLERID(name)=Front Desk"),
        (3, "Dial", "PJSIP/2001,30,tTkKU(sub-answer)"),
    ] {
        events.add("Newexten", "dialplan", |out| {
            caller.block(out, "", priority);
            _ = write!(
                out,
                "Extension: {exten}\r\nApplication: {application}\r\nAppData: {data}\r\n"
            );
        });
    }
    events.of_channel("Newchannel", &called, 1, "");
    let dial = format!("DialString: {exten}/sip:{exten}@198.51.100.7:5062;ob\r\n");
    events.of_dial("DialBegin", &caller, &called, &dial);
    called.state = 5;
    events.of_channel("Newstate", &called, 1, "");
    caller.connected_number.clone_from(&called.number);
    caller.connected_name.clone_from(&called.display);
    if answered {
        conversation(&mut events, &mut caller, &mut called, &bridge, part);
    } else {
        events.of_dial("DialEnd", &caller, &called, "DialStatus: NOANSWER\r\n");
    }
    if part == Part::Whole {
        let (cause, text) =
            if answered { (16, "Normal Clearing") } else { (19, "User alerting, no answer") };
        events.of_channel("HangupRequest", &called, 1, &format!("Cause: {cause}\r\n"));
        let why = format!("Cause: {cause}\r\nCause-txt: {text}\r\n");
        events.of_channel("Hangup", &called, 1, &why);
        events.of_channel("Hangup", &caller, 3, &why);
    }
    (events.0, answered)
}

/// From the answer to the end of the bridge.
fn conversation(
    events: &mut Events,
    caller: &mut Channel,
    called: &mut Channel,
    bridge: &str,
    part: Part,
) {
    called.state = 6;
    events.of_channel("Newstate", called, 1, "");
    events.of_dial("DialEnd", caller, called, "DialStatus: ANSWER\r\n");
    caller.state = 6;
    events.of_channel("Newstate", caller, 3, "");
    events.of_bridge("BridgeCreate", bridge, 0, None);
    events.of_bridge("BridgeEnter", bridge, 1, Some((called, 1)));
    events.of_bridge("BridgeEnter", bridge, 2, Some((caller, 3)));
    if part == Part::UntilAnswered {
        return;
    }
    events.variable(caller, 3, "BRIDGEPEER", &called.name);
    let quality = "ssrc=2048837361;themssrc=1711264321;lp=0;rxjitter=0.000125;rxcount=412;\
                   txjitter=0.000000;txcount=411;rlp=0;rtt=0.000915;rxmes=88.09;txmes=88.09";
    events.variable(called, 1, "RTPAUDIOQOS", quality);
    events.of_bridge("BridgeLeave", bridge, 1, Some((called, 1)));
    events.of_bridge("BridgeLeave", bridge, 0, Some((caller, 3)));
    events.of_bridge("BridgeDestroy", bridge, 0, None);
}
