//! What is configured: phone systems, integrations, groups. The store does not know what their
//! settings mean.

use call::UnixMs;
use serde_json::Value;

use crate::{
    IntegrationId, OrgId, Result, SaveError, Store, accounts,
    db::{Db, Row, values},
    writer::Targets,
};

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

impl Shelf {
    /// As it is stored.
    fn name(self) -> &'static str {
        match self {
            Shelf::Pbx => "pbx",
            Shelf::Integration => "integration",
            Shelf::Group => "group",
        }
    }
}

impl Store {
    /// All entries of a shelf, by name.
    pub async fn entries(&self, organisation: &OrgId, shelf: Shelf) -> Result<Vec<Entry>> {
        let number = i64::from(organisation.number());
        let read = move |db: &mut Db| {
            let sql = select("entry.organisation = $1 AND entry.shelf = $2 ORDER BY entry.name");
            db.all(&sql, values![number, shelf.name()], read_entry)
        };
        self.inner.readers.read(read).await
    }

    /// The entries of a shelf of every organisation: what the hub starts with.
    pub async fn entries_of_all(&self, shelf: Shelf) -> Result<Vec<(OrgId, Entry)>> {
        let read = move |db: &mut Db| {
            let sql = select("entry.shelf = $1 ORDER BY entry.organisation, entry.name");
            db.all(&sql, values![shelf.name()], |row| {
                Ok((accounts::org_of(row, 8)?, read_entry(row)?))
            })
        };
        self.inner.readers.read(read).await
    }

    /// One entry by its id.
    pub async fn entry(
        &self,
        organisation: &OrgId,
        shelf: Shelf,
        id: &str,
    ) -> Result<Option<Entry>> {
        let (number, id) = (i64::from(organisation.number()), id.to_owned());
        self.inner.readers.read(move |db| by_id(db, number, shelf, &id)).await
    }

    /// One entry by its name.
    pub async fn entry_named(
        &self,
        organisation: &OrgId,
        shelf: Shelf,
        name: &str,
    ) -> Result<Option<Entry>> {
        let (number, name) = (i64::from(organisation.number()), name.to_owned());
        self.inner.readers.read(move |db| by_name(db, number, shelf, &name)).await
    }

    /// Carries out all changes or none. Gives the entries as stored, one for each change: a
    /// deleted one as it was.
    ///
    /// # Errors
    ///
    /// See [`SaveError`]; nothing is changed then.
    pub async fn change_config(
        &self,
        organisation: &OrgId,
        changes: Vec<ConfigChange>,
    ) -> Result<Vec<Entry>, SaveError> {
        let creates = changes.iter().filter(|it| matches!(it, ConfigChange::Create(..))).count();
        let ids: Vec<String> = (0..creates).map(|_| self.new_id()).collect();
        let targets = std::sync::Arc::clone(&self.inner.targets);
        let (organisation, now) = (organisation.clone(), self.now());
        let deleted = deleted_integrations(&changes);
        let change = move |db: &mut Db| {
            let mut change = Change { db, organisation: &organisation, now, targets: &targets };
            let mut ids = ids.into_iter();
            let done = changes.into_iter().map(|it| change.carry_out(it, &mut ids));
            done.collect::<Result<Vec<Entry>, SaveError>>()
        };
        let done = self.inner.writer.change(change).await?;
        for id in deleted {
            self.cancel_pending(id).await?;
        }
        Ok(done)
    }

    /// Nothing is owed to a deleted integration. In steps, so that events go on being stored.
    async fn cancel_pending(&self, integration: IntegrationId) -> Result<()> {
        self.inner.targets.forget(&integration);
        loop {
            let id = integration.clone();
            let write = move |db: &mut Db| {
                let sql = "UPDATE deliveries SET status = 3, due_at = NULL \
                           WHERE status = 0 AND (event, target) IN (\
                           SELECT d.event, d.target FROM delivery_targets AS t \
                           JOIN deliveries AS d ON d.target = t.number AND d.status = 0 \
                           WHERE t.id = $1 LIMIT 2000)";
                db.execute(sql, values![id.as_str()])
            };
            if self.inner.writer.write(write).await? == 0 {
                return Ok(());
            }
        }
    }
}

fn deleted_integrations(changes: &[ConfigChange]) -> Vec<IntegrationId> {
    let deleted = changes.iter().filter_map(|it| match it {
        ConfigChange::Delete { shelf: Shelf::Integration, id } => Some(id.as_str().into()),
        _ => None,
    });
    deleted.collect()
}

/// Changes under way, in one transaction.
struct Change<'a> {
    db: &'a mut Db,
    organisation: &'a OrgId,
    now: UnixMs,
    targets: &'a Targets,
}

