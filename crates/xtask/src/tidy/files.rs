//! What holds for every file.

use super::tree::Tree;

/// The size beyond which a file belongs somewhere else than in the history of the source, in
/// bytes.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// Marks of unfinished work, spelt so that this line is none of them.
const UNFINISHED: &[&str] = &[concat!("TO", "DO"), concat!("FIX", "ME")];

/// Programs that are started by their path.
const MUST_RUN: &[&str] = &[".ci/run", "scripts/test"];

/// Files that are too large, unfinished, or cannot be started.
pub(super) fn check(tree: &Tree) -> Vec<String> {
    let mut breaches = Vec::new();
    for (path, file) in &tree.files {
        if file.len > FILE_BYTES_MAX {
            breaches.push(format!("{path}: has {} bytes, {FILE_BYTES_MAX} are allowed", file.len));
            continue;
        }
        // What others wrote is theirs to finish.
        if path.contains("/vendor/") || path == "Cargo.lock" {
            continue;
        }
        let Some(text) = file.text() else { continue };
        for (number, line) in text.lines().enumerate() {
            let marks = UNFINISHED.iter().filter(|mark| has_mark(line, mark));
            breaches.extend(
                marks.map(|mark| {
                    format!("{path}:{}: {mark}: finish it, or file an issue", number + 1)
                }),
            );
        }
    }
    for path in MUST_RUN {
        match tree.files.get(*path) {
            None => breaches.push(format!("{path}: is missing")),
            Some(file) if !file.runs => {
                breaches.push(format!("{path}: is not executable (chmod +x)"))
            }
            Some(_) => {}
        }
    }
    breaches
}

/// Whether the mark stands alone, not within a longer word.
fn has_mark(line: &str, mark: &str) -> bool {
    line.match_indices(mark).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + mark.len()..].chars().next();
        ![before, after].into_iter().flatten().any(char::is_alphanumeric)
    })
}
