//! How the integrations fare, told by `hub::worker`, read by the API and the pages.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use api::{HealthStatus, HealthView};
use call::UnixMs;

/// The health of every integration, by its id.
#[derive(Default)]
pub struct Health {
    integrations: Mutex<HashMap<String, Entry>>,
}

#[derive(Default)]
struct Entry {
    /// Below zero for a moment: a delivery can go through before it is told that it waits.
    backlog: i64,
    last_success_at: Option<UnixMs>,
    last_error: Option<(UnixMs, String)>,
    failing: bool,
    delivered: u64,
    failed: u64,
    given_up: u64,
}

/// What an attempt changed for the integration as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HealthChange {
    /// It fares as before.
    None,
    /// The first attempt that failed after ones that did not.
    Failing,
    /// The first one that went through after ones that failed.
    Recovered,
}

impl Health {
    /// How many deliveries wait, counted anew: at the start, or after a clean-up.
    pub fn waiting(&self, integration: &str, backlog: u64) {
        self.change(integration, |it| it.backlog = count(backlog));
    }

    /// So many deliveries more wait.
    pub fn queued(&self, integration: &str, more: u64) {
        self.change(integration, |it| it.backlog += count(more));
    }

    /// A delivery went through.
    pub fn delivered(&self, integration: &str, now: UnixMs) -> HealthChange {
        self.change(integration, |it| {
            it.backlog -= 1;
            it.delivered += 1;
            it.last_success_at = Some(now);
            let recovered = std::mem::replace(&mut it.failing, false);
            if recovered { HealthChange::Recovered } else { HealthChange::None }
        })
    }

    /// An attempt failed; `reason` in plain words. `given_up` when it was the last one.
    pub fn failed(
        &self,
        integration: &str,
        reason: &str,
        given_up: bool,
        now: UnixMs,
    ) -> HealthChange {
        self.change(integration, |it| {
            it.failed += 1;
            it.last_error = Some((now, reason.to_owned()));
            if given_up {
                it.given_up += 1;
                it.backlog -= 1;
            }
            let failing_before = std::mem::replace(&mut it.failing, true);
            if failing_before { HealthChange::None } else { HealthChange::Failing }
        })
    }

    /// The integration is no more.
    pub fn removed(&self, integration: &str) {
        self.lock().remove(integration);
    }

    /// How one integration fares, for people and programs.
    #[must_use]
    pub fn view(&self, integration: &str, enabled: bool) -> HealthView {
        let all = self.lock();
        let unknown = Entry::default();
        let it = all.get(integration).unwrap_or(&unknown);
        let status = match it {
            _ if !enabled => HealthStatus::Disabled,
            it if it.failing => HealthStatus::Failing,
            it if it.last_success_at.is_some() => HealthStatus::Working,
            _ => HealthStatus::Idle,
        };
        HealthView {
            status,
            backlog: waiting(it),
            last_success_at: it.last_success_at,
            last_error_at: it.last_error.as_ref().map(|(at, _)| *at),
            last_error: it.last_error.as_ref().map(|(_, reason)| reason.clone()),
            delivered: it.delivered,
            failed: it.failed,
        }
    }

    /// Delivered, failed attempts, given up, and waiting, over all integrations.
    #[must_use]
    pub fn totals(&self) -> (u64, u64, u64, u64) {
        self.lock().values().fold((0, 0, 0, 0), |(a, b, c, d), it| {
            (a + it.delivered, b + it.failed, c + it.given_up, d + waiting(it))
        })
    }

    fn change<T>(&self, integration: &str, change: impl FnOnce(&mut Entry) -> T) -> T {
        let mut all = self.lock();
        match all.get_mut(integration) {
            Some(entry) => change(entry),
            None => change(all.entry(integration.to_owned()).or_default()),
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Entry>> {
        self.integrations.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts of deliveries are far below 2^63.
fn count(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

fn waiting(entry: &Entry) -> u64 {
    u64::try_from(entry.backlog).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failing_and_recovered_are_told_once() {
        let health = Health::default();
        health.queued("i", 3);
        let told = [
            health.failed("i", "down", false, UnixMs(1)),
            health.failed("i", "down", false, UnixMs(2)),
            health.delivered("i", UnixMs(3)),
            health.delivered("i", UnixMs(4)),
        ];
        use HealthChange::{Failing, None, Recovered};
        assert_eq!(told, [Failing, None, Recovered, None]);
        let view = health.view("i", true);
        assert_eq!((view.backlog, view.delivered, view.failed), (1, 2, 2));
        assert_eq!(view.last_error_at, Some(UnixMs(2)));
    }

    #[test]
    fn a_delivery_that_is_quicker_than_its_announcement_leaves_no_backlog() {
        let health = Health::default();
        health.delivered("i", UnixMs(1));
        assert_eq!(health.view("i", true).backlog, 0);
        health.queued("i", 1);
        assert_eq!(health.view("i", true).backlog, 0);
    }
}
