//! Files of secrets: passwords, and the certificate with its key. The server reads them when it begins, and when it is told to.

use std::path::PathBuf;

use gnocchetti::rest::{Certificate, ServerOptions};

use super::settings::Settings;

/// The options of a server, with the secrets that the settings name.
pub fn with(settings: &Settings, mut server: ServerOptions) -> Result<ServerOptions, String> {
    let file = |name: &str| Some(settings.text(name)).filter(|path| !path.is_empty()).map(PathBuf::from);
    if let Some(path) = file("htpasswd") {
        server = server.htpasswd(move || text(&path));
    }
    match (file("tls-cert"), file("tls-key")) {
        (None, None) => Ok(server),
        (Some(chain), Some(key)) => {
            Ok(server.tls(move || Ok(Certificate { chain: text(&chain)?.into(), key: text(&key)?.into() })))
        }
        _ => Err("TLS needs both: --tls-cert and --tls-key".to_owned()),
    }
}

/// What stands in a file, or why not, with its name.
fn text(path: &PathBuf) -> std::io::Result<String> {
    let named = |error: std::io::Error| std::io::Error::new(error.kind(), format!("{}: {error}", path.display()));
    std::fs::read_to_string(path).map_err(named)
}
