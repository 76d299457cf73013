//! An existing `gnocchi.conf`: what of it has a meaning here, what has none, and what asks for something that is not there.
//!
//! The file is an INI file as `oslo.config` reads it: sections, `key = value`, comments behind `#` and `;` at the beginning
//! of a line, and values that go on in indented lines. Storage that is not there is refused, never replaced.

use std::collections::BTreeMap;

use super::options::{Setting, switch};
use super::settings::Read;

/// What stands in a file: section and key, with the last value.
type Entries = BTreeMap<(String, String), String>;

/// Options of `keystone_authtoken`: what they are here, and what stands before their value.
const KEYSTONE: &[(&str, &str, &str)] = &[
    ("keystone-url", "auth_url", ""),
    ("keystone-username", "username", ""),
    ("keystone-password", "password", ""),
    ("keystone-user-domain", "user_domain_name", ""),
    ("keystone-user-domain", "user_domain_id", "id:"),
    ("keystone-project", "project_name", ""),
    ("keystone-project-domain", "project_domain_name", ""),
    ("keystone-project-domain", "project_domain_id", "id:"),
    ("keystone-cafile", "cafile", ""),
    ("keystone-insecure", "insecure", ""),
    ("keystone-timeout", "http_connect_timeout", ""),
];

/// Options whose meaning is here, but not the same word for word.
const TRANSLATED: &[(&str, &str)] =
    &[("storage", "driver"), ("incoming", "driver"), ("indexer", "url"), ("keystone_authtoken", "auth_type")];

/// The options of Gnocchi's file.
pub fn read(text: &str) -> Result<Read, String> {
    let mut entries = entries(text)?;
    check_drivers(&entries)?;
    let mut values = Vec::new();
    let mut take = |section: &str, key: &str| {
        entries.remove(&(section.to_owned(), key.to_owned())).filter(|value| !value.is_empty())
    };
    let mut set = |name: &str, value: Option<String>| {
        values.extend(Setting::named(name).zip(value));
    };
    set("data", take("storage", "file_basepath"));
    set("operation-timeout", take("api", "refresh_timeout"));
    set("operation-timeout", take("api", "operation_timeout"));
    set("default-aggregation-methods", take("archive_policy", "default_aggregation_methods"));
    set("max-limit", take("api", "max_limit"));
    set("cors-origin", take("cors", "allowed_origin"));
    set("proxy-headers", take("api", "enable_proxy_headers_parsing"));
    set("auth", take("api", "auth_mode"));
    set("policy", take("oslo_policy", "policy_file"));
    // Clients are told the one, and this server asks the other, where both are said.
    let public = take("keystone_authtoken", "www_authenticate_uri");
    set("keystone-url", public.clone());
    set("keystone-public-url", public);
    set("keystone-remembered", take("keystone_authtoken", "token_cache_time").map(remembered));
    let mut keystone = |name: &str, key: &str, prefix: &str| {
        let said = take("keystone_authtoken", key);
        set(name, said.map(|value| format!("{prefix}{value}")));
    };
    // Of two keys for one option the later one wins.
    for (name, key, prefix) in KEYSTONE {
        keystone(name, key, prefix);
    }
    set("listen", listen("api", "8041", take("api", "host").as_deref(), take("api", "port").as_deref())?);
    // Without a resource, Gnocchi's statsd does not start.
    if let Some(resource) = take("statsd", "resource_id") {
        let address = listen("statsd", "8125", take("statsd", "host").as_deref(), take("statsd", "port").as_deref())?;
        set("statsd", address.or_else(|| Some("127.0.0.1:8125".to_owned())));
        set("statsd-resource", Some(resource));
        set("statsd-creator", take("statsd", "creator"));
        set("statsd-archive-policy", take("statsd", "archive_policy_name"));
        set("statsd-flush", take("statsd", "flush_delay"));
    }
    // Zero is never.
    set("resource-inactive-after", take("metricd", "metric_inactive_after").filter(|value| value != "0"));
    set("resource-cleanup-after", take("metricd", "resource_cleanup_after").filter(|value| value != "0"));
    let (debug, verbose) = (take("DEFAULT", "debug"), take("DEFAULT", "verbose"));
    set("log-level", log_level(debug.as_deref(), verbose.as_deref()));
    set("log-file", log_file(take("DEFAULT", "log_dir"), take("DEFAULT", "log_file")));
    for (section, key) in TRANSLATED {
        take(section, key);
    }
    let warning = |(section, key): &(String, String)| format!("{section}.{key} has no meaning here and is ignored");
    let warnings = entries.keys().map(warning).collect();
    Ok((values, warnings))
}

