//! A vendor's name occurs in its own folder and nowhere else, so that a quirk of one system never
//! reaches into the product.

use super::tree::Tree;

/// Names of vendors and of their products.
const NAMES: &[&str] = &[
    "amocrm", "asterisk", "avaya", "bitrix", "cally", "cxone", "elastix", "freepbx", "okdesk",
    "omnia", "zoho",
];

/// Where one may be named although it is no vendor's folder, and why.
const MAY_NAME: &[(&str, &str)] = &[
    ("crates/pbx/src/lib.rs", "the list of adapters"),
    ("crates/pbx-proto/src/ami", "AMI is one vendor's protocol; its sources are linked"),
    ("crates/simulator/", "is a simulated Asterisk"),
    ("crates/testkit/src/", "starts real ones"),
    ("crates/web/src/texts/", "texts call what people have by its name"),
    ("crates/xtask/src/tidy/", "these checks"),
];

/// Lines of our source that name a vendor outside its place. Tests may: they play recordings.
pub(super) fn check(tree: &Tree) -> Vec<String> {
    let mut breaches = Vec::new();
    for (path, file) in &tree.files {
        if !is_product(path) || MAY_NAME.iter().any(|(place, _)| path.starts_with(place)) {
            continue;
        }
        let Some(text) = file.text() else { continue };
        let product = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        for (number, line) in product.lines().enumerate() {
            let line = code(line).to_lowercase();
            let named =
                NAMES.iter().filter(|name| has_word(&line, name) && !in_folder_of(path, name));
            breaches.extend(named.map(|name| {
                format!("{path}:{}: names `{name}`, which belongs in its own folder", number + 1)
            }));
        }
    }
    breaches
}

/// The line without its comment, which may give a vendor as an example or as a reason.
fn code(line: &str) -> &str {
    let end = ["// ", "///", "//!", "-- "].iter().filter_map(|mark| line.find(mark)).min();
    &line[..end.unwrap_or(line.len())]
}

/// Whether the file is part of what users run.
fn is_product(path: &str) -> bool {
    let source = path.ends_with(".rs") || path.ends_with(".html") || path.ends_with(".sql");
    let test = path.ends_with("tests.rs")
        || path.ends_with("/testing.rs")
        || path.contains("/tests/")
        || path.contains("/examples/");
    path.starts_with("crates/") && source && !test
}

/// Whether the line has the name as a word, or as the beginning of one (`asterisk_events`).
fn has_word(line: &str, name: &str) -> bool {
    line.match_indices(name)
        .any(|(at, _)| !line[..at].chars().next_back().is_some_and(char::is_alphabetic))
}

/// A vendor's folder names its products too: Elastix and FreePBX are Asterisk in other clothes.
fn in_folder_of(path: &str, name: &str) -> bool {
    let family = match name {
        "elastix" | "freepbx" => "asterisk",
        other => other,
    };
    path.split('/').any(|part| part.starts_with(family))
}
