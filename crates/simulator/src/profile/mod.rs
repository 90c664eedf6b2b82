//! What calls are placed, and when.

mod demo;
mod load;
mod scripted;

pub use demo::Demo;
pub use load::{Load, LoadSettings, Mix, Stamp};
pub use scripted::Scripted;

use crate::{
    company::Company,
    script::{Kind, Plan},
};

/// What comes next.
#[derive(Debug)]
pub enum Next {
    /// This call starts now: at its own `start_us`, which is due.
    Call(Box<Plan>),
    /// Nothing before this time, in microseconds since the epoch.
    Wait(i64),
    /// Nothing any more.
    Over,
}

/// Decides which calls are placed. The simulator fills in the numbering of each plan.
pub trait Profile: Send {
    /// What to do at `now_us`. Asked again at once after a call, after the time of a wait, and
    /// after a call has ended.
    fn next(&mut self, now_us: i64) -> Next;

    /// A call is over, maybe earlier than planned.
    fn ended(&mut self, plan: &Plan) {
        let _ = plan;
    }
}

/// No calls but those that somebody asks for.
#[derive(Debug, Clone, Copy, Default)]
pub struct Quiet;

impl Profile for Quiet {
    fn next(&mut self, _now_us: i64) -> Next {
        Next::Over
    }
}

/// What the caller of a plan dials in this company.
fn dialled(company: &Company, plan: &Plan) -> String {
    match plan.kind {
        Kind::RingGroup | Kind::RingGroupMissed => company.group_did.clone(),
        Kind::QueueAnswered | Kind::QueueAbandoned => company.queue_did.clone(),
        Kind::Outbound | Kind::ClickToDial => plan.far.number.clone(),
        Kind::Internal | Kind::InternalMissed => plan.people[1].extension.clone(),
        Kind::Answered
        | Kind::Missed
        | Kind::GivenUp
        | Kind::Busy
        | Kind::Hold
        | Kind::BlindTransfer
        | Kind::AttendedTransfer => company.direct_did.clone(),
    }
}

#[cfg(test)]
mod tests;
