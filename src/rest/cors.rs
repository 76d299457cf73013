//! Cross-origin requests: which pages of other servers a browser lets read our answers.
//!
//! Only the origins that were configured are named in answers. A preflight is answered here and reaches no handler.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

/// What other pages may ask for.
const METHODS: &[&str] = &["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"];

/// What they may send along.
const HEADERS: &[&str] = &[
    "accept",
    "accept-language",
    "authorization",
    "cache-control",
    "content-language",
    "content-type",
    "expires",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-unmodified-since",
    "last-modified",
    "pragma",
    "x-auth-token",
    "x-domain-id",
    "x-project-id",
    "x-roles",
    "x-user-id",
];

/// Lets the pages of `origins` read what is answered.
pub(super) async fn allow(State(origins): State<Arc<[String]>>, request: Request, next: Next) -> Response {
    let origin = request.headers().get(header::ORIGIN).cloned();
    let asked = request.headers().get(header::ACCESS_CONTROL_REQUEST_METHOD).cloned();
    let Some(origin) = origin else { return next.run(request).await };
    let allowed = origins.iter().any(|one| one == "*" || one.as_bytes() == origin.as_bytes());
    let (Some(method), &Method::OPTIONS) = (asked, request.method()) else {
        let mut response = next.run(request).await;
        if allowed {
            name_origin(response.headers_mut(), origin);
            let exposed = HeaderValue::from_static("etag, last-modified, link, location");
            response.headers_mut().insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
        }
        return response;
    };
    let mut response = StatusCode::OK.into_response();
    let wanted = request.headers().get(header::ACCESS_CONTROL_REQUEST_HEADERS).cloned();
    if allowed && METHODS.iter().any(|one| one.as_bytes() == method.as_bytes()) && wanted.iter().all(all_known) {
        let headers = response.headers_mut();
        name_origin(headers, origin);
        headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, method);
        headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("3600"));
        if let Some(wanted) = wanted {
            headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, wanted);
        }
    }
    response
}

fn name_origin(headers: &mut HeaderMap, origin: HeaderValue) {
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.append(header::VARY, HeaderValue::from_static("origin"));
}

fn all_known(wanted: &HeaderValue) -> bool {
    let known = |name: &str| HEADERS.iter().any(|one| one.eq_ignore_ascii_case(name.trim()));
    wanted.to_str().is_ok_and(|names| names.split(',').filter(|name| !name.trim().is_empty()).all(known))
}
