//! One statement per search: its arms, joined, in one order, from one place on.

use rusqlite::types::Value;
use rusqlite::{Connection, Row, params_from_iter};

use super::super::failure::Failure;
use super::arms::Arm;
use super::bind::{Context, Node, Parameters, bind};
use super::column::Table;
use super::drive::{Driver, Lookup, choose, condition};
use super::order::{self, Key};
use super::{Parameter, metrics};
use crate::error::{Error, Result};
use crate::types::{Filter, History, Marker, Sort};

/// What is asked, as far as it does not depend on what is searched.
pub(super) struct Question<'a> {
    pub filter: Option<&'a Filter>,
    pub visibility: Option<&'a Filter>,
    pub history: History,
    pub sort: &'a [Sort],
    pub limit: Option<usize>,
    pub marker: Option<Marker>,
    /// Instead of a marker, and without an order: what comes behind this key.
    pub after_key: Option<i64>,
    pub context: Context<'a>,
}

/// A statement and the values of its parameters.
#[derive(Debug)]
pub(in crate::indexer) struct Statement {
    pub sql: String,
    pub values: Vec<Value>,
}

/// The longest statement that is worth keeping prepared: larger ones, of many values, are asked once.
const KEPT: usize = 8_192;

impl Statement {
    /// All rows that it finds, as `read` makes them.
    pub fn rows<T>(
        self,
        connection: &Connection,
        read: impl Fn(&Row) -> Result<T, Failure>,
    ) -> Result<Vec<T>, Failure> {
        if self.sql.len() <= KEPT {
            collect(&mut *connection.prepare_cached(&self.sql)?, self.values, read)
        } else {
            collect(&mut connection.prepare(&self.sql)?, self.values, read)
        }
    }
}

fn collect<T>(
    statement: &mut rusqlite::Statement,
    values: Vec<Value>,
    read: impl Fn(&Row) -> Result<T, Failure>,
) -> Result<Vec<T>, Failure> {
    let mut rows = statement.query(params_from_iter(values))?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(read(row)?);
    }
    Ok(found)
}

/// The statement that answers `question` from the rows of these arms. The place behind a marker is read from
/// `connection`.
pub(super) fn build(connection: &Connection, arms: &[Arm], question: &Question) -> Result<Statement, Failure> {
    let mut parameters = Parameters::default();
    let Some(&any) = arms.first() else {
        return Err(Failure::Damaged("a search of nothing".to_owned()));
    };
    let filter = question.filter.map(|filter| bind(filter, any, question.context, &mut parameters)).transpose()?;
    let visibility =
        question.visibility.map(|filter| bind(filter, any, question.context, &mut parameters)).transpose()?;
    order::keys(any, question.sort)?;
    let values = match (question.marker, question.after_key) {
        (Some(marker), _) => Some(place(connection, arms, question, marker)?),
        (None, Some(key)) if question.sort.is_empty() => Some(vec![Value::Integer(key)]),
        (None, _) => None,
    };
    let parameter = |value: Value| {
        let null = value == Value::Null;
        (parameters.add(value), null)
    };
    let place = values.map(|values| values.into_iter().map(parameter).collect::<Vec<_>>());
    let search = Search { question, filter, visibility, place, among_revisions: arms.len() > 1 };
    let mut sql = String::new();
    let mut clause = String::new();
    for arm in arms {
        let (select, keys) = search.arm(*arm, &mut parameters)?;
        if !sql.is_empty() {
            sql.push_str(" UNION ALL ");
        }
        sql.push_str(&select);
        clause = order::clause(&keys, columns(*arm) + 1);
    }
    if let Some(limit) = question.limit {
        let limit = parameters.add(i64::try_from(limit).unwrap_or(i64::MAX));
        clause = format!("{clause} LIMIT ?{limit}");
    }
    sql.push_str(&clause);
    Ok(Statement { sql, values: parameters.values })
}

/// How many columns are selected of a row of the arm.
fn columns(arm: Arm) -> usize {
    match arm {
        Arm::Current(_) | Arm::Past(_) => 14,
        Arm::Metrics(_) => 10,
    }
}

