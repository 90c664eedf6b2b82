//! Any bytes as a recording: no panic, and only calls that can be.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pbx::replay::Recording;
use serde_json::Value;

fuzz_target!(|bytes: &[u8]| {
    let kind = pbx::find("asterisk").expect("it is in the list");
    let recording = Recording { pbx: "fuzz", bytes, times: None, sent: None };
    let replayed = (kind.replay)(&recording, &Value::Null).expect("without settings, nothing is wrong");
    for call in replayed.calls {
        assert_eq!(call.outcome.is_some(), call.ended_at.is_some());
        assert!(call.merged_into.is_none());
    }
});
