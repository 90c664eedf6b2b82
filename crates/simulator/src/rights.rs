//! Classes of events and actions, and who may have them.

/// A set of Asterisk's classes (`read` and `write` of manager.conf, `Events`, `EventMask`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Classes(u16);

const NAMED: &[(&str, Classes)] = &[
    ("system", Classes::SYSTEM),
    ("call", Classes::CALL),
    ("agent", Classes::AGENT),
    ("cdr", Classes::CDR),
    ("user", Classes::USER),
    ("originate", Classes::ORIGINATE),
    ("reporting", Classes::REPORTING),
    ("command", Classes::COMMAND),
    ("all", Classes::ALL),
    // Known words whose events and actions are not played here.
    ("log", Classes::NONE),
    ("verbose", Classes::NONE),
    ("config", Classes::NONE),
    ("dtmf", Classes::NONE),
    ("dialplan", Classes::NONE),
    ("agi", Classes::NONE),
    ("cc", Classes::NONE),
    ("aoc", Classes::NONE),
    ("test", Classes::NONE),
    ("message", Classes::NONE),
    ("security", Classes::NONE),
];

impl Classes {
    /// None at all.
    pub const NONE: Classes = Classes(0);
    /// `FullyBooted`; on the write side `Filter`.
    pub const SYSTEM: Classes = Classes(1);
    /// Channels, dials, bridges; on the write side `Hangup`.
    pub const CALL: Classes = Classes(2);
    /// Queues.
    pub const AGENT: Classes = Classes(4);
    /// Call detail records.
    pub const CDR: Classes = Classes(8);
    /// Events of the dialplan's own.
    pub const USER: Classes = Classes(16);
    /// `Originate`.
    pub const ORIGINATE: Classes = Classes(32);
    /// Lists of channels and bridges.
    pub const REPORTING: Classes = Classes(64);
    /// `Command`.
    pub const COMMAND: Classes = Classes(128);
    /// All of them.
    pub const ALL: Classes = Classes(u16::MAX);

    /// Both together.
    #[must_use]
    pub const fn and(self, other: Classes) -> Classes {
        Classes(self.0 | other.0)
    }

    /// What is in both.
    #[must_use]
    pub const fn within(self, other: Classes) -> Classes {
        Classes(self.0 & other.0)
    }

    /// Whether the two have one in common.
    #[must_use]
    pub const fn meets(self, other: Classes) -> bool {
        self.0 & other.0 != 0
    }

    /// Reads an event mask: `on`, `off`, or names with commas between them. As in Asterisk, one
    /// unknown name makes it `off`.
    #[must_use]
    pub fn of_mask(text: &str) -> Classes {
        match text.trim().to_ascii_lowercase().as_str() {
            "on" | "yes" | "true" | "1" => Classes::ALL,
            "off" | "no" | "false" | "0" | "" => Classes::NONE,
            names => names
                .split(',')
                .map(|name| NAMED.iter().find(|it| it.0 == name.trim()).map(|it| it.1))
                .try_fold(Classes::NONE, |sum, it| Some(sum.and(it?)))
                .unwrap_or(Classes::NONE),
        }
    }
}

/// What an account may read and do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rights {
    /// Classes of events that it gets.
    pub read: Classes,
    /// Classes of actions that it may use.
    pub write: Classes,
}

impl Rights {
    /// The account that the manual recommends: `read = system,call,agent,cdr,user`,
    /// `write = originate,call,reporting`.
    pub const RECOMMENDED: Rights = Rights {
        read: Classes::SYSTEM
            .and(Classes::CALL)
            .and(Classes::AGENT)
            .and(Classes::CDR)
            .and(Classes::USER),
        write: Classes::ORIGINATE.and(Classes::CALL).and(Classes::REPORTING),
    };

    /// An account that may do everything.
    pub const ALL: Rights = Rights { read: Classes::ALL, write: Classes::ALL };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mask_with_an_unknown_name_is_off() {
        assert_eq!(Classes::of_mask("call,nonsense"), Classes::NONE);
        assert_eq!(Classes::of_mask("Call, agent"), Classes::CALL.and(Classes::AGENT));
        assert_eq!(Classes::of_mask("on"), Classes::ALL);
        assert_eq!(Classes::of_mask("dialplan,cdr"), Classes::CDR);
    }
}
