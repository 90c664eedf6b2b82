//! What people do with calls: queues, transfers, pick-up, parking.

use call::{LegId, Side, TransferKind};

use super::Telling;
use crate::asterisk::channel::split_half;

impl Telling<'_, '_> {
    pub(super) fn queue_join(&mut self) -> Option<()> {
        let leg = self.leg()?;
        let queue = self.fields.text("Queue")?;
        self.tracker.queued(self.at, leg, &queue);
        Some(())
    }

    pub(super) fn queue_leave(&mut self) -> Option<()> {
        let leg = self.leg()?;
        self.tracker.dequeued(self.at, leg);
        Some(())
    }

    /// Up to 11 a queue raises no `Dial`: this alone ties the phones to the caller.
    pub(super) fn agent_called(&mut self) -> Option<()> {
        if let Some(member) = self.other("Dest") {
            let caller = self.leg()?;
            self.tracker.offered(self.at, caller, member);
            return Some(());
        }
        let caller = self.fields.first("ChannelCalling")?;
        let caller = self.tracker.leg_named(caller)?;
        let member = match self.fields.first("DestinationChannel") {
            Some(name) => self.tracker.leg_named(name)?,
            // 1.4 gives the interface only: its newest channel.
            None => self.newest(self.fields.first("AgentCalled")?)?,
        };
        self.tracker.offered(self.at, caller, member);
        Some(())
    }

    pub(super) fn newest(&self, interface: &str) -> Option<LegId> {
        let interface = interface.split_once("/n").map_or(interface, |it| it.0);
        let fits = |name: &str| {
            let rest = name.strip_prefix(interface);
            rest.is_some_and(|it| it.starts_with('-'))
                && !matches!(split_half(name).1, Some(",2" | ";2"))
        };
        let mut names = self.reader.newest.iter().rev();
        names.find(|it| fits(it)).and_then(|it| self.tracker.leg_named(it))
    }

    pub(super) fn agent_connect(&mut self) -> Option<()> {
        let member = self
            .other("Dest")
            .or_else(|| self.fields.last("BridgedChannel").and_then(|it| self.tracker.leg(it)))?;
        let caller = self.fields.first("Uniqueid").and_then(|it| self.tracker.leg(it))?;
        self.tracker.same_call(self.at, caller, member);
        Some(())
    }

    pub(super) fn agent_complete(&mut self) -> Option<()> {
        let caller = self.fields.first("Uniqueid").and_then(|it| self.tracker.leg(it))?;
        match self.fields.last("Reason") {
            Some("caller") => self.tracker.hung_up_by(caller, true),
            Some("agent") => self.tracker.hung_up_by(caller, false),
            _ => {}
        }
        Some(())
    }

    /// 1.6 to 11, for transfers by the phone.
    pub(super) fn sip_transfer(&mut self) -> Option<()> {
        let by = self.leg()?;
        let target = self.other("Target");
        let attended = self.fields.is("TransferType", "Attended");
        if attended && let Some(target) = target {
            self.tracker.same_call(self.at, by, target);
            return Some(());
        }
        if !self.fields.is("Transfer2Parking", "Yes") {
            let to = self.fields.last("TransferExten");
            self.tracker.transfer(self.at, TransferKind::Blind, by, to);
        }
        Some(())
    }

    pub(super) fn blind_transfer(&mut self) -> Option<()> {
        if !self.fields.is("Result", "Success") {
            return Some(());
        }
        let by = self.other("Transferer")?;
        let to = self.fields.last("Extension");
        self.tracker.transfer(self.at, TransferKind::Blind, by, to);
        Some(())
    }

    pub(super) fn attended_transfer(&mut self) -> Option<()> {
        if !self.fields.is("Result", "Success") {
            return Some(());
        }
        let by = self.other("OrigTransferer")?;
        let target = self.other("TransferTarget");
        let others = [self.other("SecondTransferer"), self.other("Transferee"), target];
        for other in others.into_iter().flatten() {
            self.tracker.same_call(self.at, by, other);
        }
        let to = target.and_then(|it| match self.tracker.side_of(it) {
            Some(Side::Extension(extension)) => Some(extension.to_string()),
            Some(Side::Outside(number)) => number.as_deref().map(str::to_owned),
            Some(Side::Inner) | None => None,
        });
        self.tracker.transfer(self.at, TransferKind::Attended, by, to.as_deref());
        Some(())
    }

    pub(super) fn pickup(&mut self) -> Option<()> {
        let by = self.leg().or_else(|| self.by("Uniqueid", "Channel"))?;
        let target = self.other("Target").or_else(|| self.by("TargetUniqueid", "TargetChannel"))?;
        self.tracker.picked_up(self.at, by, target);
        Some(())
    }

    pub(super) fn parked(&mut self) -> Option<()> {
        let parked = self.other("Parkee").or_else(|| self.by("Uniqueid", "Channel"))?;
        self.tracker.parked(self.at, parked);
        Some(())
    }

    pub(super) fn unparked(&mut self) -> Option<()> {
        let parked = self.other("Parkee").or_else(|| self.by("Uniqueid", "Channel"))?;
        let by = self
            .other("Retriever")
            .or_else(|| self.fields.first("From").and_then(|it| self.tracker.leg_named(it)))?;
        self.tracker.same_call(self.at, parked, by);
        Some(())
    }
}
