//! `/v1/influxdb`: what agents that write to `InfluxDB` speak.
//!
//! A database of `InfluxDB` is a resource type here, and a tag, `host` by default, says which resource a line is about. The
//! metric is called after the measurement, the field and the remaining tags: `cpu.user@core=0,state=idle`.

mod cursor;
pub(crate) mod line;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use axum::extract::Query;
use axum::http::{HeaderName, HeaderValue, StatusCode, Uri, header};
use serde_json::json;

use self::line::{Line, Refused};
use super::call::{Call, Reply};
use super::failure::Failure;
use super::ingest::Incoming;
use super::server::App;
use crate::Database;
use crate::{Error, ResourceType, Timestamp};

/// The header that names the tag by which resources are known.
const TAG_HEADER: &str = "x-gnocchi-influxdb-tag-resource-id";

/// `GET`, `HEAD /v1/influxdb/ping`: that there is somebody.
#[expect(clippy::unnecessary_wraps, reason = "it is a handler")]
pub(super) fn ping(_: &App, _: &Call) -> Result<Reply, Failure> {
    const VERSION: HeaderValue = HeaderValue::from_static(concat!("Gnocchi gnocchetti ", env!("CARGO_PKG_VERSION")));
    Ok(Reply::empty(StatusCode::NO_CONTENT).header(HeaderName::from_static("x-influxdb-version"), VERSION))
}

/// `POST /v1/influxdb/query`: `CREATE DATABASE` makes a resource type; nothing else can be asked.
pub(super) fn query(app: &App, call: &Call) -> Result<Reply, Failure> {
    let form = form(call);
    let text = call.query.get("q").or_else(|| form.get("q"));
    let text = text.ok_or_else(|| invalid("q", "There is no query"))?;
    let name = database_of(text).ok_or_else(|| {
        let reason = json!({"cause": "Not implemented error", "detail": "q", "reason": "Query not implemented"});
        Failure::because(StatusCode::NOT_IMPLEMENTED, reason)
    })?;
    call.user()?.must(app, "create resource type")?;
    match app.database.create_resource_type(&ResourceType::new(name)) {
        Ok(()) | Err(Error::ResourceTypeExists { .. }) => Ok(Reply::empty(StatusCode::NO_CONTENT)),
        Err(error) => Err(error.into()),
    }
}

/// `POST /v1/influxdb/write`: lines of measures.
pub(super) fn write(app: &App, call: &Call) -> Result<Reply, Failure> {
    let user = call.user()?;
    let text = std::str::from_utf8(&call.body).map_err(|_| invalid("line", "The lines are not UTF-8"))?;
    let tag = call.headers.get(TAG_HEADER).and_then(|tag| tag.to_str().ok()).unwrap_or("host");
    let unit = unit(call.query.get("precision").map_or("ns", String::as_str))?;
    let lines = line::parse(text).map_err(|Refused { line, expected }| {
        invalid("line", &format!("Unable to parse line {line}: {expected} is missing"))
    })?;
    let mut incoming = Incoming::of(call.query.get("db").map_or("influxdb", String::as_str));
    let now = Database::now();
    for line in lines {
        add(&mut incoming, line, tag, unit, now)?;
    }
    incoming.push(app, &user)?;
    Ok(Reply::empty(StatusCode::NO_CONTENT))
}

/// Adds the measures of a line.
fn add(incoming: &mut Incoming, mut line: Line, tag: &str, unit: i64, now: Timestamp) -> Result<(), Failure> {
    let missing = || invalid("key", &format!("Unable to find key `{tag}' in tags"));
    let resource = line.tags.remove(tag).ok_or_else(missing)?;
    let time = match line.timestamp {
        None => now,
        Some(count) => count
            .checked_mul(unit)
            .ok_or(())
            .and_then(|nanos| Timestamp::from_nanos(nanos).map_err(|_| ()))
            .map_err(|()| invalid("line", &format!("The timestamp {count} is before the epoch, or after 2262")))?,
    };
    let tags: Vec<String> = line.tags.iter().map(|(key, value)| format!("{key}={value}")).collect();
    let tags = if tags.is_empty() { String::new() } else { format!("@{}", tags.join(",")) };
    for (field, value) in &line.fields {
        if let Some(value) = value.number() {
            // No name has a slash.
            let metric = format!("{}.{field}{tags}", line.measurement).replace('/', "_");
            incoming.add(&resource, metric, time, value);
        }
    }
    Ok(())
}

/// How many nanoseconds the unit of timestamps has.
fn unit(precision: &str) -> Result<i64, Failure> {
    Ok(match precision {
        "ns" | "n" => 1,
        "us" | "u" | "µ" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        _ => return Err(invalid("precision", "Must be one of ns, us, ms, s, m, h")),
    })
}

/// What a query in the body of a form says, as most clients send it.
fn form(call: &Call) -> BTreeMap<String, String> {
    let kind = call.headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let is_form = kind.trim_start().to_ascii_lowercase().starts_with("application/x-www-form-urlencoded");
    let pairs = std::str::from_utf8(&call.body).ok().filter(|_| is_form).and_then(|body| {
        let uri: Uri = format!("/?{body}").parse().ok()?;
        Query::try_from_uri(&uri).ok().map(|Query(pairs)| pairs)
    });
    pairs.unwrap_or_default()
}

/// The name in `CREATE DATABASE name`.
fn database_of(query: &str) -> Option<String> {
    let rest = keyword(query.trim_start(), "create")?;
    let rest = keyword(rest, "database")?;
    let (name, rest) = match rest.strip_prefix('"') {
        Some(quoted) => quoted_name(quoted)?,
        None => bare_name(rest),
    };
    let rest = rest.trim_start();
    let ends = rest.trim_start_matches(';').trim().is_empty() || keyword(rest, "with").is_some();
    (ends && !name.is_empty()).then_some(name)
}

/// What follows a word and white space.
fn keyword<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let (head, rest) = text.split_at_checked(word.len())?;
    (head.eq_ignore_ascii_case(word) && rest.starts_with(char::is_whitespace)).then(|| rest.trim_start())
}

fn quoted_name(text: &str) -> Option<(String, &str)> {
    let mut name = String::new();
    let mut rest = text.chars();
    loop {
        match rest.next()? {
            '"' => return Some((name, rest.as_str())),
            '\\' => name.push(rest.next()?),
            c => name.push(c),
        }
    }
}

fn bare_name(text: &str) -> (String, &str) {
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    let named = !name.starts_with(|c: char| c.is_ascii_digit());
    (if named { name.to_owned() } else { String::new() }, rest)
}

fn invalid(what: &str, reason: &str) -> Failure {
    Failure::bad(json!({"cause": "Value error", "detail": what, "reason": reason}))
}
