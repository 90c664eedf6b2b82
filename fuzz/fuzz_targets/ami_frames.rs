//! Any bytes, cut anywhere: the same frames, and nothing read twice.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pbx_proto::ami::Decoder;

fn frames(portions: &[&[u8]]) -> Vec<Vec<u8>> {
    let mut decoder = Decoder::default();
    let mut found = Vec::new();
    for portion in portions {
        decoder.feed(portion);
        while let Some(frame) = decoder.next_frame() {
            found.push(frame.bytes().to_vec());
        }
    }
    found
}

fuzz_target!(|bytes: &[u8]| {
    let (cut, bytes) = bytes.split_first().unwrap_or((&0, bytes));
    let cut = usize::from(*cut) * bytes.len() / 256;
    assert_eq!(frames(&[bytes]), frames(&[&bytes[..cut], &bytes[cut..]]));
});
