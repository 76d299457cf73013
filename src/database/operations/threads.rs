//! One question about many series, answered by several threads.
//!
//! The series are cut into pieces of equal length; each thread takes the next piece that nobody has taken, and the caller's own
//! thread is one of them. What the pieces give is handed on in their order, one at a time, and of several errors the one of the
//! first piece counts: so no answer and no error depends on how many threads there are, or on which was faster. Nothing may be
//! added up here: what floats are added to in that order belongs to `ops`, which knows of no threads.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use parking_lot::Mutex;

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
    let mut all = Vec::new();
    in_turn(items, threads, work, &mut |made| {
        all.push(made);
        true
    })?;
    Ok(all)
}

/// Hands what `work` makes of the pieces of `items` to `take`, one by one and in order, until it says that it needs no more;
/// whether it took all. With up to `threads` threads, of which any may call `take`.
///
/// # Errors
///
/// That of the first piece that has one.
pub(super) fn in_turn<T: Sync, R: Send>(
    items: &[T],
    threads: usize,
    work: &(impl Fn(&[T]) -> Result<R> + Sync),
    take: &mut (dyn FnMut(R) -> bool + Send),
) -> Result<bool> {
    let pieces: Vec<&[T]> = items.chunks(PIECE).collect();
    let next = AtomicUsize::new(0);
    let line = Mutex::new(Line { turn: 0, early: BTreeMap::new(), outcome: Ok(true), take });
    let run = || {
        // Pieces are begun in order, so that those before one that fails are all begun already.
        while let Some((at, piece)) = next_of(&pieces, &next) {
            let made = work(piece);
            if !line.lock().hand_in(at, made) {
                break;
            }
        }
    };
    match threads.min(pieces.len()) {
        // Not even what it takes to wait for others.
        0 | 1 => run(),
        threads => with_helpers(threads - 1, &run),
    }
    line.into_inner().outcome
}

fn next_of<'a, T>(pieces: &[&'a [T]], next: &AtomicUsize) -> Option<(usize, &'a [T])> {
    let at = next.fetch_add(1, Ordering::Relaxed);
    pieces.get(at).map(|piece| (at, *piece))
}

/// What was made of pieces, brought into their order. Nobody waits for a turn: what comes early is left here, and whoever
/// hands in the piece whose turn it is hands on those that were left behind it.
struct Line<'a, R> {
    turn: usize,
    early: BTreeMap<usize, Result<R>>,
    outcome: Result<bool>,
    take: &'a mut (dyn FnMut(R) -> bool + Send),
}

impl<R> Line<'_, R> {
    /// Whether more is needed.
    fn hand_in(&mut self, at: usize, made: Result<R>) -> bool {
        self.early.insert(at, made);
        while matches!(self.outcome, Ok(true))
            && let Some(made) = self.early.remove(&self.turn)
        {
            self.outcome = made.map(|made| (self.take)(made));
            self.turn += 1;
        }
        matches!(self.outcome, Ok(true))
    }
}

/// Has the caller's thread and up to `helpers` more do the work.
fn with_helpers(helpers: usize, work: &(impl Fn() + Sync)) {
    thread::scope(|scope| {
        let start = |_| thread::Builder::new().name("gnocchetti query".to_owned()).spawn_scoped(scope, work).ok();
        // A thread that cannot be started leaves its share to the others.
        let helpers: Vec<_> = (0..helpers).map_while(start).collect();
        work();
        for helper in helpers {
            if let Err(panic) = helper.join() {
                std::panic::resume_unwind(panic);
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::sync::Barrier;

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
            who.lock().insert(thread::current().id());
            Ok(())
        };
        in_pieces(&items, 3, &work).unwrap();
        assert_eq!(who.lock().len(), 3);
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
    fn pieces_are_taken_in_order_until_it_is_enough() {
        let items: Vec<usize> = (0..40 * PIECE).collect();
        for threads in [1, 2, 8] {
            for enough in [0, 1, 25, 39, 1000] {
                let mut taken = Vec::new();
                let mut take = |first: usize| {
                    taken.push(first);
                    first != enough * PIECE
                };
                let all = in_turn(&items, threads, &|piece| Ok(piece[0]), &mut take).unwrap();
                assert_eq!(all, enough == 1000);
                assert!(taken.iter().copied().eq((0..40.min(enough + 1)).map(|piece| piece * PIECE)), "{taken:?}");
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
