//! The threads that kernels share: one job at a time, split into numbered pieces, caller included.
//!
//! A kernel splits its *outputs* into pieces whose bounds depend on shapes alone, so that the thread count can change
//! who computes a piece but never what is computed. With one thread, or one piece, nothing here is touched. Workers
//! wait awake for a moment after a job and then sleep; a caller never waits for a worker that has not begun, so a
//! busy machine costs speed-up, not time. A call from inside a job, or while another thread's job runs, runs alone.

use std::cell::{Cell, UnsafeCell};
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, TryLockError};
use std::time::{Duration, Instant};

/// Most threads a job is split over.
const MAX_THREADS: usize = 64;
/// Pieces that a long loop is cut into for each thread: enough to even out threads of unequal speed.
const PIECES_A_THREAD: usize = 16;
/// How long a worker waits awake for the next job.
const AWAKE: Duration = Duration::from_micros(200);

/// 0: not set, use what the machine offers.
static THREADS: AtomicUsize = AtomicUsize::new(0);

/// The number of threads kernels use: as set, else what this process may run on (affinity and quota included).
pub fn threads() -> usize {
    match THREADS.load(Ordering::Relaxed) {
        0 => {
            let n = std::thread::available_parallelism().map_or(1, |n| n.get()).min(MAX_THREADS);
            THREADS.store(n, Ordering::Relaxed);
            n
        }
        n => n,
    }
}

/// Sets the number of threads for the whole process, 1 to 64; results do not depend on it.
///
/// Values outside are brought inside.
pub fn set_threads(n: usize) {
    THREADS.store(n.clamp(1, MAX_THREADS), Ordering::Relaxed);
}

/// Runs `piece(0) … piece(pieces - 1)`, each exactly once, over the threads.
pub(crate) fn run(pieces: usize, piece: impl Fn(usize) + Sync) {
    run_each(pieces, &piece);
}

/// Behind a pointer, so that a program holds each kernel's piece once and not at every call below.
#[inline(never)]
fn run_each(pieces: usize, piece: &(dyn Fn(usize) + Sync)) {
    let helpers = threads().min(pieces).saturating_sub(1);
    if helpers == 0 || INSIDE.get() {
        return (0..pieces).for_each(piece);
    }
    match POOL.try_begin(helpers) {
        Some(job) => job.run(pieces, piece),
        None => (0..pieces).for_each(piece),
    }
}

/// Splits `0..len` into runs of `grain` items and runs `part` on each; `grain` must not depend on the thread count
/// where the split shows in the result.
pub(crate) fn for_ranges(len: usize, grain: usize, part: impl Fn(Range<usize>) + Sync) {
    let grain = grain.max(1);
    let parts = len.div_ceil(grain);
    // Neighbours stay together: cores that share the borders of many small parts take each other's lines.
    let together = parts.div_ceil(PIECES_A_THREAD * threads()).max(1);
    run(parts.div_ceil(together), |piece| {
        for i in piece * together..((piece + 1) * together).min(parts) {
            part(i * grain..((i + 1) * grain).min(len));
        }
    });
}

/// Splits `out` into runs of `grain` elements and runs `part(start, run)` on each.
pub(crate) fn for_chunks<T: Send>(out: &mut [T], grain: usize, part: impl Fn(usize, &mut [T]) + Sync) {
    let whole = Disjoint::new(out);
    for_ranges(whole.len, grain, |range| {
        let start = range.start;
        // SAFETY: `for_ranges` hands out ranges that do not overlap, each once.
        part(start, unsafe { whole.slice(range) });
    });
}

/// A mutable slice that pieces of a job take disjoint parts of.
pub(crate) struct Disjoint<T> {
    start: *mut T,
    pub(crate) len: usize,
}

// SAFETY: only `slice` gives access, and its callers promise that no two parts overlap.
unsafe impl<T: Send> Sync for Disjoint<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Send for Disjoint<T> {}

impl<T> Disjoint<T> {
    pub(crate) fn new(out: &mut [T]) -> Self {
        Self { start: out.as_mut_ptr(), len: out.len() }
    }

    /// Where element `i` lies; only to be followed under the promise of [`slice`](Self::slice).
    pub(crate) fn at(&self, i: usize) -> *mut T {
        assert!(i < self.len, "invariant: loops stay inside the slice they divide");
        self.start.wrapping_add(i)
    }

