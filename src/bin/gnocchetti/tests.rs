//! Which source wins, and what files say.

use std::path::Path;

use super::options::SETTINGS;
use super::settings::{Settings, Source};
use super::{command, gnocchi};

fn settings(arguments: &[&str], environment: &[(&str, &str)]) -> Result<Settings, String> {
    let whole = ["gnocchetti", "config"].into_iter().chain(arguments.iter().copied());
    let matches = command().try_get_matches_from(whole).map_err(|error| error.to_string())?;
    let (_, flags) = matches.subcommand().unwrap();
    let said = |name: &str| environment.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
    Settings::of(flags, said)
}

fn file(directory: &Path, name: &str, text: &str) -> String {
    let path = directory.join(name);
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn a_flag_wins_over_the_environment_and_that_over_a_file() {
    let directory = tempfile::tempdir().unwrap();
    let path =
        file(directory.path(), "gnocchetti.toml", "max-limit = 3\noperation-timeout = 4\nlog-level = \"debug\"\n");
    let environment = [("GNOCCHETTI_MAX_LIMIT", "5"), ("GNOCCHETTI_OPERATION_TIMEOUT", "6")];
    let all = settings(&["--config", &path, "--max-limit", "7"], &environment).unwrap();
    assert_eq!(all.value("max-limit"), ("7", &Source::Flag));
    assert_eq!(all.value("operation-timeout"), ("6", &Source::Environment));
    assert_eq!(all.value("log-level"), ("debug", &Source::File(path.clone().into())));
    assert_eq!(all.value("durability"), ("sync", &Source::Default));
    let by_environment = settings(&[], &[("GNOCCHETTI_CONFIG", &path)]).unwrap();
    assert_eq!(by_environment.text("max-limit"), "3");
}

#[test]
fn switches_and_lists() {
    let on = |arguments: &[&str]| settings(arguments, &[]).unwrap().on("default-policies");
    assert!(on(&[]) && on(&["--default-policies"]) && on(&["--default-policies=yes"]));
    assert!(!on(&["--no-default-policies"]) && !on(&["--default-policies=false"]));
    let origins = settings(&["--cors-origin", "http://a", "--cors-origin", "http://b"], &[]).unwrap();
    assert_eq!(origins.list("cors-origin").collect::<Vec<_>>(), ["http://a", "http://b"]);
}

#[test]
fn values_that_an_option_cannot_have_are_refused_with_who_says_so() {
    let refused = |arguments: &[&str], environment: &[(&str, &str)]| settings(arguments, environment).unwrap_err();
    let error = refused(&["--max-limit", "0"], &[]);
    assert_eq!(error, "--max-limit: `0` is no value for max-limit: it takes a whole number from 1 to 1000000000");
    assert!(
        refused(&[], &[("GNOCCHETTI_LISTEN", "here")]).starts_with("environment variable GNOCCHETTI_LISTEN: `here`")
    );
    for wrong in [["--log-level", "loud"], ["--max-future", "soon"], ["--default-aggregation-methods", "mean,middle"]] {
        refused(&wrong, &[]);
    }
    let directory = tempfile::tempdir().unwrap();
    for (text, expected) in
        [("colour = 1", "there is no option `colour`"), ("data = [1]", "a list of something else"), ("x", "TOML")]
    {
        let path = file(directory.path(), "g.toml", text);
        assert!(refused(&["--config", &path], &[]).contains(expected), "{text}");
    }
    let secret =
        refused(&["--config", &file(directory.path(), "g.toml", "max-limit = 3\nkeystone-password = hunter2\n")], &[]);
    assert!(secret.contains("line 2") && !secret.contains("hunter2"), "{secret}");
    assert!(refused(&["--config", "/nowhere/at/all"], &[]).contains("cannot read /nowhere/at/all"));
}

#[test]
fn what_config_prints_is_a_file_that_says_the_same() {
    let directory = tempfile::tempdir().unwrap();
    let arguments =
        ["--data", "a \"b\" \\c", "--proxy-headers", "--max-limit", "9", "--cors-origin", "http://a,http://b"];
    let before = settings(&arguments, &[]).unwrap();
    let shown = before.shown();
    let path = file(directory.path(), "shown.toml", &shown);
    let after = settings(&["--config", &path], &[]).unwrap();
    for setting in SETTINGS {
        assert_eq!(before.text(setting.name), after.text(setting.name), "{}", setting.name);
        assert!(shown.contains(setting.meaning) && shown.contains(&setting.variable()));
        setting.check(setting.default).unwrap();
    }
    // Also the comments are lines of such a file.
    let uncommented = shown.replace("# ", "");
    let all = uncommented.lines().filter(|line| line.contains(" = ")).collect::<Vec<_>>().join("\n");
    settings(&["--config", &file(directory.path(), "all.toml", &all)], &[]).unwrap();
}

#[test]
fn what_of_gnocchis_file_has_a_meaning_is_taken_and_the_rest_is_named() {
    let text = "
[DEFAULT]
debug = true
log-dir = /var/log
coordination_url = redis://localhost
[api]
# a comment
host = ::1
port = 9000
max_limit = 50
operation_timeout = 20
auth_mode = basic
enable_proxy_headers_parsing = True
[archive_policy]
default_aggregation_methods = mean,
    max
[cors]
allowed_origin = 'http://foobar.com'
[indexer]
url = sqlite:////var/lib/gnocchi/index.db
[metricd]
workers = 4
metric_inactive_after = 0
resource_cleanup_after = 3600
[statsd]
resource_id = 07f26121-5777-48ba-8a0b-d70468133dd9
port = 9125
creator = agents
archive_policy_name = low
flush_delay = 2.5
[storage]
driver = file
file_basepath = /var/lib/gnocchi
";
    let (values, warnings) = gnocchi::read(text).unwrap();
    let mut said: Vec<String> = values.iter().map(|(setting, value)| format!("{}={value}", setting.name)).collect();
    said.sort();
    assert_eq!(
        said,
        [
            "auth=basic",
            "cors-origin=http://foobar.com",
            "data=/var/lib/gnocchi",
            "default-aggregation-methods=mean,max",
            "listen=[::1]:9000",
            "log-file=/var/log/gnocchetti.log",
            "log-level=debug",
            "max-limit=50",
            "operation-timeout=20",
            "proxy-headers=True",
            "resource-cleanup-after=3600",
            "statsd-archive-policy=low",
            "statsd-creator=agents",
            "statsd-flush=2.5",
            "statsd-resource=07f26121-5777-48ba-8a0b-d70468133dd9",
            "statsd=127.0.0.1:9125",
        ]
    );
    for (setting, value) in &values {
        setting.check(value).unwrap();
    }
    let ignored = ["DEFAULT.coordination_url", "metricd.workers"]
        .map(|name| format!("{name} has no meaning here and is ignored"));
    assert_eq!(warnings, ignored);
}

#[test]
fn without_a_resource_gnocchis_statsd_does_not_start() {
    let (values, warnings) = gnocchi::read("[statsd]\nhost = 127.0.0.1\nflush_delay = 5").unwrap();
    assert!(values.is_empty());
    let ignored =
        ["statsd.flush_delay", "statsd.host"].map(|name| format!("{name} has no meaning here and is ignored"));
    assert_eq!(warnings, ignored);
    let (values, _) = gnocchi::read("[statsd]\nresource_id = x").unwrap();
    let said: Vec<_> = values.iter().map(|(setting, value)| (setting.name, value.as_str())).collect();
    assert_eq!(said, [("statsd", "127.0.0.1:8125"), ("statsd-resource", "x")]);
}

#[test]
fn storage_and_indexes_that_are_not_there_are_refused() {
    for (text, expected) in [
        ("[storage]\ndriver = ceph", "storage.driver is ceph"),
        ("[storage]\ndriver = s3", "storage.driver is s3"),
        ("[incoming]\ndriver = redis", "incoming.driver is redis"),
        ("[indexer]\nurl = postgresql+psycopg2://gnocchi@db/gnocchi", "indexer.url asks for postgresql"),
        ("[indexer]\nurl = mysql://db", "indexer.url asks for mysql"),
        ("[api]\nauth_mode = kerberos", "api.auth_mode is kerberos"),
        ("[keystone_authtoken]\nauth_type = v3token", "keystone_authtoken.auth_type is v3token"),
        ("[api]\nhost = metrics.example", "api.host and api.port make metrics.example:8041"),
        ("[statsd]\nresource_id = x\nhost = metrics.example", "statsd.host and statsd.port make metrics.example:8125"),
        ("[api\nport = 1", "line 1: this is no name of a section"),
        ("port", "line 1: there is no `=`"),
    ] {
        let error = gnocchi::read(text).unwrap_err();
        assert!(error.starts_with(expected), "{error}");
    }
}

#[test]
fn keystone_of_gnocchis_file_is_taken_and_its_password_is_not_shown() {
    let directory = tempfile::tempdir().unwrap();
    let text = "[api]\nauth_mode = keystone\n[keystone_authtoken]\nwww_authenticate_uri = http://public\nauth_url = http://inner\n\
                password = very secret\nuser_domain_id = default\nauth_type = password\nmemcached_servers = here\n\
                insecure = True\ntoken_cache_time = -1\n";
    let all = settings(&["--config", &file(directory.path(), "gnocchi.conf", text)], &[]).unwrap();
    let names = ["auth", "keystone-url", "keystone-password", "keystone-user-domain", "keystone-project-domain"];
    assert_eq!(names.map(|name| all.text(name)), ["keystone", "http://inner", "very secret", "id:default", "Default"]);
    let names = ["keystone-public-url", "keystone-remembered", "keystone-insecure"];
    assert_eq!(names.map(|name| all.text(name)), ["http://public", "0", "True"]);
    let one = file(directory.path(), "one.conf", "[keystone_authtoken]\nwww_authenticate_uri = http://public\n");
    let one = settings(&["--config", &one], &[]).unwrap();
    assert_eq!((one.text("keystone-url"), one.text("keystone-remembered")), ("http://public", "300"));
    let soon = file(directory.path(), "soon.conf", "[keystone_authtoken]\ntoken_cache_time = soon\n");
    assert!(settings(&["--config", &soon], &[]).unwrap_err().contains("`soon` is no value for keystone-remembered"));
    assert!(all.warnings.iter().any(|warning| warning.contains("keystone_authtoken.memcached_servers")));
    assert!(!all.shown().contains("very secret"));
    settings(&["--config", &file(directory.path(), "shown.toml", &all.shown())], &[]).unwrap();
}
