//! The bytes are those of the format page.

use super::disk::SimDisk;
use super::format::path_of;
use super::*;

const PAGE: &str = include_str!("../../../docs/format/journal.md");

/// The bytes of the page's example: lines of an offset, two blanks, and hexadecimal bytes.
fn example() -> Vec<u8> {
    let block = PAGE.split("```text hexdump\n").nth(1).unwrap().split("```").next().unwrap();
    let mut bytes = Vec::new();
    for line in block.lines() {
        let (offset, row) = line.split_once("  ").unwrap();
        assert_eq!(usize::from_str_radix(offset, 16).unwrap(), bytes.len());
        let row = row.split("  ").next().unwrap();
        bytes.extend(row.split(' ').map(|byte| u8::from_str_radix(byte, 16).unwrap()));
    }
    bytes
}

#[test]
fn the_pages_example_is_what_is_written() {
    let disk = SimDisk::default();
    let journal = Journal::create(Arc::new(disk.clone()), dir(), 7, 41, Durability::Sync).unwrap();
    journal.append(1, b"ciao").unwrap();
    journal.flush().unwrap();
    journal.append(2, b"").unwrap();
    journal.rotate(8).unwrap();
    assert_eq!(disk.bytes(&path_of(&dir(), 7)), example());
}

#[test]
fn the_pages_numbers_are_those_of_the_code() {
    for said in [
        format!("format version is {FORMAT_VERSION}"),
        format!("{} bytes more than its body", super::format::OVERHEAD),
        format!("{} MiB", MAX_BODY >> 20),
    ] {
        assert!(PAGE.contains(&said), "{said}");
    }
}
