//! Puts the hub together, runs it, and takes it apart in good order.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, anyhow};
use app::{App, Parts, vault::Vault};
use connectors::{Client, Guard};
use store::{OrgId, PbxId, Shelf, StorageUrl, Store, StoreSettings};
use tokio::{
    net::TcpListener,
    sync::{mpsc, watch},
    task::JoinHandle,
    time::timeout,
};

use crate::{
    cli::Failure,
    clock,
    http::Proxies,
    integrations::{Dispatch, Follower},
    links::{Keeper, Switchboard},
    live, server,
    settings::Settings,
    turn::Routing,
    worker::Worker,
};

/// What a stop may take, part by part; ten seconds in all.
const SERVER_DRAIN: Duration = Duration::from_secs(3);
const LINKS_DRAIN: Duration = Duration::from_secs(3);
const DELIVERIES_DRAIN: Duration = Duration::from_secs(4);
const STORE_DRAIN: Duration = Duration::from_secs(2);

/// Name of the database in the data directory.
const DATABASE: &str = "hookswitch.db";
/// Name of the master key in the data directory.
const MASTER_KEY: &str = "master.key";

/// Where everything of a hub is.
#[derive(Debug, Clone)]
pub struct Site {
    /// What the configuration says.
    pub settings: Settings,
    /// The data directory.
    pub data_dir: PathBuf,
}

impl Site {
    /// The database.
    ///
    /// # Errors
    ///
    /// When `storage.url` cannot be read.
    pub fn storage(&self) -> Result<StorageUrl, Failure> {
        match &self.settings.storage.url {
            Some(url) => {
                url.parse().map_err(|error| Failure::Usage(format!("storage.url: {error}")))
            }
            None => Ok(StorageUrl::Sqlite(self.data_dir.join(DATABASE))),
        }
    }

    /// Opens (or makes) database and master key.
    ///
    /// # Errors
    ///
    /// In words that say what to do.
    pub async fn open(&self) -> Result<(Store, Vault), Failure> {
        std::fs::create_dir_all(&self.data_dir)
            .with_context(|| format!("cannot make {}", self.data_dir.display()))?;
        let key = &self.settings.security.master_key_file;
        let key = key.clone().unwrap_or_else(|| self.data_dir.join(MASTER_KEY));
        let vault = Vault::open_or_create(&key).map_err(|it| Failure::Usage(it.to_string()))?;
        let settings = StoreSettings { clock: clock::now, seed: clock::random_u64() };
        let store = Store::open(&self.storage()?, settings).await.map_err(anyhow::Error::new)?;
        Ok((store, vault))
    }

    /// The HTTP client that all integrations share, guarded as configured.
    ///
    /// # Errors
    ///
    /// When `delivery.allow_networks` cannot be read.
    pub fn client(&self) -> Result<Client, Failure> {
        let guard = Guard::new(&self.settings.delivery.allow_networks)
            .map_err(|error| Failure::Usage(format!("delivery.allow_networks: {error}")))?;
        Ok(Client::new(guard))
    }

    /// The address that people use, without a slash at the end.
    fn public_url(&self, listening: SocketAddr) -> String {
        let server = &self.settings.server;
        let scheme = if server.tls_cert.is_some() { "https" } else { "http" };
        let url = server.public_url.clone().unwrap_or_else(|| format!("{scheme}://{listening}"));
        url.trim_end_matches('/').to_owned()
    }
}

/// A hub that runs.
pub struct Hub {
    /// Where it listens.
    pub address: SocketAddr,
    /// The address for people.
    pub url: String,
    /// Its services.
    pub app: Arc<App>,
    store: Store,
    stop_intake: watch::Sender<bool>,
    stop_deliveries: watch::Sender<bool>,
    server: JoinHandle<()>,
    links: JoinHandle<()>,
    deliveries: JoinHandle<()>,
}

