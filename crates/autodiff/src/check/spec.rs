//! What an operation promises, in a form that [`contract`](super::contract) can hold it to.

use crate::error::Result;
use crate::var::Var;
use std::sync::Arc;
use tensor::{DType, Rng, Tensor};

/// An application of the operation, with its attributes fixed.
pub type Call = Arc<dyn Fn(&[Var]) -> Result<Var> + Send + Sync>;
/// The same function by another route, on f64 tensors.
pub type Reference = Arc<dyn Fn(&[Tensor]) -> Vec<f64> + Send + Sync>;

/// An operation's promises: sample inputs, an independent reference, inputs that must be refused.
#[derive(Clone)]
pub struct OpSpec {
    /// The operation's name.
    pub name: &'static str,
    /// Sample applications.
    pub cases: Vec<Case>,
    /// Applications that must fail.
    pub errors: Vec<ErrorCase>,
    /// Whether going backward must be an error.
    pub not_differentiable: bool,
    /// Why there is no case with an empty tensor, if there is none.
    pub no_empty: Option<&'static str>,
}

/// One application that must succeed.
#[derive(Clone)]
pub struct Case {
    /// What is special about it.
    pub label: String,
    /// The inputs; floats in f64, which the contract also runs in f32.
    pub inputs: Vec<Tensor>,
    /// The shape that the result must have.
    pub shape: Vec<usize>,
    /// The application.
    pub call: Call,
    /// The same by another route.
    pub reference: Option<Reference>,
    /// Allowed error of the f64 result against the reference, in units of ε·max(1, |y|).
    pub ulps: f64,
    /// Allowed error of the f32 result against the f64 one, in units of ε₃₂·max(1, |y|).
    pub ulps_f32: f64,
    /// Whether first derivatives exist at the inputs.
    pub first_order: bool,
    /// Whether second derivatives exist at the inputs.
    pub second_order: bool,
    /// Large inputs: derivatives are not checked, only that threads do not change a bit.
    pub large: bool,
}

/// One application that must be refused.
#[derive(Clone)]
pub struct ErrorCase {
    /// The inputs.
    pub inputs: Vec<Tensor>,
    /// The application.
    pub call: Call,
    /// The exact text of the error.
    pub text: String,
}

impl OpSpec {
    /// A specification without cases.
    pub fn new(name: &'static str) -> Self {
        Self { name, cases: Vec::new(), errors: Vec::new(), not_differentiable: false, no_empty: None }
    }

    /// Adds a sample application whose result must have `shape`; [`Case`]'s other fields can be set by `with`.
    pub fn case(
        mut self,
        label: impl Into<String>,
        inputs: impl Into<Vec<Tensor>>,
        shape: impl AsRef<[usize]>,
        call: impl Fn(&[Var]) -> Result<Var> + Send + Sync + 'static,
    ) -> Self {
        self.cases.push(Case {
            label: label.into(),
            inputs: inputs.into(),
            shape: shape.as_ref().to_vec(),
            call: Arc::new(call),
            reference: None,
            ulps: 16.0,
            ulps_f32: 16.0,
            first_order: true,
            second_order: true,
            large: false,
        });
        self
    }

    fn last(&mut self) -> &mut Case {
        self.cases.last_mut().expect("invariant: a case was added before it is described")
    }

    /// The last case's result by another route: row-major values from f64 inputs.
    pub fn reference(mut self, reference: impl Fn(&[Tensor]) -> Vec<f64> + Send + Sync + 'static) -> Self {
        self.last().reference = Some(Arc::new(reference));
        self
    }

    /// As [`reference`](Self::reference), for a function of one element applied to each of the first input's.
    pub fn reference_pointwise(self, f: impl Fn(f64) -> f64 + Send + Sync + 'static) -> Self {
        self.reference(move |x| x[0].to_vec::<f64>().unwrap_or_default().into_iter().map(&f).collect())
    }

