//! Aggregation methods and sets of them.
//!
//! A method is a [`Method`] of the values, or of the differences between consecutive measures (`rate:`). There are 216;
//! each has a fixed number, which is what segments store.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};

/// How the values of one group become one value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Method {
    /// Sum divided by count.
    Mean,
    /// Sum, from +0.0, left to right in order of time.
    Sum,
    /// Smallest value.
    Min,
    /// Largest value.
    Max,
    /// Number of measures.
    Count,
    /// Sample standard deviation (two passes, `ddof` 1); a group of one measure has none.
    Std,
    /// Earliest value.
    First,
    /// Latest value.
    Last,
    /// Middle value, or the mean of the middle two.
    Median,
    /// Percentile 1 to 99, interpolated linearly between the closest ranks.
    Percentile(u8),
}

const NAMED: [(Method, &str); 9] = [
    (Method::Mean, "mean"),
    (Method::Sum, "sum"),
    (Method::Min, "min"),
    (Method::Max, "max"),
    (Method::Count, "count"),
    (Method::Std, "std"),
    (Method::First, "first"),
    (Method::Last, "last"),
    (Method::Median, "median"),
];

/// How many numbers the methods without `rate:` take.
const PLAIN: u8 = 108;

/// An aggregation method as an archive policy names it: `mean`, `95pct`, `rate:max`.
///
/// ```
/// use gnocchetti::AggregationMethod;
///
/// let method: AggregationMethod = "rate:95pct".parse()?;
/// assert!(method.is_rate());
/// assert_eq!(method.to_string(), "rate:95pct");
/// assert!("100pct".parse::<AggregationMethod>().is_err());
/// # Ok::<(), gnocchetti::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AggregationMethod(u8);

impl AggregationMethod {
    /// `mean`
    pub const MEAN: Self = AggregationMethod(0);
    /// `sum`
    pub const SUM: Self = AggregationMethod(1);
    /// `min`
    pub const MIN: Self = AggregationMethod(2);
    /// `max`
    pub const MAX: Self = AggregationMethod(3);
    /// `count`
    pub const COUNT: Self = AggregationMethod(4);
    /// `std`
    pub const STD: Self = AggregationMethod(5);
    /// `first`
    pub const FIRST: Self = AggregationMethod(6);
    /// `last`
    pub const LAST: Self = AggregationMethod(7);
    /// `median`
    pub const MEDIAN: Self = AggregationMethod(8);

    /// The method `method` of the values, or of their differences when `rate`.
    ///
    /// # Panics
    ///
    /// When a percentile is not in 1..=99.
    pub fn new(method: Method, rate: bool) -> Self {
        let plain = match method {
            Method::Percentile(p) => {
                assert!((1..=99).contains(&p), "percentile {p} is not in 1..=99");
                8 + p
            }
            named => NAMED.iter().position(|(m, _)| *m == named).unwrap_or_default() as u8,
        };
        AggregationMethod(plain + if rate { PLAIN } else { 0 })
    }

    /// The same method of the differences between consecutive measures.
    #[must_use]
    pub fn rate(self) -> Self {
        if self.is_rate() { self } else { AggregationMethod(self.0 + PLAIN) }
    }

    /// The method without `rate:`.
    pub fn method(self) -> Method {
        let plain = self.0 % PLAIN;
        match NAMED.get(usize::from(plain)) {
            Some((method, _)) => *method,
            None => Method::Percentile(plain - 8),
        }
    }

    /// Whether it aggregates differences.
    pub fn is_rate(self) -> bool {
        self.0 >= PLAIN
    }

    /// The number under which files store it.
    pub fn id(self) -> u8 {
        self.0
    }

    /// The method that files store under `id`.
    pub fn from_id(id: u8) -> Option<Self> {
        (id < 2 * PLAIN).then_some(AggregationMethod(id))
    }

    /// All methods in order of their numbers.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..2 * PLAIN).map(AggregationMethod)
    }
}

impl fmt::Display for AggregationMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_rate() {
            f.write_str("rate:")?;
        }
        let plain = self.0 % PLAIN;
        match NAMED.get(usize::from(plain)) {
            Some((_, name)) => f.write_str(name),
            None => write!(f, "{}pct", plain - 8),
        }
    }
}

