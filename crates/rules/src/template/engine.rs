//! The template engine as we set it up: what a template may call.

use std::sync::LazyLock;

use minijinja::{
    Environment, Error, ErrorKind, UndefinedBehavior, Value, filters, syntax::SyntaxConfig, tests,
};

use super::{STEPS_MAX, place};

/// The filters that a template may use. All that do not make much of little.
pub const FILTERS: &[&str] = &[
    "abs",
    "capitalize",
    "default",
    "first",
    "float",
    "int",
    "join",
    "json",
    "last",
    "length",
    "lower",
    "replace",
    "reverse",
    "round",
    "split",
    "string",
    "title",
    "trim",
    "unique",
    "upper",
];

/// The questions after `is`.
pub(super) const TESTS: &[&str] = &[
    "defined",
    "endingwith",
    "even",
    "in",
    "none",
    "number",
    "odd",
    "startingwith",
    "string",
    "undefined",
];

/// How deep expressions and blocks may nest.
const NESTING_MAX: usize = 50;

/// A fresh environment; the parts that all have in common are shared.
pub(super) fn environment() -> Environment<'static> {
    static BASE: LazyLock<Environment<'static>> = LazyLock::new(base);
    BASE.clone()
}

/// Jinja's own, except that the last line break stays: what is written is what is sent.
pub(super) fn syntax() -> SyntaxConfig {
    let mut builder = SyntaxConfig::builder();
    builder.keep_trailing_newline(true);
    builder.build().unwrap_or_default()
}

fn base() -> Environment<'static> {
    let mut base = Environment::empty();
    base.set_syntax(syntax());
    base.set_undefined_behavior(UndefinedBehavior::Strict);
    base.set_fuel(Some(STEPS_MAX));
    base.set_recursion_limit(NESTING_MAX);
    // Errors carry the range of the template that they are about.
    base.set_debug(true);
    base.set_formatter(|out, _, value| place::write_value(out, value));
    base.add_filter("abs", filters::abs);
    base.add_filter("capitalize", filters::capitalize);
    base.add_filter("default", default_if_nothing);
    base.add_filter("first", filters::first);
    base.add_filter("float", filters::float);
    base.add_filter("int", filters::int);
    base.add_filter("join", filters::join);
    base.add_filter("json", json);
    base.add_filter("last", filters::last);
    base.add_filter("length", filters::length);
    base.add_filter("lower", filters::lower);
    base.add_filter("replace", filters::replace);
    base.add_filter("reverse", filters::reverse);
    base.add_filter("round", filters::round);
    base.add_filter("split", filters::split);
    base.add_filter("string", filters::string);
    base.add_filter("title", filters::title);
    base.add_filter("trim", filters::trim);
    base.add_filter("unique", filters::unique);
    base.add_filter("upper", filters::upper);
    base.add_test("defined", tests::is_defined);
    base.add_test("endingwith", tests::is_endingwith);
    base.add_test("even", tests::is_even);
    base.add_test("in", tests::is_in);
    base.add_test("none", tests::is_none);
    base.add_test("number", tests::is_number);
    base.add_test("odd", tests::is_odd);
    base.add_test("startingwith", tests::is_startingwith);
    base.add_test("string", tests::is_string);
    base.add_test("undefined", tests::is_undefined);
    base
}

/// A whole JSON value, quotes included; marked as not to be escaped again.
fn json(value: &Value) -> Result<Value, Error> {
    if value.is_undefined() {
        return Err(Error::from(ErrorKind::UndefinedError));
    }
    place::to_json(value).map(Value::from_safe_string)
}

/// Another value in place of one that is unknown. Facts that the phone system did not give are
/// `none` rather than missing, so both count.
fn default_if_nothing(value: &Value, other: Option<Value>) -> Value {
    if value.is_undefined() || value.is_none() {
        other.unwrap_or_else(|| Value::from(""))
    } else {
        value.clone()
    }
}

/// What a template without tokens renders to: the text without its comments.
pub(super) fn without_tokens(source: &str) -> Box<str> {
    let rendered = environment().render_str(source, ());
    rendered.map_or_else(|_| source.into(), String::into_boxed_str)
}
