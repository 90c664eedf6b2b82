//! The services: what a person or a program may do, with the rights checked.
//!
//! The API (`hub::http`), the pages (`web`) and the command line all stand on these, so that a
//! page can do nothing that the API cannot. Every service takes an [`Actor`], which only
//! authentication makes, and sees nothing but the actor's organisation. What they take and give
//! are the shapes of `api`.

mod actor;
pub mod audit;
pub mod backup;
pub mod calls;
pub mod declared;
pub mod deliveries;
pub mod dial;
pub mod doctor;
mod error;
pub mod events;
mod fields;
pub mod groups;
pub mod idempotency;
pub mod integrations;
pub mod keys;
pub mod live;
mod names;
mod near;
mod pages;
pub mod password;
pub mod pbxes;
mod ports;
pub mod recordings;
pub mod sample;
pub mod schema;
pub mod sessions;
pub mod settings;
pub mod setup;
pub mod users;
pub mod vault;

#[cfg(test)]
mod testing;

use std::{path::PathBuf, sync::Arc};

use call::UnixMs;
use store::{Store, WriterState};

pub use actor::{Actor, ActorKind, Rights};
pub use error::{AppError, Result};
pub use ports::{Links, NothingRuns, Workers};

use crate::{live::Live, vault::Vault};

/// What the services stand on.
pub struct Parts {
    /// What is remembered.
    pub store: Store,
    /// Seals secrets at rest.
    pub vault: Vault,
    /// The HTTP client that connectors are opened with.
    pub client: connectors::Client,
    /// The links to the phone systems.
    pub links: Arc<dyn Links>,
    /// The workers that make deliveries.
    pub workers: Arc<dyn Workers>,
    /// Tells the time.
    pub clock: fn() -> UnixMs,
    /// The address that people reach the hub at, without a slash at the end.
    pub public_url: String,
    /// Where files that live for one request are put: the data directory.
    pub scratch: PathBuf,
    /// Version of the program.
    pub version: &'static str,
}

/// The services. One for the whole process.
pub struct App {
    store: Store,
    vault: Vault,
    client: connectors::Client,
    links: Arc<dyn Links>,
    workers: Arc<dyn Workers>,
    clock: fn() -> UnixMs,
    public_url: String,
    scratch: PathBuf,
    version: &'static str,
    live: Live,
    keys: keys::Cache,
    sessions: sessions::Cache,
    passwords: password::Hasher,
    dials: dial::Dials,
}

impl App {
    /// Puts the services together, and reads what they keep in memory.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub async fn start(parts: Parts) -> Result<Arc<App>> {
        let Parts { store, vault, client, links, workers, .. } = parts;
        let (clock, public_url, scratch) = (parts.clock, parts.public_url, parts.scratch);
        let app = Arc::new(App {
            store,
            vault,
            client,
            links,
            workers,
            clock,
            public_url,
            scratch,
            version: parts.version,
            live: Live::default(),
            keys: keys::Cache::default(),
            sessions: sessions::Cache::default(),
            passwords: password::Hasher::default(),
            dials: dial::Dials::default(),
        });
        groups::refresh_all(&app).await?;
        for backlog in app.store.backlogs().await? {
            app.live.health.waiting(backlog.integration.as_str(), backlog.pending);
        }
        Ok(app)
    }

    /// What is going on now.
    #[must_use]
    pub fn live(&self) -> &Live {
        &self.live
    }

    /// The time now.
    #[must_use]
    pub fn now(&self) -> UnixMs {
        (self.clock)()
    }

    /// The address that people reach the hub at, without a slash at the end.
    #[must_use]
    pub fn public_url(&self) -> &str {
        &self.public_url
    }

    /// Whether people reach the hub over TLS: then cookies are only sent over it.
    #[must_use]
    pub fn is_secure(&self) -> bool {
        self.public_url.starts_with("https://")
    }

    /// Version of the program.
    #[must_use]
    pub fn version(&self) -> &'static str {
        self.version
    }

    /// Somebody at the shell of the hub's machine, who owns the data directory: everything in the
    /// organisation that a new database starts with.
    #[must_use]
    pub fn command_line(&self) -> Actor {
        let organisation = self.store.default_organisation();
        Actor::new(organisation, Rights::ADMIN, ActorKind::CommandLine, "command line")
    }

    /// Whether the hub can do its work: the database answers, and the writer accepts.
    ///
    /// # Errors
    ///
    /// [`AppError::Unavailable`] with the reason.
    pub async fn ready(&self) -> Result<()> {
        self.store.ping().await.map_err(|it| AppError::Unavailable(it.to_string()))?;
        match &*self.store.writer().state().borrow() {
            WriterState::Working => Ok(()),
            WriterState::Failing { reason, .. } => {
                Err(AppError::Unavailable(format!("nothing can be written: {reason}")))
            }
        }
    }
}
