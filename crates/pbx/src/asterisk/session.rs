//! One link: logs in, keeps the line alive, takes snapshots, passes events on.

use std::collections::{BTreeMap, VecDeque};

use call::{Ids, Tracker, UnixMs};
use md5::{Digest, Md5};
use pbx_proto::ami::{Action, ActionError, Decoder, Frame, FrameKind};

use super::{
    Login, Reader, Settings,
    clock::Clock,
    dial::{self, Dial},
    events::Verdict,
    lists::Lists,
    torn::{Rest, Torn},
};
use crate::{Command, Counters, DialOutcome, GiveUp, Opening, Output, Session};

/// How long each step of logging in may take.
const STEP_MS: i64 = 10_000;

/// How long `FullyBooted` is waited for after the log-in: it comes at once when the PBX is up and the
/// user has the class `system`, and never without that class.
const BOOT_MS: i64 = 5_000;

/// How long a list may take; hundreds of channels take a second.
const LIST_MS: i64 = 30_000;

/// How long after a test of the line something must come.
const PONG_MS: i64 = 10_000;

/// The most bytes of events that are held back during the first snapshot.
const HELD_BYTES_MAX: usize = 16 * 1024 * 1024;

/// The most actions that may wait for an answer.
const PENDING_MAX: usize = 1_000;

/// The most click-to-dial requests that wait for the phone of the same person.
const WAITING_MAX: usize = 100;

/// Suspicious frames are reported to people once in this time.
const NOTICE_MS: i64 = 3_600_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// No connection.
    Offline,
    /// Waiting for the greeting.
    Greeting,
    /// Waiting for the challenge.
    Challenge,
    /// Waiting for the answer to the log-in.
    LoggingIn,
    /// Waiting for the PBX to have started.
    Booting,
    /// Waiting for the first snapshot; events are held back.
    Comparing,
    /// In order.
    Up,
    /// Given up; nothing is read any more.
    Dead,
}

/// What an action that was sent is waiting for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Pending {
    Challenge,
    Login,
    Ping,
    Version,
    Channels,
    Status,
    Bridges,
    Filter,
    Dial(String),
    Hangup,
}

/// A click-to-dial request that waits for an earlier one of the same phone.
struct Waiting {
    id: String,
    extension: String,
    number: String,
    label: Option<String>,
}

pub(super) struct AmiSession {
    settings: Settings,
    reader: Reader,
    decoder: Decoder,
    phase: Phase,
    outputs: VecDeque<Output>,
    counters: Counters,
    clock: Clock,
    /// Begins the id of each action; cannot be guessed.
    token: String,
    actions: u64,
    pending: BTreeMap<String, Pending>,
    lists: Option<Lists>,
    /// Lists that have not been completed yet.
    lists_open: usize,
    first_snapshot: bool,
    held: Vec<(UnixMs, Vec<u8>)>,
    held_bytes: usize,
    waiting: VecDeque<Waiting>,
    torn: Option<Torn>,
    /// Version of the manager interface: major and minor, from the greeting.
    manager: (u32, u32),
    version: Option<String>,
    /// When the phase, or the list, must have come to something.
    deadline: Option<UnixMs>,
    last_heard: UnixMs,
    /// When bytes came last in the connection before.
    last_contact: Option<UnixMs>,
    pinged: Option<UnixMs>,
    next_sweep: Option<UnixMs>,
    noticed: Option<UnixMs>,
    /// A recording is played: nothing is sent, and nothing is waited for.
    recorded: bool,
}

impl AmiSession {
    pub(super) fn new(settings: Settings, opening: Opening) -> AmiSession {
        let mut ids: Ids = opening.ids;
        AmiSession {
            reader: Reader::new(&settings),
            settings,
            decoder: Decoder::default(),
            phase: Phase::Offline,
            outputs: VecDeque::new(),
            counters: Counters::default(),
            clock: Clock::default(),
            token: ids.next(UnixMs(0)),
            actions: 0,
            pending: BTreeMap::new(),
            lists: None,
            lists_open: 0,
            first_snapshot: true,
            held: Vec::new(),
            held_bytes: 0,
            waiting: VecDeque::new(),
            torn: None,
            manager: (0, 0),
            version: None,
            deadline: None,
            last_heard: UnixMs(0),
            last_contact: None,
            pinged: None,
            next_sweep: None,
            noticed: None,
            recorded: false,
        }
    }

