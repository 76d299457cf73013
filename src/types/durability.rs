//! When an accepted measure survives which failure.

use std::time::Duration;

/// How durable a measure is when the call that pushed it returns. The caller's choice, per database.
///
/// | | the process dies | the kernel stops, the power goes | what a push waits for |
/// |---|---|---|---|
/// | `Sync` | nothing is lost | nothing is lost | the disk; concurrent pushes share one sync |
/// | `Kernel(d)` | nothing is lost | at most the last `d` | one write to the page cache |
/// | `Buffered(d)` | at most the last `d` | at most the last `d` | memory |
///
/// `d` counts from when a push returned to when the sync that carries it begins; a sync takes as long as the disk
/// needs. What is lost is always the newest: never a push without all those after it, never a part of one. `flush()`
/// makes everything durable at once, whatever the choice. "Nothing is lost" presumes a disk that keeps what it says it
/// keeps.
///
/// ```
/// use std::time::Duration;
/// use gnocchetti::Durability;
///
/// assert_eq!(Durability::default(), Durability::Sync);
/// assert_eq!(Durability::Kernel(Duration::from_secs(1)).interval(), Some(Duration::from_secs(1)));
/// assert_eq!(Durability::Sync.interval(), None);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Durability {
    /// When a push returns, its measures are on the disk.
    #[default]
    Sync,
    /// When a push returns, its measures are with the kernel; at most so much later they are on the disk.
    Kernel(Duration),
    /// When a push returns, its measures are in the process's memory; at most so much later they are on the disk.
    Buffered(Duration),
}

impl Durability {
    /// The longest that an accepted measure stays without a sync; `None` when no push returns before its own.
    pub fn interval(self) -> Option<Duration> {
        match self {
            Durability::Sync => None,
            Durability::Kernel(interval) | Durability::Buffered(interval) => Some(interval),
        }
    }
}
