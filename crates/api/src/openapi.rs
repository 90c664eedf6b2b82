//! The OpenAPI 3.1 document, made from the table of operations.

use schemars::{SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value, json};

use crate::{Access, Answer, OPERATIONS, Operation, Problem};

/// Where the document keeps its schemas.
const SCHEMAS: &str = "#/components/schemas";

/// Makes the document. The settings of the kinds of phone systems and integrations are not in it:
/// they have operations of their own.
#[must_use]
pub fn document(version: &str) -> Value {
    let settings = SchemaSettings::draft2020_12().with(|it| {
        it.definitions_path = "/components/schemas".into();
        it.meta_schema = None;
    });
    let mut generator = SchemaGenerator::new(settings);
    let mut paths: Map<String, Value> = Map::new();
    for operation in OPERATIONS {
        let entry = paths.entry(operation.path).or_insert_with(|| json!({}));
        entry[operation.method.name().to_lowercase()] = describe(operation, &mut generator);
    }
    generator.subschema_for::<Problem>();
    generator.subschema_for::<crate::EventShape>();
    let schemas = generator.take_definitions(true);
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Hookswitch",
            "version": version,
            "summary": "Joins phone systems to the software that a business works in.",
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": "/" }],
        "security": [{ "key": [] }, { "session": [] }],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "key": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "An API key: `Authorization: Bearer hsk_…`.",
                },
                "session": {
                    "type": "apiKey",
                    "in": "cookie",
                    "name": "hookswitch_session",
                    "description": "The web session. Whatever changes something also needs the \
                                    session's token in `X-CSRF-Token`.",
                },
            },
        },
    })
}

fn describe(operation: &Operation, generator: &mut SchemaGenerator) -> Value {
    let mut parameters: Vec<Value> = operation
        .parameters()
        .map(|name| {
            json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } })
        })
        .collect();
    if let Some(query) = operation.query {
        parameters.extend(query_parameters(query, generator));
    }
    if operation.idempotent_by_key {
        parameters.push(json!({
            "name": "Idempotency-Key", "in": "header", "required": false,
            "schema": { "type": "string", "maxLength": 255 },
            "description": "A second request with the same key gets the answer of the first one.",
        }));
    }
    if operation.id == "followEvents" {
        parameters.push(json!({
            "name": "Last-Event-ID", "in": "header", "required": false,
            "schema": { "type": "string" },
            "description": "The last event that was seen; the stream begins with the one after it.",
        }));
    }
    let mut out = json!({
        "operationId": operation.id,
        "summary": operation.summary,
        "tags": [operation.tag],
        "parameters": parameters,
        "responses": responses(operation, generator),
    });
    match operation.access {
        Access::Open => out["security"] = json!([]),
        Access::Authenticated => {}
        Access::Scope(scope) => out["x-scope"] = json!(scope.name()),
    }
    if let Some(body) = operation.body {
        out["requestBody"] = json!({
            "required": true,
            "content": { "application/json": { "schema": body(generator) } },
        });
    }
    out
}

/// One parameter for each property of a query's shape.
fn query_parameters(query: crate::SchemaOf, generator: &mut SchemaGenerator) -> Vec<Value> {
    // A generator of its own: the shape is taken apart here and is no schema of the document.
    let mut own = SchemaGenerator::new(SchemaSettings::draft2020_12().with(|it| {
        it.definitions_path = "/components/schemas".into();
        it.meta_schema = None;
        it.inline_subschemas = true;
    }));
    let shape = query(&mut own);
    let _ = generator;
    let properties = shape.get("properties").and_then(Value::as_object);
    let described = properties.into_iter().flatten().map(|(name, schema)| {
        let mut schema = schema.clone();
        let text = schema.as_object_mut().and_then(|it| it.remove("description"));
        json!({ "name": name, "in": "query", "required": false,
                "description": text, "schema": schema })
    });
    described.collect()
}

fn responses(operation: &Operation, generator: &mut SchemaGenerator) -> Value {
    let (status, content) = match operation.answer {
        Answer::Json(status, schema) => {
            (status, json!({ "application/json": { "schema": schema(generator) } }))
        }
        Answer::Empty => (204, Value::Null),
        Answer::EventStream => (
            200,
            json!({ "text/event-stream": { "schema": {
                "type": "string",
                "description": "Each event has the id of the event as `id`, its type as `event` \
                                and the Event as `data`. Comments keep the connection alive.",
            } } }),
        ),
        Answer::Other(media) => (200, json!({ media: {} })),
    };
    let mut good = json!({ "description": "All is well." });
    if !content.is_null() {
        good["content"] = content;
    }
    let problem = json!({
        "description": "What is wrong, and what to do.",
        "content": { "application/problem+json": {
            "schema": { "$ref": format!("{SCHEMAS}/Problem") },
        } },
    });
    json!({ status.to_string(): good, "default": problem })
}
