//! `hookswitch simulate`: a simulated phone system that makes load.

use std::{
    fs::File, io::BufWriter, io::ErrorKind, io::Write as _, net::SocketAddr, path::Path,
    path::PathBuf,
};

use anyhow::Context;
use clap::{Args, ValueEnum};
use serde_json::json;
use simulator::{
    Clock, End, Pace, Settings, Simulator,
    company::Company,
    profile::{Demo, Load, LoadSettings, Mix, Profile, Stamp},
};

use super::{Failure, print, say};
use crate::{clock, serve};

/// Simulate a phone system with so many calls per second.
///
/// It speaks AMI like an Asterisk 22, on a loopback address. The clock of the calls starts when
/// somebody has logged in and asked for the channels. The first line on stdout says where it
/// listens, the last one what has happened, both as JSON.
#[derive(Debug, Args)]
pub(super) struct Simulate {
    /// Loopback address and port to listen on; port 0 takes any that is free.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:5038")]
    listen: SocketAddr,
    /// Name of the manager account.
    #[arg(long, value_name = "NAME", default_value = "hookswitch")]
    username: String,
    /// Its secret; made up unless given.
    #[arg(long, value_name = "TEXT")]
    secret: Option<String>,
    /// New calls per second.
    #[arg(long, value_name = "N", default_value_t = 10.0, value_parser = rate)]
    rate: f64,
    /// How many calls to place; without an end unless given.
    #[arg(long, value_name = "N")]
    calls: Option<u64>,
    /// For how many seconds to place calls.
    #[arg(long, value_name = "SECONDS", conflicts_with = "calls")]
    duration: Option<u32>,
    /// How many calls may be in progress at once.
    #[arg(long, value_name = "N", default_value_t = 20_000)]
    concurrent: usize,
    /// Kinds of calls with their weights, such as `answered=3,missed`; all kinds unless given.
    #[arg(long, value_name = "KINDS", value_parser = Mix::parse)]
    mix: Option<Mix>,
    /// How long phones ring, in milliseconds: `500-2000`.
    #[arg(long, value_name = "SPAN", default_value = "500-2000", value_parser = span)]
    ring_ms: (u32, u32),
    /// How long people talk, in milliseconds.
    #[arg(long, value_name = "SPAN", default_value = "1000-5000", value_parser = span)]
    talk_ms: (u32, u32),
    /// How many of the first calls are for warming up; their callers are named `warm-up-…`.
    #[arg(long, value_name = "N", default_value_t = 0)]
    warm_up: u64,
    /// What callers are named: a serial number, or when a byte of theirs is due.
    #[arg(long, value_enum, default_value = "serial")]
    stamp: StampName,
    /// Everything that looks random follows from it.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Send as fast as the other side reads, whatever the times.
    #[arg(long)]
    full_pace: bool,
    /// The rhythm of `hookswitch demo` instead of a rate.
    #[arg(long, conflicts_with_all = ["rate", "calls", "duration", "mix", "full_pace"])]
    demo: bool,
    /// Do not wait until somebody listens.
    #[arg(long)]
    at_once: bool,
    /// Write what must be known of each call that ended to this file, a JSON object per line.
    #[arg(long, value_name = "FILE")]
    ends: Option<PathBuf>,
}

/// What callers are named.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum StampName {
    /// `load-000042`.
    Serial,
    /// `t0-` and the microsecond when the first byte of the call is due.
    Start,
    /// `t0-` and the microsecond when the last hangup of the call is due.
    End,
}

/// More phones than this do not fit into extensions of five digits.
const PEOPLE_MAX: usize = 70_000;

fn rate(text: &str) -> Result<f64, String> {
    let rate: f64 = text.parse().map_err(|_| "give a number, such as 50".to_owned())?;
    let sensible = (0.001..=100_000.0).contains(&rate);
    if sensible { Ok(rate) } else { Err("give a number from 0.001 to 100000".to_owned()) }
}

fn span(text: &str) -> Result<(u32, u32), String> {
    let (low, high) = text.split_once('-').unwrap_or((text, text));
    match (low.trim().parse(), high.trim().parse()) {
        (Ok(low), Ok(high)) if low <= high => Ok((low, high)),
        _ => Err("give one number or two, the smaller one first, such as 500-2000".to_owned()),
    }
}

