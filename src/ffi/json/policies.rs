//! Archive policies and rules as JSON.

use serde::{Deserialize, Serialize};

use super::{Given, seconds};
use crate::{ArchivePolicy, ArchivePolicyRule, ArchivePolicyUpdate, Definition, Error};

/// A definition as it may be given: any two of the three, or the granularity alone.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DefinitionIn {
    granularity: Option<Given>,
    points: Option<u64>,
    timespan: Option<Given>,
}

impl DefinitionIn {
    fn build(&self) -> Result<Definition, Error> {
        let granularity = self.granularity.as_ref().map(Given::timespan).transpose()?;
        let timespan = self.timespan.as_ref().map(Given::timespan).transpose()?;
        Definition::new(granularity, self.points, timespan)
    }
}

/// An archive policy to be created.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyIn {
    name: String,
    #[serde(default)]
    back_window: u32,
    definition: Vec<DefinitionIn>,
    #[serde(default)]
    aggregation_methods: Vec<String>,
}

impl PolicyIn {
    /// The policy, checked.
    pub fn build(self) -> Result<ArchivePolicy, Error> {
        let definitions: Vec<Definition> = self.definition.iter().map(DefinitionIn::build).collect::<Result<_, _>>()?;
        ArchivePolicy::builder(self.name)
            .back_window(self.back_window)
            .definitions(definitions)
            .aggregation_methods(self.aggregation_methods)
            .build()
    }
}

/// What is to change in an archive policy.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyUpdate {
    back_window: Option<u32>,
    definition: Option<Vec<DefinitionIn>>,
}

impl PolicyUpdate {
    /// The update, checked as far as it can be without the policy.
    pub fn build(self) -> Result<ArchivePolicyUpdate, Error> {
        let definitions = self.definition.map(|all| all.iter().map(DefinitionIn::build).collect()).transpose()?;
        Ok(ArchivePolicyUpdate { back_window: self.back_window, definitions })
    }
}

/// An archive policy as it is told.
#[derive(Debug, Serialize)]
pub struct PolicyOut<'a> {
    name: &'a str,
    back_window: u32,
    definition: Vec<DefinitionOut>,
    aggregation_methods: &'a [String],
    /// The methods in effect.
    methods: Vec<String>,
}

#[derive(Debug, Serialize)]
struct DefinitionOut {
    granularity: serde_json::Value,
    points: Option<u64>,
    timespan: Option<serde_json::Value>,
}

impl<'a> From<&'a ArchivePolicy> for PolicyOut<'a> {
    fn from(policy: &'a ArchivePolicy) -> Self {
        let definition = |definition: &Definition| DefinitionOut {
            granularity: seconds(definition.granularity()),
            points: definition.points(),
            timespan: definition.timespan().map(seconds),
        };
        PolicyOut {
            name: policy.name(),
            back_window: policy.back_window(),
            definition: policy.definitions().iter().map(definition).collect(),
            aggregation_methods: policy.aggregation_methods(),
            methods: policy.methods().iter().map(|method| method.to_string()).collect(),
        }
    }
}

/// An archive policy rule, in and out.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewRule {
    name: String,
    metric_pattern: String,
    archive_policy_name: String,
}

impl NewRule {
    /// The rule, checked.
    pub fn build(self) -> Result<ArchivePolicyRule, Error> {
        ArchivePolicyRule::new(self.name, self.metric_pattern, self.archive_policy_name)
    }
}

impl From<&ArchivePolicyRule> for NewRule {
    fn from(rule: &ArchivePolicyRule) -> Self {
        NewRule {
            name: rule.name().to_owned(),
            metric_pattern: rule.metric_pattern().to_owned(),
            archive_policy_name: rule.archive_policy_name().to_owned(),
        }
    }
}
