//! The names that a template may use, and what stands behind each.
//!
//! The tables are written once, by the macro below, together with the look-ups of `facts`. It takes
//! the structs of `call` apart field by field, so one that is added there does not compile here
//! until it has its line.

use std::sync::LazyLock;

/// What a name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// A text, time or truth value.
    Plain,
    /// A number.
    Number,
    /// Something with named parts.
    Record(&'static [Token]),
    /// Many of the same shape.
    List(&'static Shape),
}

/// One name within a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) name: &'static str,
    pub(super) shape: Shape,
}

/// What stands at the top: `{{ call… }}`, `{{ event… }}`, and so on.
pub(super) const ROOTS: &[Token] = &[
    Token { name: "call", shape: Shape::Record(super::facts::CALL) },
    Token { name: "delivery", shape: Shape::Record(super::facts::DELIVERY) },
    Token { name: "event", shape: Shape::Record(super::facts::EVENT) },
    Token { name: "integration", shape: Shape::Record(super::facts::INTEGRATION) },
    Token { name: "link", shape: Shape::Record(super::facts::LINK) },
];

/// Declares the tokens of one struct: a constant with their shapes, the list of their names, and a
/// function that looks one up.
///
/// `$owner` is what look-ups start from; `$take` gets from it to the struct.
macro_rules! record {
    (
        $tokens:ident, $names:ident,
        fn $look_up:ident($owner:ident: $owned:ty) { let $pattern:pat = $take:expr; }
        $($name:literal: $shape:expr => $value:expr,)*
    ) => {
        pub(super) const $tokens: &[Token] = &[$(Token { name: $name, shape: $shape },)*];
        const $names: &[&str] = &[$($name,)*];
        fn $look_up($owner: &$owned, name: &str) -> Option<Value> {
            let $pattern = $take;
            match name {
                $($name => Some(Value::from($value)),)*
                _ => None,
            }
        }
    };
}
pub(super) use record;

/// Every name that a template may use, with its dots, as the page of tokens lists them.
#[must_use]
pub fn token_names() -> &'static [String] {
    static NAMES: LazyLock<Vec<String>> = LazyLock::new(|| {
        let mut names = Vec::new();
        for root in ROOTS {
            collect(root, "", &mut names);
        }
        names
    });
    &NAMES
}

fn collect(token: &Token, before: &str, names: &mut Vec<String>) {
    let name = if before.is_empty() { token.name.to_owned() } else { join(before, token.name) };
    if let Shape::Record(parts) = token.shape {
        for part in parts {
            // `event.call.…` is `call.…` once more: known, and not listed twice.
            if !(name == "event" && matches!(part.shape, Shape::Record(_))) {
                collect(part, &name, names);
            }
        }
    }
    names.push(name);
}

pub(super) fn join(before: &str, name: &str) -> String {
    format!("{before}.{name}")
}

/// The one of `names` that somebody meant who wrote `wrong`, if one is near enough.
pub(super) fn nearest<'a>(
    wrong: &str,
    names: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let far = (wrong.chars().count() / 3).max(1);
    names
        .into_iter()
        .map(|name| (strsim::damerau_levenshtein(wrong, name), name))
        .filter(|(distance, _)| *distance <= far)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}
