//! Who owns what C holds, in types.
//!
//! A handle is a value in a box of its own that C owns from the call that gives it until the one that frees it. Each kind
//! of handle is a [`Noun`]: an opaque type of C's, the Rust value behind it, and a tag that stands at the head of the box.
//! A pointer comes back as a value only when the tag is that of its kind, so that a live handle of another kind is told
//! apart. Freeing overwrites the tag: a freed handle is mostly told too, but nobody can promise it.
//! What C sees inside of a handle (`const gnt_series *`) is no [`Noun`], and so cannot be freed by itself.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::error::Failure;

/// What stands at the head of a box that was freed.
const FREED: u64 = u64::from_le_bytes(*b"gnt:gone");

/// A kind of handle, named by the opaque type that C sees.
pub trait Noun {
    /// What is behind the pointer. Handles that C has as const are used by several threads at once.
    type Value: Send + Sync;
    /// The number at its head; no two kinds have the same.
    const TAG: u64;
    /// What C calls it.
    const NAME: &'static str;
}

/// The first bytes of every handle, whatever its kind.
#[repr(C)]
#[derive(Debug)]
pub struct Head {
    tag: AtomicU64,
    /// Set when a call on it panicked: nobody knows what state it was left in.
    poisoned: AtomicBool,
}

impl Head {
    /// Refuses all further calls on this handle, except that it may be freed.
    pub fn poison(&self) {
        self.poisoned.store(true, Ordering::Relaxed);
    }
}

#[repr(C)]
struct Handle<V> {
    head: Head,
    value: V,
}

/// Moves a value to where C can own it.
pub fn give<N: Noun>(value: N::Value) -> *mut N {
    let head = Head { tag: AtomicU64::new(N::TAG), poisoned: AtomicBool::new(false) };
    Box::into_raw(Box::new(Handle { head, value })).cast()
}

/// The head of a handle, when there is one and it is of the right kind.
///
/// # Safety
///
/// `pointer` is NULL or one that [`give`] returned, for any kind, and that is not freed while `'a` lasts.
unsafe fn head<'a, N: Noun>(pointer: *const N, argument: &'static str) -> Result<&'a Head, Failure> {
    if pointer.is_null() {
        return Err(Failure::Null { argument });
    }
    let wrong = Failure::WrongHandle { argument, expected: N::NAME };
    if !pointer.cast::<Head>().is_aligned() {
        return Err(wrong);
    }
    // SAFETY: it is not NULL and aligned, and so begins with a head, as all handles do.
    let head = unsafe { &*pointer.cast::<Head>() };
    if head.tag.load(Ordering::Relaxed) == N::TAG { Ok(head) } else { Err(wrong) }
}

/// A handle that others may use at the same time.
///
/// # Safety
///
/// As [`head`]; and nobody uses it as the only one meanwhile.
pub unsafe fn shared<'a, N: Noun>(
    pointer: *const N,
    argument: &'static str,
) -> Result<(&'a Head, &'a N::Value), Failure> {
    // SAFETY: the same is promised here.
    let head = unsafe { head(pointer, argument) }?;
    if head.poisoned.load(Ordering::Relaxed) {
        return Err(Failure::Poisoned { argument });
    }
    let handle = pointer.cast::<Handle<N::Value>>();
    // SAFETY: its tag says that `give` made it for this kind.
    let value = unsafe { &(*handle).value };
    Ok((head, value))
}

/// A handle that only this call uses.
///
/// # Safety
///
/// As [`head`]; and nobody else uses it while `'a` lasts.
pub unsafe fn exclusive<'a, N: Noun>(
    pointer: *mut N,
    argument: &'static str,
) -> Result<(&'a Head, &'a mut N::Value), Failure> {
    // SAFETY: the same is promised here.
    let head = unsafe { head(pointer.cast_const(), argument) }?;
    if head.poisoned.load(Ordering::Relaxed) {
        return Err(Failure::Poisoned { argument });
    }
    let handle = pointer.cast::<Handle<N::Value>>();
    // SAFETY: its tag says that `give` made it for this kind, and only this call uses it; the head is another field.
    let value = unsafe { &mut (*handle).value };
    Ok((head, value))
}

/// Takes a handle back from C, poisoned or not.
///
/// # Safety
///
/// As [`exclusive`]; C does not use it any more.
pub unsafe fn take<N: Noun>(pointer: *mut N, argument: &'static str) -> Result<N::Value, Failure> {
    // SAFETY: the same is promised here.
    let head = unsafe { head(pointer.cast_const(), argument) }?;
    // Of two threads that free the same handle in error, one gets it.
    let freed = head.tag.compare_exchange(N::TAG, FREED, Ordering::Relaxed, Ordering::Relaxed);
    if freed.is_err() {
        return Err(Failure::WrongHandle { argument, expected: N::NAME });
    }
    // SAFETY: `give` made it for this kind from a box, and nobody else has it any more.
    let handle = unsafe { Box::from_raw(pointer.cast::<Handle<N::Value>>()) };
    Ok(handle.value)
}
