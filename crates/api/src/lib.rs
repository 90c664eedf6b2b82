//! The public API: its shapes, the scopes of its keys, the one table of its operations, and the
//! OpenAPI document that is made from that table.
//!
//! Pure: no I/O. The Call object and the event are those of `call`; every other shape that
//! crosses the border is declared here, once, and the services of `app` speak it. What is renamed
//! here breaks users; what is renamed elsewhere does not.

mod openapi;
mod operations;
mod problem;
mod scope;
pub mod shapes;

pub use openapi::document;
pub use operations::{
    Access, Answer, BASE, Method, OPERATIONS, Operation, Parameter, SchemaOf, operation,
};
pub use problem::{Code, FieldProblem, Problem};
pub use scope::{Scope, UnknownScope};
pub use shapes::*;

#[cfg(test)]
mod tests;
