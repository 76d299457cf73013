//! JSON as Gnocchi's clients know it: with a space behind `:` and `,`, and points as rows.

use std::io;

use serde::Serialize;
use serde_json::ser::Formatter;
use serde_json::{Value, json};

use super::shapes::write_time;
use crate::{Columns, Sampling, Timestamp};

/// About how many bytes a row of points takes.
const ROW: usize = 64;

/// `{"a": 1, "b": [2, 3]}`.
struct Spaced;

impl Spaced {
    fn separate<W: ?Sized + io::Write>(writer: &mut W, first: bool) -> io::Result<()> {
        if first { Ok(()) } else { writer.write_all(b", ") }
    }
}

impl Formatter for Spaced {
    fn begin_array_value<W: ?Sized + io::Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        Spaced::separate(writer, first)
    }

    fn begin_object_key<W: ?Sized + io::Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        Spaced::separate(writer, first)
    }

    fn begin_object_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(b": ")
    }
}

/// `value` as it is sent.
pub(super) fn printed(value: &impl Serialize) -> serde_json::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    value.serialize(&mut serde_json::Serializer::with_formatter(&mut bytes, Spaced))?;
    Ok(bytes)
}

/// An answer with points in it, whose values may be what JSON has no number for.
#[derive(Debug)]
pub(super) enum Tree {
    /// Anything without points.
    Value(Value),
    /// Members in this order.
    Object(Vec<(String, Tree)>),
    /// Items in this order.
    List(Vec<Tree>),
    /// Rows of timestamp, granularity and value, one series after the other.
    Points(Vec<(Sampling, Columns)>),
}

impl Tree {
    /// It as it is sent: as Python prints it, which writes `NaN`, `Infinity` and `-Infinity` for what is no number.
    pub(super) fn printed(&self) -> serde_json::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.write(&mut bytes)?;
        Ok(bytes)
    }

    fn write(&self, bytes: &mut Vec<u8>) -> serde_json::Result<()> {
        match self {
            Tree::Value(value) => bytes.extend(printed(value)?),
            Tree::Object(members) => {
                bytes.push(b'{');
                for (index, (name, member)) in members.iter().enumerate() {
                    separate(bytes, index);
                    bytes.extend(printed(name)?);
                    bytes.extend(b": ");
                    member.write(bytes)?;
                }
                bytes.push(b'}');
            }
            Tree::List(items) => {
                bytes.push(b'[');
                for (index, item) in items.iter().enumerate() {
                    separate(bytes, index);
                    item.write(bytes)?;
                }
                bytes.push(b']');
            }
            Tree::Points(series) => {
                bytes.reserve(ROW * series.iter().map(|(_, columns)| columns.timestamps.len()).sum::<usize>());
                bytes.push(b'[');
                let mut rows = 0;
                for (sampling, columns) in series {
                    let granularity = printed(&shown(*sampling))?;
                    for (timestamp, value) in columns.iter() {
                        separate(bytes, rows);
                        row(bytes, timestamp, &granularity, value)?;
                        rows += 1;
                    }
                }
                bytes.push(b']');
            }
        }
        Ok(())
    }
}

fn separate(bytes: &mut Vec<u8>, before: usize) {
    if before > 0 {
        bytes.extend_from_slice(b", ");
    }
}

/// A length of time as seconds, a group of the calendar as its letter.
fn shown(sampling: Sampling) -> Value {
    match sampling {
        Sampling::Timespan(span) => json!(span.nanos() as f64 / 1e9),
        calendar => json!(calendar.to_string()),
    }
}

fn row(bytes: &mut Vec<u8>, timestamp: i64, granularity: &[u8], value: f64) -> serde_json::Result<()> {
    bytes.extend_from_slice(b"[\"");
    if let Ok(time) = Timestamp::from_nanos(timestamp) {
        write_time(bytes, time);
    }
    bytes.extend_from_slice(b"\", ");
    bytes.extend_from_slice(granularity);
    bytes.extend_from_slice(b", ");
    match value {
        value if value.is_nan() => bytes.extend_from_slice(b"NaN"),
        f64::INFINITY => bytes.extend_from_slice(b"Infinity"),
        f64::NEG_INFINITY => bytes.extend_from_slice(b"-Infinity"),
        value => serde_json::to_writer(&mut *bytes, &value)?,
    }
    bytes.push(b']');
    Ok(())
}
