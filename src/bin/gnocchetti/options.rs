//! Every option there is: its name, what it takes, its default, what it means, and what it is called in Gnocchi.
//!
//! The same name is the flag (`--max-body-mib`), the environment variable (`GNOCCHETTI_MAX_BODY_MIB`) and the key of
//! `gnocchetti.toml`. Nothing here knows what an option does.

use std::net::SocketAddr;

use gnocchetti::{AggregationMethod, Timespan};

/// What an option takes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// A text.
    Text,
    /// A text that is not shown.
    Secret,
    /// `true` or `false`.
    Switch,
    /// A whole number between these two.
    Number(u64, u64),
    /// An address and a port.
    Address,
    /// A length of time.
    Span,
    /// One of these words.
    Word(&'static [&'static str]),
    /// Texts with commas between them.
    List,
    /// Names of aggregation methods, as a policy lists them, with commas between them.
    Methods,
}

/// An option.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// Its name.
    pub name: &'static str,
    /// What it takes.
    pub kind: Kind,
    /// What it is when nobody says; nothing when empty.
    pub default: &'static str,
    /// What it is called in `gnocchi.conf`: section and key.
    pub gnocchi: &'static [(&'static str, &'static str)],
    /// What it means.
    pub meaning: &'static str,
}

const fn setting(
    name: &'static str,
    kind: Kind,
    default: &'static str,
    gnocchi: &'static [(&'static str, &'static str)],
    meaning: &'static str,
) -> Setting {
    Setting { name, kind, default, gnocchi, meaning }
}

