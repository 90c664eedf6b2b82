//! Which hub a command works on: the data of one that is not running, or a running one.

use std::{path::PathBuf, sync::Arc};

use anyhow::Context;
use app::{Actor, App, NothingRuns, Parts};
use clap::Args;
use store::{OrgId, PbxId};

use super::{Failure, Place, remote::Remote};
use crate::{
    clock, link,
    serve::{Site, default_data_dir},
    settings::{self, Settings},
};

/// Which hub to work on.
#[derive(Debug, Clone, Default, Args)]
pub(super) struct TargetArguments {
    #[command(flatten)]
    place: Place,
    /// A running hub, such as `http://127.0.0.1:8080`; needs an API key of scope admin in
    /// `HOOKSWITCH_KEY`.
    #[arg(long, value_name = "URL", conflicts_with_all = ["config", "data_dir"])]
    server: Option<String>,
}

/// The hub that a command works on.
pub(super) enum Target {
    /// The data of one that is not running, opened by this process.
    Local(Local),
    /// A running one.
    Remote(Box<Remote>),
}

/// The data of a hub that is not running.
pub(super) struct Local {
    /// Its services; nothing runs beside them.
    pub(super) app: Arc<App>,
    /// Who has the data directory may do everything.
    pub(super) actor: Actor,
    store: store::Store,
}

impl Place {
    /// The settings and the data directory that the arguments name.
    ///
    /// # Errors
    ///
    /// What is wrong with the configuration file.
    pub(super) fn site(&self) -> Result<Site, Failure> {
        let settings = Settings::load(self.config.as_deref())?;
        let data_dir: PathBuf =
            self.data_dir.clone().unwrap_or_else(|| default_data_dir().to_owned());
        Ok(Site { settings, data_dir })
    }
}

impl TargetArguments {
    /// Opens the data, or makes ready to ask.
    pub(super) async fn open(&self) -> Result<Target, Failure> {
        match &self.server {
            Some(server) => Ok(Target::Remote(Box::new(Remote::new(server, settings::api_key())?))),
            None => Ok(Target::Local(Local::open(&self.place.site()?).await?)),
        }
    }
}

impl Local {
    pub(super) async fn open(site: &Site) -> Result<Local, Failure> {
        let client = site.client()?;
        let (store, vault) = site.open().await?;
        let app = App::start(Parts {
            store: store.clone(),
            vault,
            client,
            links: Arc::new(CallsUp),
            workers: Arc::new(NothingRuns),
            clock: clock::now,
            public_url: site.settings.server.public_url.clone().unwrap_or_default(),
            scratch: site.data_dir.clone(),
            version: env!("CARGO_PKG_VERSION"),
        })
        .await
        .context("the data cannot be read")?;
        let actor = app.command_line();
        Ok(Local { app, actor, store })
    }

    /// Gives the data back. Changes are durable before; this only lets the next one in.
    pub(super) async fn close(self) {
        self.store.close().await;
    }
}

/// No link runs beside the command, but it can call a phone system up once.
struct CallsUp;

#[async_trait::async_trait]
impl app::Links for CallsUp {
    fn pbx_changed(&self, _: &OrgId, _: &PbxId) {}
    fn people_changed(&self, _: &OrgId) {}

    async fn command(&self, _: &OrgId, _: &PbxId, _: pbx::Command) -> Result<(), String> {
        Err("the hub is not running".to_owned())
    }

    async fn probe(&self, link: pbx::Link) -> Result<String, String> {
        link::probe(link).await
    }
}

impl Target {
    /// To be called when the command is done.
    pub(super) async fn close(self) {
        if let Target::Local(local) = self {
            local.close().await;
        }
    }
}

impl From<app::AppError> for Failure {
    fn from(error: app::AppError) -> Failure {
        match error {
            app::AppError::Invalid(_) => Failure::Usage(error.to_string()),
            other => Failure::Other(other.into()),
        }
    }
}
