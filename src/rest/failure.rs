//! What a request is answered that cannot be fulfilled: a status, and a reason in JSON or plain text.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::json::printed;
use crate::Error;

/// A request that is refused, or failed.
#[derive(Debug)]
pub(super) struct Failure {
    status: StatusCode,
    description: Option<Value>,
}

impl Failure {
    /// This status, with what it generally means.
    pub(super) fn of(status: StatusCode) -> Self {
        Failure { status, description: None }
    }

    /// This status, for this reason: a sentence, or an object with a cause, a reason and a detail.
    pub(super) fn because(status: StatusCode, description: impl Into<Value>) -> Self {
        Failure { status, description: Some(description.into()) }
    }

    /// What was sent is not valid.
    pub(super) fn bad(description: impl Into<Value>) -> Self {
        Failure::because(StatusCode::BAD_REQUEST, description)
    }

    /// A failure of this server's own; its log says which.
    pub(super) fn internal(error: &dyn std::error::Error) -> Self {
        tracing::error!(error = %error, "a request failed");
        Failure::of(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// Whether it is about this server, not about what was sent.
    pub(super) fn is_ours(&self) -> bool {
        self.status.is_server_error()
    }

    /// It as the client wants it: in JSON, or as a text.
    pub(super) fn response(&self, as_json: bool) -> Response {
        let title = self.status.canonical_reason().unwrap_or_default();
        let description = self.description.clone().unwrap_or_else(|| explanation(self.status).into());
        let (kind, body) = if as_json {
            let body = json!({"code": self.status.as_u16(), "description": description, "title": title});
            ("application/json", printed(&body).unwrap_or_default())
        } else {
            let detail = match &self.description {
                None => String::new(),
                Some(Value::String(text)) => text.clone(),
                Some(other) => String::from_utf8(printed(other).unwrap_or_default()).unwrap_or_default(),
            };
            let text = format!("{} {title}\n\n{}\n\n{detail}\n", self.status.as_u16(), explanation(self.status));
            ("text/plain; charset=UTF-8", text.into_bytes())
        };
        (self.status, [(header::CONTENT_TYPE, HeaderValue::from_static(kind))], body).into_response()
    }
}

/// What a status generally means.
fn explanation(status: StatusCode) -> &'static str {
    match status.as_u16() {
        400 => "The server could not comply with the request since it is either malformed or otherwise incorrect.",
        401 => "This server could not verify that you are authorized to access the document you requested.",
        403 => "Access was denied to this resource.",
        404 => "The resource could not be found.",
        405 => "The method is not allowed for this resource.",
        406 => "The resource could not be generated that was acceptable to your browser.",
        408 => "The request took too long.",
        409 => "There was a conflict when trying to complete your request.",
        412 => "A precondition of the request does not hold.",
        413 => "The body of your request was too large for this server.",
        415 => "The request media type is not supported by this server.",
        503 => "The server is currently unavailable. Please try again at a later time.",
        _ => "The server has either erred or is incapable of performing the requested operation.",
    }
}

impl From<Error> for Failure {
    /// Errors about what was asked say so to whoever asked; those of disk and index are for the log only.
    fn from(error: Error) -> Self {
        match &error {
            Error::Io { .. }
            | Error::Corrupt(_)
            | Error::UnsupportedFormat { .. }
            | Error::NotADatabase { .. }
            | Error::Locked { .. }
            | Error::NetworkFileSystem { .. }
            | Error::Forked { .. }
            | Error::Index { .. } => Failure::internal(&error),
            Error::Failed { .. } | Error::Closed | Error::DiskFull { .. } => {
                tracing::error!(%error, "the database refuses");
                Failure::of(StatusCode::SERVICE_UNAVAILABLE)
            }
            Error::PushTooLarge { .. } => Failure::because(StatusCode::PAYLOAD_TOO_LARGE, error.to_string()),
            Error::UnknownArchivePolicy { name } => {
                Failure::because(StatusCode::NOT_FOUND, format!("Archive policy {name} does not exist"))
            }
            Error::UnknownArchivePolicyRule { name } => {
                Failure::because(StatusCode::NOT_FOUND, format!("Archive policy rule {name} does not exist"))
            }
            Error::UnknownMetric { metric } => {
                Failure::because(StatusCode::NOT_FOUND, format!("Metric {metric} does not exist"))
            }
            Error::UnknownResource { resource } => {
                Failure::because(StatusCode::NOT_FOUND, format!("Resource {resource} does not exist"))
            }
            Error::UnknownResourceType { name } => {
                Failure::because(StatusCode::NOT_FOUND, format!("Resource type {name} does not exist"))
            }
            Error::ResourceTypeExists { name } => {
                Failure::because(StatusCode::CONFLICT, format!("Resource type {name} already exists"))
            }
            Error::ResourceExists { resource } => {
                Failure::because(StatusCode::CONFLICT, format!("Resource {resource} already exists"))
            }
            Error::ResourceChanged { .. } => Failure::of(StatusCode::PRECONDITION_FAILED),
            Error::ResourceTypeInUse { name, .. } => Failure::bad(format!("Resource type {name} is still in use")),
            Error::ArchivePolicyExists { name } => {
                Failure::because(StatusCode::CONFLICT, format!("Archive policy {name} already exists"))
            }
            Error::ArchivePolicyRuleExists { name } => {
                Failure::because(StatusCode::CONFLICT, format!("Archive policy rule {name} already exists"))
            }
            Error::ArchivePolicyInUse { name, .. } => Failure::bad(format!("Archive policy {name} is still in use")),
            _ => Failure::bad(error.to_string()),
        }
    }
}
