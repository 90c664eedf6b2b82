//! The filters of the history: from the address to the question, and back.

use api::{CallQuery, DirectionName, OutcomeName};
use call::UnixMs;
use jiff::civil::DateTime;
use serde::Deserialize;

use super::PAGE_ROWS;
use crate::{answer::query, show::Times};

/// The filters of the history, as they stand in the address. Times are those of the person's
/// zone, or RFC 3339.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Filters {
    pub(super) q: String,
    pub(super) direction: String,
    pub(super) outcome: String,
    pub(super) pbx: String,
    pub(super) extension: String,
    pub(super) number: String,
    pub(super) started_after: String,
    pub(super) started_before: String,
    pub(super) from: String,
    pub(super) to: String,
    pub(super) user: String,
    pub(super) after: String,
}

impl Filters {
    fn pairs(&self) -> [(&'static str, &str); 11] {
        [
            ("q", &self.q),
            ("direction", &self.direction),
            ("outcome", &self.outcome),
            ("pbx", &self.pbx),
            ("extension", &self.extension),
            ("number", &self.number),
            ("started_after", &self.started_after),
            ("started_before", &self.started_before),
            ("from", &self.from),
            ("to", &self.to),
            ("user", &self.user),
        ]
    }

    pub(super) fn any(&self) -> bool {
        self.pairs().into_iter().any(|(_, value)| !value.is_empty())
    }

    /// Filters that have no field in the form; they come with links.
    pub(super) fn further(&self) -> Vec<(&'static str, &str)> {
        self.pairs().into_iter().skip(8).filter(|(_, value)| !value.is_empty()).collect()
    }

    /// The address of another page of the same list.
    pub(super) fn address(&self, after: &str) -> String {
        let pairs = self.pairs().into_iter().chain([("after", after)]);
        let pairs = pairs.filter(|(_, value)| !value.is_empty());
        let pairs: Vec<_> = pairs.map(|(name, value)| format!("{name}={}", query(value))).collect();
        format!("/calls?{}", pairs.join("&"))
    }

    /// The question to the service, and what could not be understood of it.
    pub(super) fn query(&self, times: &Times) -> (CallQuery, Vec<String>) {
        let mut errors = Vec::new();
        let mut time = |label: &str, text: &str| {
            let read = read_time(text, times);
            if read.is_none() && !text.trim().is_empty() {
                errors.push(format!("{label}: `{text}` {}", times.t.time_not_understood));
            }
            read
        };
        let given = |it: &str| Some(it.trim().to_owned()).filter(|it| !it.is_empty());
        let query = CallQuery {
            from: given(&self.from),
            to: given(&self.to),
            pbx: given(&self.pbx),
            user: given(&self.user),
            extension: given(&self.extension),
            number: given(&self.number),
            direction: match self.direction.as_str() {
                "inbound" => Some(DirectionName::Inbound),
                "outbound" => Some(DirectionName::Outbound),
                "internal" => Some(DirectionName::Internal),
                _ => None,
            },
            outcome: match self.outcome.as_str() {
                "answered" => Some(OutcomeName::Answered),
                "missed" => Some(OutcomeName::Missed),
                "busy" => Some(OutcomeName::Busy),
                "failed" => Some(OutcomeName::Failed),
                "voicemail" => Some(OutcomeName::Voicemail),
                _ => None,
            },
            started_after: time(times.t.started_after, &self.started_after),
            started_before: time(times.t.started_before, &self.started_before),
            q: given(&self.q),
            limit: Some(PAGE_ROWS),
            after: given(&self.after),
        };
        (query, errors)
    }
}

/// RFC 3339 with its zone, or a date with or without a time in the person's own.
pub(super) fn read_time(text: &str, times: &Times) -> Option<UnixMs> {
    let text = text.trim();
    if let Ok(at) = text.parse::<jiff::Timestamp>() {
        return Some(UnixMs(at.as_millisecond()));
    }
    let local = text.parse::<DateTime>().ok().or_else(|| {
        text.parse::<jiff::civil::Date>()
            .ok()
            .map(|it| it.to_datetime(jiff::civil::Time::midnight()))
    })?;
    let zoned = local.to_zoned(times.zone.clone()).ok()?;
    Some(UnixMs(zoned.timestamp().as_millisecond()))
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::*;
    use crate::texts::EN;

    fn times() -> Times {
        Times { now: UnixMs(0), zone: TimeZone::get("Europe/Rome").unwrap(), t: &EN }
    }

    #[test]
    fn times_are_those_of_the_person_unless_they_say_otherwise() {
        let read = |text: &str| read_time(text, &times()).map(|it| it.to_string());
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(read("2026-11-20T14:30"), some("2026-11-20T13:30:00.000Z"));
        assert_eq!(read("2026-11-20"), some("2026-11-19T23:00:00.000Z"));
        assert_eq!(read("2026-11-20T14:30:00Z"), some("2026-11-20T14:30:00.000Z"));
        assert_eq!(read("yesterday"), None);
    }

    #[test]
    fn every_filter_stands_in_the_address() {
        let f = Filters {
            q: "0612 & co".into(),
            user: "anna@example.com".into(),
            ..Filters::default()
        };
        assert_eq!(
            f.address("CURSOR"),
            "/calls?q=0612%20%26%20co&user=anna%40example.com&after=CURSOR"
        );
        assert_eq!(f.further(), [("user", "anna@example.com")]);
    }

    #[test]
    fn a_time_that_is_none_is_told_and_not_ignored() {
        let f = Filters { started_after: "tomorrow".into(), ..Filters::default() };
        let (_, errors) = f.query(&times());
        assert_eq!(
            errors,
            ["Started after: `tomorrow` cannot be read as a time; write it as 2026-11-20T14:30"]
        );
    }
}
