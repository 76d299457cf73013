//! Searches against a plain evaluation of their filters, over a small population with all that can be null.

use std::sync::LazyLock;

use proptest::prelude::*;

use super::resources::{fixture, later, thing};
use super::*;
use crate::types::{
    AttributeValue, Comparison, Filter, History, NewResource, Operator, Resource, ResourceSearch, ResourceUpdate, Test,
    Timespan, Tree,
};

static POPULATION: LazyLock<(Fixture, Vec<Resource>)> = LazyLock::new(|| {
    let fixture = fixture();
    let batch: Vec<_> = (0..40).map(member).collect();
    let created = fixture.create_resources(&batch, now()).unwrap().resources;
    for (at, resource) in created.iter().enumerate() {
        for round in 0..at % 3 {
            let seconds = (at % 4 + 5 * round) as i64 + 1;
            let update = ResourceUpdate::new()
                .attribute("n", (at % 5) as f64 - round as f64)
                .attribute("host", ["a", "ab", "b%", "A_"][(at + round) % 4])
                .ended_at((at % 2 == 0).then(|| later(seconds)));
            fixture.update_resource(resource.id, &update, None, later(seconds)).unwrap();
        }
    }
    let everything = ResourceSearch::of("thing").history(History::All);
    let all = fixture.search_resources(&everything, None).unwrap();
    assert!(all.len() > 70);
    (fixture, all)
});

fn member(number: usize) -> NewResource {
    let owners = ["u", "u:p", "v:p", "", "u:p:q", ":"];
    let mut new = thing(&format!("thing {number}"));
    new.attributes.insert("host".to_owned(), ["a", "ab", "b%", "A_", "ä", "["][number % 6].into());
    new.creator = (!number.is_multiple_of(7)).then(|| owners[number % 6].to_owned());
    new.user_id = (!number.is_multiple_of(3)).then(|| ["a", "b"][number % 2].to_owned());
    new.started_at = Some(later(-(number as i64 % 4)));
    if !number.is_multiple_of(4) {
        new = new.attribute("n", (number % 3) as f64).attribute("b", number.is_multiple_of(2));
    }
    if !number.is_multiple_of(5) {
        new = new.attribute("u", Uuid::from_u128(number as u128 % 3)).attribute("t", later(number as i64 % 3));
    }
    new
}

/// What a resource has, as what is compared: texts, and numbers for the rest.
#[derive(Debug, Clone, PartialEq, PartialOrd)]
enum Known {
    Number(f64),
    Whole(i128),
    Text(String),
}

fn plain(value: &AttributeValue) -> Option<Known> {
    Some(match value {
        AttributeValue::Null => return None,
        AttributeValue::Bool(value) => Known::Whole(i128::from(*value)),
        AttributeValue::Number(number) => Known::Number(*number),
        AttributeValue::Text(text) => Known::Text(text.clone()),
        AttributeValue::Uuid(id) => Known::Text(id.to_string()),
        AttributeValue::Time(time) => Known::Whole(i128::from(time.nanos())),
    })
}

fn has(resource: &Resource, attribute: &str) -> Option<Known> {
    let text = |text: Option<&str>| text.map(|text| Known::Text(text.to_owned()));
    let time = |time: Timestamp| Known::Whole(i128::from(time.nanos()));
    match attribute {
        "id" => Some(Known::Text(resource.id.to_string())),
        "user_id" => text(resource.user_id.as_deref()),
        "creator" => text(resource.creator.as_deref()),
        "created_by_user_id" => text(resource.created_by_user_id()),
        "created_by_project_id" => text(resource.created_by_project_id()),
        "started_at" => Some(time(resource.started_at)),
        "ended_at" => resource.ended_at.map(time),
        "revision_start" => Some(time(resource.revision_start)),
        "revision_end" => resource.revision_end.map(time),
        "lifespan" => resource.ended_at.map(|end| Known::Whole(i128::from(end.nanos() - resource.started_at.nanos()))),
        "revision" => Some(Known::Whole(resource.revision.map_or(-1, i128::from))),
        own => plain(&resource.attributes[own]),
    }
}

