//! What every page shows around its content: who is logged in, the state of the hub, the dial box.

use std::ops::Deref;

use axum::http::HeaderMap;
use call::UnixMs;
use jiff::tz::TimeZone;

use crate::{
    show::Times,
    texts::{EN, Texts},
};

/// What a fragment needs besides its content: texts, times, and the token of its forms.
#[derive(Debug, Clone)]
pub(crate) struct Context {
    /// Texts in the person's language.
    pub(crate) t: &'static Texts,
    /// Times in the person's zone.
    pub(crate) times: Times,
    /// Proves that a form was rendered for this session; empty on the pages before the log-in.
    pub(crate) csrf: String,
    /// Whether the person may change the configuration.
    pub(crate) admin: bool,
}

impl Deref for Context {
    type Target = Times;

    fn deref(&self) -> &Times {
        &self.times
    }
}

impl Context {
    /// What the request tells of the person's zone; the script has put it into a cookie.
    pub(crate) fn of(headers: &HeaderMap, now: UnixMs, csrf: String, admin: bool) -> Context {
        let zone = cookie(headers, ZONE_COOKIE)
            .and_then(|it| TimeZone::get(&it.replace("%2F", "/")).ok())
            .unwrap_or_else(TimeZone::system);
        Context { t: &EN, times: Times { now, zone, t: &EN }, csrf, admin }
    }
}

/// Holds the name of the person's time zone, as in `Europe/Rome`. Set by `hookswitch.js`.
pub(crate) const ZONE_COOKIE: &str = "hs_zone";
/// Holds `light` or `dark` when the person chose one.
pub(crate) const THEME_COOKIE: &str = "hs_theme";

/// The value of a cookie.
pub(crate) fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers
        .get_all(axum::http::header::COOKIE)
        .iter()
        .filter_map(|it| it.to_str().ok())
        .flat_map(|it| it.split(';'))
        .find_map(|it| it.trim().strip_prefix(name)?.strip_prefix('='))
}

/// Light, dark, or as the browser wishes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Theme {
    /// As the browser wishes.
    Auto,
    /// Dark on light.
    Light,
    /// Light on dark.
    Dark,
}

impl Theme {
    /// What the cookie says.
    pub(crate) fn of(headers: &HeaderMap) -> Theme {
        Theme::named(cookie(headers, THEME_COOKIE).unwrap_or_default())
    }

    /// The theme of this name; any other name is `auto`.
    pub(crate) fn named(name: &str) -> Theme {
        match name {
            "light" => Theme::Light,
            "dark" => Theme::Dark,
            _ => Theme::Auto,
        }
    }

    /// As the cookie holds it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Theme::Auto => "auto",
            Theme::Light => "light",
            Theme::Dark => "dark",
        }
    }
}

/// The parts of the navigation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Section {
    /// Calls in progress.
    Live,
    /// The history.
    Calls,
    /// Phone systems.
    Pbxes,
    /// Destinations.
    Integrations,
    /// Events on their way.
    Deliveries,
    /// People.
    Users,
    /// API keys.
    Keys,
    /// The hub itself.
    Health,
    /// One's own account, and everything else.
    Other,
}

/// One line of the navigation.
pub(crate) struct NavItem {
    /// Which part.
    pub(crate) section: Section,
    /// Where it is.
    pub(crate) href: &'static str,
    /// Its picture.
    pub(crate) icon: &'static str,
    /// Its name.
    pub(crate) label: &'static str,
}

/// The state of the hub in the header.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct HubState {
    /// Links that should be up.
    pub(crate) links: u64,
    /// Those of them that are not.
    pub(crate) links_down: u64,
    /// Integrations whose last attempt failed.
    pub(crate) failing: u64,
    /// Deliveries that wait.
    pub(crate) backlog: u64,
}

