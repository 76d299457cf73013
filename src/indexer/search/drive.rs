//! Which index the rows of a search are found by.
//!
//! `SQLite` would have to guess, since it knows nothing of how values are spread; a guess that takes an index of half of
//! all rows instead of one of a hundred costs a thousandfold. So one comparison that every row found must pass is chosen
//! here by what its column promises, and all others are kept from being looked up: `+` before a column says so.

use super::arms::Arm;
use super::bind::{Bound, BoundTest, Node};
use super::column::{Column, Table};

/// By what rows are found.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Driver {
    /// By the order they are listed in.
    Order,
    /// By an index on the column of this attribute, in this table; by equal values, whose rows the index has in the
    /// order of their keys, or by a stretch of values.
    Attribute(String, Table, Lookup),
    /// By these statements, each of which selects some of the rows.
    Rows(Vec<String>),
}

/// How much of an index is looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lookup {
    Equal,
    Stretch,
}

/// The driver of a search for what passes `filter` and `visibility`; of both, the one chosen by whoever asks is better.
pub(super) fn choose(arm: Arm, filter: Option<&Node>, visibility: Option<&Node>) -> Driver {
    let asked = filter.and_then(|node| best(arm, node));
    let allowed = visibility.and_then(|node| best(arm, node));
    let few = |rank: &(u32, Driver)| rank.0 >= FEW;
    match (asked, allowed) {
        (Some(asked), Some(allowed)) if few(&allowed) && !few(&asked) => allowed.1,
        (Some(asked), _) => asked.1,
        (None, Some(allowed)) => allowed.1,
        (None, None) => Driver::Order,
    }
}

/// The rank from which on a driver finds one row, or a few named ones.
const FEW: u32 = 80;

/// The best driver of what must pass `node`, with its rank.
fn best(arm: Arm, node: &Node) -> Option<(u32, Driver)> {
    match node {
        Node::Compare(bound) => {
            let column = arm.column(&bound.attribute)?;
            let rank = rank(&column, &bound.test)?;
            let stretch = matches!(&bound.test, BoundTest::Is(sign, _) if *sign != "=")
                || matches!(bound.test, BoundTest::Like(..));
            let lookup = if stretch { Lookup::Stretch } else { Lookup::Equal };
            Some((rank, Driver::Attribute(bound.attribute.clone(), column.table, lookup)))
        }
        // Of several that are as good, the first, which is the last to be compared.
        Node::All(parts) => parts.iter().rev().filter_map(|part| best(arm, part)).max_by_key(|(rank, _)| *rank),
        Node::Any(parts) if !parts.is_empty() => {
            let mut worst = u32::MAX;
            let mut rows = Vec::new();
            for part in parts {
                let (rank, driver) = best(arm, part)?;
                worst = worst.min(rank);
                match driver {
                    Driver::Rows(more) => rows.extend(more),
                    Driver::Attribute(attribute, table, _) => rows.push(select(arm, part, &attribute, table)?),
                    Driver::Order => return None,
                }
            }
            Some((worst, Driver::Rows(rows)))
        }
        Node::Any(_) | Node::Not(_) => None,
    }
}

/// How few rows a lookup of this leaves, the greater the fewer; none when no index knows.
fn rank(column: &Column, test: &BoundTest) -> Option<u32> {
    let selectivity = column.indexed? as u32;
    let equality = 20 * (selectivity + 1);
    match test {
        BoundTest::Is("=", _) => Some(equality),
        BoundTest::In(_, null) if !null || !column.nullable => Some(equality - 1),
        _ if column.through.is_some() => None,
        BoundTest::In(..) | BoundTest::Null => (column.nullable && !partial(column)).then_some(2),
        BoundTest::Like(_, Some(_)) => Some(15),
        BoundTest::Is(..) => Some(10),
        BoundTest::Like(_, None) | BoundTest::IsNot(_) | BoundTest::NotNull => None,
    }
}

/// Whether the index on the column knows no nulls: those of metrics, most of which have no unit.
fn partial(column: &Column) -> bool {
    column.table == Table::Metric
}

