//! Metrics by the names they have within their resources, for whoever pushes to them by name.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{Connection, OptionalExtension, params};
use uuid::Uuid;

use super::super::failure::Failure;
use super::super::metrics::StoredMetric;
use super::super::search::Context;
use super::super::{Indexer, sql};
use super::metrics::Attaching;
use super::rows::Found;
use super::visible;
use crate::error::{Error, Result};
use crate::types::{Filter, MetricKey, ResourceId, ResourceMetric, Timestamp};

/// Metrics of one resource that are looked for by name, and what they are to be like when they are made.
pub struct NamedMetrics<'a> {
    /// The resource.
    pub resource: &'a ResourceId,
    /// The metrics.
    pub metrics: BTreeMap<&'a str, &'a ResourceMetric>,
}

/// What was looked for by name, in the order in which it was: resources, and of each the metrics in order of names.
#[derive(Debug, Default, PartialEq)]
pub struct Resolved {
    /// The keys of the metrics.
    pub keys: Vec<MetricKey>,
    /// Those of them that are new.
    pub created: Vec<StoredMetric>,
}

impl Indexer {
    /// The metrics of these names, of resources that `visibility` finds.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownResourceMetrics`] with all resources and metrics that are not there; what a search of all resources
    /// refuses in `visibility`.
    pub fn named_metrics(&self, named: &[NamedMetrics], visibility: Option<&Filter>) -> Result<Resolved> {
        self.read("look up metrics of resources", |connection| {
            let mut looking = Looking::default();
            for wanted in named {
                looking.resource(connection, wanted, visibility)?;
            }
            Ok(Resolved { keys: looking.all()?, created: Vec::new() })
        })
    }

    /// As [`Indexer::named_metrics`], and makes those that are missing, all in one transaction.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownResourceMetrics`] with all resources that are not there; what [`Indexer::create_metrics`] refuses.
    pub fn create_named_metrics(
        &self,
        named: &[NamedMetrics],
        visibility: Option<&Filter>,
        now: Timestamp,
    ) -> Result<Resolved> {
        self.write("create metrics of resources", |transaction| {
            let mut looking = Looking::default();
            let mut attaching = Attaching::new(transaction, now);
            for wanted in named {
                let Some((found, missing)) = looking.resource(transaction, wanted, visibility)? else { continue };
                let new: BTreeMap<String, ResourceMetric> =
                    missing.iter().map(|name| ((*name).to_owned(), wanted.metrics[name].clone())).collect();
                let creator = found.resource.creator.as_deref();
                let mut made = attaching.attach(found.key, wanted.resource.id(), creator, &new)?;
                // Another one of these may be the same resource, and must find them.
                attaching.write(|_, name, metric| {
                    made.insert(name, metric);
                })?;
                looking.made(wanted, &made.into_iter().map(|(name, metric)| (name, metric.key)).collect());
            }
            Ok(Resolved { keys: looking.all()?, created: attaching.finish()? })
        })
    }
}

/// What was found so far, and what was not.
#[derive(Default)]
struct Looking {
    found: Vec<Option<MetricKey>>,
    unknown_resources: Vec<(String, String)>,
    unknown_metrics: BTreeSet<(String, String)>,
}

impl Looking {
    /// Looks for one resource and its metrics; the names of those that it does not have come back.
    fn resource<'a>(
        &mut self,
        connection: &Connection,
        wanted: &NamedMetrics<'a>,
        visibility: Option<&Filter>,
    ) -> Result<Option<(Found, Vec<&'a str>)>, Failure> {
        let id = wanted.resource.id();
        let Some(found) = visible(connection, id, visibility, Context::default())? else {
            self.unknown_resources.push((id.to_string(), wanted.resource.original().to_owned()));
            return Ok(None);
        };
        let mut statement = connection.prepare_cached(sql::METRIC_OF_RESOURCE)?;
        let mut missing = Vec::new();
        for name in wanted.metrics.keys() {
            let key: Option<i64> = statement.query_row(params![name, found.key], |row| row.get(0)).optional()?;
            let key = key.map(|key| u64::try_from(key).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(0, key)));
            let key = key.transpose()?.map(MetricKey::new);
            if key.is_none() {
                missing.push(*name);
                self.unknown_metrics.insert((id.to_string(), (*name).to_owned()));
            }
            self.found.push(key);
        }
        Ok(Some((found, missing)))
    }

    /// Puts metrics that were made where the last resource lacked them.
    fn made(&mut self, wanted: &NamedMetrics, made: &BTreeMap<String, MetricKey>) {
        let resource: Uuid = wanted.resource.id();
        let first = self.found.len() - wanted.metrics.len();
        for (slot, name) in self.found[first..].iter_mut().zip(wanted.metrics.keys()) {
            if let Some(key) = made.get(*name) {
                *slot = Some(*key);
                self.unknown_metrics.remove(&(resource.to_string(), (*name).to_owned()));
            }
        }
    }

    /// The keys, when all were found.
    fn all(self) -> Result<Vec<MetricKey>> {
        if self.unknown_resources.is_empty() && self.unknown_metrics.is_empty() {
            return Ok(self.found.into_iter().flatten().collect());
        }
        let metrics = self.unknown_metrics.into_iter().collect();
        Err(Error::UnknownResourceMetrics { resources: self.unknown_resources, metrics })
    }
}
