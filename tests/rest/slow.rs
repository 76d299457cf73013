//! Many clients, and slow ones: none stops others, and none holds a connection for ever.

use std::fs;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::Server;

const PATIENCE: Duration = Duration::from_secs(20);

/// As many connections as a fleet of agents holds.
const MANY: usize = 500;

fn connect(server: &Server) -> TcpStream {
    let stream = TcpStream::connect(server.address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Asks over a connection that stays, and reads the answer whole.
fn ask(stream: &mut TcpStream) -> String {
    stream.write_all(b"GET /healthcheck HTTP/1.1\r\nHost: here\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    let mut byte = [0];
    while !answer.ends_with(b"\r\n\r\n") {
        assert_eq!(stream.read(&mut byte).unwrap(), 1, "the connection ends");
        answer.push(byte[0]);
    }
    let head = String::from_utf8(answer).unwrap().to_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok()).unwrap_or(0);
    stream.read_exact(&mut vec![0; length]).unwrap();
    head
}

fn is_answered_at_once(server: &Server) {
    let began = Instant::now();
    assert_eq!(server.ask("GET", "/v1/metric", Some("alice"), &Value::Null).0, 200);
    assert!(began.elapsed() < Duration::from_secs(3), "it took {:?}", began.elapsed());
}

/// What a client reads until its connection ends.
fn rest(stream: &mut TcpStream) -> String {
    let mut read = Vec::new();
    match stream.read_to_end(&mut read) {
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
        Err(error) => panic!("the connection does not end: {error}"),
    }
    String::from_utf8_lossy(&read).into_owned()
}

#[test]
fn hundreds_of_connections_stay_and_are_served() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(&directory.path().join("db"), &[]);
    let mut connections: Vec<_> = (0..MANY).map(|_| connect(&server)).collect();
    for _ in 0..3 {
        for stream in &mut connections {
            assert!(ask(stream).starts_with("http/1.1 200"));
        }
    }
}

#[test]
fn slow_heads_and_bodies_end_and_stop_nobody() {
    let directory = tempfile::tempdir().unwrap();
    let options = ["--client-timeout", "4", "--operation-timeout", "4", "--max-body-mib", "1"];
    let server = Server::start(&directory.path().join("db"), &options);
    let before = server.peak_memory();
    let head = "POST /v1/metric HTTP/1.1\r\nHost: here\r\nAuthorization: Basic YWxpY2U6\r\n";
    let body = format!("{head}Content-Type: application/json\r\nContent-Length: 1000000\r\n\r\n[");
    let (mut slow_heads, mut slow_bodies, mut silent) = (Vec::new(), Vec::new(), Vec::new());
    for number in 0..MANY {
        let mut stream = connect(&server);
        match number % 5 {
            0 => slow_bodies.push(stream.write_all(body.as_bytes()).map(|()| stream).unwrap()),
            1 => silent.push(stream),
            _ => slow_heads.push(stream.write_all(head.as_bytes()).map(|()| stream).unwrap()),
        }
    }
    is_answered_at_once(&server);
    // Who sends a byte now and then is as slow as who sends none.
    for stream in &mut slow_heads {
        let _ = stream.write_all(b"X");
    }
    for stream in slow_heads.iter_mut().chain(&mut silent) {
        assert!(!rest(stream).starts_with("HTTP/1.1 2"));
    }
    for stream in &mut slow_bodies {
        assert!(rest(stream).starts_with("HTTP/1.1 408"));
    }
    is_answered_at_once(&server);
    let grown = server.peak_memory() - before;
    assert!(grown < 64 << 20, "memory grew by {grown} bytes");
}

#[test]
fn who_takes_no_answer_is_given_up() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(&directory.path().join("db"), &["--client-timeout", "2"]);
    let mut stream = connect(&server);
    let questions = "GET /metrics HTTP/1.1\r\nHost: here\r\n\r\n".repeat(1000);
    let error = loop {
        if let Err(error) = stream.write_all(questions.as_bytes()) {
            break error;
        }
    };
    let ended = [ErrorKind::ConnectionReset, ErrorKind::BrokenPipe];
    assert!(ended.contains(&error.kind()), "the server waits for ever: {error}");
    is_answered_at_once(&server);
}