    /// A session that only listens, for recordings.
    pub(super) fn for_recording(settings: Settings, opening: Opening) -> AmiSession {
        let mut session = AmiSession::new(settings, opening);
        session.recorded = true;
        session.phase = Phase::Up;
        session
    }

    fn next_id(&mut self) -> String {
        self.actions += 1;
        format!("{}-{}", self.token, self.actions)
    }

    /// Sends an action and remembers what its answer is for.
    fn act(
        &mut self,
        name: &str,
        pending: Pending,
        build: impl FnOnce(Action) -> Result<Action, ActionError>,
    ) {
        if self.recorded || self.pending.len() >= PENDING_MAX {
            return;
        }
        let id = self.next_id();
        // Settings were checked for what cannot stand in a line; a secret may still be too long.
        match Action::new(name, &id).and_then(build) {
            Ok(action) => {
                self.pending.insert(id, pending);
                self.outputs.push_back(Output::Send(action.into_bytes()));
            }
            Err(error) => self.give_up(
                &format!("The action {name} cannot be sent: {error}."),
                "Correct the settings of this phone system.",
                true,
            ),
        }
    }

    fn give_up(&mut self, reason: &str, advice: &str, permanent: bool) {
        self.phase = Phase::Dead;
        self.deadline = None;
        self.outputs.push_back(Output::GiveUp(GiveUp {
            reason: reason.to_owned(),
            advice: advice.to_owned(),
            permanent,
        }));
    }

    fn wait(&mut self, phase: Phase, until: UnixMs) {
        self.phase = phase;
        self.deadline = Some(until);
    }

    /// The line before any greeting: many other services can be at the end of a wrong port.
    fn check_greeting(&mut self, unread: &[u8]) {
        let begin = &unread[..unread.len().min(GREETING_BYTES_MAX)];
        let line = begin.split(|&it| it == b'\n').next().unwrap_or_default();
        let whole = line.len() < begin.len();
        if begin.first().is_some_and(|it| matches!(it, 0x15 | 0x16)) {
            self.give_up(
                "The port speaks TLS, not plain AMI.",
                "Turn TLS on for this phone system, or use the plain port, usually 5038.",
                false,
            );
        } else if whole || unread.len() > GREETING_BYTES_MAX {
            let shown: String = String::from_utf8_lossy(line)
                .chars()
                .filter(|it| !it.is_control())
                .take(60)
                .collect();
            self.give_up(
                &format!("The port is not an Asterisk manager interface; it says “{shown}”."),
                "Check host and port: the manager interface is on 5038 unless manager.conf says \
                 otherwise.",
                false,
            );
        }
    }

    fn greeted(&mut self, version: &[u8], now: UnixMs) {
        let text = String::from_utf8_lossy(version);
        let mut parts = text.split('.').map(|it| it.trim().parse().unwrap_or(0));
        self.manager = (parts.next().unwrap_or(0), parts.next().unwrap_or(0));
        // In 1.0 the dialled number comes in `Newexten` only.
        self.reader.wants_extens |= self.manager == (1, 0);
        if self.recorded {
            return;
        }
        match self.settings.login {
            Login::Md5 => {
                self.wait(Phase::Challenge, now.plus_ms(STEP_MS));
                self.act("Challenge", Pending::Challenge, |it| it.with("AuthType", "MD5"));
            }
            Login::Plain => self.log_in(now, "Secret", &self.settings.secret.0.clone()),
        }
    }

    fn log_in(&mut self, now: UnixMs, key: &str, proof: &str) {
        let user = self.settings.username.clone();
        let md5 = self.settings.login == Login::Md5;
        self.wait(Phase::LoggingIn, now.plus_ms(STEP_MS));
        self.act("Login", Pending::Login, |it| {
            let it = if md5 { it.with("AuthType", "MD5")? } else { it };
            it.with("Username", &user)?.with(key, proof)?.with("Events", "on")
        });
    }

