//! Convolution and its gradients against loops over the definition, on many geometries; bits at any thread count, batch
//! size and memory order.

use tensor::{ConvOptions, DType, Padding, Rng, Spatial, Tensor, set_threads};

/// One geometry: images (n, c_in, ..), weights (c_out, c_in / groups, ..).
#[derive(Debug, Clone)]
struct Case {
    x: Vec<usize>,
    weight: Vec<usize>,
    options: ConvOptions,
}

fn normal(rng: &mut Rng, shape: &[usize], dtype: DType) -> Tensor {
    rng.normal(shape, 0.0, 1.0, dtype).unwrap()
}

fn pick(rng: &mut Rng, from: &[usize]) -> usize {
    let at = rng.uniform([1], 0.0, from.len() as f64, DType::F64).unwrap().item().unwrap();
    from[(at as usize).min(from.len() - 1)]
}

fn random_case(rng: &mut Rng) -> Case {
    loop {
        let rank = pick(rng, &[1, 2, 2, 2, 3]);
        let groups = pick(rng, &[1, 1, 1, 2, 3]);
        let depthwise = pick(rng, &[0, 0, 0, 1]) == 1;
        let (ins, outs) = match depthwise {
            true => (1, 1),
            false => (pick(rng, &[1, 2, 3, 5, 16, 17]), pick(rng, &[1, 2, 4, 7, 16, 20, 33])),
        };
        let groups = if depthwise { pick(rng, &[2, 5, 16, 19]) } else { groups };
        let mut numbers = |from: &[usize]| (0..rank).map(|_| pick(rng, from)).collect::<Vec<_>>();
        let kernel = numbers(&[1, 2, 3, 3, 3, 4, 5]);
        let size = numbers(if rank == 3 { &[3, 4, 6] } else { &[1, 4, 5, 7, 8, 11, 14] });
        let stride = numbers(&[1, 1, 1, 2, 3]);
        let dilation = numbers(&[1, 1, 1, 2]);
        let low = numbers(&[0, 1, 1, 2, 3]);
        let high = numbers(&[0, 1, 1, 2]);
        let fits = |i: usize| dilation[i] * (kernel[i] - 1) < size[i] + low[i] + high[i].min(low[i]);
        if !(0..rank).all(fits) {
            continue;
        }
        let padding = match pick(rng, &[0, 0, 1]) {
            0 => Padding::Uneven(low.iter().copied().zip(high).collect()),
            _ => Padding::Even(Spatial::from(&low[..])),
        };
        let n = pick(rng, &[1, 2, 3]);
        return Case {
            x: [vec![n, ins * groups], size].concat(),
            weight: [vec![outs * groups, ins], kernel].concat(),
            options: ConvOptions {
                stride: (&stride[..]).into(),
                padding,
                dilation: (&dilation[..]).into(),
                groups,
            },
        };
    }
}

/// Three spatial axes, the absent ones first, of sizes `fill`.
fn three(of: &[usize], fill: usize) -> [usize; 3] {
    let mut all = [fill; 3];
    all[3 - of.len()..].copy_from_slice(of);
    all
}

/// Calls `term(place in y, place in x, place in w)` for every product of the definition.
fn each_term(case: &Case, y: &[usize], mut term: impl FnMut(usize, usize, usize)) {
    let rank = case.x.len() - 2;
    let at = |s: &Spatial| s.over(rank).unwrap().to_vec();
    let (stride, dilation) = (three(&at(&case.options.stride), 1), three(&at(&case.options.dilation), 1));
    let low = match &case.options.padding {
        Padding::Even(n) => at(n),
        Padding::Uneven(pairs) => pairs.iter().map(|p| p.0).collect(),
        other => panic!("{other:?} is not in these cases"),
    };
    let low = three(&low, 0);
    let (size, kernel, out) = (three(&case.x[2..], 1), three(&case.weight[2..], 1), three(&y[2..], 1));
    let (ins, outs) = (case.weight[1], case.weight[0] / case.options.groups);
    for n in 0..case.x[0] {
        for o in 0..case.weight[0] {
            for i in 0..ins {
                let c = o / outs * ins + i;
                for p in 0..out.iter().product() {
                    let p3 = [p / (out[1] * out[2]), p / out[2] % out[1], p % out[2]];
                    for k in 0..kernel.iter().product() {
                        let k3 = [k / (kernel[1] * kernel[2]), k / kernel[2] % kernel[1], k % kernel[2]];
                        let from = [0, 1, 2].map(|a| p3[a] * stride[a] + k3[a] * dilation[a]);
                        if (0..3).any(|a| from[a] < low[a] || from[a] - low[a] >= size[a]) {
                            continue;
                        }
                        let q = [0, 1, 2].map(|a| from[a] - low[a]);
                        let q = (q[0] * size[1] + q[1]) * size[2] + q[2];
                        term(
                            (n * case.weight[0] + o) * out.iter().product::<usize>() + p,
                            (n * case.x[1] + c) * size.iter().product::<usize>() + q,
                            (o * ins + i) * kernel.iter().product::<usize>() + k,
                        );
                    }
                }
            }
        }
    }
}

