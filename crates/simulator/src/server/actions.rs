//! What the simulated Asterisk answers to the actions of its clients, in the words of version 22.

use bytes::Bytes;
use md5::{Digest as _, Md5};

use super::{
    connection::{Closing, Connection},
    exchange::Exchange,
    filter::Filter,
    lines::{Action, Input},
    lists,
};
use crate::{
    company::{Caller, Person},
    rights::Classes,
    script::{Course, Durations, HangsUp, Kind, Local, Numbering, Plan, Request, refused},
};

/// Writes one response: its headers in order, `ActionID` after the first as Asterisk does.
pub(super) fn response(action: &Action, kind: &str, headers: &[(&str, &str)]) -> Vec<u8> {
    let mut out = format!("Response: {kind}\r\n");
    if let Some(id) = action.get("ActionID") {
        out.push_str(&format!("ActionID: {id}\r\n"));
    }
    for (key, value) in headers {
        out.push_str(&format!("{key}: {value}\r\n"));
    }
    out.push_str("\r\n");
    out.into_bytes()
}

fn success(action: &Action, message: &str) -> Vec<u8> {
    response(action, "Success", &[("Message", message)])
}

fn error(action: &Action, message: &str) -> Vec<u8> {
    response(action, "Error", &[("Message", message)])
}

/// What one of these classes is needed for; `NONE` where everybody may.
const NEEDS: &[(&str, Classes)] = &[
    ("originate", Classes::ORIGINATE),
    ("hangup", Classes::SYSTEM.and(Classes::CALL)),
    ("coreshowchannels", Classes::SYSTEM.and(Classes::REPORTING)),
    ("status", Classes::SYSTEM.and(Classes::CALL).and(Classes::REPORTING)),
    ("coresettings", Classes::SYSTEM.and(Classes::REPORTING)),
    ("corestatus", Classes::SYSTEM.and(Classes::REPORTING)),
    ("filter", Classes::SYSTEM),
    ("command", Classes::COMMAND),
    ("bridgelist", Classes::NONE),
    ("ping", Classes::NONE),
    ("events", Classes::NONE),
    ("logoff", Classes::NONE),
    ("login", Classes::NONE),
    ("challenge", Classes::NONE),
];

/// Takes one input of a client and puts the answer into its outbox.
pub(super) fn take(exchange: &mut Exchange, connection: &Connection, input: &Input) {
    let answer = match input {
        Input::Refused(action, problem) => error(action, problem),
        Input::Action(action) => answer(exchange, connection, action),
    };
    if !connection.standing().mute {
        connection.push(Bytes::from(answer), None);
    }
}

fn answer(exchange: &mut Exchange, connection: &Connection, action: &Action) -> Vec<u8> {
    let Some(name) = action.get("Action").filter(|it| !it.is_empty()) else {
        return error(action, "Missing action in request");
    };
    let lower = name.to_ascii_lowercase();
    let before_login = matches!(lower.as_str(), "login" | "challenge" | "logoff");
    if !connection.standing().logged_in && !before_login {
        return error(action, "Permission denied");
    }
    let Some(&(_, needs)) = NEEDS.iter().find(|it| it.0 == lower) else {
        return error(
            action,
            &format!(
                "Invalid/unknown command: {name}. Use Action: ListCommands to show available \
                 commands."
            ),
        );
    };
    if needs != Classes::NONE && !needs.meets(exchange.settings.rights.write) {
        return error(action, "Permission denied");
    }
    match lower.as_str() {
        "login" => login(exchange, connection, action),
        "challenge" => challenge(exchange, connection, action),
        "logoff" => {
            connection.push(response(action, "Goodbye", &[("Message", GOODBYE)]).into(), None);
            connection.close(Closing::Written);
            Vec::new()
        }
        "ping" => ping(exchange, action),
        "events" => events(exchange, connection, action),
        "filter" => filter(connection, action),
        "hangup" => hangup(exchange, action),
        "originate" => originate(exchange, action),
        "bridgelist" => lists::bridges(exchange, action),
        "coresettings" => lists::core_settings(action),
        "corestatus" => lists::core_status(exchange, action),
        "command" => lists::command(action),
        _ => {
            let list = lists::channels(exchange, action, lower == "status");
            connection.push(list.into(), None);
            if action.get("Channel").is_none() {
                connection.standing().in_step = true;
                exchange.listened.notify_waiters();
            }
            Vec::new()
        }
    }
}

