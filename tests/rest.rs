//! The command `gnocchetti serve` as whoever speaks HTTP meets it: who may do what, hostile requests, and a kill while
//! measures arrive. What the API says is tested by Gnocchi's own suite (`ci/gabbi.sh`).

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use gnocchetti::internals::collectd::network::Value::Gauge;
use gnocchetti::internals::collectd::network::{Identity, Values};
use serde_json::{Value, json};

#[path = "rest/guarded.rs"]
mod guarded;
#[path = "rest/slow.rs"]
mod slow;

struct Server {
    process: Child,
    address: SocketAddr,
    /// Where datagrams go to, in the order of the log.
    datagrams: Vec<SocketAddr>,
}

impl Server {
    fn start(data: &Path, options: &[&str]) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_gnocchetti"))
            .env("GNOCCHETTI_LISTEN", "127.0.0.1:0")
            .args(["serve", "--data"])
            .arg(data)
            .args(options)
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut log = BufReader::new(process.stderr.take().unwrap());
        let mut line = String::new();
        let mut datagrams = Vec::new();
        let address = loop {
            line.clear();
            assert!(log.read_line(&mut line).unwrap() > 0, "the server does not start");
            let named = |key: &str| line.split(key).nth(1).and_then(|rest| rest.split_whitespace().next());
            datagrams.extend(named("place=").map(|place| place.parse::<SocketAddr>().unwrap()));
            if let Some(address) = named("address=") {
                break address.parse().unwrap();
            }
        };
        // Somebody has to read what it logs, or it stops.
        thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
        Server { process, address, datagrams }
    }

    /// All that is answered, headers too; nothing when nobody listens.
    fn answer(&self, request: &[u8]) -> String {
        let Ok(mut stream) = TcpStream::connect(self.address) else { return String::new() };
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        // A server that refuses early may close before all is written.
        let _ = stream.write_all(request);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        String::from_utf8_lossy(&answer).into_owned()
    }

    fn send(&self, request: &[u8]) -> (u16, String) {
        let answer = self.answer(request);
        let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
        (status, answer.split_once("\r\n\r\n").map_or(String::new(), |(_, body)| body.to_owned()))
    }

    fn raw(&self, head: &str, body: &[u8]) -> (u16, String) {
        let length = body.len();
        let head = format!("{head}\r\nHost: here\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n");
        self.send(&[head.as_bytes(), body].concat())
    }

    fn ask(&self, method: &str, path: &str, user: Option<&str>, body: &Value) -> (u16, String) {
        // Base64 of `alice:`, `bob:` and `admin:`.
        let authorization = match user {
            Some("alice") => "\r\nAuthorization: Basic YWxpY2U6",
            Some("bob") => "\r\nAuthorization: Basic Ym9iOg==",
            Some("admin") => "\r\nAuthorization: Basic YWRtaW46",
            _ => "",
        };
        let head = format!("{method} {path} HTTP/1.1\r\nContent-Type: application/json{authorization}");
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.raw(&head, body.as_bytes())
    }

    fn metric(&self, user: &str) -> String {
        let (status, body) = self.ask("POST", "/v1/metric", Some(user), &json!({"archive_policy_name": "seconds"}));
        assert_eq!(status, 201, "{body}");
        serde_json::from_str::<Value>(&body).unwrap()["id"].as_str().unwrap().to_owned()
    }

    fn resource(&self, user: &str) -> String {
        let metrics = json!({"cpu": {"archive_policy_name": "seconds"}});
        let id = format!("{}-thing", self.metric(user));
        let (status, body) =
            self.ask("POST", "/v1/resource/generic", Some(user), &json!({"id": id, "metrics": metrics}));
        assert_eq!(status, 201, "{body}");
        serde_json::from_str::<Value>(&body).unwrap()["id"].as_str().unwrap().to_owned()
    }

    fn policy(&self, name: &str) {
        let policy = json!({"name": name, "definition": [{"granularity": 1}]});
        let (status, body) = self.ask("POST", "/v1/archive_policy", Some("admin"), &policy);
        assert_eq!(status, 201, "{body}");
    }

    /// The policy `seconds` for every metric.
    fn seconds_for_all(&self) {
        self.policy("seconds");
        let rule = json!({"name": "all", "metric_pattern": "*", "archive_policy_name": "seconds"});
        assert_eq!(self.ask("POST", "/v1/archive_policy_rule", Some("admin"), &rule).0, 201);
    }

    /// The values of each metric that has a name.
    fn values(&self) -> BTreeMap<String, Vec<f64>> {
        let (_, metrics) = self.ask("GET", "/v1/metric", Some("admin"), &Value::Null);
        let metrics: Vec<Value> = serde_json::from_str(&metrics).unwrap();
        let values = metrics.iter().filter_map(|metric| {
            let path = format!("/v1/metric/{}/measures?aggregation=sum", metric["id"].as_str()?);
            let points: Vec<(String, f64, f64)> =
                serde_json::from_str(&self.ask("GET", &path, Some("admin"), &Value::Null).1).ok()?;
            Some((metric["name"].as_str()?.to_owned(), points.iter().map(|point| point.2).collect()))
        });
        values.collect()
    }

    /// What it says of itself when this is a line of it, waiting some seconds for that.
    fn says(&self, line: &str) {
        let mut text = String::new();
        for _ in 0..200 {
            text = self.ask("GET", "/metrics", None, &Value::Null).1;
            if text.lines().any(|found| found == line) {
                return;
            }
            thread::sleep(Duration::from_millis(50));
        }
        panic!("{line} is not in:\n{text}");
    }

    /// Ends it as an administrator does, and waits until it has.
    /// Waits for the end that a signal asks for; how long that took.
    fn end(&mut self) -> Duration {
        let began = Instant::now();
        Command::new("kill").args(["-TERM", &self.process.id().to_string()]).status().unwrap();
        assert!(self.process.wait().unwrap().success());
        began.elapsed()
    }

    fn peak_memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A route, and what its owner, another user, the administrator and nobody are answered.