/// Every element within `bound` of the sum of magnitudes of its terms.
fn assert_near(what: &str, case: &Case, got: &Tensor, want: &[f64], sizes: &[f64], bound: f64) {
    let got = got.to_dtype(DType::F64).unwrap().to_vec::<f64>().unwrap();
    assert_eq!(got.len(), want.len(), "{what} of {case:?}");
    let scale = sizes.iter().copied().fold(0.0, f64::max);
    for (i, ((g, w), _)) in got.iter().zip(want).zip(sizes).enumerate() {
        assert!((g - w).abs() <= bound * scale, "{what} of {case:?}: element {i} is {g}, not {w}");
    }
}

fn check(case: &Case, rng: &mut Rng, dtype: DType, bound: f64) {
    let x = normal(rng, &case.x, dtype);
    let weight = normal(rng, &case.weight, dtype);
    let bias = normal(rng, &case.weight[..1], dtype);
    let y = x.conv(&weight, Some(&bias), &case.options, false).unwrap();
    let g = normal(rng, y.shape(), dtype);
    let numbers = |t: &Tensor| t.to_dtype(DType::F64).unwrap().to_vec::<f64>().unwrap();
    let (xs, ws, bs, gs) = (numbers(&x), numbers(&weight), numbers(&bias), numbers(&g));
    let pixels: usize = y.shape()[2..].iter().product();
    let mut want: Vec<f64> = (0..y.len()).map(|i| bs[i / pixels % case.weight[0]]).collect();
    let mut sizes: Vec<f64> = want.iter().map(|b| b.abs()).collect();
    let (mut dx, mut dx_sizes) = (vec![0.0; xs.len()], vec![0.0; xs.len()]);
    let (mut dw, mut dw_sizes) = (vec![0.0; ws.len()], vec![0.0; ws.len()]);
    each_term(case, y.shape(), |p, q, k| {
        want[p] += xs[q] * ws[k];
        sizes[p] += (xs[q] * ws[k]).abs();
        dx[q] += gs[p] * ws[k];
        dx_sizes[q] += (gs[p] * ws[k]).abs();
        dw[k] += gs[p] * xs[q];
        dw_sizes[k] += (gs[p] * xs[q]).abs();
    });
    assert_near("conv", case, &y, &want, &sizes, bound);
    let rectified = x.conv(&weight, Some(&bias), &case.options, true).unwrap();
    assert!(rectified.bit_eq(&y.relu().unwrap()), "rectified {case:?}");
    let to_input = g.conv_input_grad(&weight, x.shape(), &case.options).unwrap();
    assert_near("conv_input_grad", case, &to_input, &dx, &dx_sizes, bound);
    let to_weight = x.conv_weight_grad(&g, weight.shape(), &case.options).unwrap();
    assert_near("conv_weight_grad", case, &to_weight, &dw, &dw_sizes, bound);
}

#[test]
fn random_geometries_match_the_definition() {
    let mut rng = Rng::seed(4);
    for i in 0..150 {
        let case = random_case(&mut rng);
        // Sums of some thousand terms at most.
        check(&case, &mut rng, DType::F64, 1e-14);
        if i % 3 == 0 {
            check(&case, &mut rng, DType::F32, 2e-6);
        }
    }
}

fn three_by_three(n: usize, c_in: usize, c_out: usize, size: [usize; 2], padding: usize) -> Case {
    Case {
        x: vec![n, c_in, size[0], size[1]],
        weight: vec![c_out, c_in, 3, 3],
        options: ConvOptions { padding: padding.into(), ..ConvOptions::default() },
    }
}

