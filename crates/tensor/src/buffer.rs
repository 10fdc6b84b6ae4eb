//! Memory of tensors: aligned blocks that come from a pool and go back to it.
//!
//! A training step frees what it took, so the next step finds blocks of the same sizes on the shelves and the system
//! is not asked again. Blocks are zeroed when the system hands them out, so their bytes are always initialised; after
//! reuse they hold old values, and whoever takes one writes every element.

use crate::dtype::{DType, Element};
use crate::error::{Error, Result};
use crate::word::Word;
use std::alloc::{Layout as Block, alloc, alloc_zeroed, dealloc};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock};

/// Every block starts at a multiple of this many bytes: a cache line, and the widest vector register.
const ALIGN: usize = 64;
/// Has that alignment, for the address of a block of no bytes.
#[repr(align(64))]
struct Aligned;
/// The size of a huge page on x86-64 and aarch64.
const HUGE_PAGE: usize = 2 << 20;
/// Shelves: four sizes to each power of two.
const SHELVES: usize = 4 * (usize::BITS as usize - 6);

struct Shelf(Vec<NonNull<u8>>);
// SAFETY: the blocks on a shelf belong to nobody else.
unsafe impl Send for Shelf {}

static POOL: [Mutex<Shelf>; SHELVES] = [const { Mutex::new(Shelf(Vec::new())) }; SHELVES];
static SYSTEM_ALLOCATIONS: AtomicU64 = AtomicU64::new(0);
static SYSTEM_BYTES: AtomicUsize = AtomicUsize::new(0);
static POOLED_BYTES: AtomicUsize = AtomicUsize::new(0);
static PEAK_BYTES: AtomicUsize = AtomicUsize::new(0);
static POISON: AtomicBool = AtomicBool::new(false);
static TRACING: AtomicBool = AtomicBool::new(false);
static TRACE: Mutex<Vec<usize>> = Mutex::new(Vec::new());

/// What the pool holds and has asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemoryStats {
    /// Blocks the system was asked for since the process began. A steady training step adds none.
    pub system_allocations: u64,
    /// Bytes now held from the system, in use or pooled.
    pub system_bytes: usize,
    /// Bytes now in the pool, waiting to be used again.
    pub pooled_bytes: usize,
    /// The most bytes that were in use at once since [`reset_peak_memory`], or since the process began.
    pub peak_bytes: usize,
}

/// Counts of the memory pool now.
pub fn memory_stats() -> MemoryStats {
    MemoryStats {
        system_allocations: SYSTEM_ALLOCATIONS.load(Ordering::Relaxed),
        system_bytes: SYSTEM_BYTES.load(Ordering::Relaxed),
        pooled_bytes: POOLED_BYTES.load(Ordering::Relaxed),
        peak_bytes: PEAK_BYTES.load(Ordering::Relaxed),
    }
}

/// Bytes in use now. Another thread may be between the two counts.
fn bytes_in_use() -> usize {
    SYSTEM_BYTES.load(Ordering::Relaxed).saturating_sub(POOLED_BYTES.load(Ordering::Relaxed))
}

/// Begins to count [`MemoryStats::peak_bytes`] anew, from what is in use now.
pub fn reset_peak_memory() {
    PEAK_BYTES.store(bytes_in_use(), Ordering::Relaxed);
}

/// Runs `f` and returns how many bytes were in use behind each block that was taken meanwhile, by any thread: the same work on more
/// rows takes as many blocks, and where its memory is highest can be seen from two smaller runs. One at a time in a process.
///
/// ```
/// use tensor::{DType, Tensor, trace_memory};
/// let (x, used) = trace_memory(|| Tensor::zeros([1024], DType::F32)?.add_scalar(1.0));
/// assert!(x?.len() == 1024 && used.len() == 2 && used[1] >= used[0] + 4096);
/// # Ok::<(), tensor::Error>(())
/// ```
pub fn trace_memory<R>(f: impl FnOnce() -> R) -> (R, Vec<usize>) {
    /// Off again, after a panic too.
    struct Off;
    impl Drop for Off {
        fn drop(&mut self) {
            TRACING.store(false, Ordering::Relaxed);
        }
    }
    TRACE.lock().unwrap_or_else(|p| p.into_inner()).clear();
    TRACING.store(true, Ordering::Relaxed);
    let off = Off;
    let result = f();
    drop(off);
    (result, std::mem::take(&mut *TRACE.lock().unwrap_or_else(|p| p.into_inner())))
}