impl Simulate {
    fn load(&self) -> LoadSettings {
        // A rate times a duration: fractions of a call are not placed.
        let calls = self.duration.map(|seconds| (self.rate * f64::from(seconds)) as u64);
        LoadSettings {
            calls_per_second: self.rate,
            calls: self.calls.or(calls),
            warm_up: self.warm_up,
            concurrent_max: self.concurrent,
            mix: self.mix.clone().unwrap_or_default(),
            ring_ms: self.ring_ms,
            talk_ms: self.talk_ms,
            stamp: match self.stamp {
                StampName::Serial => Stamp::Serial,
                StampName::Start => Stamp::Start,
                StampName::End => Stamp::End,
            },
            seed: self.seed,
        }
    }

    /// As many phones as keep people from being in several calls at once.
    fn people(&self) -> usize {
        let seconds = f64::from(self.ring_ms.1.saturating_add(self.talk_ms.1)) / 1000.0;
        let in_progress = (self.rate * 2.0 * seconds) as usize;
        in_progress.min(self.concurrent).saturating_mul(3).clamp(8, PEOPLE_MAX)
    }

    fn settings(&self) -> Settings {
        let clock = Clock::starting_at(clock::now_us());
        let made_up = || format!("{:016x}", clock::random_u64());
        let secret = self.secret.clone().unwrap_or_else(made_up);
        let company = if self.demo { Company::small() } else { Company::of_size(self.people()) };
        let profile: Box<dyn Profile> = if self.demo {
            Box::new(Demo::new(company.clone(), self.seed, clock.started_us()))
        } else {
            Box::new(Load::new(self.load(), company.clone(), clock.started_us()))
        };
        Settings {
            listen: self.listen,
            username: self.username.clone(),
            company,
            profile,
            pace: if self.full_pace { Pace::Full } else { Pace::Real },
            seed: self.seed,
            paused: !self.at_once,
            keep_ends: self.ends.is_some(),
            ..Settings::quiet(clock, &secret)
        }
    }
}

/// Runs until all calls have been placed and have ended, or until it is asked to end.
pub(super) async fn simulate(arguments: Simulate) -> Result<(), Failure> {
    let settings = arguments.settings();
    let secret = settings.secret.clone();
    let listen = arguments.listen;
    let started = Simulator::start(settings).await;
    let simulator = match started {
        Err(error) if error.kind() == ErrorKind::InvalidInput => {
            return Err(Failure::Usage(format!("--listen: {error}")));
        }
        started => started.with_context(|| format!("cannot listen on {listen}"))?,
    };
    let (address, username) = (simulator.address(), &arguments.username);
    say(&format!("a simulated phone system listens on {address}; in a declarative file:\n"));
    say(&simulator.declared("simulated"));
    print(&json!({ "listening": address, "username": username, "secret": secret }).to_string())?;
    let run = async {
        if !arguments.at_once {
            say("calls begin when somebody listens");
            simulator.listened().await;
            simulator.resume();
        }
        simulator.finished().await;
    };
    tokio::select! {
        () = run => {}
        asked = serve::asked_to_end() => asked?,
    }
    let ends = simulator.ends();
    if let Some(file) = &arguments.ends {
        write_ends(file, &ends)?;
    }
    let counts = serde_json::to_string(&simulator.counts()).context("cannot be written as JSON")?;
    print(&counts)
}

fn write_ends(path: &Path, ends: &[End]) -> Result<(), Failure> {
    let write = || -> anyhow::Result<()> {
        let mut file = BufWriter::new(File::create(path)?);
        for end in ends {
            serde_json::to_writer(&mut file, end)?;
            file.write_all(b"\n")?;
        }
        Ok(file.flush()?)
    };
    write().with_context(|| format!("cannot write {}", path.display()))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_one_number_or_two() {
        assert_eq!(span("500-2000"), Ok((500, 2000)));
        assert_eq!(span("7"), Ok((7, 7)));
        assert!(span("9-3").is_err() && span("x").is_err());
    }

    #[test]
    fn rates_are_sensible() {
        assert_eq!(rate("50"), Ok(50.0));
        for text in ["0", "-1", "nan", "inf", "x"] {
            assert!(rate(text).is_err(), "{text}");
        }
    }
}
