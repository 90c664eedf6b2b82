//! Which integrations want an event. Asked for every event of every call, so it is one look-up.

use call::EventKind;

/// The enabled integrations of one organisation, by what they want; made anew when one changes.
///
/// `K` identifies an integration.
#[derive(Debug, Clone)]
pub struct Plan<K> {
    /// By the position of the kind in [`EventKind::ALL`].
    by_kind: Box<[Box<[K]>]>,
}

impl<K: Clone> Plan<K> {
    /// Of each enabled integration: its key and the types of events that it wants.
    ///
    /// The keys of [`Plan::wanted`] come in the order given here, each once.
    #[must_use]
    pub fn new(integrations: &[(K, Vec<EventKind>)]) -> Plan<K> {
        let wanting = |kind: &EventKind| {
            let those = integrations.iter().filter(|(_, wanted)| wanted.contains(kind));
            those.map(|(key, _)| key.clone()).collect()
        };
        Plan { by_kind: EventKind::ALL.iter().map(wanting).collect() }
    }
}

impl<K> Plan<K> {
    /// The integrations that want an event of this kind.
    #[must_use]
    pub fn wanted(&self, kind: EventKind) -> &[K] {
        // `ALL` lists the kinds in the order of their declaration.
        self.by_kind.get(kind as usize).map_or(&[], |keys| keys)
    }
}

impl<K> Default for Plan<K> {
    /// Nobody wants anything.
    fn default() -> Plan<K> {
        Plan { by_kind: Box::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_finds_exactly_those_that_asked_for_it() {
        let wishes = [
            ("crm", vec![EventKind::CallEnded, EventKind::CallStarted, EventKind::CallEnded]),
            ("chat", vec![EventKind::CallEnded]),
            ("none", vec![]),
        ];
        let plan = Plan::new(&wishes);
        for &kind in EventKind::ALL {
            let expected: Vec<&str> =
                wishes.iter().filter(|it| it.1.contains(&kind)).map(|it| it.0).collect();
            assert_eq!(plan.wanted(kind), expected, "{kind}");
        }
    }

    #[test]
    fn an_empty_plan_wants_nothing() {
        assert!(Plan::<&str>::default().wanted(EventKind::CallEnded).is_empty());
    }
}
