//! Whether a resource is still as a caller knows it: `ETag` and `Last-Modified` in answers, `If-Match`, `If-None-Match`,
//! `If-Modified-Since` and `If-Unmodified-Since` in requests (RFC 9110).
//!
//! A resource is as it was as long as its current revision began when it did. What is decided here of a resource that was
//! read, the database decides once more in the transaction that changes it.

use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use chrono::DateTime;

use super::call::{Call, Reply};
use super::failure::Failure;
use crate::{Resource, Timestamp, Uuid};

/// The headers that make a request conditional.
const CONDITIONS: [HeaderName; 4] =
    [header::IF_MATCH, header::IF_NONE_MATCH, header::IF_MODIFIED_SINCE, header::IF_UNMODIFIED_SINCE];

/// What a resource's state is known by.
#[derive(Debug)]
pub(super) struct State {
    tag: String,
    /// In whole seconds since the epoch, as the header has it.
    modified: i64,
    since: Timestamp,
}

impl State {
    /// The state of a resource.
    pub(super) fn of(resource: &Resource) -> Self {
        let since = resource.revision_start;
        let tag = Uuid::new_v5(&resource.id, &since.nanos().to_be_bytes()).simple().to_string();
        State { tag, modified: since.nanos().div_euclid(1_000_000_000), since }
    }

    /// `reply` with the headers that say so.
    pub(super) fn tell(&self, mut reply: Reply) -> Reply {
        let modified = DateTime::from_timestamp(self.modified, 0);
        let modified = modified.map(|time| time.format("%a, %d %b %Y %H:%M:%S GMT").to_string());
        let headers = [(header::ETAG, Some(format!("\"{}\"", self.tag))), (header::LAST_MODIFIED, modified)];
        for (name, value) in headers {
            if let Some(Ok(value)) = value.map(HeaderValue::try_from) {
                reply = reply.header(name, value);
            }
        }
        reply
    }

    /// Whether a caller who reads it has it already.
    ///
    /// # Errors
    ///
    /// 412 when it is not what the caller expects.
    pub(super) fn is_known(&self, call: &Call) -> Result<bool, Failure> {
        let reads = matches!(call.method, Method::GET | Method::HEAD);
        let refused = || Failure::of(StatusCode::PRECONDITION_FAILED);
        let wanted = match Tags::of(call, &header::IF_MATCH) {
            Some(tags) => tags.name(&self.tag, false),
            None => date(call, &header::IF_UNMODIFIED_SINCE).is_none_or(|since| self.modified <= since),
        };
        if !wanted {
            return Err(refused());
        }
        match Tags::of(call, &header::IF_NONE_MATCH) {
            Some(tags) if tags.name(&self.tag, true) => {
                if reads {
                    Ok(true)
                } else {
                    Err(refused())
                }
            }
            Some(_) => Ok(false),
            None => Ok(reads && date(call, &header::IF_MODIFIED_SINCE).is_some_and(|since| self.modified <= since)),
        }
    }

    /// Since when the resource must be in its state for a change to be made; none when the caller expects nothing of it.
    ///
    /// # Errors
    ///
    /// 412 when it is not what the caller expects.
    pub(super) fn expected(&self, call: &Call) -> Result<Option<Timestamp>, Failure> {
        self.is_known(call)?;
        let conditional = CONDITIONS.iter().any(|name| call.headers.contains_key(name));
        Ok(conditional.then_some(self.since))
    }
}

/// The states that a header names.
enum Tags<'a> {
    Any,
    /// Each with whether it is weak.
    These(Vec<(bool, &'a str)>),
}

impl<'a> Tags<'a> {
    fn of(call: &'a Call, name: &HeaderName) -> Option<Self> {
        let values: Vec<&str> =
            call.headers.get_all(name).iter().map(|value| value.to_str().unwrap_or_default()).collect();
        if values.is_empty() {
            return None;
        }
        let tags: Vec<&str> = values.iter().flat_map(|value| value.split(',')).map(str::trim).collect();
        if tags.contains(&"*") {
            return Some(Tags::Any);
        }
        let tag = |text: &'a str| {
            let bare = text.strip_prefix("W/");
            (bare.is_some(), bare.unwrap_or(text).trim_matches('"'))
        };
        Some(Tags::These(tags.into_iter().map(tag).collect()))
    }

    /// Whether `tag` is among them, where `weak` ones count.
    fn name(&self, tag: &str, weak: bool) -> bool {
        match self {
            Tags::Any => true,
            Tags::These(tags) => tags.iter().any(|(is_weak, known)| *known == tag && (weak || !is_weak)),
        }
    }
}

