//! The state of one series, as raw segments store it: 56 bytes, and 16 more while a jump of its clock can be undone.

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
    /// What it was before its clock jumped, while that can be undone.
    pub jump: Option<BeforeJump>,
}

/// What a series was before a batch moved its window by more than one block, as long as the next block has not closed: a clock
/// may have jumped. Nothing is sealed or expires by more than this; deleting what jumped brings the series back to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BeforeJump {
    /// Timestamp of the newest measure, not counting what jumped.
    pub newest: i64,
    /// Groups that end at or before this could no longer change.
    pub sealed_until: i64,
}

impl SeriesState {
    /// The size of one that has not jumped.
    const SIZE: usize = 56;
    /// The size of one that has.
    const JUMPED: usize = 72;

    /// A series that never had a measure.
    pub fn new(policy: u32) -> Self {
        SeriesState { newest: -1, sealed_until: 0, stored_until: 0, sequence: 0, policy, previous: None, jump: None }
    }

    /// What it was before its clock jumped; what it is, when that did not or cannot be undone.
    pub fn before_jump(&self) -> BeforeJump {
        self.jump.unwrap_or(BeforeJump { newest: self.newest, sealed_until: self.sealed_until })
    }

    /// The bytes that segments store: fields in order, little-endian; an absent `previous` has timestamp −1, an absent `jump`
    /// no bytes.
    pub fn to_bytes(self) -> Vec<u8> {
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
        let jump = self.jump.map(|before| [before.newest as u64, before.sealed_until as u64]);
        let mut bytes = Vec::with_capacity(Self::JUMPED);
        for word in words.into_iter().chain(jump.into_iter().flatten()) {
            bytes.extend_from_slice(&word.to_le_bytes());
        }
        bytes
    }

    /// The state that `bytes` stand for; `None` when they cannot be one.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut words = [0_u64; Self::JUMPED / 8];
        if bytes.len() != Self::SIZE && bytes.len() != Self::JUMPED {
            return None;
        }
        for (word, field) in words.iter_mut().zip(bytes.chunks_exact(8)) {
            *word = u64::from_le_bytes(field.try_into().ok()?);
        }
        let [newest, sealed, stored, sequence, policy, before, value, newest_before, sealed_before] = words;
        let jump = BeforeJump { newest: newest_before as i64, sealed_until: sealed_before as i64 };
        let previous = (before as i64 >= 0).then(|| Measure::new(before as i64, f64::from_bits(value)));
        let state = SeriesState {
            newest: newest as i64,
            sealed_until: sealed as i64,
            stored_until: stored as i64,
            sequence,
            policy: u32::try_from(policy).ok()?,
            previous,
            jump: (bytes.len() == Self::JUMPED).then_some(jump),
        };
        state.is_possible().then_some(state)
    }

    /// Whether a series can come to this.
    fn is_possible(&self) -> bool {
        let before = self.before_jump();
        let jumped = self.jump.is_none_or(|before| 0 <= before.newest && before.newest < self.newest);
        let ordered = [0, self.stored_until, before.sealed_until, self.sealed_until].is_sorted();
        self.newest >= -1 && ordered && jumped
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
        assert_eq!(state.to_bytes().len(), 56);
        state.jump = Some(BeforeJump { newest: 8, sealed_until: 7 });
        assert_eq!(SeriesState::from_bytes(&state.to_bytes()), Some(state));
        assert_eq!(state.to_bytes().len(), 72);
    }

    #[test]
    fn impossible_states_are_refused() {
        let state = SeriesState { stored_until: 9, ..SeriesState::new(3) };
        assert_eq!(SeriesState::from_bytes(&state.to_bytes()), None);
        assert_eq!(SeriesState::from_bytes(&[0; 3]), None);
        let state = SeriesState { newest: 9, sealed_until: 8, stored_until: 7, ..SeriesState::new(3) };
        // Not before it, never measured, sealed by less than is stored, and by more than now.
        for (newest, sealed_until) in [(9, 7), (-1, 7), (5, 6), (5, 9)] {
            let state = SeriesState { jump: Some(BeforeJump { newest, sealed_until }), ..state };
            assert_eq!(SeriesState::from_bytes(&state.to_bytes()), None, "{state:?}");
        }
    }
}
