//! From settings and an event to the very request that goes out.

use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Uri,
    header::{AUTHORIZATION, CONTENT_TYPE, COOKIE, PROXY_AUTHORIZATION, USER_AGENT},
};
use rules::{
    signature::SigningKey,
    template::{Facts, Place, Template, check_json},
};

use super::Settings;
use crate::{Delivery, Request, SendError, SettingsError, client::exchange};

/// As it goes out.
pub(super) type Outgoing = http::Request<Bytes>;

const WEBHOOK_ID: HeaderName = HeaderName::from_static("webhook-id");
const WEBHOOK_TIMESTAMP: HeaderName = HeaderName::from_static("webhook-timestamp");
const WEBHOOK_SIGNATURE: HeaderName = HeaderName::from_static("webhook-signature");
const OURS: HeaderValue =
    HeaderValue::from_static(concat!("Hookswitch/", env!("CARGO_PKG_VERSION")));
const JSON: HeaderValue = HeaderValue::from_static("application/json");
const PLAIN: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");

/// Headers that the connection or the signature decides; set by hand they would break it.
const NOT_BY_HAND: &[&str] = &[
    "connection",
    "content-length",
    "host",
    "transfer-encoding",
    "upgrade",
    "webhook-id",
    "webhook-signature",
    "webhook-timestamp",
];

/// Settings, checked and compiled.
#[derive(Debug)]
pub(super) struct Renderer {
    method: Part<Method>,
    url: Part<Uri>,
    headers: Part<Vec<(HeaderName, HeaderValue)>>,
    /// `None` for the event as JSON.
    body: Option<Template>,
    /// What the body claims to be if the headers do not say.
    content_type: HeaderValue,
    key: Option<SigningKey>,
}

/// A part of the request: read once if it has no tokens, else for each delivery.
#[derive(Debug)]
enum Part<T> {
    Fixed(T),
    Rendered(Box<Template>),
}

impl<T> Part<T> {
    fn compile(
        field: &str,
        place: Place,
        source: &str,
        read: impl Fn(&str) -> Result<T, String>,
    ) -> Result<Part<T>, SettingsError> {
        let template =
            Template::compile(place, source).map_err(|it| SettingsError::new(field, it))?;
        match template.constant() {
            Some(text) => read(text).map(Part::Fixed).map_err(|it| SettingsError::new(field, it)),
            None => Ok(Part::Rendered(Box::new(template))),
        }
    }
}

impl<T: Clone> Part<T> {
    fn of(
        &self,
        field: &str,
        facts: &Facts,
        read: impl Fn(&str) -> Result<T, String>,
    ) -> Result<T, SendError> {
        let template = match self {
            Part::Fixed(value) => return Ok(value.clone()),
            Part::Rendered(template) => template,
        };
        let mut text = Vec::new();
        template.render(facts, &mut text).map_err(|it| invalid(field, &it))?;
        read(&String::from_utf8_lossy(&text)).map_err(|it| invalid(field, it))
    }
}

fn invalid(field: &str, message: impl std::fmt::Display) -> SendError {
    SendError::Invalid(format!("{field}: {message}"))
}

impl Renderer {
    pub(super) fn compile(settings: &Settings) -> Result<Renderer, SettingsError> {
        let method = Part::compile("method", Place::Text, &settings.method, read_method)?;
        check_scheme(&settings.url)?;
        let url = Part::compile("url", Place::Url, settings.url.trim(), read_url)?;
        let headers = Part::compile("headers", Place::Headers, &settings.headers, read_headers)?;
        let content_type = if looks_like_json(&settings.body) { JSON } else { PLAIN };
        let claims_json = match said_content_type(&settings.headers) {
            Some(said) => is_json(said.as_bytes()),
            None => content_type == JSON,
        };
        let place = if claims_json { Place::Json } else { Place::Text };
        let body = if settings.body.trim().is_empty() {
            None
        } else {
            let compiled = Template::compile(place, &settings.body);
            Some(compiled.map_err(|it| SettingsError::new("body", it))?)
        };
        let secret = settings.secret.as_ref().map(|it| it.reveal().trim());
        let key = secret.filter(|it| !it.is_empty()).map(SigningKey::read).transpose();
        let key = key.map_err(|it| SettingsError::new("secret", it))?;
        Ok(Renderer { method, url, headers, body, content_type, key })
    }

