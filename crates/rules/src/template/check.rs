//! Reads a template before it is accepted: every name, filter and question must exist, and nothing
//! that could reach outside or run away is in it.
//!
//! It walks the syntax tree of the engine, which is an interface that may change with any of its
//! releases; the version is therefore fixed in the workspace manifest.

use minijinja::machinery::{
    Span, Token as Lexeme,
    ast::{Call, CallArg, CallType, Expr, ForLoop, Stmt},
    parse, tokenize,
};

use super::{
    FILTERS, TemplateError,
    engine::{TESTS, syntax},
    names::{ROOTS, Shape, Token, join, nearest, token_names},
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
    let mut walk = Walk { scopes: Vec::new(), has_tokens: false };
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
type Checked<T = ()> = Result<T, TemplateError>;

struct Walk<'t> {
    /// Names that the template made itself, innermost scope last.
    scopes: Vec<Vec<(&'t str, Known)>>,
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
            Stmt::EmitExpr(it) => self.expression(&it.expr).map(drop),
            Stmt::ForLoop(it) => self.for_loop(it),
            Stmt::IfCond(it) => {
                self.expression(&it.expr)?;
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
        let element = match self.expression(&it.iter)? {
            Some(Shape::List(element)) => Some(*element),
            _ => None,
        };
        self.scopes.push(vec![("loop", None)]);
        self.name(&it.target, element);
        let filter = it.filter_expr.as_ref().map_or(Ok(()), |it| self.expression(it).map(drop));
        let checked = filter.and_then(|()| self.statements(&it.body));
        self.scopes.pop();
        checked?;
        self.statements(&it.else_body)
    }

    fn assign(&mut self, target: &'t Expr<'t>, value: &'t Expr<'t>) -> Checked {
        let known = self.expression(value)?;
        self.name(target, known);
        Ok(())
    }

    /// Makes a name known from here on.
    fn name(&mut self, target: &'t Expr<'t>, known: Known) {
        match target {
            Expr::Var(it) => {
                if let Some(scope) = self.scopes.last_mut() {
                    scope.push((it.id, known));
                }
            }
            Expr::List(it) => it.items.iter().for_each(|it| self.name(it, None)),
            Expr::Tuple(it) => it.items.iter().for_each(|it| self.name(it, None)),
            _ => {}
        }
    }

    fn expression(&mut self, expression: &'t Expr<'t>) -> Checked<Known> {
        match expression {
            Expr::Const(_) => {}
            Expr::Var(_) | Expr::GetAttr(_) | Expr::GetItem(_) => return self.path(expression),
            Expr::Slice(it) => {
                let known = self.expression(&it.expr)?;
                self.all([&it.start, &it.stop, &it.step].into_iter().flatten())?;
                return Ok(known);
            }
            Expr::UnaryOp(it) => self.all([&it.expr])?,
            Expr::BinOp(it) => self.all([&it.left, &it.right])?,
            Expr::Compare(it) => {
                self.all([&it.expr])?;
                self.all(it.ops.iter().map(|it| &it.expr))?;
            }
            Expr::IfExpr(it) => {
                self.all([&it.test_expr, &it.true_expr])?;
                self.all(&it.false_expr)?;
            }
            Expr::Filter(it) => {
                exists("filter", it.name, FILTERS, it.span())?;
                let known = it.expr.as_ref().map_or(Ok(None), |it| self.expression(it))?;
                self.arguments(&it.args)?;
                if let (Some(Shape::List(element)), "first" | "last") = (known, it.name) {
                    return Ok(Some(*element));
                }
            }
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

    fn own(&self, name: &str) -> Option<Known> {
        let mut names = self.scopes.iter().rev().flat_map(|it| it.iter().rev());
        names.find(|it| it.0 == name).map(|it| it.1)
    }

    /// A name with dots: follows it as far as shapes are known.
    fn path(&mut self, expression: &'t Expr<'t>) -> Checked<Known> {
        match expression {
            Expr::Var(it) => {
                if let Some(known) = self.own(it.id) {
                    return Ok(known);
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
            Some(Shape::Plain) => Err(at(
                start_of(whole),
                format!(
                    "`{name}` is unknown: what stands before it is a plain value without parts"
                ),
            )),
        }
    }
}

/// Where a name with dots begins; the engine gives its end to each dot.
fn start_of(expression: &Expr<'_>) -> Span {
    match expression {
        Expr::GetAttr(it) => start_of(&it.expr),
        Expr::GetItem(it) => start_of(&it.expr),
        _ => expression.span(),
    }
}

fn find<'a>(tokens: &'a [Token], name: &str) -> Option<&'a Token> {
    tokens.iter().find(|it| it.name == name)
}

fn constant_name(expression: &Expr<'_>) -> Option<String> {
    expression.as_const().and_then(|it| it.as_str().map(str::to_owned))
}

/// A name with its dots, if the expression is nothing else.
fn text_of(expression: &Expr<'_>) -> Option<String> {
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

fn unknown(expression: &Expr<'_>, span: Span, siblings: &[Token]) -> TemplateError {
    match text_of(expression) {
        Some(name) => unknown_name(&name, span, siblings),
        None => at(span, "this part is unknown".to_owned()),
    }
}

/// `siblings` are the names that could stand in place of the last part.
fn unknown_name(name: &str, span: Span, siblings: &[Token]) -> TemplateError {
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

fn exists(what: &str, name: &str, known: &[&str], span: Span) -> Checked {
    if known.contains(&name) {
        return Ok(());
    }
    let hint = match nearest(name, known.iter().copied()) {
        Some(guess) => format!("did you mean `{guess}`?"),
        None => format!("there are {}", known.join(", ")),
    };
    Err(at(span, format!("the {what} `{name}` is unknown; {hint}")))
}

const SET: &str = "write `{% set name = value %}`";
const PIPE: &str = "put `| filter` behind the value";
const ESCAPE: &str = "values are escaped for the place where they stand";
const ALONE: &str = "a template stands alone";

fn not_here(span: Span, what: &str, instead: &str) -> TemplateError {
    at(span, format!("{what} cannot be used here: {instead}"))
}

fn at(span: Span, message: String) -> TemplateError {
    TemplateError {
        line: Some(u32::from(span.start_line)),
        column: Some(u32::from(span.start_col) + 1),
        message,
    }
}
