//! Group commit: of those who wait for a sync, one does it for all.
//!
//! Whoever needs a sync waits until either somebody else's sync has covered it, or it is the only one syncing. Thus
//! two syncs of one file never overlap, which matters beyond speed: of two that do, the kernel tells a failure to one
//! only. This module must know neither files nor records: `tests/group_commit.rs` takes it as it is and tries every interleaving.

use super::sync::{Condvar, Mutex};

#[derive(Debug, Default)]
pub(super) struct Leadership {
    taken: Mutex<bool>,
    freed: Condvar,
}

/// The right to sync, until dropped.
#[derive(Debug)]
pub(super) struct Leader<'a>(&'a Leadership);

impl Leadership {
    /// Returns once `covered` holds: because another's sync made it so, or by `sync`, which does or says why it cannot. Whoever waits
    /// learns of a failure, too.
    pub(super) fn commit<E>(
        &self,
        covered: impl Fn() -> bool,
        failure: impl Fn() -> Option<E>,
        sync: impl FnOnce() -> Result<(), E>,
    ) -> Result<(), E> {
        match self.lead_unless(|| covered() || failure().is_some()) {
            Some(_leader) => sync(),
            None if covered() => Ok(()),
            None => failure().map_or(Ok(()), Err),
        }
    }

    /// Waits until `done` (then `None`) or until nobody else leads. The leader makes `done` true before it is dropped.
    pub(super) fn lead_unless(&self, done: impl Fn() -> bool) -> Option<Leader<'_>> {
        let mut taken = self.taken.lock();
        loop {
            if done() {
                return None;
            }
            if !*taken {
                *taken = true;
                return Some(Leader(self));
            }
            self.freed.wait(&mut taken);
        }
    }
}

impl Drop for Leader<'_> {
    fn drop(&mut self) {
        *self.0.taken.lock() = false;
        // All, not one: those whose records the sync covered return, and one of the others leads next.
        self.0.freed.notify_all();
    }
}
