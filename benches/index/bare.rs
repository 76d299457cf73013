//! What a program would do that wrote the same rows into the same tables with `SQLite` alone: a prepared statement per table, run
//! for each row, in a transaction per batch. It answers nothing, checks nothing, and looks nothing up.

use std::path::Path;

use gnocchetti::{AttributeValue, NewResource, Timestamp, Uuid};
use rusqlite::{Connection, Result, params};

pub struct Bare {
    connection: Connection,
}

impl Bare {
    /// Opens an index that was made and closed before, with the settings that the library has for the connection that writes.
    pub fn open(path: &Path) -> Result<Self> {
        let connection = Connection::open(path)?;
        connection.execute_batch(
            "PRAGMA foreign_keys = ON; PRAGMA synchronous = FULL; PRAGMA cache_size = -65536; PRAGMA wal_autocheckpoint = 8192",
        )?;
        Ok(Bare { connection })
    }

    pub fn create(&mut self, batch: &[NewResource], now: Timestamp) -> Result<()> {
        let transaction = self.connection.transaction()?;
        for new in batch {
            let times = (now.nanos(), new.ended_at.map(Timestamp::nanos));
            let mut insert = transaction.prepare_cached(
                "INSERT INTO resources (id, original_id, type_id, creator, user_id, project_id, started_at, ended_at, \
                 revision_start) VALUES (?1, ?2, 2, ?3, ?4, ?5, ?6, ?7, ?6)",
            )?;
            let (id, original) = (new.id.id(), new.id.original());
            let owners = (&new.creator, &new.user_id, &new.project_id);
            let resource =
                insert.insert(params![id.as_bytes(), original, owners.0, owners.1, owners.2, times.0, times.1])?;
            let mut insert = transaction.prepare_cached("INSERT INTO resource_attributes_2 VALUES (?1, ?2, ?3)")?;
            let (AttributeValue::Number(cores), AttributeValue::Text(host)) =
                (&new.attributes["cores"], &new.attributes["host"])
            else {
                panic!("a resource of the bench has these attributes");
            };
            insert.execute(params![resource, cores, host])?;
            let mut insert = transaction.prepare_cached(
                "INSERT INTO metrics (id, name, unit, creator, policy_id, status, created_at, resource_key) \
                 VALUES (?1, ?2, ?3, ?4, 1, 0, ?5, ?6)",
            )?;
            for (name, metric) in &new.metrics {
                let id = Uuid::new_v4();
                insert.execute(params![id.as_bytes(), name, metric.unit, new.creator, times.0, resource])?;
            }
        }
        transaction.commit()
    }
}
