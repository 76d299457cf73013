//! Searching for metrics.

use rusqlite::Connection;

use super::super::Indexer;
use super::super::failure::Failure;
use super::super::metrics::{StoredMetric, parameter, row};
use super::arms::Arm;
use super::bind::Context;
use super::statement::{Question, Statement, build};
use crate::error::Result;
use crate::types::{AttributeValue, Filter, History, MetricSearch, MetricStatus, Operator, Test, Tree};

/// The condition that a metric is of this status, written so that a partial index is known to hold it.
pub(super) fn status(status: MetricStatus) -> &'static str {
    match status {
        MetricStatus::Active => " AND m.status = 0",
        MetricStatus::Delete => " AND m.status = 1",
    }
}

impl Indexer {
    /// The metrics that `search` asks for, of those that `visibility` finds too.
    ///
    /// A filter that demands a `status` overrides that of the search.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownAttribute`], [`Error::InvalidAttributeValue`], [`Error::InvalidFilter`],
    /// [`Error::FilterTooLarge`], [`Error::InvalidPagination`] for a marker that is none of the metrics.
    ///
    /// [`Error::UnknownAttribute`]: crate::Error::UnknownAttribute
    /// [`Error::InvalidAttributeValue`]: crate::Error::InvalidAttributeValue
    /// [`Error::InvalidFilter`]: crate::Error::InvalidFilter
    /// [`Error::FilterTooLarge`]: crate::Error::FilterTooLarge
    /// [`Error::InvalidPagination`]: crate::Error::InvalidPagination
    pub fn search_metrics(&self, search: &MetricSearch, visibility: Option<&Filter>) -> Result<Vec<StoredMetric>> {
        self.read("search metrics", |connection| {
            statement(connection, search, visibility)?.rows(connection, |metric| Ok(row(metric)?))
        })
    }
}

/// The statement of a search.
pub(in crate::indexer) fn statement(
    connection: &Connection,
    search: &MetricSearch,
    visibility: Option<&Filter>,
) -> Result<Statement, Failure> {
    let question = Question {
        filter: search.filter.as_ref(),
        visibility,
        history: History::Current,
        sort: &search.sort,
        limit: search.limit,
        marker: search.marker,
        after_key: search.after_key.map(parameter),
        context: Context { now: search.now, creator: search.creator.as_deref() },
    };
    let demanded = search.filter.as_ref().map(Filter::tree).transpose()?;
    let status = demanded.as_ref().and_then(demanded_status).unwrap_or(search.status);
    build(connection, &[Arm::Metrics(status)], &question)
}

/// The status that every metric found must have, as the filter says.
fn demanded_status(tree: &Tree) -> Option<MetricStatus> {
    match tree {
        Tree::Compare(comparison) if comparison.attribute == "status" => match &comparison.test {
            Test::Is(Operator::Eq, AttributeValue::Text(text)) if text == "active" => Some(MetricStatus::Active),
            Test::Is(Operator::Eq, AttributeValue::Text(text)) if text == "delete" => Some(MetricStatus::Delete),
            _ => None,
        },
        Tree::All(parts) => parts.iter().find_map(demanded_status),
        Tree::Compare(_) | Tree::Not(_) | Tree::Any(_) => None,
    }
}
