//! What a disk holds and what it has to hold: file contents and names, each as last written and as last synced, with every
//! change in between; and what a cut may make of that.
//!
//! The rules are those of the contracts of `Fs` and `File`, taken at their word: a name is durable when its directory was
//! synced, a byte when its file was, nothing else is. Real file systems keep more.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// What a disk reads, writes and tears at once, in bytes.
const SECTOR: usize = 512;

/// Numbers that decide, the same for the same seed.
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Dice(seed)
    }

    /// A number from 0 to `sides - 1`.
    pub fn below(&mut self, sides: u64) -> u64 {
        // SplitMix64: any seed, also 0 and 1, gives numbers that have nothing to do with each other.
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % sides
    }

    pub fn one_in(&mut self, sides: u64) -> bool {
        self.below(sides) == 0
    }

    fn up_to(&mut self, most: usize) -> usize {
        self.below(most as u64 + 1) as usize
    }
}

/// What ends a process, and what the disk makes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cut {
    /// Only the process dies: all that the kernel was handed is kept, and of an append under way a part.
    Process,
    /// Power cut: nothing is kept but what was synced.
    Nothing,
    /// Power cut: unsynced names are kept, unsynced bytes are not.
    Names,
    /// Power cut: unsynced bytes are kept, unsynced names are not.
    Bytes,
    /// Power cut: all is kept, but the last write of each file is torn.
    Torn,
    /// Power cut: each unsynced change is kept, lost, or torn; in order or in none.
    Random,
}

impl Cut {
    pub const ALL: [Cut; 6] = [Cut::Process, Cut::Nothing, Cut::Names, Cut::Bytes, Cut::Torn, Cut::Random];

    pub fn name(self) -> &'static str {
        match self {
            Cut::Process => "process",
            Cut::Nothing => "nothing",
            Cut::Names => "names",
            Cut::Bytes => "bytes",
            Cut::Torn => "torn",
            Cut::Random => "random",
        }
    }
}

/// A change of a file's content.
#[derive(Debug, Clone)]
pub enum Change {
    Write(usize, Arc<[u8]>),
    Resize(usize),
}

/// A change of names; each belongs to one directory.
#[derive(Debug, Clone)]
enum NameChange {
    Create(String, Node),
    Remove(String),
    Rename(String, String, Node),
}

/// What a name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Node {
    Dir,
    File(usize),
}

#[derive(Debug, Clone, Default)]
struct Inode {
    live: Arc<Vec<u8>>,
    durable: Arc<Vec<u8>>,
    /// What was done since the last sync.
    pending: Vec<Change>,
}

/// All of a disk. Names are paths relative to its root.
#[derive(Debug, Clone, Default)]
pub struct Image {
    inodes: Vec<Inode>,
    live: BTreeMap<String, Node>,
    durable: BTreeMap<String, Node>,
    pending: Vec<NameChange>,
}

/// The directory that holds `name`; the root is the empty text.
pub fn parent(name: &str) -> &str {
    name.rsplit_once('/').map_or("", |(directory, _)| directory)
}

fn apply(bytes: &mut Vec<u8>, change: &Change) {
    match change {
        Change::Resize(len) => bytes.resize(*len, 0),
        Change::Write(at, written) => {
            bytes.resize(bytes.len().max(at + written.len()), 0);
            bytes[*at..at + written.len()].copy_from_slice(written);
        }
    }
}

impl Inode {
    fn change(&mut self, change: Change) {
        apply(Arc::make_mut(&mut self.live), &change);
        self.pending.push(change);
    }

    fn sync(&mut self) {
        let durable = Arc::make_mut(&mut self.durable);
        self.pending.drain(..).for_each(|change| apply(durable, &change));
    }
}

impl Image {
    pub fn node(&self, name: &str) -> Option<Node> {
        if name.is_empty() { Some(Node::Dir) } else { self.live.get(name).copied() }
    }

