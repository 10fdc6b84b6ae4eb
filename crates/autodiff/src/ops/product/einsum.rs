//! Sums of products named by letters, NumPy's `einsum`: operands prepared and then multiplied two at a time.
//! For `z = Σ a·b` of labels A, B to C: `da = Σ g·b` of C, B to A, and `db = Σ a·g` of A, C to B
//!
//! The order is that of [`tensor::einsum::Plan`]. Each step is an operation of its own, so that backward multiplies
//! matrices of the sizes that forward did; products of operands are kept for it, as in any chain of products.

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves, grads};
use crate::ops::widened::widened;
use crate::var::Var;
use tensor::Tensor;
use tensor::einsum::{Pair, Plan};

/// The product of two operands. Saves both.
pub struct EinsumPair(Pair);

impl Op for EinsumPair {
    fn name(&self) -> &'static str {
        "einsum"
    }
    fn saves(&self) -> Saves {
        Saves::inputs(&[0, 1])
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(self.0.run(x[0], x[1])?)
    }
    fn backward(&self, saved: &Saved, grad: &Var) -> Result<Grads> {
        let left = || Var::apply(EinsumPair(self.0.left_gradient()), &[grad, &saved.input(1)]);
        let right = || Var::apply(EinsumPair(self.0.right_gradient()), &[&saved.input(0), grad]);
        Ok(Grads::from_iter([saved.if_needed(0, left)?, saved.if_needed(1, right)?]))
    }
}

/// Axes of one number joined: a diagonal. A view; saves nothing.   `dx` is g on the diagonal and 0 beside it
pub struct JoinedAxes {
    axes: Vec<usize>,
}

impl Op for JoinedAxes {
    fn name(&self) -> &'static str {
        "joined_axes"
    }
    fn saves(&self) -> Saves {
        Saves::NOTHING
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].joined_axes(&self.axes)?)
    }
    fn backward(&self, _: &Saved, grad: &Var) -> Result<Grads> {
        grads([grad.split_axes(&self.axes)?])
    }
}

/// A diagonal put among zeros. Saves nothing.   `dx` is the diagonal of g
pub struct SplitAxes {
    axes: Vec<usize>,
}

impl Op for SplitAxes {
    fn name(&self) -> &'static str {
        "split_axes"
    }
    fn saves(&self) -> Saves {
        Saves::NOTHING
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].split_axes(&self.axes)?)
    }
    fn backward(&self, _: &Saved, grad: &Var) -> Result<Grads> {
        grads([grad.joined_axes(&self.axes)?])
    }
}

/// The product of two that `pair` says.
pub(crate) fn product(pair: Pair, a: &Var, b: &Var) -> Result<Var> {
    Var::apply(EinsumPair(pair), &[a, b])
}

impl Var {
    /// The sum of products that `subscripts` names, such as `"bhid,bhjd->bhij"`; see [`Tensor::einsum`].
    ///
    /// Saves the operands, summed and taken the diagonals of where letters say so, and all products but the last.
    /// Errors: as [`Tensor::einsum`].
    ///
    /// ```
    /// use autodiff::Var;
    /// use tensor::Tensor;
    /// let x = Var::variable(Tensor::from_vec(vec![1.0, 2.0, 3.0, 4.0], [2, 2])?);
    /// let trace = Var::einsum("ij,jk,ki", &[&x, &x, &x])?;
    /// assert_eq!(trace.item()?, 155.0);
    /// assert_eq!(trace.backward()?.of(&x).unwrap().to_vec::<f64>()?, [21.0, 45.0, 30.0, 66.0]); // 3·(x²)ᵀ
    /// # Ok::<(), autodiff::Error>(())
    /// ```
    pub fn einsum(subscripts: &str, operands: &[&Var]) -> Result<Var> {
        let shapes: Vec<&[usize]> = operands.iter().map(|x| x.shape()).collect();
        let plan = Plan::new(subscripts, &shapes)?;
        if operands.iter().all(|x| !x.dtype().is_float()) {
            let values: Vec<&Tensor> = operands.iter().map(|x| x.value()).collect();
            return Ok(Var::constant(Tensor::einsum(subscripts, &values)?));
        }
        if let Some(out) = widened(operands, &|x| Var::einsum(subscripts, x)) {
            return out;
        }
        let mut terms = Vec::with_capacity(2 * operands.len());
        for (&x, how) in operands.iter().zip(plan.operands()) {
            let mut x = how.joined_axes().map_or_else(|| Ok(x.clone()), |axes| x.joined_axes(axes))?;
            if let Some(axes) = how.summed_axes() {
                x = x.sum(axes)?;
            }
            if let Some(shape) = how.shape() {
                x = x.reshape(shape)?;
            }
            terms.push(Some(x));
        }
        for (i, j, pair) in plan.pairs() {
            let (Some(a), Some(b)) = (terms[*i].take(), terms[*j].take()) else { continue };
            terms.push(Some(product(pair.clone(), &a, &b)?));
        }
        let last = terms.pop().flatten().expect("invariant: a plan has one operand at least and ends in one term");
        match plan.permutation().iter().enumerate().all(|(i, &axis)| i as isize == axis) {
            true => Ok(last),
            false => last.permute(plan.permutation()),
        }
    }

