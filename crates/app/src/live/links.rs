//! The state of every link, told by `hub::link`, read by the API and the pages.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, PoisonError},
};

use api::{LinkCounters, LinkFault, LinkStatus, LinkView};
use call::UnixMs;

/// The rate of events is taken over this time.
const RATE_WINDOW_MS: i64 = 60_000;
/// Two samples of the counters are at least this far apart.
const RATE_STEP_MS: i64 = 5_000;

/// The state of every link, by the id of its phone system.
#[derive(Default)]
pub struct Links {
    links: Mutex<HashMap<String, Entry>>,
}

#[derive(Default)]
struct Entry {
    status: Option<LinkStatus>,
    since: Option<UnixMs>,
    version: Option<String>,
    last_error: Option<LinkFault>,
    retry_at: Option<UnixMs>,
    counters: LinkCounters,
    /// Times and numbers of events, oldest first, over the last minute.
    samples: VecDeque<(UnixMs, u64)>,
}

impl Entry {
    fn turn(&mut self, status: LinkStatus, now: UnixMs) {
        if self.status != Some(status) {
            self.status = Some(status);
            self.since = Some(now);
        }
        self.retry_at = None;
    }
}

impl Links {
    /// The phone system is being reached.
    pub fn connecting(&self, pbx: &str, now: UnixMs) {
        self.change(pbx, |it| {
            // A link that fails again and again stays `down` until it is up.
            if !matches!(it.status, Some(LinkStatus::Down | LinkStatus::Stopped)) {
                it.turn(LinkStatus::Connecting, now);
            }
            it.retry_at = None;
        });
    }

    /// The link works: logged in and in step.
    pub fn up(&self, pbx: &str, version: &str, now: UnixMs) {
        self.change(pbx, |it| {
            it.turn(LinkStatus::Up, now);
            it.version = Some(version.to_owned());
        });
    }

    /// The link is broken: `reason` says why and what to do. Without a time of the next try,
    /// somebody must change something first.
    pub fn down(&self, pbx: &str, reason: &str, retry_at: Option<UnixMs>, now: UnixMs) {
        self.change(pbx, |it| {
            if it.status == Some(LinkStatus::Up) {
                it.counters.reconnects += 1;
            }
            it.turn(if retry_at.is_some() { LinkStatus::Down } else { LinkStatus::Stopped }, now);
            it.retry_at = retry_at;
            it.last_error = Some(LinkFault { at: now, reason: reason.to_owned() });
        });
    }

    /// Something that an administrator should read, though the link goes on.
    pub fn noticed(&self, pbx: &str, text: &str, now: UnixMs) {
        self.change(pbx, |it| it.last_error = Some(LinkFault { at: now, reason: text.to_owned() }));
    }

    /// No link is kept any more.
    pub fn removed(&self, pbx: &str) {
        self.lock().remove(pbx);
    }

    /// What came over the link so far. Call it every few seconds.
    pub fn counted(&self, pbx: &str, counters: pbx::Counters, now: UnixMs) {
        self.change(pbx, |it| {
            let pbx::Counters {
                bytes,
                frames,
                understood,
                ignored,
                malformed,
                suspicious,
                dropped,
            } = counters;
            let reconnects = it.counters.reconnects;
            it.counters = LinkCounters {
                bytes,
                frames,
                understood,
                ignored,
                malformed,
                suspicious,
                dropped,
                reconnects,
            };
            if it.samples.back().is_none_or(|(at, _)| now.0 - at.0 >= RATE_STEP_MS) {
                it.samples.push_back((now, frames));
            }
            while it.samples.front().is_some_and(|(at, _)| now.0 - at.0 > RATE_WINDOW_MS) {
                it.samples.pop_front();
            }
        });
    }

    /// The state of one link, for people and programs.
    #[must_use]
    pub fn view(&self, pbx: &str, enabled: bool) -> LinkView {
        let links = self.lock();
        let unknown = Entry::default();
        let entry = links.get(pbx).unwrap_or(&unknown);
        let status = match (enabled, entry.status) {
            (false, _) => LinkStatus::Disabled,
            (true, status) => status.unwrap_or(LinkStatus::Connecting),
        };
        LinkView {
            status,
            since: entry.since,
            version: entry.version.clone(),
            last_error: entry.last_error.clone(),
            retry_at: entry.retry_at,
            events_per_second: rate(&entry.samples),
            counters: entry.counters,
        }
    }

    /// The sum of all links' counters, and how many links are up.
    #[must_use]
    pub fn totals(&self) -> (LinkCounters, u64) {
        let links = self.lock();
        let mut sum = LinkCounters::default();
        for it in links.values().map(|it| it.counters) {
            sum.bytes += it.bytes;
            sum.frames += it.frames;
            sum.understood += it.understood;
            sum.ignored += it.ignored;
            sum.malformed += it.malformed;
            sum.suspicious += it.suspicious;
            sum.dropped += it.dropped;
            sum.reconnects += it.reconnects;
        }
        let up = links.values().filter(|it| it.status == Some(LinkStatus::Up)).count();
        (sum, up as u64)
    }

    fn change(&self, pbx: &str, change: impl FnOnce(&mut Entry)) {
        let mut links = self.lock();
        match links.get_mut(pbx) {
            Some(entry) => change(entry),
            None => change(links.entry(pbx.to_owned()).or_default()),
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Entry>> {
        self.links.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn rate(samples: &VecDeque<(UnixMs, u64)>) -> f64 {
    let (Some((from, first)), Some((to, last))) = (samples.front(), samples.back()) else {
        return 0.0;
    };
    let seconds = to.seconds_since(*from);
    // Counters start again when a link is opened anew: then the rate is not known yet.
    if seconds > 0.0 { last.saturating_sub(*first) as f64 / seconds } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(frames: u64) -> pbx::Counters {
        pbx::Counters { frames, ..pbx::Counters::default() }
    }

    #[test]
    fn a_link_that_fails_again_is_down_since_the_first_time() {
        let links = Links::default();
        links.connecting("p", UnixMs(0));
        links.down("p", "refused: is the port right?", Some(UnixMs(9)), UnixMs(5));
        links.connecting("p", UnixMs(9));
        links.down("p", "refused: is the port right?", Some(UnixMs(30)), UnixMs(10));
        let view = links.view("p", true);
        assert_eq!((view.status, view.since), (LinkStatus::Down, Some(UnixMs(5))));
        assert_eq!(view.last_error.unwrap().at, UnixMs(10));
    }

    #[test]
    fn the_last_error_is_kept_when_the_link_works_again() {
        let links = Links::default();
        links.down("p", "refused", None, UnixMs(5));
        assert_eq!(links.view("p", true).status, LinkStatus::Stopped);
        links.up("p", "Asterisk 22", UnixMs(6));
        let view = links.view("p", true);
        assert_eq!((view.status, view.since), (LinkStatus::Up, Some(UnixMs(6))));
        assert_eq!(view.last_error.unwrap().reason, "refused");
        assert_eq!(links.view("p", false).status, LinkStatus::Disabled);
    }

    #[test]
    fn the_rate_is_that_of_the_last_minute() {
        let links = Links::default();
        for second in 0..120 {
            let count = if second < 60 { 1000 * second } else { 60_000 + 10 * (second - 60) };
            links.counted("p", frames(count), UnixMs(second as i64 * 1000));
        }
        assert!((links.view("p", true).events_per_second - 10.0).abs() < 1e-9);
    }
}