    pub fn bytes(&self, inode: usize) -> &[u8] {
        &self.inodes[inode].live
    }

    /// Names directly within a directory, with what they stand for.
    pub fn list<'a>(&'a self, directory: &'a str) -> impl Iterator<Item = (&'a str, Node)> {
        self.names().filter(move |(name, _)| parent(name) == directory)
    }

    /// All names.
    pub fn names(&self) -> impl Iterator<Item = (&str, Node)> {
        self.live.iter().map(|(name, node)| (name.as_str(), *node))
    }

    pub fn create(&mut self, name: &str, is_dir: bool) -> Node {
        let node = if is_dir { Node::Dir } else { Node::File(self.inodes.len()) };
        if !is_dir {
            self.inodes.push(Inode::default());
        }
        self.live.insert(name.to_owned(), node);
        self.pending.push(NameChange::Create(name.to_owned(), node));
        node
    }

    /// A second name for a file.
    pub fn link(&mut self, to: &str, node: Node) {
        self.live.insert(to.to_owned(), node);
        self.pending.push(NameChange::Create(to.to_owned(), node));
    }

    pub fn remove(&mut self, name: &str) {
        if self.live.remove(name).is_some() {
            self.pending.push(NameChange::Remove(name.to_owned()));
        }
    }

    pub fn rename(&mut self, from: &str, to: &str) {
        if let Some(node) = self.live.remove(from) {
            self.live.insert(to.to_owned(), node);
            self.pending.push(NameChange::Rename(from.to_owned(), to.to_owned(), node));
        }
    }

    pub fn sync_dir(&mut self, directory: &str) {
        let (within, others) = std::mem::take(&mut self.pending).into_iter().partition(|change| {
            let (NameChange::Create(name, _) | NameChange::Remove(name) | NameChange::Rename(_, name, _)) = change;
            parent(name) == directory
        });
        self.pending = others;
        let within: Vec<NameChange> = within;
        for change in &within {
            change.apply(&mut self.durable);
        }
    }

    pub fn change(&mut self, inode: usize, change: Change) {
        self.inodes[inode].change(change);
    }

    pub fn sync(&mut self, inode: usize) {
        self.inodes[inode].sync();
    }

    /// A sync failed: what it was to write never reaches the disk, though it can still be read.
    pub fn drop_unsynced(&mut self, inode: usize) {
        self.inodes[inode].pending.clear();
    }

    /// The kernel forgets what it has in memory and could not write: reads see what the disk has.
    pub fn evict(&mut self) {
        for inode in &mut self.inodes {
            let mut bytes = (*inode.durable).clone();
            inode.pending.iter().for_each(|change| apply(&mut bytes, change));
            inode.live = Arc::new(bytes);
        }
    }

    /// What the next start finds. `doing` is the append under way.
    pub fn cut(&self, cut: Cut, doing: Option<&(usize, Change)>, dice: &mut Dice) -> Image {
        let mut image = self.clone();
        if let Some((inode, change)) = doing {
            match (cut, change) {
                (Cut::Process, Change::Write(at, bytes)) => {
                    let written = bytes[..dice.up_to(bytes.len())].into();
                    image.change(*inode, Change::Write(*at, written));
                }
                (Cut::Process, Change::Resize(_)) => {}
                _ => image.change(*inode, change.clone()),
            }
        }
        if cut == Cut::Process { image } else { image.after_power_cut(cut, dice) }
    }

    fn after_power_cut(&self, cut: Cut, dice: &mut Dice) -> Image {
        let mut names = self.durable.clone();
        // Lost from some moment on, or here and there.
        let ordered = dice.one_in(2).then(|| dice.up_to(self.pending.len()));
        for (i, change) in self.pending.iter().enumerate() {
            let kept = match cut {
                Cut::Nothing | Cut::Bytes => false,
                Cut::Names | Cut::Torn | Cut::Process => true,
                Cut::Random => ordered.map_or_else(|| dice.one_in(2), |kept| i < kept),
            };
            if kept {
                change.apply(&mut names);
            }
        }
        let reachable = |name: &str| {
            let mut directory = parent(name);
            while !directory.is_empty() && names.get(directory) == Some(&Node::Dir) {
                directory = parent(directory);
            }
            directory.is_empty()
        };
        let mut image = Image::default();
        let mut moved = HashMap::new();
        for (name, node) in names.iter().filter(|(name, _)| reachable(name)) {
            let node = match node {
                Node::Dir => Node::Dir,
                Node::File(old) => Node::File(*moved.entry(*old).or_insert_with(|| {
                    let bytes = Arc::new(self.inodes[*old].after_power_cut(cut, dice));
                    image.inodes.push(Inode { live: Arc::clone(&bytes), durable: bytes, pending: Vec::new() });
                    image.inodes.len() - 1
                })),
            };
            image.durable.insert(name.clone(), node);
        }
        image.live.clone_from(&image.durable);
        image
    }
}

