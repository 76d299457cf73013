//! Bugs planted on the way to the disk, each of which the matrix must find: a harness that finds nothing has to show that it
//! could.

use crate::disk::Plant;
use crate::image::Cut;
use crate::matrix::{Case, Recording, check_all};
use crate::run::{Findings, Trouble};
use crate::workload::Level;

/// Cuts until something is lost; returns after how many cuts, and what was.
fn first_loss(level: Level, plant: Plant) -> Option<(usize, String)> {
    let recording = Recording::of(level, 1, Some(plant));
    let ways = [Cut::Nothing, Cut::Torn, Cut::Random];
    let cases =
        (0..recording.moments.len()).flat_map(|moment| ways.map(|cut| Case { moment, cut, dice: moment as u64 }));
    let findings = Findings::default();
    cases.enumerate().find_map(|(i, case)| match check_all(&recording, case, &findings) {
        Err(Trouble::Lost(what)) => Some((i + 1, what)),
        Err(Trouble::Wrong(_)) | Ok(()) => None,
    })
}

fn assert_found(name: &str, plant: Plant) {
    for level in Level::ALL {
        let found = first_loss(level, plant);
        let (cuts, what) = found.unwrap_or_else(|| panic!("{name}: the matrix finds nothing at {}", level.name()));
        println!("planted: {name}: found at {} after {cuts} cuts: {what}", level.name());
    }
}

#[test]
fn a_skipped_sync_of_the_journal_is_found() {
    assert_found("the journal's files are not synced", Plant::FileSync("journal/"));
    assert_found("records of the journal are not synced", Plant::LaterSync("journal/"));
}

#[test]
fn a_skipped_sync_of_segments_is_found() {
    assert_found("raw segments are not synced", Plant::FileSync("raw/"));
    assert_found("archive segments are not synced", Plant::FileSync("archive/"));
}

#[test]
fn a_skipped_sync_of_manifest_is_found() {
    assert_found("MANIFEST is not synced before it is renamed", Plant::FileSync("MANIFEST"));
}

#[test]
fn a_skipped_sync_of_a_directory_is_found() {
    assert_found("the journal's directory is not synced", Plant::DirSync("journal"));
    assert_found("the directory of raw segments is not synced", Plant::DirSync("raw"));
    assert_found("directories of archives are not synced", Plant::DirSync("archive"));
    assert_found("the root is not synced", Plant::DirSync(""));
}

#[test]
fn a_manifest_before_its_segments_is_found() {
    assert_found("MANIFEST becomes durable before its segments", Plant::ManifestFirst);
}
