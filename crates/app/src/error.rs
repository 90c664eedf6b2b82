//! Why a service said no: one variant for each thing that a caller can do about it.

use api::{Code, FieldProblem, Problem};
use store::StoreError;

/// Why a service said no. The texts are for people; they never hold a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AppError {
    /// There is no such thing in this organisation.
    #[error("there is no {0} with this id")]
    NotFound(&'static str),
    /// The actor has not the right.
    #[error("{0}")]
    Forbidden(String),
    /// Nobody is logged in, or the credentials are wrong.
    #[error("{0}")]
    Unauthenticated(String),
    /// The input is wrong: every field that is, with what is expected.
    #[error("{}", list(.0))]
    Invalid(Vec<FieldProblem>),
    /// In conflict with what is stored, such as a name that is taken.
    #[error("{0}")]
    Conflict(String),
    /// Too many of these at a time; try again later.
    #[error("{0}")]
    TooMany(String),
    /// Something that is needed does not answer now.
    #[error("{0}")]
    Unavailable(String),
    /// A fault of the hub; logged where it was found.
    #[error("a fault of the hub: {0}")]
    Internal(String),
}

/// What every service answers.
pub type Result<T, E = AppError> = std::result::Result<T, E>;

fn list(problems: &[FieldProblem]) -> String {
    let one = |it: &FieldProblem| match it.field.as_str() {
        "" => it.message.clone(),
        field => format!("{field}: {}", it.message),
    };
    problems.iter().map(one).collect::<Vec<_>>().join("; ")
}

impl AppError {
    /// One wrong field.
    pub fn field(field: impl Into<String>, message: impl Into<String>) -> AppError {
        AppError::Invalid(vec![problem(field, message)])
    }

    /// The code of the problem document.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            AppError::NotFound(_) => Code::NotFound,
            AppError::Forbidden(_) => Code::Forbidden,
            AppError::Unauthenticated(_) => Code::Unauthenticated,
            AppError::Invalid(_) => Code::Invalid,
            AppError::Conflict(_) => Code::Conflict,
            AppError::TooMany(_) => Code::TooManyRequests,
            AppError::Unavailable(_) => Code::Unavailable,
            AppError::Internal(_) => Code::Internal,
        }
    }
}

/// One wrong field, with what is expected.
pub(crate) fn problem(field: impl Into<String>, message: impl Into<String>) -> FieldProblem {
    FieldProblem { field: field.into(), message: message.into() }
}

impl From<&AppError> for Problem {
    fn from(error: &AppError) -> Problem {
        let mut problem = Problem::new(error.code(), error.to_string());
        if let AppError::Invalid(errors) = error {
            problem.errors.clone_from(errors);
        }
        problem
    }
}

impl From<StoreError> for AppError {
    fn from(error: StoreError) -> AppError {
        match error {
            it @ StoreError::Unavailable(_) => AppError::Unavailable(it.to_string()),
            it => AppError::Internal(it.to_string()),
        }
    }
}
