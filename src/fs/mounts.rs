//! Which file system a path lies on, from the kernel's table of mounts.
//!
//! Only to refuse what cannot keep the promises: locks and syncs of network file systems. Must never fail an open that
//! would have worked: what cannot be found out is unknown, and unknown is accepted.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

pub(super) fn kind(path: &Path) -> Option<String> {
    let path = std::path::absolute(path).ok()?;
    // The directory may not exist yet; what it will be created in does.
    let existing = path.ancestors().find_map(|ancestor| std::fs::canonicalize(ancestor).ok())?;
    kind_in(&std::fs::read("/proc/self/mounts").ok()?, &existing)
}

/// The type of the mount with the longest mount point that `path` lies under; of equal ones the last, which hides the
/// others. Works on bytes, as mount points are.
fn kind_in(table: &[u8], path: &Path) -> Option<String> {
    let mut best: Option<(PathBuf, &[u8])> = None;
    for line in table.split(|&byte| byte == b'\n') {
        let mut fields = line.split(|&byte| byte == b' ').skip(1);
        let (Some(point), Some(kind)) = (fields.next(), fields.next()) else {
            continue;
        };
        let point = PathBuf::from(OsString::from_vec(unescape(point)));
        let longest = best.as_ref().is_none_or(|(best, _)| point.as_os_str().len() >= best.as_os_str().len());
        if longest && path.starts_with(&point) {
            best = Some((point, kind));
        }
    }
    best.map(|(_, kind)| std::ffi::OsStr::from_bytes(kind).to_string_lossy().into_owned())
}

/// Blanks in mount points are written as a backslash and three octal digits.
fn unescape(field: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field;
    while let [first, tail @ ..] = rest {
        let (byte, after) = match rest {
            [b'\\', a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', after @ ..] => {
                ((a - b'0') << 6 | (b - b'0') << 3 | (c - b'0'), after)
            }
            _ => (*first, tail),
        };
        bytes.push(byte);
        rest = after;
    }
    bytes
}

/// Whether a file system type (as [`Fs::kind`](super::Fs::kind) names it) goes over a network, so that its locks and
/// syncs cannot be relied on.
///
/// ```
/// use gnocchetti::internals::fs::is_network;
///
/// assert!(is_network("nfs4") && is_network("fuse.sshfs"));
/// assert!(!is_network("ext4") && !is_network("tmpfs"));
/// ```
pub fn is_network(kind: &str) -> bool {
    const NETWORK: &[&str] = &[
        "9p",
        "afs",
        "afpfs",
        "beegfs",
        "beegfs_nodev",
        "blobfuse",
        "blobfuse2",
        "ceph",
        "ceph-fuse",
        "cifs",
        "coda",
        "curlftpfs",
        "davfs",
        "gcsfuse",
        "glusterfs",
        "goofys",
        "gpfs",
        "hdfs",
        "hdfs_fuse",
        "juicefs",
        "lizardfs",
        "lustre",
        "mfs",
        "moosefs",
        "ncp",
        "ncpfs",
        "nfs",
        "nfs4",
        "orangefs",
        "pvfs2",
        "rclone",
        "s3fs",
        "s3ql",
        "seaweedfs",
        "smb",
        "smb2",
        "smb3",
        "smbfs",
        "smbnetfs",
        "sshfs",
        "weka",
        "wekafs",
    ];
    // A user-space file system shows as `fuse.<program>`.
    let name = kind.strip_prefix("fuse.").unwrap_or(kind).to_ascii_lowercase();
    NETWORK.contains(&name.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &[u8] = b"/dev/vda / ext4 rw,relatime 0 0\n\
        proc /proc proc rw 0 0\n\
        server:/export /srv nfs4 rw 0 0\n\
        /dev/vdb /srv/local\\040disk xfs rw 0 0\n\
        garbage\n\
        tmpfs /over tmpfs rw 0 0\n\
        me@host:/ /over fuse.sshfs rw 0 0\n";

    #[test]
    fn longest_mount_point_wins_and_the_last_of_equals() {
        let kind = |path: &str| kind_in(TABLE, Path::new(path)).unwrap();
        assert_eq!(kind("/home/me"), "ext4");
        assert_eq!(kind("/srv/data"), "nfs4");
        assert_eq!(kind("/srvother"), "ext4", "a mount point is a directory, not a prefix of characters");
        assert_eq!(kind("/srv/local disk/db"), "xfs");
        assert_eq!(kind("/over/x"), "fuse.sshfs");
        assert_eq!(kind_in(b"", Path::new("/x")), None);
    }

    #[test]
    fn octal_escapes_are_undone_and_other_backslashes_kept() {
        assert_eq!(unescape(b"a\\040b\\134c"), b"a b\\c");
        assert_eq!(unescape(b"\\9\\04"), b"\\9\\04");
        assert_eq!(unescape(b"\\377"), [0xff]);
    }

    #[test]
    fn network_file_systems_are_known_by_name() {
        for kind in ["nfs", "nfs4", "cifs", "smb3", "9p", "ceph", "fuse.sshfs", "glusterfs", "fuse.glusterfs", "lustre"]
        {
            assert!(is_network(kind), "{kind}");
        }
        for kind in ["ext4", "xfs", "btrfs", "zfs", "tmpfs", "overlay", "f2fs", "fuse.ntfs-3g", "fuse.", ""] {
            assert!(!is_network(kind), "{kind}");
        }
    }

    #[test]
    fn this_machine_has_a_file_system() {
        let folder = tempfile::tempdir().unwrap();
        let here = kind(folder.path());
        assert!(here.is_some());
        assert_eq!(kind(&folder.path().join("not/yet/there")), here);
    }
}
