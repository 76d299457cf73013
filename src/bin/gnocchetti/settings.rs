//! The options of one run: what flags, environment and file say, in this order, and the defaults for the rest.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use clap::ArgMatches;

use super::gnocchi;
use super::options::{Kind, SETTINGS, Setting, switch};

/// The name of the option that names a file of options.
pub const FILE: &str = "config";

/// Who says what an option is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A flag.
    Flag,
    /// An environment variable.
    Environment,
    /// A file.
    File(PathBuf),
    /// Nobody.
    Default,
}

/// The options of a run.
#[derive(Debug, Default)]
pub struct Settings {
    values: BTreeMap<&'static str, (String, Source)>,
    /// What of a file has no meaning here.
    pub warnings: Vec<String>,
}

impl Settings {
    /// What all sources say together; `environment` is asked for variables.
    pub fn of(flags: &ArgMatches, environment: impl Fn(&str) -> Option<String>) -> Result<Self, String> {
        let mut settings = Settings::default();
        let flag = |name: &str| {
            let values = flags.try_get_many::<String>(name).ok().flatten()?;
            Some(values.cloned().collect::<Vec<_>>().join(","))
        };
        if let Some(file) = flag(FILE).or_else(|| environment("GNOCCHETTI_CONFIG")).filter(|file| !file.is_empty()) {
            settings.read(Path::new(&file))?;
        }
        for setting in SETTINGS {
            if let Some(value) = environment(&setting.variable()) {
                let named = |error| format!("environment variable {}: {error}", setting.variable());
                settings.set(setting, &value, Source::Environment).map_err(named)?;
            }
            let denied = flags.try_get_one::<bool>(&format!("no-{}", setting.name)).ok().flatten() == Some(&true);
            let value = if denied { Some("false".to_owned()) } else { flag(setting.name) };
            if let Some(value) = value {
                settings.set(setting, &value, Source::Flag).map_err(|error| format!("--{}: {error}", setting.name))?;
            }
        }
        Ok(settings)
    }

    /// Takes what a file says: one of Gnocchi's when its name ends in `.conf` or `.ini`, TOML otherwise.
    fn read(&mut self, path: &Path) -> Result<(), String> {
        let text = std::fs::read_to_string(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
        let is_gnocchi = path.extension().is_some_and(|extension| extension == "conf" || extension == "ini");
        let read = if is_gnocchi { gnocchi::read(&text) } else { of_toml(&text) };
        let (values, warnings) = read.map_err(|error| format!("{}: {error}", path.display()))?;
        for (setting, value) in values {
            let source = Source::File(path.to_owned());
            self.set(setting, &value, source).map_err(|error| format!("{}: {error}", path.display()))?;
        }
        self.warnings.extend(warnings.into_iter().map(|warning| format!("{}: {warning}", path.display())));
        Ok(())
    }

    fn set(&mut self, setting: &'static Setting, value: &str, source: Source) -> Result<(), String> {
        let value = value.trim();
        setting.check(value)?;
        self.values.insert(setting.name, (value.to_owned(), source));
        Ok(())
    }

    /// What an option is, and who says so.
    pub fn value(&self, name: &str) -> (&str, &Source) {
        let default = Setting::named(name).map_or("", |setting| setting.default);
        self.values.get(name).map_or((default, &Source::Default), |(value, source)| (value, source))
    }

    /// What an option is.
    pub fn text(&self, name: &str) -> &str {
        self.value(name).0
    }

    /// What an option is, as what it is to be read as; nothing when nobody says anything.
    pub fn parsed<T: std::str::FromStr>(&self, name: &str) -> Option<T> {
        self.text(name).parse().ok()
    }

    /// The items of an option that is a list.
    pub fn list(&self, name: &str) -> impl Iterator<Item = &str> {
        self.text(name).split(',').map(str::trim).filter(|item| !item.is_empty())
    }

    /// Whether an option is on.
    pub fn on(&self, name: &str) -> bool {
        switch(self.text(name)) == Some(true)
    }

    /// All options as a `gnocchetti.toml`, with what they mean; those that nobody says are comments.
    pub fn shown(&self) -> String {
        let mut shown =
            String::from("# Every option of gnocchetti. A flag wins over the environment, and that over a file.\n");
        for setting in SETTINGS {
            let (value, source) = self.value(setting.name);
            let gnocchi: Vec<String> =
                setting.gnocchi.iter().map(|(section, key)| format!("{section}.{key}")).collect();
            let gnocchi =
                if gnocchi.is_empty() { String::new() } else { format!(", in gnocchi.conf {}", gnocchi.join(", ")) };
            let default = if setting.default.is_empty() { "none" } else { setting.default };
            let hidden = setting.kind == Kind::Secret && !value.is_empty();
            let line = if hidden {
                format!("{} is said, and not shown", setting.name)
            } else if value.is_empty() {
                format!("{} = \"\"", setting.name)
            } else {
                written(setting, value)
            };
            let comment = if hidden || *source == Source::Default { "# " } else { "" };
            let said = match source {
                Source::Flag => ", given as a flag".to_owned(),
                Source::Environment => ", given in the environment".to_owned(),
                Source::File(path) => format!(", given in {}", path.display()),
                Source::Default => String::new(),
            };
            // Writing to a text does not fail.
            let _ = write!(
                shown,
                "\n# {}\n# It takes {}; default {default}. --{}, {}{gnocchi}{said}\n{comment}{line}\n",
                setting.meaning,
                setting.kind.expected(),
                setting.name,
                setting.variable(),
            );
        }
        shown
    }
}

/// An option and its value as they stand in a file.
fn written(setting: &Setting, value: &str) -> String {
    match setting.kind {
        Kind::Switch => format!("{} = {}", setting.name, switch(value) == Some(true)),
        Kind::Number(..) => format!("{} = {value}", setting.name),
        _ => format!("{} = {}", setting.name, toml::Value::from(value)),
    }
}

/// Options of a file, and what of it has no meaning.
pub type Read = (Vec<(&'static Setting, String)>, Vec<String>);

/// What is wrong with a file, and on which line, which is not shown: it may have a password.
fn wrong_toml(text: &str, error: &toml::de::Error) -> String {
    let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
    format!("no TOML on line {}: {}", before.matches('\n').count() + 1, error.message())
}

/// The options in a `gnocchetti.toml`.
fn of_toml(text: &str) -> Result<Read, String> {
    let table: toml::Table = text.parse().map_err(|error| wrong_toml(text, &error))?;
    let mut values = Vec::new();
    for (name, value) in table {
        let setting =
            Setting::named(&name).ok_or_else(|| format!("there is no option `{name}`; see `gnocchetti config`"))?;
        let value = match value {
            toml::Value::String(text) => text,
            toml::Value::Integer(_) | toml::Value::Float(_) | toml::Value::Boolean(_) => value.to_string(),
            toml::Value::Array(items) => {
                let texts = items.iter().map(|item| item.as_str().map(str::to_owned)).collect::<Option<Vec<_>>>();
                texts.ok_or_else(|| format!("`{name}` is a list of something else than texts"))?.join(",")
            }
            _ => return Err(format!("`{name}` is neither a text, a number, a switch nor a list of texts")),
        };
        values.push((setting, value));
    }
    Ok((values, Vec::new()))
}
