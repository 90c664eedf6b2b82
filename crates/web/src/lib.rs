//! The pages: server-rendered HTML over the services of `app`, and the few assets that it needs.
//!
//! A page does nothing that the public API cannot: both call the same services. Templates are in
//! `templates/`, texts in `texts`, the stylesheet and the scripts in `assets/`. Nothing is loaded
//! from another host, and no script or style stands inside of a page.

mod accounts;
mod answer;
mod assets;
mod calls;
mod deliveries;
mod dial;
mod entry;
mod forms;
mod guard;
mod health;
mod hub_state;
mod integrations;
mod live;
mod page;
mod pbxes;
mod routes;
mod session;
mod show;
mod texts;
mod timeline;
mod words;

#[cfg(test)]
mod tests;

use std::{net::IpAddr, sync::Arc};

use app::App;
use axum::{
    Router,
    http::Extensions,
    response::{IntoResponse as _, Response},
};

/// The address that a request came from, behind trusted proxies. `hub::http` puts it into the
/// request's extensions; without it, log-ins are throttled by name only.
#[derive(Debug, Clone, Copy)]
pub struct Client(pub IpAddr);

pub(crate) fn client(extensions: &Extensions) -> Option<IpAddr> {
    extensions.get::<Client>().map(|it| it.0)
}

/// Every page, fragment and asset, ready to be mounted at `/`.
pub fn router(app: Arc<App>) -> Router {
    routes::router(app)
}

/// The page for an address that shows nothing.
#[must_use]
pub fn not_found() -> Response {
    guard::with_headers(answer::Failure(app::AppError::NotFound("page")).into_response())
}
