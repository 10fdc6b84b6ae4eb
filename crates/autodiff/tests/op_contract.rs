//! Every operation in the list keeps its contract.

use autodiff::check::contract;

#[test]
fn every_op_in_the_list_keeps_its_contract() {
    tensor::poison_fresh_memory(true);
    let specs = autodiff::ops::specs();
    assert!(specs.len() > 10, "the list must not be empty");
    let broken: Vec<String> = specs.iter().flat_map(contract).map(|broken| broken.to_string()).collect();
    assert!(broken.is_empty(), "{} broken promises:\n{}", broken.len(), broken.join("\n"));
}
