//! Keeps one link to every phone system that is configured and switched on. Adding, changing or
//! removing one disturbs no other.

use std::{
    path::PathBuf,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use app::App;
use call::{CallUpdate, Ids, LinkChange, Tracker, TrackerSettings, UnixMs};
use pbx::{Command, Counters, DialOutcome};
use rustc_hash::FxHashMap;
use store::{OrgId, PbxId, Store};
use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
    time::timeout,
};

use crate::{
    clock,
    link::{
        self, Driver, Pending, Sink, Status,
        recorder::{Keep, Recorder},
    },
    stop::stopped,
    turn::Routing,
};

/// Commands that wait for one link: people click, they do not stream.
const COMMANDS_WAITING_MAX: usize = 64;
/// What the flight recordings of one link may take of the disk, in bytes: a day of a PBX with some
/// calls a second.
const RECORDINGS_BYTES_MAX: u64 = 1024 * 1024 * 1024;
/// How long a link may take to hand over what it has understood when it is stopped.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);

/// The way to the links for the services.
#[derive(Debug)]
pub struct Switchboard {
    changes: mpsc::UnboundedSender<(OrgId, PbxId)>,
    commands: RwLock<FxHashMap<PbxId, mpsc::Sender<Command>>>,
}

impl Switchboard {
    /// The switchboard, and the changes that [`Keeper::run`] takes.
    #[must_use]
    pub fn new() -> (Arc<Switchboard>, mpsc::UnboundedReceiver<(OrgId, PbxId)>) {
        let (changes, to_keeper) = mpsc::unbounded_channel();
        (Arc::new(Switchboard { changes, commands: RwLock::default() }), to_keeper)
    }

    fn set(&self, pbx: PbxId, commands: Option<mpsc::Sender<Command>>) {
        let mut all = self.commands.write().unwrap_or_else(PoisonError::into_inner);
        match commands {
            Some(commands) => all.insert(pbx, commands),
            None => all.remove(&pbx),
        };
    }
}

#[async_trait::async_trait]
impl app::Links for Switchboard {
    fn pbx_changed(&self, organisation: &OrgId, pbx: &PbxId) {
        // The keeper ends only when the hub does: then nobody needs the change any more.
        let _ = self.changes.send((organisation.clone(), pbx.clone()));
    }

    fn people_changed(&self, _organisation: &OrgId) {
        // Every turn asks the live view who sits where.
    }

    async fn command(
        &self,
        _organisation: &OrgId,
        pbx: &PbxId,
        command: Command,
    ) -> Result<(), String> {
        let to_link = {
            let all = self.commands.read().unwrap_or_else(PoisonError::into_inner);
            all.get(pbx).cloned()
        };
        let to_link = to_link.ok_or("the link to the phone system is switched off")?;
        to_link.try_send(command).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => "too many requests wait already".to_owned(),
            mpsc::error::TrySendError::Closed(_) => "the link has just been stopped".to_owned(),
        })
    }

    async fn probe(&self, link: pbx::Link) -> Result<String, String> {
        link::probe(link).await
    }
}

/// Starts, replaces and stops links as the configuration says.
pub struct Keeper {
    /// The services; they know the configuration and the live state.
    pub app: Arc<App>,
    /// Where events go.
    pub store: Store,
    /// Who wants which events.
    pub routing: Arc<Routing>,
    /// Where commands come from.
    pub switchboard: Arc<Switchboard>,
    /// Where flight recordings go: a directory for each phone system below it.
    pub recordings: PathBuf,
}

/// A link that runs.
struct Running {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Keeper {
    /// Keeps the links of `at_start`, then follows the changes, until `stop` turns `true`; then
    /// stops all links and waits until they have handed over what they understood.
    pub async fn run(
        self,
        at_start: Vec<(OrgId, PbxId)>,
        mut changes: mpsc::UnboundedReceiver<(OrgId, PbxId)>,
        mut stop: watch::Receiver<bool>,
    ) {
        let mut running: FxHashMap<PbxId, Running> = FxHashMap::default();
        for (organisation, pbx) in at_start {
            self.renew(&mut running, organisation, pbx).await;
        }
        loop {
            tokio::select! {
                biased;
                () = stopped(&mut stop) => break,
                change = changes.recv() => match change {
                    Some((organisation, pbx)) => self.renew(&mut running, organisation, pbx).await,
                    None => break,
                },
            }
        }
        for link in running.values() {
            link.stop.send_replace(true);
        }
        for (_, link) in running {
            end(link).await;
        }
    }

