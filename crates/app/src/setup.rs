//! The first administrator, through the one-time set-up link.

use api::UserInput;

use crate::{
    App, AppError, Result,
    keys::{hash_text, new_token, refused},
    sessions::{self, NewSession},
    users,
};

/// How long a set-up link works; the next start prints a new one while there is no user.
pub const SETUP_LINK_MS: i64 = 24 * 3600 * 1000;

/// The path that a set-up link leads to, before the token.
pub const SETUP_PATH: &str = "/setup/";

/// A new set-up link, while there is no user; the one before it works no more.
///
/// # Errors
///
/// When the store fails.
pub async fn link(app: &App) -> Result<Option<String>> {
    if !is_due(app).await? {
        return Ok(None);
    }
    let token = new_token();
    let until = app.now().plus_ms(SETUP_LINK_MS);
    app.store.put_setup_token(&hash_text(&token), until).await?;
    Ok(Some(format!("{}{SETUP_PATH}{token}", app.public_url)))
}

/// Whether nobody has an account yet.
///
/// # Errors
///
/// When the store fails.
pub async fn is_due(app: &App) -> Result<bool> {
    Ok(app.store.user_count().await? == 0)
}

/// Whether a token from a link is the one that was given out last.
///
/// # Errors
///
/// When the store fails.
pub async fn is_valid(app: &App, token: &str) -> Result<bool> {
    Ok(is_due(app).await? && app.store.is_setup_token(&hash_text(token)).await?)
}

/// Makes the first administrator, uses up the link, and logs in.
///
/// # Errors
///
/// [`AppError::Forbidden`] for a link that is used or too old; [`AppError::Invalid`] for the name
/// or the password.
pub async fn finish(app: &App, token: &str, name: &str, password: &str) -> Result<NewSession> {
    let over = || {
        let message = "this set-up link was used or is too old: start the hub again for a new one";
        AppError::Forbidden(message.to_owned())
    };
    // Before the hash is computed: an unknown visitor must not cost us that.
    if !is_valid(app, token).await? {
        return Err(over());
    }
    let input = UserInput {
        name: name.trim().to_owned(),
        full_name: None,
        role: Some(api::UserRole::Administrator),
        enabled: None,
        password: Some(password.to_owned()),
    };
    let draft = users::draft(app, &input).await?;
    let made = app.store.set_up(&hash_text(token), draft).await;
    let user = made.map_err(|it| refused(it, "user"))?.ok_or_else(over)?;
    sessions::begin(app, app.store.default_organisation(), user).await
}
