//! What attributes are in a statement: an expression, the type of its values, and whether an index knows it.

use crate::types::AttributeKind;

/// Which values an attribute is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    /// Of a resource: a UUID, or a text from which one is derived.
    ResourceId,
    Uuid,
    Number,
    Bool,
    Time,
    /// A length of time.
    Span,
    /// The status of a metric.
    Status,
    /// The number of a revision.
    Revision,
}

impl Kind {
    /// What a comparison takes, for an error.
    pub fn expected(self) -> &'static str {
        match self {
            Kind::Text => "a text",
            Kind::ResourceId => "a UUID, or a text of at most 289 characters without `/`",
            Kind::Uuid => "a UUID",
            Kind::Number => "a number",
            Kind::Bool => "true or false",
            Kind::Time => "a point in time",
            Kind::Span => "a timespan",
            Kind::Status => "`active` or `delete`",
            Kind::Revision => "a whole number",
        }
    }
}

impl From<AttributeKind> for Kind {
    fn from(kind: AttributeKind) -> Self {
        match kind {
            AttributeKind::String { .. } => Kind::Text,
            AttributeKind::Uuid => Kind::Uuid,
            AttributeKind::Number { .. } => Kind::Number,
            AttributeKind::Bool => Kind::Bool,
            AttributeKind::Datetime => Kind::Time,
        }
    }
}

/// The table in which a column lies, by its alias.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Table {
    /// `a`: attributes of one type.
    Attributes,
    /// `r`: resources.
    Resource,
    /// `h`: revisions.
    Revision,
    /// `m`: metrics.
    Metric,
    /// None: a constant, or of a table that cannot be searched first.
    Elsewhere,
}

/// How few rows an equality leaves, as far as the column alone says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Selectivity {
    /// About half of them.
    Half,
    /// One of a few kinds.
    Kind,
    /// What belongs to someone.
    Owner,
    /// What is of some form.
    Attribute,
    /// One.
    Unique,
}

/// An attribute in a statement.
#[derive(Debug, Clone)]
pub(super) struct Column {
    pub sql: String,
    pub kind: Kind,
    pub table: Table,
    /// Whether it can be null.
    pub nullable: bool,
    /// What an index on it promises; none when there is none.
    pub indexed: Option<Selectivity>,
    /// For equality: another column, with an index, and the statement that says its values up to the value looked for.
    pub through: Option<(String, String)>,
}

impl Column {
    pub fn new(sql: impl Into<String>, kind: Kind, table: Table) -> Self {
        Column { sql: sql.into(), kind, table, nullable: true, indexed: None, through: None }
    }

    pub fn never_null(self) -> Self {
        Column { nullable: false, ..self }
    }

    pub fn indexed(self, selectivity: Selectivity) -> Self {
        Column { indexed: Some(selectivity), ..self }
    }

    pub fn through(self, column: &str, select: String) -> Self {
        Column { through: Some((column.to_owned(), select)), ..self }
    }
}
