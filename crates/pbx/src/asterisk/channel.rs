//! Channel names: `TECH/peer-suffix`, and who is behind them.

use call::{
    Side,
    number::{Extensions, matches_pattern},
};

/// Technologies behind which there is never a person.
const INNER: [&str; 19] = [
    "Local",
    "Parking",
    "Transfered",
    "Transferred",
    "SIPPeer",
    "AsyncGoto",
    "Bridge",
    "Message",
    "Announcer",
    "Recorder",
    "CBAnn",
    "CBRec",
    "ConfBridgeRecorder",
    "Surrogate",
    "Snoop",
    "MulticastRTP",
    "UnicastRTP",
    "Substitution",
    "OutgoingSpoolFailed",
];

/// Technologies whose peer is a line or span, whose short numbers are no extensions.
const LINES: [&str; 5] = ["DAHDI", "Zap", "mISDN", "CAPI", "KHOMP"];

/// What a channel name says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ChannelName<'a> {
    pub(super) tech: &'a str,
    /// Without the suffix that makes the name unique.
    pub(super) peer: &'a str,
}

impl<'a> ChannelName<'a> {
    /// The suffix begins at the last `-`: peers may hold `-`, `@` and `/` themselves.
    pub(super) fn parse(name: &'a str) -> ChannelName<'a> {
        let (whole, _) = split_half(name);
        let (tech, rest) = whole.split_once('/').unwrap_or(("", whole));
        let peer = rest.rsplit_once('-').map_or(rest, |it| it.0);
        ChannelName { tech, peer }
    }

    pub(super) fn is_inner(&self) -> bool {
        self.tech.is_empty() || INNER.contains(&self.tech)
    }
}

/// Splits off what tells the halves of a local channel apart: `;1`, and `,1` in version 1.4.
pub(super) fn split_half(name: &str) -> (&str, Option<&str>) {
    match name.len().checked_sub(2).and_then(|it| name.split_at_checked(it)) {
        Some((whole, half @ (";1" | ";2" | ",1" | ",2"))) => (whole, Some(half)),
        _ => (name, None),
    }
}

/// The name of the other half of a local channel.
pub(super) fn other_half(name: &str) -> Option<String> {
    let (whole, half) = split_half(name);
    let other = match half? {
        ";1" => ";2",
        ";2" => ";1",
        ",1" => ",2",
        _ => ",1",
    };
    Some(format!("{whole}{other}"))
}

/// Who is inside and who is outside.
#[derive(Debug, Clone, Default)]
pub(super) struct Places {
    pub(super) extensions: Extensions,
    /// Whether the patterns were given, rather than assumed.
    pub(super) explicit: bool,
    pub(super) trunks: Vec<String>,
    pub(super) outside_contexts: Vec<String>,
}

impl Places {
    /// Who is at the far end of a channel. `context`: where it entered the dial plan.
    pub(super) fn side(&self, name: &str, context: Option<&str>) -> Side {
        let channel = ChannelName::parse(name);
        if channel.is_inner() {
            return Side::Inner;
        }
        let trunk =
            self.trunks.iter().any(|it| it == channel.peer || matches_pattern(it, channel.peer));
        let outside = context.is_some_and(|it| {
            self.outside_contexts
                .iter()
                .any(|outside| it == outside || matches_pattern(outside, it))
        });
        let line = LINES.contains(&channel.tech) && !self.explicit;
        if !trunk && !outside && !line && self.extensions.matches(channel.peer) {
            return Side::Extension(channel.peer.into());
        }
        Side::Outside(None)
    }
}

/// The number in a dial string such as `84957654321@trunk`, `trunk/84957654321`, `sip:8495@host`.
pub(super) fn dialled_number(dial_string: &str) -> Option<&str> {
    let parts = dial_string.split(['/', '@', ':', ';', ',', '&']);
    let digits = |it: &&str| {
        !it.is_empty()
            && it.bytes().all(|it| it.is_ascii_digit() || matches!(it, b'+' | b'*' | b'#'))
    };
    parts.filter(digits).max_by_key(|it| it.len())
}
