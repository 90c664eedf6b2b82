//! What an endpoint that received events can say about them: whole, in order, at least once.

use std::collections::BTreeMap;

use serde_json::Value;

/// The events of each call in the order in which an endpoint received them.
#[derive(Debug, Default)]
pub struct Pushed {
    calls: BTreeMap<String, Vec<Received>>,
}

/// One request, as far as it matters here.
#[derive(Debug, Clone)]
struct Received {
    id: String,
    kind: String,
    sequence: u64,
    merged_into: Option<String>,
}

impl Pushed {
    /// Reads request bodies, each one event of the public contract, in the order of their
    /// arrival. Events that belong to no call are left out.
    pub fn read<'a>(bodies: impl IntoIterator<Item = &'a Value>) -> Pushed {
        let mut pushed = Pushed::default();
        for event in bodies {
            let Some(call) = event["call"]["id"].as_str() else { continue };
            let text = |name: &str| event[name].as_str().unwrap_or_default().to_owned();
            pushed.calls.entry(call.to_owned()).or_default().push(Received {
                id: text("id"),
                kind: text("type"),
                sequence: event["sequence"].as_u64().unwrap_or_default(),
                merged_into: event["call"]["merged_into"].as_str().map(str::to_owned),
            });
        }
        pushed
    }

    /// Ids of all calls that something was received of.
    pub fn calls(&self) -> impl Iterator<Item = &str> {
        self.calls.keys().map(String::as_str)
    }

    /// The call that this one turned out to be a part of, as its end said.
    #[must_use]
    pub fn merged_into(&self, call: &str) -> Option<&str> {
        self.calls.get(call)?.iter().find_map(|it| it.merged_into.as_deref())
    }

    /// Whether the end of this call was received.
    #[must_use]
    pub fn ended(&self, call: &str) -> bool {
        self.calls.get(call).is_some_and(|all| all.iter().any(|it| it.kind == ENDED))
    }

    /// How many requests repeated one that had come before.
    #[must_use]
    pub fn repeated(&self) -> usize {
        self.calls
            .values()
            .map(|all| {
                all.len()
                    - all.iter().map(|it| &it.id).collect::<std::collections::BTreeSet<_>>().len()
            })
            .sum()
    }

    /// What is wrong; empty when each call's events came from 1 on without a gap, none before the
    /// one that it follows, the same number always being the same event, and the end last and
    /// once. Repetitions are right: delivery is at least once.
    #[must_use]
    pub fn breaches(&self) -> Vec<String> {
        self.calls.iter().flat_map(|(call, all)| breaches(call, all)).collect()
    }
}

const ENDED: &str = "call.ended";

fn breaches(call: &str, all: &[Received]) -> Vec<String> {
    let mut found = Vec::new();
    let mut known: BTreeMap<u64, &Received> = BTreeMap::new();
    for event in all {
        let next = known.len() as u64 + 1;
        match known.get(&event.sequence) {
            Some(first) if first.id != event.id => {
                found.push(format!(
                    "{call}: number {} is {} and {}",
                    event.sequence, first.id, event.id
                ));
            }
            Some(_) => {}
            None if event.sequence == next => {
                known.insert(next, event);
            }
            None => {
                found.push(format!("{call}: number {} came when {next} was due", event.sequence))
            }
        }
    }
    let ends: Vec<u64> =
        known.values().filter(|it| it.kind == ENDED).map(|it| it.sequence).collect();
    if ends.len() > 1 || ends.first().is_some_and(|end| *end != known.len() as u64) {
        found.push(format!("{call}: ended at {ends:?} of {}", known.len()));
    }
    found
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::Pushed;

    fn event(sequence: u64, id: &str, kind: &str) -> Value {
        json!({"id": id, "type": kind, "sequence": sequence, "call": {"id": "c"}})
    }

    #[test]
    fn repetition_is_right_and_counted() {
        let all = [
            event(1, "a", "call.started"),
            event(1, "a", "call.started"),
            event(2, "b", "call.ended"),
        ];
        let pushed = Pushed::read(&all);
        assert_eq!(pushed.breaches(), Vec::<String>::new());
        assert_eq!(pushed.repeated(), 1);
        assert!(pushed.ended("c"));
    }

    #[test]
    fn gap_swap_and_second_end_are_found() {
        let wrong = [
            vec![event(1, "a", "call.started"), event(3, "c", "call.ended")],
            vec![event(2, "b", "call.ended"), event(1, "a", "call.started")],
            vec![event(1, "a", "call.ended"), event(2, "b", "call.ended")],
            vec![event(1, "a", "call.started"), event(1, "b", "call.started")],
        ];
        for all in &wrong {
            assert_ne!(Pushed::read(all).breaches(), Vec::<String>::new(), "{all:?}");
        }
    }
}
