//! Arms: the sets of rows that a search looks at, with where their attributes lie and how their tables are joined.

use super::super::resource_types::layout::Layout;
use super::column::{Column, Kind, Selectivity, Table};
use crate::types::MetricStatus;

/// What a creator says before the first `:`; all of it when there is none.
const USER: &str = "substr(r.creator, 1, instr(r.creator || ':', ':') - 1)";
/// What a creator says after the first `:`; nothing when there is none.
const PROJECT: &str = "substr(r.creator, instr(r.creator || ':', ':') + 1)";

/// Behind all revisions: the number by which the current state is sorted among them.
const CURRENT: &str = "9223372036854775807";

/// One set of rows.
#[derive(Clone, Copy)]
pub(super) enum Arm<'a> {
    /// Resources as they are.
    Current(&'a Layout),
    /// What resources were before each change.
    Past(&'a Layout),
    /// Metrics of this status.
    Metrics(MetricStatus),
}

impl Arm<'_> {
    /// Whose attributes they are, for an error.
    pub fn owner(self) -> String {
        match self {
            Arm::Current(layout) | Arm::Past(layout) => format!("resource type `{}`", layout.name),
            Arm::Metrics(_) => "a metric".to_owned(),
        }
    }

    /// The attribute of this name.
    pub fn column(self, name: &str) -> Option<Column> {
        match self {
            Arm::Current(layout) => current(name).or_else(|| own(layout, name)),
            Arm::Past(layout) => past(name).or_else(|| own(layout, name)),
            Arm::Metrics(_) => metric(name),
        }
    }

    /// What tells rows apart that are equal in every attribute sorted by: the key, which is in `key`, and among
    /// revisions their time and number.
    pub fn ties(self, key: &str, among_revisions: bool) -> Vec<Column> {
        let whole = |sql: &str| Column::new(sql, Kind::Revision, Table::Elsewhere).never_null();
        match self {
            Arm::Past(_) => vec![whole(key), whole("h.revision_start"), whole("h.revision")],
            Arm::Current(_) if among_revisions => vec![whole(key), whole("r.revision_start"), whole(CURRENT)],
            Arm::Current(_) | Arm::Metrics(_) => vec![whole(key)],
        }
    }

    /// What is selected of a row besides what it is sorted by.
    pub fn selected(self) -> &'static str {
        match self {
            Arm::Current(_) => {
                "r.key, r.id, r.original_id, t.id, t.name, t.revision, r.creator, r.user_id, r.project_id, \
                 r.started_at, r.ended_at, r.revision_start, NULL, NULL"
            }
            Arm::Past(_) => {
                "r.key, r.id, r.original_id, t.id, t.name, t.revision, r.creator, h.user_id, h.project_id, \
                 h.started_at, h.ended_at, h.revision_start, h.revision, h.revision_end"
            }
            Arm::Metrics(_) => {
                "m.key, m.id, m.name, m.unit, m.creator, r.id, p.name, m.status, m.created_at, m.policy_id"
            }
        }
    }

    /// The column that names a row of the arm, and a statement that selects it where a column of `table` is as said.
    pub fn rows_of(self, table: Table) -> Option<String> {
        let select = match (self, table) {
            (Arm::Current(layout), Table::Attributes) => format!("SELECT a.key FROM {} AS a", layout.current_table()),
            (Arm::Current(_), Table::Resource) => "SELECT r.key FROM resources AS r".to_owned(),
            (Arm::Past(layout), Table::Attributes) => format!("SELECT a.revision FROM {} AS a", layout.past_table()),
            (Arm::Past(_), Table::Revision) => "SELECT h.revision FROM revisions AS h".to_owned(),
            (Arm::Past(_), Table::Resource) => {
                "SELECT h.revision FROM resources AS r CROSS JOIN revisions AS h ON h.resource_key = r.key".to_owned()
            }
            (Arm::Metrics(_), Table::Metric) => "SELECT m.key FROM metrics AS m".to_owned(),
            _ => return None,
        };
        Some(select)
    }

    /// The column by which [`Arm::rows_of`] names rows, and its table.
    pub fn row(self) -> (&'static str, Table) {
        match self {
            Arm::Current(_) => ("r.key", Table::Resource),
            Arm::Past(_) => ("h.revision", Table::Revision),
            Arm::Metrics(_) => ("m.key", Table::Metric),
        }
    }

    /// Its tables, joined so that `first` is read first, and the column of the resource's or metric's key in that one.
    /// `attributes` says whether those of the type are asked about.
    pub fn from(self, first: Table, attributes: bool) -> (String, &'static str) {
        match self {
            Arm::Current(layout) => from_current(layout, first, attributes),
            Arm::Past(layout) => from_past(layout, first, attributes),
            Arm::Metrics(_) => {
                let from = "metrics AS m CROSS JOIN archive_policies AS p ON p.id = m.policy_id \
                            LEFT JOIN resources AS r ON r.key = m.resource_key \
                            LEFT JOIN resource_types AS t ON t.id = r.type_id";
                (from.to_owned(), "m.key")
            }
        }
    }
}

