//! `hookswitch demo`: a hub over data that goes away, a simulated phone system that speaks AMI to
//! it over TCP, and a business system that receives what it delivers.

use std::net::{SocketAddr, TcpListener};

use anyhow::{Context, anyhow};
use api::ApplyInput;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use clap::Args;
use serde_json::json;
use simulator::{
    Clock, Simulator,
    business::{self, Business},
    company::Company,
    profile::Demo as Rhythm,
};

use super::{Failure, Listen, print, say};
use crate::{
    clock, logging,
    serve::{self, Hub, Site},
    settings::Settings,
};

/// Run the hub over data that goes away, with a simulated phone system and a business system.
#[derive(Debug, Default, Args)]
pub(super) struct Demo {
    #[command(flatten)]
    listen: Listen,
}

/// Where the business system listens, if nobody else does.
const BUSINESS: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 9000);
/// How many deliveries the business system shows.
const DELIVERIES_SHOWN: usize = 200;
/// Who is on the page for people: the administrator of the demonstration.
const ADMINISTRATOR: &str = "anna.conti@example.com";

/// Runs until it is asked to end; nothing is left behind then.
pub(super) async fn demo(arguments: Demo) -> Result<(), Failure> {
    let scratch = tempfile::Builder::new()
        .prefix("hookswitch-demo-")
        .tempdir()
        .context("cannot make a directory for the data of the demonstration")?;
    let mut settings = Settings::default();
    settings.server.listen =
        arguments.listen.listen.unwrap_or_else(|| free(settings.server.listen));
    settings.delivery.allow_networks = vec!["127.0.0.0/8".to_owned()];
    settings.log.level = Some("warn".to_owned());
    logging::start(&settings.log)?;

    let clock = Clock::starting_at(clock::now_us());
    let signing = signing_secret();
    let business = Business::start(business::Settings {
        listen: free(BUSINESS),
        secret: Some(signing.clone()),
        keep: DELIVERIES_SHOWN,
        clock,
    })
    .await
    .context("the business system cannot be started")?;
    let simulator = phone_system(clock).await?;
    let hub = Hub::start(&Site { settings, data_dir: scratch.path().to_owned() }).await?;

    let password = format!("{:08x}-{:08x}", half(), half());
    let toml = declared(&simulator, &business, &signing, &password);
    let input = ApplyInput { toml, secrets: [].into(), dry_run: false };
    let actor = hub.app.command_line();
    let applied = app::declared::apply(&hub.app, &actor, input).await;
    let applied = applied.map_err(|it| anyhow!("the sample configuration: {it:?}"))?;
    let key = applied.new_keys.get("demo").map(String::as_str).unwrap_or_default();
    introduce(&hub, &business, &password, key)?;

    let run = async {
        simulator.listened().await;
        simulator.resume();
        simulator.finished().await;
    };
    tokio::select! {
        () = run => {}
        asked = serve::asked_to_end() => asked?,
    }
    say("stopping; nothing is left behind");
    // The phone system last: otherwise the hub would complain of a broken link.
    hub.stop().await;
    drop(simulator);
    Ok(())
}

/// The address itself, or the same with any port that is free when somebody has this one.
fn free(address: SocketAddr) -> SocketAddr {
    match TcpListener::bind(address) {
        Ok(_) => address,
        Err(_) => SocketAddr::new(address.ip(), 0),
    }
}

fn half() -> u64 {
    clock::random_u64() >> 32
}

/// A secret as Standard Webhooks writes it.
fn signing_secret() -> String {
    let bits = [clock::random_u64(), clock::random_u64(), clock::random_u64()];
    let bytes: Vec<u8> = bits.iter().flat_map(|it| it.to_be_bytes()).collect();
    format!("whsec_{}", STANDARD.encode(bytes))
}

async fn phone_system(clock: Clock) -> Result<Simulator, Failure> {
    let company = Company::small();
    let seed = clock::random_u64();
    let rhythm = Rhythm::new(company.clone(), seed, clock.started_us());
    let secret = format!("{:016x}", clock::random_u64());
    let settings = simulator::Settings {
        company,
        profile: Box::new(rhythm),
        seed,
        paused: true,
        ..simulator::Settings::quiet(clock, &secret)
    };
    let started = Simulator::start(settings).await;
    Ok(started.context("the simulated phone system cannot be started")?)
}

/// The configuration of the demonstration, in the form that `apply` reads.
fn declared(simulator: &Simulator, business: &Business, signing: &str, password: &str) -> String {
    let mut toml = simulator.declared("head-office");
    let mut members = Vec::new();
    for person in Company::small().people {
        let user = format!("{}@example.com", person.name.to_lowercase().replace(' ', "."));
        let role = if user == ADMINISTRATOR {
            format!("role = \"administrator\"\npassword = \"{password}\"\n")
        } else {
            String::new()
        };
        toml.push_str(&format!(
            "[[user]]\nname = \"{user}\"\nfull_name = \"{}\"\n{role}",
            person.name
        ));
        members.push(format!(
            "{{ user = \"{user}\", extension = \"{}\", default = true }}",
            person.extension
        ));
    }
    let events =
        ["call.started", "call.ringing", "call.answered", "call.transferred", "call.ended"];
    toml.push_str(&format!(
        "[[group]]\nname = \"Everybody\"\npbx = \"head-office\"\nmembers = [{}]\n\
         [[integration]]\nname = \"business-system\"\nkind = \"http\"\nevents = {}\n\
         url = \"http://{}/calls\"\nsecret = \"{signing}\"\n\
         [[api_key]]\nname = \"demo\"\nscopes = [\"admin\"]\n",
        members.join(", "),
        json!(events),
        business.address()
    ));
    toml
}

/// Tells a newcomer where to look.
fn introduce(hub: &Hub, business: &Business, password: &str, key: &str) -> Result<(), Failure> {
    let url = &hub.url;
    print(&format!(
        "\n  Open       {url}\n  Log in     {ADMINISTRATOR}   {password}\n  \
         Delivered  http://{}   (a sample business system)\n  \
         API        curl -H 'Authorization: Bearer {key}' {url}/api/v1/calls\n",
        business.address()
    ))?;
    say("A small simulated company is on the phone. Ctrl-C ends it.");
    Ok(())
}