type Row = (&'static str, &'static str, Value, [u16; 4]);

fn routes() -> Vec<Row> {
    let measures = json!([{"timestamp": 1, "value": 1}]);
    let policy = json!({"name": "{new}", "definition": [{"granularity": 1}]});
    let rule = json!({"name": "{new}", "metric_pattern": "{new}*", "archive_policy_name": "seconds"});
    let operations = "(aggregate mean (metric cpu mean))";
    let found = json!({"=": {"id": "{resource}"}});
    let of_resources = json!({"operations": operations, "resource_type": "generic", "search": found});
    let of_collectd = json!([{
        "values": [1], "dstypes": ["gauge"], "dsnames": ["value"], "time": 1, "host": "h", "plugin": "p", "type": "t",
    }]);
    vec![
        ("GET", "/", json!(null), [200; 4]),
        ("GET", "/healthcheck", json!(null), [200; 4]),
        ("GET", "/metrics", json!(null), [200; 4]),
        ("GET", "/openapi.json", json!(null), [200; 4]),
        ("GET", "/v1", json!(null), [200; 4]),
        ("GET", "/v1/capabilities", json!(null), [200; 4]),
        ("GET", "/v1/capabilities/", json!(null), [200; 4]),
        ("GET", "/v1/metric/", json!(null), [200, 200, 200, 401]),
        ("GET", "/v1/archive_policy//seconds", json!(null), [200, 200, 200, 401]),
        ("GET", "/v1/status", json!(null), [403, 403, 200, 401]),
        ("GET", "/v1/archive_policy", json!(null), [200, 200, 200, 401]),
        ("GET", "/v1/archive_policy/seconds", json!(null), [200, 200, 200, 401]),
        ("POST", "/v1/archive_policy", policy, [403, 403, 201, 401]),
        ("PATCH", "/v1/archive_policy/seconds", json!({"definition": [{"granularity": 1}]}), [403, 403, 200, 401]),
        ("DELETE", "/v1/archive_policy/none", json!(null), [403, 403, 404, 401]),
        ("GET", "/v1/archive_policy_rule", json!(null), [200, 200, 200, 401]),
        ("GET", "/v1/archive_policy_rule/all", json!(null), [200, 200, 200, 401]),
        ("POST", "/v1/archive_policy_rule", rule, [403, 403, 201, 401]),
        ("DELETE", "/v1/archive_policy_rule/none", json!(null), [403, 403, 404, 401]),
        ("GET", "/v1/metric", json!(null), [200, 200, 200, 401]),
        ("POST", "/v1/metric", json!({"archive_policy_name": "seconds"}), [201, 201, 201, 401]),
        ("GET", "/v1/metric/{id}", json!(null), [200, 403, 200, 401]),
        ("GET", "/v1/metric/{id}/measures", json!(null), [200, 403, 200, 401]),
        ("POST", "/v1/metric/{id}/measures", measures.clone(), [202, 403, 202, 401]),
        ("POST", "/v1/batch/metrics/measures", json!({"{id}": measures}), [202, 403, 202, 401]),
        ("DELETE", "/v1/metric/{id}", json!(null), [204, 403, 204, 401]),
        ("GET", "/v1/metric/00000000-0000-0000-0000-000000000000", json!(null), [404, 404, 404, 401]),
        ("POST", "/v1/aggregates", json!({"operations": "(metric {id} mean)"}), [200, 403, 200, 401]),
        ("POST", "/v1/aggregates", of_resources, [200, 404, 200, 401]),
        ("GET", "/v1/aggregation/metric?metric={id}", json!(null), [200, 403, 200, 401]),
        ("POST", "/v1/aggregation/metric", json!(["{id}"]), [200, 403, 200, 401]),
        (
            "POST",
            "/v1/aggregation/resource/generic/metric/cpu",
            json!({"=": {"id": "{resource}"}}),
            [200, 200, 200, 401],
        ),
        ("GET", "/v1/aggregation/resource/generic/metric", json!(null), [405; 4]),
        ("POST", "/v1/influxdb/query?q=CREATE+DATABASE+agents", json!(null), [403, 403, 204, 401]),
        ("POST", "/v1/search/metric?metric_id={id}", json!({">=": 0}), [200, 403, 200, 401]),
        ("POST", "/v1/search/resource/generic", json!({"=": {"creator": "alice"}}), [200, 200, 200, 401]),
        ("POST", "/v1/search/resource/none", json!({}), [404, 404, 404, 401]),
        ("GET", "/v1/search/resource/generic", json!(null), [405; 4]),
        // The first to write makes the type of resources.
        ("POST", "/v1/collectd", of_collectd, [403, 403, 202, 401]),
        ("GET", "/v1/no-such-route", json!(null), [404; 4]),
    ]
    .into_iter()
    .chain(resource_routes())
    .collect()
}

