//! What the group commit waits with. A name of its own, so that a test can put primitives in its place that try every interleaving
//! (`tests/group_commit.rs`); nothing else belongs here.

pub(super) use parking_lot::{Condvar, Mutex};
