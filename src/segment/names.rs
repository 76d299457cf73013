//! Where segments lie in a database's directory, and how they are named.

use std::path::{Path, PathBuf};

/// Which segment a file is: its kind, its number, and for an archive's segment whose partition it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SegmentName {
    /// `raw/NNNNNNNN.seg`
    Raw {
        /// The file's number.
        number: u64,
    },
    /// `level0/NNNNNNNN.seg`
    Level0 {
        /// The file's number.
        number: u64,
    },
    /// `archive/<granularity ns>/<partition ns>/NNNNNNNN.seg`
    Archive {
        /// The archive's granularity, in ns.
        granularity: i64,
        /// The start of the partition, in ns.
        partition: i64,
        /// The file's number.
        number: u64,
    },
}

/// The directory of raw segments.
pub const RAW: &str = "raw";
/// The directory of freshly sealed aggregates.
pub const LEVEL0: &str = "level0";
/// The directory of archives.
pub const ARCHIVE: &str = "archive";

impl SegmentName {
    /// The file's number.
    pub fn number(self) -> u64 {
        match self {
            SegmentName::Raw { number } | SegmentName::Level0 { number } | SegmentName::Archive { number, .. } => {
                number
            }
        }
    }

    /// The directory that holds the file, within the database's.
    pub fn directory(self, root: &Path) -> PathBuf {
        match self {
            SegmentName::Raw { .. } => root.join(RAW),
            SegmentName::Level0 { .. } => root.join(LEVEL0),
            SegmentName::Archive { granularity, partition, .. } => {
                root.join(ARCHIVE).join(granularity.to_string()).join(partition.to_string())
            }
        }
    }

    /// The file itself.
    pub fn path(self, root: &Path) -> PathBuf {
        self.directory(root).join(format!("{:08}.seg", self.number()))
    }
}

/// The number in a segment's file name; `None` for any other file.
pub fn number_of(file_name: &str) -> Option<u64> {
    let digits = file_name.strip_suffix(".seg")?;
    (digits.len() >= 8 && digits.bytes().all(|b| b.is_ascii_digit())).then(|| digits.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lie_where_the_layout_says() {
        let root = Path::new("db");
        assert_eq!(SegmentName::Raw { number: 7 }.path(root), Path::new("db/raw/00000007.seg"));
        let name = SegmentName::Archive { granularity: 60, partition: 120, number: 123_456_789 };
        assert_eq!(name.path(root), Path::new("db/archive/60/120/123456789.seg"));
        assert_eq!(number_of("123456789.seg"), Some(123_456_789));
        assert_eq!(number_of("00000007.seg"), Some(7));
        assert_eq!(number_of("7.seg"), None);
        assert_eq!(number_of("00000007.seg.tmp"), None);
    }
}
