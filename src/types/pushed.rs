//! What became of pushed measures.

use std::ops::AddAssign;

/// How many measures of a push were accepted, overwrote another one, or came too late.
///
/// ```
/// let mut total = gnocchetti::Pushed { accepted: 10, overwritten: 2, late: 0 };
/// total += gnocchetti::Pushed { accepted: 1, overwritten: 0, late: 3 };
/// assert_eq!((total.accepted, total.late), (11, 3));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pushed {
    /// Measures within the window, those that overwrote another included.
    pub accepted: u64,
    /// Accepted measures at a time that had one already, in the window or earlier in the same push: the last wins.
    pub overwritten: u64,
    /// Measures that were dropped because their block had closed.
    pub late: u64,
}

impl AddAssign for Pushed {
    fn add_assign(&mut self, other: Self) {
        self.accepted += other.accepted;
        self.overwritten += other.overwritten;
        self.late += other.late;
    }
}
