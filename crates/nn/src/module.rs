//! [`Module`]: anything that holds parameters, found by walking its fields.

use crate::context::Name;
use crate::error::{Error, Result};
use crate::param::{Buffer, Param};
use crate::pattern::Pattern;
use crate::state::{LoadReport, StateDict};
use std::marker::PhantomData;
use tensor::DType;

/// Sees every parameter and buffer of a module, in declaration order.
pub trait Visitor<'a> {
    /// The walk goes into a field or list element.
    fn enter(&mut self, _name: Name) {}
    /// The walk comes back out.
    fn leave(&mut self) {}
    /// A parameter.
    fn param(&mut self, param: &'a Param);
    /// A buffer.
    fn buffer(&mut self, _buffer: &'a Buffer) {}
}

/// As [`Visitor`], and may change what it sees.
pub trait VisitorMut<'a> {
    /// The walk goes into a field or list element.
    fn enter(&mut self, _name: Name) {}
    /// The walk comes back out.
    fn leave(&mut self) {}
    /// A parameter.
    fn param(&mut self, param: &'a mut Param);
    /// A buffer.
    fn buffer(&mut self, _buffer: &'a mut Buffer) {}
}

/// Anything that holds parameters. Derive it: the fields are the registry.
///
/// Parameters are named by the path of fields and places that leads to them, as in PyTorch: `blocks.0.fc.weight`.
/// Fields may be modules, `Option`s, `Vec`s, arrays, tuples and boxes of modules, and plain numbers, flags and strings,
/// which hold no parameters; any other field is marked `#[module(skip)]`. Fields of one marked `#[module(flatten)]` are named as if
/// they stood here.
///
/// ```
/// use nn::{Linear, Module};
/// use tensor::Rng;
///
/// #[derive(Module)]
/// struct Net {
///     blocks: Vec<Linear>,
///     head: Linear,
///     scale: f64,
/// }
///
/// let rng = &mut Rng::seed(0);
/// let net = Net { blocks: vec![Linear::new(4, 4, rng)?, Linear::new(4, 4, rng)?], head: Linear::new(4, 2, rng)?, scale: 1.0 };
/// let paths: Vec<String> = net.named_params().into_iter().map(|(path, _)| path).collect();
/// assert_eq!(paths, ["blocks.0.weight", "blocks.0.bias", "blocks.1.weight", "blocks.1.bias", "head.weight", "head.bias"]);
/// # Ok::<(), nn::Error>(())
/// ```
///
/// A field that is no module is an error of the compiler's, not silence:
///
/// ```compile_fail
/// #[derive(nn::Module)]
/// struct Net { started: std::time::Instant }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no `Module`",
    note = "derive it with #[derive(Module)], or mark a field that holds no parameters #[module(skip)]"
)]
pub trait Module {
    /// Shows every parameter and buffer to `visitor`, in declaration order.
    fn visit<'a>(&'a self, visitor: &mut dyn Visitor<'a>);

    /// Shows every parameter and buffer to `visitor`, in declaration order, to be changed.
    fn visit_mut<'a>(&'a mut self, visitor: &mut dyn VisitorMut<'a>);

    /// The number of elements of all parameters, frozen ones included.
    fn n_params(&self) -> usize {
        struct Count(usize);
        impl<'a> Visitor<'a> for Count {
            fn param(&mut self, param: &'a Param) {
                self.0 += param.value().len();
            }
        }
        let mut count = Count(0);
        self.visit(&mut count);
        count.0
    }

