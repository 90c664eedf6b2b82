//! The command line: what each command takes, and where it is carried out.
//!
//! Data goes to stdout, messages to stderr. Exit code 0 is success, 2 wrong usage or
//! configuration, 1 any other failure.

mod accounts;
mod configuration;
mod demo;
mod remote;
mod replay;
mod serve;
mod simulate;
mod target;
mod upkeep;

use std::{io::Write, net::SocketAddr, path::PathBuf, process::ExitCode};

use anyhow::Context;
use clap::{Args, Parser, Subcommand};

use crate::settings::SettingsError;

/// Joins phone systems to the software that a business works in.
#[derive(Debug, Parser)]
#[command(name = "hookswitch", version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the hub (the default).
    Serve(serve::Serve),
    /// Run the hub over data that goes away, with a simulated phone system and a business system.
    Demo(demo::Demo),
    /// Make the stored configuration equal to a declarative file.
    Apply(configuration::Apply),
    /// Print the stored configuration as a declarative file, secrets as references.
    Export(configuration::Export),
    /// Users.
    #[command(subcommand)]
    User(accounts::UserCommand),
    /// API keys.
    #[command(subcommand)]
    Key(accounts::KeyCommand),
    /// Check configuration, storage, links and integrations, and say what to do.
    Doctor(upkeep::Doctor),
    /// Put a consistent copy of the data into a file.
    Backup(upkeep::Backup),
    /// Put such a copy back; the hub must not run.
    Restore(upkeep::Restore),
    /// Run recorded wire bytes through the code that tracks live calls; print one call per line.
    Replay(replay::Arguments),
    /// Simulate a phone system with so many calls per second.
    Simulate(simulate::Simulate),
}

/// Where the configuration and the data of a hub are.
#[derive(Debug, Clone, Default, Args)]
pub struct Place {
    /// The configuration file, `hookswitch.toml`.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The directory with the database, the master key and recordings.
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
}

/// Overrides of single settings.
#[derive(Debug, Clone, Default, Args)]
pub struct Listen {
    /// Address and port to listen on, such as `127.0.0.1:8080`.
    #[arg(long, value_name = "ADDR")]
    pub listen: Option<SocketAddr>,
}

/// Why a command failed, by its exit code.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// Wrong usage or configuration: exit code 2.
    #[error("{0}")]
    Usage(String),
    /// Anything else: exit code 1.
    #[error("{0:#}")]
    Other(#[from] anyhow::Error),
}

impl From<SettingsError> for Failure {
    fn from(error: SettingsError) -> Failure {
        Failure::Usage(error.to_string())
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Failure {
        Failure::Other(error.into())
    }
}

/// Reads the arguments of this process and carries the command out.
#[must_use]
pub fn run() -> ExitCode {
    let cli = Cli::parse(); // Wrong usage ends here, with exit code 2.
    match carry_out(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            say(&format!("hookswitch: {failure}"));
            match failure {
                Failure::Usage(_) => ExitCode::from(2),
                Failure::Other(_) => ExitCode::FAILURE,
            }
        }
    }
}

fn carry_out(cli: Cli) -> Result<(), Failure> {
    let command = cli.command.unwrap_or_else(|| Command::Serve(serve::Serve::default()));
    if let Command::Replay(arguments) = &command {
        return replay::run(arguments);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("threads cannot be started")?;
    runtime.block_on(async {
        match command {
            Command::Serve(arguments) => serve::serve(arguments).await,
            Command::Demo(arguments) => demo::demo(arguments).await,
            Command::Apply(arguments) => configuration::apply(arguments).await,
            Command::Export(arguments) => configuration::export(arguments).await,
            Command::User(command) => accounts::user(command).await,
            Command::Key(command) => accounts::key(command).await,
            Command::Doctor(arguments) => upkeep::doctor(arguments).await,
            Command::Backup(arguments) => upkeep::backup(arguments).await,
            Command::Restore(arguments) => upkeep::restore(arguments).await,
            Command::Replay(arguments) => replay::run(&arguments),
            Command::Simulate(arguments) => simulate::simulate(arguments).await,
        }
    })
}

/// Writes one line of data.
fn print(line: &str) -> Result<(), Failure> {
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "{line}").context("cannot write to stdout")?;
    Ok(())
}

/// Writes a message for people.
#[expect(clippy::print_stderr, reason = "the command line prints")]
pub fn say(message: &str) {
    eprintln!("{message}");
}
