//! `InfluxDB`'s line protocol: `measurement,tag=value field=1.5,other=2i 1510581804179554816`.
//!
//! What is read is a pure function of the text, and is printed as a line that is read as the same. A body is taken whole or
//! refused with the number of the line that is none; nothing here knows what becomes of measurements and tags.

use std::collections::BTreeMap;
use std::fmt;

use super::cursor::{Cursor, Stop};

/// One line: fields of a measurement, told apart by tags, at one time.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// What was measured.
    pub measurement: String,
    /// What it is told apart by.
    pub tags: BTreeMap<String, String>,
    /// What was measured of it, in the order of the line.
    pub fields: Vec<(String, Field)>,
    /// When, in the unit of the whole body; without one, when it arrived.
    pub timestamp: Option<i64>,
}

/// The value of a field.
#[derive(Debug, Clone, PartialEq)]
pub enum Field {
    /// A float.
    Float(f64),
    /// `12i`.
    Integer(i64),
    /// `12u`.
    Unsigned(u64),
    /// `true`.
    Flag(bool),
    /// A text in quotes.
    Text(String),
}

impl Field {
    /// It as the value of a measure; a text is none.
    pub fn number(&self) -> Option<f64> {
        match self {
            Field::Float(value) => Some(*value),
            Field::Integer(value) => Some(*value as f64),
            Field::Unsigned(value) => Some(*value as f64),
            Field::Flag(value) => Some(f64::from(u8::from(*value))),
            Field::Text(_) => None,
        }
    }
}

/// A line that is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Its number; the first is 1.
    pub line: usize,
    /// What should have stood there.
    pub expected: &'static str,
}

/// All lines of `text`; empty ones and comments are left out.
///
/// # Errors
///
/// [`Refused`] for the first line that is none.
pub fn parse(text: &str) -> Result<Vec<Line>, Refused> {
    let mut cursor = Cursor::new(text);
    let mut lines = Vec::new();
    while cursor.begin_line() {
        let number = cursor.line();
        lines.push(line(&mut cursor).map_err(|expected| Refused { line: number, expected })?);
    }
    Ok(lines)
}

fn line(cursor: &mut Cursor<'_>) -> Result<Line, &'static str> {
    let measurement = cursor.name(Stop::Measurement);
    if measurement.is_empty() {
        return Err("a measurement");
    }
    let mut tags = BTreeMap::new();
    while cursor.eat(',') {
        let (key, value) = tag(cursor)?;
        if tags.insert(key, value).is_some() {
            return Err("each tag once");
        }
    }
    if !cursor.eat(' ') {
        return Err("a blank and fields");
    }
    cursor.blanks();
    let mut fields = vec![field(cursor)?];
    while cursor.eat(',') {
        fields.push(field(cursor)?);
    }
    let blank = cursor.eat(' ');
    cursor.blanks();
    let timestamp = match cursor.word() {
        "" => None,
        word if blank => Some(word.parse().map_err(|_| "a timestamp: a whole number")?),
        _ => return Err("a comma, a blank, or the end of the line"),
    };
    cursor.blanks();
    if cursor.end_line() { Ok(Line { measurement, tags, fields, timestamp }) } else { Err("the end of the line") }
}

fn tag(cursor: &mut Cursor<'_>) -> Result<(String, String), &'static str> {
    let key = cursor.name(Stop::Key);
    if key.is_empty() || !cursor.eat('=') {
        return Err("a tag: its key, `=` and its value");
    }
    let value = cursor.name(Stop::Key);
    if value.is_empty() { Err("the value of a tag") } else { Ok((key, value)) }
}

fn field(cursor: &mut Cursor<'_>) -> Result<(String, Field), &'static str> {
    let key = cursor.name(Stop::Key);
    if key.is_empty() || !cursor.eat('=') {
        return Err("a field: its key, `=` and its value");
    }
    let value = if cursor.eat('"') {
        cursor.quoted().map(Field::Text).ok_or("a closing `\"`")?
    } else {
        value(cursor.word()).ok_or("a number, a boolean, or a text in quotes")?
    };
    Ok((key, value))
}

/// A value that is no text.
fn value(word: &str) -> Option<Field> {
    match word {
        "t" | "T" | "true" | "True" | "TRUE" => return Some(Field::Flag(true)),
        "f" | "F" | "false" | "False" | "FALSE" => return Some(Field::Flag(false)),
        _ => {}
    }
    if let Some(digits) = word.strip_suffix('i') {
        return digits.parse().ok().map(Field::Integer);
    }
    if let Some(digits) = word.strip_suffix('u') {
        return digits.parse().ok().map(Field::Unsigned);
    }
    // `inf` and `nan` are numbers to Rust, and none here.
    let numeric = word.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
    word.parse().ok().filter(|float: &f64| numeric && float.is_finite()).map(Field::Float)
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&escaped(&self.measurement, Stop::Measurement))?;
        for (key, value) in &self.tags {
            write!(f, ",{}={}", escaped(key, Stop::Key), escaped(value, Stop::Key))?;
        }
        for (index, (key, value)) in self.fields.iter().enumerate() {
            write!(f, "{}{}={value}", if index == 0 { ' ' } else { ',' }, escaped(key, Stop::Key))?;
        }
        self.timestamp.map_or(Ok(()), |timestamp| write!(f, " {timestamp}"))
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Field::Float(value) => write!(f, "{value:?}"),
            Field::Integer(value) => write!(f, "{value}i"),
            Field::Unsigned(value) => write!(f, "{value}u"),
            Field::Flag(value) => write!(f, "{value}"),
            Field::Text(text) => write!(f, "\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")),
        }
    }
}

fn escaped(name: &str, stop: Stop) -> String {
    let mut printed = String::with_capacity(name.len());
    for c in name.chars() {
        if stop.ends_at(c) {
            printed.push('\\');
        }
        printed.push(c);
    }
    printed
}
