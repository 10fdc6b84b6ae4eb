//! What the operating system knows of this process, and how fast memory is read.

use ironloom::tensor::{DType, Tensor};
use std::time::{Duration, Instant};

/// Confines the process to its first `threads` cores, as the peers' programs do.
#[cfg(target_os = "linux")]
pub(crate) fn pin(threads: usize) {
    use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
    let Ok(allowed) = sched_getaffinity(None) else { return };
    let mut first = CpuSet::new();
    (0..CpuSet::MAX_CPU).filter(|&cpu| allowed.is_set(cpu)).take(threads).for_each(|cpu| first.set(cpu));
    if let Err(error) = sched_setaffinity(None, &first) {
        eprintln!("cores not pinned: {error}");
    }
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn pin(_: usize) {}

/// Time since the kernel started this process, to 10 ms; 0 where it cannot be known.
#[cfg(target_os = "linux")]
pub(crate) fn since_start() -> Duration {
    let uptime = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    let uptime = Duration::new(uptime.tv_sec as u64, uptime.tv_nsec as u32);
    let started = std::fs::read_to_string("/proc/self/stat").ok().and_then(|stat| {
        let ticks: u64 = stat.rsplit(')').next()?.split_whitespace().nth(19)?.parse().ok()?;
        Some(Duration::from_millis(ticks * 10))
    });
    started.map_or(Duration::ZERO, |started| uptime.saturating_sub(started))
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn since_start() -> Duration {
    Duration::ZERO
}

/// Most memory this process ever held, in MiB; 0 where it cannot be known.
pub(crate) fn peak_rss_mb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).map_or(0, |kb| kb / 1024)
}

/// Bytes a second that all threads together read from memory: the best of some sums of 256 MiB, which do nothing else.
pub(crate) fn read_bandwidth() -> crate::Result<f64> {
    const LEN: usize = 1 << 26;
    let x = Tensor::ones([LEN], DType::F32)?;
    let mut best = f64::INFINITY;
    for _ in 0..8 {
        let begin = Instant::now();
        x.sum(&[])?;
        best = best.min(begin.elapsed().as_secs_f64());
    }
    Ok(4.0 * LEN as f64 / best)
}
