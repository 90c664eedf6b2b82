//! Call detail records, in the words and whole seconds of `cdr_manager`.

use super::{
    channel::{number, pair},
    stage::{Leg, Stage},
};
use crate::rights::Classes;

/// One record. Times are milliseconds after the start of the call.
pub(crate) struct Record {
    pub(crate) channel: Leg,
    pub(crate) other: Option<Leg>,
    /// The application and its data.
    pub(crate) last: (&'static str, String),
    pub(crate) start_ms: u32,
    pub(crate) answer_ms: Option<u32>,
    pub(crate) end_ms: u32,
    pub(crate) disposition: &'static str,
}

pub(crate) const ANSWERED: &str = "ANSWERED";
pub(crate) const NO_ANSWER: &str = "NO ANSWER";
pub(crate) const BUSY: &str = "BUSY";

impl Stage<'_> {
    pub(crate) fn cdr(&mut self, record: Record) {
        self.event("Cdr", Classes::CDR, |stage, out| {
            let channel = stage.leg(record.channel);
            let caller = &channel.caller;
            let at = |ms: u32| clock_time(stage.plan.start_us / 1000 + i64::from(ms));
            let seconds = |from: u32| i64::from(record.end_ms.saturating_sub(from) / 1000);
            pair(out, "AccountCode", "");
            pair(out, "Source", &caller.number);
            pair(out, "Destination", &channel.exten);
            pair(out, "DestinationContext", &channel.context);
            pair(out, "CallerID", &format!("\"{}\" <{}>", caller.name, caller.number));
            pair(out, "Channel", &channel.name);
            pair(out, "DestinationChannel", record.other.map_or("", |it| &stage.leg(it).name));
            pair(out, "LastApplication", record.last.0);
            pair(out, "LastData", &record.last.1);
            pair(out, "StartTime", &at(record.start_ms));
            pair(out, "AnswerTime", &record.answer_ms.map(at).unwrap_or_default());
            pair(out, "EndTime", &at(record.end_ms));
            number(out, "Duration", seconds(record.start_ms));
            number(out, "BillableSeconds", record.answer_ms.map_or(0, seconds));
            pair(out, "Disposition", record.disposition);
            pair(out, "AMAFlags", "DOCUMENTATION");
            pair(out, "UniqueID", &channel.uniqueid);
            pair(out, "UserField", "");
        });
    }
}

/// `2026-11-20 10:49:13`: the time zone of the simulated system is UTC.
pub(crate) fn clock_time(unix_ms: i64) -> String {
    let seconds = unix_ms.div_euclid(1000);
    let (year, month, day) = civil(seconds.div_euclid(86_400));
    let second = seconds.rem_euclid(86_400);
    let (hour, minute) = (second / 3600, second / 60 % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{:02}", second % 60)
}

/// Year, month and day of a day counted from 1970-01-01.
///
/// Source: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", `civil_from_days`.
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_asterisk_does() {
        assert_eq!(clock_time(0), "1970-01-01 00:00:00");
        assert_eq!(clock_time(1_795_171_753_420), "2026-11-20 10:49:13");
        assert_eq!(clock_time(951_782_400_000), "2000-02-29 00:00:00");
    }
}
