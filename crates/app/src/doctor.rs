//! The doctor: looks at storage, every link and every integration, and says in plain words what
//! is wrong and what to do.

use api::{Examination, Finding, HealthStatus, LinkStatus, Scope, Severity};
use call::EventKind;
use connectors::Delivery;
use store::{Entry, Shelf, WriterState};

use crate::{Actor, App, Result, integrations, pbxes, sample};

/// How the links are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Links {
    /// The hub runs: what its links know.
    AsTheyAre,
    /// The hub does not run: each phone system is called up once.
    TryOnce,
}

/// Looks at everything.
///
/// # Errors
///
/// Without `admin`. What is wrong is a finding and no error.
pub async fn examine(app: &App, actor: &Actor, links: Links) -> Result<Examination> {
    actor.need(Scope::Admin)?;
    let mut findings = vec![storage(app).await];
    if findings.iter().all(|it| it.severity == Severity::Error) {
        return Ok(Examination { findings });
    }
    findings.extend(access(app, actor).await?);
    let organisation = actor.organisation();
    let pbxes = app.store.entries(organisation, Shelf::Pbx).await?;
    if pbxes.is_empty() {
        let advice = "add one on the page PBXes, or with `hookswitch apply`";
        findings.push(warning("pbx", "no phone system is configured", advice));
    }
    for entry in pbxes {
        findings.push(pbx(app, actor, entry, links).await);
    }
    for entry in app.store.entries(organisation, Shelf::Integration).await? {
        findings.push(integration(app, actor, &entry));
    }
    Ok(Examination { findings })
}

async fn storage(app: &App) -> Finding {
    let advice = "check that the disk has room and the database server answers, and look into the \
                  log";
    if let Err(error) = app.store.ping().await {
        return failure("storage", error.to_string(), advice);
    }
    match &*app.store.writer().state().borrow() {
        WriterState::Working => fine("storage", "the database answers and takes what is written"),
        WriterState::Failing { since, reason } => {
            let message = format!("nothing can be written since {since}: {reason}");
            failure("storage", message, advice)
        }
    }
}

async fn access(app: &App, actor: &Actor) -> Result<Vec<Finding>> {
    let users = app.store.users(actor.organisation()).await?;
    let administrators =
        users.iter().filter(|it| it.enabled && crate::users::rights(it) == crate::Rights::ADMIN);
    Ok(match administrators.count() {
        0 => vec![warning(
            "users",
            "nobody can administrate on the pages",
            "open the set-up link that `hookswitch serve` prints, or run `hookswitch user add`",
        )],
        _ => Vec::new(),
    })
}

async fn pbx(app: &App, actor: &Actor, entry: Entry, links: Links) -> Finding {
    let subject = format!("pbx {}", entry.name);
    let (id, enabled) = (entry.id.clone(), entry.enabled);
    let opened = match pbxes::open(app, actor.organisation(), entry) {
        Ok(opened) => opened,
        Err(error) => {
            return failure(
                &subject,
                error.to_string(),
                "save its settings again, secrets included",
            );
        }
    };
    if !enabled {
        return warning(&subject, "is switched off", "switch it on when it is to be used");
    }
    let link = match opened.link() {
        Ok(link) => link,
        Err(error) => return failure(&subject, error.to_string(), "correct its settings"),
    };
    if links == Links::TryOnce {
        return match app.links.probe(link).await {
            Ok(version) => fine(&subject, format!("{version} answers and lets us in")),
            Err(reason) => failure(&subject, reason, LOOK_AT_THE_PBX),
        };
    }
    let view = app.live.links.view(&id, true);
    let reason = view.last_error.map(|it| it.reason).unwrap_or_default();
    match view.status {
        LinkStatus::Up if view.counters.suspicious > 0 => warning(
            &subject,
            format!("works, but {} events look forged", view.counters.suspicious),
            "somebody may send commands in a caller's name: see the log, and update the phone \
             system",
        ),
        LinkStatus::Up => fine(&subject, format!("{} is linked", view.version.unwrap_or_default())),
        LinkStatus::Connecting | LinkStatus::Disabled => {
            warning(&subject, "is being connected", "look again in some seconds")
        }
        LinkStatus::Down | LinkStatus::Stopped => failure(&subject, reason, LOOK_AT_THE_PBX),
    }
}

const LOOK_AT_THE_PBX: &str =
    "compare host, port, user and secret with the phone system's own configuration";

fn integration(app: &App, actor: &Actor, entry: &Entry) -> Finding {
    let subject = format!("integration {}", entry.name);
    let opened = match integrations::open(app, actor.organisation(), entry) {
        Ok(opened) => opened,
        Err(error) => return failure(&subject, error.to_string(), "correct its settings"),
    };
    if !entry.enabled {
        return warning(&subject, "is switched off", "switch it on when it is to be used");
    }
    let kind = opened.events.first().copied().unwrap_or(EventKind::CallEnded);
    let event = sample::event(kind, actor.organisation().shared(), app.now());
    let delivery = Delivery {
        id: event.id.clone(),
        event: event.into(),
        integration: opened.name.as_str().into(),
        attempt: 1,
        now: app.now(),
    };
    if let Err(error) = opened.connector.preview(&delivery) {
        let message = format!("does not render for a sample call: {error}");
        return failure(&subject, message, "correct its templates");
    }
    let health = app.live.health.view(&entry.id, true);
    let waiting = match health.backlog {
        0 => String::new(),
        backlog => format!("; {backlog} deliveries wait"),
    };
    match health.status {
        HealthStatus::Failing => {
            let reason = health.last_error.unwrap_or_default();
            let advice = "see its deliveries for the exact answer; they are tried again by \
                          themselves until they are given up";
            failure(&subject, format!("{reason}{waiting}"), advice)
        }
        HealthStatus::Working => fine(&subject, format!("deliveries go through{waiting}")),
        HealthStatus::Idle | HealthStatus::Disabled => {
            fine(&subject, format!("is ready; nothing was sent since the start{waiting}"))
        }
    }
}

fn fine(subject: &str, message: impl Into<String>) -> Finding {
    finding(Severity::Ok, subject, message.into(), None)
}

fn warning(subject: &str, message: impl Into<String>, advice: &str) -> Finding {
    finding(Severity::Warning, subject, message.into(), Some(advice))
}

fn failure(subject: &str, message: impl Into<String>, advice: &str) -> Finding {
    finding(Severity::Error, subject, message.into(), Some(advice))
}

fn finding(severity: Severity, subject: &str, message: String, advice: Option<&str>) -> Finding {
    let (subject, advice) = (subject.to_owned(), advice.map(str::to_owned));
    Finding { severity, subject, message, advice }
}

#[cfg(test)]
mod tests;
