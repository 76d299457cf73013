//! ISO 8601 as numpy's `datetime64` reads it, which is what Gnocchi uses: a month, a day, or a day with a time to any
//! precision after `T` or a blank, in UTC unless an offset follows.

use chrono::NaiveDate;

use super::{SECOND, Unreadable};

/// What the fields of a text say, before anything asks whether there is such a time.
struct Fields {
    before_christ: bool,
    year: u32,
    month: u32,
    day: u32,
    hour: u32,
    minute: u32,
    second: u32,
    nanos: u32,
    /// East of Greenwich, in minutes.
    offset: i64,
}

/// The nanoseconds since the epoch that `text` says.
///
/// [`Unreadable::Syntax`] when it is not of this form, so that it may mean something else; all other errors are final.
pub(super) fn parse(text: &str) -> Result<i64, Unreadable> {
    let fields = read(text.trim()).ok_or(Unreadable::Syntax)?;
    let fields = checked(fields)?;
    if fields.before_christ {
        return Err(Unreadable::BeforeEpoch);
    }
    if fields.year > 9999 {
        return Err(Unreadable::Range);
    }
    let date = NaiveDate::from_ymd_opt(fields.year as i32, fields.month, fields.day);
    let date = date.ok_or(Unreadable::Other("there is no such day in that month"))?;
    let minutes = i64::from(date.to_epoch_days()) * 1440 + i64::from(fields.hour * 60 + fields.minute) - fields.offset;
    let nanos = i128::from(minutes * 60 + i64::from(fields.second)) * i128::from(SECOND) + i128::from(fields.nanos);
    i64::try_from(nanos).map_err(|_| if nanos < 0 { Unreadable::BeforeEpoch } else { Unreadable::Range })
}

fn checked(fields: Fields) -> Result<Fields, Unreadable> {
    let reason = match fields {
        Fields { month: 0 | 13.., .. } => "its month is not in 1 to 12",
        Fields { hour: 24.., .. } => "its hour is not in 0 to 23",
        Fields { minute: 60.., .. } => "its minute is not in 0 to 59",
        Fields { second: 60.., .. } => "its second is not in 0 to 59",
        Fields { offset, .. } if offset.abs() >= 1440 => "its offset from UTC is a day or more",
        _ => return Ok(fields),
    };
    Err(Unreadable::Other(reason))
}

fn read(text: &str) -> Option<Fields> {
    let (before_christ, rest) = match text.strip_prefix(['+', '-']) {
        Some(rest) => (text.starts_with('-'), rest),
        None => (false, text),
    };
    let (year, rest) = rest.split_once('-')?;
    let year = if year.len() >= 4 { number(year)? } else { return None };
    let (month, rest) = two_digits(rest)?;
    let (day, time) = match rest.strip_prefix('-') {
        Some(rest) => two_digits(rest).map(|(day, time)| (day, Some(time)))?,
        None if rest.is_empty() => (1, None),
        None => return None,
    };
    let mut fields = Fields { before_christ, year, month, day, hour: 0, minute: 0, second: 0, nanos: 0, offset: 0 };
    if let Some(time) = time.filter(|time| !time.is_empty()) {
        read_time(time.strip_prefix(['T', ' '])?, &mut fields)?;
    }
    Some(fields)
}

fn read_time(text: &str, fields: &mut Fields) -> Option<()> {
    let mut rest;
    (fields.hour, rest) = two_digits(text)?;
    if let Some(minutes) = rest.strip_prefix(':') {
        (fields.minute, rest) = two_digits(minutes)?;
        if let Some(seconds) = rest.strip_prefix(':') {
            (fields.second, rest) = two_digits(seconds)?;
            if let Some(fraction) = rest.strip_prefix('.') {
                let end = fraction.find(|c: char| !c.is_ascii_digit()).unwrap_or(fraction.len());
                fields.nanos = nanos_of_fraction(&fraction[..end]);
                rest = &fraction[end..];
            }
        }
    }
    fields.offset = offset(rest)?;
    Some(())
}

/// The first nine digits of a fraction of a second; further ones are cut.
fn nanos_of_fraction(digits: &str) -> u32 {
    let padded = digits.bytes().map(|digit| u32::from(digit - b'0')).chain(std::iter::repeat(0));
    padded.take(9).fold(0, |nanos, digit| nanos * 10 + digit)
}

/// Minutes east of Greenwich: nothing, `Z`, `±HH`, `±HHMM` or `±HH:MM`.
fn offset(text: &str) -> Option<i64> {
    if text.is_empty() || text == "Z" {
        return Some(0);
    }
    let (hours, rest) = two_digits(text.strip_prefix(['+', '-'])?)?;
    let minutes = match rest.strip_prefix(':').unwrap_or(rest) {
        "" => 0,
        minutes => match two_digits(minutes)? {
            (minutes @ 0..=59, "") => minutes,
            _ => return None,
        },
    };
    let offset = i64::from(hours * 60 + minutes);
    Some(if text.starts_with('-') { -offset } else { offset })
}

/// The two digits with which `text` begins, and what follows.
fn two_digits(text: &str) -> Option<(u32, &str)> {
    let (digits, rest) = text.split_at_checked(2)?;
    Some((number(digits)?, rest))
}

fn number(digits: &str) -> Option<u32> {
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    Some(digits.parse().unwrap_or(u32::MAX))
}
