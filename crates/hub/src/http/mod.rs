//! The HTTP API: one file for each part of it. What is served, to whom, and how it is described
//! comes from the one table `api::OPERATIONS`; the handlers only carry values to the services of
//! `app` and back.

mod accounts;
mod calls;
mod client;
mod docs;
mod extract;
mod guard;
mod headers;
mod idempotency;
mod integrations;
mod operations;
mod pbxes;
mod problem;
mod stream;

use std::sync::Arc;

use api::{OPERATIONS, Operation};
use app::App;
use axum::{
    Router,
    extract::Request,
    middleware,
    response::Response,
    routing::{MethodFilter, MethodRouter, any, on},
};
use tower::util::MapResponseLayer;
use tower_http::timeout::TimeoutLayer;

pub use client::Proxies;
pub use problem::Failure;

/// Everything that is served over HTTP: the API and the pages.
pub fn router(app: Arc<App>, proxies: Proxies) -> Router {
    let secure = app.is_secure();
    let mut api: Router<Arc<App>> = Router::new();
    for operation in OPERATIONS {
        // A test holds the table and the handlers together.
        if let Some(handler) = handler(operation) {
            let guarded =
                middleware::from_fn_with_state((Arc::clone(&app), operation), guard::guard);
            api = api.route(operation.path, handler.layer(guarded));
        }
    }
    api.route("/api/{*rest}", any(not_found))
        .method_not_allowed_fallback(method_not_allowed)
        .with_state(Arc::clone(&app))
        .merge(pages(&app, proxies))
        .fallback(not_found_anywhere)
        .layer(MapResponseLayer::new(move |response| headers::add(response, secure)))
}

/// The pages, each request with the address of its client. A live page is not cut off: what has to
/// come in time is the head of the answer.
fn pages(app: &Arc<App>, proxies: Proxies) -> Router {
    let late = http::StatusCode::REQUEST_TIMEOUT;
    web::router(Arc::clone(app))
        .layer(TimeoutLayer::with_status_code(late, guard::OUTSIDE_TIMEOUT))
        .layer(middleware::from_fn_with_state(proxies, client::name))
}

/// The handlers, by the ids of their operations.
type Handler = fn(MethodFilter) -> MethodRouter<Arc<App>>;

const HANDLERS: &[(&str, Handler)] = &[
    ("listCalls", |it| on(it, calls::list)),
    ("getCall", |it| on(it, calls::get)),
    ("getTimeline", |it| on(it, calls::timeline)),
    ("followEvents", |it| on(it, stream::follow)),
    ("dial", |it| on(it, calls::dial)),
    ("getDial", |it| on(it, calls::get_dial)),
    ("listPbxes", |it| on(it, pbxes::list)),
    ("createPbx", |it| on(it, pbxes::create)),
    ("getPbx", |it| on(it, pbxes::get)),
    ("changePbx", |it| on(it, pbxes::change)),
    ("removePbx", |it| on(it, pbxes::remove)),
    ("getPbxSetup", |it| on(it, pbxes::setup)),
    ("getPbxRecording", |it| on(it, pbxes::recording)),
    ("listPbxKinds", |it| on(it, pbxes::kinds)),
    ("listIntegrations", |it| on(it, integrations::list)),
    ("createIntegration", |it| on(it, integrations::create)),
    ("getIntegration", |it| on(it, integrations::get)),
    ("changeIntegration", |it| on(it, integrations::change)),
    ("removeIntegration", |it| on(it, integrations::remove)),
    ("testIntegration", |it| on(it, integrations::test)),
    ("testDraft", |it| on(it, integrations::test_draft)),
    ("listIntegrationKinds", |it| on(it, integrations::kinds)),
    ("listDeliveries", |it| on(it, integrations::list_deliveries)),
    ("getDelivery", |it| on(it, integrations::get_delivery)),
    ("replayDelivery", |it| on(it, integrations::replay)),
    ("replayDeliveries", |it| on(it, integrations::replay_many)),
    ("getMe", |it| on(it, accounts::me)),
    ("changeMe", |it| on(it, accounts::change_me)),
    ("listUsers", |it| on(it, accounts::list_users)),
    ("createUser", |it| on(it, accounts::create_user)),
    ("getUser", |it| on(it, accounts::get_user)),
    ("changeUser", |it| on(it, accounts::change_user)),
    ("removeUser", |it| on(it, accounts::remove_user)),
    ("listApiKeys", |it| on(it, accounts::list_keys)),
    ("createApiKey", |it| on(it, accounts::create_key)),
    ("removeApiKey", |it| on(it, accounts::remove_key)),
    ("listGroups", |it| on(it, accounts::list_groups)),
    ("createGroup", |it| on(it, accounts::create_group)),
    ("getGroup", |it| on(it, accounts::get_group)),
    ("changeGroup", |it| on(it, accounts::change_group)),
    ("removeGroup", |it| on(it, accounts::remove_group)),
    ("getSettings", |it| on(it, accounts::settings)),
    ("changeSettings", |it| on(it, accounts::change_settings)),
    ("listAudit", |it| on(it, accounts::audit)),
    ("exportConfiguration", |it| on(it, operations::export)),
    ("applyConfiguration", |it| on(it, operations::apply)),
    ("examine", |it| on(it, operations::examine)),
    ("backup", |it| on(it, operations::backup)),
    ("healthz", |it| on(it, operations::healthz)),
    ("readyz", |it| on(it, operations::readyz)),
    ("metrics", |it| on(it, operations::metrics)),
    ("getOpenApi", |it| on(it, docs::document)),
    ("browseApi", |it| on(it, docs::page)),
];

fn handler(operation: &Operation) -> Option<MethodRouter<Arc<App>>> {
    let (_, make) = HANDLERS.iter().find(|(id, _)| *id == operation.id)?;
    Some(make(match operation.method {
        api::Method::Get => MethodFilter::GET,
        api::Method::Post => MethodFilter::POST,
        api::Method::Patch => MethodFilter::PATCH,
        api::Method::Delete => MethodFilter::DELETE,
    }))
}

async fn not_found(request: Request) -> Response {
    let path = request.uri().path();
    problem::answer(&api::Problem::new(
        api::Code::NotFound,
        format!("there is nothing at {path}; /api/docs lists what there is"),
    ))
}

/// A browser gets a page, a program a problem document.
async fn not_found_anywhere(request: Request) -> Response {
    let accept = request.headers().get(http::header::ACCEPT).and_then(|it| it.to_str().ok());
    if accept.is_some_and(|it| it.contains("text/html")) {
        return web::not_found();
    }
    not_found(request).await
}

async fn method_not_allowed(request: Request) -> Response {
    let (method, path) = (request.method(), request.uri().path());
    problem::answer(&api::Problem::new(
        api::Code::MethodNotAllowed,
        format!("{path} does not take {method}; /api/docs lists what it takes"),
    ))
}

#[cfg(test)]
mod tests;
