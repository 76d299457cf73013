//! Who asks, and what everybody may do: Gnocchi's default rules for users known by name.

use axum::http::{HeaderMap, StatusCode, header};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::failure::Failure;
use crate::Filter;

/// The name of the user that may do everything.
const ADMIN: &str = "admin";

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct User(String);

impl User {
    /// The user that the `Authorization` header names, by basic authentication; its password is not looked at.
    pub(super) fn of(headers: &HeaderMap) -> Result<Self, Failure> {
        let named = || {
            let (scheme, credentials) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
            let decoded = scheme.eq_ignore_ascii_case("basic").then(|| STANDARD.decode(credentials.trim()).ok())??;
            let text = String::from_utf8(decoded).ok()?;
            text.split_once(':').map(|(user, _)| User(user.to_owned()))
        };
        named().ok_or_else(|| Failure::of(StatusCode::UNAUTHORIZED))
    }

    /// Refuses everybody but the administrator.
    pub(super) fn must_be_admin(&self) -> Result<(), Failure> {
        if self.0 == ADMIN { Ok(()) } else { Err(Failure::of(StatusCode::FORBIDDEN)) }
    }

    /// What it may write to: its own, and the administrator to everything.
    pub(super) fn owned(&self) -> Option<Filter> {
        (self.0 != ADMIN).then(|| Filter::eq("creator", self.0.as_str()))
    }

    /// Its name.
    pub(super) fn name(&self) -> &str {
        &self.0
    }
}
