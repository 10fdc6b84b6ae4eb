//! What the documents say about the workspace is so.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The program that a first look at the library is to show, in the README as in the example.
const PROGRAM: &str = "\
let mut rng = Rng::seed(0);
let mut model = Mlp::new([10, 20, 10], &mut rng)?;
let mut adam = Adam::new(1e-3);
for _ in 0..1000 {
    let mut cx = Context::train(&mut rng);
    let loss = mse_loss(&model.forward(&x_train, &mut cx)?, &y_train)?;
    adam.step(&mut model, &loss.backward()?)?;
}
";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// The names in a directory, in order.
fn names(dir: &str) -> Vec<String> {
    let entries = fs::read_dir(root().join(dir)).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// The keys of a table of a manifest.
fn keys(manifest: &str, table: &str) -> BTreeSet<String> {
    manifest
        .lines()
        .skip_while(|line| *line != format!("[{table}]"))
        .skip(1)
        .take_while(|line| !line.starts_with('['))
        .filter(|line| !line.starts_with('#') && line.contains('='))
        .map(|line| line.split(['.', '=', ' ']).next().unwrap().to_string())
        .collect()
}

/// The rows of a Markdown table whose first cell is a name in backquotes: that name, and all cells.
fn rows(text: &str) -> Vec<(String, Vec<String>)> {
    text.lines()
        .filter(|line| line.starts_with("| `"))
        .map(|line| {
            let cells: Vec<String> =
                line.trim_matches('|').split(" | ").map(|cell| cell.trim().to_string()).collect();
            (cells[0].split('`').nth(1).unwrap().to_string(), cells)
        })
        .collect()
}

#[test]
fn the_readme_and_the_example_show_the_program_line_for_line() {
    let indented: String = PROGRAM.lines().map(|line| format!("    {line}\n")).collect();
    for path in ["README.md", "examples/article.rs"] {
        assert!(read(path).contains(&indented), "{path}");
    }
}

#[test]
fn arrows_between_crates_are_those_of_the_architecture() {
    let crates: BTreeSet<String> = names("crates").into_iter().collect();
    let architecture = read("docs/architecture.md");
    let mut described = BTreeSet::new();
    for (name, cells) in rows(&architecture).into_iter().filter(|(name, _)| crates.contains(name)) {
        let stated: BTreeSet<String> = cells[2].split('`').skip(1).step_by(2).map(str::to_string).collect();
        let manifest = read(format!("crates/{name}/Cargo.toml"));
        let real: BTreeSet<String> = keys(&manifest, "dependencies").intersection(&crates).cloned().collect();
        assert_eq!(stated, real, "{name}");
        described.insert(name);
    }
    assert_eq!(described, crates);
}

#[test]
fn every_library_of_others_has_its_line() {
    let crates: BTreeSet<String> = names("crates").into_iter().collect();
    let used: BTreeSet<String> =
        keys(&read("Cargo.toml"), "workspace.dependencies").difference(&crates).cloned().collect();
    let described: BTreeSet<String> =
        rows(&read("docs/dependencies.md")).into_iter().map(|(name, _)| name).collect();
    assert_eq!(described, used);
}

#[test]
fn every_chapter_of_the_guide_runs_and_is_in_its_index() {
    let (lib, index) = (read("crates/ironloom/src/lib.rs"), read("docs/guide/README.md"));
    let chapters: Vec<String> = names("docs/guide").into_iter().filter(|name| name != "README.md").collect();
    assert!(!chapters.is_empty());
    for chapter in chapters {
        assert!(lib.contains(&format!("\"docs/guide/{chapter}\"")), "{chapter} is not run");
        assert!(index.contains(&format!("({chapter})")), "{chapter} is not in the index");
    }
}

#[test]
fn links_between_documents_lead_somewhere() {
    let mut documents: Vec<String> =
        ["README.md", "CONTRIBUTING.md", "docs/architecture.md", "docs/dependencies.md"]
            .map(String::from)
            .into();
    documents.extend(names("docs/guide").into_iter().map(|name| format!("docs/guide/{name}")));
    documents.extend(names("crates").into_iter().map(|name| format!("crates/{name}/README.md")));
    for document in documents {
        let text = read(&document);
        let folder = root().join(&document).parent().unwrap().to_path_buf();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let file = link.split('#').next().unwrap();
            if !file.is_empty() && !file.contains("://") {
                assert!(folder.join(file).exists(), "{document} links to {link}");
            }
        }
    }
}
