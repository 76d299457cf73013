//! Signed integers as the smallest of six images: all equal, all equal but a few, above their minimum (frame of
//! reference), differences above the smallest difference, zigzagged differences, or distances from a straight line.
//!
//! For the last four a common divisor is taken out first, and what remains goes through `blocks`. All arithmetic
//! wraps: every sequence of `i64` has such images, also when its differences do not fit 64 bits. (Goldstein,
//! Ramakrishnan and Shaft, "Compressing relations and indexes", 1998, for the frame of reference.)
//!
//! Layout: a head byte (bits 0–2 the image, bit 3 a divisor follows, bit 4 one width for all blocks), the zigzag
//! varint of the base, the varint of the divisor, the zigzag varint of the step, the blocks. For all equal but a few:
//! the head, the base, how many differ, and for each the rows since the one before and the zigzag varint of its
//! distance from the base.

use super::DecodeError;
use super::blocks::{self, Plan};
use super::reader::Reader;
use super::varint::{length, put, put_signed, unzigzag, zigzag};

const DIVIDED: u8 = 1 << 3;
const UNIFORM: u8 = 1 << 4;

const CONSTANT: u8 = 0;
const FRAME: u8 = 1;
const DELTA: u8 = 2;
const ZIGZAG: u8 = 3;
const LINE: u8 = 4;
const SPARSE: u8 = 5;

/// Memory of the encoder.
#[derive(Default)]
pub struct Scratch {
    reduced: Vec<i64>,
    odd: Vec<(usize, i64)>,
    images: [Image; 4],
}

/// One way to write the numbers.
#[derive(Default)]
struct Image {
    small: Vec<u64>,
    plan: Plan,
    base: i64,
    step: Option<i64>,
}

impl Image {
    fn plan(&mut self) -> usize {
        self.plan.make(&self.small);
        let step = self.step.map_or(0, |step| length(zigzag(step)));
        self.plan.cost + 8 * (length(zigzag(self.base)) + step)
    }
}

/// Whether the encoder also tries a straight line. It pays for timestamps, hardly for values.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Lines {
    Try,
    Skip,
}

/// Appends `numbers`; none makes no bytes.
pub fn encode(numbers: &[i64], lines: Lines, scratch: &mut Scratch, out: &mut Vec<u8>) {
    let Some(&first) = numbers.first() else { return };
    let divisor = common_divisor(numbers);
    if divisor == 0 {
        out.push(CONSTANT);
        put_signed(out, first);
        return;
    }
    reduce(numbers, divisor, &mut scratch.reduced);
    let y = &scratch.reduced;
    let [frame, delta, zigzagged, line] = &mut scratch.images;
    make_frame(y, frame);
    make_deltas(y, delta, zigzagged);
    let mut best = (frame.plan(), FRAME);
    best = best.min((delta.plan(), DELTA)).min((zigzagged.plan(), ZIGZAG));
    if lines == Lines::Try {
        make_line(y, line);
        best = best.min((line.plan(), LINE));
    }
    if let Some(usual) = usual(numbers)
        && sparse_cost(numbers, usual, best.0, &mut scratch.odd) < best.0
    {
        return write_sparse(usual, &scratch.odd, out);
    }
    let image = &scratch.images[usize::from(best.1 - FRAME)];
    let base = first.wrapping_add(image.base.wrapping_mul(divisor as i64));
    write(best.1, image, base, divisor, out);
}

fn write(kind: u8, image: &Image, base: i64, divisor: u64, out: &mut Vec<u8>) {
    let divided = if divisor > 1 { DIVIDED } else { 0 };
    let uniform = if image.plan.uniform { UNIFORM } else { 0 };
    out.push(kind | divided | uniform);
    put_signed(out, base);
    if divisor > 1 {
        put(out, divisor);
    }
    if let Some(step) = image.step {
        put_signed(out, step);
    }
    image.plan.write(&image.small, out);
}

/// The number that most of sixteen samples are.
fn usual(numbers: &[i64]) -> Option<i64> {
    const SAMPLES: usize = 16;
    let sample = |i: usize| numbers[(2 * i + 1) * numbers.len() / (2 * SAMPLES)];
    [sample(5), sample(10)].into_iter().find(|&usual| (0..SAMPLES).filter(|&i| sample(i) == usual).count() > 10)
}

