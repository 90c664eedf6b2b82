//! The one table of the API's operations: the router, the check of rights, the OpenAPI document
//! and the page to browse it are all made from it.

use schemars::{JsonSchema, Schema, SchemaGenerator};

use crate::Scope::{self, *};
use crate::shapes::*;

/// The path under which the operations of the product stand; those of operations do not.
pub const BASE: &str = "/api/v1";

/// Makes the schema of a shape.
pub type SchemaOf = fn(&mut SchemaGenerator) -> Schema;

/// An HTTP method.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "they are the methods of HTTP")]
pub enum Method {
    Get,
    Post,
    Patch,
    Delete,
}

impl Method {
    /// As it stands in a request.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Method::Get => "GET",
            Method::Post => "POST",
            Method::Patch => "PATCH",
            Method::Delete => "DELETE",
        }
    }
}

/// Who may ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Everybody, without authentication.
    Open,
    /// Everybody who is authenticated.
    Authenticated,
    /// Who has this scope, or `admin`.
    Scope(Scope),
}

/// What comes back when all is well.
#[derive(Clone, Copy)]
pub enum Answer {
    /// JSON of this shape with this status.
    Json(u16, SchemaOf),
    /// Nothing, status 204.
    Empty,
    /// Server-sent events.
    EventStream,
    /// A body of this media type.
    Other(&'static str),
}

/// One value in the path.
#[derive(Debug, Clone, Copy)]
pub struct Parameter {
    /// As it stands in the path, without braces.
    pub name: &'static str,
    /// What it is.
    pub summary: &'static str,
}

/// One operation of the API.
#[derive(Clone, Copy)]
pub struct Operation {
    /// Unique; the `operationId` of the document and the name under which it is served.
    pub id: &'static str,
    /// The method.
    pub method: Method,
    /// The whole path, with parameters in braces.
    pub path: &'static str,
    /// Who may ask.
    pub access: Access,
    /// What it does, in one line.
    pub summary: &'static str,
    /// Its section in the documentation.
    pub tag: &'static str,
    /// The values of the query.
    pub query: Option<SchemaOf>,
    /// The body.
    pub body: Option<SchemaOf>,
    /// The answer.
    pub answer: Answer,
    /// Whether it creates something or dials, and so honours `Idempotency-Key`.
    pub idempotent_by_key: bool,
}

/// Finds an operation by its id.
#[must_use]
pub fn operation(id: &str) -> Option<&'static Operation> {
    OPERATIONS.iter().find(|it| it.id == id)
}

fn of<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}

const fn get(id: &'static str, path: &'static str, access: Access, answer: Answer) -> Operation {
    Operation {
        id,
        method: Method::Get,
        path,
        access,
        summary: "",
        tag: "",
        query: None,
        body: None,
        answer,
        idempotent_by_key: false,
    }
}

const fn post(id: &'static str, path: &'static str, scope: Scope, answer: Answer) -> Operation {
    Operation { method: Method::Post, ..get(id, path, Access::Scope(scope), answer) }
}

const fn patch(id: &'static str, path: &'static str, scope: Scope, answer: Answer) -> Operation {
    Operation { method: Method::Patch, ..get(id, path, Access::Scope(scope), answer) }
}

const fn delete(id: &'static str, path: &'static str, scope: Scope) -> Operation {
    Operation { method: Method::Delete, ..get(id, path, Access::Scope(scope), Answer::Empty) }
}

impl Operation {
    const fn about(self, tag: &'static str, summary: &'static str) -> Operation {
        Operation { tag, summary, ..self }
    }

    const fn query(self, query: SchemaOf) -> Operation {
        Operation { query: Some(query), ..self }
    }

    const fn body(self, body: SchemaOf) -> Operation {
        Operation { body: Some(body), ..self }
    }

    /// Honours `Idempotency-Key`.
    const fn keyed(self) -> Operation {
        Operation { idempotent_by_key: true, ..self }
    }

