//! What tensors look like in print.

use tensor::{DType, Tensor};

fn f32s(data: &[f32], shape: &[usize]) -> Tensor {
    Tensor::from_slice(data, shape).unwrap()
}

#[test]
fn columns_are_aligned() {
    let x = f32s(&[1.0, -2.5, 100.0, 0.125, 3.0, 0.0], &[2, 3]);
    let want = "[[  1.0000,  -2.5000, 100.0000],\n [  0.1250,   3.0000,   0.0000]]\nf32 [2, 3]";
    assert_eq!(x.to_string(), want);
    assert_eq!(format!("{:.1}", x), "[[  1.0,  -2.5, 100.0],\n [  0.1,   3.0,   0.0]]\nf32 [2, 3]");
    let n = Tensor::from_vec(vec![1i64, -20, 300, 4], [2, 2]).unwrap();
    assert_eq!(n.to_string(), "[[  1, -20],\n [300,   4]]\ni64 [2, 2]");
    assert_eq!(Tensor::from_vec(vec![true, false], [2]).unwrap().to_string(), "[ true, false]\nbool [2]");
}

#[test]
fn whole_numbers_show_no_digits_and_extremes_show_exponents() {
    assert_eq!(f32s(&[1.0, 20.0], &[2]).to_string(), "[ 1., 20.]\nf32 [2]");
    assert_eq!(f32s(&[1e-6, 0.5], &[2]).to_string(), "[1.0000e-6, 5.0000e-1]\nf32 [2]");
    assert_eq!(f32s(&[1e9, 0.0], &[2]).to_string(), "[1.0000e9, 0.0000e0]\nf32 [2]");
    assert_eq!(
        f32s(&[f32::NAN, f32::NEG_INFINITY, 1.5], &[3]).to_string(),
        "[   NaN,   -inf, 1.5000]\nf32 [3]"
    );
}

#[test]
fn scalars_empty_tensors_and_matrices_in_batches_print() {
    assert_eq!(Tensor::scalar(1.5f64).to_string(), "1.5000\nf64 []");
    assert_eq!(Tensor::zeros([2, 0], DType::U8).unwrap().to_string(), "[]\nu8 [2, 0]");
    let x = Tensor::arange(8, DType::U8).unwrap().reshape([2, 2, 2]).unwrap();
    assert_eq!(x.to_string(), "[[[0, 1],\n  [2, 3]],\n\n [[4, 5],\n  [6, 7]]]\nu8 [2, 2, 2]");
    assert_eq!(
        x.permute([2, 1, 0]).unwrap().to_string(),
        "[[[0, 4],\n  [2, 6]],\n\n [[1, 5],\n  [3, 7]]]\nu8 [2, 2, 2]"
    );
}

#[test]
fn long_axes_are_cut_and_long_rows_go_on_in_the_next_line() {
    let x = Tensor::arange(1001, DType::I64).unwrap();
    assert_eq!(x.to_string(), "[   0,    1,    2, ...,  998,  999, 1000]\ni64 [1001]");
    let x = Tensor::arange(3000, DType::I64).unwrap().reshape([1000, 3]).unwrap();
    let lines: Vec<String> = x.to_string().lines().map(String::from).collect();
    assert_eq!(lines.len(), 8);
    assert_eq!(
        (&lines[2][..], &lines[3][..], &lines[4][..]),
        (" [   6,    7,    8],", " ...,", " [2991, 2992, 2993],")
    );
    let row = Tensor::zeros([100], DType::U8).unwrap().to_string();
    assert_eq!(row.lines().count(), 5);
    assert!(row.lines().all(|line| line.len() <= 80), "{row}");
}

#[test]
fn any_shape_prints_in_little_room() {
    let wide = Tensor::scalar(1.0f32).expand(vec![2; 40]).unwrap();
    assert_eq!(wide.to_string().lines().next(), Some("[...]"));
    let long = Tensor::scalar(1.0f32).expand([1usize << 40, 1 << 20]).unwrap();
    assert!(long.to_string().ends_with("f32 [1099511627776, 1048576]"));
    let deep = Tensor::scalar(1.0f32).expand(vec![1; 200]).unwrap();
    assert!(deep.to_string().starts_with("[[[["));
    assert!(format!("{long:?}").contains("1.0, ...]"));
}

#[test]
fn debug_is_one_line() {
    let x = f32s(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.5, 8.0], &[2, 4]);
    assert_eq!(format!("{x:?}"), "Tensor(f32, [2, 4], [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, ...])");
    assert_eq!(format!("{:?}", x.t().unwrap()), "Tensor(f32, [4, 2], [1.0, 5.0, 2.0, 6.0, 3.0, 7.5, ...])");
    assert_eq!(format!("{:?}", Tensor::scalar(f32::NAN)), "Tensor(f32, [], [NaN])");
    assert_eq!(format!("{:?}", Tensor::zeros([0, 3], DType::I64).unwrap()), "Tensor(i64, [0, 3], [])");
}
