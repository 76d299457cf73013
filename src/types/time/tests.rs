use proptest::prelude::*;

use super::*;
use crate::error::Error;

/// 2015-03-06T14:34:00Z
const NOW: i64 = 1_425_652_440 * SECOND;
const HOUR: i64 = 3600 * SECOND;
const DAY: i64 = 24 * HOUR;

fn at(text: &str) -> crate::error::Result<i64> {
    Timestamp::parse_at(text, Timestamp::from_nanos(NOW).unwrap()).map(Timestamp::nanos)
}

fn assert_times(cases: &[(&str, i64)]) {
    for (text, nanos) in cases {
        assert_eq!(at(text).unwrap_or_else(|error| panic!("{error}")), *nanos, "{text}");
    }
}

fn assert_spans(cases: &[(&str, i64)]) {
    for (text, nanos) in cases {
        let parsed = text.parse::<Timespan>().unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(parsed.nanos(), *nanos, "{text}");
    }
}

#[test]
fn numbers_are_seconds_since_the_epoch_exactly() {
    assert_times(&[
        ("1425652440", NOW),
        (" +1425652440. ", NOW),
        ("1425652440.4", NOW + 400_000_000),
        ("1425652440.123456789", NOW + 123_456_789),
        ("1425652440.1234567899", NOW + 123_456_789),
        ("1.42565244e9", NOW),
        ("142565244E+1", NOW),
        ("14256524400e-1", NOW),
        ("1_425_652_440.0_4", NOW + 40_000_000),
        (".5", 500_000_000),
        ("0.000000001", 1),
        ("1e-9", 1),
        ("9e-10", 0),
        ("1e-999999999999999999999", 0),
        ("0e999999999999999999999", 0),
        ("-0", 0),
        ("9223372036.854775807", i64::MAX),
        ("2014", 2014 * SECOND),
        ("20140101", 20_140_101 * SECOND),
    ]);
}

#[test]
fn iso_dates_to_any_precision() {
    assert_times(&[
        ("2015-03-06T14:34:00", NOW),
        ("2015-03-06 14:34", NOW),
        ("2015-03-06T14:34:00Z", NOW),
        ("2015-03-06T14:34:00+00:00", NOW),
        ("2015-03-06T14:34:00+12:00", NOW - 12 * HOUR),
        ("2015-03-06T14:34:00-1200", NOW + 12 * HOUR),
        ("2015-03-06 14:34+01", NOW - HOUR),
        ("2015-03-06T14:34:00.5-00:30", NOW + HOUR / 2 + 500_000_000),
        ("2015-03-06T14:34:00.123456789Z", NOW + 123_456_789),
        ("2015-03-06T14:34:00.123456789999999999Z", NOW + 123_456_789),
        ("2015-03-06T14:34:00.", NOW),
        ("2015-03-06T14", NOW - 34 * 60 * SECOND),
        ("2015-03-06T14Z", NOW - 34 * 60 * SECOND),
        ("+2015-03-06", NOW - 14 * HOUR - 34 * 60 * SECOND),
        ("  2015-03-06T14:34Z  ", NOW),
        ("1970-01", 0),
        ("1970-01-01", 0),
        ("1972-02-29", 789 * DAY),
        ("2262-04-11T23:47:16.854775807Z", i64::MAX),
        ("1969-12-31T23:30:00-01:00", HOUR / 2),
    ]);
}

#[test]
fn what_is_relative_counts_from_now() {
    assert_times(&[
        ("now", NOW),
        (" Now ", NOW),
        ("today", NOW - 14 * HOUR - 34 * 60 * SECOND),
        ("-1 hour", NOW - HOUR),
        ("- 1 hour", NOW - HOUR),
        ("+5 minutes", NOW + 300 * SECOND),
        ("5 minutes", NOW + 300 * SECOND),
        ("-2 days", NOW - 2 * DAY),
        ("-1d12h", NOW - 36 * HOUR),
        ("-10:00", NOW - 600 * SECOND),
        ("-0 seconds", NOW),
        ("-0.000000001 s", NOW - 1),
        ("2014-10:00:00", NOW + 2014 * DAY + 10 * HOUR),
    ]);
    for text in ["-1 hour", "now", "today", "5 minutes"] {
        let error = text.parse::<Timestamp>().unwrap_err().to_string();
        assert!(error.contains("relative to now"), "{error}");
    }
    assert_eq!("2015-03-06T14:34".parse::<Timestamp>().unwrap().nanos(), NOW);
}

