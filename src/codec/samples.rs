//! Test data: columns that codecs find hard, and ways to damage bytes.

use proptest::prelude::*;

/// Whether both have the same bits.
pub fn same_bits(a: &[f64], b: &[f64]) -> bool {
    a.iter().map(|v| v.to_bits()).eq(b.iter().map(|v| v.to_bits()))
}

/// Values that formats forget.
pub const SPECIAL: [f64; 16] = [
    0.0,
    -0.0,
    f64::NAN,
    -f64::NAN,
    f64::from_bits(0x7ff0_0000_0000_0001),
    f64::from_bits(0xfff8_dead_beef_0001),
    f64::INFINITY,
    f64::NEG_INFINITY,
    f64::MIN_POSITIVE,
    f64::from_bits(1),
    f64::from_bits(0x800f_ffff_ffff_ffff),
    f64::MAX,
    f64::MIN,
    9_007_199_254_740_993.0,
    -9_223_372_036_854_775_808.0,
    0.1,
];

/// One kind of value per column, with others strewn in.
fn value(kind: u8, seed: u64, row: i64) -> f64 {
    let small = (seed % 2000) as f64 - 1000.0;
    match kind {
        0 => small,
        1 => small / 100.0,
        2 => row as f64 * 7.0 + (seed % 5) as f64,
        3 => small.sin() * 50.0,
        4 => f64::from_bits(seed),
        5 => SPECIAL[(seed % 16) as usize],
        6 => 0.1 + 0.2 * (seed % 10) as f64,
        7 => 42.5,
        8 => (seed as i64) as f64,
        _ => (seed % 3) as f64 * std::f64::consts::PI,
    }
}

/// Columns of 1 to `most` values: decimals, counters, full mantissas, random bits, constants, specials, and mixtures.
pub fn hostile(most: usize) -> impl Strategy<Value = Vec<f64>> {
    (1..=most).prop_flat_map(|rows| column(rows))
}

/// The same with exactly `rows` values.
pub fn column(rows: usize) -> impl Strategy<Value = Vec<f64>> {
    let seeds = prop::collection::vec(any::<u64>(), rows);
    (0u8..10, 0u8..10, prop_oneof![Just(0u64), Just(2), Just(20), Just(50)], seeds).prop_map(
        |(usual, other, share, seeds)| {
            seeds
                .iter()
                .zip(0..)
                .map(|(&seed, row)| value(if seed >> 32 & 127 < share { other } else { usual }, seed, row))
                .collect()
        },
    )
}

/// A small random number generator, so that tests repeat.
pub struct Random(pub u64);

impl Random {
    /// The next number.
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let x = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let x = (x ^ x >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ x >> 31
    }

    /// A number below `n`.
    pub fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }

    /// Roughly normal, mean 0, deviation 1.
    pub fn normal(&mut self) -> f64 {
        (0..12).map(|_| (self.next() >> 11) as f64 / (1u64 << 53) as f64).sum::<f64>() - 6.0
    }
}

/// Calls `check` with `times` damaged copies of `bytes`: flipped bits, random bytes, cuts, extensions, runs of ones, noise.
pub fn mutate(bytes: &[u8], times: usize, mut check: impl FnMut(&[u8])) {
    let mut random = Random(bytes.len() as u64);
    for _ in 0..times {
        let mut copy = bytes.to_vec();
        for _ in 0..=random.below(3) {
            damage(&mut copy, &mut random);
        }
        check(&copy);
    }
}

fn damage(bytes: &mut Vec<u8>, random: &mut Random) {
    let at = random.below(bytes.len());
    match random.below(8) {
        0 => bytes.truncate(at),
        1 => bytes.push(random.next() as u8),
        2 => bytes.iter_mut().skip(at).take(9).for_each(|byte| *byte = 0xff),
        3 => bytes.iter_mut().for_each(|byte| *byte = random.next() as u8),
        4 => bytes.iter_mut().take(24).skip(at % 24).take(1).for_each(|byte| *byte = random.next() as u8),
        5 => bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte = random.next() as u8),
        _ => bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= 1 << random.below(8)),
    }
}
