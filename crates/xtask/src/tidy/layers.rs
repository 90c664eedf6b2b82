//! Who may know whom: our crates among themselves, and which outside packages they may reach.
//!
//! Read from the manifests and the lock file, so that nothing has to be built or fetched.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use toml::{Table, Value};

use super::tree::Tree;

/// Each crate of ours, and which others of ours it may depend on. The picture is in
/// `ARCHITECTURE.md`; a new arrow is a change of the architecture and is argued for there.
const MAY_KNOW: &[(&str, &[&str])] = &[
    ("call", &[]),
    ("pbx-proto", &[]),
    ("pbx", &["call", "pbx-proto"]),
    ("rules", &["call"]),
    ("api", &["call"]),
    ("connectors", &["call", "rules"]),
    ("store", &["call"]),
    ("simulator", &["call", "pbx-proto"]),
    ("app", &["api", "call", "connectors", "pbx", "rules", "store"]),
    ("web", &["api", "app", "call"]),
    (
        "hub",
        &[
            "api",
            "app",
            "call",
            "connectors",
            "pbx",
            "pbx-proto",
            "rules",
            "simulator",
            "store",
            "web",
        ],
    ),
    // In tests only: it may know anybody, and nobody may know it outside of their tests.
    (
        "testkit",
        &[
            "api",
            "app",
            "call",
            "connectors",
            "pbx",
            "pbx-proto",
            "rules",
            "simulator",
            "store",
            "web",
        ],
    ),
    // Small dependencies only: it is built before everything else.
    ("xtask", &[]),
];

/// Crates without I/O, clock and chance: tests of them are arithmetic, and recordings replay.
const PURE: &[&str] = &["api", "call", "pbx", "pbx-proto", "rules"];

/// Outside packages that a pure crate must not reach, not even through another package.
const IMPURE: &[&str] = &[
    "async-std",
    "axum",
    "hyper",
    "mio",
    "reqwest",
    "rusqlite",
    "rustls",
    "socket2",
    "tokio",
    "tokio-postgres",
];

/// Outside packages that belong to one crate: two databases stay possible because SQL is in one
/// place.
const ONLY_IN: &[(&str, &str)] = &[
    ("rusqlite", "store"),
    ("libsqlite3-sys", "store"),
    ("tokio-postgres", "store"),
    ("askama", "web"),
];

/// Breaches of the tables above.
pub(super) fn check(tree: &Tree) -> Result<Vec<String>> {
    let manifests = manifests(tree)?;
    let lock: Table = tree.text("Cargo.lock")?.parse().context("Cargo.lock")?;
    let locked = locked_edges(&lock);
    let ours: BTreeSet<&str> = manifests.keys().map(String::as_str).collect();
    let mut breaches = Vec::new();
    for (name, manifest) in &manifests {
        breaches.extend(own_breaches(name, manifest, &ours));
        if PURE.contains(&name.as_str()) {
            breaches.extend(impurities(name, manifest, &ours, &locked));
        }
    }
    let architecture = tree.text("ARCHITECTURE.md")?;
    for name in ours.iter().filter(|name| !architecture.contains(&format!("`{name}`"))) {
        breaches.push(format!("ARCHITECTURE.md: does not name the crate `{name}`"));
    }
    Ok(breaches)
}

/// What one manifest says that it may not.
fn own_breaches(name: &str, manifest: &Table, ours: &BTreeSet<&str>) -> Vec<String> {
    let at = format!("crates/{name}/Cargo.toml");
    let mut breaches = Vec::new();
    if manifest.get("lints").and_then(|it| it.get("workspace")) != Some(&Value::Boolean(true)) {
        breaches
            .push(format!("{at}: takes no lints from the workspace: add [lints] workspace = true"));
    }
    let Some((_, allowed)) = MAY_KNOW.iter().find(|(crate_name, _)| *crate_name == name) else {
        breaches.push(format!("{at}: is not in the table of crates/xtask/src/tidy/layers.rs"));
        return breaches;
    };
    for dependency in dependencies(manifest) {
        if ours.contains(dependency.as_str()) && !allowed.contains(&dependency.as_str()) {
            breaches.push(format!("{at}: `{name}` may not know `{dependency}`"));
        }
        let owner = ONLY_IN.iter().find(|(package, _)| *package == dependency);
        if let Some((_, owner)) = owner.filter(|(_, owner)| *owner != name) {
            breaches.push(format!("{at}: `{dependency}` belongs to `{owner}` alone"));
        }
    }
    breaches
}

/// The ways from a pure crate to a package that does I/O.
fn impurities(
    name: &str,
    manifest: &Table,
    ours: &BTreeSet<&str>,
    locked: &BTreeMap<String, BTreeSet<String>>,
) -> Vec<String> {
    let mut breaches = Vec::new();
    for direct in dependencies(manifest) {
        // One of ours is checked by itself.
        if ours.contains(direct.as_str()) {
            continue;
        }
        let mut seen = BTreeSet::new();
        let mut open = vec![direct.clone()];
        while let Some(package) = open.pop() {
            if IMPURE.contains(&package.as_str()) {
                breaches.push(format!(
                    "crates/{name}/Cargo.toml: `{name}` is pure and reaches `{package}` through `{direct}`"
                ));
            }
            if seen.insert(package.clone()) {
                open.extend(locked.get(&package).into_iter().flatten().cloned());
            }
        }
    }
    breaches
}

/// Our manifests by crate name, which is the folder's name.
fn manifests(tree: &Tree) -> Result<BTreeMap<String, Table>> {
    let mut manifests = BTreeMap::new();
    for folder in tree.folders("crates/") {
        let path = format!("crates/{folder}/Cargo.toml");
        let manifest: Table = tree.text(&path)?.parse().with_context(|| path.clone())?;
        manifests.insert(folder.to_owned(), manifest);
    }
    Ok(manifests)
}

/// Names of the packages that a manifest depends on when it is built, tests left out.
fn dependencies(manifest: &Table) -> Vec<String> {
    let mut tables: Vec<&Value> = ["dependencies", "build-dependencies"]
        .iter()
        .filter_map(|key| manifest.get(*key))
        .collect();
    let targets = manifest.get("target").and_then(Value::as_table).into_iter().flatten();
    tables.extend(targets.filter_map(|(_, target)| target.get("dependencies")));
    let named = |(key, value): (&String, &Value)| {
        value.get("package").and_then(Value::as_str).unwrap_or(key).to_owned()
    };
    tables.into_iter().filter_map(Value::as_table).flatten().map(named).collect()
}

/// From each outside package to those it needs. The lock file names them without their kind and
/// platform, so this sees a little more than is built, never less. Versions are merged.
fn locked_edges(lock: &Table) -> BTreeMap<String, BTreeSet<String>> {
    let mut edges: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for package in lock.get("package").and_then(Value::as_array).into_iter().flatten() {
        let Some(name) = package.get("name").and_then(Value::as_str) else { continue };
        let needs = package.get("dependencies").and_then(Value::as_array).into_iter().flatten();
        // "name", or "name version" where there is more than one.
        let names = needs.filter_map(|it| it.as_str()?.split(' ').next().map(str::to_owned));
        edges.entry(name.to_owned()).or_default().extend(names);
    }
    edges
}
