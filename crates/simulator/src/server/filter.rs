//! Event filters that a client adds at run time (`Action: Filter`).
//!
//! Asterisk takes regular expressions. Here a filter is plain text, with alternatives in one pair of
//! parentheses: `!Event: (VarSet|Newexten)`. Anything else that is special in a regular expression
//! makes a filter that keeps nothing back.

/// One filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Filter {
    excludes: bool,
    texts: Vec<String>,
}

impl Filter {
    pub(crate) fn parse(text: &str) -> Filter {
        let (excludes, pattern) = match text.strip_prefix('!') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        Filter { excludes, texts: alternatives(pattern.trim_start_matches('^')) }
    }

    fn matches(&self, event: &[u8]) -> bool {
        let found =
            |text: &String| event.windows(text.len().max(1)).any(|it| it == text.as_bytes());
        self.texts.iter().any(found)
    }

    /// Whether an event gets through all of them.
    pub(crate) fn pass(filters: &[Filter], event: &[u8]) -> bool {
        let wanted = |it: &Filter| it.texts.is_empty() || it.matches(event);
        let mut includes = filters.iter().filter(|it| !it.excludes).peekable();
        let included = includes.peek().is_none() || includes.any(wanted);
        included && !filters.iter().any(|it| it.excludes && it.matches(event))
    }
}

/// The plain texts that a pattern stands for; none when it is more than that.
fn alternatives(pattern: &str) -> Vec<String> {
    let special =
        |text: &str| text.contains(['.', '*', '+', '?', '[', ']', '\\', '$', '(', ')', '|']);
    match pattern.split_once('(').and_then(|(head, rest)| Some((head, rest.split_once(')')?))) {
        Some((head, (inner, tail))) if !special(head) && !special(tail) => inner
            .split('|')
            .map(|it| format!("{head}{it}{tail}"))
            .filter(|it| !special(it))
            .collect(),
        None if !special(pattern) && !pattern.is_empty() => vec![pattern.to_owned()],
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_keep_back_what_they_name() {
        let filters: Vec<Filter> =
            ["!Event: (VarSet|Hold)", "!Event: Cdr"].map(Filter::parse).to_vec();
        let pass = |event: &str| Filter::pass(&filters, event.as_bytes());
        assert!(!pass("Event: Hold\r\n") && !pass("Event: Cdr\r\n"));
        assert!(pass("Event: Hangup\r\n"));
    }

    #[test]
    fn what_is_more_than_text_keeps_nothing_back() {
        let filters = vec![Filter::parse("!Event: .*")];
        assert!(Filter::pass(&filters, b"Event: Hangup\r\n"));
    }

    #[test]
    fn one_that_includes_keeps_back_the_rest() {
        let filters = vec![Filter::parse("Event: Hangup")];
        assert!(Filter::pass(&filters, b"Event: Hangup\r\n"));
        assert!(!Filter::pass(&filters, b"Event: Cdr\r\n"));
    }
}