/// Windows that go by tiles, beside the plain 3×3 ones: wider, with steps inside, in groups, and deep.
fn other_windows() -> Vec<Case> {
    let case = |x: &[usize], weight: &[usize], padding: &[usize], dilation: &[usize], groups| Case {
        x: x.to_vec(),
        weight: weight.to_vec(),
        options: ConvOptions {
            padding: padding.into(),
            dilation: dilation.into(),
            groups,
            ..Default::default()
        },
    };
    // Steps that are wider than the image, all of whose border is on one side.
    let mut aside = case(&[1, 16, 4, 3], &[16, 16, 3, 3], &[0, 0], &[8, 5], 1);
    aside.options.padding = Padding::Uneven([(40, 0), (0, 30)].into_iter().collect());
    vec![
        aside,
        case(&[2, 48, 9, 8], &[49, 48, 5, 5], &[2, 2], &[1, 1], 1),
        case(&[1, 68, 12, 7], &[48, 68, 5, 5], &[0, 3], &[1, 1], 1),
        case(&[3, 48, 14, 13], &[32, 48, 3, 3], &[2, 2], &[2, 2], 1),
        case(&[2, 64, 17, 11], &[40, 64, 3, 3], &[1, 3], &[3, 1], 1),
        case(&[1, 64, 15, 23], &[64, 64, 5, 5], &[4, 6], &[2, 3], 1),
        case(&[2, 72, 8, 9], &[99, 24, 3, 3], &[1, 1], &[1, 1], 3),
        case(&[1, 64, 11, 16], &[96, 32, 5, 5], &[4, 4], &[2, 2], 2),
        case(&[2, 16, 5, 8, 7], &[18, 16, 3, 3, 3], &[1, 1, 1], &[1, 1, 1], 1),
        case(&[1, 48, 7, 11, 10], &[48, 48, 2, 3, 3], &[1, 2, 2], &[3, 2, 2], 1),
        case(&[1, 49, 4, 8, 8], &[48, 49, 1, 5, 5], &[0, 2, 2], &[1, 1, 1], 1),
    ]
}

/// Windows that move in steps, with as many taps a step as tiles are made for, over sizes and paddings that end anywhere.
fn windows_in_steps() -> Vec<Case> {
    let case = |x: &[usize], weight: &[usize], stride: &[usize], padding: &[usize]| Case {
        x: x.to_vec(),
        weight: weight.to_vec(),
        options: ConvOptions { stride: stride.into(), padding: padding.into(), ..Default::default() },
    };
    vec![
        case(&[2, 48, 19, 20], &[64, 48, 3, 3], &[2, 2], &[1, 1]),
        case(&[3, 65, 19, 29], &[48, 65, 3, 3], &[2, 2], &[0, 1]),
        case(&[1, 64, 20, 19], &[49, 64, 3, 4], &[2, 2], &[2, 1]),
        case(&[2, 24, 20, 18], &[32, 24, 4, 4], &[2, 2], &[1, 1]),
        case(&[1, 3, 40, 44], &[50, 3, 7, 7], &[2, 2], &[3, 3]),
        case(&[2, 16, 23, 23], &[32, 16, 7, 8], &[2, 2], &[5, 3]),
        case(&[1, 32, 17, 18], &[40, 32, 5, 5], &[2, 2], &[2, 3]),
        case(&[1, 16, 30, 31], &[33, 16, 8, 7], &[3, 3], &[4, 2]),
        case(&[1, 3, 60, 60], &[48, 3, 11, 11], &[4, 4], &[2, 2]),
        case(&[1, 64, 15, 32], &[64, 64, 2, 5], &[1, 3], &[0, 2]),
        case(&[2, 40, 11, 11], &[50, 40, 2, 2], &[1, 1], &[1, 0]),
        case(&[2, 40, 14, 14], &[33, 40, 4, 4], &[1, 1], &[3, 1]),
        case(&[1, 32, 5, 19, 20], &[48, 32, 2, 3, 3], &[1, 2, 2], &[1, 1, 1]),
        // The last pixels are in no window.
        case(&[1, 64, 20, 20], &[64, 64, 3, 3], &[2, 2], &[0, 0]),
    ]
}

