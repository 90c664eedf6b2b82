//! The page: what has been received, and how it is answered.

use serde_json::Value;

use super::{Behaviour, Received, Signature};
use crate::script::clock_time;

const HEAD: &str = r#"<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>A business system</title>
<meta name="viewport" content="width=device-width">
<style>
body { font: 15px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 70rem; padding: 1rem }
table { border-collapse: collapse; width: 100% }
th, td { text-align: left; padding: .3rem .8rem .3rem 0; border-bottom: 1px solid #8884 }
th { font-weight: 600 } .bad { color: #c0392b } .good { color: #1e8449 }
iframe { border: 0; width: 100%; height: 75vh; margin: 0 -1rem }
input { width: 6rem }
@media (prefers-color-scheme: dark) { body { background: #16181c; color: #e6e6e6 } }
</style>"#;

/// The page around the list: it stays as it is, so that the form can be filled in.
pub(super) fn frame(behaviour: Behaviour) -> String {
    format!(
        "{HEAD}</head><body><h1>A business system</h1>\n\
         <p>It stands for a CRM or a help desk: what Hookswitch delivers arrives here. \
         The same as JSON: <a href=\"/received\">/received</a></p>\n{}\
         <iframe src=\"/list\" title=\"What was received\"></iframe></body></html>\n",
        form(behaviour)
    )
}

/// The list, newest first; it fetches itself anew.
pub(super) fn list<'a>(count: u64, received: impl Iterator<Item = &'a Received>) -> String {
    let mut out = format!(
        "{HEAD}<meta http-equiv=\"refresh\" content=\"2\"></head><body>\
         <p>Received so far: {count}</p>\n\
         <table><thead><tr><th>Time (UTC)<th>Event<th>From<th>To<th>Outcome<th>Answered by\
         <th>Signature<th>Answer</tr></thead><tbody>\n"
    );
    for delivery in received {
        out.push_str(&row(delivery));
    }
    out.push_str("</tbody></table></body></html>\n");
    out
}

/// Lets people see what retries look like.
fn form(behaviour: Behaviour) -> String {
    format!(
        "<form method=\"post\" action=\"/behaviour\"><label>Answer with status \
         <input name=\"status\" type=\"number\" min=\"200\" max=\"599\" value=\"{}\"></label> \
         <label>after <input name=\"delay_ms\" type=\"number\" min=\"0\" value=\"{}\"> ms</label> \
         <button>Set</button></form>\n",
        behaviour.status, behaviour.delay_ms
    )
}

fn row(delivery: &Received) -> String {
    let body: Value = serde_json::from_str(&delivery.body).unwrap_or(Value::Null);
    let text = |pointer: &str| match body.pointer(pointer) {
        Some(Value::String(text)) => escape(text),
        Some(Value::Null) | None => String::new(),
        Some(other) => escape(&other.to_string()),
    };
    let party = |pointer: &str| {
        let (number, name) = (text(&format!("{pointer}/number")), text(&format!("{pointer}/name")));
        let raw = text(&format!("{pointer}/raw"));
        let number = if number.is_empty() { raw } else { number };
        if name.is_empty() { number } else { format!("{name}<br>{number}") }
    };
    let (class, signature) = match delivery.signature {
        Signature::Valid => ("good", "valid"),
        Signature::Missing => ("bad", "missing"),
        Signature::Wrong => ("bad", "wrong"),
        Signature::Stale => ("bad", "stale"),
        Signature::Unchecked => ("", "not checked"),
    };
    let event = text("/type");
    let event = if event.is_empty() { escape(&delivery.path) } else { event };
    format!(
        "<tr><td>{}<td>{event}<td>{}<td>{}<td>{}<td>{}<td class=\"{class}\">{signature}<td>{}</tr>\n",
        &clock_time(delivery.at_us / 1000)[11..],
        party("/call/from"),
        party("/call/to"),
        text("/call/outcome"),
        text("/call/answered_by"),
        delivery.status
    )
}

/// Text that may stand anywhere in HTML.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}