/// Gives every pooled block back to the system.
pub fn release_pooled_memory() {
    for (shelf, blocks) in POOL.iter().enumerate() {
        let blocks = std::mem::take(&mut blocks.lock().unwrap_or_else(|p| p.into_inner()).0);
        for start in blocks {
            let size = shelf_size(shelf);
            POOLED_BYTES.fetch_sub(size, Ordering::Relaxed);
            SYSTEM_BYTES.fetch_sub(size, Ordering::Relaxed);
            // SAFETY: the block came from `from_system` with this layout and left its shelf just now.
            unsafe { dealloc(start.as_ptr(), Block::from_size_align_unchecked(size, align_of_block(size))) };
        }
    }
}

/// For tests: fills every block with 0xff bytes (NaN in floats) when it is handed out, so that a kernel which reads
/// what it did not write, or leaves a gap, shows.
pub fn poison_fresh_memory(on: bool) {
    POISON.store(on, Ordering::Relaxed);
}

/// The first shelf whose blocks hold `bytes` (≥ 1).
fn shelf_of(bytes: usize) -> usize {
    let lines = bytes.div_ceil(ALIGN);
    if lines <= 4 {
        return lines - 1;
    }
    // 2^p < lines <= 2^(p+1), in quarters of 2^p.
    let p = (lines - 1).ilog2() as usize;
    let quarter = (lines - (1 << p)).div_ceil(1 << (p - 2));
    4 * (p - 2) + 3 + quarter
}

/// Bytes of the blocks on a shelf.
fn shelf_size(shelf: usize) -> usize {
    if shelf < 4 {
        return (shelf + 1) * ALIGN;
    }
    let (p, quarter) = ((shelf - 4) / 4 + 2, (shelf - 4) % 4 + 1);
    ALIGN * ((1 << p) + (quarter << (p - 2)))
}

/// Where a block of `size` bytes starts: at a huge page if it fills several, so that the system can use them.
fn align_of_block(size: usize) -> usize {
    if size >= 2 * HUGE_PAGE { HUGE_PAGE } else { ALIGN }
}

/// The most bytes that all blocks together can take: what memory the machine has, or the control group may use, and all
/// swap. Systems promise more, and end the process that uses it.
fn limit() -> usize {
    static LIMIT: OnceLock<usize> = OnceLock::new();
    *LIMIT.get_or_init(|| {
        if cfg!(any(not(target_os = "linux"), miri)) {
            return usize::MAX;
        }
        let info = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
        let bytes = |name: &str| {
            let line = info.lines().find_map(|line| line.strip_prefix(name))?;
            line.trim().strip_suffix(" kB")?.parse::<usize>().ok()?.checked_mul(1024)
        };
        let group = std::fs::read_to_string("/sys/fs/cgroup/memory.max").unwrap_or_default();
        let group = group.trim().parse().unwrap_or(usize::MAX);
        bytes("MemTotal:").unwrap_or(usize::MAX).min(group).saturating_add(bytes("SwapTotal:").unwrap_or(0))
    })
}

/// An empty vector with room for `len` elements, if the machine has the memory.
pub(crate) fn room<T>(len: usize) -> Option<Vec<T>> {
    let mut room = Vec::new();
    let fits = len.checked_mul(size_of::<T>()).is_some_and(|bytes| bytes <= limit());
    (fits && room.try_reserve_exact(len).is_ok()).then_some(room)
}

/// A zeroed block, if the system has the memory. `size` is that of a shelf, so not zero.
fn from_system(size: usize) -> Option<NonNull<u8>> {
    if SYSTEM_BYTES.load(Ordering::Relaxed).saturating_add(size) > limit() {
        return None;
    }
    let align = align_of_block(size);
    let block = Block::from_size_align(size, align).ok()?;
    if align == ALIGN {
        // SAFETY: the size is not zero.
        return NonNull::new(unsafe { alloc_zeroed(block) });
    }
    // SAFETY: as above.
    let start = NonNull::new(unsafe { alloc(block) })?;
    use_huge_pages(start, size);
    // SAFETY: the block has `size` bytes and is ours alone.
    unsafe { start.as_ptr().write_bytes(0, size) };
    Some(start)
}

/// Asks for pages of 2 MiB, of which a strided walk over a large tensor needs 512 times fewer; a hint, best effort.
#[cfg(all(target_os = "linux", not(miri)))]
fn use_huge_pages(start: NonNull<u8>, size: usize) {
    use rustix::mm::{Advice, madvise};
    // SAFETY: the range is a block of ours, and the advice changes no contents.
    let _ = unsafe { madvise(start.as_ptr().cast(), size, Advice::LinuxHugepage) };
}

#[cfg(not(all(target_os = "linux", not(miri))))]
fn use_huge_pages(_: NonNull<u8>, _: usize) {}

/// A block of memory that goes back to the pool when dropped.
pub(crate) struct Buffer {
    start: NonNull<u8>,
    bytes: usize,
}

