//! `hookswitch key add`, `hookswitch user add`: the first accounts from a shell.

use std::path::PathBuf;

use anyhow::Context;
use api::{ApiKeyInput, NewApiKey, Scope, User, UserInput, UserRole};
use clap::{Args, Subcommand};

use crate::clock;

use super::{
    Failure, print, say,
    target::{Target, TargetArguments},
};

#[derive(Debug, Subcommand)]
pub(super) enum KeyCommand {
    /// Make an API key; it is printed this once.
    Add(KeyAdd),
}

#[derive(Debug, Args)]
pub(super) struct KeyAdd {
    #[command(flatten)]
    target: TargetArguments,
    /// What the key is for; unique.
    #[arg(long)]
    name: String,
    /// What it may do, such as `calls:read`; `admin` may do everything.
    #[arg(long = "scope", required = true, num_args = 1.., value_name = "SCOPE")]
    scopes: Vec<String>,
}

#[derive(Debug, Subcommand)]
pub(super) enum UserCommand {
    /// Make a user who can log in.
    Add(UserAdd),
}

#[derive(Debug, Args)]
pub(super) struct UserAdd {
    #[command(flatten)]
    target: TargetArguments,
    /// The e-mail address that the user logs in with.
    #[arg(long)]
    name: String,
    /// The name that people see.
    #[arg(long)]
    full_name: Option<String>,
    /// What the user may do: `administrator` or `agent`.
    #[arg(long, default_value = "agent")]
    role: String,
    /// A file with the password; without it one is made and printed.
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
}

/// Prints the key alone on stdout.
pub(super) async fn key(command: KeyCommand) -> Result<(), Failure> {
    let KeyCommand::Add(arguments) = command;
    let scopes = arguments.scopes.iter().flat_map(|it| it.split(','));
    let scopes = scopes.map(scope).collect::<Result<Vec<_>, _>>()?;
    let input = ApiKeyInput { name: arguments.name, scopes };
    let target = arguments.target.open().await?;
    let made: NewApiKey = match &target {
        Target::Local(local) => app::keys::create(&local.app, &local.actor, input).await?,
        Target::Remote(remote) => remote.post("/api/v1/api-keys", &input).await?,
    };
    target.close().await;
    print(&made.key)
}

fn scope(text: &str) -> Result<Scope, Failure> {
    let named = serde_json::from_value(serde_json::Value::from(text.trim()));
    named.map_err(|_| {
        let known: Vec<String> = Scope::ALL.iter().map(ToString::to_string).collect();
        let hint = match crate::settings::nearest(text, &known) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("known are: {}", known.join(", ")),
        };
        Failure::Usage(format!("`{text}` is no scope; {hint}"))
    })
}

/// 128 random bits, as hexadecimal digits.
fn new_password() -> String {
    format!("{:016x}{:016x}", clock::random_u64(), clock::random_u64())
}

/// Prints the password on stdout if it was made here.
pub(super) async fn user(command: UserCommand) -> Result<(), Failure> {
    let UserCommand::Add(arguments) = command;
    let role: UserRole =
        serde_json::from_value(serde_json::Value::from(arguments.role.as_str()))
            .map_err(|error| Failure::Usage(format!("--role {}: {error}", arguments.role)))?;
    let (password, is_new) = match &arguments.password_file {
        Some(file) => {
            let text = std::fs::read_to_string(file)
                .with_context(|| format!("cannot read {}", file.display()))?;
            (text.trim_end_matches(['\r', '\n']).to_owned(), false)
        }
        None => (new_password(), true),
    };
    let input = UserInput {
        name: arguments.name,
        full_name: arguments.full_name,
        role: Some(role),
        enabled: None,
        password: Some(password.clone()),
    };
    let target = arguments.target.open().await?;
    let made: User = match &target {
        Target::Local(local) => app::users::create(&local.app, &local.actor, input).await?,
        Target::Remote(remote) => remote.post("/api/v1/users", &input).await?,
    };
    target.close().await;
    say(&format!("{} can log in now", made.name));
    if is_new { print(&password) } else { Ok(()) }
}
