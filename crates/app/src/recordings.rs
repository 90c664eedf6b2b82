//! Flight recordings: finding those of a link, and packing them for whoever will replay them.

use std::{
    io,
    path::{Path, PathBuf},
};

use api::Scope;
use bytes::Bytes;
use tokio::{
    fs::{self, File},
    io::AsyncReadExt as _,
};

use crate::{Actor, App, AppError, Result, pbxes};

/// The directory of flight recordings in the data directory; each phone system has one below it,
/// named by its id.
pub const DIRECTORY: &str = "flight-recorder";

/// How much of a file is read at a time, in bytes.
const CHUNK_BYTES: u64 = 64 * 1024;
/// The unit of a tar archive, in bytes (POSIX.1-1988, ustar).
const BLOCK_BYTES: u64 = 512;

/// What is recorded of one link.
pub struct Recording {
    /// Name of the phone system.
    pub pbx: String,
    /// Files and their sizes in bytes when they were found, by name: that is by time.
    files: Vec<(PathBuf, u64)>,
}

/// Finds what is recorded of a link.
///
/// # Errors
///
/// Without `admin`; for an unknown id; when the directory cannot be read.
pub async fn find(app: &App, actor: &Actor, id: &str) -> Result<Recording> {
    actor.need(Scope::Admin)?;
    let pbx = pbxes::get(app, actor, id).await?;
    let found = files_in(&app.scratch.join(DIRECTORY).join(&pbx.id)).await;
    let files = found.map_err(|it| AppError::Internal(format!("the flight recordings: {it}")))?;
    Ok(Recording { pbx: pbx.name, files })
}

async fn files_in(directory: &Path) -> io::Result<Vec<(PathBuf, u64)>> {
    let mut entries = match fs::read_dir(directory).await {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut files = Vec::new();
    while let Some(entry) = entries.next_entry().await? {
        let about = entry.metadata().await?;
        if about.is_file() {
            files.push((entry.path(), about.len()));
        }
    }
    files.sort();
    Ok(files)
}

impl Recording {
    /// What it takes of the disk, in bytes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|(_, bytes)| bytes).sum()
    }

    /// Packs it into a tar archive, piece by piece.
    #[must_use]
    pub fn into_archive(self) -> Archive {
        Archive { files: self.files.into_iter(), open: None, ended: false }
    }
}

/// A tar archive on its way.
pub struct Archive {
    files: std::vec::IntoIter<(PathBuf, u64)>,
    /// The file that is being read, and what is still to come of it: the bytes that it had when its
    /// head was written. It may grow meanwhile.
    open: Option<(File, u64, u64)>,
    ended: bool,
}

impl Archive {
    /// The next piece; `None` at the end.
    ///
    /// # Errors
    ///
    /// When a file cannot be read. One that was cleared away meanwhile is left out.
    pub async fn next(&mut self) -> io::Result<Option<Bytes>> {
        if let Some((file, left, padding)) = &mut self.open {
            if *left > 0 {
                let mut chunk = Vec::new();
                file.take((*left).min(CHUNK_BYTES)).read_to_end(&mut chunk).await?;
                if chunk.is_empty() {
                    return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "it became shorter"));
                }
                *left -= chunk.len() as u64;
                return Ok(Some(chunk.into()));
            }
            let padding = vec![0; usize::try_from(*padding).unwrap_or(0)];
            self.open = None;
            if !padding.is_empty() {
                return Ok(Some(padding.into()));
            }
        }
        for (path, bytes) in self.files.by_ref() {
            match File::open(&path).await {
                Ok(file) => {
                    let name = path.file_name().and_then(|it| it.to_str()).unwrap_or("recording");
                    self.open = Some((file, bytes, padding_of(bytes)));
                    return Ok(Some(head(name, bytes).to_vec().into()));
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        let end = (!self.ended).then(|| Bytes::from_static(&[0; 2 * BLOCK_BYTES as usize]));
        self.ended = true;
        Ok(end)
    }
}

/// Files fill whole blocks.
fn padding_of(bytes: u64) -> u64 {
    (BLOCK_BYTES - bytes % BLOCK_BYTES) % BLOCK_BYTES
}

/// The head of one file. Names of recordings are short and ASCII.
fn head(name: &str, bytes: u64) -> [u8; BLOCK_BYTES as usize] {
    let mut head = [0u8; BLOCK_BYTES as usize];
    let mut put =
        |at: usize, text: &str| head[at..at + text.len()].copy_from_slice(text.as_bytes());
    put(0, name.get(..99).unwrap_or(name));
    put(100, "0000600\0");
    put(108, "0000000\0");
    put(116, "0000000\0");
    put(124, &format!("{bytes:011o}\0"));
    put(136, "00000000000\0");
    // The checksum is taken with spaces in its own place.
    put(148, "        ");
    put(156, "0");
    put(257, "ustar\x0000");
    let sum: u32 = head.iter().map(|&it| u32::from(it)).sum();
    head[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    head
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_archive_holds_every_file_as_tar_reads_it() {
        let dir = tempfile::tempdir().unwrap();
        let contents = [
            ("1.ami", vec![7u8; 70_000]),
            ("1.times.jsonl", b"{}\n".to_vec()),
            ("2.ami", Vec::new()),
        ];
        for (name, content) in &contents {
            std::fs::write(dir.path().join(name), content).unwrap();
        }
        let files = files_in(dir.path()).await.unwrap();
        let recording = Recording { pbx: "p".into(), files };
        assert_eq!(recording.bytes(), 70_003);
        let mut archive = recording.into_archive();
        let mut bytes = Vec::new();
        while let Some(piece) = archive.next().await.unwrap() {
            bytes.extend_from_slice(&piece);
        }
        let out = tempfile::tempdir().unwrap();
        let tar = out.path().join("it.tar");
        std::fs::write(&tar, bytes).unwrap();
        let unpacked =
            std::process::Command::new("tar").arg("-xf").arg(&tar).current_dir(out.path()).status();
        assert!(unpacked.unwrap().success());
        for (name, content) in &contents {
            assert_eq!(&std::fs::read(out.path().join(name)).unwrap(), content, "{name}");
        }
    }

    #[tokio::test]
    async fn a_link_that_was_never_recorded_has_an_empty_archive() {
        let dir = tempfile::tempdir().unwrap();
        assert!(files_in(&dir.path().join("nothing")).await.unwrap().is_empty());
    }
}
