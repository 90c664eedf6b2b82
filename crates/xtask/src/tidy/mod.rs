//! What holds the house together and no compiler checks: who knows whom, what stands where, what
//! is written nowhere. Each breach is one line that says where and what to do.

mod files;
mod layers;
mod links;
mod shelves;
mod tree;
mod vendors;

#[cfg(test)]
mod tests;

use std::path::Path;

use anyhow::Result;

/// All breaches in the checkout at `root`; empty when it is tidy.
///
/// # Errors
///
/// When a file that must be there cannot be read.
pub(crate) fn check(root: &Path) -> Result<Vec<String>> {
    let tree = tree::Tree::read(root)?;
    let mut breaches = layers::check(&tree)?;
    breaches.extend(shelves::check(&tree));
    breaches.extend(vendors::check(&tree));
    breaches.extend(files::check(&tree));
    breaches.extend(links::check(&tree));
    breaches.sort();
    Ok(breaches)
}
