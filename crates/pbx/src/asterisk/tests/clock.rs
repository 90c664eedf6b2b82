//! The time of the PBX, where it tells it.

use call::UnixMs;

use super::super::clock::Clock;

#[test]
fn news_that_come_late_get_the_time_of_the_event() {
    let mut clock = Clock::default();
    // The clock of the PBX is 5 s behind ours; the way takes no time at first.
    assert_eq!(clock.time(UnixMs(105_000), Some(b"100.000000")), UnixMs(105_000));
    // Two seconds of silence, then everything at once.
    assert_eq!(clock.time(UnixMs(109_000), Some(b"102.500000")), UnixMs(107_500));
    assert_eq!(clock.time(UnixMs(109_000), Some(b"103.900000")), UnixMs(108_900));
}

#[test]
fn time_never_goes_back_and_never_lies_ahead() {
    let mut clock = Clock::default();
    let mut last = UnixMs(0);
    for (now, stamp) in [
        (1_000, "1.000"),
        (2_000, "9.000"),
        (2_100, "1.5"),
        (2_200, "not a time"),
        (2_300, "-1.0"),
        (2_400, "99999999999999999999"),
        (2_500, ""),
        (9_000, "2.6"),
        (900_000, "2.7"),
    ] {
        let at = clock.time(UnixMs(now), Some(stamp.as_bytes()));
        assert!(at >= last && at <= UnixMs(now), "{stamp}: {at:?}");
        last = at;
    }
}

#[test]
fn a_clock_that_was_set_is_followed() {
    let mut clock = Clock::default();
    assert_eq!(clock.time(UnixMs(100_000), Some(b"100.0")), UnixMs(100_000));
    // An hour back: no delay is that long.
    assert_eq!(clock.time(UnixMs(3_700_000), Some(b"101.0")), UnixMs(3_700_000));
    assert_eq!(clock.time(UnixMs(3_702_000), Some(b"102.5")), UnixMs(3_701_500));
}

#[test]
fn without_a_time_of_its_own_an_event_happens_when_it_is_read() {
    assert_eq!(Clock::default().time(UnixMs(7), None), UnixMs(7));
}