const TYPE: &str = "CROSS JOIN resource_types AS t ON t.id = r.type_id";

fn from_current(layout: &Layout, first: Table, attributes: bool) -> (String, &'static str) {
    let table = layout.current_table();
    match (first, attributes) {
        (Table::Attributes, _) => (format!("{table} AS a CROSS JOIN resources AS r ON r.key = a.key {TYPE}"), "a.key"),
        (_, true) => (format!("resources AS r CROSS JOIN {table} AS a ON a.key = r.key {TYPE}"), "r.key"),
        (_, false) => (format!("resources AS r {TYPE}"), "r.key"),
    }
}

fn from_past(layout: &Layout, first: Table, attributes: bool) -> (String, &'static str) {
    let table = layout.past_table();
    let joined =
        if attributes { format!(" CROSS JOIN {table} AS a ON a.revision = h.revision") } else { String::new() };
    match first {
        Table::Attributes => {
            let from = format!(
                "{table} AS a CROSS JOIN revisions AS h ON h.revision = a.revision \
                 CROSS JOIN resources AS r ON r.key = h.resource_key {TYPE}"
            );
            (from, "h.resource_key")
        }
        Table::Resource => {
            (format!("resources AS r CROSS JOIN revisions AS h ON h.resource_key = r.key{joined} {TYPE}"), "r.key")
        }
        _ => {
            let from = format!("revisions AS h{joined} CROSS JOIN resources AS r ON r.key = h.resource_key {TYPE}");
            (from, "h.resource_key")
        }
    }
}

/// An attribute that a type gives to its resources.
fn own(layout: &Layout, name: &str) -> Option<Column> {
    let column = layout.column(name)?;
    let kind = Kind::from(column.attribute.kind);
    let selectivity = if kind == Kind::Bool { Selectivity::Half } else { Selectivity::Attribute };
    Some(Column::new(format!("a.{}", column.column()), kind, Table::Attributes).indexed(selectivity))
}

/// What does not change in the life of a resource.
fn constant(name: &str) -> Option<Column> {
    let column = |sql: &str, kind| Column::new(sql, kind, Table::Resource);
    Some(match name {
        "id" => column("r.id", Kind::ResourceId).never_null().indexed(Selectivity::Unique),
        "original_resource_id" => column("r.original_id", Kind::Text).never_null().indexed(Selectivity::Unique),
        "creator" => column("r.creator", Kind::Text).indexed(Selectivity::Owner),
        "created_by_user_id" => column(USER, Kind::Text),
        "created_by_project_id" => column(PROJECT, Kind::Text).indexed(Selectivity::Owner),
        _ => return None,
    })
}

/// What selects the number of the type whose name follows.
const TYPE_BY_NAME: &str = "SELECT id FROM resource_types WHERE name";

