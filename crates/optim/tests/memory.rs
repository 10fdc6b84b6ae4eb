//! What steps take from the system. One test, since it counts all memory of the process.

use autodiff::Gradients;
use nn::{Linear, Module};
use optim::{Adam, AdamW, Optimizer, Sgd, SgdConfig, clip_grad_norm};
use tensor::{DType, Rng, memory_stats};

#[test]
fn a_steady_step_takes_nothing_from_the_system_and_keeps_nothing() {
    let momentum = SgdConfig { lr: 0.1, momentum: 0.9, ..Default::default() };
    let optimizers: [Box<dyn Optimizer>; 6] = [
        Box::new(Sgd::new(0.1)),
        Box::new(Sgd::with_config(momentum)),
        Box::new(Adam::new(0.1)),
        Box::new(AdamW::new(0.1)),
        Box::new(optim::NAdam::new(0.1)),
        Box::new(optim::RmsProp::new(0.1)),
    ];
    for mut optimizer in optimizers {
        let mut model = Linear::new(200, 100, &mut Rng::seed(0)).unwrap();
        let mut step = |seed: u64| {
            let (rng, mut grads) = (&mut Rng::seed(seed), Gradients::default());
            for (_, param) in model.named_params() {
                grads.insert(param.id(), rng.normal(param.value().shape(), 0.0, 1.0, DType::F32).unwrap());
            }
            clip_grad_norm(&mut grads, 1.0).unwrap();
            optimizer.step(&mut model, &grads).unwrap();
        };
        (0..3).for_each(&mut step);
        let before = memory_stats();
        (3..53).for_each(&mut step);
        assert_eq!(memory_stats(), before);
    }
}