/// What a filter's value is for this attribute.
fn given(attribute: &str, value: &AttributeValue) -> Option<Known> {
    let AttributeValue::Text(text) = value else {
        return match (attribute, value) {
            ("revision", AttributeValue::Number(number)) => Some(Known::Whole(*number as i128)),
            _ => plain(value),
        };
    };
    Some(match attribute {
        "t" | "started_at" | "ended_at" | "revision_start" | "revision_end" => {
            Known::Whole(i128::from(text.parse::<Timestamp>().unwrap().nanos()))
        }
        "lifespan" => Known::Whole(i128::from(text.parse::<Timespan>().unwrap().nanos())),
        _ => Known::Text(text.clone()),
    })
}

/// True, false or, where null is compared, neither.
fn passes(resource: &Resource, tree: &Tree) -> Option<bool> {
    match tree {
        Tree::Compare(comparison) => compare(resource, comparison),
        Tree::Not(inner) => passes(resource, inner).map(|value| !value),
        Tree::All(parts) => {
            let values: Vec<_> = parts.iter().map(|part| passes(resource, part)).collect();
            if values.contains(&Some(false)) { Some(false) } else { (!values.contains(&None)).then_some(true) }
        }
        Tree::Any(parts) => {
            let values: Vec<_> = parts.iter().map(|part| passes(resource, part)).collect();
            if values.contains(&Some(true)) { Some(true) } else { (!values.contains(&None)).then_some(false) }
        }
    }
}

fn compare(resource: &Resource, comparison: &Comparison) -> Option<bool> {
    let has = has(resource, &comparison.attribute);
    let given = |value| given(&comparison.attribute, value);
    let (operator, value) = match &comparison.test {
        Test::Is(operator, value) => (*operator, given(value)),
        Test::In(values) => {
            let null = values.contains(&AttributeValue::Null);
            return match has {
                None => null.then_some(true),
                Some(has) => Some(values.iter().any(|value| given(value).as_ref() == Some(&has))),
            };
        }
    };
    match (operator, has, value) {
        (Operator::Eq, has, None) => Some(has.is_none()),
        (Operator::Ne, has, None) => Some(has.is_some()),
        (Operator::Ne, has, value) => Some(has != value),
        (Operator::Like, Some(Known::Text(has)), Some(Known::Text(pattern))) => Some(like(&has, &pattern)),
        (_, None, _) => None,
        (Operator::Eq, has, value) => Some(has == value),
        (Operator::Lt, has, value) => Some(has < value),
        (Operator::Le, has, value) => Some(has <= value),
        (Operator::Gt, has, value) => Some(has > value),
        (Operator::Ge, has, value) => Some(has >= value),
        (Operator::Like, has, value) => panic!("{has:?} like {value:?}"),
    }
}

fn like(text: &str, pattern: &str) -> bool {
    let mut rest = pattern.chars();
    match rest.next() {
        None => text.is_empty(),
        Some('%') => {
            let ends = text.char_indices().map(|(at, _)| at).chain([text.len()]);
            ends.into_iter().any(|at| like(&text[at..], rest.as_str()))
        }
        Some(c) => {
            let wanted = if c == '\\' { rest.next().unwrap_or('\\') } else { c };
            let mut left = text.chars();
            left.next().is_some_and(|first| (c == '_' || first == wanted) && like(left.as_str(), rest.as_str()))
        }
    }
}

fn texts() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["a", "ab", "b%", "A_", "ä", "[", "u", "p", "u:p", "", "q", ":"]).prop_map(str::to_owned)
}