fn resource_routes() -> Vec<Row> {
    let measures = json!([{"timestamp": 1, "value": 1}]);
    let new_type = json!({"name": "{new}"});
    let new = json!({"id": "{new}", "metrics": {"cpu": {"archive_policy_name": "seconds"}}});
    let one = "/v1/resource/generic/{resource}";
    let metric = "/v1/resource/generic/{resource}/metric/cpu";
    let pushed = "/v1/resource/generic/{resource}/metric/cpu/measures";
    vec![
        ("GET", "/v1/resource_type", json!(null), [200, 200, 200, 401]),
        ("GET", "/v1/resource_type/generic", json!(null), [200, 200, 200, 401]),
        ("GET", "/v1/resource_type/none", json!(null), [404, 404, 404, 401]),
        ("POST", "/v1/resource_type", new_type, [403, 403, 201, 401]),
        ("PATCH", "/v1/resource_type/generic", json!([]), [403, 403, 415, 401]),
        ("DELETE", "/v1/resource_type/generic", json!(null), [403, 403, 400, 401]),
        ("GET", "/v1/resource", json!(null), [200, 200, 200, 401]),
        ("GET", "/v1/resource/generic", json!(null), [200, 200, 200, 401]),
        ("GET", "/v1/resource/none", json!(null), [404, 404, 404, 401]),
        ("POST", "/v1/resource/generic", new, [201, 201, 201, 401]),
        ("GET", one, json!(null), [200, 403, 200, 401]),
        ("GET", "/v1/resource/generic/{resource}/history", json!(null), [200, 403, 200, 401]),
        ("PATCH", one, json!({"user_id": "x"}), [200, 403, 200, 401]),
        ("PATCH", one, json!({}), [200, 403, 200, 401]),
        ("DELETE", one, json!(null), [204, 403, 204, 401]),
        ("GET", "/v1/resource/generic/none", json!(null), [404, 404, 404, 401]),
        ("GET", "/v1/resource/none/{resource}", json!(null), [404, 404, 404, 401]),
        ("GET", "/v1/resource/generic/{resource}/metric", json!(null), [200, 403, 200, 401]),
        ("POST", "/v1/resource/generic/{resource}/metric", json!({"load": {}}), [200, 403, 200, 401]),
        ("GET", metric, json!(null), [200, 403, 200, 401]),
        ("DELETE", metric, json!(null), [204, 403, 204, 401]),
        ("GET", pushed, json!(null), [200, 403, 200, 401]),
        ("POST", pushed, measures, [202, 403, 202, 401]),
        ("DELETE", "/v1/resource/generic", json!({}), [400, 400, 400, 401]),
        ("DELETE", "/v1/resource/generic", json!({"=": {"id": "{resource}"}}), [200, 200, 200, 401]),
    ]
}

