//! Secrets, and the files of them: passwords, the certificate with its key, and who this server is in Keystone. The server reads
//! the first two when it begins, and when it is told to.

use std::path::PathBuf;
use std::time::Duration;

use gnocchetti::rest::{Certificate, KeystoneOptions, ServerOptions};

use super::settings::Settings;

/// The options of a server, with the secrets that the settings name.
pub fn with(settings: &Settings, mut server: ServerOptions) -> Result<ServerOptions, String> {
    let file = |name: &str| Some(settings.text(name)).filter(|path| !path.is_empty()).map(PathBuf::from);
    if let Some(path) = file("htpasswd") {
        server = server.htpasswd(move || text(&path));
    }
    if settings.text("auth") == "keystone" {
        server = server.keystone(keystone(settings)?);
    }
    match (file("tls-cert"), file("tls-key")) {
        (None, None) => Ok(server),
        (Some(chain), Some(key)) => {
            Ok(server.tls(move || Ok(Certificate { chain: text(&chain)?.into(), key: text(&key)?.into() })))
        }
        _ => Err("TLS needs both: --tls-cert and --tls-key".to_owned()),
    }
}

fn keystone(settings: &Settings) -> Result<KeystoneOptions, String> {
    let said = |name: &str| settings.text(name).to_owned();
    let seconds = |name: &str| Duration::from_secs(settings.parsed(name).unwrap_or_default());
    let authorities = match settings.text("keystone-cafile") {
        "" => Vec::new(),
        path => text(&path.into()).map_err(|error| error.to_string())?.into(),
    };
    for name in ["keystone-url", "keystone-username", "keystone-password", "keystone-project"] {
        if settings.text(name).is_empty() {
            return Err(format!("nobody says --{name}, which auth keystone needs"));
        }
    }
    let insecure = settings.on("keystone-insecure");
    if insecure {
        tracing::warn!("keystone-insecure: whoever is on the way to Keystone may say who asks here");
    }
    Ok(KeystoneOptions {
        url: said("keystone-url"),
        public_url: Some(said("keystone-public-url")).filter(|url| !url.is_empty()),
        username: said("keystone-username"),
        password: said("keystone-password"),
        user_domain: said("keystone-user-domain"),
        project: said("keystone-project"),
        project_domain: said("keystone-project-domain"),
        authorities,
        insecure,
        timeout: seconds("keystone-timeout"),
        remembered: seconds("keystone-remembered"),
    })
}

/// What stands in a file, or why not, with its name.
fn text(path: &PathBuf) -> std::io::Result<String> {
    let named = |error: std::io::Error| std::io::Error::new(error.kind(), format!("{}: {error}", path.display()));
    std::fs::read_to_string(path).map_err(named)
}
