//! What stands where a series has no value at a timestamp that another has.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};

/// How holes are filled when series are joined, and which results are left out.
///
/// A hole that stays one is NaN, in the tables and in the results: Gnocchi's `null`.
///
/// ```
/// use gnocchetti::ops::Fill;
///
/// assert_eq!("ffill".parse::<Fill>()?, Fill::Forward);
/// assert_eq!("0".parse::<Fill>()?, Fill::Number(0.0));
/// # Ok::<(), gnocchetti::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Fill {
    /// A number: this number.
    Number(f64),
    /// `null`: NaN.
    Null,
    /// `dropna`: NaN; results that are NaN or infinite are left out.
    DropNan,
    /// `ffill`: the value before; results that are NaN or infinite are left out.
    Forward,
    /// `bfill`: the value after; results that are NaN or infinite are left out.
    Backward,
    /// `full_ffill`: the value before, or else the one after; results that are NaN or infinite are left out.
    FullForward,
    /// `full_bfill`: the value after, or else the one before; results that are NaN or infinite are left out.
    FullBackward,
}

const NAMED: [(Fill, &str); 6] = [
    (Fill::Null, "null"),
    (Fill::DropNan, "dropna"),
    (Fill::Forward, "ffill"),
    (Fill::Backward, "bfill"),
    (Fill::FullForward, "full_ffill"),
    (Fill::FullBackward, "full_bfill"),
];

impl Fill {
    /// What stands in a hole before it is filled from its neighbours.
    pub(super) fn filler(self) -> f64 {
        if let Fill::Number(number) = self { number } else { f64::NAN }
    }

    /// Replaces NaN by what its neighbours say.
    pub(super) fn carry_into(self, values: &mut [f64]) {
        let forward = |values: &mut [f64]| carry(values.iter_mut());
        let backward = |values: &mut [f64]| carry(values.iter_mut().rev());
        match self {
            Fill::Number(_) | Fill::Null | Fill::DropNan => {}
            Fill::Forward => forward(values),
            Fill::Backward => backward(values),
            Fill::FullForward => {
                forward(values);
                backward(values);
            }
            Fill::FullBackward => {
                backward(values);
                forward(values);
            }
        }
    }

    /// Whether values are carried into holes from their neighbours.
    pub(super) fn carries(self) -> bool {
        !matches!(self, Fill::Number(_) | Fill::Null | Fill::DropNan)
    }

    /// Whether results that are NaN or infinite are left out.
    pub(super) fn drops(self) -> bool {
        !matches!(self, Fill::Number(_) | Fill::Null)
    }
}

fn carry<'a>(values: impl Iterator<Item = &'a mut f64>) {
    let mut carried = f64::NAN;
    for value in values {
        if value.is_nan() {
            *value = carried;
        } else {
            carried = *value;
        }
    }
}

impl FromStr for Fill {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let named = NAMED.iter().find(|(_, name)| *name == text).map(|(fill, _)| *fill);
        let fill = named.or_else(|| text.trim().parse().ok().map(Fill::Number));
        fill.ok_or_else(|| Error::InvalidOption {
            option: "fill",
            value: text.to_owned(),
            reason: "it must be a number, null, dropna, ffill, bfill, full_ffill or full_bfill".to_owned(),
        })
    }
}

impl fmt::Display for Fill {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self, NAMED.iter().find(|(fill, _)| fill == self)) {
            (Fill::Number(number), _) => write!(f, "{number:?}"),
            (_, name) => f.write_str(name.map(|(_, name)| *name).unwrap_or_default()),
        }
    }
}