/// Collects the numbers that differ from the usual one, as (row, distance), and what they cost in bits; stops at
/// `most`.
fn sparse_cost(numbers: &[i64], usual: i64, most: usize, odd: &mut Vec<(usize, i64)>) -> usize {
    odd.clear();
    let mut cost = 8 * length(zigzag(usual)) + 8;
    for (row, &x) in numbers.iter().enumerate().filter(|(_, x)| **x != usual) {
        let gap = row - odd.last().map_or(0, |&(last, _)| last);
        let distance = x.wrapping_sub(usual);
        cost += 8 * (length(gap as u64) + length(zigzag(distance)));
        odd.push((row, distance));
        if cost >= most {
            break;
        }
    }
    cost
}

fn write_sparse(usual: i64, odd: &[(usize, i64)], out: &mut Vec<u8>) {
    out.push(SPARSE);
    put_signed(out, usual);
    put(out, odd.len() as u64);
    let mut last = 0;
    for &(row, distance) in odd {
        put(out, (row - last) as u64);
        put_signed(out, distance);
        last = row;
    }
}

/// The greatest number that divides all differences; 0 when all are equal.
fn common_divisor(numbers: &[i64]) -> u64 {
    let first = numbers[0];
    let (mut divisor, mut last) = (0, first);
    for &x in numbers {
        if x == last {
            continue;
        }
        let difference = x.wrapping_sub(first).unsigned_abs();
        last = x;
        if divisor == 0 {
            divisor = difference;
        } else if difference % divisor != 0 {
            divisor = gcd(divisor, difference % divisor);
        }
        if divisor == 1 {
            break;
        }
    }
    divisor
}

