//! Reads a template before it is accepted: every name, filter and question must exist, and nothing
//! that could reach outside or run away is in it.
//!
//! It walks the syntax tree of the engine, which is an interface that may change with any of its
//! releases; the version is therefore fixed in the workspace manifest.

use minijinja::machinery::{
    Span, Token as Lexeme,
    ast::{BinOp, BinOpKind, Call, CallArg, CallType, Expr, Filter, ForLoop, Stmt},
    parse, tokenize,
};

use super::{
    FILTERS, TemplateError,
    complain::{
        ALONE, ESCAPE, PIPE, SET, at, constant_name, exists, find, not_here, start_of, text_of,
        unknown, unknown_name,
    },
    engine::{TESTS, syntax},
    names::{ROOTS, Shape},
    size::{TOKEN_BYTES, VALUE_BYTES_MAX, reckon},
};

/// The most parts (names, dots, operators …) of one `{{ }}` or `{% %}`. A long chain of them makes
/// a deep tree, and walking a tree that is too deep would end the process.
const PARTS_MAX: usize = 250;
/// The most `{% %}` of a template, for the same reason: each `elif` stands within the one before.
const STATEMENTS_MAX: usize = 250;

/// Answers whether the template has tokens at all.
pub(super) fn check(source: &str) -> Result<bool, TemplateError> {
    check_depth(source)?;
    let tree =
        parse(source, super::NAME, syntax()).map_err(|error| TemplateError::of(&error, source))?;
    let mut walk = Walk { scopes: Vec::new(), loops: 0, has_tokens: false };
    walk.statement(&tree)?;
    Ok(walk.has_tokens)
}

/// Refuses what would make a tree too deep, before there is one.
fn check_depth(source: &str) -> Result<(), TemplateError> {
    let (mut parts, mut statements) = (0, 0);
    for lexeme in tokenize(source, false, syntax()) {
        let (lexeme, span) = lexeme.map_err(|error| TemplateError::of(&error, source))?;
        match lexeme {
            Lexeme::TemplateData(_) | Lexeme::VariableStart => parts = 0,
            Lexeme::BlockStart => {
                parts = 0;
                statements += 1;
            }
            _ => parts += 1,
        }
        if PARTS_MAX < parts {
            let message =
                format!("more than {PARTS_MAX} parts; use `{{% set name = … %}}` to take it apart");
            return Err(at(span, message));
        }
        if STATEMENTS_MAX < statements {
            return Err(at(span, format!("more than {STATEMENTS_MAX} `{{% %}}` in one template")));
        }
    }
    Ok(())
}

/// What is known of a value; `None` when it was computed and may be anything.
type Known = Option<Shape>;

/// A name that the template made itself.
struct Own<'t> {
    name: &'t str,
    known: Known,
    /// By the reckoning of `size`.
    bytes: u64,
}

type Checked<T = ()> = Result<T, TemplateError>;

struct Walk<'t> {
    /// Names that the template made itself, innermost scope last.
    scopes: Vec<Vec<Own<'t>>>,
    /// How many loops are around.
    loops: usize,
    has_tokens: bool,
}

