//! Which two operands are multiplied next.

/// Operands up to which every order is weighed.
const EXACT: usize = 6;

/// A set of labels.
pub(super) type Mask = u128;

/// Multiplications, and then elements written, of a product; every order of ours is a function of labels and sizes.
type Cost = (f64, f64);

fn plus(a: Cost, b: Cost) -> Cost {
    (a.0 + b.0, a.1 + b.1)
}

/// The number of elements of labels, as a float: it may be beyond all integers.
fn volume(mut labels: Mask, sizes: &[usize]) -> f64 {
    let mut volume = 1.0;
    while labels != 0 {
        volume *= sizes[labels.trailing_zeros() as usize].max(1) as f64;
        labels &= labels - 1;
    }
    volume
}

/// The pairs in order: operands have the numbers 0.., their products the numbers that follow, as they are made.
///
/// `terms` are the labels of each operand, of which each stands in another operand or in the output.
pub(super) fn pairs(terms: &[Mask], output: Mask, sizes: &[usize]) -> Vec<(usize, usize)> {
    match terms.len() {
        0 | 1 => Vec::new(),
        2 => vec![(0, 1)],
        ..=EXACT => exact(terms, output, sizes),
        _ => greedy(terms, output, sizes),
    }
}

/// Every way to part every subset in two, smaller subsets first.
fn exact(terms: &[Mask], output: Mask, sizes: &[usize]) -> Vec<(usize, usize)> {
    let all = (1usize << terms.len()) - 1;
    let union = |set: usize| (0..terms.len()).filter(|i| set >> i & 1 == 1).fold(0, |m, i| m | terms[i]);
    // The labels that a subset's product has: those that are still needed outside of it.
    let kept: Vec<Mask> = (0..=all).map(|set| union(set) & (output | union(all & !set))).collect();
    let mut best: Vec<(Cost, usize)> = vec![((0.0, 0.0), 0); all + 1];
    for set in 1..=all {
        if set.count_ones() < 2 {
            continue;
        }
        let mut found: Option<(Cost, usize)> = None;
        let first = set & set.wrapping_neg();
        let mut part = (set - 1) & set;
        while part != 0 {
            // The part with the first operand; its rest is the other.
            if part & first != 0 {
                let rest = set & !part;
                let own = (volume(kept[part] | kept[rest], sizes), volume(kept[set], sizes));
                let cost = plus(own, plus(best[part].0, best[rest].0));
                if found.is_none_or(|(least, _)| cost < least) {
                    found = Some((cost, part));
                }
            }
            part = (part - 1) & set;
        }
        best[set] = found.unwrap_or_default();
    }
    let mut out = Vec::with_capacity(terms.len() - 1);
    emit(all, &best, terms.len(), &mut out);
    out
}

/// The number of a subset's product, after those that it is made of.
fn emit(set: usize, best: &[(Cost, usize)], n: usize, out: &mut Vec<(usize, usize)>) -> usize {
    if set.count_ones() == 1 {
        return set.trailing_zeros() as usize;
    }
    let part = best[set].1;
    let a = emit(part, best, n, out);
    let b = emit(set & !part, best, n, out);
    out.push((a, b));
    n + out.len() - 1
}

/// The cheapest pair, again and again.
fn greedy(terms: &[Mask], output: Mask, sizes: &[usize]) -> Vec<(usize, usize)> {
    let mut live: Vec<(usize, Mask)> = terms.iter().copied().enumerate().collect();
    let mut out = Vec::with_capacity(terms.len() - 1);
    while live.len() > 1 {
        let kept = |i: usize, j: usize| {
            let others = live.iter().enumerate().filter(|&(k, _)| k != i && k != j);
            (live[i].1 | live[j].1) & others.fold(output, |m, (_, term)| m | term.1)
        };
        let mut found: Option<(Cost, usize, usize)> = None;
        for j in 1..live.len() {
            for i in 0..j {
                let cost = (volume(live[i].1 | live[j].1, sizes), volume(kept(i, j), sizes));
                if found.is_none_or(|(least, ..)| cost < least) {
                    found = Some((cost, i, j));
                }
            }
        }
        let Some((_, i, j)) = found else { break };
        let product = (terms.len() + out.len(), kept(i, j));
        out.push((live[i].0, live[j].0));
        live.remove(j);
        live.remove(i);
        live.push(product);
    }
    out
}