impl Hub {
    /// Starts a hub: when this returns, it answers requests, and its links are being made.
    ///
    /// # Errors
    ///
    /// In words that say what to do.
    pub async fn start(site: &Site) -> Result<Hub, Failure> {
        let listen = site.settings.server.listen;
        // The port first: two hubs on one port is the commonest mistake, and leaves no trace.
        let listener = TcpListener::bind(listen)
            .await
            .with_context(|| format!("cannot listen on {listen}"))?;
        let address = listener.local_addr().context("the listener has no address")?;
        let tls = tls(&site.settings)?;
        let client = site.client()?;
        let (store, vault) = site.open().await?;

        let (orders, to_worker) = mpsc::unbounded_channel();
        let (switchboard, pbx_changes) = Switchboard::new();
        let (dispatch, integration_changes) = Dispatch::new(orders.clone());
        let app = App::start(Parts {
            store: store.clone(),
            vault,
            client,
            links: Arc::clone(&switchboard) as Arc<dyn app::Links>,
            workers: dispatch,
            clock: clock::now,
            public_url: site.public_url(address),
            scratch: site.data_dir.clone(),
            version: env!("CARGO_PKG_VERSION"),
        })
        .await
        .map_err(anyhow::Error::new)?;

        let (stop_intake, intake) = watch::channel(false);
        let (stop_deliveries, delivering) = watch::channel(false);
        let worker = Worker::new(store.clone(), live::watcher(&app), to_worker);
        tokio::spawn(live::publish(Arc::clone(&app), store.writer().subscribe()));
        let deliveries = tokio::spawn(worker.run(delivering, DELIVERIES_DRAIN));

        let routing = Arc::new(Routing::default());
        let follower = Follower { app: Arc::clone(&app), routing: Arc::clone(&routing), orders };
        follower.tell_all().await.map_err(anyhow::Error::new)?;
        tokio::spawn(follower.run(integration_changes, intake.clone()));

        let at_start = phone_systems(&store).await.map_err(anyhow::Error::new)?;
        let recordings = site.data_dir.join(app::recordings::DIRECTORY);
        let keeper = Keeper {
            app: Arc::clone(&app),
            store: store.clone(),
            routing,
            switchboard,
            recordings,
        };
        let links = tokio::spawn(keeper.run(at_start, pbx_changes, intake.clone()));

        let proxies = Proxies::new(&site.settings.server.trusted_proxies)
            .map_err(|error| Failure::Usage(format!("server.trusted_proxies: {error}")))?;
        let router = crate::http::router(Arc::clone(&app), proxies);
        let server = tokio::spawn(server::serve(listener, router, tls, intake, SERVER_DRAIN));
        let url = app.public_url().to_owned();
        Ok(Hub {
            address,
            url,
            app,
            store,
            stop_intake,
            stop_deliveries,
            server,
            links,
            deliveries,
        })
    }

    /// Takes the hub apart: no new calls and requests, then what is on its way, then the database.
    pub async fn stop(self) {
        self.stop_intake.send_replace(true);
        // Streams would go on for as long as their clients read.
        self.app.live().fan.close();
        let intake = async {
            let _ = timeout(LINKS_DRAIN, self.links).await;
            let _ = self.server.await;
        };
        intake.await;
        self.stop_deliveries.send_replace(true);
        let _ = self.deliveries.await;
        if timeout(STORE_DRAIN, self.store.close()).await.is_err() {
            tracing::error!("the database could not be closed in time");
        }
    }
}

/// The phone systems to look after: those that are configured, and those that were removed while
/// the hub did not run and have calls that nobody will ever end.
async fn phone_systems(store: &Store) -> store::Result<Vec<(OrgId, PbxId)>> {
    let configured = store.entries_of_all(Shelf::Pbx).await?;
    let mut all: Vec<_> =
        configured.into_iter().map(|(organisation, it)| (organisation, it.id.into())).collect();
    for orphan in store.pbxes_with_open_calls().await? {
        if !all.contains(&orphan) {
            all.push(orphan);
        }
    }
    Ok(all)
}

fn tls(settings: &Settings) -> Result<Option<tokio_rustls::TlsAcceptor>, Failure> {
    match (&settings.server.tls_cert, &settings.server.tls_key) {
        (Some(certificate), Some(key)) => server::tls(certificate, key)
            .map(Some)
            .map_err(|error| Failure::Usage(format!("server.tls_cert, server.tls_key: {error:#}"))),
        (None, None) => Ok(None),
        _ => Err(Failure::Usage(
            "server.tls_cert and server.tls_key go together; one of them is missing".to_owned(),
        )),
    }
}

/// Ready when the process is asked to end: SIGTERM or Ctrl-C.
///
/// # Errors
///
/// When the signals cannot be listened for.
pub async fn asked_to_end() -> anyhow::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        _ = terminate.recv() => {}
        interrupted = tokio::signal::ctrl_c() => interrupted.map_err(|it| anyhow!(it))?,
    }
    Ok(())
}

/// The data directory when none is given.
#[must_use]
pub fn default_data_dir() -> &'static Path {
    Path::new("hookswitch-data")
}
