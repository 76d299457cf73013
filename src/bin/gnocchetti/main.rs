//! The command `gnocchetti`: reads its arguments, opens a database, and serves it; or looks for damage, and repairs it.

mod damage;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};
use gnocchetti::rest::{Server, ServerOptions};
use gnocchetti::{Database, Durability, Options};

/// Gnocchi's model of time series in one directory.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve Gnocchi's HTTP API over a database, until SIGTERM or SIGINT.
    Serve(Serve),
    /// Read everything in a database's directory, and say what is damaged.
    Check(damage::Damage),
    /// Make a damaged directory a sound one, and say what is gone. Keep a copy of it first.
    Repair(damage::Damage),
}

#[derive(Debug, clap::Args)]
struct Serve {
    /// Where to listen; users need no password, so this must be an address of this machine's own.
    #[arg(long, default_value = "127.0.0.1:8041")]
    listen: SocketAddr,
    /// The database's directory; it is created when it is not there.
    #[arg(long)]
    data: PathBuf,
    /// Create no archive policies in a new database.
    #[arg(long)]
    no_default_policies: bool,
    /// The greatest body of a request, in MiB, after decompression.
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..))]
    max_body_mib: u16,
    /// How many seconds a request may take.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u16).range(1..))]
    operation_timeout: u16,
    /// How many items a list has at most.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..))]
    max_limit: u32,
    /// A page that browsers let read our answers, such as `https://grafana.example`; may be given several times.
    #[arg(long = "cors-origin", value_name = "ORIGIN")]
    cors_origins: Vec<String>,
    /// Believe `Forwarded` and `X-Forwarded-…` about where clients see this server.
    #[arg(long)]
    proxy_headers: bool,
}

fn main() -> ExitCode {
    let Arguments { command } = Arguments::parse();
    tracing_subscriber::fmt().with_writer(std::io::stderr).with_ansi(false).init();
    match command {
        Command::Serve(arguments) => serve_or_say(&arguments),
        Command::Check(arguments) => damage::check(&arguments),
        Command::Repair(arguments) => damage::repair(&arguments),
    }
}

fn serve_or_say(arguments: &Serve) -> ExitCode {
    match serve(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn serve(arguments: &Serve) -> Result<(), Box<dyn std::error::Error>> {
    let limits = ServerOptions::new()
        .max_body(usize::from(arguments.max_body_mib) << 20)
        .timeout(Duration::from_secs(arguments.operation_timeout.into()))
        .max_limit(arguments.max_limit as usize)
        .origins(arguments.cors_origins.iter().cloned())
        .behind_proxy(arguments.proxy_headers);
    let server = Server::bind(arguments.listen, limits)?;
    // What is acknowledged is on the medium, and as in Gnocchi no measure is too far in the future.
    let options =
        Options::new().default_policies(!arguments.no_default_policies).durability(Durability::Sync).max_future(None);
    let database = Database::open(&arguments.data, options)?;
    tracing::info!(address = %server.address()?, data = %arguments.data.display(), "serving");
    let database = server.run(database)?;
    database.close()?;
    tracing::info!("closed");
    Ok(())
}
