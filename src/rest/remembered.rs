//! What was found out about a secret, for a while: that a password is right, whom a token belongs to.
//!
//! Neither passwords nor tokens are kept: an entry is found by a keyed hash of them, whose key is made anew with every table
//! and never leaves it. So nobody can choose what two secrets have in common there, and how long a look takes says
//! nothing about them. A table has a greatest size, and each entry an end.

use std::collections::HashMap;
use std::time::Instant;

use parking_lot::Mutex;
use ring::hmac;
use ring::rand::SystemRandom;

/// How many secrets a table remembers at most.
const MOST: usize = 4096;

/// A keyed hash of a secret.
pub(super) type Digest = [u8; 32];

/// What is known of secrets.
pub(super) struct Remembered<V> {
    key: hmac::Key,
    entries: Mutex<HashMap<Digest, (Instant, V)>>,
}

impl<V> std::fmt::Debug for Remembered<V> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Remembered").field("entries", &self.entries.lock().len()).finish_non_exhaustive()
    }
}

impl<V: Clone> Remembered<V> {
    /// Nothing yet.
    ///
    /// # Errors
    ///
    /// When the system has no random numbers.
    pub(super) fn nothing() -> std::io::Result<Self> {
        let key = hmac::Key::generate(hmac::HMAC_SHA256, &SystemRandom::new());
        let key = key.map_err(|_| std::io::Error::other("the system gives no random numbers"))?;
        Ok(Remembered { key, entries: Mutex::new(HashMap::new()) })
    }

    /// What is known of this secret at this time.
    pub(super) fn of(&self, secret: &[&str], now: Instant) -> Option<V> {
        let digest = self.digest(secret);
        let entries = self.entries.lock();
        entries.get(&digest).filter(|(end, _)| *end > now).map(|(_, value)| value.clone())
    }

    /// Remembers this of a secret until `end`. A full table forgets what has ended, or else what would end first.
    pub(super) fn keep(&self, secret: &[&str], value: V, now: Instant, end: Instant) {
        let digest = self.digest(secret);
        let mut entries = self.entries.lock();
        let is_new = !entries.contains_key(&digest);
        if is_new && entries.len() >= MOST {
            entries.retain(|_, (end, _)| *end > now);
        }
        if is_new && entries.len() >= MOST {
            let first = entries.iter().min_by_key(|(_, (end, _))| *end).map(|(digest, _)| *digest);
            first.map(|digest| entries.remove(&digest));
        }
        entries.insert(digest, (end, value));
    }

    /// What a secret is called here: each part with its length, so that no two secrets are the same bytes.
    pub(super) fn digest(&self, secret: &[&str]) -> Digest {
        let mut context = hmac::Context::with_key(&self.key);
        for part in secret {
            context.update(&(part.len() as u64).to_le_bytes());
            context.update(part.as_bytes());
        }
        let mut digest = Digest::default();
        digest.copy_from_slice(context.sign().as_ref());
        digest
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn secrets_are_known_until_their_end() {
        let table = Remembered::nothing().unwrap();
        let now = Instant::now();
        let end = now + Duration::from_secs(5);
        table.keep(&["alice", "secret"], 7, now, end);
        assert_eq!(table.of(&["alice", "secret"], now), Some(7));
        assert_eq!(table.of(&["alice", "secret"], end), None);
        for other in [&["alices", "ecret"][..], &["alice"], &["alice", "secret", ""], &["alice", "Secret"]] {
            assert_eq!(table.of(other, now), None, "{other:?}");
        }
    }

    #[test]
    fn a_full_table_forgets_what_ends_first() {
        let table = Remembered::nothing().unwrap();
        let now = Instant::now();
        for number in 0..=MOST as u64 {
            table.keep(&[&number.to_string()], number, now, now + Duration::from_secs(number + 1));
        }
        assert_eq!(table.entries.lock().len(), MOST);
        assert_eq!((table.of(&["0"], now), table.of(&["1"], now)), (None, Some(1)));
        table.keep(&["1"], 1, now, now + Duration::from_secs(2));
        assert_eq!(table.entries.lock().len(), MOST, "what is there already takes nobody's place");
        let later = now + Duration::from_secs(100);
        table.keep(&["one more"], 0, later, later + Duration::from_secs(1));
        assert_eq!(table.entries.lock().len(), MOST - 98, "what had ended is gone");
    }
}
