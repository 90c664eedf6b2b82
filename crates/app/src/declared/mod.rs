//! The declarative file: what `hookswitch apply` reads and `hookswitch export` prints.
//!
//! Phone systems, groups and integrations become exactly what the file says: what it does not
//! have is removed. Users and API keys are people's access, so they are touched only when the file
//! has their table at all (an empty one is written `api_key = []`).

mod access;
mod apply;
mod export;
mod read;

use std::collections::BTreeMap;

pub use crate::fields::Reference;
pub use apply::apply;
pub use export::export;

use crate::Result;

/// Looks up what the references of a file stand for, on the machine of whoever applies it.
/// References that cannot be resolved are left out: `apply` says where they stand, unless the very
/// same reference is stored already.
///
/// # Errors
///
/// When the text is no such file; see [`apply`].
pub fn secrets(
    toml: &str,
    resolve: impl Fn(&Reference) -> Option<String>,
) -> Result<BTreeMap<String, String>> {
    let mut found = BTreeMap::new();
    for entry in read::read(toml)?.entries {
        for reference in entry.map.values().filter_map(Reference::of) {
            if let Some(value) = resolve(&reference) {
                // A file ends with a line break that is no part of the secret.
                found.insert(reference.key(), value.trim_end_matches(['\r', '\n']).to_owned());
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests;
