//! What the library says beside its answers, brought to a function of C's.
//!
//! The library emits `tracing` events. A database that was opened with a callback runs its calls and its threads with a
//! subscriber that formats events and calls it: scoped, so that nothing is set for the process or the thread.

use std::ffi::{c_char, c_void};
use std::fmt::{self, Write};
use std::sync::Arc;

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Dispatch, Event, Level, Metadata, Subscriber};

/// How serious a message is.
#[repr(u32)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum gnt_level {
    /// Something failed.
    GNT_LEVEL_ERROR = 1,
    /// Something went wrong that the library can live with.
    GNT_LEVEL_WARN = 2,
    /// Something happened that happens rarely.
    GNT_LEVEL_INFO = 3,
    /// For whoever looks for a fault.
    GNT_LEVEL_DEBUG = 4,
    /// As much as there is to say.
    GNT_LEVEL_TRACE = 5,
}

/// Gets a message: `userdata` as it was set, a GNT_LEVEL_… number, and a text of `length` bytes.
pub type gnt_log_callback =
    Option<unsafe extern "C" fn(userdata: *mut c_void, level: u32, message: *const c_char, length: usize)>;

/// C's function and what it wants to be called with.
struct Sink {
    callback: unsafe extern "C" fn(*mut c_void, u32, *const c_char, usize),
    userdata: *mut c_void,
}

// SAFETY: the caller promised that the function and what it is called with may be used from any thread.
unsafe impl Send for Sink {}
// SAFETY: as above, from several at once too.
unsafe impl Sync for Sink {}

impl Sink {
    fn send(&self, level: gnt_level, message: &str) {
        // SAFETY: the caller promised a function of this type, which lives until the database is closed.
        unsafe { (self.callback)(self.userdata, level as u32, message.as_ptr().cast(), message.len()) };
    }
}

/// Whom the events of a database go to.
#[derive(Clone)]
pub struct Logger {
    sink: Arc<Sink>,
}

impl Logger {
    /// To this function.
    pub fn new(callback: unsafe extern "C" fn(*mut c_void, u32, *const c_char, usize), userdata: *mut c_void) -> Self {
        Logger { sink: Arc::new(Sink { callback, userdata }) }
    }

    /// As what `tracing` takes.
    pub fn dispatch(self) -> Dispatch {
        Dispatch::new(self)
    }
}

impl Subscriber for Logger {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_event() && metadata.target().starts_with(env!("CARGO_CRATE_NAME"))
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut line = Line::default();
        event.record(&mut line);
        let level = match *event.metadata().level() {
            Level::ERROR => gnt_level::GNT_LEVEL_ERROR,
            Level::WARN => gnt_level::GNT_LEVEL_WARN,
            Level::INFO => gnt_level::GNT_LEVEL_INFO,
            Level::DEBUG => gnt_level::GNT_LEVEL_DEBUG,
            Level::TRACE => gnt_level::GNT_LEVEL_TRACE,
        };
        self.sink.send(level, &line.whole());
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// The text of an event: its message, then its fields in parentheses.
#[derive(Default)]
struct Line {
    message: String,
    fields: String,
}

impl Line {
    fn whole(self) -> String {
        let Line { message, fields } = self;
        if fields.is_empty() { message } else { format!("{message} ({fields})") }
    }
}

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        // Writing to a String does not fail.
        if field.name() == "message" {
            let _ = write!(self.message, "{value:?}");
        } else {
            let separator = if self.fields.is_empty() { "" } else { ", " };
            let _ = write!(self.fields, "{separator}{}: {value:?}", field.name());
        }
    }
}