    /// All parameters with their paths.
    fn named_params(&self) -> Vec<(String, &Param)> {
        struct Collect<'a>(Path, Vec<(String, &'a Param)>);
        impl<'a> Visitor<'a> for Collect<'a> {
            fn enter(&mut self, name: Name) {
                self.0.enter(name);
            }
            fn leave(&mut self) {
                self.0.leave();
            }
            fn param(&mut self, param: &'a Param) {
                self.1.push((self.0.text(), param));
            }
        }
        let mut collect = Collect(Path::default(), Vec::new());
        self.visit(&mut collect);
        collect.1
    }

    /// All parameters with their paths, to be changed.
    fn named_params_mut(&mut self) -> Vec<(String, &mut Param)> {
        struct Collect<'a>(Path, Vec<(String, &'a mut Param)>);
        impl<'a> VisitorMut<'a> for Collect<'a> {
            fn enter(&mut self, name: Name) {
                self.0.enter(name);
            }
            fn leave(&mut self) {
                self.0.leave();
            }
            fn param(&mut self, param: &'a mut Param) {
                self.1.push((self.0.text(), param));
            }
        }
        let mut collect = Collect(Path::default(), Vec::new());
        self.visit_mut(&mut collect);
        collect.1
    }

    /// Freezes the parameters whose paths match `pattern` (see [`Pattern`]); returns how many.
    ///
    /// Errors: `NoMatch`, so that a misspelt path is not silence.
    fn freeze(&mut self, pattern: &str) -> Result<usize> {
        set_trainable("freeze", self.named_params_mut(), pattern, false)
    }

    /// Lets the parameters whose paths match `pattern` train again; returns how many. Errors: `NoMatch`.
    fn unfreeze(&mut self, pattern: &str) -> Result<usize> {
        set_trainable("unfreeze", self.named_params_mut(), pattern, true)
    }

    /// Keeps the matrices of linear maps and the tables of embeddings in `dtype`, BF16 or I8, for inference; returns how many.
    ///
    /// Writing a text waits for the weights to be read, and these are half or a quarter of the bytes. They are widened as they
    /// are read, and sums stay F32; norms, biases, convolutions and recurrent layers stay as they are. BF16 rounds each weight
    /// by 2⁻⁸ of itself at most. I8 has a scale for each output, `max|w|/127`, and rounds by half of it at most. A state dict
    /// holds what is kept, and for I8 the scales (`weight_scale` beside `weight`); it loads into a model that is quantized in
    /// the same way. Training passes are refused until [`dequantize`](Self::dequantize).
    ///
    /// ```
    /// use nn::{Context, Layer, Linear, Module};
    /// use tensor::{DType, Rng};
    /// let rng = &mut Rng::seed(0);
    /// let mut layer = Linear::new(64, 8, rng)?;
    /// let x = rng.normal([1, 64], 0.0, 1.0, DType::F32)?.into();
    /// let before = layer.forward(&x, &mut Context::eval())?;
    /// assert_eq!(layer.quantize(DType::I8)?, 1);
    /// let after = layer.forward(&x, &mut Context::eval())?;
    /// let change = after.sub(&before)?.value().abs()?.max(&[])?.item()?;
    /// assert!(change > 0.0 && change < 0.02, "{change}");
    /// assert_eq!(layer.state_dict().iter().map(|(name, _)| name).collect::<Vec<_>>(), ["bias", "weight", "weight_scale"]);
    /// # Ok::<(), nn::Error>(())
    /// ```
    ///
    /// Errors: `InvalidArgument` for another dtype, a model without matrices, and weights that are not F32 or not finite; the
    /// model is then as it was.
    fn quantize(&mut self, dtype: DType) -> Result<usize> {
        crate::quantize::quantize(self.named_params_mut(), dtype, false)
    }

    /// As [`quantize`](Self::quantize) in I8, and what a matrix is multiplied with is rounded to I8 too, by a scale of each
    /// row, as it comes: dynamic quantization.
    ///
    /// Products are then of bytes, which take about a third of the time of those of F32 where the CPU has the instructions
    /// (AVX-512 VNNI): for encoders and long prompts, which wait for products. Their sums are exact: a row has the same bits in
    /// any company, on any CPU. The rounding of inputs is a second error beside that of the weights; measure what it costs. A
    /// state dict says nothing of it: it is that of `quantize`. Source: PyTorch's `quantize_dynamic`, which has one scale for
    /// all rows of a pass. Errors: as [`quantize`](Self::quantize).
    ///
    /// ```
    /// use nn::{Context, Layer, Linear, Module};
    /// use tensor::{DType, Rng};
    /// let rng = &mut Rng::seed(0);
    /// let mut layer = Linear::new(64, 8, rng)?;
    /// let x = rng.normal([5, 64], 0.0, 1.0, DType::F32)?.into();
    /// let before = layer.forward(&x, &mut Context::eval())?;
    /// layer.quantize_dynamic()?;
    /// let after = layer.forward(&x, &mut Context::eval())?;
    /// let change = after.sub(&before)?.value().abs()?.max(&[])?.item()?;
    /// assert!(change > 0.0 && change < 0.04, "{change}");
    /// # Ok::<(), nn::Error>(())
    /// ```
    fn quantize_dynamic(&mut self) -> Result<usize> {
        crate::quantize::quantize(self.named_params_mut(), DType::I8, true)
    }

    /// Makes what [`quantize`](Self::quantize) keeps narrow F32 again, with the values that it has now; returns how many.
    fn dequantize(&mut self) -> Result<usize> {
        crate::quantize::dequantize(self.named_params_mut())
    }

    /// Parameters and buffers by path. Tensors are shared, not copied, until either side is written.
    fn state_dict(&self) -> StateDict {
        StateDict::of(self)
    }

    /// Loads parameters and buffers, all or nothing.
    ///
    /// Errors: `StateMismatch` with every missing, unexpected or mis-shaped name; the model is then as it was.
    fn load_state_dict(&mut self, state: &StateDict) -> Result<()> {
        let report = state.compare(self);
        if !report.is_clean() {
            return Err(Error::StateMismatch { report });
        }
        state.write(self);
        Ok(())
    }

    /// Loads what fits and reports what did not.
    fn load_matching(&mut self, state: &StateDict) -> LoadReport {
        let report = state.compare(self);
        state.write(self);
        report
    }
}