#[test]
fn everybody_may_do_what_is_his() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(&directory.path().join("db"), &["--no-default-policies"]);
    server.seconds_for_all();
    for (method, path, body, expected) in routes() {
        for (user, expected) in [Some("alice"), Some("bob"), Some("admin"), None].into_iter().zip(expected) {
            let (id, resource) = (server.metric("alice"), server.resource("alice"));
            let named = |text: &str| text.replace("{id}", &id).replace("{new}", &id).replace("{resource}", &resource);
            let body: Value = serde_json::from_str(&named(&body.to_string())).unwrap();
            let (status, answer) = server.ask(method, &named(path), user, &body);
            assert_eq!(status, expected, "{method} {path} by {user:?}: {answer}");
        }
    }
}

#[test]
fn nobody_deletes_what_is_others() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(&directory.path().join("db"), &[]);
    server.policy("seconds");
    let (hers, his) = (server.resource("alice"), server.resource("bob"));
    let both = json!({"in": {"id": [hers, his]}});
    let (_, answer) = server.ask("DELETE", "/v1/resource/generic", Some("bob"), &both);
    assert_eq!(serde_json::from_str::<Value>(&answer).unwrap(), json!({"deleted": 1}));
    let there = |id: &str| server.ask("GET", &format!("/v1/resource/generic/{id}"), Some("admin"), &Value::Null).0;
    assert_eq!((there(&hers), there(&his)), (200, 404));
    let (_, answer) = server.ask("DELETE", "/v1/resource/generic", Some("admin"), &both);
    assert_eq!(serde_json::from_str::<Value>(&answer).unwrap(), json!({"deleted": 1}));
}

#[test]
fn all_metrics_that_are_not_there_are_named() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(&directory.path().join("db"), &[]);
    server.policy("seconds");
    let hers = server.metric("alice");
    let none = ["00000000-0000-0000-0000-000000000001", "00000000-0000-0000-0000-000000000002"];
    let operations = format!("(aggregate mean (metric ({} mean) ({hers} mean) ({} mean)))", none[1], none[0]);
    // Bob may not read hers, but what is not there comes first.
    for user in ["alice", "bob", "admin"] {
        let (status, answer) =
            server.ask("POST", "/v1/aggregates", Some(user), &json!({"operations": operations.clone()}));
        assert_eq!(status, 404, "{user}: {answer}");
        for id in none {
            assert!(answer.contains(id) && !answer.contains(&hers), "{user}: {answer}");
        }
    }
}

