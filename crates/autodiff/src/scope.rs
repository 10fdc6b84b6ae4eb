//! The path of the module that is running, for those who report by it.

use crate::{anomaly, profile};
use std::cell::RefCell;
use std::fmt;

thread_local! {
    static PATH: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// Whether anybody reports by path.
fn is_on() -> bool {
    anomaly::is_on() || profile::is_on()
}

/// A name on the path of modules, until dropped. Costs nothing unless [`detect_anomaly`](crate::detect_anomaly) or
/// [`profile`](crate::profile()) runs.
pub struct ModuleScope(bool);

/// Enters the module `name`, for the paths that [`detect_anomaly`](crate::detect_anomaly) and [`profile`](crate::profile()) report.
pub fn module_scope(name: &dyn fmt::Display) -> ModuleScope {
    let on = is_on();
    if on {
        PATH.with_borrow_mut(|path| path.push(name.to_string()));
    }
    ModuleScope(on)
}

impl Drop for ModuleScope {
    fn drop(&mut self) {
        if self.0 {
            PATH.with_borrow_mut(|path| path.pop());
        }
    }
}

/// The path now, if anybody reports by it.
pub(crate) fn path() -> Option<Box<str>> {
    is_on().then(|| PATH.with_borrow(|path| path.join(".").into()))
}

/// Puts another path in the place of the present one, which it returns.
pub(crate) fn replace(path: Vec<String>) -> Vec<String> {
    PATH.replace(path)
}
