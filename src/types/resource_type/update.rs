//! Changes of a resource type.

use super::{Attribute, AttributeValue, ResourceType, cut};
use crate::error::{Error, Result};
use crate::types::Timestamp;

/// What is done to one attribute.
#[derive(Debug, Clone, PartialEq)]
pub enum TypeChange {
    /// It is new; existing resources and their history get the value to fill with.
    Add {
        /// Its name.
        name: String,
        /// Its definition.
        attribute: Attribute,
        /// What existing resources get; must not be null when the attribute is required.
        fill: AttributeValue,
    },
    /// It goes, and with it what resources and their history have of it.
    Remove {
        /// Its name.
        name: String,
    },
    /// It keeps its kind and its values, and gets other limits; resources and their history that have none get the
    /// value to fill with.
    Change {
        /// Its name.
        name: String,
        /// Its new definition, of the same kind.
        attribute: Attribute,
        /// What those get that have none; must not be null when the attribute is required.
        fill: AttributeValue,
    },
}

impl TypeChange {
    pub(super) fn apply(&self, to: &mut ResourceType) -> Result<()> {
        match self {
            TypeChange::Add { name, attribute, fill } => {
                if to.attributes.contains_key(name) {
                    return Err(refused(name, "it is there already".to_owned()));
                }
                check_fill(name, attribute, fill)?;
                to.attributes.insert(name.clone(), *attribute);
            }
            TypeChange::Remove { name } => {
                to.attributes.remove(name).ok_or_else(|| unknown(to, name))?;
            }
            TypeChange::Change { name, attribute, fill } => {
                let old = to.attributes.get(name).ok_or_else(|| unknown(to, name))?;
                if old.kind.name() != attribute.kind.name() {
                    let reason = format!("its kind is {} and stays so", old.kind.name());
                    return Err(refused(name, reason));
                }
                check_fill(name, attribute, fill)?;
                to.attributes.insert(name.clone(), *attribute);
            }
        }
        Ok(())
    }
}

fn check_fill(name: &str, attribute: &Attribute, fill: &AttributeValue) -> Result<()> {
    if attribute.required && *fill == AttributeValue::Null {
        let reason = "it is required, so that resources which have none need a value to fill with".to_owned();
        return Err(refused(name, reason));
    }
    // Whether a relative time is one does not depend on the time it is relative to, as long as that is far from both ends.
    let now = Timestamp::from_nanos(i64::MAX / 2)?;
    attribute.check(name, fill, now).map(|_| ())
}

fn refused(name: &str, reason: String) -> Error {
    Error::InvalidAttribute { attribute: cut(name), reason }
}

fn unknown(of: &ResourceType, name: &str) -> Error {
    Error::UnknownAttribute { of: format!("resource type `{}`", of.name), attribute: cut(name) }
}

/// Changes of a resource type, made one after the other and all or none.
///
/// ```
/// use gnocchetti::{Attribute, ResourceType, ResourceTypeUpdate};
///
/// let old = ResourceType::new("instance").attribute("host", Attribute::string());
/// let update = ResourceTypeUpdate::new().remove("host").add_filled("cores", Attribute::number(), 1);
/// assert_eq!(old.updated(&update)?, ResourceType::new("instance").attribute("cores", Attribute::number()));
/// # Ok::<(), gnocchetti::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ResourceTypeUpdate {
    changes: Vec<TypeChange>,
}

impl ResourceTypeUpdate {
    /// Nothing changes yet.
    pub fn new() -> Self {
        ResourceTypeUpdate::default()
    }

    /// An attribute more, which existing resources have none of.
    #[must_use]
    pub fn add(self, name: impl Into<String>, attribute: Attribute) -> Self {
        self.add_filled(name, attribute, AttributeValue::Null)
    }

    /// An attribute more, which existing resources have this value of.
    #[must_use]
    pub fn add_filled(
        mut self,
        name: impl Into<String>,
        attribute: Attribute,
        fill: impl Into<AttributeValue>,
    ) -> Self {
        self.changes.push(TypeChange::Add { name: name.into(), attribute, fill: fill.into() });
        self
    }

    /// An attribute less.
    #[must_use]
    pub fn remove(mut self, name: impl Into<String>) -> Self {
        self.changes.push(TypeChange::Remove { name: name.into() });
        self
    }

    /// Other limits of an attribute.
    #[must_use]
    pub fn change(self, name: impl Into<String>, attribute: Attribute) -> Self {
        self.change_filled(name, attribute, AttributeValue::Null)
    }

    /// Other limits of an attribute; resources that have none of it get this value.
    #[must_use]
    pub fn change_filled(
        mut self,
        name: impl Into<String>,
        attribute: Attribute,
        fill: impl Into<AttributeValue>,
    ) -> Self {
        self.changes.push(TypeChange::Change { name: name.into(), attribute, fill: fill.into() });
        self
    }

    /// The changes in their order.
    pub(crate) fn changes(&self) -> &[TypeChange] {
        &self.changes
    }
}
