//! Searching: one parameterised statement per search, made from a filter, an order and a place in it.
//!
//! `bind` turns a filter into comparisons with parameters of the right type, or says which attribute and type do not fit.
//! `arms` knows the tables: where an attribute lies and how tables are joined. `drive` chooses the one index by which
//! the rows are found; all other columns are marked with `+`, so that the choice is ours and the same at any size. `order`
//! writes the order and the place behind the marker, and `statement` puts all of it together.

mod arms;
mod bind;
mod column;
mod drive;
mod metrics;
mod order;
mod resources;
mod statement;

pub(super) use bind::Context;
pub(super) use resources::select;

#[cfg(test)]
pub(super) use metrics::statement as metrics_statement;
#[cfg(test)]
pub(super) use resources::statement as resources_statement;

/// A parameter's number in a statement; the first one is 1.
type Parameter = usize;
