//! Colours and sizes that all plots share.
//!
//! Every colour has a light and a dark form. A figure is drawn in the light form; a page that holds it can turn it
//! dark with [`dark_css`], because each role has a hexadecimal value of its own.

/// A colour by its role: light and dark RGB.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Color {
    pub light: u32,
    pub dark: u32,
}

const fn c(light: u32, dark: u32) -> Color {
    Color { light, dark }
}

impl Color {
    pub fn rgb(self) -> (u8, u8, u8) {
        let [_, r, g, b] = self.light.to_be_bytes();
        (r, g, b)
    }
}

pub(crate) const PAPER: Color = c(0xFFFFFF, 0x161B22);
pub(crate) const INK: Color = c(0x1F2933, 0xE6EDF3);
pub(crate) const MUTED: Color = c(0x5B6773, 0x9DA9B5);
pub(crate) const FAINT: Color = c(0x97A2AD, 0x6B7681);
pub(crate) const GRID: Color = c(0xE4E8EC, 0x2A323B);
pub(crate) const AXIS: Color = c(0xB4BDC6, 0x4A545F);
pub(crate) const EMPTY: Color = c(0xF4F6F8, 0x1C232B);
/// Text on one of the four strong steps of a scale.
pub(crate) const ON_STRONG: Color = c(0xFFFFFE, 0x0B1016);

/// How much of its colour an area has.
pub(crate) const AREA: f64 = 0.18;

/// The lines of a chart, in order.
pub(crate) const SERIES: [Color; 6] = [
    c(0x0072B2, 0x58A6E0),
    c(0xD55E00, 0xF0883E),
    c(0x009E73, 0x3FC19A),
    c(0xCC79A7, 0xE29CC4),
    c(0xE69F00, 0xF2BC4B),
    c(0x56B4E9, 0x8FD0F5),
];

/// From few to many right answers: four steps for dark text, four for light.
pub(crate) const RIGHT: [Color; 8] = [
    c(0xE8F2FA, 0x10243A),
    c(0xCFE3F4, 0x143252),
    c(0xA8CCEA, 0x19426D),
    c(0x7DB2DD, 0x1F5488),
    c(0x3E86C2, 0x3F8FD0),
    c(0x2270B0, 0x62A8E0),
    c(0x125A98, 0x8CC2EE),
    c(0x083F78, 0xB9DCF8),
];

/// From few to many wrong answers.
pub(crate) const WRONG: [Color; 8] = [
    c(0xFDF0E4, 0x2B1B10),
    c(0xFBDDC1, 0x432812),
    c(0xF8C08E, 0x5E3715),
    c(0xF2A25C, 0x7D4918),
    c(0xCC6515, 0xD98A48),
    c(0xB3540F, 0xE5A164),
    c(0x95430B, 0xEFB984),
    c(0x773407, 0xF7D2AB),
];

/// The families that a viewer of an SVG tries in order.
pub(crate) const FONTS: &str = "'Noto Sans', 'Segoe UI', system-ui, 'Helvetica Neue', Arial, sans-serif";

/// Rules that turn every figure below `scope` dark, for inside a media query.
pub(crate) fn dark_css(scope: &str) -> String {
    let roles = [PAPER, INK, MUTED, FAINT, GRID, AXIS, EMPTY, ON_STRONG];
    let mut css = String::new();
    for Color { light, dark } in roles.into_iter().chain(SERIES).chain(RIGHT).chain(WRONG) {
        for property in ["fill", "stroke"] {
            css.push_str(&format!("{scope} [{property}=\"#{light:06X}\"]{{{property}:#{dark:06x}}}\n"));
        }
    }
    css
}

#[cfg(test)]
mod tests {
    use super::*;

    fn luminance(rgb: u32) -> f64 {
        let channel = |shift: u32| {
            let v = f64::from((rgb >> shift) & 255) / 255.0;
            if v <= 0.04045 { v / 12.92 } else { libm::pow((v + 0.055) / 1.055, 2.4) }
        };
        0.2126 * channel(16) + 0.7152 * channel(8) + 0.0722 * channel(0)
    }

    fn contrast(a: u32, b: u32) -> f64 {
        let (a, b) = (luminance(a), luminance(b));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    #[test]
    fn no_two_roles_share_a_light_colour() {
        let all: Vec<u32> = [PAPER, INK, MUTED, FAINT, GRID, AXIS, EMPTY, ON_STRONG]
            .into_iter()
            .chain(SERIES)
            .chain(RIGHT)
            .chain(WRONG)
            .map(|c| c.light)
            .collect();
        let mut unique = all.clone();
        unique.sort_unstable();
        unique.dedup();
        assert_eq!(unique.len(), all.len());
    }

    #[test]
    fn text_reads_on_every_step_of_the_scales_light_and_dark() {
        // 4.5 is WCAG 2's level AA for text, 3 its level for large text: the counts in cells are bold or large.
        for scale in [RIGHT, WRONG] {
            for (i, cell) in scale.into_iter().enumerate() {
                let ink = if i < 4 { INK } else { ON_STRONG };
                for (name, a, b) in [("light", cell.light, ink.light), ("dark", cell.dark, ink.dark)] {
                    let found = contrast(a, b);
                    assert!(found >= if i == 4 { 3.5 } else { 4.5 }, "{name} step {i}: {found:.2}");
                }
            }
        }
        for text in [INK, MUTED] {
            assert!(contrast(text.light, PAPER.light) >= 4.5 && contrast(text.dark, PAPER.dark) >= 4.5);
        }
        for line in SERIES {
            // WCAG asks 3 of graphics that stand alone; the last two lines of six fall short on white by their hue.
            assert!(contrast(line.light, PAPER.light) >= 2.2 && contrast(line.dark, PAPER.dark) >= 3.0);
        }
    }
}
