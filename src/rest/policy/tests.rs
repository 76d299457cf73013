use proptest::prelude::*;

use super::super::access::User;
use super::*;
use crate::Filter;

fn user(name: &str) -> User {
    User::named(name)
}

fn decide(rule: &str, caller: &str) -> Decision {
    let policies = Policies::with(&format!("\"get measures\": \"{rule}\"")).unwrap();
    policies.decide("get measures", &user(caller), Target::Metric)
}

#[test]
fn the_defaults_can_be_read_and_say_what_they_say() {
    let policies = Policies::with("").unwrap();
    let ask = |rule, caller, target| policies.decide(rule, &user(caller), target);
    for (rule, _) in DEFAULTS.iter().filter(|(name, _)| name.contains(' ')) {
        assert_eq!(ask(rule, "admin", Target::Metric), Decision::Everything, "{rule}");
    }
    let own = Decision::Found(Filter::any([Filter::eq("creator", "alice")]));
    assert_eq!(ask("get metric", "alice", Target::Metric), own);
    assert_eq!(ask("get metric", "alice", Target::Other), Decision::Nothing);
    assert_eq!(ask("get status", "alice", Target::Other), Decision::Nothing);
    assert_eq!(ask("list archive policy", "alice", Target::Other), Decision::Everything);
    assert_eq!(ask("search resource", "alice", Target::Resource), Decision::Everything);
    assert_eq!(ask("search metric", "alice", Target::Metric), own);
    assert_eq!(ask("no such rule", "admin", Target::Other), Decision::Nothing);
    let narrowed = Policies::with("'search resource': 'user:%(creator)s or user:%(name)s'").unwrap();
    assert_eq!(narrowed.decide("search resource", &user("alice"), Target::Resource), own);
}

#[test]
fn whom_keystone_knows_lists_what_its_project_has() {
    let policies = Policies::default();
    let bob = User::vouched("b".to_owned(), Some("two".to_owned()), None, vec!["member".to_owned()]);
    let owner =
        [("list resource", "project_id"), ("search resource", "project_id"), ("list metric", "resource.project_id")];
    for (rule, project) in owner {
        let target = if rule == "list metric" { Target::Metric } else { Target::Resource };
        let made = Filter::any([Filter::eq("creator", "b:two"), Filter::eq("created_by_project_id", "two")]);
        let own = Filter::any([made, Filter::eq(project, "two")]);
        assert_eq!(policies.decide(rule, &bob, target), Decision::Found(own));
        assert_eq!(policies.decide(rule, &user("bob"), target), Decision::Everything);
        let admin = User::vouched("a".to_owned(), None, None, vec!["admin".to_owned()]);
        assert_eq!(policies.decide(rule, &admin, target), Decision::Everything);
    }
}

#[test]
fn rules_are_evaluated_as_they_are_written() {
    use Decision::{Everything, Found, Nothing};
    let creator = |name: &str| Filter::eq("creator", name);
    for (rule, alice) in [
        ("", Everything),
        ("@", Everything),
        ("!", Nothing),
        ("not !", Everything),
        ("role:admin", Nothing),
        ("not role:ADMIN", Everything),
        ("user:alice", Everything),
        ("user:bob or role:admin", Nothing),
        ("'x':x and 1:1", Everything),
        ("nobody:%(creator)s", Nothing),
        ("user:%(no_such_attribute)s", Nothing),
        ("user:%(creator)s", Found(creator("alice"))),
        ("not user:%(creator)s", Found(Filter::ne("creator", "alice"))),
        ("not (user:%(creator)s or role:admin)", Found(Filter::all([Filter::ne("creator", "alice")]))),
        ("@ or user:%(creator)s and !", Everything),
        ("(@ or user:%(creator)s) and !", Nothing),
        ("rule:creator", Found(Filter::any([creator("alice")]))),
    ] {
        assert_eq!(decide(rule, "alice"), alice, "{rule}");
    }
    assert_eq!(decide("role:Admin", "admin"), Everything);
}

#[test]
fn what_cannot_be_evaluated_is_refused_with_its_line() {
    let deep = format!("\"get metric\": \"{}@\"", "not ".repeat(1_000));
    for (text, why) in [
        ("\"get metric\": \"role:admin or\"", "ends too early"),
        ("\n\"get metric\": \"(role:admin\"", "line 2: a parenthesis"),
        ("\"get metric\": \"role:admin)\"", "`)` is unexpected"),
        ("\"get metric\": \"admin\"", "`admin` is no check"),
        ("\"get metric\": \"http://example/%(id)s\"", "another server"),
        ("\"get metric\": \"user:a%(id)s\"", "neither a text"),
        ("\"get metrics\": \"@\"", "no rule is called `get metrics`"),
        ("\"get metric\" \"@\"", "a `:` is missing"),
        ("\"get metric\": \"@", "a quote is not closed"),
        ("\"get metric\": \"@\" x", "too much"),
        ("\"get metric\": \"rule:other\"", "there is no rule `other`"),
        ("a: rule:b\nb: rule:a", "refers to itself"),
        (&deep, "levels deep"),
    ] {
        let refused = Policies::with(text).unwrap_err();
        assert!(refused.contains(why), "{text}: {refused}");
    }
    let taken = "---\n# who may\n\"mine\": \"user:%(creator)s\"  # only he\n'get metric': 'rule:mine'\npost: \"@\"\n";
    let own = Decision::Found(Filter::eq("creator", "bob"));
    assert_eq!(Policies::with(taken).unwrap().decide("get metric", &user("bob"), Target::Metric), own);
    assert!(Policies::with("{\n\"get metric\": \"@\",\n\"get status\": \"@\"\n}").is_ok());
}

proptest! {
    #[test]
    fn no_text_makes_reading_fail_other_than_by_an_error(text in "[ -~\n()%]{0,80}") {
        drop(Policies::with(&text));
        drop(Policies::with(&format!("\"get metric\": \"{}\"", text.replace(['"', '\n'], " "))));
    }
}
