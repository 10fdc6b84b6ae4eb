//! Pictures in folders, CIFAR-10, and images that differ from epoch to epoch.

use data::{
    Augment, Augmented, BatchConfig, Dataset, ImageFiles, ImageFolderOptions, Loader, Source, cifar10,
    image_folder, mixup,
};
use image::{GrayImage, Luma, Rgb, RgbImage};
use proptest::prelude::*;
use std::fs;
use std::path::Path;
use tensor::{DType, Rng, Tensor};

fn red(path: &Path, width: u32, height: u32) {
    RgbImage::from_pixel(width, height, Rgb([255, 51, 0])).save(path).unwrap();
}

/// Two classes with a picture each, the second one grey.
fn folders() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for class in ["cat", "ant"] {
        fs::create_dir(dir.path().join(class)).unwrap();
    }
    red(&dir.path().join("cat/a.png"), 3, 2);
    GrayImage::from_pixel(3, 2, Luma([102])).save(dir.path().join("ant/b.bmp")).unwrap();
    fs::write(dir.path().join("ant/notes.txt"), "no picture").unwrap();
    dir
}

#[test]
fn a_folder_is_a_class_and_its_pictures_are_rows() {
    let dir = folders();
    let read = image_folder(dir.path(), &ImageFolderOptions::default()).unwrap();
    assert_eq!(read.data.class_names().unwrap(), ["ant", "cat"]);
    assert_eq!(read.data.labels().unwrap(), [0, 1]);
    assert_eq!(read.data.features().shape(), [2, 3, 2, 3]);
    let values = read.data.features().to_vec::<f32>().unwrap();
    assert!(values[..18].iter().all(|v| *v == 0.4));
    assert_eq!((values[18], values[24], values[30]), (1.0, 0.2, 0.0));
    assert!(read.files[1].ends_with("cat/a.png") && read.skipped.is_empty());
    let grey = image_folder(dir.path(), &ImageFolderOptions { grey: true, ..Default::default() }).unwrap();
    assert_eq!(grey.data.features().shape(), [2, 1, 2, 3]);
}

#[test]
fn pictures_of_other_sizes_are_refused_resized_or_skipped() {
    let dir = folders();
    let path = dir.path().join("cat/large.png");
    red(&path, 9, 6);
    let error = image_folder(dir.path(), &ImageFolderOptions::default()).unwrap_err().to_string();
    let first = dir.path().join("ant/b.bmp");
    assert_eq!(
        error,
        format!(
            "{}: [image_folder] all pictures must have one size; got [6, 9] (height, width), where {} has [2, 3]; give a size to bring them to, or skip the others",
            path.display(),
            first.display()
        )
    );
    let options = ImageFolderOptions { size: Some([4, 4]), ..Default::default() };
    assert_eq!(image_folder(dir.path(), &options).unwrap().data.features().shape(), [3, 3, 4, 4]);
    let options = ImageFolderOptions { skip_bad: true, ..Default::default() };
    let read = image_folder(dir.path(), &options).unwrap();
    assert_eq!((read.data.len(), &read.skipped[0].path), (2, &path));
}

#[test]
fn pictures_that_cannot_be_read_are_named_or_skipped() {
    let dir = folders();
    let broken = dir.path().join("cat/broken.png");
    let mut bytes = fs::read(dir.path().join("cat/a.png")).unwrap();
    bytes.truncate(bytes.len() / 2);
    fs::write(&broken, bytes).unwrap();
    let error = image_folder(dir.path(), &ImageFolderOptions::default()).unwrap_err().to_string();
    let named = format!(
        "{}: [image_folder] a picture must be a PNG, JPEG or BMP that can be decoded; got ",
        broken.display()
    );
    assert!(error.starts_with(&named), "{error}");
    let read =
        image_folder(dir.path(), &ImageFolderOptions { skip_bad: true, ..Default::default() }).unwrap();
    assert_eq!((read.data.len(), read.skipped.len()), (2, 1));
}

#[test]
fn a_picture_that_claims_to_be_huge_is_refused_before_memory_is_taken() {
    let dir = folders();
    // The header of a bitmap of 2³⁰ × 2³⁰ pixels.
    let mut bytes = fs::read(dir.path().join("ant/b.bmp")).unwrap();
    bytes[18..22].copy_from_slice(&(1i32 << 30).to_le_bytes());
    bytes[22..26].copy_from_slice(&(1i32 << 30).to_le_bytes());
    fs::write(dir.path().join("ant/b.bmp"), bytes).unwrap();
    assert!(image_folder(dir.path(), &ImageFolderOptions::default()).is_err());
}

