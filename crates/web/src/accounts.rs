//! Users, API keys, and one's own profile.

use std::sync::Arc;

use api::{ApiKey, ApiKeyInput, MeChange, PageQuery, Scope, User, UserChange, UserInput, UserRole};
use app::{App, AppError, keys, users};
use askama::Template;
use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::Response,
};

use crate::{
    answer::{Answer, html, html_with, is_mendable, lines_of, see_other},
    entry::set_cookie,
    forms::{Sent, all_sent, sent},
    page::{Notice, Page, Section, THEME_COOKIE, Theme},
    session::{Posted, Viewer},
    show::{Html, Tone, badge},
    texts::fill,
};

/// How many users or keys a page shows: a list that people look through.
const SHOWN_MAX: u32 = 500;

struct UserRow {
    user: User,
    full_name: String,
    role: &'static str,
    state: Html,
    type_name: String,
}

#[derive(Template)]
#[template(path = "users.html")]
struct UsersPage {
    c: Page,
    me: String,
    rows: Vec<UserRow>,
    name: String,
    full_name: String,
    errors: Vec<String>,
}

/// `GET /users`.
pub(crate) async fn users_page(State(hub): State<Arc<App>>, viewer: Viewer) -> Answer {
    show_users(&hub, &viewer, None, &Vec::new(), None).await
}

async fn show_users(
    hub: &Arc<App>,
    viewer: &Viewer,
    notice: Option<Notice>,
    typed: &Sent,
    error: Option<AppError>,
) -> Answer {
    let query = PageQuery { limit: Some(SHOWN_MAX), after: None };
    let users = users::list(hub, &viewer.actor, query).await?;
    let t = viewer.context.t;
    let row = |user: User| UserRow {
        full_name: user.full_name.clone().unwrap_or_default(),
        role: match user.role {
            UserRole::Administrator => t.role_administrator,
            UserRole::Agent => t.role_agent,
        },
        state: match (user.enabled, user.has_password) {
            (false, _) => badge(Tone::Plain, t.account_off),
            (true, false) => badge(Tone::Warn, t.account_no_password),
            (true, true) => badge(Tone::Good, t.account_on),
        },
        type_name: fill(t.type_name, &[("name", &user.name)]),
        user,
    };
    let mut c = viewer.page(Section::Users, t.nav_users).await?;
    c.notice = notice;
    let typed = |name| sent(typed, name).unwrap_or_default().to_owned();
    let status = status_of(error.as_ref());
    let page = UsersPage {
        c,
        me: viewer.actor.name().to_owned(),
        rows: users.items.into_iter().map(row).collect(),
        name: typed("name"),
        full_name: typed("full_name"),
        errors: error.as_ref().map(lines_of).unwrap_or_default(),
    };
    html_with(status, &page)
}

/// The form is shown again with what is wrong, under a status that says so to programs.
pub(crate) fn status_of(error: Option<&AppError>) -> StatusCode {
    error.map_or(StatusCode::OK, |it| {
        StatusCode::from_u16(it.code().status()).unwrap_or(StatusCode::UNPROCESSABLE_ENTITY)
    })
}

/// `POST /users`.
pub(crate) async fn add_user(State(hub): State<Arc<App>>, posted: Posted) -> Answer {
    let Posted { viewer, form } = posted;
    let given = |name| sent(&form, name).filter(|it| !it.is_empty()).map(str::to_owned);
    let input = UserInput {
        name: given("name").unwrap_or_default().trim().to_owned(),
        full_name: given("full_name"),
        role: Some(role(&form)),
        enabled: None,
        password: given("password"),
    };
    match users::create(&hub, &viewer.actor, input).await {
        Ok(user) => {
            let text = fill(viewer.context.t.user_added, &[("name", &user.name)]);
            show_users(&hub, &viewer, Some(Notice::good(text)), &Vec::new(), None).await
        }
        Err(error) if is_mendable(&error) => {
            show_users(&hub, &viewer, None, &form, Some(error)).await
        }
        Err(error) => Err(error.into()),
    }
}

fn role(form: &Sent) -> UserRole {
    match sent(form, "role") {
        Some("administrator") => UserRole::Administrator,
        _ => UserRole::Agent,
    }
}

/// `POST /users/{id}`.
pub(crate) async fn change_user(
    State(hub): State<Arc<App>>,
    Path(id): Path<String>,
    posted: Posted,
) -> Answer {
    let Posted { viewer, form } = posted;
    let change = UserChange {
        full_name: None,
        role: Some(role(&form)),
        enabled: Some(sent(&form, "enabled").is_some()),
        password: sent(&form, "password").filter(|it| !it.is_empty()).map(str::to_owned),
    };
    let notice = match users::change(&hub, &viewer.actor, &id, change).await {
        Ok(_) => Notice::good(viewer.context.t.user_changed),
        Err(error) if is_mendable(&error) => Notice::bad(lines_of(&error).join(" ")),
        Err(error) => return Err(error.into()),
    };
    show_users(&hub, &viewer, Some(notice), &Vec::new(), None).await
}

/// `POST /users/{id}/remove`.
pub(crate) async fn remove_user(
    State(hub): State<Arc<App>>,
    Path(id): Path<String>,
    posted: Posted,
) -> Answer {
    let Posted { viewer, form } = posted;
    let t = viewer.context.t;
    let user = users::get(&hub, &viewer.actor, &id).await?;
    let notice = if sent(&form, "typed").map(str::trim) != Some(user.name.as_str()) {
        Notice::bad(t.typed_differs)
    } else {
        match users::remove(&hub, &viewer.actor, &id).await {
            Ok(()) => Notice::good(t.user_removed),
            Err(error) if is_mendable(&error) => Notice::bad(error.to_string()),
            Err(error) => return Err(error.into()),
        }
    };
    show_users(&hub, &viewer, Some(notice), &Vec::new(), None).await
}

