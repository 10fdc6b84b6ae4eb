//! Settings of their own for some parameters. That they enter the update as they should is in the goldens.

use crate::{Net, get, gradients, net};
use nn::Module;
use optim::{AdamW, Groups, Optimizer, Sgd};

#[test]
fn a_pattern_that_names_no_parameter_is_refused_with_the_paths_there_are() {
    let model = &mut net(0);
    let text = |groups: Groups, model: &mut Net| {
        let grads = gradients(model, 0);
        AdamW::new(0.1).groups(groups).step(model, &grads).unwrap_err().to_string()
    };
    assert_eq!(
        text(Groups::default().lr_scale("backbone.**", 0.1), model),
        "[adamw] a group's pattern must match at least one parameter; got \"backbone.**\", where the model has \
         body.weight, body.bias, scale, head.weight, head.bias; correct the pattern"
    );
    assert_eq!(
        text(Groups::default().weight_decay("head.*", -1.0), model),
        "[adamw] a group's setting must be finite and not negative; got weight_decay -1; correct the configuration"
    );
    assert_eq!(
        text(Groups::default().lr_scale("head.*", f64::NAN), model),
        "[adamw] a group's setting must be finite and not negative; got lr_scale NaN; correct the configuration"
    );
}

#[test]
fn a_group_of_frozen_parameters_is_no_mistake() {
    let model = &mut net(0);
    model.freeze("body.**").unwrap();
    let groups = Groups::default().lr_scale("body.**", 0.1);
    let grads = gradients(model, 0);
    Sgd::new(0.1).groups(groups).step(model, &grads).unwrap();
}

#[test]
fn a_scale_of_0_keeps_a_parameter_where_it_is() {
    let model = &mut net(0);
    let before = get(model, "scale");
    let grads = gradients(model, 0);
    AdamW::new(0.1).groups(Groups::default().lr_scale("scale", 0.0)).step(model, &grads).unwrap();
    assert_eq!(get(model, "scale"), before);
}
