//! The graph behind values, to be looked at: as DOT text for Graphviz, or drawn as SVG.

mod svg;

use crate::gradients::LeafId;
use crate::graph::{Kind, Node};
use crate::var::Var;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::sync::Arc;

/// A copy of a graph's outline: names, shapes, edges; no values and no hold on any.
///
/// ```
/// use autodiff::{GraphOutline, Var};
/// use tensor::Tensor;
/// let w = Var::variable(Tensor::from_vec(vec![1.0, 2.0], [2])?);
/// let loss = w.square()?.sum(&[])?;
/// let outline = GraphOutline::of(&[&loss], |id| (Some(id) == w.leaf_id()).then(|| "w".to_string()));
/// let names: Vec<&str> = outline.nodes().iter().map(|node| node.name.as_str()).collect();
/// assert_eq!(names, ["w", "square", "sum"]);
/// assert!(outline.dot().contains("n0 -> n1"));
/// assert!(outline.svg().starts_with("<svg"));
/// # Ok::<(), autodiff::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct GraphOutline {
    nodes: Vec<OutlineNode>,
    edges: Vec<(usize, usize)>,
}

/// One value of a graph.
#[derive(Debug, Clone, PartialEq)]
pub struct OutlineNode {
    /// The operation that made it, or a leaf's name.
    pub name: String,
    /// Its dtype and shape, printed.
    pub value: String,
    /// Whether gradients arrive here.
    pub is_leaf: bool,
}

impl GraphOutline {
    /// The tracked values that `roots` depend on, oldest first. Leaves are called what `name` says, or `leaf`. Constants
    /// are left out, as the graph leaves them out; so is what an earlier `backward` has used up.
    pub fn of(roots: &[&Var], name: impl Fn(LeafId) -> Option<String>) -> Self {
        // By id, which is the order of creation: no recursion, and the same picture each time.
        let mut pending: BTreeMap<u64, (Arc<Node>, String)> = BTreeMap::new();
        for root in roots {
            if let Some(node) = root.node() {
                pending.insert(node.id, (node.clone(), format!("{} {:?}", root.dtype(), root.shape())));
            }
        }
        let (mut found, mut edges) = (Vec::new(), BTreeSet::new());
        while let Some((id, (node, value))) = pending.pop_last() {
            let leaf = |id| (name(id).unwrap_or_else(|| "leaf".to_string()), true);
            let (name, is_leaf) = match &node.kind {
                Kind::Leaf(id) => leaf(*id),
                Kind::Rows(rows) => leaf(rows.id),
                Kind::Result { op, record } => {
                    let record = record.lock().unwrap_or_else(|p| p.into_inner());
                    for slot in record.iter().flat_map(|record| &record.inputs) {
                        if let Some(input) = &slot.node {
                            edges.insert((input.id, id));
                            let value = format!("{} {:?}", slot.dtype, &slot.shape[..]);
                            pending.entry(input.id).or_insert_with(|| (input.clone(), value));
                        }
                    }
                    (op.to_string(), false)
                }
            };
            found.push((id, OutlineNode { name, value, is_leaf }));
        }
        found.reverse();
        let place: BTreeMap<u64, usize> = found.iter().enumerate().map(|(i, (id, _))| (*id, i)).collect();
        Self {
            nodes: found.into_iter().map(|(_, node)| node).collect(),
            edges: edges.iter().map(|(from, to)| (place[from], place[to])).collect(),
        }
    }

    /// The values, oldest first.
    pub fn nodes(&self) -> &[OutlineNode] {
        &self.nodes
    }

    /// Pairs of places in [`nodes`](Self::nodes): the first is an operand of the second.
    pub fn edges(&self) -> &[(usize, usize)] {
        &self.edges
    }

    /// The graph in Graphviz's language; `dot -Tsvg` draws it.
    pub fn dot(&self) -> String {
        let mut out = String::from("digraph {\n  node [shape=box, fontname=\"sans-serif\"];\n");
        for (i, node) in self.nodes.iter().enumerate() {
            let style = if node.is_leaf { ", style=filled, fillcolor=\"#e3edf7\"" } else { "" };
            let name = node.name.replace('\\', "\\\\").replace('"', "\\\"");
            let _ = writeln!(out, "  n{i} [label=\"{name}\\n{}\"{style}];", node.value);
        }
        for (from, to) in &self.edges {
            let _ = writeln!(out, "  n{from} -> n{to};");
        }
        out.push_str("}\n");
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Result;
    use tensor::Tensor;

    fn two_uses() -> Result<(Var, Var)> {
        let x = Var::variable(Tensor::from_vec(vec![1.0, 2.0], [2])?);
        let y = x.exp()?;
        Ok((x, y.mul(&y)?.add(&Var::from(Tensor::scalar(1.0)))?.sum(&[])?))
    }

    #[test]
    fn a_value_used_twice_is_one_node_and_constants_are_left_out() -> Result<()> {
        let (_, loss) = two_uses()?;
        let outline = GraphOutline::of(&[&loss], |_| None);
        let names: Vec<&str> = outline.nodes().iter().map(|n| &n.name[..]).collect();
        assert_eq!(names, ["leaf", "exp", "mul", "add", "sum"]);
        assert_eq!(outline.edges(), [(0, 1), (1, 2), (2, 3), (3, 4)]);
        assert_eq!(outline.nodes()[0].value, "f64 [2]");
        Ok(())
    }

    #[test]
    fn names_are_escaped_in_both_pictures() -> Result<()> {
        let (_, loss) = two_uses()?;
        let outline = GraphOutline::of(&[&loss], |_| Some("a\"<b>&".into()));
        assert!(outline.dot().contains(r#"n0 [label="a\"<b>&\nf64 [2]""#), "{}", outline.dot());
        assert!(outline.svg().contains("a&quot;&lt;b&gt;&amp;"), "{}", outline.svg());
        Ok(())
    }

    #[test]
    fn an_outline_holds_no_memory_of_the_graph() -> Result<()> {
        let (x, loss) = two_uses()?;
        let outline = GraphOutline::of(&[&loss], |_| None);
        assert!(loss.backward()?.of(&x).is_some());
        assert_eq!(outline.nodes().len(), 5);
        Ok(())
    }

    #[test]
    fn a_long_chain_is_drawn_without_recursion() -> Result<()> {
        let mut y = Var::variable(Tensor::scalar(1.0));
        for _ in 0..20_000 {
            y = y.neg()?;
        }
        assert_eq!(GraphOutline::of(&[&y], |_| None).nodes().len(), 20_001);
        Ok(())
    }
}