#[test]
fn a_resource_is_changed_only_as_it_is_known() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(&directory.path().join("db"), &[]);
    server.policy("seconds");
    let path = format!("/v1/resource/generic/{}", server.resource("alice"));
    let ask = |method: &str, condition: &str, body: &str| {
        let length = body.len();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: here\r\nConnection: close\r\nAuthorization: Basic YWxpY2U6\r\n\
             Content-Type: application/json\r\nContent-Length: {length}{condition}\r\n\r\n{body}"
        );
        let answer = server.answer(request.as_bytes());
        let header = |name: &str| {
            let mut lines = answer.lines().filter_map(|line| line.split_once(": "));
            lines.find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_owned())
        };
        let status: u16 = answer.split(' ').nth(1).unwrap().parse().unwrap();
        let body = answer.split_once("\r\n\r\n").unwrap().1.to_owned();
        (status, header("etag").unwrap_or_default(), header("last-modified").unwrap_or_default(), body)
    };
    let (status, first, modified, _) = ask("GET", "", "");
    assert_eq!((status, first.len(), modified.ends_with(" GMT")), (200, 34, true), "{first} {modified}");
    let (status, tag, _, body) = ask("GET", &format!("\r\nIf-None-Match: {first}"), "");
    assert_eq!((status, tag.as_str(), body.as_str()), (304, first.as_str(), ""));
    assert_eq!(ask("GET", &format!("\r\nIf-Modified-Since: {modified}"), "").0, 304);
    let mine = format!("\r\nIf-Match: {first}");
    let (status, second, _, _) = ask("PATCH", &mine, r#"{"user_id": "x"}"#);
    assert!(status == 200 && second != first, "{status} {second}");
    assert_eq!(ask("PATCH", &mine, r#"{"user_id": "y"}"#).0, 412);
    assert_eq!(ask("DELETE", &mine, "").0, 412);
    assert_eq!(ask("GET", &mine, "").0, 412);
    assert_eq!(ask("PATCH", "\r\nIf-Match: *", "{}").1, second);
    assert_eq!(ask("PATCH", &format!("\r\nIf-None-Match: {second}"), "{}").0, 412);
    assert_eq!(ask("PATCH", "\r\nIf-Unmodified-Since: Thu, 01 Jan 1970 00:00:01 GMT", "{}").0, 412);
    assert_eq!(ask("DELETE", &format!("\r\nIf-Match: \"none\", {second}"), "").0, 204);
}

#[test]
fn the_server_counts_what_it_answers() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(&directory.path().join("db"), &["--auth", "noauth"]);
    server.policy("seconds");
    let path = format!("/v1/metric/{}/measures", server.metric("bob"));
    let measures = json!([{"timestamp": 1, "value": 1}, {"timestamp": 2, "value": 2}]);
    assert_eq!(server.ask("POST", &path, None, &measures).0, 202);
    assert_eq!(server.ask("GET", "/v1/metric/none", None, &Value::Null).0, 404);
    let (status, text) = server.ask("GET", "/metrics", None, &Value::Null);
    assert_eq!(status, 200);
    for line in [
        "gnocchetti_http_requests_total{class=\"2xx\"} 3",
        "gnocchetti_http_requests_total{class=\"4xx\"} 1",
        "gnocchetti_http_requests_in_progress 1",
        "gnocchetti_measures_accepted_total 2",
        "# TYPE gnocchetti_metrics gauge",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} is not in:\n{text}");
    }
}

