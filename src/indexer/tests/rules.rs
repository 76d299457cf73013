use super::*;
use crate::types::ArchivePolicyRule;

fn rule(name: &str, pattern: &str, policy: &str) -> ArchivePolicyRule {
    ArchivePolicyRule::new(name, pattern, policy).unwrap()
}

#[test]
fn rules_are_created_found_listed_and_deleted() {
    let fixture = Fixture::new();
    let disks = rule("disks", "disk.*", "high");
    fixture.create_rule(&disks).unwrap();
    fixture.create_rule(&rule("foo", "disk.foo.*", "bool")).unwrap();
    assert_eq!(fixture.rule("disks").unwrap(), Some(disks.clone()));
    assert_eq!(fixture.rule("none").unwrap(), None);
    let names: Vec<_> = fixture.rules().unwrap().iter().map(|rule| rule.name().to_owned()).collect();
    assert_eq!(names, ["foo", "disks", "default"]);
    let exists = fixture.create_rule(&rule("disks", "other", "low"));
    assert!(matches!(exists, Err(Error::ArchivePolicyRuleExists { name }) if name == "disks"));
    let unknown = fixture.create_rule(&rule("r", "*", "none"));
    assert!(matches!(unknown, Err(Error::UnknownArchivePolicy { name }) if name == "none"));

    let fixture = fixture.reopened();
    assert_eq!(fixture.rule("disks").unwrap(), Some(disks));
    fixture.delete_rule("disks").unwrap();
    assert!(matches!(fixture.delete_rule("disks"), Err(Error::UnknownArchivePolicyRule { name }) if name == "disks"));
    assert_eq!(fixture.rules().unwrap().len(), 2);
}

#[test]
fn a_rule_gets_another_name() {
    let fixture = Fixture::new();
    fixture.create_rule(&rule("a", "a*", "high")).unwrap();
    let renamed = fixture.rename_rule("a", "b").unwrap();
    assert_eq!(renamed, rule("b", "a*", "high"));
    assert_eq!((fixture.rule("a").unwrap(), fixture.rule("b").unwrap()), (None, Some(renamed.clone())));
    assert_eq!(fixture.rename_rule("b", "b").unwrap(), renamed);
    let taken = fixture.rename_rule("b", "default");
    assert!(matches!(taken, Err(Error::ArchivePolicyRuleExists { name }) if name == "default"));
    assert!(matches!(fixture.rename_rule("a", "c"), Err(Error::UnknownArchivePolicyRule { .. })));
    assert!(matches!(fixture.rename_rule("b", ""), Err(Error::InvalidArchivePolicyRule { .. })));
    assert_eq!(fixture.rule("b").unwrap(), Some(renamed));
}

#[test]
fn the_longest_pattern_decides() {
    let fixture = Fixture::new();
    fixture.create_rule(&rule("disks", "disk.*", "high")).unwrap();
    fixture.create_rule(&rule("foo", "disk.foo.*", "bool")).unwrap();
    let policy_of = |name: &str| fixture.policy_for_name(name).unwrap().policy.name().to_owned();
    assert_eq!(["disk.foo.x", "disk.bar", "cpu", ""].map(policy_of), ["bool", "high", "low", "low"]);
    fixture.delete_rule("default").unwrap();
    let none = fixture.policy_for_name("cpu");
    assert!(matches!(none, Err(Error::NoArchivePolicyRuleMatch { name }) if name == "cpu"));
}
