//! From the greeting to the log-in.

use call::{Tracker, UnixMs};
use md5::{Digest, Md5};

use super::{AmiSession, BOOT_MS, GREETING_BYTES_MAX, Pending, Phase, STEP_MS};
use crate::asterisk::Login;

impl AmiSession {
    /// The line before any greeting: many other services can be at the end of a wrong port.
    pub(super) fn check_greeting(&mut self, unread: &[u8]) {
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

    pub(super) fn greeted(&mut self, version: &[u8], now: UnixMs) {
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

    pub(super) fn log_in(&mut self, now: UnixMs, key: &str, proof: &str) {
        let user = self.settings.username.clone();
        let md5 = self.settings.login == Login::Md5;
        self.wait(Phase::LoggingIn, now.plus_ms(STEP_MS));
        self.act("Login", Pending::Login, |it| {
            let it = if md5 { it.with("AuthType", "MD5")? } else { it };
            it.with("Username", &user)?.with(key, proof)?.with("Events", "on")
        });
    }

    pub(super) fn challenged(&mut self, challenge: &str, now: UnixMs) {
        let mut hash = Md5::new();
        hash.update(challenge.as_bytes());
        hash.update(self.settings.secret.0.as_bytes());
        let key: String = hash.finalize().iter().map(|it| format!("{it:02x}")).collect();
        self.log_in(now, "Key", &key);
    }

    pub(super) fn logged_in(&mut self, now: UnixMs, tracker: &mut Tracker) {
        // Version 1.4 and 1.6 never say that they have started; the latter calls itself 1.1 like 1.8.
        if self.manager <= (1, 0) {
            self.compare(now, tracker);
        } else {
            self.wait(Phase::Booting, now.plus_ms(BOOT_MS));
        }
    }
}
