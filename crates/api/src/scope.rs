//! What a key may do.

use std::{fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

macro_rules! scopes {
    ($($variant:ident = $name:literal, $doc:literal;)*) => {
        /// One right of an API key, by its public name.
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
            JsonSchema,
        )]
        pub enum Scope {
            $(#[doc = $doc] #[serde(rename = $name)] $variant,)*
        }

        impl Scope {
            /// All of them, in the order of the contract.
            pub const ALL: &[Scope] = &[$(Scope::$variant,)*];

            /// The public name, such as `calls:read`.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Scope::$variant => $name,)* }
            }
        }
    };
}

scopes! {
    Admin = "admin", "Everything in its organisation.";
    CallsRead = "calls:read", "Reads calls and their timelines.";
    EventsRead = "events:read", "Follows the live events.";
    RecordingsRead = "recordings:read", "Listens to recordings.";
    Dial = "dial", "Dials by click.";
    ContactsRead = "contacts:read", "Reads contacts.";
    ContactsWrite = "contacts:write", "Changes contacts.";
    IntegrationsRead = "integrations:read", "Reads integrations and deliveries.";
    IntegrationsWrite = "integrations:write", "Changes integrations, replays deliveries.";
    DirectoryWrite = "directory:write", "Changes address books.";
    CampaignsWrite = "campaigns:write", "Changes campaigns.";
    AuditRead = "audit:read", "Reads the audit log.";
    MetricsRead = "metrics:read", "Reads the metrics.";
}

/// A name that is no scope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownScope(pub String);

impl fmt::Display for UnknownScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is no scope", self.0)
    }
}

impl std::error::Error for UnknownScope {}

impl FromStr for Scope {
    type Err = UnknownScope;

    fn from_str(text: &str) -> Result<Scope, UnknownScope> {
        let found = Scope::ALL.iter().find(|it| it.name() == text);
        found.copied().ok_or_else(|| UnknownScope(text.to_owned()))
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
