//! Passwords and TLS, by the command and real clients: `openssl` makes the certificates, `curl` speaks.

use std::fs;
use std::io::Write;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::Server;

/// What a server that must not start says.
fn refused(data: &Path, options: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_gnocchetti"))
        .env("GNOCCHETTI_LISTEN", "127.0.0.1:0")
        .args(["serve", "--data"])
        .arg(data)
        .args(options)
        .output()
        .unwrap();
    assert!(!output.status.success(), "it starts with {options:?}");
    String::from_utf8(output.stderr).unwrap()
}

fn signal(server: &Server, name: &str) {
    let sent = Command::new("kill").args([&format!("-{name}"), &server.process.id().to_string()]).status().unwrap();
    assert!(sent.success());
}

/// Waits for what a signal brings about.
fn soon(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < Duration::from_secs(20), "{what}");
        thread::sleep(Duration::from_millis(50));
    }
}

/// A file of users and their passwords.
fn passwords(path: &Path, users: &[(&str, &str)]) {
    let line = |(name, password): &(&str, &str)| format!("{name}:{}\n", bcrypt::hash(password, 4).unwrap());
    fs::write(path, users.iter().map(line).collect::<String>()).unwrap();
}

fn curl(arguments: &[&str]) -> Output {
    Command::new("curl").args(["--silent", "--max-time", "20", "--noproxy", "*"]).args(arguments).output().unwrap()
}

/// The status that a user with this password is answered.
fn status(server: &Server, user: Option<&str>, path: &str) -> String {
    let url = format!("http://{}{path}", server.address);
    let mut arguments = vec!["--output", "/dev/null", "--write-out", "%{http_code}", &url];
    arguments.extend(user.iter().flat_map(|user| ["--user", user]));
    String::from_utf8(curl(&arguments).stdout).unwrap()
}

#[test]
fn passwords_are_asked_for() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("users");
    passwords(&file, &[("alice", "secret"), ("admin", "root:ed")]);
    let server = Server::start(&directory.path().join("db"), &["--htpasswd", file.to_str().unwrap()]);
    for (user, path, expected) in [
        (None, "/healthcheck", "200"),
        (None, "/v1/metric", "401"),
        (Some("alice:"), "/v1/metric", "401"),
        (Some("alice:wrong"), "/v1/metric", "401"),
        (Some("alice:secret"), "/v1/metric", "200"),
        (Some("alice:secret"), "/v1/status", "403"),
        (Some("admin:"), "/v1/status", "401"),
        (Some("admin:secret"), "/v1/status", "401"),
        (Some("admin:root:ed"), "/v1/status", "200"),
        (Some("nobody:secret"), "/v1/metric", "401"),
        (Some("nobody:secret"), "/", "200"),
    ] {
        assert_eq!(status(&server, user, path), expected, "{user:?} {path}");
    }
    let ask = |password| status(&server, Some(password), "/v1/metric");
    passwords(&file, &[("alice", "changed")]);
    assert_eq!(ask("alice:secret"), "200", "nobody said that the file is another");
    signal(&server, "HUP");
    soon("the new password is taken", || ask("alice:changed") == "200");
    assert_eq!((ask("alice:secret"), ask("admin:root:ed")), ("401".to_owned(), "401".to_owned()));
    fs::write(&file, "alice:{SHA}no\n").unwrap();
    signal(&server, "HUP");
    thread::sleep(Duration::from_millis(300));
    assert_eq!(ask("alice:changed"), "200", "a file that cannot be used changes nothing");
}

#[test]
fn wrong_passwords_make_nobody_wait_who_is_known() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("users");
    // Slow enough that a flood of wrong passwords takes far longer than the test.
    fs::write(&file, format!("alice:{}\n", bcrypt::hash("secret", 9).unwrap())).unwrap();
    let server = Server::start(&directory.path().join("db"), &["--htpasswd", file.to_str().unwrap()]);
    assert_eq!(status(&server, Some("alice:secret"), "/v1/metric"), "200");
    let attempt = &|number: usize| {
        let credentials = STANDARD.encode(format!("alice:wrong {number}"));
        let head = format!("GET /v1/metric HTTP/1.1\r\nHost: here\r\nAuthorization: Basic {credentials}");
        server.answer(format!("{head}\r\nConnection: close\r\n\r\n").as_bytes())
    };
    let answers: Vec<String> = thread::scope(|scope| {
        let flood: Vec<_> = (0..100).map(|number| scope.spawn(move || attempt(number))).collect();
        thread::sleep(Duration::from_millis(200));
        let began = Instant::now();
        for _ in 0..5 {
            assert_eq!(status(&server, Some("alice:secret"), "/v1/metric"), "200");
        }
        assert!(began.elapsed() < Duration::from_secs(3), "alice waited {:?}", began.elapsed());
        flood.into_iter().map(|attempt| attempt.join().unwrap()).collect()
    });
    let count = |status: &str| answers.iter().filter(|answer| answer.starts_with(status)).count();
    let refused = answers.iter().filter(|answer| answer.to_lowercase().contains("\r\nretry-after: 1\r\n")).count();
    assert!(
        refused > 0 && refused == count("HTTP/1.1 503"),
        "{refused} of {} are told to come again",
        count("HTTP/1.1 503")
    );
    assert!(count("HTTP/1.1 401") > 0 && count("HTTP/1.1 2") == 0);
}

