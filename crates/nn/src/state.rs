//! A model's state by path: what is saved, compared and loaded.

use crate::context::Name;
use crate::error::Result;
use crate::module::{Module, Path, Visitor, VisitorMut};
use crate::param::{Buffer, Param};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use tensor::Tensor;

/// Parameters and buffers by path, in the order of their paths; beside the I8 elements of a
/// [quantized](Module::quantize) parameter its scale, `weight_scale` for `weight`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct StateDict {
    tensors: BTreeMap<String, Tensor>,
}

/// How a state dict differs from a model.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LoadReport {
    /// Names that the model has and the state has not.
    pub missing: Vec<String>,
    /// Names that the state has and the model has not.
    pub unexpected: Vec<String>,
    /// Names whose shape or dtype differs, with both.
    pub mismatched: Vec<String>,
}

impl LoadReport {
    /// Whether everything fits.
    pub fn is_clean(&self) -> bool {
        self.missing.is_empty() && self.unexpected.is_empty() && self.mismatched.is_empty()
    }
}

impl fmt::Display for LoadReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let groups =
            [("missing", &self.missing), ("unexpected", &self.unexpected), ("mismatched", &self.mismatched)];
        let parts: Vec<String> = groups
            .iter()
            .filter(|(_, names)| !names.is_empty())
            .map(|(what, names)| format!("{what} {}", names.join(", ")))
            .collect();
        f.write_str(if parts.is_empty() { "no difference" } else { "" })?;
        f.write_str(&parts.join(" and "))
    }
}

/// The path of a parameter's scale.
fn scale_of(path: &str) -> String {
    format!("{path}_scale")
}

impl StateDict {
    pub(crate) fn of(module: &(impl Module + ?Sized)) -> Self {
        struct Collect(Path, StateDict);
        impl<'a> Visitor<'a> for Collect {
            fn enter(&mut self, name: Name) {
                self.0.enter(name);
            }
            fn leave(&mut self) {
                self.0.leave();
            }
            fn param(&mut self, param: &'a Param) {
                let path = self.0.text();
                if let Some(scale) = param.scale() {
                    self.1.insert(scale_of(&path), scale.clone());
                }
                self.1.insert(path, param.value().clone());
            }
            fn buffer(&mut self, buffer: &'a Buffer) {
                self.1.insert(self.0.text(), buffer.value());
            }
        }
        let mut collect = Collect(Path::default(), StateDict::default());
        module.visit(&mut collect);
        collect.1
    }

    /// The tensor of that name.
    pub fn get(&self, path: &str) -> Option<&Tensor> {
        self.tensors.get(path)
    }

    /// Sets a tensor and returns the one that had its name.
    pub fn insert(&mut self, path: impl Into<String>, tensor: Tensor) -> Option<Tensor> {
        self.tensors.insert(path.into(), tensor)
    }

    /// Takes a tensor out.
    pub fn remove(&mut self, path: &str) -> Option<Tensor> {
        self.tensors.remove(path)
    }

    /// Names and tensors, in the order of the names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Tensor)> {
        self.tensors.iter().map(|(path, tensor)| (path.as_str(), tensor))
    }

    /// How many tensors there are.
    pub fn len(&self) -> usize {
        self.tensors.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.tensors.is_empty()
    }

    /// 64 bits that depend on every name, dtype, shape and bit of every element: FNV-1a over the names, the layouts and
    /// the little-endian bytes, in the order of the names. Two runs with the same fingerprint have the same weights.
    ///
    /// Errors: those of reading the elements.
    pub fn fingerprint(&self) -> Result<u64> {
        let mut hash = 0xcbf2_9ce4_8422_2325u64;
        let mut eat = |bytes: &[u8]| {
            for &byte in bytes {
                hash = (hash ^ byte as u64).wrapping_mul(0x0000_0100_0000_01b3);
            }
        };
        for (path, tensor) in &self.tensors {
            // Lengths first, so that no two states are the same bytes.
            eat(&(path.len() as u64).to_le_bytes());
            eat(path.as_bytes());
            eat(tensor.dtype().to_string().as_bytes());
            eat(&(tensor.rank() as u64).to_le_bytes());
            tensor.shape().iter().for_each(|&d| eat(&(d as u64).to_le_bytes()));
            eat(&tensor.to_le_bytes()?);
        }
        Ok(hash)
    }

    /// How this state differs from what `module` holds.
    pub fn compare(&self, module: &(impl Module + ?Sized)) -> LoadReport {
        let model = Self::of(module);
        let mut report = LoadReport::default();
        for (path, own) in &model.tensors {
            match self.tensors.get(path) {
                None => report.missing.push(path.clone()),
                Some(other) if other.shape() != own.shape() || other.dtype() != own.dtype() => {
                    let (shape, dtype) = (own.shape(), own.dtype());
                    report.mismatched.push(format!(
                        "{path} ({} {:?} for {dtype} {shape:?})",
                        other.dtype(),
                        other.shape()
                    ));
                }
                Some(_) => {}
            }
        }
        report.unexpected =
            self.tensors.keys().filter(|path| !model.tensors.contains_key(*path)).cloned().collect();
        report
    }

    /// Puts every tensor that fits into `module`.
    pub(crate) fn write(&self, module: &mut (impl Module + ?Sized)) {
        struct Write<'s>(Path, &'s StateDict);
        impl Write<'_> {
            fn fitting(&self, path: &str, own: &Tensor) -> Option<Tensor> {
                self.1
                    .get(path)
                    .filter(|other| other.shape() == own.shape() && other.dtype() == own.dtype())
                    .cloned()
            }
        }
        impl<'a> VisitorMut<'a> for Write<'_> {
            fn enter(&mut self, name: Name) {
                self.0.enter(name);
            }
            fn leave(&mut self) {
                self.0.leave();
            }
            fn param(&mut self, param: &'a mut Param) {
                let path = self.0.text();
                let value = self.fitting(&path, param.value());
                // A narrow value means nothing without its scale.
                let scale = param.scale().map(|own| self.fitting(&scale_of(&path), own));
                match (value, scale) {
                    (Some(value), None) => param.put(value),
                    (Some(value), Some(Some(scale))) => {
                        param.put(value);
                        param.set_scale(scale);
                    }
                    _ => {}
                }
            }
            fn buffer(&mut self, buffer: &'a mut Buffer) {
                if let Some(value) = self.fitting(&self.0.text(), &buffer.value()) {
                    buffer.set(value).expect("invariant: shape and dtype were just compared");
                }
            }
        }
        module.visit_mut(&mut Write(Path::default(), self));
    }
}

impl FromIterator<(String, Tensor)> for StateDict {
    fn from_iter<I: IntoIterator<Item = (String, Tensor)>>(tensors: I) -> Self {
        Self { tensors: tensors.into_iter().collect() }
    }
}
