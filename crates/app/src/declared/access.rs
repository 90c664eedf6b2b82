//! The users and API keys of a declarative file.

use std::collections::BTreeMap;

use api::{
    ApiKeyInput, Change, ChangeAction, FieldProblem, Scope, UserChange, UserInput, UserRole,
};
use schemars::JsonSchema;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;

use super::read::{Entry, File};
use crate::{
    Actor, ActorKind, App, AppError, Result, Rights,
    error::problem,
    fields::Reference,
    keys::{self, hash_text},
    password, schema, users,
};

/// An entry of the table `user`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct UserEntry {
    #[serde(default)]
    full_name: Option<String>,
    #[serde(default)]
    role: Option<UserRole>,
    #[serde(default)]
    enabled: Option<bool>,
    /// Left as it is when it is not given.
    #[serde(default)]
    password: Option<String>,
}

/// An entry of the table `api_key`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct KeyEntry {
    #[schemars(length(min = 1, max = 20))]
    scopes: Vec<Scope>,
    /// A new key is made, and told once, when it is not given.
    #[serde(default)]
    key: Option<String>,
}

/// One thing to be done.
enum Step {
    CreateUser(UserInput),
    ChangeUser { id: String, name: String, fields: Vec<String>, change: UserChange },
    RemoveUser { id: String, name: String },
    CreateKey { input: ApiKeyInput, key: Option<String>, replaces: Option<(String, &'static str)> },
    RemoveKey { id: String, name: String },
}

/// What is to be done.
#[derive(Default)]
pub(super) struct Plan {
    steps: Vec<Step>,
}

type Planned = Result<Plan, Vec<FieldProblem>>;

/// Compares the tables that the file has with what is stored.
pub(super) async fn plan(
    app: &App,
    actor: &Actor,
    file: &File,
    secrets: &BTreeMap<String, String>,
) -> Result<Planned> {
    let (mut plan, mut problems) = (Plan::default(), Vec::new());
    if file.tables.contains(&"user") {
        plan_users(app, actor, file, secrets, &mut plan, &mut problems).await?;
    }
    if file.tables.contains(&"api_key") {
        plan_keys(app, actor, file, secrets, &mut plan, &mut problems).await?;
    }
    Ok(if problems.is_empty() { Ok(plan) } else { Err(problems) })
}

async fn plan_users(
    app: &App,
    actor: &Actor,
    file: &File,
    secrets: &BTreeMap<String, String>,
    plan: &mut Plan,
    problems: &mut Vec<FieldProblem>,
) -> Result<()> {
    let stored = app.store.users(actor.organisation()).await?;
    let mut administrators = 0;
    for entry in file.of("user") {
        let declared = match read_user(entry, secrets) {
            Ok(declared) => declared,
            Err(wrong) => {
                problems.extend(entry.located_all(wrong));
                continue;
            }
        };
        let administrates = declared.role == Some(UserRole::Administrator);
        administrators += u32::from(administrates && declared.enabled != Some(false));
        let old = stored.iter().find(|it| it.email.eq_ignore_ascii_case(&entry.name));
        plan.steps.extend(compare_user(app, entry, declared, old).await?);
    }
    for old in &stored {
        if file.of("user").all(|it| !it.name.eq_ignore_ascii_case(&old.email)) {
            let (id, name) = (old.id.to_string(), old.email.clone());
            plan.steps.push(Step::RemoveUser { id, name });
        }
    }
    let had = stored.iter().any(|it| it.enabled && users::rights(it) == Rights::ADMIN);
    if administrators == 0 && had {
        let message = "the file would leave no administrator: give one user `role = \
                       \"administrator\"`";
        problems.push(problem("user", message));
    }
    Ok(())
}

fn read_user(
    entry: &Entry,
    secrets: &BTreeMap<String, String>,
) -> Result<UserEntry, Vec<FieldProblem>> {
    let declared: UserEntry = read(entry, "password", secrets)?;
    match declared.password.as_deref().map(|it| password::check(it, &entry.name)) {
        Some(Err(AppError::Invalid(wrong))) => Err(wrong),
        _ => Ok(declared),
    }
}

/// What makes a stored user the declared one, if anything has to.
async fn compare_user(
    app: &App,
    entry: &Entry,
    declared: UserEntry,
    old: Option<&store::User>,
) -> Result<Option<Step>> {
    let role = declared.role.unwrap_or(UserRole::Agent);
    let enabled = declared.enabled.unwrap_or(true);
    let Some(old) = old else {
        return Ok(Some(Step::CreateUser(UserInput {
            name: entry.name.clone(),
            full_name: declared.full_name,
            role: Some(role),
            enabled: Some(enabled),
            password: declared.password,
        })));
    };
    let password = match declared.password {
        Some(new) if app.passwords.verify(&new, old.password_hash.as_deref()).await? => None,
        other => other,
    };
    let shown = users::shape(old);
    let full_name = declared.full_name.unwrap_or_default();
    let change = UserChange {
        full_name: Some(full_name).filter(|it| *it != shown.full_name.unwrap_or_default()),
        role: Some(role).filter(|it| *it != shown.role),
        enabled: Some(enabled).filter(|it| *it != shown.enabled),
        password,
    };
    let (id, name, fields) = (shown.id, shown.name, user_fields(&change));
    Ok((!fields.is_empty()).then_some(Step::ChangeUser { id, name, fields, change }))
}

fn user_fields(change: &UserChange) -> Vec<String> {
    let fields = [
        ("full_name", change.full_name.is_some()),
        ("role", change.role.is_some()),
        ("enabled", change.enabled.is_some()),
        ("password", change.password.is_some()),
    ];
    fields.iter().filter(|it| it.1).map(|it| it.0.to_owned()).collect()
}

async fn plan_keys(
    app: &App,
    actor: &Actor,
    file: &File,
    secrets: &BTreeMap<String, String>,
    plan: &mut Plan,
    problems: &mut Vec<FieldProblem>,
) -> Result<()> {
    let stored = app.store.api_keys(actor.organisation()).await?;
    for entry in file.of("api_key") {
        let declared = match read_key(entry, secrets) {
            Ok(declared) => declared,
            Err(wrong) => {
                problems.extend(entry.located_all(wrong));
                continue;
            }
        };
        let old = stored.iter().find(|it| it.name == entry.name);
        match compare_key(app, entry, declared, old).await? {
            Ok(step) => plan.steps.extend(step),
            Err(wrong) => problems.push(entry.located(wrong)),
        }
    }
    for old in stored.iter().filter(|it| file.of("api_key").all(|new| new.name != it.name)) {
        let (id, name) = (old.id.to_string(), old.name.clone());
        if *actor.kind() == ActorKind::Key(id.clone()) {
            let message = format!("`{name}` is the key in use: the file must have it");
            problems.push(problem("api_key", message));
            continue;
        }
        plan.steps.push(Step::RemoveKey { id, name });
    }
    Ok(())
}

fn read_key(
    entry: &Entry,
    secrets: &BTreeMap<String, String>,
) -> Result<KeyEntry, Vec<FieldProblem>> {
    let declared: KeyEntry = read(entry, "key", secrets)?;
    match declared.key.as_deref().map(keys::check_chosen) {
        Some(Err(message)) => Err(vec![problem("key", message)]),
        _ => Ok(declared),
    }
}

/// What makes a stored key the declared one, if anything has to; or why that cannot be.
async fn compare_key(
    app: &App,
    entry: &Entry,
    declared: KeyEntry,
    old: Option<&store::ApiKey>,
) -> Result<Result<Option<Step>, FieldProblem>> {
    let KeyEntry { scopes, key } = declared;
    let input = ApiKeyInput { name: entry.name.clone(), scopes };
    let Some(old) = old else {
        return Ok(Ok(Some(Step::CreateKey { input, key, replaces: None })));
    };
    let same_scopes = Rights::of(keys::shape(old).scopes) == Rights::of(input.scopes.clone());
    let same_key = match &key {
        Some(key) => {
            let found = app.store.api_key_by_hash(&hash_text(key)).await?;
            found.is_some_and(|(_, it)| it.id == old.id)
        }
        None => true,
    };
    Ok(match (same_scopes && same_key, &key) {
        (true, _) => Ok(None),
        (false, None) => {
            let message = "cannot be changed while the key itself is not known: give it as `key`, \
                           or make another key and remove this one";
            Err(problem("scopes", message))
        }
        (false, Some(_)) => {
            let field = if same_key { "scopes" } else { "key" };
            let replaces = Some((old.id.to_string(), field));
            Ok(Some(Step::CreateKey { input, key, replaces }))
        }
    })
}

/// Reads an entry into its struct, with its one secret looked up.
fn read<T: JsonSchema + DeserializeOwned + 'static>(
    entry: &Entry,
    secret: &str,
    secrets: &BTreeMap<String, String>,
) -> Result<T, Vec<FieldProblem>> {
    let mut map = entry.map.clone();
    if let Some(reference) = map.get(secret).and_then(Reference::of) {
        let Some(value) = secrets.get(&reference.key()) else {
            let message = match reference {
                Reference::Env(name) => format!("the environment variable {name} is not set"),
                Reference::File(path) => format!("the file {path} could not be read"),
            };
            return Err(vec![problem(secret, message)]);
        };
        map.insert(secret.to_owned(), Value::from(value.clone()));
    }
    match schema::read(Value::Object(map)) {
        Ok(read) => Ok(read),
        Err(AppError::Invalid(wrong)) => Err(wrong),
        Err(other) => Err(vec![problem("", other.to_string())]),
    }
}

impl Plan {
    /// The steps, for people.
    pub(super) fn told(&self) -> Vec<Change> {
        use ChangeAction::{Change as Differs, Create, Remove};
        let told = self.steps.iter().map(|step| match step {
            Step::CreateUser(input) => (Create, "user", &input.name, Vec::new()),
            Step::ChangeUser { name, fields, .. } => (Differs, "user", name, fields.clone()),
            Step::RemoveUser { name, .. } => (Remove, "user", name, Vec::new()),
            Step::CreateKey { input, replaces: None, .. } => {
                (Create, "api_key", &input.name, Vec::new())
            }
            Step::CreateKey { input, replaces: Some((_, field)), .. } => {
                (Differs, "api_key", &input.name, vec![(*field).to_owned()])
            }
            Step::RemoveKey { name, .. } => (Remove, "api_key", name, Vec::new()),
        });
        told.map(|(action, table, name, fields)| Change {
            action,
            table: table.to_owned(),
            name: name.clone(),
            fields,
        })
        .collect()
    }

    /// Does them. Gives the keys that were made up, by name.
    pub(super) async fn carry_out(
        self,
        app: &App,
        actor: &Actor,
    ) -> Result<BTreeMap<String, String>> {
        let mut new_keys = BTreeMap::new();
        for step in self.steps {
            match step {
                Step::CreateUser(input) => {
                    users::create(app, actor, input).await?;
                }
                Step::ChangeUser { id, change, .. } => {
                    users::change(app, actor, &id, change).await?;
                }
                Step::RemoveUser { id, .. } => users::remove(app, actor, &id).await?,
                Step::CreateKey { input, key, replaces } => {
                    if let Some((id, _)) = replaces {
                        keys::remove(app, actor, &id).await?;
                    }
                    let made_up = key.is_none();
                    let key = key.unwrap_or_else(keys::new_key);
                    let made = keys::create_as(app, actor, input, &key).await?;
                    if made_up {
                        new_keys.insert(made.name, key);
                    }
                }
                Step::RemoveKey { id, .. } => keys::remove(app, actor, &id).await?,
            }
        }
        Ok(new_keys)
    }
}
