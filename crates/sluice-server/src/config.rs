//! Configuration: a TOML file, `SLUICE_*` variables and flags to one [`Config`].
//!
//! In: these three layers over the defaults, each overriding the one before. Out: checked values, or a refusal that
//! names the file with line and key, the variable, or the flag. Unknown keys are refused everywhere. A variable is a
//! file of one key: `SLUICE_HTTP__WORKERS=4` is `http.workers = 4`. An empty text counts as an absent key.
//!
//! Layers are checked one by one, for the sake of their messages; then their tables are merged and read once. Nothing
//! is opened here but the configuration file itself; secrets are paths, never values.

mod settings;

use std::{
    ffi::OsString,
    fs, io,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use serde::Deserialize as _;
use toml::{Table, Value};

pub use self::settings::{
    Bounded, Config, HttpSettings, IngestSettings, LogFormat, LogSettings, TlsSettings,
};

#[cfg(test)]
mod tests;

/// The top layer: keys that the command line can set.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Flags {
    /// Address to listen on.
    #[arg(long, value_name = "ADDR:PORT", global = true)]
    pub listen: Option<SocketAddr>,
    /// Directory of everything that is kept.
    #[arg(long, value_name = "DIR", global = true)]
    pub data_dir: Option<PathBuf>,
    /// First start only: file with the password of the administrator `admin`.
    #[arg(long, value_name = "FILE", global = true)]
    pub admin_password_file: Option<PathBuf>,
    /// How log lines are written.
    #[arg(long, value_name = "FORMAT", value_enum, global = true)]
    pub log_format: Option<LogFormat>,
}

/// Why a configuration is refused.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read {}", path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// The file breaks a rule; the detail has line and key.
    #[error("{}: {detail}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// Line, key and rule.
        detail: String,
    },
    /// A variable breaks a rule.
    #[error("environment variable {name}: {detail}")]
    Variable {
        /// Which variable.
        name: String,
        /// The rule.
        detail: String,
    },
    /// A flag breaks a rule.
    #[error("{name}: {detail}")]
    Flag {
        /// Which flag.
        name: &'static str,
        /// The rule.
        detail: &'static str,
    },
    /// A default breaks a rule together with what was set.
    #[error("{key}: {detail}")]
    Default {
        /// The key at fault.
        key: &'static str,
        /// The rule.
        detail: &'static str,
    },
}

/// What the names of our variables begin with.
const VARIABLE_PREFIX: &str = "SLUICE_";

/// Picks our variables out of an environment. Other variables need not be UTF-8.
///
/// # Errors
///
/// [`ConfigError::Variable`] if one of ours is not UTF-8.
pub fn own_variables(
    environment: impl Iterator<Item = (OsString, OsString)>,
) -> Result<Vec<(String, String)>, ConfigError> {
    let mut ours = Vec::new();
    for (name, value) in environment {
        if !name.as_encoded_bytes().starts_with(VARIABLE_PREFIX.as_bytes()) {
            continue;
        }
        let (Some(text), Some(value)) = (name.to_str(), value.to_str()) else {
            let detail = "name or value is not UTF-8".to_owned();
            return Err(ConfigError::Variable { name: name.to_string_lossy().into_owned(), detail });
        };
        ours.push((text.to_owned(), value.to_owned()));
    }
    Ok(ours)
}

/// Puts the layers together: defaults, file, variables, flags.
///
/// # Errors
///
/// By variant of [`ConfigError`].
pub fn load(
    file: Option<&Path>,
    variables: impl Iterator<Item = (String, String)>,
    flags: Flags,
) -> Result<Config, ConfigError> {
    let path = file.unwrap_or(Path::new("")).to_owned();
    let text = match file.map(fs::read_to_string).transpose() {
        Ok(text) => text.unwrap_or_else(String::new),
        Err(source) => return Err(ConfigError::Unreadable { path, source }),
    };
    let mut merged = match read_file(&text) {
        Ok(table) => table,
        Err(error) => return Err(ConfigError::File { path, detail: with_line(&text, &error) }),
    };
    let mut variables: Vec<(String, String)> = variables.collect();
    variables.sort();
    let mut layers = Vec::new();
    for (name, value) in variables {
        if let Some(key) = name.strip_prefix(VARIABLE_PREFIX) {
            let layer = read_variable(&name, key, &value)?;
            merge(&mut merged, &layer);
            layers.push((name, layer));
        }
    }
    // Cannot fail: each layer has been checked.
    let mut config = Config::deserialize(merged)
        .map_err(|error| ConfigError::File { path: path.clone(), detail: error.to_string() })?;
    let is_flag = flags.listen.is_some();
    config.listen = flags.listen.unwrap_or(config.listen);
    config.data_dir = flags.data_dir.unwrap_or(config.data_dir);
    config.admin_password_file = flags.admin_password_file.or(config.admin_password_file);
    config.log.format = flags.log_format.unwrap_or(config.log.format);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    config.ingest.threads = config.ingest.threads.or(cores as u64);
    let Err((key, detail)) = check(&config) else { return Ok(config) };
    // The topmost layer that sets the key is the one in force.
    if is_flag && key == "listen" {
        return Err(ConfigError::Flag { name: "--listen", detail });
    }
    if let Some((name, _)) = layers.into_iter().rfind(|(_, layer)| is_set(layer, key)) {
        return Err(ConfigError::Variable { name, detail: detail.to_owned() });
    }
    match line_of(&text, key) {
        Some(line) => Err(ConfigError::File { path, detail: format!("line {line}: {key}: {detail}") }),
        None => Err(ConfigError::Default { key, detail }),
    }
}

