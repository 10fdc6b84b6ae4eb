//! Where windows lie: one pass over an image, axis by axis, and the padded copy that it reads.

use super::Sizes;
use crate::Number;
use crate::kernels::tile::{CHAIN, Line, Runs};
use smallvec::SmallVec;

/// One axis of a pass. Result `i` stands at `to + i·to_step` and is a sum over `taps` of what stands at `i·step + at` in a
/// padded image, whose element 0 is element `origin` of the image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Axis {
    pub origin: isize,
    /// Elements of the padded image.
    pub size: usize,
    pub step: usize,
    /// Index in the kernel, and `at`.
    pub taps: SmallVec<[(usize, usize); 8]>,
    pub count: usize,
    pub to: usize,
    pub to_step: usize,
}

impl Axis {
    /// Axis `i` of the forward pass.
    fn forward(sizes: &Sizes, i: usize) -> Self {
        let (count, kernel) = (sizes.output[i], sizes.kernel[i]);
        let (step, apart) = (sizes.stride[i], sizes.dilation[i]);
        Self {
            origin: -(sizes.padding[i] as isize),
            size: (count - 1) * step + (kernel - 1) * apart + 1,
            step,
            taps: (0..kernel).map(|k| (k, k * apart)).collect(),
            count,
            to: 0,
            to_step: 1,
        }
    }

    /// Axis `i` of the passes that bring a gradient back to the input: one for each phase of the stride that has pixels.
    /// Pixel y had a part in output o through tap k where `o·stride + k·dilation = y + padding`.
    fn backward(sizes: &Sizes, i: usize) -> Vec<Self> {
        let (stride, apart) = (sizes.stride[i], sizes.dilation[i] as isize);
        let phase = |first: usize| {
            let padded = (first + sizes.padding[i]) as isize;
            let mut taps: SmallVec<[(usize, isize); 8]> = (0..sizes.kernel[i])
                .map(|k| (k, padded - k as isize * apart))
                .filter(|&(_, o)| o.rem_euclid(stride as isize) == 0)
                .map(|(k, o)| (k, o.div_euclid(stride as isize)))
                .collect();
            taps.sort_by_key(|&(_, o)| o);
            let origin = taps.first().map_or(0, |&(_, o)| o);
            let reach = taps.last().map_or(0, |&(_, o)| (o - origin) as usize);
            let count = (sizes.input[i] - first).div_ceil(stride);
            Self {
                origin,
                size: count + reach,
                step: 1,
                taps: taps.iter().map(|&(k, o)| (k, (o - origin) as usize)).collect(),
                count,
                to: first,
                to_step: stride,
            }
        };
        (0..stride.min(sizes.input[i])).map(phase).collect()
    }

    /// Whether the padded image would be a part of an image of `len` elements.
    fn is_inside(&self, len: usize) -> bool {
        self.origin >= 0 && self.origin as usize + self.size <= len
    }
}

/// Which way a pass goes over a convolution: from its input to its output, or from a gradient of that back to the input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    Forward,
    Backward,
}

/// One pass over an image of `channels` for each pixel into one of `results`.
#[derive(Debug, Clone)]
pub(super) struct Pass {
    pub axes: [Axis; 3],
    /// Pixels of the image.
    pub from: [usize; 3],
    pub channels: usize,
    /// Pixels of the result.
    pub to: [usize; 3],
    pub results: usize,
}

impl Pass {
    /// The pass of a convolution. There are pixels and channels.
    pub fn forward(sizes: &Sizes) -> Self {
        Self {
            axes: [0, 1, 2].map(|i| Axis::forward(sizes, i)),
            from: sizes.input,
            channels: sizes.c_in,
            to: sizes.output,
            results: sizes.c_out,
        }
    }

    /// The passes of its gradient for the input, which together write each pixel once.
    pub fn backward(sizes: &Sizes) -> Vec<Self> {
        let [d, h, w] = [0, 1, 2].map(|i| Axis::backward(sizes, i));
        let mut passes = Vec::with_capacity(d.len() * h.len() * w.len());
        for d in &d {
            for h in &h {
                for w in &w {
                    passes.push(Self {
                        axes: [d.clone(), h.clone(), w.clone()],
                        from: sizes.output,
                        channels: sizes.c_out,
                        to: sizes.input,
                        results: sizes.c_in,
                    });
                }
            }
        }
        passes
    }

    /// The passes that go one way.
    pub fn each(sizes: &Sizes, way: Way) -> Vec<Self> {
        match way {
            Way::Forward => vec![Self::forward(sizes)],
            Way::Backward => Self::backward(sizes),
        }
    }

    /// Whether windows reach over an edge of the image, so that it must be copied.
    pub fn pads(&self) -> bool {
        !(0..3).all(|i| self.axes[i].is_inside(self.from[i]))
    }

    /// Pixels of the image that windows are read from.
    fn read(&self) -> [usize; 3] {
        if self.pads() { [0, 1, 2].map(|i| self.axes[i].size) } else { self.from }
    }

