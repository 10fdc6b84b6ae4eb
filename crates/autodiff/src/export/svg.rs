//! The picture: values in layers by their distance from the leaves, edges downward.
//!
//! Layers as in K. Sugiyama, S. Tagawa, M. Toda, *Methods for visual understanding of hierarchical system structures*,
//! 1981: a value stands one layer below the lowest of its operands, and within a layer at the mean place of its
//! neighbours, which is found in a few sweeps.

use super::GraphOutline;
use std::fmt::Write;

const ROW: f64 = 74.0;
const BOX: f64 = 40.0;
const GAP: f64 = 22.0;
const MARGIN: f64 = 20.0;
/// Pixels of a letter, on average, in the font that is asked for.
const LETTER: f64 = 7.0;
const SWEEPS: usize = 8;

/// Where the boxes stand.
struct Places {
    centre: Vec<f64>,
    layer: Vec<usize>,
    width: Vec<f64>,
}

impl GraphOutline {
    /// The graph as a picture of its own, operands above results.
    pub fn svg(&self) -> String {
        let Places { centre, layer, width } = self.places();
        let right = centre.iter().zip(&width).map(|(c, w)| c + w / 2.0).fold(0.0, f64::max) + MARGIN;
        let bottom = layer.iter().max().map_or(0.0, |&l| l as f64 * ROW) + BOX + 2.0 * MARGIN;
        let top = |i: usize| MARGIN + layer[i] as f64 * ROW;
        let mut out = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{right:.0}\" height=\"{bottom:.0}\" \
             font-family=\"sans-serif\" font-size=\"12\" text-anchor=\"middle\">\n\
             <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n"
        );
        for &(from, to) in &self.edges {
            let (x0, y0, x1, y1) = (centre[from], top(from) + BOX, centre[to], top(to));
            let bend = (y1 - y0) / 2.0;
            let _ = writeln!(
                out,
                "<path d=\"M{x0:.1} {y0:.1} C{x0:.1} {:.1} {x1:.1} {:.1} {x1:.1} {y1:.1}\" fill=\"none\" stroke=\"#8a8f98\"/>",
                y0 + bend,
                y1 - bend
            );
        }
        for (i, node) in self.nodes.iter().enumerate() {
            let fill = if node.is_leaf { "#e3edf7" } else { "#f6f6f4" };
            let (x, y) = (centre[i], top(i));
            let _ = writeln!(
                out,
                "<rect x=\"{:.1}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"{BOX}\" rx=\"5\" fill=\"{fill}\" stroke=\"#555b66\"/>\
                 <text x=\"{x:.1}\" y=\"{:.1}\" font-weight=\"bold\">{}</text>\
                 <text x=\"{x:.1}\" y=\"{:.1}\" fill=\"#555b66\">{}</text>",
                x - width[i] / 2.0,
                width[i],
                y + 17.0,
                escaped(&node.name),
                y + 33.0,
                escaped(&node.value)
            );
        }
        out.push_str("</svg>\n");
        out
    }

    fn places(&self) -> Places {
        let n = self.nodes.len();
        let mut near: Vec<Vec<usize>> = vec![Vec::new(); n];
        let mut layer = vec![0; n];
        // Nodes are in the order of creation, and edges sorted by operand: an operand's layer is final when it is read.
        for &(from, to) in &self.edges {
            layer[to] = layer[to].max(layer[from] + 1);
            near[from].push(to);
            near[to].push(from);
        }
        // A leaf stands just above its first use, so that weights are beside what uses them.
        for i in 0..n {
            if let (true, Some(first)) = (self.nodes[i].is_leaf, near[i].iter().map(|&j| layer[j]).min()) {
                layer[i] = first - 1;
            }
        }
        let text = |i: usize| self.nodes[i].name.chars().count().max(self.nodes[i].value.chars().count());
        let width: Vec<f64> = (0..n).map(|i| text(i) as f64 * LETTER + 16.0).collect();
        let mut rows: Vec<Vec<usize>> = vec![Vec::new(); layer.iter().max().map_or(0, |&l| l + 1)];
        (0..n).for_each(|i| rows[layer[i]].push(i));
        let mut centre = vec![0.0; n];
        rows.iter().for_each(|row| spread(row, &width, &mut centre));
        for sweep in 0..SWEEPS {
            let order: Vec<usize> = match sweep % 2 {
                0 => (0..rows.len()).collect(),
                _ => (0..rows.len()).rev().collect(),
            };
            for l in order {
                for &i in &rows[l] {
                    if !near[i].is_empty() {
                        centre[i] = near[i].iter().map(|&j| centre[j]).sum::<f64>() / near[i].len() as f64;
                    }
                }
                rows[l].sort_by(|&a, &b| centre[a].total_cmp(&centre[b]).then(a.cmp(&b)));
                spread(&rows[l], &width, &mut centre);
            }
        }
        let left = centre.iter().zip(&width).map(|(c, w)| c - w / 2.0).fold(f64::INFINITY, f64::min);
        centre.iter_mut().for_each(|c| *c += MARGIN - left);
        Places { centre, layer, width }
    }
}

/// Moves the boxes of a row apart where they overlap, in their order, and keeps the row's mean place.
fn spread(row: &[usize], width: &[f64], centre: &mut [f64]) {
    let mean = |centre: &[f64]| row.iter().map(|&i| centre[i]).sum::<f64>() / row.len().max(1) as f64;
    let before = mean(centre);
    for pair in row.windows(2) {
        let least = centre[pair[0]] + (width[pair[0]] + width[pair[1]]) / 2.0 + GAP;
        centre[pair[1]] = centre[pair[1]].max(least);
    }
    let shift = before - mean(centre);
    row.iter().for_each(|&i| centre[i] += shift);
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
