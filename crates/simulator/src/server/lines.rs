//! Reads the actions that clients send, as tolerant and as strict as Asterisk 22 is.

/// A line of so many bytes or more, its end included, is refused. Source: main/manager.c, `inbuf`.
const LINE_BYTES_MAX: usize = 1024;
/// More headers in one action are refused. Source: include/asterisk/manager.h,
/// `AST_MAX_MANHEADERS`.
const HEADERS_MAX: usize = 128;

/// One action: its headers in the order in which they came.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Action(pub(crate) Vec<(String, String)>);

impl Action {
    /// The first header of this name, whatever its case.
    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        self.0.iter().find(|it| it.0.eq_ignore_ascii_case(key)).map(|it| it.1.as_str())
    }
}

/// Something that a client sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Input {
    /// A whole action.
    Action(Action),
    /// Something that cannot be read: what came of it until then, and why.
    Refused(Action, &'static str),
}

/// Cuts a byte stream into actions.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    line: Vec<u8>,
    action: Action,
    problem: Option<&'static str>,
}

impl Reader {
    /// Takes in bytes in any portion; gives what is complete.
    pub(crate) fn feed(&mut self, bytes: &[u8], out: &mut Vec<Input>) {
        for &byte in bytes {
            if byte == b'\n' {
                if self.line.last() == Some(&b'\r') {
                    self.line.pop();
                }
                let line = std::mem::take(&mut self.line);
                self.end_of_line(&line, out);
            } else if self.line.len() + 2 < LINE_BYTES_MAX {
                self.line.push(byte);
            } else {
                self.problem = Some("Failed to parse message: line too long");
            }
        }
    }

    fn end_of_line(&mut self, line: &[u8], out: &mut Vec<Input>) {
        if !line.is_empty() {
            if self.action.0.len() >= HEADERS_MAX {
                self.problem = Some("Too many lines in message or allocation failure");
            } else if self.problem.is_none()
                && let Some((key, value)) = String::from_utf8_lossy(line).split_once(':')
            {
                self.action.0.push((key.trim().to_owned(), value.trim_start().to_owned()));
            }
            return;
        }
        let action = std::mem::take(&mut self.action);
        match self.problem.take() {
            Some(problem) => out.push(Input::Refused(action, problem)),
            None if action.0.is_empty() => {}
            None => out.push(Input::Action(action)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(portions: &[&[u8]]) -> Vec<Input> {
        let (mut reader, mut out) = (Reader::default(), Vec::new());
        for portion in portions {
            reader.feed(portion, &mut out);
        }
        out
    }

    #[test]
    fn portions_and_line_ends_make_no_difference() {
        let whole = read(&[b"Action: Ping\r\nActionID: 1\r\n\r\n"]);
        assert_eq!(whole.len(), 1);
        assert_eq!(read(&[b"Action: Pi", b"ng\r", b"\nActionID:1\r\n\r", b"\n"]), whole);
        assert_eq!(read(&[b"Action: Ping\nActionID: 1\n\n"]), whole);
    }

    #[test]
    fn what_is_too_long_is_refused_and_reading_goes_on() {
        let mut long = b"Action: Ping\r\nActionID: long\r\nX: ".to_vec();
        long.extend([b'y'; 1100]);
        long.extend(b"\r\n\r\nAction: Ping\r\n\r\n");
        let inputs = read(&[&long]);
        let Input::Refused(action, problem) = &inputs[0] else { panic!("{inputs:?}") };
        assert_eq!(action.get("actionid"), Some("long"));
        assert_eq!(*problem, "Failed to parse message: line too long");
        assert!(matches!(inputs[1], Input::Action(_)));
    }

    #[test]
    fn too_many_headers_are_refused() {
        let text = format!("Action: Ping\r\n{}\r\n", "X: y\r\n".repeat(200));
        let inputs = read(&[text.as_bytes()]);
        let expected = "Too many lines in message or allocation failure";
        assert!(matches!(inputs[0], Input::Refused(_, problem) if problem == expected));
    }
}