    /// Into how many bands of rows an image is better cut, so that their padded copies stay in a core's cache.
    pub fn bands<T>(&self) -> usize {
        /// Bytes of a band.
        const BAND: usize = 1 << 18;
        match self.pads() && self.axes[0].size == 1 {
            // A band copies again the rows that it shares with the next: not fewer than four windows.
            true => (self.padded_len() * size_of::<T>()).div_ceil(BAND).min(self.axes[1].count / 4).max(1),
            false => 1,
        }
    }

    /// Elements of the padded copy.
    pub fn padded_len(&self) -> usize {
        self.axes.iter().map(|axis| axis.size).product::<usize>() * self.channels
    }

    /// Where pixel 0 of the padded image lies in the image that windows are read from.
    pub fn start(&self) -> usize {
        let [_, height, width] = self.from;
        let [d, h, w] = [0, 1, 2].map(|i| self.axes[i].origin as usize);
        if self.pads() { 0 } else { ((d * height + h) * width + w) * self.channels }
    }

    /// Elements between windows of one line.
    pub fn step(&self) -> usize {
        self.axes[2].step * self.channels
    }

    /// Elements between results of one line.
    pub fn to_step(&self) -> usize {
        self.axes[2].to_step * self.results
    }

    /// The lines of an image, of [`CHAIN`] pixels at most; where nothing is padded, those that go on where the one before
    /// ends are joined.
    pub fn lines(&self) -> Vec<Line> {
        let [_, read_height, read_width] = self.read();
        let [_, height, width] = self.to;
        let [d, h, w] = &self.axes;
        let pads = self.pads();
        let mut lines: Vec<Line> = Vec::with_capacity(d.count * h.count);
        for z in 0..d.count {
            for y in 0..h.count {
                let a = (z * d.step * read_height + y * h.step) * read_width * self.channels;
                let row = (d.to + z * d.to_step) * height + h.to + y * h.to_step;
                let b = (row * width + w.to) * self.results;
                let joins = |last: &Line| {
                    !pads
                        && last.a + last.count * self.step() == a
                        && last.b + last.count * self.to_step() == b
                        && last.count + w.count <= CHAIN
                };
                match lines.last_mut() {
                    Some(last) if joins(last) => last.count += w.count,
                    _ => lines.extend((0..w.count).step_by(CHAIN).map(|i| Line {
                        a: a + i * self.step(),
                        b: b + i * self.to_step(),
                        count: CHAIN.min(w.count - i),
                    })),
                }
            }
        }
        lines
    }

    /// The taps in the order in which they are summed: their places in the kernel, and in the image.
    pub fn taps(&self, kernel: [usize; 3]) -> (Vec<usize>, Vec<usize>) {
        let [_, height, width] = self.read();
        let [d, h, w] = &self.axes;
        let (mut taps, mut places) = (Vec::new(), Vec::new());
        for &(kd, d) in &d.taps {
            for &(kh, h) in &h.taps {
                for &(kw, w) in &w.taps {
                    taps.push((kd * kernel[1] + kh) * kernel[2] + kw);
                    places.push(((d * height + h) * width + w) * self.channels);
                }
            }
        }
        (taps, places)
    }

    /// The runs of the windows of one group, whose `channels` begin at its first one.
    pub fn runs(&self, places: &[usize], channels: usize) -> Runs {
        Runs::new(places.iter().copied(), channels)
    }

    /// Where windows begin: in the image, or in a padded copy in `room` of the rows that `lines` need.
    pub fn read_from<T: Number>(&self, image: &[T], lines: &[Line], room: &mut [T]) -> *const T {
        if !self.pads() {
            return image[self.start()..].as_ptr();
        }
        let h = &self.axes[1];
        let width = self.axes[2].size * self.channels;
        let reach = h.taps.last().map_or(0, |&(_, at)| at) + 1;
        let rows = match (self.axes[0].size, lines) {
            (1, [first, .., last]) => first.a / width..last.a / width + reach,
            (1, [only]) => only.a / width..only.a / width + reach,
            _ => 0..h.size,
        };
        self.pad(image, room, rows);
        room.as_ptr()
    }

    /// The image, padded, into `out`, which has [`padded_len`](Self::padded_len) elements. The first and last rows of the
    /// second axis may be left out where the first has one pixel.
    fn pad<T: Number>(&self, image: &[T], out: &mut [T], rows: std::ops::Range<usize>) {
        let [d, h, w] = &self.axes;
        let [depth, height, width] = self.from;
        let c = self.channels;
        // The part of a line that is inside.
        let before = (-w.origin).clamp(0, w.size as isize) as usize;
        let first = w.origin.max(0) as usize;
        let inside = width.saturating_sub(first).min(w.size - before);
        for z in 0..d.size {
            for y in rows.clone() {
                let line = &mut out[(z * h.size + y) * w.size * c..][..w.size * c];
                let (from_z, from_y) = (z as isize + d.origin, y as isize + h.origin);
                if !(0..depth as isize).contains(&from_z) || !(0..height as isize).contains(&from_y) {
                    line.fill(T::ZERO);
                    continue;
                }
                let from = ((from_z as usize * height + from_y as usize) * width + first) * c;
                line[..before * c].fill(T::ZERO);
                line[before * c..][..inside * c].copy_from_slice(&image[from..][..inside * c]);
                line[(before + inside) * c..].fill(T::ZERO);
            }
        }
    }
}
