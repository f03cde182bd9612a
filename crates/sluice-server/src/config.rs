//! Configuration: what is typed ([`RawConfig`]) to what is in force ([`Config`]).
//!
//! In: a TOML file, `SLUICE_*` variables and flags, each overriding the one before. Out: checked values with their
//! units in their names, or a refusal that names the file with line and key, the variable, or the flag. Unknown
//! keys are refused everywhere. A variable is a file of one key: `SLUICE_HTTP__WORKERS=4` is `http.workers = 4`.
//!
//! Nothing is opened here but the configuration file itself; secrets are paths, never values.

pub(crate) mod raw;

use std::{
    ffi::OsString,
    fs, io,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use serde::{Deserialize, Serialize};
use sluice_model::{TenantName, matching::MatchScope};

pub use self::raw::RawConfig;
use crate::http::body::Pace;

#[cfg(test)]
mod tests;

/// How log lines are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogFormat {
    /// For people.
    Text,
    /// One object a line.
    Json,
}

/// How the certificate comes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum TlsConfig {
    /// Plain HTTP.
    Off,
    /// PEM files.
    Files {
        /// Certificate chain.
        certificate: PathBuf,
        /// Private key.
        key: PathBuf,
    },
    /// Made once, kept in the data directory.
    SelfSigned,
}

/// What is in force.
#[derive(Clone, PartialEq, Debug)]
pub struct Config {
    /// Address to listen on.
    pub listen: SocketAddr,
    /// Directory of everything that is kept.
    pub data_dir: PathBuf,
    /// First start only: file with the password of the first administrator.
    pub admin_password_file: Option<PathBuf>,
    /// Tenants beside General.
    pub tenants: Vec<TenantName>,
    /// How far a looked-up value reaches.
    pub match_scope: MatchScope,
    /// Free bytes on the disk below which writes are refused.
    pub disk_reserve_bytes: u64,
    /// How the certificate comes.
    pub tls: TlsConfig,
    /// Threads that serve connections.
    pub http_workers: usize,
    /// Connections of one such thread.
    pub connections_per_worker_max: usize,
    /// Time for a request's head to arrive.
    pub head_timeout: Duration,
    /// Time between two requests of a connection.
    pub keep_alive: Duration,
    /// How slow a body may be.
    pub(crate) pace: Pace,
    /// Time for the client to take what was sent, at the level of TCP.
    pub write_timeout: Duration,
    /// Time for the TLS handshake.
    pub tls_handshake_timeout: Duration,
    /// Time for requests in flight when the daemon stops.
    pub stop_timeout: Duration,
    /// Threads that parse bodies.
    pub ingest_threads: usize,
    /// Bytes of bodies held at once.
    pub body_bytes_budget: usize,
    /// Least severe level that is logged.
    pub log_level: String,
    /// How log lines are written.
    pub log_format: LogFormat,
}

/// Why there is no configuration.
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
        name: String,
        /// The rule.
        detail: String,
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

/// What the variables that are ours begin with.
const VARIABLE_PREFIX: &str = "SLUICE_";

/// Picks the variables that are ours out of an environment; those of others need not be text.
///
/// # Errors
///
/// [`ConfigError::Variable`] when one of ours is not UTF-8.
pub fn own_variables(
    environment: impl Iterator<Item = (OsString, OsString)>,
) -> Result<Vec<(String, String)>, ConfigError> {
    let ours =
        environment.filter(|(name, _)| name.as_encoded_bytes().starts_with(VARIABLE_PREFIX.as_bytes()));
    ours.map(|(name, value)| match (name.to_str(), value.to_str()) {
        (Some(name), Some(value)) => Ok((name.to_owned(), value.to_owned())),
        _ => Err(ConfigError::Variable {
            name: name.to_string_lossy().into_owned(),
            detail: "name or value is not UTF-8".to_owned(),
        }),
    })
    .collect()
}

/// Puts the layers together: defaults, file, variables, flags.
///
/// # Errors
///
/// By variant of [`ConfigError`].
pub fn load(
    file: Option<&Path>,
    variables: impl Iterator<Item = (String, String)>,
    flags: RawConfig,
) -> Result<Config, ConfigError> {
    let text = match file {
        None => String::new(),
        Some(path) => fs::read_to_string(path)
            .map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })?,
    };
    let path = file.unwrap_or(Path::new(""));
    let from_file: RawConfig = toml::from_str(&text)
        .map_err(|error| ConfigError::File { path: path.to_owned(), detail: in_file(&text, &error) })?;
    let mut variables: Vec<(String, String)> = variables.collect();
    variables.sort();
    let mut layers = Vec::new();
    for (name, value) in variables {
        if let Some(key) = name.strip_prefix(VARIABLE_PREFIX) {
            let layer = from_variable(&name, key, &value)?;
            layers.push((Origin::Variable(name), layer));
        }
    }
    layers.push((Origin::Flags, flags));
    let raw = layers.iter().fold(from_file, |below, (_, layer)| layer.clone().over(below));
    check(raw).map_err(|(key, detail)| {
        // The last layer that sets the key is the one in force.
        match layers.into_iter().rfind(|(_, layer)| layer.has(key)) {
            Some((Origin::Flags, _)) => ConfigError::Flag { name: flag_of(key), detail: detail.to_owned() },
            Some((Origin::Variable(name), _)) => ConfigError::Variable { name, detail: detail.to_owned() },
            None => match raw::line_of(&text, key) {
                Some(line) => ConfigError::File {
                    path: path.to_owned(),
                    detail: format!("line {line}: {key}: {detail}"),
                },
                None => ConfigError::Default { key, detail },
            },
        }
    })
}

