//! A Keystone that says what a test wants, over real connections; the real one is asked by `ci/keystone.sh`.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use super::*;

/// What the fake says to a request: status, headers and body; nothing when it stays silent.
type Script = dyn Fn(&Request) -> Option<(u16, &'static str, String)> + Send + Sync;

/// A request as it came.
struct Request {
    line: String,
    headers: Vec<String>,
    body: String,
    /// How many came before.
    number: usize,
}

impl Request {
    fn has(&self, header: &str) -> bool {
        self.headers.iter().any(|given| given.eq_ignore_ascii_case(header))
    }

    fn logs_in(&self) -> bool {
        self.line.starts_with("POST /identity/v3/auth/tokens ")
    }
}

/// Serves until the test ends; counts what is asked.
fn fake(
    script: impl Fn(&Request) -> Option<(u16, &'static str, String)> + Send + Sync + 'static,
) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/identity", listener.local_addr().unwrap());
    let asked = Arc::new(AtomicUsize::new(0));
    let (script, count) = (Arc::new(script), Arc::clone(&asked));
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (script, number) = (Arc::clone(&script), count.fetch_add(1, Ordering::SeqCst));
            std::thread::spawn(move || answer(&stream, number, &*script));
        }
    });
    (url, asked)
}

fn answer(stream: &TcpStream, number: usize, script: &Script) {
    let mut reader = BufReader::new(stream);
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap() <= 2 {
            break;
        }
        lines.push(line.trim_end().to_owned());
    }
    let length = lines.iter().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let request = Request { line: lines.remove(0), headers: lines, body: String::from_utf8(body).unwrap(), number };
    let Some((status, headers, body)) = script(&request) else {
        return std::thread::sleep(Duration::from_secs(5));
    };
    let length = body.len();
    let mut stream = stream;
    // A client that waits no longer is what some tests are about.
    let _ =
        stream.write_all(format!("HTTP/1.1 {status} x\r\n{headers}content-length: {length}\r\n\r\n{body}").as_bytes());
}

fn options(url: &str) -> KeystoneOptions {
    KeystoneOptions {
        url: url.to_owned(),
        public_url: None,
        username: "gnocchi".to_owned(),
        password: "own secret".to_owned(),
        user_domain: "Default".to_owned(),
        project: "service".to_owned(),
        project_domain: "id:default".to_owned(),
        authorities: Vec::new(),
        insecure: false,
        timeout: Duration::from_millis(500),
        remembered: Duration::from_secs(300),
    }
}

fn keystone(url: &str) -> Keystone {
    Keystone::of(&options(url)).unwrap()
}

fn who(keystone: &Keystone, token: &'static str) -> Result<User, u16> {
    let headers = [(X_AUTH_TOKEN, HeaderValue::from_static(token))].into_iter().collect();
    run(keystone.who(&headers)).map_err(|status| status.as_u16())
}

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

fn token(expires_at: &str) -> String {
    json!({"token": {
        "user": {"id": "u1", "name": "alice", "domain": {"id": "default"}},
        "project": {"id": "p1", "name": "one"},
        "roles": [{"id": "r", "name": "Member"}],
        "expires_at": expires_at,
    }})
    .to_string()
}

const LATER: &str = "2199-01-01T00:00:00.000000Z";
const OWN: &str = "X-Subject-Token: own-1\r\n";

/// What a Keystone that works says when this server logs in.
fn logged_in() -> (u16, &'static str, String) {
    (201, OWN, "{}".to_owned())
}

#[test]
fn a_token_says_who_asks_and_is_asked_about_once() {
    let (url, asked) = fake(|request| {
        if request.logs_in() {
            let body: Value = serde_json::from_str(&request.body).unwrap();
            let user = &body["auth"]["identity"]["password"]["user"];
            assert_eq!(*user, json!({"name": "gnocchi", "password": "own secret", "domain": {"name": "Default"}}));
            let project = &body["auth"]["scope"]["project"];
            assert_eq!(*project, json!({"name": "service", "domain": {"id": "default"}}));
            return Some(logged_in());
        }
        assert!(request.line.starts_with("GET /identity/v3/auth/tokens?nocatalog "));
        assert!(request.has("x-auth-token: own-1"));
        if request.has("x-subject-token: good") {
            Some((200, "", token(LATER)))
        } else {
            Some((404, "", String::new()))
        }
    });
    let keystone = keystone(&url);
    let alice = who(&keystone, "good").unwrap();
    assert_eq!(alice.name(), "u1:p1");
    assert!(alice.has_role("member") && !alice.has_role("admin"));
    let attributes = ["user_id", "project_id", "user", "domain_id", "system"].map(|name| alice.attribute(name));
    assert_eq!(attributes, [Some("u1"), Some("p1"), Some("u1:p1"), None, None].map(|text| text.map(str::to_owned)));
    assert_eq!(who(&keystone, "good").unwrap(), alice);
    assert_eq!(asked.load(Ordering::SeqCst), 2, "one to log in, one about the token");
    assert_eq!((who(&keystone, "bad"), who(&keystone, "bad")), (Err(401), Err(401)));
    assert_eq!(asked.load(Ordering::SeqCst), 3, "what is not valid is known for a moment");
    assert_eq!(run(keystone.who(&HeaderMap::new())), Err(StatusCode::UNAUTHORIZED));
    assert_eq!(asked.load(Ordering::SeqCst), 3);
}

