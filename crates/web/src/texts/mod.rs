//! Every text that people read on the pages, in one place per language.
//!
//! A language is one constant of type [`Texts`]: a text that is missing does not compile. Texts
//! hold `{names}` in braces where a value goes; [`fill`] puts it there.

mod en;

use std::borrow::Borrow;

pub(crate) use en::{EN, Texts};

/// A text that depends on a number.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plural {
    /// Which of `forms` a number takes in this language.
    pub(crate) rule: fn(u64) -> usize,
    /// In the order that `rule` counts; `{n}` is the number.
    pub(crate) forms: &'static [&'static str],
}

impl Plural {
    /// The text for `n`, with the number put in.
    pub(crate) fn of(&self, n: impl Borrow<u64>) -> String {
        let n = *n.borrow();
        let form = self.forms.get((self.rule)(n)).or(self.forms.last()).copied().unwrap_or("{n}");
        fill(form, &[("n", &grouped(n))])
    }
}

/// Puts values in the place of `{names}`. A value is never looked through for names.
pub(crate) fn fill(text: &str, values: &[(&str, &str)]) -> String {
    let mut out = String::with_capacity(text.len() + 32);
    let mut rest = text;
    while let Some((before, name, after)) = next_name(rest) {
        out.push_str(before);
        match values.iter().find(|(it, _)| *it == name) {
            Some((_, value)) => out.push_str(value),
            None => out.extend(["{", name, "}"]),
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

fn next_name(text: &str) -> Option<(&str, &str, &str)> {
    let (before, after) = text.split_once('{')?;
    let (name, after) = after.split_once('}')?;
    Some((before, name, after))
}

/// `1234567` as `1 234 567`, with thin spaces: read the same in every language.
pub(crate) fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() * 2);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push('\u{202f}');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_take_the_place_of_names() {
        assert_eq!(fill("{n} of {all}", &[("n", "3"), ("all", "{n}")]), "3 of {n}");
        assert_eq!(fill("a } b { c", &[]), "a } b { c");
        assert_eq!(fill("keeps {unknown}", &[]), "keeps {unknown}");
    }

    #[test]
    fn one_is_not_many() {
        assert_eq!(EN.calls_now.of(1_u64), "1 call now");
        assert_eq!(EN.calls_now.of(1234_u64), "1\u{202f}234 calls now");
    }
}