/// The greatest common divisor; 0 divides by everything.
pub fn gcd(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

/// The distances from the first number, divided. An exact division is a shift and a product with the odd part's
/// inverse.
fn reduce(numbers: &[i64], divisor: u64, out: &mut Vec<i64>) {
    out.clear();
    let first = numbers[0];
    if divisor == 1 {
        out.extend(numbers.iter().map(|x| x.wrapping_sub(first)));
        return;
    }
    let shift = divisor.trailing_zeros();
    let inverse = odd_inverse(divisor >> shift) as i64;
    out.extend(numbers.iter().map(|x| (x.wrapping_sub(first) >> shift).wrapping_mul(inverse)));
}

/// The inverse modulo 2^64 by Newton's iteration; `odd * odd` is 1 modulo 8, so five steps suffice.
fn odd_inverse(odd: u64) -> u64 {
    (0..5).fold(odd, |x, _| x.wrapping_mul(2u64.wrapping_sub(odd.wrapping_mul(x))))
}

fn make_frame(y: &[i64], image: &mut Image) {
    image.base = y.iter().copied().min().unwrap_or(0);
    above(image.base, y.iter().copied(), &mut image.small);
}

fn make_deltas(y: &[i64], delta: &mut Image, zigzagged: &mut Image) {
    let differences = || y.windows(2).map(|pair| pair[1].wrapping_sub(pair[0]));
    let smallest = differences().min().unwrap_or(0);
    above(smallest, differences(), &mut delta.small);
    (delta.base, delta.step) = (0, Some(smallest));
    zigzagged.small.clear();
    zigzagged.small.extend(differences().map(zigzag));
}

fn make_line(y: &[i64], image: &mut Image) {
    let step = y[y.len() - 1] / (y.len() as i64 - 1).max(1);
    let distances = || y.iter().zip(0i64..).map(|(y, i)| y.wrapping_sub(step.wrapping_mul(i)));
    image.base = distances().min().unwrap_or(0);
    image.step = Some(step);
    above(image.base, distances(), &mut image.small);
}

fn above(base: i64, numbers: impl Iterator<Item = i64>, out: &mut Vec<u64>) {
    out.clear();
    out.extend(numbers.map(|x| x.wrapping_sub(base) as u64));
}

/// Reads `n` numbers into `out`, replacing what is there.
pub fn decode(reader: &mut Reader<'_>, n: usize, out: &mut Vec<i64>) -> Result<(), DecodeError> {
    if let Some(Steps { base, step }) = decode_steps(reader, n, out)? {
        let mut number = base;
        for slot in out {
            let next = number.wrapping_add(slot.wrapping_add(step));
            *slot = number;
            number = next;
        }
    }
    Ok(())
}

/// Reads `n` numbers and appends the floats of which they are the bits; whether any is negative. `spare` is memory of the reading.
pub fn decode_bits(
    reader: &mut Reader<'_>,
    n: usize,
    spare: &mut Vec<i64>,
    out: &mut Vec<f64>,
) -> Result<bool, DecodeError> {
    let Some(Steps { base, step }) = decode_steps(reader, n, spare)? else {
        out.extend(spare.iter().map(|&number| f64::from_bits(number as u64)));
        return Ok(spare.iter().fold(0, |all, number| all | number) < 0);
    };
    let (mut next, mut all) = (base, 0);
    out.extend(spare.iter().map(|slot| {
        let number = next;
        next = number.wrapping_add(slot.wrapping_add(step));
        all |= number;
        f64::from_bits(number as u64)
    }));
    Ok(all < 0)
}

/// Numbers that are told by their differences: slot `i` holds what leads, beside `step`, from number `i` to the next, and the last
/// slot's is not used.
struct Steps {
    /// The first number.
    base: i64,
    step: i64,
}

/// Reads `n` numbers into `out`, replacing what is there, or what leads from each to the next.
fn decode_steps(reader: &mut Reader<'_>, n: usize, out: &mut Vec<i64>) -> Result<Option<Steps>, DecodeError> {
    if n == 0 {
        out.clear();
        return Ok(None);
    }
    let head = reader.byte()?;
    let base = reader.signed()?;
    let divisor = if head & DIVIDED != 0 { reader.varint()? as i64 } else { 1 };
    let kind = head & !(DIVIDED | UNIFORM);
    let step = if kind == DELTA || kind == LINE { reader.signed()?.wrapping_mul(divisor) } else { 0 };
    match kind {
        CONSTANT | SPARSE => {
            out.clear();
            out.resize(n, base);
            return match head {
                CONSTANT => Ok(None),
                SPARSE => decode_sparse(reader, out).map(|()| None),
                _ => Err(UNKNOWN),
            };
        }
        FRAME | LINE => blocks::read(reader, n, head & UNIFORM != 0, out)?,
        DELTA | ZIGZAG => {
            blocks::read(reader, n - 1, head & UNIFORM != 0, out)?;
            out.push(0);
        }
        _ => return Err(UNKNOWN),
    }
    // What can be done to each number alone goes first, over all of them: several at a time then.
    if kind == ZIGZAG {
        for x in out.iter_mut() {
            *x = unzigzag(*x as u64);
        }
    }
    if divisor != 1 {
        for x in out.iter_mut() {
            *x = x.wrapping_mul(divisor);
        }
    }
    match kind {
        FRAME => out.iter_mut().for_each(|x| *x = x.wrapping_add(base)),
        LINE => undo_line(out, base, step),
        _ => return Ok(Some(Steps { base, step })),
    }
    Ok(None)
}

fn decode_sparse(reader: &mut Reader<'_>, out: &mut [i64]) -> Result<(), DecodeError> {
    let mut row = 0;
    for _ in 0..reader.count(out.len())? {
        row += reader.count(out.len())?;
        let distance = reader.signed()?;
        let number = out.get_mut(row).ok_or(DecodeError("an odd number lies outside its stream"))?;
        *number = number.wrapping_add(distance);
    }
    Ok(())
}

const UNKNOWN: DecodeError = DecodeError("an unknown kind of integer stream");

fn undo_line(out: &mut [i64], base: i64, step: i64) {
    let mut on_line = base;
    for x in out {
        *x = x.wrapping_add(on_line);
        on_line = on_line.wrapping_add(step);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::samples::Random;
    use proptest::prelude::*;

    fn round_trip(numbers: &[i64], lines: Lines) -> Vec<u8> {
        let mut bytes = Vec::new();
        encode(numbers, lines, &mut Scratch::default(), &mut bytes);
        let mut reader = Reader::new(&bytes);
        let mut back = vec![1, 2, 3];
        decode(&mut reader, numbers.len(), &mut back).unwrap();
        reader.finish().unwrap();
        assert_eq!(back, numbers);
        let (mut reader, mut floats) = (Reader::new(&bytes), vec![0.5]);
        let negative = decode_bits(&mut reader, numbers.len(), &mut back, &mut floats).unwrap();
        reader.finish().unwrap();
        assert_eq!(negative, numbers.iter().any(|number| *number < 0));
        assert!(floats[0] == 0.5 && floats[1..].iter().map(|float| float.to_bits() as i64).eq(numbers.iter().copied()));
        bytes
    }

    #[test]
    fn each_image_has_its_use() {
        let kind = |numbers: &[i64]| round_trip(numbers, Lines::Try)[0] & 7;
        let noise = |i: i64| Random(i as u64).next() as i64 & 0xff;
        let made = |f: &dyn Fn(i64) -> i64| (0..200).map(f).collect::<Vec<_>>();
        assert_eq!(kind(&[5; 200]), CONSTANT);
        assert_eq!(kind(&made(&noise)), FRAME);
        assert_eq!(kind(&made(&|i| i * i * 100 + noise(i))), DELTA);
        assert_eq!(kind(&made(&|i| (i - 100) * (i - 100) * 5 + if i == 50 { 100_000 } else { 0 })), ZIGZAG);
        assert_eq!(kind(&made(&|i| 1_000_000 * i + noise(i))), LINE);
        assert_eq!(kind(&made(&|i| if i % 50 == 0 { -i } else { 9 })), SPARSE);
    }

    #[test]
    fn a_regular_clock_costs_nothing_per_row() {
        let times: Vec<i64> = (0..65_536).map(|i| 1_700_000_000_000_000_000 + i * 10_000_000_000).collect();
        assert!(round_trip(&times, Lines::Try).len() <= 20);
    }

    #[test]
    fn golden() {
        assert_eq!(round_trip(&[7, 7, 7], Lines::Skip), [0, 14]);
        assert_eq!(round_trip(&[100, 130, 110], Lines::Skip), [FRAME | DIVIDED | UNIFORM, 200, 1, 10, 2, 0b01_11_00]);
        assert_eq!(round_trip(&[0, 9, 20, 29], Lines::Skip), [DELTA | UNIFORM, 0, 18, 2, 0b00_10_00]);
        let few = [&[4i64; 70][..], &[1, 4, 4, 5], &[4; 70]].concat();
        assert_eq!(round_trip(&few, Lines::Skip), [SPARSE, 8, 2, 70, 5, 3, 2]);
        assert_eq!(round_trip(&[i64::MIN, i64::MAX], Lines::Skip).len(), 13);
    }

    #[test]
    fn unknown_heads_are_refused() {
        for head in [6u8, 7, 32, 64, 128, CONSTANT | UNIFORM, CONSTANT | DIVIDED, SPARSE | UNIFORM, SPARSE | DIVIDED] {
            let mut out = Vec::new();
            assert!(decode(&mut Reader::new(&[head, 0, 0, 0, 0, 0, 0]), 2, &mut out).is_err(), "{head}");
        }
    }

    proptest! {
        #[test]
        fn any_numbers_come_back(
            numbers in prop::collection::vec(any::<i64>(), 1..150),
            shift in 0u32..64, scale: i64, slope: i64, extremes: bool,
        ) {
            let numbers: Vec<i64> = numbers.iter().zip(0..).map(|(x, i)| {
                let x = (x >> shift).wrapping_mul(scale).wrapping_add(slope.wrapping_mul(i));
                if extremes && x % 5 == 0 { if i % 2 == 0 { i64::MAX } else { i64::MIN } } else { x }
            }).collect();
            round_trip(&numbers, Lines::Try);
            round_trip(&numbers, Lines::Skip);
        }
    }
}
