//! English.

use super::Plural;

macro_rules! texts {
    (plurals { $($plural:ident = [$($form:literal),+];)* } $($key:ident = $text:literal;)*) => {
        /// Every text of the pages in one language. `{names}` in braces are put in by `fill`.
        #[derive(Debug)]
        pub(crate) struct Texts {
            $(pub(crate) $plural: Plural,)*
            $(pub(crate) $key: &'static str,)*
        }

        /// English.
        pub(crate) static EN: Texts = Texts {
            $($plural: Plural { rule: one_or_many, forms: &[$($form),+] },)*
            $($key: $text,)*
        };
    };
}

fn one_or_many(n: u64) -> usize {
    usize::from(n != 1)
}

texts! {
    plurals {
        calls_now = ["{n} call now", "{n} calls now"];
        links_up = ["{n} link up", "All {n} links up"];
        links_down = ["{n} link down", "{n} links down"];
        failing = ["{n} integration failing", "{n} failing"];
        backlog = ["{n} waiting", "{n} waiting"];
        lost_backlog = [
            "What waits for it is lost: {n} delivery.",
            "What waits for it is lost: {n} deliveries."
        ];
        replayed = ["{n} delivery will be sent again.", "{n} deliveries will be sent again."];
        problems_found = ["{n} thing needs attention", "{n} things need attention"];
    }

    language = "en";

    // The frame.
    skip = "Skip to the content";
    main_navigation = "Main";
    nav_live = "Live";
    nav_calls = "Calls";
    nav_pbxes = "PBXes";
    nav_integrations = "Integrations";
    nav_deliveries = "Deliveries";
    nav_users = "Users";
    nav_keys = "API keys";
    nav_health = "Health";
    nav_profile = "Profile";
    account_menu = "Your account";
    hub_state = "State of the hub";
    open_search = "Search and dial";
    search_label = "Search calls by number or name";
    search_placeholder = "Search calls: number or name";
    search_short = "Number or name";
    dial_number = "Number to dial";
    dial_line = "Your extension";
    dial_line_label = "Outgoing line: the phone that rings first";
    dial_own = "My phone";
    dial_button = "Dial";
    dial_requested = "Your phone {extension} rings, then {number} is dialled.";
    no_links = "No PBX yet";
    theme_auto = "As the system";
    theme_light = "Light";
    theme_dark = "Dark";
    log_in = "Log in";
    log_out = "Log out";
    log_in_help = "An administrator makes accounts under Users, or with hookswitch user add.";
    keys_title = "Keyboard";
    key_search = "Search";
    key_dial = "Number to dial";
    key_help = "These keys";
    key_escape = "Leave a field, close this";
    close = "Close";
    copied = "Copied";
    copy = "Copy";
    request_failed = "The hub did not answer. It will be tried again.";
    session_over = "Your session is over: log in again.";
    all = "All";
    show = "Show";
    clear = "Clear filters";
    save = "Save";
    cancel = "Cancel";
    change = "Change";
    actions = "Actions";

    // Times.
    time_now = "just now";
    time_seconds = "{n} s ago";
    time_minutes = "{n} min ago";
    time_hours = "{n} h ago";
    time_days = "{n} d ago";
    time_in_seconds = "in {n} s";
    time_in_minutes = "in {n} min";

    // Words of many pages.
    name = "Name";
    kind = "Kind";
    state = "State";
    since = "Since";
    time = "Time";
    event = "Event";
    events = "Events";
    who = "Who";
    what = "What";
    detail = "Detail";
    subject = "Subject";
    created = "Created";
    yes = "yes";

    // Before the log-in.
    setup_title = "Welcome to Hookswitch";
    setup_text = "Make the first account. It is an administrator and can make all others.";
    setup_button = "Create account and log in";
    setup_gone_title = "This set-up link does not work";
    setup_gone_text = "It was used already, or a newer one was printed. If nobody has an account, restart the hub: it prints a new link. If you have an account, log in.";
    user_name = "User name";
    user_name_help = "An e-mail address, as a rule. Calls name their users by it.";
    full_name = "Full name";
    password = "Password";
    password_help = "At least 10 characters.";
    not_found_title = "There is no such page";
    not_found_text = "The address is wrong, or what it showed was removed.";
    forbidden_title = "This is for administrators";
    unavailable_title = "The hub cannot answer now";
    internal_title = "A fault of the hub";
    internal_text = "It is in the log of the hub with its cause. Load the page again; if it stays, report it with the lines of the log.";
    refused_title = "This cannot be done";
    form_expired = "This form was open for too long or belongs to another session. What you typed was not saved: go back, load the page again, and repeat it.";
    back_to_live = "To the live board";

    // Live.
    calls_now_one = "{n} call now";
    calls_now_many = "{n} calls now";
    group_by = "Group by";
    by_none = "Nothing";
    by_group = "Group";
    by_extension = "Extension";
    by_queue = "Queue";
    by_pbx = "PBX";
    without_group = "No group";
    without_extension = "Nobody yet";
    without_queue = "No queue";
    caller = "Caller";
    called = "Called";
    at_phone = "Phone";
    queue = "Queue";
    pbx = "PBX";
    live_lost = "The connection to the hub is lost; it will be tried again. What you see is from before:";
    live_quiet = "No calls now. They appear here by themselves.";
    no_pbx_agent = "No phone system is connected yet. An administrator can add one.";
    link_needs = "PBX {name}";
    integration_needs = "Integration {name}";

    // Calls.
    direction = "Direction";
    inbound = "Inbound";
    outbound = "Outbound";
    internal = "Internal";
    outcome = "Outcome";
    answered = "Answered";
    missed = "Missed";
    busy = "Busy";
    failed = "Failed";
    voicemail = "Voicemail";
    ringing = "Ringing";
    queued = "In queue";
    talking = "Talking";
    held = "On hold";
    ended = "Ended";
    extension = "Extension";
    number_either = "Number at either end";
    started_after = "Started after";
    started_before = "Started before";
    started = "Started";
    person = "With";
    rang_for = "Rang";
    talked_for = "Talked";
    unknown_number = "unknown";
    first_page = "Newest";
    older = "Older";
    list_end = "No older ones";
    no_calls_found = "No call fits these filters";
    no_calls_found_text = "Widen the time, or search for the end of the number without its prefix.";
    no_calls_title = "No calls yet";
    no_calls_text = "Every call of a connected PBX is kept here once it begins. Check that a link is up, then call from one phone to another.";
    time_not_understood = "cannot be read as a time; write it as 2026-11-20T14:30";

    // A call.
    timeline = "Timeline";
    timeline_label = "Timeline of the call, {length} long; the table below says the same";
    timeline_as_table = "As a table";
    no_timeline = "No events of this call are stored.";
    doing_waiting = "waits";
    doing_queued = "in queue";
    doing_ringing = "rings";
    doing_talking = "talks";
    doing_held = "on hold";
    from_time = "From";
    to_time = "To";
    length = "Length";
    facts = "Facts";
    after_start = "After start";
    estimated = "Estimated";
    estimated_help = "The hub met this call in the middle, or concluded its end after a gap in the link: times may be off.";
    fact_id = "Id";
    fact_raw = "As the PBX wrote it";
    fact_rang = "Rang at";
    fact_answered_by = "Answered by";
    fact_parties = "Talked";
    fact_user = "User";
    fact_transfers = "Transfers";
    fact_picked_up = "Picked up from";
    fact_forwarded = "Forwarded by";
    fact_parked = "Was parked";
    fact_started = "Started";
    fact_answered = "Answered";
    fact_ended = "Ended";
    fact_rang_for = "Rang for";
    fact_talked_for = "Talked for";
    fact_held_for = "On hold for";
    fact_ended_by = "Hung up by";
    fact_cause = "Cause (Q.850)";
    fact_dial = "Click-to-dial request";
    ended_by_caller = "the caller";
    ended_by_callee = "the called party";
    ended_by_pbx = "the PBX";
    transfer_blind = "blind, {from} to {to}";
    transfer_attended = "attended, {from} to {to}";
    call_no_deliveries = "No integration wanted an event of this call.";
    open_list = "Open as a list";
    attempts = "Attempts";
    last_answer = "Last answer";
    integration = "Integration";

    // PBXes.
    more_settings = "More settings";
    add_pbx = "Add a PBX";
    change_named = "Change {name}";
    no_pbx_title = "Connect your first PBX";
    no_pbx_text = "You need a manager user in Asterisk. Add the PBX here: its page then shows the exact lines for manager.conf to paste. When the link is up, make a call and watch it on the live board.";
    link = "Link";
    version = "Version";
    rate = "Events/s";
    understood = "Understood";
    odd = "Odd frames";
    last_error = "Last error";
    link_disabled = "Switched off";
    link_connecting = "Connecting";
    link_up = "Up";
    link_down = "Down";
    link_stopped = "Stopped";
    retry_at = "Next try";
    count_bytes = "Bytes read";
    count_frames = "Frames read";
    count_ignored = "Of no interest";
    count_malformed = "Not readable";
    count_suspicious = "Looked forged";
    count_dropped = "Left out (limits)";
    count_reconnects = "Reconnects";
    its_calls = "Its calls";
    setup_lines = "Set up on the PBX";
    setup_lines_text = "Put these lines into manager.conf on the PBX, then run: asterisk -rx 'manager reload'";
    setup_lines_none = "Nothing is to be done there for this kind.";
    remove_pbx = "Remove this PBX";
    remove_pbx_text = "The link is cut and its settings and secret are deleted. Its calls stay in the history. This cannot be undone.";
    type_name = "Type {name} to confirm";
    typed_differs = "This is not the name.";
    enabled = "Enabled";
    enabled_pbx_help = "When switched off, no link is kept and no calls are seen.";
    name_pbx_help = "A short name; calls and integrations refer to it.";
    secret_kept = "stored; leave empty to keep it";
    pbx_saved = "Saved. The link is made anew with these settings.";
    pbx_removed = "{name} was removed. Its calls stay in the history.";

    recorder = "Flight recorder";
    recorder_on = "Recording";
    recorder_off = "Off";
    recorder_text = "Keeps the last hours of raw bytes of this link, so that an odd call can be reproduced: unpack the archive and run hookswitch replay on it. It holds phone numbers and names; the log-in is left out.";
    recorder_hours = "Hours to keep (0 is off)";
    recorder_hours_wrong = "Give a whole number of hours, 0 to switch it off.";
    recorder_download = "Download";

    // Integrations.
    add_integration = "Add an integration";
    no_integrations_title = "Send your first event";
    no_integrations_text = "An integration is a destination for events: a URL of your CRM, help desk or script. Add one, look at the preview against a real call, and send a test.";
    health = "Health";
    health_disabled = "Switched off";
    health_idle = "Nothing sent yet";
    health_working = "Working";
    health_failing = "Failing";
    waiting = "Waiting";
    delivered = "Delivered";
    failed_attempts = "Failed attempts";
    last_success = "Last success";
    enabled_integration_help = "When switched off, events that happen are not kept for it.";
    preview = "Preview";
    preview_call = "Against the call";
    sample_call = "A sample call";
    first_event = "The first chosen";
    preview_text = "Shows the exact request as you type.";
    preview_errors = "Nothing can be rendered yet: see what is wrong beside the fields.";
    send_test = "Send a test";
    not_sent = "(not sent)";
    request = "Request";
    response = "Response";
    remove_integration = "Remove this integration";
    remove_integration_text = "Its settings and secrets are deleted, and nothing more is sent to it. This cannot be undone.";
    replay_dead = "Send all given-up deliveries again";
    replay_dead_text = "Every delivery to this integration that was given up is sent again, oldest first, in order per call. The other side sees the same ids as before.";
    integration_saved = "Saved. Events from now on are sent to it.";
    integration_removed = "{name} was removed.";

    // Deliveries.
    status_waiting = "Waiting";
    status_delivered = "Delivered";
    status_dead = "Given up";
    status_cancelled = "Cancelled";
    call_id = "Id of the call";
    call = "Call";
    open_call = "Open the call";
    no_deliveries_found = "No delivery fits these filters";
    no_deliveries_title = "No deliveries yet";
    no_deliveries_text = "Each event that an integration wants becomes a delivery, and stays here with every attempt. Add an integration, then make a call.";
    replay = "Send again";
    replay_help = "The other side sees the same id as before";
    replay_done = "It will be sent again.";
    attempt = "Attempt";
    no_attempts = "Not tried yet.";
    request_not_kept = "The request was not kept.";
    no_response = "There was no answer.";
    fact_event = "Event id";
    fact_created = "Stored";
    fact_next_attempt = "Next try";
    fact_attempted = "Last attempt ended";
    fact_attempts = "Attempts made";

    // People, keys, the hub.
    role = "Role";
    role_help = "Agents see calls, follow the board and dial. Administrators change everything.";
    role_agent = "Agent";
    role_administrator = "Administrator";
    may_log_in = "May log in";
    account_off = "Switched off";
    account_on = "Active";
    account_no_password = "No password";
    add_user = "Add a user";
    remove_user = "Remove this user";
    user_added = "{name} was added.";
    user_changed = "Saved. A new password ends the sessions of this user.";
    user_removed = "The user was removed and every session ended.";
    no_keys_title = "No API keys";
    no_keys_text = "Scripts and programs use a key instead of a password. Give each its own, with the fewest scopes it needs.";
    scopes = "Scopes";
    add_key = "Create a key";
    new_key_text = "This is the new key. It is shown this once: copy it now.";
    revoke = "Revoke";
    revoke_text = "Whatever uses this key stops working at once. This cannot be undone.";
    revoke_named = "Revoke {name}";
    key_revoked = "The key was revoked.";
    check_again = "Check again";
    all_well = "All is well";
    finding = "Finding";
    severity_ok = "OK";
    severity_warning = "Look";
    severity_error = "Broken";
    settings = "Settings";
    settings_saved = "Saved.";
    organisation_name = "Name of the organisation";
    configuration = "Configuration";
    configuration_text = "All of it as one file for hookswitch apply, with secrets as references.";
    export_configuration = "Export as TOML";
    api_docs = "API documentation";
    audit = "Audit log";
    no_audit = "Nothing was changed yet.";
    old_password = "Password now";
    new_password = "New password";
    change_password = "Change password";
}
