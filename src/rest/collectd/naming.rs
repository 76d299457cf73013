//! What collectd's values are called here: hosts are resources, all else is the name of a metric.

use serde::{Deserialize, Serialize};

use crate::rest::ingest::Incoming;
use crate::rest::metric_name::{encoded, fitted};
use crate::{Attribute, ResourceType};

/// The type of the resources that values are of.
pub(crate) const TYPE: &str = "collectd";

/// Who measured what where, in collectd's words.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The machine.
    pub host: String,
    /// Who measured.
    pub plugin: String,
    /// Which of several things it measured, if there are several.
    #[serde(default)]
    pub plugin_instance: String,
    /// What kind of values there are.
    #[serde(rename = "type")]
    pub kind: String,
    /// Which of several values of the kind these are.
    #[serde(default)]
    pub type_instance: String,
}

impl Identity {
    /// What it lacks to be one.
    pub(super) fn lacks(&self) -> Option<&'static str> {
        let needed = [(&self.host, "a host"), (&self.plugin, "a plugin"), (&self.kind, "a type")];
        needed.into_iter().find_map(|(text, lacked)| text.is_empty().then_some(lacked))
    }

    /// `plugin-instance@type-instance-name`, as collectd prints it, with `@` for `/` and the value's name behind.
    pub(super) fn metric(&self, name: &str) -> String {
        let instance =
            |instance: &str| if instance.is_empty() { String::new() } else { format!("-{}", encoded(instance)) };
        let (plugin, kind) = (without_hyphen(&self.plugin), without_hyphen(&self.kind));
        let (of_plugin, of_type) = (instance(&self.plugin_instance), instance(&self.type_instance));
        fitted(format!("{plugin}{of_plugin}@{kind}{of_type}-{}", without_hyphen(name)))
    }

    /// Adds its resource, and says what that is called.
    pub(super) fn resource(&self, incoming: &mut Incoming) -> String {
        let resource = encoded(&self.host);
        incoming.attribute(&resource, "host", &self.host);
        resource
    }
}

/// In these collectd has no hyphen, so that one ends them: one that is there all the same stands as `%2D`.
fn without_hyphen(text: &str) -> String {
    encoded(text).replace('-', "%2D")
}

/// What resources are like.
pub(super) fn resource_type() -> ResourceType {
    ResourceType::new(TYPE).attribute("host", Attribute::string_of(1, 256))
}