/// Convolutions, or gradients for the input, into fewer channels than a register holds, in several bands of rows.
fn into_few_channels() -> Vec<Case> {
    let case = |x: &[usize], weight: &[usize], stride: usize, padding: usize| Case {
        x: x.to_vec(),
        weight: weight.to_vec(),
        options: ConvOptions { stride: stride.into(), padding: padding.into(), ..Default::default() },
    };
    vec![
        case(&[1, 16, 67, 30], &[3, 16, 3, 3], 1, 1),
        case(&[2, 9, 50, 70], &[1, 9, 5, 4], 1, 2),
        case(&[1, 3, 81, 40], &[16, 3, 7, 7], 2, 3),
        case(&[1, 2, 64, 9], &[10, 2, 2, 3], 3, 0),
        case(&[2, 8, 4, 6, 5], &[4, 8, 2, 3, 2], 1, 1),
        case(&[1, 12, 300], &[2, 12, 9], 1, 4),
    ]
}

#[test]
fn windows_of_all_kinds_match_the_definition() {
    let mut rng = Rng::seed(5);
    for (n, c_in, c_out, size, padding) in [
        (1, 16, 16, [8, 8], 1),
        (5, 16, 17, [7, 9], 1),
        (3, 19, 16, [14, 14], 1),
        (2, 32, 48, [4, 5], 2),
        (9, 16, 33, [6, 6], 0),
        (2, 16, 16, [30, 33], 1),
        (1, 64, 16, [9, 21], 1),
    ] {
        let case = three_by_three(n, c_in, c_out, size, padding);
        check(&case, &mut rng, DType::F64, 1e-14);
        check(&case, &mut rng, DType::F32, 4e-6);
    }
    for case in other_windows().into_iter().chain(windows_in_steps()).chain(into_few_channels()) {
        check(&case, &mut rng, DType::F64, 1e-14);
        check(&case, &mut rng, DType::F32, 4e-6);
    }
}

#[test]
fn bits_do_not_depend_on_threads_batch_or_memory_order() {
    let mut rng = Rng::seed(6);
    let mut cases: Vec<Case> = (0..20).map(|_| random_case(&mut rng)).collect();
    cases.push(three_by_three(11, 16, 24, [14, 10], 1));
    cases.push(three_by_three(3, 32, 16, [40, 40], 1));
    cases.extend(other_windows());
    cases.extend(windows_in_steps());
    cases.extend(into_few_channels());
    for case in cases {
        let x = normal(&mut rng, &case.x, DType::F32);
        let weight = normal(&mut rng, &case.weight, DType::F32);
        let run = |x: &Tensor| x.conv(&weight, None, &case.options, false).unwrap();
        set_threads(1);
        let y = run(&x);
        let g = normal(&mut rng, y.shape(), DType::F32);
        let back = |x: &Tensor, g: &Tensor| {
            (
                g.conv_input_grad(&weight, x.shape(), &case.options).unwrap(),
                x.conv_weight_grad(g, weight.shape(), &case.options).unwrap(),
            )
        };
        let (dx, dw) = back(&x, &g);
        for threads in [2, 3, 8] {
            set_threads(threads);
            assert!(run(&x).bit_eq(&y), "{threads} threads: {case:?}");
            let (dx2, dw2) = back(&x.channels_last().unwrap(), &g);
            assert!(dx2.bit_eq(&dx) && dw2.bit_eq(&dw), "gradients, {threads} threads: {case:?}");
        }
        let first = x.narrow(0, 0, 1).unwrap();
        assert!(run(&first).bit_eq(&y.narrow(0, 0, 1).unwrap()), "one image: {case:?}");
    }
    set_threads(2);
}