impl Change<'_> {
    fn carry_out(
        &mut self,
        change: ConfigChange,
        ids: &mut impl Iterator<Item = String>,
    ) -> Result<Entry, SaveError> {
        match change {
            ConfigChange::Create(shelf, draft) => {
                self.create(shelf, draft, ids.next().unwrap_or_default())
            }
            ConfigChange::Update { shelf, id, draft, revision } => {
                self.update(shelf, &id, draft, revision)
            }
            ConfigChange::Delete { shelf, id } => self.delete(shelf, &id),
        }
    }

    fn number(&self) -> i64 {
        self.organisation.number().into()
    }

    fn create(&mut self, shelf: Shelf, draft: Draft, id: String) -> Result<Entry, SaveError> {
        if by_name(self.db, self.number(), shelf, &draft.name)?.is_some() {
            return Err(SaveError::NameTaken(draft.name));
        }
        let entry = Entry {
            id,
            name: draft.name,
            kind: draft.kind,
            settings: draft.settings,
            enabled: draft.enabled,
            revision: 1,
            created_at: self.now,
            updated_at: self.now,
        };
        let sql = "INSERT INTO config_entries (organisation, shelf, id, name, kind, settings, \
                   enabled, revision, created_at, updated_at) \
                   VALUES ($1, $2, $3, $4, $5, $6, $7, 1, $8, $8)";
        let settings = entry.settings.to_string();
        let values = values![
            self.number(),
            shelf.name(),
            &entry.id,
            &entry.name,
            &entry.kind,
            &settings,
            entry.enabled,
            self.now
        ];
        self.db.execute(sql, values)?;
        if shelf == Shelf::Integration {
            self.number_target(&entry.id)?;
        }
        Ok(entry)
    }

    /// Gives an integration the small number by which deliveries know it.
    fn number_target(&mut self, id: &str) -> Result<()> {
        let sql = "INSERT INTO delivery_targets (number, organisation, id) \
                   SELECT coalesce(max(number), 0) + 1, $1, $2 FROM delivery_targets \
                   RETURNING number";
        let target = self.db.one(sql, values![self.number(), id], |row| row.int(0))?;
        // If the transaction fails after this, the number leads to no integration: harmless.
        if let Some(target) = target {
            self.targets.put(id.into(), target);
        }
        Ok(())
    }

    fn update(
        &mut self,
        shelf: Shelf,
        id: &str,
        draft: Draft,
        revision: Option<i64>,
    ) -> Result<Entry, SaveError> {
        let number = self.number();
        let old = by_id(self.db, number, shelf, id)?
            .ok_or_else(|| SaveError::NotFound(draft.name.clone()))?;
        if revision.is_some_and(|it| it != old.revision) {
            return Err(SaveError::Changed { current: old.revision });
        }
        if by_name(self.db, number, shelf, &draft.name)?.is_some_and(|it| it.id != id) {
            return Err(SaveError::NameTaken(draft.name));
        }
        let entry = Entry {
            name: draft.name,
            kind: draft.kind,
            settings: draft.settings,
            enabled: draft.enabled,
            revision: old.revision + 1,
            updated_at: self.now,
            ..old
        };
        let sql = "UPDATE config_entries SET name = $4, kind = $5, settings = $6, enabled = $7, \
                   revision = $8, updated_at = $9 \
                   WHERE organisation = $1 AND shelf = $2 AND id = $3";
        let settings = entry.settings.to_string();
        let values = values![
            number,
            shelf.name(),
            id,
            &entry.name,
            &entry.kind,
            &settings,
            entry.enabled,
            entry.revision,
            entry.updated_at
        ];
        self.db.execute(sql, values)?;
        Ok(entry)
    }

    fn delete(&mut self, shelf: Shelf, id: &str) -> Result<Entry, SaveError> {
        let number = self.number();
        let entry =
            by_id(self.db, number, shelf, id)?.ok_or_else(|| SaveError::NotFound(id.to_owned()))?;
        let sql = "DELETE FROM config_entries WHERE organisation = $1 AND shelf = $2 AND id = $3";
        self.db.execute(sql, values![number, shelf.name(), id])?;
        Ok(entry)
    }
}

fn select(condition: &str) -> String {
    format!(
        "SELECT entry.id, entry.name, entry.kind, entry.settings, entry.enabled, \
         entry.revision, entry.created_at, entry.updated_at, o.number, o.id \
         FROM config_entries AS entry JOIN organisations AS o ON o.number = entry.organisation \
         WHERE {condition}"
    )
}

fn by_id(db: &mut Db, organisation: i64, shelf: Shelf, id: &str) -> Result<Option<Entry>> {
    let sql = select("entry.organisation = $1 AND entry.shelf = $2 AND entry.id = $3");
    db.one(&sql, values![organisation, shelf.name(), id], read_entry)
}

fn by_name(db: &mut Db, organisation: i64, shelf: Shelf, name: &str) -> Result<Option<Entry>> {
    let sql = select("entry.organisation = $1 AND entry.shelf = $2 AND entry.name = $3");
    db.one(&sql, values![organisation, shelf.name(), name], read_entry)
}

fn read_entry(row: &Row<'_>) -> Result<Entry> {
    Ok(Entry {
        id: row.text(0)?.to_owned(),
        name: row.text(1)?.to_owned(),
        kind: row.text(2)?.to_owned(),
        settings: row.json(3)?,
        enabled: row.int(4)? == 1,
        revision: row.int(5)?,
        created_at: UnixMs(row.int(6)?),
        updated_at: UnixMs(row.int(7)?),
    })
}
