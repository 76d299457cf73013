//! Pages of long lists: how many, behind what, in which order; and the link to the next one.
//!
//! The database sorts and limits. Here stand only the names of the parameters and the form of the `Link` header.

use std::collections::BTreeMap;

use axum::http::HeaderValue;
use serde_json::json;

use super::call::Call;
use super::failure::Failure;
use crate::{Error, Marker, Sort};

/// The part of a list that is asked for.
#[derive(Debug)]
pub(super) struct Page {
    limit: usize,
    marker: Option<Marker>,
    sort: Vec<String>,
    sorts: Vec<Sort>,
}

impl Page {
    /// What `call` asks for: at most `most`, in the order `otherwise` when it names none.
    pub(super) fn of(call: &Call, most: usize, otherwise: &[&str]) -> Result<Self, Failure> {
        let limit = call.query.get("limit").map_or(Ok(most), |text| limit(text).map(|limit| limit.min(most)))?;
        let mut sort: Vec<String> = call.query.all("sort").map(str::to_owned).collect();
        if sort.is_empty() {
            sort = otherwise.iter().map(|&text| text.to_owned()).collect();
        }
        let sorts = sort.iter().map(|text| text.parse()).collect::<Result<_, Error>>().map_err(refused)?;
        let marker = call.query.get("marker").map(|text| text.parse()).transpose().map_err(refused)?;
        Ok(Page { limit, marker, sort, sorts })
    }

    /// How many at most.
    pub(super) fn limit(&self) -> usize {
        self.limit
    }

    /// Behind which one.
    pub(super) fn marker(&self) -> Option<Marker> {
        self.marker
    }

    /// In which order.
    pub(super) fn sorts(&self) -> &[Sort] {
        &self.sorts
    }

    /// Whether an error of the database is about the order, in Gnocchi's words then.
    pub(super) fn failure(&self, error: Error) -> Failure {
        match &error {
            Error::UnknownAttribute { attribute, .. } if self.sorts.iter().any(|sort| sort.attribute == *attribute) => {
                Failure::bad(format!("Invalid pagination: `Sort key supplied is invalid: {attribute}'"))
            }
            Error::InvalidPagination { .. } => refused(error),
            _ => error.into(),
        }
    }

    /// The link to what follows a page of `count`, of which `last` is the last one; none when the page is not full.
    pub(super) fn link(&self, call: &Call, count: usize, last: Option<String>) -> Option<HeaderValue> {
        let last = last.filter(|_| count >= self.limit)?;
        let mut options: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (name, value) in call.query.iter() {
            options.entry(name).or_default().push(value);
        }
        let limit = self.limit.to_string();
        options.insert("limit", vec![&limit]);
        options.insert("marker", vec![&last]);
        options.insert("sort", self.sort.iter().map(String::as_str).collect());
        let pairs = options.iter().flat_map(|(name, values)| values.iter().map(move |value| (name, value)));
        let query: Vec<String> = pairs.map(|(name, value)| format!("{}={}", quoted(name), quoted(value))).collect();
        HeaderValue::try_from(format!("<{}{}?{}>; rel=\"next\"", call.origin(), call.at, query.join("&"))).ok()
    }
}

fn refused(error: Error) -> Failure {
    match error {
        Error::InvalidPagination { reason } => Failure::bad(format!("Invalid pagination: `{reason}'")),
        other => other.into(),
    }
}

fn limit(text: &str) -> Result<usize, Failure> {
    let refused = |reason: &str| {
        let reason = format!("{reason} for dictionary value @ data['limit']");
        Failure::bad(json!({"cause": "Argument value error", "reason": reason}))
    };
    // Below what is representable there is no page either, and above it all of them.
    let number: i64 = match text.trim().parse() {
        Ok(number) => number,
        Err(_) if !text.trim().is_empty() && text.trim().bytes().all(|byte| byte.is_ascii_digit()) => i64::MAX,
        Err(_) => return Err(refused("expected int")),
    };
    usize::try_from(number).ok().filter(|number| *number > 0).ok_or_else(|| refused("value must be at least 1"))
}

/// A name or a value as it stands in a query.
fn quoted(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-~".contains(&byte);
    let one = |byte: u8| match byte {
        b' ' => "+".to_owned(),
        byte if plain(byte) => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    text.bytes().map(one).collect()
}
