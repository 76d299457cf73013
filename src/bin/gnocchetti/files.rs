//! How many files the process may have open: as many as the system lets it, and enough for connections and the database.
//!
//! A database that cannot open a file when it needs one refuses all that comes after. So connections never take the files that it
//! needs: they are fewer then, or, when somebody said how many there are to be, the server does not start.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::settings::{Settings, Source};

/// How many files the database, its index, the log, datagrams and questions to Keystone have, with much to spare.
const OWN: u64 = 512;

/// Raises the limit as far as goes; how many connections there can be at a time.
pub fn connections(settings: &Settings) -> Result<usize, String> {
    let (said, source) = settings.value("max-connections");
    let wanted: u64 = said.parse().unwrap_or(1);
    let limit = raised();
    let room = room(wanted, limit, *source == Source::Default)?;
    if room < wanted {
        tracing::warn!(
            limit,
            needed = wanted + OWN,
            connections = room,
            "fewer connections than max-connections: the process may not have so many files (ulimit -Hn)"
        );
    }
    Ok(usize::try_from(room).unwrap_or(usize::MAX))
}

/// The limit as it is when it was raised as far as the system lets this process.
fn raised() -> u64 {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current != maximum && setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).is_err() {
        return current.unwrap_or(u64::MAX);
    }
    maximum.unwrap_or(u64::MAX)
}

/// How many connections there is room for, by a limit: all, or fewer where that is `negotiable`.
fn room(wanted: u64, limit: u64, negotiable: bool) -> Result<u64, String> {
    let room = limit.saturating_sub(OWN);
    if room >= wanted {
        return Ok(wanted);
    }
    if negotiable && room > 0 {
        return Ok(room);
    }
    let needed = wanted.saturating_add(OWN);
    Err(format!(
        "max-connections is {wanted}, for which {needed} files are needed, {OWN} of them for the database, and this process may have \
         {limit} (ulimit -Hn): raise that, or lower max-connections; {room} would do"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_the_database_its_files() {
        assert_eq!(room(1024, 1024 + OWN, false), Ok(1024));
        assert_eq!(room(1024, u64::MAX, false), Ok(1024));
        assert_eq!(room(1024, 1024, true), Ok(1024 - OWN));
        let refused = room(1024, 1024, false).unwrap_err();
        assert!(refused.contains("1536 files") && refused.contains("may have 1024"), "{refused}");
        assert!(refused.contains("512 would do"), "{refused}");
        room(1, OWN, true).unwrap_err();
    }
}
