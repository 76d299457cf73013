//! Archive policies created, changed, deleted.

use super::*;
use crate::types::ArchivePolicyUpdate;

fn used_by(error: Error) -> String {
    match error {
        Error::ArchivePolicyInUse { used_by, .. } => used_by,
        other => panic!("{other}"),
    }
}

#[test]
fn policies_are_created_found_and_listed() {
    let fixture = Fixture::new();
    let created = fixture.create_archive_policy(&policy("✔éñ☃")).unwrap();
    assert_eq!((created.id, created.revision), (5, 1));
    assert_eq!(fixture.archive_policy("✔éñ☃").unwrap(), Some(created.clone()));
    assert_eq!(fixture.archive_policy("none").unwrap(), None);
    let listed = fixture.archive_policies().unwrap();
    let names: Vec<_> = listed.iter().map(|stored| stored.policy.name()).collect();
    assert_eq!(names, ["bool", "low", "medium", "high", "✔éñ☃"]);
    let fixture = fixture.reopened();
    assert_eq!(fixture.archive_policies().unwrap(), listed);
}

#[test]
fn a_name_is_one_policy() {
    let fixture = Fixture::new();
    let again = fixture.create_archive_policy(&policy("low"));
    assert!(matches!(again, Err(Error::ArchivePolicyExists { name }) if name == "low"));
    assert_eq!(fixture.archive_policies().unwrap().len(), 4);
}

#[test]
fn the_defaults_come_all_or_not_at_all() {
    let directory = tempfile::tempdir().unwrap();
    let indexer = Indexer::open(&directory.path().join("index.sqlite")).unwrap();
    indexer.create_archive_policy(&policy("high")).unwrap();
    let refused = indexer.create_default_policies();
    assert!(matches!(refused, Err(Error::ArchivePolicyExists { name }) if name == "high"));
    assert_eq!(indexer.archive_policies().unwrap().len(), 1);

    indexer.delete_archive_policy("high").unwrap();
    let created = indexer.create_default_policies().unwrap();
    let policies: Vec<_> = created.iter().map(|stored| stored.policy.clone()).collect();
    assert_eq!(policies, ArchivePolicy::defaults());
    assert_eq!(indexer.archive_policies().unwrap(), created);
    let rules = indexer.rules().unwrap();
    assert_eq!((rules[0].name(), rules[0].metric_pattern(), rules[0].archive_policy_name()), ("default", "*", "low"));
}

#[test]
fn an_update_is_the_next_revision() {
    let fixture = Fixture::new();
    let created = fixture.create_archive_policy(&policy("p")).unwrap();
    let update = ArchivePolicyUpdate::new().back_window(2).definition(Definition::unlimited(Timespan::MINUTE));
    let updated = fixture.update_archive_policy("p", &update).unwrap();
    assert_eq!((updated.id, updated.revision), (created.id, 2));
    assert_eq!((updated.policy.back_window(), updated.policy.definitions()[0].points()), (2, None));
    assert_eq!(fixture.archive_policy("p").unwrap(), Some(updated.clone()));

    let other_granularity = ArchivePolicyUpdate::new().definition(Definition::unlimited(Timespan::HOUR));
    let refused = fixture.update_archive_policy("p", &other_granularity);
    assert!(matches!(refused, Err(Error::InvalidArchivePolicy { .. })));
    let missing = fixture.update_archive_policy("none", &update);
    assert!(matches!(missing, Err(Error::UnknownArchivePolicy { name }) if name == "none"));
    let fixture = fixture.reopened();
    assert_eq!(fixture.archive_policy("p").unwrap(), Some(updated));
    assert_eq!(fixture.update_archive_policy("p", &ArchivePolicyUpdate::new()).unwrap().revision, 3);
}

#[test]
fn a_policy_in_use_stays() {
    let fixture = Fixture::new();
    assert_eq!(used_by(fixture.delete_archive_policy("low").unwrap_err()), "archive policy rule `default`");
    fixture.delete_rule("default").unwrap();
    let metric = fixture.create(NewMetric::named("cpu").archive_policy("low"));
    assert_eq!(used_by(fixture.delete_archive_policy("low").unwrap_err()), "metric 1 (`cpu`)");
    fixture.mark_deleted(metric.metric.key).unwrap();
    let deleted = used_by(fixture.delete_archive_policy("low").unwrap_err());
    assert!(deleted.contains("leaves the index"), "{deleted}");
    fixture.purge(&[metric.metric.key]).unwrap();
    fixture.delete_archive_policy("low").unwrap();
    assert!(matches!(fixture.delete_archive_policy("low"), Err(Error::UnknownArchivePolicy { .. })));
}

#[test]
fn numbers_of_policies_are_never_used_twice() {
    let fixture = Fixture::new();
    let first = fixture.create_archive_policy(&policy("p")).unwrap();
    fixture.delete_archive_policy("p").unwrap();
    let fixture = fixture.reopened();
    assert!(fixture.create_archive_policy(&policy("p")).unwrap().id > first.id);
}

#[test]
fn a_damaged_policy_is_corruption() {
    let fixture = Fixture::new();
    let spoil = "UPDATE archive_policies SET policy = replace(policy, 'mean', 'mode') WHERE name = 'high'";
    fixture.writer("test").unwrap().execute(spoil, []).unwrap();
    match fixture.archive_policy("high").unwrap_err() {
        Error::Corrupt(corruption) => assert!(corruption.what.contains("archive policy 4"), "{corruption}"),
        other => panic!("{other}"),
    }
    assert!(matches!(fixture.archive_policies(), Err(Error::Corrupt(_))));
    assert!(fixture.archive_policy("low").unwrap().is_some());
}
