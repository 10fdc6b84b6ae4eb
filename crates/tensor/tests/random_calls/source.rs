//! Random tensors and arguments, right and wrong ones.

use tensor::{DType, Order, SliceArg, Tensor, bf16, f16};

/// More positions than any memory has elements; an axis of that length stands beside one of length 0.
const ENDLESS: usize = 1 << 47;
const VOLUME: usize = 256;

/// SplitMix64 (Steele, Lea, Flood 2014), and every tensor made, with a copy of what it held.
pub struct Source {
    state: u64,
    pub made: Vec<(Tensor, Tensor)>,
}

impl Source {
    pub fn new(seed: u64) -> Self {
        Self { state: seed.wrapping_mul(0xd134_2543_de82_ef95), made: Vec::new() }
    }

    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.state ^ self.state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    pub fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    /// True once in `n` times.
    pub fn rarely(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    pub fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }

    pub fn dtype(&mut self) -> DType {
        if self.rarely(6) { DType::Bool } else { self.pick(&DType::ALL) }
    }

    pub fn order(&mut self) -> Order {
        self.pick(&[Order::Ascending, Order::Descending])
    }

    /// A number, one in three an extreme one.
    pub fn number(&mut self) -> f64 {
        let extremes = [
            f64::NAN,
            f64::INFINITY,
            f64::NEG_INFINITY,
            -0.0,
            f64::MAX,
            f64::MIN_POSITIVE,
            5e-324,
            -1e30,
            3e38,
            f64::EPSILON,
        ];
        match self.below(3) {
            0 => self.pick(&extremes),
            1 => self.below(9) as f64 - 4.0,
            _ => (self.next() >> 11) as f64 / (1u64 << 50) as f64 - 4.0,
        }
    }

    pub fn integer(&mut self) -> i64 {
        match self.below(12) {
            0 => self.pick(&[i64::MIN, i64::MAX, 1 << 40, i64::MIN + 1, 1 << 62]),
            _ => self.below(12) as i64 - 5,
        }
    }

    pub fn signed(&mut self) -> isize {
        self.integer() as isize
    }

    /// 0 to 5, and at times more than there can be.
    pub fn count(&mut self) -> usize {
        match self.below(30) {
            0 => self.pick(&[usize::MAX, 1 << 47, 1 << 62, isize::MAX as usize]),
            _ => self.below(6),
        }
    }

    pub fn axis(&mut self) -> isize {
        match self.below(3) {
            0 if self.rarely(4) => self.signed(),
            0 => self.below(15) as isize - 7,
            _ => self.below(5) as isize - 2,
        }
    }

    pub fn many<T>(&mut self, most: usize, mut each: impl FnMut(&mut Self) -> T) -> Vec<T> {
        (0..self.below(most + 1)).map(|_| each(self)).collect()
    }

    pub fn axes(&mut self) -> Vec<isize> {
        self.many(3, Self::axis)
    }

    /// Sizes that are small, and may be few or many.
    pub fn shape(&mut self) -> Vec<usize> {
        let mut shape = self.many(5, |s| s.below(6));
        let mut volume = 1;
        for size in &mut shape {
            *size = if volume * (*size).max(1) > VOLUME { 1 } else { *size };
            volume *= (*size).max(1);
        }
        if shape.len() > 1 && self.rarely(25) {
            let at = self.below(shape.len());
            let next = (at + 1) % shape.len();
            (shape[at], shape[next]) = (0, ENDLESS);
        }
        shape
    }

    /// A shape for the elements of `x`, or nearly so.
    pub fn shape_for(&mut self, x: &Tensor) -> Vec<isize> {
        let sizes = |shape: &[usize]| shape.iter().map(|&d| d as isize).collect::<Vec<_>>();
        let mut shape = match self.below(4) {
            0 => sizes(&self.shape()),
            1 => vec![x.len() as isize],
            2 => sizes(x.shape()),
            _ => [sizes(x.shape()), vec![1]].concat(),
        };
        if !shape.is_empty() && self.rarely(3) {
            let at = self.below(shape.len());
            shape[at] = self.pick(&[-1, -1, -1, 0, 1, -2, 1 << 40, 1 << 62, isize::MAX]);
        }
        shape
    }

    /// `shape`, or one that is related to it.
    fn related(&mut self, shape: &[usize]) -> Vec<usize> {
        let mut out = shape.to_vec();
        let rank = out.len();
        match self.below(8) {
            0 if rank > 0 => {
                let at = self.below(rank);
                out[at] = 1;
            }
            1 if rank > 0 => drop(out.remove(0)),
            2 if rank > 1 => out.swap(rank - 1, rank - 2),
            3 => return self.shape(),
            4 if rank > 0 => {
                let at = self.below(rank);
                out[at] = self.below(6);
            }
            _ => {}
        }
        out
    }

    pub fn any(&mut self) -> Tensor {
        let (dtype, shape) = (self.dtype(), self.shape());
        self.of(dtype, &shape)
    }

    pub fn float(&mut self) -> Tensor {
        let (dtype, shape) = (self.pick(&[DType::F32, DType::F64, DType::BF16, DType::F16]), self.shape());
        self.of(dtype, &shape)
    }

    /// A tensor that goes with `x`, or nearly so.
    pub fn like(&mut self, x: &Tensor) -> Tensor {
        let shape = self.related(x.shape());
        let dtype = if self.rarely(12) { self.dtype() } else { x.dtype() };
        self.of(dtype, &shape)
    }