impl NameChange {
    fn apply(&self, names: &mut BTreeMap<String, Node>) {
        match self {
            NameChange::Create(name, node) => drop(names.insert(name.clone(), *node)),
            NameChange::Remove(name) => drop(names.remove(name)),
            NameChange::Rename(from, to, node) => {
                if names.get(from) == Some(node) {
                    names.remove(from);
                }
                names.insert(to.clone(), *node);
            }
        }
    }
}

impl Inode {
    fn after_power_cut(&self, cut: Cut, dice: &mut Dice) -> Vec<u8> {
        let mut bytes = (*self.durable).clone();
        let ordered = dice.one_in(2).then(|| dice.up_to(self.pending.len()));
        let last = self.pending.len().wrapping_sub(1);
        for (i, change) in self.pending.iter().enumerate() {
            match cut {
                Cut::Nothing | Cut::Names => {}
                Cut::Torn if i == last => tear(&mut bytes, change, dice),
                Cut::Bytes | Cut::Torn | Cut::Process => apply(&mut bytes, change),
                Cut::Random => match ordered {
                    Some(kept) if i < kept => apply(&mut bytes, change),
                    Some(kept) if i > kept => {}
                    Some(_) => tear(&mut bytes, change, dice),
                    None => match dice.below(4) {
                        0 => {}
                        1 => tear(&mut bytes, change, dice),
                        _ => apply(&mut bytes, change),
                    },
                },
            }
        }
        bytes
    }
}

/// A part of a change: of a write some bytes or sectors, with zeros, older bytes or noise where the others belong.
fn tear(bytes: &mut Vec<u8>, change: &Change, dice: &mut Dice) {
    let Change::Write(at, written) = change else {
        if dice.one_in(2) {
            apply(bytes, change);
        }
        return;
    };
    let end = at + written.len();
    let kept = dice.up_to(written.len());
    let mut write = |from: usize, part: &[u8]| apply(bytes, &Change::Write(from, part.into()));
    match dice.below(5) {
        // Cut off at a byte, or at the end of a sector.
        0 => write(*at, &written[..kept]),
        1 => write(*at, &written[..((at + kept) / SECTOR * SECTOR).saturating_sub(*at)]),
        // The file has its length, and zeros in it.
        2 => {
            write(*at, &vec![0; written.len()]);
            write(*at, &written[..kept]);
        }
        3 => {
            write(*at, &written[..kept]);
            let noise: Vec<u8> = (kept..written.len()).map(|_| dice.below(256) as u8).collect();
            write(at + kept, &noise);
        }
        // Sectors in any order.
        _ => {
            let mut from = *at;
            while from < end {
                let to = end.min((from / SECTOR + 1) * SECTOR);
                if dice.one_in(2) {
                    write(from, &written[from - at..to - at]);
                }
                from = to;
            }
        }
    }
}