/// A certificate for this machine, which is its own authority, and its key.
fn certificate(folder: &Path, name: &str) -> (PathBuf, PathBuf) {
    let (chain, key) = (folder.join(format!("{name}.pem")), folder.join(format!("{name}.key")));
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"])
        .args(["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout"])
        .arg(&key)
        .arg("-out")
        .arg(&chain)
        .stderr(Stdio::null())
        .status()
        .unwrap();
    assert!(made.success());
    (chain, key)
}

#[test]
fn tls_is_spoken_and_nothing_else() {
    let directory = tempfile::tempdir().unwrap();
    let folder = directory.path();
    let (chain, key) = certificate(folder, "first");
    let (other, other_key) = certificate(folder, "other");
    let (chain_text, key_text) = (chain.to_str().unwrap(), key.to_str().unwrap());
    let server = Server::start(&folder.join("db"), &["--tls-cert", chain_text, "--tls-key", key_text]);
    let url = format!("https://{}/v1/archive_policy", server.address);
    let trusting = |authority: &Path| curl(&["--cacert", authority.to_str().unwrap(), "--user", "admin:", &url]);
    let copy = folder.join("copy.pem");
    fs::copy(&chain, &copy).unwrap();
    let answer = trusting(&copy);
    assert!(answer.status.success() && answer.stdout.starts_with(b"[{"), "{answer:?}");
    let body = json!({"name": "p", "definition": [{"granularity": 1}]}).to_string();
    let json = ["--header", "content-type: application/json", "--data", &body, "--include", "--http2"];
    let created = curl(&[&["--cacert", chain_text, "--user", "admin:", &url], &json[..]].concat());
    let created = String::from_utf8(created.stdout).unwrap();
    let location = format!("location: https://{}/v1/archive_policy/p", server.address);
    assert!(created.starts_with("HTTP/1.1 201") && created.contains(&location), "{created}");
    assert_eq!(trusting(&other).status.code(), Some(60), "the client does not know the authority");
    assert_eq!(server.raw("GET / HTTP/1.1", b"").0, 0, "plain HTTP is not answered");
    assert!(!curl(&["--tls-max", "1.1", "--cacert", chain_text, &url]).status.success(), "old versions are not spoken");

    fs::copy(&other, &chain).unwrap();
    signal(&server, "HUP");
    thread::sleep(Duration::from_millis(300));
    assert!(trusting(&copy).status.success(), "a certificate of another key changes nothing");
    fs::copy(&other_key, &key).unwrap();
    signal(&server, "HUP");
    soon("the new certificate is shown", || trusting(&other).status.success());
    assert_eq!(trusting(&copy).status.code(), Some(60));

    let mut server = server;
    let stalled = TcpStream::connect(server.address).unwrap();
    (&stalled).write_all(b"\x16\x03\x01").unwrap();
    thread::sleep(Duration::from_millis(300));
    let took = server.end();
    assert!(took < Duration::from_secs(10), "a handshake that stalls held up the end for {took:?}");
}

