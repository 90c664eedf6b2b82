//! `hookswitch doctor`, `hookswitch backup`, `hookswitch restore`.

use std::path::PathBuf;

use api::{Examination, Severity};
use clap::Args;

use super::{
    Failure, Place, print, say,
    target::{Target, TargetArguments},
};

#[derive(Debug, Args)]
pub(super) struct Doctor {
    #[command(flatten)]
    target: TargetArguments,
}

#[derive(Debug, Args)]
pub(super) struct Backup {
    #[command(flatten)]
    target: TargetArguments,
    /// Where to put the copy.
    file: PathBuf,
}

#[derive(Debug, Args)]
pub(super) struct Restore {
    #[command(flatten)]
    place: Place,
    /// The copy.
    file: PathBuf,
}

/// Prints a line for each thing that was looked at; exit code 1 if something does not work.
pub(super) async fn doctor(arguments: Doctor) -> Result<(), Failure> {
    let target = arguments.target.open().await?;
    let examination: Examination = match &target {
        Target::Local(local) => {
            let look = app::doctor::Links::TryOnce;
            app::doctor::examine(&local.app, &local.actor, look).await?
        }
        Target::Remote(remote) => remote.get("/api/v1/doctor").await?,
    };
    target.close().await;
    for finding in &examination.findings {
        let mark = match finding.severity {
            Severity::Ok => "ok     ",
            Severity::Warning => "warning",
            Severity::Error => "ERROR  ",
        };
        print(&format!("{mark}  {}: {}", finding.subject, finding.message))?;
        if let Some(advice) = &finding.advice {
            print(&format!("         {advice}"))?;
        }
    }
    if examination.has_errors() {
        return Err(anyhow::anyhow!("something does not work; see the lines marked ERROR").into());
    }
    Ok(())
}

pub(super) async fn backup(arguments: Backup) -> Result<(), Failure> {
    let target = arguments.target.open().await?;
    match &target {
        Target::Local(local) => {
            app::backup::to_file(&local.app, &local.actor, &arguments.file).await?;
        }
        Target::Remote(remote) => remote.download("/api/v1/backup", &arguments.file).await?,
    }
    target.close().await;
    say(&format!("{} is a copy of the hub's data", arguments.file.display()));
    say("the master key is not in it: keep a copy of that apart");
    Ok(())
}

pub(super) async fn restore(arguments: Restore) -> Result<(), Failure> {
    let site = arguments.place.site()?;
    store::Store::restore(&arguments.file, &site.storage()?).map_err(anyhow::Error::new)?;
    say(&format!("{} is what {} says now", site.storage()?, arguments.file.display()));
    Ok(())
}