/// The time that a header says, in seconds since the epoch; what is no time says nothing.
fn date(call: &Call, name: &HeaderName) -> Option<i64> {
    let text = call.headers.get(name)?.to_str().ok()?;
    DateTime::parse_from_rfc2822(text.trim()).ok().map(|time| time.timestamp())
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use axum::body::Bytes;
    use axum::http::HeaderMap;

    use super::*;

    /// A state of second 10, which is known as `t`.
    fn state() -> State {
        State { tag: "t".to_owned(), modified: 10, since: Timestamp::from_nanos(10_500_000_000).unwrap() }
    }

    /// What is answered to a request with these headers: 200, 304 or 412.
    fn answered(method: Method, headers: &[(HeaderName, &'static str)]) -> u16 {
        let headers: HeaderMap =
            headers.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect();
        let call = Call {
            method,
            headers,
            path: HashMap::new(),
            query: std::iter::empty().collect(),
            caller: Err(StatusCode::UNAUTHORIZED),
            at: String::new(),
            origin: String::new(),
            body: Bytes::new(),
        };
        match state().is_known(&call) {
            Ok(known) => {
                if known {
                    304
                } else {
                    200
                }
            }
            Err(failure) => failure.response(false).status().as_u16(),
        }
    }

    #[test]
    fn conditions_hold_or_do_not() {
        const BEFORE: &str = "Thu, 01 Jan 1970 00:00:09 GMT";
        const THEN: &str = "Thu, 01 Jan 1970 00:00:10 GMT";
        for (name, value, reading, writing) in [
            (header::IF_MATCH, "\"t\"", 200, 200),
            (header::IF_MATCH, "t", 200, 200),
            (header::IF_MATCH, "\"a\", \"t\"", 200, 200),
            (header::IF_MATCH, "*", 200, 200),
            (header::IF_MATCH, "W/\"t\"", 412, 412),
            (header::IF_MATCH, "\"a\"", 412, 412),
            (header::IF_UNMODIFIED_SINCE, THEN, 200, 200),
            (header::IF_UNMODIFIED_SINCE, BEFORE, 412, 412),
            (header::IF_UNMODIFIED_SINCE, "yesterday", 200, 200),
            (header::IF_NONE_MATCH, "\"t\"", 304, 412),
            (header::IF_NONE_MATCH, "W/\"t\"", 304, 412),
            (header::IF_NONE_MATCH, "*", 304, 412),
            (header::IF_NONE_MATCH, "\"a\"", 200, 200),
            (header::IF_MODIFIED_SINCE, THEN, 304, 200),
            (header::IF_MODIFIED_SINCE, BEFORE, 200, 200),
        ] {
            let headers = [(name.clone(), value)];
            assert_eq!(answered(Method::GET, &headers), reading, "{name}: {value}");
            assert_eq!(answered(Method::PATCH, &headers), writing, "{name}: {value}");
        }
    }

    #[test]
    fn states_win_over_times() {
        const BEFORE: &str = "Thu, 01 Jan 1970 00:00:09 GMT";
        const AFTER: &str = "Thu, 01 Jan 1970 00:01:00 GMT";
        let both = [(header::IF_MATCH, "\"t\""), (header::IF_UNMODIFIED_SINCE, BEFORE)];
        assert_eq!(answered(Method::PATCH, &both), 200);
        let both = [(header::IF_NONE_MATCH, "\"a\""), (header::IF_MODIFIED_SINCE, AFTER)];
        assert_eq!(answered(Method::GET, &both), 200);
    }
}