/// Checks a file as a whole, while its errors still have a place in the text, and gives its keys.
fn read_file(text: &str) -> Result<Table, toml::de::Error> {
    let _checked: Config = toml::from_str(text)?;
    toml::from_str(text)
}

/// The library's message names the line and shows it; the key stands in that line.
fn with_line(text: &str, error: &toml::de::Error) -> String {
    let Some(span) = error.span() else { return error.to_string() };
    let before = text.get(..span.start).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let message = error.message();
    if let Some(shown) = text.lines().nth(line - 1)
        && let Some((key, _)) = shown.split_once('=')
        && !message.contains(key.trim())
    {
        return format!("line {line}: {}: {message}", key.trim());
    }
    format!("line {line}: {message}")
}

/// Checks a variable as a file of one key, and gives that key.
///
/// A number, list or truth value is what reads as one; all else is a text. A text may look like a number: a directory
/// `1234` is refused as a number and then taken as a text, whereas workers `99` are refused as both, and the message
/// is that of the number.
fn read_variable(name: &str, key: &str, text: &str) -> Result<Table, ConfigError> {
    let key = key.to_ascii_lowercase();
    let as_text = Value::String(text.to_owned());
    let as_typed = text.parse().unwrap_or_else(|_untyped| as_text.clone());
    match read_value(&key, as_typed) {
        Ok(layer) => Ok(layer),
        Err(error) => read_value(&key, as_text).map_err(|_as_text| ConfigError::Variable {
            name: name.to_owned(),
            detail: error.message().to_owned(),
        }),
    }
}

/// `http__workers` is `workers` in the table `http`.
fn read_value(key: &str, value: Value) -> Result<Table, toml::de::Error> {
    let layer = match key.split_once("__") {
        Some((table, key)) => Table::from_iter([(table.to_owned(), Value::Table(one_key(key, value)))]),
        None => one_key(key, value),
    };
    let _checked = Config::deserialize(layer.clone())?;
    Ok(layer)
}

fn one_key(key: &str, value: Value) -> Table {
    Table::from_iter([(key.to_owned(), value)])
}

/// Lays a table over another. An empty text leaves what is below in force.
fn merge(below: &mut Table, above: &Table) {
    for (key, value) in above {
        match (below.get_mut(key), value) {
            (Some(Value::Table(below)), Value::Table(above)) => merge(below, above),
            (_, Value::String(text)) if text.is_empty() => {}
            (_, value) => drop(below.insert(key.clone(), value.clone())),
        }
    }
}

/// Returns true if a layer sets a key such as `tls.key`.
fn is_set(layer: &Table, dotted: &str) -> bool {
    let value = match dotted.split_once('.') {
        Some((table, key)) => layer.get(table).and_then(|table| table.get(key)),
        None => layer.get(dotted),
    };
    value.is_some_and(|value| value.as_str() != Some(""))
}

/// The line on which a key such as `tls.key` stands in a file, counted from 1.
fn line_of(text: &str, dotted: &str) -> Option<usize> {
    let (table, key) = dotted.split_once('.').unwrap_or(("", dotted));
    let mut current = "";
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if let Some(header) = line.strip_prefix('[') {
            current = header.split_once(']').map_or(header, |(name, _)| name).trim();
        } else if let Some((left, _)) = line.split_once('=') {
            let left = left.trim();
            if current == table && left == key || current.is_empty() && left == dotted {
                return Some(index + 1);
            }
        }
    }
    None
}

/// Checks how values go together; gives the key at fault and the rule.
fn check(config: &Config) -> Result<(), (&'static str, &'static str)> {
    let tls = &config.tls;
    match (&tls.certificate, &tls.key, tls.self_signed) {
        (None, None, _) | (Some(_), Some(_), false) => {}
        (Some(_), None, _) => return Err(("tls.certificate", "needs tls.key beside it")),
        (None, Some(_), _) => return Err(("tls.key", "needs tls.certificate beside it")),
        (Some(_), Some(_), true) => return Err(("tls.self_signed", "excludes tls.certificate and tls.key")),
    }
    if tls.is_off() && !config.listen.ip().is_loopback() && !config.allow_plain_http {
        return Err(("listen", "anything but loopback needs TLS, or allow_plain_http = true"));
    }
    Ok(())
}
