//! `gnt_options`: how a database is opened.

use std::ffi::c_void;
use std::time::Duration;

use super::call::begin;
use super::error::{Failure, gnt_error};
use super::handle::Noun;
use super::log::{Logger, gnt_log_callback};
use super::status::gnt_status;
use crate::{Durability, Options, OverDisk, OverMemory, Timespan};

/// How a database is opened. Every option has a default that suits an agent on a small machine. The caller owns it; opening
/// copies what it needs.
pub enum gnt_options {}

/// What a `gnt_options` holds.
#[derive(Default)]
pub struct OpenOptions {
    pub options: Options,
    pub logger: Option<Logger>,
}

impl Noun for gnt_options {
    type Value = OpenOptions;
    const TAG: u64 = u64::from_le_bytes(*b"gnt:opts");
    const NAME: &'static str = "gnt_options";
}

/// What a push survives once it has returned.
#[repr(u32)]
#[derive(Debug, Clone, Copy)]
pub enum gnt_durability {
    /// Its measures are on the disk: nothing is lost when the power goes. The default.
    GNT_DURABILITY_SYNC = 0,
    /// They are with the kernel, and on the disk a stated time later: a crash of the process loses nothing.
    GNT_DURABILITY_KERNEL = 1,
    /// They are in memory, and on the disk a stated time later: a crash loses at most that.
    GNT_DURABILITY_BUFFERED = 2,
}

/// What becomes of a push when as many measures wait in memory for a checkpoint as may.
#[repr(u32)]
#[derive(Debug, Clone, Copy)]
pub enum gnt_over_memory {
    /// It waits until a checkpoint has taken them. The default.
    GNT_OVER_MEMORY_BLOCK = 0,
    /// It is refused whole, with `GNT_MEMORY_LIMIT`.
    GNT_OVER_MEMORY_REFUSE = 1,
}

/// What becomes of measures when the directory takes nearly as many bytes as it may.
#[repr(u32)]
#[derive(Debug, Clone, Copy)]
pub enum gnt_over_disk {
    /// Pushes are refused whole, with `GNT_DISK_LIMIT`, until there is room. The default.
    GNT_OVER_DISK_REFUSE = 0,
    /// The oldest points of the finest archives go before their time. Only when that does not help, pushes are refused.
    GNT_OVER_DISK_EXPIRE = 1,
}

/// Changes options that the caller owns.
fn change(
    options: *mut gnt_options,
    error: *mut *mut gnt_error,
    how: impl FnOnce(Options) -> Result<Options, Failure>,
) -> gnt_status {
    begin!(error).run(|call| {
        let open = call.exclusive(options, "options")?;
        open.options = how(open.options.clone())?;
        Ok(())
    })
}

/// A positive length of time in nanoseconds.
fn duration(nanos: i64, argument: &'static str) -> Result<Duration, Failure> {
    let nanos = u64::try_from(nanos);
    let refused = |_| Failure::InvalidArgument { argument, reason: "it is negative".to_owned() };
    nanos.map(Duration::from_nanos).map_err(refused)
}

/// A length of time in ns; 0 stands for none.
fn span(nanos: i64) -> Result<Option<Timespan>, Failure> {
    if nanos == 0 { Ok(None) } else { Ok(Some(Timespan::from_nanos(nanos)?)) }
}

/// The default options.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gnt_options_new(options: *mut *mut gnt_options, error: *mut *mut gnt_error) -> gnt_status {
    begin!(error).run(|call| {
        call.out(options, "options")?.give(OpenOptions::default());
        Ok(())
    })
}

/// Frees options. NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gnt_options_free(options: *mut gnt_options) {
    begin!().value((), |call| call.take(options, "options").map(drop));
}

/// Whether a new database gets Gnocchi's four archive policies (`bool`, `low`, `medium`, `high`) and the rule `default` that
/// gives every metric the policy `low`. Changes nothing in a database that exists. Default: false.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gnt_options_set_default_policies(
    options: *mut gnt_options,
    yes: bool,
    error: *mut *mut gnt_error,
) -> gnt_status {
    change(options, error, |options| Ok(options.default_policies(yes)))
}