#[test]
fn what_is_not_safe_or_cannot_be_used_does_not_start() {
    let directory = tempfile::tempdir().unwrap();
    let folder = directory.path();
    let (chain, key) = certificate(folder, "one");
    let (_, other_key) = certificate(folder, "two");
    let users = folder.join("users");
    passwords(&users, &[("alice", "secret")]);
    fs::write(folder.join("md5"), "# users\nbob:$apr1$x$y\n").unwrap();
    let text = |path: &Path| path.to_str().unwrap().to_owned();
    let (chain, key, other_key, users, md5) =
        (text(&chain), text(&key), text(&other_key), text(&users), text(&folder.join("md5")));
    let outside = ["--listen", "0.0.0.0:0"];
    let tls = ["--tls-cert", &chain, "--tls-key", &key];
    for (options, why) in [
        (&["--htpasswd", &md5][..], "line 2: the hash of `bob` is not one of bcrypt"),
        (&["--htpasswd", "/nowhere/users"], "/nowhere/users: "),
        (&["--htpasswd", &users, "--auth", "remoteuser"], "basic authentication only"),
        (&["--tls-cert", &chain], "TLS needs both"),
        (&["--tls-cert", &chain, "--tls-key", &other_key], "cannot be used with this key"),
        (&["--tls-cert", &users, "--tls-key", &key], "there is no certificate"),
        (&["--tls-cert", &chain, "--tls-key", &chain], "there is no private key"),
        (&[&outside[..], &tls].concat(), "users need no password"),
        (&[&outside[..], &["--plain-http"]].concat(), "users need no password"),
        (&[&outside[..], &["--htpasswd", &users]].concat(), "passwords could be read on the way"),
        (
            &[&outside[..], &["--htpasswd", &users, "--open-to-everybody"]].concat(),
            "passwords could be read on the way",
        ),
    ] {
        let error = refused(&folder.join("db"), options);
        assert!(error.contains(why), "{options:?}: {error}");
        assert!(!folder.join("db").exists(), "nothing was made");
    }
    let behind = ["--htpasswd", &users];
    for (number, options) in
        [[&outside[..], &behind, &["--plain-http"]], [&outside[..], &behind, &tls]].iter().enumerate()
    {
        Server::start(&folder.join(format!("db{number}")), &options.concat());
    }
}

#[test]
fn rules_are_asked_about_what_agents_measures_make() {
    let directory = tempfile::tempdir().unwrap();
    let rules = directory.path().join("policy.yaml");
    let text = "\"create metric\": \"not user:bob\"\n\"create resource\": \"not user:alice\"\n\"create resource type\": \"@\"\n";
    fs::write(&rules, text).unwrap();
    let server = Server::start(&directory.path().join("db"), &["--policy", rules.to_str().unwrap()]);
    let of = |user: &str| match user {
        "alice" => "YWxpY2U6",
        "bob" => "Ym9iOg==",
        _ => "Y2FybDo=",
    };
    let post = |path: &str, kind: &str, user: &str, body: &str| {
        let head = format!("POST {path} HTTP/1.1\r\nContent-Type: {kind}\r\nAuthorization: Basic {}", of(user));
        server.raw(&head, body.as_bytes()).0
    };
    let made = post("/v1/influxdb/query?q=CREATE%20DATABASE%20agents", "text/plain", "carl", "");
    assert_eq!(made, 204, "a rule says who makes types");
    let line = |user: &str, line: &str| post("/v1/influxdb/write?db=agents", "text/plain", user, line);
    let points = |name: &str| {
        let point = json!({"timeUnixNano": "1000000000", "asDouble": 1});
        let metric = json!({"name": name, "gauge": {"dataPoints": [point]}});
        json!({"resourceMetrics": [{"scopeMetrics": [{"metrics": [metric]}]}]}).to_string()
    };
    let otlp = |user: &str, name: &str| post("/v1/metrics", "application/json", user, &points(name));
    assert_eq!(otlp("alice", "load"), 403);
    let of_otlp = server.ask("GET", "/v1/resource_type/opentelemetry", Some("admin"), &Value::Null).0;
    assert_eq!(of_otlp, 404, "not even the type is made");
    assert_eq!((line("carl", "cpu,host=a user=1 1"), otlp("carl", "load")), (204, 200));
    for (user, why) in [("alice", "makes no resource"), ("bob", "makes no metric")] {
        assert_eq!((line(user, "cpu,host=a user=1 1"), otlp(user, "load")), (403, 403), "{user} {why}");
    }
    let resources = |user: &str| server.ask("GET", "/v1/resource/agents", Some(user), &Value::Null).1;
    assert_eq!(resources("admin").matches("\"original_resource_id\"").count(), 1, "nothing is made of what is refused");
    // What is there already is written to, and gets no metric when the rule says so.
    let body = json!({"id": "a"});
    assert_eq!(server.ask("POST", "/v1/resource/agents", Some("bob"), &body).0, 201);
    assert_eq!(line("bob", "cpu,host=a user=1 1"), 403);
    let batch = |user: &str| {
        let body = json!({"a": {"cpu.user": [{"timestamp": 1, "value": 1}]}});
        server.ask("POST", "/v1/batch/resources/metrics/measures?create_metrics=true", Some(user), &body).0
    };
    assert_eq!(batch("bob"), 403, "nor by a batch");
}
