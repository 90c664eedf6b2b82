//! What a call can be found by: the terms of the index, and the same question asked of a call
//! itself.
//!
//! A term is a letter for the filter and a text. Numbers are written backwards, so that their
//! last digits are a prefix.

use std::collections::BTreeSet;

use call::{Call, Direction, Outcome, Party};

use super::CallFilter;

/// A whole number matches by its last digits from this many on: shorter ones are extensions and
/// short codes, which must match exactly.
const LAST_DIGITS_MIN: usize = 7;
/// In free text, this many of the last digits are enough.
const FREE_DIGITS_MIN: usize = 3;
/// Longest text that becomes a term, in characters; names may be of any length.
const TERM_CHARS_MAX: usize = 64;
/// Words of one call that can be found; a call that rang at hundreds of phones has more.
const WORDS_MAX: usize = 200;
/// Words of a search that are looked at.
const QUERY_WORDS_MAX: usize = 8;

/// One condition: any of its terms.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Clause(pub(super) Vec<Term>);

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Term {
    Exact(String),
    Prefix(String),
}

/// All terms of a call.
pub(super) fn of_call(call: &Call) -> BTreeSet<String> {
    let mut terms = BTreeSet::new();
    terms.insert(direction(call.direction));
    terms.extend(call.outcome.map(outcome));
    terms.insert(format!("p{}", cut(&call.pbx)));
    terms.extend(call.user.as_deref().map(user));
    terms.extend(extensions(call).map(extension));
    terms.extend(forms(&call.from).map(|it| format!("f{}", backwards(&it))));
    terms.extend(forms(&call.to).map(|it| format!("t{}", backwards(&it))));
    terms.extend(words(call).map(|it| format!("w{it}")));
    terms
}

/// The conditions of a filter that the index knows; times and state are not among them.
pub(super) fn of_filter(filter: &CallFilter) -> Vec<Clause> {
    let exact = |term: String| Clause(vec![Term::Exact(term)]);
    let mut clauses = Vec::new();
    clauses.extend(filter.direction.map(direction).map(exact));
    clauses.extend(filter.outcome.map(outcome).map(exact));
    clauses.extend(filter.pbx.as_deref().map(|it| exact(format!("p{}", cut(it)))));
    clauses.extend(filter.user.as_deref().map(user).map(exact));
    clauses.extend(filter.extension.as_deref().map(extension).map(exact));
    clauses.extend(filter.from.as_deref().map(|it| Clause(number(&["f"], it))));
    clauses.extend(filter.to.as_deref().map(|it| Clause(number(&["t"], it))));
    clauses.extend(filter.number.as_deref().map(|it| Clause(number(&["f", "t"], it))));
    for word in query(filter) {
        let mut terms = vec![Term::Prefix(format!("w{}", cut(&word.text)))];
        for digits in &word.digits {
            for end in ["f", "t"] {
                terms.push(Term::Prefix(format!("{end}{}", backwards(digits))));
            }
        }
        clauses.push(Clause(terms));
    }
    clauses
}

/// Whether a call is what the filter asks for: what the index says is only a hint.
pub(super) fn matches(call: &Call, filter: &CallFilter) -> bool {
    let same = |wanted: &Option<String>, is: Option<&str>| {
        wanted.as_deref().is_none_or(|wanted| is == Some(wanted))
    };
    call.merged_into.is_none()
        && filter.state.is_none_or(|it| it == call.state)
        && filter.direction.is_none_or(|it| it == call.direction)
        && filter.outcome.is_none_or(|it| Some(it) == call.outcome)
        && filter.started_after.is_none_or(|it| it <= call.started_at)
        && filter.started_before.is_none_or(|it| call.started_at < it)
        && same(&filter.pbx, Some(&call.pbx))
        && filter.extension.as_deref().is_none_or(|it| extensions(call).any(|own| own == it))
        && filter.user.as_deref().is_none_or(|it| call.user.as_deref().map(user) == Some(user(it)))
        && filter.from.as_deref().is_none_or(|it| is_number(&call.from, it))
        && filter.to.as_deref().is_none_or(|it| is_number(&call.to, it))
        && filter
            .number
            .as_deref()
            .is_none_or(|it| is_number(&call.from, it) || is_number(&call.to, it))
        && query(filter).iter().all(|it| has_word(call, it))
}

fn direction(direction: Direction) -> String {
    let name = match direction {
        Direction::Inbound => "din",
        Direction::Outbound => "dout",
        Direction::Internal => "dint",
    };
    name.to_owned()
}

fn outcome(outcome: Outcome) -> String {
    let name = match outcome {
        Outcome::Answered => "oanswered",
        Outcome::Missed => "omissed",
        Outcome::Busy => "obusy",
        Outcome::Failed => "ofailed",
        Outcome::Voicemail => "ovoicemail",
    };
    name.to_owned()
}

/// Users are e-mail addresses: upper and lower case are the same.
fn user(user: &str) -> String {
    format!("u{}", cut(&user.to_lowercase()))
}

/// Every extension that a call concerns: a missed one is looked for at the phones that rang.
fn extensions(call: &Call) -> impl Iterator<Item = &str> {
    call.extension.iter().chain(&call.rang).chain(&call.parties).map(String::as_str)
}

fn extension(extension: &str) -> String {
    format!("x{}", cut(extension))
}