    /// As [`reference`](Self::reference), for a function of two elements applied to each pair of the first two inputs',
    /// which must have one shape.
    pub fn reference_pairwise(self, f: impl Fn(f64, f64) -> f64 + Send + Sync + 'static) -> Self {
        self.reference(move |x| {
            let (a, b) = (x[0].to_vec::<f64>().unwrap_or_default(), x[1].to_vec::<f64>().unwrap_or_default());
            a.into_iter().zip(b).map(|(a, b)| f(a, b)).collect()
        })
    }

    /// Allowed error of the last case: f64 against its reference, f32 against f64, in units of the last place of
    /// `max(1, |y|)`. Say why where it is more than a few.
    pub fn ulps(mut self, f64_ulps: f64, f32_ulps: f64) -> Self {
        (self.last().ulps, self.last().ulps_f32) = (f64_ulps, f32_ulps);
        self
    }

    /// The last case stands at a kink: its value is checked, its derivatives are not.
    pub fn no_derivative(mut self) -> Self {
        self.last().first_order = false;
        self.last().second_order = false;
        self
    }

    /// The last case is large: only its bits at several thread counts are checked.
    pub fn large(mut self) -> Self {
        self.last().large = true;
        self.no_derivative()
    }

    /// Adds an application that must be refused with exactly `text`.
    pub fn error(
        mut self,
        inputs: impl Into<Vec<Tensor>>,
        call: impl Fn(&[Var]) -> Result<Var> + Send + Sync + 'static,
        text: impl Into<String>,
    ) -> Self {
        self.errors.push(ErrorCase { inputs: inputs.into(), call: Arc::new(call), text: text.into() });
        self
    }

    /// The operation has no derivative; going backward through it must be an error that names it.
    pub fn not_differentiable(mut self) -> Self {
        self.not_differentiable = true;
        self
    }

    /// There is no case with an empty tensor, and why.
    pub fn no_empty(mut self, why: &'static str) -> Self {
        self.no_empty = Some(why);
        self
    }
}

/// Seeded sample tensors in f64.
pub struct Samples(Rng);

impl Samples {
    /// Samples of a seed of their own.
    pub fn new(seed: u64) -> Self {
        Self(Rng::seed(seed))
    }

    /// Uniform in `lo..hi`.
    pub fn uniform(&mut self, shape: impl AsRef<[usize]>, lo: f64, hi: f64) -> Tensor {
        self.0.uniform(shape.as_ref(), lo, hi, DType::F64).expect("invariant: a sample's bounds are in order")
    }

    /// Uniform in `±(gap..1)·scale`, at least `gap·scale` away from 0.
    pub fn away_from_zero(&mut self, shape: impl AsRef<[usize]>, gap: f64, scale: f64) -> Tensor {
        let x = self.uniform(shape.as_ref(), -(1.0 - gap), 1.0 - gap);
        let values = x.to_vec::<f64>().expect("invariant: drawn as f64");
        let moved = values.into_iter().map(|x| (x + if x < 0.0 { -gap } else { gap }) * scale).collect();
        self.tensor(moved, shape)
    }

    /// All different: a shuffled grid of spacing 1/len in (−1, 1)·scale, so that extremes have no ties.
    pub fn distinct(&mut self, shape: impl AsRef<[usize]>, scale: f64) -> Tensor {
        let n: usize = shape.as_ref().iter().product();
        let order = self.0.permutation(n).expect("invariant: a sample fits in memory");
        let values = order.into_iter().map(|i| ((2 * i + 1) as f64 / n as f64 - 1.0) * scale).collect();
        self.tensor(values, shape)
    }

    /// Indices below `n`.
    pub fn indices(&mut self, shape: impl AsRef<[usize]>, n: usize) -> Tensor {
        let x = self.uniform(shape.as_ref(), 0.0, n as f64);
        x.to_dtype(DType::I64).expect("invariant: f64 converts to i64")
    }

    /// These values.
    pub fn tensor(&self, values: Vec<f64>, shape: impl AsRef<[usize]>) -> Tensor {
        Tensor::from_vec(values, shape)
            .expect("invariant: a sample's shape has as many elements as its values")
    }

    /// No values.
    pub fn empty(&self, shape: impl AsRef<[usize]>) -> Tensor {
        self.tensor(Vec::new(), shape)
    }
}
