//! Latencies in microseconds, and how they are printed.

use std::time::Duration;

use hdrhistogram::Histogram;

/// Collects latencies from 1 µs to an hour, three digits exact.
#[derive(Debug)]
pub struct Latencies(Histogram<u64>);

impl Default for Latencies {
    fn default() -> Self {
        /// An hour.
        const LONGEST_US: u64 = 3_600_000_000;
        let histogram = Histogram::new_with_bounds(1, LONGEST_US, 3);
        Latencies(histogram.expect("constant bounds that the library accepts"))
    }
}

impl Latencies {
    /// Adds one.
    pub fn record(&mut self, took: Duration) {
        self.record_us(u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
    }

    /// Adds one, in microseconds.
    pub fn record_us(&mut self, took: u64) {
        self.0.saturating_record(took.max(1));
    }

    /// Adds all of another collection.
    pub fn add(&mut self, other: &Latencies) {
        self.0 += &other.0;
    }

    /// `"p50_us":…,"p99_us":…,"max_us":…`: fields for a JSON object.
    #[must_use]
    pub fn fields(&self) -> String {
        format!(
            r#""mean_us":{:.1},"p50_us":{},"p90_us":{},"p99_us":{},"max_us":{}"#,
            self.0.mean(),
            self.0.value_at_quantile(0.5),
            self.0.value_at_quantile(0.9),
            self.0.value_at_quantile(0.99),
            self.0.max()
        )
    }
}
