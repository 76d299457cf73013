//! What an answer does about damage that it meets: it fails, or it goes on without and says what it left out.
//!
//! To leave out what cannot be read is not enough: an aggregate of which some measures cannot be read would be wrong. So
//! whoever skips a stretch of raw measures leaves out every group that reaches into it, and every group of points that is
//! resampled from one that is missing.

use std::path::Path;

use crate::error::{Corruption, Error, Result};

/// What becomes of damage that an answer meets.
#[derive(Debug, Default)]
pub struct Tolerance {
    skips: bool,
    skipped: Vec<Corruption>,
    /// Of which starts of groups there may be points that are missing.
    missing: Holes,
}

impl Tolerance {
    /// The first damage is the answer's error.
    pub fn none() -> Self {
        Tolerance::default()
    }

    /// The answer goes on without what is damaged.
    pub fn skipping() -> Self {
        Tolerance { skips: true, ..Tolerance::default() }
    }

    /// Whether an answer may go on behind damage.
    pub fn skips(&self) -> bool {
        self.skips
    }

    /// What was left out.
    pub fn into_skipped(self) -> Vec<Corruption> {
        self.skipped
    }

    /// What was left out, and of which stretches of time, both ends inside, points may be missing for it.
    pub fn into_parts(self) -> (Vec<Corruption>, Vec<(i64, i64)>) {
        (self.skipped, self.missing.0)
    }

    /// That nothing can be said: all points may be missing.
    pub fn miss_all(&mut self) {
        self.miss(i64::MIN, i64::MAX);
    }

    /// Whether points of groups that start in `first..=last` may be missing.
    pub(super) fn misses(&self, first: i64, last: i64) -> bool {
        self.missing.touch(first, last)
    }

    /// Says that points of groups that start in `first..=last` may be missing.
    pub(super) fn miss(&mut self, first: i64, last: i64) {
        self.missing.add(first, last);
    }

    /// Goes on without what `error` says is damaged.
    ///
    /// # Errors
    ///
    /// The error, where it is to fail, or where something else than damage is the reason.
    pub fn take(&mut self, error: Error) -> Result<()> {
        if !self.skips {
            return Err(error);
        }
        let corruption = damage(error)?;
        if !self.skipped.contains(&corruption) {
            self.skipped.push(corruption);
        }
        Ok(())
    }
}

/// What an error says of damage: bytes that are not what was written, or that the medium does not give back.
///
/// # Errors
///
/// The error, when it is none of damage. (A file that is gone was superseded, which a reader must be told.)
pub fn damage(error: Error) -> Result<Corruption> {
    match error {
        Error::Corrupt(corruption) => Ok(*corruption),
        Error::Io { operation: "read", path, source } if source.kind() != std::io::ErrorKind::NotFound => {
            Ok(Corruption::new(&path as &Path, 0, format!("it cannot be read: {source}")))
        }
        error => Err(error),
    }
}

/// Stretches of time, both ends inside, that are not known.
#[derive(Debug, Default, Clone)]
pub(super) struct Holes(Vec<(i64, i64)>);

impl Holes {
    pub(super) fn add(&mut self, first: i64, last: i64) {
        self.0.push((first, last));
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (i64, i64)> + '_ {
        self.0.iter().copied()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Lets every hole reach to the next of these ascending times: what is counted from the measure before is not known for
    /// the first one behind a hole either.
    pub(super) fn reach_to_next(&mut self, timestamps: &[i64]) {
        for (_, last) in &mut self.0 {
            let next = timestamps.partition_point(|timestamp| *timestamp <= *last);
            *last = timestamps.get(next).copied().unwrap_or(*last);
        }
    }

    /// Whether any reaches into `first..=last`.
    pub(super) fn touch(&self, first: i64, last: i64) -> bool {
        self.0.iter().any(|hole| hole.0 <= last && hole.1 >= first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_damage_is_never_skipped() {
        let gone = || Error::io("read", Path::new("f"), std::io::ErrorKind::NotFound.into());
        let broken = || Error::io("read", Path::new("f"), std::io::Error::from_raw_os_error(libc::EIO));
        let mut tolerance = Tolerance::skipping();
        assert!(tolerance.take(gone()).is_err());
        assert!(tolerance.take(Error::Closed).is_err());
        tolerance.take(broken()).unwrap();
        tolerance.take(Corruption::new("f", 3, "x").into()).unwrap();
        tolerance.take(Corruption::new("f", 3, "x").into()).unwrap();
        assert_eq!(tolerance.into_skipped().len(), 2);
        assert!(Tolerance::none().take(Corruption::new("f", 3, "x").into()).is_err());
    }

    #[test]
    fn a_hole_reaches_to_the_next_measure_where_differences_are_asked_for() {
        let mut holes = Holes::default();
        holes.add(10, 20);
        assert!(holes.touch(20, 25) && holes.touch(0, 10) && !holes.touch(21, 30) && !holes.touch(0, 9));
        holes.reach_to_next(&[5, 40, 50]);
        assert!(holes.touch(40, 44) && !holes.touch(41, 44));
    }
}
