//! Which address shows what, and which operation of the public API each change stands on.

use std::sync::Arc;

use app::App;
use axum::{
    Router, middleware,
    routing::{MethodRouter, get, post},
};

use crate::{
    accounts, assets, calls, deliveries, dial, entry, guard, health, hub_state, integrations, live,
    pbxes,
};

/// One address.
pub(crate) struct Route {
    /// As `axum` writes it.
    pub(crate) path: &'static str,
    /// The operations of the API that a program does the same with. Empty where there is nothing
    /// to do: the way in and out, and how a page looks.
    #[cfg_attr(not(test), expect(dead_code, reason = "a test finds each of them in the API"))]
    pub(crate) operations: &'static [&'static str],
    /// Whether it is there for people who are not logged in.
    #[cfg_attr(not(test), expect(dead_code, reason = "a test asks every other page without one"))]
    pub(crate) open: bool,
    handler: fn() -> MethodRouter<Arc<App>>,
}

const fn page(
    path: &'static str,
    operations: &'static [&'static str],
    handler: fn() -> MethodRouter<Arc<App>>,
) -> Route {
    Route { path, operations, open: false, handler }
}

const fn open(path: &'static str, handler: fn() -> MethodRouter<Arc<App>>) -> Route {
    Route { path, operations: &[], open: true, handler }
}

/// Every address, in the order of the navigation.
pub(crate) const ROUTES: &[Route] = &[
    open("/", || get(entry::root)),
    open("/login", || get(entry::log_in_page).post(entry::log_in)),
    open("/setup/{token}", || get(entry::set_up_page).post(entry::set_up)),
    open("/assets/{name}", || get(assets::serve)),
    page("/logout", &[], || post(entry::log_out)),
    page("/live", &["listCalls"], || get(live::page)),
    page("/live/stream", &["followEvents"], || get(live::stream)),
    page("/parts/state", &["listPbxes", "listIntegrations"], || get(hub_state::state_fragment)),
    page("/parts/attention", &["listPbxes", "listIntegrations"], || {
        get(hub_state::attention_fragment)
    }),
    page("/dial", &["dial"], || post(dial::dial)),
    page("/calls", &["listCalls"], || get(calls::list_page)),
    page("/calls/{id}", &["getCall", "getTimeline"], || get(calls::one_page)),
    page("/pbxes", &["listPbxes", "createPbx"], || get(pbxes::list_page).post(pbxes::create)),
    page("/pbxes/new", &["listPbxKinds"], || get(pbxes::new_page)),
    page("/pbxes/{id}", &["getPbx", "changePbx"], || get(pbxes::one_page).post(pbxes::change)),
    page("/pbxes/{id}/edit", &["getPbx", "listPbxKinds"], || get(pbxes::edit_page)),
    page("/pbxes/{id}/remove", &["removePbx"], || post(pbxes::remove)),
    page("/pbxes/{id}/recorder", &["changePbx"], || post(pbxes::set_recorder)),
    page("/pbxes/{id}/recording", &["getPbxRecording"], || get(pbxes::recording)),
    page("/integrations", &["listIntegrations", "createIntegration"], || {
        get(integrations::list_page).post(integrations::create)
    }),
    page("/integrations/new", &["listIntegrationKinds"], || get(integrations::new_page)),
    page("/integrations/preview", &["testDraft"], || post(integrations::preview)),
    page("/integrations/send-test", &["testDraft"], || post(integrations::send_test)),
    page("/integrations/{id}", &["getIntegration", "changeIntegration"], || {
        get(integrations::edit_page).post(integrations::change)
    }),
    page("/integrations/{id}/remove", &["removeIntegration"], || post(integrations::remove)),
    page("/integrations/{id}/replay", &["replayDeliveries"], || post(integrations::replay_dead)),
    page("/deliveries", &["listDeliveries"], || get(deliveries::list_page)),
    page("/deliveries/{id}", &["getDelivery"], || get(deliveries::one_page)),
    page("/deliveries/{id}/replay", &["replayDelivery"], || post(deliveries::replay)),
    page("/users", &["listUsers", "createUser"], || {
        get(accounts::users_page).post(accounts::add_user)
    }),
    page("/users/{id}", &["changeUser"], || post(accounts::change_user)),
    page("/users/{id}/remove", &["removeUser"], || post(accounts::remove_user)),
    page("/keys", &["listApiKeys", "createApiKey"], || {
        get(accounts::keys_page).post(accounts::add_key)
    }),
    page("/keys/{id}/revoke", &["removeApiKey"], || post(accounts::revoke_key)),
    page("/health", &["examine", "getSettings", "listAudit"], || get(health::page)),
    page("/settings", &["changeSettings"], || post(health::change_settings)),
    page("/settings/export", &["exportConfiguration"], || get(health::export)),
    page("/profile", &["getMe"], || get(accounts::profile_page)),
    page("/profile/password", &["changeMe"], || post(accounts::change_password)),
    page("/profile/theme", &[], || post(accounts::choose_theme)),
];

pub(crate) fn router(app: Arc<App>) -> Router {
    let add = |router: Router<Arc<App>>, route: &Route| router.route(route.path, (route.handler)());
    ROUTES
        .iter()
        .fold(Router::new(), add)
        .layer(middleware::from_fn(guard::headers))
        .with_state(app)
}
