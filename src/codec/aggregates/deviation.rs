//! `std` from `count` and `sum`, when the measures were decimals, and from `min` and `max` where they are there too.
//!
//! With integers `x` (the measures times `10^e`), `n·Σx² − (Σx)²` is an integer, and all but `Σx²` of it is known.
//! What is kept is how far `Σx²` lies above the least it can be: two of the numbers are the smallest and the largest,
//! the others are all alike, and it is odd when the sum is. That is a small number, halved. From it the deviation
//! follows up to the last few bits, whose distance is kept as for decimals.

use crate::codec::decimal::power;

/// Deviations this far, in units of the last place, from what the integers say are exceptions.
pub const FARTHEST: u64 = 1 << 13;

/// What is known of a group without its deviation.
#[derive(Clone, Copy)]
pub struct Group {
    /// How many measures it holds; less than 2 counts as 2.
    pub count: i64,
    /// The sum of their integers.
    pub sum: i64,
    /// The smallest and the largest integer.
    pub ends: Option<(i64, i64)>,
}

impl Group {
    /// What `n` times the least sum of squares exceeds the square of the sum by.
    #[inline]
    fn remainder(self) -> i128 {
        let n = self.count.max(2);
        let sum = i128::from(self.sum);
        let mut least = match self.ends {
            None => evenly(sum, n),
            Some((low, high)) => {
                let (low, high) = (i128::from(low), i128::from(high));
                let ends = (low * low).wrapping_add(high * high);
                ends.wrapping_add(evenly(sum - low - high, n - 2))
            }
        };
        least = least.wrapping_add((least ^ sum) & 1);
        least.wrapping_mul(i128::from(n)).wrapping_sub(sum * sum)
    }

    /// The deviation of the group over `10^exponent`, whose squares sum to twice `excess` above the least.
    #[inline]
    pub fn deviation(self, excess: i64, exponent: u8) -> f64 {
        let n = self.count.max(2);
        let squares = (2 * i128::from(n)).wrapping_mul(i128::from(excess)).wrapping_add(self.remainder());
        let (n, power) = (n as f64, power(exponent));
        (to_float(squares) / (n * (power * power)) / (n - 1.0)).sqrt()
    }

    /// The excess that gives the deviation `value`, as near as can be.
    pub fn excess(self, value: f64, exponent: u8) -> Option<i64> {
        let n = self.count as f64;
        let scaled = value * power(exponent);
        let squares = scaled * scaled * (n * (n - 1.0));
        if self.count < 2 || !(0.0..9e15).contains(&squares) {
            return None;
        }
        let step = 2 * i128::from(self.count);
        let above = (squares.round() as i128).wrapping_sub(self.remainder());
        i64::try_from(above.wrapping_add(step / 2).div_euclid(step)).ok()
    }
}

/// The least sum of squares of `n` equal numbers that sum to `sum`, rounded up.
#[inline]
fn evenly(sum: i128, n: i64) -> i128 {
    if n <= 0 {
        return 0;
    }
    // Sixty-four bits are several times faster, and mostly enough.
    if let Ok(short) = u32::try_from(sum.unsigned_abs()) {
        return i128::from((u64::from(short) * u64::from(short)).div_ceil(n as u64));
    }
    let (square, n) = (sum.wrapping_mul(sum), i128::from(n));
    square.div_euclid(n) + i128::from(square.rem_euclid(n) != 0)
}

#[inline]
fn to_float(x: i128) -> f64 {
    i64::try_from(x).map_or(x as f64, |short| short as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::decimal::ulps;
    use crate::codec::samples::Random;

    /// Shares of 1000 that are exact, and near; and the largest excess.
    fn quality(each: usize, bounded: bool) -> (usize, usize, i64) {
        let mut random = Random(5);
        let (mut exact, mut near, mut largest) = (0, 0, 0);
        for _ in 0..1000 {
            let values: Vec<f64> = (0..each).map(|_| (50.0 + 3.0 * random.normal()).floor()).collect();
            let n = each as f64;
            let sum: f64 = values.iter().sum();
            let squares: f64 = values.iter().map(|v| (v - sum / n) * (v - sum / n)).sum();
            let std = (squares / (n - 1.0)).sqrt();
            let low = values.iter().copied().fold(f64::MAX, f64::min) as i64;
            let high = values.iter().copied().fold(f64::MIN, f64::max) as i64;
            let group = Group { count: each as i64, sum: sum as i64, ends: bounded.then_some((low, high)) };
            let excess = group.excess(std, 0).unwrap();
            assert!(excess >= 0);
            largest = largest.max(excess);
            let distance = ulps(std, group.deviation(excess, 0));
            exact += usize::from(distance == 0);
            near += usize::from(distance.abs() <= 2);
        }
        (exact, near, largest)
    }

    #[test]
    fn deviations_of_integers_are_nearly_exact_and_their_excess_is_small() {
        let (exact, near, free) = quality(6, false);
        assert!(exact > 700 && near > 990, "{exact} {near}");
        let (_, _, bounded) = quality(6, true);
        assert!(2 * bounded < free, "{bounded} {free}");
        assert_eq!(quality(2, true), (1000, 1000, 0));
    }

    #[test]
    fn any_numbers_give_some_float() {
        let extremes = [i64::MIN, -1, 0, 1, 2, 3, 1 << 31, 1 << 32, 1 << 40, i64::MAX];
        let mut random = Random(1);
        let mut any = || extremes[random.below(extremes.len())];
        for i in 0..20_000 {
            let group = Group { count: any(), sum: any(), ends: (i % 2 == 0).then(|| (any(), any())) };
            let excess = any();
            let _ = group.deviation(excess, 31);
            let _ = group.excess(excess as f64, 3);
        }
        let group = Group { count: 2, sum: 4, ends: None };
        assert_eq!(group.deviation(0, 0).to_bits(), 0f64.to_bits());
        assert_eq!(group.excess(f64::NAN, 0), None);
        assert_eq!(Group { count: 1, ..group }.excess(1.0, 0), None);
    }
}