#[test]
fn a_file_of_rules_overrides_the_defaults() {
    let directory = tempfile::tempdir().unwrap();
    let rules = directory.path().join("policy.yaml");
    let text = "\"get metric\": \"@\"\n\"create metric\": \"not user:bob\"\n\
                \"get resource\": \"@\"\n\"list resource\": \"user:%(creator)s\"\n\"delete resources\": \"!\"\n";
    std::fs::write(&rules, text).unwrap();
    let server = Server::start(&directory.path().join("db"), &["--policy", rules.to_str().unwrap()]);
    server.policy("seconds");
    let id = server.metric("alice");
    assert_eq!(server.ask("GET", &format!("/v1/metric/{id}"), Some("bob"), &Value::Null).0, 200);
    assert_eq!(server.ask("GET", &format!("/v1/metric/{id}/measures"), Some("bob"), &Value::Null).0, 403);
    assert_eq!(server.ask("POST", "/v1/metric", Some("bob"), &json!({"archive_policy_name": "seconds"})).0, 403);
    let one = format!("/v1/resource/generic/{}", server.resource("alice"));
    assert_eq!(server.ask("GET", &one, Some("bob"), &Value::Null).0, 200);
    assert_eq!(server.ask("PATCH", &one, Some("bob"), &json!({})).0, 403);
    let metrics = json!({"id": "x", "metrics": {"cpu": {"archive_policy_name": "seconds"}}});
    assert_eq!(server.ask("POST", "/v1/resource/generic", Some("bob"), &metrics).0, 403);
    assert_eq!(server.ask("GET", "/v1/resource/generic", Some("bob"), &Value::Null).1, "[]");
    assert_ne!(server.ask("GET", "/v1/resource/generic", Some("alice"), &Value::Null).1, "[]");
    let all = json!({"!=": {"user_id": "nobody"}});
    assert_eq!(server.ask("DELETE", "/v1/resource/generic", Some("admin"), &all).0, 403);
}

/// A gzip stream of so many bytes of blanks, in a block of fixed codes: each 258 bytes take 13 bits.
fn bomb(bytes: usize) -> Vec<u8> {
    let mut stream = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    let (mut bits, mut count) = (0_u32, 0);
    let mut put = |code: u32, width: u32| {
        for bit in (0..width).rev() {
            bits |= (code >> bit & 1) << count;
            count += 1;
            if count == 8 {
                stream.push(bits as u8);
                (bits, count) = (0, 0);
            }
        }
    };
    // The last block, of fixed codes; a blank; as often as needed, 258 bytes from one byte before.
    put(0b110, 3);
    put(0x50, 8);
    for _ in 0..bytes / 258 {
        put(0xC5, 8);
        put(0, 5);
    }
    put(0, 15);
    stream
}