struct Search<'a> {
    question: &'a Question<'a>,
    filter: Option<Node>,
    visibility: Option<Node>,
    place: Option<Vec<(Parameter, bool)>>,
    among_revisions: bool,
}

impl Search<'_> {
    /// The `SELECT` of one arm, and what its last columns are to be sorted by.
    fn arm(&self, arm: Arm, parameters: &mut Parameters) -> Result<(String, Vec<Key>), Failure> {
        let mut keys = order::keys(arm, self.question.sort)?;
        let driver = choose(arm, self.filter.as_ref(), self.visibility.as_ref());
        let first = first(arm, &driver, &keys);
        let own = self.nodes().any(|node| has_own(arm, node)) || keys.iter().any(|key| is_own(key.column.table));
        let (from, key) = arm.from(first, own);
        // For a stretch of values, `SQLite` would rather read everything in the order of the keys than sort them.
        let stretch = matches!(driver, Driver::Attribute(_, _, Lookup::Stretch)) && keys.is_empty();
        let tie = if stretch { format!("+{key}") } else { key.to_owned() };
        keys.extend(arm.ties(&tie, self.among_revisions).into_iter().map(order::tie));
        let mut conditions: Vec<String> = Vec::new();
        if let Driver::Rows(rows) = &driver {
            conditions.push(format!("{} IN ({})", arm.row().0, union(rows)));
        }
        conditions.extend(self.nodes().map(|node| condition(arm, node, &driver)));
        conditions.extend(self.of_type(arm, &driver, first, own, parameters));
        conditions.extend(self.period(arm, parameters));
        match (&self.place, driver == Driver::Order && self.question.sort.is_empty()) {
            (Some(place), _) => conditions.push(order::behind(&keys, place)),
            (None, true) => conditions.push(format!("{key} > 0")),
            (None, false) => {}
        }
        let sorted: Vec<&str> = keys.iter().map(|key| key.column.sql.as_str()).collect();
        let mut select = format!("SELECT {}, {} FROM {from}", arm.selected(), sorted.join(", "));
        if !conditions.is_empty() {
            select.push_str(" WHERE ");
            select.push_str(&conditions.join(" AND "));
        }
        Ok((select, keys))
    }

    fn nodes(&self) -> impl Iterator<Item = &Node> {
        self.filter.iter().chain(&self.visibility)
    }

    /// The condition that rows are of the type, or status, that is searched, unless a join says so.
    fn of_type(
        &self,
        arm: Arm,
        driver: &Driver,
        first: Table,
        own: bool,
        parameters: &mut Parameters,
    ) -> Option<String> {
        let joined = own || first == Table::Attributes;
        let listed = *driver == Driver::Order;
        match arm {
            Arm::Metrics(status) => Some(metrics::status(status).trim_start_matches(" AND ").to_owned()),
            Arm::Current(layout) | Arm::Past(layout) if layout.is_generic() => None,
            Arm::Past(layout) if listed && self.question.sort.is_empty() => {
                Some(format!("h.type_id = ?{}", parameters.add(i64::from(layout.id))))
            }
            Arm::Current(_) | Arm::Past(_) if joined => None,
            Arm::Current(layout) => {
                let in_order = self.question.sort.first().is_some_and(|sort| sort.attribute == "revision_start");
                let kept = if listed && in_order { "" } else { "+" };
                Some(format!("{kept}r.type_id = ?{}", parameters.add(i64::from(layout.id))))
            }
            Arm::Past(layout) => Some(format!("+h.type_id = ?{}", parameters.add(i64::from(layout.id)))),
        }
    }

    /// The condition that a state was there in the time asked about.
    fn period(&self, arm: Arm, parameters: &mut Parameters) -> Option<String> {
        match (arm, self.question.history) {
            (Arm::Current(_), History::At(time)) => {
                Some(format!("+r.revision_start <= ?{}", parameters.add(time.nanos())))
            }
            (Arm::Past(_), History::At(time)) => {
                let time = parameters.add(time.nanos());
                Some(format!("+h.revision_start <= ?{time} AND +h.revision_end > ?{time}"))
            }
            (Arm::Current(_), History::Between(_, stop)) => {
                Some(format!("+r.revision_start < ?{}", parameters.add(stop.nanos())))
            }
            (Arm::Past(_), History::Between(start, stop)) => {
                let (start, stop) = (parameters.add(start.nanos()), parameters.add(stop.nanos()));
                Some(format!("+h.revision_start < ?{stop} AND +h.revision_end > ?{start}"))
            }
            _ => None,
        }
    }
}

