//! The dial box in the header of every page.

use std::sync::Arc;

use api::DialInput;
use app::{Actor, App, dial, groups};
use askama::Template;
use axum::{extract::State, http::StatusCode};

use crate::{
    answer::{Answer, Failure, html, is_mendable, lines_of},
    forms::sent,
    hub_state::everything,
    page::DialLine,
    session::Posted,
    texts::fill,
};

/// The lines that a person may dial from: the seats in telephony groups. An administrator without
/// a seat types an extension; whoever may not see the groups dials from his or her own phone.
pub(crate) async fn lines(hub: &App, actor: &Actor) -> Result<Vec<DialLine>, Failure> {
    if !actor.rights().allow(api::Scope::Admin) {
        return Ok(vec![DialLine::Own]);
    }
    let mut lines = Vec::new();
    for group in groups::list(hub, actor, everything()).await?.items {
        let theirs = group.input.members.iter().filter(|it| it.user == actor.name());
        lines.extend(theirs.map(|it| DialLine::Seat {
            extension: it.extension.clone(),
            group: group.input.name.clone(),
        }));
    }
    Ok(lines)
}

/// What the field of the line says.
fn input(number: &str, line: &str, me: &str) -> DialInput {
    let mut input = DialInput {
        number: number.to_owned(),
        user: None,
        extension: None,
        group: None,
        prefix: None,
    };
    match line.split_once('/') {
        Some((extension, group)) => {
            input.extension = Some(extension.to_owned());
            input.group = Some(group.to_owned());
        }
        None if line.is_empty() => input.user = Some(me.to_owned()),
        None => input.extension = Some(line.to_owned()),
    }
    input
}

#[derive(Template)]
#[template(path = "dial_answer.html")]
struct DialAnswer {
    ok: bool,
    text: String,
}

/// `POST /dial`.
pub(crate) async fn dial(State(hub): State<Arc<App>>, posted: Posted) -> Answer {
    let Posted { viewer, form } = posted;
    let field = |name| sent(&form, name).unwrap_or_default().trim();
    let input = input(field("number"), field("line"), viewer.actor.name());
    let t = viewer.context.t;
    match dial::dial(&hub, &viewer.actor, input).await {
        Ok(dial) => {
            let values = [("extension", dial.extension.as_str()), ("number", &dial.number)];
            let text = fill(t.dial_requested, &values);
            html(&DialAnswer { ok: true, text })
        }
        Err(error) if is_mendable(&error) || error.code().status() == 503 => {
            let text = lines_of(&error).join(" ");
            let mut answer = html(&DialAnswer { ok: false, text })?;
            *answer.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
            Ok(answer)
        }
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_an_extension_a_seat_or_ones_own_phone() {
        let of = |line| {
            let it = input("123", line, "anna");
            (it.user, it.extension, it.group)
        };
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(of("201"), (None, some("201"), None));
        assert_eq!(of("201/Sales"), (None, some("201"), some("Sales")));
        assert_eq!(of(""), (some("anna"), None, None));
    }
}
