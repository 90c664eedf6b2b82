//! The OpenAPI document, and a page to browse it: both from the one table of operations.

use std::{fmt::Write as _, sync::OnceLock};

use api::{Access, OPERATIONS, Operation};
use axum::response::{Html, IntoResponse, Response};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{HeaderValue, header};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The whole style of the page; it is small, so it stands inside, allowed by its hash.
const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;\
padding:0 1rem;color-scheme:light dark}code,pre{font:14px/1.45 ui-monospace,monospace}\
h2{margin-top:2.5rem;border-bottom:1px solid #8884}summary{cursor:pointer;padding:.35rem 0}\
summary b{display:inline-block;width:4.5rem}pre{overflow:auto;padding:.75rem;background:#8881;\
border-radius:.4rem}table{border-collapse:collapse}td{padding:.15rem 1rem .15rem 0;\
vertical-align:top}.scope{opacity:.7;font-size:.85em}";

/// `GET /openapi.json`.
pub(super) async fn document() -> Response {
    static MADE: OnceLock<Bytes> = OnceLock::new();
    let make = || serde_json::to_vec(&api::document(VERSION)).unwrap_or_default().into();
    let kind = HeaderValue::from_static("application/json");
    ([(header::CONTENT_TYPE, kind)], MADE.get_or_init(make).clone()).into_response()
}

/// `GET /api/docs`.
pub(super) async fn page() -> Response {
    static MADE: OnceLock<(String, HeaderValue)> = OnceLock::new();
    let (page, policy) = MADE.get_or_init(|| {
        let hash = STANDARD.encode(Sha256::digest(STYLE.as_bytes()));
        let policy = format!(
            "default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; frame-ancestors 'none'"
        );
        let policy = HeaderValue::from_str(&policy).expect("base 64 is a proper header value");
        (render(&api::document(VERSION)), policy)
    });
    ([(header::CONTENT_SECURITY_POLICY, policy.clone())], Html(page.as_str())).into_response()
}

fn render(document: &Value) -> String {
    let mut out = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\
         <title>Hookswitch API</title><style>{STYLE}</style></head><body><main>\
         <h1>Hookswitch API</h1><p>Authenticate with <code>Authorization: Bearer hsk_…</code>. \
         Times are RFC 3339 in UTC, durations are seconds, lists answer <code>items</code> and \
         <code>next</code>, errors are problem documents (RFC 9457) with a stable \
         <code>code</code>. The machine-readable form is <a href=\"/openapi.json\">openapi.json</a>.\
         </p>"
    );
    let mut tag = "";
    for operation in OPERATIONS {
        if operation.tag != tag {
            tag = operation.tag;
            let _ = write!(out, "<h2>{tag}</h2>");
        }
        render_operation(&mut out, operation, document);
    }
    out.push_str("<h2>Schemas</h2>");
    let schemas = document.pointer("/components/schemas").and_then(Value::as_object);
    for (name, schema) in schemas.into_iter().flatten() {
        let text = serde_json::to_string_pretty(schema).unwrap_or_default();
        let (name, text) = (escape(name), escape(&text));
        let _ = write!(
            out,
            "<details id=\"{name}\"><summary><code>{name}</code></summary><pre>{text}</pre></details>"
        );
    }
    out.push_str("</main></body></html>");
    out
}

fn render_operation(out: &mut String, operation: &Operation, document: &Value) {
    let scope = match operation.access {
        Access::Open => "open".to_owned(),
        Access::Authenticated => "any key".to_owned(),
        Access::Scope(scope) => scope.to_string(),
    };
    let (method, path) = (operation.method.name(), operation.path);
    let summary = escape(operation.summary);
    let _ = write!(
        out,
        "<details id=\"{}\"><summary><b>{method}</b> <code>{path}</code> \
         <span class=\"scope\">{scope}</span></summary><p>{summary}</p>",
        operation.id
    );
    let described = &document["paths"][path][method.to_lowercase()];
    let parameters = described["parameters"].as_array();
    if let Some(parameters) = parameters.filter(|it| !it.is_empty()) {
        out.push_str("<table>");
        for it in parameters {
            let name = escape(it["name"].as_str().unwrap_or_default());
            let place = it["in"].as_str().unwrap_or_default();
            let text = escape(it["description"].as_str().unwrap_or_default());
            let _ =
                write!(out, "<tr><td><code>{name}</code></td><td>{place}</td><td>{text}</td></tr>");
        }
        out.push_str("</table>");
    }
    render_schema(out, "Body", &described["requestBody"]["content"]);
    for (status, answer) in described["responses"].as_object().into_iter().flatten() {
        if status != "default" {
            render_schema(out, &format!("Answer {status}"), &answer["content"]);
        }
    }
    out.push_str("</details>");
}

fn render_schema(out: &mut String, title: &str, content: &Value) {
    for (media, body) in content.as_object().into_iter().flatten() {
        let reference = body["schema"]["$ref"].as_str().and_then(|it| it.rsplit('/').next());
        let _ = match reference {
            Some(name) => {
                let name = escape(name);
                write!(out, "<p>{title}: <a href=\"#{name}\"><code>{name}</code></a></p>")
            }
            None => write!(out, "<p>{title}: <code>{}</code></p>", escape(media)),
        };
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
