//! What the journal's records say. `docs/format/journal.md` shows their bytes.

use crate::engine::manifest::PolicyRecord;

/// A push: an encoded batch of measures.
pub(super) const MEASURES: u8 = 1;
/// A policy was created or changed: a [`PolicyRecord`] as JSON.
pub(super) const POLICY: u8 = 2;
/// A metric was deleted: its key, 8 bytes.
pub(super) const DELETE_METRIC: u8 = 3;

/// The body of a [`POLICY`] record.
pub(super) fn policy_body(record: &PolicyRecord) -> Result<Vec<u8>, String> {
    serde_json::to_vec(record).map_err(|error| error.to_string())
}

/// What a [`POLICY`] record says.
pub(super) fn policy_of(body: &[u8]) -> Result<PolicyRecord, String> {
    serde_json::from_slice(body).map_err(|error| error.to_string())
}

/// What a [`DELETE_METRIC`] record says.
pub(super) fn deleted_of(body: &[u8]) -> Result<u64, String> {
    let bytes = body.try_into().map_err(|_| format!("a deletion has {} bytes, not 8", body.len()))?;
    Ok(u64::from_le_bytes(bytes))
}