    /// The elements at which axes of one number have equal positions, see [`Tensor::joined_axes`]; `[0, 0]` takes the
    /// diagonal of a matrix.
    pub fn joined_axes(&self, axes: &[usize]) -> Result<Var> {
        Var::apply(JoinedAxes { axes: axes.to_vec() }, &[self])
    }

    /// The other direction of [`Var::joined_axes`], with 0 beside the diagonal, see [`Tensor::split_axes`].
    pub fn split_axes(&self, axes: &[usize]) -> Result<Var> {
        Var::apply(SplitAxes { axes: axes.to_vec() }, &[self])
    }
}

/// By a loop over all labels at once, for terms that are written out in letters, with the output.
fn by_loops(subscripts: &str, x: &[Tensor]) -> Vec<f64> {
    let (terms, output) = subscripts.split_once("->").unwrap_or_default();
    let terms: Vec<&[u8]> = terms.split(',').map(str::as_bytes).collect();
    let values: Vec<Vec<f64>> = x.iter().map(|x| x.to_vec().unwrap_or_default()).collect();
    // The output's labels turn slowest.
    let mut labels = output.as_bytes().to_vec();
    labels.extend(terms.iter().copied().flatten().filter(|l| !output.as_bytes().contains(l)));
    let mut seen = Vec::new();
    labels.retain(|l| !seen.contains(l) && { seen.push(*l); true });
    let size_of = |l: &u8| -> usize {
        let axes = terms.iter().zip(x).flat_map(|(term, x)| term.iter().zip(x.shape()));
        axes.filter(|(m, _)| *m == l).map(|(_, &d)| d).find(|&d| d != 1).unwrap_or(1)
    };
    let sizes: Vec<usize> = labels.iter().map(size_of).collect();
    let outputs: usize = sizes[..output.len()].iter().product();
    let mut out = vec![0.0; outputs];
    let total: usize = sizes.iter().product();
    for count in 0..total {
        let mut rest = count;
        let mut index = vec![0; sizes.len()];
        for i in (0..sizes.len()).rev() {
            (index[i], rest) = (rest % sizes[i], rest / sizes[i]);
        }
        let factor = |((term, x), v): ((&&[u8], &Tensor), &Vec<f64>)| {
            let at = term.iter().zip(x.shape()).fold(0, |at, (l, &d)| {
                let i = labels.iter().position(|m| m == l).map_or(0, |i| index[i]);
                at * d + if d == 1 { 0 } else { i }
            });
            v[at]
        };
        out[count / (total / outputs)] += terms.iter().zip(x).zip(&values).map(factor).product::<f64>();
    }
    out
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(34);
    let mut take = |shapes: &[&[usize]]| -> Vec<Tensor> {
        shapes.iter().map(|&shape| s.uniform(shape, -1.0, 1.0)).collect()
    };
    let call = |subscripts: &'static str| {
        move |x: &[Var]| Var::einsum(subscripts, &x.iter().collect::<Vec<_>>())
    };
    let mut einsum = OpSpec::new("einsum");
    type Sample = (&'static str, &'static [&'static [usize]], &'static [usize], Option<&'static str>);
    // Subscripts, operands, result, and the same written out where they are not.
    let samples: [Sample; 34] = [
        ("ij,jk->ik", &[&[2, 3], &[3, 4]], &[2, 4], None),
        ("ij,kj->ki", &[&[2, 3], &[4, 3]], &[4, 2], None),
        ("ij,jk", &[&[2, 3], &[3, 4]], &[2, 4], Some("ij,jk->ik")),
        ("ba", &[&[2, 3]], &[3, 2], Some("ba->ab")),
        ("bA", &[&[2, 3]], &[3, 2], Some("bA->Ab")),
        (" i j , j k -> i k ", &[&[2, 3], &[3, 2]], &[2, 2], Some("ij,jk->ik")),
        ("ii", &[&[3, 3]], &[], Some("ii->")),
        ("ii->i", &[&[3, 3]], &[3], None),
        ("iji->ji", &[&[2, 3, 2]], &[3, 2], None),
        ("iii->i", &[&[2, 2, 2]], &[2], None),
        ("ii,i->", &[&[3, 3], &[3]], &[], None),
        ("ij->", &[&[2, 3]], &[], None),
        ("ij->j", &[&[2, 3]], &[3], None),
        ("i,j->ji", &[&[2], &[3]], &[3, 2], None),
        ("i,i->i", &[&[3], &[3]], &[3], None),
        ("i,i", &[&[3], &[3]], &[], Some("i,i->")),
        (",i->i", &[&[], &[3]], &[3], None),
        (",", &[&[], &[]], &[], Some(",->")),
        ("ij,jk->ik", &[&[2, 1], &[3, 2]], &[2, 2], None),
        ("ij,j->i", &[&[2, 3], &[1]], &[2], None),
        ("ij,j->ij", &[&[2, 1], &[3]], &[2, 3], None),
        ("bhid,bhjd->bhij", &[&[2, 2, 3, 2], &[2, 2, 2, 2]], &[2, 2, 3, 2], None),
        ("ibh,jbh->hbij", &[&[2, 2, 3], &[3, 2, 3]], &[3, 2, 2, 3], None),
        ("aibj,bkja->ik", &[&[2, 3, 2, 2], &[2, 2, 2, 2]], &[3, 2], None),
        ("ab,ab->b", &[&[3, 2], &[3, 2]], &[2], None),
        ("ba,ba->b", &[&[2, 40], &[2, 40]], &[2], None),
        ("ij,jk,kl->il", &[&[2, 3], &[3, 2], &[2, 2]], &[2, 2], None),
        ("ij,jk,kl,lm,mi->", &[&[2, 3], &[3, 2], &[2, 2], &[2, 3], &[3, 2]], &[], None),
        ("i,i,i,j,j,ij,i->j", &[&[2], &[2], &[2], &[2], &[2], &[2, 2], &[2]], &[2], None),
        ("...ij,...jk->...ik", &[&[2, 1, 2, 2], &[3, 2, 2]], &[2, 3, 2, 2], Some("abij,bjk->abik")),
        ("i...,...i", &[&[3, 2], &[2, 3]], &[2], Some("ia,ai->a")),
        ("ij...,jk...->k...i", &[&[2, 3, 2], &[3, 2, 1]], &[2, 2, 2], Some("ija,jka->kai")),
        ("...->...", &[&[2, 3]], &[2, 3], Some("ab->ab")),
        ("i->...i", &[&[3]], &[3], Some("i->i")),
    ];
    for (subscripts, shapes, shape, full) in samples {
        let full = full.unwrap_or(subscripts);
        einsum = einsum
            .case(format!("{subscripts} of {shapes:?}"), take(shapes), shape, call(subscripts))
            .reference(move |x| by_loops(full, x))
            .ulps(16.0, 64.0);
    }
    let einsum = einsum
        .case("nothing to sum", take(&[&[2, 0], &[0, 3]]), [2, 3], call("ij,jk->ik"))
        .reference(|_| vec![0.0; 6])
        .case("no result", take(&[&[2, 3], &[3, 0]]), [2, 0], call("ij,jk->ik"))
        .case("large", take(&[&[3, 130, 70], &[3, 90, 70]]), [3, 130, 90], call("bid,bjd->bij"))
        .large()
        .error(
            take(&[&[2, 3]]),
            call("ij->k"),
            "[einsum] every letter of the output must stand in a term; got 'k' in \"ij->k\"; take it out of the output",
        )
        .error(
            take(&[&[2, 3], &[4, 2]]),
            call("ij,jk->ik"),
            "[einsum] a label must have one size, or 1 in other operands; got 'j' with 3 and 4 in \"ij,jk->ik\"; reshape an operand or use another letter",
        )
        .error(
            take(&[&[1, 3]]),
            call("ii->i"),
            "[einsum] a label must have one size, or 1 in other operands; got 'i' with 1 and 3 in \"ii->i\"; reshape an operand or use another letter",
        )
        .error(
            take(&[&[2, 3], &[3, 2]]),
            call("...i,...i"),
            "[einsum] a label must have one size, or 1 in other operands; got an axis of the ellipsis with 2 and 3 in \"...i,...i\"; reshape an operand or use another letter",
        )
        .error(
            take(&[&[2, 3]]),
            call("ij,jk"),
            "[einsum] there must be one term for each operand; got 2 in \"ij,jk\" for 1 operands; separate the terms by commas",
        )
        .error(
            [],
            call(""),
            "[einsum] there must be one term for each operand; got 1 in \"\" for 0 operands; separate the terms by commas",
        )
        .error(
            take(&[&[2, 2]]),
            call("ij->ii"),
            "[einsum] a letter may stand once in the output; got 'i' twice in \"ij->ii\"; take one out",
        )
        .error(
            take(&[&[2, 3], &[3, 2]]),
            call("ij?,jk"),
            "[einsum] subscripts are made of letters, \",\", \"...\" and one \"->\"; got '?' at position 2 of \"ij?,jk\"; correct the subscripts",
        )
        .error(
            take(&[&[2, 3]]),
            call("é->i"),
            "[einsum] subscripts are made of letters, \",\", \"...\" and one \"->\"; got 'é' at position 0 of \"é->i\"; correct the subscripts",
        )
        .error(
            take(&[&[2, 3]]),
            call("......"),
            "[einsum] a term may have one ellipsis; got '.' at position 3 of \"......\"; correct the subscripts",
        )
        .error(
            take(&[&[2, 3]]),
            call("ijk->i"),
            "[einsum] a term must have one letter for each axis, or an ellipsis; got 3 for [2, 3], operand 0 of \"ijk->i\"; correct the term",
        )
        .error(
            take(&[&[2, 3]]),
            call("...i->i"),
            "[einsum] the output must say where the axes of the ellipsis go; got \"...i->i\" where it stands for 1; write ... after the arrow",
        );
    vec![
        einsum,
        OpSpec::new("joined_axes")
            .case("a diagonal of rows", take(&[&[3, 2, 3]]), [3, 2], |x| x[0].joined_axes(&[0, 1, 0]))
            .reference(|x| by_loops("iji->ij", x))
            .case("empty", take(&[&[0, 2, 0]]), [0, 2], |x| x[0].joined_axes(&[0, 1, 0]))
            .error(
                take(&[&[2, 3]]),
                |x| x[0].joined_axes(&[0, 0]),
                "[joined_axes] axes that are joined must have one size; got [2, 3] and [0, 0]; narrow the longer one",
            )
            .error(
                take(&[&[2, 3]]),
                |x| x[0].joined_axes(&[0, 2]),
                "[joined_axes] each axis must go to one of the diagonal's, which are numbered from 0 without a gap; got axes [0, 2] for rank 2; number them in order of appearance",
            ),
        OpSpec::new("split_axes")
            .case("a diagonal matrix", take(&[&[2]]), [2, 2], |x| x[0].split_axes(&[0, 0]))
            .reference(|x| {
                let x = x[0].to_vec::<f64>().unwrap_or_default();
                vec![x[0], 0.0, 0.0, x[1]]
            })
            .case("empty", take(&[&[0, 2]]), [0, 2, 0], |x| x[0].split_axes(&[0, 1, 0]))
            .error(
                take(&[&[2, 3]]),
                |x| x[0].split_axes(&[0, 0]),
                "[split_axes] every axis must be named; got axes [0, 0] for [2, 3]; name it",
            ),
    ]
}
