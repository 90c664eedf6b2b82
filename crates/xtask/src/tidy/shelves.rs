//! Adapters and connectors: each folder is complete, and registered in one list.

use super::tree::Tree;

/// A crate with a folder for each vendor.
struct Shelf {
    /// Where the folders are; ends in `/`.
    folder: &'static str,
    /// What the page of each must have, as second-level headings.
    headings: &'static [&'static str],
}

const SHELVES: &[Shelf] = &[
    Shelf {
        folder: "crates/pbx/src/",
        headings: &[
            "What works",
            "Set up on the PBX",
            "Settings",
            "Limits",
            "Tested with",
            "Sources",
        ],
    },
    Shelf {
        folder: "crates/connectors/src/",
        headings: &[
            "What works",
            "What we write there, and when",
            "Settings",
            "Limits",
            "Tested with",
            "Sources",
        ],
    },
];

/// Folders that are not complete, not registered, or have recordings that nothing is expected of.
pub(super) fn check(tree: &Tree) -> Vec<String> {
    let mut breaches = Vec::new();
    for shelf in SHELVES {
        let list = tree.text(&format!("{}lib.rs", shelf.folder)).unwrap_or_default();
        for vendor in tree.folders(shelf.folder) {
            let folder = format!("{}{vendor}/", shelf.folder);
            // A vendor's folder is complete in itself; one without is the inside of a file beside
            // it.
            if !tree.files.contains_key(&format!("{folder}mod.rs")) {
                continue;
            }
            if !registered(&list, vendor) {
                breaches.push(format!("{folder}: is not in `ALL` of {}lib.rs", shelf.folder));
            }
            match tree.text(&format!("{folder}README.md")) {
                Err(_) => breaches.push(format!("{folder}: has no README.md")),
                Ok(page) => {
                    let missing = shelf.headings.iter().filter(|it| !has_heading(&page, it));
                    breaches.extend(
                        missing.map(|it| format!("{folder}README.md: has no heading `## {it}`")),
                    );
                }
            }
        }
        breaches.extend(unexpected(tree, shelf.folder));
    }
    breaches
}

/// Whether the list `ALL` names something of this folder.
fn registered(lib: &str, vendor: &str) -> bool {
    let after = lib.split_once("pub const ALL").map(|(_, after)| after);
    let list = after.and_then(|it| it.split_once("];")).map(|(list, _)| list);
    list.is_some_and(|it| it.contains(&format!("{vendor}::")))
}

fn has_heading(page: &str, heading: &str) -> bool {
    page.lines().any(|line| line.strip_prefix("## ").is_some_and(|it| it.trim() == heading))
}

/// Recordings without an expectation beside them. Sessions about the protocol itself, in a folder
/// `protocol`, have no calls to expect.
fn unexpected(tree: &Tree, folder: &str) -> Vec<String> {
    let recordings =
        tree.files.keys().filter(|path| path.starts_with(folder) && !path.contains("/protocol/"));
    let bases = recordings.filter_map(|path| path.strip_suffix(".ami"));
    bases
        .filter(|base| !tree.files.contains_key(&format!("{base}.expected.json")))
        .map(|base| format!("{base}.ami: has no {base}.expected.json"))
        .collect()
}