#[test]
fn nothing_lies_before_the_epoch() {
    let texts =
        ["-1", "-0.000000001", "-1e300", "1969-12-31T23:59:59.999999999Z", "-2014-01-01", "1970-01-01T00:00+01"];
    for text in texts.into_iter().chain(["-3000 weeks", "-99999999999 weeks", "0001-01-01"]) {
        assert!(matches!(at(text), Err(Error::BeforeEpoch { .. })), "{text}");
    }
    assert!(matches!(Timestamp::from_nanos(-1), Err(Error::BeforeEpoch { .. })));
    assert!(matches!(Timestamp::from_secs_f64(-1e-300), Err(Error::BeforeEpoch { .. })));
}

#[test]
fn nonsense_is_no_timestamp() {
    let nonsense = [
        ("", "ISO 8601"),
        ("  ", "ISO 8601"),
        ("-", "ISO 8601"),
        ("yesterday", "ISO 8601"),
        ("NaT", "ISO 8601"),
        ("NaN", "finite"),
        ("-inf", "finite"),
        ("Infinity", "finite"),
        ("1e300", "2262"),
        ("1e999999999999999999999", "2262"),
        ("9223372036.854775808", "2262"),
        ("2262-04-11T23:47:16.854775808Z", "2262"),
        ("9999-01-01", "2262"),
        ("12014-01-01", "2262"),
        ("99999999999999999999-01-01", "2262"),
        ("300 years", "ISO 8601"),
        ("99999999999 weeks", "2262"),
        ("15000 weeks", "2262"),
        ("2014-13", "month"),
        ("2014-00-01", "month"),
        ("2014-02-29", "no such day"),
        ("2014-01-00", "no such day"),
        ("2014-01-01T24:00", "hour"),
        ("2014-01-01T23:60", "minute"),
        ("2014-01-01T23:59:60", "second"),
        ("2014-01-01T10:00+24:00", "offset"),
        ("2014-01-01T10:00+12:60", "ISO 8601"),
        ("2014-01-01T10:00+1", "ISO 8601"),
        ("2014-01-01T10:00+", "ISO 8601"),
        ("2014-01-01T", "ISO 8601"),
        ("2014-01-01Z", "ISO 8601"),
        ("2014-01T10", "ISO 8601"),
        ("2014-01T10:00-05", "ISO 8601"),
        ("2014-1-1", "ISO 8601"),
        ("201-01-01", "ISO 8601"),
        ("2014-", "ISO 8601"),
        ("2014-01-", "ISO 8601"),
        ("2014-01-01T1000", "ISO 8601"),
        ("2014-01-01  10:00", "ISO 8601"),
        ("2014-01-01T10:00:00,5", "ISO 8601"),
        ("2014-01-01T10:00ZZ", "ISO 8601"),
        ("2014-0é", "ISO 8601"),
        ("1__0", "ISO 8601"),
        ("_1", "ISO 8601"),
        ("1e", "ISO 8601"),
        ("1e5.5", "ISO 8601"),
        ("1.2.3", "ISO 8601"),
        (".", "ISO 8601"),
        ("0x10", "ISO 8601"),
        ("٣", "ISO 8601"),
    ];
    for (text, expected) in nonsense {
        match at(text).unwrap_err() {
            Error::InvalidTimestamp { value, reason } => {
                assert_eq!(value, text);
                assert!(reason.contains(expected), "{text}: {reason}");
            }
            other => panic!("{text}: {other}"),
        }
    }
    for seconds in [f64::NAN, f64::INFINITY, 1e300, 9.3e9] {
        assert!(matches!(Timestamp::from_secs_f64(seconds), Err(Error::InvalidTimestamp { .. })), "{seconds}");
    }
}

