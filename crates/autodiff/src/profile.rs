//! What each operation costs, forward and backward, by the module in which it was applied.

use crate::error::Result;
use crate::graph::Record;
use crate::op::Op;
use crate::scope;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use tensor::{Tensor, product_flops};

/// Sums forward and backward, by module and operation.
type Found = BTreeMap<(Box<str>, &'static str), [Sum; 2]>;

thread_local! {
    /// Whether costs are noted now: not inside of an operation, whose own operations are part of it.
    static ON: Cell<bool> = const { Cell::new(false) };
    static FOUND: RefCell<Found> = const { RefCell::new(BTreeMap::new()) };
}

#[derive(Clone, Copy, Default)]
struct Sum {
    calls: u64,
    time: Duration,
    flops: u64,
    bytes: u64,
}

/// What calls of one kind took.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Cost {
    /// How many there were.
    pub calls: u64,
    /// Wall-clock time of all of them, in seconds.
    pub seconds: f64,
    /// Floating-point operations of their products, see [`tensor::product_flops`].
    pub flops: u64,
    /// Bytes of what they returned.
    pub bytes: u64,
}

/// An operation in a module.
#[derive(Debug, Clone, PartialEq)]
pub struct ProfileRow {
    /// The module, empty outside of modules.
    pub path: String,
    /// The operation.
    pub op: &'static str,
    /// Computing its result.
    pub forward: Cost,
    /// Computing its gradients.
    pub backward: Cost,
}

/// What [`profile()`] found, by module and operation, in the order of their names.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Profile {
    /// A row for each operation of each module.
    pub rows: Vec<ProfileRow>,
    /// Wall-clock time of the whole, in seconds: with what is no operation, such as an optimizer and reading data.
    pub seconds: f64,
}

impl Profile {
    /// Seconds inside of operations.
    pub fn op_seconds(&self) -> f64 {
        self.rows.iter().map(|row| row.forward.seconds + row.backward.seconds).sum()
    }

    /// Floating-point operations of all products.
    pub fn flops(&self) -> u64 {
        self.rows.iter().map(|row| row.forward.flops + row.backward.flops).sum()
    }

    /// The rows joined by `key`, such as the path or its first part, the dearest first.
    pub fn by<'a>(&'a self, key: impl Fn(&'a ProfileRow) -> &'a str) -> Vec<(&'a str, Cost, Cost)> {
        let mut sums: BTreeMap<&str, (Cost, Cost)> = BTreeMap::new();
        for row in &self.rows {
            let (forward, backward) = sums.entry(key(row)).or_default();
            forward.add(&row.forward);
            backward.add(&row.backward);
        }
        let mut all: Vec<_> = sums.into_iter().map(|(key, (f, b))| (key, f, b)).collect();
        all.sort_by(|(_, f, b), (_, g, c)| (g.seconds + c.seconds).total_cmp(&(f.seconds + b.seconds)));
        all
    }
}

impl Cost {
    fn add(&mut self, other: &Self) {
        self.calls += other.calls;
        self.seconds += other.seconds;
        self.flops += other.flops;
        self.bytes += other.bytes;
    }
}

impl From<Sum> for Cost {
    fn from(Sum { calls, time, flops, bytes }: Sum) -> Self {
        Self { calls, seconds: time.as_secs_f64(), flops, bytes }
    }
}

/// Runs `f` and notes what each operation of this thread costs: a clock is read around each, which takes some tens of nanoseconds.
///
/// Threads that kernels use are part of their operation. A checkpoint's second run is part of its gradient. One inside another sees
/// nothing that the inner one sees.
///
/// ```
/// use autodiff::{Var, profile};
/// use tensor::{DType, Tensor};
///
/// let x = Var::variable(Tensor::ones([4, 3], DType::F32)?);
/// let w = Var::variable(Tensor::ones([3, 2], DType::F32)?);
/// let (grads, profile) = profile(|| x.matmul(&w)?.sum(&[])?.backward());
/// let row = profile.rows.iter().find(|row| row.op == "matmul").unwrap();
/// assert_eq!((row.forward.calls, row.forward.flops, row.forward.bytes), (1, 2 * 4 * 3 * 2, 4 * 2 * 4));
/// assert_eq!((row.backward.calls, row.backward.flops), (1, 2 * 2 * 4 * 3 * 2)); // for both factors
/// # grads?;
/// # Ok::<(), autodiff::Error>(())
/// ```
pub fn profile<R>(f: impl FnOnce() -> R) -> (R, Profile) {
    /// Puts back what was there before, after a panic too.
    struct Restore(bool, Found);
    impl Drop for Restore {
        fn drop(&mut self) {
            ON.set(self.0);
            FOUND.replace(std::mem::take(&mut self.1));
        }
    }
    let mut restore = Restore(ON.replace(true), FOUND.take());
    let begin = Instant::now();
    let result = f();
    let seconds = begin.elapsed().as_secs_f64();
    let found = FOUND.replace(std::mem::take(&mut restore.1));
    let rows = found.into_iter().map(|((path, op), [forward, backward])| ProfileRow {
        path: path.into(),
        op,
        forward: forward.into(),
        backward: backward.into(),
    });
    let rows = rows.collect();
    restore.1 = FOUND.take();
    drop(restore);
    (result, Profile { rows, seconds })
}

/// Whether this thread runs in [`profile()`], and not inside of an operation.
#[inline]
pub(crate) fn is_on() -> bool {
    ON.get()
}

/// Runs an operation, noting its cost.
#[inline]
pub(crate) fn forward(op: &mut dyn Op, run: impl FnOnce(&mut dyn Op) -> Result<Tensor>) -> Result<Tensor> {
    if !is_on() {
        return run(op);
    }
    let key = (scope::path().unwrap_or_default(), op.name());
    note(key, 0, || run(op), bytes)
}

/// Runs a rule, noting its cost.
#[inline]
pub(crate) fn backward<R: Returned>(record: &Record, run: impl FnOnce() -> Result<R>) -> Result<R> {
    if !is_on() {
        return run();
    }
    note((record.path.clone().unwrap_or_default(), record.op.name()), 1, run, R::bytes)
}

fn note<R>(
    key: (Box<str>, &'static str),
    way: usize,
    run: impl FnOnce() -> Result<R>,
    bytes: impl Fn(&R) -> u64,
) -> Result<R> {
    /// On again, after a panic too.
    struct Again;
    impl Drop for Again {
        fn drop(&mut self) {
            ON.set(true);
        }
    }
    ON.set(false);
    let again = Again;
    let (flops, begin) = (product_flops(), Instant::now());
    let result = run();
    let (time, flops) = (begin.elapsed(), product_flops() - flops);
    drop(again);
    if let Ok(value) = &result {
        FOUND.with_borrow_mut(|found| {
            let sum = &mut found.entry(key).or_default()[way];
            sum.calls += 1;
            sum.time += time;
            sum.flops += flops;
            sum.bytes += bytes(value);
        });
    }
    result
}

fn bytes(x: &Tensor) -> u64 {
    (x.len() * x.dtype().size()) as u64
}

/// What a rule returns.
pub(crate) trait Returned {
    /// Bytes of it.
    fn bytes(&self) -> u64;
}

impl Returned for crate::op::Grads {
    fn bytes(&self) -> u64 {
        self.iter().flatten().map(|grad| bytes(grad.value())).sum()
    }
}

impl Returned for Tensor {
    fn bytes(&self) -> u64 {
        bytes(self)
    }
}
