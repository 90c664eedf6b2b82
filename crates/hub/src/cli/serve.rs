//! `hookswitch serve`: runs the hub until it is asked to end.

use clap::Args;

use super::{Failure, Listen, Place, print, say};
use crate::{logging, serve};

#[derive(Debug, Default, Args)]
pub(super) struct Serve {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    listen: Listen,
}

/// Runs until SIGTERM or Ctrl-C; prints the set-up link if nobody can log in yet.
pub(super) async fn serve(arguments: Serve) -> Result<(), Failure> {
    let mut site = arguments.place.site()?;
    if let Some(listen) = arguments.listen.listen {
        site.settings.server.listen = listen;
    }
    logging::start(&site.settings.log)?;
    for key in site.settings.without_effect() {
        tracing::warn!(key, "this setting has no effect in this version");
    }
    let hub = serve::Hub::start(&site).await?;
    say(&format!("hookswitch {} serves {}", env!("CARGO_PKG_VERSION"), hub.url));
    if let Some(link) = app::setup::link(&hub.app).await? {
        say("nobody can log in yet; this link, good once, makes the first administrator:");
        print(&link)?;
    }
    serve::asked_to_end().await?;
    say("stopping");
    hub.stop().await;
    Ok(())
}
