//! The command `gnocchetti`: finds out what its options are, opens a database, and serves it; or looks for damage in one, and
//! repairs it.

mod damage;
mod files;
mod gnocchi;
mod log;
mod options;
mod secrets;
mod settings;

#[cfg(test)]
mod tests;

use std::process::ExitCode;
use std::time::Duration;

use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches};
use gnocchetti::rest::{Auth, Collectd, Server, ServerOptions, Statsd};
use gnocchetti::{ArchivePolicy, ArchivePolicyRule, Database, Durability, Error, Options, Timespan};

use options::{Kind, SETTINGS, Setting};
use settings::{FILE, Settings};

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

fn main() -> ExitCode {
    let matches = command().get_matches();
    let Some((name, flags)) = matches.subcommand() else { return ExitCode::FAILURE };
    match run(name, flags) {
        Ok(status) => status,
        Err(error) => {
            // The log may not be there yet, or be a file that nobody looks at.
            eprintln!("gnocchetti: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The commands and their flags: every option is a flag of each that opens a database.
fn command() -> Command {
    let with_options = |command: Command| {
        let file = Arg::new(FILE).long(FILE).value_name("FILE");
        let file = file.help("A gnocchetti.toml, or a gnocchi.conf, that says what flags and environment do not");
        SETTINGS.iter().fold(command.arg(file), |command, setting| command.args(flags(setting)))
    };
    let serve = Command::new("serve").about("Serve Gnocchi's HTTP API over a database, until SIGTERM or SIGINT");
    let config = Command::new("config").about("Print every option with what it is and means, as a gnocchetti.toml");
    let upgrade =
        Command::new("upgrade").about("Bring a database to this version's form, and create the default policies");
    let damage =
        |name: &'static str, about: &'static str| damage::Damage::augment_args(Command::new(name)).about(about);
    let check = damage("check", "Read everything in a database's directory, and say what is damaged");
    let repair =
        damage("repair", "Make a damaged directory a sound one, and say what is gone. Keep a copy of it first");
    Command::new("gnocchetti")
        .about("Gnocchi's model of time series in one directory")
        .version(env!("CARGO_PKG_VERSION"))
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommands([serve, config, upgrade].map(with_options))
        .subcommands([check, repair])
}

/// The flags of an option: a switch has one to turn it off, too.
fn flags(setting: &'static Setting) -> Vec<Arg> {
    let flag = Arg::new(setting.name).long(setting.name).help(setting.meaning).action(ArgAction::Append);
    if setting.kind != Kind::Switch {
        return vec![flag.value_name("VALUE")];
    }
    let off = format!("no-{}", setting.name);
    let flag = flag.num_args(0..=1).require_equals(true).default_missing_value("true").value_name("YES");
    vec![flag, Arg::new(off.clone()).long(off).action(ArgAction::SetTrue).overrides_with(setting.name).hide(true)]
}

fn run(name: &str, flags: &ArgMatches) -> Outcome<ExitCode> {
    match name {
        "check" => return Ok(damage::check(&damage::Damage::from_arg_matches(flags)?)),
        "repair" => return Ok(damage::repair(&damage::Damage::from_arg_matches(flags)?)),
        _ => {}
    }
    let settings = Settings::of(flags, |variable| std::env::var(variable).ok())?;
    if name == "config" {
        print!("{}", settings.shown());
        settings.warnings.iter().for_each(|warning| eprintln!("gnocchetti: {warning}"));
        return Ok(ExitCode::SUCCESS);
    }
    log::start(&settings)?;
    settings.warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
    if name == "upgrade" { upgrade(&settings) } else { serve(&settings) }?;
    Ok(ExitCode::SUCCESS)
}

fn serve(settings: &Settings) -> Outcome<()> {
    let number = |name: &str| settings.parsed::<usize>(name).unwrap_or_default();
    let list = |name: &str| settings.list(name).map(str::to_owned).collect::<Vec<_>>();
    let limits = ServerOptions::new()
        .max_body(number("max-body-mib") << 20)
        .timeout(Duration::from_secs(number("operation-timeout") as u64))
        .max_limit(number("max-limit"))
        .origins(list("cors-origin"))
        .behind_proxy(settings.on("proxy-headers"))
        .auth(match settings.text("auth") {
            "remoteuser" => Auth::RemoteUser,
            "noauth" => Auth::NoAuth,
            _ => Auth::Basic,
        })
        .open_to_everybody(settings.on("open-to-everybody"))
        .plain_http(settings.on("plain-http"))
        .connections(files::connections(settings)?)
        .client_timeout(Duration::from_secs(number("client-timeout") as u64))
        .default_aggregation_methods(list("default-aggregation-methods"));
    let limits = match settings.text("policy") {
        "" => limits,
        file => limits.policy(&std::fs::read_to_string(file).map_err(|error| format!("{file}: {error}"))?)?,
    };
    let limits = secrets::with(settings, limits)?;
    let limits = match statsd(settings) {
        None => limits,
        Some(statsd) => limits.statsd(statsd),
    };
    let limits = match collectd(settings)? {
        None => limits,
        Some(collectd) => limits.collectd(collectd),
    };
    let address = settings.parsed("listen").ok_or("nobody says where to listen: --listen")?;
    let server = Server::bind(address, limits)?;
    let database = open(settings, settings.on("default-policies"))?;
    check_statsd(settings, &database)?;
    for (protocol, place) in server.datagrams()? {
        tracing::info!(protocol, %place, "listening for datagrams");
    }
    tracing::info!(address = %server.address()?, data = settings.text("data"), "serving");
    server.run(database)?.close()?;
    tracing::info!("closed");
    Ok(())
}

/// Where to listen for statsd, if anywhere, and what becomes of what is heard.
fn statsd(settings: &Settings) -> Option<Statsd> {
    let statsd = Statsd::at(settings.parsed("statsd")?)
        .resource(settings.text("statsd-resource"))
        .creator(settings.text("statsd-creator"))
        .every(span(settings, "statsd-flush"));
    Some(match settings.text("statsd-archive-policy") {
        "" => statsd,
        name => statsd.archive_policy(name),
    })
}

/// Where to listen for collectd's network protocol, if anywhere, and what becomes of what is heard.
fn collectd(settings: &Settings) -> Outcome<Option<Collectd>> {
    let Some(address) = settings.parsed("collectd") else { return Ok(None) };
    let mut collectd =
        Collectd::at(address).creator(settings.text("collectd-creator")).every(span(settings, "collectd-flush"));
    for file in settings.list("collectd-types") {
        let named = |error: std::io::Error| format!("{file}: {error}");
        collectd = collectd.types(&std::fs::read_to_string(file).map_err(named)?).map_err(named)?;
    }
    Ok(Some(collectd))
}

/// Warns when all that statsd's senders say would be lost: its archive policy may still be created.
fn check_statsd(settings: &Settings, database: &Database) -> Outcome<()> {
    let name = settings.text("statsd-archive-policy");
    if settings.text("statsd").is_empty() || name.is_empty() {
        return Ok(());
    }
    match database.archive_policy(name) {
        Err(error @ Error::UnknownArchivePolicy { .. }) => {
            tracing::warn!(%error, "until it is created, measures of statsd are lost");
            Ok(())
        }
        other => Ok(other.map(drop)?),
    }
}

/// A length of time that an option says.
fn span(settings: &Settings, name: &str) -> Duration {
    let span = settings.parsed(name).unwrap_or(Timespan::SECOND);
    Duration::from_nanos(span.nanos().unsigned_abs())
}

/// Opening brings the files to this version's form; a database without policies gets the default ones.
fn upgrade(settings: &Settings) -> Outcome<()> {
    let database = open(settings, false)?;
    let bare = database.archive_policies()?.is_empty() && database.archive_policy_rules()?.is_empty();
    if bare && settings.on("default-policies") {
        for policy in ArchivePolicy::defaults() {
            database.create_archive_policy(&policy)?;
        }
        database.create_archive_policy_rule(&ArchivePolicyRule::new("default", "*", "low")?)?;
    }
    let policies = database.archive_policies()?.len();
    database.close()?;
    tracing::info!(data = settings.text("data"), policies, "the database is of this version");
    Ok(())
}

/// Opens the database, and creates it when it is not there: with the default policies, or without.
fn open(settings: &Settings, default_policies: bool) -> Outcome<Database> {
    let data = settings.text("data");
    if data.is_empty() {
        return Err("nobody says where the database is: --data, GNOCCHETTI_DATA, or `data` in a file".into());
    }
    let interval = span(settings, "durability-interval");
    let durability = match settings.text("durability") {
        "kernel" => Durability::Kernel(interval),
        "buffered" => Durability::Buffered(interval),
        _ => Durability::Sync,
    };
    let options = Options::new()
        .default_policies(default_policies)
        .durability(durability)
        .max_future(settings.parsed("max-future"))
        .resource_inactive_after(settings.parsed("resource-inactive-after"))
        .resource_cleanup_after(settings.parsed("resource-cleanup-after"));
    Ok(Database::open(data, options)?)
}
