//! `hookswitch apply`, `hookswitch export`: the stored configuration as a declarative file.

use std::path::PathBuf;

use anyhow::Context;
use api::{ApplyInput, ApplyResult, Exported};
use app::declared::Reference;
use clap::Args;

use super::{
    Failure, print, say,
    target::{Target, TargetArguments},
};
use crate::settings;

#[derive(Debug, Args)]
pub(super) struct Apply {
    #[command(flatten)]
    target: TargetArguments,
    /// Print what would change, and change nothing.
    #[arg(long)]
    dry_run: bool,
    /// The declarative file (TOML).
    file: PathBuf,
}

#[derive(Debug, Args)]
pub(super) struct Export {
    #[command(flatten)]
    target: TargetArguments,
}

/// Prints each change, one line each.
pub(super) async fn apply(arguments: Apply) -> Result<(), Failure> {
    let file = &arguments.file;
    let toml =
        std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    let secrets = app::declared::secrets(&toml, resolve)
        .map_err(|it| Failure::Usage(format!("{}: {it}", file.display())))?;
    let input = ApplyInput { toml, secrets, dry_run: arguments.dry_run };
    let target = arguments.target.open().await?;
    let result: ApplyResult = match &target {
        Target::Local(local) => app::declared::apply(&local.app, &local.actor, input).await?,
        Target::Remote(remote) => remote.post("/api/v1/configuration/apply", &input).await?,
    };
    target.close().await;
    for change in &result.changes {
        print(&change.to_string())?;
    }
    for (name, key) in &result.new_keys {
        print(&format!("key {name}: {key}"))?;
    }
    if result.changes.is_empty() {
        say("nothing to change");
    } else if result.dry_run {
        say("dry run: nothing was changed");
    }
    Ok(())
}

/// Prints the declarative file.
pub(super) async fn export(arguments: Export) -> Result<(), Failure> {
    let target = arguments.target.open().await?;
    let exported: Exported = match &target {
        Target::Local(local) => app::declared::export(&local.app, &local.actor).await?,
        Target::Remote(remote) => remote.get("/api/v1/configuration").await?,
    };
    target.close().await;
    print(exported.toml.trim_end())
}

/// The value of a reference on this machine: the hub reads no environment and no file on behalf of
/// a caller.
fn resolve(reference: &Reference) -> Option<String> {
    match reference {
        Reference::Env(name) => settings::variable(name),
        Reference::File(path) => std::fs::read_to_string(path).ok(),
    }
}