#[test]
fn folders_without_pictures_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let text = |options| image_folder(dir.path(), &options).unwrap_err().to_string();
    let shown = dir.path().display();
    assert_eq!(
        text(ImageFolderOptions::default()),
        format!(
            "{shown}: [image_folder] a directory must hold a folder for each class; got no folders; give dir/class/picture.png, or skip what cannot be read"
        )
    );
    fs::create_dir(dir.path().join("cat")).unwrap();
    assert_eq!(
        text(ImageFolderOptions::default()),
        format!(
            "{shown}: [image_folder] there must be a picture; got 1 folders and 0 pictures that cannot be read; give dir/class/picture.png, or skip what cannot be read"
        )
    );
    assert!(
        text(ImageFolderOptions { size: Some([0, 4]), ..Default::default() })
            .starts_with("[image_folder] pictures must have")
    );
}

#[test]
fn cifar_10_is_read_from_its_records() {
    let dir = tempfile::tempdir().unwrap();
    let record = |label: u8, value: u8| [vec![label], vec![value; 3072]].concat();
    for i in 1..=5u8 {
        fs::write(dir.path().join(format!("data_batch_{i}.bin")), [record(i, 51), record(0, 0)].concat())
            .unwrap();
    }
    let error = cifar10(dir.path()).unwrap_err().to_string();
    assert!(error.contains("test_batch.bin: [cifar10] the file must be readable"), "{error}");
    fs::write(dir.path().join("test_batch.bin"), record(9, 255)).unwrap();
    let set = cifar10(dir.path()).unwrap();
    let train = set.train.into_inner();
    assert_eq!(train.features().shape(), [10, 3, 32, 32]);
    assert_eq!(train.labels().unwrap(), [1, 0, 2, 0, 3, 0, 4, 0, 5, 0]);
    assert_eq!(train.features().to_vec::<f32>().unwrap()[0], 0.2);
    assert_eq!(set.test.class_names().unwrap()[9], "truck");
    for (bytes, text) in [
        (
            vec![0; 3072],
            "[cifar10] a file must be made of records of 3,073 bytes; got 3072 bytes; use the binary version of the set",
        ),
        (
            Vec::new(),
            "[cifar10] a file must be made of records of 3,073 bytes; got 0 bytes; use the binary version of the set",
        ),
        (
            record(10, 0),
            "[cifar10] a label must lie in 0..10; got 10 in record 0; use the binary version of CIFAR-10",
        ),
    ] {
        fs::write(dir.path().join("test_batch.bin"), bytes).unwrap();
        assert!(cifar10(dir.path()).unwrap_err().to_string().ends_with(text));
    }
}

fn images(n: usize) -> Dataset {
    let x = Rng::seed(1).uniform([n, 2, 5, 4], 1.0, 2.0, DType::F32).unwrap();
    let labels = Tensor::from_vec((0..n as i64).map(|i| i % 3).collect(), [n]).unwrap();
    Dataset::classification(x, labels, ["a", "b", "c"].map(String::from).to_vec()).unwrap()
}

fn changed(step: Augment, epoch: u64) -> (Tensor, Tensor) {
    let data = images(64);
    let source = Augmented::new(&data, vec![step], 3).unwrap();
    let rows: Vec<usize> = (0..64).collect();
    (data.features().clone(), source.batch_in(epoch, &rows).unwrap().features)
}

#[test]
fn what_happens_depends_on_seed_epoch_and_row_alone() {
    let data = images(20);
    let steps = || {
        vec![
            Augment::RandomCrop { padding: 2 },
            Augment::HorizontalFlip { p: 0.5 },
            Augment::Rotate { degrees: 30.0 },
            Augment::Erase { p: 0.5, area: (0.1, 0.4) },
        ]
    };
    let source = Augmented::new(&data, steps(), 3).unwrap();
    let alone = source.batch_in(2, &[7]).unwrap().features;
    let among = source.batch_in(2, &[1, 7, 7]).unwrap().features;
    assert!(alone.bit_eq(&among.narrow(0, 1, 1).unwrap()) && alone.bit_eq(&among.narrow(0, 2, 1).unwrap()));
    let other =
        |seed, epoch| Augmented::new(&data, steps(), seed).unwrap().batch_in(epoch, &[7]).unwrap().features;
    assert!(!alone.bit_eq(&other(4, 2)) && !alone.bit_eq(&other(3, 3)));
    // A loader passes the epoch on.
    let loader =
        Loader::new(&source, BatchConfig { batch_size: 20, shuffle: None, drop_last: false }).unwrap();
    let of = |epoch| loader.epoch(epoch).next().unwrap().unwrap().features;
    assert!(of(2).narrow(0, 7, 1).unwrap().bit_eq(&alone) && !of(0).bit_eq(&of(1)));
}

