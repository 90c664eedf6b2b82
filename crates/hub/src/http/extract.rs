//! What handlers take out of a request: who asks, the query, the body. Wrong input is told field
//! by field.

use api::Code;
use app::{Actor, AppError, schema};
use axum::{
    body::to_bytes,
    extract::{FromRequest, FromRequestParts, Request},
};
use http::{header, request::Parts};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::{Map, Number, Value};

use super::problem::Failure;

/// The longest body that is read: a declarative file with some thousand entries.
pub(super) const BODY_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Who asks. Only the guard puts one into a request.
pub(super) struct Who(pub(super) Actor);

impl<S: Sync> FromRequestParts<S> for Who {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Who, Failure> {
        let actor = parts.extensions.get::<Actor>().cloned();
        actor.map(Who).ok_or_else(|| Failure::new(Code::Unauthenticated, "nobody is logged in"))
    }
}

/// The query, read into a shape.
pub(super) struct Asked<T>(pub(super) T);

impl<T: JsonSchema + DeserializeOwned + 'static, S: Sync> FromRequestParts<S> for Asked<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Asked<T>, Failure> {
        let query = parts.uri.query().unwrap_or_default();
        Ok(Asked(schema::read(query_value(query, &schema::of::<T>())?)?))
    }
}

/// The query as JSON. Everything in it is text: what the schema wants as a number is read as one.
/// An empty value is none, as an empty field of a form is.
fn query_value(query: &str, schema: &Value) -> Result<Value, AppError> {
    let mut map = Map::new();
    for (name, text) in form_urlencoded(query) {
        if text.is_empty() {
            continue;
        }
        let wanted = schema.pointer(&format!("/properties/{name}/type"));
        let number = wanted.is_some_and(|it| {
            it == "integer" || it.as_array().is_some_and(|it| it.contains(&"integer".into()))
        });
        let value = match text.parse::<i64>() {
            Ok(whole) if number => Value::Number(Number::from(whole)),
            _ => Value::String(text),
        };
        if map.insert(name.clone(), value).is_some() {
            return Err(AppError::field(name, "is given twice"));
        }
    }
    Ok(Value::Object(map))
}

fn form_urlencoded(query: &str) -> Vec<(String, String)> {
    serde_urlencoded::from_str(query).unwrap_or_default()
}

/// The body, read into a shape. No body is an empty object.
pub(super) struct Given<T>(pub(super) T);

impl<T: JsonSchema + DeserializeOwned + 'static, S: Sync> FromRequest<S> for Given<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, _: &S) -> Result<Given<T>, Failure> {
        let kind = request.headers().get(header::CONTENT_TYPE).map(|it| it.to_str());
        let is_json = |it: &str| {
            let media = it.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
            media == "application/json"
                || (media.starts_with("application/") && media.ends_with("+json"))
        };
        if let Some(kind) = kind
            && !kind.is_ok_and(is_json)
        {
            let detail = "send the body as `Content-Type: application/json`";
            return Err(Failure::new(Code::WrongContentType, detail));
        }
        let body = to_bytes(request.into_body(), BODY_BYTES_MAX).await.map_err(|_| {
            let mib = BODY_BYTES_MAX / 1024 / 1024;
            Failure::new(Code::BodyTooLarge, format!("the body has more than {mib} MiB"))
        })?;
        let value = if body.is_empty() {
            Value::Object(Map::new())
        } else {
            let broken = |it| AppError::field("", format!("the body is no JSON: {it}"));
            serde_json::from_slice(&body).map_err(broken)?
        };
        Ok(Given(schema::read(value)?))
    }
}

/// A path value, without the machinery for several.
pub(super) type Id = axum::extract::Path<String>;

#[cfg(test)]
mod tests {
    use api::{CallQuery, DeliveryQuery};

    use super::*;

    #[track_caller]
    fn told<T: JsonSchema + DeserializeOwned + 'static>(query: &str) -> String {
        let value = query_value(query, &schema::of::<T>());
        match value.and_then(schema::read::<T>) {
            Ok(_) => String::new(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn queries_are_read_by_their_schema() {
        assert_eq!(told::<CallQuery>("number=112&limit=5&from=%2B39061&outcome="), "");
        assert_eq!(told::<CallQuery>("started_after=2026-11-20T10:49:13.420Z"), "");
        assert_eq!(told::<CallQuery>("limit=five"), "limit: must be a whole number, not a text");
        assert_eq!(told::<CallQuery>("limit=501"), "limit: must be from 1 to 500");
        assert_eq!(
            told::<CallQuery>("directoin=inbound"),
            "directoin: unknown field `directoin`: did you mean `direction`?"
        );
        assert_eq!(
            told::<DeliveryQuery>("status=deaf"),
            "status: unknown value `deaf`: did you mean `dead`?"
        );
        assert_eq!(told::<CallQuery>("q=a&q=b"), "q: is given twice");
    }
}