/// Everything around the content of a page.
pub(crate) struct Page {
    /// Texts and times.
    pub(crate) context: Context,
    /// The title of the browser's tab.
    pub(crate) title: String,
    /// Where the page belongs.
    pub(crate) section: Section,
    /// Light or dark.
    pub(crate) theme: Theme,
    /// Name of the person; `None` before the log-in: then the page has no header.
    pub(crate) me: Option<String>,
    /// The state of the hub; `None` for people who may not see it.
    pub(crate) hub: Option<HubState>,
    /// The lines to dial from: what the field offers.
    pub(crate) lines: Vec<DialLine>,
    /// What was searched for, shown in the search field.
    pub(crate) q: String,
    /// Something that the person must know now: what the last action did.
    pub(crate) notice: Option<Notice>,
}

/// An outgoing line that the dial box offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum DialLine {
    /// Whatever phone the person has.
    Own,
    /// A seat in a telephony group.
    Seat {
        /// The extension that rings first.
        extension: String,
        /// Name of the group.
        group: String,
    },
}

impl DialLine {
    /// The value of the option: the extension, and the group after a slash.
    pub(crate) fn value(&self) -> String {
        match self {
            DialLine::Own => String::new(),
            DialLine::Seat { extension, group } => format!("{extension}/{group}"),
        }
    }

    /// What people read.
    pub(crate) fn label(&self, t: &Texts) -> String {
        match self {
            DialLine::Own => t.dial_own.to_owned(),
            DialLine::Seat { extension, group } => format!("{extension} · {group}"),
        }
    }
}

/// A message at the top of a page, or in place of a fragment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Notice {
    /// `good`, `bad`, `warn` or `info`.
    pub(crate) tone: &'static str,
    /// In plain words.
    pub(crate) text: String,
}

impl Notice {
    /// Something worked.
    pub(crate) fn good(text: impl Into<String>) -> Notice {
        Notice { tone: "good", text: text.into() }
    }

    /// Something did not work.
    pub(crate) fn bad(text: impl Into<String>) -> Notice {
        Notice { tone: "bad", text: text.into() }
    }

    /// The picture beside the text.
    pub(crate) fn icon(&self) -> &'static str {
        match self.tone {
            "good" => "circle-check",
            "info" => "info-circle",
            _ => "alert-triangle",
        }
    }
}

impl Deref for Page {
    type Target = Context;

    fn deref(&self) -> &Context {
        &self.context
    }
}

impl Page {
    /// The same page with another title.
    pub(crate) fn titled(mut self, title: impl Into<String>) -> Page {
        self.title = title.into();
        self
    }

    /// The parts of the navigation that this person may see.
    pub(crate) fn nav(&self) -> Vec<NavItem> {
        let t = self.t;
        let item = |section, href, icon, label| NavItem { section, href, icon, label };
        let mut items = vec![
            item(Section::Live, "/live", "broadcast", t.nav_live),
            item(Section::Calls, "/calls", "list", t.nav_calls),
        ];
        if self.admin {
            items.extend([
                item(Section::Pbxes, "/pbxes", "phone", t.nav_pbxes),
                item(Section::Integrations, "/integrations", "plug-connected", t.nav_integrations),
                item(Section::Deliveries, "/deliveries", "send", t.nav_deliveries),
                item(Section::Users, "/users", "users", t.nav_users),
                item(Section::Keys, "/keys", "key", t.nav_keys),
                item(Section::Health, "/health", "heartbeat", t.nav_health),
            ]);
        }
        items
    }

    /// Addresses of the stylesheets, scripts and the icon.
    pub(crate) fn asset(&self, name: &str) -> &'static str {
        use crate::assets::{
            FAVICON_SVG, HOOKSWITCH_CSS, HOOKSWITCH_JS, HTMX_JS, LIVE_JS, TABLER_CSS, THEME_JS,
        };
        match name {
            "tabler" => TABLER_CSS.address,
            "style" => HOOKSWITCH_CSS.address,
            "htmx" => HTMX_JS.address,
            "script" => HOOKSWITCH_JS.address,
            "live" => LIVE_JS.address,
            "theme" => THEME_JS.address,
            _ => FAVICON_SVG.address,
        }
    }
}