#[test]
fn flips_are_mirrors_and_happen_as_often_as_asked() {
    for (step, axis) in [(Augment::HorizontalFlip { p: 0.5 }, 3), (Augment::VerticalFlip { p: 0.5 }, 2)] {
        let (x, y) = changed(step, 0);
        let mirrored = x.flip(axis).unwrap();
        let count = (0..64)
            .filter(|&i| {
                let [x, y, m] = [&x, &y, &mirrored].map(|t| t.narrow(0, i, 1).unwrap());
                assert!(y.bit_eq(&x) || y.bit_eq(&m));
                y.bit_eq(&m)
            })
            .count();
        assert!((16..=48).contains(&count), "{count}");
    }
    let (x, y) = changed(Augment::HorizontalFlip { p: 1.0 }, 0);
    assert!(y.bit_eq(&x.flip(3).unwrap().contiguous().unwrap()));
}

#[test]
fn crops_are_windows_of_the_padded_image() {
    let (x, y) = changed(Augment::RandomCrop { padding: 2 }, 0);
    let padded = x.pad(&[(2, 2, 2), (3, 2, 2)], tensor::PadMode::Constant(0.0)).unwrap();
    let mut places = std::collections::BTreeSet::new();
    for i in 0..64 {
        let (y, padded) = (y.narrow(0, i, 1).unwrap(), padded.narrow(0, i, 1).unwrap());
        let found = (0..5)
            .flat_map(|a| (0..5).map(move |b| (a, b)))
            .find(|&(a, b)| padded.narrow(2, a, 5).unwrap().narrow(3, b, 4).unwrap().bit_eq(&y));
        places.insert(found.expect("a crop is a window"));
    }
    assert!(places.len() > 15, "{places:?}");
}

#[test]
fn no_angle_changes_nothing() {
    let (x, y) = changed(Augment::Rotate { degrees: 0.0 }, 0);
    assert!(y.bit_eq(&x));
}

#[test]
fn erasing_sets_one_rectangle_of_the_asked_share() {
    let (_, y) = changed(Augment::Erase { p: 1.0, area: (0.2, 0.4) }, 0);
    for image in y.to_vec::<f32>().unwrap().chunks(40) {
        let gone: Vec<usize> = (0..20).filter(|&p| image[p] == 0.0).collect();
        assert!((2..=12).contains(&gone.len()), "{gone:?}");
        assert!((0..20).all(|p| (image[p] == 0.0) == (image[20 + p] == 0.0)), "all channels lose the same");
        let (rows, columns): (Vec<_>, Vec<_>) = gone.iter().map(|p| (p / 4, p % 4)).unzip();
        let span = |v: &[usize]| v.iter().max().unwrap() - v.iter().min().unwrap() + 1;
        assert_eq!(span(&rows) * span(&columns), gone.len(), "a rectangle");
    }
}

#[test]
fn normalised_channels_have_mean_0_and_deviation_1() {
    let data = images(64);
    let step = Augment::normalize(data.features()).unwrap();
    let (_, y) = changed(step, 0);
    let y = y.to_dtype(DType::F64).unwrap();
    for (mean, var) in y
        .mean(&[0, 2, 3])
        .unwrap()
        .to_vec::<f64>()
        .unwrap()
        .iter()
        .zip(y.var(&[0, 2, 3], 0).unwrap().to_vec::<f64>().unwrap())
    {
        assert!(mean.abs() < 1e-6 && (var - 1.0).abs() < 1e-5);
    }
}

fn jitter(brightness: f64, contrast: f64, saturation: f64, hue: f64) -> Augment {
    Augment::ColorJitter { brightness, contrast, saturation, hue }
}

/// 200 images of 6 pixels from 0 to 1, and what the step makes of them in epoch 0.
fn jittered(channels: usize, step: Augment) -> (Vec<f32>, Vec<f32>) {
    let x = Rng::seed(4).uniform([200, channels, 2, 3], 0.25, 0.5, DType::F32).unwrap();
    let data = Dataset::regression(x, Tensor::zeros([200, 1], DType::F32).unwrap()).unwrap();
    let source = Augmented::new(&data, vec![step], 3).unwrap();
    let y = source.batch(&(0..200).collect::<Vec<_>>()).unwrap().features;
    (data.features().to_vec().unwrap(), y.to_vec().unwrap())
}

