use std::io::ErrorKind;
use std::path::Path;
use std::process::Command;

use super::*;
use crate::error::Error;

fn io_kind(error: &Error) -> ErrorKind {
    match error {
        Error::Io { source, .. } | Error::DiskFull { source, .. } => source.kind(),
        other => panic!("not an error of the system: {other}"),
    }
}

#[test]
fn appends_go_where_the_tracked_length_says() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("f");
    let file = RealFs.create(&path).unwrap();
    assert_eq!(file.len(), 0);
    file.append(b"hello world").unwrap();
    file.truncate(5).unwrap();
    assert_eq!(file.len(), 5);
    file.append(b"!").unwrap();
    file.sync().unwrap();
    assert_eq!((file.len(), file.path()), (6, path.as_path()));
    assert_eq!(RealFs.read(&path).unwrap().unwrap(), b"hello!");
}

#[test]
fn reserved_room_is_zeros_behind_what_is_appended() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("f");
    let file = RealFs.create(&path).unwrap();
    file.append(b"abc").unwrap();
    file.reserve(8).unwrap();
    assert_eq!(file.len(), 3);
    file.append(b"de").unwrap();
    assert_eq!(RealFs.read(&path).unwrap().unwrap(), b"abcde\0\0\0");
    file.reserve(1).unwrap();
    assert_eq!(RealFs.read(&path).unwrap().unwrap(), b"abcde", "appended bytes are never cut");
}

#[test]
fn create_refuses_a_name_that_exists() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("f");
    RealFs.create(&path).unwrap().append(b"keep").unwrap();
    assert_eq!(io_kind(&RealFs.create(&path).unwrap_err()), ErrorKind::AlreadyExists);
    assert_eq!(RealFs.read(&path).unwrap().unwrap(), b"keep");
}

#[test]
fn an_opened_file_can_be_read_but_not_appended_to() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("f");
    let writer = RealFs.create(&path).unwrap();
    writer.append(b"0123456789").unwrap();
    let reader = RealFs.open(&path).unwrap();
    assert_eq!(reader.len(), 10);
    let mut buf = [0; 4];
    reader.read_at(6, &mut buf).unwrap();
    assert_eq!(&buf, b"6789");
    assert_eq!(io_kind(&reader.read_at(7, &mut buf).unwrap_err()), ErrorKind::UnexpectedEof);
    assert_eq!(io_kind(&reader.read_at(u64::from(u32::MAX), &mut buf).unwrap_err()), ErrorKind::UnexpectedEof);
    assert!(reader.append(b"x").is_err());
    assert_eq!(reader.len(), 10, "a failed append moves nothing");
    writer.append(b"ab").unwrap();
    reader.read_at(8, &mut buf).unwrap();
    assert_eq!(&buf, b"89ab", "what is appended later can be read");
}

#[test]
fn a_full_disk_has_its_own_error() {
    // Linux answers every write to this device with ENOSPC.
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let source = std::os::unix::fs::FileExt::write_all_at(&full, b"x", 0).unwrap_err();
    assert!(matches!(Error::io("append to", Path::new("/dev/full"), source), Error::DiskFull { .. }));
}

#[test]
fn read_tells_absent_from_empty_and_refuses_the_huge() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("f");
    assert!(RealFs.read(&path).unwrap().is_none());
    let file = RealFs.create(&path).unwrap();
    assert_eq!(RealFs.read(&path).unwrap().unwrap(), b"");
    file.truncate(READ_LIMIT + 1).unwrap(); // sparse: takes no space
    assert_eq!(io_kind(&RealFs.read(&path).unwrap_err()), ErrorKind::FileTooLarge);
    assert!(RealFs.read(folder.path()).is_err(), "a directory is no file");
}

