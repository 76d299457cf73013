//! Median and percentiles: the methods that need a group's values in order.
//!
//! A group's values are turned once into integers that compare as the values shall (−0.0 before +0.0, NaN last), put into
//! order as far as the wanted ranks ask for, and turned back where a rank is read. All methods share that work. Nothing
//! here may depend on the order in which equal values stood.

use super::kernel::Rows;
use crate::types::Method;

/// Up to this many values the plainest sort is fastest.
const INSERTED_UP_TO: usize = 16;
/// Up to this many values for each method a whole sort is cheaper than selecting.
const SORTED_UP_TO: usize = 48;

/// One column for each method of `methods`, all of which are `Median` or `Percentile`.
pub(super) fn columns(rows: &Rows<'_>, methods: &[Method]) -> Vec<Vec<f64>> {
    let mut columns: Vec<Vec<f64>> = methods.iter().map(|_| Vec::with_capacity(rows.len())).collect();
    if columns.is_empty() {
        return columns;
    }
    let mut keys = Vec::new();
    let mut ranks = Ranks::default();
    for group in rows.groups() {
        if let [only] = group {
            for column in &mut columns {
                column.push(*only);
            }
            continue;
        }
        keys.clear();
        keys.extend(group.iter().map(|value| key(*value)));
        ranks.fit(methods, keys.len());
        ranks.order(&mut keys);
        for (column, rank) in columns.iter_mut().zip(&ranks.of_methods) {
            column.push(rank.read(&keys));
        }
    }
    columns
}

/// What methods read of a group of `n` values. Most groups are as long as the one before and share it.
#[derive(Default)]
struct Ranks {
    n: usize,
    /// One rank for each method.
    of_methods: Vec<Rank>,
    /// The indices that they read, ascending; only where values are selected.
    selected: Vec<usize>,
}

impl Ranks {
    fn fit(&mut self, methods: &[Method], n: usize) {
        if self.n == n {
            return;
        }
        self.n = n;
        self.of_methods.clear();
        self.of_methods.extend(methods.iter().map(|method| Rank::of(*method, n)));
        self.selected.clear();
        if n > SORTED_UP_TO * methods.len() {
            self.selected.extend(self.of_methods.iter().flat_map(|rank| [rank.low, rank.high]));
            self.selected.sort_unstable();
            self.selected.dedup();
        }
    }

    /// Puts each key that is read where a whole sort would put it.
    fn order(&self, keys: &mut [i64]) {
        if keys.len() <= INSERTED_UP_TO {
            insertion_sort(keys);
        } else if self.selected.is_empty() {
            keys.sort_unstable();
        }
        let mut placed = 0;
        for index in &self.selected {
            keys[placed..].select_nth_unstable(*index - placed);
            placed = *index + 1;
        }
    }
}

/// Sorts by carrying each key through all sorted ones: more comparisons than needed, but none that a branch depends on.
fn insertion_sort(keys: &mut [i64]) {
    for i in 1..keys.len() {
        let mut carried = keys[i];
        for sorted in &mut keys[..i] {
            (*sorted, carried) = ((*sorted).min(carried), (*sorted).max(carried));
        }
        keys[i] = carried;
    }
}

/// Where a method's value lies among `n` sorted values: on one of them, or between two neighbours.
struct Rank {
    low: usize,
    high: usize,
    /// Weights of the values at `low` and `high`, when they differ.
    weights: Option<(f64, f64)>,
}

impl Rank {
    fn of(method: Method, n: usize) -> Rank {
        let Method::Percentile(percent) = method else {
            return Rank { low: (n - 1) / 2, high: n / 2, weights: None };
        };
        let position = (n - 1) as f64 * (f64::from(percent) / 100.0);
        let low = position as usize;
        if low as f64 == position {
            return Rank { low, high: low, weights: None };
        }
        let high = low + 1;
        Rank { low, high, weights: Some((high as f64 - position, position - low as f64)) }
    }

    // A midpoint that cannot overflow would differ from Gnocchi's for values beyond half the largest number.
    #[expect(clippy::manual_midpoint)]
    fn read(&self, keys: &[i64]) -> f64 {
        let low = value(keys[self.low]);
        if self.low == self.high {
            return low;
        }
        let high = value(keys[self.high]);
        match self.weights {
            Some((of_low, of_high)) => low * of_low + high * of_high,
            None => (low + high) / 2.0,
        }
    }
}

/// An integer that sorts as `value` shall.
#[inline]
fn key(value: f64) -> i64 {
    if value.is_nan() { i64::MAX } else { mirror(value.to_bits().cast_signed()) }
}

/// The value of which `key` made the integer (some NaN for any NaN).
#[inline]
fn value(key: i64) -> f64 {
    f64::from_bits(mirror(key).cast_unsigned())
}

/// Sign and magnitude to two's complement, and back.
#[inline]
fn mirror(bits: i64) -> i64 {
    bits ^ ((bits >> 63).cast_unsigned() >> 1).cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn keys_sort_as_values_shall() {
        let ascending =
            [f64::NEG_INFINITY, f64::MIN, -1.0, -f64::from_bits(1), -0.0, 0.0, f64::from_bits(1), 1.0, f64::MAX];
        let keys: Vec<i64> = ascending.iter().map(|v| key(*v)).collect();
        assert!(keys.is_sorted_by(|a, b| a < b));
        assert!(key(f64::INFINITY) > key(f64::MAX));
        assert!(key(f64::NAN) > key(f64::INFINITY));
        assert_eq!(key(f64::NAN), key(-f64::NAN), "the sign of a NaN says nothing");
        assert!(value(key(-f64::NAN)).is_nan());
        for v in ascending {
            assert_eq!(value(key(v)).to_bits(), v.to_bits());
        }
    }

    proptest! {
        #[test]
        fn what_is_read_is_what_a_whole_sort_yields(
            values in prop::collection::vec(prop_oneof![any::<f64>(), -3.0..3.0_f64, Just(1.0)], 2..500),
            percents in prop::collection::btree_set(1..=99_u8, 0..6),
        ) {
            let mut methods = vec![Method::Median];
            methods.extend(percents.into_iter().map(Method::Percentile));
            let mut ordered: Vec<i64> = values.iter().map(|v| key(*v)).collect();
            let mut sorted = ordered.clone();
            let mut ranks = Ranks::default();
            ranks.fit(&methods, ordered.len());
            ranks.order(&mut ordered);
            sorted.sort_unstable();
            for rank in ranks.of_methods {
                prop_assert_eq!(rank.read(&ordered).to_bits(), rank.read(&sorted).to_bits());
            }
        }
    }
}