/// All of them, in the order in which they are shown.
pub const SETTINGS: &[Setting] = &[
    setting(
        "data",
        Kind::Text,
        "",
        &[("storage", "file_basepath")],
        "The database's directory; it is created when it is not there. Without it nothing can be served.",
    ),
    setting(
        "listen",
        Kind::Address,
        "127.0.0.1:8041",
        &[("api", "host"), ("api", "port")],
        "Where to listen. An address that other machines reach needs htpasswd and TLS, or open-to-everybody, or plain-http.",
    ),
    setting(
        "tls-cert",
        Kind::Text,
        "",
        &[],
        "A file of PEM with the server's certificate and those above it: speak TLS, and nothing else. It is read again at SIGHUP.",
    ),
    setting("tls-key", Kind::Text, "", &[], "A file of PEM with the private key of tls-cert."),
    setting(
        "plain-http",
        Kind::Switch,
        "false",
        &[],
        "Listen without TLS where other machines reach it, though passwords can be read on the way.",
    ),
    setting(
        "max-connections",
        Kind::Number(1, 1_000_000),
        "1024",
        &[],
        "How many connections there are at a time; others wait. Each is a file of the process: let ulimit -Hn be 512 above.",
    ),
    setting(
        "client-timeout",
        Kind::Number(1, 65_535),
        "30",
        &[],
        "How many seconds a client may take for the head of a request, also to begin, or take nothing of an answer; then its connection ends.",
    ),
    setting(
        "default-policies",
        Kind::Switch,
        "true",
        &[],
        "Whether a new database gets the archive policies bool, low, medium and high, and a rule.",
    ),
    setting(
        "default-aggregation-methods",
        Kind::Methods,
        "mean,min,max,sum,std,count",
        &[("archive_policy", "default_aggregation_methods")],
        "What an archive policy keeps that is created without aggregation methods.",
    ),
    setting(
        "max-body-mib",
        Kind::Number(1, 65_535),
        "16",
        &[],
        "The greatest body of a request, in MiB, after decompression; a greater one is answered 413.",
    ),
    setting(
        "operation-timeout",
        Kind::Number(1, 65_535),
        "60",
        &[("api", "operation_timeout"), ("api", "refresh_timeout")],
        "How many seconds a request may take; then it is answered 408.",
    ),
    setting(
        "max-limit",
        Kind::Number(1, 1_000_000_000),
        "1000",
        &[("api", "max_limit")],
        "How many items a list has at most; a link leads to the next ones.",
    ),
    setting(
        "cors-origin",
        Kind::List,
        "",
        &[("cors", "allowed_origin")],
        "Pages that browsers let read our answers, such as https://grafana.example; may be given several times.",
    ),
    setting(
        "proxy-headers",
        Kind::Switch,
        "false",
        &[("api", "enable_proxy_headers_parsing")],
        "Whether to believe Forwarded and X-Forwarded-... about where clients see this server.",
    ),
    setting(
        "auth",
        Kind::Word(&["basic", "remoteuser", "noauth", "keystone"]),
        "basic",
        &[("api", "auth_mode")],
        "How it is known who asks: by basic authentication, the header X-Remote-User that a proxy sets, not at all, or tokens of Keystone.",
    ),
    setting(
        "htpasswd",
        Kind::Text,
        "",
        &[],
        "A file of users with passwords for auth basic: name:hash by bcrypt, as htpasswd -B writes it. It is read again at SIGHUP.",
    ),
    setting(
        "keystone-url",
        Kind::Text,
        "",
        &[("keystone_authtoken", "auth_url"), ("keystone_authtoken", "www_authenticate_uri")],
        "Where Keystone (v3) is, for auth keystone: such as http://127.0.0.1:5000/v3.",
    ),
    setting(
        "keystone-public-url",
        Kind::Text,
        "",
        &[("keystone_authtoken", "www_authenticate_uri")],
        "Where Keystone is as clients are told it, when that is another URL than keystone-url.",
    ),
    setting(
        "keystone-username",
        Kind::Text,
        "gnocchi",
        &[("keystone_authtoken", "username")],
        "This server's user in Keystone: one that may look at the tokens of others.",
    ),
    setting(
        "keystone-password",
        Kind::Secret,
        "",
        &[("keystone_authtoken", "password")],
        "The password of keystone-username. A flag is seen by who lists processes; a file or the environment is not.",
    ),
    setting(
        "keystone-user-domain",
        Kind::Text,
        "Default",
        &[("keystone_authtoken", "user_domain_name"), ("keystone_authtoken", "user_domain_id")],
        "The domain of keystone-username: its name, or id: and its id.",
    ),
    setting(
        "keystone-project",
        Kind::Text,
        "service",
        &[("keystone_authtoken", "project_name")],
        "The project in which keystone-username has its right.",
    ),
    setting(
        "keystone-project-domain",
        Kind::Text,
        "Default",
        &[("keystone_authtoken", "project_domain_name"), ("keystone_authtoken", "project_domain_id")],
        "The domain of keystone-project: its name, or id: and its id.",
    ),
    setting(
        "keystone-cafile",
        Kind::Text,
        "",
        &[("keystone_authtoken", "cafile")],
        "A file of PEM with the authorities that a Keystone of https is known by, such as /etc/ssl/certs/ca-certificates.crt.",
    ),
    setting(
        "keystone-insecure",
        Kind::Switch,
        "false",
        &[("keystone_authtoken", "insecure")],
        "Take any certificate for that of a Keystone of https: whoever is on the way may say who asks. For tests.",
    ),
    setting(
        "keystone-timeout",
        Kind::Number(1, 600),
        "10",
        &[("keystone_authtoken", "http_connect_timeout")],
        "How many seconds an answer of Keystone may take; then requests are answered 503.",
    ),
    setting(
        "keystone-remembered",
        Kind::Number(0, 86_400),
        "300",
        &[("keystone_authtoken", "token_cache_time")],
        "How many seconds a token is taken without asking again: so long one that was revoked is still good. 0 asks each time.",
    ),
    setting(
        "policy",
        Kind::Text,
        "",
        &[("oslo_policy", "policy_file")],
        "A file of rules that override who may do what, in the form of Gnocchi's policy.yaml.",
    ),
    setting(
        "open-to-everybody",
        Kind::Switch,
        "false",
        &[],
        "Listen also where other machines reach it, though users need no password and anybody may call himself admin.",
    ),
    setting(
        "statsd",
        Kind::Address,
        "",
        &[("statsd", "host"), ("statsd", "port")],
        "Where to listen for statsd, by UDP; nowhere when nothing is said. Senders are not asked who they are: see listen.",
    ),
    setting(
        "statsd-resource",
        Kind::Text,
        "statsd",
        &[("statsd", "resource_id")],
        "The resource that statsd's measures are of: a UUID, or any name. It is made when the first come.",
    ),
    setting(
        "statsd-creator",
        Kind::Text,
        "admin",
        &[("statsd", "creator")],
        "The user that the resource of statsd, and its metrics, belong to when they are made.",
    ),
    setting(
        "statsd-archive-policy",
        Kind::Text,
        "",
        &[("statsd", "archive_policy_name")],
        "The archive policy of metrics that are made for statsd; by rule when nothing is said.",
    ),
    setting(
        "statsd-flush",
        Kind::Span,
        "10 seconds",
        &[("statsd", "flush_delay")],
        "After which time what statsd's senders said is pushed. What came since is lost when the process is killed.",
    ),
    setting(
        "collectd",
        Kind::Address,
        "",
        &[],
        "Where to listen for collectd's network protocol, by UDP; nowhere when nothing is said. Senders are not asked who they are.",
    ),
    setting(
        "collectd-creator",
        Kind::Text,
        "admin",
        &[],
        "The user that resources and metrics of collectd's network protocol belong to when they are made.",
    ),
    setting(
        "collectd-types",
        Kind::List,
        "",
        &[],
        "Files such as /usr/share/collectd/types.db, which say what values are called that its network protocol does not name.",
    ),
    setting(
        "collectd-flush",
        Kind::Span,
        "1 second",
        &[],
        "After which time what came by collectd's network protocol is pushed. What came since is lost when the process is killed.",
    ),
    setting(
        "durability",
        Kind::Word(&["sync", "kernel", "buffered"]),
        "sync",
        &[],
        "What measures survive once they are answered 202: sync a power cut, kernel the end of this process, buffered neither.",
    ),
    setting(
        "durability-interval",
        Kind::Span,
        "1 second",
        &[],
        "After which time measures survive a power cut all the same, when durability is not sync.",
    ),
    setting(
        "max-future",
        Kind::Span,
        "",
        &[],
        "How far beyond the wall clock a measure may lie; any distance when nothing is said.",
    ),
    setting(
        "resource-inactive-after",
        Kind::Span,
        "",
        &[("metricd", "metric_inactive_after")],
        "After which time without a measure a resource ends by itself; never when nothing is said.",
    ),
    setting(
        "resource-cleanup-after",
        Kind::Span,
        "",
        &[("metricd", "resource_cleanup_after")],
        "How long after its end a resource is deleted by itself, with its measures; never when nothing is said.",
    ),
    setting(
        "log-level",
        Kind::Word(&["error", "warn", "info", "debug", "trace"]),
        "info",
        &[("DEFAULT", "debug"), ("DEFAULT", "verbose")],
        "How much is logged.",
    ),
    setting(
        "log-file",
        Kind::Text,
        "",
        &[("DEFAULT", "log_file"), ("DEFAULT", "log_dir")],
        "Where the log goes, appended; to standard error when nothing is said.",
    ),
    setting(
        "log-format",
        Kind::Word(&["text", "json"]),
        "text",
        &[],
        "Whether a line of the log is a text or a JSON object.",
    ),
];