    fn challenged(&mut self, challenge: &str, now: UnixMs) {
        let mut hash = Md5::new();
        hash.update(challenge.as_bytes());
        hash.update(self.settings.secret.0.as_bytes());
        let key: String = hash.finalize().iter().map(|it| format!("{it:02x}")).collect();
        self.log_in(now, "Key", &key);
    }

    fn logged_in(&mut self, now: UnixMs, tracker: &mut Tracker) {
        // Version 1.4 and 1.6 never say that they have started; the latter calls itself 1.1 like 1.8.
        if self.manager <= (1, 0) {
            self.compare(now, tracker);
        } else {
            self.wait(Phase::Booting, now.plus_ms(BOOT_MS));
        }
    }

    /// Asks for everything that there is now.
    fn compare(&mut self, now: UnixMs, tracker: &mut Tracker) {
        if self.lists.is_some() {
            return;
        }
        if self.phase != Phase::Up {
            self.phase = Phase::Comparing;
            self.first_snapshot = true;
            self.act("CoreSettings", Pending::Version, Ok);
            if self.manager > (1, 1) {
                // Needs a right that few give; without it the lines of the set-up page do the same.
                self.act("Filter", Pending::Filter, |it| {
                    it.with("Operation", "Add")?.with("Filter", NOISE)
                });
            }
        }
        self.deadline = Some(now.plus_ms(LIST_MS));
        self.next_sweep = Some(now.plus_ms(i64::from(self.settings.sweep_s) * 1000));
        tracker.snapshot_begins();
        self.lists = Some(Lists::default());
        self.lists_open = 0;
        // Bridges first: whether those in one hear each other must be known of each channel.
        if self.manager.0 >= 2 {
            self.lists_open += 1;
            self.act("BridgeList", Pending::Bridges, Ok);
        }
        self.lists_open += 1;
        if self.manager <= (1, 0) {
            self.act("Status", Pending::Status, Ok);
        } else {
            self.act("CoreShowChannels", Pending::Channels, Ok);
        }
    }

    /// A list came to its end, or will not come.
    fn list_done(&mut self, now: UnixMs, tracker: &mut Tracker) {
        self.lists_open = self.lists_open.saturating_sub(1);
        if self.lists_open == 0 && self.lists.is_some() {
            self.compared(now, tracker);
        }
    }

    fn compared(&mut self, now: UnixMs, tracker: &mut Tracker) {
        let Some(lists) = self.lists.take() else { return };
        self.deadline = None;
        let first = std::mem::take(&mut self.first_snapshot);
        lists.follow(now, first, &self.reader, tracker);
        self.release(tracker);
        // What ended unseen ended when the line was lost, as far as anybody knows.
        let ended = self.last_contact.take().filter(|_| first).unwrap_or(now);
        tracker.snapshot_ends(now, ended);
        self.rise();
    }

    /// No list: calls go on from the events alone.
    fn compare_failed(&mut self, reason: &str, now: UnixMs, tracker: &mut Tracker) {
        self.lists = None;
        self.lists_open = 0;
        self.deadline = None;
        self.first_snapshot = false;
        tracker.snapshot_fails();
        self.release(tracker);
        self.next_sweep = Some(now.plus_ms(i64::from(self.settings.sweep_s) * 1000));
        if self.phase != Phase::Up {
            self.phase = Phase::Comparing;
            self.outputs.push_back(Output::Notice(format!(
                "The list of channels cannot be had ({reason}): calls that were up before are not \
                 seen, and a call whose end was missed stays open. Give the manager user \
                 `write = reporting` (version 1.4: `call`)."
            )));
        }
        self.rise();
    }

    fn rise(&mut self) {
        if self.phase == Phase::Comparing {
            self.phase = Phase::Up;
            let version = self.version.clone().map_or_else(
                || format!("Asterisk, manager {}.{}", self.manager.0, self.manager.1),
                |it| format!("Asterisk {it}"),
            );
            self.outputs.push_back(Output::Up { version });
        }
    }

