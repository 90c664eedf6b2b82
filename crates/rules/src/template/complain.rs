//! What is said of a template that is refused: where, what, and what to do.

use minijinja::machinery::{Span, ast::Expr};

use super::{
    TemplateError,
    names::{ROOTS, Token, join, nearest, token_names},
};

/// Where a name with dots begins; the engine gives its end to each dot.
pub(super) fn start_of(expression: &Expr<'_>) -> Span {
    match expression {
        Expr::GetAttr(it) => start_of(&it.expr),
        Expr::GetItem(it) => start_of(&it.expr),
        _ => expression.span(),
    }
}

pub(super) fn find<'a>(tokens: &'a [Token], name: &str) -> Option<&'a Token> {
    tokens.iter().find(|it| it.name == name)
}

pub(super) fn constant_name(expression: &Expr<'_>) -> Option<String> {
    expression.as_const().and_then(|it| it.as_str().map(str::to_owned))
}

/// A name with its dots, if the expression is nothing else.
pub(super) fn text_of(expression: &Expr<'_>) -> Option<String> {
    match expression {
        Expr::Var(it) => Some(it.id.to_owned()),
        Expr::GetAttr(it) => Some(join(&text_of(&it.expr)?, it.name)),
        Expr::GetItem(it) => match constant_name(&it.subscript_expr) {
            Some(name) => Some(join(&text_of(&it.expr)?, &name)),
            None => None,
        },
        _ => None,
    }
}

pub(super) fn unknown(expression: &Expr<'_>, span: Span, siblings: &[Token]) -> TemplateError {
    match text_of(expression) {
        Some(name) => unknown_name(&name, span, siblings),
        None => at(span, "this part is unknown".to_owned()),
    }
}

/// `siblings` are the names that could stand in place of the last part.
pub(super) fn unknown_name(name: &str, span: Span, siblings: &[Token]) -> TemplateError {
    let known = token_names().iter().map(String::as_str);
    let guess = nearest(name, known).map(str::to_owned).or_else(|| {
        let (before, last) = name.rsplit_once('.')?;
        let sibling = nearest(last, siblings.iter().map(|it| it.name))?;
        Some(join(before, sibling))
    });
    let hint = match guess {
        Some(guess) => format!("did you mean `{guess}`?"),
        None if siblings.is_empty() => {
            let roots: Vec<&str> = ROOTS.iter().map(|it| it.name).collect();
            format!("names begin with one of {}", roots.join(", "))
        }
        None => {
            let names: Vec<&str> = siblings.iter().map(|it| it.name).collect();
            format!("there are {}", names.join(", "))
        }
    };
    at(span, format!("`{name}` is unknown; {hint}"))
}

pub(super) fn exists(
    what: &str,
    name: &str,
    known: &[&str],
    span: Span,
) -> Result<(), TemplateError> {
    if known.contains(&name) {
        return Ok(());
    }
    let hint = match nearest(name, known.iter().copied()) {
        Some(guess) => format!("did you mean `{guess}`?"),
        None => format!("there are {}", known.join(", ")),
    };
    Err(at(span, format!("the {what} `{name}` is unknown; {hint}")))
}

pub(super) const SET: &str = "write `{% set name = value %}`";
pub(super) const PIPE: &str = "put `| filter` behind the value";
pub(super) const ESCAPE: &str = "values are escaped for the place where they stand";
pub(super) const ALONE: &str = "a template stands alone";

pub(super) fn not_here(span: Span, what: &str, instead: &str) -> TemplateError {
    at(span, format!("{what} cannot be used here: {instead}"))
}

pub(super) fn at(span: Span, message: String) -> TemplateError {
    TemplateError {
        line: Some(u32::from(span.start_line)),
        column: Some(u32::from(span.start_col) + 1),
        message,
    }
}
