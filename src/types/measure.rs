//! One measure: what was measured, and when.

/// A value at a point in time, as it was pushed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Measure {
    /// Nanoseconds since the Unix epoch, not negative.
    pub timestamp: i64,
    /// The value; NaN and infinities are values too.
    pub value: f64,
}

impl Measure {
    /// A measure of `value` at `timestamp` ns since the epoch.
    ///
    /// ```
    /// let measure = gnocchetti::Measure::new(1_000_000_000, 21.5);
    /// assert_eq!(measure.timestamp, 1_000_000_000);
    /// ```
    pub const fn new(timestamp: i64, value: f64) -> Self {
        Measure { timestamp, value }
    }
}
