//! Parameters chosen by path.

use nn::{Linear, Module};
use tensor::Rng;

#[derive(Module)]
struct Net {
    blocks: Vec<Linear>,
    head: Linear,
}

fn net() -> Net {
    let rng = &mut Rng::seed(0);
    let mut linear = || Linear::new(2, 2, rng).unwrap();
    Net { blocks: vec![linear(), linear()], head: linear() }
}

fn trainable(net: &Net) -> Vec<String> {
    net.named_params().into_iter().filter(|(_, p)| p.is_trainable()).map(|(path, _)| path).collect()
}

#[test]
fn a_pattern_freezes_what_it_matches_and_lets_it_train_again() {
    let mut net = net();
    assert_eq!(net.freeze("blocks.**").unwrap(), 4);
    assert_eq!(trainable(&net), ["head.weight", "head.bias"]);
    assert_eq!(net.unfreeze("blocks.*.weight").unwrap(), 2);
    assert_eq!(trainable(&net), ["blocks.0.weight", "blocks.1.weight", "head.weight", "head.bias"]);
    assert_eq!(net.freeze("**").unwrap(), 6);
    assert!(trainable(&net).is_empty());
    assert_eq!(net.n_params(), 18, "frozen parameters count");
}

#[test]
fn a_pattern_that_matches_nothing_is_refused_with_the_paths_there_are() {
    let mut net = net();
    let paths = "blocks.0.weight, blocks.0.bias, blocks.1.weight, blocks.1.bias, head.weight, head.bias";
    assert_eq!(
        net.freeze("block.*").unwrap_err().to_string(),
        format!(
            "[freeze] a pattern must match at least one parameter; got \"block.*\", where the model has {paths}; \
             correct the pattern"
        )
    );
    assert_eq!(
        net.unfreeze("blocks.*").unwrap_err().to_string(),
        format!(
            "[unfreeze] a pattern must match at least one parameter; got \"blocks.*\", where the model has {paths}; \
             correct the pattern"
        )
    );
    assert_eq!(trainable(&net).len(), 6);
    assert_eq!(
        nn::Identity.freeze("**").unwrap_err().to_string(),
        "[freeze] a pattern must match at least one parameter; got \"**\", where the model has none; \
         correct the pattern"
    );
}
