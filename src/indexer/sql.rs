//! Every statement that runs on an open index, in one place: a test reads the query plan of each.
//!
//! The status is always a literal, 0 (active) or 1 (deleted), because `SQLite` uses a partial index only when the
//! statement itself says what the index says.

/// Names statements, and lists them for the test of their plans.
macro_rules! statements {
    ($($(#[$about:meta])* $name:ident = $sql:expr;)*) => {
        $($(#[$about])* pub(super) const $name: &str = $sql;)*

        #[cfg(test)]
        pub(super) const ALL: &[(&str, &str)] = &[$((stringify!($name), $name)),*];
    };
}

/// The columns of a metric in the order in which `metrics::row` reads them, and where they come from.
macro_rules! metrics_where {
    ($condition:literal) => {
        concat!(
            "SELECT m.key, m.id, m.name, m.unit, m.creator, r.id, p.name, m.status, m.created_at, m.policy_id ",
            "FROM metrics AS m CROSS JOIN archive_policies AS p ON p.id = m.policy_id ",
            "LEFT JOIN resources AS r ON r.key = m.resource_key WHERE ",
            $condition
        )
    };
}

statements! {
    CHECKPOINT = "PRAGMA wal_checkpoint(TRUNCATE)";
    RELEASE_MEMORY = "PRAGMA shrink_memory";

    INSERT_POLICY = "INSERT INTO archive_policies (name, policy, revision) VALUES (?1, ?2, 1)";
    POLICY_BY_NAME = "SELECT id, revision, policy FROM archive_policies WHERE name = ?1";
    POLICY_ID = "SELECT id FROM archive_policies WHERE name = ?1";
    POLICIES = "SELECT id, revision, policy FROM archive_policies ORDER BY id";
    UPDATE_POLICY = "UPDATE archive_policies SET policy = ?2, revision = revision + 1 WHERE id = ?1";
    DELETE_POLICY = "DELETE FROM archive_policies WHERE id = ?1";
    RULE_OF_POLICY = "SELECT name FROM archive_policy_rules WHERE policy_id = ?1 ORDER BY name LIMIT 1";
    METRIC_OF_POLICY = "SELECT key, name, status FROM metrics WHERE policy_id = ?1 ORDER BY key LIMIT 1";

    INSERT_RULE = "INSERT INTO archive_policy_rules (name, metric_pattern, policy_id) VALUES (?1, ?2, ?3)";
    RULE_BY_NAME = "SELECT r.name, r.metric_pattern, p.name FROM archive_policy_rules AS r \
        CROSS JOIN archive_policies AS p ON p.id = r.policy_id WHERE r.name = ?1";
    RULES = "SELECT r.name, r.metric_pattern, p.name FROM archive_policy_rules AS r \
        CROSS JOIN archive_policies AS p ON p.id = r.policy_id";
    RENAME_RULE = "UPDATE archive_policy_rules SET name = ?2 WHERE name = ?1";
    DELETE_RULE = "DELETE FROM archive_policy_rules WHERE name = ?1";

    /// Of one row or of more: the places of each follow those of the one before.
    INSERT_METRIC = "INSERT OR FAIL INTO metrics (key, id, name, unit, creator, policy_id, status, created_at, resource_key) \
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)";
    /// Not by the sequence alone, as `SQLite` does not.
    HIGHEST_METRIC = "SELECT max(ifnull((SELECT seq FROM sqlite_sequence WHERE name = 'metrics'), 0), \
        ifnull((SELECT max(key) FROM metrics), 0))";
    METRIC_BY_ID = metrics_where!("m.id = ?1 AND m.status = 0");
    METRIC_BY_NAME = metrics_where!("m.name = ?1 AND ifnull(m.resource_key, 0) = 0 AND m.status = 0 \
        ORDER BY CASE WHEN m.resource_key IS NULL AND m.creator IS NOT NULL THEN m.key ELSE 0 END LIMIT 1");
    METRIC_BY_KEY = metrics_where!("m.key = ?1");
    /// Metrics of no resource, in the order of their names.
    NAMES_FROM = "SELECT name, key, id FROM metrics WHERE name >= ?1 AND ifnull(resource_key, 0) = 0 AND status = 0 \
        ORDER BY name";
    ACTIVE_METRICS = metrics_where!("m.key > ?1 AND m.status = 0 ORDER BY m.key LIMIT ?2");
    DELETED_METRICS = metrics_where!("m.key > ?1 AND m.status = 1 ORDER BY m.key LIMIT ?2");
    NAME_IS_TAKEN = "SELECT 1 FROM metrics WHERE name = ?1 AND ifnull(resource_key, 0) = ?2 AND status = 0";
    KEYS = "SELECT key, id, policy_id, status FROM metrics WHERE key > ?1 ORDER BY key LIMIT ?2";
    DELETED_KEYS = "SELECT key FROM metrics WHERE status = 1 ORDER BY key";
    MARK_DELETED = "UPDATE metrics SET status = 1, resource_key = NULL WHERE key = ?1 AND status = 0";
    PURGE = "DELETE FROM metrics WHERE key = ?1 AND status = 1";
    MAX_KEY = "SELECT seq FROM sqlite_sequence WHERE name = 'metrics'";
    ACTIVE_COUNT = "SELECT active FROM metric_totals WHERE id = 1";
    ADD_TO_ACTIVE_COUNT = "UPDATE metric_totals SET active = active + ?1 WHERE id = 1";

    INSERT_TYPE = "INSERT INTO resource_types (name, attributes, next_column, revision) VALUES (?1, ?2, ?3, 1)";
    TYPE_BY_NAME = "SELECT id, name, attributes, next_column, revision FROM resource_types WHERE name = ?1";
    TYPE_BY_ID = "SELECT id, name, attributes, next_column, revision FROM resource_types WHERE id = ?1";
    TYPES = "SELECT id, name, attributes, next_column, revision FROM resource_types ORDER BY name";
    UPDATE_TYPE = "UPDATE resource_types SET attributes = ?2, next_column = ?3, revision = revision + 1 WHERE id = ?1";
    DELETE_TYPE = "DELETE FROM resource_types WHERE id = ?1";
    RESOURCE_OF_TYPE = "SELECT original_id FROM resources WHERE type_id = ?1 LIMIT 1";

    /// As that of metrics.
    INSERT_RESOURCE = "INSERT OR FAIL INTO resources (key, id, original_id, type_id, creator, user_id, project_id, started_at, \
        ended_at, revision_start) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
    HIGHEST_RESOURCE = "SELECT max(ifnull((SELECT seq FROM sqlite_sequence WHERE name = 'resources'), 0), \
        ifnull((SELECT max(key) FROM resources), 0))";
    RESOURCE_BY_ID = "SELECT r.key, r.id, r.original_id, t.id, t.name, t.revision, r.creator, r.user_id, r.project_id, \
        r.started_at, r.ended_at, r.revision_start, NULL, NULL FROM resources AS r \
        CROSS JOIN resource_types AS t ON t.id = r.type_id WHERE r.id = ?1";
    METRICS_OF_RESOURCE = "SELECT name, key, id FROM metrics WHERE resource_key = ?1";
    METRIC_OF_RESOURCE = "SELECT key FROM metrics WHERE name = ?1 AND ifnull(resource_key, 0) = ?2 AND status = 0";
    KEYS_OF_RESOURCE = "SELECT key FROM metrics WHERE resource_key = ?1 AND status = 0 ORDER BY key";
    ADD_REVISION = "INSERT INTO revisions (resource_key, type_id, user_id, project_id, started_at, ended_at, \
        revision_start, revision_end) SELECT key, type_id, user_id, project_id, started_at, ended_at, revision_start, \
        ?2 FROM resources WHERE key = ?1";
    UPDATE_RESOURCE = "UPDATE resources SET user_id = ?2, project_id = ?3, started_at = ?4, ended_at = ?5, \
        revision_start = ?6 WHERE key = ?1";
    REVISIONS_OF_RESOURCE = "SELECT revision FROM revisions WHERE resource_key = ?1";
    FIRST_REVISION_OF_RESOURCE = "SELECT revision FROM revisions WHERE resource_key = ?1 \
        ORDER BY revision_start, revision LIMIT 1";
    DELETE_RESOURCE = "DELETE FROM resources WHERE key = ?1";
    DETACH_METRICS = "UPDATE metrics SET resource_key = NULL, name = NULL WHERE resource_key = ?1";
    ATTACH_METRIC = "UPDATE metrics SET resource_key = ?1, name = ?2 WHERE id = ?3 AND status = 0 AND +creator IS ?4";
    DELETE_METRICS_OF_RESOURCE = "UPDATE metrics SET status = 1, resource_key = NULL WHERE resource_key = ?1";
    OPEN_RESOURCE_OF_METRIC = "SELECT r.key, r.id FROM metrics AS m CROSS JOIN resources AS r \
        ON r.key = m.resource_key WHERE m.key = ?1 AND m.status = 0 AND r.ended_at IS NULL";
    ENDED_RESOURCE_OF_METRIC = "SELECT r.id FROM metrics AS m CROSS JOIN resources AS r \
        ON r.key = m.resource_key WHERE m.key = ?1 AND m.status = 0 AND r.ended_at IS NOT NULL AND r.ended_at <= ?2";
    METRICS_OF_RESOURCES = "SELECT m.key, m.created_at, r.ended_at FROM metrics AS m CROSS JOIN resources AS r \
        ON r.key = m.resource_key WHERE m.key > ?1 AND m.status = 0 ORDER BY m.key LIMIT ?2";
    ENDED_RESOURCES = "SELECT id FROM resources WHERE ended_at < ?1 ORDER BY ended_at LIMIT ?2";
}