/// What a push survives once it has returned: a GNT_DURABILITY_… number. `delay` is the time in ns after which measures are
/// on the disk at the latest; GNT_DURABILITY_SYNC has none and takes 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gnt_options_set_durability(
    options: *mut gnt_options,
    durability: u32,
    delay: i64,
    error: *mut *mut gnt_error,
) -> gnt_status {
    change(options, error, |options| {
        const SYNC: u32 = gnt_durability::GNT_DURABILITY_SYNC as u32;
        const KERNEL: u32 = gnt_durability::GNT_DURABILITY_KERNEL as u32;
        const BUFFERED: u32 = gnt_durability::GNT_DURABILITY_BUFFERED as u32;
        let delay = duration(delay, "delay")?;
        let durability = match durability {
            SYNC if delay.is_zero() => Durability::Sync,
            SYNC => {
                let reason = "GNT_DURABILITY_SYNC has no delay".to_owned();
                return Err(Failure::InvalidArgument { argument: "delay", reason });
            }
            KERNEL => Durability::Kernel(delay),
            BUFFERED => Durability::Buffered(delay),
            other => {
                let reason = format!("{other} is no GNT_DURABILITY_… number");
                return Err(Failure::InvalidArgument { argument: "durability", reason });
            }
        };
        Ok(options.durability(durability))
    })
}

/// How far beyond the wall clock a measure may lie, in ns; 0: any distance. Default: a day.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gnt_options_set_max_future(
    options: *mut gnt_options,
    limit: i64,
    error: *mut *mut gnt_error,
) -> gnt_status {
    change(options, error, |options| Ok(options.max_future(span(limit)?)))
}

/// Gets `userdata` as it was set, and gives the time in ns since the epoch.
pub type gnt_clock_callback = Option<unsafe extern "C" fn(userdata: *mut c_void) -> i64>;

/// C's clock and what it wants to be called with.
struct Clock {
    callback: unsafe extern "C" fn(*mut c_void) -> i64,
    userdata: *mut c_void,
}

// SAFETY: the caller promised that the function and what it is called with may be used from any thread.
unsafe impl Send for Clock {}
// SAFETY: as above, from several at once too.
unsafe impl Sync for Clock {}

impl Clock {
    fn now(&self) -> i64 {
        // SAFETY: the caller promised a function of this type, which lives until the database is closed.
        unsafe { (self.callback)(self.userdata) }
    }
}

/// A clock of the caller's, and how far ahead of it, in ns, a measure may lie: a push of one that lies further ahead is refused
/// with GNT_TOO_FAR_IN_FUTURE. `callback` gets `userdata` once for each push, from any thread that pushes, several at once, and
/// must neither call the library nor unwind; `userdata` must live until the database is closed. The limit that
/// gnt_options_set_max_future sets holds beside it. NULL for `callback`: no clock, which is the default.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gnt_options_set_clock(
    options: *mut gnt_options,
    callback: gnt_clock_callback,
    userdata: *mut c_void,
    ahead: i64,
    error: *mut *mut gnt_error,
) -> gnt_status {
    change(options, error, |options| {
        let ahead = duration(ahead, "ahead")?;
        let Some(callback) = callback else { return Ok(options.no_clock()) };
        let clock = Clock { callback, userdata };
        Ok(options.clock(ahead, move || clock.now()))
    })
}

/// How many bytes the measures in memory may take: a half for encoded windows, a quarter for measures that wait for a
/// checkpoint, which comes early at an eighth, and a quarter for those that one is writing. Default: 512 MiB.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gnt_options_set_memory(
    options: *mut gnt_options,
    bytes: u64,
    error: *mut *mut gnt_error,
) -> gnt_status {
    change(options, error, |options| Ok(options.memory(bytes)))
}

/// What becomes of a push when as many measures wait in memory as may: a `gnt_over_memory`. Default: it waits.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gnt_options_set_over_memory(
    options: *mut gnt_options,
    what: u32,
    error: *mut *mut gnt_error,
) -> gnt_status {
    change(options, error, |options| {
        const BLOCK: u32 = gnt_over_memory::GNT_OVER_MEMORY_BLOCK as u32;
        const REFUSE: u32 = gnt_over_memory::GNT_OVER_MEMORY_REFUSE as u32;
        match what {
            BLOCK => Ok(options.over_memory(OverMemory::Block)),
            REFUSE => Ok(options.over_memory(OverMemory::Refuse)),
            other => {
                let reason = format!("{other} is no GNT_OVER_MEMORY_… number");
                Err(Failure::InvalidArgument { argument: "what", reason })
            }
        }
    })
}

/// How many bytes the directory may take, all files in it together; 0: any number, the default. From three quarters on room is
/// made, from seven eighths on pushes are refused; the last eighth is for what checkpoints and merges write. At least 16 MiB.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gnt_options_set_disk(
    options: *mut gnt_options,
    bytes: u64,
    error: *mut *mut gnt_error,
) -> gnt_status {
    change(options, error, |options| Ok(options.disk((bytes > 0).then_some(bytes))))
}

