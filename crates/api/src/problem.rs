//! Problem documents (RFC 9457) with stable codes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What went wrong, for people and for programs: the body of every answer that is not a success.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Problem {
    /// Always `about:blank`: the code says which problem it is.
    #[serde(rename = "type")]
    pub kind: String,
    /// The kind of problem in a few words; the same for every problem of this code.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What programs branch on; never renamed.
    pub code: Code,
    /// What is wrong this time, where, and what to do.
    pub detail: String,
    /// The fields that are wrong, where the input was.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldProblem>,
}

/// One field that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FieldProblem {
    /// The path of the field, such as `members[0].extension`; empty for the whole.
    pub field: String,
    /// What is wrong with it and what is expected.
    pub message: String,
}

macro_rules! codes {
    ($($variant:ident = $name:literal, $status:literal, $title:literal;)*) => {
        /// Which problem it is.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
        pub enum Code {
            $(#[doc = $title] #[serde(rename = $name)] $variant,)*
        }

        impl Code {
            /// All of them.
            pub const ALL: &[Code] = &[$(Code::$variant,)*];

            /// The stable name.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Code::$variant => $name,)* }
            }

            /// The HTTP status that it comes with.
            #[must_use]
            pub fn status(self) -> u16 {
                match self { $(Code::$variant => $status,)* }
            }

            /// The kind of problem in a few words.
            #[must_use]
            pub fn title(self) -> &'static str {
                match self { $(Code::$variant => $title,)* }
            }
        }
    };
}

codes! {
    Unauthenticated = "unauthenticated", 401, "Authentication is needed";
    Forbidden = "forbidden", 403, "Not allowed";
    NotFound = "not_found", 404, "Not found";
    MethodNotAllowed = "method_not_allowed", 405, "Method not allowed";
    RequestTimeout = "request_timeout", 408, "The request took too long";
    Conflict = "conflict", 409, "In conflict with what is stored";
    BodyTooLarge = "body_too_large", 413, "The body is too large";
    WrongContentType = "wrong_content_type", 415, "The body must be JSON";
    Invalid = "invalid", 422, "The input is not valid";
    TooManyRequests = "too_many_requests", 429, "Too many requests";
    Internal = "internal", 500, "A fault of the hub";
    Unavailable = "unavailable", 503, "Not available now";
}

impl Problem {
    /// A problem of this code, with what is wrong this time.
    pub fn new(code: Code, detail: impl Into<String>) -> Problem {
        Problem {
            kind: "about:blank".to_owned(),
            title: code.title().to_owned(),
            status: code.status(),
            code,
            detail: detail.into(),
            errors: Vec::new(),
        }
    }
}
