use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use tempfile::TempDir;

use super::{check, files, layers, links, shelves, tree::Tree, vendors};

#[test]
fn checkout_is_tidy() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let breaches = check(&root).unwrap();
    assert!(breaches.is_empty(), "{}", breaches.join("\n"));
}

/// A checkout of these files; the folder is removed with the first value.
fn checkout(files: &[(&str, &str)]) -> (TempDir, Tree) {
    let root = TempDir::new().unwrap();
    for (path, text) in files {
        let path = root.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
    }
    let tree = Tree::read(root.path()).unwrap();
    (root, tree)
}

const LINTS: &str = "[lints]\nworkspace = true\n";

#[test]
fn crate_may_not_know_one_above_it() {
    let (_root, tree) = checkout(&[
        ("crates/call/Cargo.toml", &format!("{LINTS}[dependencies]\nstore.workspace = true\n")),
        ("crates/store/Cargo.toml", LINTS),
        ("Cargo.lock", ""),
        ("ARCHITECTURE.md", "`call` and `store`"),
    ]);
    assert_eq!(
        layers::check(&tree).unwrap(),
        ["crates/call/Cargo.toml: `call` may not know `store`"]
    );
}

#[test]
fn pure_crate_may_not_reach_a_runtime_through_another_package() {
    let lock = "[[package]]\nname = \"nice\"\ndependencies = [\"deep 1.0.0\"]\n\
                [[package]]\nname = \"deep\"\ndependencies = [\"tokio\"]\n";
    let (_root, tree) = checkout(&[
        ("crates/call/Cargo.toml", &format!("{LINTS}[dependencies]\nnice = \"1\"\n")),
        ("Cargo.lock", lock),
        ("ARCHITECTURE.md", "`call`"),
    ]);
    assert_eq!(
        layers::check(&tree).unwrap(),
        ["crates/call/Cargo.toml: `call` is pure and reaches `tokio` through `nice`"]
    );
}

#[test]
fn only_the_store_has_a_database() {
    let (_root, tree) = checkout(&[
        ("crates/app/Cargo.toml", &format!("{LINTS}[dependencies]\nrusqlite = \"1\"\n")),
        ("Cargo.lock", ""),
        ("ARCHITECTURE.md", "`app`"),
    ]);
    assert_eq!(
        layers::check(&tree).unwrap(),
        ["crates/app/Cargo.toml: `rusqlite` belongs to `store` alone"]
    );
}

#[test]
fn new_crate_takes_the_lints_and_is_on_the_map() {
    let (_root, tree) = checkout(&[
        ("crates/web/Cargo.toml", "[dependencies]\n"),
        ("Cargo.lock", ""),
        ("ARCHITECTURE.md", ""),
    ]);
    assert_eq!(layers::check(&tree).unwrap().len(), 2);
}

#[test]
fn adapter_is_registered_and_has_its_page() {
    let (_root, tree) = checkout(&[
        ("crates/pbx/src/lib.rs", "mod acme;\npub const ALL: &[Kind] = &[other::KIND];"),
        ("crates/pbx/src/acme/mod.rs", ""),
        ("crates/pbx/src/acme/README.md", "# Acme\n\n## What works\n"),
        ("crates/pbx/src/acme/fixtures/busy.ami", ""),
    ]);
    let breaches = shelves::check(&tree);
    assert!(breaches[0].contains("is not in `ALL`"), "{breaches:?}");
    assert_eq!(breaches.iter().filter(|it| it.contains("has no heading")).count(), 5);
    assert!(breaches.last().unwrap().ends_with("busy.expected.json"), "{breaches:?}");
}

#[test]
fn vendor_is_named_only_at_home() {
    let (_root, tree) = checkout(&[
        (
            "crates/hub/src/link.rs",
            "// As Asterisk does.\nkind == \"asterisk\";\nlet panasterisk = 1;\n\
            #[cfg(test)]\nmod tests {\n    kind(\"asterisk\");\n}",
        ),
        ("crates/pbx/src/asterisk/mod.rs", "// Asterisk, and its child FreePBX\n"),
        ("crates/hub/src/link/tests.rs", "let asterisk = 1;\n"),
    ]);
    assert_eq!(
        vendors::check(&tree),
        ["crates/hub/src/link.rs:2: names `asterisk`, which belongs in its own folder"]
    );
}

#[test]
fn large_and_unfinished_files_are_found() {
    let mark = concat!("TO", "DO");
    let (root, _) = checkout(&[
        ("big", &" ".repeat(1024 * 1024 + 1)),
        ("a.rs", &format!("// {mark}: later\n// MASTO{mark}N is none\n")),
        (".ci/run", ""),
        ("scripts/test", ""),
    ]);
    fs::set_permissions(root.path().join("scripts/test"), fs::Permissions::from_mode(0o755))
        .unwrap();
    let breaches = files::check(&Tree::read(root.path()).unwrap());
    assert_eq!(breaches.len(), 3, "{breaches:?}");
    assert!(breaches[0].starts_with("a.rs:1"), "{breaches:?}");
    assert!(breaches[1].starts_with("big"), "{breaches:?}");
    assert!(breaches[2].starts_with(".ci/run"), "{breaches:?}");
}

#[test]
fn link_to_a_page_that_is_not_there_is_found() {
    let (_root, tree) = checkout(&[
        (
            "README.md",
            "[a](docs/a.md#top), [host](https://example.com/x), [here](#here), [d](docs)",
        ),
        ("docs/a.md", "[back](../README.md) and [gone](b.md)"),
    ]);
    assert_eq!(links::check(&tree), ["docs/a.md:1: leads to b.md, which is not there"]);
}
