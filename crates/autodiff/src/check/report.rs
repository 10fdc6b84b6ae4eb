//! What a gradient check compared, and how near the two sides were.

use std::fmt;

/// Where two derivatives were compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// One element of one input.
    Element {
        /// Which input.
        input: usize,
        /// Which element, in row-major order.
        element: usize,
    },
    /// A random direction in one input.
    Direction {
        /// Which input.
        input: usize,
    },
    /// A random direction in all inputs at once.
    Everywhere,
}

impl Place {
    /// The input it is in, if it is in one.
    pub fn input(self) -> Option<usize> {
        match self {
            Place::Element { input, .. } | Place::Direction { input } => Some(input),
            Place::Everywhere => None,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Element { input, element } => write!(f, "element {element} of input {input}"),
            Place::Direction { input } => write!(f, "a random direction in input {input}"),
            Place::Everywhere => f.write_str("a random direction in all inputs"),
        }
    }
}

/// What a derivative made by a backward rule was held against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Against {
    /// Central differences of the function.
    Differences,
    /// The tangent that forward mode pushes through the same rules.
    ForwardMode,
}

/// What a passed check saw.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Report {
    /// Derivatives compared with differences.
    pub compared: usize,
    /// The largest difference, as a part of what was allowed.
    pub worst: f64,
    /// Where that was; `None` if nothing was compared.
    pub place: Option<Place>,
    /// The backward rule's derivative divided by the other one there.
    pub ratio: f64,
}

impl Report {
    pub(super) const EMPTY: Self = Self { compared: 0, worst: 0.0, place: None, ratio: 1.0 };
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { compared, worst, place, ratio } = self;
        write!(f, "{compared} derivatives agree")?;
        let Some(place) = place else { return Ok(()) };
        write!(f, "; the worst uses {:.1} % of what is allowed (ratio {ratio:.9}), at {place}", 100.0 * worst)
    }
}

/// Two derivatives that disagree.
#[derive(Debug, Clone, PartialEq)]
pub struct Mismatch {
    /// Where.
    pub place: Place,
    /// The shape of the input there; empty where it is all inputs.
    pub shape: Vec<usize>,
    /// What the backward rule was held against.
    pub against: Against,
    /// What the backward rule says.
    pub analytic: f64,
    /// What the differences, or forward mode, say.
    pub numeric: f64,
    /// The difference that was allowed.
    pub allowed: f64,
}

impl Mismatch {
    /// The difference as a part of what was allowed; NaN stays NaN.
    pub fn excess(&self) -> f64 {
        match (self.analytic - self.numeric).abs() {
            0.0 => 0.0,
            gap => gap / self.allowed,
        }
    }

    /// The backward rule's derivative divided by the other one; 1 where both are 0.
    pub fn ratio(&self) -> f64 {
        if self.analytic == self.numeric { 1.0 } else { self.analytic / self.numeric }
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { place, shape, against, analytic, numeric, allowed } = self;
        let other = match against {
            Against::Differences => "finite differences",
            Against::ForwardMode => "forward mode",
        };
        write!(
            f,
            "[gradcheck] the backward rule must agree with {other}; got {analytic:e} and {numeric:e} (ratio {:.6}, \
             allowed difference {allowed:.1e}) at {place}",
            self.ratio()
        )?;
        if place.input().is_some() {
            write!(f, " {shape:?}")?;
        }
        f.write_str(match against {
            Against::Differences => "; correct the rule, or keep samples away from kinks",
            Against::ForwardMode => "; correct the rule of forward mode",
        })
    }
}
