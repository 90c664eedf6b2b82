//! What we send.

/// An action, written line by line: a list of pairs, since keys such as `Variable` are repeated.
#[derive(Clone, PartialEq, Eq)]
pub struct Action {
    bytes: Vec<u8>,
    headers: usize,
}

/// A key or value that would break the line it stands in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ActionError {
    /// A line end or NUL, which would let a value become lines of its own.
    #[error("`{key}` holds a line end or a NUL character")]
    LineBreak {
        /// The key, or its readable part.
        key: String,
    },
    /// Servers drop lines of 1024 bytes and more, line end included.
    #[error("`{key}` is longer than {LINE_BYTES_MAX} bytes")]
    TooLong {
        /// The key.
        key: String,
    },
    /// Servers read at most 128 lines.
    #[error("more than {HEADERS_MAX} lines in one action")]
    TooMany,
}

/// The longest line that every version reads, its line end not included.
/// Source: `get_input` in `main/manager.c`, a buffer of 1024 bytes.
const LINE_BYTES_MAX: usize = 1021;

/// The most lines that every version reads. Source: `AST_MAX_MANHEADERS`.
const HEADERS_MAX: usize = 128;

impl Action {
    /// Begins an action. Its id comes back in the answer.
    ///
    /// # Errors
    ///
    /// [`ActionError`] for a name or an id that cannot stand in a line.
    pub fn new(name: &str, id: &str) -> Result<Action, ActionError> {
        let action = Action { bytes: Vec::with_capacity(256), headers: 0 };
        action.with("Action", name)?.with("ActionID", id)
    }

    /// Adds a line.
    ///
    /// # Errors
    ///
    /// [`ActionError`]; nothing is cut off or replaced silently.
    pub fn with(mut self, key: &str, value: &str) -> Result<Action, ActionError> {
        let breaks = |text: &str| text.bytes().any(|it| matches!(it, b'\r' | b'\n' | 0));
        if breaks(key) || breaks(value) || key.is_empty() || key.contains(':') {
            let key = key.chars().filter(|it| !it.is_control()).take(64).collect();
            return Err(ActionError::LineBreak { key });
        }
        if key.len() + 2 + value.len() > LINE_BYTES_MAX {
            return Err(ActionError::TooLong { key: key.to_owned() });
        }
        if self.headers == HEADERS_MAX {
            return Err(ActionError::TooMany);
        }
        self.headers += 1;
        // Versions 1.4 and 1.6 need the space, 1.4 needs the carriage return.
        for part in [key, ": ", value, "\r\n"] {
            self.bytes.extend_from_slice(part.as_bytes());
        }
        Ok(self)
    }

    /// The bytes to send.
    #[must_use]
    pub fn into_bytes(mut self) -> Vec<u8> {
        self.bytes.extend_from_slice(b"\r\n");
        self.bytes
    }
}

/// An action may hold a secret.
impl std::fmt::Debug for Action {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Action({} lines)", self.headers)
    }
}
