//! A file system in memory, as far as it is needed to read what is fuzzed and to write it again.

use std::collections::BTreeMap;
use std::io::{Error as IoError, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use gnocchetti::internals::fs::{DirEntry, File, Fs, Lock};
use gnocchetti::{Error, Result};

type Bytes = Arc<Mutex<Vec<u8>>>;

/// Files by path; every directory is there.
#[derive(Debug, Default)]
pub struct MemoryFs(Mutex<BTreeMap<PathBuf, Bytes>>);

#[derive(Debug)]
struct MemoryFile {
    path: PathBuf,
    bytes: Bytes,
}

fn failed(operation: &'static str, path: &Path, kind: ErrorKind) -> Error {
    Error::Io { operation, path: path.to_path_buf(), source: IoError::from(kind) }
}

impl MemoryFs {
    pub fn with(path: &str, bytes: Vec<u8>) -> Self {
        let fs = MemoryFs::default();
        fs.put(path, bytes);
        fs
    }

    pub fn put(&self, path: &str, bytes: Vec<u8>) {
        self.files(|files| files.insert(PathBuf::from(path), Arc::new(Mutex::new(bytes))));
    }

    fn files<T>(&self, act: impl FnOnce(&mut BTreeMap<PathBuf, Bytes>) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn file(&self, path: &Path) -> Option<Bytes> {
        self.files(|files| files.get(path).cloned())
    }
}

impl MemoryFile {
    fn bytes<T>(&self, act: impl FnOnce(&mut Vec<u8>) -> T) -> T {
        act(&mut self.bytes.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Fs for MemoryFs {
    fn create_dir_all(&self, _: &Path) -> Result<()> {
        Ok(())
    }

    fn create(&self, path: &Path) -> Result<Arc<dyn File>> {
        let bytes = Bytes::default();
        self.files(|files| files.insert(path.to_path_buf(), Arc::clone(&bytes)));
        Ok(Arc::new(MemoryFile { path: path.to_path_buf(), bytes }))
    }

    fn open(&self, path: &Path) -> Result<Arc<dyn File>> {
        let bytes = self.file(path).ok_or_else(|| failed("open", path, ErrorKind::NotFound))?;
        Ok(Arc::new(MemoryFile { path: path.to_path_buf(), bytes }))
    }

    fn read(&self, path: &Path) -> Result<Option<Vec<u8>>> {
        Ok(self.file(path).map(|bytes| bytes.lock().unwrap_or_else(PoisonError::into_inner).clone()))
    }

    fn rename(&self, from: &Path, to: &Path) -> Result<()> {
        let moved = |files: &mut BTreeMap<PathBuf, Bytes>| {
            let file = files.remove(from)?;
            files.insert(to.to_path_buf(), file);
            Some(())
        };
        self.files(moved).ok_or_else(|| failed("rename", from, ErrorKind::NotFound))
    }

    fn remove(&self, path: &Path) -> Result<()> {
        self.files(|files| files.remove(path));
        Ok(())
    }

    fn remove_dir(&self, _: &Path) -> Result<()> {
        Ok(())
    }

    fn sync_dir(&self, _: &Path) -> Result<()> {
        Ok(())
    }

    fn list(&self, path: &Path) -> Result<Vec<DirEntry>> {
        let entry = |name: &PathBuf| {
            let name = name.strip_prefix(path).ok()?.to_str()?.to_owned();
            Some(DirEntry { name, is_dir: false, len: 0 })
        };
        Ok(self.files(|files| files.keys().filter_map(entry).collect()))
    }

    fn lock(&self, path: &Path) -> Result<Box<dyn Lock>> {
        Err(failed("lock", path, ErrorKind::Unsupported))
    }

    fn kind(&self, _: &Path) -> Option<String> {
        None
    }
}

impl File for MemoryFile {
    fn append(&self, bytes: &[u8]) -> Result<()> {
        self.bytes(|all| all.extend_from_slice(bytes));
        Ok(())
    }

    fn truncate(&self, len: u64) -> Result<()> {
        self.bytes(|all| all.resize(len as usize, 0));
        Ok(())
    }

    fn sync(&self) -> Result<()> {
        Ok(())
    }

    fn len(&self) -> u64 {
        self.bytes(|all| all.len() as u64)
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<()> {
        let copied = self.bytes(|all| {
            let from = usize::try_from(offset).ok()?;
            buf.copy_from_slice(all.get(from..from.checked_add(buf.len())?)?);
            Some(())
        });
        copied.ok_or_else(|| failed("read", &self.path, ErrorKind::UnexpectedEof))
    }

    fn path(&self) -> &Path {
        &self.path
    }
}