// SAFETY: a buffer owns its block; shared access only reads, and writing needs `&mut`.
unsafe impl Send for Buffer {}
// SAFETY: as above.
unsafe impl Sync for Buffer {}

impl Buffer {
    /// Room for `len` elements of `dtype`, whose values are whatever the block held before; booleans start `false`.
    pub(crate) fn new(op: &'static str, len: usize, dtype: DType) -> Result<Self> {
        let bytes = len * dtype.size();
        if bytes == 0 {
            return Ok(Self { start: NonNull::<Aligned>::dangling().cast(), bytes });
        }
        let shelf = shelf_of(bytes);
        let size = shelf_size(shelf);
        let pooled = POOL[shelf].lock().unwrap_or_else(|p| p.into_inner()).0.pop();
        let start = match pooled {
            Some(start) => {
                POOLED_BYTES.fetch_sub(size, Ordering::Relaxed);
                start
            }
            None => {
                let refused = Error::OutOfMemory { op, bytes: size };
                let mut start = from_system(size);
                if start.is_none() {
                    release_pooled_memory();
                    start = from_system(size);
                }
                SYSTEM_ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
                let start = start.ok_or(refused)?;
                SYSTEM_BYTES.fetch_add(size, Ordering::Relaxed);
                start
            }
        };
        let used = bytes_in_use();
        if used > PEAK_BYTES.load(Ordering::Relaxed) {
            PEAK_BYTES.fetch_max(used, Ordering::Relaxed);
        }
        if TRACING.load(Ordering::Relaxed) {
            TRACE.lock().unwrap_or_else(|p| p.into_inner()).push(used);
        }
        let fill = match dtype {
            DType::Bool => Some(0),
            _ if POISON.load(Ordering::Relaxed) => Some(0xff),
            _ => None,
        };
        if let Some(byte) = fill {
            // SAFETY: the block holds at least `bytes` bytes and nobody else has it.
            unsafe { start.as_ptr().write_bytes(byte, bytes) };
        }
        Ok(Self { start, bytes })
    }

    /// All elements as words of their size.
    #[inline]
    pub(crate) fn as_words<W: Word>(&self) -> &[W] {
        // SAFETY: aligned to 64, initialised, `bytes` long, and every bit pattern is a word.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr().cast(), self.bytes / size_of::<W>()) }
    }

    /// All elements as words, to be written with those of the element type: a boolean is 0 or 1.
    #[inline]
    pub(crate) fn as_mut_words<W: Word>(&mut self) -> &mut [W] {
        // SAFETY: as in `as_words`, and exclusively borrowed.
        unsafe { std::slice::from_raw_parts_mut(self.start.as_ptr().cast(), self.bytes / size_of::<W>()) }
    }

    /// All elements. The caller has checked that `T` is the type the buffer was made for.
    #[inline]
    pub(crate) fn as_slice<T: Element>(&self) -> &[T] {
        // SAFETY: aligned to 64, initialised, `bytes` long; every bit pattern is a number, and buffers of booleans
        // are only ever written as booleans.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr().cast(), self.bytes / T::DTYPE.size()) }
    }

    /// All elements, to be written.
    #[inline]
    pub(crate) fn as_mut_slice<T: Element>(&mut self) -> &mut [T] {
        // SAFETY: as in `as_slice`, and exclusively borrowed.
        unsafe { std::slice::from_raw_parts_mut(self.start.as_ptr().cast(), self.bytes / T::DTYPE.size()) }
    }

    /// The whole block as memory for a library to keep numbers in.
    pub(crate) fn as_scratch(&mut self) -> &mut [std::mem::MaybeUninit<u8>] {
        // SAFETY: exclusively borrowed and `bytes` long; those who work in it write numbers, so its bytes stay
        // initialised.
        unsafe { std::slice::from_raw_parts_mut(self.start.as_ptr().cast(), self.bytes) }
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        if self.bytes == 0 {
            return;
        }
        let shelf = shelf_of(self.bytes);
        POOLED_BYTES.fetch_add(shelf_size(shelf), Ordering::Relaxed);
        POOL[shelf].lock().unwrap_or_else(|p| p.into_inner()).0.push(self.start);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shelves_hold_what_is_put_on_them_and_waste_at_most_a_quarter() {
        for bytes in (1..100_000).chain([1 << 20, (1 << 20) + 1, 3 << 30, (1 << 40) + 17]) {
            let shelf = shelf_of(bytes);
            assert!(shelf_size(shelf) >= bytes, "{bytes}");
            assert!(shelf == 0 || shelf_size(shelf - 1) < bytes, "{bytes}");
            assert!(shelf_size(shelf) <= bytes + bytes / 4 + ALIGN, "{bytes}");
        }
    }
}
