use crate::message;
use data::{FASHION_MNIST_CLASSES, IdxOptions, Result, fashion_mnist, mnist, parse_idx, read_idx, write_idx};
use flate2::{Compression, write::GzEncoder};
use std::io::{Read, Write};
use tensor::{DType, Tensor};

fn parse(bytes: &[u8]) -> Result<Tensor> {
    parse_idx(bytes, IdxOptions::default())
}

fn header(kind: u8, sizes: &[u32]) -> Vec<u8> {
    let mut bytes = vec![0, 0, kind, sizes.len() as u8];
    sizes.iter().for_each(|size| bytes.extend(size.to_be_bytes()));
    bytes
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn file(kind: u8, sizes: &[u32], elements: &[u8]) -> Vec<u8> {
    [header(kind, sizes), elements.to_vec()].concat()
}

#[test]
fn every_element_type_is_read_big_endian() {
    let x = parse(&file(0x08, &[2, 2], &[0, 1, 128, 255])).unwrap();
    assert_eq!((x.shape(), x.to_vec::<u8>().unwrap()), (&[2, 2][..], vec![0, 1, 128, 255]));
    let x = parse(&file(0x09, &[3], &[0, 127, 128])).unwrap();
    assert_eq!(x.to_vec::<i64>().unwrap(), [0, 127, -128]);
    let x = parse(&file(0x0b, &[2], &[1, 0, 255, 254])).unwrap();
    assert_eq!(x.to_vec::<i64>().unwrap(), [256, -2]);
    let x = parse(&file(0x0c, &[2], &[0, 1, 0, 0, 255, 255, 255, 255])).unwrap();
    assert_eq!(x.to_vec::<i64>().unwrap(), [65536, -1]);
    let x = parse(&file(0x0d, &[1], &1.5f32.to_be_bytes())).unwrap();
    assert_eq!(x.to_vec::<f32>().unwrap(), [1.5]);
    let x = parse(&file(0x0e, &[1], &(-0.1f64).to_be_bytes())).unwrap();
    assert_eq!(x.to_vec::<f64>().unwrap(), [-0.1]);
}

#[test]
fn gzip_is_known_by_its_first_bytes() {
    let plain = file(0x08, &[3], &[7, 8, 9]);
    assert_eq!(parse(&gzip(&plain)).unwrap().to_vec::<u8>().unwrap(), [7, 8, 9]);
    let (a, b) = plain.split_at(5);
    let two_members = [gzip(a), gzip(b)].concat();
    assert_eq!(parse(&two_members).unwrap().to_vec::<u8>().unwrap(), [7, 8, 9]);
}

#[test]
fn an_axis_of_size_0_is_read() {
    assert_eq!(parse(&file(0x08, &[0, 28, 28], &[])).unwrap().shape(), [0, 28, 28]);
}

#[test]
fn a_header_of_another_kind_is_refused() {
    for (bytes, error) in [
        (
            &b"\x89PNG\r\n"[..],
            "an IDX file must begin with two zero bytes; got 89 50; give an IDX file, plain or gzip",
        ),
        (
            &[0, 0, 7, 1, 0, 0, 0, 0][..],
            "the element type must be one of 08, 09, 0b, 0c, 0d, 0e; got 07; give an intact IDX file",
        ),
        (
            &[0, 0, 0x0a, 1][..],
            "the element type must be one of 08, 09, 0b, 0c, 0d, 0e; got 0a; give an intact IDX file",
        ),
        (
            &[],
            "the file must hold what its header says; got 0 of 4 bytes of a header of 4 bytes; give the whole file",
        ),
        (
            &[0, 0, 8],
            "the file must hold what its header says; got 3 of 4 bytes of a header of 4 bytes; give the whole file",
        ),
        (
            &[0, 0, 8, 2, 0, 0, 0, 1],
            "the file must hold what its header says; got 4 of 8 bytes of the sizes of the axes; give the whole file",
        ),
    ] {
        assert_eq!(message(parse(bytes)), format!("[idx] {error}"));
    }
}

#[test]
fn sizes_that_overflow_or_pass_the_limit_are_refused_before_reading() {
    assert_eq!(
        message(parse(&header(0x08, &[u32::MAX; 3]))),
        "[idx] the elements must fit the limit; got over 2^64 bytes for shape [4294967295, 4294967295, 4294967295] \
         with a limit of 1073741824; give an intact IDX file or raise max_bytes"
    );
    assert_eq!(
        message(parse(&header(0x0e, &[u32::MAX]))),
        "[idx] the elements must fit the limit; got 34359738360 bytes for shape [4294967295] \
         with a limit of 1073741824; give an intact IDX file or raise max_bytes"
    );
}

#[test]
fn a_claim_below_the_limit_takes_no_memory_before_the_bytes_come() {
    // 1 GiB claimed in 12 bytes: within the limit, so it must fail by what is there.
    assert_eq!(
        message(parse(&file(0x08, &[1 << 30], &[1, 2, 3, 4]))),
        "[idx] the file must hold what its header says; got 4 of 1073741824 bytes of the elements; give the whole file"
    );
}

#[test]
fn short_and_long_files_and_impossible_ranks_are_refused() {
    for (bytes, error) in [
        (
            file(0x0d, &[2], &[0; 7]),
            "the file must hold what its header says; got 7 of 8 bytes of the elements; give the whole file",
        ),
        (
            file(0x08, &[2], &[0; 3]),
            "the file must end after the last element; got more than the 2 bytes of shape [2]; give an intact IDX file",
        ),
        (file(0x08, &[], &[0]), "the rank must lie in 1..=64; got 0; give an intact IDX file"),
        (file(0x08, &[1; 255], &[0]), "the rank must lie in 1..=64; got 255; give an intact IDX file"),
        (
            gzip(&file(0x08, &[2], &[0; 3])),
            "the file must end after the last element; got more than the 2 bytes of shape [2]; give an intact IDX file",
        ),
    ] {
        assert_eq!(message(parse(&bytes)), format!("[idx] {error}"));
    }
}

#[test]
fn corrupt_gzip_is_refused() {
    let values: Vec<u8> = (0..1000).map(|i| (i * i % 251) as u8).collect();
    let zipped = gzip(&file(0x08, &[1000], &values));
    for len in [2, 9, 10, zipped.len() / 2, zipped.len() - 1] {
        assert!(message(parse(&zipped[..len])).starts_with("[idx] gzip data must be "), "cut at {len}");
    }
    let mut flipped = zipped.clone();
    let at = zipped.len() - 6; // in the check sum
    flipped[at] ^= 1;
    assert_eq!(
        message(parse(&flipped)),
        "[idx] gzip data must be intact; got corrupt gzip stream does not have a matching checksum; get the file again"
    );
    for at in 10..zipped.len() {
        let mut flipped = zipped.clone();
        flipped[at] ^= 0x10;
        // The bits that pad the last byte of compressed data mean nothing; all others are seen.
        let unharmed = parse(&flipped).is_ok_and(|x| x.to_vec::<u8>().unwrap() == values);
        assert!(!unharmed || at == zipped.len() - 9, "a bit flipped in byte {at} of {}", zipped.len());
        assert!(unharmed || parse(&flipped).is_err(), "a bit flipped in byte {at} went unseen");
    }
    let trailing = [zipped, b"more".to_vec()].concat();
    assert!(message(parse(&trailing)).starts_with("[idx] gzip data must be "));
}

#[test]
fn a_gzip_bomb_is_stopped_by_the_limit() {
    // 64 MiB of zeros in 64 KiB, behind a header that claims them.
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(&header(0x08, &[64 << 20])).unwrap();
    std::io::copy(&mut std::io::repeat(0).take(64 << 20), &mut encoder).unwrap();
    let bomb = encoder.finish().unwrap();
    assert!(bomb.len() < 100_000);
    assert_eq!(
        message(parse_idx(&bomb[..], IdxOptions { max_bytes: 1 << 20 })),
        "[idx] the elements must fit the limit; got 67108864 bytes for shape [67108864] with a limit of 1048576; \
         give an intact IDX file or raise max_bytes"
    );
    // Behind a header that claims little, the rest is never unpacked.
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(&header(0x08, &[10])).unwrap();
    std::io::copy(&mut std::io::repeat(0).take(64 << 20), &mut encoder).unwrap();
    assert!(message(parse(&encoder.finish().unwrap())).contains("must end after the last element"));
}

#[test]
fn what_idx_cannot_hold_is_not_written() {
    let write = |x: &Tensor| write_idx(x, Vec::new());
    for (x, error) in [
        (Tensor::scalar(1f32), "IDX holds 1 to 64 axes; got shape []; reshape first"),
        (Tensor::full([1], 1.0, DType::Bool).unwrap(), "IDX holds numbers; got bool; convert with to_dtype"),
        (
            Tensor::from_vec(vec![1i64 << 31], [1]).unwrap(),
            "IDX integers have 32 bits; got 2147483648; write floats",
        ),
    ] {
        assert_eq!(message(write(&x)), format!("[write_idx] {error}"));
    }
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn put(&self, name: &str, bytes: &[u8]) -> &Self {
        std::fs::write(self.0.path().join(name), bytes).unwrap();
        self
    }

    fn shown(&self, name: &str) -> String {
        self.0.path().join(name).display().to_string()
    }
}

#[test]
fn mnist_is_found_plain_or_zipped_and_scaled_to_1() {
    let folder = Folder::new();
    folder
        .put("train-images-idx3-ubyte", &file(0x08, &[2, 1, 3], &[0, 51, 255, 255, 0, 0]))
        .put("train-labels-idx1-ubyte.gz", &gzip(&file(0x08, &[2], &[9, 0])))
        .put("t10k-images.idx3-ubyte", &file(0x08, &[1, 1, 3], &[0, 0, 0]))
        .put("t10k-labels.idx1-ubyte.gz", &gzip(&file(0x08, &[1], &[3])));
    let set = mnist(folder.0.path()).unwrap();
    assert_eq!(set.train.features().shape(), [2, 1, 1, 3]);
    assert_eq!(set.train.features().to_vec::<f32>().unwrap(), [0.0, 0.2, 1.0, 1.0, 0.0, 0.0]);
    assert_eq!((set.train.labels().unwrap(), set.test.labels().unwrap()), (vec![9, 0], vec![3]));
    let fashion = fashion_mnist(folder.0.path()).unwrap();
    assert_eq!(fashion.test.class_names().unwrap(), FASHION_MNIST_CLASSES);
    assert!(fashion.test.features().bit_eq(set.test.features()));
}

#[test]
fn mnist_files_that_do_not_belong_together_are_refused() {
    let folder = Folder::new();
    assert_eq!(
        message(mnist(folder.0.path())),
        format!(
            "{}: [mnist] the directory must hold the four files of the set; \
             got no train-images-idx3-ubyte, with or without .gz; put the files there under their own names",
            folder.0.path().display()
        )
    );
    folder.put("train-images-idx3-ubyte", &file(0x08, &[2, 1, 1], &[0, 1]));
    folder.put("train-labels-idx1-ubyte", &file(0x08, &[3], &[0, 1, 2]));
    assert_eq!(
        message(mnist(folder.0.path())),
        format!(
            "{}: [classification] every row must have its features and its target; \
             got features [2, 1, 1, 1] and targets [3]; give both the same first axis",
            folder.shown("train-labels-idx1-ubyte")
        )
    );
    folder.put("train-labels-idx1-ubyte", &file(0x08, &[2], &[0, 10]));
    assert_eq!(
        message(mnist(folder.0.path())),
        format!(
            "{}: [classification] a label must lie in 0..10; got 10 in row 1; correct the row or name more classes",
            folder.shown("train-labels-idx1-ubyte")
        )
    );
    folder.put("train-images-idx3-ubyte", &file(0x08, &[2], &[0, 1]));
    assert_eq!(
        message(mnist(folder.0.path())),
        format!(
            "{}: [mnist] images must be (n, rows, columns) of bytes; got [2] of u8; give the file of the images",
            folder.shown("train-images-idx3-ubyte")
        )
    );
    folder.put("train-images-idx3-ubyte", &file(0x08, &[1, 1, 1], &[0]));
    folder.put("train-labels-idx1-ubyte", &file(0x0c, &[1], &[0; 4]));
    assert_eq!(
        message(mnist(folder.0.path())),
        format!(
            "{}: [mnist] labels must be (n) of bytes; got [1] of i64; give the file of the labels",
            folder.shown("train-labels-idx1-ubyte")
        )
    );
}

#[test]
fn errors_from_an_idx_file_begin_with_its_path() {
    let folder = Folder::new();
    folder.put("x", &[0, 0, 8]);
    assert!(
        message(read_idx(folder.0.path().join("x"), IdxOptions::default()))
            .starts_with(&format!("{}: [idx] the file must hold", folder.shown("x")))
    );
    assert!(message(read_idx(folder.0.path().join("y"), IdxOptions::default())).contains("No such file"));
}
