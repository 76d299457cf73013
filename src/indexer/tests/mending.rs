//! Whatever page of an index is damaged: what is mended has every row, as it was.

use std::collections::BTreeSet;
use std::path::Path;

use rusqlite::types::Value;
use rusqlite::{Connection, OpenFlags};

use super::*;
use crate::types::{Attribute, NewResource, ResourceMetric, ResourceType};

const METRICS: usize = 600;

/// An index with trees of several levels.
fn fill(path: &Path) {
    let index = Indexer::open(path).unwrap();
    index.create_default_policies().unwrap();
    index.create_resource_type(&ResourceType::new("instance").attribute("host", Attribute::string())).unwrap();
    let metric =
        |i: usize| NewMetric::named(format!("a metric with quite a long name, which is number {i}")).unit("things");
    index.create_metrics(&(0..METRICS).map(metric).collect::<Vec<_>>(), now()).unwrap();
    let resource = |i: usize| {
        let new = NewResource::named("instance", &format!("web-{i}"), None).unwrap();
        new.attribute("host", format!("host {}", i % 7)).user("u").metric("cpu", ResourceMetric::by_rule())
    };
    index.create_resources(&(0..150).map(resource).collect::<Vec<_>>(), now()).unwrap();
    assert!(index.checkpoint_wal().unwrap());
}

/// All rows of all tables.
fn rows(path: &Path) -> Vec<(String, Vec<Vec<Value>>)> {
    let index = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    let mut tables = index.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name").unwrap();
    let names: Vec<String> = tables.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    let of_table = |name: String| {
        let mut table = index.prepare(&format!("SELECT * FROM {name} NOT INDEXED")).unwrap();
        let columns = table.column_count();
        let row = |row: &rusqlite::Row<'_>| (0..columns).map(|column| row.get(column)).collect();
        let rows = table.query_map([], row).unwrap().map(Result::unwrap).collect();
        (name, rows)
    };
    names.into_iter().map(of_table).collect()
}

#[test]
fn whatever_page_is_damaged_a_mended_index_has_all_rows() {
    let folder = tempfile::tempdir().unwrap();
    let (whole, path, copy) = (folder.path().join("whole"), folder.path().join("index"), folder.path().join("copy"));
    fill(&whole);
    let (bytes, expected) = (std::fs::read(&whole).unwrap(), rows(&whole));
    let size = 4096;
    let (mut mended, mut lists) = (0, BTreeSet::new());
    for page in 1..bytes.len() / size {
        for damage in 0..3 {
            let mut damaged = bytes.clone();
            let part = &mut damaged[page * size..(page + 1) * size];
            match damage {
                0 => part.fill(0),
                1 => part[8..].fill(0x5a),
                // One cell less.
                _ => part[4] = part[4].wrapping_sub(1),
            }
            for name in ["index-wal", "index-shm", "copy"] {
                let _ = std::fs::remove_file(folder.path().join(name));
            }
            std::fs::write(&path, &damaged).unwrap();
            let Ok(index) = Indexer::open(&path) else { continue };
            let Some(found) = index.mended_into(&copy).unwrap() else { continue };
            assert!(rows(&copy) == expected, "page {page}, damage {damage}: {found:?}");
            assert_eq!(Indexer::open(&copy).unwrap().findings(10).unwrap(), [""; 0], "page {page}, damage {damage}");
            mended += 1;
            lists.extend(found.into_iter().map(|list| list.name));
        }
    }
    assert!(mended > 40 && lists.len() > 10, "{mended} pages of {lists:?}");
}
