//! Paths as routes are looked up by: of slashes that stand together one counts, and one at the end does not count at all.
//! Gnocchi looks at paths so, and its clients make use of it.

use axum::extract::Request;
use axum::http::Uri;
use axum::http::uri::PathAndQuery;

/// The request, with a straight path.
pub(super) async fn path(mut request: Request) -> Request {
    if let Some(uri) = straight(request.uri()) {
        *request.uri_mut() = uri;
    }
    request
}

/// The same place by a straight path; nothing when it is straight already.
fn straight(uri: &Uri) -> Option<Uri> {
    let path = uri.path();
    if !path.contains("//") && (path.len() < 2 || !path.ends_with('/')) {
        return None;
    }
    let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
    let query = uri.query().map_or_else(String::new, |query| format!("?{query}"));
    let path = PathAndQuery::try_from(format!("/{}{query}", segments.join("/"))).ok()?;
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(path);
    Uri::from_parts(parts).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slashes_too_many_change_nothing() {
        let of = |uri: &str| straight(&uri.parse().unwrap()).map(|uri| uri.to_string());
        for (given, expected) in [
            ("/v1/metric/", "/v1/metric"),
            ("/v1/archive_policy//low", "/v1/archive_policy/low"),
            ("//", "/"),
            ("///v1//metric//?limit=1&x=//", "/v1/metric?limit=1&x=//"),
            ("http://here/v1/?a", "http://here/v1?a"),
        ] {
            assert_eq!(of(given).as_deref(), Some(expected), "{given}");
        }
        for same in ["/", "/v1/metric", "/v1/metric?marker=a/", "/v1/archive_policy/a%2F%2Fb%2F"] {
            assert_eq!(of(same), None, "{same}");
        }
    }
}