/// The forms of a party's number that can be searched: digits where it is a number, else the text.
fn forms(party: &Party) -> impl Iterator<Item = String> {
    let number = party.number.as_deref().map(plain);
    // A long raw form that is the end of the whole number is found with that.
    let raw = party.raw.as_deref().map(plain).filter(|raw| {
        number.as_ref().is_none_or(|number| {
            number != raw && (raw.len() < LAST_DIGITS_MIN || !number.ends_with(raw.as_str()))
        })
    });
    number.into_iter().chain(raw).filter(|it| !it.is_empty())
}

/// Digits alone for whatever people and phone systems write as a number; other texts in lower
/// case, without control characters.
fn plain(text: &str) -> String {
    if is_phone_like(text) {
        text.chars().filter(char::is_ascii_digit).collect()
    } else {
        let kept: String = text.trim().chars().filter(|it| !it.is_control()).collect();
        kept.to_lowercase()
    }
}

fn is_phone_like(text: &str) -> bool {
    text.bytes().any(|it| it.is_ascii_digit())
        && text.chars().all(|it| it.is_ascii_digit() || "+-()./ \u{a0}".contains(it))
}

/// Terms that a searched number may be stored under.
fn number(ends: &[&str], text: &str) -> Vec<Term> {
    let mut terms = Vec::new();
    for wanted in wanted_forms(text) {
        for end in ends {
            let term = format!("{end}{}", backwards(&wanted));
            terms.push(if by_last_digits(text, &wanted) {
                Term::Prefix(term)
            } else {
                Term::Exact(term)
            });
        }
    }
    terms
}

fn is_number(party: &Party, text: &str) -> bool {
    let wanted = wanted_forms(text);
    [&party.number, &party.raw].into_iter().flatten().map(|it| plain(it)).any(|is| {
        wanted.iter().any(|wanted| {
            is == *wanted || by_last_digits(text, wanted) && is.ends_with(wanted.as_str())
        })
    })
}

/// The number as it is, and without its national or international prefix of zeros, which the
/// stored E.164 form does not have.
fn wanted_forms(text: &str) -> Vec<String> {
    let whole = plain(text);
    let stripped = whole.trim_start_matches('0');
    let mut forms = Vec::new();
    if stripped.len() < whole.len() && LAST_DIGITS_MIN <= stripped.len() && is_phone_like(text) {
        forms.push(stripped.to_owned());
    }
    forms.insert(0, whole);
    forms
}

/// Whether a searched number may be the end of a longer one; one with a `+` is whole.
fn by_last_digits(text: &str, digits: &str) -> bool {
    LAST_DIGITS_MIN <= digits.len() && !text.trim_start().starts_with('+') && is_phone_like(text)
}

/// One word of the free text.
struct Word {
    /// In lower case: the beginning of a word of the call.
    text: String,
    /// The last digits of a number, as written and without zeros in front; empty if it is none.
    digits: Vec<String>,
}

fn query(filter: &CallFilter) -> Vec<Word> {
    let Some(text) = filter.q.as_deref().map(str::trim).filter(|it| !it.is_empty()) else {
        return Vec::new();
    };
    // `06 1234 5678` is one number, not three words.
    if is_phone_like(text) {
        return vec![word(text)];
    }
    let parts = text.split(|it: char| !it.is_alphanumeric() && it != '+');
    let words = parts.filter(|it| it.contains(char::is_alphanumeric));
    words.take(QUERY_WORDS_MAX).map(word).collect()
}

fn word(text: &str) -> Word {
    let digits = if is_phone_like(text) { wanted_forms(text) } else { Vec::new() };
    let long = digits.into_iter().filter(|it| FREE_DIGITS_MIN <= it.len()).collect();
    let text = text.chars().filter(|it| it.is_alphanumeric()).flat_map(char::to_lowercase);
    Word { text: text.collect(), digits: long }
}

fn has_word(call: &Call, wanted: &Word) -> bool {
    if words(call).any(|it| it.starts_with(&cut(&wanted.text))) {
        return true;
    }
    let ends = |party: &Party| {
        let mut forms = [&party.number, &party.raw].into_iter().flatten().map(|it| plain(it));
        forms.any(|is| wanted.digits.iter().any(|it| is.ends_with(it.as_str())))
    };
    !wanted.digits.is_empty() && (ends(&call.from) || ends(&call.to))
}

/// The words that free text finds: names, queue, users and extensions.
fn words(call: &Call) -> impl Iterator<Item = String> {
    let single = [
        call.from.name.as_deref(),
        call.to.name.as_deref(),
        call.queue.as_deref(),
        call.user.as_deref(),
        call.extension.as_deref(),
        call.answered_by.as_deref(),
    ];
    let many = call.rang.iter().chain(&call.parties).map(String::as_str);
    let texts = single.into_iter().flatten().chain(many);
    texts
        .flat_map(|it| it.split(|it: char| !it.is_alphanumeric()))
        .filter(|it| !it.is_empty())
        .map(|it| cut(&it.to_lowercase()))
        .take(WORDS_MAX)
}

fn backwards(text: &str) -> String {
    text.chars().rev().take(TERM_CHARS_MAX).collect()
}

fn cut(text: &str) -> String {
    text.chars().filter(|it| *it != '\0').take(TERM_CHARS_MAX).collect()
}
