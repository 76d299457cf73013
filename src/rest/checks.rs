//! Whether a secret is right, when finding that out takes time: passwords by a slow hash, tokens by asking another server.
//!
//! What is right is remembered, and answered without waiting for anything. What is wrong is remembered for a moment, apart, so that
//! wrong secrets never take the room of right ones. Of those who ask about one secret at the same time, one has it checked and all
//! get its answer. Few checks are made at a time, and few wait: who comes beyond them is told to come again, so that wrong
//! secrets cannot make a queue grow in which right ones wait.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use super::remembered::{Digest, Remembered};

/// How long a secret is known to be wrong: shorter than anybody takes to change that, longer than a client that tries again
/// and again waits.
const WRONG: Duration = Duration::from_secs(5);

/// What is found out about a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Found<V> {
    /// It is right, and this is known of it.
    Right(V),
    /// It is wrong.
    Wrong,
    /// It cannot be said now: whoever has to say it does not, or too many ask.
    Unknown,
}

/// Who may have a secret checked holds this until that is done, also when nobody waits for the answer any more.
#[derive(Debug)]
pub(super) struct Turn {
    _turn: OwnedSemaphorePermit,
    _place: OwnedSemaphorePermit,
}

/// An answer that somebody waits for, when it is there.
type Answer<V> = Option<Found<V>>;

/// Secrets of one kind.
#[derive(Debug)]
pub(super) struct Checks<V> {
    right: Remembered<V>,
    wrong: Remembered<()>,
    underway: Mutex<HashMap<Digest, watch::Receiver<Answer<V>>>>,
    turns: Arc<Semaphore>,
    places: Arc<Semaphore>,
}

/// The one of those who ask about a secret who has it checked.
struct First<'a, V> {
    checks: &'a Checks<V>,
    digest: Digest,
    tell: watch::Sender<Answer<V>>,
}

impl<V> Drop for First<'_, V> {
    fn drop(&mut self) {
        self.checks.underway.lock().remove(&self.digest);
    }
}

/// How somebody gets an answer.
enum Way<'a, V> {
    Known(Found<V>),
    Wait(watch::Receiver<Answer<V>>),
    Check(First<'a, V>),
}

impl<V: Clone> Checks<V> {
    /// Nothing is known yet; so many checks are made at a time, and so many wait.
    ///
    /// # Errors
    ///
    /// When the system has no random numbers.
    pub(super) fn of(at_a_time: usize, waiting: usize) -> std::io::Result<Self> {
        Ok(Checks {
            right: Remembered::nothing()?,
            wrong: Remembered::nothing()?,
            underway: Mutex::default(),
            turns: Arc::new(Semaphore::new(at_a_time)),
            places: Arc::new(Semaphore::new(at_a_time + waiting)),
        })
    }

    /// What is found out about a secret: by what is remembered, by somebody who is asking already, or by `check`, which also says
    /// how long it is to be remembered.
    pub(super) async fn find<F, C>(&self, secret: &[&str], check: F) -> Found<V>
    where
        F: FnOnce(Turn) -> C,
        C: Future<Output = (Found<V>, Duration)>,
    {
        let first = loop {
            match self.way(secret) {
                Way::Known(found) => return found,
                Way::Check(first) => break first,
                Way::Wait(mut answer) => {
                    let told = answer.wait_for(Option::is_some).await;
                    // Who was to have it checked may have gone away; then the next one does.
                    if let Some(found) = told.ok().and_then(|told| told.clone()) {
                        return found;
                    }
                }
            }
        };
        let (found, span) = match self.turn().await {
            Some(turn) => check(turn).await,
            None => (Found::Unknown, Duration::ZERO),
        };
        match &found {
            Found::Right(value) => self.keep(secret, value.clone(), span),
            Found::Wrong => {
                let now = Instant::now();
                self.wrong.keep(secret, (), now, now + span.min(WRONG));
            }
            Found::Unknown => {}
        }
        first.tell.send_replace(Some(found.clone()));
        found
    }

    /// Remembers from now on that a secret is right.
    pub(super) fn keep(&self, secret: &[&str], value: V, span: Duration) {
        let now = Instant::now();
        self.right.keep(secret, value, now, now + span);
    }

    fn way(&self, secret: &[&str]) -> Way<'_, V> {
        let now = Instant::now();
        if let Some(value) = self.right.of(secret, now) {
            return Way::Known(Found::Right(value));
        }
        let digest = self.right.digest(secret);
        let mut underway = self.underway.lock();
        if let Some(answer) = underway.get(&digest) {
            return Way::Wait(answer.clone());
        }
        // What was found out is remembered before it is no longer under way.
        if let Some(value) = self.right.of(secret, now) {
            return Way::Known(Found::Right(value));
        }
        if self.wrong.of(secret, now).is_some() {
            return Way::Known(Found::Wrong);
        }
        let (tell, answer) = watch::channel(None);
        underway.insert(digest, answer);
        Way::Check(First { checks: self, digest, tell })
    }

    /// Waits for a turn, unless too many do.
    async fn turn(&self) -> Option<Turn> {
        let place = Arc::clone(&self.places).try_acquire_owned().ok()?;
        let turn = Arc::clone(&self.turns).acquire_owned().await.ok()?;
        Some(Turn { _turn: turn, _place: place })
    }
}