impl fmt::Debug for AggregationMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for AggregationMethod {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let (plain, rate) = match text.strip_prefix("rate:") {
            Some(rest) => (rest, true),
            None => (text, false),
        };
        let method =
            NAMED.iter().find(|(_, name)| *name == plain).map(|(method, _)| *method).or_else(|| percentile(plain));
        match method {
            Some(method) => Ok(AggregationMethod::new(method, rate)),
            None => Err(Error::InvalidAggregationMethod { value: text.to_owned() }),
        }
    }
}

fn percentile(text: &str) -> Option<Method> {
    let digits = text.strip_suffix("pct")?;
    let canonical = digits.bytes().all(|b| b.is_ascii_digit()) && !digits.starts_with('0');
    let p: u8 = digits.parse().ok()?;
    (canonical && (1..=99).contains(&p)).then_some(Method::Percentile(p))
}

/// A set of aggregation methods.
///
/// ```
/// use gnocchetti::{AggregationMethod, MethodSet};
///
/// let set: MethodSet = [AggregationMethod::MEAN, AggregationMethod::MAX].into_iter().collect();
/// assert!(set.contains(AggregationMethod::MAX));
/// assert_eq!(set.to_string(), "mean, max");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct MethodSet([u64; 4]);

impl MethodSet {
    /// The set of all 216 methods.
    pub fn all() -> Self {
        AggregationMethod::all().collect()
    }

    /// Adds a method.
    pub fn insert(&mut self, method: AggregationMethod) {
        self.0[usize::from(method.0 >> 6)] |= 1 << (method.0 & 63);
    }

    /// Takes a method out.
    pub fn remove(&mut self, method: AggregationMethod) {
        self.0[usize::from(method.0 >> 6)] &= !(1 << (method.0 & 63));
    }

    /// Whether the method is in the set.
    pub fn contains(&self, method: AggregationMethod) -> bool {
        self.0[usize::from(method.0 >> 6)] & (1 << (method.0 & 63)) != 0
    }

    /// Whether the set is empty.
    pub fn is_empty(&self) -> bool {
        self.0 == [0; 4]
    }

    /// How many methods are in the set.
    pub fn len(&self) -> usize {
        self.0.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// The methods in order of their numbers.
    pub fn iter(&self) -> impl Iterator<Item = AggregationMethod> + '_ {
        AggregationMethod::all().filter(|method| self.contains(*method))
    }

    /// Whether any method is a `rate:` one.
    pub fn has_rate(&self) -> bool {
        self.iter().any(AggregationMethod::is_rate)
    }

    /// The methods that a segment stores so that each of these can be read back: with `mean` also `sum` and `count`,
    /// with `rate:mean` also `rate:sum` and `rate:count`, since a mean is not stored when it is their quotient.
    #[must_use]
    pub fn stored(&self) -> Self {
        let mut stored = *self;
        for rate in [false, true] {
            let of = |method| AggregationMethod::new(method, rate);
            if self.contains(of(Method::Mean)) {
                stored.insert(of(Method::Sum));
                stored.insert(of(Method::Count));
            }
        }
        stored
    }
}

impl FromIterator<AggregationMethod> for MethodSet {
    fn from_iter<I: IntoIterator<Item = AggregationMethod>>(methods: I) -> Self {
        let mut set = MethodSet::default();
        methods.into_iter().for_each(|method| set.insert(method));
        set
    }
}

impl fmt::Display for MethodSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, method) in self.iter().enumerate() {
            if i > 0 {
                f.write_str(", ")?;
            }
            write!(f, "{method}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for MethodSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{{self}}}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_method_parses_back_from_its_name_and_id() {
        assert_eq!(AggregationMethod::all().count(), 216);
        for method in AggregationMethod::all() {
            assert_eq!(method.to_string().parse::<AggregationMethod>().unwrap(), method);
            assert_eq!(AggregationMethod::from_id(method.id()), Some(method));
            assert_eq!(AggregationMethod::new(method.method(), method.is_rate()), method);
        }
        assert_eq!(AggregationMethod::from_id(216), None);
    }

    #[test]
    fn what_is_no_method_is_refused() {
        for text in
            ["", "nunique", "0pct", "100pct", "+5pct", "05pct", "pct", "rate:", "rate:rate:mean", "Mean", "mean "]
        {
            assert!(text.parse::<AggregationMethod>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_set_stores_what_its_means_derive_from() {
        let set: MethodSet = [AggregationMethod::MEAN, AggregationMethod::MAX.rate()].into_iter().collect();
        assert_eq!(set.stored().to_string(), "mean, sum, count, rate:max");
        assert!(set.has_rate() && set.len() == 2);
    }
}
