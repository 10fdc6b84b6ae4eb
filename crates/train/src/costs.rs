//! Where the time of a run went, as a table.

use crate::format;
use crate::table::{Align, Table};
use autodiff::Profile;

/// Forward and backward time, arithmetic and results of each module, joined to the first `depth` names of its path, the dearest first;
/// the last row is what is no operation: the optimizer, reading data, evaluation's bookkeeping.
///
/// ```
/// use train::cost_table;
/// let x = autodiff::Var::variable(tensor::Tensor::ones([8, 8], tensor::DType::F32)?);
/// let (grads, profile) = autodiff::profile(|| x.matmul(&x)?.sum(&[])?.backward());
/// grads?;
/// let table = cost_table(&profile, 2);
/// assert_eq!(table.header()[0], "module");
/// # Ok::<(), train::Error>(())
/// ```
pub fn cost_table(profile: &Profile, depth: usize) -> Table {
    let mut table = Table::new(["module", "forward", "backward", "share", "FLOP", "results"]);
    let row = |name: &str, forward: f64, backward: f64, flops: u64, bytes: u64| {
        let share = (forward + backward) / profile.seconds.max(f64::MIN_POSITIVE);
        [
            name.to_string(),
            format::duration(forward),
            format::duration(backward),
            format::percent(Some(share)),
            format::si(flops as f64),
            format!("{}B", format::si(bytes as f64)),
        ]
    };
    for (name, forward, backward) in profile.by(|row| prefix(&row.path, depth)) {
        let name = if name.is_empty() { "outside of modules" } else { name };
        let (flops, bytes) = (forward.flops + backward.flops, forward.bytes + backward.bytes);
        table.row(row(name, forward.seconds, backward.seconds, flops, bytes));
    }
    let rest = (profile.seconds - profile.op_seconds()).max(0.0);
    let mut last = row("no operation", rest, 0.0, 0, 0);
    last[2] = String::new();
    table.rule().row(last);
    (1..table.columns()).for_each(|column| {
        table.align(column, Align::Right);
    });
    table
}

/// The first `depth` names of a path.
fn prefix(path: &str, depth: usize) -> &str {
    match path.match_indices('.').nth(depth.max(1) - 1) {
        Some((end, _)) => &path[..end],
        None => path,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_cut_behind_so_many_names() {
        assert_eq!(
            [1, 2, 3, 9].map(|depth| prefix("blocks.1.attention.qkv", depth)).to_vec(),
            ["blocks", "blocks.1", "blocks.1.attention", "blocks.1.attention.qkv"]
        );
        assert_eq!((prefix("", 2), prefix("fc", 1)), ("", "fc"));
    }
}
