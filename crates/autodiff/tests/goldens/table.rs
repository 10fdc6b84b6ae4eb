//! The operations by their names in the file, one line each.

use autodiff::ops::attention::scaled_dot_product_attention::Attention;
use autodiff::ops::loss::cross_entropy::CrossEntropy;
use autodiff::ops::loss::ctc::Ctc;
use autodiff::ops::norm::batch_norm::BatchNormOptions;
use autodiff::{MatrixNorm, Reduction, Result, Var};
use serde_json::Value;
use tensor::{
    Cell, ConvOptions, CtcTargets, DType, FftNorm, Gate, Interpolation, Order, PadMode, PoolOptions,
    Recurrence, RotaryPairs, Spatial, Tensor, Triangular, s,
};

/// The options of a case. What is a tensor there comes in the dtype of the run.
pub struct Options<'a> {
    pub json: &'a Value,
    pub dtype: DType,
}

pub fn tensor(json: &Value, float: DType) -> Tensor {
    let shape: Vec<usize> =
        json["shape"].as_array().unwrap().iter().map(|d| d.as_u64().unwrap() as usize).collect();
    let values = json["values"].as_array().unwrap().iter();
    let (x, dtype) = match json["dtype"].as_str() {
        None => (Tensor::from_vec(values.map(|v| v.as_f64().unwrap()).collect(), shape), float),
        Some("i64") => (Tensor::from_vec(values.map(|v| v.as_i64().unwrap()).collect(), shape), DType::I64),
        Some(_) => (Tensor::from_vec(values.map(|v| v.as_u64() == Some(1)).collect(), shape), DType::Bool),
    };
    x.unwrap().to_dtype(dtype).unwrap()
}

