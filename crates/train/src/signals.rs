//! SIGINT and SIGTERM: a run that is saved ends behind the step in progress.

use crate::error::{Error, Result};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

/// The process's flags. Handlers stay where they are; with nobody watching they do what the system would do.
struct Handlers {
    /// Whether the system's own answer to a signal is due: nobody watches, or one came before.
    default: Arc<AtomicBool>,
    /// The number of the last signal, 0 for none.
    seen: Arc<AtomicUsize>,
    watching: Mutex<usize>,
}

fn handlers() -> Result<&'static Handlers> {
    static HANDLERS: OnceLock<Result<Handlers, io::Error>> = OnceLock::new();
    let made = HANDLERS.get_or_init(|| {
        let default = Arc::new(AtomicBool::new(true));
        let seen = Arc::new(AtomicUsize::new(0));
        for signal in [SIGINT, SIGTERM] {
            // In this order: a first signal is noted, and makes the second one final.
            flag::register_conditional_default(signal, default.clone())?;
            flag::register(signal, default.clone())?;
            flag::register_usize(signal, seen.clone(), signal as usize)?;
        }
        Ok(Handlers { default, seen, watching: Mutex::new(0) })
    });
    made.as_ref().map_err(|source| Error::InvalidArgument {
        op: "fit",
        rule: "signals must be watchable",
        got: source.to_string(),
        repair: "set on_signals to false",
    })
}

/// Watches until dropped. Runs of several threads are all asked to end.
pub(crate) struct Signals(&'static Handlers);

impl Signals {
    pub(crate) fn watch() -> Result<Self> {
        let handlers = handlers()?;
        let mut watching = handlers.watching.lock().unwrap_or_else(|p| p.into_inner());
        if *watching == 0 {
            handlers.seen.store(0, Ordering::Relaxed);
            handlers.default.store(false, Ordering::Relaxed);
        }
        *watching += 1;
        Ok(Self(handlers))
    }

    /// Whether a signal has come.
    pub(crate) fn seen(&self) -> bool {
        self.which().is_some()
    }

    /// The signal that has come.
    pub(crate) fn which(&self) -> Option<&'static str> {
        match self.0.seen.load(Ordering::Relaxed) as i32 {
            SIGINT => Some("SIGINT"),
            SIGTERM => Some("SIGTERM"),
            _ => None,
        }
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        let mut watching = self.0.watching.lock().unwrap_or_else(|p| p.into_inner());
        *watching -= 1;
        if *watching == 0 {
            self.0.default.store(true, Ordering::Relaxed);
        }
    }
}
