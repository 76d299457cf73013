//! What resources are identified by: UUIDs, or any texts, from which UUIDs are derived.

use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

use crate::error::{Error, Result};

/// The name space of identifiers that are derived from texts: Gnocchi's own, which is the same for ever.
const NAMESPACE: Uuid = Uuid::from_u128(0x0a7a_15ff_aa13_4ac2_897c_9bdf_30ce_175b);

/// How many characters a text to derive an identifier from may have.
const MAX_ORIGINAL: usize = 289;

/// The identifier of a resource, and the text it was derived from.
///
/// ```
/// use gnocchetti::ResourceId;
///
/// let named = ResourceId::new("generic one", Some("alice"))?;
/// assert_eq!(named, ResourceId::new("generic one", Some("alice"))?);
/// assert_ne!(named.id(), ResourceId::new("generic one", Some("bob"))?.id());
/// assert_eq!(named.original(), "generic one");
/// # Ok::<(), gnocchetti::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ResourceId {
    id: Uuid,
    original: String,
}

impl ResourceId {
    /// The identifier that a resource of `creator` has when it is created as `original`: `original` itself when that is a
    /// UUID, and otherwise one of version 5, so that each creator has texts of its own.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidResourceId`] for a text that contains `/` or NUL, is empty, or has more than 289 characters.
    pub fn new(original: &str, creator: Option<&str>) -> Result<Self> {
        let refused = |reason: &str| {
            let id = original.chars().take(MAX_ORIGINAL + 1).collect();
            Error::InvalidResourceId { id, reason: reason.to_owned() }
        };
        if original.contains('/') {
            return Err(refused("it contains `/`"));
        }
        if let Some(id) = parse_uuid(original) {
            return Ok(ResourceId { id, original: original.to_owned() });
        }
        if original.is_empty() {
            return Err(refused("it is empty"));
        }
        if original.contains('\0') {
            return Err(refused("it contains NUL"));
        }
        if original.chars().nth(MAX_ORIGINAL).is_some() {
            return Err(refused("it has more than 289 characters"));
        }
        let name = format!("{original}\0{}", creator.unwrap_or("\0"));
        Ok(ResourceId { id: Uuid::new_v5(&NAMESPACE, name.as_bytes()), original: original.to_owned() })
    }

    /// The identifier.
    pub const fn id(&self) -> Uuid {
        self.id
    }

    /// What it was derived from, or itself as it was written.
    pub fn original(&self) -> &str {
        &self.original
    }
}

impl From<Uuid> for ResourceId {
    fn from(id: Uuid) -> Self {
        ResourceId { id, original: id.hyphenated().to_string() }
    }
}

/// The UUID that `text` is in any of the forms that Gnocchi takes for one: 32 hexadecimal digits with hyphens anywhere,
/// in braces, and after `urn:` or `uuid:`.
pub(crate) fn parse_uuid(text: &str) -> Option<Uuid> {
    // Longer than any form that has some sense; hyphens anywhere are allowed, but nobody writes hundreds.
    if text.len() > 128 {
        return None;
    }
    let bare = text.replace("urn:", "").replace("uuid:", "");
    let digits: String = bare.trim_matches(['{', '}']).chars().filter(|c| *c != '-').collect();
    let hexadecimal = digits.len() == 32 && digits.bytes().all(|b| b.is_ascii_hexdigit());
    u128::from_str_radix(&digits, 16).ok().filter(|_| hexadecimal).map(Uuid::from_u128)
}

/// The place behind a resource, or a revision of one, at which a next page begins.
///
/// ```
/// use gnocchetti::Marker;
///
/// let marker: Marker = "57a9e836-87b8-4a21-9e30-18a474b98fef@12".parse()?;
/// assert_eq!(marker.revision, Some(12));
/// assert_eq!(marker.to_string(), "57a9e836-87b8-4a21-9e30-18a474b98fef@12");
/// # Ok::<(), gnocchetti::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Marker {
    /// The resource, or the metric.
    pub id: Uuid,
    /// Its revision; none when it is the current state.
    pub revision: Option<u64>,
}

impl From<Uuid> for Marker {
    fn from(id: Uuid) -> Self {
        Marker { id, revision: None }
    }
}

impl fmt::Display for Marker {
    /// `id`, or `id@revision`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.revision {
            Some(revision) => write!(f, "{}@{revision}", self.id),
            None => write!(f, "{}", self.id),
        }
    }
}

impl FromStr for Marker {
    type Err = Error;

    /// `id` or `id@revision`, where `id@-1` is the current state, as Gnocchi has it.
    fn from_str(text: &str) -> Result<Self> {
        let refused = || {
            let shown: String = text.chars().take(80).collect();
            Error::InvalidPagination { reason: format!("`{shown}` is no marker: it is an id, or id@revision") }
        };
        let (id, revision) = match text.split_once('@') {
            None | Some((_, "-1")) => (text.split('@').next().unwrap_or_default(), None),
            Some((id, revision)) => (id, Some(revision.parse().map_err(|_| refused())?)),
        };
        Ok(Marker { id: parse_uuid(id).ok_or_else(refused)?, revision })
    }
}
