//! Users with passwords, from a file of lines `name:hash` as `htpasswd -B` writes it.
//!
//! Hashes are bcrypt's, which are slow on purpose: a password that was right is remembered while it is used, and others are
//! looked at on threads that may block, few at a time. A name that is not there takes as long as one that is. A hash that
//! cannot be checked is refused when the file is read, and no message shows one.

use std::collections::HashMap;
use std::time::Duration;

use bcrypt::HashParts;

use super::checks::{Checks, Found};

/// How long a password is known to be right after it was last used; a file that is read again ends that at once.
const REMEMBERED: Duration = Duration::from_secs(300);

/// How many passwords are checked at a time: wrong ones must not take all processors.
const AT_A_TIME: usize = 2;

/// How many passwords wait to be checked: some seconds' work by the usual costs.
const WAITING: usize = 32;

/// The greatest cost of a hash. Each step doubles the time of a check; this one takes seconds.
const GREATEST_COST: u32 = 16;

/// The users of a file.
#[derive(Debug)]
pub(super) struct Users {
    hashes: HashMap<String, String>,
    /// The most costly hash: what is compared with the passwords of users who are not there.
    costliest: String,
    checks: Checks<()>,
}

impl Users {
    /// The users of a file with this text; empty lines and those that begin with `#` say nothing.
    ///
    /// # Errors
    ///
    /// What is wrong, and on which line.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let mut hashes = HashMap::new();
        let mut costliest = (0, String::new());
        for (number, line) in text.lines().enumerate() {
            let line = line.trim_end();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (name, hash, cost) = entry(line).map_err(|why| format!("line {}: {why}", number + 1))?;
            if cost > costliest.0 {
                costliest = (cost, hash.to_owned());
            }
            if hashes.insert(name.to_owned(), hash.to_owned()).is_some() {
                return Err(format!("line {}: the user `{name}` is there twice", number + 1));
            }
        }
        if hashes.is_empty() {
            return Err("there is no user in it".to_owned());
        }
        let checks = Checks::of(AT_A_TIME, WAITING).map_err(|error| error.to_string())?;
        Ok(Users { hashes, costliest: costliest.1, checks })
    }

    /// Whether this is the password of this user; unknown when too many passwords wait to be checked.
    pub(super) async fn check(&self, name: &str, password: &str) -> Found<()> {
        let secret = [name, password];
        let found = self.checks.find(&secret, async |turn| {
            let there = self.hashes.get(name);
            let (hash, given) = (there.unwrap_or(&self.costliest).clone(), password.to_owned());
            let compared = tokio::task::spawn_blocking(move || {
                let _turn = turn;
                bcrypt::verify(given, &hash).unwrap_or(false)
            });
            let right = compared.await.unwrap_or(false) && there.is_some();
            (if right { Found::Right(()) } else { Found::Wrong }, REMEMBERED)
        });
        let found = found.await;
        if let Found::Right(()) = found {
            self.checks.keep(&secret, (), REMEMBERED);
        }
        found
    }
}

/// Name, hash and the hash's cost.
fn entry(line: &str) -> Result<(&str, &str, u32), String> {
    let (name, hash) = line.split_once(':').ok_or("there is no `:` behind a user's name")?;
    if name.is_empty() {
        return Err("there is no user's name before the `:`".to_owned());
    }
    if !["$2a$", "$2b$", "$2y$"].iter().any(|form| hash.starts_with(form)) {
        return Err(format!(
            "the hash of `{name}` is not one of bcrypt ($2a$, $2b$ or $2y$); `htpasswd -B` makes them"
        ));
    }
    let parts = hash.parse::<HashParts>().map_err(|_| format!("the hash of `{name}` is damaged"))?;
    match parts.get_cost() {
        cost @ 4..=GREATEST_COST => Ok((name, hash, cost)),
        cost => Err(format!("the hash of `{name}` has the cost {cost}; it must be from 4 to {GREATEST_COST}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn users(entries: &[(&str, &str)]) -> Users {
        let line = |(name, password): &(&str, &str)| format!("{name}:{}\n", bcrypt::hash(password, 4).unwrap());
        Users::read(&entries.iter().map(line).collect::<String>()).unwrap()
    }

    fn run<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
    }

    #[test]
    fn passwords_are_compared() {
        let users = users(&[("alice", "secret"), ("bob", "pässword:with a colon")]);
        run(async {
            for (name, password) in [("alice", "secret"), ("alice", "secret"), ("bob", "pässword:with a colon")] {
                assert_eq!(users.check(name, password).await, Found::Right(()), "{name} {password}");
            }
            for (name, password) in
                [("alice", ""), ("alice", "Secret"), ("bob", "secret"), ("carol", "secret"), ("", "")]
            {
                assert_eq!(users.check(name, password).await, Found::Wrong, "{name} {password}");
            }
        });
    }

    #[test]
    fn a_password_is_compared_once() {
        let users = users(&[("alice", "secret")]);
        run(async {
            assert_eq!(users.check("alice", "secret").await, Found::Right(()));
            assert_eq!(users.check("alice", "other").await, Found::Wrong);
            users.checks.close();
            assert_eq!(users.check("alice", "secret").await, Found::Right(()), "it is remembered");
            assert_eq!(users.check("alice", "other").await, Found::Wrong, "for a moment");
            assert_eq!(users.check("alice", "a third").await, Found::Unknown);
        });
    }

    #[test]
    fn somebody_who_is_not_there_is_compared_with_the_costliest_hash() {
        let hashes = [4, 6, 5].map(|cost| bcrypt::hash("secret", cost).unwrap());
        let text = format!("# three\n\na:{}\nb:{}\nc:{}\n", hashes[0], hashes[1], hashes[2]);
        let users = Users::read(&text).unwrap();
        assert_eq!(users.costliest, hashes[1]);
        assert_eq!(run(users.check("nobody", "secret")), Found::Wrong, "though the password is that of the hash");
    }

    #[test]
    fn what_cannot_be_checked_is_refused_with_the_line_and_without_the_hash() {
        let good = bcrypt::hash("secret", 4).unwrap();
        for (line, why) in [
            ("bob", "there is no `:`"),
            (":x", "there is no user's name"),
            ("bob:$apr1$abc$defghi", "is not one of bcrypt"),
            ("bob:{SHA}abcdefghi", "is not one of bcrypt"),
            ("bob:plain-secret", "is not one of bcrypt"),
            ("bob:$2x$04$abcdefghi", "is not one of bcrypt"),
            ("bob:$2y$04$short", "is damaged"),
            (&format!("bob:{}", good.replace("$04$", "$31$")), "has the cost 31"),
            (&format!("alice:{good}"), "the user `alice` is there twice"),
        ] {
            let error = Users::read(&format!("alice:{good}\n{line}\n")).unwrap_err();
            assert!(error.starts_with("line 2: ") && error.contains(why), "{error}");
            assert!(!error.contains("secret") && !error.contains("defghi"), "{error}");
        }
        assert_eq!(Users::read("# nobody\n").unwrap_err(), "there is no user in it");
    }
}
