//! What the journal's records say. `docs/format/journal.md` shows their bytes.

use crate::codec::decode_batch;
use crate::engine::manifest::PolicyRecord;

/// A push: an encoded batch of measures.
pub(super) const MEASURES: u8 = 1;
/// A policy was created or changed: a [`PolicyRecord`] as JSON.
pub(super) const POLICY: u8 = 2;
/// A metric was deleted: its key, 8 bytes.
pub(super) const DELETE_METRIC: u8 = 3;

/// A record, taken apart.
pub(super) enum Record<'a> {
    /// A push.
    Measures(&'a Rows),
    /// A policy was created or changed.
    Policy(PolicyRecord),
    /// The metric of this key was deleted.
    DeleteMetric(u64),
}

/// The measures of a record, in columns. Used again from record to record.
#[derive(Default)]
pub(super) struct Rows {
    keys: Vec<u64>,
    timestamps: Vec<i64>,
    values: Vec<f64>,
}

impl Rows {
    /// The measures of each metric: its key, their timestamps, their values.
    pub(super) fn groups(&self) -> impl Iterator<Item = (u64, &[i64], &[f64])> {
        let mut at = 0;
        self.keys.chunk_by(|a, b| a == b).filter_map(move |keys| {
            let rows = at..at + keys.len();
            at = rows.end;
            Some((*keys.first()?, self.timestamps.get(rows.clone())?, self.values.get(rows)?))
        })
    }
}

/// What a record says; or why that cannot be said. Measures are decoded into `rows`.
pub(super) fn parse<'a>(kind: u8, body: &[u8], rows: &'a mut Rows) -> Result<Record<'a>, String> {
    match kind {
        MEASURES => {
            rows.keys.clear();
            rows.timestamps.clear();
            rows.values.clear();
            decode_batch(body, &mut rows.keys, &mut rows.timestamps, &mut rows.values)
                .map_err(|error| error.to_string())?;
            Ok(Record::Measures(rows))
        }
        POLICY => serde_json::from_slice(body).map(Record::Policy).map_err(|error| error.to_string()),
        DELETE_METRIC => {
            let key = body.try_into().map_err(|_| format!("a deletion has {} bytes, not 8", body.len()))?;
            Ok(Record::DeleteMetric(u64::from_le_bytes(key)))
        }
        other => Err(format!("there is no record of kind {other}")),
    }
}

/// The body of a [`POLICY`] record.
pub(super) fn policy_body(record: &PolicyRecord) -> Result<Vec<u8>, String> {
    serde_json::to_vec(record).map_err(|error| error.to_string())
}
