//! Small pieces of HTML that every page uses: icons, badges, times, durations.
//!
//! Each is a [`HtmlSafe`] value, so that templates print it as it is; whatever comes from outside
//! is escaped here.

use std::fmt::{self, Write as _};

use askama::filters::HtmlSafe;
use call::UnixMs;
use jiff::{Timestamp, tz::TimeZone};

use crate::{
    assets::ICONS_SVG,
    texts::{Texts, fill},
};

/// HTML that was put together by this module.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Html(String);

impl fmt::Display for Html {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl HtmlSafe for Html {}

impl Html {
    /// Takes what a template of ours has rendered.
    pub(crate) fn rendered(html: String) -> Html {
        Html(html)
    }
}

/// Escapes text for element content and quoted attributes.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}

/// A picture beside a text that says the same; hidden from screen readers.
pub(crate) fn icon(name: &str) -> Html {
    let sprite = ICONS_SVG.address;
    Html(format!("<svg class=\"icon\" aria-hidden=\"true\"><use href=\"{sprite}#{name}\"/></svg>"))
}

/// What a state means to the person who reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    /// As it should be.
    Good,
    /// Somebody must do something.
    Bad,
    /// Somebody should look.
    Warn,
    /// Something goes on.
    Info,
    /// On hold.
    Hold,
    /// Neither good nor bad.
    Plain,
}

impl Tone {
    /// The class of the stylesheet.
    pub(crate) fn class(self) -> &'static str {
        match self {
            Tone::Good => "st st-good",
            Tone::Bad => "st st-bad",
            Tone::Warn => "st st-warn",
            Tone::Info => "st st-info",
            Tone::Hold => "st st-hold",
            Tone::Plain => "st",
        }
    }
}

/// A state in a word; the colour repeats what the word says.
pub(crate) fn badge(tone: Tone, text: &str) -> Html {
    Html(format!("<span class=\"{}\">{}</span>", tone.class(), escape(text)))
}

/// Seconds as `m:ss` or `h:mm:ss`, rounded down, as a clock on a phone shows them.
pub(crate) fn clock_seconds(seconds: f64) -> String {
    // Call lengths are far below 2^53; negative ones do not occur and show as zero.
    let whole = seconds.max(0.0) as u64;
    let (hours, minutes, rest) = (whole / 3600, whole / 60 % 60, whole % 60);
    if hours > 0 {
        format!("{hours}:{minutes:02}:{rest:02}")
    } else {
        format!("{minutes}:{rest:02}")
    }
}

/// A number of bytes for people.
pub(crate) fn bytes(n: u64) -> String {
    match n {
        0..1_000 => format!("{n} B"),
        1_000..1_000_000 => format!("{:.1} kB", n as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} MB", n as f64 / 1e6),
        _ => format!("{:.1} GB", n as f64 / 1e9),
    }
}

/// A point in time, by value or however templates refer to it.
pub(crate) trait At {
    /// The point in time.
    fn at(&self) -> UnixMs;
}

impl At for UnixMs {
    fn at(&self) -> UnixMs {
        *self
    }
}

impl<T: At> At for &T {
    fn at(&self) -> UnixMs {
        (**self).at()
    }
}

/// Times as one person reads them: their language, their zone, and what is now.
#[derive(Debug, Clone)]
pub(crate) struct Times {
    /// What is now.
    pub(crate) now: UnixMs,
    /// Where the person is.
    pub(crate) zone: TimeZone,
    /// In which language.
    pub(crate) t: &'static Texts,
}

impl Times {
    /// How long ago it was; the exact time on hover. The script keeps it true.
    pub(crate) fn ago(&self, at: impl At) -> Html {
        let at = at.at();
        let words = self.ago_words(at);
        Html(format!(
            "<time datetime=\"{at}\" title=\"{}\" data-ago=\"{}\">{words}</time>",
            escape(&self.exact(at)),
            at.0
        ))
    }

    fn ago_words(&self, at: UnixMs) -> String {
        let seconds = (self.now.0 - at.0) / 1000;
        let n = |value: i64| value.to_string();
        let t = self.t;
        match seconds {
            i64::MIN..=-60 => fill(t.time_in_minutes, &[("n", &n(-seconds / 60))]),
            -59..=-1 => fill(t.time_in_seconds, &[("n", &n(-seconds))]),
            0..=4 => t.time_now.to_owned(),
            5..=59 => fill(t.time_seconds, &[("n", &n(seconds))]),
            60..=3599 => fill(t.time_minutes, &[("n", &n(seconds / 60))]),
            3600..=86_399 => fill(t.time_hours, &[("n", &n(seconds / 3600))]),
            _ => fill(t.time_days, &[("n", &n(seconds / 86_400))]),
        }
    }

