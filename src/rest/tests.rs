//! What is read, refused and printed, without a connection.

use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderValue, Method, header};
use axum::response::IntoResponse;
use serde_json::{Value, json};

use super::access::User;
use super::call::{Call, Reply};
use super::failure::Failure;
use super::given::Given;
use super::json::printed;
use super::{Server, ServerOptions};
use crate::Error;

fn call(headers: &[(header::HeaderName, &'static str)], body: &'static str) -> Call {
    let headers: HeaderMap =
        headers.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect();
    Call {
        method: Method::POST,
        headers,
        path: [("name".to_owned(), "low".to_owned())].into(),
        query: [("details".to_owned(), "False".to_owned()), ("odd".to_owned(), "maybe".to_owned())].into(),
        body: Bytes::from_static(body.as_bytes()),
    }
}

fn status(failure: &Failure) -> u16 {
    failure.response(false).status().as_u16()
}

#[test]
fn json_has_spaces_where_clients_look_for_them() {
    let bytes = printed(&json!({"a": [1, 2.5, null], "b": {}})).unwrap();
    assert_eq!(String::from_utf8(bytes).unwrap(), r#"{"a": [1, 2.5, null], "b": {}}"#);
}

#[test]
fn users_are_known_by_name() {
    let user = |value: &'static str| User::of(&call(&[(header::AUTHORIZATION, value)], "").headers);
    assert_eq!(user("basic Zm9vYmFyOg==").unwrap().name(), "foobar");
    assert_eq!(status(&user("Basic Zm9vYmFyOg==").unwrap().must_be_admin().unwrap_err()), 403);
    user("basic YWRtaW46").unwrap().must_be_admin().unwrap();
    for wrong in ["", "basic", "basic ?", "bearer Zm9vYmFyOg==", "basic Zm9vYmFy"] {
        assert_eq!(status(&user(wrong).unwrap_err()), 401, "{wrong}");
    }
}

#[test]
fn what_is_sent_is_refused_with_its_place() {
    let refused = |body: &Value, read: &dyn Fn(&Given<'_>) -> Result<(), Failure>| {
        format!("{:?}", read(&Given::whole(body)).unwrap_err())
    };
    let body = json!({"list": [{"points": 0}], "none": [], "text": 5, "span": 0});
    let object = |given: &Given<'_>| given.object(&["list"], &[]).map(drop);
    assert!(refused(&body, &object).contains("extra keys not allowed @ data['none']"));
    let known = ["list", "none", "text", "span"];
    let missing = |given: &Given<'_>| given.object(&known, &["name"]).map(drop);
    assert!(refused(&body, &missing).contains("required key not provided @ data['name']"));
    let points = |given: &Given<'_>| {
        let items = given.object(&known, &[])?.need("list")?.some()?;
        items[0].object(&["points"], &[])?.need("points")?.whole_number(1).map(drop)
    };
    let expected = "value must be at least 1 for dictionary value @ data['list'][0]['points']";
    assert!(refused(&body, &points).contains(expected));
    let empty = |given: &Given<'_>| given.object(&known, &[])?.need("none")?.some().map(drop);
    assert!(refused(&body, &empty).contains("length of value must be at least 1"));
    let text = |given: &Given<'_>| given.object(&known, &[])?.need("text")?.text().map(drop);
    assert!(refused(&body, &text).contains("expected str for dictionary value @ data['text']"));
    let span = |given: &Given<'_>| given.object(&known, &[])?.need("span")?.timespan().map(drop);
    assert!(refused(&body, &span).contains("Timespan must be positive for dictionary value"));
}

#[test]
fn bodies_are_json_and_say_so() {
    let json = (header::CONTENT_TYPE, "application/json; charset=utf-8");
    assert_eq!(call(std::slice::from_ref(&json), r#"{"a": 1}"#).json().unwrap(), json!({"a": 1}));
    assert_eq!(status(&call(&[], "{}").json().unwrap_err()), 415);
    assert_eq!(status(&call(&[json], "{").json().unwrap_err()), 400);
}

#[test]
fn ten_thousand_brackets_are_refused() {
    let deep: &'static str = "[".repeat(10_000).leak();
    assert_eq!(status(&call(&[(header::CONTENT_TYPE, "application/json")], deep).json().unwrap_err()), 400);
}

#[test]
fn the_query_and_what_is_accepted() {
    let plain = call(&[], "");
    assert!(plain.takes_json() && !plain.names_json());
    assert!(!plain.switch("details", true).unwrap() && plain.switch("absent", true).unwrap());
    assert_eq!(status(&plain.switch("odd", true).unwrap_err()), 400);
    assert_eq!(plain.named("name"), "low");
    let picky = call(&[(header::ACCEPT, "text/html, text/plain")], "");
    assert!(!picky.takes_json());
    assert!(call(&[(header::ACCEPT, "text/html, */*;q=0.1")], "").takes_json());
    assert!(call(&[(header::ACCEPT, "application/json")], "").names_json());
}

#[test]
fn what_is_created_is_found_where_the_client_came_from() {
    let from = call(&[(header::HOST, "metrics.example:8041")], "");
    let response = Reply::created(&from, ["archive_policy", "æ b"], &json!({})).unwrap().into_response();
    assert_eq!(response.status().as_u16(), 201);
    assert_eq!(response.headers()[header::LOCATION], "http://metrics.example:8041/v1/archive_policy/%C3%A6%20b");
}

#[test]
fn errors_of_the_database_have_their_status() {
    let name = || "p".to_owned();
    for (error, expected) in [
        (Error::UnknownArchivePolicy { name: name() }, 404),
        (Error::ArchivePolicyExists { name: name() }, 409),
        (Error::ArchivePolicyInUse { name: name(), used_by: "a metric".to_owned() }, 400),
        (Error::InvalidTimespan { value: name(), reason: name() }, 400),
        (Error::PushTooLarge { bytes: 2, limit: 1 }, 413),
        (Error::Closed, 503),
        (Error::Forked { opened_by: 1 }, 500),
    ] {
        let shown = error.to_string();
        assert_eq!(status(&error.into()), expected, "{shown}");
    }
}

#[test]
fn addresses_that_others_reach_are_refused() {
    let refused = Server::bind("0.0.0.0:0".parse().unwrap(), ServerOptions::new()).unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::PermissionDenied);
    assert!(Server::bind("127.0.0.1:0".parse().unwrap(), ServerOptions::new()).unwrap().address().unwrap().port() > 0);
}