    /// The request for this delivery.
    ///
    /// Nothing in it but the time and what the template asks of the attempt differs between two
    /// tries, so a receiver can know the second by `webhook-id`.
    pub(super) fn render(&self, delivery: &Delivery) -> Result<Outgoing, SendError> {
        let event = std::sync::Arc::clone(&delivery.event);
        let integration = std::sync::Arc::clone(&delivery.integration);
        let facts = Facts::new(event, integration, &delivery.id, delivery.attempt);
        let method = self.method.of("method", &facts, read_method)?;
        let url = self.url.of("url", &facts, read_url)?;
        let lines = self.headers.of("headers", &facts, read_headers)?;
        let body = self.body(&method, &facts, delivery)?;

        let mut request = http::Request::new(body.clone());
        *request.method_mut() = method;
        *request.uri_mut() = url;
        let headers = request.headers_mut();
        headers.reserve(lines.len() + 5);
        for (name, value) in lines {
            headers.append(name, value);
        }
        if !body.is_empty() && !headers.contains_key(CONTENT_TYPE) {
            headers.insert(CONTENT_TYPE, self.content_type.clone());
        }
        if self.body.is_some() && headers.get(CONTENT_TYPE).is_some_and(|it| is_json(it.as_bytes()))
        {
            check_json(&body).map_err(|it| invalid("body", it))?;
        }
        headers.entry(USER_AGENT).or_insert(OURS);
        self.sign(headers, delivery, &body)?;
        Ok(request)
    }

    fn body(
        &self,
        method: &Method,
        facts: &Facts,
        delivery: &Delivery,
    ) -> Result<Bytes, SendError> {
        let Some(template) = &self.body else {
            if matches!(*method, Method::GET | Method::HEAD | Method::DELETE) {
                return Ok(Bytes::new());
            }
            let json = serde_json::to_vec(&*delivery.event);
            return json.map(Bytes::from).map_err(|it| invalid("body", it));
        };
        let mut text = Vec::with_capacity(BODY_BYTES_USUAL);
        template.render(facts, &mut text).map_err(|it| invalid("body", it))?;
        Ok(Bytes::from(text))
    }

    fn sign(
        &self,
        headers: &mut HeaderMap,
        delivery: &Delivery,
        body: &[u8],
    ) -> Result<(), SendError> {
        let id = delivery.event.id.as_str();
        let timestamp = delivery.now.0.div_euclid(1000).to_string();
        let value = |text: &str| HeaderValue::from_str(text).map_err(|it| invalid("event", it));
        if let Some(key) = &self.key {
            headers.insert(WEBHOOK_SIGNATURE, value(&key.sign(id, &timestamp, body))?);
        }
        headers.insert(WEBHOOK_ID, value(id)?);
        headers.insert(WEBHOOK_TIMESTAMP, value(&timestamp)?);
        Ok(())
    }
}

/// Room that most bodies do with.
const BODY_BYTES_USUAL: usize = 1024;

/// The request as people read it: what the connection adds included, credentials masked.
pub(super) fn view(request: &Outgoing) -> Request {
    let body = request.body().clone();
    let mut headers = vec![("host".to_owned(), authority(request.uri()))];
    for (name, value) in exchange::visible(request.headers()) {
        let shown = if is_secret(&name) { mask(&value) } else { value };
        headers.push((name, shown));
    }
    if !body.is_empty() {
        headers.push(("content-length".to_owned(), body.len().to_string()));
    }
    Request { method: request.method().to_string(), url: request.uri().to_string(), headers, body }
}

fn authority(uri: &Uri) -> String {
    uri.authority().map_or_else(String::new, ToString::to_string)
}