#[test]
fn tokens_are_not_remembered_beyond_their_end() {
    for (expires_at, remembered, expected) in
        [("2001-01-01T00:00:00Z", 300, 2), ("2001-01-01T00:00:00Z", 0, 3), (LATER, 0, 3)]
    {
        let (url, asked) =
            fake(move |request| if request.logs_in() { Some(logged_in()) } else { Some((200, "", token(expires_at))) });
        let keystone = Keystone::of(&KeystoneOptions { remembered: Duration::from_secs(remembered), ..options(&url) });
        let keystone = keystone.unwrap();
        let answers = [who(&keystone, "t"), who(&keystone, "t")];
        assert_eq!(asked.load(Ordering::SeqCst), expected, "it is asked twice, where nothing is remembered");
        assert!(answers.iter().all(|answer| if expires_at == LATER { answer.is_ok() } else { *answer == Err(401) }));
    }
}

#[test]
fn an_own_token_that_ended_is_replaced_once() {
    let (url, asked) = fake(|request| match request.number {
        0 | 3 => Some(logged_in()),
        2 => Some((401, "", String::new())),
        _ => Some((200, "", token(LATER))),
    });
    let keystone = keystone(&url);
    assert!(who(&keystone, "first").is_ok() && who(&keystone, "second").is_ok());
    assert_eq!(asked.load(Ordering::SeqCst), 5);
    let (url, asked) =
        fake(|request| if request.logs_in() { Some(logged_in()) } else { Some((401, "", String::new())) });
    assert_eq!(who(&self::keystone(&url), "t"), Err(503));
    assert_eq!(asked.load(Ordering::SeqCst), 2, "it is not tried for ever");
}

#[test]
fn a_keystone_that_fails_lets_nobody_in() {
    let said = |status, body: &str| Some((status, "", body.to_owned()));
    let answers = [
        ("an error", said(500, "")),
        ("no right", said(403, "{}")),
        ("a redirection", said(302, "")),
        ("half of JSON", said(200, "{\"token\": {")),
        ("no user", said(200, "{\"token\": {\"expires_at\": \"2199-01-01T00:00:00Z\"}}")),
        ("no time", said(200, &token("soon"))),
        ("nothing", said(200, "")),
        ("too much", said(200, &" ".repeat(2 << 20))),
        ("silence", None),
    ];
    for (what, answer) in answers {
        let (url, _) = fake(move |request| if request.logs_in() { Some(logged_in()) } else { answer.clone() });
        let began = Instant::now();
        assert_eq!(who(&keystone(&url), "t"), Err(503), "{what}");
        assert!(began.elapsed() < Duration::from_secs(4), "{what}: {:?}", began.elapsed());
    }
    for status in [401, 403, 500, 201] {
        let (url, _) = fake(move |_| said(status, "{}"));
        assert_eq!(who(&keystone(&url), "t"), Err(503), "{status} without a token when this server logs in");
    }
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    assert_eq!(who(&keystone(&format!("http://{nobody}")), "t"), Err(503), "nobody is there");
}

#[test]
fn who_was_known_is_known_while_keystone_is_away() {
    let (url, _) = fake(|request| match request.number {
        0 => Some(logged_in()),
        1 => Some((200, "", token(LATER))),
        _ => Some((503, "", String::new())),
    });
    let keystone = keystone(&url);
    assert!(who(&keystone, "known").is_ok());
    assert_eq!(who(&keystone, "new"), Err(503));
    assert!(who(&keystone, "known").is_ok());
}

#[test]
fn options_that_cannot_work_are_refused() {
    let refused = |options: KeystoneOptions| Keystone::of(&options).unwrap_err();
    for (url, why) in [
        ("keystone:5000", "is no URL"),
        ("ftp://keystone/", "neither http:// nor https://"),
        ("https://keystone:5000/v3", "https needs certificates"),
        ("http://", "is no URL"),
        ("", "neither http:// nor https://"),
    ] {
        assert!(refused(options(url)).contains(why), "{url}: {}", refused(options(url)));
    }
    let no_password = KeystoneOptions { password: String::new(), ..options("http://keystone") };
    assert!(refused(no_password).contains("are needed"));
    let shown = format!("{:?}", options("http://keystone"));
    assert!(!shown.contains("secret"), "{shown}");
    assert_eq!(keystone("http://keystone:5000/").challenge(), "Keystone uri=\"http://keystone:5000/v3\"");
    let public = |url: &str| KeystoneOptions { public_url: Some(url.to_owned()), ..options("http://inner:5000") };
    let told = Keystone::of(&public("https://public/identity")).unwrap();
    assert_eq!(told.challenge(), "Keystone uri=\"https://public/identity\"");
    assert!(refused(public("https://public/\n")).contains("is no URL that clients can be told"));
}