    /// Events that were held back during the first snapshot.
    fn release(&mut self, tracker: &mut Tracker) {
        self.held_bytes = 0;
        let held = std::mem::take(&mut self.held);
        let mut decoder = Decoder::default();
        for (at, bytes) in held {
            decoder.feed(&bytes);
            decoder.feed(b"\r\n");
            while let Some(frame) = decoder.next_frame() {
                if let FrameKind::Event(name) = frame.kind() {
                    self.pass_on(name, frame, at, tracker);
                }
            }
        }
    }

    fn frame(&mut self, frame: Frame<'_>, now: UnixMs, tracker: &mut Tracker) {
        self.counters.frames += 1;
        if let Some(torn) = &mut self.torn {
            match torn.goes_on(frame, tracker) {
                Rest::Waiting => {}
                Rest::Whole(bytes) => {
                    self.torn = None;
                    self.mended(&bytes, now, tracker);
                }
                Rest::Lost => {
                    self.torn = None;
                    self.next_sweep = Some(now);
                }
            }
            return;
        }
        if let FrameKind::Event(name) = frame.kind() {
            self.torn = Torn::begins(name, frame, tracker);
            if self.torn.is_some() {
                return self.suspect(now);
            }
        }
        match frame.kind() {
            FrameKind::Banner(version) => self.greeted(version, now),
            FrameKind::Response(status) => self.response(status, frame, now, tracker),
            FrameKind::Event(name) => self.event(name, frame, now, tracker),
            FrameKind::Other => self.counters.malformed += 1,
        }
    }

    /// An event that was torn apart, put together again.
    fn mended(&mut self, bytes: &[u8], now: UnixMs, tracker: &mut Tracker) {
        let mut decoder = Decoder::default();
        decoder.feed(bytes);
        if let Some(frame) = decoder.next_frame()
            && let FrameKind::Event(name) = frame.kind()
        {
            // An event of two channels bears the number twice.
            self.torn = Torn::begins(name, frame, tracker);
            if self.torn.is_none() {
                self.event(name, frame, now, tracker);
            }
        }
    }

    fn event(&mut self, name: &[u8], frame: Frame<'_>, now: UnixMs, tracker: &mut Tracker) {
        if name.eq_ignore_ascii_case(b"FullyBooted") {
            self.counters.understood += 1;
            if self.phase == Phase::Booting {
                self.compare(now, tracker);
            }
            return;
        }
        if self.own_event(name, frame, now, tracker) {
            self.counters.understood += 1;
            return;
        }
        if self.phase == Phase::Up {
            self.pass_on(name, frame, now, tracker);
        } else if matches!(self.phase, Phase::Comparing | Phase::Booting) {
            self.held_bytes += frame.bytes().len();
            self.held.push((now, frame.bytes().to_vec()));
            if self.held_bytes > HELD_BYTES_MAX {
                self.compare_failed("it took too long", now, tracker);
            }
        }
    }

    fn pass_on(&mut self, name: &[u8], frame: Frame<'_>, now: UnixMs, tracker: &mut Tracker) {
        let at = self.clock.time(now, frame.get_early("Timestamp", 4));
        match self.reader.event(name, frame, at, tracker) {
            Verdict::Understood => self.counters.understood += 1,
            Verdict::Ignored => self.counters.ignored += 1,
            Verdict::Unknown => {
                self.counters.ignored += 1;
                if self.torn.is_none() {
                    self.torn = Torn::explains(frame, tracker);
                    if self.torn.is_some() {
                        self.suspect(now);
                    }
                }
            }
            Verdict::Suspicious => self.suspect(now),
        }
    }