fn values_of(attribute: &'static str) -> BoxedStrategy<AttributeValue> {
    let times = || (-3_i64..12).prop_map(|seconds| AttributeValue::from(later(seconds)));
    match attribute {
        "n" => (-3..4).prop_map(AttributeValue::from).boxed(),
        "revision" => (-2..60).prop_map(AttributeValue::from).boxed(),
        "b" => any::<bool>().prop_map(AttributeValue::from).boxed(),
        "u" => (0_u128..4).prop_map(|id| AttributeValue::from(Uuid::from_u128(id))).boxed(),
        "id" => (0_usize..41).prop_map(|at| AttributeValue::from(member(at).id.id())).boxed(),
        "lifespan" => (1_i32..12).prop_map(|seconds| AttributeValue::from(format!("{seconds} seconds"))).boxed(),
        "t" | "started_at" | "ended_at" | "revision_start" | "revision_end" => times().boxed(),
        _ => texts().prop_map(AttributeValue::from).boxed(),
    }
}

const TEXTS: [&str; 5] = ["host", "user_id", "creator", "created_by_user_id", "created_by_project_id"];
const OTHERS: [&str; 11] =
    ["n", "b", "u", "t", "id", "started_at", "ended_at", "revision_start", "revision_end", "lifespan", "revision"];

fn leaf() -> impl Strategy<Value = Filter> {
    let names = prop::sample::select([TEXTS.as_slice(), OTHERS.as_slice()].concat());
    let comparisons =
        vec![Operator::Eq, Operator::Eq, Operator::Ne, Operator::Lt, Operator::Le, Operator::Gt, Operator::Ge];
    let compare = (names.clone(), prop::sample::select(comparisons)).prop_flat_map(|(name, operator)| {
        values_of(name).prop_map(move |value| Filter::compare(name, operator, value))
    });
    let null = (names.clone(), any::<bool>()).prop_map(|(name, equal)| {
        if equal { Filter::eq(name, AttributeValue::Null) } else { Filter::ne(name, AttributeValue::Null) }
    });
    let one_of = names.prop_flat_map(|name| {
        let value = prop_oneof![6 => values_of(name), 1 => Just(AttributeValue::Null)];
        prop::collection::vec(value, 1..5).prop_map(move |values| Filter::one_of(name, values))
    });
    let like = (prop::sample::select(TEXTS.to_vec()), "[ab%_A\\\\\\[u:p*?ä]{0,4}")
        .prop_map(|(name, pattern)| Filter::like(name, pattern));
    prop_oneof![6 => compare, 1 => null, 2 => one_of, 2 => like, 1 => Just(Filter::all([])), 1 => Just(Filter::any([]))]
}

fn tree() -> impl Strategy<Value = Filter> {
    leaf().prop_recursive(4, 12, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(|filter| !filter),
            prop::collection::vec(inner.clone(), 0..4).prop_map(Filter::all),
            prop::collection::vec(inner, 0..4).prop_map(Filter::any),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_500))]

    #[test]
    fn a_search_finds_what_a_plain_evaluation_does(
        filter in tree(), visibility in prop::option::of(tree()), which in 0..4_u8, seconds in -1_i64..12
    ) {
        let (fixture, all) = &*POPULATION;
        let history = match which {
            0 => History::Current,
            1 => History::All,
            2 => History::At(later(seconds)),
            _ => History::Between(later(seconds), later(seconds + 3)),
        };
        let tree = filter.tree().unwrap();
        let visible = visibility.as_ref().map(|filter| filter.tree().unwrap());
        let expected: Vec<_> = all
            .iter()
            .filter(|state| in_time(state, history))
            .filter(|state| passes(state, &tree) == Some(true))
            .filter(|state| visible.as_ref().is_none_or(|tree| passes(state, tree) == Some(true)))
            .map(Resource::marker)
            .collect();
        let search = ResourceSearch::of("thing").filter(filter.clone()).history(history);
        let found = fixture.search_resources(&search, visibility.as_ref()).unwrap();
        let found: Vec<_> = found.iter().map(Resource::marker).collect();
        prop_assert_eq!(found, expected, "{}", filter.to_query().unwrap());
    }
}

fn in_time(state: &Resource, history: History) -> bool {
    match history {
        History::Current => state.revision.is_none(),
        History::All => true,
        History::At(time) => state.revision_start <= time && state.revision_end.is_none_or(|end| end > time),
        History::Between(start, stop) => {
            state.revision_start < stop && state.revision_end.is_none_or(|end| end > start)
        }
    }
}