    /// The elements of `range`.
    ///
    /// # Safety
    /// The slice given to `new` must still be exclusively borrowed, and no other living part may overlap `range`.
    #[allow(clippy::mut_from_ref)]
    pub(crate) unsafe fn slice(&self, range: Range<usize>) -> &mut [T] {
        assert!(
            range.start <= range.end && range.end <= self.len,
            "invariant: parts lie inside the slice divided"
        );
        // SAFETY: in bounds by the line above; exclusive by the caller's promise.
        unsafe { std::slice::from_raw_parts_mut(self.start.add(range.start), range.end - range.start) }
    }
}

thread_local! {
    /// Whether this thread is running a piece, so that a nested job runs on it alone.
    static INSIDE: Cell<bool> = const { Cell::new(false) };
}

static POOL: Pool = Pool {
    state: AtomicU64::new(0),
    next: AtomicUsize::new(0),
    job: UnsafeCell::new(None),
    owner: Mutex::new(0),
    sleeping: AtomicUsize::new(0),
    gate: Mutex::new(()),
    bell: Condvar::new(),
    panic: Mutex::new(None),
};

type Piece = dyn Fn(usize) + Sync;
type Payload = Box<dyn std::any::Any + Send>;

#[derive(Clone, Copy)]
struct Job {
    piece: *const Piece,
    pieces: usize,
}

struct Pool {
    /// generation << 32 | open << 31 | helpers << 16 | workers inside. One word, so that entering a job and closing
    /// it cannot pass each other.
    state: AtomicU64,
    /// The next piece to be taken.
    next: AtomicUsize,
    /// Written by the owner while no worker is inside and the job is closed; read by workers that are inside.
    job: UnsafeCell<Option<Job>>,
    /// Held by the thread whose job runs; the number of workers started so far.
    owner: Mutex<usize>,
    sleeping: AtomicUsize,
    gate: Mutex<()>,
    bell: Condvar,
    /// What the first piece that panicked on a worker said.
    panic: Mutex<Option<Payload>>,
}

// SAFETY: `job` is written only by the holder of `owner` while `state` is closed and empty, and read only between a
// successful entry into an open state and the matching exit; both go through `state` with acquire and release.
unsafe impl Sync for Pool {}

const OPEN: u64 = 1 << 31;
const INSIDE_MASK: u64 = 0xffff;

fn helpers_of(state: u64) -> usize {
    (state >> 16 & 0x7fff) as usize
}

struct Begun<'a> {
    pool: &'static Pool,
    _owner: MutexGuard<'a, usize>,
    helpers: usize,
}

