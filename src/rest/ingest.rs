//! Measures that agents send by resource and metric name: resources and metrics that are not there yet are made.
//!
//! What was sent is collected first and pushed in one batch, so that of a request either everything counts or nothing.

use std::collections::{BTreeMap, BTreeSet};

use axum::http::StatusCode;
use serde_json::json;

use super::access::User;
use super::failure::Failure;
use super::server::App;
use crate::Database;
use crate::{Error, Filter, NewResource, ResourceId, ResourceMetric, ResourceSearch, ResourceType, Timestamp, Uuid};

/// How often resources are looked for that another request is making, too.
const ATTEMPTS: usize = 4;

/// How many resources are looked up at a time.
const CHUNK: usize = 1000;

/// Makes a type of resources, when it is not there; who may not make types may still write when it is.
pub(super) fn make_type(app: &App, user: &User, resource_type: &ResourceType) -> Result<(), Failure> {
    // Of a type that is not there no resource is, either: who may not make that leaves no type behind.
    let rules = ["create resource type", "create resource", "create metric"];
    make_type_when(&app.database, resource_type, || rules.iter().try_for_each(|rule| user.must(app, rule)))
}

/// Makes a type of resources, when it is not there and this may be done.
fn make_type_when(
    database: &Database,
    resource_type: &ResourceType,
    allowed: impl Fn() -> Result<(), Failure>,
) -> Result<(), Failure> {
    match database.resource_type(&resource_type.name) {
        Ok(_) => return Ok(()),
        Err(Error::UnknownResourceType { .. }) => allowed()?,
        Err(error) => return Err(error.into()),
    }
    match database.create_resource_type(resource_type) {
        Ok(()) | Err(Error::ResourceTypeExists { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// For whom measures are pushed.
#[derive(Debug)]
pub(super) struct Sender {
    /// Whom what is made belongs to.
    creator: String,
    /// Which resources it may write to: all when there is no filter.
    visibility: Option<Filter>,
    /// The archive policy of metrics that are made, when it is not that of the rules.
    archive_policy: Option<String>,
    /// The type of resources, when it is to be made where it is not there.
    resource_type: Option<ResourceType>,
    /// Whether resources, and metrics, that are not there may be made for it.
    may_make: MayMake,
}

/// What may be made for somebody who pushes.
#[derive(Debug, Clone, Copy)]
struct MayMake {
    resources: bool,
    metrics: bool,
}

impl Sender {
    /// Whoever runs the server: nobody asks whether he may.
    pub(super) fn trusted(creator: &str, archive_policy: Option<&str>) -> Self {
        let archive_policy = archive_policy.map(str::to_owned);
        let may_make = MayMake { resources: true, metrics: true };
        Sender { creator: creator.to_owned(), visibility: None, archive_policy, resource_type: None, may_make }
    }

    /// A user of the API: what the rules let it do.
    fn user(app: &App, user: &User) -> Self {
        let may = |rule| user.must(app, rule).is_ok();
        Sender {
            creator: user.name().to_owned(),
            visibility: user.owned(),
            archive_policy: None,
            resource_type: None,
            may_make: MayMake { resources: may("create resource"), metrics: may("create metric") },
        }
    }

    /// This type of resources is made when it is not there.
    pub(super) fn making(mut self, resource_type: ResourceType) -> Self {
        self.resource_type = Some(resource_type);
        self
    }
}

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

    /// Adds measures of one metric: ns since the epoch, and as many values.
    pub(super) fn extend(&mut self, resource: &str, metric: String, timestamps: Vec<i64>, values: Vec<f64>) {
        let waiting = self.source(resource).metrics.entry(metric).or_default();
        waiting.0.extend(timestamps);
        waiting.1.extend(values);
    }

    /// How many measures there are.
    pub(super) fn measures(&self) -> usize {
        self.metrics().map(|(timestamps, _)| timestamps.len()).sum()
    }

    fn metrics(&self) -> impl Iterator<Item = &(Vec<i64>, Vec<f64>)> {
        self.resources.values().flat_map(|source| source.metrics.values())
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

    /// Pushes everything for `user`, to whom new resources belong; when the rules do not let it make them, or their metrics, they have
    /// to be there.
    pub(super) fn push(&self, app: &App, user: &User) -> Result<(), Failure> {
        self.push_for(&app.database, &Sender::user(app, user))
    }

    /// Pushes what can be pushed, when nobody is there to be told: of measures that are refused, all others are pushed. How
    /// many are lost, and why one of them.
    pub(super) fn push_what_can(self, database: &Database, sender: &Sender) -> (usize, Option<Failure>) {
        let measures = self.measures();
        if measures == 0 {
            return (0, None);
        }
        let Err(failure) = self.push_for(database, sender) else { return (0, None) };
        // When the database fails, it is not because of what was sent.
        if failure.is_ours() {
            return (measures, Some(failure));
        }
        let Some((one, other)) = self.halves() else { return (measures, Some(failure)) };
        let ((lost, reason), (also_lost, another)) =
            (one.push_what_can(database, sender), other.push_what_can(database, sender));
        (lost + also_lost, reason.or(another))
    }

    /// It in two parts, neither of them empty; none when it is of a single metric.
    fn halves(mut self) -> Option<(Incoming, Incoming)> {
        let mut other = Incoming::of(&self.resource_type);
        if let Some(middle) = middle(&self.resources) {
            other.resources = self.resources.split_off(&middle);
            return Some((self, other));
        }
        let (resource, source) = self.resources.iter_mut().next()?;
        let metrics = source.metrics.split_off(&middle(&source.metrics)?);
        other.resources.insert(resource.clone(), Source { attributes: source.attributes.clone(), metrics });
        Some((self, other))
    }

    fn push_for(&self, database: &Database, sender: &Sender) -> Result<(), Failure> {
        if let Some(resource_type) = &sender.resource_type {
            make_type_when(database, resource_type, || Ok(()))?;
        }
        let named = |name: &String| ResourceId::new(name, Some(&sender.creator));
        let ids: Vec<ResourceId> = self.resources.keys().map(named).collect::<Result<_, _>>()?;
        self.make(database, sender, &ids)?;
        let mut batch = database.resource_batch();
        for (id, source) in ids.iter().zip(self.resources.values()) {
            for (metric, (timestamps, values)) in &source.metrics {
                batch.extend(id, metric, timestamps, values)?;
                if let Some(policy) = &sender.archive_policy {
                    batch.new_metric(id, metric, ResourceMetric::under(policy));
                }
            }
        }
        batch.create_metrics(sender.may_make.metrics).commit(sender.visibility.as_ref()).map_err(
            |error| match error {
                Error::UnknownResourceMetrics { .. } => Failure::of(StatusCode::FORBIDDEN),
                other => other.into(),
            },
        )?;
        Ok(())
    }

    /// Makes the resources that are not there.
    fn make(&self, database: &Database, sender: &Sender, ids: &[ResourceId]) -> Result<(), Failure> {
        let new = |(name, source): (&String, &Source)| {
            let resource = NewResource::named(&self.resource_type, name, Some(&sender.creator))?;
            let attributes = source.attributes.iter();
            Ok(attributes.fold(resource, |resource, (name, value)| resource.attribute(*name, value.as_str())))
        };
        for _ in 0..ATTEMPTS {
            let there = self.there(database, ids)?;
            let missing = || self.resources.iter().zip(ids).filter(|(_, id)| !there.contains(&id.id()));
            if missing().next().is_none() {
                return Ok(());
            }
            let measured = missing().any(|((_, source), _)| !source.metrics.is_empty());
            if !sender.may_make.resources || (measured && !sender.may_make.metrics) {
                return Err(Failure::of(StatusCode::FORBIDDEN));
            }
            self.check_policies(database, sender)?;
            // Two spellings of one identifier are one resource.
            let mut seen = BTreeSet::new();
            let once = missing().filter(|(_, id)| seen.insert(id.id()));
            let resources: Vec<NewResource> = once.map(|(named, _)| new(named)).collect::<crate::Result<_>>()?;
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
    fn check_policies(&self, database: &Database, sender: &Sender) -> Result<(), Failure> {
        if let Some(policy) = &sender.archive_policy {
            database.archive_policy(policy)?;
            return Ok(());
        }
        let names: BTreeSet<&String> = self.resources.values().flat_map(|source| source.metrics.keys()).collect();
        for name in names {
            database.archive_policy_for(name)?;
        }
        Ok(())
    }
}

/// The key in the middle; none when there are not two.
fn middle<T>(map: &BTreeMap<String, T>) -> Option<String> {
    map.keys().nth(map.len() / 2).filter(|_| map.len() > 1).cloned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ArchivePolicy, ArchivePolicyRule, Definition, Options, Timespan};

    fn incoming(of: &[(&str, &str)]) -> Incoming {
        let mut incoming = Incoming::of("generic");
        for (resource, metric) in of {
            incoming.add(resource, (*metric).to_owned(), Timestamp::from_nanos(1).unwrap(), 1.0);
        }
        incoming
    }

    #[test]
    fn of_measures_that_are_refused_all_others_are_pushed() {
        let directory = tempfile::tempdir().unwrap();
        let database = Database::open(directory.path().join("db"), Options::new()).unwrap();
        let policy = ArchivePolicy::builder("p").definition(Definition::unlimited(Timespan::SECOND)).build().unwrap();
        database.create_archive_policy(&policy).unwrap();
        database.create_archive_policy_rule(&ArchivePolicyRule::new("good", "good*", "p").unwrap()).unwrap();
        let all = [("a", "good1"), ("a", "bad"), ("a", "good2"), ("b", "bad"), ("c", "good1"), ("d", "good1")];
        let sender = Sender::trusted("someone", None);
        let (lost, reason) = incoming(&all).push_what_can(&database, &sender);
        assert_eq!(lost, 2);
        assert!(format!("{reason:?}").contains("bad"), "{reason:?}");
        assert_eq!(database.stats().unwrap().accepted, 4);
        let (lost, reason) = incoming(&all).push_what_can(&database, &Sender::trusted("someone", Some("p")));
        assert_eq!((lost, reason.is_some(), database.stats().unwrap().accepted), (0, false, 10));
        let (lost, _) = incoming(&all[..1]).push_what_can(&database, &Sender::trusted("other", Some("none")));
        assert_eq!(lost, 1);
        assert_eq!(incoming(&[]).push_what_can(&database, &sender).0, 0);
    }
}