#[test]
fn hostile_requests_are_refused_and_memory_stays_flat() {
    let directory = tempfile::tempdir().unwrap();
    let options = ["--max-body-mib", "1", "--operation-timeout", "2"];
    let server = Server::start(&directory.path().join("db"), &options);
    server.policy("seconds");
    let before = server.peak_memory();
    let head =
        "POST /v1/batch/metrics/measures HTTP/1.1\r\nAuthorization: Basic YWxpY2U6\r\nContent-Type: application/json";
    let zipped = format!("{head}\r\nContent-Encoding: gzip");
    for (what, head, body, expected) in [
        ("a large body", head, vec![b' '; 3 << 20], 413),
        ("a bomb", zipped.as_str(), bomb(256 << 20), 413),
        ("what is no gzip", zipped.as_str(), b"{}".to_vec(), 400),
        ("deep lists", head, b"[".repeat(10_000), 400),
        ("deep objects", head, br#"{"a":"#.repeat(10_000), 400),
        ("bad UTF-8", head, b"{\"\xff\xfe\": []}".to_vec(), 400),
        ("half a body", head, b"{\"a\": [".to_vec(), 400),
        ("nothing", head, Vec::new(), 400),
    ] {
        let (status, answer) = server.raw(head, &body);
        assert_eq!(status, expected, "{what}: {answer}");
    }
    let slow = format!("{head}\r\nHost: here\r\nConnection: close\r\nContent-Length: 100\r\n\r\n{{");
    assert_eq!(server.send(slow.as_bytes()).0, 408);
    for path in ["/v1/metric/%ff%fe", "/v1/metric?limit=%ff", "/v1/metric/..%2f..%2fetc", "/v1/metric?sort=%00"] {
        let (status, answer) = server.ask("GET", path, Some("alice"), &Value::Null);
        assert!((400..500).contains(&status), "{path}: {status} {answer}");
    }
    let grown = server.peak_memory() - before;
    assert!(grown < 64 << 20, "memory grew by {grown} bytes");
    assert_eq!(server.ask("GET", "/healthcheck", None, &Value::Null).0, 200);
}

#[test]
fn what_was_acknowledged_survives_a_kill() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("db");
    let mut server = Server::start(&data, &[]);
    server.policy("seconds");
    let ids: Vec<String> = (0..4).map(|_| server.metric("alice")).collect();
    let acknowledged: Vec<u64> = thread::scope(|scope| {
        let server = &server;
        let push = |id: &str| {
            let path = format!("/v1/metric/{id}/measures");
            let mut last = 0_u64;
            loop {
                let measures = json!([{"timestamp": last + 1, "value": last + 1}]);
                if server.ask("POST", &path, Some("alice"), &measures).0 != 202 {
                    return last;
                }
                last += 1;
            }
        };
        let writers: Vec<_> = ids.iter().map(|id| scope.spawn(move || push(id))).collect();
        thread::sleep(Duration::from_millis(700));
        Command::new("kill").args(["-9", &server.process.id().to_string()]).status().unwrap();
        writers.into_iter().map(|writer| writer.join().unwrap()).collect()
    });
    server.process.wait().unwrap();
    let server = Server::start(&data, &[]);
    for (id, last) in ids.iter().zip(acknowledged) {
        assert!(last > 0, "nothing was acknowledged");
        let (status, body) = server.ask("GET", &format!("/v1/metric/{id}/measures"), Some("alice"), &Value::Null);
        assert_eq!(status, 200);
        let points: Vec<(String, f64, f64)> = serde_json::from_str(&body).unwrap();
        let values: Vec<u64> = points.iter().map(|point| point.2 as u64).collect();
        assert!(values.len() as u64 >= last, "{} of {last} are there", values.len());
        assert!(values.iter().zip(1..).all(|(value, expected)| *value == expected));
    }
}

#[test]
fn what_statsd_hears_is_measured_and_what_is_no_line_counted() {
    let directory = tempfile::tempdir().unwrap();
    let options = ["--statsd", "127.0.0.1:0", "--statsd-flush", "0.2", "--no-default-policies"];
    let server = Server::start(&directory.path().join("db"), &options);
    server.seconds_for_all();
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let send = |datagram: &[u8]| socket.send_to(datagram, server.datagrams[0]).unwrap();
    send(b"hits:1|c\nhits:2|c|@0.5\nload:7|g\nload:-2|g\nnonsense\n");
    send(b"who:a|s\nwho:a|s\nwho:b|s\ntook:3:4|ms|#path:/x");
    send(b"\xff\xfe|x");
    send(&vec![b'x'; 60_000]);
    server.says("gnocchetti_datagram_measures_total{protocol=\"statsd\"} 5");
    for line in [
        "gnocchetti_datagrams_total{protocol=\"statsd\"} 4",
        "gnocchetti_datagram_items_total{protocol=\"statsd\"} 8",
        "gnocchetti_datagram_refused_total{protocol=\"statsd\",reason=\"form\"} 2",
        "gnocchetti_datagram_refused_total{protocol=\"statsd\",reason=\"text\"} 1",
        "gnocchetti_datagram_measures_lost_total{protocol=\"statsd\"} 0",
    ] {
        server.says(line);
    }
    let expected =
        [("hits|c", vec![5.0]), ("load|g", vec![5.0]), ("took|ms@path=%2Fx", vec![7.0]), ("who|s", vec![2.0])];
    let values = server.values();
    assert_eq!(values, expected.map(|(name, values)| (name.to_owned(), values)).into());
}

