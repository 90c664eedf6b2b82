//! Telephone numbers: what is an extension, what is the number of somebody outside.
//!
//! The raw text that the phone system gave is always kept beside; see [`crate::Party`].

use rlibphonenumber::{PHONE_NUMBER_UTIL, PhoneNumberFormat, Region};
use serde::{Deserialize, Serialize};

/// The most digits of a number that is taken for one. E.164 has 15; carrier prefixes and codes that
/// are dialled on come on top.
pub const NUMBER_CHARS_MAX: usize = 32;

/// Which dialled numbers are extensions of the phone system.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extensions {
    patterns: Vec<String>,
}

impl Extensions {
    /// Patterns in the manner of dial plans: `X` any digit, `Z` 1 to 9, `N` 2 to 9, `[2-4]` one of
    /// these, a final `.` one or more of anything, everything else itself. A leading `_` is
    /// skipped. Without a pattern, a number of two to six digits is an extension.
    #[must_use]
    pub fn new(patterns: Vec<String>) -> Extensions {
        Extensions { patterns }
    }

    /// Whether `number` is an extension.
    #[must_use]
    pub fn matches(&self, number: &str) -> bool {
        if self.patterns.is_empty() {
            return (2..=6).contains(&number.len()) && number.bytes().all(|it| it.is_ascii_digit());
        }
        self.patterns.iter().any(|it| matches_pattern(it, number))
    }
}

/// Whether `text` matches a pattern in the manner of dial plans; see [`Extensions::new`].
#[must_use]
pub fn matches_pattern(pattern: &str, text: &str) -> bool {
    let mut pattern = pattern.strip_prefix('_').unwrap_or(pattern).bytes();
    let mut text = text.bytes();
    while let Some(sign) = pattern.next() {
        if sign == b'.' && pattern.len() == 0 {
            return text.len() > 0;
        }
        let Some(byte) = text.next() else { return false };
        let fits = match sign {
            b'X' => byte.is_ascii_digit(),
            b'Z' => (b'1'..=b'9').contains(&byte),
            b'N' => (b'2'..=b'9').contains(&byte),
            b'[' => matches_set(&mut pattern, byte),
            other => other == byte,
        };
        if !fits {
            return false;
        }
    }
    text.len() == 0
}

/// Reads `2-47]`, what follows a `[`.
fn matches_set(pattern: &mut std::str::Bytes<'_>, byte: u8) -> bool {
    let set: Vec<u8> = pattern.take_while(|&it| it != b']').collect();
    let mut rest = set.as_slice();
    loop {
        match rest {
            [low, b'-', high, tail @ ..] => {
                if (*low..=*high).contains(&byte) {
                    return true;
                }
                rest = tail;
            }
            [one, tail @ ..] => {
                if *one == byte {
                    return true;
                }
                rest = tail;
            }
            [] => return false,
        }
    }
}

/// The digits of a number as a person or a phone system writes it, with a leading `+` and the signs
/// `*` and `#`; `None` where no number is left, or more than any number has.
#[must_use]
pub fn clean(raw: &str) -> Option<String> {
    let number: String =
        raw.chars().filter(|it| it.is_ascii_digit() || matches!(it, '+' | '*' | '#')).collect();
    let has_digit = number.bytes().any(|it| it.is_ascii_digit());
    let plus_leads = number.rfind('+').is_none_or(|it| it == 0);
    let kept = has_digit && plus_leads && number.len() <= NUMBER_CHARS_MAX;
    // `Alice2` is a name with a digit in it, `x` nothing at all.
    let letters = raw.chars().filter(|it| it.is_alphabetic()).count();
    (kept && letters == 0).then_some(number)
}

/// The number of a party: an extension as it is, anything else as E.164 with `+` when `country`
/// (ISO 3166 alpha-2) is known and the number is one of its plan, else its digits.
#[must_use]
pub fn read(raw: &str, country: Option<&str>, extensions: &Extensions) -> Option<String> {
    let number = clean(raw)?;
    let Some(country) = country else { return Some(number) };
    if extensions.matches(&number) || number.contains(['*', '#']) {
        return Some(number);
    }
    Some(e164(&number, country).unwrap_or(number))
}

/// E.164 with `+`, for a number as it is dialled in `country`; `None` where it is no valid number.
#[must_use]
pub fn e164(number: &str, country: &str) -> Option<String> {
    let region = Region::from_code(&country.to_ascii_uppercase()).ok()?;
    let parsed = PHONE_NUMBER_UTIL.parse(number, Some(region)).ok()?;
    if !PHONE_NUMBER_UTIL.is_valid_number(&parsed) {
        return None;
    }
    Some(PHONE_NUMBER_UTIL.format(&parsed, PhoneNumberFormat::E164).into_owned())
}

#[cfg(test)]
mod tests;
