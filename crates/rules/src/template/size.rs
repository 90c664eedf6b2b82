//! How long a value may become, reckoned before it is ever made: steps are counted at run time, but
//! twenty steps that double a text make a million of it.

use minijinja::machinery::ast::{CallArg, Expr};

/// What one token is reckoned with, in bytes. Few are longer: a whole call as JSON.
pub(super) const TOKEN_BYTES: u64 = 1024;
/// The longest value that a template may make on its way, by this reckoning, in bytes.
pub(super) const VALUE_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// An upper bound for the length of what `expression` gives; `of` tells that of a name.
pub(super) fn reckon(expression: &Expr<'_>, of: &dyn Fn(&str) -> u64) -> u64 {
    let sum =
        |all: &[Expr<'_>]| all.iter().fold(0u64, |sum, it| sum.saturating_add(reckon(it, of)));
    let any = |it: &Option<Expr<'_>>| it.as_ref().map_or(0, |it| reckon(it, of));
    let arguments = |all: &[CallArg<'_>]| {
        all.iter().fold(0u64, |sum, it| {
            let (CallArg::Pos(it)
            | CallArg::Kwarg(_, it)
            | CallArg::PosSplat(it)
            | CallArg::KwargSplat(it)) = it;
            sum.saturating_add(reckon(it, of))
        })
    };
    match expression {
        Expr::Var(it) => of(it.id),
        Expr::Const(it) => it.value.as_str().map_or(0, |it| it.len() as u64).max(32),
        Expr::Slice(it) => reckon(&it.expr, of),
        Expr::UnaryOp(it) => reckon(&it.expr, of),
        // `*` is for numbers only, which `check` sees to.
        Expr::BinOp(it) => reckon(&it.left, of).saturating_add(reckon(&it.right, of)),
        Expr::Compare(it) => it
            .ops
            .iter()
            .fold(reckon(&it.expr, of), |sum, it| sum.saturating_add(reckon(&it.expr, of))),
        Expr::IfExpr(it) => {
            sum_of([reckon(&it.test_expr, of), reckon(&it.true_expr, of), any(&it.false_expr)])
        }
        Expr::Filter(it) => {
            let (value, others) = (any(&it.expr), arguments(&it.args));
            match it.name {
                // Each byte may be replaced by, or joined with, all of the argument.
                "replace" | "join" => value.saturating_mul(others.saturating_add(1)),
                // Each byte may be escaped by six.
                "json" => value.saturating_mul(6),
                _ => value.saturating_add(others),
            }
        }
        Expr::Test(it) => reckon(&it.expr, of).saturating_add(arguments(&it.args)),
        Expr::GetAttr(it) => reckon(&it.expr, of),
        Expr::GetItem(it) => reckon(&it.expr, of).saturating_add(reckon(&it.subscript_expr, of)),
        Expr::Call(it) => reckon(&it.expr, of).saturating_add(arguments(&it.args)),
        Expr::List(it) => sum(&it.items),
        Expr::Tuple(it) => sum(&it.items),
        Expr::Map(it) => sum(&it.keys).saturating_add(sum(&it.values)),
    }
}

fn sum_of<const N: usize>(parts: [u64; N]) -> u64 {
    parts.into_iter().fold(0, u64::saturating_add)
}