impl Options<'_> {
    fn number(&self, name: &str) -> f64 {
        self.json[name].as_f64().unwrap()
    }
    fn size(&self, name: &str) -> usize {
        self.json[name].as_u64().unwrap() as usize
    }
    fn flag(&self, name: &str) -> bool {
        self.json[name].as_bool().unwrap()
    }
    fn text(&self, name: &str) -> &str {
        self.json[name].as_str().unwrap()
    }
    fn list(&self, name: &str) -> Vec<isize> {
        self.json[name].as_array().unwrap().iter().map(|a| a.as_i64().unwrap() as isize).collect()
    }
    fn sizes(&self, name: &str) -> Vec<usize> {
        self.list(name).into_iter().map(|d| d as usize).collect()
    }
    fn axes(&self) -> Vec<isize> {
        self.list("axes")
    }
    fn signed(&self, name: &str) -> isize {
        self.json[name].as_i64().unwrap() as isize
    }
    fn axis(&self) -> isize {
        self.signed("axis")
    }
    fn tensor(&self, name: &str) -> Option<Tensor> {
        self.json.get(name).filter(|w| !w.is_null()).map(|w| tensor(w, self.dtype))
    }
    fn order(&self) -> Order {
        if self.flag("descending") { Order::Descending } else { Order::Ascending }
    }
    fn reduction(&self) -> Reduction {
        match self.text("reduction") {
            "mean" => Reduction::Mean,
            "sum" => Reduction::Sum,
            _ => Reduction::None,
        }
    }
    fn cross_entropy(&self) -> CrossEntropy {
        CrossEntropy {
            weight: self.tensor("weight"),
            ignore_index: self.json["ignore_index"].as_i64(),
            label_smoothing: self.number("label_smoothing"),
            reduction: self.reduction(),
        }
    }
    fn attention(&self) -> Attention {
        Attention {
            causal: self.size("causal") == 1,
            mask: self.tensor("mask"),
            offsets: self.json["offset"].as_u64().map(|offset| offset as usize).into_iter().collect(),
            window: self.json["window"].as_u64().map(|window| window as usize),
            slopes: self
                .tensor("slopes")
                .map_or(Vec::new(), |x| x.to_dtype(DType::F64).unwrap().to_vec().unwrap()),
            scale: self.json["scale"].as_f64(),
            dropout: None,
        }
    }
    fn pairs(&self) -> RotaryPairs {
        if self.text("pairs") == "halves" { RotaryPairs::Halves } else { RotaryPairs::Neighbours }
    }
    fn windows(&self) -> ConvOptions {
        let spatial = |name: &str| Spatial::from(&self.sizes(name)[..]);
        ConvOptions {
            stride: spatial("stride"),
            padding: spatial("padding").into(),
            dilation: spatial("dilation"),
            groups: self.size("groups"),
        }
    }
    fn pooling(&self) -> PoolOptions {
        let spatial = |name: &str| Spatial::from(&self.sizes(name)[..]);
        PoolOptions {
            kernel: spatial("kernel"),
            stride: Some(spatial("stride")),
            padding: spatial("padding"),
            dilation: if self.json["dilation"].is_null() { 1.into() } else { spatial("dilation") },
            ceil_mode: self.size("ceil_mode") == 1,
        }
    }
    fn interpolation(&self) -> Interpolation {
        match self.text("mode") {
            "nearest" => Interpolation::Nearest,
            "bilinear" => Interpolation::Linear,
            _ => Interpolation::Cubic,
        }
    }
    fn recurrent(&self, x: &[Var]) -> Result<Var> {
        let cell = match self.text("cell") {
            "lstm" => Cell::Lstm,
            "gru" => Cell::Gru,
            "tanh" => Cell::Tanh,
            _ => Cell::Relu,
        };
        let how = Recurrence { cell, sizes: self.sizes("sizes"), reverse: false };
        x[0].recurrent(&x[1], &x[2], x.get(3), &how)
    }
    fn ctc_loss(&self, x: &[Var]) -> Result<Var> {
        let (label_lengths, input_lengths) = (self.sizes("label_lengths"), self.sizes("input_lengths"));
        let targets = CtcTargets {
            labels: x[1].value(),
            label_lengths: &label_lengths,
            input_lengths: &input_lengths,
            blank: 0,
        };
        x[0].log_softmax(-1)?.ctc_loss(&targets, &Ctc { reduction: self.reduction(), ..Ctc::default() })
    }
    fn batch_norm(&self, x: &[Var]) -> Result<Var> {
        let options = BatchNormOptions {
            affine: Some([&x[1], &x[2]]),
            statistics: None,
            eps: 1e-3,
            residual: Some(&x[3]),
            relu: self.size("relu") == 1,
        };
        Ok(x[0].batch_norm(&options)?.0)
    }
    fn fft(&self) -> (Option<usize>, isize, FftNorm) {
        let norm = match self.text("norm") {
            "backward" => FftNorm::Backward,
            "ortho" => FftNorm::Ortho,
            _ => FftNorm::Forward,
        };
        (self.json["n"].as_u64().map(|n| n as usize), self.axis(), norm)
    }
    fn triangular(&self) -> Triangular {
        let flag = |name| self.flag(name);
        Triangular { upper: flag("upper"), transposed: flag("transposed"), unit: flag("unit") }
    }
    fn matrix_norm(&self) -> MatrixNorm {
        match self.text("norm") {
            "fro" => MatrixNorm::Frobenius,
            "nuc" => MatrixNorm::Nuclear,
            "1" => MatrixNorm::One,
            "-1" => MatrixNorm::MinOne,
            "2" => MatrixNorm::Two,
            "-2" => MatrixNorm::MinTwo,
            "inf" => MatrixNorm::Infinity,
            _ => MatrixNorm::MinInfinity,
        }
    }
    fn pad_mode(&self) -> PadMode {
        match self.text("mode") {
            "constant" => PadMode::Constant(1.5),
            "reflect" => PadMode::Reflect,
            "replicate" => PadMode::Replicate,
            _ => PadMode::Circular,
        }
    }
}

/// What an operation may give.
trait Outputs {
    fn list(self) -> Vec<Var>;
}

impl Outputs for Var {
    fn list(self) -> Vec<Var> {
        vec![self]
    }
}
impl Outputs for Vec<Var> {
    fn list(self) -> Vec<Var> {
        self
    }
}
impl<B: Into<Var>> Outputs for (Var, B) {
    fn list(self) -> Vec<Var> {
        vec![self.0, self.1.into()]
    }
}
impl Outputs for (Var, Var, Var) {
    fn list(self) -> Vec<Var> {
        vec![self.0, self.1, self.2]
    }
}

fn definite(x: &Var) -> Result<Var> {
    let n = x.shape()[x.shape().len() - 1];
    x.matmul(&x.t()?)?.add(&Tensor::eye(n, x.dtype())?.into())
}

