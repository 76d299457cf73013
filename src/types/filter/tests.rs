use proptest::prelude::*;

use super::*;
use crate::error::Error;

fn parsed(text: &str) -> Filter {
    Filter::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn json(text: &str) -> Filter {
    Filter::from_json(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn every_operator_has_all_its_forms() {
    let forms = [
        (Operator::Eq, ["=", "==", "eq"]),
        (Operator::Ne, ["!=", "≠", "ne"]),
        (Operator::Lt, ["<", "<", "lt"]),
        (Operator::Le, ["<=", "≤", "le"]),
        (Operator::Gt, [">", ">", "gt"]),
        (Operator::Ge, [">=", "≥", "ge"]),
    ];
    for (operator, symbols) in forms {
        let expected = Filter::compare("a", operator, 5);
        for symbol in symbols {
            assert_eq!(parsed(&format!("a {symbol} 5")), expected);
            assert_eq!(json(&format!(r#"{{"{symbol}": {{"a": 5}}}}"#)), expected);
        }
    }
    assert_eq!(parsed("a>=5"), Filter::ge("a", 5));
    assert_eq!(parsed("a=-5"), Filter::eq("a", -5));
    assert_eq!(parsed("a like 'x%'"), Filter::like("a", "x%"));
    assert_eq!(json(r#"{"like": {"a": "x%"}}"#), Filter::like("a", "x%"));
    for text in ["a in [1, b, \"c\"]", "a ∈ [1,b,'c']"] {
        let values = [AttributeValue::from(1), "b".into(), "c".into()];
        assert_eq!(parsed(text), Filter::one_of("a", values));
    }
    assert_eq!(json(r#"{"∈": {"a": ["x"]}}"#), json(r#"{"in": {"a": ["x"]}}"#));
}

#[test]
fn not_binds_before_and_and_that_before_or() {
    let [a, b, c, d] = ["a", "b", "c", "d"].map(|name| Filter::eq(name, 1));
    let expected = Filter::any([a.clone(), Filter::all([!b.clone(), c.clone()]), d.clone()]);
    for text in [
        "a = 1 or not b = 1 and c = 1 or d = 1",
        "a = 1 ∨ ¬ b = 1 ∧ c = 1 ∨ d = 1",
        "(a=1) or ((not b=1) and c=1) or d=1",
    ] {
        assert_eq!(parsed(text), expected, "{text}");
    }
    assert_eq!(parsed("not (a=1 or b=1)"), !a.clone().or(b.clone()));
    assert_eq!(parsed("(a=1 and b=1) and c=1"), a.clone().and(b.clone()).and(c.clone()));
    let nested = json(r#"{"∨": [{"=": {"a": 1}}, {"∧": [{"¬": {"=": {"b": 1}}}, {"=": {"c": 1}}]}, {"=": {"d": 1}}]}"#);
    assert_eq!(nested, expected);
}

#[test]
fn words_mean_what_they_look_like() {
    let cases = [
        ("a = null", AttributeValue::Null),
        ("a = None", AttributeValue::Null),
        ("a = 'null'", "null".into()),
        ("a = True", true.into()),
        ("a = false", false.into()),
        ("a = 1.5e3", 1500.0.into()),
        ("a = +7", 7.into()),
        ("a = 5.", 5.into()),
        ("a = nullable", "nullable".into()),
        ("a = inf", "inf".into()),
        ("a = 1e", "1e".into()),
        ("a = 12345678901234567890123456789012", "12345678901234567890123456789012".into()),
        ("a = 0a7a15ff-aa13-4ac2-897c-9bdf30ce175b", "0a7a15ff-aa13-4ac2-897c-9bdf30ce175b".into()),
        ("a = 2014-01-03T02:02:02.5+01:00", "2014-01-03T02:02:02.5+01:00".into()),
        (r#"a = "it's ""so"" \ here""#, r#"it's "so" \ here"#.into()),
        ("a = 'it''s'", "it's".into()),
        ("a = ''", "".into()),
    ];
    for (text, value) in cases {
        assert_eq!(parsed(text), Filter::eq("a", value), "{text}");
    }
    assert_eq!(parsed("'new-optional bool' = true"), Filter::eq("new-optional bool", true));
    assert_eq!(parsed("true = 1"), Filter::eq("true", 1));
}

#[test]
fn everything_and_nothing_can_be_said() {
    for everything in [parsed(""), parsed("  "), parsed("true"), json("{}"), json(r#"{"and": []}"#)] {
        assert_eq!(everything, Filter::all([]));
        assert!(everything.is_everything().unwrap());
    }
    for nothing in [parsed("false"), json(r#"{"or": []}"#)] {
        assert_eq!(nothing, Filter::any([]));
        assert!(!nothing.is_everything().unwrap());
    }
    for (text, expected) in [
        ("a = 1 or true", true),
        ("not false", true),
        ("not not (true and true)", true),
        ("a = 1 and true", false),
        ("not (a = 1 and false)", true),
        ("not a = 1 or false", false),
    ] {
        assert_eq!(parsed(text).is_everything().unwrap(), expected, "{text}");
    }
    assert_eq!(Filter::all([Filter::eq("a", 1)]), Filter::eq("a", 1));
}

#[test]
fn errors_name_the_place() {
    let cases = [
        ("a", 2, "an operator is expected after `a`"),
        ("a =", 4, "a value is missing"),
        ("ä = = b", 5, "a value is expected, not `=`"),
        ("a = b c = d", 7, "`and`, `or` or the end is expected, not `c`"),
        ("(a = b", 7, "the parenthesis of character 1 is not closed"),
        ("a = b)", 6, "`and`, `or` or the end is expected, not `)`"),
        ("a = 'b", 5, "the text that begins with ' does not end"),
        ("a in b", 6, "`in` takes a list"),
        ("a in []", 7, "`a` is to be one of no values"),
        ("a in [1 2]", 9, "`,` or `]` is expected in a list"),
        ("a in [1,", 9, "a value is missing"),
        ("a = [1]", 5, "a value is expected, not `[`"),
        ("and a = 1", 5, "an operator is expected after `and`"),
        ("a = 1 and", 10, "an attribute is missing"),
        ("not", 4, "an attribute is missing"),
        (") = 1", 1, "an attribute is expected, not `)`"),
        ("a ~ 1", 3, "`~` means nothing here"),
        ("a ! 1", 3, "`!` means nothing here"),
        ("a = 1e999", 5, "is too large a number"),
        ("a 'like' b", 3, "an operator is expected after `a`"),
    ];
    for (text, expected, because) in cases {
        match Filter::parse(text) {
            Err(Error::InvalidFilter { position, reason }) => {
                assert_eq!(position, Some(expected), "{text}: {reason}");
                assert!(reason.contains(because), "{text}: {reason}");
            }
            other => panic!("{text}: {other:?}"),
        }
    }
}

#[test]
fn json_that_is_no_filter_is_refused() {
    let cases = [
        ("[]", "an object such as"),
        ("{", "EOF"),
        (r#"{"and": {"project_id": "foobar"}}"#, "`and` takes a list of filters, not an object"),
        (r#"{"not": [{"=": {"a": 1}}]}"#, "not a list"),
        (r#"{"ne": {"project_id": ["foobar"]}}"#, "`project_id` is compared with one value, not a list"),
        (r#"{"=": {"a": {"b": 1}}}"#, "not an object"),
        (r#"{"=": {}}"#, "one attribute and its value, not nothing"),
        (r#"{"=": {"a": 1, "b": 2}}"#, "a comparison has one key, not 2"),
        (r#"{"=": {"a": 1}, "<": {"a": 1}}"#, "a node has one key, not 2"),
        (r#"{"in": {"a": 5}}"#, "`in` takes a list of values for `a`, not a number"),
        (r#"{"in": {"a": []}}"#, "one of no values"),
        (r#"{"~": {"a": 5}}"#, "`~` is no operator"),
        (r#"{"and": [5]}"#, "not a number"),
    ];
    for (text, because) in cases {
        match Filter::from_json(text) {
            Err(Error::InvalidFilter { reason, .. }) => assert!(reason.contains(because), "{text}: {reason}"),
            other => panic!("{text}: {other:?}"),
        }
    }
}

fn is_too_large<T: std::fmt::Debug>(outcome: Result<T>, expected: &str) {
    match outcome {
        Err(Error::FilterTooLarge { what, .. }) => assert_eq!(what, expected),
        other => panic!("{:.200}", format!("{other:?}")),
    }
}

#[test]
fn depth_is_bounded_without_recursion() {
    const DEEP: usize = 10_000;
    is_too_large(Filter::parse(&format!("{}a = 1", "not ".repeat(DEEP))), "levels");
    is_too_large(Filter::parse(&format!("{}a = 1{}", "(".repeat(DEEP), ")".repeat(DEEP))), "levels");
    is_too_large(Filter::parse(&format!("{}a = 1", "(".repeat(DEEP))), "levels");
    let deep = format!("{}{{}}{}", "{\"not\":".repeat(DEEP), "}".repeat(DEEP));
    assert!(matches!(Filter::from_json(&deep), Err(Error::InvalidFilter { .. })));
    let deep = format!("{}{{}}{}", "{\"not\":".repeat(60), "}".repeat(60));
    is_too_large(Filter::from_json(&deep), "levels");
    let mut filter = Filter::eq("a", 1);
    for _ in 0..100 * DEEP {
        filter = !filter;
    }
    let copy = filter.clone();
    assert_eq!(copy, filter);
    is_too_large(filter.to_query(), "levels");
    is_too_large(copy.to_json(), "levels");
}

#[test]
fn the_deepest_filter_can_be_printed_and_read() {
    let mut filter = Filter::eq("a", 1);
    for level in 1..MAX_DEPTH {
        filter = match level % 3 {
            0 => !filter,
            1 => filter.and(Filter::eq("b", 2)),
            _ => filter.or(Filter::eq("c", 3)),
        };
    }
    assert_eq!(parsed(&filter.to_query().unwrap()), filter);
    assert_eq!(json(&filter.to_json().unwrap()), filter);
    is_too_large((!filter).tree(), "levels");
}

#[test]
fn size_is_bounded() {
    let long = "x".repeat(1_000_001);
    is_too_large(Filter::parse(&long), "bytes");
    is_too_large(Filter::from_json(&long), "bytes");
    is_too_large(Filter::eq("a", long.as_str()).tree(), "bytes in a value");
    is_too_large(Filter::eq(long.as_str(), 1).tree(), "bytes in the name of an attribute");
    is_too_large(Filter::parse(&format!("a = '{}'", "x".repeat(900_000))), "bytes in a value");
    let many = |count| Filter::any((0..count).map(|number| Filter::eq("a", f64::from(number))));
    is_too_large(many(1_001).tree(), "comparisons");
    assert!(many(1_000).tree().is_ok());
    is_too_large(Filter::one_of("a", 0..10_001).tree(), "values");
    assert!(Filter::one_of("a", 0..10_000).tree().is_ok());
    for number in [f64::NAN, f64::INFINITY] {
        assert!(matches!(Filter::eq("a", number).to_json(), Err(Error::InvalidFilter { .. })));
    }
}

fn value() -> impl Strategy<Value = AttributeValue> {
    prop_oneof![
        Just(AttributeValue::Null),
        any::<bool>().prop_map(AttributeValue::from),
        any::<f64>().prop_filter("finite", |number| number.is_finite()).prop_map(AttributeValue::from),
        any::<i32>().prop_map(AttributeValue::from),
        "[a-z\"'\\\\ %_\n=()ä≤-]{0,8}".prop_map(AttributeValue::from),
        Just(AttributeValue::from(Uuid::from_u128(7))),
        (0..i64::MAX).prop_map(|nanos| AttributeValue::from(Timestamp::from_nanos(nanos).unwrap())),
    ]
}

fn leaf() -> impl Strategy<Value = Filter> {
    let name = prop_oneof!["[a-z_.]{1,5}", "[a-z\"' =-]{0,5}", Just("not".to_owned()), Just("true".to_owned())];
    let operators =
        [Operator::Eq, Operator::Ne, Operator::Lt, Operator::Le, Operator::Gt, Operator::Ge, Operator::Like];
    let compare = (name.clone(), prop::sample::select(operators.to_vec()), value())
        .prop_map(|(name, operator, value)| Filter::compare(name, operator, value));
    let one_of = (name, prop::collection::vec(value(), 1..4)).prop_map(|(name, values)| Filter::one_of(name, values));
    prop_oneof![4 => compare, 1 => one_of, 1 => Just(Filter::all([])), 1 => Just(Filter::any([]))]
}

fn tree() -> impl Strategy<Value = Filter> {
    leaf().prop_recursive(6, 40, 4, |inner| {
        prop_oneof![
            inner.clone().prop_map(|filter| !filter),
            prop::collection::vec(inner.clone(), 0..4).prop_map(Filter::all),
            prop::collection::vec(inner, 0..4).prop_map(Filter::any),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_printed_is_read_as_the_same(filter in tree()) {
        let query = filter.to_query().unwrap();
        prop_assert_eq!(&Filter::parse(&query).unwrap(), &filter, "{}", query);
        let json = filter.to_json().unwrap();
        prop_assert_eq!(&Filter::from_json(&json).unwrap(), &filter, "{}", json);
    }

    #[test]
    fn no_text_is_too_much(words in prop::collection::vec(
        prop::sample::select(vec![
            "a", "=", "1", "not", "and", "(", ")", "or", "[", "]", ",", "in", "'b'", "\"", "≥", "null", "like", "~", "ä",
        ]), 0..20))
    {
        if let Ok(filter) = Filter::parse(&words.join(" ")) {
            prop_assert_eq!(Filter::parse(&filter.to_query().unwrap()).unwrap(), filter);
        }
    }

    #[test]
    fn no_json_is_too_much(text in "[{}\\[\\]\":,a=1 <]{0,30}|\\PC{0,20}") {
        let _ = Filter::from_json(&text);
        let _ = Filter::parse(&text);
    }
}