#[test]
fn floats_mean_their_shortest_decimal() {
    let cases = [
        (1_425_652_440.4, NOW + 400_000_000),
        (0.3, 300_000_000),
        (0.1 + 0.7, 800_000_000),
        (-0.0, 0),
        (5e-324, 0),
        (4.9e-10, 0),
        (5e-10, 1),
        (9_223_372_036.0, 9_223_372_036 * SECOND),
    ];
    for (seconds, nanos) in cases {
        assert_eq!(Timestamp::from_secs_f64(seconds).unwrap().nanos(), nanos, "{seconds}");
    }
    assert_eq!(Timespan::from_secs_f64(0.3).unwrap().nanos(), 300_000_000);
    for seconds in [0.0, -1.0, 1e-10, f64::NAN, f64::NEG_INFINITY, 1e10] {
        assert!(matches!(Timespan::from_secs_f64(seconds), Err(Error::InvalidTimespan { .. })), "{seconds}");
    }
}

#[test]
fn timespans_in_every_form() {
    assert_spans(&[
        ("300", 300 * SECOND),
        (" 0.5 ", 500_000_000),
        ("1e-9", 1),
        ("+7", 7 * SECOND),
        ("5 minutes", 300 * SECOND),
        ("5minutes", 300 * SECOND),
        ("5 MIN", 300 * SECOND),
        ("1h", HOUR),
        ("1h30m", HOUR + 1800 * SECOND),
        ("1 hr, 30 mins", HOUR + 1800 * SECOND),
        ("1h/30m", HOUR + 1800 * SECOND),
        ("5 m,", 300 * SECOND),
        ("+ 1 minute", 60 * SECOND),
        ("1.5 hours", HOUR + 1800 * SECOND),
        ("1w3d2h32m", 10 * DAY + 2 * HOUR + 32 * 60 * SECOND),
        ("1 wk 3 dys 2 hrs 32 mins 5 secs", 10 * DAY + 2 * HOUR + (32 * 60 + 5) * SECOND),
        ("1 w", 7 * DAY),
        ("1.2345 minutes", 74_070_000_000),
        ("0.1h 0.1m", 366 * SECOND),
        (".5d", DAY / 2),
        ("5. s", 5 * SECOND),
        ("0.0000000000166666666666666666666666667 minutes", 1),
        ("0.00000000001666666666666 m 0.0000000000000000004 s", 1),
        ("1.000000001 s", SECOND + 1),
        ("2 days, 4:13:02", 2 * DAY + 4 * HOUR + (13 * 60 + 2) * SECOND),
        ("2 days,  4:13:02.266", 2 * DAY + 4 * HOUR + (13 * 60 + 2) * SECOND + 266_000_000),
        ("1w 2d 4:13:02", 9 * DAY + 4 * HOUR + (13 * 60 + 2) * SECOND),
        ("1.5 days 1:00:00", 37 * HOUR),
        ("00:05:00", 300 * SECOND),
        ("5:00:00.000000001", 5 * HOUR + 1),
        ("100:00:00", 100 * HOUR),
        ("4:13", (4 * 60 + 13) * SECOND),
        ("04:13.5", (4 * 60 + 13) * SECOND + 500_000_000),
        (":22", 22 * SECOND),
        ("2:04:13:02", 2 * DAY + 4 * HOUR + (13 * 60 + 2) * SECOND),
        ("2-04:13:02", 2 * DAY + 4 * HOUR + (13 * 60 + 2) * SECOND),
        ("00:99:99", 99 * 61 * SECOND),
        ("106751 days, 23:47:16.854775807", i64::MAX),
    ]);
}

