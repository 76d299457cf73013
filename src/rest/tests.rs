//! What is read, refused and printed, without a connection.

use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::IntoResponse;
use serde_json::{Value, json};

use super::access::User;
use super::call::{Call, Reply};
use super::failure::Failure;
use super::given::Given;
use super::json::{Tree, printed};
use super::measures::Measures;
use super::paging::Page;
use super::{Auth, Collectd, Server, ServerOptions, Statsd};
use crate::{Columns, Error, Sampling, Timestamp};

fn call(headers: &[(header::HeaderName, &'static str)], body: &'static str) -> Call {
    let headers: HeaderMap =
        headers.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect();
    Call {
        method: Method::POST,
        headers: headers.clone(),
        path: [("name".to_owned(), "low".to_owned())].into(),
        query: [("details", "False"), ("odd", "maybe")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into_iter()
            .collect(),
        caller: User::of(&headers, Auth::Basic).ok_or(StatusCode::UNAUTHORIZED),
        at: "/v1/archive_policy".to_owned(),
        origin: super::origin::of(&headers, "http", false),
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
    let user = |value: &'static str| call(&[(header::AUTHORIZATION, value)], "").user();
    assert_eq!(user("basic Zm9vYmFyOg==").unwrap().name(), "foobar");
    assert!(
        !user("Basic Zm9vYmFyOg==").unwrap().has_role("admin") && user("basic YWRtaW46").unwrap().has_role("admin")
    );
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
    let here = "127.0.0.1:0".parse().unwrap();
    assert!(Server::bind(here, ServerOptions::new()).unwrap().address().unwrap().port() > 0);
    let everywhere = ServerOptions::new().statsd(Statsd::at("0.0.0.0:0".parse().unwrap()));
    let of_collectd = ServerOptions::new().collectd(Collectd::at("0.0.0.0:0".parse().unwrap()));
    for options in [everywhere, of_collectd] {
        let refused = Server::bind(here, options).unwrap_err();
        assert_eq!(refused.kind(), std::io::ErrorKind::PermissionDenied);
    }
    let misnamed = ServerOptions::new().statsd(Statsd::at(here).resource("a/b"));
    assert_eq!(Server::bind(here, misnamed).unwrap_err().kind(), std::io::ErrorKind::InvalidInput);
    let listening = Server::bind(here, ServerOptions::new().statsd(Statsd::at(here))).unwrap().datagrams().unwrap();
    assert!(matches!(listening[..], [("statsd", address)] if address.port() > 0));
}

fn asking(query: &[(&str, &str)]) -> Call {
    let query = query.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Call { query, ..call(&[(header::HOST, "here")], "") }
}

#[test]
fn points_are_rows_and_may_be_no_numbers() {
    let columns =
        Columns { timestamps: vec![0, 1_500_000_000, 2_000_000_001], values: vec![1.0, f64::NAN, f64::INFINITY] };
    let spans = [Sampling::Timespan("1 minute".parse().unwrap()), Sampling::Week];
    let points = Tree::Points(spans.map(|span| (span, columns.clone())).into());
    let tree = Tree::Object(vec![("a".to_owned(), Tree::List(vec![Tree::Value(json!(null)), points]))]);
    let text = String::from_utf8(tree.printed().unwrap()).unwrap();
    let expected =
        r#"{"a": [null, [["1970-01-01T00:00:00+00:00", 60.0, 1.0], ["1970-01-01T00:00:01.500000+00:00", 60.0, NaN], "#;
    assert!(text.starts_with(expected), "{text}");
    assert!(text.ends_with(r#"["1970-01-01T00:00:02.000000001+00:00", "W", Infinity]]]}"#), "{text}");
}

#[test]
fn measures_are_taken_whole_or_not_at_all() {
    let read = |body: &Value| Measures::of(&Given::whole(body));
    let taken = read(&json!([{"timestamp": 1.5, "value": "2.5"}, {"timestamp": "3", "value": 4}])).unwrap();
    assert_eq!((taken.timestamps, taken.values), (vec![1_500_000_000, 3_000_000_000], vec![2.5, 4.0]));
    assert_eq!(read(&json!([{"timestamp": "1970-01-01 00:00:01", "value": 1}])).unwrap().timestamps, [1_000_000_000]);
    assert!(read(&json!([{"timestamp": "-5 minutes", "value": 1}])).unwrap().timestamps[0] > 1_500_000_000_000_000_000);
    assert!(read(&json!([])).unwrap().timestamps.is_empty());
    for (body, reason) in [
        (json!(1), "unexpected measures format"),
        (json!([["1970-01-01", 1]]), "unexpected measures format"),
        (json!([{"timestamp": 1}]), "unexpected measures value"),
        (json!([{"timestamp": 1, "value": "x"}]), "unexpected measures value"),
        (json!([{"timestamp": "1969-01-01", "value": 1}]), "Timestamp must be after Epoch"),
        (json!([{"timestamp": "yesterday-ish", "value": 1}]), "Unable to convert timestamps"),
        (
            json!([{"timestamp": 1, "value": 1}, {"timestamp": "-5 minutes", "value": 1}]),
            "Unable to convert timestamps",
        ),
    ] {
        let failure = format!("{:?}", read(&body).unwrap_err());
        assert!(failure.contains(reason), "{failure}");
    }
}

#[test]
fn pages_link_to_the_next_one() {
    let query = [("name", "a b"), ("sort", "name:desc"), ("sort", "id"), ("limit", "9")];
    let asked = asking(&query);
    let page = Page::of(&asked, 7, &["id:asc"]).unwrap();
    assert_eq!(page.limit(), 7);
    assert!(page.sorts()[0].descending && !page.sorts()[1].descending);
    let link = page.link(&asked, 7, Some("m@1".to_owned())).unwrap();
    let expected =
        "<http://here/v1/archive_policy?limit=7&marker=m%401&name=a+b&sort=name%3Adesc&sort=id>; rel=\"next\"";
    assert_eq!(link.to_str().unwrap(), expected);
    assert!(page.link(&asked, 6, Some("m".to_owned())).is_none());
    for wrong in [("limit", "0"), ("limit", "-2"), ("limit", "x"), ("limit", ""), ("sort", "id:up"), ("marker", "x")] {
        assert_eq!(status(&Page::of(&asking(&[wrong]), 7, &[]).unwrap_err()), 400, "{wrong:?}");
    }
}

#[test]
fn times_and_groups_of_the_query() {
    let asked = asking(&[("start", "1.5"), ("stop", "never"), ("granularity", "1 minute"), ("resample", "W")]);
    assert_eq!(asked.time("start").unwrap(), Some(Timestamp::from_nanos(1_500_000_000).unwrap()));
    assert_eq!(status(&asked.time("stop").unwrap_err()), 400);
    assert_eq!(asked.granularity().unwrap().unwrap().to_string(), "0:01:00");
    assert_eq!(asked.resample().unwrap(), Some(Sampling::Week));
    assert_eq!(status(&asking(&[("resample", "60")]).resample().unwrap_err()), 400);
    assert_eq!(status(&asking(&[("resample", "x"), ("granularity", "1")]).resample().unwrap_err()), 400);
    assert!(format!("{:?}", asking(&[("granularity", "-1")]).granularity().unwrap_err()).contains("must be positive"));
}

#[test]
fn users_are_known_as_the_server_was_told() {
    let name = header::HeaderName::from_static("x-remote-user");
    let by_proxy = |names: &[&'static str]| {
        let headers = names.iter().map(|value| (name.clone(), HeaderValue::from_static(value))).collect();
        User::of(&headers, Auth::RemoteUser).map(|user| user.name().to_owned())
    };
    assert_eq!(by_proxy(&["alice"]).as_deref(), Some("alice"));
    assert_eq!((by_proxy(&[]), by_proxy(&[""]), by_proxy(&["alice", "admin"])), (None, None, None));
    let basic = call(&[(header::AUTHORIZATION, "basic YWRtaW46")], "");
    assert_eq!(User::of(&basic.headers, Auth::RemoteUser), None);
    assert_eq!(User::of(&HeaderMap::new(), Auth::NoAuth).unwrap().name(), "admin");
}
