//! Who asks. An actor is made only by authentication (or by the command line, which works on the
//! data directory itself), and every service takes one: that is how no organisation ever sees
//! another's things.

use std::sync::Arc;

use api::{Me, Scope};
use store::OrgId;

use crate::error::{AppError, Result};

/// What an actor may do: a set of scopes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rights(u32);

impl Rights {
    /// Everything in the organisation.
    pub const ADMIN: Rights = Rights(1 << Scope::Admin as u32);

    /// The rights of a user who is no administrator: what the pages for agents need.
    pub const AGENT: Rights = Rights(
        1 << Scope::CallsRead as u32
            | 1 << Scope::EventsRead as u32
            | 1 << Scope::Dial as u32
            | 1 << Scope::ContactsRead as u32,
    );

    /// Exactly these.
    pub fn of(scopes: impl IntoIterator<Item = Scope>) -> Rights {
        Rights(scopes.into_iter().fold(0, |all, it| all | 1 << it as u32))
    }

    /// Whether they hold this scope; `admin` holds all.
    #[must_use]
    pub fn allow(self, scope: Scope) -> bool {
        self.0 & (1 << scope as u32 | Rights::ADMIN.0) != 0
    }

    /// The scopes, in the order of the contract.
    pub fn scopes(self) -> impl Iterator<Item = Scope> {
        Scope::ALL.iter().copied().filter(move |&it| self.0 & (1 << it as u32) != 0)
    }
}

/// Who asks, in which organisation, with which rights.
#[derive(Debug, Clone)]
pub struct Actor(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    organisation: OrgId,
    rights: Rights,
    kind: ActorKind,
    name: String,
}

/// What stands behind an actor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ActorKind {
    /// An API key, by its id.
    Key(String),
    /// A user in a web session, by the user's id.
    User(String),
    /// Somebody at the shell of the hub's machine.
    CommandLine,
}

impl Actor {
    pub(crate) fn new(
        organisation: OrgId,
        rights: Rights,
        kind: ActorKind,
        name: impl Into<String>,
    ) -> Actor {
        Actor(Arc::new(Inner { organisation, rights, kind, name: name.into() }))
    }

    /// The organisation whose things the actor may see.
    #[must_use]
    pub fn organisation(&self) -> &OrgId {
        &self.0.organisation
    }

    /// What the actor may do.
    #[must_use]
    pub fn rights(&self) -> Rights {
        self.0.rights
    }

    /// What stands behind the actor.
    #[must_use]
    pub fn kind(&self) -> &ActorKind {
        &self.0.kind
    }

    /// Name of the key or the user.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Checks one right.
    ///
    /// # Errors
    ///
    /// [`AppError::Forbidden`], naming the scope that is missing.
    pub fn need(&self, scope: Scope) -> Result<()> {
        if self.0.rights.allow(scope) {
            return Ok(());
        }
        let who = match self.0.kind {
            ActorKind::Key(_) => "this key has not",
            ActorKind::User(_) | ActorKind::CommandLine => "this account has not",
        };
        Err(AppError::Forbidden(format!("{who} the scope `{scope}`, which this needs")))
    }

    /// The user whose calls alone the actor may see and make: agents see nobody else's.
    #[must_use]
    pub fn only_own(&self) -> Option<&str> {
        let agent = matches!(self.0.kind, ActorKind::User(_)) && !self.0.rights.allow(Scope::Admin);
        agent.then_some(self.0.name.as_str())
    }

    /// As the audit log names the actor.
    #[must_use]
    pub fn label(&self) -> String {
        match self.0.kind {
            ActorKind::Key(_) => format!("key {}", self.0.name),
            ActorKind::User(_) => format!("user {}", self.0.name),
            ActorKind::CommandLine => "command line".to_owned(),
        }
    }

    /// As the API shows the actor.
    #[must_use]
    pub fn me(&self) -> Me {
        let kind = match self.0.kind {
            ActorKind::Key(_) => "key",
            ActorKind::User(_) => "user",
            ActorKind::CommandLine => "command_line",
        };
        Me {
            kind: kind.to_owned(),
            name: self.0.name.clone(),
            organisation: self.0.organisation.to_string(),
            scopes: self.0.rights.scopes().collect(),
        }
    }
}
