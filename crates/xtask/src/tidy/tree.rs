//! The files of a checkout.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

/// Folders at the root that hold nothing of ours: what was built, and what Git keeps.
const NOT_OURS: &[&str] = &[".git", "target", ".tools"];

/// One file, with what the checks want to know.
#[derive(Debug)]
pub(super) struct File {
    /// Size in bytes.
    pub(super) len: u64,
    /// Whether its owner may run it.
    pub(super) runs: bool,
    at: PathBuf,
}

impl File {
    /// The content, or `None` when it is no text (a picture, a recording of raw bytes).
    pub(super) fn text(&self) -> Option<String> {
        fs::read_to_string(&self.at).ok()
    }
}

/// All files of a checkout by their path from its root, with `/` between the parts.
#[derive(Debug)]
pub(super) struct Tree {
    pub(super) files: BTreeMap<String, File>,
}

impl Tree {
    /// Reads the names and sizes of everything under `root`.
    pub(super) fn read(root: &Path) -> Result<Tree> {
        let mut tree = Tree { files: BTreeMap::new() };
        tree.add(root, "")?;
        Ok(tree)
    }

    fn add(&mut self, folder: &Path, prefix: &str) -> Result<()> {
        for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let kind = entry.file_type()?;
            if kind.is_dir() {
                if !(prefix.is_empty() && NOT_OURS.contains(&name.as_str())
                    || name == "__pycache__")
                {
                    self.add(&entry.path(), &format!("{prefix}{name}/"))?;
                }
            } else if kind.is_file() {
                let about = entry.metadata()?;
                let runs = about.permissions().mode() & 0o100 != 0;
                let file = File { len: about.len(), runs, at: entry.path() };
                self.files.insert(format!("{prefix}{name}"), file);
            }
        }
        Ok(())
    }

    /// The text of one file that must be there.
    pub(super) fn text(&self, path: &str) -> Result<String> {
        let file = self.files.get(path).with_context(|| format!("{path} is missing"))?;
        file.text().with_context(|| format!("{path} is no text"))
    }

    /// Names of the folders right under `folder`, which ends in `/`.
    pub(super) fn folders(&self, folder: &str) -> Vec<&str> {
        let inside = self.files.keys().filter_map(|path| path.strip_prefix(folder));
        let mut names: Vec<&str> =
            inside.filter_map(|rest| Some(rest.split_once('/')?.0)).collect();
        names.dedup();
        names
    }
}
