//! Where this server is, as a client sees it: from the request itself, and from what proxies say where they are believed.

use axum::http::{HeaderMap, header};

/// Scheme, host, and what a proxy puts before the path; `own` is the scheme that this server itself speaks.
pub(super) fn of(headers: &HeaderMap, own: &str, behind_proxy: bool) -> String {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let host = text(header::HOST.as_str()).unwrap_or("localhost");
    if !behind_proxy {
        return format!("{own}://{host}");
    }
    let forwarded = text("forwarded").unwrap_or_default();
    let first = |name: &str| text(name).and_then(|value| value.split(',').next()).map(str::trim);
    let scheme = part(forwarded, "proto").or_else(|| first("x-forwarded-proto")).filter(|it| is_scheme(it));
    let named = part(forwarded, "host").or_else(|| first("x-forwarded-host")).filter(|it| is_host(it));
    let prefix = first("x-forwarded-prefix").filter(|it| is_path(it)).unwrap_or_default();
    format!("{}://{}{}", scheme.unwrap_or(own), named.unwrap_or(host), prefix.trim_end_matches('/'))
}

/// What the proxy nearest to the client says of itself in a `Forwarded` header.
fn part<'a>(forwarded: &'a str, name: &str) -> Option<&'a str> {
    let pairs = forwarded.split(',').next()?.split(';').filter_map(|pair| pair.split_once('='));
    let mut named = pairs.filter(|(key, _)| key.trim().eq_ignore_ascii_case(name));
    named.next().map(|(_, value)| value.trim().trim_matches('"'))
}

fn is_scheme(text: &str) -> bool {
    text == "http" || text == "https"
}

fn is_host(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte))
}

fn is_path(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-~%".contains(&byte);
    text.starts_with('/') && text.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};

    use super::*;

    fn seen(pairs: &[(&'static str, &'static str)], behind_proxy: bool) -> String {
        let pairs = pairs.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
        of(&pairs.collect(), "http", behind_proxy)
    }

    #[test]
    fn proxies_are_believed_where_they_are_expected() {
        let host = ("host", "inner:8041");
        let proxy = ("forwarded", "for=192.0.2.60;proto=https;host=\"outer.example\", for=10.0.0.1;host=middle");
        assert_eq!(seen(&[host, proxy], false), "http://inner:8041");
        assert_eq!(seen(&[host, proxy], true), "https://outer.example");
        let plain = [host, ("x-forwarded-proto", "https"), ("x-forwarded-prefix", "/metrics/")];
        assert_eq!(seen(&plain, true), "https://inner:8041/metrics");
        assert_eq!(seen(&[], true), "http://localhost");
        let secure = |behind_proxy| of(&HeaderMap::new(), "https", behind_proxy);
        assert_eq!((secure(false), secure(true)), ("https://localhost".to_owned(), "https://localhost".to_owned()));
    }

    #[test]
    fn what_is_no_address_is_not_repeated() {
        let wrong = [("host", "inner"), ("x-forwarded-host", "a\"><b"), ("x-forwarded-proto", "javascript")];
        assert_eq!(seen(&wrong, true), "http://inner");
        assert_eq!(seen(&[("host", "inner"), ("x-forwarded-prefix", "//a b")], true), "http://inner");
    }
}
