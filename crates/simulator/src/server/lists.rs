//! Lists and states that clients ask for: channels, bridges, settings.

use super::{actions::response, exchange::Exchange, lines::Action};
use crate::script::{Bridge, Channel, clock_time, number, pair};

/// What it calls itself. The version tells people that it is not a real one.
pub(super) const BANNER: &[u8] = b"Asterisk Call Manager/11.0.0\r\n";
const AMI_VERSION: &str = "11.0.0";
const ASTERISK_VERSION: &str = "22.10.1-simulated";

/// Writes one list: the response, an event for each item, and the end.
struct List<'a> {
    action: &'a Action,
    out: Vec<u8>,
    items: i64,
}

impl<'a> List<'a> {
    fn start(action: &'a Action, message: &str) -> List<'a> {
        let headers = [("EventList", "start"), ("Message", message)];
        List { action, out: response(action, "Success", &headers), items: 0 }
    }

    fn action_id(&mut self) {
        if let Some(id) = self.action.get("ActionID") {
            pair(&mut self.out, "ActionID", id);
        }
    }

    fn end(mut self, event: &str, extra: Option<&str>) -> Vec<u8> {
        pair(&mut self.out, "Event", event);
        self.action_id();
        pair(&mut self.out, "EventList", "Complete");
        number(&mut self.out, "ListItems", self.items);
        if let Some(key) = extra {
            number(&mut self.out, key, self.items);
        }
        self.out.extend_from_slice(b"\r\n");
        self.out
    }
}

/// `CoreShowChannels`, or `Status` with all that it adds.
pub(super) fn channels(exchange: &Exchange, action: &Action, status: bool) -> Vec<u8> {
    let now_us = exchange.now_us();
    let one = action.get("Channel").filter(|it| status && !it.is_empty());
    let message = if status { "Channel status will follow" } else { "Channels will follow" };
    let mut list = List::start(action, message);
    for (start_us, channels, bridges) in exchange.snapshot() {
        for channel in channels.iter().filter(|it| one.is_none_or(|name| name == it.name)) {
            let created_us = start_us + i64::from(channel.created_ms) * 1000;
            let seconds = (now_us - created_us).max(0) / 1_000_000;
            let bridge = channel.bridge.map_or("", |it| bridges[it].uniqueid.as_str());
            if status {
                status_item(&mut list, channel, bridge, seconds);
            } else {
                core_item(&mut list, channel, bridge, seconds);
            }
            list.items += 1;
        }
    }
    if one.is_some() && list.items == 0 {
        return response(action, "Error", &[("Message", "No such channel")]);
    }
    if status {
        list.end("StatusComplete", Some("Items"))
    } else {
        list.end("CoreShowChannelsComplete", None)
    }
}

fn core_item(list: &mut List<'_>, channel: &Channel, bridge: &str, seconds: i64) {
    pair(&mut list.out, "Event", "CoreShowChannel");
    list.action_id();
    let out = &mut list.out;
    channel.write(out, "");
    pair(out, "Application", channel.application.0);
    pair(out, "ApplicationData", &channel.application.1);
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    pair(out, "Duration", &format!("{hours:02}:{minutes:02}:{:02}", seconds % 60));
    pair(out, "BridgeId", bridge);
    out.extend_from_slice(b"\r\n");
}

fn status_item(list: &mut List<'_>, channel: &Channel, bridge: &str, seconds: i64) {
    let out = &mut list.out;
    pair(out, "Event", "Status");
    pair(out, "Privilege", "Call");
    channel.write(out, "");
    pair(out, "Type", channel.name.split('/').next().unwrap_or_default());
    pair(out, "DNID", &channel.dnid);
    let or_unknown =
        |text: &str| if text.is_empty() { "<unknown>".to_owned() } else { text.to_owned() };
    pair(out, "EffectiveConnectedLineNum", &or_unknown(&channel.connected.number));
    pair(out, "EffectiveConnectedLineName", &or_unknown(&channel.connected.name));
    pair(out, "TimeToHangup", "0");
    pair(out, "BridgeID", bridge);
    pair(out, "Application", channel.application.0);
    pair(out, "Data", &channel.application.1);
    pair(out, "Nativeformats", "(ulaw)");
    pair(out, "Readformat", "ulaw");
    pair(out, "Readtrans", "");
    pair(out, "Writeformat", "ulaw");
    pair(out, "Writetrans", "");
    pair(out, "Callgroup", "0");
    pair(out, "Pickupgroup", "0");
    number(out, "Seconds", seconds);
    list.action_id();
    list.out.extend_from_slice(b"\r\n");
}

/// `BridgeList`.
pub(super) fn bridges(exchange: &Exchange, action: &Action) -> Vec<u8> {
    let mut list = List::start(action, "Bridge listing will follow");
    let live = |it: &&Bridge| !it.gone;
    for (_, _, bridges) in exchange.snapshot() {
        for bridge in bridges.iter().filter(live) {
            pair(&mut list.out, "Event", "BridgeListItem");
            list.action_id();
            bridge.write(&mut list.out, "");
            list.out.extend_from_slice(b"\r\n");
            list.items += 1;
        }
    }
    list.end("BridgeListComplete", None)
}

/// `CoreSettings`.
pub(super) fn core_settings(action: &Action) -> Vec<u8> {
    let headers = [
        ("AMIversion", AMI_VERSION),
        ("AsteriskVersion", ASTERISK_VERSION),
        ("SystemName", ""),
        ("CoreMaxCalls", "0"),
        ("CoreMaxLoadAvg", "0.000000"),
        ("CoreRunUser", ""),
        ("CoreRunGroup", ""),
        ("CoreMaxFilehandles", "0"),
        ("CoreRealTimeEnabled", "No"),
        ("CoreCDRenabled", "Yes"),
        ("CoreHTTPenabled", "Yes"),
        ("SoundsSearchCustomDir", "No"),
    ];
    response(action, "Success", &headers)
}

/// `CoreStatus`.
pub(super) fn core_status(exchange: &Exchange, action: &Action) -> Vec<u8> {
    let started = clock_time(exchange.started_us() / 1000);
    let (date, time) = started.split_once(' ').unwrap_or_default();
    let calls = exchange.calls_in_progress().to_string();
    let processed = exchange.counts.placed.to_string();
    let headers = [
        ("CoreStartupDate", date),
        ("CoreStartupTime", time),
        ("CoreReloadDate", date),
        ("CoreReloadTime", time),
        ("CoreCurrentCalls", &calls),
        ("CoreProcessedCalls", &processed),
    ];
    response(action, "Success", &headers)
}

/// `Command`: nothing but the version.
pub(super) fn command(action: &Action) -> Vec<u8> {
    let command = action.get("Command").unwrap_or_default();
    let message = ("Message", "Command output follows");
    if command == "core show version" {
        let output = format!("Asterisk {ASTERISK_VERSION}");
        return response(action, "Success", &[message, ("Output", &output)]);
    }
    let output = format!(
        "No such command '{command}' (type 'core show help {command}' for other possible commands)"
    );
    response(action, "Error", &[message, ("Output", &output)])
}