#[test]
fn factors_of_brightness_fill_their_range() {
    for (strength, low, high) in [(0.5f32, 0.5f32, 1.5f32), (2.0, 0.0, 3.0)] {
        let (x, y) = jittered(3, jitter(strength.into(), 0.0, 0.0, 0.0));
        let mut factors = Vec::new();
        for (x, y) in x.chunks(18).zip(y.chunks(18)) {
            let factor = y[0] / x[0];
            // Where nothing is cut, one factor for the image.
            if y.iter().all(|y| *y < 1.0) {
                assert!(x.iter().zip(y).all(|(x, y)| (y - factor * x).abs() < 1e-6));
                factors.push(factor);
            }
            assert!(low <= factor && factor <= high + 1e-6, "{factor}");
        }
        // The chance that 100 draws or more leave a tenth of the range free at the lower end is below 0.9^100 = 3e-5.
        assert!(factors.len() > 100 && factors.iter().any(|f| *f < low + (high - low) / 10.0));
    }
}

#[test]
fn colours_change_in_every_order_and_not_without_strength() {
    let (x, y) = jittered(3, jitter(0.0, 0.0, 0.0, 0.0));
    assert_eq!(x, y);
    let (x, y) = jittered(3, jitter(0.0, 0.0, 0.0, 0.5));
    for (x, y) in x.chunks(18).zip(y.chunks(18)) {
        for i in 0..6 {
            let most = |v: &[f32]| v[i].max(v[6 + i]).max(v[12 + i]);
            let least = |v: &[f32]| v[i].min(v[6 + i]).min(v[12 + i]);
            assert!((most(x) - most(y)).abs() < 1e-6 && (least(x) - least(y)).abs() < 1e-6);
        }
    }
    assert_ne!(x, y);
    // Brightness by up to 3 and contrast down to 0: cut first and mixed with the mean then, or the other way round.
    let (_, y) = jittered(1, jitter(2.0, 1.0, 0.7, 0.5));
    let cut_last = y.chunks(6).filter(|y| y.contains(&1.0)).count();
    assert!(y.iter().all(|y| (0.0..=1.0).contains(y)) && (10..190).contains(&cut_last), "{cut_last}");
}

#[test]
fn colours_change_by_seed_epoch_and_row_alone() {
    let x = Rng::seed(4).uniform([9, 3, 2, 3], 0.0, 1.0, DType::F32).unwrap();
    let data = Dataset::regression(x, Tensor::zeros([9, 1], DType::F32).unwrap()).unwrap();
    let source = Augmented::new(&data, vec![jitter(0.4, 0.4, 0.4, 0.1)], 3).unwrap();
    let alone = source.batch_in(2, &[7]).unwrap().features;
    let among = source.batch_in(2, &[1, 7]).unwrap().features.narrow(0, 1, 1).unwrap();
    assert!(alone.bit_eq(&among) && !alone.bit_eq(&source.batch_in(3, &[7]).unwrap().features));
}

#[test]
fn mixtures_are_of_pairs_and_their_labels() {
    let data = images(16);
    let batch = data.batch(&(0..16).collect::<Vec<_>>()).unwrap();
    let mixed = mixup(&batch, 3, &mut Rng::seed(2)).unwrap();
    let sums = mixed.targets.sum(&[1]).unwrap().to_vec::<f32>().unwrap();
    assert!(sums.iter().all(|s| (s - 1.0).abs() < 1e-6));
    // The own label has half at least.
    let own =
        mixed.targets.gather(1, &batch.targets.reshape([16, 1]).unwrap()).unwrap().to_vec::<f32>().unwrap();
    assert!(own.iter().all(|p| *p >= 0.5) && own.iter().any(|p| *p < 1.0));
    assert!(!mixed.features.bit_eq(&batch.features));
}