impl Setting {
    /// The option of this name.
    pub fn named(name: &str) -> Option<&'static Setting> {
        SETTINGS.iter().find(|setting| setting.name == name)
    }

    /// Its environment variable.
    pub fn variable(&self) -> String {
        format!("GNOCCHETTI_{}", self.name.replace('-', "_").to_ascii_uppercase())
    }

    /// Refuses a value that it cannot have; what is empty is as if nothing was said.
    pub fn check(&self, value: &str) -> Result<(), String> {
        let fine = value.is_empty()
            || match self.kind {
                Kind::Text | Kind::Secret | Kind::List => true,
                Kind::Switch => switch(value).is_some(),
                Kind::Number(least, most) => value.parse().is_ok_and(|number: u64| (least..=most).contains(&number)),
                Kind::Address => value.parse::<SocketAddr>().is_ok(),
                Kind::Span => value.parse::<Timespan>().is_ok(),
                Kind::Word(words) => words.contains(&value),
                Kind::Methods => value.split(',').all(is_method),
            };
        if fine {
            Ok(())
        } else {
            Err(format!("`{value}` is no value for {}: it takes {}", self.name, self.kind.expected()))
        }
    }
}

impl Kind {
    /// What it takes, in words.
    pub fn expected(self) -> String {
        match self {
            Kind::Text | Kind::Secret => "a text".to_owned(),
            Kind::Switch => "true or false".to_owned(),
            Kind::Number(least, most) => format!("a whole number from {least} to {most}"),
            Kind::Address => "an address and a port, such as 127.0.0.1:8041".to_owned(),
            Kind::Span => "a length of time, such as 90 or 1 hour".to_owned(),
            Kind::Word(words) => format!("one of {}", words.join(", ")),
            Kind::List => "texts with commas between them".to_owned(),
            Kind::Methods => "aggregation methods with commas between them".to_owned(),
        }
    }
}

/// Whether this may stand in a policy's list of methods.
fn is_method(name: &str) -> bool {
    let name = name.trim();
    name == "*" || name.trim_start_matches(['+', '-']).parse::<AggregationMethod>().is_ok()
}

/// What a word says that is yes or no.
pub fn switch(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "1" | "true" | "yes" | "on" => Some(true),
        "0" | "false" | "no" | "off" => Some(false),
        _ => None,
    }
}
