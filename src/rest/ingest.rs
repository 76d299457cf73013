//! Measures that agents send by resource and metric name: resources and metrics that are not there yet are made.
//!
//! What was sent is collected first and pushed in one batch, so that of a request either everything counts or nothing.

use std::collections::{BTreeMap, BTreeSet};

use axum::http::StatusCode;
use serde_json::json;

use super::access::User;
use super::failure::Failure;
use crate::Database;
use crate::{Error, Filter, NewResource, ResourceId, ResourceSearch, Timestamp, Uuid};

/// How often resources are looked for that another request is making, too.
const ATTEMPTS: usize = 4;

/// How many resources are looked up at a time.
const CHUNK: usize = 1000;

/// Measures of resources of one type.
#[derive(Debug)]
pub(super) struct Incoming {
    resource_type: String,
    resources: BTreeMap<String, Source>,
}

/// One resource: what it is to be like when it is made, and the measures of its metrics.
#[derive(Debug, Default)]
struct Source {
    attributes: BTreeMap<&'static str, String>,
    metrics: BTreeMap<String, (Vec<i64>, Vec<f64>)>,
}

impl Incoming {
    /// None, of resources of this type.
    pub(super) fn of(resource_type: &str) -> Self {
        Incoming { resource_type: resource_type.to_owned(), resources: BTreeMap::new() }
    }

    /// Adds a measure.
    pub(super) fn add(&mut self, resource: &str, metric: String, time: Timestamp, value: f64) {
        let (timestamps, values) = self.source(resource).metrics.entry(metric).or_default();
        timestamps.push(time.nanos());
        values.push(value);
    }

    /// An attribute that a resource has when it is made.
    pub(super) fn attribute(&mut self, resource: &str, name: &'static str, value: &str) {
        self.source(resource).attributes.entry(name).or_insert_with(|| value.to_owned());
    }

    /// All measures: resource, metric, ns since the epoch, value.
    #[cfg(test)]
    pub(super) fn shown(&self) -> impl Iterator<Item = (&str, &str, i64, f64)> {
        self.resources.iter().flat_map(|(resource, source)| {
            source.metrics.iter().flat_map(move |(metric, (timestamps, values))| {
                timestamps.iter().zip(values).map(move |(time, value)| (&**resource, &**metric, *time, *value))
            })
        })
    }

    fn source(&mut self, resource: &str) -> &mut Source {
        if !self.resources.contains_key(resource) {
            self.resources.insert(resource.to_owned(), Source::default());
        }
        self.resources.entry(resource.to_owned()).or_default()
    }

    /// Pushes everything for `user`, to whom new resources belong.
    pub(super) fn push(&self, database: &Database, user: &User) -> Result<(), Failure> {
        let named = |name: &String| ResourceId::new(name, Some(user.name()));
        let ids: Vec<ResourceId> = self.resources.keys().map(named).collect::<Result<_, _>>()?;
        self.make(database, user, &ids)?;
        let mut batch = database.resource_batch();
        for (id, source) in ids.iter().zip(self.resources.values()) {
            for (metric, (timestamps, values)) in &source.metrics {
                batch.extend(id, metric, timestamps, values)?;
            }
        }
        let visibility = user.owned();
        batch.create_metrics(true).commit(visibility.as_ref()).map_err(|error| match error {
            Error::UnknownResourceMetrics { .. } => Failure::of(StatusCode::FORBIDDEN),
            other => other.into(),
        })?;
        Ok(())
    }

    /// Makes the resources that are not there.
    fn make(&self, database: &Database, user: &User, ids: &[ResourceId]) -> Result<(), Failure> {
        let new = |(name, source): (&String, &Source)| {
            let resource = NewResource::named(&self.resource_type, name, Some(user.name()))?;
            let attributes = source.attributes.iter();
            Ok(attributes.fold(resource, |resource, (name, value)| resource.attribute(*name, value.as_str())))
        };
        for _ in 0..ATTEMPTS {
            let there = self.there(database, ids)?;
            let missing = || self.resources.iter().zip(ids).filter(|(_, id)| !there.contains(&id.id()));
            if missing().next().is_none() {
                return Ok(());
            }
            self.check_rules(database)?;
            let resources: Vec<NewResource> = missing().map(|(named, _)| new(named)).collect::<crate::Result<_>>()?;
            match database.create_resources(&resources) {
                Ok(_) => return Ok(()),
                Err(Error::ResourceExists { .. }) => {
                    missing().try_for_each(|(_, id)| self.check_type(database, id.id()))?;
                }
                Err(error) => return Err(error.into()),
            }
        }
        Err(Failure::of(StatusCode::SERVICE_UNAVAILABLE))
    }

    /// Which resources are there.
    fn there(&self, database: &Database, ids: &[ResourceId]) -> Result<BTreeSet<Uuid>, Failure> {
        let mut there = BTreeSet::new();
        for ids in ids.chunks(CHUNK) {
            let filter = Filter::one_of("id", ids.iter().map(ResourceId::id));
            let search = ResourceSearch::of(&self.resource_type).filter(filter).without_details();
            let found = database.search_resources(&search, None)?;
            there.extend(found.into_iter().map(|resource| resource.id));
        }
        Ok(there)
    }

    /// Refuses a resource that is there, as one of another type.
    fn check_type(&self, database: &Database, id: Uuid) -> Result<(), Failure> {
        match database.resource(id, None) {
            Ok(resource) if resource.resource_type != self.resource_type => {
                let reason = format!("Resource {id} already exists");
                let detail = id.to_string();
                let description = json!({"cause": "Resource already exists", "reason": reason, "detail": detail});
                Err(Failure::because(StatusCode::CONFLICT, description))
            }
            Ok(_) | Err(Error::UnknownResource { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// That each metric would get an archive policy, before anything is made.
    fn check_rules(&self, database: &Database) -> Result<(), Failure> {
        let names: BTreeSet<&String> = self.resources.values().flat_map(|source| source.metrics.keys()).collect();
        for name in names {
            database.archive_policy_for(name)?;
        }
        Ok(())
    }
}
