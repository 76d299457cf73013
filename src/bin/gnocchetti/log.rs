//! The log of a run: how much, where, and in which form.

use std::fs::OpenOptions;
use std::sync::Mutex;

use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::writer::BoxMakeWriter;

use super::settings::Settings;

/// Begins to log as the options say.
pub fn start(settings: &Settings) -> Result<(), String> {
    let level: LevelFilter = settings.parsed("log-level").unwrap_or(LevelFilter::INFO);
    let writer = match settings.text("log-file") {
        "" => BoxMakeWriter::new(std::io::stderr),
        path => {
            let file = OpenOptions::new().create(true).append(true).open(path);
            BoxMakeWriter::new(Mutex::new(file.map_err(|error| format!("cannot open log file {path}: {error}"))?))
        }
    };
    let log = tracing_subscriber::fmt().with_writer(writer).with_ansi(false).with_max_level(level);
    if settings.text("log-format") == "json" {
        log.json().flatten_event(true).init();
    } else {
        log.init();
    }
    Ok(())
}
