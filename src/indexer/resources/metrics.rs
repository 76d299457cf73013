//! The metrics of resources: new ones, and such as are there already.

use std::collections::BTreeMap;

use rusqlite::{Connection, params};
use uuid::Uuid;

use super::super::failure::Failure;
use super::super::metrics::{Creating, StoredMetric, by_id};
use super::super::search::Context;
use super::super::{Indexer, sql};
use super::rows::Rows;
use super::{UpdatedResource, unknown, visible};
use crate::error::{Error, Result};
use crate::types::{Filter, MetricRef, NewMetric, ResourceMetric, Timestamp};

impl Indexer {
    /// Adds metrics to those that a resource has. Its history does not know about metrics.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownResource`]; [`Error::MetricExists`] when it has one of that name; what
    /// [`Indexer::create_resources`] refuses in metrics.
    pub fn append_metrics(
        &self,
        resource: Uuid,
        metrics: &BTreeMap<String, ResourceMetric>,
        visibility: Option<&Filter>,
        now: Timestamp,
    ) -> Result<UpdatedResource> {
        self.write("append metrics to a resource", |transaction| {
            let context = Context { now: Some(now), creator: None };
            let found = visible(transaction, resource, visibility, context)?.ok_or_else(|| unknown(resource))?;
            let mut attaching = Attaching::new(transaction, now);
            attaching.attach(found.key, resource, found.resource.creator.as_deref(), metrics)?;
            let metrics = attaching.finish()?;
            let resource = Rows::uncommitted(transaction).complete(found, true)?;
            Ok(UpdatedResource { resource, revised: false, metrics })
        })
    }
}

/// Metrics on their way to their resources.
pub(super) struct Attaching<'a> {
    connection: &'a Connection,
    creating: Creating<'a>,
    taking: Vec<Taking>,
}

/// A metric that is there already, and shall belong to a resource from now on.
struct Taking {
    resource_key: i64,
    creator: Option<String>,
    name: String,
    id: Uuid,
}

impl<'a> Attaching<'a> {
    pub fn new(connection: &'a Connection, now: Timestamp) -> Self {
        Attaching { connection, creating: Creating::new(connection, now), taking: Vec::new() }
    }

    /// Gives `metrics` to a resource, and says what the new ones are. The index knows when they are written.
    pub fn attach(
        &mut self,
        resource_key: i64,
        resource: Uuid,
        creator: Option<&str>,
        metrics: &BTreeMap<String, ResourceMetric>,
    ) -> Result<BTreeMap<String, MetricRef>, Failure> {
        let mut created = BTreeMap::new();
        for (name, metric) in metrics {
            if let Some(id) = metric.existing {
                let named = NewMetric { name: Some(name.clone()), ..NewMetric::default() };
                super::super::metrics::check(&named)?;
                let creator = creator.map(ToOwned::to_owned);
                self.taking.push(Taking { resource_key, creator, name: name.clone(), id });
            } else {
                created.insert(name.clone(), self.create(resource_key, resource, creator, name, metric)?);
            }
        }
        Ok(created)
    }

    fn create(
        &mut self,
        resource_key: i64,
        resource: Uuid,
        creator: Option<&str>,
        name: &str,
        metric: &ResourceMetric,
    ) -> Result<MetricRef, Failure> {
        let new = NewMetric {
            id: None,
            name: Some(name.to_owned()),
            unit: metric.unit.clone(),
            creator: creator.map(ToOwned::to_owned),
            archive_policy_name: metric.archive_policy_name.clone(),
        };
        self.creating.add(new, Some((resource_key, resource)))
    }

    /// Writes what was attached, for resources that are written; those that were there already are told to `taken`, with the
    /// key of their resource and the name that they have there.
    pub fn write(&mut self, mut taken: impl FnMut(i64, String, MetricRef)) -> Result<(), Failure> {
        // First what frees names: a metric may be taken under another one by the resource that has it, and a new one get the old.
        for taking in std::mem::take(&mut self.taking) {
            let metric = self.take(&taking)?;
            taken(taking.resource_key, taking.name, metric);
        }
        self.creating.write()
    }

    /// Takes a metric from wherever it belongs.
    fn take(&self, Taking { resource_key, creator, name, id }: &Taking) -> Result<MetricRef, Failure> {
        let mut statement = self.connection.prepare_cached(sql::ATTACH_METRIC)?;
        let taken = statement.execute(params![resource_key, name, id.as_bytes(), creator]).map_err(|error| {
            if Failure::is_duplicate(&error) {
                Error::MetricExists { name: name.clone() }.into()
            } else {
                Failure::from(error)
            }
        })?;
        let unknown = || Error::UnknownMetric { metric: id.to_string() };
        if taken == 0 {
            return Err(unknown().into());
        }
        let stored = by_id(self.connection, *id)?.ok_or_else(unknown)?;
        Ok(MetricRef { key: stored.metric.key, id: *id })
    }

    /// Writes what is left to write; the metrics that are new come back, counted.
    pub fn finish(mut self) -> Result<Vec<StoredMetric>, Failure> {
        self.write(|_, _, _| {})?;
        self.creating.finish()
    }
}