#[cfg(test)]
impl<V> Checks<V> {
    /// From now on nothing is checked any more.
    pub(super) fn close(&self) {
        self.turns.close();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::sync::Notify;
    use tokio::task::yield_now;

    use super::*;

    const LONG: Duration = Duration::from_secs(100);

    /// Checks that end when they are told to.
    struct Slow {
        checks: Checks<u32>,
        made: AtomicUsize,
        end: Notify,
    }

    impl Slow {
        fn of(at_a_time: usize, waiting: usize) -> Arc<Self> {
            let checks = Checks::of(at_a_time, waiting).unwrap();
            Arc::new(Slow { checks, made: AtomicUsize::new(0), end: Notify::new() })
        }

        async fn find(self: Arc<Self>, secret: &'static str, found: Found<u32>) -> Found<u32> {
            let check = async |turn| {
                self.made.fetch_add(1, Ordering::Relaxed);
                self.end.notified().await;
                drop::<Turn>(turn);
                (found, LONG)
            };
            self.checks.find(&[secret], check).await
        }
    }

    async fn settle() {
        for _ in 0..20 {
            yield_now().await;
        }
    }

    #[tokio::test]
    async fn one_check_is_for_all_who_ask_at_the_same_time() {
        let slow = Slow::of(2, 0);
        let ask = |secret, found: &Found<u32>| tokio::spawn(Arc::clone(&slow).find(secret, found.clone()));
        let (right, wrong) = (Found::Right(7), Found::Wrong);
        let asked: Vec<_> = (0..100).map(|n| if n % 2 == 0 { ask("a", &right) } else { ask("b", &wrong) }).collect();
        settle().await;
        assert_eq!(slow.made.load(Ordering::Relaxed), 2);
        slow.end.notify_waiters();
        for (number, found) in asked.into_iter().enumerate() {
            assert_eq!(found.await.unwrap(), if number % 2 == 0 { Found::Right(7) } else { Found::Wrong });
        }
        assert!(slow.checks.underway.lock().is_empty());
        for (secret, found) in [("a", right), ("b", wrong)] {
            assert_eq!(Arc::clone(&slow).find(secret, Found::Unknown).await, found, "it is remembered");
        }
    }

    #[tokio::test]
    async fn who_is_known_never_waits_and_the_queue_has_an_end() {
        let slow = Slow::of(2, 3);
        slow.checks.keep(&["known"], 1, LONG);
        let secrets = ["a", "b", "c", "d", "e"];
        let asked = secrets.map(|secret| tokio::spawn(Arc::clone(&slow).find(secret, Found::Wrong)));
        settle().await;
        assert_eq!(slow.made.load(Ordering::Relaxed), 2, "at a time");
        assert_eq!(Arc::clone(&slow).find("f", Found::Right(2)).await, Found::Unknown, "it is told to come again");
        assert_eq!(Arc::clone(&slow).find("known", Found::Unknown).await, Found::Right(1));
        while !asked.iter().all(tokio::task::JoinHandle::is_finished) {
            slow.end.notify_waiters();
            settle().await;
        }
        let again = tokio::spawn(Arc::clone(&slow).find("f", Found::Right(2)));
        settle().await;
        slow.end.notify_waiters();
        assert_eq!(again.await.unwrap(), Found::Right(2));
    }

    #[tokio::test]
    async fn when_the_first_goes_away_the_next_one_asks() {
        let slow = Slow::of(1, 0);
        let first = tokio::spawn(Arc::clone(&slow).find("a", Found::Right(1)));
        settle().await;
        let next = tokio::spawn(Arc::clone(&slow).find("a", Found::Right(2)));
        settle().await;
        first.abort();
        settle().await;
        slow.end.notify_waiters();
        assert_eq!(next.await.unwrap(), Found::Right(2));
        assert_eq!(slow.made.load(Ordering::Relaxed), 2);
    }

    #[tokio::test]
    async fn what_is_not_to_be_remembered_is_asked_each_time() {
        let checks = Checks::of(1, 0).unwrap();
        for found in [Found::Right(1), Found::Wrong, Found::Right(2)] {
            assert_eq!(checks.find(&["a"], async |_| (found.clone(), Duration::ZERO)).await, found);
        }
    }
}
