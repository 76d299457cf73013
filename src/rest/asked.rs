//! Over which points a question is: its times, granularity, and what to do about holes, as they stand in the query.

use super::call::Call;
use super::failure::Failure;
use super::parameters::invalid;
use crate::ops::Fill;
use crate::{Timespan, Timestamp};

/// What `start`, `stop`, `granularity`, `needed_overlap` and `fill` say.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked {
    pub(super) from: Option<Timestamp>,
    pub(super) to: Option<Timestamp>,
    pub(super) granularity: Option<Timespan>,
    pub(super) needed_overlap: Option<f64>,
    pub(super) fill: Option<Fill>,
}

impl Asked {
    /// What a request asks.
    pub(super) fn of(call: &Call) -> Result<Self, Failure> {
        let text = |name: &str| call.query.get(name).map(String::as_str);
        let number = |text: &str| text.trim().parse().map_err(|_| invalid("needed_overlap", "Must be a number"));
        let needed_overlap = text("needed_overlap").map(number).transpose()?;
        let (from, to, granularity) = (call.time("start")?, call.time("stop")?, call.granularity()?);
        let fill = text("fill").map(|text| text.parse().map_err(|_| unknown_fill())).transpose()?;
        Ok(Asked { from, to, granularity, needed_overlap, fill })
    }

    /// The granularity, as a list of those asked for.
    pub(super) fn granularities(&self) -> Vec<Timespan> {
        self.granularity.into_iter().collect()
    }
}

fn unknown_fill() -> Failure {
    invalid("fill", "Must be a float, 'dropna', 'null', 'ffill', 'bfill', 'full_ffill' or 'full_bfill'")
}
