//! How it is found out who asks, as the server was told to: by name, by password, or by what others vouch for.
//!
//! It is asked once for each request, before the body is read, and may take its time without holding a thread. Somebody
//! who is not known is no error here: what everybody may see needs no name.

use std::sync::Arc;

use axum::http::{HeaderMap, HeaderValue, StatusCode};
use parking_lot::RwLock;

use super::access::{User, credentials};
use super::checks::Found;
use super::htpasswd::Users;
use super::keystone::Keystone;
use super::options::{Auth, ServerOptions, Source};

/// Who is let in, and how he is known.
#[derive(Debug)]
pub(super) enum Door {
    /// By a name that nobody vouches for, or a proxy does.
    Named(Auth),
    /// By name and password.
    Passwords { file: Source<String>, users: RwLock<Arc<Users>> },
    /// By a token that Keystone knows.
    Tokens(Box<Keystone>),
}

impl Door {
    /// As the options say.
    pub(super) fn of(options: &ServerOptions) -> std::io::Result<Self> {
        let invalid = |reason: String| std::io::Error::new(std::io::ErrorKind::InvalidInput, reason);
        if let Some(keystone) = &options.keystone {
            if options.htpasswd.is_some() {
                return Err(invalid("users have passwords here or tokens of Keystone, not both".to_owned()));
            }
            return Ok(Door::Tokens(Box::new(Keystone::of(keystone).map_err(invalid)?)));
        }
        let Some(file) = &options.htpasswd else { return Ok(Door::Named(options.auth)) };
        if options.auth != Auth::Basic {
            let reason =
                "passwords are asked for in basic authentication only: leave out the file of them, or the other mode";
            return Err(invalid(reason.to_owned()));
        }
        let users = RwLock::new(Arc::new(read(file)?));
        Ok(Door::Passwords { file: file.clone(), users })
    }

    /// Whether somebody has to prove who he is, by something that must not be overheard.
    pub(super) fn asks_for_secrets(&self) -> bool {
        match self {
            Door::Named(_) => false,
            Door::Passwords { .. } | Door::Tokens(_) => true,
        }
    }

    /// Reads anew what there is to read; what cannot be used changes nothing.
    pub(super) fn reload(&self) -> std::io::Result<()> {
        match self {
            Door::Named(_) | Door::Tokens(_) => {}
            Door::Passwords { file, users } => {
                let read = Arc::new(read(file)?);
                *users.write() = read;
            }
        }
        Ok(())
    }

    /// What somebody is told who has to prove who he is.
    pub(super) fn challenge(&self) -> HeaderValue {
        match self {
            Door::Named(_) | Door::Passwords { .. } => HeaderValue::from_static("Basic realm=\"gnocchi\""),
            Door::Tokens(keystone) => keystone.challenge().clone(),
        }
    }

    /// Who asks, or the status that he is answered who has to be known.
    pub(super) async fn who(&self, headers: &HeaderMap) -> Result<User, StatusCode> {
        match self {
            Door::Named(auth) => User::of(headers, *auth).ok_or(StatusCode::UNAUTHORIZED),
            Door::Tokens(keystone) => keystone.who(headers).await,
            Door::Passwords { users, .. } => {
                let (name, password) = credentials(headers).ok_or(StatusCode::UNAUTHORIZED)?;
                let users = Arc::clone(&users.read());
                match users.check(&name, &password).await {
                    Found::Right(()) => Ok(User::named(&name)),
                    Found::Wrong => Err(StatusCode::UNAUTHORIZED),
                    Found::Unknown => Err(StatusCode::SERVICE_UNAVAILABLE),
                }
            }
        }
    }
}

fn read(file: &Source<String>) -> std::io::Result<Users> {
    let refused =
        |why| std::io::Error::new(std::io::ErrorKind::InvalidData, format!("the htpasswd file cannot be taken: {why}"));
    Users::read(&file.read()?).map_err(refused)
}
