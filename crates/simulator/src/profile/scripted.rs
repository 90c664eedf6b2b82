//! A list of calls that is made up beforehand.

use std::collections::VecDeque;

use super::{Next, Profile};
use crate::script::Plan;

/// Places the given calls, each at its own time.
#[derive(Debug, Clone, Default)]
pub struct Scripted(VecDeque<Plan>);

impl Scripted {
    /// The calls in any order.
    #[must_use]
    pub fn new(mut plans: Vec<Plan>) -> Scripted {
        plans.sort_by_key(|it| it.start_us);
        Scripted(plans.into())
    }
}

impl Profile for Scripted {
    fn next(&mut self, now_us: i64) -> Next {
        match self.0.front().map(|it| it.start_us) {
            Some(due) if due > now_us => Next::Wait(due),
            _ => self.0.pop_front().map_or(Next::Over, |it| Next::Call(Box::new(it))),
        }
    }
}
