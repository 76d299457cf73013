//! The fixed-size state of one series, as raw segments store it.

use serde::{Deserialize, Serialize};

use super::Measure;

/// What must be known of a series to go on accepting measures: everything but its window.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SeriesState {
    /// Timestamp of the newest accepted measure; negative when there was none.
    pub newest: i64,
    /// Groups that end at or before this can no longer change.
    pub sealed_until: i64,
    /// Groups that end at or before this have their aggregates in segments.
    pub stored_until: i64,
    /// The journal's sequence number last applied to the series.
    pub sequence: u64,
    /// The archive policy's number in the index.
    pub policy: u32,
    /// The measure just before the window, which `rate:` needs.
    pub previous: Option<Measure>,
}

/// What a series was before a batch moved its window by more than one block, as long as the next block has not closed: a clock
/// may have jumped. Nothing is sealed or expires by more than this; deleting what jumped brings the series back to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct BeforeJump {
    /// Timestamp of the newest measure, not counting what jumped.
    pub newest: i64,
    /// Groups that end at or before this could no longer change.
    pub sealed_until: i64,
}

impl BeforeJump {
    /// What a series is that has not jumped.
    pub fn of(state: &SeriesState) -> Self {
        BeforeJump { newest: state.newest, sealed_until: state.sealed_until }
    }
}

impl SeriesState {
    /// The size of [`to_bytes`](Self::to_bytes).
    pub const SIZE: usize = 56;

    /// A series that never had a measure.
    pub fn new(policy: u32) -> Self {
        SeriesState { newest: -1, sealed_until: 0, stored_until: 0, sequence: 0, policy, previous: None }
    }

    /// The bytes that segments store: fields in order, little-endian; an absent `previous` has timestamp −1.
    pub fn to_bytes(self) -> [u8; Self::SIZE] {
        let previous = self.previous.unwrap_or(Measure::new(-1, 0.0));
        let words = [
            self.newest as u64,
            self.sealed_until as u64,
            self.stored_until as u64,
            self.sequence,
            u64::from(self.policy),
            previous.timestamp as u64,
            previous.value.to_bits(),
        ];
        let mut bytes = [0; Self::SIZE];
        for (field, word) in bytes.chunks_exact_mut(8).zip(words) {
            field.copy_from_slice(&word.to_le_bytes());
        }
        bytes
    }

    /// The state that `bytes` stand for; `None` when they cannot be one.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut words = [0_u64; Self::SIZE / 8];
        if bytes.len() != Self::SIZE {
            return None;
        }
        for (word, field) in words.iter_mut().zip(bytes.chunks_exact(8)) {
            *word = u64::from_le_bytes(field.try_into().ok()?);
        }
        let [newest, sealed, stored, sequence, policy, before, value] = words;
        let previous = (before as i64 >= 0).then(|| Measure::new(before as i64, f64::from_bits(value)));
        let state = SeriesState {
            newest: newest as i64,
            sealed_until: sealed as i64,
            stored_until: stored as i64,
            sequence,
            policy: u32::try_from(policy).ok()?,
            previous,
        };
        (state.newest >= -1 && 0 <= state.stored_until && state.stored_until <= state.sealed_until).then_some(state)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_comes_back_from_its_bytes() {
        let mut state = SeriesState::new(3);
        assert_eq!(SeriesState::from_bytes(&state.to_bytes()), Some(state));
        state = SeriesState { newest: 9, sealed_until: 8, stored_until: 7, sequence: u64::MAX, ..state };
        state.previous = Some(Measure::new(0, f64::NEG_INFINITY));
        assert_eq!(SeriesState::from_bytes(&state.to_bytes()), Some(state));
    }

    #[test]
    fn impossible_states_are_refused() {
        let state = SeriesState { stored_until: 9, ..SeriesState::new(3) };
        assert_eq!(SeriesState::from_bytes(&state.to_bytes()), None);
        assert_eq!(SeriesState::from_bytes(&[0; 3]), None);
    }
}
