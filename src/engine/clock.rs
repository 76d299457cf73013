//! A clock that the caller passes, and how far ahead of it measures may lie.
//!
//! It is asked once for each push, before anything of the push happens, and never again: what was accepted stays accepted,
//! and replay reads no clock. This module must never remember what a clock said, for it may go back.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// The clock, and how far ahead of it a measure may lie.
#[derive(Clone)]
pub(crate) struct Guard {
    clock: Arc<dyn Fn() -> i64 + Send + Sync>,
    ahead: i64,
}

impl Guard {
    /// A guard that asks `clock` for ns since the epoch.
    pub(super) fn new(ahead: Duration, clock: impl Fn() -> i64 + Send + Sync + 'static) -> Self {
        Guard { clock: Arc::new(clock), ahead: i64::try_from(ahead.as_nanos()).unwrap_or(i64::MAX) }
    }

    /// The newest time that is accepted now.
    pub(super) fn limit(&self) -> i64 {
        (self.clock)().saturating_add(self.ahead)
    }
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard").field("ahead", &self.ahead).finish_non_exhaustive()
    }
}
