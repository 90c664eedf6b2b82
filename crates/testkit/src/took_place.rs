//! Comparing a Call of the API with what really took place.

use serde_json::Value;

/// How far a duration may be from what was measured on the phones, in seconds.
const SECONDS_OFF_MAX: f64 = 1.0;

/// From this many digits on, a number is compared by its end: the same subscriber is written
/// `84957654321`, `+74957654321` or `4957654321`.
const NATIONAL_DIGITS: usize = 10;

/// What differs between a Call (as JSON of the API) and one entry of the kit's `calls`; empty
/// when they agree. Only what the entry says is compared.
#[must_use]
pub fn differences(call: &Value, took_place: &Value) -> Vec<String> {
    let mut found = Vec::new();
    let mut check = |name: &str, same: bool, is: &Value, should: &Value| {
        if !same {
            found.push(format!("{name} is {is}, should be {should}"));
        }
    };
    for (name, should) in took_place.as_object().into_iter().flatten() {
        let is = reported(call, name);
        let Some(is) = is else { continue };
        let same = match name.as_str() {
            "from" | "to" | "answered_by" | "transferred_to" | "retrieved_by" => {
                same_number(is, should)
            }
            "ring_s" | "talk_s" | "held_s" => same_seconds(is, should),
            "rang" | "parties" => same_members(is, should),
            "hangup_by" => same_side(is, should, &took_place["direction"]),
            _ => is == should,
        };
        check(name, same, is, should);
    }
    found
}

/// Where the API keeps what the kit calls `name`; `None` for what only people read.
fn reported<'a>(call: &'a Value, name: &str) -> Option<&'a Value> {
    let transfer = &call["transfers"][0];
    Some(match name {
        "from" | "to" => &call[name]["raw"],
        "ring_s" => &call["ring_seconds"],
        "talk_s" => &call["talk_seconds"],
        "held_s" => &call["hold_seconds"],
        "agent" | "retrieved_by" => &call["extension"],
        "hangup_by" => &call["ended_by"],
        "transfer" => &transfer["kind"],
        "transferred_to" => &transfer["to"],
        "transfer_outcome" => &transfer["outcome"],
        "direction" | "answered_by" | "outcome" | "rang" | "parties" | "queue" | "parked"
        | "picked_up_from" | "forwarded_by" => &call[name],
        _ => return None,
    })
}

fn same_number(is: &Value, should: &Value) -> bool {
    match (is.as_str(), should.as_str()) {
        (Some(is), Some(should)) => end(is) == end(should),
        // A caller whose number is none is told by nobody.
        (_, None) => true,
        _ => false,
    }
}

fn end(number: &str) -> &str {
    number.get(number.len().saturating_sub(NATIONAL_DIGITS)..).unwrap_or(number)
}

fn same_seconds(is: &Value, should: &Value) -> bool {
    match (is.as_f64(), should.as_f64()) {
        (Some(is), Some(should)) => (is - should).abs() <= SECONDS_OFF_MAX,
        _ => false,
    }
}

/// The same members; phones that ring at once may do so in any order.
fn same_members(is: &Value, should: &Value) -> bool {
    let sorted = |list: &Value| {
        let mut texts: Vec<String> =
            list.as_array().into_iter().flatten().map(Value::to_string).collect();
        texts.sort();
        texts
    };
    sorted(is) == sorted(should)
}

/// The kit says `agent` for our side; which side that is depends on who called. What the PBX
/// does not tell is no difference.
fn same_side(is: &Value, should: &Value, direction: &Value) -> bool {
    let should = match (should.as_str(), direction.as_str()) {
        (Some("agent"), Some("outbound")) => "caller",
        (Some("agent"), _) => "callee",
        (Some(side), _) => side,
        (None, _) => return true,
    };
    is.is_null() || is == should
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::differences;

    #[test]
    fn number_is_the_same_with_any_prefix() {
        let call = json!({"to": {"raw": "84957654321"}, "answered_by": "+74957654321"});
        let took_place = json!({"to": "84957654321", "answered_by": "84957654321"});
        assert_eq!(differences(&call, &took_place), Vec::<String>::new());
    }

    #[test]
    fn another_extension_is_a_difference() {
        let found = differences(&json!({"answered_by": "102"}), &json!({"answered_by": "101"}));
        assert_eq!(found, ["answered_by is \"102\", should be \"101\""]);
    }

    #[test]
    fn talk_may_be_a_second_off_but_no_more() {
        let took_place = json!({"talk_s": 3.0});
        assert!(differences(&json!({"talk_seconds": 3.9}), &took_place).is_empty());
        assert!(!differences(&json!({"talk_seconds": 4.1}), &took_place).is_empty());
    }

    #[test]
    fn missing_fact_is_a_difference() {
        assert_eq!(differences(&json!({}), &json!({"outcome": "missed", "parked": true})).len(), 2);
    }
}