/// Refuses storage, an index and users that are not there.
fn check_drivers(entries: &Entries) -> Result<(), String> {
    let said = |section: &str, key: &str| entries.get(&(section.to_owned(), key.to_owned())).map(String::as_str);
    for section in ["storage", "incoming"] {
        if let Some(driver) = said(section, "driver").filter(|driver| !matches!(*driver, "" | "file")) {
            return Err(format!(
                "{section}.driver is {driver}, and measures are kept in files of this machine only: set it to file, \
                 and push measures anew; what is in {driver} is not read"
            ));
        }
    }
    if let Some(url) = said("indexer", "url").filter(|url| !url.is_empty() && !url.starts_with("sqlite:")) {
        let driver = url.split([':', '+']).next().unwrap_or_default();
        return Err(format!(
            "indexer.url asks for {driver}, and the index is SQLite in the database's directory only: set it to \
             sqlite:, and create resources anew; what is in {driver} is not read"
        ));
    }
    if let Some(kind) =
        said("keystone_authtoken", "auth_type").filter(|kind| !matches!(*kind, "" | "password" | "v3password"))
    {
        return Err(format!("keystone_authtoken.auth_type is {kind}, and only password is there"));
    }
    match said("api", "auth_mode") {
        None | Some("" | "basic" | "remoteuser" | "noauth" | "keystone") => Ok(()),
        Some(mode) => {
            Err(format!("api.auth_mode is {mode}, and only basic, remoteuser, noauth and keystone are there"))
        }
    }
}

fn listen(section: &str, usual: &str, host: Option<&str>, port: Option<&str>) -> Result<Option<String>, String> {
    if host.is_none() && port.is_none() {
        return Ok(None);
    }
    let port = port.unwrap_or(usual);
    let host = match host {
        None | Some("localhost") => "127.0.0.1".to_owned(),
        Some(host) if host.contains(':') => format!("[{}]", host.trim_matches(['[', ']'])),
        Some(host) => host.to_owned(),
    };
    let address = format!("{host}:{port}");
    if address.parse::<std::net::SocketAddr>().is_ok() {
        return Ok(Some(address));
    }
    let reason = "which is not an address of digits and a port";
    Err(format!("{section}.host and {section}.port make {address}, {reason}"))
}

/// Below zero nothing is remembered.
fn remembered(seconds: String) -> String {
    if seconds.parse::<i64>().is_ok_and(|seconds| seconds < 0) { "0".to_owned() } else { seconds }
}

fn log_level(debug: Option<&str>, verbose: Option<&str>) -> Option<String> {
    if debug.and_then(switch) == Some(true) {
        return Some("debug".to_owned());
    }
    verbose.and_then(switch).map(|verbose| if verbose { "info" } else { "warn" }.to_owned())
}

fn log_file(folder: Option<String>, file: Option<String>) -> Option<String> {
    match (folder, file) {
        (Some(folder), Some(file)) => Some(format!("{}/{file}", folder.trim_end_matches('/'))),
        (Some(folder), None) => Some(format!("{}/gnocchetti.log", folder.trim_end_matches('/'))),
        (None, file) => file,
    }
}

/// All keys of a file with their values.
fn entries(text: &str) -> Result<Entries, String> {
    let mut entries = Entries::new();
    let mut section = "DEFAULT".to_owned();
    let mut last: Option<(String, String)> = None;
    for (number, line) in text.lines().enumerate() {
        let trimmed = line.trim();
        if trimmed.is_empty() || trimmed.starts_with(['#', ';']) {
            last = last.filter(|_| !trimmed.is_empty());
            continue;
        }
        if let Some(value) =
            last.as_ref().filter(|_| line.starts_with([' ', '\t'])).and_then(|key| entries.get_mut(key))
        {
            value.push_str(trimmed);
            continue;
        }
        if let Some(name) = trimmed.strip_prefix('[') {
            let name = name.strip_suffix(']').filter(|name| !name.trim().is_empty());
            let name = name.ok_or_else(|| format!("line {}: this is no name of a section", number + 1))?;
            name.trim().clone_into(&mut section);
            last = None;
            continue;
        }
        let (key, value) =
            trimmed.split_once(['=', ':']).ok_or_else(|| format!("line {}: there is no `=`", number + 1))?;
        let key = (section.clone(), key.trim().replace('-', "_"));
        entries.insert(key.clone(), unquoted(value.trim()).to_owned());
        last = Some(key);
    }
    Ok(entries)
}

/// A value without the quotes around it.
fn unquoted(value: &str) -> &str {
    let inside = |quote: char| value.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote));
    inside('"').or_else(|| inside('\'')).unwrap_or(value)
}
