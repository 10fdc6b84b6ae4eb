//! Changes of colour: brightness, contrast, saturation and hue, by torchvision's formulas.
//!
//! Images are `(channels, pixels)`, red, green and blue or grey alone, from 0 to 1. Results are cut to 0..=1.

/// What is changed, by a factor or an angle.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Change {
    /// `x·f`
    Brightness(f64),
    /// `m + (x − m)·f` with the mean m of the grey image.
    Contrast(f64),
    /// `grey + (x − grey)·f`; nothing for grey images.
    Saturation(f64),
    /// The hue turned by this share of a circle; nothing for grey images.
    Hue(f64),
}

impl Change {
    /// The change, written over `image`, whose planes have `pixels` elements.
    pub(crate) fn apply(self, image: &mut [f32], pixels: usize) {
        if image.is_empty() {
            return;
        }
        let colored = image.len() == 3 * pixels;
        let of = |image: &[f32], i: usize| [0, 1, 2].map(|c| f64::from(image[c * pixels + i]));
        match self {
            Change::Brightness(f) => image.iter_mut().for_each(|x| *x = unit(f64::from(*x) * f)),
            Change::Contrast(f) => {
                let greys = (0..pixels).map(|i| match colored {
                    true => grey(of(image, i)),
                    false => f64::from(image[i]),
                });
                let mean = greys.sum::<f64>() / pixels as f64;
                image.iter_mut().for_each(|x| *x = unit(mean + (f64::from(*x) - mean) * f));
            }
            Change::Saturation(_) | Change::Hue(_) if !colored => {}
            Change::Saturation(_) | Change::Hue(_) => {
                for i in 0..pixels {
                    let rgb = of(image, i);
                    let new = match self {
                        Change::Saturation(f) => rgb.map(|x| grey(rgb) + (x - grey(rgb)) * f),
                        Change::Hue(turn) => turned(rgb, turn),
                        _ => rgb,
                    };
                    (0..3).for_each(|c| image[c * pixels + i] = unit(new[c]));
                }
            }
        }
    }
}

fn unit(x: f64) -> f32 {
    x.clamp(0.0, 1.0) as f32
}

/// Luma with torchvision's weights, those of ITU-R BT.601 with the first rounded down.
fn grey([r, g, b]: [f64; 3]) -> f64 {
    0.2989 * r + 0.587 * g + 0.114 * b
}

/// The colour with its hue turned by `turn` of a circle, by way of hue, saturation and value. Source: Smith 1978.
fn turned(rgb: [f64; 3], turn: f64) -> [f64; 3] {
    let [r, g, b] = rgb;
    let (value, least) = (r.max(g).max(b), r.min(g).min(b));
    let range = value - least;
    if range <= 0.0 {
        return rgb;
    }
    // In sixths of a circle, from red by green to blue.
    let hue = if value == r {
        (g - b) / range
    } else if value == g {
        2.0 + (b - r) / range
    } else {
        4.0 + (r - g) / range
    };
    let hue = (hue + 6.0 * turn).rem_euclid(6.0);
    let sixth = hue.floor();
    let part = hue - sixth;
    let saturation = range / value;
    let p = value * (1.0 - saturation);
    let q = value * (1.0 - saturation * part);
    let t = value * (1.0 - saturation * (1.0 - part));
    match sixth as usize % 6 {
        0 => [value, t, p],
        1 => [q, value, p],
        2 => [p, value, t],
        3 => [p, q, value],
        4 => [t, p, value],
        _ => [value, p, q],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three pixels: orange, a blue, grey.
    const COLORS: [[f32; 3]; 3] = [[0.875, 0.5, 0.125], [0.25, 0.375, 0.75], [0.5, 0.5, 0.5]];

    fn planes(colors: [[f32; 3]; 3]) -> Vec<f32> {
        (0..3).flat_map(|c| colors.map(|color| color[c])).collect()
    }

    #[track_caller]
    fn assert_near(found: &[f32], expected: &[f32]) {
        let near = |(a, b): (&f32, &f32)| (a - b).abs() <= 4.0 * f32::EPSILON;
        assert!(
            found.len() == expected.len() && found.iter().zip(expected).all(near),
            "{found:?}\n{expected:?}"
        );
    }

    #[test]
    fn a_third_of_a_circle_makes_red_green_and_green_blue() {
        for (turn, from) in [(1.0 / 3.0, [2, 0, 1]), (-1.0 / 3.0, [1, 2, 0]), (0.0, [0, 1, 2])] {
            let mut image = planes(COLORS);
            Change::Hue(turn).apply(&mut image, 3);
            assert_near(&image, &planes(COLORS.map(|color| from.map(|c| color[c]))));
        }
    }

    #[test]
    fn half_a_circle_mirrors_a_color_between_its_extremes() {
        let mut image = planes(COLORS);
        Change::Hue(0.5).apply(&mut image, 3);
        let opposite = COLORS.map(|color| {
            let (most, least) =
                (color.into_iter().fold(0.0, f32::max), color.into_iter().fold(1.0, f32::min));
            color.map(|x| most + least - x)
        });
        assert_near(&image, &planes(opposite));
        Change::Hue(-0.5).apply(&mut image, 3);
        assert_near(&image, &planes(COLORS));
    }

    #[test]
    fn a_sixth_brings_red_to_yellow() {
        let mut image = vec![1.0, 0.0, 0.0];
        Change::Hue(1.0 / 6.0).apply(&mut image, 1);
        assert_near(&image, &[1.0, 1.0, 0.0]);
    }

    #[test]
    fn factors_mix_with_black_the_mean_and_grey() {
        let greys = COLORS.map(|color| 0.2989 * color[0] + 0.587 * color[1] + 0.114 * color[2]);
        let mean = greys.iter().sum::<f32>() / 3.0;
        for f in [0.0f32, 0.5, 1.0, 1.25] {
            let mixed = |with: [f32; 3]| {
                let mut with = with.iter();
                let colors = COLORS.map(|color| {
                    let other = *with.next().unwrap();
                    color.map(|x| (f * x + (1.0 - f) * other).clamp(0.0, 1.0))
                });
                planes(colors)
            };
            for (change, with) in [
                (Change::Brightness(f.into()), [0.0; 3]),
                (Change::Contrast(f.into()), [mean; 3]),
                (Change::Saturation(f.into()), greys),
            ] {
                let mut image = planes(COLORS);
                change.apply(&mut image, 3);
                assert_near(&image, &mixed(with));
            }
        }
    }

    #[test]
    fn grey_images_have_brightness_and_contrast_alone() {
        let start = vec![0.25f32, 0.75];
        for (change, expected) in [
            (Change::Saturation(0.0), [0.25, 0.75]),
            (Change::Hue(0.5), [0.25, 0.75]),
            (Change::Brightness(2.0), [0.5, 1.0]),
            (Change::Contrast(0.5), [0.375, 0.625]),
        ] {
            let mut image = start.clone();
            change.apply(&mut image, 2);
            assert_eq!(image, expected, "{change:?}");
        }
    }
}