    fn suspect(&mut self, now: UnixMs) {
        self.counters.suspicious += 1;
        if self.noticed.is_none_or(|it| it.plus_ms(NOTICE_MS) <= now) {
            self.noticed = Some(now);
            self.outputs.push_back(Output::Notice(
                "A caller sends control characters in its number or name to forge events of the \
                 phone system. They are not followed. To stop it, put Set(CALLERID(num)=${FILTER\
                 (0-9+,${CALLERID(num)})}) at the top of the context for calls from outside."
                    .to_owned(),
            ));
        }
    }

    /// Events that answer something of ours: items of lists, the outcome of click-to-dial.
    fn own_event(
        &mut self,
        name: &[u8],
        frame: Frame<'_>,
        now: UnixMs,
        tracker: &mut Tracker,
    ) -> bool {
        let originated = name.eq_ignore_ascii_case(b"OriginateResponse");
        let item = ["CoreShowChannel", "Status", "BridgeListItem"];
        let end = ["CoreShowChannelsComplete", "StatusComplete", "BridgeListComplete"];
        let is = |names: &[&str]| names.iter().any(|it| name.eq_ignore_ascii_case(it.as_bytes()));
        if !originated && !is(&item) && !is(&end) {
            return false;
        }
        let Some(id) = frame.get("ActionID").and_then(|it| std::str::from_utf8(it).ok()) else {
            return true;
        };
        if originated {
            self.originated(id, frame, now, tracker);
            return true;
        }
        // Another client of ours cannot be here: the ids of its actions never reach this line.
        if !self.pending.contains_key(id) {
            return true;
        }
        if is(&end) {
            self.pending.remove(id);
            self.list_done(now, tracker);
        } else if let Some(lists) = &mut self.lists {
            if name.eq_ignore_ascii_case(b"BridgeListItem") {
                lists.bridge(frame, &self.reader);
            } else {
                lists.channel(frame, &self.reader);
            }
        }
        true
    }

    fn response(&mut self, status: &[u8], frame: Frame<'_>, now: UnixMs, tracker: &mut Tracker) {
        let ok = status.eq_ignore_ascii_case(b"Success")
            || status.eq_ignore_ascii_case(b"Pong")
            || status.eq_ignore_ascii_case(b"Follows");
        let id = frame.get("ActionID").and_then(|it| std::str::from_utf8(it).ok());
        let Some(id) = id.filter(|it| self.pending.contains_key(*it)).map(str::to_owned) else {
            self.counters.ignored += 1;
            return;
        };
        self.counters.understood += 1;
        let message = frame.get("Message").map(|it| self.reader.charset.decode(it).into_owned());
        let message = message.unwrap_or_default();
        match self.pending.get(&id).cloned() {
            // Items follow; the entry goes with the last one.
            Some(Pending::Channels | Pending::Status | Pending::Bridges) if ok => {}
            Some(pending) => {
                self.pending.remove(&id);
                self.answered(pending, ok, &message, frame, now, tracker);
            }
            None => {}
        }
    }

    fn answered(
        &mut self,
        pending: Pending,
        ok: bool,
        message: &str,
        frame: Frame<'_>,
        now: UnixMs,
        tracker: &mut Tracker,
    ) {
        match pending {
            Pending::Challenge => {
                let challenge = frame.get("Challenge").and_then(|it| std::str::from_utf8(it).ok());
                match challenge.filter(|_| ok) {
                    Some(challenge) => self.challenged(challenge, now),
                    None => self.give_up(
                        &format!("The phone system refuses the MD5 log-in: “{message}”."),
                        "Set login to plain for this phone system, over TLS or within one machine.",
                        true,
                    ),
                }
            }
            Pending::Login if ok => self.logged_in(now, tracker),
            Pending::Login => self.give_up(
                &format!("The phone system refuses the log-in: “{message}”."),
                "Check username and secret against manager.conf, and that its permit line allows the \
                 address of this server; then reload the manager.",
                true,
            ),
            Pending::Version => {
                let version = frame.get("AsteriskVersion");
                self.version = version.map(|it| self.reader.charset.decode(it).into_owned());
            }
            Pending::Channels => {
                // Not known to 1.4, or not permitted: the older list may be.
                self.act("Status", Pending::Status, Ok);
                if self.recorded {
                    self.list_done(now, tracker);
                }
            }
            Pending::Status => self.compare_failed(message, now, tracker),
            Pending::Bridges => self.list_done(now, tracker),
            Pending::Dial(id) => self.dial_answered(&id, ok, message, now, tracker),
            Pending::Ping | Pending::Filter | Pending::Hangup => {}
        }
    }

