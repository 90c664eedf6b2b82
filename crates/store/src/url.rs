//! Where the data is: `storage.url`.

use std::{fmt, path::PathBuf, str::FromStr};

use crate::OpenError;

/// A parsed `storage.url`.
#[derive(Clone, PartialEq, Eq)]
pub enum StorageUrl {
    /// `sqlite:PATH` (or `sqlite://PATH`): one file, made when it is missing.
    Sqlite(PathBuf),
    /// `postgres://…` or `postgresql://…`, as libpq reads it.
    Postgres(String),
}

impl FromStr for StorageUrl {
    type Err = OpenError;

    fn from_str(text: &str) -> Result<StorageUrl, OpenError> {
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            return Ok(StorageUrl::Postgres(text.to_owned()));
        }
        match text.strip_prefix("sqlite:") {
            Some(rest) => {
                let path = rest.strip_prefix("//").unwrap_or(rest);
                if path.is_empty() {
                    Err(OpenError::Url(text.to_owned()))
                } else {
                    Ok(StorageUrl::Sqlite(PathBuf::from(path)))
                }
            }
            None => Err(OpenError::Url(text.to_owned())),
        }
    }
}

/// Without the password, so that it can be logged.
impl fmt::Display for StorageUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StorageUrl::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
            StorageUrl::Postgres(url) => {
                let (scheme, rest) = url.split_once("://").unwrap_or(("postgres", url));
                let place = rest.rsplit_once('@').map_or(rest, |(_, place)| place);
                // Parameters may hold a password too.
                let place = place.split_once('?').map_or(place, |(place, _)| place);
                write!(f, "{scheme}://{place}")
            }
        }
    }
}

impl fmt::Debug for StorageUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