/// Where a layer over the file comes from.
enum Origin {
    Variable(String),
    Flags,
}

/// The flag of a key, by the rule that all flags follow.
fn flag_of(key: &str) -> String {
    format!("--{}", key.replace('_', "-"))
}

/// The library's message names the line and shows it; the key stands in that line.
fn in_file(text: &str, error: &toml::de::Error) -> String {
    let Some(span) = error.span() else { return error.to_string() };
    let before = text.get(..span.start).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let key = text.lines().nth(line - 1).and_then(|shown| shown.split_once('=')).map(|(key, _)| key.trim());
    let message = error.message();
    match key {
        Some(key) if !message.contains(key) => format!("line {line}: {key}: {message}"),
        _ => format!("line {line}: {message}"),
    }
}

fn from_variable(name: &str, key: &str, value: &str) -> Result<RawConfig, ConfigError> {
    let key = key.to_ascii_lowercase();
    let quoted = toml::Value::String(value.to_owned());
    // A number, list or truth value is what reads as one; all else is a text. A text may look like a number.
    let as_typed = value.parse::<toml::Value>().map(|typed| from_value(&key, typed));
    let read = match as_typed {
        Err(_untyped) => from_value(&key, quoted),
        Ok(Err(error)) => from_value(&key, quoted).map_err(|_as_text| error),
        Ok(read) => read,
    };
    read.map_err(|error| ConfigError::Variable { name: name.to_owned(), detail: error.message().to_owned() })
}

/// A file of one key: `http__workers` is `workers` in the table `http`.
fn from_value(key: &str, value: toml::Value) -> Result<RawConfig, toml::de::Error> {
    let one = |key: &str, value| toml::Value::Table(toml::Table::from_iter([(key.to_owned(), value)]));
    let file = match key.split_once("__") {
        Some((table, key)) => one(table, one(key, value)),
        None => one(key, value),
    };
    RawConfig::deserialize(file)
}

fn check(raw: RawConfig) -> Result<Config, (&'static str, &'static str)> {
    let raw = raw.with_defaults();
    let tls = match (raw.tls.certificate, raw.tls.key, raw.tls.self_signed) {
        (None, None, false) => TlsConfig::Off,
        (None, None, true) => TlsConfig::SelfSigned,
        (Some(certificate), Some(key), false) => TlsConfig::Files { certificate, key },
        (Some(_), None, _) => return Err(("tls.certificate", "needs tls.key beside it")),
        (None, Some(_), _) => return Err(("tls.key", "needs tls.certificate beside it")),
        (Some(_), Some(_), true) => return Err(("tls.self_signed", "excludes tls.certificate and tls.key")),
    };
    if tls == TlsConfig::Off && !raw.listen.ip().is_loopback() && !raw.allow_plain_http {
        return Err(("listen", "anything but loopback needs TLS, or allow_plain_http = true"));
    }
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    Ok(Config {
        listen: raw.listen,
        data_dir: raw.data_dir,
        admin_password_file: raw.admin_password_file,
        tenants: raw.tenants,
        match_scope: raw.match_scope,
        disk_reserve_bytes: raw.disk_reserve_bytes,
        tls,
        http_workers: raw.http.workers,
        connections_per_worker_max: raw.http.connections_per_worker_max,
        head_timeout: raw.http.head_timeout,
        keep_alive: raw.http.keep_alive,
        pace: Pace {
            stall: raw.http.body_stall,
            bytes_per_second_min: raw.http.body_bytes_per_second_min,
            deadline: raw.http.body_deadline,
        },
        write_timeout: raw.http.write_timeout,
        tls_handshake_timeout: raw.http.tls_handshake_timeout,
        stop_timeout: raw.http.stop_timeout,
        ingest_threads: if raw.ingest.threads == 0 { cores } else { raw.ingest.threads },
        body_bytes_budget: raw.ingest.body_bytes_budget,
        log_level: raw.log.level.to_string(),
        log_format: raw.log.format,
    })
}
