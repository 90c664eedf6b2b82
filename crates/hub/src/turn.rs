//! One turn: what a link has made of its bytes, decided and handed to the store as one write.
//!
//! Here an event gets what the tracker cannot know (whose extension it is) and the integrations
//! that want it; both come from the configuration of its organisation.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};

use call::{CallUpdate, EventKind, LinkChange, UnixMs};
use rules::Plan;
use rustc_hash::FxHashMap;
use store::{IntegrationId, LinkUpdate, OrgId, PbxId, Turn};

/// What is needed of one organisation's configuration to route its events.
#[derive(Debug, Default)]
pub struct Routes {
    /// Who wants which events.
    pub plan: Plan<IntegrationId>,
    /// By phone system and extension: the user that it belongs to.
    pub users: FxHashMap<PbxId, HashMap<String, String>>,
}

/// The routes of all organisations. Read at every turn, replaced when the configuration changes.
#[derive(Debug, Default)]
pub struct Routing {
    by_organisation: RwLock<FxHashMap<OrgId, Arc<Routes>>>,
}

impl Routing {
    /// Replaces the routes of one organisation; turns from now on follow them.
    pub fn set(&self, organisation: OrgId, routes: Routes) {
        // A writer that panicked has at worst not replaced anything.
        let mut all = self.by_organisation.write().unwrap_or_else(PoisonError::into_inner);
        all.insert(organisation, Arc::new(routes));
    }

    /// The routes of one organisation; none if nothing is configured.
    #[must_use]
    pub fn of(&self, organisation: &OrgId) -> Arc<Routes> {
        let all = self.by_organisation.read().unwrap_or_else(PoisonError::into_inner);
        all.get(organisation).cloned().unwrap_or_default()
    }

    /// The turn for events of calls.
    #[must_use]
    pub fn turn(&self, organisation: &OrgId, pbx: &PbxId, updates: Vec<CallUpdate>) -> Turn {
        let routes = self.of(organisation);
        let users = routes.users.get(pbx);
        let routed = updates.into_iter().map(|mut update| {
            if let Some(users) = users {
                name_user(&mut update, users);
            }
            let wanted = routes.plan.wanted(update.kind).to_vec();
            (update, wanted)
        });
        Turn {
            organisation: organisation.clone(),
            pbx: pbx.clone(),
            updates: routed.collect(),
            links: Vec::new(),
        }
    }

    /// The turn for a link that went up (`reason` is `None`) or down.
    #[must_use]
    pub fn link_turn(
        &self,
        organisation: &OrgId,
        pbx: &PbxId,
        change: LinkChange,
        time: UnixMs,
    ) -> Turn {
        let kind = match change.reason {
            None => EventKind::LinkUp,
            Some(_) => EventKind::LinkDown,
        };
        let wanted = self.of(organisation).plan.wanted(kind).to_vec();
        Turn {
            organisation: organisation.clone(),
            pbx: pbx.clone(),
            updates: Vec::new(),
            links: vec![(LinkUpdate { kind, time, change }, wanted)],
        }
    }
}

/// Puts the user beside the extension.
fn name_user(update: &mut CallUpdate, users: &HashMap<String, String>) {
    let extension = update.call.extension.as_ref();
    if let Some(user) = extension.and_then(|it| users.get(it))
        && update.call.user.as_ref() != Some(user)
    {
        Arc::make_mut(&mut update.call).user = Some(user.clone());
    }
}