const GOODBYE: &str = "Thanks for all the fish.";

fn challenge(exchange: &mut Exchange, connection: &Connection, action: &Action) -> Vec<u8> {
    if !action.get("AuthType").is_some_and(|it| it.eq_ignore_ascii_case("MD5")) {
        return error(action, "Must specify AuthType");
    }
    let challenge = (exchange.random.bits() % 1_000_000_000).to_string();
    connection.standing().challenge = Some(challenge.clone());
    response(action, "Success", &[("Challenge", &challenge)])
}

fn login(exchange: &mut Exchange, connection: &Connection, action: &Action) -> Vec<u8> {
    let settings = &exchange.settings;
    let known = action.get("Username") == Some(settings.username.as_str());
    let proven = match (action.get("Key"), &connection.standing().challenge) {
        (Some(key), Some(challenge)) => {
            let digest = Md5::digest(format!("{challenge}{}", settings.secret));
            let hex: String = digest.iter().map(|it| format!("{it:02x}")).collect();
            key.eq_ignore_ascii_case(&hex)
        }
        _ => action.get("Secret") == Some(settings.secret.as_str()),
    };
    if !known || !proven {
        exchange.counts.refused_logins += 1;
        connection.push(error(action, "Authentication failed").into(), None);
        connection.close(Closing::Written);
        return Vec::new();
    }
    exchange.counts.logins += 1;
    let mask = action.get("Events").map_or(Classes::ALL, Classes::of_mask);
    let wanted = mask.within(exchange.settings.rights.read);
    let mut standing = connection.standing();
    standing.logged_in = true;
    standing.events = Some(wanted);
    drop(standing);
    let mut out = success(action, "Authentication accepted");
    if wanted.meets(Classes::SYSTEM) {
        let up = exchange.up_seconds();
        let event = format!(
            "Event: FullyBooted\r\nPrivilege: system,all\r\nUptime: {up}\r\nLastReload: {up}\r\n\
             Status: Fully Booted\r\n\r\n"
        );
        out.extend_from_slice(event.as_bytes());
    }
    out
}

fn ping(exchange: &mut Exchange, action: &Action) -> Vec<u8> {
    exchange.counts.pings += 1;
    let now = exchange.settings.clock.now_us();
    let timestamp = format!("{}.{:06}", now / 1_000_000, now % 1_000_000);
    response(action, "Success", &[("Ping", "Pong"), ("Timestamp", &timestamp)])
}

fn events(exchange: &Exchange, connection: &Connection, action: &Action) -> Vec<u8> {
    let mask = Classes::of_mask(action.get("EventMask").unwrap_or_default());
    connection.standing().events = Some(mask.within(exchange.settings.rights.read));
    let state = if mask == Classes::NONE { "Off" } else { "On" };
    response(action, "Success", &[("Events", state)])
}

fn filter(connection: &Connection, action: &Action) -> Vec<u8> {
    match (action.get("Operation"), action.get("Filter")) {
        (Some(operation), Some(text)) if operation.eq_ignore_ascii_case("Add") => {
            connection.standing().filters.push(Filter::parse(text));
            success(action, "Success")
        }
        _ => error(action, "Unknown operation"),
    }
}

fn hangup(exchange: &mut Exchange, action: &Action) -> Vec<u8> {
    match action.get("Channel").filter(|it| !it.is_empty()) {
        None => error(action, "No channel specified"),
        Some(channel) if exchange.hang_up(channel) => success(action, "Channel Hungup"),
        Some(_) => error(action, "No such channel"),
    }
}

