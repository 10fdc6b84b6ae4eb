use tensor::DType;

#[test]
fn the_digits_are_the_1797_images_of_the_source() {
    let digits = data::digits().unwrap();
    assert_eq!(
        (digits.len(), digits.features().shape(), digits.features().dtype()),
        (1797, &[1797, 64][..], DType::F32)
    );
    let pixels = digits.features().to_vec::<f32>().unwrap();
    let labels = digits.labels().unwrap();
    assert!(pixels.iter().all(|x| (0.0..=16.0).contains(x) && x.fract() == 0.0));
    // Sums that scikit-learn's copy gives: all pixels; pixels weighted by place; ink weighted by label; rows a class.
    assert_eq!(pixels.iter().sum::<f32>(), 561718.0);
    let by_place: u64 = pixels.iter().enumerate().map(|(i, &x)| (i as u64 % 64) * x as u64).sum();
    assert_eq!(by_place, 17_660_653);
    let by_label: u64 =
        pixels.chunks(64).zip(&labels).map(|(x, &y)| x.iter().sum::<f32>() as u64 * y as u64).sum();
    assert_eq!(by_label, 2_525_954);
    let mut counts = [0; 10];
    labels.iter().for_each(|&label| counts[label as usize] += 1);
    assert_eq!(counts, [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]);
    assert_eq!(labels[..10], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
}

#[test]
fn the_first_digit_looks_like_a_zero() {
    let image = data::digits().unwrap().get(0).unwrap().0.to_vec::<f32>().unwrap();
    let drawn: Vec<String> =
        image.chunks(8).map(|row| row.iter().map(|&x| if x >= 8.0 { '#' } else { '.' }).collect()).collect();
    assert_eq!(
        drawn,
        ["...##...", "..####..", "..#..##.", "..#..##.", "..#..##.", "..#..#..", "..#.##..", "...##..."],
        "{image:?}"
    );
}

#[test]
fn the_digits_are_ten_named_classes() {
    let digits = data::digits().unwrap();
    assert_eq!(digits.class_names().unwrap(), ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]);
    assert_eq!(digits.feature_names(), None);
}
