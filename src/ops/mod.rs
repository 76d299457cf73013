//! Operations across series: the language in which Gnocchi's users ask for arithmetic and aggregation over metrics.
//!
//! An [`Operation`] is read from JSON lists or from a text of nested parentheses, and printed back as either. It names the
//! [`Reference`]s whose points the caller has to fetch; these come in as [`Input`]s. `join` brings those of one
//! granularity onto the same timestamps, fills holes or measures the overlap; `evaluate` walks the tree over the joined
//! table; what remains leaves as [`Evaluated`]: one series per metric, or one of all. [`Predicate`] is the smaller
//! language in which values are searched. `docs/operations.md` has both in full.
//!
//! Everything here is a pure function. Nothing may fetch, do I/O or read a clock, and no text, JSON or tree, however
//! hostile, may exhaust the stack: nesting, size and the cells of a table are bounded.

mod across;
mod arithmetic;
mod evaluate;
mod fill;
mod input;
mod join;
mod lost;
mod operation;
mod operator;
mod parse;
mod predicate;
mod presence;
mod print;
mod reaggregation;
mod reduction;
mod rolling;
mod running;
mod syntax;
mod table;

pub use evaluate::{EvaluateOptions, evaluate};
pub use fill::Fill;
pub use input::{Evaluated, Input, Label, OutputLabel, OutputSeries};
pub use operation::{MAX_DEPTH, Operation, Reference};
pub use operator::{BinaryOperator, UnaryOperator};
pub use predicate::Predicate;
pub use presence::Presence;
pub use reaggregation::Reaggregation;
pub use reduction::Reduction;
pub(crate) use running::Running;
pub use syntax::{MAX_BYTES, MAX_NODES};

#[cfg(test)]
mod tests;
