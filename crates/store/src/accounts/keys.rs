//! Keys of the API.

use call::UnixMs;

use super::{ApiKey, OrgId, org_of, proofs::Proof};
use crate::{
    KeyId, Result, SaveError, Store,
    db::{Db, Row, values},
};

/// How exactly the last use of a key is noted, in milliseconds: a busy key must not write each
/// time.
const LAST_USED_MS: i64 = 60_000;
const COLUMNS: &str = "k.id, k.name, k.scopes, k.created_at, k.last_used_at, k.expires_at";

impl Store {
    /// All keys, by name.
    pub async fn api_keys(&self, organisation: &OrgId) -> Result<Vec<ApiKey>> {
        let number = i64::from(organisation.number());
        let read = move |db: &mut Db| {
            let sql = format!(
                "SELECT {COLUMNS} FROM api_keys AS k WHERE k.organisation = $1 ORDER BY k.name"
            );
            db.all(&sql, values![number], read_key)
        };
        self.inner.readers.read(read).await
    }

    /// Makes a key. `hash` is of the secret that its holder shows.
    ///
    /// # Errors
    ///
    /// [`SaveError::NameTaken`].
    pub async fn create_api_key(
        &self,
        organisation: &OrgId,
        name: &str,
        hash: &str,
        scopes: Vec<String>,
        expires_at: Option<UnixMs>,
    ) -> Result<ApiKey, SaveError> {
        let number = i64::from(organisation.number());
        let hash = hash.to_owned();
        let key = ApiKey {
            id: self.new_id().into(),
            name: name.to_owned(),
            scopes,
            created_at: self.now(),
            last_used_at: None,
            expires_at,
        };
        let change = move |db: &mut Db| {
            let sql = "SELECT name FROM api_keys WHERE organisation = $1 AND name = $2";
            if db.one(sql, values![number, &key.name], |_| Ok(()))?.is_some() {
                return Err(SaveError::NameTaken(key.name));
            }
            let sql = "INSERT INTO api_keys (organisation, id, name, hash, scopes, created_at, \
                       expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7)";
            let scopes = key.scopes.join(" ");
            let values = values![
                number,
                key.id.as_str(),
                &key.name,
                &hash,
                &scopes,
                key.created_at,
                key.expires_at
            ];
            db.execute(sql, values)?;
            Ok(key)
        };
        self.inner.writer.change(change).await
    }

    /// The key whose secret has this hash, and the organisation that it opens. Notes that it was
    /// used, at most once a minute and without waiting. Expired keys are not found.
    pub async fn api_key_by_hash(&self, hash: &str) -> Result<Option<(OrgId, ApiKey)>> {
        let now = self.now();
        let lives = |key: &ApiKey| key.expires_at.is_none_or(|it| now < it);
        if let Some(Proof::Key(organisation, key)) = self.inner.proofs.get(hash, now) {
            return Ok(lives(&key).then_some((organisation, key)));
        }
        let changes = self.inner.proofs.changes();
        let wanted = hash.to_owned();
        let read = move |db: &mut Db| {
            let sql = format!(
                "SELECT {COLUMNS}, o.number, o.id FROM api_keys AS k \
                 JOIN organisations AS o ON o.number = k.organisation WHERE k.hash = $1"
            );
            db.one(&sql, values![&wanted], |row| Ok((org_of(row, 6)?, read_key(row)?)))
        };
        let found = self.inner.readers.read(read).await?.filter(|(_, key)| lives(key));
        if let Some((organisation, key)) = &found {
            let proof = Proof::Key(organisation.clone(), key.clone());
            self.inner.proofs.put(hash.to_owned(), now, proof, changes);
            self.note_use(organisation, key, now);
        }
        Ok(found)
    }

    fn note_use(&self, organisation: &OrgId, key: &ApiKey, now: UnixMs) {
        if key.last_used_at.is_some_and(|it| now.0 - it.0 < LAST_USED_MS) {
            return;
        }
        let (number, id) = (i64::from(organisation.number()), key.id.clone());
        self.inner.writer.defer(move |db| {
            let sql = "UPDATE api_keys SET last_used_at = $3 WHERE organisation = $1 AND id = $2";
            db.execute(sql, values![number, id.as_str(), now]).map(|_| ())
        });
    }

    /// Deletes a key. Whether there was one.
    pub async fn delete_api_key(&self, organisation: &OrgId, id: &KeyId) -> Result<bool> {
        let (number, id) = (i64::from(organisation.number()), id.clone());
        let write = move |db: &mut Db| {
            let sql = "DELETE FROM api_keys WHERE organisation = $1 AND id = $2";
            db.execute(sql, values![number, id.as_str()])
        };
        let deleted = self.inner.writer.write(write).await;
        self.inner.proofs.forget();
        Ok(deleted? == 1)
    }
}

fn read_key(row: &Row<'_>) -> Result<ApiKey> {
    Ok(ApiKey {
        id: row.text(0)?.into(),
        name: row.text(1)?.to_owned(),
        scopes: row.text(2)?.split_whitespace().map(str::to_owned).collect(),
        created_at: UnixMs(row.int(3)?),
        last_used_at: row.opt_int(4)?.map(UnixMs),
        expires_at: row.opt_int(5)?.map(UnixMs),
    })
}
