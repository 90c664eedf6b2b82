//! Links between our pages lead somewhere.

use std::path::{Component, Path};

use super::tree::Tree;

/// Relative links in Markdown whose file or folder is not there.
pub(super) fn check(tree: &Tree) -> Vec<String> {
    let mut breaches = Vec::new();
    for (path, file) in &tree.files {
        if !path.ends_with(".md") || path.contains("/vendor/") || path.contains("/fixtures/") {
            continue;
        }
        let Some(text) = file.text() else { continue };
        for (number, line) in text.lines().enumerate() {
            for target in targets(line) {
                if !exists(tree, path, target) {
                    breaches.push(format!(
                        "{path}:{}: leads to {target}, which is not there",
                        number + 1
                    ));
                }
            }
        }
    }
    breaches
}

/// What the `[text](target)` of a line point to, those to other hosts and within the page left
/// out.
fn targets(line: &str) -> impl Iterator<Item = &str> {
    let parts = line.split("](").skip(1).filter_map(|rest| rest.split_once(')'));
    let files = parts.filter_map(|(target, _)| target.split('#').next());
    files.filter(|it| !it.is_empty() && !it.contains("://") && !it.starts_with("mailto:"))
}

fn exists(tree: &Tree, page: &str, target: &str) -> bool {
    let folder = Path::new(page).parent().unwrap_or(Path::new(""));
    let mut parts: Vec<String> = Vec::new();
    for part in folder.join(target).components() {
        match part {
            Component::Normal(it) => parts.push(it.to_string_lossy().into_owned()),
            Component::ParentDir => {
                parts.pop();
            }
            Component::RootDir | Component::CurDir | Component::Prefix(_) => {}
        }
    }
    let wanted = parts.join("/");
    let folder = format!("{wanted}/");
    tree.files.contains_key(&wanted) || tree.files.keys().any(|it| it.starts_with(&folder))
}
