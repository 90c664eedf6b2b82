//! Log-ins.

use call::UnixMs;

use super::{OrgId, Session, org_of, proofs::Proof, users};
use crate::{
    Result, Store, UserId,
    db::{Db, values},
};

impl Store {
    /// Begins a log-in. `hash` is of the token in the cookie.
    pub async fn create_session(
        &self,
        organisation: &OrgId,
        user: &UserId,
        hash: &str,
        csrf: &str,
        expires_at: UnixMs,
    ) -> Result<()> {
        let (number, user, now) = (i64::from(organisation.number()), user.clone(), self.now());
        let (hash, csrf) = (hash.to_owned(), csrf.to_owned());
        let write = move |db: &mut Db| {
            db.execute("DELETE FROM sessions WHERE expires_at <= $1", values![now])?;
            let sql = "INSERT INTO sessions (hash, organisation, user_id, csrf, created_at, \
                       expires_at) VALUES ($1, $2, $3, $4, $5, $6)";
            db.execute(sql, values![&hash, number, user.as_str(), &csrf, now, expires_at])
        };
        self.inner.writer.write(write).await.map(|_| ())
    }

    /// The log-in whose token has this hash, and the organisation that it opens. Expired ones and
    /// those of disabled users are not found.
    pub async fn session_by_hash(&self, hash: &str) -> Result<Option<(OrgId, Session)>> {
        let now = self.now();
        if let Some(Proof::Session(organisation, session)) = self.inner.proofs.get(hash, now) {
            return Ok((now < session.expires_at).then_some((organisation, *session)));
        }
        let changes = self.inner.proofs.changes();
        let wanted = hash.to_owned();
        let read = move |db: &mut Db| {
            let sql = format!(
                "SELECT {}, o.number, o.id, s.csrf, s.created_at, s.expires_at \
                 FROM sessions AS s JOIN organisations AS o ON o.number = s.organisation \
                 JOIN users AS u ON u.organisation = s.organisation AND u.id = s.user_id \
                 WHERE s.hash = $1 AND s.expires_at > $2 AND u.enabled = 1",
                users::COLUMNS
            );
            db.one(&sql, values![&wanted, now], |row| {
                let session = Session {
                    user: users::read_user(row, 0)?,
                    csrf: row.text(9)?.to_owned(),
                    created_at: UnixMs(row.int(10)?),
                    expires_at: UnixMs(row.int(11)?),
                };
                Ok((org_of(row, 7)?, session))
            })
        };
        let found = self.inner.readers.read(read).await?;
        if let Some((organisation, session)) = &found {
            let proof = Proof::Session(organisation.clone(), Box::new(session.clone()));
            self.inner.proofs.put(hash.to_owned(), now, proof, changes);
        }
        Ok(found)
    }

    /// Ends a log-in.
    pub async fn delete_session(&self, hash: &str) -> Result<()> {
        let hash = hash.to_owned();
        let write =
            move |db: &mut Db| db.execute("DELETE FROM sessions WHERE hash = $1", values![&hash]);
        let deleted = self.inner.writer.write(write).await;
        self.inner.proofs.forget();
        deleted.map(|_| ())
    }
}
