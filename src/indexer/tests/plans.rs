//! No statement scans a table.

use rusqlite::{StatementStatus, ToSql};

use super::*;

/// Tables that stay small, so that reading them whole is the plain way.
const SMALL: [&str; 5] = ["archive_policies", "r", "resource_types", "sqlite_sequence", "CONSTANT"];

/// An index that holds exactly what is asked for, so that reading it whole is the answer.
const ANSWER: &str = "SCAN metrics USING COVERING INDEX metrics_deleted";

pub(super) fn plan(connection: &Connection, statement: &str) -> Vec<String> {
    let mut explain = connection.prepare(&format!("EXPLAIN QUERY PLAN {statement}")).unwrap();
    let nulls = vec![None::<i64>; explain.parameter_count()];
    let nulls: Vec<&dyn ToSql> = nulls.iter().map(|null| null as &dyn ToSql).collect();
    let steps = explain.query_map(nulls.as_slice(), |row| row.get::<_, String>(3)).unwrap();
    steps.map(Result::unwrap).collect()
}

#[test]
fn no_statement_reads_a_whole_table_that_grows() {
    let fixture = Fixture::new();
    let connection = fixture.writer("test").unwrap();
    let mut searched = 0;
    for (name, statement) in sql::ALL.iter().filter(|(_, statement)| !statement.starts_with("PRAGMA")) {
        for step in plan(&connection, statement) {
            searched += usize::from(step.starts_with("SEARCH"));
            let table = step.strip_prefix("SCAN ").map(|rest| rest.split(' ').next().unwrap().to_owned());
            let small = table.is_none_or(|table| SMALL.contains(&table.as_str()));
            assert!(small || step == ANSWER, "{name}: {step}");
            assert!(!step.contains("TEMP B-TREE") && !step.contains("AUTOMATIC"), "{name}: {step}");
        }
    }
    assert!(searched >= 20, "only {searched} steps were seen");
}

#[test]
fn each_lookup_uses_the_index_made_for_it() {
    let fixture = Fixture::new();
    let connection = fixture.reader.lock();
    let cases = [
        (sql::METRIC_BY_ID, "metrics_by_id (id=?)"),
        (sql::METRIC_BY_NAME, "metrics_by_name (name=?"),
        (sql::NAMES_FROM, "metrics_by_name (name>?"),
        (sql::NAME_IS_TAKEN, "metrics_by_name (name=?"),
        (sql::METRIC_OF_RESOURCE, "metrics_by_name (name=?"),
        (sql::FIRST_REVISION_OF_RESOURCE, "revisions_by_resource (resource_key=?)"),
        (sql::METRIC_BY_KEY, "INTEGER PRIMARY KEY (rowid=?)"),
        (sql::ACTIVE_METRICS, "INTEGER PRIMARY KEY (rowid>?)"),
        (sql::DELETED_METRICS, "metrics_deleted (key>?)"),
        (sql::DELETED_KEYS, "metrics_deleted"),
        (sql::METRIC_OF_POLICY, "metrics_by_policy (policy_id=?)"),
        (sql::RULE_OF_POLICY, "rules_by_policy (policy_id=?)"),
        (sql::RESOURCE_BY_ID, "resources_by_id (id=?)"),
        (sql::RESOURCE_OF_TYPE, "resources_by_type (type_id=?)"),
        (sql::METRICS_OF_RESOURCE, "metrics_by_resource (resource_key=?)"),
        (sql::KEYS_OF_RESOURCE, "metrics_by_resource (resource_key=?)"),
        (sql::DETACH_METRICS, "metrics_by_resource (resource_key=?)"),
        (sql::ATTACH_METRIC, "metrics_by_id (id=?)"),
        (sql::REVISIONS_OF_RESOURCE, "revisions_by_resource (resource_key=?)"),
        (sql::METRICS_OF_RESOURCES, "INTEGER PRIMARY KEY (rowid>?)"),
        (sql::ENDED_RESOURCES, "resources_by_end (ended_at<?)"),
    ];
    for (statement, index) in cases {
        let steps = plan(&connection, statement);
        assert!(steps[0].contains(index), "{statement}: {steps:?}");
    }
}

#[test]
fn deleting_a_policy_looks_for_its_users_by_index() {
    let fixture = Fixture::new();
    let metrics: Vec<_> = (0..500).map(|i| NewMetric::named(format!("m{i}"))).collect();
    fixture.create_metrics(&metrics, now()).unwrap();
    fixture.create_archive_policy(&policy("unused")).unwrap();
    let connection = fixture.writer("test").unwrap();
    // The statement's own plan does not show how foreign keys are checked; its steps do.
    let mut statement = connection.prepare("DELETE FROM archive_policies WHERE name = 'unused'").unwrap();
    statement.execute([]).unwrap();
    assert_eq!(statement.get_status(StatementStatus::FullscanStep), 0);
    assert!(statement.get_status(StatementStatus::VmStep) < 500);
}

#[test]
fn a_statement_is_planned_once_whatever_is_bound_to_it() {
    let fixture = Fixture::new();
    fixture.create_metrics(&[NewMetric::named("a")], now()).unwrap();
    let (reader, writer) = (fixture.reader.lock(), fixture.writer("test").unwrap());
    for connection in [&*reader, &*writer] {
        let mut statement = connection.prepare(sql::ACTIVE_METRICS).unwrap();
        for limit in [1, 10, 100] {
            assert!(statement.exists([0, limit]).unwrap());
        }
        assert_eq!(statement.get_status(StatementStatus::RePrepare), 0);
    }
}