/// Results of 12 MB and more are stored past the caches, an image of them is not.
#[test]
fn large_results_have_the_bits_of_those_of_one_image() {
    let mut rng = Rng::seed(9);
    // By tiles, in steps, by whole windows with one chain and with several, and channel by channel; whole lines of memory, and not.
    for (c_in, c_out, kernel, stride, groups) in [
        (32, 64, 3, 1, 1),
        (48, 64, 3, 2, 1),
        (8, 64, 1, 1, 1),
        (12, 64, 7, 1, 1),
        (64, 64, 3, 1, 64),
        (64, 50, 1, 1, 1),
        (50, 50, 3, 1, 50),
    ] {
        let size = 24 * stride;
        let n = (13 << 20) / (24 * 24 * 4 * c_out.min(50)) + 1;
        let options =
            ConvOptions { stride: stride.into(), padding: (kernel / 2).into(), groups, ..Default::default() };
        let x = normal(&mut rng, &[n, c_in, size, size], DType::F32);
        let weight = normal(&mut rng, &[c_out, c_in / groups, kernel, kernel], DType::F32);
        let bias = normal(&mut rng, &[c_out], DType::F32);
        let last = |x: &Tensor| x.narrow(0, n - 1, 1).unwrap();
        for (bias, relu) in [(None, false), (Some(&bias), true)] {
            let run = |x: &Tensor| x.conv(&weight, bias, &options, relu).unwrap();
            let y = run(&x);
            assert!(y.len() * 4 >= 12 << 20, "{:?} is not large", y.shape());
            assert!(last(&y).bit_eq(&run(&last(&x))), "{c_in} to {c_out} by {kernel}, relu {relu}");
        }
        let g = normal(&mut rng, &[n, c_out, 24, 24], DType::F32);
        let back = |g: &Tensor| {
            let shape = [g.shape()[0], c_in, size, size];
            g.conv_input_grad(&weight, &shape[..], &options).unwrap()
        };
        assert!(last(&back(&g)).bit_eq(&back(&last(&g))), "gradient of {c_in} to {c_out} by {kernel}");
    }
}

#[test]
fn values_that_are_not_finite_stay_in_their_windows() {
    let mut rng = Rng::seed(7);
    let case = three_by_three(2, 16, 16, [12, 12], 1);
    let weight = normal(&mut rng, &case.weight, DType::F32);
    let x = normal(&mut rng, &case.x, DType::F32);
    for bad in [f64::INFINITY, f64::NAN, 1e30] {
        let mut values = x.to_vec::<f32>().unwrap();
        // The pixel (5, 5) of the first image.
        values[5 * 12 + 5] = bad as f32;
        let spoiled = Tensor::from_vec(values, x.shape()).unwrap();
        let y = spoiled.conv(&weight, None, &case.options, false).unwrap();
        let clean = x.conv(&weight, None, &case.options, false).unwrap();
        let (y, clean) = (y.to_vec::<f32>().unwrap(), clean.to_vec::<f32>().unwrap());
        for (i, (a, b)) in y.iter().zip(&clean).enumerate() {
            let (image, row, column) = (i / (16 * 144), i / 12 % 12, i % 12);
            let sees = image == 0 && (4..=6).contains(&row) && (4..=6).contains(&column);
            // NaN is not the same.
            let same = (a - b).abs() < 1e-3;
            assert_eq!(sees, !same, "{bad} at pixel ({row}, {column}) of image {image}: {a}, {b}");
        }
    }
}

#[test]
fn transposed_convolution_is_the_adjoint() {
    let mut rng = Rng::seed(8);
    for (stride, padding, output_padding, dilation) in
        [(1, 0, 0, 1), (2, 1, 1, 1), (3, 1, 2, 1), (2, 0, 1, 2)]
    {
        let options = ConvOptions {
            stride: stride.into(),
            padding: padding.into(),
            dilation: dilation.into(),
            groups: 2,
        };
        let x = normal(&mut rng, &[2, 6, 5, 4], DType::F64);
        let weight = normal(&mut rng, &[6, 4, 3, 3], DType::F64);
        let bias = normal(&mut rng, &[8], DType::F64);
        let y = x.conv_transpose(&weight, Some(&bias), &options, &output_padding.into()).unwrap();
        let size = |n: usize| (n - 1) * stride + dilation * 2 + 1 + output_padding - 2 * padding;
        assert_eq!(y.shape(), [2, 8, size(5), size(4)]);
        let y = y.sub(&bias.reshape([8, 1, 1]).unwrap()).unwrap();
        let u = normal(&mut rng, y.shape(), DType::F64);
        let down = u.conv(&weight, None, &options, false).unwrap();
        let dot = |a: &Tensor, b: &Tensor| a.mul(b).unwrap().sum(&[]).unwrap().item().unwrap();
        assert!((dot(&y, &u) - dot(&x, &down)).abs() < 1e-11);
    }
}
