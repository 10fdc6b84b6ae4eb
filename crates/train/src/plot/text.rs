//! How wide text is, and its outline: the embedded font.

use ab_glyph::{Font, FontRef, PxScale, ScaleFont};
use std::sync::LazyLock;
use unicode_width::UnicodeWidthChar;

static REGULAR: LazyLock<Option<FontRef<'static>>> =
    LazyLock::new(|| FontRef::try_from_slice(notosans::REGULAR_TTF).ok());
static BOLD: LazyLock<Option<FontRef<'static>>> =
    LazyLock::new(|| FontRef::try_from_slice(notosans::BOLD_TTF).ok());

fn font(bold: bool) -> Option<&'static FontRef<'static>> {
    if bold { BOLD.as_ref() } else { REGULAR.as_ref() }
}

/// ab_glyph measures a size by the line's height, everyone else by the em.
fn scale(font: &FontRef<'_>, px: f64) -> PxScale {
    let em = f64::from(font.units_per_em().unwrap_or(1000.0));
    PxScale::from((px * f64::from(font.height_unscaled()) / em) as f32)
}

/// Calls `visit` with each glyph's character and its left edge; returns the width. All in pixels.
fn layout(text: &str, px: f64, bold: bool, mut visit: impl FnMut(char, f64)) -> f64 {
    let mut x = 0.0;
    let mut last = None;
    for c in text.chars() {
        let advance = match font(bold) {
            // A sign that the font lacks is drawn by a viewer's own font: half an em, or one if it is wide.
            Some(f) if f.glyph_id(c).0 != 0 => {
                let scaled = f.as_scaled(scale(f, px));
                let id = f.glyph_id(c);
                if let Some(l) = last.replace(id) {
                    x += f64::from(scaled.kern(l, id));
                }
                f64::from(scaled.h_advance(id))
            }
            _ => {
                last = None;
                px * 0.5 * c.width().unwrap_or(0) as f64
            }
        };
        visit(c, x);
        x += advance;
    }
    x
}

/// The width of a line of text at `px` pixels to the em.
pub(crate) fn width(text: &str, px: f64, bold: bool) -> f64 {
    layout(text, px, bold, |_, _| {})
}

/// The text, cut with an ellipsis so that it is at most `max` pixels wide.
pub(crate) fn fit(text: &str, px: f64, bold: bool, max: f64) -> String {
    if width(text, px, bold) <= max {
        return text.to_string();
    }
    let mut kept: Vec<char> = text.chars().collect();
    while kept.pop().is_some() {
        let short: String = kept.iter().collect::<String>().trim_end().to_string() + "…";
        if width(&short, px, bold) <= max {
            return short;
        }
    }
    String::new()
}

/// Calls `pixel(x, y, coverage)` for the text's outline, with the origin at the start of its baseline.
pub(crate) fn rasterize(text: &str, px: f64, bold: bool, mut pixel: impl FnMut(i32, i32, f32)) {
    let Some(f) = font(bold) else { return };
    layout(text, px, bold, |c, x| {
        let position = ab_glyph::point(x as f32, 0.0);
        let glyph = f.glyph_id(c).with_scale_and_position(scale(f, px), position);
        if let Some(outline) = f.outline_glyph(glyph) {
            let min = outline.px_bounds().min;
            outline.draw(|gx, gy, cover| pixel(min.x as i32 + gx as i32, min.y as i32 + gy as i32, cover));
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_font_is_there_and_measures() {
        assert!(font(false).is_some() && font(true).is_some());
        // Digits of Noto Sans are 572 of 1000 units wide.
        assert!((width("0", 1000.0, false) - 572.0).abs() < 0.5);
        assert!(width("loss", 12.0, true) > width("loss", 12.0, false));
        assert_eq!(width("", 12.0, false), 0.0);
        assert!((width("数", 12.0, false) - 12.0).abs() < 1e-9);
    }

    #[test]
    fn long_text_is_cut_to_fit() {
        assert_eq!(fit("cat", 12.0, false, 100.0), "cat");
        let short = fit("a rather long class name", 12.0, false, 60.0);
        assert!(short.ends_with('…') && width(&short, 12.0, false) <= 60.0, "{short}");
        assert_eq!(fit("wide", 12.0, false, 1.0), "");
    }

    #[test]
    fn every_digit_has_ink() {
        for d in '0'..='9' {
            let mut ink = 0.0;
            rasterize(&d.to_string(), 20.0, false, |_, _, c| ink += c);
            assert!(ink > 20.0, "{d}: {ink}");
        }
    }
}