fn current(name: &str) -> Option<Column> {
    let column = |sql: &str, kind| Column::new(sql, kind, Table::Resource);
    Some(match name {
        "type" => column("t.name", Kind::Text)
            .never_null()
            .indexed(Selectivity::Kind)
            .through("r.type_id", TYPE_BY_NAME.to_owned()),
        "user_id" => column("r.user_id", Kind::Text).indexed(Selectivity::Owner),
        "project_id" => column("r.project_id", Kind::Text).indexed(Selectivity::Owner),
        "started_at" => column("r.started_at", Kind::Time).never_null().indexed(Selectivity::Attribute),
        "ended_at" => column("r.ended_at", Kind::Time).indexed(Selectivity::Attribute),
        "lifespan" => column("(r.ended_at - r.started_at)", Kind::Span),
        "revision_start" => column("r.revision_start", Kind::Time).never_null().indexed(Selectivity::Attribute),
        "revision_end" => Column::new("NULL", Kind::Time, Table::Elsewhere),
        "revision" => Column::new("-1", Kind::Revision, Table::Elsewhere).never_null(),
        _ => return constant(name),
    })
}

fn past(name: &str) -> Option<Column> {
    let column = |sql: &str, kind| Column::new(sql, kind, Table::Revision);
    Some(match name {
        "type" => column("t.name", Kind::Text)
            .never_null()
            .indexed(Selectivity::Kind)
            .through("h.type_id", TYPE_BY_NAME.to_owned()),
        "user_id" => column("h.user_id", Kind::Text).indexed(Selectivity::Owner),
        "project_id" => column("h.project_id", Kind::Text).indexed(Selectivity::Owner),
        "started_at" => column("h.started_at", Kind::Time).never_null().indexed(Selectivity::Attribute),
        "ended_at" => column("h.ended_at", Kind::Time).indexed(Selectivity::Attribute),
        "lifespan" => column("(h.ended_at - h.started_at)", Kind::Span),
        "revision_start" => column("h.revision_start", Kind::Time).never_null().indexed(Selectivity::Attribute),
        "revision_end" => column("h.revision_end", Kind::Time).never_null().indexed(Selectivity::Attribute),
        "revision" => column("h.revision", Kind::Revision).never_null().indexed(Selectivity::Unique),
        _ => return constant(name),
    })
}

fn metric(name: &str) -> Option<Column> {
    let column = |sql: &str, kind| Column::new(sql, kind, Table::Metric);
    Some(match name {
        "key" => column("m.key", Kind::Revision).never_null().indexed(Selectivity::Unique),
        "id" => column("m.id", Kind::Uuid).never_null().indexed(Selectivity::Unique),
        "name" => column("m.name", Kind::Text).indexed(Selectivity::Attribute),
        "unit" => column("m.unit", Kind::Text).indexed(Selectivity::Kind),
        "creator" => column("m.creator", Kind::Text).indexed(Selectivity::Owner),
        "created_by_user_id" => column(&USER.replace("r.", "m."), Kind::Text),
        "created_by_project_id" => column(&PROJECT.replace("r.", "m."), Kind::Text),
        "archive_policy_name" => column("p.name", Kind::Text)
            .never_null()
            .indexed(Selectivity::Kind)
            .through("m.policy_id", "SELECT id FROM archive_policies WHERE name".to_owned()),
        "resource_id" => column("r.id", Kind::ResourceId)
            .indexed(Selectivity::Unique)
            .through("m.resource_key", "SELECT key FROM resources WHERE id".to_owned()),
        "status" => column("m.status", Kind::Status).never_null(),
        "created_at" => column("m.created_at", Kind::Time).never_null(),
        _ => return of_resource(name.strip_prefix("resource.")?),
    })
}

/// What the resource of a metric has, or null when the metric belongs to none.
fn of_resource(name: &str) -> Option<Column> {
    let column = current(name).filter(|column| column.table == Table::Resource)?;
    let of_type = column.through.is_some();
    let select = if of_type {
        "SELECT r.key FROM resource_types AS t CROSS JOIN resources AS r ON r.type_id = t.id WHERE t.name".to_owned()
    } else {
        format!("SELECT r.key FROM resources AS r WHERE {}", column.sql)
    };
    let through = column.indexed.map(|_| ("m.resource_key".to_owned(), select));
    Some(Column { table: Table::Metric, nullable: true, through, ..column })
}