/// Statements as one, in groups, since `SQLite` bounds how many can be joined at once.
fn union(rows: &[String]) -> String {
    const GROUP: usize = 200;
    if rows.len() <= GROUP {
        return rows.join(" UNION ");
    }
    let groups = rows.chunks(GROUP).map(|group| format!("SELECT * FROM ({})", group.join(" UNION ")));
    groups.collect::<Vec<_>>().join(" UNION ")
}

/// The table that is read first: that of the driver, or of the order.
fn first(arm: Arm, driver: &Driver, keys: &[Key]) -> Table {
    match (driver, keys.first()) {
        (Driver::Attribute(_, table, _), _) => *table,
        (Driver::Rows(_), _) => arm.row().1,
        (Driver::Order, Some(key)) if key.column.table != Table::Elsewhere => key.column.table,
        (Driver::Order, _) => match arm {
            Arm::Current(layout) if !layout.is_generic() => Table::Attributes,
            _ => arm.row().1,
        },
    }
}

fn is_own(table: Table) -> bool {
    table == Table::Attributes
}

/// Whether a filter asks about attributes of the type.
fn has_own(arm: Arm, node: &Node) -> bool {
    match node {
        Node::Compare(bound) => arm.column(&bound.attribute).is_some_and(|column| is_own(column.table)),
        Node::Not(inner) => has_own(arm, inner),
        Node::All(parts) | Node::Any(parts) => parts.iter().any(|part| has_own(arm, part)),
    }
}

/// What the row of the marker is sorted by.
fn place(connection: &Connection, arms: &[Arm], question: &Question, marker: Marker) -> Result<Vec<Value>, Failure> {
    let past = |arm: &&Arm| matches!(arm, Arm::Past(_));
    let arm = match marker.revision {
        Some(_) => arms.iter().find(past),
        None => arms.iter().find(|arm| !past(arm)),
    };
    let unknown = || Error::InvalidPagination { reason: format!("there is no `{marker}` to go on from") };
    let arm = *arm.ok_or_else(unknown)?;
    let mut parameters = Parameters::default();
    let visibility =
        question.visibility.map(|filter| bind(filter, arm, question.context, &mut parameters)).transpose()?;
    let mut keys = order::keys(arm, question.sort)?;
    let own =
        visibility.as_ref().is_some_and(|node| has_own(arm, node)) || keys.iter().any(|key| is_own(key.column.table));
    let first = if marker.revision.is_some() { Table::Revision } else { Table::Resource };
    let (from, key) = arm.from(first, own);
    keys.extend(arm.ties(key, arms.len() > 1).into_iter().map(order::tie));
    let selected: Vec<&str> = keys.iter().map(|key| key.column.sql.as_str()).collect();
    let id = parameters.add(marker.id.as_bytes().to_vec());
    let mut conditions = match (arm, marker.revision) {
        (Arm::Metrics(status), _) => vec![format!("m.id = ?{id}{}", metrics::status(status))],
        (_, None) => vec![format!("r.id = ?{id}")],
        (_, Some(revision)) => {
            let revision = parameters.add(i64::try_from(revision).unwrap_or(i64::MAX));
            vec![format!("h.revision = ?{revision} AND +r.id = ?{id}")]
        }
    };
    let by_id = Driver::Attribute("id".to_owned(), first, Lookup::Equal);
    conditions.extend(visibility.map(|node| format!("({})", condition(arm, &node, &by_id))));
    let sql = format!("SELECT {} FROM {from} WHERE {}", selected.join(", "), conditions.join(" AND "));
    let values = |row: &Row| Ok((0..keys.len()).map(|at| row.get(at)).collect::<rusqlite::Result<Vec<Value>>>()?);
    let found = Statement { sql, values: parameters.values }.rows(connection, values)?.pop();
    found.ok_or_else(|| unknown().into())
}
