//! One question about many series, answered by several threads.
//!
//! The series are cut into pieces of equal length; each thread takes the next piece that nobody has taken, and the caller's own
//! thread is one of them. What the pieces give is brought together in their order, and of several errors the one of the
//! first piece counts: so no answer and no error depends on how many threads there are, or on which was faster. Nothing may be
//! added up here: the order in which floats are added belongs to `ops`, which knows of no threads.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use crate::error::Result;

/// Series in a piece: long enough that a thread is worth its start, and that neighbours find what one has read of the index of a
/// segment; short enough that threads end at about the same time.
const PIECE: usize = 32;

/// What `work` makes of the pieces of `items`, in order, with up to `threads` threads.
///
/// # Errors
///
/// That of the first piece that has one.
pub(super) fn in_pieces<T: Sync, R: Send>(
    items: &[T],
    threads: usize,
    work: &(impl Fn(&[T]) -> Result<R> + Sync),
) -> Result<Vec<R>> {
    let pieces: Vec<&[T]> = items.chunks(PIECE).collect();
    let (next, failed) = (AtomicUsize::new(0), AtomicBool::new(false));
    // Pieces are taken in order, so that those before one that fails are all taken already.
    let take = || {
        let mut done = Vec::new();
        while !failed.load(Ordering::Relaxed) {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(piece) = pieces.get(at) else { break };
            let made = work(piece);
            failed.fetch_or(made.is_err(), Ordering::Relaxed);
            done.push((at, made));
        }
        done
    };
    let mut made = match threads.min(pieces.len()) {
        // Not even what it takes to wait for others.
        0 | 1 => take(),
        threads => with_helpers(threads - 1, &take),
    };
    made.sort_unstable_by_key(|(at, _)| *at);
    made.into_iter().map(|(_, made)| made).collect()
}

/// What the caller's thread and up to `helpers` more take of the work.
fn with_helpers<R: Send>(helpers: usize, take: &(impl Fn() -> Vec<R> + Sync)) -> Vec<R> {
    thread::scope(|scope| {
        let start = |_| thread::Builder::new().name("gnocchetti query".to_owned()).spawn_scoped(scope, take).ok();
        // A thread that cannot be started leaves its share to the others.
        let helpers: Vec<_> = (0..helpers).map_while(start).collect();
        let mut made = take();
        for helper in helpers {
            match helper.join() {
                Ok(more) => made.extend(more),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        made
    })
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::sync::{Barrier, Mutex};

    use super::*;
    use crate::error::Error;

    fn refused(item: usize) -> Error {
        Error::UnknownMetric { metric: item.to_string() }
    }

    #[test]
    fn pieces_come_in_order_whoever_made_them() {
        for length in [0, 1, PIECE, PIECE + 1, 40 * PIECE + 7] {
            let items: Vec<usize> = (0..length).collect();
            for threads in [0, 1, 2, 7, 1000] {
                let made = in_pieces(&items, threads, &|piece| Ok(piece.to_vec())).unwrap();
                assert_eq!(made.concat(), items, "{length} by {threads}");
            }
        }
    }

    #[test]
    fn several_threads_are_at_work_at_once() {
        let items: Vec<usize> = (0..3 * PIECE).collect();
        let (all_here, who) = (Barrier::new(3), Mutex::new(HashSet::new()));
        let work = |_: &[usize]| {
            all_here.wait();
            who.lock().unwrap().insert(thread::current().id());
            Ok(())
        };
        in_pieces(&items, 3, &work).unwrap();
        assert_eq!(who.lock().unwrap().len(), 3);
    }

    #[test]
    fn the_first_error_counts_whoever_met_one_first() {
        let items: Vec<usize> = (0..50 * PIECE).collect();
        for threads in [1, 2, 8] {
            for first in [0, 5 * PIECE + 1, 49 * PIECE] {
                let work = |piece: &[usize]| match piece.iter().find(|item| **item >= first) {
                    Some(item) => Err(refused(*item)),
                    None => Ok(()),
                };
                let error = in_pieces(&items, threads, &work).unwrap_err();
                assert_eq!(error.to_string(), refused(first).to_string());
            }
        }
    }

    #[test]
    fn a_panic_is_the_callers() {
        let items: Vec<usize> = (0..20 * PIECE).collect();
        let work = |piece: &[usize]| if piece[0] == 3 * PIECE { panic!("piece") } else { Ok(()) };
        assert!(std::panic::catch_unwind(|| in_pieces(&items, 4, &work)).is_err());
    }
}