impl<'t> Walk<'t> {
    fn statements(&mut self, statements: &'t [Stmt<'t>]) -> Checked {
        self.scopes.push(Vec::new());
        let checked = statements.iter().try_for_each(|it| self.statement(it));
        self.scopes.pop();
        checked
    }

    fn statement(&mut self, statement: &'t Stmt<'t>) -> Checked {
        self.has_tokens |= !matches!(statement, Stmt::EmitRaw(_) | Stmt::Template(_));
        match statement {
            Stmt::Template(it) => self.statements(&it.children),
            Stmt::EmitRaw(_) => Ok(()),
            Stmt::EmitExpr(it) => self.whole(&it.expr).map(drop),
            Stmt::ForLoop(it) => self.for_loop(it),
            Stmt::IfCond(it) => {
                self.whole(&it.expr)?;
                self.statements(&it.true_body)?;
                self.statements(&it.false_body)
            }
            Stmt::WithBlock(it) => {
                self.scopes.push(Vec::new());
                for (target, value) in &it.assignments {
                    self.assign(target, value)?;
                }
                let checked = self.statements(&it.body);
                self.scopes.pop();
                checked
            }
            Stmt::Set(it) => self.assign(&it.target, &it.expr),
            Stmt::SetBlock(it) => Err(not_here(it.span(), "a `set` block", SET)),
            Stmt::FilterBlock(it) => Err(not_here(it.span(), "a `filter` block", PIPE)),
            Stmt::AutoEscape(it) => Err(not_here(it.span(), "`autoescape`", ESCAPE)),
            Stmt::Block(it) => Err(not_here(it.span(), "`block`", ALONE)),
            Stmt::Import(it) => Err(not_here(it.span(), "`import`", ALONE)),
            Stmt::FromImport(it) => Err(not_here(it.span(), "`import`", ALONE)),
            Stmt::Extends(it) => Err(not_here(it.span(), "`extends`", ALONE)),
            Stmt::Include(it) => Err(not_here(it.span(), "`include`", ALONE)),
            Stmt::Do(it) => Err(not_here(it.span(), "`do`", "it would change nothing")),
        }
    }

    fn for_loop(&mut self, it: &'t ForLoop<'t>) -> Checked {
        let (known, bytes) = self.whole(&it.iter)?;
        let element = match known {
            Some(Shape::List(element)) => Some(*element),
            _ => None,
        };
        self.scopes.push(vec![Own { name: "loop", known: None, bytes: 0 }]);
        self.name(&it.target, element, bytes);
        self.loops += 1;
        let filter = it.filter_expr.as_ref().map_or(Ok(()), |it| self.whole(it).map(drop));
        let checked = filter.and_then(|()| self.statements(&it.body));
        self.loops -= 1;
        self.scopes.pop();
        checked?;
        self.statements(&it.else_body)
    }

    fn assign(&mut self, target: &'t Expr<'t>, value: &'t Expr<'t>) -> Checked {
        if let Expr::Var(it) = target
            && 0 < self.loops
            && self.own(it.id).is_some()
        {
            // A text could be doubled in each round; what stands outside would not change anyway.
            let message = format!("`{}` has a value already; within a loop take a new name", it.id);
            return Err(at(it.span(), message));
        }
        let (known, bytes) = self.whole(value)?;
        self.name(target, known, bytes);
        Ok(())
    }

    /// Makes a name known from here on.
    fn name(&mut self, target: &'t Expr<'t>, known: Known, bytes: u64) {
        match target {
            Expr::Var(it) => {
                if let Some(scope) = self.scopes.last_mut() {
                    scope.push(Own { name: it.id, known, bytes });
                }
            }
            Expr::List(it) => it.items.iter().for_each(|it| self.name(it, None, bytes)),
            Expr::Tuple(it) => it.items.iter().for_each(|it| self.name(it, None, bytes)),
            _ => {}
        }
    }

    /// An expression that stands for itself: what it gives, and how long that may be.
    fn whole(&mut self, expression: &'t Expr<'t>) -> Checked<(Known, u64)> {
        let known = self.expression(expression)?;
        let bytes = reckon(expression, &|name| self.own(name).map_or(TOKEN_BYTES, |it| it.bytes));
        if VALUE_BYTES_MAX < bytes {
            let message = "this could become far too long a text; put less together";
            return Err(at(start_of(expression), message.to_owned()));
        }
        Ok((known, bytes))
    }

    fn expression(&mut self, expression: &'t Expr<'t>) -> Checked<Known> {
        match expression {
            Expr::Const(it) => return Ok(it.value.is_number().then_some(Shape::Number)),
            Expr::Var(_) | Expr::GetAttr(_) | Expr::GetItem(_) => return self.path(expression),
            Expr::Slice(it) => {
                let known = self.expression(&it.expr)?;
                self.all([&it.start, &it.stop, &it.step].into_iter().flatten())?;
                return Ok(known);
            }
            Expr::UnaryOp(it) => return self.expression(&it.expr),
            Expr::BinOp(it) => return self.operation(it, it.span()),
            Expr::Compare(it) => {
                self.all([&it.expr])?;
                self.all(it.ops.iter().map(|it| &it.expr))?;
            }
            Expr::IfExpr(it) => {
                self.all([&it.test_expr, &it.true_expr])?;
                self.all(&it.false_expr)?;
            }
            Expr::Filter(it) => return self.filter(it, it.span()),
            Expr::Test(it) => {
                exists("question", it.name, TESTS, it.span())?;
                self.all([&it.expr])?;
                self.arguments(&it.args)?;
            }
            Expr::Call(it) => self.call(it, it.span())?,
            Expr::List(it) => self.all(&it.items)?,
            Expr::Tuple(it) => self.all(&it.items)?,
            Expr::Map(it) => {
                self.all(&it.keys)?;
                self.all(&it.values)?;
            }
        }
        Ok(None)
    }

    fn filter(&mut self, filter: &'t Filter<'t>, span: Span) -> Checked<Known> {
        exists("filter", filter.name, FILTERS, span)?;
        let known = filter.expr.as_ref().map_or(Ok(None), |it| self.expression(it))?;
        self.arguments(&filter.args)?;
        Ok(match (known, filter.name) {
            (Some(Shape::List(element)), "first" | "last") => Some(*element),
            (_, "abs" | "float" | "int" | "length" | "round") => Some(Shape::Number),
            _ => None,
        })
    }

    fn operation(&mut self, it: &'t BinOp<'t>, span: Span) -> Checked<Known> {
        let numbers = [self.expression(&it.left)?, self.expression(&it.right)?]
            .iter()
            .all(|it| *it == Some(Shape::Number));
        if matches!(it.op, BinOpKind::Mul) && !numbers {
            // Between a text and a number it would repeat the text, millions of times if need be.
            let message = "`*` is for numbers; put `| int` or `| float` behind what is one";
            return Err(at(span, message.to_owned()));
        }
        Ok(numbers.then_some(Shape::Number))
    }

    fn all(&mut self, expressions: impl IntoIterator<Item = &'t Expr<'t>>) -> Checked {
        expressions.into_iter().try_for_each(|it| self.expression(it).map(drop))
    }

    fn arguments(&mut self, arguments: &'t [CallArg<'t>]) -> Checked {
        self.all(arguments.iter().map(|it| match it {
            CallArg::Pos(it)
            | CallArg::Kwarg(_, it)
            | CallArg::PosSplat(it)
            | CallArg::KwargSplat(it) => it,
        }))
    }

    fn call(&mut self, call: &'t Call<'t>, span: Span) -> Checked {
        self.arguments(&call.args)?;
        let what = match call.identify_call() {
            // What a loop offers: `loop.cycle(…)`, `loop.changed(…)`.
            CallType::Method(Expr::Var(it), _) if it.id == "loop" && self.is_own("loop") => {
                return Ok(());
            }
            CallType::Function(name) | CallType::Method(_, name) => format!("`{name}()`"),
            CallType::Block(_) | CallType::Object(_) => "this call".to_owned(),
        };
        Err(at(
            span,
            format!(
                "{what} is unknown; templates have no functions, only filters such as `| upper`"
            ),
        ))
    }

    fn is_own(&self, name: &str) -> bool {
        self.own(name).is_some()
    }

    fn own(&self, name: &str) -> Option<&Own<'t>> {
        let mut names = self.scopes.iter().rev().flat_map(|it| it.iter().rev());
        names.find(|it| it.name == name)
    }

    /// A name with dots: follows it as far as shapes are known.
    fn path(&mut self, expression: &'t Expr<'t>) -> Checked<Known> {
        match expression {
            Expr::Var(it) => {
                if let Some(own) = self.own(it.id) {
                    return Ok(own.known);
                }
                find(ROOTS, it.id)
                    .map(|it| Some(it.shape))
                    .ok_or_else(|| unknown(expression, it.span(), &[]))
            }
            Expr::GetAttr(it) => {
                let before = self.path_within(&it.expr, expression)?;
                self.part(before, it.name, expression)
            }
            Expr::GetItem(it) => {
                let before = self.path_within(&it.expr, expression)?;
                if let Some(name) = constant_name(&it.subscript_expr) {
                    return self.part(before, &name, expression);
                }
                self.expression(&it.subscript_expr)?;
                Ok(match before {
                    Some(Shape::List(element)) => Some(*element),
                    _ => None,
                })
            }
            _ => self.expression(expression),
        }
    }

    /// The part before the last dot. If that is unknown already, the error is about `whole`, so
    /// that the nearest name is looked for with all that was written.
    fn path_within(&mut self, before: &'t Expr<'t>, whole: &'t Expr<'t>) -> Checked<Known> {
        self.path(before).map_err(|error| match (text_of(whole), text_of(before)) {
            (Some(all), Some(_)) if error.message.contains("is unknown") => {
                unknown_name(&all, start_of(before), &[])
            }
            _ => error,
        })
    }

    fn part(&self, before: Known, name: &str, whole: &'t Expr<'t>) -> Checked<Known> {
        match before {
            None => Ok(None),
            Some(Shape::Record(tokens)) => find(tokens, name)
                .map(|it| Some(it.shape))
                .ok_or_else(|| unknown(whole, start_of(whole), tokens)),
            Some(Shape::List(_)) => Err(at(
                start_of(whole),
                format!(
                    "`{name}` cannot be asked of a list; take one of it with `[0]` or `| first`, or go through it with `for`"
                ),
            )),
            Some(Shape::Plain | Shape::Number) => Err(at(
                start_of(whole),
                format!(
                    "`{name}` is unknown: what stands before it is a plain value without parts"
                ),
            )),
        }
    }
}
