//! The names of things that are stored. All are opaque texts to everybody else.

use std::{fmt, sync::Arc};

use serde::{Deserialize, Serialize};

macro_rules! ids {
    ($($(#[doc = $doc:literal])+ $name:ident;)*) => {$(
        $(#[doc = $doc])+
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The id as it stands in addresses and documents.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> $name {
                $name(text.into())
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> $name {
                $name(text.into())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}

ids! {
    /// A configured phone system.
    PbxId;
    /// A configured destination.
    IntegrationId;
    /// One event on its way to one integration.
    DeliveryId;
    /// A person who may log in.
    UserId;
    /// A key of the API.
    KeyId;
}

/// An organisation: the owner of everything else.
///
/// There is no public way to make one out of a text. The store gives it out with the record that
/// proves the right to it: a session, an API key, a user who is to be checked against a password,
/// or the stored record of a link. Whoever holds an `OrgId` has been through one of those.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OrgId {
    /// Takes the upper bits of the organisation's keys; see [`crate::key`].
    number: u16,
    id: Arc<str>,
}

impl OrgId {
    /// Only rows of the store become an `OrgId`.
    pub(crate) fn of_row(number: u16, id: &str) -> OrgId {
        OrgId { number, id: id.into() }
    }

    /// The id as it stands in events.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.id
    }

    /// The id, shared; see [`call::Event::organisation`].
    #[must_use]
    pub fn shared(&self) -> Arc<str> {
        Arc::clone(&self.id)
    }

    pub(crate) fn number(&self) -> u16 {
        self.number
    }
}

impl fmt::Display for OrgId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.id)
    }
}