impl Pool {
    /// Takes the pool for one job, or `None` while another thread has it.
    fn try_begin(&'static self, helpers: usize) -> Option<Begun<'static>> {
        let mut owner = match self.owner.try_lock() {
            Ok(owner) => owner,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return None,
        };
        while *owner < helpers {
            let index = *owner;
            let started =
                std::thread::Builder::new().name(format!("tensor-{index}")).spawn(move || self.work(index));
            match started {
                Ok(_) => *owner += 1,
                Err(_) => break, // fewer helpers, same result
            }
        }
        Some(Begun { pool: self, _owner: owner, helpers })
    }

    /// A worker's life: wait for a job it may help with, take pieces until none is left.
    fn work(&self, index: usize) {
        INSIDE.set(true);
        let mut seen = 0u64;
        loop {
            let state = self.wait(index, seen);
            seen = state >> 32;
            if self.enter(seen) {
                // SAFETY: inside an open job, whose owner waits until all have left.
                let job = unsafe { *self.job.get() };
                if let Some(job) = job {
                    let taken = catch_unwind(AssertUnwindSafe(|| self.take_pieces(job)));
                    if let Err(payload) = taken {
                        self.next.store(job.pieces, Ordering::Relaxed);
                        self.panic.lock().unwrap_or_else(|p| p.into_inner()).get_or_insert(payload);
                    }
                }
                self.state.fetch_sub(1, Ordering::Release);
            }
        }
    }

    /// Returns the state of an open job of another generation than `seen` that takes worker `index`.
    fn wait(&self, index: usize, seen: u64) -> u64 {
        let fits = |state: u64| state & OPEN != 0 && state >> 32 != seen && index < helpers_of(state);
        let begin = Instant::now();
        let mut spins = 0u32;
        loop {
            let state = self.state.load(Ordering::Acquire);
            if fits(state) {
                return state;
            }
            spins += 1;
            if !spins.is_multiple_of(64) {
                std::hint::spin_loop();
                continue;
            }
            if begin.elapsed() < AWAKE {
                std::thread::yield_now();
                continue;
            }
            let gate = self.gate.lock().unwrap_or_else(|p| p.into_inner());
            self.sleeping.fetch_add(1, Ordering::SeqCst);
            let state = self.state.load(Ordering::SeqCst);
            if !fits(state) {
                drop(self.bell.wait(gate).unwrap_or_else(|p| p.into_inner()));
            }
            self.sleeping.fetch_sub(1, Ordering::SeqCst);
            spins = 0;
        }
    }

    /// Joins the job of `generation` if it is still open.
    fn enter(&self, generation: u64) -> bool {
        self.state
            .fetch_update(Ordering::Acquire, Ordering::Relaxed, |state| {
                (state >> 32 == generation && state & OPEN != 0).then_some(state + 1)
            })
            .is_ok()
    }

    fn take_pieces(&self, job: Job) {
        // SAFETY: the owner keeps the closure alive until every worker has left the job.
        let piece = unsafe { &*job.piece };
        loop {
            let i = self.next.fetch_add(1, Ordering::Relaxed);
            if i >= job.pieces {
                return;
            }
            piece(i);
        }
    }
}

impl Begun<'_> {
    fn run<'f>(self, pieces: usize, piece: &'f (dyn Fn(usize) + Sync + 'f)) {
        let pool = self.pool;
        let piece: *const (dyn Fn(usize) + Sync + 'f) = piece;
        // SAFETY: only the lifetime changes; `Close` keeps this frame alive until no worker can use the pointer.
        let piece: *const Piece = unsafe { std::mem::transmute(piece) };
        let job = Job { piece, pieces };
        // SAFETY: this thread holds `owner`, the state is closed and no worker is inside.
        unsafe { *pool.job.get() = Some(job) };
        pool.next.store(0, Ordering::Relaxed);
        let generation = (pool.state.load(Ordering::Relaxed) >> 32).wrapping_add(1) & 0xffff_ffff;
        pool.state.store(generation << 32 | OPEN | (self.helpers as u64) << 16, Ordering::SeqCst);
        if pool.sleeping.load(Ordering::SeqCst) > 0 {
            drop(pool.gate.lock().unwrap_or_else(|p| p.into_inner()));
            pool.bell.notify_all();
        }
        let close = Close(pool);
        INSIDE.set(true);
        pool.take_pieces(job);
        drop(close);
        let payload = pool.panic.lock().unwrap_or_else(|p| p.into_inner()).take();
        if let Some(payload) = payload {
            drop(self);
            resume_unwind(payload);
        }
    }
}

/// Ends a job on every way out: no worker enters any more, and those inside are waited for.
struct Close(&'static Pool);

impl Drop for Close {
    fn drop(&mut self) {
        INSIDE.set(false);
        self.0.next.store(usize::MAX / 2, Ordering::Relaxed);
        self.0.state.fetch_and(!OPEN, Ordering::AcqRel);
        let mut spins = 0u32;
        while self.0.state.load(Ordering::Acquire) & INSIDE_MASK != 0 {
            spins += 1;
            match spins % 256 {
                0 => std::thread::yield_now(),
                _ => std::hint::spin_loop(),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_piece_runs_once_at_any_thread_count() {
        for threads in [1, 2, 3, 8] {
            set_threads(threads);
            for round in 0..200 {
                let counts: Vec<AtomicUsize> = (0..round).map(|_| AtomicUsize::new(0)).collect();
                run(round, |i| {
                    counts[i].fetch_add(1, Ordering::Relaxed);
                });
                assert!(counts.iter().all(|c| c.load(Ordering::Relaxed) == 1));
            }
        }
    }

    #[test]
    fn jobs_from_several_threads_and_nested_jobs_finish() {
        set_threads(3);
        std::thread::scope(|s| {
            for _ in 0..4 {
                s.spawn(|| {
                    for _ in 0..100 {
                        let sum = AtomicUsize::new(0);
                        run(8, |i| {
                            run(4, |j| {
                                sum.fetch_add(i * j, Ordering::Relaxed);
                            })
                        });
                        assert_eq!(sum.into_inner(), 28 * 6);
                    }
                });
            }
        });
    }

    #[test]
    fn a_panic_in_a_piece_reaches_the_caller_and_the_pool_lives_on() {
        set_threads(3);
        for bad in 0..16 {
            let caught = catch_unwind(|| run(16, |i| assert!(i != bad, "piece {i}")));
            assert!(caught.is_err());
            let sum = AtomicUsize::new(0);
            run(16, |i| {
                sum.fetch_add(i, Ordering::Relaxed);
            });
            assert_eq!(sum.into_inner(), 120);
        }
    }
}