fn set_trainable(
    op: &'static str,
    params: Vec<(String, &mut Param)>,
    pattern: &str,
    trainable: bool,
) -> Result<usize> {
    let matcher = Pattern::new(pattern);
    let (matched, others): (Vec<_>, Vec<_>) = params.into_iter().partition(|(path, _)| matcher.matches(path));
    if matched.is_empty() {
        let paths = others.into_iter().map(|(path, _)| path).collect();
        return Err(Error::NoMatch { op, pattern: pattern.to_string(), paths });
    }
    let count = matched.len();
    matched.into_iter().for_each(|(_, param)| param.set_trainable(trainable));
    Ok(count)
}

/// The names on the way to where a walk stands.
#[derive(Debug, Default)]
pub(crate) struct Path(Vec<Name>);

impl Path {
    pub(crate) fn enter(&mut self, name: Name) {
        self.0.push(name);
    }
    pub(crate) fn leave(&mut self) {
        self.0.pop();
    }
    pub(crate) fn text(&self) -> String {
        self.0.iter().map(Name::to_string).collect::<Vec<_>>().join(".")
    }
}

impl Module for Param {
    fn visit<'a>(&'a self, visitor: &mut dyn Visitor<'a>) {
        visitor.param(self);
    }
    fn visit_mut<'a>(&'a mut self, visitor: &mut dyn VisitorMut<'a>) {
        visitor.param(self);
    }
}

impl Module for Buffer {
    fn visit<'a>(&'a self, visitor: &mut dyn Visitor<'a>) {
        visitor.buffer(self);
    }
    fn visit_mut<'a>(&'a mut self, visitor: &mut dyn VisitorMut<'a>) {
        visitor.buffer(self);
    }
}

/// Containers hand the walk on; `$step` enters each element under its place.
macro_rules! list_module {
    ($([$($generics:tt)*] $ty:ty),* $(,)?) => {$(
        impl<$($generics)*> Module for $ty {
            fn visit<'a>(&'a self, visitor: &mut dyn Visitor<'a>) {
                for (i, module) in self.iter().enumerate() {
                    visitor.enter(Name::Index(i));
                    module.visit(visitor);
                    visitor.leave();
                }
            }
            fn visit_mut<'a>(&'a mut self, visitor: &mut dyn VisitorMut<'a>) {
                for (i, module) in self.iter_mut().enumerate() {
                    visitor.enter(Name::Index(i));
                    module.visit_mut(visitor);
                    visitor.leave();
                }
            }
        }
    )*};
}
list_module!([M: Module] Vec<M>, [M: Module, const N: usize] [M; N]);

impl<M: Module> Module for Option<M> {
    fn visit<'a>(&'a self, visitor: &mut dyn Visitor<'a>) {
        if let Some(module) = self {
            module.visit(visitor);
        }
    }
    fn visit_mut<'a>(&'a mut self, visitor: &mut dyn VisitorMut<'a>) {
        if let Some(module) = self {
            module.visit_mut(visitor);
        }
    }
}

impl<M: Module + ?Sized> Module for Box<M> {
    fn visit<'a>(&'a self, visitor: &mut dyn Visitor<'a>) {
        (**self).visit(visitor);
    }
    fn visit_mut<'a>(&'a mut self, visitor: &mut dyn VisitorMut<'a>) {
        (**self).visit_mut(visitor);
    }
}

macro_rules! tuple_module {
    ($(($($M:ident $i:tt),*)),*) => {$(
        impl<$($M: Module),*> Module for ($($M,)*) {
            fn visit<'a>(&'a self, visitor: &mut dyn Visitor<'a>) {
                $(visitor.enter(Name::Index($i)); self.$i.visit(visitor); visitor.leave();)*
            }
            fn visit_mut<'a>(&'a mut self, visitor: &mut dyn VisitorMut<'a>) {
                $(visitor.enter(Name::Index($i)); self.$i.visit_mut(visitor); visitor.leave();)*
            }
        }
    )*};
}
tuple_module!((A 0), (A 0, B 1), (A 0, B 1, C 2), (A 0, B 1, C 2, D 3));

/// Plain settings hold no parameters.
macro_rules! plain_module {
    ($($ty:ty),*) => {$(
        impl Module for $ty {
            fn visit<'a>(&'a self, _: &mut dyn Visitor<'a>) {}
            fn visit_mut<'a>(&'a mut self, _: &mut dyn VisitorMut<'a>) {}
        }
    )*};
}
plain_module!(
    (),
    bool,
    u8,
    u32,
    u64,
    usize,
    i32,
    i64,
    isize,
    f32,
    f64,
    String,
    &'static str,
    crate::Activation
);

impl<T> Module for PhantomData<T> {
    fn visit<'a>(&'a self, _: &mut dyn Visitor<'a>) {}
    fn visit_mut<'a>(&'a mut self, _: &mut dyn VisitorMut<'a>) {}
}
