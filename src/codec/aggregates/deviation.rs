//! `std` from `count` and `sum`, when the measures were decimals.
//!
//! With integers `x` (the measures times `10^e`), `n·Σx² − (Σx)²` is an integer too. `n` and `Σx` are known; what is kept is
//! how far `Σx²` lies above the least it can be, `⌈(Σx)²/n⌉`: a small number. From it the deviation follows up to the last few
//! bits, whose distance is kept as for decimals.

use crate::codec::decimal::power;

/// The most bits of a sum for which its square is taken in 64 bits.
const SHORT: u32 = 31;
/// Deviations this far, in units of the last place, from what the integers say are exceptions.
pub const FARTHEST: u64 = 1 << 13;

/// The least sum of squares of `n` integers whose sum is `sum`, and what `n` times it exceeds `sum²` by.
#[inline]
fn least(n: i64, sum: i64) -> (i128, i128) {
    if sum.unsigned_abs() >> SHORT == 0 {
        let (n, square) = (n as u64, (sum * sum) as u64);
        let least = square.div_ceil(n);
        return (i128::from(least), i128::from(least.wrapping_mul(n).wrapping_sub(square)));
    }
    let (n, square) = (i128::from(n), i128::from(sum) * i128::from(sum));
    let least = square / n + i128::from(square % n != 0);
    (least, least.wrapping_mul(n).wrapping_sub(square))
}

/// The deviation of `n` (at least 2) integers over `10^exponent` with this sum, whose squares sum to `excess` above the least.
#[inline]
pub fn deviation(n: i64, sum: i64, excess: i64, exponent: u8) -> f64 {
    let n = n.max(2);
    let (_, remainder) = least(n, sum);
    let squares = i128::from(n).wrapping_mul(i128::from(excess)).wrapping_add(remainder);
    let n = n as f64;
    (to_float(squares) / n / (n - 1.0)).sqrt() / power(exponent)
}

/// The excess that gives the deviation `value`, as near as can be.
pub fn excess(n: i64, sum: i64, value: f64, exponent: u8) -> Option<i64> {
    let scaled = value * power(exponent);
    let float = n as f64;
    let squares = scaled * scaled * (float * (float - 1.0));
    if n < 2 || !(0.0..9e15).contains(&squares) {
        return None;
    }
    let (_, remainder) = least(n, sum);
    i64::try_from((squares.round() as i128 - remainder + i128::from(n / 2)).div_euclid(i128::from(n))).ok()
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

    #[test]
    fn deviations_of_integers_are_nearly_exact() {
        let mut random = Random(5);
        let (mut exact, mut near) = (0, 0);
        for _ in 0..1000 {
            let values: Vec<f64> = (0..6).map(|_| (50.0 + 3.0 * random.normal()).floor()).collect();
            let sum: f64 = values.iter().sum();
            let mean = sum / 6.0;
            let squares: f64 = values.iter().map(|v| (v - mean) * (v - mean)).sum();
            let std = (squares / 5.0).sqrt();
            let kept = excess(6, sum as i64, std, 0).unwrap();
            assert!((0..1000).contains(&kept));
            let distance = ulps(std, deviation(6, sum as i64, kept, 0));
            exact += usize::from(distance == 0);
            near += usize::from(distance.abs() <= 2);
        }
        assert!(exact > 700 && near > 990, "{exact} {near}");
    }

    #[test]
    fn any_numbers_give_some_float() {
        let extremes = [i64::MIN, -1, 0, 1, 2, 3, 1 << 31, 1 << 40, i64::MAX];
        for n in extremes {
            for sum in extremes {
                for kept in extremes {
                    let _ = deviation(n, sum, kept, 31);
                    let _ = excess(n, sum, kept as f64, 3);
                }
            }
        }
        assert_eq!(deviation(2, 4, 0, 0).to_bits(), 0f64.to_bits());
        assert_eq!(excess(2, 4, f64::NAN, 0), None);
        assert_eq!(excess(1, 4, 1.0, 0), None);
    }
}
