//! Resource types: which attributes the resources of a kind have, and which values those take.
//!
//! Definitions and values come in, and are checked against upstream's rules before anything is stored. Where a value
//! lies is the index's business.

mod attribute;
mod update;
mod value;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
pub use attribute::{Attribute, AttributeKind};
pub(crate) use attribute::{time_of, uuid_of};
pub use update::{ResourceTypeUpdate, TypeChange};
pub use value::AttributeValue;

/// The type that every database has: resources of it have no attributes of their own, and a search of it finds
/// resources of all types.
pub const GENERIC: &str = "generic";

/// How many characters the name of a resource type may have.
const MAX_NAME: usize = 255;
/// How many characters the name of an attribute may have.
const MAX_ATTRIBUTE_NAME: usize = 63;
/// How many attributes a resource type may have: each is a column with an index of its own.
const MAX_ATTRIBUTES: usize = 200;

/// What resources have of themselves, so that no attribute can be called like it.
const RESERVED: [&str; 16] = [
    "id",
    "type",
    "metrics",
    "revision",
    "revision_start",
    "revision_end",
    "started_at",
    "ended_at",
    "user_id",
    "project_id",
    "created_by_user_id",
    "created_by_project_id",
    "get_metric",
    "creator",
    // Not reserved upstream, where such an attribute could not be searched for.
    "original_resource_id",
    "lifespan",
];

/// A kind of resource.
///
/// ```
/// use gnocchetti::{Attribute, ResourceType};
///
/// let instance = ResourceType::new("instance")
///     .attribute("host", Attribute::string())
///     .attribute("cores", Attribute::number_of(Some(1.0), None).optional());
/// instance.check()?;
/// assert!(ResourceType::new("bad").attribute("user_id", Attribute::uuid()).check().is_err());
/// # Ok::<(), gnocchetti::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResourceType {
    /// Its name.
    pub name: String,
    /// Its attributes by name.
    #[serde(default)]
    pub attributes: BTreeMap<String, Attribute>,
}

impl ResourceType {
    /// A type of this name without attributes.
    pub fn new(name: impl Into<String>) -> Self {
        ResourceType { name: name.into(), attributes: BTreeMap::new() }
    }

    /// With this attribute.
    #[must_use]
    pub fn attribute(mut self, name: impl Into<String>, attribute: Attribute) -> Self {
        self.attributes.insert(name.into(), attribute);
        self
    }

    /// Whether there can be a type like this.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidResourceType`], [`Error::InvalidAttribute`].
    pub fn check(&self) -> Result<()> {
        let refused = |reason: String| Error::InvalidResourceType { name: cut(&self.name), reason };
        if self.name.is_empty() {
            return Err(refused("it has no name".to_owned()));
        }
        if self.name.chars().count() > MAX_NAME {
            return Err(refused(format!("its name has more than {MAX_NAME} characters")));
        }
        if let Some(c) = self.name.chars().find(|c| matches!(c, '/' | '\0')) {
            return Err(refused(format!("its name contains {c:?}")));
        }
        if self.attributes.len() > MAX_ATTRIBUTES {
            return Err(refused(format!("it has more than {MAX_ATTRIBUTES} attributes")));
        }
        self.attributes.iter().try_for_each(|(name, attribute)| {
            check_name(name)?;
            attribute.check_definition(name)
        })
    }

    /// The type after these changes, one after the other.
    ///
    /// # Errors
    ///
    /// [`Error::ResourceTypeInUse`] for the type that is built in; [`Error::UnknownAttribute`];
    /// [`Error::InvalidAttribute`] for one that is there already, changes its kind, or is required and says nothing to
    /// fill those resources with that have none; [`Error::InvalidAttributeValue`] when it says something that does not
    /// fit.
    pub fn updated(&self, update: &ResourceTypeUpdate) -> Result<Self> {
        if self.name == GENERIC {
            let used_by = "it is built in and has no attributes".to_owned();
            return Err(Error::ResourceTypeInUse { name: self.name.clone(), used_by });
        }
        let mut next = self.clone();
        for change in update.changes() {
            change.apply(&mut next)?;
        }
        next.check()?;
        Ok(next)
    }
}

fn check_name(name: &str) -> Result<()> {
    let refused = |reason: String| Err(Error::InvalidAttribute { attribute: cut(name), reason });
    if name.chars().count() > MAX_ATTRIBUTE_NAME {
        return refused(format!("its name has more than {MAX_ATTRIBUTE_NAME} characters"));
    }
    if RESERVED.contains(&name) {
        return refused("its name is that of something every resource has".to_owned());
    }
    if !name.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        return refused("its name must begin with a letter or digit of ASCII".to_owned());
    }
    if name.contains('\0') {
        return refused("its name contains '\\0'".to_owned());
    }
    Ok(())
}

/// As much of a name as an error shows.
pub(super) fn cut(name: &str) -> String {
    const SHOWN: usize = 300;
    name.chars().take(SHOWN).collect()
}