    /// Stops the link of a phone system if it runs, and starts it as it is configured now.
    async fn renew(
        &self,
        running: &mut FxHashMap<PbxId, Running>,
        organisation: OrgId,
        pbx: PbxId,
    ) {
        if let Some(link) = running.remove(&pbx) {
            self.switchboard.set(pbx.clone(), None);
            link.stop.send_replace(true);
            end(link).await;
        }
        match self.start(organisation.clone(), &pbx).await {
            Ok(Some(link)) => {
                running.insert(pbx, link);
            }
            Ok(None) => self.close_calls(&organisation, &pbx).await,
            Err(error) => {
                let reason = format!("{error:#}");
                tracing::error!(pbx.id = %pbx, reason, "a link cannot be started");
                self.app.live().links.down(pbx.as_str(), &reason, None, clock::now());
            }
        }
    }
}

impl Keeper {
    /// The link of a phone system as it is configured now; `None` if it is removed or switched
    /// off.
    async fn start(&self, organisation: OrgId, pbx: &PbxId) -> anyhow::Result<Option<Running>> {
        let live = &self.app.live().links;
        let opened = match app::pbxes::opened(&self.app, &organisation, pbx).await? {
            Some(opened) if opened.enabled => opened,
            Some(_) => return Ok(None),
            None => {
                live.removed(pbx.as_str());
                return Ok(None);
            }
        };
        let link = opened.link()?;
        let mut tracker = Tracker::new(link.tracker, Ids::new(clock::random_u64()));
        tracker.restore(self.store.calls_to_restore(&organisation, pbx).await?);
        let (to_link, commands) = mpsc::channel(COMMANDS_WAITING_MAX);
        let (stop, stopped) = watch::channel(false);
        let driver = Driver {
            session: link.session,
            tracker,
            endpoint: link.endpoint,
            sink: Arc::new(News {
                app: Arc::clone(&self.app),
                store: self.store.clone(),
                routing: Arc::clone(&self.routing),
                organisation,
                pbx: pbx.clone(),
                name: opened.name,
                was_up: AtomicBool::new(true),
            }),
            recorder: self.recorder(pbx, opened.flight_recorder_hours),
            commands,
            stop: stopped,
        };
        let task = tokio::spawn(driver.run());
        self.switchboard.set(pbx.clone(), Some(to_link));
        Ok(Some(Running { stop, task }))
    }

    /// Ends the calls of a phone system that nobody listens to any more: no news of them will come.
    async fn close_calls(&self, organisation: &OrgId, pbx: &PbxId) {
        let open = match self.store.calls_to_restore(organisation, pbx).await {
            Ok(open) if open.is_empty() => return,
            Ok(open) => open,
            Err(error) => {
                tracing::error!(%error, "the calls of a link that was stopped cannot be closed");
                return;
            }
        };
        let now = clock::now();
        let mut tracker = Tracker::new(TrackerSettings::default(), Ids::new(clock::random_u64()));
        tracker.restore(open);
        tracker.snapshot_begins();
        tracker.snapshot_ends(now, now);
        let updates = std::iter::from_fn(|| tracker.poll()).collect();
        let people = &self.app.live().people;
        let turn = self.routing.turn(people, organisation, pbx, updates);
        if let Err(error) = self.store.writer().submit(turn).await {
            tracing::debug!(%error, "the end of calls is not stored");
        }
    }

    fn recorder(&self, pbx: &PbxId, hours: Option<u32>) -> Option<Recorder> {
        let hours = hours?;
        let directory = self.recordings.join(pbx.as_str());
        let keep = Keep { directory, hours, bytes_max: RECORDINGS_BYTES_MAX };
        Recorder::start(keep)
            .inspect_err(|error| tracing::warn!(%error, "the flight recorder cannot be started"))
            .ok()
    }
}

async fn end(mut link: Running) {
    if timeout(STOP_TIMEOUT, &mut link.task).await.is_err() {
        // It waits for the store: what it read and did not hand over is read again by the
        // resynchronisation of its next connection.
        link.task.abort();
    }
}

/// Where the news of one link go: events to the store, states to the live view.
struct News {
    app: Arc<App>,
    store: Store,
    routing: Arc<Routing>,
    organisation: OrgId,
    pbx: PbxId,
    name: String,
    /// Whether the link was up when it was last told about: a change is an event, and a link that
    /// fails at its first try is one too.
    was_up: AtomicBool,
}

impl News {
    /// Has `link.up` or `link.down` stored, if it is a change.
    fn link_changed(&self, up: bool, reason: Option<String>, at: UnixMs) {
        if self.was_up.swap(up, Ordering::Relaxed) == up && !up {
            return;
        }
        let change = LinkChange { pbx: self.name.clone(), reason };
        let turn = self.routing.link_turn(&self.organisation, &self.pbx, change, at);
        let store = self.store.clone();
        tokio::spawn(async move {
            if let Err(error) = store.writer().submit(turn).await {
                tracing::debug!(%error, "the state of a link is not stored");
            }
        });
    }
}

impl Sink for News {
    fn updates(&self, updates: Vec<CallUpdate>) -> Pending {
        let people = &self.app.live().people;
        let turn = self.routing.turn(people, &self.organisation, &self.pbx, updates);
        let store = self.store.clone();
        Box::pin(async move {
            if let Err(error) = store.writer().submit(turn).await {
                // Only a store that is closing refuses; the next start resynchronises.
                tracing::debug!(%error, "events are not stored");
            }
        })
    }

    fn status(&self, status: Status, at: UnixMs) {
        let live = &self.app.live().links;
        let pbx = self.pbx.as_str();
        match status {
            Status::Connecting => live.connecting(pbx, at),
            Status::Up { version } => {
                tracing::info!(pbx = self.name, version, "link up");
                live.up(pbx, &version, at);
                self.link_changed(true, None, at);
            }
            Status::Down { reason, advice, next_try } => {
                let said = if advice.is_empty() { reason } else { format!("{reason}; {advice}") };
                if self.was_up.load(Ordering::Relaxed) {
                    tracing::warn!(pbx = self.name, reason = said, "link down");
                }
                live.down(pbx, &said, Some(next_try), at);
                self.link_changed(false, Some(said), at);
            }
            Status::Stopped => tracing::debug!(pbx = self.name, "link stopped"),
        }
    }

    fn counters(&self, counters: Counters, _open_calls: usize) {
        self.app.live().links.counted(self.pbx.as_str(), counters, clock::now());
    }

    fn dialled(&self, id: &str, outcome: DialOutcome) {
        app::dial::outcome(&self.app, id, outcome);
    }

    fn notice(&self, text: &str) {
        tracing::warn!(pbx = self.name, "{text}");
        self.app.live().links.noticed(self.pbx.as_str(), text, clock::now());
    }
}

#[cfg(test)]
mod tests;