/// What becomes of measures when the directory takes nearly as many bytes as it may: a `gnt_over_disk`. Default: pushes are
/// refused.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gnt_options_set_over_disk(
    options: *mut gnt_options,
    what: u32,
    error: *mut *mut gnt_error,
) -> gnt_status {
    change(options, error, |options| {
        const REFUSE: u32 = gnt_over_disk::GNT_OVER_DISK_REFUSE as u32;
        const EXPIRE: u32 = gnt_over_disk::GNT_OVER_DISK_EXPIRE as u32;
        match what {
            REFUSE => Ok(options.over_disk(OverDisk::Refuse)),
            EXPIRE => Ok(options.over_disk(OverDisk::Expire)),
            other => {
                let reason = format!("{other} is no GNT_OVER_DISK_… number");
                Err(Failure::InvalidArgument { argument: "what", reason })
            }
        }
    })
}

/// How many bytes of measures (16 each) may wait in memory for a checkpoint. When checkpoints cannot keep up, pushes are held
/// back at four times as many. Default: 64 MiB.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gnt_options_set_dirty_bytes(
    options: *mut gnt_options,
    bytes: u64,
    error: *mut *mut gnt_error,
) -> gnt_status {
    change(options, error, |options| Ok(options.dirty_bytes(bytes)))
}

/// How large the journal may grow before a checkpoint makes it short again; it is what a crash must replay. Default: 128 MiB.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gnt_options_set_journal_bytes(
    options: *mut gnt_options,
    bytes: u64,
    error: *mut *mut gnt_error,
) -> gnt_status {
    change(options, error, |options| Ok(options.journal_bytes(bytes)))
}

/// How long measures wait for a checkpoint when no limit is reached, in ns. Default: five minutes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gnt_options_set_checkpoint_interval(
    options: *mut gnt_options,
    interval: i64,
    error: *mut *mut gnt_error,
) -> gnt_status {
    change(options, error, |options| Ok(options.checkpoint_interval(duration(interval, "interval")?)))
}

/// How long superseded files stay for readers in other processes, in ns. Default: a minute.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gnt_options_set_grace(
    options: *mut gnt_options,
    grace: i64,
    error: *mut *mut gnt_error,
) -> gnt_status {
    change(options, error, |options| Ok(options.grace(duration(grace, "grace")?)))
}

/// Whether checkpoints, merges and expiry run by themselves. Without, only gnt_maintain does them. Default: true.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gnt_options_set_background(
    options: *mut gnt_options,
    yes: bool,
    error: *mut *mut gnt_error,
) -> gnt_status {
    change(options, error, |options| Ok(options.background(yes)))
}

/// Whether the values of large batches are compressed in the journal: some 20 ns per measure for a half to a tenth of the
/// bytes. Default: false.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gnt_options_set_compress_journal(
    options: *mut gnt_options,
    yes: bool,
    error: *mut *mut gnt_error,
) -> gnt_status {
    change(options, error, |options| Ok(options.compress_journal(yes)))
}

/// How many threads answer one question about many metrics, the caller's own among them; 0: as many as there are cores. It counts
/// for databases that are open for reading only, too. Default: 1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gnt_options_set_query_threads(
    options: *mut gnt_options,
    threads: u32,
    error: *mut *mut gnt_error,
) -> gnt_status {
    change(options, error, |options| Ok(options.query_threads(threads as usize)))
}

/// After which time without a measure of any of its metrics, in ns, a resource ends by itself, as of when that is noticed. A
/// measure that is not older than the end of its resource takes it away. 0: neither happens, which is the default.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gnt_options_set_resource_inactive_after(
    options: *mut gnt_options,
    silence: i64,
    error: *mut *mut gnt_error,
) -> gnt_status {
    change(options, error, |options| Ok(options.resource_inactive_after(span(silence)?)))
}

/// How long after its end, in ns, a resource is deleted by itself, with its history, its metrics and their measures. 0: never,
/// which is the default.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gnt_options_set_resource_cleanup_after(
    options: *mut gnt_options,
    delay: i64,
    error: *mut *mut gnt_error,
) -> gnt_status {
    change(options, error, |options| Ok(options.resource_cleanup_after(span(delay)?)))
}

/// Whom the library tells what happens beside the calls: `callback` gets `userdata`, a level and a text of so many bytes,
/// UTF-8 and without a NUL, valid during the call only. It is called from any thread that uses the database and from the
/// library's own, several at once, and must neither call the library nor unwind. `userdata` must live until the database is
/// closed. NULL for `callback`: nobody, which is the default.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gnt_options_set_log(
    options: *mut gnt_options,
    callback: gnt_log_callback,
    userdata: *mut c_void,
    error: *mut *mut gnt_error,
) -> gnt_status {
    begin!(error).run(|call| {
        let open = call.exclusive(options, "options")?;
        open.logger = callback.map(|callback| Logger::new(callback, userdata));
        Ok(())
    })
}