/// `"Name" <number>`, `Name <number>`, or a number alone.
fn caller_id(text: &str) -> (String, String) {
    match text.split_once('<') {
        Some((name, number)) => (
            number.trim_end_matches(['>', ' ']).to_owned(),
            name.trim().trim_matches('"').to_owned(),
        ),
        None => (text.trim().to_owned(), String::new()),
    }
}

/// Numbers that end in these digits behave as the SIP status says.
fn course(number: &str) -> Course {
    match number.get(number.len().saturating_sub(3)..) {
        Some("480") => Course::NotLifted,
        Some("486") => Course::FarBusy,
        _ => Course::Answered,
    }
}

fn originate(exchange: &mut Exchange, action: &Action) -> Vec<u8> {
    let Some(channel) = action.get("Channel").filter(|it| !it.is_empty()) else {
        return error(action, "Channel not specified");
    };
    let Some((technology, device)) = channel.split_once('/') else {
        return error(action, "Invalid channel");
    };
    let exten = action.get("Exten").unwrap_or_default().to_owned();
    let dialable = exten.len() >= 6 || exchange.settings.company.person(&exten).is_some();
    if !dialable || !exten.bytes().all(|it| it.is_ascii_digit() || it == b'+') {
        return error(action, "Extension does not exist.");
    }
    if !action.get("Async").is_some_and(|it| it.eq_ignore_ascii_case("true")) {
        // The real one would keep this client waiting until the phone is answered.
        return error(action, "Originate failed");
    }
    let (extension, context) = match device.split_once('@') {
        // What stands behind a slash are options.
        Some((extension, rest)) => (extension, rest.split('/').next()),
        None => (device, None),
    };
    let other_id = action.get("OtherChannelId").map(str::to_owned);
    let local = context.filter(|_| technology == "Local");
    let request = Request {
        local: local.map(|it| Local { context: it.to_owned(), other_id }),
        action_id: action.get("ActionID").map(str::to_owned),
        channel_id: action.get("ChannelId").map(str::to_owned),
        caller: caller_id(action.get("CallerID").unwrap_or_default()),
        course: course(&exten),
    };
    let person = exchange.settings.company.person(extension).cloned();
    match person.filter(|_| matches!(technology, "PJSIP" | "Local")) {
        Some(person) => place(exchange, person, exten, request),
        None => {
            let event = refused(&request, channel, &exten);
            exchange.broadcast(Classes::CALL, &event.into(), None);
        }
    }
    success(action, "Originate successfully queued")
}

fn place(exchange: &mut Exchange, person: Person, number: String, request: Request) {
    let company = &exchange.settings.company;
    let (trunk, queue) = (company.trunk.clone(), Some(company.queue.clone()));
    let dialling = exchange.settings.dialling;
    let random = &mut exchange.random;
    let mut between = |(low, high)| random.between(low, high);
    let durations = Durations {
        ring_ms: between(dialling.lifts_ms),
        hold_ms: between(dialling.answers_ms),
        talk_ms: between(dialling.talks_ms),
        after_ms: 0,
    };
    let seed = random.bits();
    exchange.place(Plan {
        kind: Kind::ClickToDial,
        far: Caller { number: number.clone(), name: None },
        people: vec![person],
        answers: 0,
        dialled: number,
        trunk,
        queue,
        label: None,
        durations,
        hangs_up: HangsUp::Callee,
        start_us: exchange.now_us(),
        numbering: Numbering::default(),
        seed,
        request: Some(request),
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn caller_ids_are_read_in_all_their_forms() {
        let both = ("0612345678".to_owned(), "Rossi".to_owned());
        assert_eq!(caller_id("\"Rossi\" <0612345678>"), both);
        assert_eq!(caller_id("Rossi <0612345678>"), both);
        assert_eq!(caller_id("201"), ("201".to_owned(), String::new()));
    }

    #[test]
    fn the_last_digits_of_a_number_decide_how_it_goes() {
        assert_eq!(course("0612345486"), Course::FarBusy);
        assert_eq!(course("0612345480"), Course::NotLifted);
        assert_eq!(course("06"), Course::Answered);
    }
}
