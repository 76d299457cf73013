//! What a policy's list of aggregation methods means: plain names, `*`, and changes to the default by `+m` and `-m`.

use super::super::{AggregationMethod, MethodSet};
use crate::error::{Error, Result};

/// The methods of a policy that names none.
pub(super) const DEFAULT: [AggregationMethod; 6] = [
    AggregationMethod::MEAN,
    AggregationMethod::MIN,
    AggregationMethod::MAX,
    AggregationMethod::SUM,
    AggregationMethod::STD,
    AggregationMethod::COUNT,
];

/// One entry of the list.
enum Entry {
    All,
    Plain(AggregationMethod),
    Add(AggregationMethod),
    Remove(AggregationMethod),
}

impl Entry {
    fn parse(text: &str) -> Result<Self> {
        let entry = match text.split_at_checked(1) {
            Some(("*", "")) => Ok(Entry::All),
            Some(("+", method)) => method.parse().map(Entry::Add),
            Some(("-", method)) => method.parse().map(Entry::Remove),
            _ => text.parse().map(Entry::Plain),
        };
        entry.map_err(|_| Error::InvalidAggregationMethod { value: text.to_owned() })
    }
}

/// The methods in effect for a list.
///
/// With `*` all methods are the base, otherwise the plain names, otherwise (also for an empty list) the default ones;
/// then `+` and `-` apply in the order given. May be empty: whether that will do is the caller's to say.
pub(super) fn effective(given: &[String]) -> Result<MethodSet> {
    let entries = given.iter().map(|text| Entry::parse(text)).collect::<Result<Vec<_>>>()?;
    let plain: MethodSet = entries
        .iter()
        .filter_map(|entry| if let Entry::Plain(method) = entry { Some(*method) } else { None })
        .collect();
    let mut methods = if entries.iter().any(|entry| matches!(entry, Entry::All)) {
        MethodSet::all()
    } else if plain.is_empty() {
        DEFAULT.into_iter().collect()
    } else {
        plain
    };
    for entry in &entries {
        match entry {
            Entry::Add(method) => methods.insert(*method),
            Entry::Remove(method) => methods.remove(*method),
            Entry::All | Entry::Plain(_) => {}
        }
    }
    Ok(methods)
}