    /// The PBX has taken or refused a click-to-dial request.
    fn dial_answered(
        &mut self,
        id: &str,
        ok: bool,
        message: &str,
        now: UnixMs,
        tracker: &mut Tracker,
    ) {
        let outcome = if ok {
            tracker.dial_accepted(now, id);
            DialOutcome::Accepted
        } else {
            tracker.dial_refused(now, id);
            self.reader.issued.retain(|it| it.id != id);
            DialOutcome::Failed(format!("The phone system refused: “{message}”"))
        };
        self.outputs.push_back(Output::DialOutcome { id: id.to_owned(), outcome });
        if !ok {
            self.dial_next(now, tracker);
        }
    }

    /// The phone of the person was answered, or not. Only ids of our own count.
    fn originated(&mut self, id: &str, frame: Frame<'_>, now: UnixMs, tracker: &mut Tracker) {
        let Some(place) = self.reader.issued.iter().position(|it| it.id == id) else { return };
        let issued = self.reader.issued.remove(place);
        // The answer to the action may have been lost.
        tracker.dial_accepted(now, id);
        let failed = frame.get("Response").is_some_and(|it| !it.eq_ignore_ascii_case(b"Success"));
        let key = frame.get("Uniqueid").and_then(|it| std::str::from_utf8(it).ok());
        if let Some(leg) = key.and_then(|it| tracker.leg(it)) {
            tracker.dial_leg(now, id, leg);
        }
        if failed {
            let reason = frame.get("Reason").and_then(|it| std::str::from_utf8(it).ok());
            let reason = reason.and_then(|it| it.parse().ok());
            let (end, text) = dial::failure(reason, &issued.extension);
            tracker.dial_failed(now, id, end);
            let outcome = DialOutcome::Failed(text);
            self.outputs.push_back(Output::DialOutcome { id: id.to_owned(), outcome });
        }
        self.dial_next(now, tracker);
    }

    /// Sends a click-to-dial request, or lets it wait: up to 11 the channel of a request can only be
    /// told by its extension, so one phone takes one request at a time.
    fn dial(&mut self, wish: Waiting, now: UnixMs, tracker: &mut Tracker) {
        let dial = Dial {
            id: &wish.id,
            extension: &wish.extension,
            number: &wish.number,
            label: wish.label.as_deref(),
        };
        let refused = match dial.check() {
            Err(reason) => Some(reason.to_owned()),
            Ok(()) if self.phase != Phase::Up => {
                Some("The link to the phone system is down.".to_owned())
            }
            Ok(()) if self.pending.len() >= PENDING_MAX => {
                Some("The phone system has too many requests to answer.".to_owned())
            }
            Ok(()) => None,
        };
        if let Some(reason) = refused {
            return self.dial_refuse(wish.id, reason);
        }
        let modern = self.manager.0 >= 2;
        let busy = self.reader.issued.iter().any(|it| it.extension == wish.extension);
        if busy && !modern {
            if self.waiting.len() >= WAITING_MAX {
                let reason = "Too many requests wait for phones to be answered.".to_owned();
                return self.dial_refuse(wish.id, reason);
            }
            self.waiting.push_back(wish);
            return;
        }
        let channel_id = modern.then(|| format!("hs-{}", wish.id));
        match dial.action(&self.settings, channel_id.as_deref()) {
            Ok(bytes) => {
                dial::register(&mut self.reader.issued, &dial, channel_id.as_deref(), now, tracker);
                self.pending.insert(wish.id.clone(), Pending::Dial(wish.id));
                self.outputs.push_back(Output::Send(bytes));
            }
            Err(error) => {
                self.dial_refuse(wish.id, format!("The request cannot be sent: {error}."));
            }
        }
    }