#[test]
fn what_is_no_timespan_is_refused() {
    let refused = [
        ("0", "positive"),
        ("-5", "positive"),
        ("-5 minutes", "positive"),
        ("0 s", "positive"),
        ("-1e300", "positive"),
        ("1e-10", "positive"),
        ("0.00000000001666666666666 m 0.0000000000000000000001 s", "positive"),
        ("nan", "finite"),
        ("inf", "finite"),
        ("1e300", "292 years"),
        ("9223372036.854775808", "292 years"),
        ("20000 weeks", "292 years"),
        ("99999999999999999999999999999999999999999 d", "292 years"),
        ("", "give"),
        (" ", "give"),
        ("-", "give"),
        (",", "give"),
        ("5 parsecs", "give"),
        ("1 shenanigan", "give"),
        ("minutes", "give"),
        ("1.2.3 s", "give"),
        (". s", "give"),
        ("1m1h", "give"),
        ("1h1h", "give"),
        ("1h 4:13:02", "give"),
        ("2 days, 4:13", "give"),
        ("5 s,", "give"),
        ("1h,,30m", "give"),
        ("1 ms", "give"),
        ("1 month", "give"),
        ("123:45", "give"),
        ("1:5", "give"),
        ("1:60:0", "give"),
        ("1:2:03", "give"),
        ("1.5:00:00", "give"),
        ("1:1:00:00", "give"),
        ("1:00:00:00:00", "give"),
        ("1:00.", "give"),
        (":", "give"),
        ("5 ｓ", "give"),
    ];
    for (text, expected) in refused {
        match text.parse::<Timespan>().unwrap_err() {
            Error::InvalidTimespan { value, reason } => {
                assert_eq!(value, text);
                assert!(reason.contains(expected), "{text}: {reason}");
            }
            other => panic!("{text}: {other}"),
        }
    }
}

#[test]
fn constructors_check_their_range() {
    assert_eq!(Timespan::from_secs(86_400).unwrap(), Timespan::DAY);
    assert_eq!(Timespan::from_minutes(60).unwrap(), Timespan::HOUR);
    assert_eq!(Timespan::from_hours(24).unwrap(), Timespan::DAY);
    assert_eq!(Timespan::from_days(1).unwrap(), Timespan::DAY);
    assert_eq!(Timespan::from_days(106_751).unwrap().nanos(), 106_751 * DAY);
    let refused = [
        Timespan::from_secs(0),
        Timespan::from_secs(u64::MAX),
        Timespan::from_minutes(i64::MAX as u64),
        Timespan::from_hours(2_562_048),
        Timespan::from_days(106_752),
        Timespan::from_nanos(0),
        Timespan::from_nanos(i64::MIN),
    ];
    assert!(refused.iter().all(|result| matches!(result, Err(Error::InvalidTimespan { .. }))));
    assert_eq!(Timespan::SECOND.checked_mul(60), Some(Timespan::MINUTE));
    assert_eq!((Timespan::SECOND.checked_mul(0), Timespan::DAY.checked_mul(u64::MAX)), (None, None));
}

#[test]
fn timespans_print_as_gnocchi_prints_them() {
    let cases = [
        (300 * SECOND, "0:05:00"),
        (30 * DAY, "30 days, 0:00:00"),
        (DAY + HOUR, "1 day, 1:00:00"),
        (20 * HOUR + 5 * SECOND, "20:00:05"),
        (500_000_000, "0:00:00.500000"),
        (1, "0:00:00.000000001"),
        (i64::MAX, "106751 days, 23:47:16.854775807"),
    ];
    for (nanos, text) in cases {
        assert_eq!(Timespan::from_nanos(nanos).unwrap().to_string(), text);
    }
}

#[test]
fn timestamps_print_what_they_need() {
    let cases = [
        (0, "1970-01-01T00:00:00Z"),
        (NOW, "2015-03-06T14:34:00Z"),
        (NOW + 500_000_000, "2015-03-06T14:34:00.500Z"),
        (NOW + 1000, "2015-03-06T14:34:00.000001Z"),
        (NOW + 1, "2015-03-06T14:34:00.000000001Z"),
        (i64::MAX, "2262-04-11T23:47:16.854775807Z"),
    ];
    for (nanos, text) in cases {
        assert_eq!(Timestamp::from_nanos(nanos).unwrap().to_string(), text);
    }
}

#[test]
fn serialized_they_are_checked_nanoseconds() {
    let timespan = Timespan::MINUTE;
    assert_eq!(serde_json::to_string(&timespan).unwrap(), "60000000000");
    assert_eq!(serde_json::from_str::<Timespan>("60000000000").unwrap(), timespan);
    assert!(serde_json::from_str::<Timespan>("0").is_err());
    let timestamp = Timestamp::from_nanos(NOW).unwrap();
    assert_eq!(serde_json::to_string(&timestamp).unwrap(), NOW.to_string());
    assert_eq!(serde_json::from_str::<Timestamp>(&NOW.to_string()).unwrap(), timestamp);
    assert!(serde_json::from_str::<Timestamp>("-1").is_err());
}