#[test]
fn listing_is_sorted_and_an_absent_directory_is_empty() {
    let folder = tempfile::tempdir().unwrap();
    assert!(RealFs.list(&folder.path().join("absent")).unwrap().is_empty());
    RealFs.create_dir_all(&folder.path().join("b/deep")).unwrap();
    RealFs.create_dir_all(&folder.path().join("b")).unwrap();
    RealFs.create(&folder.path().join("c")).unwrap().append(b"123").unwrap();
    RealFs.create(&folder.path().join("a")).unwrap();
    std::os::unix::fs::symlink(folder.path().join("nowhere"), folder.path().join("dangling")).unwrap();
    let list = RealFs.list(folder.path()).unwrap();
    let seen: Vec<_> = list.iter().map(|entry| (entry.name.as_str(), entry.is_dir)).collect();
    assert_eq!(seen, [("a", false), ("b", true), ("c", false)]);
    assert_eq!((list[0].len, list[2].len), (0, 3));
    assert!(RealFs.list(&folder.path().join("c")).is_err(), "a file is no directory");
}

#[test]
fn removals_can_be_repeated() {
    let folder = tempfile::tempdir().unwrap();
    let (directory, file) = (folder.path().join("d"), folder.path().join("d/f"));
    RealFs.create_dir_all(&directory).unwrap();
    RealFs.create(&file).unwrap();
    RealFs.remove_dir(&directory).unwrap();
    assert!(file.exists(), "a directory that is not empty stays");
    RealFs.remove(&file).unwrap();
    RealFs.remove(&file).unwrap();
    RealFs.remove_dir(&directory).unwrap();
    RealFs.remove_dir(&directory).unwrap();
    assert!(!directory.exists());
    RealFs.sync_dir(folder.path()).unwrap();
    assert_eq!(io_kind(&RealFs.sync_dir(&directory).unwrap_err()), ErrorKind::NotFound);
}

#[test]
fn replacing_survives_what_an_earlier_attempt_left() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("MANIFEST");
    RealFs.create(&folder.path().join("MANIFEST.tmp")).unwrap().append(b"half writ").unwrap();
    replace_atomically(&RealFs, &path, b"first").unwrap();
    replace_atomically(&RealFs, &path, b"second").unwrap();
    assert_eq!(RealFs.read(&path).unwrap().unwrap(), b"second");
    assert_eq!(RealFs.list(folder.path()).unwrap().len(), 1, "nothing temporary stays");
    assert!(replace_atomically(&RealFs, &folder.path().join("no/such/folder"), b"x").is_err());
}

#[test]
fn a_failed_replacement_leaves_the_old_content_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("d");
    RealFs.create_dir_all(&path.join("occupied")).unwrap();
    assert!(replace_atomically(&RealFs, &path, b"x").is_err(), "a file does not replace a directory");
    assert!(path.join("occupied").exists());
    assert!(!folder.path().join("d.tmp").exists());
}

#[test]
fn a_lock_is_held_once_in_one_process_and_names_its_holder() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("LOCK");
    let held = RealFs.lock(&path).unwrap();
    match RealFs.lock(&path).unwrap_err() {
        Error::Locked { path, pid } => assert_eq!((path.as_path(), pid), (folder.path(), std::process::id())),
        other => panic!("{other}"),
    }
    drop(held);
    assert!(path.exists(), "a lock file is never removed");
    drop(RealFs.lock(&path).unwrap());
}

#[test]
fn a_lock_excludes_other_processes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("LOCK");
    let held = RealFs.lock(&path).unwrap();
    let attempt = || Command::new("flock").arg("-n").arg(&path).arg("true").status();
    let Ok(status) = attempt() else {
        return; // a machine without util-linux
    };
    assert!(!status.success());
    drop(held);
    assert!(attempt().unwrap().success());
}

#[test]
fn a_lock_file_that_names_nobody_is_held_by_process_0() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("LOCK");
    std::fs::write(&path, "nonsense, but long enough").unwrap();
    let other = std::fs::File::open(&path).unwrap();
    other.try_lock().unwrap();
    assert!(matches!(RealFs.lock(&path), Err(Error::Locked { pid: 0, .. })));
}

#[test]
fn the_directory_of_a_bare_name_is_the_current_one() {
    assert_eq!(directory_of(Path::new("LOCK")), Path::new("."));
    assert_eq!(directory_of(Path::new("/a/LOCK")), Path::new("/a"));
}