#[test]
fn steps_that_cannot_be_are_refused() {
    let data = images(2);
    for (step, text) in [
        (
            Augment::HorizontalFlip { p: 1.5 },
            "[augment] a probability must lie in 0..=1; got 1.5; use 0.5 or the like",
        ),
        (
            Augment::Rotate { degrees: f64::NAN },
            "[augment] an angle must lie in 0..=180; got NaN; use 10 or the like",
        ),
        (
            Augment::Erase { p: 0.5, area: (0.5, 0.2) },
            "[augment] a share of the area must lie in 0..=1, the smaller first; got 0.5 to 0.2; use (0.02, 0.2)",
        ),
        (
            jitter(0.1, f64::NAN, 0.1, 0.1),
            "[augment] strengths must be numbers of 0 or more; got brightness 0.1, contrast NaN, saturation 0.1; use 0.2 or the like",
        ),
        (jitter(0.1, 0.1, 0.1, 0.6), "[augment] a hue must turn by 0..=0.5; got 0.6; use 0.1 or the like"),
        (
            Augment::Normalize { mean: vec![0.0], std: vec![0.0] },
            "[augment] there must be a mean and a deviation, not 0, for each channel; got means [0.0], deviations [0.0]; fit them with Augment::normalize",
        ),
    ] {
        assert_eq!(Augmented::new(&data, vec![step], 0).unwrap_err().to_string(), text);
    }
    let two = Augmented::new(&data, vec![jitter(0.1, 0.1, 0.1, 0.1)], 0).unwrap();
    assert_eq!(
        two.batch(&[0]).map(|_| ()).unwrap_err().to_string(),
        "[augment] images must be grey, or red, green and blue, for their colours to change; got 2 channels; leave the step out, or select three channels"
    );
    let flat = data.map_features(|x| Ok(x.reshape([2, 40])?)).unwrap();
    let source = Augmented::new(&flat, vec![], 0).unwrap();
    assert_eq!(
        source.batch(&[0]).map(|_| ()).unwrap_err().to_string(),
        "[augment] images must be (n, channels, height, width); got [1, 40]; reshape the features"
    );
}

#[test]
fn pictures_read_batch_by_batch_are_those_read_at_once() {
    let dir = folders();
    for options in [
        ImageFolderOptions::default(),
        ImageFolderOptions { grey: true, size: Some([5, 4]), ..Default::default() },
    ] {
        let read = image_folder(dir.path(), &options).unwrap();
        let files = ImageFiles::open(dir.path(), &options).unwrap();
        assert_eq!((files.len(), files.files()), (2, &read.files[..]));
        assert_eq!(files.class_names(), read.data.class_names().unwrap());
        assert_eq!(files.labels(), read.data.labels().unwrap());
        for rows in [&[1, 0, 1][..], &[0], &[]] {
            let (a, b) = (files.batch(rows).unwrap(), read.data.batch(rows).unwrap());
            assert!(a.features.bit_eq(&b.features) && a.targets.bit_eq(&b.targets));
        }
    }
    assert!(files_error(dir.path(), &[2]).contains("got 2 at position 0"));
    let files = ImageFiles::open(dir.path(), &ImageFolderOptions::default()).unwrap();
    red(&dir.path().join("cat/a.png"), 4, 2);
    assert!(files.batch(&[1]).unwrap_err().to_string().contains("all pictures must have one size"));
    assert!(ImageFiles::open(dir.path(), &ImageFolderOptions::default()).is_err());
    let skip = ImageFolderOptions { skip_bad: true, ..Default::default() };
    assert_eq!(ImageFiles::open(dir.path(), &skip).unwrap().skipped().len(), 1);
    // Whole header, half a picture.
    red(&dir.path().join("cat/a.png"), 3, 2);
    let bytes = fs::read(dir.path().join("cat/a.png")).unwrap();
    fs::write(dir.path().join("cat/a.png"), &bytes[..bytes.len() - 20]).unwrap();
    assert!(files.batch(&[1]).unwrap_err().to_string().contains("that can be decoded"));
}

fn files_error(dir: &Path, rows: &[usize]) -> String {
    let files = ImageFiles::open(dir, &ImageFolderOptions::default()).unwrap();
    files.batch(rows).unwrap_err().to_string()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..Default::default() })]

    #[test]
    fn mutated_pictures_never_panic(
        ending in prop::sample::select(vec!["png", "jpg", "bmp"]),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6), cut: prop::sample::Index,
    ) {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("cat")).unwrap();
        let path = dir.path().join("cat/a").with_extension(ending);
        red(&path, 9, 7);
        let mut bytes = fs::read(&path).unwrap();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        for bytes in [&bytes[..], &bytes[..cut.index(bytes.len())]] {
            fs::write(&path, bytes).unwrap();
            let options = ImageFolderOptions { size: Some([4, 4]), ..Default::default() };
            let _ = image_folder(dir.path(), &options);
            if let Ok(files) = ImageFiles::open(dir.path(), &options) {
                let _ = files.batch(&[0]);
            }
        }
    }
}
