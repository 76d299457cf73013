//! One request as handlers see it, and what they answer.

use std::collections::HashMap;

use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::access::User;
use super::failure::Failure;
use super::json::{Tree, printed};
use super::parameters::Parameters;

/// A request, read whole.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) method: Method,
    pub(super) headers: HeaderMap,
    /// What the route leaves open, decoded.
    pub(super) path: HashMap<String, String>,
    pub(super) query: Parameters,
    /// Who asks, or what he is answered where he has to be known.
    pub(super) caller: Result<User, StatusCode>,
    /// The path as it was asked for.
    pub(super) at: String,
    /// Where this server is, as the client sees it: scheme, host, and what a proxy puts before the path.
    pub(super) origin: String,
    pub(super) body: Bytes,
}

impl Call {
    /// Who asks.
    pub(super) fn user(&self) -> Result<User, Failure> {
        self.caller.clone().map_err(Failure::of)
    }

    /// A part of the path that the route leaves open.
    pub(super) fn named(&self, part: &str) -> &str {
        self.path.get(part).map_or("", String::as_str)
    }

    /// What kind of body this is, without its parameters.
    pub(super) fn content_type(&self) -> &str {
        self.whole_content_type().split(';').next().unwrap_or_default().trim()
    }

    /// A parameter of the kind of body.
    pub(super) fn content_type_parameter(&self, name: &str) -> Option<&str> {
        let parameters = self.whole_content_type().split(';').skip(1);
        let mut pairs = parameters.filter_map(|parameter| parameter.split_once('='));
        pairs.find(|(key, _)| key.trim().eq_ignore_ascii_case(name)).map(|(_, value)| value.trim().trim_matches('"'))
    }

    /// Whether the body is compressed in a way that nobody here unpacks. Snappy is a part of remote write's own format.
    pub(super) fn is_packed(&self) -> bool {
        let encoding = self.headers.get(header::CONTENT_ENCODING).map_or(&b"identity"[..], HeaderValue::as_bytes);
        let snappy = encoding.eq_ignore_ascii_case(b"snappy") && self.content_type() == "application/x-protobuf";
        !snappy && !encoding.eq_ignore_ascii_case(b"identity")
    }

    fn whole_content_type(&self) -> &str {
        self.headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default()
    }

    /// The body's JSON.
    pub(super) fn json(&self) -> Result<Value, Failure> {
        self.json_of_kind("application/json")
    }

    /// The body's JSON, which is called this kind.
    pub(super) fn json_of_kind(&self, kind: &str) -> Result<Value, Failure> {
        if !self.content_type().eq_ignore_ascii_case(kind) {
            return Err(Failure::of(StatusCode::UNSUPPORTED_MEDIA_TYPE));
        }
        serde_json::from_slice(&self.body).map_err(|error| {
            let blank = self.body.iter().all(u8::is_ascii_whitespace);
            let reason = if blank { "Expected object or value".to_owned() } else { error.to_string() };
            Failure::bad(json!({"cause": "Unable to decode body", "reason": reason, "detail": []}))
        })
    }

    /// A switch of the query.
    pub(super) fn switch(&self, name: &str, otherwise: bool) -> Result<bool, Failure> {
        let Some(given) = self.query.get(name) else { return Ok(otherwise) };
        match given.trim().to_lowercase().as_str() {
            "1" | "t" | "true" | "on" | "y" | "yes" => Ok(true),
            "0" | "f" | "false" | "off" | "n" | "no" => Ok(false),
            _ => Err(Failure::bad(format!("Unable to parse `{name}': Unrecognized value '{given}'"))),
        }
    }

    /// Where this server is, as the client sees it.
    pub(super) fn origin(&self) -> &str {
        &self.origin
    }

    /// Whether JSON is an answer that the client takes.
    pub(super) fn takes_json(&self) -> bool {
        let mut accepted = self.accepted().peekable();
        accepted.peek().is_none() || accepted.any(|kind| matches!(kind, "*/*" | "application/*" | "application/json"))
    }

    /// Whether the client names JSON, so that also errors come in it.
    pub(super) fn names_json(&self) -> bool {
        self.accepted().any(|kind| kind == "application/json")
    }

    fn accepted(&self) -> impl Iterator<Item = &str> {
        let headers = self.headers.get_all(header::ACCEPT).into_iter();
        let kinds = headers.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
        kinds.map(|kind| kind.split(';').next().unwrap_or_default().trim()).filter(|kind| !kind.is_empty())
    }
}

/// What a handler answers.
#[derive(Debug)]
pub(super) struct Reply {
    status: StatusCode,
    location: Option<String>,
    headers: Vec<(HeaderName, HeaderValue)>,
    /// What kind of body it is.
    kind: &'static str,
    body: Option<Vec<u8>>,
}

impl Reply {
    /// This text, of this kind.
    pub(super) fn text(kind: &'static str, text: String) -> Self {
        Reply { kind, body: Some(text.into_bytes()), ..Reply::empty(StatusCode::OK) }
    }

    /// This, as JSON.
    pub(super) fn json(value: &Value) -> Result<Self, Failure> {
        let body = printed(value).map_err(|error| Failure::internal(&error))?;
        Ok(Reply { body: Some(body), ..Reply::empty(StatusCode::OK) })
    }

    /// This, with points in it.
    pub(super) fn tree(tree: &Tree) -> Result<Self, Failure> {
        let body = tree.printed().map_err(|error| Failure::internal(&error))?;
        Ok(Reply { body: Some(body), ..Reply::empty(StatusCode::OK) })
    }

    /// This was created, and is found at this path below the server.
    pub(super) fn created<const N: usize>(call: &Call, segments: [&str; N], value: &Value) -> Result<Self, Failure> {
        let location = format!("{}/v1/{}", call.origin(), segments.map(escaped).join("/"));
        Ok(Reply { status: StatusCode::CREATED, location: Some(location), ..Reply::json(value)? })
    }

    /// Done; there is nothing to show.
    pub(super) fn empty(status: StatusCode) -> Self {
        Reply { status, location: None, headers: Vec::new(), kind: "application/json", body: None }
    }

    /// With this header.
    pub(super) fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }
}

impl IntoResponse for Reply {
    fn into_response(self) -> Response {
        let mut response = match self.body {
            None => self.status.into_response(),
            Some(body) => {
                let kind = HeaderValue::from_static(self.kind);
                (self.status, [(header::CONTENT_TYPE, kind)], body).into_response()
            }
        };
        response.headers_mut().extend(self.headers);
        if let Some(Ok(location)) = self.location.map(HeaderValue::try_from) {
            response.headers_mut().insert(header::LOCATION, location);
        }
        response
    }
}

/// A segment of a path as it stands in a URL.
fn escaped(segment: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-~/".contains(&byte);
    let one = |byte: u8| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    segment.bytes().map(one).collect()
}
