//! The values that are pushed: random walks that look like measurements and are the same in every run.

/// A generator of random numbers (xorshift64*): fast, and good enough for data that must only not compress by accident.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// The generator of this seed.
    pub fn new(seed: u64) -> Self {
        // Small seeds have most bits alike; one step of splitmix64 tells them apart, and no state is zero.
        let mixed = seed.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        Random((mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9) | 1)
    }

    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// Evenly between 0 and 1, without 1.
    pub fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// One of `0..end`.
    pub fn below(&mut self, end: usize) -> usize {
        (self.unit() * end as f64) as usize
    }

    /// Normally distributed: mean 0, deviation 1 (Marsaglia's polar method).
    pub fn normal(&mut self) -> f64 {
        loop {
            let (x, y) = (self.unit() * 2.0 - 1.0, self.unit() * 2.0 - 1.0);
            let square = x * x + y * y;
            if square > 0.0 && square < 1.0 {
                return x * (-2.0 * square.ln() / square).sqrt();
            }
        }
    }
}

/// The load of a processor in percent: starts anywhere, then a normal step at a time, within 0 and 100.
pub struct Cpu {
    random: Random,
    load: f64,
}

impl Cpu {
    pub fn new(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let load = random.unit() * 100.0;
        Cpu { random, load }
    }
}

impl Iterator for Cpu {
    type Item = f64;

    fn next(&mut self) -> Option<f64> {
        let load = self.load;
        self.load = (load + self.random.normal()).clamp(0.0, 100.0);
        Some(load)
    }
}

/// A counter of events: from 0 on by a Poisson number of mean 200 per step, in a twentieth of the steps by ten times that.
pub struct Counter {
    random: Random,
    total: u64,
    /// How likely at most so many events are.
    cumulated: Vec<f64>,
}

impl Counter {
    const MEAN: f64 = 200.0;

    pub fn new(seed: u64) -> Self {
        let mut likely = (-Self::MEAN).exp();
        let mut sum = 0.0;
        let mut cumulated = Vec::new();
        // Beyond three times the mean nothing is left that a double could tell from 1.
        for events in 1..600 {
            sum += likely;
            cumulated.push(sum);
            likely *= Self::MEAN / f64::from(events);
        }
        Counter { random: Random::new(seed), total: 0, cumulated }
    }
}

impl Iterator for Counter {
    type Item = f64;

    fn next(&mut self) -> Option<f64> {
        let total = self.total;
        let chance = self.random.unit();
        let events = self.cumulated.partition_point(|cumulated| *cumulated < chance) as u64;
        self.total += if self.random.unit() < 0.05 { 10 * events } else { events };
        Some(total as f64)
    }
}

/// Values of many metrics over many ticks, out of a table of fewer walks: metric `WALKS + m` goes the way of `m`, one tick
/// ahead. Made before the clock starts, small enough to leave the memory to the database.
pub struct Table {
    values: Vec<f64>,
    ticks: usize,
}

impl Table {
    const WALKS: usize = 4096;

    /// For so many metrics over so many ticks.
    pub fn new(metrics: usize, ticks: usize) -> Self {
        let rows = ticks + metrics.div_ceil(Self::WALKS);
        let walks = metrics.min(Self::WALKS);
        let mut values = vec![0.0; rows * Self::WALKS];
        for walk in 0..walks {
            for (row, value) in Cpu::new(walk as u64).take(rows).enumerate() {
                values[row * Self::WALKS + walk] = value;
            }
        }
        Table { values, ticks }
    }

    /// The value of a metric at a tick.
    pub fn value(&self, metric: usize, tick: usize) -> f64 {
        self.values[tick * Self::WALKS + metric]
    }

    /// All values of a metric, with their times in ns, a tick every `seconds` from the beginning.
    pub fn measures(&self, metric: usize, seconds: i64) -> Vec<(i64, f64)> {
        let time = |tick: usize| crate::setup::EPOCH + tick as i64 * seconds * crate::setup::SECOND;
        (0..self.ticks).map(|tick| (time(tick), self.value(metric, tick))).collect()
    }
}