    fn dial_refuse(&mut self, id: String, reason: String) {
        let outcome = DialOutcome::Failed(reason);
        self.outputs.push_back(Output::DialOutcome { id, outcome });
    }

    fn dial_next(&mut self, now: UnixMs, tracker: &mut Tracker) {
        let free =
            |wish: &Waiting| self.reader.issued.iter().all(|it| it.extension != wish.extension);
        if let Some(place) = self.waiting.iter().position(free)
            && let Some(wish) = self.waiting.remove(place)
        {
            self.dial(wish, now, tracker);
        }
    }

    fn cancel(&mut self, id: &str, tracker: &Tracker) {
        self.waiting.retain(|it| it.id != id);
        let leg = tracker.leg_of_request(id);
        if let Some(name) = leg.map(|it| tracker.name_of(it).to_owned()) {
            self.act("Hangup", Pending::Hangup, |it| it.with("Channel", &name));
        }
    }

    /// An action of a recording, as if this session had sent it.
    pub(super) fn sent(&mut self, action: Frame<'_>, now: UnixMs, tracker: &mut Tracker) {
        let text = |key: &str| action.get(key).and_then(|it| std::str::from_utf8(it).ok());
        let (Some(name), Some(id)) = (text("Action"), text("ActionID")) else { return };
        let list = match name.to_ascii_lowercase().as_str() {
            "coreshowchannels" => Pending::Channels,
            "status" => Pending::Status,
            "bridgelist" => Pending::Bridges,
            "originate" => {
                let channel = text("Channel").unwrap_or_default();
                let peer = channel.split_once('/').map_or(channel, |it| it.1);
                let extension = peer.split(['@', '/']).next().unwrap_or_default();
                let number = text("Exten").unwrap_or_default();
                let dial = Dial { id, extension, number, label: None };
                let channel_id = text("ChannelId");
                dial::register(&mut self.reader.issued, &dial, channel_id, now, tracker);
                self.pending.insert(id.to_owned(), Pending::Dial(id.to_owned()));
                return;
            }
            _ => return,
        };
        if self.lists.is_none() {
            // Bridges alone say nothing of channels that are absent.
            if list == Pending::Bridges {
                return;
            }
            tracker.snapshot_begins();
            self.lists = Some(Lists::default());
            self.first_snapshot = true;
            self.lists_open = 0;
        }
        self.lists_open += 1;
        self.pending.insert(id.to_owned(), list);
    }

    /// When something has to be done although nothing comes.
    fn next_wake(&self, tracker: &Tracker) -> Option<UnixMs> {
        let idle = match self.phase {
            Phase::Up | Phase::Comparing | Phase::Booting => Some(match self.pinged {
                Some(at) => at.plus_ms(PONG_MS),
                None => self.last_heard.plus_ms(i64::from(self.settings.ping_s) * 1000),
            }),
            Phase::Offline
            | Phase::Greeting
            | Phase::Challenge
            | Phase::LoggingIn
            | Phase::Dead => None,
        };
        let sweep = self.next_sweep.filter(|_| self.phase == Phase::Up);
        [self.deadline, idle, sweep, tracker.next_wake()].into_iter().flatten().min()
    }

    fn announce_wake(&mut self, tracker: &Tracker) {
        if let Some(at) = self.next_wake(tracker).filter(|_| !self.recorded) {
            self.outputs.push_back(Output::WakeAt(at));
        }
    }

    fn overdue(&mut self, now: UnixMs, tracker: &mut Tracker) {
        match self.phase {
            Phase::Greeting => self.give_up(
                "Nothing was said for ten seconds: the port is not a manager interface, or it wants \
                 TLS.",
                "Check host, port and whether TLS is to be used.",
                false,
            ),
            Phase::Challenge | Phase::LoggingIn => self.give_up(
                "The log-in was not answered within ten seconds.",
                "Look at the load of the phone system, and at its log.",
                false,
            ),
            Phase::Booting => self.compare(now, tracker),
            Phase::Comparing | Phase::Up => {
                self.compare_failed("it was not complete after half a minute", now, tracker);
            }
            Phase::Offline | Phase::Dead => self.deadline = None,
        }
    }

