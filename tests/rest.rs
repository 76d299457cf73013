//! The command `gnocchetti serve` as whoever speaks HTTP meets it: who may do what, hostile requests, and a kill while
//! measures arrive. What the API says is tested by Gnocchi's own suite (`ci/gabbi.sh`).

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

#[path = "rest/guarded.rs"]
mod guarded;
#[path = "rest/slow.rs"]
mod slow;

struct Server {
    process: Child,
    address: SocketAddr,
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
        let address = loop {
            line.clear();
            assert!(log.read_line(&mut line).unwrap() > 0, "the server does not start");
            let named = line.split("address=").nth(1).and_then(|rest| rest.split_whitespace().next());
            if let Some(address) = named {
                break address.parse().unwrap();
            }
        };
        // Somebody has to read what it logs, or it stops.
        thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
        Server { process, address }
    }

    fn send(&self, request: &[u8]) -> (u16, String) {
        let Ok(mut stream) = TcpStream::connect(self.address) else { return (0, String::new()) };
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        // A server that refuses early may close before all is written.
        let _ = stream.write_all(request);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        let answer = String::from_utf8_lossy(&answer).into_owned();
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
    vec![
        ("GET", "/", json!(null), [200; 4]),
        ("GET", "/healthcheck", json!(null), [200; 4]),
        ("GET", "/metrics", json!(null), [200; 4]),
        ("GET", "/v1", json!(null), [200; 4]),
        ("GET", "/v1/capabilities", json!(null), [200; 4]),
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
        ("POST", "/v1/search/metric?metric_id={id}", json!({">=": 0}), [200, 403, 200, 401]),
        ("POST", "/v1/search/resource/generic", json!({"=": {"creator": "alice"}}), [200, 200, 200, 401]),
        ("POST", "/v1/search/resource/none", json!({}), [404, 404, 404, 401]),
        ("GET", "/v1/search/resource/generic", json!(null), [405; 4]),
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
    server.policy("seconds");
    let rule = json!({"name": "all", "metric_pattern": "*", "archive_policy_name": "seconds"});
    assert_eq!(server.ask("POST", "/v1/archive_policy_rule", Some("admin"), &rule).0, 201);
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
    std::fs::write(&rules, "\"get metric\": \"@\"\n\"create metric\": \"not user:bob\"\n").unwrap();
    let server = Server::start(&directory.path().join("db"), &["--policy", rules.to_str().unwrap()]);
    server.policy("seconds");
    let id = server.metric("alice");
    assert_eq!(server.ask("GET", &format!("/v1/metric/{id}"), Some("bob"), &Value::Null).0, 200);
    assert_eq!(server.ask("GET", &format!("/v1/metric/{id}/measures"), Some("bob"), &Value::Null).0, 403);
    assert_eq!(server.ask("POST", "/v1/metric", Some("bob"), &json!({"archive_policy_name": "seconds"})).0, 403);
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
