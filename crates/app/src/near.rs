//! The nearest known name to one that is not known.

/// Finds what was meant by `given`: the most similar of `known`, when one is similar at all.
pub(crate) fn nearest<'a>(
    given: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let given = given.to_lowercase();
    known
        .into_iter()
        .map(|it| (strsim::jaro_winkler(&given, &it.to_lowercase()), it))
        .filter(|(score, _)| *score > SIMILAR_MIN)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, it)| it)
}

/// Below this a guess would mislead more than it helps; `secrte` to `secret` is 0.97.
const SIMILAR_MIN: f64 = 0.75;

/// Says that a name is not known, with the nearest one, or all of them when none is near.
pub(crate) fn unknown<'a>(
    what: &str,
    given: &str,
    known: impl IntoIterator<Item = &'a str> + Clone,
) -> String {
    match nearest(given, known.clone()) {
        Some(near) => format!("unknown {what} `{given}`: did you mean `{near}`?"),
        None => {
            let names: Vec<String> = known.into_iter().map(|it| format!("`{it}`")).collect();
            format!("unknown {what} `{given}`; known are {}", names.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_name_is_answered_with_the_nearest() {
        let known = ["secret", "username", "host"];
        assert_eq!(
            unknown("field", "secrte", known),
            "unknown field `secrte`: did you mean `secret`?"
        );
        assert_eq!(
            unknown("field", "qqq", known),
            "unknown field `qqq`; known are `secret`, `username`, `host`"
        );
    }
}
