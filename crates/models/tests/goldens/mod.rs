//! What `generator.py` does, on this side.

use serde_json::Value;

/// A file of this folder.
pub fn read(name: &str) -> Value {
    let path = format!("{}/tests/goldens/{name}", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// Numbers of 24 bits made from a state, which moves on.
pub fn numbers(state: &mut u64, n: usize) -> Vec<u64> {
    let mut next = || {
        *state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        *state >> 40
    };
    (0..n).map(|_| next()).collect()
}