    /// The names of the values in the path.
    pub fn parameters(&self) -> impl Iterator<Item = &'static str> {
        self.path.split('/').filter_map(|it| it.strip_prefix('{')?.strip_suffix('}'))
    }
}

const fn scope(scope: Scope) -> Access {
    Access::Scope(scope)
}

/// Every operation that is served, in the order of the documentation.
pub const OPERATIONS: &[Operation] = &[
    // Calls and events.
    get("listCalls", "/api/v1/calls", scope(CallsRead), Answer::Json(200, of::<Page<CallShape>>))
        .about("Calls", "The history, newest first, and the calls in progress.")
        .query(of::<CallQuery>),
    get("getCall", "/api/v1/calls/{id}", scope(CallsRead), Answer::Json(200, of::<CallShape>))
        .about("Calls", "One call."),
    get(
        "getTimeline",
        "/api/v1/calls/{id}/timeline",
        scope(CallsRead),
        Answer::Json(200, of::<TimelineShape>),
    )
    .about("Calls", "Every event and every delivery of one call, in order."),
    get("followEvents", "/api/v1/events", scope(EventsRead), Answer::EventStream)
        .about(
            "Calls",
            "Server-sent events as they are stored; `Last-Event-ID` resumes without loss.",
        )
        .query(of::<EventQuery>),
    // Click-to-dial.
    post("dial", "/api/v1/dial", Scope::Dial, Answer::Json(202, of::<crate::Dial>))
        .about("Click-to-dial", "Rings an extension and then dials a number from it.")
        .body(of::<DialInput>)
        .keyed(),
    get("getDial", "/api/v1/dial/{id}", scope(Scope::Dial), Answer::Json(200, of::<crate::Dial>))
        .about("Click-to-dial", "How far a request has come."),
    // Phone systems.
    get("listPbxes", "/api/v1/pbxes", scope(Admin), Answer::Json(200, of::<Page<Pbx>>))
        .about("Phone systems", "The phone systems and the state of their links.")
        .query(of::<PageQuery>),
    post("createPbx", "/api/v1/pbxes", Admin, Answer::Json(201, of::<Pbx>))
        .about("Phone systems", "Adds a phone system; the link is made at once.")
        .body(of::<PbxInput>)
        .keyed(),
    get("getPbx", "/api/v1/pbxes/{id}", scope(Admin), Answer::Json(200, of::<Pbx>))
        .about("Phone systems", "One phone system and the state of its link."),
    patch("changePbx", "/api/v1/pbxes/{id}", Admin, Answer::Json(200, of::<Pbx>))
        .about("Phone systems", "Changes what is given; `null` puts a setting back to its default.")
        .body(of::<PbxInput>),
    delete("removePbx", "/api/v1/pbxes/{id}", Admin)
        .about("Phone systems", "Removes a phone system; its calls stay in the history."),
    get("getPbxSetup", "/api/v1/pbxes/{id}/setup", scope(Admin), Answer::Json(200, of::<PbxSetup>))
        .about("Phone systems", "What to put into the phone system's own configuration."),
    get(
        "getPbxRecording",
        "/api/v1/pbxes/{id}/recording",
        scope(Admin),
        Answer::Other("application/x-tar"),
    )
    .about("Phone systems", "What the flight recorder kept, as a tar archive of recordings."),
    get("listPbxKinds", "/api/v1/pbx-kinds", scope(Admin), Answer::Json(200, of::<Page<KindView>>))
        .about("Phone systems", "The kinds of phone systems and the schemas of their settings."),
    // Integrations.
    get(
        "listIntegrations",
        "/api/v1/integrations",
        scope(IntegrationsRead),
        Answer::Json(200, of::<Page<Integration>>),
    )
    .about("Integrations", "The destinations and how they fare.")
    .query(of::<PageQuery>),
    post(
        "createIntegration",
        "/api/v1/integrations",
        IntegrationsWrite,
        Answer::Json(201, of::<Integration>),
    )
    .about("Integrations", "Adds a destination; events from now on are sent to it.")
    .body(of::<IntegrationInput>)
    .keyed(),
    get(
        "getIntegration",
        "/api/v1/integrations/{id}",
        scope(IntegrationsRead),
        Answer::Json(200, of::<Integration>),
    )
    .about("Integrations", "One destination."),
    patch(
        "changeIntegration",
        "/api/v1/integrations/{id}",
        IntegrationsWrite,
        Answer::Json(200, of::<Integration>),
    )
    .about("Integrations", "Changes what is given; `null` puts a setting back to its default.")
    .body(of::<IntegrationInput>),
    delete("removeIntegration", "/api/v1/integrations/{id}", IntegrationsWrite)
        .about("Integrations", "Removes a destination and what still waits for it."),
    post(
        "testIntegration",
        "/api/v1/integrations/{id}/test",
        IntegrationsWrite,
        Answer::Json(200, of::<TestResult>),
    )
    .about("Integrations", "Renders against a stored or sample call and, when asked to, sends.")
    .body(of::<TestInput>),
    post(
        "testDraft",
        "/api/v1/integrations/test",
        IntegrationsWrite,
        Answer::Json(200, of::<TestResult>),
    )
    .about("Integrations", "The same for an integration that is not saved.")
    .body(of::<DraftTestInput>),
    get(
        "listIntegrationKinds",
        "/api/v1/integration-kinds",
        scope(IntegrationsRead),
        Answer::Json(200, of::<Page<KindView>>),
    )
    .about("Integrations", "The kinds of destinations and the schemas of their settings."),
    // Deliveries.
    get(
        "listDeliveries",
        "/api/v1/deliveries",
        scope(IntegrationsRead),
        Answer::Json(200, of::<Page<Delivery>>),
    )
    .about("Deliveries", "Deliveries with their attempts, newest first.")
    .query(of::<DeliveryQuery>),
    get(
        "getDelivery",
        "/api/v1/deliveries/{id}",
        scope(IntegrationsRead),
        Answer::Json(200, of::<Delivery>),
    )
    .about("Deliveries", "One delivery with its attempts."),
    post(
        "replayDelivery",
        "/api/v1/deliveries/{id}/replay",
        IntegrationsWrite,
        Answer::Json(202, of::<Delivery>),
    )
    .about("Deliveries", "Sends one delivery again.")
    .keyed(),
    post(
        "replayDeliveries",
        "/api/v1/deliveries/replay",
        IntegrationsWrite,
        Answer::Json(202, of::<ReplayResult>),
    )
    .about("Deliveries", "Sends many deliveries again.")
    .body(of::<ReplayInput>)
    .keyed(),
    // People and rights.
    get("getMe", "/api/v1/me", Access::Authenticated, Answer::Json(200, of::<Me>))
        .about("Administration", "Who asks, and what they may do."),
    Operation {
        method: Method::Patch,
        ..get("changeMe", "/api/v1/me", Access::Authenticated, Answer::Json(200, of::<User>))
    }
    .about("Administration", "Changes the name or the password of the user who asks.")
    .body(of::<MeChange>),
    get("listUsers", "/api/v1/users", scope(Admin), Answer::Json(200, of::<Page<User>>))
        .about("Administration", "The people with an account.")
        .query(of::<PageQuery>),
    post("createUser", "/api/v1/users", Admin, Answer::Json(201, of::<User>))
        .about("Administration", "Adds a user.")
        .body(of::<UserInput>)
        .keyed(),
    get("getUser", "/api/v1/users/{id}", scope(Admin), Answer::Json(200, of::<User>))
        .about("Administration", "One user."),
    patch("changeUser", "/api/v1/users/{id}", Admin, Answer::Json(200, of::<User>))
        .about("Administration", "Changes what is given.")
        .body(of::<UserChange>),
    delete("removeUser", "/api/v1/users/{id}", Admin)
        .about("Administration", "Removes a user and ends every session."),
    get("listApiKeys", "/api/v1/api-keys", scope(Admin), Answer::Json(200, of::<Page<ApiKey>>))
        .about("Administration", "The API keys, without the keys themselves.")
        .query(of::<PageQuery>),
    post("createApiKey", "/api/v1/api-keys", Admin, Answer::Json(201, of::<NewApiKey>))
        .about("Administration", "Makes an API key; the answer shows it this once.")
        .body(of::<ApiKeyInput>)
        .keyed(),
    delete("removeApiKey", "/api/v1/api-keys/{id}", Admin)
        .about("Administration", "Revokes an API key at once."),
    get("listGroups", "/api/v1/groups", scope(Admin), Answer::Json(200, of::<Page<Group>>))
        .about("Administration", "The telephony groups.")
        .query(of::<PageQuery>),
    post("createGroup", "/api/v1/groups", Admin, Answer::Json(201, of::<Group>))
        .about("Administration", "Adds a telephony group.")
        .body(of::<GroupInput>)
        .keyed(),
    get("getGroup", "/api/v1/groups/{id}", scope(Admin), Answer::Json(200, of::<Group>))
        .about("Administration", "One telephony group."),
    patch("changeGroup", "/api/v1/groups/{id}", Admin, Answer::Json(200, of::<Group>))
        .about("Administration", "Changes what is given.")
        .body(of::<GroupInput>),
    delete("removeGroup", "/api/v1/groups/{id}", Admin)
        .about("Administration", "Removes a telephony group."),
    get("getSettings", "/api/v1/settings", scope(Admin), Answer::Json(200, of::<Settings>))
        .about("Administration", "The settings of the organisation."),
    patch("changeSettings", "/api/v1/settings", Admin, Answer::Json(200, of::<Settings>))
        .about("Administration", "Changes what is given.")
        .body(of::<SettingsChange>),
    get("listAudit", "/api/v1/audit", scope(AuditRead), Answer::Json(200, of::<Page<AuditEntry>>))
        .about("Administration", "Who changed what, newest first.")
        .query(of::<PageQuery>),
    // The hub itself.
    get(
        "exportConfiguration",
        "/api/v1/configuration",
        scope(Admin),
        Answer::Json(200, of::<Exported>),
    )
    .about("Operations", "The stored configuration as a declarative file."),
    post(
        "applyConfiguration",
        "/api/v1/configuration/apply",
        Admin,
        Answer::Json(200, of::<ApplyResult>),
    )
    .about("Operations", "Makes the stored configuration equal to a declarative file.")
    .body(of::<ApplyInput>),
    get("examine", "/api/v1/doctor", scope(Admin), Answer::Json(200, of::<Examination>))
        .about("Operations", "Checks storage, links and integrations, and says what to do."),
    get("backup", "/api/v1/backup", scope(Admin), Answer::Other("application/octet-stream"))
        .about("Operations", "A consistent copy of the hub's data."),
    get("healthz", "/healthz", Access::Open, Answer::Json(200, of::<Health>))
        .about("Operations", "Whether the process lives."),
    get("readyz", "/readyz", Access::Open, Answer::Json(200, of::<Health>))
        .about("Operations", "Whether the hub can do its work; 503 while it cannot."),
    get("metrics", "/metrics", scope(MetricsRead), Answer::Other("text/plain; version=0.0.4"))
        .about("Operations", "Metrics in the text format of Prometheus."),
    get("getOpenApi", "/openapi.json", Access::Authenticated, Answer::Other("application/json"))
        .about("Operations", "This document."),
    get("browseApi", "/api/docs", Access::Authenticated, Answer::Other("text/html"))
        .about("Operations", "A page to browse this document."),
];
