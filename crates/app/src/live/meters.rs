//! Counters and latencies for `/metrics`. Adding to one is a few atomic additions.

use std::{
    fmt::Write as _,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use super::Live;

/// What the hub has done since it started.
#[derive(Default)]
pub struct Meters {
    /// Events that were committed.
    pub events: AtomicU64,
    /// From an event to its commit.
    pub commit_latency: Histogram,
    /// From an event to the acknowledgement of one of its deliveries.
    pub delivery_latency: Histogram,
    /// How long attempts of deliveries took.
    pub attempt_duration: Histogram,
    /// Requests to the API, by the hundreds of their status.
    pub requests: [AtomicU64; 6],
}

/// Upper bounds of the buckets, in microseconds: from a commit on a quick disk to a delivery that
/// had to wait for a minute.
const BOUNDS_US: [u64; 15] = [
    250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000,
    5_000_000, 15_000_000, 60_000_000,
];

/// How many durations fell below each bound.
#[derive(Default)]
pub struct Histogram {
    buckets: [AtomicU64; BOUNDS_US.len() + 1],
    sum_us: AtomicU64,
}

impl Histogram {
    /// Takes in one duration.
    pub fn observe(&self, duration: Duration) {
        let us = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        let bucket = BOUNDS_US.partition_point(|it| *it < us);
        self.buckets[bucket].fetch_add(1, Ordering::Relaxed);
        self.sum_us.fetch_add(us, Ordering::Relaxed);
    }

    fn write(&self, out: &mut String, name: &str, help: &str) {
        let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} histogram");
        let mut total = 0;
        for (bucket, bound) in self.buckets.iter().zip(BOUNDS_US.iter().map(Some).chain([None])) {
            total += bucket.load(Ordering::Relaxed);
            let bound = bound.map_or("+Inf".to_owned(), |it| (*it as f64 / 1e6).to_string());
            let _ = writeln!(out, "{name}_bucket{{le=\"{bound}\"}} {total}");
        }
        let sum = self.sum_us.load(Ordering::Relaxed) as f64 / 1e6;
        let _ = writeln!(out, "{name}_sum {sum}\n{name}_count {total}");
    }
}

impl Meters {
    /// An API request was answered with this status.
    pub fn answered(&self, status: u16) {
        if let Some(count) = self.requests.get(usize::from(status / 100)) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Live {
    /// Everything that is counted, in the text format of Prometheus.
    #[must_use]
    pub fn metrics_text(&self) -> String {
        let mut out = String::with_capacity(8 * 1024);
        let load = |it: &AtomicU64| it.load(Ordering::Relaxed);
        let (links, links_up) = self.links.totals();
        let (delivered, failed, given_up, waiting) = self.health.totals();
        let (subscriptions, cut_off) = self.fan.totals();
        let counters = [
            ("events_total", "Events committed.", load(&self.meters.events)),
            ("link_bytes_total", "Bytes read from phone systems.", links.bytes),
            ("link_frames_total", "Frames read from phone systems.", links.frames),
            ("link_understood_total", "Frames about calls.", links.understood),
            ("link_ignored_total", "Frames of no interest.", links.ignored),
            ("link_malformed_total", "Frames that could not be read.", links.malformed),
            ("link_suspicious_total", "Frames that look forged.", links.suspicious),
            ("link_dropped_total", "Frames or legs beyond a limit.", links.dropped),
            ("link_breaks_total", "Links that broke after they had worked.", links.reconnects),
            ("deliveries_total", "Deliveries that went through.", delivered),
            ("attempts_failed_total", "Attempts of deliveries that failed.", failed),
            ("deliveries_given_up_total", "Deliveries that were given up.", given_up),
            ("streams_total", "Live streams that were opened.", subscriptions),
            ("streams_cut_off_total", "Live streams that did not read in time.", cut_off),
        ];
        for (name, help, value) in counters {
            write_one(&mut out, name, help, "counter", value);
        }
        let gauges = [
            ("links_up", "Links that work.", links_up),
            ("deliveries_waiting", "Deliveries still to be made.", waiting),
            ("streams_open", "Live streams that are open.", self.fan.followers() as u64),
        ];
        for (name, help, value) in gauges {
            write_one(&mut out, name, help, "gauge", value);
        }
        out.push_str("# HELP hookswitch_api_requests_total Requests to the API, by status.\n");
        out.push_str("# TYPE hookswitch_api_requests_total counter\n");
        for (hundreds, count) in self.meters.requests.iter().enumerate().skip(2) {
            let count = load(count);
            let _ =
                writeln!(out, "hookswitch_api_requests_total{{status=\"{hundreds}xx\"}} {count}");
        }
        let meters = &self.meters;
        let histograms = [
            ("commit_seconds", "From an event to its commit.", &meters.commit_latency),
            ("delivery_seconds", "From an event to its acknowledgement.", &meters.delivery_latency),
            ("attempt_seconds", "Duration of attempts.", &meters.attempt_duration),
        ];
        for (name, help, histogram) in histograms {
            histogram.write(&mut out, &format!("hookswitch_{name}"), help);
        }
        out
    }
}

fn write_one(out: &mut String, name: &str, help: &str, kind: &str, value: u64) {
    let name = format!("hookswitch_{name}");
    let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_add_up() {
        let histogram = Histogram::default();
        for us in [100, 250, 251, 70_000_000] {
            histogram.observe(Duration::from_micros(us));
        }
        let mut out = String::new();
        histogram.write(&mut out, "x", "help");
        assert!(out.contains("x_bucket{le=\"0.00025\"} 2\n"), "{out}");
        assert!(out.contains("x_bucket{le=\"0.0005\"} 3\n"), "{out}");
        assert!(out.contains("x_bucket{le=\"60\"} 3\n"), "{out}");
        assert!(out.contains("x_bucket{le=\"+Inf\"} 4\n"), "{out}");
        assert!(out.ends_with("x_count 4\n"), "{out}");
    }

    #[test]
    fn every_line_of_the_metrics_is_a_comment_or_a_sample() {
        let live = Live::default();
        live.meters.answered(200);
        for line in live.metrics_text().lines() {
            let sample = line.split_once(' ').is_some_and(|(name, value)| {
                name.starts_with("hookswitch_") && value.parse::<f64>().is_ok()
            });
            assert!(line.starts_with("# ") || sample, "{line}");
        }
    }
}