    /// The time of day, with the date when it is not today; the exact time on hover.
    pub(crate) fn clock(&self, at: impl At) -> Html {
        let at = at.at();
        let (local, today) = (self.local(at), self.local(self.now));
        let format = if local.date() == today.date() { "%H:%M:%S" } else { "%Y-%m-%d %H:%M" };
        Html(format!(
            "<time datetime=\"{at}\" title=\"{}\">{}</time>",
            escape(&self.exact(at)),
            local.strftime(format)
        ))
    }

    /// The time of day to the millisecond, for things that follow each other closely.
    pub(crate) fn fine(&self, at: impl At) -> Html {
        let at = at.at();
        Html(format!(
            "<time datetime=\"{at}\" title=\"{}\">{}</time>",
            escape(&self.exact(at)),
            self.local(at).strftime("%H:%M:%S%.3f")
        ))
    }

    /// A duration that grows since `start`; the script counts on.
    pub(crate) fn running(&self, start: impl At) -> Html {
        let start = start.at();
        let mut out = String::new();
        // Writing into a string does not fail.
        let _ = write!(
            out,
            "<span class=\"tick\" data-since=\"{}\" title=\"{}\">{}</span>",
            start.0,
            escape(&self.exact(start)),
            clock_seconds(self.now.seconds_since(start))
        );
        Html(out)
    }

    /// Date, time and zone.
    pub(crate) fn exact(&self, at: impl At) -> String {
        let at = at.at();
        self.local(at).strftime("%Y-%m-%d %H:%M:%S %Z").to_string()
    }

    /// As a form field of type `datetime-local` takes it, to the minute.
    pub(crate) fn field(&self, at: impl At) -> String {
        let at = at.at();
        self.local(at).strftime("%Y-%m-%dT%H:%M").to_string()
    }

    /// The date, for the headline of a page.
    pub(crate) fn date(&self, at: impl At) -> String {
        let at = at.at();
        self.local(at).strftime("%Y-%m-%d").to_string()
    }

    fn local(&self, at: UnixMs) -> jiff::Zoned {
        // Years beyond 9999 do not occur: out of range shows as the epoch.
        Timestamp::from_millisecond(at.0).unwrap_or_default().to_zoned(self.zone.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::texts::EN;

    fn times(now: &str) -> Times {
        let now: Timestamp = now.parse().unwrap();
        let zone = TimeZone::get("Europe/Rome").unwrap();
        Times { now: UnixMs(now.as_millisecond()), zone, t: &EN }
    }

    #[test]
    fn relative_times_carry_the_exact_one() {
        let times = times("2026-11-20T12:00:00Z");
        let words = |ms: i64| times.ago_words(times.now.plus_ms(ms));
        assert_eq!(words(0), "just now");
        assert_eq!(words(-59_000), "59 s ago");
        assert_eq!(words(-3_599_000), "59 min ago");
        assert_eq!(words(-90_000_000), "1 d ago");
        assert_eq!(words(30_000), "in 30 s");
        let html = times.ago(times.now.plus_ms(-60_000)).to_string();
        assert!(html.contains("title=\"2026-11-20 12:59:00 CET\""), "{html}");
    }

    #[test]
    fn only_other_days_show_their_date() {
        let times = times("2026-11-20T12:00:00Z");
        assert!(times.clock(times.now).to_string().ends_with(">13:00:00</time>"));
        let yesterday = times.now.plus_ms(-86_400_000);
        assert!(times.clock(yesterday).to_string().ends_with(">2026-11-19 13:00</time>"));
    }

    #[test]
    fn durations_read_like_a_phone() {
        for (seconds, shown) in [(0.0, "0:00"), (6.2, "0:06"), (73.9, "1:13"), (3725.0, "1:02:05")]
        {
            assert_eq!(clock_seconds(seconds), shown);
        }
    }

    #[test]
    fn what_comes_from_outside_is_escaped() {
        let html = badge(Tone::Bad, "<script>\"'&").to_string();
        assert_eq!(html, "<span class=\"st st-bad\">&lt;script&gt;&quot;&#39;&amp;</span>");
    }
}
