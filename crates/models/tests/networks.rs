//! Every family of networks: each parameter has a gradient, and a few steps make the loss of one batch fall.

use autodiff::Var;
use models::{
    Autoencoder, AutoencoderConfig, LeNet, LeNetConfig, MobileNet, MobileNetConfig, ResNet, ResNetConfig,
    UNet, UNetConfig, Vgg, VggConfig,
};
use nn::{Context, Layer};
use optim::{Adam, Optimizer};
use tensor::{DType, Rng, Tensor};

/// Trains `net` towards outputs of noise for some steps, by which the loss must fall by a fifth.
fn learns(name: &str, mut net: impl Layer, images: &[usize], steps: usize) {
    let rng = &mut Rng::seed(1);
    let x: Var = rng.uniform(images, 0.0, 1.0, DType::F32).unwrap().into();
    let shape = net.forward(&x, &mut Context::eval()).unwrap().shape().to_vec();
    let wanted: Var = rng.uniform(shape, 0.0, 1.0, DType::F32).unwrap().into();
    let mut adam = Adam::new(3e-3);
    let (mut first, mut last) = (f64::NAN, f64::NAN);
    for step in 0..steps {
        let y = net.forward(&x, &mut Context::train(rng)).unwrap();
        let loss = y.sub(&wanted).unwrap().square().unwrap().mean(&[]).unwrap();
        last = loss.item().unwrap();
        let grads = loss.backward().unwrap();
        if step == 0 {
            first = last;
            for (path, param) in net.named_params() {
                let grad: &Tensor =
                    grads.get(param.id()).unwrap_or_else(|| panic!("{name}: {path} has no gradient"));
                let largest = grad.abs().unwrap().max(&[]).unwrap().item().unwrap();
                assert!(largest > 0.0 && largest.is_finite(), "{name}: {path} has a gradient of {largest}");
            }
        }
        adam.step(&mut net, &grads).unwrap();
    }
    assert!(last < 0.8 * first, "{name}: the loss went from {first} to {last}");
}

#[test]
fn every_family_learns() {
    let rng = &mut Rng::seed(0);
    let lenet = LeNetConfig { size: [8, 8], channels: vec![4, 8], hidden: 16, ..LeNetConfig::default() };
    learns("lenet", LeNet::new(&lenet, rng).unwrap(), &[8, 1, 8, 8], 12);
    for batch_norm in [false, true] {
        let config = VggConfig {
            stages: vec![vec![8], vec![16, 16]],
            hidden: 32,
            pooled: 2,
            dropout: 0.0,
            batch_norm,
            ..VggConfig::vgg16(5)
        };
        learns("vgg", Vgg::new(&config, rng).unwrap(), &[8, 3, 16, 16], 12);
    }
    let bottleneck =
        ResNetConfig { blocks: vec![1, 2], width: 8, large_images: false, ..ResNetConfig::resnet50(5) };
    learns("resnet, bottleneck", ResNet::new(&bottleneck, rng).unwrap(), &[8, 3, 8, 8], 12);
    let large = ResNetConfig { blocks: vec![1, 1], width: 8, ..ResNetConfig::resnet18(5) };
    learns("resnet, large images", ResNet::new(&large, rng).unwrap(), &[4, 3, 32, 32], 12);
    let mobile = MobileNetConfig { width: 8, blocks: vec![(16, 1), (24, 2)], ..MobileNetConfig::small(5) };
    learns("mobilenet", MobileNet::new(&mobile, rng).unwrap(), &[8, 3, 8, 8], 12);
    let unet = UNetConfig { width: 4, depth: 2, ..UNetConfig::default() };
    learns("unet", UNet::new(&unet, rng).unwrap(), &[2, 1, 8, 12], 12);
    // Outputs between 0 and 1 begin at 1/2, and eight numbers must tell eight images of noise apart.
    learns("autoencoder", Autoencoder::new(&AutoencoderConfig::default(), rng).unwrap(), &[8, 1, 8, 8], 200);
}