struct KeyRow {
    key: ApiKey,
    revoke: String,
}

#[derive(Template)]
#[template(path = "keys.html")]
struct KeysPage {
    c: Page,
    rows: Vec<KeyRow>,
    new_key: Option<String>,
    name: String,
    scopes: Vec<(&'static str, bool)>,
    errors: Vec<String>,
}

/// `GET /keys`.
pub(crate) async fn keys_page(State(hub): State<Arc<App>>, viewer: Viewer) -> Answer {
    show_keys(&hub, &viewer, None, None, &Vec::new(), None).await
}

async fn show_keys(
    hub: &Arc<App>,
    viewer: &Viewer,
    new_key: Option<String>,
    notice: Option<Notice>,
    typed: &Sent,
    error: Option<AppError>,
) -> Answer {
    let query = PageQuery { limit: Some(SHOWN_MAX), after: None };
    let keys = keys::list(hub, &viewer.actor, query).await?;
    let t = viewer.context.t;
    let row = |key: ApiKey| KeyRow { revoke: fill(t.revoke_named, &[("name", &key.name)]), key };
    let chosen = all_sent(typed, "scope");
    let mut c = viewer.page(Section::Keys, t.nav_keys).await?;
    c.notice = notice;
    let status = status_of(error.as_ref());
    let page = KeysPage {
        c,
        rows: keys.items.into_iter().map(row).collect(),
        new_key,
        name: sent(typed, "name").unwrap_or_default().to_owned(),
        scopes: Scope::ALL
            .iter()
            .map(|it| (it.name(), chosen.iter().any(|name| name == it.name())))
            .collect(),
        errors: error.as_ref().map(lines_of).unwrap_or_default(),
    };
    html_with(status, &page)
}

/// `POST /keys`. The answer shows the key this once; nothing keeps it.
pub(crate) async fn add_key(State(hub): State<Arc<App>>, posted: Posted) -> Answer {
    let Posted { viewer, form } = posted;
    let scopes = all_sent(&form, "scope").iter().filter_map(|it| it.parse().ok()).collect();
    let name = sent(&form, "name").unwrap_or_default().trim().to_owned();
    match keys::create(&hub, &viewer.actor, ApiKeyInput { name, scopes }).await {
        Ok(made) => {
            let mut answer =
                show_keys(&hub, &viewer, Some(made.key), None, &Vec::new(), None).await?;
            let value = axum::http::HeaderValue::from_static("no-store");
            answer.headers_mut().insert(axum::http::header::CACHE_CONTROL, value);
            Ok(answer)
        }
        Err(error) if is_mendable(&error) => {
            show_keys(&hub, &viewer, None, None, &form, Some(error)).await
        }
        Err(error) => Err(error.into()),
    }
}

/// `POST /keys/{id}/revoke`.
pub(crate) async fn revoke_key(
    State(hub): State<Arc<App>>,
    Path(id): Path<String>,
    posted: Posted,
) -> Answer {
    let viewer = posted.viewer;
    keys::remove(&hub, &viewer.actor, &id).await?;
    let notice = Some(Notice::good(viewer.context.t.key_revoked));
    show_keys(&hub, &viewer, None, notice, &Vec::new(), None).await
}

#[derive(Template)]
#[template(path = "profile.html")]
struct ProfilePage {
    c: Page,
    name: String,
    errors: Vec<String>,
}

/// `GET /profile`.
pub(crate) async fn profile_page(viewer: Viewer) -> Answer {
    let c = viewer.page(Section::Other, viewer.context.t.nav_profile).await?;
    html(&ProfilePage { c, name: viewer.actor.name().to_owned(), errors: Vec::new() })
}

/// `POST /profile/password`. It asks for the present one, so that an unlocked screen is not enough.
pub(crate) async fn change_password(State(hub): State<Arc<App>>, posted: Posted) -> Answer {
    let Posted { viewer, form } = posted;
    let done = set_own_password(&hub, &viewer, &form).await;
    let mut c = viewer.page(Section::Other, viewer.context.t.nav_profile).await?;
    let name = viewer.actor.name().to_owned();
    match done {
        // Every session of the user is over now, this one too.
        Ok(()) => Ok(see_other("/login")),
        Err(error) if is_mendable(&error) => {
            c.notice = None;
            let errors = lines_of(&error);
            html_with(status_of(Some(&error)), &ProfilePage { c, name, errors })
        }
        Err(error) => Err(error.into()),
    }
}

async fn set_own_password(hub: &Arc<App>, viewer: &Viewer, form: &Sent) -> app::Result<()> {
    let field = |name| sent(form, name).unwrap_or_default();
    let change = MeChange {
        full_name: None,
        password: Some(field("new").to_owned()),
        current_password: Some(field("old").to_owned()),
    };
    users::change_me(hub, &viewer.actor, change).await.map(|_| ())
}

/// `POST /profile/theme`: a cookie, since it belongs to the screen and not to the person.
pub(crate) async fn choose_theme(headers: axum::http::HeaderMap, posted: Posted) -> Response {
    let theme = Theme::named(sent(&posted.form, "theme").unwrap_or_default());
    // Back to the page that the menu was opened on.
    let back = headers
        .get(axum::http::header::REFERER)
        .and_then(|it| it.to_str().ok())
        .and_then(|it| it.splitn(4, '/').nth(3))
        .map_or_else(|| "/live".to_owned(), |it| format!("/{it}"));
    let mut answer = see_other(&back);
    let year = 365 * 24 * 3600;
    set_cookie(
        &mut answer,
        &format!("{THEME_COOKIE}={}; Path=/; Max-Age={year}; SameSite=Lax", theme.name()),
    );
    answer
}