    /// A tensor of the dtype of `x` with `shape`, or nearly so.
    pub fn shaped(&mut self, x: &Tensor, shape: &[usize]) -> Tensor {
        if self.rarely(8) { self.like(x) } else { self.of(x.dtype(), shape) }
    }

    pub fn indices(&mut self, x: &Tensor) -> Tensor {
        let shape = self.related(x.shape());
        let dtype = if self.rarely(20) { self.dtype() } else { DType::I64 };
        self.of(dtype, &shape)
    }

    /// Labels or ids, mostly of I64, mostly of that shape.
    pub fn ids(&mut self, shape: &[usize]) -> Tensor {
        let dtype = if self.rarely(20) { self.dtype() } else { DType::I64 };
        if self.rarely(10) { self.any() } else { self.of(dtype, shape) }
    }

    fn filled(&mut self, dtype: DType, shape: &[usize]) -> Tensor {
        let n = shape.iter().product();
        // All indices, say, of small axes.
        let small = self.rarely(2);
        match dtype {
            DType::F32 => Tensor::from_vec((0..n).map(|_| self.number() as f32).collect(), shape),
            DType::F64 => Tensor::from_vec((0..n).map(|_| self.number()).collect(), shape),
            DType::U8 => Tensor::from_vec((0..n).map(|_| self.integer() as u8).collect(), shape),
            DType::I32 => Tensor::from_vec((0..n).map(|_| self.integer() as i32).collect(), shape),
            DType::I8 => Tensor::from_vec((0..n).map(|_| self.integer() as i8).collect(), shape),
            DType::BF16 => Tensor::from_vec((0..n).map(|_| bf16::from_f64(self.number())).collect(), shape),
            DType::F16 => Tensor::from_vec((0..n).map(|_| f16::from_f64(self.number())).collect(), shape),
            DType::Bool => Tensor::from_vec((0..n).map(|_| self.rarely(2)).collect(), shape),
            _ if small => Tensor::from_vec((0..n).map(|_| self.below(3) as i64).collect(), shape),
            _ => Tensor::from_vec((0..n).map(|_| self.integer()).collect(), shape),
        }
        .unwrap()
    }

    /// A tensor of that dtype and shape, on whatever strides.
    pub fn of(&mut self, dtype: DType, shape: &[usize]) -> Tensor {
        let rank = shape.len();
        let volume: f64 = shape.iter().map(|&d| d.max(1) as f64).product();
        let is_empty = shape.contains(&0);
        let most = if is_empty { 50 } else { 12 };
        let fits = volume <= (1u64 << most) as f64;
        let shape = &shape.iter().map(|&d| if fits { d } else { d.min(2) }).collect::<Vec<_>>()[..];
        let plain = self.rarely(3);
        // How each axis is made: as it is, backwards, every second position, repeated.
        let kinds: Vec<usize> =
            shape.iter().map(|&d| if plain || d == 0 && volume > 1e9 { 0 } else { self.below(4) }).collect();
        let mut order: Vec<usize> = (0..rank).collect();
        for i in (1..rank).rev().filter(|_| !plain) {
            let j = self.below(i + 1);
            order.swap(i, j);
        }
        let size = |a: usize| match kinds[a] {
            2 => 2 * shape[a] + 1,
            3 => 1,
            _ => shape[a],
        };
        let base = self.filled(dtype, &order.iter().map(|&a| size(a)).collect::<Vec<_>>());
        let place = |a: usize| order.iter().position(|&b| b == a).unwrap() as isize;
        let mut x = base.permute((0..rank).map(place).collect::<Vec<_>>()).unwrap();
        for (a, _) in kinds.iter().enumerate().filter(|(_, kind)| **kind == 1) {
            x = x.flip(a as isize).unwrap();
        }
        let second = |&kind: &usize| if kind == 2 { SliceArg::from(1..).step(2) } else { SliceArg::from(..) };
        x = x.slice(&kinds.iter().map(second).collect::<Vec<_>>()).unwrap();
        x = x.expand(shape).unwrap();
        for tensor in [base, x.clone()] {
            let copy = tensor.copied().unwrap();
            self.made.push((tensor, copy));
        }
        x
    }

    pub fn slice_args(&mut self) -> Vec<SliceArg> {
        self.many(4, |s| match s.below(10) {
            0 => SliceArg::NewAxis,
            1 => SliceArg::Ellipsis,
            2 | 3 => SliceArg::Index(s.signed()),
            _ => {
                let bound = |s: &mut Self| (!s.rarely(3)).then(|| s.signed());
                let (start, end) = (bound(s), bound(s));
                SliceArg::Range { start, end, step: s.signed() }
            }
        })
    }

    /// Subscripts for operands of these ranks, or noise.
    pub fn subscripts(&mut self, ranks: &[usize]) -> String {
        let letters =
            |s: &mut Self, n: usize| (0..n).map(|_| s.pick(&["i", "j", "k", "L"])).collect::<String>();
        if self.rarely(5) {
            let noise = ["i", "j", "->", ",", "...", ".", "-", " ", "é", "1", "Z"];
            return self.many(8, |s| s.pick(&noise)).concat();
        }
        let terms: Vec<String> = ranks
            .iter()
            .map(|&rank| match self.below(4) {
                0 => format!("...{}", letters(self, 1)),
                1 if self.rarely(3) => letters(self, 2),
                _ => letters(self, rank),
            })
            .collect();
        let output = match self.below(4) {
            0 => String::new(),
            1 => "->".into(),
            2 => "->...i".into(),
            _ => format!("->{}", letters(self, 1)),
        };
        terms.join(",") + &output
    }
}
