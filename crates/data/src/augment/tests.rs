//! Loops over pixels, held to what a pixel is by definition.

use super::{rotate, shifted};
use tensor::{DType, Rng};

fn images(shape: [usize; 3], seed: u64) -> Vec<f32> {
    Rng::seed(seed).normal(shape, 0.0, 1.0, DType::F32).unwrap().to_vec().unwrap()
}

/// Pixel (y, x) of a plane, or 0 outside.
fn at(plane: &[f32], [_, height, width]: [usize; 3], y: f64, x: f64) -> f64 {
    let inside = (0.0..height as f64).contains(&y) && (0.0..width as f64).contains(&x);
    if inside { f64::from(plane[y as usize * width + x as usize]) } else { 0.0 }
}

#[test]
fn a_turned_pixel_is_the_mean_of_the_four_around_its_source() {
    for shape in [[1, 1, 1], [2, 3, 5], [1, 8, 8], [3, 9, 4], [1, 2, 31]] {
        let [_, height, width] = shape;
        for degrees in [0.0_f64, 1e-9, -1e-9, 7.3, -15.0, 45.0, 90.0, -90.0, 133.7, 180.0] {
            let before = images(shape, 1);
            let mut after = before.clone();
            rotate(&mut after, shape, degrees.to_radians());
            let (sin, cos) = libm::sincos(degrees.to_radians());
            let (cy, cx) = ((height as f64 - 1.0) / 2.0, (width as f64 - 1.0) / 2.0);
            for (i, &found) in after.iter().enumerate() {
                let (plane, y, x) = (i / (height * width), i / width % height, i % width);
                let plane = &before[plane * height * width..][..height * width];
                let (dy, dx) = (y as f64 - cy, x as f64 - cx);
                let (fy, fx) = (cy + cos * dy - sin * dx, cx + sin * dy + cos * dx);
                let (y0, x0) = (fy.floor(), fx.floor());
                let (ty, tx) = (fy - y0, fx - x0);
                let row = |y: f64| at(plane, shape, y, x0) * (1.0 - tx) + at(plane, shape, y, x0 + 1.0) * tx;
                let wanted = row(y0) * (1.0 - ty) + row(y0 + 1.0) * ty;
                // Shares of pixels are cut to 24 bits, and six numbers rounded to as many.
                let largest = plane.iter().fold(0.0, |most: f64, x| most.max(f64::from(x.abs())));
                let off = (f64::from(found) - wanted).abs();
                assert!(off <= 1e-6 * largest, "{shape:?} by {degrees}, pixel {i}: off by {off}");
            }
        }
    }
}

#[test]
fn a_shifted_pixel_is_the_one_it_names() {
    for shape in [[1, 1, 1], [2, 3, 5], [1, 8, 8], [3, 2, 7]] {
        let [_, height, width] = shape;
        for dy in -9..=9 {
            for dx in -9..=9 {
                let before = images(shape, 2);
                let mut after = before.clone();
                shifted(&mut after, shape, dy, dx);
                for (i, &found) in after.iter().enumerate() {
                    let plane = &before[i / (height * width) * height * width..][..height * width];
                    let (y, x) = (i / width % height, i % width);
                    let wanted = at(plane, shape, (y as isize + dy) as f64, (x as isize + dx) as f64);
                    assert_eq!(f64::from(found), wanted, "{shape:?} by {dy}, {dx}, pixel {i}");
                }
            }
        }
    }
}