    fn keep_alive(&mut self, now: UnixMs) {
        let ping_ms = i64::from(self.settings.ping_s) * 1000;
        match self.pinged {
            Some(at) if at.plus_ms(PONG_MS) <= now => self.give_up(
                "The phone system has not answered for a while: the connection is dead.",
                "Nothing, if it comes back; else look at the network between the two.",
                false,
            ),
            None if self.last_heard.plus_ms(ping_ms) <= now => {
                self.pinged = Some(now);
                self.act("Ping", Pending::Ping, Ok);
            }
            Some(_) | None => {}
        }
    }
}

/// The longest greeting that is read before the port is taken for something else.
const GREETING_BYTES_MAX: usize = 256;

/// Events that no call needs, half of all there are. Anchored, so that a caller's name which holds
/// the same words hides nothing.
const NOISE: &str = "!^Event: (VarSet|Newexten|RTCP|TestEvent|ChallengeSent|SuccessfulAuth|DTMF)";

impl Session for AmiSession {
    fn connected(&mut self, now: UnixMs, tracker: &mut Tracker) {
        self.decoder.reset();
        self.pending.clear();
        self.held.clear();
        self.torn = None;
        (self.held_bytes, self.lists_open, self.lists) = (0, 0, None);
        (self.pinged, self.next_sweep) = (None, None);
        self.last_heard = now;
        self.wait(Phase::Greeting, now.plus_ms(STEP_MS));
        self.announce_wake(tracker);
    }

    fn received(&mut self, bytes: &[u8], now: UnixMs, tracker: &mut Tracker) {
        if matches!(self.phase, Phase::Offline | Phase::Dead) {
            return;
        }
        self.counters.bytes += bytes.len() as u64;
        self.last_heard = now;
        self.pinged = None;
        let mut decoder = std::mem::take(&mut self.decoder);
        decoder.feed(bytes);
        while let Some(frame) = decoder.next_frame() {
            if self.phase == Phase::Greeting && !matches!(frame.kind(), FrameKind::Banner(_)) {
                self.check_greeting(frame.bytes());
                break;
            }
            self.frame(frame, now, tracker);
            if self.phase == Phase::Dead {
                break;
            }
        }
        if self.phase == Phase::Greeting {
            self.check_greeting(decoder.unread());
        }
        self.decoder = decoder;
        self.announce_wake(tracker);
    }

    fn woken(&mut self, now: UnixMs, tracker: &mut Tracker) {
        tracker.woken(now);
        if self.deadline.is_some_and(|it| it <= now) {
            self.overdue(now, tracker);
        }
        if matches!(self.phase, Phase::Up | Phase::Comparing | Phase::Booting) {
            self.keep_alive(now);
        }
        if self.phase == Phase::Up && self.next_sweep.is_some_and(|it| it <= now) {
            self.compare(now, tracker);
        }
        self.announce_wake(tracker);
    }

    fn disconnected(&mut self, _now: UnixMs, tracker: &mut Tracker) {
        if self.phase != Phase::Offline {
            self.last_contact = self.last_contact.or(Some(self.last_heard));
        }
        if self.lists.take().is_some() {
            tracker.snapshot_fails();
        }
        for wish in std::mem::take(&mut self.waiting) {
            self.dial_refuse(wish.id, "The link to the phone system was lost.".to_owned());
        }
        self.phase = Phase::Offline;
        self.deadline = None;
    }

    fn command(&mut self, command: Command, now: UnixMs, tracker: &mut Tracker) {
        match command {
            Command::Dial { id, extension, number, label } => {
                self.dial(Waiting { id, extension, number, label }, now, tracker);
            }
            Command::CancelDial { id } => self.cancel(&id, tracker),
        }
        self.announce_wake(tracker);
    }

    fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    fn counters(&self) -> Counters {
        let losses = self.decoder.losses();
        Counters { dropped: losses.frames + losses.lines, ..self.counters }
    }
}
