//! Rows of a CSV file, one after the other, with the place of whatever is wrong with one.

use std::fmt::Display;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use gnocchetti::Timestamp;

use crate::common::Outcome;

/// One measure of the file, and how many bytes it took there.
pub struct Row {
    pub timestamp: Timestamp,
    pub value: f64,
    pub bytes: u64,
}

/// The rows of one file.
pub struct Rows {
    path: PathBuf,
    file: BufReader<File>,
    line: u64,
}

/// An error with the file that it is about.
pub fn at(path: &Path, what: impl Display) -> String {
    format!("{}: {what}", path.display())
}

impl Rows {
    /// Opens the file.
    pub fn open(path: &Path) -> Outcome<Self> {
        let file = File::open(path).map_err(|error| at(path, error))?;
        Ok(Rows { path: path.to_owned(), file: BufReader::new(file), line: 0 })
    }

    /// The next row; blank lines, and a first line that is no row, count into the bytes of the row that follows.
    fn read(&mut self) -> Result<Option<Row>, String> {
        let mut text = String::new();
        let mut bytes = 0;
        loop {
            text.clear();
            self.line += 1;
            match self.file.read_line(&mut text).map_err(|error| error.to_string())? {
                0 => return Ok(None),
                read => bytes += read as u64,
            }
            match parse(&text) {
                Ok((timestamp, value)) => {
                    return Ok(Some(Row { timestamp, value, bytes }));
                }
                Err(_) if text.trim().is_empty() || self.line == 1 => {}
                Err(error) => return Err(error),
            }
        }
    }
}

impl Iterator for Rows {
    type Item = Outcome<Row>;

    fn next(&mut self) -> Option<Self::Item> {
        let row = self.read().transpose()?;
        Some(row.map_err(|error| at(&self.path, format!("line {}: {error}", self.line)).into()))
    }
}

/// `timestamp,value`, either of them in quotes or not.
fn parse(line: &str) -> Result<(Timestamp, f64), String> {
    let fields: Vec<&str> = line.trim().split(',').map(|field| field.trim().trim_matches('"')).collect();
    let [timestamp, value] = fields[..] else {
        return Err(format!("{} fields where timestamp,value was expected", fields.len()));
    };
    let timestamp = timestamp.parse().map_err(|error: gnocchetti::Error| error.to_string())?;
    let value = value.parse().map_err(|_| format!("`{value}` is not a number"))?;
    Ok((timestamp, value))
}