/// The first column of `x` times its own or another's first row: the signs of both cancel.
fn first_of(x: &Var, row: &Var) -> Result<Var> {
    x.narrow(-1, 0, 1)?.matmul(&row.narrow(-2, 0, 1)?)
}

fn eigh(x: &Var) -> Result<Vec<Var>> {
    let (values, v) = x.add(&x.t()?)?.eigh()?;
    Ok(vec![values, v.square()?, first_of(&v, &v.t()?)?])
}

fn svd(x: &Var) -> Result<Vec<Var>> {
    let (u, s, vt) = x.svd()?;
    Ok(vec![s, u.square()?, vt.square()?, first_of(&u, &vt)?])
}

fn all(x: &[Var]) -> Vec<&Var> {
    x.iter().collect()
}

macro_rules! table {
    (|$x:ident, $o:ident| $($name:literal => $call:expr;)*) => {
        /// The operations that have a line here.
        pub const NAMES: &[&str] = &[$($name),*];

        /// The operation by its name in the file.
        pub fn apply(op: &str, $o: &Options, $x: &[Var]) -> Result<Vec<Var>> {
            match op {
                $($name => Ok(Outputs::list($call?)),)*
                _ => panic!("{op} is in the file and not here"),
            }
        }
    };
}

table! { |x, o|
    "neg" => x[0].neg();
    "abs" => x[0].abs();
    "sign" => x[0].sign();
    "recip" => x[0].recip();
    "square" => x[0].square();
    "sqrt" => x[0].sqrt();
    "rsqrt" => x[0].rsqrt();
    "mul_scalar" => x[0].mul_scalar(o.number("by"));
    "add_scalar" => x[0].add_scalar(o.number("by"));
    "pow_scalar" => x[0].pow_scalar(o.number("p"));
    "clamp" => x[0].clamp(o.number("lo"), o.number("hi"));
    "to_dtype" => x[0].to_dtype(DType::F32)?.to_dtype(DType::F64);
    "exp" => x[0].exp();
    "exp_m1" => x[0].exp_m1();
    "exp2" => x[0].exp2();
    "ln" => x[0].ln();
    "ln_1p" => x[0].ln_1p();
    "log2" => x[0].log2();
    "log10" => x[0].log10();
    "sin" => x[0].sin();
    "cos" => x[0].cos();
    "tan" => x[0].tan();
    "asin" => x[0].asin();
    "acos" => x[0].acos();
    "atan" => x[0].atan();
    "sinh" => x[0].sinh();
    "cosh" => x[0].cosh();
    "tanh" => x[0].tanh();
    "asinh" => x[0].asinh();
    "acosh" => x[0].acosh();
    "atanh" => x[0].atanh();
    "erf" => x[0].erf();
    "erfc" => x[0].erfc();
    "lgamma" => x[0].lgamma();
    "digamma" => x[0].digamma();
    "polygamma" => x[0].polygamma(o.size("n") as u32);
    "floor" => x[0].floor();
    "ceil" => x[0].ceil();
    "round" => x[0].round();
    "trunc" => x[0].trunc();
    "relu" => x[0].relu();
    "leaky_relu" => x[0].leaky_relu(o.number("slope"));
    "elu" => x[0].elu(o.number("alpha"));
    "gelu" => x[0].gelu();
    "gelu_tanh" => x[0].gelu_tanh();
    "silu" => x[0].silu();
    "dropped" => x[1].dropped(x[0].value(), o.number("scale"));
    "add_dropped" => x[1].add_dropped(&x[2], x[0].value(), o.number("scale"));
    "glu" => x[0].gated(&x[1], Gate::Sigmoid);
    "reglu" => x[0].gated(&x[1], Gate::Relu);
    "geglu" => x[0].gated(&x[1], Gate::Gelu);
    "geglu_tanh" => x[0].gated(&x[1], Gate::GeluTanh);
    "swiglu" => x[0].gated(&x[1], Gate::Silu);
    "sigmoid" => x[0].sigmoid();
    "softplus" => x[0].softplus();
    "log_sigmoid" => x[0].log_sigmoid();
    "add" => x[0].add(&x[1]);
    "sub" => x[0].sub(&x[1]);
    "mul" => x[0].mul(&x[1]);
    "div" => x[0].div(&x[1]);
    "pow" => x[0].pow(&x[1]);
    "maximum" => x[0].maximum(&x[1]);
    "minimum" => x[0].minimum(&x[1]);
    "atan2" => x[0].atan2(&x[1]);
    "hypot" => x[0].hypot(&x[1]);
    "copysign" => x[0].copysign(&x[1]);
    "logaddexp" => x[0].logaddexp(&x[1]);
    "xlogy" => x[0].xlogy(&x[1]);
    "where" => Var::where_(x[0].value(), &x[1], &x[2]);
    "masked_fill" => x[0].masked_fill(x[1].value(), o.number("value"));
    "eq" => x[0].eq(&x[1]);
    "ne" => x[0].ne(&x[1]);
    "lt" => x[0].lt(&x[1]);
    "le" => x[0].le(&x[1]);
    "gt" => x[0].gt(&x[1]);
    "ge" => x[0].ge(&x[1]);
    "sum" => x[0].sum(&o.axes());
    "sum_keep" => x[0].sum_keep(&o.axes());
    "sum_to" => x[0].sum_to(&o.sizes("shape"));
    "mean" => x[0].mean(&o.axes());
    "mean_keep" => x[0].mean_keep(&o.axes());
    "max" => x[0].max(&o.axes());
    "min" => x[0].min(&o.axes());
    "var" => x[0].var(&o.axes(), o.size("correction"));
    "std" => x[0].std(&o.axes(), o.size("correction"));
    "logsumexp" => x[0].logsumexp(o.axis());
    "prod" => x[0].prod(&o.axes());
    "argmax" => x[0].argmax(o.axis());
    "argmin" => x[0].argmin(o.axis());
    "cumsum" => x[0].cumsum(o.axis());
    "cumprod" => x[0].cumprod(o.axis());
    "linear_recurrence" => x[0].linear_recurrence(&x[1], o.axis());
    "sort" => x[0].sort(o.axis(), o.order());
    "topk" => x[0].topk(o.size("k"), o.axis(), o.order());
    "argsort" => x[0].argsort(o.axis(), o.order());
    "matmul" => x[0].matmul(&x[1]);
    "linear" => x[0].linear(&x[1], x.get(2));
    "linear_relu" => x[0].linear_relu(&x[1], x.get(2));
    "einsum" => Var::einsum(o.text("subscripts"), &all(x));
    "joined_axes" => x[0].joined_axes(&[0, 1, 0]);
    "split_axes" => x[0].split_axes(&[0, 1, 1]);
    "dot" => x[0].dot(&x[1]);
    "inner" => x[0].inner(&x[1]);
    "outer" => x[0].outer(&x[1]);
    "tensordot" => x[0].tensordot(&x[1], &[2, 0], &[0, 1]);
    "kron" => x[0].kron(&x[1]);
    "multi_dot" => Var::multi_dot(&all(x));
    "cross" => x[0].cross(&x[1], o.axis());
    "fft" => { let (n, axis, norm) = o.fft(); x[0].fft(n, axis, norm) };
    "ifft" => { let (n, axis, norm) = o.fft(); x[0].ifft(n, axis, norm) };
    "rfft" => { let (n, axis, norm) = o.fft(); x[0].rfft(n, axis, norm) };
    "irfft" => { let (n, axis, norm) = o.fft(); x[0].irfft(n, axis, norm) };
    "solve" => x[0].solve(&x[1]);
    "inv" => x[0].inv();
    "matrix_power" => x[0].matrix_power(o.signed("n") as i32);
    "slogdet" => x[0].slogdet();
    "det" => x[0].det();
    "trace" => x[0].trace();
    "cholesky" => definite(&x[0])?.cholesky();
    "cholesky_solve" => x[0].tril(0)?.cholesky_solve(&x[1]);
    "triangular_solve" => x[0].triangular_solve(&x[1], o.triangular());
    "qr" => x[0].qr();
    "eigh" => eigh(&x[0]);
    "eigvalsh" => x[0].add(&x[0].t()?)?.eigvalsh();
    "svd" => svd(&x[0]);
    "svdvals" => x[0].svdvals();
    "pinv" => x[0].pinv(None);
    "lstsq" => x[0].lstsq(&x[1]);
    "matrix_norm" => x[0].matrix_norm(o.matrix_norm());
    "cond" => x[0].cond();
    "lu" => x[0].lu();
    "matrix_exp" => x[0].matrix_exp();
    "eigvals" => Ok::<_, autodiff::Error>(x[0].eigvals()?.select(-1, 0)?.sort(-1, Order::Ascending)?.0);
    "softmax" => x[0].softmax(o.axis());
    "log_softmax" => x[0].log_softmax(o.axis());
    "layer_norm" => x[0].layer_norm(&o.sizes("sizes"), x.get(1), x.get(2), o.number("eps"));
    "rms_norm" => x[0].rms_norm(&o.sizes("sizes"), x.get(1), o.number("eps"));
    "scaled_dot_product_attention" => x[0].scaled_dot_product_attention(&x[1], &x[2], &o.attention());
    "rotary" => x[0].rotary(&o.tensor("cos").unwrap(), &o.tensor("sin").unwrap(), o.pairs());
    "conv" => x[0].conv(&x[1], x.get(2), &o.windows());
    "conv_relu" => x[0].conv_relu(&x[1], x.get(2), &o.windows());
    "conv_transpose" => x[0].conv_transpose(&x[1], x.get(2), &o.windows(), &o.size("more").into());
    "avg_pool_by" => x[0].avg_pool_by(&o.pooling(), o.size("divisor"));
    "lp_pool" => x[0].lp_pool(o.number("p"), &o.pooling());
    "max_unpool" => x[0].max_unpool(x[1].value(), &o.sizes("sizes")[..]);
    "interpolate_by" => x[0].interpolate_by(o.number("factor"), o.interpolation(), o.size("corners") == 1);
    "im2col" => x[0].im2col(&o.sizes("kernel")[..], &o.windows());
    "col2im" => x[0].col2im(&o.sizes("sizes")[..], &o.sizes("kernel")[..], &o.windows());
    "max_pool" => x[0].max_pool(&o.pooling());
    "avg_pool" => x[0].avg_pool(&o.pooling(), o.size("include_pad") == 1);
    "adaptive_max_pool" => x[0].adaptive_max_pool(&o.sizes("sizes")[..]);
    "adaptive_avg_pool" => x[0].adaptive_avg_pool(&o.sizes("sizes")[..]);
    "interpolate" => x[0].interpolate(&o.sizes("sizes")[..], o.interpolation(), o.size("corners") == 1);
    "batch_norm" => o.batch_norm(x);
    "recurrent" => o.recurrent(x);
    "ctc_loss" => o.ctc_loss(x);
    "mse_loss" => x[0].mse_loss(&x[1], o.reduction());
    "l1_loss" => x[0].l1_loss(&x[1], o.reduction());
    "huber_loss" => x[0].huber_loss(&x[1], o.number("delta"), o.reduction());
    "bce_with_logits" => x[0].bce_with_logits(&x[1], o.tensor("pos_weight").map(Var::from).as_ref(), o.reduction());
    "cross_entropy" => x[0].cross_entropy(&x[1], &o.cross_entropy());
    "linear_cross_entropy" => x[0].linear_cross_entropy(&x[1], x.get(3), &x[2], &o.cross_entropy());
    "reshape" => x[0].reshape(o.list("shape"));
    "flatten" => x[0].flatten(1, 2);
    "permute" => x[0].permute(&o.axes());
    "transpose" => x[0].transpose(0, 2);
    "expand" => x[0].expand(&o.sizes("shape"));
    "squeeze" => x[0].squeeze(o.axis());
    "unsqueeze" => x[0].unsqueeze(o.axis());
    "narrow" => x[0].narrow(1, 1, 2);
    "split" => x[0].split(o.axis(), &o.sizes("sizes"));
    "chunk" => x[0].chunk(o.axis(), o.size("n"));
    "select" => x[0].select(1, -2);
    "slice" => x[0].slice(s![1.., .., ..;2]);
    "flip" => x[0].flip(o.axis());
    "cat" => Var::cat(&all(x), 1);
    "stack" => Var::stack(&all(x), 1);
    "pad" => x[0].pad(&[(3, 2, 1), (2, 0, 2)], o.pad_mode());
    "roll" => x[0].roll(o.signed("shift"), o.axis());
    "repeat" => x[0].repeat(&o.sizes("times"));
    "repeat_interleave" => x[0].repeat_interleave(o.signed("n"), o.axis());
    "tril" => x[0].tril(o.signed("d"));
    "triu" => x[0].triu(o.signed("d"));
    "unfold" => x[0].unfold(1, 3, 2);
    "diagonal" => x[0].diagonal();
    "diag" => x[0].diag();
    "index_select" => x[0].index_select(o.axis(), &x[1]);
    "gather" => x[0].gather(o.axis(), &x[1]);
    "index_add" => x[0].index_add(o.axis(), &x[1], &x[2]);
    "scatter_add" => x[0].scatter_add(o.axis(), &x[1], &x[2]);
    "scatter" => x[0].scatter(o.axis(), x[1].value(), &x[2]);
    "index_fill" => x[0].index_fill(o.axis(), x[1].value(), o.number("value"));
    "masked_select" => x[0].masked_select(x[1].value());
    "take" => x[0].take(&x[1]);
    "take_along_axis" => x[0].take_along_axis(o.axis(), x[1].value());
    "gather_nd" => x[0].gather_nd(x[1].value());
    "scatter_nd_add" => x[0].scatter_nd_add(x[1].value(), &x[2]);
    "one_hot" => x[0].one_hot(o.size("classes"), DType::F64);
    "norm" => x[0].norm(o.number("p"), &o.axes());
    "quantile" => x[0].quantile(o.number("q"), o.axis());
    "median" => x[0].median(o.axis());
    "nansum" => x[0].nansum(&o.axes());
    "nanmean" => x[0].nanmean(&o.axes());
    "cummax" => x[0].cummax(o.axis());
    "cummin" => x[0].cummin(o.axis());
    "diff" => x[0].diff(o.size("n"), o.axis());
    "logcumsumexp" => x[0].logcumsumexp(o.axis());
    "kthvalue" => x[0].kthvalue(o.size("k"), o.axis());
    "eig" => Ok::<_, autodiff::Error>(x[0].eig()?.0.select(-1, 0)?.sort(-1, Order::Ascending)?.0);
    "cholesky_inverse" => x[0].tril(0)?.cholesky_inverse();
    "scatter_nd" => x[0].scatter_nd(x[1].value(), &x[2]);
    "frac" => x[0].frac();
    "softsign" => x[0].softsign();
    "deg2rad" => x[0].deg2rad();
    "rad2deg" => x[0].rad2deg();
    "cbrt" => x[0].cbrt();
    "erfinv" => x[0].erfinv();
    "logit" => x[0].logit();
    "sinc" => x[0].sinc();
    "nan_to_num" => x[0].nan_to_num(tensor::NanToNum::default());
    "is_nan" => x[0].is_nan();
    "is_inf" => x[0].is_inf();
    "is_finite" => x[0].is_finite();
    "is_close" => x[0].is_close(&x[1], 0.25, 0.5);
    "fmod" => x[0].fmod(&x[1]);
    "remainder" => x[0].remainder(&x[1]);
    "floor_divide" => x[0].floor_divide(&x[1]);
    "heaviside" => x[0].heaviside(&x[1]);
    "lerp" => x[0].lerp(&x[1], &x[2]);
    "bitwise_and" => x[0].bitwise_and(&x[1]);
    "bitwise_or" => x[0].bitwise_or(&x[1]);
    "bitwise_xor" => x[0].bitwise_xor(&x[1]);
    "gcd" => x[0].gcd(&x[1]);
    "lcm" => x[0].lcm(&x[1]);
    "bitwise_left_shift" => x[0].bitwise_left_shift(&x[1]);
    "bitwise_right_shift" => x[0].bitwise_right_shift(&x[1]);
    "logical_and" => x[0].logical_and(&x[1]);
    "logical_or" => x[0].logical_or(&x[1]);
    "logical_xor" => x[0].logical_xor(&x[1]);
    "logical_not" => x[0].logical_not();
    "bitwise_not" => x[0].bitwise_not();
    "fftn" => x[0].fftn(&[], &o.axes(), FftNorm::Backward);
    "ifftn" => x[0].ifftn(&[], &o.axes(), FftNorm::Backward);
    "rfftn" => x[0].rfftn(&[], &o.axes(), FftNorm::Backward);
    "irfftn" => x[0].irfftn(&[], &o.axes(), FftNorm::Backward);
    "fftshift" => x[0].fftshift(&o.axes());
    "ifftshift" => x[0].ifftshift(&o.axes());
}
