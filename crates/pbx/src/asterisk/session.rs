//! One link: logs in, keeps the line alive, takes snapshots, passes events on.

mod compare;
mod dialling;
mod login;

use std::collections::{BTreeMap, VecDeque};

use call::{Ids, Tracker, UnixMs};
use pbx_proto::ami::{Action, ActionError, Decoder, Frame, FrameKind};

use super::{
    Reader, Settings,
    clock::Clock,
    events::Verdict,
    lists::Lists,
    torn::{Rest, Torn},
};
use crate::{Command, Counters, GiveUp, Opening, Output, Session};

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