#[test]
fn connections_beyond_the_limit_wait_for_room() {
    let directory = tempfile::tempdir().unwrap();
    let options = ["--max-connections", "4", "--client-timeout", "2"];
    let server = Server::start(&directory.path().join("db"), &options);
    let mut idle: Vec<_> = (0..4).map(|_| connect(&server)).collect();
    for stream in &mut idle {
        ask(stream);
    }
    let began = Instant::now();
    assert!(ask(&mut connect(&server)).starts_with("http/1.1 200"));
    assert!(began.elapsed() > Duration::from_millis(500), "somebody had to go first");
}

#[test]
fn connections_that_wait_do_not_hold_up_the_end() {
    let directory = tempfile::tempdir().unwrap();
    let mut server = Server::start(&directory.path().join("db"), &[]);
    let mut idle = connect(&server);
    ask(&mut idle);
    let silent = connect(&server);
    let took = server.end();
    assert!(took < Duration::from_secs(15), "it took {took:?}");
    drop((idle, silent));
}

/// What the system says of a process in a file of its own, on the line that begins so.
fn said(process: &Child, file: &str, line: &str) -> String {
    let text = fs::read_to_string(format!("/proc/{}/{file}", process.id())).unwrap();
    text.lines().find_map(|found| found.strip_prefix(line)).unwrap_or_default().trim().to_owned()
}

#[test]
fn a_signal_that_comes_early_ends_it_cleanly() {
    let directory = tempfile::tempdir().unwrap();
    let users = directory.path().join("users");
    assert!(Command::new("mkfifo").arg(&users).status().unwrap().success());
    // It waits for its users, and listens nowhere yet.
    let mut process = Command::new(env!("CARGO_BIN_EXE_gnocchetti"))
        .args(["serve", "--listen", "127.0.0.1:0", "--data"])
        .arg(directory.path().join("db"))
        .arg("--htpasswd")
        .arg(&users)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let began = Instant::now();
    let is_caught = |process: &Child| {
        let caught = u64::from_str_radix(&said(process, "status", "SigCgt:"), 16).unwrap_or_default();
        caught & (1 << 14) != 0
    };
    while !is_caught(&process) && began.elapsed() < Duration::from_secs(10) {
        thread::sleep(Duration::from_millis(10));
    }
    assert!(Command::new("kill").arg(process.id().to_string()).status().unwrap().success());
    thread::sleep(Duration::from_millis(100));
    assert_eq!(process.try_wait().unwrap(), None, "it is not ended by the signal itself");
    fs::write(&users, format!("alice:{}\n", bcrypt::hash("secret", 4).unwrap())).unwrap();
    let mut log = String::new();
    process.stderr.take().unwrap().read_to_string(&mut log).unwrap();
    assert!(process.wait().unwrap().success() && log.contains("closed"), "{log}");
}

#[test]
fn as_many_files_are_open_as_may_and_connections_leave_some() {
    let directory = tempfile::tempdir().unwrap();
    let start = |limits: &str, options: &str| {
        let command = env!("CARGO_BIN_EXE_gnocchetti");
        let data = directory.path().join("db");
        let script = format!("{limits}; exec {command} serve --listen 127.0.0.1:0 {options} --data {}", data.display());
        Command::new("sh").args(["-c", &script]).stderr(Stdio::piped()).spawn().unwrap()
    };
    let refused = start("ulimit -n 900", "--max-connections 600").wait_with_output().unwrap();
    let error = String::from_utf8(refused.stderr).unwrap();
    assert!(!refused.status.success() && error.contains("1112 files") && error.contains("388 would do"), "{error}");
    for (limits, open, warned) in [("ulimit -Sn 300; ulimit -Hn 2000", "2000", false), ("ulimit -n 900", "900", true)] {
        let mut process = start(limits, "");
        let mut log = BufReader::new(process.stderr.take().unwrap());
        let mut read = String::new();
        while !read.contains("address=") {
            assert!(log.read_line(&mut read).unwrap() > 0, "{read}");
        }
        assert_eq!(said(&process, "limits", "Max open files").split_whitespace().next(), Some(open));
        assert_eq!(read.contains("connections=388"), warned, "{read}");
        process.kill().unwrap();
        process.wait().unwrap();
    }
}