#[test]
fn what_statsd_heard_last_is_pushed_at_the_end() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("db");
    let options = ["--statsd", "127.0.0.1:0", "--statsd-flush", "1 hour", "--statsd-archive-policy", "low"];
    let mut server = Server::start(&data, &options);
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    for _ in 0..100 {
        socket.send_to(b"hits:3|c", server.datagrams[0]).unwrap();
    }
    // Whoever answers also knows what a signal means.
    assert_eq!(server.ask("GET", "/healthcheck", None, &Value::Null).0, 200);
    socket.send_to(b"hits:1|c", server.datagrams[0]).unwrap();
    server.end();
    let values = Server::start(&data, &[]).values();
    assert_eq!(values["hits|c"].last(), Some(&301.0), "{values:?}");
}

#[test]
fn what_collectd_sends_is_measured_however_it_comes() {
    let directory = tempfile::tempdir().unwrap();
    let types = directory.path().join("types.db");
    std::fs::write(&types, "load shortterm:GAUGE:0:5000, midterm:GAUGE:0:5000\n").unwrap();
    let options = ["--collectd", "127.0.0.1:0", "--collectd-flush", "0.2", "--no-default-policies"];
    let options = [&options[..], &["--collectd-types", types.to_str().unwrap()]].concat();
    let server = Server::start(&directory.path().join("db"), &options);
    server.seconds_for_all();
    let identity = Identity { host: "a".into(), plugin: "load".into(), kind: "load".into(), ..Identity::default() };
    let values = Values { identity, time: 100 << 30, values: vec![Gauge(0.5), Gauge(0.25)] };
    let encrypted = [0x02, 0x10, 0, 8, 1, 2, 3, 4];
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.send_to(&[&encrypted[..], &Vec::from(&values)].concat(), server.datagrams[0]).unwrap();
    server.says("gnocchetti_datagram_measures_total{protocol=\"collectd\"} 2");
    server.says("gnocchetti_datagram_items_total{protocol=\"collectd\"} 1");
    server.says("gnocchetti_datagram_refused_total{protocol=\"collectd\",reason=\"encrypted\"} 1");
    let posted = json!([{
        "values": [2, 3], "dstypes": ["gauge", "gauge"], "dsnames": ["shortterm", "midterm"], "time": 101.5,
        "interval": 1, "host": "a", "plugin": "load", "plugin_instance": "", "type": "load", "type_instance": "",
    }]);
    assert_eq!(server.ask("POST", "/v1/collectd", Some("admin"), &posted).0, 202);
    let expected = [("load@load-midterm", vec![0.25, 3.0]), ("load@load-shortterm", vec![0.5, 2.0])];
    assert_eq!(server.values(), expected.map(|(name, values)| (name.to_owned(), values)).into());
    assert_eq!(server.ask("POST", "/v1/collectd", Some("admin"), &json!([{"values": [1]}])).0, 400);
    // One resource, however its identifier is spelled.
    let of = |host: &str| {
        let kind = host.len().to_string();
        json!({
            "values": [1], "dstypes": ["gauge"], "dsnames": ["value"], "time": 102, "host": host, "plugin": "p", "type": kind,
        })
    };
    let spelled = json!([of("5c1a7cd2-7b2e-4ad8-9d06-0d9d4c1f7a11"), of("5C1A7CD27B2E4AD89D060D9D4C1F7A11")]);
    let (status, body) = server.ask("POST", "/v1/collectd", Some("admin"), &spelled);
    assert_eq!(status, 202, "{body}");
    // Nobody's body is not even read to its end.
    let large = json!(vec![of("h"); 1000]);
    assert_eq!(server.ask("POST", "/v1/collectd", None, &large).0, 401);
}