/// The statement that selects the rows which pass the comparisons of one attribute that `part` demands.
fn select(arm: Arm, part: &Node, attribute: &str, table: Table) -> Option<String> {
    let column = arm.column(attribute)?;
    let conditions: Vec<String> = demanded(part)
        .into_iter()
        .filter(|bound| bound.attribute == attribute)
        .map(|bound| comparison(&column, &bound.test, true))
        .collect();
    let status = match arm {
        Arm::Metrics(status) => super::metrics::status(status),
        Arm::Current(_) | Arm::Past(_) => "",
    };
    Some(format!("{} WHERE {}{status}", arm.rows_of(table)?, conditions.join(" AND ")))
}

/// The comparisons that every row passes which passes `node`.
fn demanded(node: &Node) -> Vec<&Bound> {
    match node {
        Node::Compare(bound) => vec![bound],
        Node::All(parts) => parts.iter().flat_map(demanded).collect(),
        Node::Any(_) | Node::Not(_) => Vec::new(),
    }
}

/// A filter as a condition, in which only what every row must pass of the driver's attribute may be looked up.
pub(super) fn condition(arm: Arm, node: &Node, driver: &Driver) -> String {
    render(arm, node, driver, true)
}

fn render(arm: Arm, node: &Node, driver: &Driver, demanded: bool) -> String {
    match node {
        Node::Compare(bound) => {
            let drives =
                demanded && matches!(driver, Driver::Attribute(attribute, ..) if *attribute == bound.attribute);
            // Binding has found the column already.
            arm.column(&bound.attribute)
                .map_or_else(|| "0".to_owned(), |column| comparison(&column, &bound.test, drives))
        }
        Node::Not(inner) => format!("NOT ({})", render(arm, inner, driver, false)),
        Node::All(parts) => {
            joined(parts.iter().map(|part| render(arm, part, driver, demanded)).collect(), " AND ", "1")
        }
        Node::Any(parts) => joined(parts.iter().map(|part| render(arm, part, driver, false)).collect(), " OR ", "0"),
    }
}

/// Conditions in pairs of pairs, since `SQLite` bounds how deep an expression is, and a chain is as deep as it is long.
fn joined(mut parts: Vec<String>, between: &str, none: &str) -> String {
    while parts.len() > 1 {
        let mut pairs = Vec::with_capacity(parts.len().div_ceil(2));
        let mut left = parts.into_iter();
        while let Some(first) = left.next() {
            pairs.push(match left.next() {
                Some(second) => format!("({first}{between}{second})"),
                None => first,
            });
        }
        parts = pairs;
    }
    parts.pop().unwrap_or_else(|| none.to_owned())
}

/// One comparison as a condition; an index may be used for it only when it `drives`.
fn comparison(column: &Column, test: &BoundTest, drives: bool) -> String {
    if drives && let Some((outer, select)) = &column.through {
        match test {
            BoundTest::Is("=", value) => return format!("{outer} IN ({select} = ?{value})"),
            BoundTest::In(values, null) if !null || !column.nullable => {
                return format!("{outer} IN ({select} IN ({}))", list(values));
            }
            _ => {}
        }
    }
    let kept = format!("+{}", column.sql);
    let sql = if drives { &column.sql } else { &kept };
    match test {
        BoundTest::Null => format!("{sql} IS NULL"),
        BoundTest::NotNull => format!("{sql} IS NOT NULL"),
        BoundTest::Is(operator, value) => format!("{sql} {operator} ?{value}"),
        BoundTest::IsNot(value) => format!("({kept} <> ?{value} OR {kept} IS NULL)"),
        BoundTest::In(values, null) if !null || !column.nullable => format!("{sql} IN ({})", list(values)),
        BoundTest::In(values, _) if values.is_empty() => format!("{sql} IS NULL"),
        BoundTest::In(values, _) => format!("({sql} IN ({}) OR {sql} IS NULL)", list(values)),
        BoundTest::Like(pattern, Some((from, to))) if drives => {
            format!("({sql} >= ?{from} AND {sql} < ?{to} AND {kept} GLOB ?{pattern})")
        }
        BoundTest::Like(pattern, _) => format!("{kept} GLOB ?{pattern}"),
    }
}

fn list(values: &[super::Parameter]) -> String {
    values.iter().map(|value| format!("?{value}")).collect::<Vec<_>>().join(", ")
}
