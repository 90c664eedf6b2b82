//! What is configured: phone systems, integrations, groups. The store does not know what their
//! settings mean.

use call::UnixMs;
use serde_json::Value;

use crate::{OrgId, Result, SaveError, Store, unbuilt};

/// The sorts of configured things. A name is unique within its shelf and organisation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Shelf {
    /// Phone systems.
    Pbx,
    /// Destinations.
    Integration,
    /// Telephony groups.
    Group,
}

/// One configured thing.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Made by the store; sorts by creation. Becomes a [`crate::PbxId`] or a
    /// [`crate::IntegrationId`].
    pub id: String,
    /// Unique, and what people call it by.
    pub name: String,
    /// The adapter or connector that it uses, such as `asterisk` or `http`; empty for groups.
    pub kind: String,
    /// What the adapter or connector is told.
    pub settings: Value,
    /// Whether it is in use.
    pub enabled: bool,
    /// Counts the changes from 1.
    pub revision: i64,
    /// When it was made.
    pub created_at: UnixMs,
    /// When it was last changed.
    pub updated_at: UnixMs,
}

/// What is saved of a configured thing.
#[derive(Debug, Clone, PartialEq)]
pub struct Draft {
    /// Unique, and what people call it by.
    pub name: String,
    /// The adapter or connector that it uses.
    pub kind: String,
    /// What the adapter or connector is told.
    pub settings: Value,
    /// Whether it is in use.
    pub enabled: bool,
}

/// One change of the configuration.
#[derive(Debug, Clone, PartialEq)]
pub enum ConfigChange {
    /// Makes a new entry.
    Create(Shelf, Draft),
    /// Replaces what is saved of an entry.
    Update {
        /// Where it is.
        shelf: Shelf,
        /// Its id.
        id: String,
        /// What is saved.
        draft: Draft,
        /// Refused with [`SaveError::Changed`] if another revision is stored.
        revision: Option<i64>,
    },
    /// Deletes an entry. Deliveries of an integration that were still to be made are cancelled.
    Delete {
        /// Where it is.
        shelf: Shelf,
        /// Its id.
        id: String,
    },
}

impl Store {
    /// All entries of a shelf, by name.
    pub async fn entries(&self, organisation: &OrgId, shelf: Shelf) -> Result<Vec<Entry>> {
        Err(unbuilt(&(organisation, shelf)))
    }

    /// The entries of a shelf of every organisation: what the hub starts with.
    pub async fn entries_of_all(&self, shelf: Shelf) -> Result<Vec<(OrgId, Entry)>> {
        Err(unbuilt(&shelf))
    }

    /// One entry by its id.
    pub async fn entry(
        &self,
        organisation: &OrgId,
        shelf: Shelf,
        id: &str,
    ) -> Result<Option<Entry>> {
        Err(unbuilt(&(organisation, shelf, id)))
    }

    /// One entry by its name.
    pub async fn entry_named(
        &self,
        organisation: &OrgId,
        shelf: Shelf,
        name: &str,
    ) -> Result<Option<Entry>> {
        Err(unbuilt(&(organisation, shelf, name)))
    }

    /// Carries out all changes or none. Gives the entries as stored, one for each change: a
    /// deleted one as it was.
    pub async fn change_config(
        &self,
        organisation: &OrgId,
        changes: Vec<ConfigChange>,
    ) -> Result<Vec<Entry>, SaveError> {
        Err(unbuilt(&(organisation, changes)).into())
    }
}
