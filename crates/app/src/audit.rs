//! Who changed what.

use api::{AuditEntry, Page, PageQuery, Scope};
use serde_json::Value;

use crate::{Actor, App, Result, pages};

/// The audit log, newest first.
///
/// # Errors
///
/// Without `audit:read`; for a cursor of another list.
pub async fn list(app: &App, actor: &Actor, query: PageQuery) -> Result<Page<AuditEntry>> {
    actor.need(Scope::AuditRead)?;
    let paging = pages::paging(query.limit, query.after)?;
    let found = app.store.audit_entries(actor.organisation(), paging).await?;
    Ok(pages::page(found, |it| AuditEntry {
        id: it.id,
        at: it.at,
        actor: it.actor,
        action: it.action,
        target: it.subject,
        detail: it.detail.as_str().map(str::to_owned),
    }))
}

/// Notes a change that was made. One that cannot be noted was made all the same: it is logged.
pub(crate) async fn note(app: &App, actor: &Actor, action: &str, target: &str, fields: &[String]) {
    let detail = if fields.is_empty() { Value::Null } else { Value::from(fields.join(", ")) };
    let label = actor.label();
    let noted = app.store.audit(actor.organisation(), &label, action, target, detail).await;
    if let Err(error) = noted {
        tracing::error!(%error, action, target, "a change is missing from the audit log");
    }
}