/// Whether a header of this name usually holds credentials.
fn is_secret(name: &str) -> bool {
    let named = [AUTHORIZATION, PROXY_AUTHORIZATION, COOKIE].iter().any(|it| it == name);
    named || ["key", "token", "secret", "password"].iter().any(|it| name.contains(it))
}

/// Leaves the scheme: `Bearer …`.
fn mask(value: &str) -> String {
    match value.split_once(' ') {
        Some((scheme, _)) => format!("{scheme} …"),
        None => "…".to_owned(),
    }
}

fn read_method(text: &str) -> Result<Method, String> {
    let text = text.trim().to_ascii_uppercase();
    match Method::from_bytes(text.as_bytes()) {
        Ok(Method::CONNECT) | Err(_) => {
            Err(format!("`{text}` is no method; there are GET, POST, PUT, PATCH and DELETE"))
        }
        Ok(method) => Ok(method),
    }
}

/// Checked on the text, so that a misspelt scheme is found although the rest has tokens.
fn check_scheme(source: &str) -> Result<(), SettingsError> {
    let start = source.trim_start().get(..8).unwrap_or(source.trim()).to_ascii_lowercase();
    let fine = ["http://", "https://", "{{", "{%", "{#"].iter().any(|it| start.starts_with(it));
    if fine { Ok(()) } else { Err(SettingsError::new("url", NO_SCHEME)) }
}

const NO_SCHEME: &str = "must begin with http:// or https://";

fn read_url(text: &str) -> Result<Uri, String> {
    let uri: Uri = text.parse().map_err(|error| format!("is no address: {error}"))?;
    if !matches!(uri.scheme_str(), Some("http" | "https")) {
        return Err(NO_SCHEME.to_owned());
    }
    if uri.host().is_none_or(str::is_empty) {
        return Err("has no host".to_owned());
    }
    if uri.authority().is_some_and(|it| it.as_str().contains('@')) {
        return Err(
            "has a user name before the host; send it as a header, `Authorization: Basic …`"
                .to_owned(),
        );
    }
    Ok(uri)
}

fn read_headers(text: &str) -> Result<Vec<(HeaderName, HeaderValue)>, String> {
    let lines = text.lines().map(str::trim).enumerate().filter(|(_, line)| !line.is_empty());
    lines
        .map(|(at, line)| {
            let at = at + 1;
            // The line itself is not repeated: it may hold a secret.
            let (name, value) = line
                .split_once(':')
                .ok_or_else(|| format!("line {at}: `Name: value` is expected"))?;
            let name = name.trim();
            let read = HeaderName::from_bytes(name.as_bytes())
                .map_err(|_| format!("line {at}: the name before the colon is no header's name"))?;
            if NOT_BY_HAND.contains(&read.as_str()) {
                return Err(format!("line {at}: `{name}` is set by the hub; leave it out"));
            }
            let value = HeaderValue::from_bytes(value.trim().as_bytes())
                .map_err(|_| format!("line {at}: the value of `{name}` has control characters"))?;
            Ok((read, value))
        })
        .collect()
}

/// What the header lines say of the body, if that is not a token itself.
fn said_content_type(headers: &str) -> Option<&str> {
    headers.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.trim().eq_ignore_ascii_case("content-type").then(|| value.trim())
    })
}

/// An empty body is the event as JSON; one that begins with a tag may become anything.
fn looks_like_json(body: &str) -> bool {
    let body = body.trim_start();
    let tag = ["{{", "{%", "{#"].iter().any(|it| body.starts_with(it));
    body.is_empty() || body.starts_with('[') || (body.starts_with('{') && !tag)
}

/// `application/json`, or a type that ends in `+json`; parameters do not count.
fn is_json(content_type: &[u8]) -> bool {
    let essence = content_type.split(|it| *it == b';').next().unwrap_or_default();
    let essence = essence.trim_ascii().to_ascii_lowercase();
    essence == b"application/json" || essence == b"text/json" || essence.ends_with(b"+json")
}
