//! What several of these tests need: a hub that is linked and pushes, and words for waiting.

use std::{path::PathBuf, time::Duration};

use anyhow::Result;
use serde_json::Value;
use testkit::{Api, HubSetup, until};

/// How long a link may take to be up once the PBX is there.
pub(crate) const LINK_LIMIT: Duration = Duration::from_secs(20);

/// How long the hub may take to know what has happened at the PBX.
pub(crate) const KNOWN_LIMIT: Duration = Duration::from_secs(10);

/// The program under test.
pub(crate) fn hookswitch() -> HubSetup {
    HubSetup::new(env!("CARGO_BIN_EXE_hookswitch"))
}

/// Where pictures of pages are kept for people to look at.
pub(crate) fn screenshots() -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("../screenshots")
}

/// The declarative entry of an integration that pushes every event of calls to `url`, in the
/// form of the public contract.
pub(crate) fn pushes_to(name: &str, url: &str) -> String {
    format!(
        "[[integration]]\nname = \"{name}\"\nkind = \"http\"\nmethod = \"POST\"\nurl = \"{url}\"\n\
         events = [\"call.started\", \"call.queued\", \"call.ringing\", \"call.answered\", \"call.held\", \
         \"call.resumed\", \"call.transferred\", \"call.ended\"]\n"
    )
}

/// Waits until the link to `pbx` is up.
pub(crate) async fn link_is_up(api: &Api, pbx: &str) -> Result<()> {
    until(&format!("the link to {pbx} is up"), LINK_LIMIT, async || {
        let links = api.list("/api/v1/pbxes").await.ok()?;
        links.iter().any(|it| it["name"] == pbx && it["link"]["status"] == "up").then_some(())
    })
    .await
}

/// The calls of one PBX, oldest first.
pub(crate) async fn calls_of(api: &Api, pbx: &str) -> Result<Vec<Value>> {
    let mut calls = api.list(&format!("/api/v1/calls?pbx={pbx}")).await?;
    calls.sort_by_key(|it| it["id"].as_str().unwrap_or_default().to_owned());
    Ok(calls)
}