/// The sum of terms by rational arithmetic on integers.
fn model(terms: &[(u64, u32, i64)]) -> i64 {
    let scaled: i128 =
        terms.iter().map(|(n, places, unit)| i128::from(*n) * i128::from(*unit) * 10i128.pow(9 - *places)).sum();
    (scaled / 1_000_000_000) as i64
}

fn decimal_text(number: u64, places: u32) -> String {
    let digits = format!("{number:0width$}", width = places as usize + 1);
    let (whole, fraction) = digits.split_at(digits.len() - places as usize);
    format!("{whole}.{fraction}")
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in ".{0,40}") {
        let _ = at(&text);
        let _ = text.parse::<Timestamp>();
        let _ = text.parse::<Timespan>();
    }

    #[test]
    fn no_text_of_the_right_letters_makes_it_panic(text in "[-+0-9.:,/TZ _eEwdhms]{0,30}") {
        if let Ok(nanos) = at(&text) {
            prop_assert!(nanos >= 0);
        }
        if let Ok(timespan) = text.parse::<Timespan>() {
            prop_assert!(timespan.nanos() > 0);
        }
    }

    #[test]
    fn a_printed_timespan_is_read_back(nanos in 1i64.., shift in 0u32..63) {
        let timespan = Timespan::from_nanos((nanos >> shift).max(1)).unwrap();
        prop_assert_eq!(timespan.to_string().parse::<Timespan>().unwrap(), timespan);
    }

    #[test]
    fn a_printed_timestamp_is_read_back(nanos in 0i64.., shift in 0u32..63) {
        let timestamp = Timestamp::from_nanos(nanos >> shift).unwrap();
        prop_assert_eq!(timestamp.to_string().parse::<Timestamp>().unwrap(), timestamp);
    }

    #[test]
    fn a_decimal_text_is_exact(nanos in 0i64.., shift in 0i64..25) {
        let text = format!("{}.{:09}", nanos / SECOND, nanos % SECOND);
        prop_assert_eq!(at(&text).unwrap(), nanos);
        prop_assert_eq!(at(&format!("{nanos}e-9")).unwrap(), nanos);
        let zeros = "0".repeat(shift as usize);
        prop_assert_eq!(at(&format!("{nanos}{zeros}e{}", -9 - shift)).unwrap(), nanos);
    }

    #[test]
    fn fractions_of_several_units_add_up_exactly(
        hours in 0u64..1_000_000_000, minutes in 0u64..1_000_000_000, seconds in 0u64..1_000_000_000,
        places in prop::array::uniform3(0u32..10),
    ) {
        let [h, m, s] = places;
        let expected = model(&[(hours, h, HOUR), (minutes, m, 60 * SECOND), (seconds, s, SECOND)]);
        let text = format!("{}h {}m {}s", decimal_text(hours, h), decimal_text(minutes, m), decimal_text(seconds, s));
        match text.parse::<Timespan>() {
            Ok(timespan) => prop_assert_eq!(timespan.nanos(), expected),
            Err(_) => prop_assert!(expected <= 0 || hours > 2_000_000 || minutes > 100_000_000),
        }
    }

    #[test]
    fn a_float_is_read_as_it_prints(seconds in 0.0f64..9e9) {
        let text = format!("{seconds:.9}");
        let distance = Timestamp::from_secs_f64(seconds).unwrap().nanos() - at(&text).unwrap();
        prop_assert!(distance.abs() <= 1000, "{} {}", text, distance);
    }

    #[test]
    fn offsets_and_fields_agree_with_chrono(nanos in DAY.., minutes in -1439i64..1440) {
        let local = chrono::DateTime::from_timestamp_nanos(nanos).naive_utc() + chrono::Duration::minutes(minutes);
        let (sign, size) = (if minutes < 0 { '-' } else { '+' }, minutes.abs());
        let text = format!("{}{sign}{:02}:{:02}", local.format("%Y-%m-%d %H:%M:%S%.9f"), size / 60, size % 60);
        prop_assert_eq!(at(&text).unwrap(), nanos);
    }
}
