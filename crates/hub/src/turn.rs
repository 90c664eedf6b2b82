//! One turn: what a link has made of its bytes, decided and handed to the store as one write.
//!
//! Here an event gets what the tracker cannot know (whose extension it is) and the integrations
//! that want it; both come from the configuration of its organisation.

use std::sync::{Arc, PoisonError, RwLock};

use app::live::People;
use call::{CallUpdate, EventKind, LinkChange, UnixMs};
use rules::Plan;
use rustc_hash::FxHashMap;
use store::{IntegrationId, LinkUpdate, OrgId, PbxId, Turn};

/// Who wants which events, in every organisation. Read at every turn, replaced when an
/// integration changes.
#[derive(Debug, Default)]
pub struct Routing {
    by_organisation: RwLock<FxHashMap<OrgId, Arc<Plan<IntegrationId>>>>,
}

impl Routing {
    /// Replaces the plan of one organisation; turns from now on follow it.
    pub fn set(&self, organisation: OrgId, plan: Plan<IntegrationId>) {
        // A writer that panicked has at worst not replaced anything.
        let mut all = self.by_organisation.write().unwrap_or_else(PoisonError::into_inner);
        all.insert(organisation, Arc::new(plan));
    }

    fn of(&self, organisation: &OrgId) -> Arc<Plan<IntegrationId>> {
        let all = self.by_organisation.read().unwrap_or_else(PoisonError::into_inner);
        all.get(organisation).cloned().unwrap_or_default()
    }

    /// The turn for events of calls.
    #[must_use]
    pub fn turn(
        &self,
        people: &People,
        organisation: &OrgId,
        pbx: &PbxId,
        updates: Vec<CallUpdate>,
    ) -> Turn {
        let plan = self.of(organisation);
        let routed = updates.into_iter().map(|mut update| {
            name_user(&mut update, people, organisation);
            let wanted = plan.wanted(update.kind).to_vec();
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
        let wanted = self.of(organisation).wanted(kind).to_vec();
        Turn {
            organisation: organisation.clone(),
            pbx: pbx.clone(),
            updates: Vec::new(),
            links: vec![(LinkUpdate { kind, time, change }, wanted)],
        }
    }
}

/// Puts the user beside the extension.
fn name_user(update: &mut CallUpdate, people: &People, organisation: &OrgId) {
    let Some(extension) = &update.call.extension else { return };
    let user = people.user_at(organisation.as_str(), &update.call.pbx, extension);
    if let Some(user) = user {
        Arc::make_mut(&mut update.call).user = Some(user.to_string());
    }
}
